//! The difference as records that every format is made of: texts and places instead of nodes and marks.

use difference::{ChangedObject, Difference, FieldDifference, ObjectDifference, Side};
use resource::Resource;
use serde::Serialize;
use yaml::{Mark, Sources, Typed, Value};

use crate::diagnostic::PlaceRecord;

/// What both sides are called.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Sides {
    pub(crate) before: String,
    pub(crate) after: String,
}

/// Everything that differs.
#[derive(Debug, Serialize)]
pub(crate) struct Comparison {
    #[serde(flatten)]
    pub(crate) sides: Sides,
    pub(super) added: usize,
    pub(super) removed: usize,
    pub(super) changed: usize,
    pub(super) same: usize,
    pub(super) objects: Vec<ObjectRecord>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Change {
    Added,
    Removed,
    Changed,
}

#[derive(Debug, Serialize)]
pub(super) struct ObjectRecord {
    pub(super) change: Change,
    /// The directory it is in, where a side has several.
    #[serde(skip_serializing_if = "str::is_empty")]
    pub(super) part: String,
    pub(super) object: String,
    /// Its name on the first side, if it is another one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) was: Option<String>,
    /// Where it comes from, if it is on one side only.
    #[serde(flatten)]
    pub(super) place: Option<PlaceRecord>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) fields: Vec<FieldRecord>,
}

#[derive(Debug, Serialize)]
pub(super) struct FieldRecord {
    pub(super) field: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) before: Option<ValueRecord>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) after: Option<ValueRecord>,
    /// The object whose content hash the field follows.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) follows: Option<String>,
}

#[derive(Debug, Serialize)]
pub(super) struct ValueRecord {
    /// Not there for what is hidden.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) value: Option<serde_json::Value>,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub(super) hidden: bool,
    /// The value as YAML, or what stands for it.
    #[serde(skip)]
    pub(super) text: String,
    #[serde(flatten)]
    pub(super) place: Option<PlaceRecord>,
    pub(super) kustomization: String,
    pub(super) step: String,
}

impl Comparison {
    pub(crate) fn new(sides: Sides) -> Comparison {
        Comparison {
            sides,
            added: 0,
            removed: 0,
            changed: 0,
            same: 0,
            objects: Vec::new(),
        }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.objects.is_empty()
    }

    /// Adds what differs in one directory; its name is empty where there is only one.
    pub(crate) fn add(&mut self, part: &str, difference: &Difference<'_>, before: &Sources, after: &Sources) {
        self.same += difference.same;
        for object in &difference.objects {
            let record = match object {
                ObjectDifference::Added(object) => {
                    self.added += 1;
                    alone(Change::Added, object, after)
                }
                ObjectDifference::Removed(object) => {
                    self.removed += 1;
                    alone(Change::Removed, object, before)
                }
                ObjectDifference::Changed(changed) => {
                    self.changed += 1;
                    both(changed, before, after)
                }
            };
            self.objects.push(ObjectRecord {
                part: part.to_owned(),
                ..record
            });
        }
    }

    /// `1 added, 2 changed, 5 the same`.
    pub(super) fn summary(&self) -> String {
        let counts = [
            (self.added, "added"),
            (self.removed, "removed"),
            (self.changed, "changed"),
        ];
        let mut words: Vec<String> = counts
            .into_iter()
            .filter(|(count, _)| *count > 0)
            .map(|(count, word)| format!("{count} {word}"))
            .collect();
        if words.is_empty() {
            words.push("no difference".to_owned());
        }
        words.push(format!("{} the same", self.same));
        words.join(", ")
    }
}

fn alone(change: Change, object: &Resource, sources: &Sources) -> ObjectRecord {
    ObjectRecord {
        change,
        part: String::new(),
        object: object.id().full_name(),
        was: None,
        place: place(object.node.mark, object.layer.mark, sources),
        fields: Vec::new(),
    }
}

fn both(changed: &ChangedObject<'_>, before: &Sources, after: &Sources) -> ObjectRecord {
    let field = |field: &FieldDifference<'_>| FieldRecord {
        field: field.path.clone(),
        before: field.before.map(|side| value(side, field.is_secret, before)),
        after: field.after.map(|side| value(side, field.is_secret, after)),
        follows: field.follows.as_ref().map(resource::ResId::full_name),
    };
    ObjectRecord {
        change: Change::Changed,
        part: String::new(),
        object: changed.after.id().full_name(),
        was: changed.renamed.map(|_| changed.before.id().full_name()),
        place: None,
        fields: changed.fields.iter().map(field).collect(),
    }
}

fn value(side: Side<'_>, is_secret: bool, sources: &Sources) -> ValueRecord {
    ValueRecord {
        value: if is_secret { None } else { json(side) },
        hidden: is_secret,
        text: if is_secret { hidden(side) } else { text(side) },
        place: place(side.node.mark, side.layer.mark, sources),
        kustomization: side.layer.kustomization.to_string(),
        step: side.layer.step.clone(),
    }
}

fn place(own: Mark, instead: Mark, sources: &Sources) -> Option<PlaceRecord> {
    sources
        .place(own)
        .or_else(|| sources.place(instead))
        .map(PlaceRecord::from)
}

fn hidden(side: Side<'_>) -> String {
    match &side.node.value {
        Value::Scalar(text) => format!("({} bytes, hidden)", text.len()),
        Value::Map(map) => format!("({} keys, hidden)", map.len()),
        Value::Seq(items) => format!("({} items, hidden)", items.len()),
    }
}

fn json(side: Side<'_>) -> Option<serde_json::Value> {
    let mut bytes = Vec::new();
    yaml::json::write(side.node, &mut bytes).ok()?;
    serde_json::from_slice(&bytes).ok()
}

fn text(side: Side<'_>) -> String {
    let node = side.node;
    let mut bytes = Vec::new();
    match (&node.value, yaml::typed(node)) {
        // A text of several lines reads best as it is.
        (Value::Scalar(text), Ok(Typed::Str(_))) if text.contains('\n') => text.trim_end_matches('\n').to_owned(),
        (Value::Scalar(text), _) if text.is_empty() => "\"\"".to_owned(),
        _ => match yaml::emit(node, &mut bytes) {
            Ok(()) => String::from_utf8_lossy(&bytes).trim_end_matches('\n').to_owned(),
            Err(_) => node.as_str().unwrap_or("(cannot be printed)").to_owned(),
        },
    }
}
