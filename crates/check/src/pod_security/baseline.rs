//! What `baseline` forbids: known ways from a pod to its node.

use yaml::Node;

use super::{Finder, Holder, Level, texts};

const CAPABILITIES: [&str; 13] = [
    "AUDIT_WRITE",
    "CHOWN",
    "DAC_OVERRIDE",
    "FOWNER",
    "FSETID",
    "KILL",
    "MKNOD",
    "NET_BIND_SERVICE",
    "SETFCAP",
    "SETGID",
    "SETPCAP",
    "SETUID",
    "SYS_CHROOT",
];

/// Safe sysctls, and the version from which on they are.
const SYSCTLS: [(&str, u32); 14] = [
    ("kernel.shm_rmid_forced", 0),
    ("net.ipv4.ip_local_port_range", 0),
    ("net.ipv4.ip_unprivileged_port_start", 0),
    ("net.ipv4.ping_group_range", 0),
    ("net.ipv4.tcp_syncookies", 0),
    ("net.ipv4.ip_local_reserved_ports", 27),
    ("net.ipv4.tcp_fin_timeout", 29),
    ("net.ipv4.tcp_keepalive_intvl", 29),
    ("net.ipv4.tcp_keepalive_probes", 29),
    ("net.ipv4.tcp_keepalive_time", 29),
    ("net.ipv4.tcp_rmem", 32),
    ("net.ipv4.tcp_wmem", 32),
    ("net.ipv4.tcp_notsent_lowat", 37),
    ("net.ipv4.tcp_slow_start_after_idle", 37),
];

/// Types of SELinux, and the version from which on they are allowed.
const SELINUX_TYPES: [(&str, u32); 5] = [
    ("", 0),
    ("container_t", 0),
    ("container_init_t", 0),
    ("container_kvm_t", 0),
    ("container_engine_t", 31),
];

/// What `restricted` judges by itself is left to it.
pub(super) fn find(finder: &mut Finder<'_>, level: Level) {
    let restricted_from = |minor: u32| level == Level::Restricted && finder.minor >= minor;
    let (volumes, capabilities, seccomp, proc_mount) = (
        restricted_from(0),
        restricted_from(22),
        restricted_from(19),
        restricted_from(35),
    );
    host_namespaces(finder);
    app_armor(finder);
    privileged(finder);
    if !capabilities {
        added_capabilities(finder);
    }
    if !volumes {
        host_path_volumes(finder);
    }
    host_ports(finder);
    host_probes(finder);
    let has_own_users = finder.minor >= 35 && finder.has_user_namespace();
    if !proc_mount && !has_own_users {
        self::proc_mount(finder);
    }
    selinux(finder);
    if !seccomp {
        self::seccomp(finder);
    }
    sysctls(finder);
    windows_host_process(finder);
}

fn host_namespaces(finder: &mut Finder<'_>) {
    for (field, what) in [
        ("hostNetwork", "network"),
        ("hostPID", "processes"),
        ("hostIPC", "shared memory"),
    ] {
        if let Some(node) = finder.pod.spec.get(field).filter(|node| node.as_str() == Some("true")) {
            let message = format!("the pod may not share the host's {what}");
            finder.in_pod("hostNamespaces", field, node.mark, message, "remove it");
        }
    }
}

fn app_armor(finder: &mut Finder<'_>) {
    for holder in finder.holders() {
        let profile = holder
            .get("appArmorProfile")
            .map(|profile| profile.get("type").and_then(Node::as_str));
        if let Some(name) = profile.filter(|name| !matches!(name, Some("RuntimeDefault" | "Localhost"))) {
            let message = format!(
                "the AppArmor profile of {} may not be \"{}\"",
                holder.name(),
                name.unwrap_or_default()
            );
            let hint = "use RuntimeDefault or Localhost";
            finder.in_context("appArmorProfile", holder, "appArmorProfile.type", message, hint);
        }
    }
    for (key, value) in finder.annotations() {
        let profile = value.as_str().unwrap_or_default();
        let is_allowed = profile.is_empty() || profile == "runtime/default" || profile.starts_with("localhost/");
        if key.starts_with("container.apparmor.security.beta.kubernetes.io/") && !is_allowed {
            finder.annotation("appArmorProfile", key, value);
        }
    }
}

fn privileged(finder: &mut Finder<'_>) {
    for container in finder.containers() {
        let holder = Holder::Container(container);
        if holder.is_true("privileged") {
            let message = format!("{} may not be privileged", holder.name());
            finder.in_context("privileged", holder, "privileged", message, "remove it");
        }
    }
}

fn added_capabilities(finder: &mut Finder<'_>) {
    for container in finder.containers() {
        let holder = Holder::Container(container);
        for capability in texts(holder.get("capabilities.add")).filter_map(Node::as_str) {
            if !CAPABILITIES.contains(&capability) {
                let message = format!("{} may not add the capability {capability}", holder.name());
                finder.in_context(
                    "capabilities_baseline",
                    holder,
                    "capabilities.add",
                    message,
                    "remove it",
                );
            }
        }
    }
}

fn host_path_volumes(finder: &mut Finder<'_>) {
    for volume in texts(finder.pod.spec.get("volumes")) {
        if let Some(path) = volume.get("hostPath").filter(|path| !path.is_null()) {
            let name = volume.get("name").and_then(Node::as_str).unwrap_or_default();
            let message = format!("the volume {name} may not be a directory of the host");
            let field = format!("volumes[name={name}].hostPath");
            let hint = "use a persistentVolumeClaim, an emptyDir or a CSI volume";
            finder.in_pod("hostPathVolumes", &field, path.mark, message, hint);
        }
    }
}

