//! Bodies as messages of protobuf: read as Google's front ends read JSON
//! (<https://protobuf.dev/programming-guides/json/>), refused in their words, and given on in one form.
//!
//! Names of fields may be written in either case, enumerations as names or numbers, and 64 bits as texts or numbers. What
//! comes out has camel case, names where they are known, and texts.

use base64::Engine;
use base64::alphabet;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use serde_json::{Map, Number, Value as Json, json};

use crate::error::{ApiError, Result};
use crate::method::{Kind, Method, Methods};
use crate::time;

/// Both alphabets of base 64 are taken, with padding and without.
const LENIENT: GeneralPurposeConfig = GeneralPurposeConfig::new()
    .with_decode_padding_mode(DecodePaddingMode::Indifferent)
    .with_decode_allow_trailing_bits(true);

/// The body of a call to a method, an object, in one form. Of versions of an API that the table does not have, fields that are not
/// known are kept as they are.
///
/// # Errors
/// 400 with all that is wrong with it.
pub(crate) fn read(method: &Method, body: Json, is_of_version: bool) -> Result<Json> {
    let Some(message) = method.message else { return Ok(body) };
    let mut reader = Reader {
        methods: Methods::embedded(),
        is_of_version,
        violations: Vec::new(),
    };
    let fields = match body {
        Json::Object(fields) => fields,
        _ => Map::new(),
    };
    let read = reader.message(message, fields, method.field);
    match reader.violations.is_empty() {
        true => Ok(read),
        false => Err(refused(&reader.violations)),
    }
}

/// Something that is wrong, and the path of the field it is about.
struct Violation {
    path: String,
    text: String,
}

fn refused(violations: &[Violation]) -> ApiError {
    let texts: Vec<&str> = violations.iter().map(|violation| violation.text.as_str()).collect();
    let mut error = ApiError::invalid(texts.join("\n"));
    let fields = violations.iter().map(|violation| match violation.path.as_str() {
        "" => json!({"description": violation.text}),
        path => json!({"field": path, "description": violation.text}),
    });
    error.details.push(json!({
        "@type": "type.googleapis.com/google.rpc.BadRequest",
        "fieldViolations": fields.collect::<Vec<Json>>(),
    }));
    error
}

struct Reader {
    methods: &'static Methods,
    is_of_version: bool,
    violations: Vec<Violation>,
}

impl Reader {
    fn unknown(&mut self, name: &str, path: &str, why: &str) {
        let at = if path.is_empty() {
            String::new()
        } else {
            format!(" at '{path}'")
        };
        self.violations.push(Violation {
            path: path.to_owned(),
            text: format!("Invalid JSON payload received. Unknown name \"{name}\"{at}: {why}"),
        });
    }

    fn invalid(&mut self, path: &str, kind: &str, what: &str) -> Json {
        self.violations.push(Violation {
            path: path.to_owned(),
            text: format!("Invalid value at '{path}' ({kind}), {what}"),
        });
        Json::Null
    }

    fn message(&mut self, number: usize, fields: Map<String, Json>, path: &str) -> Json {
        let Some(message) = self.methods.message(number) else {
            return Json::Object(fields);
        };
        let mut read = Map::new();
        for (name, value) in fields {
            let Some((known, kind)) = message.field(&camel(&name)) else {
                if self.is_of_version {
                    self.unknown(&name, path, "Cannot find field.");
                } else {
                    read.insert(name, value);
                }
                continue;
            };
            // Null is the same as nothing, where it is no value.
            if value.is_null() && *kind != Kind::Any {
                continue;
            }
            let below = match path {
                "" => snake(known),
                path => format!("{path}.{}", snake(known)),
            };
            let is_list = matches!(kind, Kind::List(_) | Kind::Any);
            if value.is_array() && !is_list {
                match kind {
                    Kind::Map(_) => {
                        let what = format!("Cannot bind a list to map for field '{known}'.");
                        self.invalid(path, "Map", &what);
                    }
                    _ => self.unknown(&name, path, "Proto field is not repeating, cannot start list."),
                }
                continue;
            }
            let is_scalar = !matches!(kind, Kind::List(_) | Kind::Map(_) | Kind::Message(_) | Kind::Any);
            if value.is_object() && is_scalar {
                self.invalid(path, &snake(known), "Starting an object on a scalar field");
                continue;
            }
            let place = Place {
                path: &below,
                message: message.name,
                field: known,
            };
            let value = self.value(kind, value, &place);
            read.insert(known.to_owned(), value);
        }
        Json::Object(read)
    }

