//! What `git` says when it fails: whose fault it is, whether to try again, and what to do.

use build::{FetchError, FetchErrorKind};

use crate::retry::Trouble;

/// The error in what `git` wrote while it fetched a URL.
pub(crate) fn read(url: &str, said: &str) -> Trouble {
    let lines = || said.lines().map(str::trim).filter(|line| !line.is_empty());
    let is_error = |line: &&str| {
        ["fatal: ", "error: ", "ERROR: "]
            .iter()
            .any(|start| line.starts_with(start))
    };
    // Of a connection over ssh, git knows only that there is none: what ssh says comes before.
    let line = lines()
        .find(is_error)
        .filter(|line| !line.ends_with("Could not read from remote repository."));
    let is_ssh = |line: &&str| {
        line.starts_with("ssh: ") || line.contains(": Permission denied (") || line.starts_with("Host key verification")
    };
    let line = line.or_else(|| lines().find(is_ssh)).or_else(|| lines().next());
    let line = line.unwrap_or("git failed");
    let words = line.replace(char::is_control, " ");
    let has = |needles: &[&str]| needles.iter().any(|needle| said.contains(needle));
    let error = |kind| FetchError::new(kind, format!("cannot fetch \"{url}\": {words}"));
    let refused = |hint: &str| Trouble::lasting(error(FetchErrorKind::Refused).hint(hint));
    if has(&NEEDS_CREDENTIALS) {
        return refused("give git credentials for it, by a credential helper or over ssh");
    }
    if has(&["Host key verification failed"]) {
        return refused("add the key of its host to your known_hosts");
    }
    if has(&NO_REFERENCE) {
        return refused("name a branch, a tag or a full commit hash");
    }
    if has(&["not allowed"]) && has(&["transport"]) {
        let error = FetchError::new(FetchErrorKind::Input, format!("cannot fetch \"{url}\": {words}"));
        return Trouble::lasting(
            error.hint("it leads to another kind of URL; name what it leads to, if you trust that"),
        );
    }
    if has(&PASSING) {
        let failed = error(FetchErrorKind::Failed).hint("try again; if it stays, look at the network and the server");
        return Trouble::passing(failed);
    }
    if has(&NOT_THERE) {
        return refused("look at the URL, and whether this user may read the repository");
    }
    Trouble::lasting(error(FetchErrorKind::Failed))
}

const NEEDS_CREDENTIALS: [&str; 7] = [
    "could not read Username",
    "could not read Password",
    "Authentication failed",
    "Permission denied (",
    "terminal prompts disabled",
    "returned error: 401",
    "returned error: 403",
];

const NO_REFERENCE: [&str; 4] = [
    "couldn't find remote ref",
    "Couldn't find remote ref",
    "not our ref",
    "did not contain",
];

const NOT_THERE: [&str; 6] = [
    "not found",
    "does not appear to be a git repository",
    "does not exist",
    "returned error: 404",
    "not valid: is this a git repository",
    "Could not read from remote repository",
];

/// What may work the next time.
const PASSING: [&str; 18] = [
    "Could not resolve host",
    "Temporary failure in name resolution",
    "Connection refused",
    "Connection reset",
    "Connection timed out",
    "Failed to connect",
    "Operation timed out",
    "early EOF",
    "unexpected disconnect",
    "RPC failed",
    "transfer closed",
    "Empty reply from server",
    "Recv failure",
    "returned error: 429",
    "returned error: 500",
    "returned error: 502",
    "returned error: 503",
    "returned error: 504",
];
