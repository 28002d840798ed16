//! The order of fields that people expect: identity first, then what is common, the rest by name (kyaml's
//! `FormatFilter`).

use yaml::{Layout, LayoutKind};

use crate::annotations::Meta;
use crate::error::{Error, Result};

const STRATEGY: &str = "config.kubernetes.io/formatting";

/// Where a field is named twice, its second place counts.
const ORDER: &str = "name generateName namespace clusterName apiVersion kind metadata type labels annotations spec \
    status stringData data binaryData parallelism completions activeDeadlineSeconds backoffLimit replicas selector \
    manualSelector template ttlSecondsAfterFinished volumeClaimTemplates service serviceName podManagementPolicy \
    updateStrategy strategy minReadySeconds revision revisionHistoryLimit paused progressDeadlineSeconds restartPolicy \
    terminationGracePeriodSeconds activeDeadlineSeconds dnsPolicy serviceAccountName serviceAccount \
    automountServiceAccountToken nodeName hostNetwork hostPID hostIPC shareProcessNamespace hostname subdomain \
    schedulerName priorityClassName priority runtimeClassName enableServiceLinks nodeSelector hostAliases \
    initContainers containers volumes securityContext imagePullSecrets affinity tolerations dnsConfig readinessGates \
    image command args workingDir ports envFrom env resources volumeMounts volumeDevices livenessProbe readinessProbe \
    lifecycle terminationMessagePath terminationMessagePolicy imagePullPolicy securityContext stdin stdinOnce tty \
    clusterIP externalIPs loadBalancerIP loadBalancerSourceRanges externalName externalTrafficPolicy sessionAffinity \
    protocol port targetPort hostPort containerPort hostIP readOnly mountPath subPath subPathExpr mountPropagation \
    value valueFrom fieldRef resourceFieldRef configMapKeyRef secretKeyRef prefix configMapRef secretRef";

const SORTED_KINDS: [&str; 7] = [
    "CronJob",
    "DaemonSet",
    "Deployment",
    "Job",
    "ReplicaSet",
    "StatefulSet",
    "ValidatingWebhookConfiguration",
];
const SORTED_VERSIONS: [&str; 8] = [
    "apps/v1",
    "apps/v1beta1",
    "apps/v1beta2",
    "batch/v1",
    "batch/v1beta1",
    "extensions/v1beta1",
    "v1",
    "admissionregistration.k8s.io/v1",
];

/// The place of a field among others: known ones first.
pub(crate) fn rank(field: &str) -> Option<usize> {
    ORDER
        .split(' ')
        .filter(|known| !known.is_empty())
        .enumerate()
        .filter(|(_, known)| *known == field)
        .map(|(at, _)| at)
        .last()
}

/// Sorts the fields of objects, and the lists in which the order means nothing.
///
/// # Errors
/// If an object names a way of formatting that is none.
pub fn format(objects: &mut [Layout]) -> Result<()> {
    for object in objects {
        let meta = Meta::of(object);
        match meta.annotations.get(STRATEGY).copied() {
            None | Some("standard") => {}
            Some("none") => continue,
            Some(other) => return Err(Error::new(format!("formatting annotation has illegal value {other}"))),
        }
        let root = object.root();
        let is_object = root.get("kind").is_some_and(|kind| !kind.is_null())
            && root.get("apiVersion").is_some_and(|version| !version.is_null());
        let sorts_lists = SORTED_KINDS.contains(&meta.kind) && SORTED_VERSIONS.contains(&meta.api_version);
        if is_object {
            sort(object.root_mut(), "", sorts_lists);
        }
    }
    Ok(())
}

fn sort(node: &mut Layout, path: &str, sorts_lists: bool) {
    match node.kind {
        LayoutKind::Mapping => {
            let content = std::mem::take(&mut node.content);
            let mut entries: Vec<(Layout, Layout)> = Vec::with_capacity(content.len() / 2);
            let mut content = content.into_iter();
            while let (Some(key), Some(value)) = (content.next(), content.next()) {
                entries.push((key, value));
            }
            entries.sort_by_cached_key(|(key, _)| {
                let rank = rank(&key.value);
                let name = if rank.is_some() {
                    String::new()
                } else {
                    key.value.clone()
                };
                (rank.unwrap_or(usize::MAX), name)
            });
            for (key, value) in &mut entries {
                let below = if sorts_lists {
                    format!("{path}.{}", key.value)
                } else {
                    String::new()
                };
                sort(value, &below, sorts_lists);
            }
            node.content = entries.into_iter().flat_map(|(key, value)| [key, value]).collect();
        }
        LayoutKind::Sequence => {
            match path {
                ".spec.template.spec.containers" if sorts_lists => node
                    .content
                    .sort_by_cached_key(|item| item.get("name").map(|name| name.value.clone()).unwrap_or_default()),
                ".webhooks.rules.operations" if sorts_lists => {
                    node.content.sort_by(|one, other| one.value.cmp(&other.value));
                }
                _ => {}
            }
            node.content.iter_mut().for_each(|item| sort(item, path, sorts_lists));
        }
        _ => {}
    }
}
