//! What a policy is asked about: an object that is to be created, or an admission request that says more.

use resource::{Gvk, split_api_version};
use yaml::{Map, Node};

use crate::data::text;

/// A request to judge.
#[derive(Clone, Debug)]
pub struct Review {
    pub(crate) object: Option<Node>,
    pub(crate) old: Option<Node>,
    /// `CREATE` and so on; empty where nothing is said.
    pub(crate) operation: String,
    pub(crate) gvk: Gvk,
    pub(crate) name: String,
    pub(crate) namespace: String,
    /// The namespace that the object is in, where it is known.
    pub(crate) namespace_object: Option<Node>,
    /// The whole request, where there was one.
    pub(crate) request: Option<Node>,
}

impl Review {
    /// An object that is created.
    pub fn of_object(object: &Node, namespace_object: Option<Node>) -> Review {
        let kind = text(object, &["kind"]).unwrap_or_default();
        Review {
            gvk: Gvk::from_fields(text(object, &["apiVersion"]).unwrap_or_default(), kind),
            name: text(object, &["metadata", "name"]).unwrap_or_default().to_owned(),
            namespace: text(object, &["metadata", "namespace"]).unwrap_or_default().to_owned(),
            object: Some(object.clone()),
            old: None,
            operation: String::new(),
            namespace_object,
            request: None,
        }
    }

    /// An `AdmissionReview`.
    ///
    /// # Errors
    /// A text that says what it lacks.
    pub fn of_admission_review(review: &Node) -> Result<Review, String> {
        let request = review.get("request").filter(|request| request.as_map().is_some());
        let request = request.ok_or("the AdmissionReview has no request")?;
        let part = |name: &str| request.get(name).filter(|node| node.as_map().is_some()).cloned();
        let (mut object, old) = (part("object"), part("oldObject"));
        if object.is_none() && old.is_none() {
            return Err("the request has neither object nor oldObject".to_owned());
        }
        let operation = text(request, &["operation"]).unwrap_or_default().to_owned();
        if operation == "DELETE" {
            if old.is_none() {
                return Err("a request to delete needs oldObject".to_owned());
            }
            object = None;
        }
        let field = |path: &[&str]| text(request, path).unwrap_or_default().to_owned();
        Ok(Review {
            gvk: Gvk {
                group: field(&["kind", "group"]).into(),
                version: field(&["kind", "version"]).into(),
                kind: field(&["kind", "kind"]).into(),
            },
            name: field(&["name"]),
            namespace: field(&["namespace"]),
            object,
            old,
            operation,
            namespace_object: None,
            request: Some(request.clone()),
        })
    }

    /// The objects that a match may look at.
    pub(crate) fn objects(&self) -> impl Iterator<Item = &Node> {
        self.object.iter().chain(&self.old)
    }

    /// The request as a tree, `object` left out: with the defaults of an object that is created.
    pub(crate) fn request_node(&self) -> Node {
        let mut map = match self.request.as_ref().and_then(Node::as_map) {
            Some(map) => map.clone(),
            None => Map::new(),
        };
        let mut default = |name: &str, value: Node| {
            if !map.contains_key(name) {
                map.insert(name, value);
            }
        };
        let gvk = &self.gvk;
        let texts = |fields: &[(&str, &str)]| -> Node {
            let mut map = Map::new();
            for (name, value) in fields {
                map.insert(*name, Node::string(*value));
            }
            Node::map(map)
        };
        let kind = texts(&[("group", &gvk.group), ("version", &gvk.version), ("kind", &gvk.kind)]);
        let resource = texts(&[
            ("group", &gvk.group),
            ("version", &gvk.version),
            ("resource", &plural(&gvk.kind)),
        ]);
        default("uid", Node::string(""));
        default("kind", kind.clone());
        default("requestKind", kind);
        default("resource", resource.clone());
        default("requestResource", resource);
        default("name", Node::string(&*self.name));
        default("namespace", Node::string(&*self.namespace));
        default("operation", Node::string(&*self.operation));
        default("userInfo", Node::map(Map::new()));
        default("dryRun", Node::scalar("false", yaml::Tag::Bool));
        default("options", Node::null());
        Node::map(map)
    }
}

/// The name of a kind in URLs, as Kubernetes makes it from the kind (`meta.UnsafeGuessKindToResource`).
pub(crate) fn plural(kind: &str) -> String {
    let lower = kind.to_lowercase();
    if lower == "endpoints" {
        return lower;
    }
    if lower.ends_with('s') {
        return format!("{lower}es");
    }
    match lower.strip_suffix('y') {
        Some(stem) if !stem.ends_with(['a', 'e', 'i', 'o', 'u']) => format!("{stem}ies"),
        _ => format!("{lower}s"),
    }
}

/// Whether a tree is the namespace object of this version of Kubernetes.
pub(crate) fn is_namespace(object: &Node) -> bool {
    text(object, &["kind"]) == Some("Namespace")
        && split_api_version(text(object, &["apiVersion"]).unwrap_or_default())
            .0
            .is_empty()
}
