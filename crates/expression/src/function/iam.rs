//! The functions that Google's IAM adds for conditions and attribute mappings
//! (<https://cloud.google.com/iam/docs/conditions-attribute-reference>).

use super::{Function, text};
use crate::eval::{Meter, Result, fail};
use crate::time::Timestamp;
use crate::value::Value;

/// A function that is called of nothing.
pub(crate) fn global_of_iam(name: &str, count: usize) -> Option<Function> {
    (name == "date" && count == 1).then_some(Function {
        name: "date",
        run: date,
    })
}

/// A function by its name and how many arguments it takes.
pub(crate) fn of_iam(name: &str, count: usize) -> Option<Function> {
    let (name, run): (_, fn(&Meter, &[Value]) -> Result) = match (name, count) {
        ("extract", 1) => ("extract", extract),
        ("matchTag", 2) => ("matchTag", tags),
        ("matchTagId", 2) => ("matchTagId", tags),
        ("hasTagKey", 1) => ("hasTagKey", tags),
        ("hasTagKeyId", 1) => ("hasTagKeyId", tags),
        ("getAttribute", 2) => ("getAttribute", attribute),
        ("hasOnly", 1) => ("hasOnly", has_only),
        _ => return None,
    };
    Some(Function { name, run })
}

/// Which tags a resource has, its name does not say: what depends on it fails, and the rest of an expression may decide.
fn tags(_: &Meter, _: &[Value]) -> Result {
    fail("the tags of the resource are not known")
}

/// `api.getAttribute(name, value)`: the value, since before there is a request it has no attributes. Those that it may
/// have are the fields of `api`.
fn attribute(_: &Meter, values: &[Value]) -> Result {
    let [Value::Map(api), name, value] = values else {
        return fail("what the request is for is not known");
    };
    match name.as_str().map(|name| api.field(name)) {
        Some(None) => Ok(value.clone()),
        _ => fail("what the request is for is not known"),
    }
}

/// `list.hasOnly(items)`: whether the list has nothing beside some items.
fn has_only(meter: &Meter, values: &[Value]) -> Result {
    let [Value::List(list), Value::List(items)] = values else {
        return fail("hasOnly asks a list for a list");
    };
    meter.read(list.items.len() * items.items.len())?;
    let is_in = |item: &Value| items.items.iter().any(|other| other.equals(item));
    Ok(Value::Bool(list.items.iter().all(is_in)))
}

/// `date(text)`: the first moment of a day, as `2023-02-01`.
fn date(_: &Meter, values: &[Value]) -> Result {
    let day = text("date", values, 0)?;
    match Timestamp::parse(&format!("{day}T00:00:00Z")).filter(|_| day.len() == 10) {
        Some(time) => Ok(Value::Timestamp(time)),
        None => fail(format!("'{day}' is no day")),
    }
}

/// `text.extract(template)`: what stands where the template has its braces, up to the first place where the rest of
/// the template follows; nothing where the template does not fit, or has no braces.
fn extract(meter: &Meter, values: &[Value]) -> Result {
    let (whole, template) = (text("extract", values, 0)?, text("extract", values, 1)?);
    meter.read(whole.len() + template.len())?;
    let found = || {
        let (before, rest) = template.split_once('{')?;
        let (_, after) = rest.split_once('}')?;
        let (_, found) = whole.split_once(before)?;
        match after {
            "" => Some(found),
            _ => Some(found.split_once(after)?.0),
        }
    };
    Ok(Value::from(found().unwrap_or_default()))
}
