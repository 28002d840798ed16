//! The expressions of a pipeline: conditions of tasks, and what is taken of a parameter. Both are CEL, with `parseJson`.

use expression::{CALL_LIMIT, Environment, Error, Meter, Program, Value};
use serde_json::{Value as Json, json};

use super::input::Passed;

/// Whether a condition over the inputs of a task holds.
///
/// # Errors
/// If it is no expression, or has no boolean value.
pub(super) fn holds(condition: &str, inputs: &Passed) -> Result<bool, String> {
    let artifacts: serde_json::Map<String, Json> = inputs
        .artifacts
        .iter()
        .map(|(name, list)| (name.clone(), json!({"artifacts": list})))
        .collect();
    let fields = json!({"parameter_values": inputs.parameters, "artifacts": artifacts});
    let bindings = [("inputs", of_json(&fields))];
    let value = evaluate(condition, &["inputs"], &bindings)
        .map_err(|error| format!("The condition {condition:?} cannot be evaluated: {error}"))?;
    let value = value.as_bool();
    value.ok_or_else(|| format!("The condition {condition:?} is neither true nor false."))
}

/// What an expression takes of a value: `parseJson(string_value)["rate"]`.
///
/// # Errors
/// If it is no expression, or takes what is not there.
pub(super) fn select(selector: &str, value: &Json) -> Result<Json, String> {
    let text = super::value::text(value);
    let mut bindings = vec![("string_value", Value::from(text))];
    let kind = match value {
        Json::Null => Some("null_value"),
        Json::Bool(_) => Some("bool_value"),
        Json::Number(_) => Some("number_value"),
        Json::Array(_) => Some("list_value"),
        Json::Object(_) => Some("struct_value"),
        Json::String(_) => None,
    };
    bindings.extend(kind.map(|kind| (kind, of_json(value))));
    let names = [
        "string_value",
        "null_value",
        "bool_value",
        "number_value",
        "list_value",
        "struct_value",
    ];
    let selected = evaluate(selector, &names, &bindings).and_then(|value| to_json(&value));
    selected.map_err(|error| format!("the selector {selector:?} cannot be evaluated: {error}"))
}

fn evaluate(text: &str, names: &[&str], bindings: &[(&str, Value)]) -> Result<Value, String> {
    let environment = Environment::new(names.iter().copied()).with_function("parseJson", parse_json);
    let program = Program::compile(text, &environment).map_err(|error| error.to_string())?;
    let value = program.eval(&bindings, &Meter::new(CALL_LIMIT));
    value.map_err(|error| error.to_string())
}

fn parse_json(meter: &Meter, values: &[Value]) -> Result<Value, Error> {
    let text = values.first().and_then(Value::as_str);
    let text = text.ok_or_else(|| Error::Failed("parseJson takes a text".to_owned()))?;
    meter.spend(text.len() as u64 / 10 + 1)?;
    let json: Json = serde_json::from_str(text).map_err(|error| Error::Failed(format!("parseJson: {error}")))?;
    Ok(of_json(&json))
}

/// A value of JSON, whose numbers are doubles as in protocol buffers.
fn of_json(json: &Json) -> Value {
    match json {
        Json::Null => Value::Null,
        Json::Bool(value) => Value::Bool(*value),
        Json::Number(number) => Value::Double(number.as_f64().unwrap_or(f64::NAN)),
        Json::String(text) => Value::from(text.as_str()),
        Json::Array(items) => Value::list(items.iter().map(of_json).collect::<Vec<_>>()),
        Json::Object(fields) => Value::map(fields.iter().map(|(name, value)| (name.as_str(), of_json(value)))),
    }
}

fn to_json(value: &Value) -> Result<Json, String> {
    Ok(match value {
        Value::Null => Json::Null,
        Value::Bool(value) => (*value).into(),
        Value::Int(value) => (*value).into(),
        Value::Uint(value) => (*value).into(),
        Value::Double(value) => super::value::plain((*value).into()),
        Value::String(text) => text.as_str().into(),
        Value::List(list) => list.items.iter().map(to_json).collect::<Result<_, _>>()?,
        Value::Map(map) => {
            let entries = map.iter().map(|(key, value)| {
                let key = key.value();
                let name = key.as_str().ok_or("a key is no text")?;
                Ok::<_, String>((name.to_owned(), to_json(value)?))
            });
            Json::Object(entries.collect::<Result<_, _>>()?)
        }
        other => return Err(format!("a {:?} is no value of a parameter", other.type_of())),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn conditions_are_over_inputs() {
        let inputs = Passed {
            parameters: [
                ("n".to_owned(), json!(6)),
                ("who".to_owned(), json!("iris")),
                ("flag".to_owned(), json!(true)),
            ]
            .into(),
            ..Passed::default()
        };
        for (condition, expected) in [
            ("int(inputs.parameter_values['n']) > 5", true),
            ("!(int(inputs.parameter_values['n']) > 5)", false),
            ("double(inputs.parameter_values['n']) == 6.0", true),
            (
                "inputs.parameter_values['who'] == 'iris' && inputs.parameter_values['flag'] == true",
                true,
            ),
            ("string(inputs.parameter_values['who']) != 'iris'", false),
        ] {
            assert_eq!(holds(condition, &inputs), Ok(expected), "{condition}");
        }
        assert!(
            holds("inputs.parameter_values['none'] == 1", &inputs)
                .unwrap_err()
                .contains("no such key")
        );
        assert!(
            holds("inputs.parameter_values['n']", &inputs)
                .unwrap_err()
                .contains("neither true nor false")
        );
        assert!(holds("n >", &inputs).is_err());
    }

    #[test]
    fn selectors_take_parts() {
        let value = json!({"rate": 0.5, "layers": [1, 2.0], "name": "x"});
        for (selector, expected) in [
            ("parseJson(string_value)[\"rate\"]", json!(0.5)),
            ("parseJson(string_value)['layers']", json!([1, 2])),
            ("struct_value.name", json!("x")),
            ("size(string_value) > 3", json!(true)),
        ] {
            assert_eq!(select(selector, &value), Ok(expected), "{selector}");
        }
        assert_eq!(select("parseJson(string_value)[1]", &json!("[1, 7]")), Ok(json!(7)));
        assert!(select("parseJson(string_value)['none']", &value).is_err());
        assert!(select("parseJson(string_value)", &json!("no json")).is_err());
    }
}
