//! ## What it does
//!
//! Finds versions of models that nobody approved for the environment. It is off until an environment turns it
//! on. A version of a model is carried by
//!
//! - any object, or the template of its pods, with the labels or annotations `terrace.dev/model` and
//!   `terrace.dev/model-version`, and `terrace.dev/model-digest` where its content is named too;
//! - a `Model` of `vertex.terrace.dev`, whose name it is;
//! - a `BatchPredictionJob` of `vertex.terrace.dev`, in its `model`, as `.../models/NAME@VERSION`.
//!
//! Approvals are JSON files that `evidence.approvals` of `terrace.yaml` names. One holds if it is of the same
//! model, version and digest, for this environment, by somebody, and its day is not over.
//!
//! ## Why is this bad?
//!
//! What a model decides is decided by nobody else. A version that went out without a look is seen first by those
//! it is wrong about, and an auditor asks who let it.
//!
//! ## Example
//!
//! ```yaml
//! kind: Deployment
//! metadata:
//!   name: iris
//!   labels: {terrace.dev/model: iris, terrace.dev/model-version: "8"}   # 7 was approved
//! ```
//!
//! ## Use instead
//!
//! ```json
//! {"kind": "ModelApproval", "model": "iris", "version": "8", "environments": ["prod"],
//!  "approvedBy": "risk@acme.example", "approvedOn": "2026-11-20", "expires": "2027-05-20"}
//! ```
//!
//! In `terrace.yaml`:
//!
//! ```yaml
//! spec:
//!   environments:
//!   - name: prod
//!     path: overlays/prod
//!     rules: {model_without_approval: error}
//!   evidence:
//!     approvals: [approvals]
//! ```

use resource::{Finding, Resource};
use yaml::{Mark, Node};

use super::{Check, Control, Rule, SettingsType};
use crate::context::Context;
use crate::evidence::Approval;

pub(super) const RULE: Rule = Rule {
    name: "model_without_approval",
    severity: None,
    controls: &[
        Control::Soc2("CC8.1"),
        Control::Soc2("PI1.1"),
        Control::Iso27001("A.8.32"),
        Control::Iso27001("A.5.3"),
        Control::Gdpr("24"),
    ],
    file: include_str!("model_without_approval.rs"),
    settings: SettingsType::NONE,
    check: Check::Target(check),
};

const VERTEX: &str = "vertex.terrace.dev";
const MODEL: &str = "terrace.dev/model";
const VERSION: &str = "terrace.dev/model-version";
const DIGEST: &str = "terrace.dev/model-digest";

/// A version of a model that an object carries.
struct Carried<'a> {
    object: &'a Resource,
    field: String,
    mark: Mark,
    model: &'a str,
    version: Option<&'a str>,
    digest: Option<&'a str>,
}

fn check(context: &Context<'_>, findings: &mut Vec<Finding>) {
    let mut carried = Vec::new();
    for object in context.objects() {
        let is_vertex = *object.gvk().group == *VERTEX;
        let own = (is_vertex && object.kind() == "Model").then(|| object.name());
        carried.extend(of_metadata(object, object.node.get("metadata"), "metadata", own));
        if is_vertex && object.kind() == "BatchPredictionJob" {
            carried.extend(of_prediction(object));
        }
    }
    for pod in context.pods().iter().filter(|pod| pod.path != "spec") {
        let path = format!("{}metadata", pod.path.trim_end_matches("spec"));
        let of_pod = of_metadata(pod.object, pod.metadata, &path, None);
        // A label for all is on the object and in its template.
        carried.extend(of_pod.filter(|found| !carried.iter().any(|known| known.is_same(found))));
    }
    for carried in carried {
        if let Some(message) = carried.unapproved(context) {
            findings.push(
                RULE.finding(carried.object, carried.field, carried.mark, message)
                    .hint("have it approved, and put the approval where evidence.approvals says"),
            );
        }
    }
}

