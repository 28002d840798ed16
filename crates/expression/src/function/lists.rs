//! Lists: Kubernetes' own (`isSorted`, `sum`, `min`, `max`, `indexOf`) and `ext.Lists` of `cel-go`.

use std::cmp::Ordering;

use super::{Form, Row, int, no_overload};
use crate::eval::{Meter, Result, fail};
use crate::time::Duration;
use crate::value::{List, Value};

pub(super) const FUNCTIONS: &[Row] = &[
    ("isSorted", Form::Receiver, &[0], is_sorted),
    ("sum", Form::Receiver, &[0], sum),
    ("min", Form::Receiver, &[0], |meter, values| {
        extreme(meter, values, Ordering::Less)
    }),
    ("max", Form::Receiver, &[0], |meter, values| {
        extreme(meter, values, Ordering::Greater)
    }),
    ("indexOf", Form::Receiver, &[1], index_of),
    ("lastIndexOf", Form::Receiver, &[1], last_index_of),
    ("slice", Form::Receiver, &[2], slice),
    ("flatten", Form::Receiver, &[0, 1], flatten),
    ("distinct", Form::Receiver, &[0], distinct),
    ("reverse", Form::Receiver, &[0], reverse),
    ("sort", Form::Receiver, &[0], sort),
    ("first", Form::Receiver, &[0], |_, values| {
        Ok(Value::optional(list("first", values)?.items.first().cloned()))
    }),
    ("last", Form::Receiver, &[0], |_, values| {
        Ok(Value::optional(list("last", values)?.items.last().cloned()))
    }),
    ("lists.range", Form::Global, &[1], range),
];

fn list<'v>(name: &str, values: &'v [Value]) -> Result<&'v List> {
    match &values[0] {
        Value::List(list) => Ok(list),
        _ => no_overload(name, values),
    }
}

fn order(a: &Value, b: &Value) -> Result<Ordering> {
    a.order(b)
        .map_or_else(|| fail("no such overload: elements cannot be compared"), Ok)
}

fn is_sorted(meter: &Meter, values: &[Value]) -> Result {
    let list = list("isSorted", values)?;
    meter.spend(list.items.len() as u64)?;
    for pair in list.items.windows(2) {
        if order(&pair[0], &pair[1])?.is_gt() {
            return Ok(Value::Bool(false));
        }
    }
    Ok(Value::Bool(true))
}

fn sum(meter: &Meter, values: &[Value]) -> Result {
    let list = list("sum", values)?;
    meter.spend(list.items.len() as u64)?;
    let mut items = list.items.iter();
    let Some(first) = items.next() else {
        return Ok(Value::Int(0));
    };
    let mut total = first.clone();
    for item in items {
        let next = match (&total, item) {
            (Value::Int(a), Value::Int(b)) => a.checked_add(*b).map(Value::Int),
            (Value::Uint(a), Value::Uint(b)) => a.checked_add(*b).map(Value::Uint),
            (Value::Double(a), Value::Double(b)) => Some(Value::Double(a + b)),
            (Value::Duration(a), Value::Duration(b)) => a.0.checked_add(b.0).map(|sum| Value::Duration(Duration(sum))),
            _ => return no_overload("sum", values),
        };
        let Some(next) = next else {
            return fail("integer overflow");
        };
        total = next;
    }
    match total {
        Value::Int(_) | Value::Uint(_) | Value::Double(_) | Value::Duration(_) => Ok(total),
        _ => no_overload("sum", values),
    }
}

fn extreme(meter: &Meter, values: &[Value], wanted: Ordering) -> Result {
    let list = list("min or max", values)?;
    meter.spend(list.items.len() as u64)?;
    let mut items = list.items.iter();
    let Some(mut found) = items.next() else {
        return fail("min or max called on an empty list");
    };
    for item in items {
        if order(item, found)? == wanted {
            found = item;
        }
    }
    Ok(found.clone())
}

fn position(at: Option<usize>) -> Value {
    Value::Int(at.and_then(|at| i64::try_from(at).ok()).unwrap_or(-1))
}

