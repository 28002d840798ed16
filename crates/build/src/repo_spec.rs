//! What in a kustomization names a Git repository: a URL in, its parts out.
//!
//! A port of the rules of kustomize's `api/internal/git/repospec.go`, which decide by the text alone.

use std::time::Duration;

use yaml::Mark;

use crate::error::{BuildError, ErrorKind};

/// How long one `git` command may take where the URL says nothing.
pub const DEFAULT_TIMEOUT: Duration = Duration::from_secs(27);

/// A directory in a Git repository.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RepoSpec {
    /// The URL as the user wrote it.
    pub raw: String,
    /// Scheme, user and host, with the separator behind them.
    pub host: String,
    /// The repository on its host.
    pub repository: String,
    /// What `git fetch` takes: host and repository.
    pub clone_url: String,
    /// The directory below the root of the repository; empty for the root.
    pub path: String,
    /// A branch, tag or commit; empty for the default branch.
    pub reference: String,
    pub submodules: bool,
    pub timeout: Duration,
}

impl RepoSpec {
    /// The parts of a URL, or `None` for what is no URL of a repository.
    pub fn parse(url: &str) -> Option<RepoSpec> {
        if url.starts_with('/') {
            return None;
        }
        let (address, query) = url.split_once('?').unwrap_or((url, ""));
        let (host, rest) = split_host(address)?;
        let (repo, path) = split_path(rest, host == FILE)?;
        if repo.is_empty() || leaves(path) {
            return None;
        }
        let path = path.strip_prefix('/').unwrap_or(path).to_owned();
        let clone_url = format!("{host}{repo}");
        let query = Query::parse(query);
        Some(RepoSpec {
            raw: url.to_owned(),
            repository: repo.to_owned(),
            host,
            clone_url,
            path,
            reference: query.reference,
            submodules: query.submodules,
            timeout: query.timeout,
        })
    }
}

impl RepoSpec {
    /// Whether it names a repository by a path on this machine.
    pub fn is_local(&self) -> bool {
        self.clone_url.starts_with(FILE)
    }
}

/// The error for what Git would run a command for: a URL of a transport helper (`ext::sh -c ...`, `fd::17`), or an
/// option of Git in the place of a URL (`--upload-pack=...`).
pub fn refuse_command(url: &str, mark: Mark) -> Option<BuildError> {
    let address = without_prefix(url, "git::").unwrap_or(url);
    let is_option = ["--upload-pack", "--receive-pack", "--exec", "-u"]
        .into_iter()
        .any(|option| address.strip_prefix(option).is_some_and(|rest| rest.starts_with('=')));
    let is_helper = address.split_once("::").is_some_and(|(name, _)| {
        name.starts_with(|c: char| c.is_ascii_alphanumeric())
            && name
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'-' | b'.' | b'_'))
    });
    (is_option || is_helper).then(|| {
        let message = format!("this Git URL would run a command: \"{url}\"");
        BuildError::new(ErrorKind::File, mark, message).hint("name the repository by https, ssh or file")
    })
}

/// Whether a path names a file by its extension, not a repository.
pub(crate) fn is_http_file(path: &str) -> bool {
    let path = path.split(['?', '#']).next().unwrap_or_default();
    is_http(path) && [".yaml", ".yml", ".json"].iter().any(|end| path.ends_with(end))
}

/// Whether an HTTP URL names a repository and can name nothing else. Others are asked for by HTTP first,
/// as kustomize does with all of them.
pub(crate) fn is_certain(url: &str) -> bool {
    let address = url.split(['?', '#']).next().unwrap_or_default();
    let rest = address.split_once("://").map_or(address, |(_, rest)| rest);
    let (host, path) = rest.split_once('/').unwrap_or((rest, ""));
    let mut segments = path.split('/');
    if host.eq_ignore_ascii_case(GITHUB) {
        return !matches!(segments.nth(2), Some("raw" | "releases" | "archive"));
    }
    path.contains("//") || segments.any(|segment| segment.ends_with(".git") || segment == "_git")
}

/// Whether a path is loaded by HTTP.
pub(crate) fn is_http(path: &str) -> bool {
    without_prefix(path, "http://")
        .or_else(|| without_prefix(path, "https://"))
        .is_some()
}

const FILE: &str = "file://";
const GITHUB: &str = "github.com";

