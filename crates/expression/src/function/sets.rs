//! `sets.contains`, `sets.equivalent`, `sets.intersects`: lists as sets.

use super::{Form, Row, no_overload};
use crate::eval::{Meter, Result};
use crate::value::Value;

pub(super) const FUNCTIONS: &[Row] = &[
    ("sets.contains", Form::Global, &[2], |meter, values| {
        let (set, part) = both("sets.contains", meter, values)?;
        Ok(Value::Bool(holds(set, part)))
    }),
    ("sets.equivalent", Form::Global, &[2], |meter, values| {
        let (a, b) = both("sets.equivalent", meter, values)?;
        Ok(Value::Bool(holds(a, b) && holds(b, a)))
    }),
    ("sets.intersects", Form::Global, &[2], |meter, values| {
        let (a, b) = both("sets.intersects", meter, values)?;
        Ok(Value::Bool(
            a.iter().any(|item| b.iter().any(|other| other.equals(item))),
        ))
    }),
];

fn both<'v>(name: &str, meter: &Meter, values: &'v [Value]) -> Result<(&'v [Value], &'v [Value])> {
    let (Value::List(a), Value::List(b)) = (&values[0], &values[1]) else {
        return no_overload(name, values);
    };
    meter.spend((a.items.len() as u64).saturating_mul(b.items.len() as u64))?;
    Ok((&a.items, &b.items))
}

fn holds(set: &[Value], part: &[Value]) -> bool {
    part.iter().all(|item| set.iter().any(|other| other.equals(item)))
}
