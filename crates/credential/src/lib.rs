//! Secrets in plain text: the shapes of known keys and tokens, and values that look random under names that
//! say what they are.
//!
//! [`find`] tells what a text that somebody wrote holds, and takes names and placeholders for what they are; [`places`] tells
//! where in a text of any origin a secret may be, for those who are to keep none.

mod places;

pub use places::places;

use std::sync::OnceLock;

use regex::{Regex, RegexSet};

/// What a text holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Secret<'t> {
    /// Of a known shape.
    Known(&'static str),
    /// A password inside a URL.
    Url,
    /// A value under a name that says so; in a text of several lines, what stands before it on its line.
    Named(&'t str),
}

/// Shapes of keys and tokens, and what they are.
const SHAPES: [(&str, &str); 13] = [
    (r"-----BEGIN (?:[A-Z0-9]+ )*PRIVATE KEY-----", "a private key"),
    (r"\bAIza[0-9A-Za-z_-]{35}\b", "a Google API key"),
    (r"\bya29\.[0-9A-Za-z_-]{20,}", "a Google access token"),
    (r"\bGOCSPX-[0-9A-Za-z_-]{28}\b", "a Google OAuth client secret"),
    (r"\b(?:AKIA|ASIA)[0-9A-Z]{16}\b", "an AWS access key"),
    (r"\bgh[pousr]_[0-9A-Za-z]{36,}\b", "a GitHub token"),
    (r"\bgithub_pat_[0-9A-Za-z_]{40,}\b", "a GitHub token"),
    (r"\bglpat-[0-9A-Za-z_-]{20,}", "a GitLab token"),
    (r"\bxox[abeoprs]-[0-9A-Za-z-]{10,}", "a Slack token"),
    (r"\bhf_[0-9A-Za-z]{34}\b", "a Hugging Face token"),
    (r"\bsk-(?:proj-|ant-)?[0-9A-Za-z_-]{32,}", "an API key"),
    (r"\bnpm_[0-9A-Za-z]{36}\b", "an npm token"),
    (
        r"\beyJ[0-9A-Za-z_-]{10,}\.eyJ[0-9A-Za-z_-]{10,}\.[0-9A-Za-z_-]{10,}",
        "a JSON web token",
    ),
];

/// Whether two bytes are the first of a shape. Most texts hold none of them, and are not looked at closer.
fn may_begin(pair: [u8; 2]) -> bool {
    matches!(
        &pair,
        b"--" | b"AI" | b"AK" | b"AS" | b"GO" | b"ey" | b"gh" | b"gi" | b"gl" | b"hf" | b"np" | b"sk" | b"xo" | b"ya"
    )
}

/// The shortest text of a shape: `xoxb-` and ten characters.
const SHORTEST_SHAPE: usize = 15;
/// A shorter value is no secret.
const SHORTEST: usize = 8;

fn regex(text: &str) -> Regex {
    Regex::new(text).expect("the patterns of this file are valid")
}

/// The shape that a text holds.
fn shape(text: &str) -> Option<&'static str> {
    static PATTERNS: OnceLock<RegexSet> = OnceLock::new();
    if text.len() < SHORTEST_SHAPE || !text.as_bytes().array_windows().any(|pair| may_begin(*pair)) {
        return None;
    }
    let patterns = PATTERNS.get_or_init(|| {
        let patterns = RegexSet::new(SHAPES.iter().map(|(shape, _)| shape));
        patterns.expect("the patterns of this file are valid")
    });
    patterns.matches(text).iter().next().map(|shape| SHAPES[shape].1)
}

/// Whether a URL in a text has a password.
fn has_url_with_password(text: &str) -> bool {
    static PATTERN: OnceLock<Regex> = OnceLock::new();
    if !text.contains("://") || !text.contains('@') {
        return false;
    }
    let pattern = PATTERN.get_or_init(|| regex(r"\b[a-z][a-z0-9+.-]*://[^\s/:@]+:([^\s/@]{3,})@"));
    pattern.captures(text).is_some_and(|found| !is_placeholder(&found[1]))
}

/// Words that say what a value is.
const WORDS: [&str; 8] = [
    "password",
    "passwd",
    "secret",
    "token",
    "apikey",
    "api_key",
    "accesskey",
    "access_key",
];

/// Whether the name of a value says that it is secret.
pub fn is_secret_name(name: &str) -> bool {
    let ends_with = |word: &str| {
        let start = name.len().checked_sub(word.len());
        start.is_some_and(|start| name.as_bytes()[start..].eq_ignore_ascii_case(word.as_bytes()))
    };
    WORDS.into_iter().chain(["credential", "credentials"]).any(ends_with)
}

