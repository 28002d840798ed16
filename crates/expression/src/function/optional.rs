//! Optional values.

use std::sync::Arc;

use super::{Form, Row, no_overload};
use crate::eval::{Meter, Result, fail};
use crate::value::Value;

pub(super) const FUNCTIONS: &[Row] = &[
    ("optional.none", Form::Global, &[0], |_, _| Ok(Value::Optional(None))),
    ("optional.of", Form::Global, &[1], |_, values| {
        Ok(Value::optional(Some(values[0].clone())))
    }),
    ("optional.ofNonZeroValue", Form::Global, &[1], |_, values| {
        Ok(Value::optional((!is_zero(&values[0])).then(|| values[0].clone())))
    }),
    ("optional.unwrap", Form::Global, &[1], unwrap),
    ("unwrapOpt", Form::Receiver, &[0], unwrap),
    ("hasValue", Form::Receiver, &[0], |_, values| {
        Ok(Value::Bool(inner("hasValue", values)?.is_some()))
    }),
    ("value", Form::Receiver, &[0], |_, values| {
        match inner("value", values)? {
            Some(value) => Ok((**value).clone()),
            None => fail("optional.none() dereference"),
        }
    }),
    ("or", Form::Receiver, &[1], |_, values| {
        inner("or", values)?;
        let first = matches!(&values[0], Value::Optional(Some(_)));
        Ok(values[usize::from(!first)].clone())
    }),
    ("orValue", Form::Receiver, &[1], |_, values| {
        Ok(inner("orValue", values)?.map_or_else(|| values[1].clone(), |value| (**value).clone()))
    }),
];

fn inner<'v>(name: &str, values: &'v [Value]) -> Result<Option<&'v Arc<Value>>> {
    match &values[0] {
        Value::Optional(inner) => Ok(inner.as_ref()),
        _ => no_overload(name, values),
    }
}

fn is_zero(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::Bool(value) => !value,
        Value::Int(number) => *number == 0,
        Value::Uint(number) => *number == 0,
        Value::Double(number) => *number == 0.0,
        Value::String(text) => text.is_empty(),
        Value::Bytes(bytes) => bytes.is_empty(),
        Value::List(list) => list.items.is_empty(),
        Value::Map(map) => map.is_empty(),
        Value::Duration(duration) => duration.0 == 0,
        Value::Optional(inner) => inner.is_none(),
        _ => false,
    }
}

fn unwrap(meter: &Meter, values: &[Value]) -> Result {
    let Value::List(list) = &values[0] else {
        return no_overload("optional.unwrap", values);
    };
    meter.spend(list.items.len() as u64)?;
    let mut found = Vec::new();
    for item in &*list.items {
        match item {
            Value::Optional(inner) => found.extend(inner.as_deref().cloned()),
            _ => return no_overload("optional.unwrap", values),
        }
    }
    Ok(Value::list(found))
}
