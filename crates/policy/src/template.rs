//! Constraint templates: the kind they define, the schema of its parameters, the code.

use yaml::{Mark, Node};

use crate::Defect;
use crate::cel::Rules;
use crate::data::{items, text, texts};
use crate::rego::Rego;

pub(crate) const GROUP: &str = "templates.gatekeeper.sh";
const TARGET: &str = "admission.k8s.gatekeeper.sh";

/// A template that can be run.
#[derive(Debug)]
pub(crate) struct Template {
    pub(crate) name: String,
    pub(crate) kind: String,
    pub(crate) mark: Mark,
    pub(crate) parameters: Option<Node>,
    pub(crate) code: Code,
}

#[derive(Debug)]
pub(crate) enum Code {
    Rego(Box<Rego>),
    Cel(Box<Rules>),
}

impl Template {
    /// Reads and compiles a template.
    ///
    /// # Errors
    /// [`Defect`] where it lacks its kind or its code, or the code cannot be compiled.
    pub(crate) fn read(node: &Node) -> Result<Template, Defect> {
        let mark = node.get("kind").map_or(node.mark, |kind| kind.mark);
        let name = text(node, &["metadata", "name"]).unwrap_or_default();
        let kind = text(node, &["spec", "crd", "spec", "names", "kind"]).filter(|kind| !kind.is_empty());
        let kind =
            kind.ok_or_else(|| Defect::new(mark, format!("the template {name} lacks spec.crd.spec.names.kind")))?;
        if kind.to_lowercase() != name {
            let message = format!(
                "the template {name} must have the name of its kind: {}",
                kind.to_lowercase()
            );
            return Err(Defect::new(mark, message));
        }
        let target = items(node, &["spec", "targets"]).find(|target| text(target, &["target"]) == Some(TARGET));
        let target = target.ok_or_else(|| Defect::new(mark, format!("the template {name} has no target {TARGET}")))?;
        Ok(Template {
            name: name.to_owned(),
            kind: kind.to_owned(),
            mark,
            parameters: node
                .get_path(["spec", "crd", "spec", "validation", "openAPIV3Schema"])
                .cloned(),
            code: code(name, target)?,
        })
    }
}

/// The code of a target: CEL where there is any, as Gatekeeper prefers it; else Rego.
fn code(name: &str, target: &Node) -> Result<Code, Defect> {
    let engine = |engine: &str| items(target, &["code"]).find(|code| text(code, &["engine"]) == Some(engine));
    if let Some(source) = engine("K8sNativeValidation").and_then(|code| code.get("source")) {
        return Ok(Code::Cel(Box::new(Rules::of_template(source)?)));
    }
    if let Some(source) = engine("Rego").and_then(|code| code.get("source")) {
        let is_v1 = text(source, &["version"]) == Some("v1");
        let rego = source
            .get("rego")
            .filter(|rego| rego.as_str().is_some_and(|text| !text.trim().is_empty()));
        let rego = rego.ok_or_else(|| Defect::new(source.mark, format!("the template {name} has no rego")))?;
        return Rego::compile(name, rego, &texts(source, &["libs"]), is_v1).map(|rego| Code::Rego(Box::new(rego)));
    }
    let rego = target
        .get("rego")
        .filter(|rego| rego.as_str().is_some_and(|text| !text.trim().is_empty()));
    match rego {
        Some(rego) => {
            Rego::compile(name, rego, &texts(target, &["libs"]), false).map(|rego| Code::Rego(Box::new(rego)))
        }
        None => {
            let engines = texts_of_engines(target);
            let message = match engines.is_empty() {
                true => format!("the template {name} has no rego"),
                false => format!(
                    "the template {name} is for engines that are not known here: {}",
                    engines.join(", ")
                ),
            };
            Err(Defect::new(target.mark, message))
        }
    }
}

fn texts_of_engines(target: &Node) -> Vec<&str> {
    items(target, &["code"])
        .filter_map(|code| text(code, &["engine"]))
        .collect()
}
