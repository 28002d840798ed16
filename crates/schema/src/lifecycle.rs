//! API versions that Kubernetes no longer serves, or will not for long, and what takes their place.

use crate::types::Types;
use crate::versions::Versions;

/// What was removed before the oldest version whose types are known, or has another group now: API version,
/// kind, the minor version without it, what took its place (empty: nothing).
const REMOVED: &[(&str, &str, u32, &str)] = &[
    (
        "admissionregistration.k8s.io/v1beta1",
        "MutatingWebhookConfiguration",
        22,
        "admissionregistration.k8s.io/v1",
    ),
    (
        "admissionregistration.k8s.io/v1beta1",
        "ValidatingWebhookConfiguration",
        22,
        "admissionregistration.k8s.io/v1",
    ),
    (
        "apiextensions.k8s.io/v1beta1",
        "CustomResourceDefinition",
        22,
        "apiextensions.k8s.io/v1",
    ),
    (
        "apiregistration.k8s.io/v1beta1",
        "APIService",
        22,
        "apiregistration.k8s.io/v1",
    ),
    ("apps/v1beta1", "Deployment", 16, "apps/v1"),
    ("apps/v1beta1", "StatefulSet", 16, "apps/v1"),
    ("apps/v1beta2", "DaemonSet", 16, "apps/v1"),
    ("apps/v1beta2", "Deployment", 16, "apps/v1"),
    ("apps/v1beta2", "ReplicaSet", 16, "apps/v1"),
    ("apps/v1beta2", "StatefulSet", 16, "apps/v1"),
    (
        "authentication.k8s.io/v1beta1",
        "TokenReview",
        22,
        "authentication.k8s.io/v1",
    ),
    (
        "authorization.k8s.io/v1beta1",
        "LocalSubjectAccessReview",
        22,
        "authorization.k8s.io/v1",
    ),
    (
        "authorization.k8s.io/v1beta1",
        "SelfSubjectAccessReview",
        22,
        "authorization.k8s.io/v1",
    ),
    (
        "authorization.k8s.io/v1beta1",
        "SubjectAccessReview",
        22,
        "authorization.k8s.io/v1",
    ),
    ("autoscaling/v2beta1", "HorizontalPodAutoscaler", 25, "autoscaling/v2"),
    ("autoscaling/v2beta2", "HorizontalPodAutoscaler", 26, "autoscaling/v2"),
    ("batch/v1beta1", "CronJob", 25, "batch/v1"),
    ("batch/v2alpha1", "CronJob", 21, "batch/v1"),
    (
        "certificates.k8s.io/v1beta1",
        "CertificateSigningRequest",
        22,
        "certificates.k8s.io/v1",
    ),
    ("coordination.k8s.io/v1beta1", "Lease", 22, "coordination.k8s.io/v1"),
    ("discovery.k8s.io/v1beta1", "EndpointSlice", 25, "discovery.k8s.io/v1"),
    ("events.k8s.io/v1beta1", "Event", 25, "events.k8s.io/v1"),
    ("extensions/v1beta1", "DaemonSet", 16, "apps/v1"),
    ("extensions/v1beta1", "Deployment", 16, "apps/v1"),
    ("extensions/v1beta1", "Ingress", 22, "networking.k8s.io/v1"),
    ("extensions/v1beta1", "NetworkPolicy", 16, "networking.k8s.io/v1"),
    ("extensions/v1beta1", "PodSecurityPolicy", 16, ""),
    ("extensions/v1beta1", "ReplicaSet", 16, "apps/v1"),
    ("networking.k8s.io/v1beta1", "Ingress", 22, "networking.k8s.io/v1"),
    ("networking.k8s.io/v1beta1", "IngressClass", 22, "networking.k8s.io/v1"),
    ("node.k8s.io/v1alpha1", "RuntimeClass", 22, "node.k8s.io/v1"),
    ("node.k8s.io/v1beta1", "RuntimeClass", 25, "node.k8s.io/v1"),
    ("policy/v1beta1", "PodDisruptionBudget", 25, "policy/v1"),
    ("policy/v1beta1", "PodSecurityPolicy", 25, ""),
    (
        "rbac.authorization.k8s.io/v1alpha1",
        "ClusterRole",
        22,
        "rbac.authorization.k8s.io/v1",
    ),
    (
        "rbac.authorization.k8s.io/v1alpha1",
        "ClusterRoleBinding",
        22,
        "rbac.authorization.k8s.io/v1",
    ),
    (
        "rbac.authorization.k8s.io/v1alpha1",
        "Role",
        22,
        "rbac.authorization.k8s.io/v1",
    ),
    (
        "rbac.authorization.k8s.io/v1alpha1",
        "RoleBinding",
        22,
        "rbac.authorization.k8s.io/v1",
    ),
    (
        "rbac.authorization.k8s.io/v1beta1",
        "ClusterRole",
        22,
        "rbac.authorization.k8s.io/v1",
    ),
    (
        "rbac.authorization.k8s.io/v1beta1",
        "ClusterRoleBinding",
        22,
        "rbac.authorization.k8s.io/v1",
    ),
    (
        "rbac.authorization.k8s.io/v1beta1",
        "Role",
        22,
        "rbac.authorization.k8s.io/v1",
    ),
    (
        "rbac.authorization.k8s.io/v1beta1",
        "RoleBinding",
        22,
        "rbac.authorization.k8s.io/v1",
    ),
    (
        "scheduling.k8s.io/v1alpha1",
        "PriorityClass",
        22,
        "scheduling.k8s.io/v1",
    ),
    ("scheduling.k8s.io/v1beta1", "PriorityClass", 22, "scheduling.k8s.io/v1"),
    ("storage.k8s.io/v1beta1", "CSIDriver", 22, "storage.k8s.io/v1"),
    ("storage.k8s.io/v1beta1", "CSINode", 22, "storage.k8s.io/v1"),
    ("storage.k8s.io/v1beta1", "CSIStorageCapacity", 27, "storage.k8s.io/v1"),
    ("storage.k8s.io/v1beta1", "StorageClass", 22, "storage.k8s.io/v1"),
    ("storage.k8s.io/v1beta1", "VolumeAttachment", 22, "storage.k8s.io/v1"),
];

