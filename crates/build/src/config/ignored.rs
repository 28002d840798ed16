//! Fields that nobody reads, of the files whose unknown fields kustomize passes over: configurations of built-in
//! generators and transformers, and files of replacements. What was meant by them is not done, so they are told.

use resource::{Finding, Severity};
use yaml::{Node, Value};

use super::shape::Shape;
use super::spelling;

/// What every object has beside the fields of its kind.
const OF_OBJECTS: [&str; 3] = ["apiVersion", "kind", "metadata"];

/// Findings about the fields of an object that none of some shapes has.
pub(crate) fn in_object(node: &Node, shapes: &[Shape]) -> Vec<Finding> {
    let mut findings = Vec::new();
    let of_object = OF_OBJECTS.map(|name| (name, Shape::Mapping)).to_vec();
    let mut fields: Vec<(&'static str, Shape)> = Vec::new();
    for shape in shapes {
        if let Shape::Fields(own) = shape {
            fields.extend(own.iter().cloned());
        }
    }
    // `metadata` of a kind that reads it is looked at as that kind says; what all objects have there is not known here.
    fields.retain(|(name, _)| !OF_OBJECTS.contains(name));
    fields.extend(of_object);
    visit(node, &Shape::Fields(fields), "", &mut findings);
    findings
}

/// Findings about the fields of a file that is no object.
pub(crate) fn in_file(node: &Node, shape: &Shape) -> Vec<Finding> {
    let mut findings = Vec::new();
    visit(node, shape, "", &mut findings);
    findings
}

fn visit(node: &Node, shape: &Shape, path: &str, findings: &mut Vec<Finding>) {
    match (shape, &node.value) {
        (Shape::List(shape), Value::Seq(items)) => {
            for (at, item) in items.iter().enumerate() {
                visit(item, shape, &format!("{path}[{at}]"), findings);
            }
        }
        (Shape::Fields(fields), Value::Map(map)) => {
            for entry in map {
                let key = entry.key.as_str().unwrap_or_default();
                let known = fields.iter().find(|(name, _)| *name == key);
                let known = known.or_else(|| fields.iter().find(|(name, _)| name.eq_ignore_ascii_case(key)));
                match known {
                    Some((name, shape)) => {
                        let dot = if path.is_empty() { "" } else { "." };
                        visit(&entry.value, shape, &format!("{path}{dot}{name}"), findings);
                    }
                    None => findings.push(ignored(key, entry.key.mark, fields, path)),
                }
            }
        }
        _ => {}
    }
}

fn ignored(key: &str, mark: yaml::Mark, fields: &[(&'static str, Shape)], path: &str) -> Finding {
    let place = if path.is_empty() {
        String::new()
    } else {
        format!(" in `{path}`")
    };
    let message = format!("unknown field `{key}`{place}: it is ignored, as by kustomize");
    let finding = Finding::new("ignored_field", Severity::Warning, mark, message);
    match spelling::hint_for_field(key, fields.iter().map(|(name, _)| *name)) {
        Some(hint) => finding.hint(hint),
        None => finding.hint("remove it"),
    }
}
