//! The difference as one HTML page: both sides beside each other.

use super::Comparison;
use super::record::{Change, FieldRecord, ObjectRecord, ValueRecord};
use super::text::origin;
use crate::report::escape::markup;
use crate::report::page::{page, tiles};

pub(crate) fn render(comparison: &Comparison) -> String {
    let sides = &comparison.sides;
    let mut body = format!(
        "<p class=\"soft\"><code>{}</code> → <code>{}</code></p>\n",
        markup(&sides.before),
        markup(&sides.after)
    );
    body.push_str(&tiles(&[
        (comparison.added.to_string(), "added"),
        (comparison.removed.to_string(), "removed"),
        (comparison.changed.to_string(), "changed"),
        (comparison.same.to_string(), "the same"),
    ]));
    let mut part = "";
    for object in &comparison.objects {
        if object.part != part {
            part = &object.part;
            body.push_str(&format!("<h2>{}</h2>\n", markup(part)));
        }
        body.push_str(&self::object(object, comparison));
    }
    if comparison.is_empty() {
        body.push_str("<p>No difference.</p>\n");
    }
    page("Terrace diff", &body)
}

fn object(object: &ObjectRecord, comparison: &Comparison) -> String {
    let (word, class) = match object.change {
        Change::Added => ("added", "passed"),
        Change::Removed => ("removed", "failed"),
        Change::Changed => ("changed", "waived"),
    };
    let was = object
        .was
        .as_ref()
        .map_or_else(String::new, |was| format!("{} → ", markup(was)));
    let mut out = format!(
        "<h3><span class=\"state {class}\">{word}</span> {was}{}</h3>\n",
        markup(&object.object)
    );
    if let Some(place) = &object.place {
        out.push_str(&format!("<p class=\"soft\">{}</p>\n", markup(&place.to_string())));
    }
    if object.fields.is_empty() {
        return out;
    }
    let rows: String = object.fields.iter().map(field).collect();
    out.push_str(&format!(
        "<table class=\"sides\">\n<thead><tr><th>Field</th><th>{}</th><th>{}</th></tr></thead>\n<tbody>\n{rows}</tbody>\n</table>\n",
        markup(&comparison.sides.before),
        markup(&comparison.sides.after)
    ));
    out
}

fn field(field: &FieldRecord) -> String {
    let follows = field.follows.as_ref().map_or_else(String::new, |follows| {
        format!(
            "<br><span class=\"soft\">follows the content of {}</span>",
            markup(follows)
        )
    });
    format!(
        "<tr><td><code>{}</code>{follows}</td>{}{}</tr>\n",
        markup(&field.field),
        cell(field.before.as_ref(), "removed"),
        cell(field.after.as_ref(), "added")
    )
}

fn cell(value: Option<&ValueRecord>, class: &str) -> String {
    match value {
        None => "<td></td>".to_owned(),
        Some(value) => format!(
            "<td class=\"{class}\"><code>{}</code><br><span class=\"soft\">{}</span></td>",
            markup(&value.text),
            markup(&origin(value))
        ),
    }
}