/// Words that leave no doubt: what they name is the secret, and not where it is.
const PLAIN_WORDS: [&str; 5] = [
    "password",
    "passwd",
    "secret_access_key",
    "secretaccesskey",
    "secret_key",
];

/// Whether the name of a value says that it is the secret itself.
fn is_plain_name(name: &str) -> bool {
    let name = name
        .trim_end_matches(|c: char| !c.is_ascii_alphanumeric())
        .to_ascii_lowercase();
    PLAIN_WORDS.iter().any(|word| name.ends_with(word))
}

/// The name in a line such as `password: x`, `TOKEN=x` or `"apiKey": "x"` of a file or script, with what stands
/// before the value.
fn secret_line(text: &str) -> Option<&str> {
    static PATTERN: OnceLock<Regex> = OnceLock::new();
    let lower = text.to_ascii_lowercase();
    if !WORDS.iter().any(|word| lower.contains(word)) {
        return None;
    }
    let pattern = PATTERN.get_or_init(|| {
        regex(
            r#"(?im)^[^\n]{0,80}?(?:password|passwd|secret|token|api_?key|access_?key)["']?[ \t]*[:=][ \t]*["']?([^\s"',;()\[\]{}<>]{8,})(?:["',;\s]|$)"#,
        )
    });
    pattern.captures_iter(text).find_map(|found| {
        let value = found.get(1)?;
        let before = text[found.get(0)?.start()..value.start()].trim_start();
        let is_secret = looks_random(value.as_str()) || is_plain_name(before) && looks_chosen(value.as_str());
        is_secret.then_some(before)
    })
}

/// The secret that a text holds, if it holds one. `name` is what the text is called.
pub fn find<'t>(text: &'t str, name: &str) -> Option<Secret<'t>> {
    if text.len() < SHORTEST {
        return None;
    }
    // The id of a key is not the key.
    let is_id = || name.to_ascii_lowercase().replace(['_', '-'], "").ends_with("keyid");
    if let Some(shape) = shape(text).filter(|_| !is_id()) {
        return Some(Secret::Known(shape));
    }
    if has_url_with_password(text) {
        return Some(Secret::Url);
    }
    let is_named = is_secret_name(name)
        && !text.contains(char::is_whitespace)
        && (looks_random(text) || is_plain_name(name) && looks_chosen(text));
    if is_named {
        return Some(Secret::Named(""));
    }
    let line = text.contains('\n').then(|| secret_line(text)).flatten();
    line.map(Secret::Named)
}

impl<'t> Secret<'t> {
    /// What stands before it in its text.
    pub fn before(self) -> &'t str {
        match self {
            Secret::Named(before) => before,
            Secret::Known(_) | Secret::Url => "",
        }
    }

    /// A finding in a few words, without the value.
    pub fn words(self) -> String {
        match self {
            Secret::Known(what) => format!("{what} stands here in plain text"),
            Secret::Url => "a URL with a password stands here in plain text".to_owned(),
            Secret::Named(_) => "a value that looks like a secret stands here in plain text".to_owned(),
        }
    }
}

/// What stands for a value that comes from elsewhere.
fn is_placeholder(text: &str) -> bool {
    let lower = text.to_ascii_lowercase();
    text.starts_with(['$', '<', '{', '%', '*'])
        || text.contains("${")
        || text.contains("$(")
        || text.contains("{{")
        || [
            "changeme",
            "change-me",
            "change_me",
            "placeholder",
            "example",
            "replace",
            "redacted",
            "your-",
            "xxxx",
            "todo",
        ]
        .iter()
        .any(|word| lower.contains(word))
}

/// Whether a value could have been made by chance: many different characters, of several kinds. Names,
/// paths, hosts and words are not.
fn looks_random(text: &str) -> bool {
    if text.len() < 8 || is_placeholder(text) || text.contains(['/', '\\']) && text.starts_with(['/', '.']) {
        return false;
    }
    if text.contains("://") || text.ends_with(".svc") || text.contains(".svc.") {
        return false;
    }
    let has = |kind: fn(&char) -> bool| usize::from(text.chars().any(|c| kind(&c)));
    let kinds = has(char::is_ascii_lowercase)
        + has(char::is_ascii_uppercase)
        + has(char::is_ascii_digit)
        + has(|c| c.is_ascii_punctuation() && !matches!(c, '-' | '_' | '.'));
    let is_name = text.split(['-', '_', '.']).all(|part| {
        let letters = part.trim_end_matches(|c: char| c.is_ascii_digit());
        letters.bytes().all(|byte| byte.is_ascii_lowercase()) || letters.bytes().all(|byte| byte.is_ascii_uppercase())
    });
    kinds >= 2 && !is_name && entropy(text) >= 2.75
}

