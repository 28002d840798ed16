//! Built-ins that make one long text of short ones at once: the engine's own would ask for all the memory there is
//! before it asks whether it may.

use regorus::{Engine, Value};

/// A text that is longer than any object.
#[derive(Debug, thiserror::Error)]
#[error("a text of more than {} MiB is not made", TEXT_LIMIT >> 20)]
pub(super) struct TooLong;

/// Bytes that a text may have that a built-in makes.
pub(super) const TEXT_LIMIT: usize = 64 << 20;

fn refuse_longer(bytes: Option<usize>) -> Result<(), TooLong> {
    match bytes {
        Some(0..=TEXT_LIMIT) => Ok(()),
        _ => Err(TooLong),
    }
}

/// Puts them in the place of the engine's.
pub(super) fn add(engine: &mut Engine) -> Result<(), Box<dyn std::error::Error>> {
    let mut add = |name: &str, arguments: u8, function: fn(&[Value]) -> Result<Option<String>, TooLong>| {
        engine.add_extension(
            name.to_owned(),
            arguments,
            Box::new(move |values: Vec<Value>| Ok(function(&values)?.map_or(Value::Undefined, Value::from))),
        )
    };
    add("concat", 2, concat)?;
    add("replace", 3, |values| {
        let texts: Option<Vec<&str>> = values.iter().map(text).collect();
        match texts.as_deref() {
            Some([text, old, new]) => replace(text, old, new).map(Some),
            _ => Ok(None),
        }
    })?;
    add("strings.replace_n", 2, replace_each)?;
    add("regex.replace", 3, |values| {
        let texts: Option<Vec<&str>> = values.iter().map(text).collect();
        match texts.as_deref() {
            Some([text, pattern, new]) => replace_pattern(text, pattern, new),
            _ => Ok(None),
        }
    })?;
    Ok(())
}

fn text(value: &Value) -> Option<&str> {
    value.as_string().ok().map(|text| &**text)
}

fn concat(values: &[Value]) -> Result<Option<String>, TooLong> {
    let parts: Option<Vec<&str>> = match &values[1] {
        Value::Array(items) => items.iter().map(text).collect(),
        Value::Set(items) => items.iter().map(text).collect(),
        _ => None,
    };
    let (Some(delimiter), Some(parts)) = (text(&values[0]), parts) else {
        return Ok(None);
    };
    let delimiters = delimiter.len().checked_mul(parts.len());
    let bytes = parts.iter().try_fold(delimiters.unwrap_or(usize::MAX), |sum, part| {
        sum.checked_add(part.len())
    });
    refuse_longer(bytes)?;
    Ok(Some(parts.join(delimiter)))
}

fn replace(text: &str, old: &str, new: &str) -> Result<String, TooLong> {
    let added = text.matches(old).count().checked_mul(new.len());
    refuse_longer(added.and_then(|added| added.checked_add(text.len())))?;
    Ok(text.replace(old, new))
}

/// One replacement after the other, in the order of what is replaced.
fn replace_each(values: &[Value]) -> Result<Option<String>, TooLong> {
    let (Ok(patterns), Some(first)) = (values[0].as_object(), text(&values[1])) else {
        return Ok(None);
    };
    let mut result = first.to_owned();
    for (old, new) in patterns.iter_sorted() {
        let (Some(old), Some(new)) = (text(old), text(new)) else {
            return Ok(None);
        };
        result = replace(&result, old, new)?;
    }
    Ok(Some(result))
}

fn replace_pattern(text: &str, pattern: &str, new: &str) -> Result<Option<String>, TooLong> {
    let Ok(pattern) = regex::RegexBuilder::new(pattern).size_limit(1 << 20).build() else {
        return Ok(None);
    };
    // Each `$` may stand for all that was found.
    let groups = new.matches('$').count();
    let mut bytes = text.len();
    for found in pattern.find_iter(text) {
        let most = groups.saturating_mul(found.len()).saturating_add(new.len());
        bytes = bytes.saturating_add(most);
    }
    refuse_longer(Some(bytes))?;
    Ok(Some(pattern.replace_all(text, new).into_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn short_texts_are_made_and_long_ones_are_not() {
        let long = "a".repeat(10_000);
        assert_eq!(replace("aXbX", "X", "--").ok().as_deref(), Some("a--b--"));
        assert!(replace(&long, "a", &long).is_err());
        assert_eq!(
            replace_pattern("ab12", "([a-z]+)", "<$1>").ok().flatten().as_deref(),
            Some("<ab>12")
        );
        assert!(replace_pattern(&long, "a", &long).is_err());
        let many = Value::from(vec![Value::from(long); 10_000]);
        assert!(concat(&[Value::from(","), many]).is_err());
        let few = Value::from(vec![Value::from("a"), Value::from("b")]);
        assert_eq!(concat(&[Value::from(","), few]).ok().flatten().as_deref(), Some("a,b"));
        let numbers = Value::from(vec![Value::from(1)]);
        assert_eq!(concat(&[Value::from(","), numbers]).ok(), Some(None));
    }
}
