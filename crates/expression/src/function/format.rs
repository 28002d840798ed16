//! Named formats of Kubernetes' names and of OpenAPI (`library/format.go`).

use super::url::Url;
use super::{Form, Row, no_overload, text};
use crate::time::Timestamp;
use crate::value::Value;

pub(super) const FUNCTIONS: &[Row] = &[
    ("format.named", Form::Global, &[1], |_, values| {
        let name = text("format.named", values, 0)?;
        let found = FORMATS.iter().find(|(known, _)| *known == name);
        Ok(Value::optional(found.map(|(_, format)| Value::Format(*format))))
    }),
    ("validate", Form::Receiver, &[1], |meter, values| {
        let Value::Format(format) = &values[0] else {
            return no_overload("validate", values);
        };
        let text = text("validate", values, 1)?;
        meter.read(text.len().saturating_mul(4))?;
        let defects: Vec<Value> = format.defects(text).into_iter().map(Value::from).collect();
        Ok(Value::optional((!defects.is_empty()).then(|| Value::list(defects))))
    }),
    ("format.dns1123Label", Form::Global, &[0], |_, _| {
        Ok(Value::Format(Format::Dns1123Label))
    }),
    ("format.dns1123Subdomain", Form::Global, &[0], |_, _| {
        Ok(Value::Format(Format::Dns1123Subdomain))
    }),
    ("format.dns1035Label", Form::Global, &[0], |_, _| {
        Ok(Value::Format(Format::Dns1035Label))
    }),
    ("format.qualifiedName", Form::Global, &[0], |_, _| {
        Ok(Value::Format(Format::QualifiedName))
    }),
    ("format.dns1123LabelPrefix", Form::Global, &[0], |_, _| {
        Ok(Value::Format(Format::Dns1123LabelPrefix))
    }),
    ("format.dns1123SubdomainPrefix", Form::Global, &[0], |_, _| {
        Ok(Value::Format(Format::Dns1123SubdomainPrefix))
    }),
    ("format.dns1035LabelPrefix", Form::Global, &[0], |_, _| {
        Ok(Value::Format(Format::Dns1035LabelPrefix))
    }),
    ("format.labelValue", Form::Global, &[0], |_, _| {
        Ok(Value::Format(Format::LabelValue))
    }),
    ("format.uri", Form::Global, &[0], |_, _| Ok(Value::Format(Format::Uri))),
    ("format.uuid", Form::Global, &[0], |_, _| {
        Ok(Value::Format(Format::Uuid))
    }),
    ("format.byte", Form::Global, &[0], |_, _| {
        Ok(Value::Format(Format::Byte))
    }),
    ("format.date", Form::Global, &[0], |_, _| {
        Ok(Value::Format(Format::Date))
    }),
    ("format.datetime", Form::Global, &[0], |_, _| {
        Ok(Value::Format(Format::DateTime))
    }),
];

/// A format that a text may have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    Dns1123Label,
    Dns1123Subdomain,
    Dns1035Label,
    QualifiedName,
    Dns1123LabelPrefix,
    Dns1123SubdomainPrefix,
    Dns1035LabelPrefix,
    LabelValue,
    Uri,
    Uuid,
    Byte,
    Date,
    DateTime,
}

const FORMATS: [(&str, Format); 13] = [
    ("dns1123Label", Format::Dns1123Label),
    ("dns1123Subdomain", Format::Dns1123Subdomain),
    ("dns1035Label", Format::Dns1035Label),
    ("qualifiedName", Format::QualifiedName),
    ("dns1123LabelPrefix", Format::Dns1123LabelPrefix),
    ("dns1123SubdomainPrefix", Format::Dns1123SubdomainPrefix),
    ("dns1035LabelPrefix", Format::Dns1035LabelPrefix),
    ("labelValue", Format::LabelValue),
    ("uri", Format::Uri),
    ("uuid", Format::Uuid),
    ("byte", Format::Byte),
    ("date", Format::Date),
    ("datetime", Format::DateTime),
];