/// Whether a value could be a password that somebody chose: one word of letters and digits.
fn looks_chosen(text: &str) -> bool {
    let has = |kind: fn(&u8) -> bool| text.as_bytes().iter().any(kind);
    text.len() >= SHORTEST
        && !is_placeholder(text)
        && text
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b"!@#%^&*+_".contains(&byte))
        && has(u8::is_ascii_alphabetic)
        && has(u8::is_ascii_digit)
}

/// Bits for each character, by how often each comes (Shannon).
fn entropy(text: &str) -> f64 {
    let mut counts = [0u32; 256];
    text.bytes().for_each(|byte| counts[usize::from(byte)] += 1);
    let total = text.len() as f64;
    let bits = counts.iter().filter(|count| **count > 0).map(|&count| {
        let share = f64::from(count) / total;
        -share * libm::log2(share)
    });
    bits.sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_shape_begins_as_it_may() {
        for (shape, what) in SHAPES {
            let plain = shape.trim_start_matches(r"\b").trim_start_matches("(?:");
            let first = [plain.as_bytes()[0], plain.as_bytes()[1]];
            assert!(may_begin(first), "{what}: {shape}");
        }
        assert!(may_begin(*b"AS"), "the second of two ways to begin");
    }

    #[test]
    fn names_say_what_is_secret() {
        for name in [
            "DB_PASSWORD",
            "apiKey",
            "token",
            "ACCESS_KEY",
            "credentials",
            "x-secret",
        ] {
            assert!(is_secret_name(name), "{name}");
        }
        for name in ["", "key", "tokens", "secretName", "ü"] {
            assert!(!is_secret_name(name), "{name}");
        }
    }

    #[test]
    fn secrets_are_told_from_names() {
        let table = [
            ("-----BEGIN RSA PRIVATE KEY-----\nMIIE", "x", true),
            ("-----BEGIN PUBLIC KEY-----\nMIIE", "x", false),
            ("postgres://iris:Tr0ub4dor@db/iris", "DSN", true),
            ("postgres://iris:$(PASSWORD)@db/iris", "DSN", false),
            ("https://db.iris.svc:5432/a@b", "DSN", false),
            ("Tr0ub4dor&3", "DB_PASSWORD", true),
            ("Tr0ub4dor&3", "REGION", false),
            ("iris-database", "DB_PASSWORD_SECRET", false),
            ("/var/run/secrets/token", "TOKEN", false),
            ("${DB_PASSWORD}", "DB_PASSWORD", false),
            ("changeme123!", "PASSWORD", false),
            ("a9F3kLq8Zx0pVb7N", "api_key", true),
            ("user = iris\npassword = \"a9F3kLq8Zx\"\n", "config.ini", true),
            (
                "tokenizer: bert-base-uncased\nsecret_name: iris-v2-db\n",
                "config.yaml",
                false,
            ),
            ("max_tokens: 40961234\n", "config.yaml", false),
            ("secret:\n  secretName: Abc123defg\n", "config.yaml", false),
            ("access_key = iam.create_access_key(User2)\n", "sync.py", false),
            ("set -e\nexport AWS_SECRET_ACCESS_KEY=minioadmin123\n", "args", true),
            ("set -e\nexport PASSWORD_FILE=minioadmin123\n", "args", false),
            ("[s3]\nsecret_access_key = ${SECRET_KEY}\n", "rclone.conf", false),
            ("minioadmin123", "MINIO_ROOT_PASSWORD", true),
            ("minioadmin123", "MINIO_TOKEN", false),
            ("iris-database-2", "DB_PASSWORD", false),
            ("AKIAABCDEFGHIJKLMNOP", "accessKeyID", false),
            ("AKIAABCDEFGHIJKLMNOP", "data", true),
        ];
        for (text, name, expected) in table {
            assert_eq!(find(text, name).is_some(), expected, "{name}: {text}");
        }
        assert_eq!(
            find(&format!("key=AIza{}", "Ab1_".repeat(8) + "xyz"), ""),
            Some(Secret::Known("a Google API key"))
        );
    }
}
