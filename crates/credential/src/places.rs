//! Where in a text a secret may be: for a log, which is to hold none. What looks like one is one here, wherever the text
//! comes from and whatever stands around it.

use std::ops::Range;
use std::sync::OnceLock;

use regex::Regex;

use super::SHAPES;

/// What is wider than a shape of [`SHAPES`]: all of a key, what follows a word such as `Bearer`. Where there is a group, it is the
/// secret.
const WIDE: [(&str, &str); 7] = [
    (
        r"-----BEGIN (?:[A-Z0-9]+ )*PRIVATE KEY(?: BLOCK)?-----(?s:.*?)(?:-----END (?:[A-Z0-9]+ )*PRIVATE KEY(?: BLOCK)?-----|\z)",
        "a private key",
    ),
    (r"ya29\.[0-9A-Za-z._~+/%=-]{4,}", "a Google access token"),
    (r"1//0[0-9A-Za-z_-]{20,}", "a Google refresh token"),
    (r"eyJ[0-9A-Za-z_-]{8,}(?:\.[0-9A-Za-z_-]*){2,4}", "a JSON web token"),
    (r"(?i)(?:bearer|basic)[ \t:+]+([0-9A-Za-z._~+/=-]{8,})", "a token"),
    (r"[A-Za-z][A-Za-z0-9+.-]*://[^\s/:@?#]*:([^\s/@]+)@", "a password"),
    (
        r#"(?im)(?:^|[?&;,\s"'])(?:[a-z_-]*_token|authorization|client_secret|password|passwd|secret|api_?key|(?:x-[a-z]+-)?signature|sig)["']?[:=][ \t]*["']?([^\s&"',;<>]{4,})"#,
        "a secret",
    ),
];

/// Words of which a text must hold one, in any case, before it is looked at closer.
const WORDS: [&str; 28] = [
    "-----begin",
    "aiza",
    "ya29.",
    "gocspx-",
    "akia",
    "asia",
    "ghp_",
    "gho_",
    "ghu_",
    "ghs_",
    "ghr_",
    "github_pat_",
    "glpat-",
    "xox",
    "hf_",
    "sk-",
    "npm_",
    "eyj",
    "1//0",
    "bearer",
    "basic",
    "://",
    "_token",
    "passw",
    "secret",
    "key",
    "sig",
    "authorization",
];

/// The places of a text that a secret may be at, in their order, each with what it would be. They do not overlap.
pub fn places(text: &str) -> Vec<(Range<usize>, &'static str)> {
    static PATTERNS: OnceLock<Vec<(Regex, &'static str)>> = OnceLock::new();
    let lower = text.to_ascii_lowercase();
    if !WORDS.iter().any(|word| lower.contains(word)) {
        return Vec::new();
    }
    let patterns = PATTERNS.get_or_init(|| {
        let shapes = SHAPES.iter().map(|(shape, what)| {
            let anywhere = shape.trim_start_matches(r"\b").trim_end_matches(r"\b");
            (super::regex(anywhere), *what)
        });
        let wide = WIDE.iter().map(|(pattern, what)| (super::regex(pattern), *what));
        wide.chain(shapes).collect()
    });
    let mut found = Vec::new();
    for (pattern, what) in patterns {
        for captures in pattern.captures_iter(text) {
            if let Some(place) = captures.get(1).or_else(|| captures.get(0)) {
                found.push((place.range(), *what));
            }
        }
    }
    found.sort_by_key(|(range, _)| (range.start, std::cmp::Reverse(range.end)));
    joined(found)
}

/// Places that overlap become one, which is called as the first of them.
fn joined(found: Vec<(Range<usize>, &'static str)>) -> Vec<(Range<usize>, &'static str)> {
    let mut joined: Vec<(Range<usize>, &'static str)> = Vec::with_capacity(found.len());
    for (range, what) in found {
        match joined.last_mut() {
            Some((last, _)) if range.start < last.end => last.end = last.end.max(range.end),
            _ => joined.push((range, what)),
        }
    }
    joined
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_of_a_secret_is_in_its_place() {
        let api_key = format!("AIza{}", "Ab1_".repeat(8) + "xyz");
        let table = [
            ("plain words of an answer", ""),
            ("projects/acme/secrets/db/versions/1", ""),
            ("nextPageToken: CAE", ""),
            ("got ya29.c.b0Aaekm1K-x_y, sorry", "got #, sorry"),
            ("ya29.abcdefgh", "#"),
            ("Authorization: Bearer abc.def-ghi", "Authorization: # #"),
            ("it said: Bearer abc.def-ghi", "it said: Bearer #"),
            (
                "x-----BEGIN PRIVATE KEY-----\nMII\n-----END PRIVATE KEY-----\ny",
                "x#\ny",
            ),
            (r"-----BEGIN RSA PRIVATE KEY-----\nMIIabc", "#"),
            ("a eyJhbGciOiJSUzI1.eyJzdWIiOiJhIn0.c2lnbmF0dXJl b", "a # b"),
            ("postgres://ann:pw@db/x", "postgres://ann:#@db/x"),
            (
                "https://x/o?a=1&X-Goog-Signature=abcdef&b=2",
                "https://x/o?a=1&X-Goog-Signature=#&b=2",
            ),
            ("user=ann password=hunter22 x", "user=ann password=# x"),
            ("1//0gabcdefghijklmnopqrstuvw", "#"),
            (&format!("({api_key}xyz)"), "(#xyz)"),
        ];
        for (text, wanted) in table {
            let mut hidden = text.to_owned();
            for (range, _) in places(text).into_iter().rev() {
                hidden.replace_range(range, "#");
            }
            assert_eq!(hidden, if wanted.is_empty() { text } else { wanted }, "{text}");
        }
    }

    #[test]
    fn every_pattern_has_a_word() {
        for (shape, what) in SHAPES {
            let lower = shape.to_ascii_lowercase();
            let plain = lower.trim_start_matches(r"\b").trim_start_matches("(?:");
            let is_known = WORDS.iter().any(|word| plain.starts_with(&word[..2.min(word.len())]));
            assert!(is_known, "{what}");
        }
    }
}