pub(super) fn index_of(meter: &Meter, values: &[Value]) -> Result {
    let list = list("indexOf", values)?;
    meter.spend(list.items.len() as u64)?;
    Ok(position(list.items.iter().position(|item| item.equals(&values[1]))))
}

pub(super) fn last_index_of(meter: &Meter, values: &[Value]) -> Result {
    let list = list("lastIndexOf", values)?;
    meter.spend(list.items.len() as u64)?;
    Ok(position(list.items.iter().rposition(|item| item.equals(&values[1]))))
}

fn slice(meter: &Meter, values: &[Value]) -> Result {
    let list = list("slice", values)?;
    let (from, to) = (int("slice", values, 1)?, int("slice", values, 2)?);
    let (Ok(start), Ok(end)) = (usize::try_from(from), usize::try_from(to)) else {
        return fail(format!("cannot slice({from}, {to}), negative indexes not supported"));
    };
    if start > end {
        return fail(format!(
            "cannot slice({from}, {to}), start index must be less than or equal to end index"
        ));
    }
    let Some(items) = list.items.get(start..end) else {
        return fail(format!(
            "cannot slice({from}, {to}), list is length {}",
            list.items.len()
        ));
    };
    meter.spend(items.len() as u64)?;
    Ok(Value::list(items.to_vec()))
}

fn flatten(meter: &Meter, values: &[Value]) -> Result {
    let depth = if values.len() == 2 {
        int("flatten", values, 1)?
    } else {
        1
    };
    if depth < 0 {
        return fail("level must be non-negative");
    }
    let mut flat = Vec::new();
    flatten_into(meter, list("flatten", values)?, depth, &mut flat)?;
    Ok(Value::list(flat))
}

fn flatten_into(meter: &Meter, list: &List, depth: i64, flat: &mut Vec<Value>) -> Result<()> {
    for item in &*list.items {
        meter.spend(1)?;
        match item {
            Value::List(inner) if depth > 0 => flatten_into(meter, inner, depth - 1, flat)?,
            item => flat.push(item.clone()),
        }
    }
    Ok(())
}

fn distinct(meter: &Meter, values: &[Value]) -> Result {
    let mut kept: Vec<Value> = Vec::new();
    for item in &*list("distinct", values)?.items {
        meter.spend(1 + kept.len() as u64)?;
        if !kept.iter().any(|known| known.equals(item)) {
            kept.push(item.clone());
        }
    }
    Ok(Value::list(kept))
}

fn reverse(meter: &Meter, values: &[Value]) -> Result {
    let list = list("reverse", values)?;
    meter.spend(list.items.len() as u64)?;
    Ok(Value::list(list.items.iter().rev().cloned().collect::<Vec<_>>()))
}

fn sort(meter: &Meter, values: &[Value]) -> Result {
    let list = list("sort", values)?;
    meter.spend((list.items.len() as u64).saturating_mul(8))?;
    let mut pairs: Vec<(Value, Value)> = list.items.iter().map(|item| (item.clone(), item.clone())).collect();
    sort_pairs(&mut pairs)?;
    Ok(Value::list(pairs.into_iter().map(|(_, item)| item).collect::<Vec<_>>()))
}

/// Sorts by the first of each pair; all must be of one type that has an order.
pub(crate) fn sort_pairs(pairs: &mut [(Value, Value)]) -> Result<()> {
    for pair in pairs.windows(2) {
        if pair[0].0.type_of() != pair[1].0.type_of() {
            return fail("list elements must have the same type");
        }
        order(&pair[0].0, &pair[1].0)?;
    }
    pairs.sort_by(|a, b| a.0.order(&b.0).unwrap_or(Ordering::Equal));
    Ok(())
}

fn range(meter: &Meter, values: &[Value]) -> Result {
    let end = int("lists.range", values, 0)?;
    meter.spend(u64::try_from(end).unwrap_or(0))?;
    Ok(Value::list((0..end).map(Value::Int).collect::<Vec<_>>()))
}
