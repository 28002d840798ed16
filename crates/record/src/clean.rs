//! The one place that takes secrets out of what is recorded, before it becomes canonical JSON.
//!
//! Secrets are known by their shape (`credential`), by the name of the field that holds them, or because the caller has
//! declared them; also in names of members, percent-encoded, in base64 and hexadecimal digits, in JSON inside of a text, and
//! in any of these inside of another.

use base64::Engine as _;
use base64::engine::DecodePaddingMode;
use base64::engine::general_purpose::{GeneralPurpose, GeneralPurposeConfig, STANDARD_NO_PAD, URL_SAFE_NO_PAD};
use serde_json::{Map, Value};

use crate::canonical::canonical;

const REMOVED: &str = "[removed]";
/// A declared secret that is shorter is looked for as a whole text only: in others it would be found by chance.
const SHORTEST: usize = 6;
/// How deep texts are unpacked.
const DEPTH: u8 = 4;
/// A shorter run of base64 holds no secret.
const SHORTEST_RUN: usize = 8;

/// Secrets that a caller has, and which are not to be recorded. They are not shown, not even for debugging.
#[derive(Default)]
pub struct Secrets {
    declared: Vec<Declared>,
}

struct Declared {
    value: String,
    /// The value in base64 and hexadecimal digits, as far as it shows inside of something longer.
    encoded: Vec<String>,
}

impl Secrets {
    /// Besides those that are known by themselves.
    pub fn declared(values: impl IntoIterator<Item = String>) -> Secrets {
        let values = values.into_iter().filter(|value| !value.is_empty());
        Secrets {
            declared: values.map(Declared::new).collect(),
        }
    }

    /// Takes secrets out of a value.
    pub fn clean(&self, value: &mut Value) {
        self.clean_to(value, DEPTH);
    }

    fn clean_to(&self, value: &mut Value, depth: u8) {
        match value {
            Value::Null | Value::Bool(_) => {}
            Value::Number(number) => {
                let is_whole = number.as_i64().is_none_or(|whole| whole.unsigned_abs() > 1 << 53) && !number.is_f64();
                let text = number.to_string();
                if let Some(cleaned) = self.clean_text(&text, 0) {
                    *value = Value::String(cleaned);
                } else if is_whole {
                    // As a double it would be another number.
                    *value = Value::String(text);
                }
            }
            Value::String(text) => {
                if let Some(cleaned) = self.clean_text(text, depth) {
                    *text = cleaned;
                }
            }
            Value::Array(items) => items.iter_mut().for_each(|item| self.clean_to(item, depth)),
            Value::Object(members) => self.clean_object(members, depth),
        }
    }

    fn clean_object(&self, members: &mut Map<String, Value>, depth: u8) {
        let is_secret_object = members.get("kind").is_some_and(|kind| kind == "Secret");
        // An environment variable, a parameter, a header.
        let name = ["name", "key"].into_iter().find_map(|name| members.get(name)?.as_str());
        let has_secret_name = name.is_some_and(is_secret_field);
        let mut names_change = false;
        for (name, value) in members.iter_mut() {
            names_change |= self.clean_text(name, depth).is_some();
            let is_secret = is_secret_field(name)
                || has_secret_name && matches!(&**name, "value" | "stringValue" | "values")
                || is_secret_object && matches!(&**name, "data" | "stringData");
            match value {
                Value::Null | Value::Bool(_) => {}
                Value::String(text) if text.is_empty() || is_secret && is_reference(text) => {}
                Value::Object(payload) if name == "payload" && payload.contains_key("data") => {
                    // The value of a version of a secret.
                    payload.insert("data".to_owned(), Value::from(REMOVED));
                    self.clean_object(payload, depth);
                }
                _ if is_secret => *value = Value::from(REMOVED),
                _ => self.clean_to(value, depth),
            }
        }
        if names_change {
            let before = std::mem::take(members);
            for (name, value) in before {
                let cleaned = self.clean_text(&name, depth).unwrap_or(name);
                let mut name = cleaned.clone();
                let mut count = 1;
                while members.contains_key(&name) {
                    count += 1;
                    name = format!("{cleaned} {count}");
                }
                members.insert(name, value);
            }
        }
    }

