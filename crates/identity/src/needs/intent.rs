//! Secret intents: who reads Secret Manager for them, as the environment delivers secrets.

use resource::{Pod, Resource, items};
use secret::{Backend, Destination, Entry, Form, Intent};
use yaml::Node;

use super::secret::ACCESS;
use super::{Collector, Need};
use crate::member::Member;
use crate::name::ResourceName;
use crate::tree::{Place, RunsAs};

/// An intent of a tree that Secret Manager holds, with what it is there.
pub(crate) struct Wanted<'a> {
    object: &'a Resource,
    intent: Intent,
    entries: Vec<Entry>,
    project: String,
    destination: &'a Destination,
}

/// The intents that can be told; what is wrong with others is said by a rule.
pub(crate) fn wanted<'a>(objects: &'a [Resource], place: &'a Place) -> Vec<Wanted<'a>> {
    let Some(destination) = &place.secrets else {
        return Vec::new();
    };
    let (Some(Backend::SecretManager), Some(project)) = (destination.delivery.backend, destination.project()) else {
        return Vec::new();
    };
    let intents = objects.iter().filter(|object| secret::is_intent(object));
    let read = |object: &'a Resource| {
        let intent = Intent::read(object).ok()?;
        Some(Wanted {
            object,
            entries: intent.entries(destination).ok()?,
            project: project.clone(),
            intent,
            destination,
        })
    };
    intents.filter_map(read).collect()
}

impl Wanted<'_> {
    pub(crate) fn namespace<'s>(&'s self, place: &'s Place) -> &'s str {
        place.namespace(self.object)
    }

    /// The store that an ExternalSecret of the intent reads from: its kind and name.
    pub(crate) fn store(&self) -> Option<(&str, &str)> {
        let delivery = &self.destination.delivery;
        let store = delivery.store.as_ref()?;
        (delivery.form.value == Form::ExternalSecret).then(|| (store.kind.name(), store.name.as_str()))
    }

    /// Who reads for a store that is not in the tree.
    pub(crate) fn reader(&self) -> Option<RunsAs> {
        let name = self.destination.delivery.reader.as_ref()?;
        RunsAs::named(&self.destination.expand(&name.value))
    }

    /// Whether a pod mounts the files of the intent.
    pub(crate) fn is_mounted(&self, pod: &Pod<'_>, place: &Place) -> bool {
        if self.destination.delivery.form.value != Form::Csi || place.namespace(pod.object) != self.namespace(place) {
            return false;
        }
        items(pod.spec, &["volumes"]).any(|volume| {
            let class = volume.get_path(["csi", "volumeAttributes", "secretProviderClass"]);
            class.and_then(Node::as_str) == Some(&self.intent.name)
        })
    }

    /// What somebody needs who reads it.
    pub(crate) fn needs(&self, runs_as: RunsAs, needs: &mut Vec<Need>) {
        let mut collector = Collector::new(self.object, runs_as, needs);
        for entry in &self.entries {
            // The driver asks for a version by its name, also where that is `latest`.
            let version = match self.destination.delivery.form.value {
                Form::Csi => Some(entry.version.as_deref().unwrap_or("latest")),
                _ => entry.version.as_deref().filter(|version| *version != "latest"),
            };
            let version = version.map_or_else(String::new, |version| format!("/versions/{version}"));
            let text = format!(
                "//secretmanager.googleapis.com/projects/{}/secrets/{}{version}",
                self.project, entry.key
            );
            if let Ok(resource) = ResourceName::parse(&text) {
                collector.needs(ACCESS, resource, "fetches the secret", entry.field.clone(), entry.mark);
            }
        }
    }
}

impl RunsAs {
    /// `NAMESPACE/NAME` of a service account of the cluster, the address of a Google service account, or a principal
    /// of a pool, such as a run of CI.
    pub fn named(name: &str) -> Option<RunsAs> {
        match name.split_once('/') {
            _ if name.starts_with("principal://") => match name.parse() {
                Ok(member @ Member::Federated { .. }) => Some(RunsAs::Google(member)),
                _ => None,
            },
            _ if name.ends_with(".gserviceaccount.com") => {
                Some(RunsAs::Google(Member::ServiceAccount(name.to_ascii_lowercase())))
            }
            Some((namespace, name)) if !name.contains(['/', '@']) => Some(RunsAs::Kubernetes {
                namespace: namespace.to_owned(),
                name: name.to_owned(),
            }),
            _ => None,
        }
    }
}
