//! The difference for a person: each object, below it each field with both values and their places.

use super::Comparison;
use super::record::{Change, FieldRecord, ObjectRecord, ValueRecord};
use crate::excerpt::{visible, visible_lines};

const RED: &str = "\u{1b}[31m";
const GREEN: &str = "\u{1b}[32m";
const BOLD: &str = "\u{1b}[1m";
const DIM: &str = "\u{1b}[2m";
const RESET: &str = "\u{1b}[0m";

/// With the colours of a terminal, if it is one.
pub(crate) fn render(comparison: &Comparison, colour: bool) -> String {
    let painter = Painter(colour);
    let mut out = String::new();
    let mut part = "";
    for object in &comparison.objects {
        if object.part != part {
            part = &object.part;
            out.push_str(&format!("{}\n", painter.paint(BOLD, &format!("# {}", visible(part)))));
        }
        out.push_str(&painter.object(object));
        out.push('\n');
    }
    out.push_str(&comparison.summary());
    out.push('\n');
    out
}

struct Painter(bool);

impl Painter {
    fn paint(&self, style: &str, text: &str) -> String {
        if self.0 {
            format!("{style}{text}{RESET}")
        } else {
            text.to_owned()
        }
    }

    fn object(&self, object: &ObjectRecord) -> String {
        let name = visible_lines(&object.object);
        let place = object.place.as_ref().map(ToString::to_string).unwrap_or_default();
        let place = self.paint(DIM, &visible(&place));
        match object.change {
            Change::Added => format!("{}  {place}\n", self.paint(GREEN, &format!("+ {name}"))),
            Change::Removed => format!("{}  {place}\n", self.paint(RED, &format!("- {name}"))),
            Change::Changed => {
                let head = match &object.was {
                    Some(was) => format!("~ {} → {name}", visible_lines(was)),
                    None => format!("~ {name}"),
                };
                let fields = object.fields.iter().map(|field| self.field(field));
                format!("{}\n{}", self.paint(BOLD, &head), fields.collect::<String>())
            }
        }
    }

    fn field(&self, field: &FieldRecord) -> String {
        let path = visible(&field.field);
        if let Some(follows) = &field.follows {
            return format!("  {path} follows the content of {}\n", visible(follows));
        }
        let mut out = format!("  {path}\n");
        for (sign, style, value) in [('-', RED, &field.before), ('+', GREEN, &field.after)] {
            if let Some(value) = value {
                out.push_str(&self.value(sign, style, value));
            }
        }
        out
    }

    /// One line for a short value, and its origin behind it; a line for each of a long one, and its origin
    /// before them.
    fn value(&self, sign: char, style: &str, value: &ValueRecord) -> String {
        let text = visible_lines(&value.text);
        let origin = self.paint(DIM, &origin(value));
        if text.contains('\n') {
            let lines = text
                .lines()
                .map(|line| format!("    {}\n", self.paint(style, &format!("{sign} {line}"))));
            return format!("    {}\n{}", origin, lines.collect::<String>());
        }
        format!("    {}  {origin}\n", self.paint(style, &format!("{sign} {text}")))
    }
}

/// `base/deployment.yaml:12:3, patches[0] of overlays/prod/kustomization.yaml`.
pub(super) fn origin(value: &ValueRecord) -> String {
    let step = format!("{} of {}", value.step, value.kustomization);
    let text = match &value.place {
        Some(place) => format!("{place}, {step}"),
        None => step,
    };
    visible(&text).into_owned()
}