impl Format {
    /// What is wrong with a text; nothing where it has the format.
    fn defects(self, text: &str) -> Vec<String> {
        let limit = |most: usize| (text.len() > most).then(|| format!("must be no more than {most} bytes"));
        let form = |is_right: bool, words: &str| (!is_right).then(|| words.to_owned());
        let label = "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end with an alphanumeric character";
        let subdomain = "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character";
        let old_label = "a DNS-1035 label must consist of lower case alphanumeric characters or '-', start with an alphabetic character, and end with an alphanumeric character";
        // A prefix may end in a dash, as a name would go on.
        let masked = match text.strip_suffix('-') {
            Some(before) if text.len() > 1 => format!("{before}a"),
            _ => text.to_owned(),
        };
        let defects = match self {
            Format::Dns1123Label => [limit(63), form(is_label(text), label)],
            Format::Dns1123LabelPrefix => [limit(63), form(is_label(&masked), label)],
            Format::Dns1123Subdomain => [limit(253), form(is_subdomain(text), subdomain)],
            Format::Dns1123SubdomainPrefix => [limit(253), form(is_subdomain(&masked), subdomain)],
            Format::Dns1035Label => [limit(63), form(is_old_label(text), old_label)],
            Format::Dns1035LabelPrefix => [limit(63), form(is_old_label(&masked), old_label)],
            Format::QualifiedName => [
                form(
                    is_qualified_name(text),
                    "a qualified name must consist of alphanumeric characters, '-', '_' or '.', with an optional DNS subdomain prefix and '/'",
                ),
                None,
            ],
            Format::LabelValue => [
                limit(63),
                form(
                    text.is_empty() || is_name(text),
                    "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character",
                ),
            ],
            Format::Uri => [form(Url::parse(text).is_some(), "invalid URI for request"), None],
            Format::Uuid => [form(is_uuid(text), "does not match the UUID format"), None],
            Format::Byte => [
                form(
                    text.len().is_multiple_of(4) && crate::function::decode_base64(text).is_some(),
                    "invalid base64",
                ),
                None,
            ],
            Format::Date => [
                form(Timestamp::parse(&format!("{text}T00:00:00Z")).is_some(), "invalid date"),
                None,
            ],
            Format::DateTime => [form(Timestamp::parse(text).is_some(), "invalid datetime"), None],
        };
        defects.into_iter().flatten().collect()
    }
}

fn is_low(byte: u8) -> bool {
    byte.is_ascii_lowercase() || byte.is_ascii_digit()
}

fn is_label(text: &str) -> bool {
    let bytes = text.as_bytes();
    bytes.first().is_some_and(|byte| is_low(*byte))
        && bytes.last().is_some_and(|byte| is_low(*byte))
        && bytes.iter().all(|byte| is_low(*byte) || *byte == b'-')
}

fn is_old_label(text: &str) -> bool {
    is_label(text) && text.starts_with(|c: char| c.is_ascii_lowercase())
}

fn is_subdomain(text: &str) -> bool {
    text.split('.').all(is_label)
}

fn is_name(text: &str) -> bool {
    let bytes = text.as_bytes();
    bytes.first().is_some_and(u8::is_ascii_alphanumeric)
        && bytes.last().is_some_and(u8::is_ascii_alphanumeric)
        && bytes
            .iter()
            .all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(byte))
}

fn is_qualified_name(text: &str) -> bool {
    let (prefix, name) = text
        .split_once('/')
        .map_or((None, text), |(prefix, name)| (Some(prefix), name));
    prefix.is_none_or(|prefix| prefix.len() <= 253 && is_subdomain(prefix)) && name.len() <= 63 && is_name(name)
}

fn is_uuid(text: &str) -> bool {
    let hex: String = match text.len() {
        36 if [8, 13, 18, 23].iter().all(|at| text.as_bytes()[*at] == b'-') => text.split('-').collect(),
        _ => text.to_owned(),
    };
    hex.len() == 32 && hex.bytes().all(|byte| byte.is_ascii_hexdigit())
}
