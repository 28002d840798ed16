//! Files behind HTTP: one GET, redirects followed by hand, every answer bounded in time and size.

use std::io::{ErrorKind, Read};
use std::sync::Arc;
use std::time::{Duration, Instant};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use build::{FetchError, FetchErrorKind, FileRequest, without_password};
use ureq::http::Response;
use ureq::http::header::{CONTENT_LENGTH, CONTENT_TYPE, LOCATION};
use ureq::tls::{Certificate, RootCerts, TlsConfig};
use ureq::{Agent, Body, Error};

use crate::proxy;
use crate::retry::{Trouble, retry};

/// How long an answer may take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HttpLimits {
    /// All of it, redirects included.
    pub total: Duration,
    /// Until a connection is there.
    pub connect: Duration,
    /// Without a byte.
    pub stall: Duration,
}

impl Default for HttpLimits {
    fn default() -> HttpLimits {
        HttpLimits {
            total: Duration::from_secs(120),
            connect: Duration::from_secs(10),
            stall: Duration::from_secs(20),
        }
    }
}

const MAX_REDIRECTS: usize = 10;
const UNTRUSTED: &str =
    "if an authority of your own signed its certificate, name that authority's file in SSL_CERT_FILE";
const UNREACHABLE: &str = "try again; if it stays, look at the network and the server";

/// A client that trusts what this system trusts, and uses the proxies of the environment.
pub(crate) struct Http {
    agent: Agent,
    limits: HttpLimits,
}

impl Http {
    pub(crate) fn new(limits: HttpLimits) -> Http {
        // SSL_CERT_FILE and SSL_CERT_DIR are read by it. Without certificates every HTTPS URL fails, and says so.
        let trusted = rustls_native_certs::load_native_certs().certs;
        let trusted: Vec<Certificate<'static>> = trusted
            .iter()
            .map(|der| Certificate::from_der(der).to_owned())
            .collect();
        let tls = TlsConfig::builder()
            .root_certs(RootCerts::Specific(Arc::new(trusted)))
            .unversioned_rustls_crypto_provider(Arc::new(rustls::crypto::ring::default_provider()))
            .build();
        let config = Agent::config_builder()
            .tls_config(tls)
            .http_status_as_error(false)
            .max_redirects(0)
            .user_agent(concat!("terrace/", env!("CARGO_PKG_VERSION")))
            .timeout_connect(Some(limits.connect))
            .timeout_per_read(Some(limits.stall))
            .timeout_per_write(Some(limits.stall))
            .build();
        Http {
            agent: config.new_agent(),
            limits,
        }
    }

    /// The bytes behind a URL.
    pub(crate) fn get(&self, request: &FileRequest<'_>) -> Result<Vec<u8>, FetchError> {
        retry(|| self.follow(request))
    }

    fn follow(&self, request: &FileRequest<'_>) -> Result<Vec<u8>, Trouble> {
        let deadline = Instant::now() + self.limits.total;
        let shown = without_password(request.url);
        let mut url = request.url.to_owned();
        for _ in 0..=MAX_REDIRECTS {
            let response = self.ask(&url, &shown, deadline)?;
            let status = response.status();
            match response.headers().get(LOCATION).filter(|_| status.is_redirection()) {
                Some(location) => {
                    let location = String::from_utf8_lossy(location.as_bytes());
                    url = redirected(&url, &location).map_err(|why| {
                        let location = without_password(&location).escape_debug().to_string();
                        let message = format!("\"{shown}\" redirects to \"{location}\", {why}");
                        Trouble::lasting(
                            FetchError::new(FetchErrorKind::Input, message)
                                .hint("name what it leads to, if you trust that"),
                        )
                    })?;
                }
                None if status.is_success() => return read(response, request, &shown),
                None => return Err(refusal(&shown, status.as_u16(), status.canonical_reason())),
            }
        }
        let message = format!("\"{shown}\" redirects more than {MAX_REDIRECTS} times");
        Err(Trouble::lasting(FetchError::new(FetchErrorKind::Failed, message)))
    }

