//! The function that Google's IAM adds for conditions and attribute mappings
//! (<https://cloud.google.com/iam/docs/conditions-attribute-reference#extract>).

use super::{Function, text};
use crate::eval::{Meter, Result};
use crate::value::Value;

pub(crate) const EXTRACT: Function = Function {
    name: "extract",
    run: extract,
};

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