    fn value(&mut self, kind: &Kind, value: Json, place: &Place<'_>) -> Json {
        let path = place.path;
        match kind {
            Kind::Any => value,
            Kind::List(kind) => {
                // One value stands for a list of it.
                let items = match value {
                    Json::Array(items) => items,
                    one => vec![one],
                };
                let items = items.into_iter().enumerate().map(|(at, item)| {
                    let path = format!("{path}[{at}]");
                    match (&item, &**kind) {
                        (Json::Array(_), kind) if *kind != Kind::Any => {
                            self.unknown("", &path, "Proto field is not repeating, cannot start list.");
                            Json::Null
                        }
                        (Json::Object(_), kind) if !matches!(kind, Kind::Any | Kind::Map(_) | Kind::Message(_)) => {
                            self.invalid(&path, &snake(place.field), "Starting an object on a scalar field")
                        }
                        _ => self.value(kind, item, &Place { path: &path, ..*place }),
                    }
                });
                Json::Array(items.collect())
            }
            Kind::Map(kind) => {
                let Json::Object(fields) = value else {
                    let entry = format!("type.googleapis.com/{}.{}Entry", place.message, capital(place.field));
                    return self.invalid(path, &entry, &shown(&value));
                };
                let fields = fields.into_iter().enumerate().map(|(at, (name, value))| {
                    let path = format!("{path}[{at}].value");
                    let value = self.value(kind, value, &Place { path: &path, ..*place });
                    (name, value)
                });
                Json::Object(fields.collect())
            }
            Kind::Message(number) => match value {
                Json::Object(fields) => self.message(*number, fields, path),
                other => {
                    let name = self.methods.message(*number).map_or("", |message| message.name);
                    self.invalid(path, &format!("type.googleapis.com/{name}"), &shown(&other))
                }
            },
            Kind::Enumeration(number) => self.enumeration(*number, value, path),
            scalar => match read_scalar(scalar, &value, place.field) {
                Ok(read) => read,
                Err((kind, what)) => self.invalid(path, kind, &what),
            },
        }
    }

    fn enumeration(&mut self, number: usize, value: Json, path: &str) -> Json {
        let Some(known) = self.methods.enumeration(number) else {
            return value;
        };
        let wanted = match &value {
            Json::String(text) => text.parse().ok(),
            other => other.as_i64(),
        };
        let found = known.values.iter().find(|(name, number)| match wanted {
            Some(wanted) => wanted == *number,
            None => value == *name,
        });
        match (found, wanted) {
            (Some((name, _)), _) => (*name).into(),
            // Numbers that are not known are those of a later version.
            (None, Some(number)) => number.into(),
            (None, None) => self.invalid(path, &format!("type.googleapis.com/{}", known.name), &shown(&value)),
        }
    }
}

/// Where a value is.
#[derive(Clone, Copy)]
struct Place<'p> {
    path: &'p str,
    /// The message that has the field.
    message: &'p str,
    field: &'p str,
}

