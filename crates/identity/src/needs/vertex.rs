//! Workloads of Vertex AI: what launching them needs, what they need when they run, and what Google's agents need
//! for them (<https://cloud.google.com/vertex-ai/docs/general/access-control>,
//! <https://cloud.google.com/vertex-ai/docs/training/create-custom-job>).

use resource::{Resource, items};
use yaml::{Mark, Node};

use super::uri;
use super::{Collector, Need, arguments, project_of};
use crate::member::Member;
use crate::method::Methods;
use crate::name::ResourceName;
use crate::state::State;
use crate::tree::{Place, RunsAs};

pub(crate) const GROUP: &str = "vertex.terrace.dev";

/// The methods that launch, follow and end a workload of a kind, without `aiplatform.projects.locations.`.
const LAUNCHING: [(&str, &[&str]); 7] = [
    (
        "CustomJob",
        &["customJobs.create", "customJobs.get", "customJobs.cancel"],
    ),
    (
        "HyperparameterTuningJob",
        &[
            "hyperparameterTuningJobs.create",
            "hyperparameterTuningJobs.get",
            "hyperparameterTuningJobs.cancel",
        ],
    ),
    (
        "PipelineJob",
        &["pipelineJobs.create", "pipelineJobs.get", "pipelineJobs.cancel"],
    ),
    (
        "BatchPredictionJob",
        &[
            "batchPredictionJobs.create",
            "batchPredictionJobs.get",
            "batchPredictionJobs.cancel",
        ],
    ),
    ("Model", &["models.upload", "models.get"]),
    (
        "Endpoint",
        &["endpoints.create", "endpoints.get", "endpoints.deployModel"],
    ),
    ("Schedule", &["schedules.create", "schedules.get"]),
];

/// The permissions that a call of Vertex AI needs.
fn permissions(method: &str) -> &'static [String] {
    let found = Methods::embedded().find(&format!("aiplatform.projects.locations.{method}"));
    found.map_or(&[], |method| &method.permissions)
}

/// The field of a workload that names the service account it runs as, for kinds that run as one.
fn account_field(kind: &str) -> Option<&'static [&'static str]> {
    Some(match kind {
        "CustomJob" => &["spec", "template", "jobSpec", "serviceAccount"],
        "HyperparameterTuningJob" => &["spec", "template", "trialJobSpec", "serviceAccount"],
        "PipelineJob" | "BatchPredictionJob" => &["spec", "template", "serviceAccount"],
        "Schedule" => &[
            "spec",
            "template",
            "createPipelineJobRequest",
            "pipelineJob",
            "serviceAccount",
        ],
        _ => return None,
    })
}

/// The account that a workload runs as, where it names one, with the place.
pub(crate) fn runs_as(object: &Resource) -> Option<(&str, Mark, String)> {
    let field = account_field(object.kind())?;
    let node = object.node.get_path(field.iter().copied())?;
    let email = node.as_str().filter(|email| !email.is_empty())?;
    Some((email, node.mark, field.join(".")))
}

/// The agents of Vertex AI in a project, by its number.
fn agent(number: &str, service: &str) -> Member {
    Member::ServiceAccount(format!("service-{number}@{service}.iam.gserviceaccount.com"))
}

