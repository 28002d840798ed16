//! How things are called in a localized copy.

use std::path::{Path, PathBuf};

use build::{RepoSpec, clean_join};

/// The directory of a root that holds what was remote.
pub(super) const REMOTE: &str = "localized-files";

/// `localized-DIRECTORY`.
pub(super) fn destination_of_local(directory: &Path) -> String {
    match directory.file_name() {
        Some(name) => format!("localized-{}", name.to_string_lossy()),
        None => "localized".to_owned(),
    }
}

/// `localized-DIRECTORY-REF`; at the top of a repository, the name of that.
pub(super) fn destination_of_remote(spec: &RepoSpec, directory: &Path, top: &Path) -> String {
    let name = if directory == top {
        spec.repository
            .trim_end_matches('/')
            .rsplit('/')
            .next()
            .unwrap_or_default()
            .to_owned()
    } else {
        let name = directory.file_name().unwrap_or_default();
        name.to_string_lossy().into_owned()
    };
    format!("localized-{name}-{}", spec.reference.replace('/', "-"))
}

/// Where the file behind a URL is kept: by host and path, without user, port and query.
pub(super) fn remote_file(url: &str) -> PathBuf {
    let (_, rest) = url.split_once("://").unwrap_or(("", url));
    let rest = &rest[..rest.find(['?', '#']).unwrap_or(rest.len())];
    let (authority, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
    let path = clean_join(Path::new("/"), &escaped(path));
    Path::new(REMOTE)
        .join(host_name(authority))
        .join(path.strip_prefix("/").unwrap_or(&path))
}

/// Where a directory of a repository is kept: by host, repository, reference and its path in there.
pub(super) fn remote_root(spec: &RepoSpec, inside: &Path) -> PathBuf {
    let scheme = spec.host.split("://").next().unwrap_or_default();
    let host = if scheme == "file" {
        "file-schemed".to_owned()
    } else {
        let authority = spec.host.split_once("://").map_or(&*spec.host, |(_, rest)| rest);
        host_name(authority.trim_end_matches(['/', ':']))
    };
    let repository = spec.repository.strip_suffix(".git").unwrap_or(&spec.repository);
    let repository = clean_join(Path::new("/"), repository.trim_start_matches('/'));
    let place = Path::new("/").join(REMOTE).join(host);
    let place = place.join(repository.strip_prefix("/").unwrap_or(&repository));
    let place = clean_join(&place, &spec.reference).join(inside);
    place.strip_prefix("/").unwrap_or(&place).to_owned()
}

/// A host without user and port.
fn host_name(authority: &str) -> String {
    let host = authority.rsplit('@').next().unwrap_or_default();
    if let Some((inner, _)) = host.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
        return inner.to_owned();
    }
    host.split(':').next().unwrap_or_default().to_owned()
}

/// A path as it is sent (Go's `url.URL.EscapedPath`): as it stands if that can be sent, else encoded anew.
fn escaped(path: &str) -> String {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.~$&+,/:;=@".contains(&byte);
    if path.bytes().all(|byte| is_plain(byte) || b"!'()*[]%".contains(&byte)) {
        return path.to_owned();
    }
    let mut out = String::new();
    let mut bytes = path.bytes();
    while let Some(mut byte) = bytes.next() {
        if byte == b'%' {
            let digits: String = bytes.clone().take(2).map(char::from).collect();
            if let Ok(decoded) = u8::from_str_radix(&digits, 16) {
                byte = decoded;
                bytes.nth(1);
            }
        }
        if is_plain(byte) {
            out.push(char::from(byte));
        } else {
            out.push_str(&format!("%{byte:02X}"));
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls_have_places() {
        for (url, place) in [
            (
                "https://raw.example/o/r/main/s.yaml",
                "localized-files/raw.example/o/r/main/s.yaml",
            ),
            (
                "http://me:pw@host:8080/a//b/../c.yaml?x=/y#z",
                "localized-files/host/a/c.yaml",
            ),
            ("https://host/a%2Fb.yaml", "localized-files/host/a%2Fb.yaml"),
            ("https://host/a b%2F.yaml", "localized-files/host/a%20b/.yaml"),
            ("https://[::1]:80/a", "localized-files/::1/a"),
            ("https://host/../../a", "localized-files/host/a"),
        ] {
            assert_eq!(remote_file(url), Path::new(place), "{url}");
        }
    }

    #[test]
    fn repositories_have_places() {
        for (url, inside, place) in [
            (
                "https://github.com/o/r//a/b?ref=v1/x",
                "a/b",
                "localized-files/github.com/o/r/v1/x/a/b",
            ),
            ("git@github.com:o/r.git?ref=v1", "", "localized-files/github.com/o/r/v1"),
            (
                "ssh://git@host.example:22/o/r.git/a?ref=v1",
                "a",
                "localized-files/host.example/o/r/v1/a",
            ),
            (
                "file:///srv/r.git//a?ref=main",
                "a",
                "localized-files/file-schemed/srv/r/main/a",
            ),
            (
                "https://host.example/../o/r.git?ref=../../v",
                "",
                "localized-files/host.example/v",
            ),
        ] {
            let spec = RepoSpec::parse(url).expect("a repository");
            assert_eq!(
                remote_root(&spec, Path::new(inside)),
                Path::new(place).join(""),
                "{url}"
            );
        }
    }
}
