//! What a built tree says of identities: its service accounts, what runs as them, and what that needs.

use hashbrown::{HashMap, HashSet};
use resource::{DEFAULT_NAMESPACE, Pod, ResId, Resource, items, pods};
use secret::Destination;
use yaml::{Mark, Node};

use crate::member::{Member, Pool};
use crate::name::ResourceName;
use crate::needs::credential::{self, Credential};
use crate::needs::intent;
use crate::needs::pod::{ConfigMaps, account_of, of_pod};
use crate::needs::secret::{ACCESS, Store, of_class, of_secrets, store_of};
use crate::needs::vertex::{GROUP, of_workload, repository, runs_as};
use crate::needs::{Collector, MalformedNeed, Need, annotated};
use crate::network::Network;
use crate::state::State;

/// The annotation of a ServiceAccount with the address of a Google service account, for GKE.
pub const GOOGLE_ACCOUNT: &str = "iam.gke.io/gcp-service-account";

/// Where the objects of a tree run, as far as the platform file says.
#[derive(Clone, Debug, Default)]
pub struct Place {
    pub environment: String,
    /// The directory that was built, as the user knows it.
    pub target: String,
    pub cluster: Option<String>,
    pub project: Option<String>,
    pub project_number: Option<String>,
    pub location: Option<String>,
    pub namespace: Option<String>,
    /// The pool that the cluster's service accounts are in.
    pub pool: Option<Pool>,
    /// The provider of the pool, where it is not one of GKE's.
    pub provider: Option<String>,
    /// Who signs the tokens of the cluster's service accounts.
    pub issuer: Option<String>,
    /// Who launches the workloads of Vertex AI.
    pub launcher: Option<RunsAs>,
    /// Who the nodes of the cluster are, and fetch images as.
    pub nodes: Option<RunsAs>,
    /// Where secrets are kept, and how they come into the cluster.
    pub secrets: Option<Destination>,
}

/// An identity by the name that the tree has for it.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum RunsAs {
    /// A service account of the cluster: on Google Cloud it is what the account is linked with, or itself.
    Kubernetes {
        namespace: String,
        name: String,
    },
    Google(Member),
    /// What a token of a service account becomes by the configuration that its pod is pointed to.
    Federated {
        namespace: String,
        name: String,
        credential: Credential,
    },
}

/// A ServiceAccount of a tree.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Account {
    pub namespace: String,
    pub name: String,
    pub object: ResId,
    pub mark: Mark,
    /// The Google service account that its annotation names.
    pub google: Option<(String, Mark)>,
}

impl Account {
    /// The identity of what runs as the account.
    pub fn runs_as(&self) -> RunsAs {
        RunsAs::Kubernetes {
            namespace: self.namespace.clone(),
            name: self.name.clone(),
        }
    }
}

/// Something that runs: pods, or a job of Vertex AI.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Run {
    pub object: ResId,
    /// Where the object begins.
    pub declared: Mark,
    pub runs_as: RunsAs,
    /// The field that names the identity, or what would hold it.
    pub field: String,
    pub mark: Mark,
}

/// What one build says.
#[derive(Clone, Debug, Default)]
pub struct Tree {
    pub place: Place,
    pub accounts: Vec<Account>,
    pub runs: Vec<Run>,
    pub needs: Vec<Need>,
    pub malformed: Vec<MalformedNeed>,
    pub network: Network,
}

impl Place {
    /// The environment, or the directory where it belongs to none.
    pub fn home(&self) -> &str {
        match &*self.environment {
            "" => &self.target,
            environment => environment,
        }
    }

    /// The namespace an object is in: its own, or the environment's.
    pub(crate) fn namespace<'p>(&'p self, object: &'p Resource) -> &'p str {
        match object.namespace() {
            "" => self.namespace.as_deref().unwrap_or(DEFAULT_NAMESPACE),
            namespace => namespace,
        }
    }
}