/// Everything that a workload needs.
pub(crate) fn of_workload(object: &Resource, place: &Place, state: &State, needs: &mut Vec<Need>) {
    let (Some(project), kind) = (project_of(object, place), object.kind()) else {
        return;
    };
    let Some((_, launching)) = LAUNCHING.iter().find(|(known, _)| *known == kind) else {
        return;
    };
    let location = object
        .node
        .get_path(["spec", "location"])
        .and_then(Node::as_str)
        .or(place.location.as_deref());
    let parent = match location {
        Some(location) => ResourceName::parse(&format!(
            "//aiplatform.googleapis.com/projects/{project}/locations/{location}"
        )),
        None => Ok(ResourceName::project(project)),
    };
    let Ok(parent) = parent else { return };
    let account = runs_as(object);
    if let Some(launcher) = &place.launcher {
        let mut collector = Collector::new(object, launcher.clone(), needs);
        for permission in launching.iter().flat_map(|method| permissions(method)) {
            collector.needs(
                permission,
                parent.clone(),
                format!("launches the {kind}"),
                "kind",
                object.node.nearest_mark(["kind"]),
            );
        }
        if let Some((email, mark, field)) = &account {
            let on = ResourceName::service_account(email);
            collector.needs(
                "iam.serviceAccounts.actAs",
                on,
                "launches it as this account",
                field,
                *mark,
            );
        }
        if !matches!(kind, "Model" | "Endpoint") {
            let mark = object.node.nearest_mark(["kind"]);
            collector.needs(
                "logging.logEntries.list",
                ResourceName::project(project),
                "follows its logs",
                "kind",
                mark,
            );
        }
    }
    let number = state.project_number(project).or(place.project_number.as_deref());
    let running = match &account {
        Some((email, ..)) => Some(Member::ServiceAccount(email.to_ascii_lowercase())),
        // Without an account of its own, custom code runs as an agent, which may read and write in its project.
        None => number.map(|number| agent(number, "gcp-sa-aiplatform-cc")),
    };
    if let Some(running) = running {
        let has_account = account.is_some();
        of_run(
            &mut Collector::new(object, RunsAs::Google(running), needs),
            object,
            project,
            has_account,
        );
    }
    if let Some(number) = number {
        of_agent(
            &mut Collector::new(object, RunsAs::Google(agent(number, "gcp-sa-aiplatform")), needs),
            object,
            project,
        );
    }
}

/// What the account of a job needs while it runs.
fn of_run(collector: &mut Collector<'_>, object: &Resource, project: &str, has_account: bool) {
    let template = ["spec", "template"];
    let job = match object.kind() {
        "CustomJob" => "jobSpec",
        "HyperparameterTuningJob" => "trialJobSpec",
        _ => "",
    };
    if has_account && !job.is_empty() {
        let (_, mark, field) = runs_as(object).unwrap_or(("", object.node.mark, String::new()));
        collector.needs(
            "logging.logEntries.create",
            ResourceName::project(project),
            "writes its logs",
            field,
            mark,
        );
    }
    for (at, pool) in items(&object.node, &[template[0], template[1], job, "workerPoolSpecs"]).enumerate() {
        let path = format!("spec.template.{job}.workerPoolSpecs[{at}]");
        for spec in ["containerSpec", "pythonPackageSpec"] {
            let Some(container) = pool.get(spec) else { continue };
            arguments(collector, container, |field| format!("{path}.{spec}.{field}"));
            for (position, variable) in items(container, &["env"]).enumerate() {
                let name = variable.get("name").and_then(Node::as_str).unwrap_or_default();
                if let Some(value) = variable.get("value") {
                    let field = || format!("{path}.{spec}.env[{position}].value");
                    collector.text(name, value.as_str().unwrap_or_default(), field, value.mark);
                }
            }
            for (position, package) in items(container, &["packageUris"]).enumerate() {
                collector.text(
                    "its package",
                    package.as_str().unwrap_or_default(),
                    || format!("{path}.{spec}.packageUris[{position}]"),
                    package.mark,
                );
            }
        }
    }
    let fields: &[(&[&str], bool)] = &[
        (&["jobSpec", "baseOutputDirectory", "outputUriPrefix"], true),
        (&["trialJobSpec", "baseOutputDirectory", "outputUriPrefix"], true),
        (&["runtimeConfig", "gcsOutputDirectory"], true),
        (&["templateUri"], false),
        (&["outputConfig", "gcsDestination", "outputUriPrefix"], true),
        (
            &[
                "createPipelineJobRequest",
                "pipelineJob",
                "runtimeConfig",
                "gcsOutputDirectory",
            ],
            true,
        ),
        (&["createPipelineJobRequest", "pipelineJob", "templateUri"], false),
    ];
    for (path, is_written) in fields {
        let node = object.node.get_path(template.into_iter().chain(path.iter().copied()));
        if let Some(node) = node
            && let Some(resource) = node.as_str().and_then(uri::storage)
        {
            let (permission, reason) = match is_written {
                true => ("storage.objects.create", "writes its output"),
                false => ("storage.objects.get", "reads its template"),
            };
            collector.needs(
                permission,
                resource,
                reason,
                format!("spec.template.{}", path.join(".")),
                node.mark,
            );
        }
    }
    for (at, input) in items(&object.node, &["spec", "template", "inputConfig", "gcsSource", "uris"]).enumerate() {
        collector.text(
            "its input",
            input.as_str().unwrap_or_default(),
            || format!("spec.template.inputConfig.gcsSource.uris[{at}]"),
            input.mark,
        );
    }
    if let Some(artifact) = object.node.get_path(["spec", "template", "artifactUri"]) {
        collector.text(
            "its artifact",
            artifact.as_str().unwrap_or_default(),
            || "spec.template.artifactUri".to_owned(),
            artifact.mark,
        );
    }
}