/// What the labels or annotations of an object or a pod template say.
fn of_metadata<'a>(
    object: &'a Resource,
    metadata: Option<&'a Node>,
    path: &str,
    own: Option<&'a str>,
) -> Option<Carried<'a>> {
    let metadata = metadata?;
    let find = |key: &str| {
        ["labels", "annotations"].into_iter().find_map(|field| {
            let node = metadata.get_path([field, key])?;
            Some((
                field,
                key.to_owned(),
                node,
                node.as_str().filter(|text| !text.is_empty())?,
            ))
        })
    };
    let named = find(MODEL);
    let model = named.as_ref().map(|found| found.3).or(own)?;
    let version = find(VERSION);
    let place = version.as_ref().or(named.as_ref());
    let (field, mark) = match place {
        Some((field, key, node, _)) => (format!("{path}.{field}[\"{key}\"]"), node.mark),
        None => (format!("{path}.name"), metadata.nearest_mark(["name"])),
    };
    Some(Carried {
        object,
        field,
        mark: if mark.is_some() { mark } else { object.node.mark },
        model,
        version: version.map(|found| found.3),
        digest: find(DIGEST).map(|found| found.3),
    })
}

/// The model that a job predicts with.
fn of_prediction(object: &Resource) -> Option<Carried<'_>> {
    let node = object.node.get_path(["spec", "template", "model"])?;
    let name = node.as_str()?.rsplit('/').next()?;
    let (model, version) = match name.split_once('@') {
        Some((model, version)) => (model, Some(version)),
        None => (name, None),
    };
    Some(Carried {
        object,
        field: "spec.template.model".to_owned(),
        mark: if node.mark.is_some() {
            node.mark
        } else {
            object.node.mark
        },
        model,
        version,
        digest: None,
    })
}

impl Carried<'_> {
    fn is_same(&self, other: &Carried<'_>) -> bool {
        std::ptr::eq(self.object, other.object)
            && (self.model, self.version, self.digest) == (other.model, other.version, other.digest)
    }

    /// What is wrong, if no approval holds: with the one that comes closest.
    fn unapproved(&self, context: &Context<'_>) -> Option<String> {
        let (evidence, environment) = (&context.facts().evidence, &context.facts().environment);
        let Some(version) = self.version else {
            return Some(format!(
                "the model {} has no version, so nobody can have approved it",
                self.model
            ));
        };
        let what = match self.digest {
            Some(digest) => format!("version {version} ({digest}) of the model {}", self.model),
            None => format!("version {version} of the model {}", self.model),
        };
        let of_model: Vec<&Approval> = evidence.approvals(self.model).collect();
        let of_version: Vec<&Approval> = of_model
            .iter()
            .copied()
            .filter(|approval| approval.version == version)
            .collect();
        let Some(last) = of_version.last() else {
            let mut others: Vec<&str> = of_model.iter().map(|approval| approval.version.as_str()).collect();
            others.dedup();
            return Some(match others.as_slice() {
                [] => format!("nobody approved {what}"),
                others => format!("nobody approved {what}, but {}", others.join(", ")),
            });
        };
        let problem = |approval: &Approval| {
            if approval.digest.as_deref() != self.digest {
                let other = approval.digest.as_deref().unwrap_or("no digest");
                Some(format!("the approval of {what} is for {other}"))
            } else if !approval.environments.iter().any(|name| name == environment) {
                let others = approval.environments.join(", ");
                Some(format!("{what} is approved for {others}, not for {environment}"))
            } else if approval.by.is_empty() {
                Some(format!("the approval of {what} is by nobody"))
            } else if !evidence.is_valid_today(approval) {
                let expires = approval.expires.as_deref().unwrap_or("no day");
                Some(format!(
                    "the approval of {what} holds from {} to {expires}",
                    approval.approved_on
                ))
            } else {
                None
            }
        };
        match of_version.iter().any(|approval| problem(approval).is_none()) {
            true => None,
            false => problem(last),
        }
    }
}