fn without_prefix<'t>(text: &'t str, prefix: &str) -> Option<&'t str> {
    let head = text.get(..prefix.len())?;
    head.eq_ignore_ascii_case(prefix).then(|| &text[prefix.len()..])
}

/// Scheme, user and host, with the separator behind them; and the rest.
fn split_host(address: &str) -> Option<(String, &str)> {
    let address = without_prefix(address, "git::").unwrap_or(address);
    let schemes = ["ssh://", "https://", "http://", FILE];
    let known = schemes
        .into_iter()
        .find_map(|scheme| Some((scheme, without_prefix(address, scheme)?)));
    let (scheme, address) = known.unwrap_or(("", address));
    if scheme == FILE {
        return Some((FILE.to_owned(), address));
    }
    let (user, address) = split_user(address);
    let is_github = without_prefix(address, GITHUB).is_some_and(|rest| rest.starts_with('/') || rest.starts_with(':'));
    let is_scp = scheme.is_empty() && (!user.is_empty() || is_github);
    if scheme.is_empty() && !is_scp {
        return None;
    }
    let slash = address.find('/');
    let colon = address.find(':').filter(|_| is_scp);
    let end = match (slash, colon) {
        (None, colon) => colon,
        (Some(slash), Some(colon)) if colon > 0 && colon < slash => Some(colon),
        (slash, _) => slash,
    };
    let (host, rest) = end.map_or((address, ""), |end| address.split_at(end + 1));
    if is_github {
        let host = if scheme == "ssh://" || !user.is_empty() {
            format!("{user}github.com:")
        } else {
            "https://github.com/".to_owned()
        };
        return Some((host, rest));
    }
    (!host.is_empty()).then(|| (format!("{scheme}{user}{host}"), rest))
}

/// `git@` and what follows.
fn split_user(address: &str) -> (&str, &str) {
    let Some(at) = address.find('@') else {
        return ("", address);
    };
    let name = &address.as_bytes()[..at];
    let is_name = name.first().is_some_and(u8::is_ascii_alphabetic)
        && name.iter().all(|byte| byte.is_ascii_alphanumeric() || *byte == b'-');
    if is_name {
        address.split_at(at + 1)
    } else {
        ("", address)
    }
}

/// The repository and the directory in it: at `_git/NAME`, `//` or `.git`, else behind two segments.
fn split_path(rest: &str, is_file: bool) -> Option<(&str, &str)> {
    if let Some(at) = rest.find("_git/") {
        let name = at + "_git/".len();
        let end = rest[name..].find('/').map_or(rest.len(), |slash| name + slash);
        return Some((&rest[..end], rest.get(end + 1..).unwrap_or_default()));
    }
    if let Some(at) = rest.find("//") {
        return Some((&rest[..at], &rest[at + 2..]));
    }
    if let Some(at) = rest.find(".git") {
        return Some(rest.split_at(at + ".git".len()));
    }
    if is_file {
        return Some((rest, ""));
    }
    let first = rest.find('/')?;
    let end = rest[first + 1..]
        .find('/')
        .map_or(rest.len(), |slash| first + 1 + slash);
    Some((&rest[..end], rest.get(end + 1..).unwrap_or_default()))
}

/// Whether a path, cleaned, starts with `..`.
fn leaves(path: &str) -> bool {
    let mut depth = 0_usize;
    // Behind one leading slash, a path that is still absolute cannot be left.
    let path = path.strip_prefix('/').unwrap_or(path);
    if path.starts_with('/') {
        return false;
    }
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." if depth == 0 => return true,
            ".." => depth -= 1,
            _ => depth += 1,
        }
    }
    false
}

struct Query {
    reference: String,
    timeout: Duration,
    submodules: bool,
}

impl Query {
    /// Defaults where it is not a query at all (Go's `url.ParseQuery`).
    fn parse(text: &str) -> Query {
        let mut query = Query {
            reference: String::new(),
            timeout: DEFAULT_TIMEOUT,
            submodules: true,
        };
        let Some(pairs) = pairs(text) else { return query };
        let get = |name: &str| {
            let found = pairs.iter().find(|(key, _)| key == name);
            found.map(|(_, value)| value.as_str()).filter(|value| !value.is_empty())
        };
        query.reference = get("ref").or_else(|| get("version")).unwrap_or_default().to_owned();
        query.timeout = get("timeout").and_then(duration).unwrap_or(DEFAULT_TIMEOUT);
        query.submodules = !matches!(get("submodules"), Some("0" | "f" | "F" | "FALSE" | "false" | "False"));
        query
    }
}

