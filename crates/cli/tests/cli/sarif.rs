//! The SARIF that cases expect is SARIF: it is held against the JSON schema of the format.
//!
//! The schema is of draft 4. What is here of that draft is what the schema uses; a word of it that is not
//! known here fails the test, so that nothing passes unseen.

use std::fs;
use std::path::{Path, PathBuf};

use libtest_mimic::{Failed, Trial};
use serde_json::Value;

use crate::run::files;

pub(crate) fn trials() -> Vec<Trial> {
    vec![
        Trial::test("sarif is valid", is_valid),
        Trial::test("sarif schema refuses", refuses),
    ]
}

fn schema() -> Value {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/sarif-2.1.0.schema.json");
    serde_json::from_slice(&fs::read(path).unwrap()).unwrap()
}

fn logs() -> Vec<(PathBuf, Value)> {
    let top = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cases");
    let paths = files(&top)
        .into_iter()
        .filter(|path| path.extension().is_some_and(|end| end == "sarif"));
    paths
        .map(|path| {
            let value = serde_json::from_slice(&fs::read(top.join(&path)).unwrap()).unwrap();
            (path, value)
        })
        .collect()
}

fn is_valid() -> Result<(), Failed> {
    let schema = schema();
    let logs = logs();
    assert!(!logs.is_empty());
    for (path, log) in logs {
        let mut wrong = Vec::new();
        validate(&schema, &schema, &log, "", &mut wrong);
        if !wrong.is_empty() {
            return Err(format!("{}\n{}", path.display(), wrong.join("\n")).into());
        }
    }
    Ok(())
}

/// A log with one thing wrong is not accepted.
fn refuses() -> Result<(), Failed> {
    let schema = schema();
    let (_, log) = logs().swap_remove(0);
    let changes: [(&str, Value); 7] = [
        ("/version", "2.0.0".into()),
        ("/runs/0/results/0/level", "fatal".into()),
        ("/runs/0/results/0/message", Value::Object(serde_json::Map::new())),
        (
            "/runs/0/results/0/locations/0/physicalLocation/region/startLine",
            0.into(),
        ),
        (
            "/runs/0/results/0/locations/0/physicalLocation/artifactLocation/uri",
            "my models/x".into(),
        ),
        ("/runs/0/tool/driver/name", Value::Null),
        (
            "/runs/0/tool/driver/rules/0",
            serde_json::json!({"id": "x", "severity": "high"}),
        ),
    ];
    for (pointer, value) in changes {
        let mut log = log.clone();
        *log.pointer_mut(pointer).unwrap() = value;
        let mut wrong = Vec::new();
        validate(&schema, &schema, &log, "", &mut wrong);
        if wrong.is_empty() {
            return Err(format!("{pointer} was changed and accepted").into());
        }
    }
    Ok(())
}

fn validate(root: &Value, schema: &Value, value: &Value, at: &str, wrong: &mut Vec<String>) {
    for (word, says) in schema.as_object().unwrap() {
        let is_right = match word.as_str() {
            "$schema" | "title" | "id" | "description" | "default" | "definitions" => true,
            "$ref" => {
                let target = root.pointer(says.as_str().unwrap().trim_start_matches('#')).unwrap();
                validate(root, target, value, at, wrong);
                true
            }
            "type" => match says {
                Value::Array(types) => types.iter().any(|name| is_of(value, name)),
                name => is_of(value, name),
            },
            "enum" => says.as_array().unwrap().contains(value),
            "minimum" => value.as_f64().is_none_or(|number| number >= says.as_f64().unwrap()),
            "maximum" => value.as_f64().is_none_or(|number| number <= says.as_f64().unwrap()),
            "minItems" => value
                .as_array()
                .is_none_or(|items| items.len() as u64 >= says.as_u64().unwrap()),
            "uniqueItems" => value
                .as_array()
                .is_none_or(|items| items.iter().enumerate().all(|(at, item)| !items[..at].contains(item))),
            "required" => says.as_array().unwrap().iter().all(|name| {
                value
                    .as_object()
                    .is_none_or(|map| map.contains_key(name.as_str().unwrap()))
            }),
            "anyOf" => says.as_array().unwrap().iter().any(|schema| {
                let mut inner = Vec::new();
                validate(root, schema, value, at, &mut inner);
                inner.is_empty()
            }),
            "items" => {
                for (index, item) in value.as_array().into_iter().flatten().enumerate() {
                    validate(root, says, item, &format!("{at}/{index}"), wrong);
                }
                true
            }
            "properties" => {
                for (name, schema) in says.as_object().unwrap() {
                    if let Some(value) = value.get(name) {
                        validate(root, schema, value, &format!("{at}/{name}"), wrong);
                    }
                }
                true
            }
            "additionalProperties" => {
                let known = |name: &str| schema.get("properties").is_some_and(|known| known.get(name).is_some());
                let more = value.as_object().into_iter().flatten().filter(|(name, _)| !known(name));
                match says {
                    Value::Bool(allowed) => *allowed || more.count() == 0,
                    schema => {
                        more.for_each(|(name, value)| validate(root, schema, value, &format!("{at}/{name}"), wrong));
                        true
                    }
                }
            }
            "format" => value.as_str().is_none_or(|text| match says.as_str().unwrap() {
                "uri" => is_uri_reference(text) && text.contains("://"),
                "uri-reference" => is_uri_reference(text),
                format => panic!("the format {format} is not known here"),
            }),
            // None of what a report says has one.
            "pattern" => value.is_null(),
            word => panic!("the word {word} is not known here"),
        };
        if !is_right {
            wrong.push(format!("{at}: {word} {says} does not hold for {value}"));
        }
    }
}

fn is_of(value: &Value, name: &Value) -> bool {
    match name.as_str().unwrap() {
        "object" => value.is_object(),
        "array" => value.is_array(),
        "string" => value.is_string(),
        "boolean" => value.is_boolean(),
        "integer" => value.is_i64() || value.is_u64(),
        "number" => value.is_number(),
        "null" => value.is_null(),
        name => panic!("the type {name} is not known here"),
    }
}

/// Only characters of RFC 3986, and percent signs with two digits each.
fn is_uri_reference(text: &str) -> bool {
    let is_allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~:/?#[]@!$&'()*+,;=%".contains(&byte);
    let escapes = text.split('%').skip(1);
    text.bytes().all(is_allowed)
        && escapes
            .into_iter()
            .all(|rest| rest.len() >= 2 && rest.bytes().take(2).all(|byte| byte.is_ascii_hexdigit()))
}
