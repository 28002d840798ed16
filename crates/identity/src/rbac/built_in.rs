//! The roles and bindings that the API server makes in every cluster and that are for users and pods
//! (<https://kubernetes.io/docs/reference/access-authn-authz/rbac/#default-roles-and-role-bindings>). Those of the control
//! plane's own parts, such as the scheduler and the controllers, are left out.

use yaml::Mark;

use super::role::{RoleName, Rule};
use super::{Binding, Subject};

/// The version of Kubernetes whose roles these are.
pub const BUILT_IN_VERSION: &str = "1.36";

const TO_ADMIN: &str = "rbac.authorization.k8s.io/aggregate-to-admin";
const TO_EDIT: &str = "rbac.authorization.k8s.io/aggregate-to-edit";
const TO_VIEW: &str = "rbac.authorization.k8s.io/aggregate-to-view";

const ALL: &str = "*";
const READ: &str = "get list watch";
const WRITE: &str = "create delete deletecollection patch update";
const BOTH: &str = "create delete deletecollection get list patch update watch";

/// Verbs, groups, resources, URLs: words with spaces between. `-` is the core group.
type Row = (&'static str, &'static str, &'static str, &'static str);
/// A role: its name, the label it has, the label of the roles it is made of, its rules.
type Known = (&'static str, Option<&'static str>, Option<&'static str>, &'static [Row]);

const ROLES: [Known; 19] = [
    ("cluster-admin", None, None, &[(ALL, ALL, ALL, ""), (ALL, "", "", ALL)]),
    ("admin", None, Some(TO_ADMIN), &[]),
    ("edit", Some(TO_ADMIN), Some(TO_EDIT), &[]),
    ("view", Some(TO_EDIT), Some(TO_VIEW), &[]),
    (
        "system:aggregate-to-admin",
        Some(TO_ADMIN),
        None,
        &[
            ("create", "authorization.k8s.io", "localsubjectaccessreviews", ""),
            (BOTH, "rbac.authorization.k8s.io", "rolebindings roles", ""),
        ],
    ),
    (
        "system:aggregate-to-edit",
        Some(TO_EDIT),
        None,
        &[
            (
                READ,
                "-",
                "pods/attach pods/exec pods/portforward pods/proxy secrets services/proxy",
                "",
            ),
            ("impersonate", "-", "serviceaccounts", ""),
            (WRITE, "-", "pods pods/attach pods/exec pods/portforward pods/proxy", ""),
            ("create", "-", "pods/eviction serviceaccounts/token", ""),
            (
                WRITE,
                "-",
                "configmaps events persistentvolumeclaims replicationcontrollers replicationcontrollers/scale secrets \
             serviceaccounts services services/proxy",
                "",
            ),
            (
                WRITE,
                "apps",
                "daemonsets deployments deployments/rollback deployments/scale replicasets replicasets/scale statefulsets \
             statefulsets/scale",
                "",
            ),
            (WRITE, "autoscaling", "horizontalpodautoscalers", ""),
            (WRITE, "batch", "cronjobs jobs", ""),
            (
                WRITE,
                "extensions",
                "daemonsets deployments deployments/rollback deployments/scale ingresses networkpolicies replicasets \
             replicasets/scale replicationcontrollers/scale",
                "",
            ),
            (WRITE, "policy", "poddisruptionbudgets", ""),
            (WRITE, "events.k8s.io", "events", ""),
            (WRITE, "resource.k8s.io", "resourceclaims resourceclaimtemplates", ""),
            (WRITE, "networking.k8s.io", "ingresses networkpolicies", ""),
            (BOTH, "coordination.k8s.io", "leases", ""),
        ],
    ),
    (
        "system:aggregate-to-view",
        Some(TO_VIEW),
        None,
        &[
            (
                READ,
                "-",
                "bindings configmaps endpoints events limitranges namespaces namespaces/status persistentvolumeclaims \
             persistentvolumeclaims/status pods pods/log pods/status replicationcontrollers replicationcontrollers/scale \
             replicationcontrollers/status resourcequotas resourcequotas/status serviceaccounts services services/status",
                "",
            ),
            (READ, "discovery.k8s.io", "endpointslices", ""),
            (
                READ,
                "apps",
                "controllerrevisions daemonsets daemonsets/status deployments deployments/scale deployments/status replicasets \
             replicasets/scale replicasets/status statefulsets statefulsets/scale statefulsets/status",
                "",
            ),
            (
                READ,
                "autoscaling",
                "horizontalpodautoscalers horizontalpodautoscalers/status",
                "",
            ),
            (READ, "batch", "cronjobs cronjobs/status jobs jobs/status", ""),
            (
                READ,
                "extensions",
                "daemonsets daemonsets/status deployments deployments/scale deployments/status ingresses ingresses/status \
             networkpolicies replicasets replicasets/scale replicasets/status replicationcontrollers/scale",
                "",
            ),
            (READ, "policy", "poddisruptionbudgets poddisruptionbudgets/status", ""),
            (READ, "events.k8s.io", "events", ""),
            (
                READ,
                "resource.k8s.io",
                "resourceclaims resourceclaims/status resourceclaimtemplates",
                "",
            ),
            (
                READ,
                "networking.k8s.io",
                "ingresses ingresses/status networkpolicies",
                "",
            ),
        ],
    ),
    (
        "system:basic-user",
        None,
        None,
        &[
            (
                "create",
                "authorization.k8s.io",
                "selfsubjectaccessreviews selfsubjectrulesreviews",
                "",
            ),
            ("create", "authentication.k8s.io", "selfsubjectreviews", ""),
        ],
    ),
    (
        "system:discovery",
        None,
        None,
        &[(
            "get",
            "",
            "",
            "/api /api/* /apis /apis/* /healthz /livez /openapi /openapi/* /readyz /version /version/",
        )],
    ),
    (
        "system:public-info-viewer",
        None,
        None,
        &[("get", "", "", "/healthz /livez /readyz /version /version/")],
    ),
    (
        "system:monitoring",
        None,
        None,
        &[(
            "get",
            "",
            "",
            "/healthz /healthz/* /livez /livez/* /metrics /metrics/slis /readyz /readyz/*",
        )],
    ),
    // Bound by nobody at first, and by many a tree.
    (
        "system:auth-delegator",
        None,
        None,
        &[
            ("create", "authentication.k8s.io", "tokenreviews", ""),
            ("create", "authorization.k8s.io", "subjectaccessreviews", ""),
        ],
    ),
    (
        "system:kubelet-api-admin",
        None,
        None,
        &[
            ("get list proxy watch", "-", "nodes", ""),
            (
                ALL,
                "-",
                "nodes/checkpoint nodes/configz nodes/healthz nodes/log nodes/metrics nodes/pods nodes/proxy nodes/spec nodes/stats",
                "",
            ),
        ],
    ),
    (
        "system:node-bootstrapper",
        None,
        None,
        &[(
            "create get list watch",
            "certificates.k8s.io",
            "certificatesigningrequests",
            "",
        )],
    ),
    (
        "system:certificates.k8s.io:certificatesigningrequests:nodeclient",
        None,
        None,
        &[(
            "create",
            "certificates.k8s.io",
            "certificatesigningrequests/nodeclient",
            "",
        )],
    ),
    (
        "system:certificates.k8s.io:certificatesigningrequests:selfnodeclient",
        None,
        None,
        &[(
            "create",
            "certificates.k8s.io",
            "certificatesigningrequests/selfnodeclient",
            "",
        )],
    ),
    (
        "system:node-problem-detector",
        None,
        None,
        &[
            ("get", "-", "nodes", ""),
            ("patch", "-", "nodes/status", ""),
            ("create patch update", "- events.k8s.io", "events", ""),
        ],
    ),
    (
        "system:persistent-volume-provisioner",
        None,
        None,
        &[
            ("create delete get list watch", "-", "persistentvolumes", ""),
            ("get list update watch", "-", "persistentvolumeclaims", ""),
            (READ, "storage.k8s.io", "storageclasses", ""),
            ("watch", "-", "events", ""),
            ("create patch update", "- events.k8s.io", "events", ""),
        ],
    ),
    (
        "system:service-account-issuer-discovery",
        None,
        None,
        &[(
            "get",
            "",
            "",
            "/.well-known/openid-configuration /.well-known/openid-configuration/ /openid/v1/jwks /openid/v1/jwks/",
        )],
    ),
];