fn pairs(text: &str) -> Option<Vec<(String, String)>> {
    let mut pairs = Vec::new();
    for pair in text.split('&').filter(|pair| !pair.is_empty()) {
        if pair.contains(';') {
            return None;
        }
        let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
        pairs.push((unescape(key)?, unescape(value)?));
    }
    Some(pairs)
}

fn unescape(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        bytes.push(match byte {
            b'+' => b' ',
            b'%' => {
                let mut digit = || char::from(rest.next()?).to_digit(16);
                (digit()? * 16 + digit()?) as u8
            }
            other => other,
        });
    }
    String::from_utf8(bytes).ok()
}

/// Whole seconds (`61`), or Go's form (`1m1s`, `1.5h`); positive.
fn duration(text: &str) -> Option<Duration> {
    if let Ok(seconds) = text.parse::<i32>() {
        return u64::try_from(seconds)
            .ok()
            .filter(|&seconds| seconds > 0)
            .map(Duration::from_secs);
    }
    let mut rest = text.strip_prefix('+').unwrap_or(text);
    let mut seconds = 0.0;
    while !rest.is_empty() {
        let number = rest.find(|c: char| !c.is_ascii_digit() && c != '.')?;
        let unit = rest[number..]
            .find(|c: char| c.is_ascii_digit() || c == '.')
            .map_or(rest.len(), |end| number + end);
        let scale = match &rest[number..unit] {
            "ns" => 1e-9,
            "us" | "µs" | "μs" => 1e-6,
            "ms" => 1e-3,
            "s" => 1.0,
            "m" => 60.0,
            "h" => 3600.0,
            _ => return None,
        };
        seconds += rest[..number].parse::<f64>().ok()? * scale;
        rest = &rest[unit..];
    }
    Duration::try_from_secs_f64(seconds)
        .ok()
        .filter(|duration| !duration.is_zero())
}

