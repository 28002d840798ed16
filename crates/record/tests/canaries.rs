//! Planted secrets never appear in what is recorded, wherever they stand and however they are written.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use proptest::prelude::*;
use record::{Outcome, Recorder, Secrets, Status, canonical};
use serde_json::{Map, Value};

use super::{intent, location, rows};

/// A secret, and whether it was declared; others are known by their form.
#[derive(Clone, Debug)]
struct Canary {
    value: String,
    is_declared: bool,
}

fn canary() -> impl Strategy<Value = Canary> {
    let declared = prop_oneof![
        "[A-Za-z0-9]{8,40}",
        "[ -~]{10,30}".prop_filter("more than marks and blanks", |text| text
            .chars()
            .filter(char::is_ascii_alphanumeric)
            .count()
            > 7),
        "[a-zäöü日本語\"\\\\\n]{9,20}",
    ];
    let shaped = prop_oneof![
        "ya29\\.[A-Za-z0-9_-]{20,60}",
        "eyJ[A-Za-z0-9_-]{20,40}\\.eyJ[A-Za-z0-9_-]{20,40}\\.[A-Za-z0-9_-]{30,50}",
        "AIza[A-Za-z0-9_-]{35}",
        "GOCSPX-[A-Za-z0-9_-]{28}",
        "ghp_[A-Za-z0-9]{36}",
        "1//0[A-Za-z0-9_-]{40}",
        "[A-Za-z0-9+/]{64}\n[A-Za-z0-9+/]{64}"
            .prop_map(|key| format!("-----BEGIN PRIVATE KEY-----\n{key}\n-----END PRIVATE KEY-----\n")),
        "[A-Za-z0-9+/]{64}".prop_map(|key| {
            let key = format!("-----BEGIN PRIVATE KEY-----\n{key}\n-----END PRIVATE KEY-----\n");
            serde_json::json!({"type": "service_account", "private_key": key, "client_email": "a@acme.com"}).to_string()
        }),
        "[A-Za-z0-9._~-]{20,40}".prop_map(|token| format!("Bearer {token}")),
    ];
    prop_oneof![
        declared.prop_map(|value| Canary {
            value,
            is_declared: true
        }),
        shaped.prop_map(|value| Canary {
            value,
            is_declared: false
        }),
    ]
}

/// How it is written down.
#[derive(Clone, Copy, Debug)]
enum Form {
    Plain,
    Base64,
    Base64Url,
    Percent,
    Hex,
    Json,
    PercentOfBase64,
    Base64OfBase64,
    /// Declared ones alone: the places where another text is cut are not known.
    InsideBase64(usize),
}

fn form() -> impl Strategy<Value = Form> {
    prop_oneof![
        Just(Form::Plain),
        Just(Form::Base64),
        Just(Form::Base64Url),
        Just(Form::Percent),
        Just(Form::Hex),
        Just(Form::Json),
        Just(Form::PercentOfBase64),
        Just(Form::Base64OfBase64),
        (0..5_usize).prop_map(Form::InsideBase64),
    ]
}

fn percent(text: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric();
    text.bytes()
        .map(|byte| {
            if plain(byte) {
                char::from(byte).to_string()
            } else {
                format!("%{byte:02x}")
            }
        })
        .collect()
}

fn written(text: &str, form: Form) -> String {
    match form {
        Form::Plain => text.to_owned(),
        Form::Base64 => STANDARD.encode(text),
        Form::Base64Url => URL_SAFE_NO_PAD.encode(text),
        Form::Percent => percent(text),
        Form::Hex => text.bytes().map(|byte| format!("{byte:02x}")).collect(),
        Form::Json => serde_json::json!({"value": text}).to_string(),
        Form::PercentOfBase64 => percent(&STANDARD.encode(text)),
        Form::Base64OfBase64 => STANDARD.encode(STANDARD.encode(text)),
        Form::InsideBase64(before) => STANDARD.encode(format!("{}{text} and more", "x".repeat(before))),
    }
}

/// A text that may not appear, of a secret that was planted.
fn telling(canary: &Canary) -> Vec<String> {
    let inside = match &canary.value {
        // The words around it are no secret.
        text if text.contains("PRIVATE KEY") => {
            let start = text.find("-----\n").or_else(|| text.find(r"-----\n")).unwrap();
            let key = text[start + 5..].trim_start_matches(['\\', 'n', '\n']);
            key[..40].to_owned()
        }
        text => text.strip_prefix("Bearer ").unwrap_or(text).to_owned(),
    };
    let mut telling = vec![
        inside.clone(),
        STANDARD.encode(&inside),
        URL_SAFE_NO_PAD.encode(&inside),
        percent(&inside),
    ];
    telling.push(inside.bytes().map(|byte| format!("{byte:02x}")).collect());
    telling.push(canonical(&Value::from(inside)).trim_matches('"').to_owned());
    telling
}