    fn ask(&self, url: &str, shown: &str, deadline: Instant) -> Result<Response<Body>, Trouble> {
        let (url, authorization) = credentials(url);
        // A fragment is not for the server.
        let url = url.split('#').next().unwrap_or_default();
        let left = deadline.saturating_duration_since(Instant::now());
        let proxy = proxy::of(url, |name| std::env::var(name).ok());
        let request = self
            .agent
            .get(url)
            .config()
            .timeout_global(Some(left))
            .proxy(proxy)
            .build();
        let request = match authorization {
            Some(value) => request.header("authorization", value),
            None => request,
        };
        request.call().map_err(|error| trouble(shown, error))
    }
}

/// Where a redirect leads: never to another scheme than HTTP, and not from HTTPS to HTTP.
fn redirected(from: &str, location: &str) -> Result<String, &'static str> {
    let (scheme, rest) = from.split_once("://").unwrap_or(("http", from));
    let authority_end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    let (authority, path) = rest.split_at(authority_end);
    let path = path.split(['?', '#']).next().unwrap_or_default();
    let named = location.split_once(':').map(|(name, _)| name).filter(|name| {
        !name.is_empty()
            && name
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || b"+-.".contains(&byte))
    });
    match named {
        Some(name) if name.eq_ignore_ascii_case("https") => Ok(location.to_owned()),
        Some(name) if name.eq_ignore_ascii_case("http") && scheme.eq_ignore_ascii_case("http") => {
            Ok(location.to_owned())
        }
        Some(name) if name.eq_ignore_ascii_case("http") => Err("which is not encrypted"),
        Some(_) => Err("which is no HTTP URL"),
        None if location.starts_with("//") => Ok(format!("{scheme}:{location}")),
        None if location.starts_with('/') => Ok(format!("{scheme}://{authority}{location}")),
        None => {
            let directory = path.rfind('/').map_or("", |slash| &path[..slash]);
            Ok(format!("{scheme}://{authority}{directory}/{location}"))
        }
    }
}

/// A URL without its user and password, and what they are as a header.
fn credentials(url: &str) -> (String, Option<String>) {
    let split = || {
        let (scheme, rest) = url.split_once("://")?;
        let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
        let at = rest[..end].rfind('@')?;
        let plain = format!("{scheme}://{}", &rest[at + 1..]);
        let (user, password) = rest[..at].split_once(':').unwrap_or((&rest[..at], ""));
        let pair = [unescape(user), b":".to_vec(), unescape(password)].concat();
        Some((plain, Some(format!("Basic {}", STANDARD.encode(pair)))))
    };
    split().unwrap_or_else(|| (url.to_owned(), None))
}

fn unescape(text: &str) -> Vec<u8> {
    let bytes = text.as_bytes();
    let mut out = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while at < bytes.len() {
        let escaped = (bytes[at] == b'%')
            .then(|| u8::from_str_radix(text.get(at + 1..at + 3)?, 16).ok())
            .flatten();
        out.push(escaped.unwrap_or(bytes[at]));
        at += if escaped.is_some() { 3 } else { 1 };
    }
    out
}

/// The body, all of it: as long as it was said to be, and not longer than is allowed.
fn read(response: Response<Body>, request: &FileRequest<'_>, shown: &str) -> Result<Vec<u8>, Trouble> {
    let header = |name| response.headers().get(name).and_then(|value| value.to_str().ok());
    let is_page = header(CONTENT_TYPE).is_some_and(|kind| kind.trim_start().starts_with("text/html"));
    if is_page && request.refuse_pages {
        let message = format!("\"{shown}\" is a web page, not a file of objects");
        let error = FetchError::new(FetchErrorKind::Input, message);
        return Err(Trouble::lasting(error.hint("name the URL of the raw file")));
    }
    let too_long = || {
        let message = format!("\"{shown}\" is larger than {} bytes", request.limit);
        let error = FetchError::new(FetchErrorKind::Input, message);
        Trouble::lasting(error.hint("split it, or leave it out of the build"))
    };
    let length = header(CONTENT_LENGTH).and_then(|length| length.parse::<u64>().ok());
    if length.is_some_and(|length| length > request.limit) {
        return Err(too_long());
    }
    let mut bytes = Vec::new();
    let body = response.into_body().into_reader();
    if let Err(error) = body.take(request.limit.saturating_add(1)).read_to_end(&mut bytes) {
        return Err(match error.kind() {
            ErrorKind::UnexpectedEof => cut_off(shown),
            _ => trouble(shown, Error::from(error)),
        });
    }
    if bytes.len() as u64 > request.limit {
        return Err(too_long());
    }
    if length.is_some_and(|length| length != bytes.len() as u64) {
        return Err(cut_off(shown));
    }
    Ok(bytes)
}