impl Tree {
    /// Reads the objects of a build. The state knows numbers of projects.
    pub fn new(objects: &[Resource], place: &Place, state: &State) -> Tree {
        let mut tree = Tree {
            place: place.clone(),
            network: Network::new(objects, place),
            ..Tree::default()
        };
        let index = Index::new(objects, place);
        let wanted = intent::wanted(objects, place);
        for wanted in &wanted {
            let Some((kind, name)) = wanted.store() else { continue };
            let reader = match index.store_named(kind, name, wanted.namespace(place)) {
                Some(store) => Some(store.runs_as(wanted.namespace(place))),
                None => wanted.reader(),
            };
            if let Some(reader) = reader {
                wanted.needs(reader, &mut tree.needs);
            }
        }
        for object in objects {
            if &*object.gvk().group == GROUP {
                of_workload(object, place, state, &mut tree.needs);
                if let Some((email, mark, field)) = runs_as(object) {
                    let member = Member::ServiceAccount(email.to_ascii_lowercase());
                    let runs_as = RunsAs::Google(member);
                    annotated(
                        &mut Collector::new(object, runs_as.clone(), &mut tree.needs),
                        &mut tree.malformed,
                    );
                    tree.runs.push(Run {
                        object: object.id(),
                        declared: declared(object),
                        runs_as,
                        field,
                        mark,
                    });
                }
                continue;
            }
            for pod in pods(object) {
                let run = index.run(&pod, place);
                for wanted in wanted.iter().filter(|wanted| wanted.is_mounted(&pod, place)) {
                    wanted.needs(run.runs_as.clone(), &mut tree.needs);
                }
                let mut collector = Collector::new(object, run.runs_as.clone(), &mut tree.needs);
                let namespace = place.namespace(object);
                of_pod(&mut collector, &pod, namespace, &index.config_maps);
                for class in index.classes(&pod, namespace) {
                    of_class(&mut collector, class);
                }
                annotated(&mut collector, &mut tree.malformed);
                if let Some(nodes) = &place.nodes {
                    images(&mut Collector::new(object, nodes.clone(), &mut tree.needs), &pod);
                }
                tree.runs.push(run);
            }
            if let Some(store) = index.store(object, place) {
                let runs_as = store.runs_as(place.namespace(object));
                of_secrets(&mut Collector::new(object, runs_as, &mut tree.needs), object, store);
            }
        }
        tree.keep_intents();
        tree.accounts = objects.iter().filter_map(|object| account(object, place)).collect();
        tree
    }
}

impl Tree {
    /// What an intent needs is said at the intent, and not again where it is written out.
    fn keep_intents(&mut self) {
        let is_intent = |need: &Need| need.object.gvk.kind.as_str() == secret::KIND;
        let of_intents: HashSet<(RunsAs, ResourceName)> = self
            .needs
            .iter()
            .filter(|need| is_intent(need))
            .map(|need| (need.subject.clone(), need.resource.clone()))
            .collect();
        if of_intents.is_empty() {
            return;
        }
        self.needs.retain(|need| {
            let key = || (need.subject.clone(), need.resource.clone());
            need.permission != ACCESS || is_intent(need) || !of_intents.contains(&key())
        });
    }

    /// The Google service accounts that the tree names: its accounts are linked with, or jobs run as.
    pub fn google_accounts(&self) -> impl Iterator<Item = (&str, Mark, &ResId)> {
        let of_accounts = self.accounts.iter().filter_map(|account| {
            let (email, mark) = account.google.as_ref()?;
            Some((email.as_str(), *mark, &account.object))
        });
        let of_runs = self.runs.iter().filter_map(|run| match &run.runs_as {
            RunsAs::Google(Member::ServiceAccount(email)) => Some((email.as_str(), run.mark, &run.object)),
            RunsAs::Federated { credential, .. } => {
                let email = credential.impersonates.as_deref()?;
                Some((email, run.mark, &run.object))
            }
            _ => None,
        });
        of_accounts.chain(of_runs)
    }
}

