//! The functions that Google's IAM adds for conditions and attribute mappings
//! (<https://cloud.google.com/iam/docs/conditions-attribute-reference>).

use super::{Function, text};
use crate::eval::{Meter, Result, fail};
use crate::value::Value;

/// A function by its name and how many arguments it takes.
pub(crate) fn of_iam(name: &str, count: usize) -> Option<Function> {
    let (name, run): (_, fn(&Meter, &[Value]) -> Result) = match (name, count) {
        ("extract", 1) => ("extract", extract),
        ("matchTag", 2) => ("matchTag", tags),
        ("matchTagId", 2) => ("matchTagId", tags),
        ("hasTagKey", 1) => ("hasTagKey", tags),
        ("hasTagKeyId", 1) => ("hasTagKeyId", tags),
        ("getAttribute", 2) => ("getAttribute", attributes),
        ("hasOnly", 1) => ("hasOnly", attributes),
        _ => return None,
    };
    Some(Function { name, run })
}

/// Which tags a resource has, its name does not say: what depends on it fails, and the rest of an expression may decide.
fn tags(_: &Meter, _: &[Value]) -> Result {
    fail("the tags of the resource are not known")
}

/// What a request would change is known when it is made.
fn attributes(_: &Meter, _: &[Value]) -> Result {
    fail("what the request is for is not known")
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