fn cut_off(shown: &str) -> Trouble {
    let message = format!("\"{shown}\" ends before it is complete");
    Trouble::passing(FetchError::new(FetchErrorKind::Failed, message).hint("try again"))
}

/// An answer that is no file.
fn refusal(shown: &str, status: u16, reason: Option<&str>) -> Trouble {
    let reason = reason.unwrap_or("no reason given");
    let message = format!("cannot fetch \"{shown}\": HTTP Error: status code {status} ({reason})");
    let error = |kind| FetchError::new(kind, message);
    match status {
        401 | 403 | 407 => {
            Trouble::lasting(error(FetchErrorKind::Refused).hint("it is not for everybody: fetch it into the tree"))
        }
        429 | 500 | 502..=504 => Trouble::passing(error(FetchErrorKind::Failed).hint("try again")),
        400..=499 => Trouble::lasting(error(FetchErrorKind::Refused).hint("look at the URL")),
        _ => Trouble::lasting(error(FetchErrorKind::Failed)),
    }
}

fn trouble(shown: &str, error: Error) -> Trouble {
    let fail = |kind, words: String| FetchError::new(kind, format!("cannot fetch \"{shown}\": {words}"));
    match error {
        Error::Timeout(what) => {
            let error = fail(FetchErrorKind::Failed, format!("it takes too long ({what})"));
            Trouble::lasting(error.hint(UNREACHABLE))
        }
        Error::HostNotFound => {
            let error = fail(FetchErrorKind::Failed, "its host cannot be found".to_owned());
            Trouble::passing(error.hint(UNREACHABLE))
        }
        // rustls speaks of certificates through errors of this kind.
        Error::Io(error) if error.kind() == ErrorKind::InvalidData => {
            let error = fail(FetchErrorKind::Failed, error.to_string());
            Trouble::lasting(error.hint(UNTRUSTED))
        }
        Error::Rustls(error) => {
            let error = fail(FetchErrorKind::Failed, error.to_string());
            Trouble::lasting(error.hint(UNTRUSTED))
        }
        Error::Io(error) => {
            // A timeout inside of a body comes wrapped.
            let is_timeout = error.kind() == ErrorKind::TimedOut;
            let failed = fail(FetchErrorKind::Failed, error.to_string()).hint(UNREACHABLE);
            if is_timeout {
                Trouble::lasting(failed)
            } else {
                Trouble::passing(failed)
            }
        }
        error @ (Error::BadUri(_) | Error::Http(_)) => Trouble::lasting(fail(FetchErrorKind::Input, error.to_string())),
        error => Trouble::lasting(fail(FetchErrorKind::Failed, error.to_string())),
    }
}

#[cfg(test)]
mod tests {
    use super::{credentials, redirected};

    #[test]
    fn redirects_stay_in_http_and_do_not_lose_encryption() {
        for (from, location, to) in [
            ("http://h/a/b?q", "c", Ok("http://h/a/c")),
            ("http://h", "c", Ok("http://h/c")),
            ("http://h:1/a/b", "/c?d:e", Ok("http://h:1/c?d:e")),
            ("https://h/a", "//i/c", Ok("https://i/c")),
            ("http://h/a", "https://i/c", Ok("https://i/c")),
            ("http://h/a", "HTTP://i/c", Ok("HTTP://i/c")),
            ("https://h/a", "http://h/a", Err("which is not encrypted")),
            ("http://h/a", "file:///etc/passwd", Err("which is no HTTP URL")),
            ("https://h/a", "ext::sh", Err("which is no HTTP URL")),
        ] {
            assert_eq!(
                redirected(from, location).as_deref(),
                to.as_deref(),
                "{from} {location}"
            );
        }
    }

    #[test]
    fn a_user_in_the_url_becomes_a_header() {
        let (url, header) = credentials("https://me:p%40ss@h/a@b");
        assert_eq!(url, "https://h/a@b");
        assert_eq!(header.as_deref(), Some("Basic bWU6cEBzcw=="));
        assert_eq!(credentials("https://h/a@b"), ("https://h/a@b".to_owned(), None));
    }
}
