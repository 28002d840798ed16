//! Where the values of Secrets stand in the user's files, so that no report shows their lines.

use resource::Resource;
use yaml::{Mark, Node, Value};

/// The places of every value of `data` and `stringData` of Secrets, and of the values they replaced.
pub fn secret_values(objects: &[Resource]) -> Vec<Mark> {
    let mut marks = Vec::new();
    for object in objects.iter().filter(|object| object.kind() == "Secret") {
        for field in ["data", "stringData"] {
            if let Some(node) = object.node.get(field) {
                collect(node, &mut marks);
            }
        }
    }
    marks
}

fn collect(node: &Node, marks: &mut Vec<Mark>) {
    let mut previous = node.origin.as_deref().and_then(|change| change.previous.as_ref());
    while let Some(node) = previous {
        collect_own(node, marks);
        previous = node.origin.as_deref().and_then(|change| change.previous.as_ref());
    }
    collect_own(node, marks);
}

fn collect_own(node: &Node, marks: &mut Vec<Mark>) {
    match &node.value {
        Value::Scalar(_) if node.mark.is_some() => marks.push(node.mark),
        Value::Scalar(_) => {}
        Value::Map(map) => map.iter().for_each(|entry| collect(&entry.value, marks)),
        Value::Seq(items) => items.iter().for_each(|item| collect(item, marks)),
    }
}
