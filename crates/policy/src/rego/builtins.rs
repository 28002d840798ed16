//! Built-in functions of OPA's first Rego that the engine lacks; templates for clusters still use them. And
//! those that could ask for any amount of memory at once, with a limit.

use regorus::{Engine, Value};

/// Adds them to an engine.
pub(super) fn add(engine: &mut Engine) -> Result<(), Box<dyn std::error::Error>> {
    let mut add = |name: &str, arguments: u8, function: fn(&[Value]) -> Option<Value>| {
        engine.add_extension(
            name.to_owned(),
            arguments,
            Box::new(move |values: Vec<Value>| Ok(function(&values).unwrap_or(Value::Undefined))),
        )
    };
    add("re_match", 2, |values| {
        let (pattern, text) = (values[0].as_string().ok()?, values[1].as_string().ok()?);
        let pattern = regex::RegexBuilder::new(pattern).size_limit(1 << 20).build().ok()?;
        Some(Value::from(pattern.is_match(text)))
    })?;
    add("any", 1, |values| {
        Some(Value::from(elements(&values[0])?.iter().any(|value| is_true(value))))
    })?;
    add("all", 1, |values| {
        Some(Value::from(elements(&values[0])?.iter().all(|value| is_true(value))))
    })?;
    add("set_diff", 2, |values| {
        let (a, b) = (values[0].as_set().ok()?, values[1].as_set().ok()?);
        Some(Value::from(
            a.iter()
                .filter(|value| !b.contains(value))
                .cloned()
                .collect::<std::collections::BTreeSet<_>>(),
        ))
    })?;
    for (name, kind) in [
        ("cast_array", 0_u8),
        ("cast_set", 1),
        ("cast_string", 2),
        ("cast_boolean", 3),
        ("cast_null", 4),
        ("cast_object", 5),
    ] {
        engine.add_extension(
            name.to_owned(),
            1,
            Box::new(move |values: Vec<Value>| Ok(cast(kind, &values[0]).unwrap_or(Value::Undefined))),
        )?;
    }
    super::texts::add(engine)?;
    engine.add_extension(
        "sprintf".to_owned(),
        2,
        Box::new(|values: Vec<Value>| {
            refuse_vast(&values[1])?;
            Ok(super::sprintf::sprintf(&values).unwrap_or(Value::Undefined))
        }),
    )?;
    engine.add_extension(
        "json.marshal".to_owned(),
        1,
        Box::new(|values: Vec<Value>| {
            refuse_vast(&values[0])?;
            Ok(serde_json::to_string(&values[0]).map_or(Value::Undefined, Value::from))
        }),
    )?;
    engine.add_extension(
        "numbers.range".to_owned(),
        2,
        Box::new(|values: Vec<Value>| Ok(range(&values, 1)?)),
    )?;
    engine.add_extension(
        "numbers.range_step".to_owned(),
        3,
        Box::new(|values: Vec<Value>| match values[2].as_i64() {
            Ok(step @ 1..) => Ok(range(&values, step)?),
            _ => Ok(Value::Undefined),
        }),
    )?;
    Ok(())
}

/// A range of too many numbers.
#[derive(Debug, thiserror::Error)]
#[error("a range of more than {RANGE_LIMIT} numbers is refused")]
struct TooLong;

/// Numbers that a range may have.
const RANGE_LIMIT: u64 = 1_000_000;

/// The whole numbers from one to another, both included, up or down.
fn range(values: &[Value], step: i64) -> Result<Value, TooLong> {
    let (Ok(from), Ok(to)) = (values[0].as_i64(), values[1].as_i64()) else {
        return Ok(Value::Undefined);
    };
    if from.abs_diff(to) / step.unsigned_abs() >= RANGE_LIMIT {
        return Err(TooLong);
    }
    let count = i64::try_from(from.abs_diff(to) / step.unsigned_abs()).unwrap_or_default();
    let sign = if to < from { -step } else { step };
    let numbers: Vec<Value> = (0..=count).map(|at| Value::from(from + at * sign)).collect();
    Ok(Value::from(numbers))
}

/// A value that is too large to be written out.
#[derive(Debug, thiserror::Error)]
#[error("a value of more than {PARTS_LIMIT} parts or 64 MB of text is not made a text")]
pub(super) struct TooLarge;

/// Parts that a value may have that is written out.
const PARTS_LIMIT: u64 = 1_000_000;
/// Bytes of a text that count as a part more.
const TEXT_OF_A_PART: u64 = 64;

/// Refuses what would take for ever to write: forty arrays that each hold the one before twice take no memory,
/// and are a text of terabytes.
pub(super) fn refuse_vast(value: &Value) -> Result<(), TooLarge> {
    fn count(value: &Value, left: &mut u64) -> Result<(), TooLarge> {
        // A long text counts as many parts, since it is written as often as it is there.
        let parts = value
            .as_string()
            .map_or(1, |text| 1 + text.len() as u64 / TEXT_OF_A_PART);
        *left = left.checked_sub(parts).ok_or(TooLarge)?;
        match value {
            Value::Array(items) => items.iter().try_for_each(|item| count(item, left)),
            Value::Set(items) => items.iter().try_for_each(|item| count(item, left)),
            Value::Object(fields) => fields.iter().try_for_each(|(name, value)| {
                count(name, left)?;
                count(value, left)
            }),
            _ => Ok(()),
        }
    }
    count(value, &mut PARTS_LIMIT.clone())
}

fn is_true(value: &Value) -> bool {
    matches!(value, Value::Bool(true))
}

/// The elements of an array or a set.
fn elements(value: &Value) -> Option<Vec<&Value>> {
    match value {
        Value::Array(items) => Some(items.iter().collect()),
        Value::Set(items) => Some(items.iter().collect()),
        _ => None,
    }
}

fn cast(kind: u8, value: &Value) -> Option<Value> {
    match (kind, value) {
        (0, Value::Array(_) | Value::Set(_)) => {
            Some(Value::from(elements(value)?.into_iter().cloned().collect::<Vec<_>>()))
        }
        (1, Value::Array(_) | Value::Set(_)) => Some(Value::from(
            elements(value)?
                .into_iter()
                .cloned()
                .collect::<std::collections::BTreeSet<_>>(),
        )),
        (2, Value::String(_)) | (3, Value::Bool(_)) | (4, Value::Null) | (5, Value::Object(_)) => Some(value.clone()),
        _ => None,
    }
}