fn leaf() -> impl Strategy<Value = Value> {
    prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        ".{0,24}".prop_map(Value::from),
    ]
}

/// Any JSON with the text in it, as a value or a name, at any depth.
fn around(planted: String) -> impl Strategy<Value = Value> {
    let around_text = (".{0,6}", ".{0,6}", any::<bool>()).prop_map(move |(before, after, glued)| match glued {
        true => format!("{before} {planted} {after}"),
        false => planted.clone(),
    });
    let seed = around_text.prop_flat_map(|text| {
        prop_oneof![
            Just(Value::from(text.clone())),
            leaf().prop_map(move |value| Value::Object(Map::from_iter([(text.clone(), value)]))),
        ]
    });
    (
        seed,
        proptest::collection::vec((any::<bool>(), "[a-z]{1,8}", leaf()), 0..5),
    )
        .prop_map(|(seed, layers)| {
            layers
                .into_iter()
                .fold(seed, |inner, (is_list, name, other)| match is_list {
                    true => Value::Array(vec![other, inner]),
                    false => Value::Object(Map::from_iter([("other".to_owned(), other), (name, inner)])),
                })
        })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1500))]

    #[test]
    fn canaries_never_appear(
        (canary, form, value) in (canary(), form()).prop_flat_map(|(canary, form)| {
            let planted = written(&canary.value, form);
            (Just(canary), Just(form), around(planted))
        })
    ) {
        let declared = canary.is_declared.then(|| canary.value.clone());
        let mut cleaned = value.clone();
        Secrets::declared(declared).clean(&mut cleaned);
        let text = canonical(&cleaned);
        for telling in telling(&canary) {
            prop_assert!(!text.contains(&telling), "{telling} of {canary:?} as {form:?} in {text}");
        }
        let planted = written(&canary.value, form);
        prop_assert!(!text.contains(&planted) , "{planted}");
    }
}

#[test]
fn no_field_of_an_entry_lets_a_secret_through() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("record.db");
    let secret = "correct horse battery";
    let recorder = Recorder::open(&location(&path), Secrets::declared([secret.to_owned()])).unwrap();
    let fill = |name: &str| format!("{name} {secret} ya29.{name}AbCdEfGhIj Bearer {name}0123456789");
    let mut intent = intent(&fill("resource"));
    intent.who = record::Who::Pod {
        name: fill("name"),
        claims: record::Claims::of(
            serde_json::json!({"sub": fill("sub"), "kubernetes.io": {fill("claim"): [fill("inner")]}})
                .as_object()
                .unwrap()
                .clone(),
        ),
    };
    intent.what.verb = fill("verb");
    intent.what.changes = vec![fill("change")];
    intent.as_whom = Some(fill("asWhom"));
    intent.environment = Some(fill("environment"));
    intent.why = record::Why {
        trigger: Some(fill("trigger")),
        commit: Some(fill("commit")),
        release: Some(fill("release")),
        approval: Some(fill("approval")),
    };
    let outcome = Outcome {
        status: Status::Failed,
        message: Some(fill("message")),
        answer: Some(serde_json::json!({fill("key"): [fill("value")]})),
    };
    recorder.begin(&intent).unwrap().finish(&outcome).unwrap();
    let rows = rows(&path);
    assert_eq!(rows.len(), 2);
    let names = [
        "resource",
        "name",
        "sub",
        "claim",
        "inner",
        "verb",
        "change",
        "asWhom",
        "environment",
        "trigger",
        "commit",
        "release",
        "approval",
        "message",
        "key",
        "value",
    ];
    let all = format!("{}{}", rows[0].text, rows[1].text);
    for name in names {
        assert!(
            all.contains(&format!(
                "{name} [removed] [removed: a Google access token] Bearer [removed: a token]"
            )),
            "{name}: {all}"
        );
    }
    // Nor in the file itself, or beside it.
    drop(recorder);
    for file in std::fs::read_dir(directory.path()).unwrap() {
        let bytes = std::fs::read(file.unwrap().path()).unwrap();
        assert!(!bytes.windows(secret.len()).any(|window| window == secret.as_bytes()));
        assert!(!bytes.windows(5).any(|window| window == b"ya29."));
    }
}