/// Roles and the groups that they are bound to, by bindings of their names.
const BINDINGS: [(&str, &[&str]); 6] = [
    ("cluster-admin", &["system:masters"]),
    ("system:basic-user", &["system:authenticated"]),
    ("system:discovery", &["system:authenticated"]),
    ("system:monitoring", &["system:monitoring"]),
    (
        "system:public-info-viewer",
        &["system:authenticated", "system:unauthenticated"],
    ),
    ("system:service-account-issuer-discovery", &["system:serviceaccounts"]),
];

/// Each role: its name, the label it has, the label of the roles it is made of, its rules.
pub(super) fn roles() -> impl Iterator<Item = (&'static str, Option<&'static str>, Option<&'static str>, Vec<Rule>)> {
    ROLES.iter().map(|(name, label, aggregates, rows)| {
        let rules = rows.iter().enumerate().map(|(position, row)| rule(name, position, row));
        (*name, *label, *aggregates, rules.collect())
    })
}

fn rule(of: &str, position: usize, (verbs, groups, resources, urls): &Row) -> Rule {
    let words = |text: &str| -> Vec<String> {
        let words = text.split_whitespace().map(|word| if word == "-" { "" } else { word });
        words.map(str::to_owned).collect()
    };
    Rule {
        of: of.to_owned(),
        position,
        verbs: words(verbs),
        groups: words(groups),
        resources: words(resources),
        names: Vec::new(),
        urls: words(urls),
        mark: Mark::NONE,
    }
}

pub(super) fn bindings() -> Vec<Binding> {
    let binding = |(role, groups): &(&str, &[&str])| Binding {
        namespace: None,
        name: (*role).to_owned(),
        role: RoleName::ClusterRole((*role).to_owned()),
        subjects: groups
            .iter()
            .map(|group| (Subject::Group((*group).to_owned()), Mark::NONE))
            .collect(),
        mark: Mark::NONE,
    };
    BINDINGS.iter().map(binding).collect()
}