    /// A text without its secrets; none where it has none.
    fn clean_text(&self, text: &str, depth: u8) -> Option<String> {
        let mut cleaned: Option<String> = None;
        for secret in &self.declared {
            let current = cleaned.as_deref().unwrap_or(text);
            if secret.is_in_encoded(current) {
                return Some(REMOVED.to_owned());
            }
            if secret.is_in(current) {
                cleaned = Some(match secret.value.len() < SHORTEST {
                    true => REMOVED.to_owned(),
                    false => current.replace(&secret.value, REMOVED),
                });
            }
        }
        let current = cleaned.as_deref().unwrap_or(text);
        let places = credential::places(current);
        if !places.is_empty() {
            let mut shown = current.to_owned();
            for (range, what) in places.into_iter().rev() {
                shown.replace_range(range, &format!("[removed: {what}]"));
            }
            cleaned = Some(shown);
        }
        let current = cleaned.as_deref().unwrap_or(text);
        if depth > 0 {
            if let Some(document) = document(current) {
                let mut inner = document.clone();
                self.clean_to(&mut inner, depth - 1);
                // Numbers that become texts are no secrets.
                if inner != document {
                    cleaned = Some(canonical(&inner));
                }
            }
            let current = cleaned.as_deref().unwrap_or(text);
            if views(current).iter().any(|view| self.is_dirty(view, depth - 1)) {
                return Some(REMOVED.to_owned());
            }
        }
        cleaned
    }

    /// Whether there is a secret in what a text stands for.
    fn is_dirty(&self, text: &str, depth: u8) -> bool {
        self.clean_text(text, depth).is_some()
    }
}

impl Declared {
    fn new(value: String) -> Declared {
        let mut encoded = Vec::new();
        if value.len() >= SHORTEST {
            for engine in [STANDARD_NO_PAD, URL_SAFE_NO_PAD] {
                encoded.extend((0..3).map(|offset| core_of_base64(&engine, value.as_bytes(), offset)));
            }
            encoded.push(value.bytes().map(|byte| format!("{byte:02x}")).collect());
            encoded.push(value.bytes().map(|byte| format!("{byte:02X}")).collect());
            // As it stands in JSON, without the quotes.
            let json = canonical(&Value::from(value.clone()));
            encoded.push(json.trim_start_matches('"').trim_end_matches('"').to_owned());
            encoded.retain(|form| *form != value);
            encoded.sort_unstable();
            encoded.dedup();
        }
        Declared { value, encoded }
    }

    fn is_in(&self, text: &str) -> bool {
        match self.value.len() < SHORTEST {
            true => text == self.value,
            false => text.contains(&self.value),
        }
    }

    fn is_in_encoded(&self, text: &str) -> bool {
        self.encoded.iter().any(|form| text.contains(form))
    }
}

/// The characters of base64 that are of these bytes alone, where so many other bytes (modulo 3) stand before them.
fn core_of_base64(engine: &GeneralPurpose, bytes: &[u8], offset: usize) -> String {
    let mut padded = vec![0; offset];
    padded.extend(bytes);
    let text = engine.encode(&padded);
    text[(offset * 8).div_ceil(6)..padded.len() * 8 / 6].to_owned()
}

/// Names of fields that hold secrets, in Google's APIs and Kubernetes', without marks between words and in small letters.
/// Those that end in what `credential::is_secret_name` knows need not be here.
const FIELDS: [&str; 19] = [
    "assertion",
    "authorization",
    "clientkeydata",
    "cookie",
    "customerencryptionkey",
    "encryptionkey",
    "keystring",
    "passphrase",
    "plaintext",
    "privatekey",
    "privatekeydata",
    "proxyauthorization",
    "secretaccesskey",
    "secretkey",
    "setcookie",
    "signedblob",
    "signedjwt",
    "signedurl",
    "sharedsecret",
];

/// Names of fields that end in "token" and say where a list goes on, or what a model has read.
const NO_SECRETS: [&str; 6] = [
    "pagetoken",
    "nextpagetoken",
    "synctoken",
    "nextsynctoken",
    "rewritetoken",
    "continuationtoken",
];