/// A scalar in its form, or the kind it is not and what it is.
fn read_scalar(kind: &Kind, value: &Json, field: &str) -> std::result::Result<Json, (&'static str, String)> {
    let refuse = |kind: &'static str| Err((kind, shown(value)));
    let whole = |name: &'static str, low: i128, high: i128| match integer(value) {
        Some(number) if (low..=high).contains(&number) => Ok(number),
        _ => Err((name, shown(value))),
    };
    match kind {
        Kind::Bool => match value {
            Json::Bool(_) => Ok(value.clone()),
            Json::String(text) => text.parse::<bool>().map(Json::Bool).or_else(|_| refuse("TYPE_BOOL")),
            _ => refuse("TYPE_BOOL"),
        },
        Kind::Int32 => {
            let number = whole("TYPE_INT32", i32::MIN.into(), i32::MAX.into())?;
            Ok(i64::try_from(number).unwrap_or_default().into())
        }
        Kind::Uint32 => {
            let number = whole("TYPE_UINT32", 0, u32::MAX.into())?;
            Ok(i64::try_from(number).unwrap_or_default().into())
        }
        Kind::Int64 => Ok(whole("TYPE_INT64", i64::MIN.into(), i64::MAX.into())?
            .to_string()
            .into()),
        Kind::Uint64 => Ok(whole("TYPE_UINT64", 0, u64::MAX.into())?.to_string().into()),
        Kind::Double | Kind::Float => {
            let name = if *kind == Kind::Double {
                "TYPE_DOUBLE"
            } else {
                "TYPE_FLOAT"
            };
            match value {
                Json::Number(_) => Ok(value.clone()),
                Json::String(text) if ["NaN", "Infinity", "-Infinity"].contains(&text.as_str()) => Ok(value.clone()),
                Json::String(text) => {
                    let number = text.parse().ok().and_then(Number::from_f64);
                    number.map_or_else(|| refuse(name), |number| Ok(Json::Number(number)))
                }
                _ => refuse(name),
            }
        }
        Kind::Bytes => match value.as_str() {
            None => refuse("TYPE_BYTES"),
            Some(text) => {
                let alphabets = [alphabet::STANDARD, alphabet::URL_SAFE];
                let mut engines = alphabets.iter().map(|alphabet| GeneralPurpose::new(alphabet, LENIENT));
                match engines.any(|engine| engine.decode(text).is_ok()) {
                    true => Ok(value.clone()),
                    false => Err(("TYPE_BYTES", format!("Base64 decoding failed for {}", shown(value)))),
                }
            }
        },
        Kind::Timestamp => {
            let name = "type.googleapis.com/google.protobuf.Timestamp";
            match value.as_str() {
                None => refuse(name),
                Some(text) if time::is_timestamp(text) => Ok(value.clone()),
                Some(_) => Err((
                    name,
                    format!(
                        "Field '{field}', Illegal timestamp format; timestamps must end with 'Z' or have a valid timezone offset."
                    ),
                )),
            }
        }
        Kind::Duration => {
            let name = "type.googleapis.com/google.protobuf.Duration";
            let is_duration = |text: &str| {
                let number = text.strip_suffix('s').map(|number| number.trim_start_matches('-'));
                number.is_some_and(|number| {
                    let (whole, part) = number.split_once('.').unwrap_or((number, "0"));
                    let are_digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
                    are_digits(whole) && are_digits(part) && part.len() <= 9 && whole.len() <= 12
                })
            };
            match value.as_str() {
                None => refuse(name),
                Some(text) if is_duration(text) => Ok(value.clone()),
                Some(text) if text.ends_with('s') => Err((
                    name,
                    format!("Field '{field}', Invalid duration format, failed to parse seconds"),
                )),
                Some(_) => Err((
                    name,
                    format!("Field '{field}', Illegal duration format; duration must end with 's'"),
                )),
            }
        }
        Kind::Mask => match value.is_string() {
            true => Ok(value.clone()),
            false => refuse("type.googleapis.com/google.protobuf.FieldMask"),
        },
        _ => match value.is_string() {
            true => Ok(value.clone()),
            false => refuse("TYPE_STRING"),
        },
    }
}

/// A whole number, as a number or a text.
fn integer(value: &Json) -> Option<i128> {
    #[expect(clippy::cast_possible_truncation, reason = "it has no fraction, and is in range")]
    let of_float = |number: f64| (number.fract() == 0.0 && number.abs() < 1e18).then_some(number as i128);
    match value {
        Json::Number(number) => number.as_i128().or_else(|| number.as_f64().and_then(of_float)),
        Json::String(text) => text.parse().ok(),
        _ => None,
    }
}

/// A value as the errors show it.
fn shown(value: &Json) -> String {
    value.to_string()
}

/// `job_spec` as `jobSpec`; what has no underscore stays as it is.
pub(crate) fn camel(name: &str) -> String {
    let mut camel = String::new();
    let mut is_next = false;
    for c in name.chars() {
        match c {
            '_' => is_next = true,
            c if is_next => {
                camel.push(c.to_ascii_uppercase());
                is_next = false;
            }
            c => camel.push(c),
        }
    }
    camel
}

fn snake(name: &str) -> String {
    let mut snake = String::new();
    for c in name.chars() {
        if c.is_ascii_uppercase() {
            snake.push('_');
        }
        snake.push(c.to_ascii_lowercase());
    }
    snake
}

fn capital(name: &str) -> String {
    let mut letters = name.chars();
    letters.next().map_or_else(String::new, |first| {
        first.to_ascii_uppercase().to_string() + letters.as_str()
    })
}
