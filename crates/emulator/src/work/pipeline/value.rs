//! Values of parameters: their types, and how they are written as texts
//! (<https://www.kubeflow.org/docs/components/pipelines/user-guides/data-handling/parameters/>).

use serde_json::Value as Json;

use super::spec::{ParameterDefinition, ParameterType};

/// The largest whole number that a double holds exactly.
const LARGEST_WHOLE: f64 = 9_007_199_254_740_992.0;

/// A value as a parameter of a type has it. What is no text becomes the text of it where a text is wanted.
///
/// # Errors
/// If the value is of another type, or none of those that the parameter may have.
pub(crate) fn fit(definition: &ParameterDefinition, value: Json) -> Result<Json, String> {
    let value = plain(value);
    let kind = match &value {
        Json::Null => "null",
        Json::Bool(_) => "a boolean",
        Json::Number(_) => "a number",
        Json::String(_) => "a text",
        Json::Array(_) => "a list",
        Json::Object(_) => "an object",
    };
    let wrong = |wanted: &str| Err(format!("must be {wanted}, and is {kind}: {value}"));
    let value = match (definition.parameter_type, &value) {
        (ParameterType::String, Json::Null) => return wrong("a text"),
        (ParameterType::String, Json::String(_)) | (ParameterType::Unspecified, _) => value,
        (ParameterType::String, other) => Json::String(other.to_string()),
        (ParameterType::NumberInteger, Json::Number(number)) if number.is_i64() || number.is_u64() => value,
        (ParameterType::NumberInteger, _) => return wrong("a whole number"),
        (ParameterType::NumberDouble, Json::Number(_)) => value,
        (ParameterType::NumberDouble, _) => return wrong("a number"),
        (ParameterType::Boolean, Json::Bool(_)) => value,
        (ParameterType::Boolean, _) => return wrong("a boolean"),
        (ParameterType::List, Json::Array(_)) => value,
        (ParameterType::List, _) => return wrong("a list"),
        (_, Json::Object(_)) => value,
        _ => return wrong("an object"),
    };
    let literals = &definition.literals;
    if !literals.is_empty() && !literals.iter().any(|literal| plain(literal.clone()) == value) {
        let allowed: Vec<String> = literals.iter().map(Json::to_string).collect();
        return Err(format!("must be one of {}, and is {value}", allowed.join(", ")));
    }
    Ok(value)
}

/// What the text of an output file means.
///
/// # Errors
/// If it is no value of the type.
pub(super) fn read(definition: &ParameterDefinition, text: &str) -> Result<Json, String> {
    let value = match definition.parameter_type {
        ParameterType::String | ParameterType::Unspecified => Json::String(text.to_owned()),
        _ => serde_json::from_str(text.trim()).map_err(|error| format!("is no JSON: {error}"))?,
    };
    fit(definition, value)
}

/// A value as protocol buffers write it: a number without a fraction has no point.
#[expect(clippy::cast_possible_truncation, reason = "the range is checked")]
pub(super) fn plain(value: Json) -> Json {
    match value {
        Json::Number(number) => match number.as_f64() {
            Some(double) if number.is_f64() && double.fract() == 0.0 && double.abs() < LARGEST_WHOLE => {
                Json::from(double as i64)
            }
            _ => Json::Number(number),
        },
        Json::Array(items) => items.into_iter().map(plain).collect(),
        Json::Object(fields) => fields.into_iter().map(|(name, value)| (name, plain(value))).collect(),
        other => other,
    }
}

/// A value in a command: a text as it is, anything else as JSON.
pub(super) fn text(value: &Json) -> String {
    match value {
        Json::String(text) => text.clone(),
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn of(parameter_type: ParameterType) -> ParameterDefinition {
        ParameterDefinition {
            parameter_type,
            ..ParameterDefinition::default()
        }
    }

    #[test]
    fn values_fit_their_types() {
        let integer = of(ParameterType::NumberInteger);
        assert_eq!(fit(&integer, json!(3.0)).unwrap(), json!(3));
        assert_eq!(
            fit(&integer, json!(3.5)).unwrap_err(),
            "must be a whole number, and is a number: 3.5"
        );
        assert_eq!(read(&integer, " 7\n").unwrap(), json!(7));
        assert_eq!(
            fit(&of(ParameterType::NumberDouble), json!(1e300)).unwrap(),
            json!(1e300)
        );
        let string = of(ParameterType::String);
        assert_eq!(fit(&string, json!({"a": [1.0]})).unwrap(), json!("{\"a\":[1]}"));
        assert_eq!(read(&string, "text\n").unwrap(), json!("text\n"));
        assert!(fit(&string, Json::Null).is_err());
        assert_eq!(read(&of(ParameterType::Boolean), "true").unwrap(), json!(true));
        assert!(
            read(&of(ParameterType::List), "{}")
                .unwrap_err()
                .starts_with("must be a list")
        );
        assert!(
            read(&of(ParameterType::Struct), "{")
                .unwrap_err()
                .starts_with("is no JSON")
        );
        let color = ParameterDefinition {
            literals: vec![json!("red"), json!("blue")],
            ..of(ParameterType::String)
        };
        assert_eq!(fit(&color, json!("red")).unwrap(), json!("red"));
        assert_eq!(
            fit(&color, json!("green")).unwrap_err(),
            "must be one of \"red\", \"blue\", and is \"green\""
        );
    }
}
