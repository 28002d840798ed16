//! The difference in Markdown, for the description of a pull request or a comment on one: a sum, and each
//! object folded away with a `diff` block.

use super::Comparison;
use super::record::{Change, ObjectRecord, ValueRecord};
use super::text::origin;
use crate::excerpt::{visible, visible_lines};
use crate::report::escape::markup;

/// Hosts refuse a text that is longer (GitHub: 65,536 characters).
const LIMIT: usize = 60_000;

pub(crate) fn render(comparison: &Comparison) -> String {
    let mut out = format!(
        "### {} → {}\n\n{}\n",
        code(&comparison.sides.before),
        code(&comparison.sides.after),
        comparison.summary()
    );
    for (at, object) in comparison.objects.iter().enumerate() {
        let text = details(object);
        if out.len() + text.len() > LIMIT {
            let left = comparison.objects.len() - at;
            out.push_str(&format!("\n{left} more objects are not shown here.\n"));
            break;
        }
        out.push_str(&text);
    }
    out
}

fn details(object: &ObjectRecord) -> String {
    let sign = match object.change {
        Change::Added => "added",
        Change::Removed => "removed",
        Change::Changed => "changed",
    };
    let name = markup(&object.object);
    let was = object
        .was
        .as_ref()
        .map_or_else(String::new, |was| format!("<code>{}</code> → ", markup(was)));
    let part = match object.part.as_str() {
        "" => String::new(),
        part => format!("{}: ", markup(part)),
    };
    let head = format!("{part}{was}<code>{name}</code> {sign}");
    if object.fields.is_empty() {
        let place = object
            .place
            .as_ref()
            .map_or_else(String::new, |place| format!(" at {}", code(&place.to_string())));
        return format!("\n- {head}{place}\n");
    }
    let mut block = String::new();
    for field in &object.fields {
        let path = visible(&field.field);
        match &field.follows {
            Some(follows) => block.push_str(&format!("  {path} follows the content of {}\n", visible(follows))),
            None => {
                block.push_str(&format!("  {path}\n"));
                for (sign, value) in [('-', &field.before), ('+', &field.after)] {
                    block.extend(value.iter().map(|value| lines(sign, value)));
                }
            }
        }
    }
    // A fence that nothing inside can close.
    let longest = block.split(|c| c != '`').map(str::len).max().unwrap_or_default();
    let fence = "`".repeat(longest.max(2) + 1);
    format!("\n<details><summary>{head}</summary>\n\n{fence}diff\n{block}{fence}\n\n</details>\n")
}

fn lines(sign: char, value: &ValueRecord) -> String {
    let text = visible_lines(&value.text);
    let lines = text.lines().map(|line| format!("{sign}   {line}\n"));
    format!("{}#   {}\n", lines.collect::<String>(), origin(value))
}

/// A code span that nothing inside can close.
fn code(text: &str) -> String {
    let text = visible(text);
    let longest = text.split(|c| c != '`').map(str::len).max().unwrap_or_default();
    let ticks = "`".repeat(longest + 1);
    if longest > 0 {
        format!("{ticks} {text} {ticks}")
    } else {
        format!("{ticks}{text}{ticks}")
    }
}
