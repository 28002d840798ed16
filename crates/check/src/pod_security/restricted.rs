//! What `restricted` wants besides: a pod that can do as little as possible.

use yaml::Node;

use super::baseline::{proc_mount, refuse_seccomp};
use super::{Finder, Holder, texts};

/// Kinds of volumes that are allowed.
const VOLUMES: [&str; 9] = [
    "configMap",
    "csi",
    "downwardAPI",
    "emptyDir",
    "ephemeral",
    "image",
    "persistentVolumeClaim",
    "projected",
    "secret",
];

pub(super) fn find(finder: &mut Finder<'_>) {
    let is_exempt = finder.minor >= 25 && finder.is_windows();
    let has_own_users = finder.minor >= 35 && finder.has_user_namespace();
    volumes(finder);
    if finder.minor >= 8 && !is_exempt {
        privilege_escalation(finder);
    }
    if !has_own_users {
        run_as_non_root(finder);
        if finder.minor >= 23 {
            run_as_user(finder);
        }
    }
    if finder.minor >= 19 && !is_exempt {
        seccomp(finder);
    }
    if finder.minor >= 22 && !is_exempt {
        capabilities(finder);
    }
    if finder.minor >= 35 {
        proc_mount(finder);
    }
}

fn volumes(finder: &mut Finder<'_>) {
    for volume in texts(finder.pod.spec.get("volumes")) {
        let kinds = volume
            .as_map()
            .into_iter()
            .flatten()
            .filter(|entry| !entry.value.is_null());
        let kinds: Vec<&str> = kinds
            .filter_map(|entry| entry.key.as_str())
            .filter(|key| *key != "name")
            .collect();
        // A volume of no kind is made an emptyDir.
        let Some(&kind) = kinds
            .first()
            .filter(|_| !kinds.iter().any(|kind| VOLUMES.contains(kind)))
        else {
            continue;
        };
        let name = volume.get("name").and_then(Node::as_str).unwrap_or_default();
        let message = format!("the volume {name} may not be {kind}");
        let mark = volume.get(kind).map_or(volume.mark, |node| node.mark);
        let hint = "use a persistentVolumeClaim, an emptyDir, a configMap or a CSI volume";
        finder.in_pod(
            "restrictedVolumes",
            &format!("volumes[name={name}]"),
            mark,
            message,
            hint,
        );
    }
}

fn privilege_escalation(finder: &mut Finder<'_>) {
    for container in finder.containers() {
        let holder = Holder::Container(container);
        if holder.text("allowPrivilegeEscalation") != Some("false") {
            let message = format!("{} may gain privileges", holder.name());
            let hint = "set securityContext.allowPrivilegeEscalation to false";
            finder.in_context(
                "allowPrivilegeEscalation",
                holder,
                "allowPrivilegeEscalation",
                message,
                hint,
            );
        }
    }
}

fn run_as_non_root(finder: &mut Finder<'_>) {
    let pod = Holder::Pod(finder.pod);
    let of_pod = pod.text("runAsNonRoot");
    let hint = "set securityContext.runAsNonRoot to true";
    if of_pod == Some("false") {
        finder.in_context(
            "runAsNonRoot",
            pod,
            "runAsNonRoot",
            "the pod may run as root".to_owned(),
            hint,
        );
    }
    for container in finder.containers() {
        let holder = Holder::Container(container);
        let is_bad = match holder.text("runAsNonRoot") {
            Some(said) => said == "false",
            None => of_pod.is_none(),
        };
        if is_bad {
            finder.in_context(
                "runAsNonRoot",
                holder,
                "runAsNonRoot",
                format!("{} may run as root", holder.name()),
                hint,
            );
        }
    }
}

fn run_as_user(finder: &mut Finder<'_>) {
    for holder in finder.holders() {
        if holder.text("runAsUser").and_then(|user| user.parse::<u64>().ok()) == Some(0) {
            let message = format!("{} runs as the user 0, which is root", holder.name());
            finder.in_context("runAsUser", holder, "runAsUser", message, "name another user, or none");
        }
    }
}

fn seccomp(finder: &mut Finder<'_>) {
    let mut pod_has_one = false;
    for holder in finder.holders() {
        let is_there = holder.get("seccompProfile").is_some();
        if is_there {
            let before = finder.found.len();
            refuse_seccomp(finder, "seccompProfile_restricted", holder);
            pod_has_one |= matches!(holder, Holder::Pod(_)) && finder.found.len() == before;
        } else if matches!(holder, Holder::Container(_)) && !pod_has_one {
            let message = format!("{} has no seccomp profile", holder.name());
            let hint = "set securityContext.seccompProfile.type of the pod to RuntimeDefault";
            finder.in_context(
                "seccompProfile_restricted",
                holder,
                "seccompProfile.type",
                message,
                hint,
            );
        }
    }
}

fn capabilities(finder: &mut Finder<'_>) {
    for container in finder.containers() {
        let holder = Holder::Container(container);
        if !texts(holder.get("capabilities.drop")).any(|dropped| dropped.as_str() == Some("ALL")) {
            let message = format!("{} does not drop all capabilities", holder.name());
            let hint = "set securityContext.capabilities.drop to [ALL]";
            finder.in_context("capabilities_restricted", holder, "capabilities.drop", message, hint);
        }
        for capability in texts(holder.get("capabilities.add")).filter_map(Node::as_str) {
            if capability != "NET_BIND_SERVICE" {
                let message = format!("{} may not add the capability {capability}", holder.name());
                finder.in_context(
                    "capabilities_restricted",
                    holder,
                    "capabilities.add",
                    message,
                    "remove it",
                );
            }
        }
    }
}
