//! Which server, which database, as whom: of a URL, with libpq's variables for what it does not say.

use std::fmt;

use crate::error::RecordError;

/// Where a database is. The password is not shown, not even for debugging.
#[derive(Clone, PartialEq, Eq)]
pub struct Target {
    /// A host, or the directory of a socket.
    pub(super) host: String,
    pub(super) port: u16,
    pub(super) user: String,
    pub(super) database: String,
    pub(super) password: Option<String>,
    pub(super) is_encrypted: bool,
    /// A file with the certificates of authorities, in place of the system's.
    pub(super) roots: Option<String>,
}

impl Target {
    /// Of `postgres://USER@HOST:PORT/DATABASE?sslmode=disable&sslrootcert=FILE&host=DIRECTORY`.
    ///
    /// Connections are encrypted, and the server's certificate is checked, unless it is on this machine or `sslmode` is
    /// `disable`: a record that others read or write on its way is none.
    ///
    /// # Errors
    /// [`RecordError`] where it says what cannot be.
    pub(crate) fn parse(url: &str, variable: impl Fn(&str) -> Option<String>) -> Result<Target, RecordError> {
        let wrong = |what: &str| {
            let message = format!("the URL of the record is none of a PostgreSQL server: {what}");
            RecordError::location(message)
                .hint("write it as postgres://USER@HOST/DATABASE, with the password in PGPASSWORD")
        };
        let variable = |name: &str| variable(name).filter(|text| !text.is_empty());
        let rest = ["postgres://", "postgresql://"]
            .iter()
            .find_map(|it| url.strip_prefix(it));
        let rest = rest.ok_or_else(|| wrong("it begins otherwise"))?;
        let (rest, query) = rest.split_once('?').unwrap_or((rest, ""));
        let (authority, database) = rest.split_once('/').unwrap_or((rest, ""));
        let (login, place) = authority.rsplit_once('@').unwrap_or(("", authority));
        let (user, password) = match login.split_once(':') {
            Some((user, password)) => (user, Some(password)),
            None => (login, None),
        };
        let (host, port) = match place.rsplit_once(':').filter(|_| !place.ends_with(']')) {
            Some((host, port)) => (host, Some(port.to_owned())),
            None => (place, None),
        };
        let plain = |text: &str| Some(decoded(text)).filter(|text| !text.is_empty());
        let mut host = plain(host.trim_start_matches('[').trim_end_matches(']'));
        let mut mode = None;
        let mut roots = None;
        for (name, value) in query.split('&').filter_map(|pair| pair.split_once('=')) {
            let value = decoded(value);
            match name {
                "host" => host = Some(value),
                "sslmode" => mode = Some(value),
                "sslrootcert" => roots = Some(value),
                _ => return Err(wrong(&format!("it has \"{name}\", which is not known"))),
            }
        }
        let host = host
            .or_else(|| variable("PGHOST"))
            .unwrap_or_else(|| "localhost".to_owned());
        let port = port.or_else(|| variable("PGPORT")).unwrap_or_else(|| "5432".to_owned());
        let user = plain(user).or_else(|| variable("PGUSER")).or_else(|| variable("USER"));
        let user = user.ok_or_else(|| wrong("it names no user"))?;
        let is_here = host.starts_with('/') || matches!(&*host, "localhost" | "127.0.0.1" | "::1");
        let is_encrypted = match mode.or_else(|| variable("PGSSLMODE")).as_deref() {
            None | Some("prefer" | "allow") => !is_here,
            Some("disable") => false,
            // The certificate is always looked at.
            Some("require" | "verify-ca" | "verify-full") => !host.starts_with('/'),
            Some(_) => return Err(wrong("its sslmode is not known")),
        };
        Ok(Target {
            port: port.parse().map_err(|_| wrong("its port is no number"))?,
            database: plain(database)
                .or_else(|| variable("PGDATABASE"))
                .unwrap_or_else(|| user.clone()),
            password: password.and_then(plain).or_else(|| variable("PGPASSWORD")),
            roots: roots.or_else(|| variable("PGSSLROOTCERT")),
            host,
            user,
            is_encrypted,
        })
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Target {
            host,
            port,
            user,
            database,
            ..
        } = self;
        match host.starts_with('/') {
            true => write!(f, "postgres://{user}@/{database}?host={host}"),
            false => write!(f, "postgres://{user}@{host}:{port}/{database}"),
        }
    }
}

/// Without percent signs.
fn decoded(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let [first, after @ ..] = rest {
        let digits = after.get(..2).and_then(|digits| std::str::from_utf8(digits).ok());
        let byte = digits
            .filter(|_| *first == b'%')
            .and_then(|digits| u8::from_str_radix(digits, 16).ok());
        bytes.push(byte.unwrap_or(*first));
        rest = if byte.is_some() { &after[2..] } else { after };
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls_say_where_a_database_is() {
        let parse = |url: &str| Target::parse(url, |name| (name == "PGUSER").then(|| "me".to_owned()));
        let shown = |url: &str| {
            parse(url)
                .map(|target| (target.to_string(), target.is_encrypted))
                .unwrap()
        };
        for (url, wanted, is_encrypted) in [
            (
                "postgres://ann:s%40e@db.acme.com:6000/audit",
                "postgres://ann@db.acme.com:6000/audit",
                true,
            ),
            ("postgresql://db.acme.com", "postgres://me@db.acme.com:5432/me", true),
            (
                "postgres://db.acme.com/a?sslmode=disable",
                "postgres://me@db.acme.com:5432/a",
                false,
            ),
            (
                "postgres:///audit?host=/run/postgresql",
                "postgres://me@/audit?host=/run/postgresql",
                false,
            ),
            (
                "postgres://%2Frun%2Fpg/audit",
                "postgres://me@/audit?host=/run/pg",
                false,
            ),
            ("postgres://[::1]:77/a", "postgres://me@::1:77/a", false),
            (
                "postgres://localhost/a?sslmode=verify-full",
                "postgres://me@localhost:5432/a",
                true,
            ),
        ] {
            assert_eq!(shown(url), (wanted.to_owned(), is_encrypted), "{url}");
        }
        assert_eq!(
            parse("postgres://ann:s%40e@h/a").unwrap().password.as_deref(),
            Some("s@e")
        );
        for url in ["postgres://h:x/a", "postgres://h/a?sslmode=maybe", "postgres://h/a?x=1"] {
            assert!(parse(url).is_err(), "{url}");
        }
    }
}