fn is_secret_field(name: &str) -> bool {
    let plain: String = name.chars().filter(char::is_ascii_alphanumeric).collect();
    let plain = plain.to_ascii_lowercase();
    if NO_SECRETS.contains(&plain.as_str()) {
        return false;
    }
    FIELDS.contains(&plain.as_str()) || credential::is_secret_name(&plain)
}

/// The name of a secret is none.
fn is_reference(text: &str) -> bool {
    text.strip_prefix("projects/").is_some_and(|rest| {
        let name = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '/' | '.');
        rest.contains("/secrets/") && rest.len() < 400 && rest.chars().all(name)
    })
}

/// JSON inside of a text.
fn document(text: &str) -> Option<Value> {
    let text = text.trim_start();
    let is_one = text.starts_with(['{', '[', '"']) && text.len() > 2;
    is_one.then(|| serde_json::from_str(text).ok()).flatten()
}

/// What a text may stand for: without percent signs, without line breaks, and runs of base64 and hexadecimal digits unpacked.
fn views(text: &str) -> Vec<String> {
    let mut views = Vec::new();
    if text.contains('%') {
        views.extend(percent_decoded(text));
    }
    if text.contains('+') && !text.contains(' ') {
        let spaced = text.replace('+', " ");
        views.push(percent_decoded(&spaced).unwrap_or(spaced));
    }
    if text.contains(['\n', '\r']) {
        let joined: String = text.chars().filter(|c| !c.is_whitespace()).collect();
        unpack(&joined, &mut views);
    }
    unpack(text, &mut views);
    views
}

fn percent_decoded(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    let mut is_changed = false;
    while let [first, after @ ..] = rest {
        let digits = after.get(..2).and_then(|digits| std::str::from_utf8(digits).ok());
        let decoded = digits
            .filter(|_| *first == b'%')
            .and_then(|digits| u8::from_str_radix(digits, 16).ok());
        is_changed |= decoded.is_some();
        bytes.push(decoded.unwrap_or(*first));
        rest = if decoded.is_some() { &after[2..] } else { after };
    }
    is_changed.then(|| String::from_utf8_lossy(&bytes).into_owned())
}

/// Texts that runs of base64 and hexadecimal digits are, from whichever character on.
fn unpack(text: &str, views: &mut Vec<String>) {
    const LENIENT: GeneralPurposeConfig = GeneralPurposeConfig::new()
        .with_decode_allow_trailing_bits(true)
        .with_decode_padding_mode(DecodePaddingMode::Indifferent);
    const BASE64: GeneralPurpose = GeneralPurpose::new(&base64::alphabet::STANDARD, LENIENT);
    let is_digit = |c: char| c.is_ascii_alphanumeric() || matches!(c, '+' | '/' | '-' | '_');
    for run in text.split(|c| !is_digit(c)).filter(|run| run.len() >= SHORTEST_RUN) {
        let standard = run.replace('-', "+").replace('_', "/");
        for offset in 0..4 {
            let part = &standard[offset..];
            // One character alone is no byte.
            let part = if part.len() % 4 == 1 {
                &part[..part.len() - 1]
            } else {
                part
            };
            views.extend(BASE64.decode(part).ok().and_then(readable));
        }
        for part in run
            .split(|c: char| !c.is_ascii_hexdigit())
            .filter(|part| part.len() >= 2 * SHORTEST_RUN)
        {
            let digit = |byte: u8| char::from(byte).to_digit(16).unwrap_or_default();
            let pairs = part.as_bytes().chunks_exact(2);
            let bytes = pairs.map(|pair| u8::try_from(digit(pair[0]) * 16 + digit(pair[1])).unwrap_or_default());
            views.extend(readable(bytes.collect()));
        }
    }
}

/// Bytes that may be a text: most of what could be base64 is none.
fn readable(bytes: Vec<u8>) -> Option<String> {
    let text = String::from_utf8_lossy(&bytes);
    let strange = text
        .chars()
        .filter(|c| *c == char::REPLACEMENT_CHARACTER || c.is_control() && !c.is_whitespace());
    (strange.count() * 4 <= text.chars().count()).then(|| text.into_owned())
}

#[cfg(test)]
mod tests;