/// The error for what looks like the URL of a repository and cannot be one.
pub(crate) fn refuse_url(url: &str, mark: Mark) -> Option<BuildError> {
    let address = url.split('?').next().unwrap_or_default();
    let (host, rest) = split_host(address)?;
    // `a@b` may be a file; with a colon it is a user on a host.
    let is_user = host.contains('@') && address.contains(':');
    if !host.contains("://") && !is_user {
        return None;
    }
    let path = split_path(rest, host == FILE).map_or("", |(_, path)| path);
    if leaves(path) {
        let message = format!("the path \"{path}\" of this URL leads out of the repository: \"{url}\"");
        return Some(BuildError::new(ErrorKind::File, mark, message).hint("name a directory in the repository"));
    }
    let message = format!("this URL names no repository: \"{url}\"");
    let hint = "a repository has a path on its host (https://HOST/ORG/REPO), and // before the directory in it";
    Some(BuildError::new(ErrorKind::File, mark, message).hint(hint))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn says_what_is_wrong_with_a_url() {
        for (url, said) in [
            (
                "https://a.example/org/repo//base/../../x?ref=v1",
                Some("leads out of the repository"),
            ),
            ("file:///a/repo//../x", Some("leads out of the repository")),
            ("git::http://a.example/org", Some("names no repository")),
            ("ssh://git@a.example", Some("names no repository")),
            ("base", None),
            ("../base", None),
            ("a@b", None),
        ] {
            let error = refuse_url(url, Mark::NONE).filter(|_| RepoSpec::parse(url).is_none());
            let found = error.map(|error| error.message);
            assert_eq!(found.is_some(), said.is_some(), "{url}: {found:?}");
            assert!(said.is_none_or(|said| found.unwrap().contains(said)), "{url}");
        }
    }

    #[test]
    fn knows_what_would_run_a_command() {
        for (url, would) in [
            ("ext::sh -c 'touch /tmp/x'", true),
            ("git::ext::sh -c x", true),
            ("fd::17", true),
            ("--upload-pack=touch x", true),
            ("git::https://a.example/org/repo", false),
            ("a/b::c", false),
            ("::", false),
            ("--upload-pack", false),
            ("base", false),
        ] {
            assert_eq!(refuse_command(url, Mark::NONE).is_some(), would, "{url}");
        }
    }

    #[test]
    fn takes_urls_apart() {
        for (url, clone_url, path, reference) in [
            (
                "https://github.com/org/repo/dir?ref=v1",
                "https://github.com/org/repo",
                "dir",
                "v1",
            ),
            ("gitHub.com/org/repo", "https://github.com/org/repo", "", ""),
            ("github.com:org/repo/a/b", "https://github.com/org/repo", "a/b", ""),
            (
                "http://github.com/org/repo.git/dir",
                "https://github.com/org/repo.git",
                "dir",
                "",
            ),
            ("git::git@github.com:org/repo", "git@github.com:org/repo", "", ""),
            (
                "org-12345@github.com/org/repo/dir",
                "org-12345@github.com:org/repo",
                "dir",
                "",
            ),
            (
                "ssh://git@github.com/org/repo//a/b?ref=v1",
                "git@github.com:org/repo",
                "a/b",
                "v1",
            ),
            ("hTTps://a.example/org/repo", "https://a.example/org/repo", "", ""),
            (
                "ssh://git.example.com:7999/org/repo",
                "ssh://git.example.com:7999/org/repo",
                "",
                "",
            ),
            (
                "git@gitlab.com:a/b/c.git?ref=v0.1.0",
                "git@gitlab.com:a/b/c.git",
                "",
                "v0.1.0",
            ),
            (
                "git@bitbucket.org/c/p.git//path?ref=b",
                "git@bitbucket.org/c/p.git",
                "path",
                "b",
            ),
            (
                "git@gitlab.com/user:name/R.git/path",
                "git@gitlab.com/user:name/R.git",
                "path",
                "",
            ),
            (
                "https://u@dev.azure.com/o/p/_git/repo//a",
                "https://u@dev.azure.com/o/p/_git/repo",
                "a",
                "",
            ),
            (
                "https://t.example/c/p/_git/r/d?version=v1",
                "https://t.example/c/p/_git/r",
                "d",
                "v1",
            ),
            ("file:///a/b/repo?ref=x/y", "file:///a/b/repo", "", "x/y"),
            ("file://a/b/c/repo.git/p", "file://a/b/c/repo.git", "p", ""),
            ("file:///", "file:///", "", ""),
            (
                "https://gist.github.com/bc79.git",
                "https://gist.github.com/bc79.git",
                "",
                "",
            ),
            (
                "https://a/org/repo/?ref=has.git/in",
                "https://a/org/repo",
                "",
                "has.git/in",
            ),
        ] {
            let spec = RepoSpec::parse(url).unwrap_or_else(|| panic!("{url}"));
            assert_eq!(
                (&*spec.clone_url, &*spec.path, &*spec.reference),
                (clone_url, path, reference),
                "{url}"
            );
        }
    }

    #[test]
    fn leaves_the_rest_to_the_disk() {
        for path in [
            "/tmp",
            "../../tmp",
            "src/github.com/org/repo/path",
            "base",
            "htxp://github.com/",
            "ssh://git.example.com",
            "git::___",
            "https://host?ref=a/b",
            "https://github.com/org/repo.git//path/../../out",
            "gh:org/repo",
            "github.com!org/repo.git//path",
            "https://github.com/x.yaml",
            "file:////tmp//path",
            "ext::sh -c id",
            "git@scp://github.com/org/repo.git//path",
        ] {
            assert_eq!(RepoSpec::parse(path), None, "{path}");
        }
    }

    #[test]
    fn reads_queries() {
        for (text, reference, submodules, seconds) in [
            ("", "", true, 27),
            ("version=m&ref=v1", "v1", true, 27),
            ("submodules=maybe", "", true, 27),
            ("version=m&submodules=false&timeout=1m1s", "m", false, 61),
            ("timeout=0", "", true, 27),
            ("timeout=61", "", true, 61),
            ("timeout=jiffy", "", true, 27),
            ("ref=%zz", "", true, 27),
        ] {
            let query = Query::parse(text);
            assert_eq!(
                (&*query.reference, query.submodules, query.timeout.as_secs()),
                (reference, submodules, seconds),
                "{text}"
            );
        }
    }
}
