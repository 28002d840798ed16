//! Label selectors as objects: `matchLabels` and `matchExpressions`.

use yaml::Node;

use crate::Defect;
use crate::data::{items, text, texts};

/// A selector. Without requirements it selects everything.
#[derive(Clone, Debug, Default)]
pub(crate) struct Selector(Vec<(String, Test)>);

#[derive(Clone, Debug)]
enum Test {
    In(Vec<String>),
    NotIn(Vec<String>),
    Exists,
    Missing,
}

impl Selector {
    /// Reads a `LabelSelector`.
    ///
    /// # Errors
    /// [`Defect`] where an operator is not known, or has no values where it needs some.
    pub(crate) fn read(node: &Node) -> Result<Selector, Defect> {
        let mut requirements = Vec::new();
        for entry in node.get("matchLabels").and_then(Node::as_map).into_iter().flatten() {
            let (Some(key), Some(value)) = (entry.key.as_str(), entry.value.as_str()) else {
                return Err(Defect::new(entry.value.mark, "a label must be a text"));
            };
            requirements.push((key.to_owned(), Test::In(vec![value.to_owned()])));
        }
        for expression in items(node, &["matchExpressions"]) {
            let key = text(expression, &["key"])
                .ok_or_else(|| Defect::new(expression.mark, "a requirement lacks its key"))?;
            let values = texts(expression, &["values"]);
            let operator = text(expression, &["operator"]).unwrap_or_default();
            let test = match (operator, values.is_empty()) {
                ("In", false) => Test::In(values),
                ("NotIn", false) => Test::NotIn(values),
                ("Exists", true) => Test::Exists,
                ("DoesNotExist", true) => Test::Missing,
                ("In" | "NotIn", true) => {
                    return Err(Defect::new(
                        expression.mark,
                        format!("the operator {operator} needs values"),
                    ));
                }
                ("Exists" | "DoesNotExist", false) => {
                    return Err(Defect::new(
                        expression.mark,
                        format!("the operator {operator} takes no values"),
                    ));
                }
                _ => {
                    return Err(Defect::new(
                        expression.mark,
                        format!("\"{operator}\" is no operator of a label selector"),
                    ));
                }
            };
            requirements.push((key.to_owned(), test));
        }
        Ok(Selector(requirements))
    }

    /// Whether it selects an object, by the labels of its metadata.
    pub(crate) fn matches(&self, object: &Node) -> bool {
        let labels = object.get_path(["metadata", "labels"]);
        self.0.iter().all(|(key, test)| {
            let value = labels.and_then(|labels| labels.get(key)).and_then(Node::as_str);
            match test {
                Test::In(values) => value.is_some_and(|value| values.iter().any(|other| other == value)),
                Test::NotIn(values) => value.is_none_or(|value| values.iter().all(|other| other != value)),
                Test::Exists => value.is_some(),
                Test::Missing => value.is_none(),
            }
        })
    }
}
