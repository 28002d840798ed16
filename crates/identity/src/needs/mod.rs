//! What workloads need, by their own specifications: which permission, on which resource, as whom, and which field
//! says so.

pub(crate) mod credential;
pub(crate) mod intent;
pub(crate) mod pod;
pub(crate) mod secret;
mod uri;
pub(crate) mod vertex;

use resource::{ResId, Resource, items};
use yaml::{Mark, Node};

use crate::name::ResourceName;
use crate::tree::{Place, RunsAs};

/// A permission that an object cannot do without.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Need {
    /// Who must have it.
    pub subject: RunsAs,
    /// As `storage.objects.get`.
    pub permission: &'static str,
    pub resource: ResourceName,
    /// Why, in a few words: `writes its output`.
    pub reason: String,
    /// The object, and the field that says so.
    pub object: ResId,
    pub field: String,
    pub mark: Mark,
}

/// The annotation by which an object says what its fields do not: lines of a permission and a resource.
const ANNOTATION: &str = "identity.terrace.dev/needs";

/// What an annotation or a field that says what is needed gets wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MalformedNeed {
    pub message: String,
    pub object: ResId,
    pub mark: Mark,
}

/// Collects the needs of one identity of one object.
pub(crate) struct Collector<'a> {
    object: &'a Resource,
    subject: RunsAs,
    needs: &'a mut Vec<Need>,
}

impl<'a> Collector<'a> {
    pub(crate) fn new(object: &'a Resource, subject: RunsAs, needs: &'a mut Vec<Need>) -> Collector<'a> {
        Collector { object, subject, needs }
    }

    fn needs(
        &mut self,
        permission: &'static str,
        resource: ResourceName,
        reason: impl Into<String>,
        field: impl Into<String>,
        mark: Mark,
    ) {
        let is_same =
            |need: &Need| need.permission == permission && need.resource == resource && need.subject == self.subject;
        let id = self.object.id();
        if self
            .needs
            .iter()
            .rev()
            .take_while(|need| need.object == id)
            .any(is_same)
        {
            return;
        }
        self.needs.push(Need {
            subject: self.subject.clone(),
            permission,
            resource,
            reason: reason.into(),
            object: id,
            field: field.into(),
            mark,
        });
    }

    /// A repository that an image is fetched from.
    pub(crate) fn image(&mut self, repository: ResourceName, field: String, mark: Mark) {
        let permission = "artifactregistry.repositories.downloadArtifacts";
        self.needs(permission, repository, "fetches the image", field, mark);
    }

    /// What is needed for the resources that a text names; `label` is the name of its flag, variable or field. Most texts
    /// name none, so that the path of the field is put together only where one does.
    fn text(&mut self, label: &str, text: &str, field: impl Fn() -> String, mark: Mark) {
        for named in uri::named(text) {
            let field = field();
            match named {
                uri::Named::Storage(name) if uri::is_output(label) => {
                    self.needs(
                        "storage.objects.create",
                        name,
                        format!("writes {}", label_of(label)),
                        field,
                        mark,
                    );
                }
                uri::Named::Storage(name) => {
                    self.needs(
                        "storage.objects.get",
                        name,
                        format!("reads {}", label_of(label)),
                        field,
                        mark,
                    );
                }
                uri::Named::Secret(name) => {
                    self.needs("secretmanager.versions.access", name, "reads the secret", field, mark);
                }
                uri::Named::Endpoint(name) => {
                    self.needs("aiplatform.endpoints.predict", name, "calls the endpoint", field, mark);
                }
            }
        }
    }
}

/// What the arguments of a container need: `--output gs://…` and `--output=gs://…`. `field` gives the path of one of
/// the container's fields.
fn arguments(collector: &mut Collector<'_>, container: &Node, field: impl Fn(&str) -> String) {
    for list in ["command", "args"] {
        let mut flag = "";
        for (at, argument) in items(container, &[list]).enumerate() {
            let Some(words) = argument.as_str() else { continue };
            let (label, value) = match words.split_once('=') {
                Some((label, value)) if label.starts_with('-') => (label, value),
                _ => (flag, words),
            };
            // A script is no value of a flag.
            let label = if value.contains(char::is_whitespace) { "" } else { label };
            collector.text(label, value, || field(&format!("{list}[{at}]")), argument.mark);
            flag = if words.starts_with('-') { words } else { "" };
        }
    }
}

fn label_of(label: &str) -> &str {
    if label.is_empty() { "it" } else { label }
}

/// The needs of an object that its annotation says, for the identity that it runs as.
pub(crate) fn annotated(collector: &mut Collector<'_>, malformed: &mut Vec<MalformedNeed>) {
    let object = collector.object;
    let Some(text) = object.annotation(ANNOTATION) else {
        return;
    };
    let mark = object.node.nearest_mark(["metadata", "annotations", ANNOTATION]);
    let field = format!("metadata.annotations.{ANNOTATION}");
    let table = crate::PredefinedRoles::embedded();
    for line in text
        .lines()
        .map(str::trim)
        .filter(|line| !line.is_empty() && !line.starts_with('#'))
    {
        let mut wrong = |message: String| {
            malformed.push(MalformedNeed {
                message,
                object: object.id(),
                mark,
            });
        };
        let Some((permission, name)) = line.split_once(char::is_whitespace) else {
            wrong(format!("\"{line}\" is no permission and resource"));
            continue;
        };
        let resource = match ResourceName::parse(name.trim()) {
            Ok(resource) => resource,
            Err(error) => {
                wrong(error.to_string());
                continue;
            }
        };
        let says = "says that it needs it";
        if let Some(permission) = table.permission(permission) {
            collector.needs(permission, resource, says, field.clone(), mark);
        } else if let Some(method) = crate::Methods::embedded().find(permission) {
            for permission in &method.permissions {
                collector.needs(permission, resource.clone(), says, field.clone(), mark);
            }
        } else {
            wrong(format!(
                "no role that is known has the permission \"{permission}\", and no method that is known has the name"
            ));
        }
    }
}

/// The project that a workload runs in: its own, or the environment's.
fn project_of<'p>(object: &'p Resource, place: &'p Place) -> Option<&'p str> {
    let own = object.node.get_path(["spec", "project"]).and_then(Node::as_str);
    own.or(place.project.as_deref())
}