/// What the agent of Vertex AI needs: images of other projects, and the key that it is told to use. In its own
/// project, its role has the images.
fn of_agent(collector: &mut Collector<'_>, object: &Resource, project: &str) {
    let mut images: Vec<(String, &Node)> = Vec::new();
    for job in ["jobSpec", "trialJobSpec"] {
        for (at, pool) in items(&object.node, &["spec", "template", job, "workerPoolSpecs"]).enumerate() {
            for path in [["containerSpec", "imageUri"], ["pythonPackageSpec", "executorImageUri"]] {
                let image = pool.get_path(path);
                images.extend(image.map(|image| {
                    (
                        format!("spec.template.{job}.workerPoolSpecs[{at}].{}", path.join(".")),
                        image,
                    )
                }));
            }
        }
    }
    let of_model = object.node.get_path(["spec", "template", "containerSpec", "imageUri"]);
    images.extend(of_model.map(|image| ("spec.template.containerSpec.imageUri".to_owned(), image)));
    for (field, image) in images {
        if let Some((of, repository)) = image.as_str().and_then(repository)
            && of != project
            && !GOOGLES.contains(&of)
        {
            let reason = format!("pulls the image from the project {of}");
            collector.needs(
                "artifactregistry.repositories.downloadArtifacts",
                repository,
                reason,
                field,
                image.mark,
            );
        }
    }
    if let Some(key) = object
        .node
        .get_path(["spec", "template", "encryptionSpec", "kmsKeyName"])
        && let Some(name) = key.as_str()
        && let Ok(resource) = ResourceName::parse(&format!("//cloudkms.googleapis.com/{name}"))
    {
        for permission in [
            "cloudkms.cryptoKeyVersions.useToEncrypt",
            "cloudkms.cryptoKeyVersions.useToDecrypt",
        ] {
            collector.needs(
                permission,
                resource.clone(),
                "encrypts with the key",
                "spec.template.encryptionSpec.kmsKeyName",
                key.mark,
            );
        }
    }
}

/// Projects of Google's with images for everybody.
const GOOGLES: [&str; 3] = ["vertex-ai", "cloud-aiplatform", "deeplearning-platform-release"];

/// The project and repository of Artifact Registry that an image is in.
pub(crate) fn repository(image: &str) -> Option<(&str, ResourceName)> {
    let (host, path) = image.split_once('/')?;
    let location = host.strip_suffix("-docker.pkg.dev")?;
    let mut segments = path.split('/');
    let (project, name) = (segments.next()?, segments.next()?);
    let name = name.split([':', '@']).next()?;
    let text = format!("//artifactregistry.googleapis.com/projects/{project}/locations/{location}/repositories/{name}");
    Some((project, ResourceName::parse(&text).ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_call_that_launches_is_in_the_table() {
        for (kind, methods) in LAUNCHING {
            for method in methods {
                assert_eq!(permissions(method).len(), 1, "{kind} {method}");
            }
        }
    }
}