/// What pods and secrets name of the other objects.
struct Index<'a> {
    config_maps: ConfigMaps<'a>,
    /// SecretProviderClasses by namespace and name.
    classes: HashMap<(&'a str, &'a str), &'a Resource>,
    stores: Vec<Store<'a>>,
}

impl<'a> Index<'a> {
    fn new(objects: &'a [Resource], place: &'a Place) -> Index<'a> {
        let of = |kind: &str| -> HashMap<(&'a str, &'a str), &'a Resource> {
            let of_kind = objects.iter().filter(|object| object.kind() == kind);
            of_kind
                .map(|object| ((place.namespace(object), object.name()), object))
                .collect()
        };
        Index {
            config_maps: of("ConfigMap"),
            classes: of("SecretProviderClass"),
            stores: objects
                .iter()
                .filter_map(|object| Store::read(object, place.namespace(object)))
                .collect(),
        }
    }

    fn run(&self, pod: &Pod<'_>, place: &Place) -> Run {
        let (name, mark) = account_of(pod);
        let namespace = place.namespace(pod.object);
        if let Some(found) = credential::of_pod(pod, namespace, &self.config_maps) {
            return Run {
                object: pod.object.id(),
                declared: declared(pod.object),
                runs_as: RunsAs::Federated {
                    namespace: namespace.to_owned(),
                    name: name.to_owned(),
                    credential: found.credential,
                },
                field: found.field,
                mark: found.mark,
            };
        }
        Run {
            object: pod.object.id(),
            declared: declared(pod.object),
            runs_as: RunsAs::Kubernetes {
                namespace: namespace.to_owned(),
                name: name.to_owned(),
            },
            field: pod.field("serviceAccountName"),
            mark,
        }
    }

    /// The classes of secrets that a pod mounts.
    fn classes(&self, pod: &Pod<'_>, namespace: &str) -> Vec<&'a Resource> {
        let volumes = items(pod.spec, &["volumes"]);
        let names = volumes.filter_map(|volume| {
            let csi = volume.get("csi").filter(|csi| {
                csi.get("driver")
                    .and_then(Node::as_str)
                    .is_some_and(|driver| driver.starts_with("secrets-store"))
            })?;
            csi.get_path(["volumeAttributes", "secretProviderClass"])
                .and_then(Node::as_str)
        });
        names
            .filter_map(|name| self.classes.get(&(namespace, name)).copied())
            .collect()
    }

    fn store(&self, object: &Resource, place: &Place) -> Option<&Store<'a>> {
        let (kind, name) = store_of(object)?;
        self.store_named(kind, name, place.namespace(object))
    }

    fn store_named(&self, kind: &str, name: &str, namespace: &str) -> Option<&Store<'a>> {
        let is_it = |store: &&Store<'_>| {
            store.kind == kind && store.name == name && (kind != "SecretStore" || store.namespace == namespace)
        };
        self.stores.iter().find(is_it)
    }
}

/// The place of the name of an object.
fn declared(object: &Resource) -> Mark {
    object.node.nearest_mark(["metadata", "name"])
}

fn account(object: &Resource, place: &Place) -> Option<Account> {
    if object.kind() != "ServiceAccount" || !object.gvk().group.is_empty() {
        return None;
    }
    let annotation = object.node.get_path(["metadata", "annotations", GOOGLE_ACCOUNT]);
    Some(Account {
        namespace: place.namespace(object).to_owned(),
        name: object.name().to_owned(),
        object: object.id(),
        mark: declared(object),
        google: annotation.and_then(|node| Some((node.as_str()?.to_ascii_lowercase(), node.mark))),
    })
}

/// The images that the nodes fetch from Artifact Registry.
fn images(collector: &mut Collector<'_>, pod: &Pod<'_>) {
    for container in pod.containers() {
        let image = container.node.get("image");
        if let Some(image) = image
            && let Some((_, repository)) = image.as_str().and_then(repository)
        {
            collector.image(repository, container.field("image"), image.mark);
        }
    }
}