fn host_ports(finder: &mut Finder<'_>) {
    for container in finder.containers() {
        for port in texts(container.node.get("ports")) {
            let number = port.get("hostPort").and_then(Node::as_str).unwrap_or("0");
            if number != "0" && number != "null" {
                let message = format!(
                    "the container {} may not use the host's port {number}",
                    container.name()
                );
                finder.in_container("hostPorts", &container, "ports", message, "reach it through a Service");
            }
        }
    }
}

/// From 1.34 on: a probe may not be sent to another host.
fn host_probes(finder: &mut Finder<'_>) {
    if finder.minor < 34 {
        return;
    }
    const HANDLERS: [&[&str]; 5] = [
        &["livenessProbe"],
        &["readinessProbe"],
        &["startupProbe"],
        &["lifecycle", "postStart"],
        &["lifecycle", "preStop"],
    ];
    for container in finder.containers() {
        for path in HANDLERS {
            let Some(handler) = container.node.get_path(path.iter().copied()) else {
                continue;
            };
            for kind in ["httpGet", "tcpSocket"] {
                let host = handler.get_path([kind, "host"]).filter(|host| !host.is_null());
                let Some(host) = host.and_then(Node::as_str).filter(|host| !host.is_empty()) else {
                    continue;
                };
                let handler = path.join(".");
                let field = format!("{handler}.{kind}.host");
                let message = format!(
                    "{handler} of the container {} may not call the host {host}",
                    container.name()
                );
                let hint = "remove the host: the pod itself is asked then";
                finder.in_container("hostProbesAndHostLifecycle", &container, &field, message, hint);
            }
        }
    }
}

pub(super) fn proc_mount(finder: &mut Finder<'_>) {
    for container in finder.containers() {
        let holder = Holder::Container(container);
        if let Some(kind) = holder.text("procMount").filter(|kind| *kind != "Default") {
            let message = format!("{} may not mount /proc as {kind}", holder.name());
            finder.in_context("procMount", holder, "procMount", message, "remove it");
        }
    }
}

fn selinux(finder: &mut Finder<'_>) {
    for holder in finder.holders() {
        if holder.get("seLinuxOptions").is_none() {
            continue;
        }
        let kind = holder.text("seLinuxOptions.type").unwrap_or_default();
        if !SELINUX_TYPES
            .iter()
            .any(|(known, since)| *known == kind && *since <= finder.minor)
        {
            let message = format!("the SELinux type of {} may not be {kind}", holder.name());
            finder.in_context(
                "seLinuxOptions",
                holder,
                "seLinuxOptions.type",
                message,
                "use container_t, or none",
            );
        }
        for field in ["user", "role"] {
            let path = format!("seLinuxOptions.{field}");
            if holder.text(&path).is_some_and(|text| !text.is_empty()) {
                let message = format!("{} may not set the SELinux {field}", holder.name());
                finder.in_context("seLinuxOptions", holder, &path, message, "remove it");
            }
        }
    }
}

pub(super) fn is_seccomp_profile(kind: &str) -> bool {
    matches!(kind, "RuntimeDefault" | "Localhost")
}

/// Before 1.19 profiles were annotations.
fn seccomp(finder: &mut Finder<'_>) {
    if finder.minor < 19 {
        let names: Vec<String> = finder
            .containers()
            .iter()
            .map(|container| format!("container.seccomp.security.alpha.kubernetes.io/{}", container.name()))
            .collect();
        for (key, value) in finder.annotations() {
            let is_meant = key == "seccomp.security.alpha.kubernetes.io/pod" || names.iter().any(|name| name == key);
            let profile = value.as_str().unwrap_or_default();
            let is_allowed =
                matches!(profile, "runtime/default" | "docker/default") || profile.starts_with("localhost/");
            if is_meant && !is_allowed {
                finder.annotation("seccompProfile_baseline", key, value);
            }
        }
        return;
    }
    for holder in finder.holders() {
        if holder.get("seccompProfile").is_some() {
            refuse_seccomp(finder, "seccompProfile_baseline", holder);
        }
    }
}

/// Refuses a profile that is there and not allowed.
pub(super) fn refuse_seccomp(finder: &mut Finder<'_>, control: &'static str, holder: Holder<'_>) {
    let kind = holder.text("seccompProfile.type").unwrap_or_default();
    if !is_seccomp_profile(kind) {
        let message = format!("the seccomp profile of {} may not be \"{kind}\"", holder.name());
        finder.in_context(
            control,
            holder,
            "seccompProfile.type",
            message,
            "use RuntimeDefault or Localhost",
        );
    }
}

fn sysctls(finder: &mut Finder<'_>) {
    for sysctl in texts(finder.pod.spec.get_path(["securityContext", "sysctls"])) {
        let Some(name) = sysctl.get("name") else { continue };
        let text = name.as_str().unwrap_or_default();
        if !SYSCTLS
            .iter()
            .any(|(known, since)| *known == text && *since <= finder.minor)
        {
            let message = format!("the pod may not set the sysctl {text}");
            finder.in_pod("sysctls", "securityContext.sysctls", name.mark, message, "remove it");
        }
    }
}

fn windows_host_process(finder: &mut Finder<'_>) {
    for holder in finder.holders() {
        if holder.is_true("windowsOptions.hostProcess") {
            let message = format!("{} may not be a process of the host", holder.name());
            finder.in_context(
                "windowsHostProcess",
                holder,
                "windowsOptions.hostProcess",
                message,
                "remove it",
            );
        }
    }
}