/// When an API version of a kind ceased, and what took its place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Removal {
    /// The first version of Kubernetes without it, as "1.22".
    pub(crate) since: String,
    pub(crate) replacement: Option<String>,
}

/// The removal of a kind that is not in the versions `missing`.
pub(crate) fn removal(types: &Types, api_version: &str, kind: &str, missing: Versions) -> Option<Removal> {
    let listed = REMOVED
        .iter()
        .find(|(of, name, ..)| *of == api_version && *name == kind);
    if let Some((.., minor, replacement)) = listed {
        return Some(Removal {
            since: format!("1.{minor}"),
            replacement: (!replacement.is_empty()).then(|| (*replacement).to_owned()),
        });
    }
    let known = known(types, api_version, kind);
    let last = known.positions().take_while(|at| *at < types.versions.len()).last()?;
    let later = missing.positions().find(|at| *at > last)?;
    let replacement = stable(types, api_version, kind, Versions::one(later));
    Some(Removal {
        since: types.versions.get(last + 1)?.clone(),
        replacement,
    })
}

/// What to use instead of a kind that is there in `live`, but before its time or for the last time.
pub(crate) fn deprecation(
    types: &Types,
    api_version: &str,
    kind: &str,
    live: Versions,
) -> Option<(Option<Removal>, String)> {
    let version = api_version.rsplit('/').next().unwrap_or_default();
    if !version.contains("alpha") && !version.contains("beta") {
        return None;
    }
    let replacement = stable(types, api_version, kind, live)?;
    let all = Versions(((1u64 << types.versions.len()) - 1) as u32);
    let gone = all.without(known(types, api_version, kind));
    let removal = removal(types, api_version, kind, gone);
    Some((removal, replacement))
}

fn known(types: &Types, api_version: &str, kind: &str) -> Versions {
    let masks = types.kinds_named(api_version, kind).map(|kind| kind.versions);
    masks.fold(Versions::NONE, Versions::or)
}

/// The best API version of the same group that has the kind in all of `live`.
fn stable(types: &Types, api_version: &str, kind: &str, live: Versions) -> Option<String> {
    let group = api_version.split_once('/').map_or("", |(group, _)| group);
    let rank = |api_version: &str| {
        let version = api_version.rsplit('/').next().unwrap_or_default();
        let stage = if version.contains("alpha") {
            0
        } else if version.contains("beta") {
            1
        } else {
            2
        };
        (stage, version.to_owned())
    };
    let same = types.kinds.iter().filter(|other| {
        other.kind == kind
            && other.api_version.split_once('/').map_or("", |(group, _)| group) == group
            && live.without(other.versions).is_empty()
            && rank(&other.api_version) > rank(api_version)
    });
    same.max_by_key(|other| rank(&other.api_version))
        .map(|other| other.api_version.to_string())
}
