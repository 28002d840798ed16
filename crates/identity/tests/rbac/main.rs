//! Decisions of Kubernetes' RBAC, as its documentation says they come out
//! (<https://kubernetes.io/docs/reference/access-authn-authz/rbac/>).
#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod pages;

use std::sync::Arc;

use identity::rbac::{Action, Answer, Near, NewRole, Rbac, Subject};
use resource::{Resource, Schema};
use yaml::{Layer, Mark, Sources};

fn objects(text: &str) -> Vec<Resource> {
    let source = Sources::new().add("rbac.yaml", text.to_owned());
    let layer = Arc::new(Layer::new("k".into(), "resources[0]".into(), Mark::NONE));
    let nodes = yaml::read_documents(&source).unwrap().nodes;
    let resource = |node| Resource::new(node, layer.clone(), &Schema::builtin());
    nodes.into_iter().map(resource).collect()
}

/// A role or binding in short: its kind, its name with its namespace, and the rest as YAML.
fn object(kind: &str, name: &str, rest: &str) -> String {
    let metadata = match name.split_once('/') {
        Some((namespace, name)) => format!("  name: {name}\n  namespace: {namespace}\n"),
        None => format!("  name: {name}\n"),
    };
    format!("---\napiVersion: rbac.authorization.k8s.io/v1\nkind: {kind}\nmetadata:\n{metadata}{rest}")
}

fn role(name: &str, rules: &str) -> String {
    let kind = if name.contains('/') { "Role" } else { "ClusterRole" };
    object(kind, name, &format!("rules:\n{rules}"))
}

/// A binding of `KIND ROLE` to subjects: `User NAME`, `Group NAME`, `ServiceAccount [NAMESPACE/]NAME`.
fn binding(name: &str, role: &str, subjects: &[&str]) -> String {
    let kind = if name.contains('/') {
        "RoleBinding"
    } else {
        "ClusterRoleBinding"
    };
    let (role_kind, role) = role.split_once(' ').unwrap();
    let mut rest =
        format!("roleRef:\n  apiGroup: rbac.authorization.k8s.io\n  kind: {role_kind}\n  name: {role}\nsubjects:\n");
    for subject in subjects {
        let (kind, name) = subject.split_once(' ').unwrap();
        rest += &match name.split_once('/') {
            Some((namespace, name)) if kind == "ServiceAccount" => {
                format!("- kind: {kind}\n  name: {name}\n  namespace: {namespace}\n")
            }
            _ => format!("- kind: {kind}\n  name: \"{name}\"\n"),
        };
    }
    object(kind, name, &rest)
}

/// The examples of the documentation, and more of their kind.
fn cluster() -> String {
    let pods = "- apiGroups: [\"\"]\n  resources: [pods]\n  verbs: [get, watch, list]\n";
    let secrets = "- apiGroups: [\"\"]\n  resources: [secrets]\n  verbs: [get, watch, list]\n";
    let all_of = |group: &str| format!("- apiGroups: [{group}]\n  resources: ['*']\n  verbs: ['*']\n");
    let aggregated = |name: &str, labels: &str, rules: &str| {
        object("ClusterRole", name, &format!("  labels: {{{labels}}}\nrules:\n{rules}"))
    };
    let aggregation = |name: &str, selector: &str| {
        object(
            "ClusterRole",
            name,
            &format!("aggregationRule:\n  clusterRoleSelectors:\n  - {selector}\nrules: []\n"),
        )
    };
    [
        // Role example; RoleBinding example.
        role("default/pod-reader", pods),
        binding("default/read-pods", "Role pod-reader", &["User jane"]),
        // A RoleBinding of a ClusterRole; a ClusterRoleBinding of it.
        role("secret-reader", secrets),
        binding("development/read-secrets", "ClusterRole secret-reader", &["User dave"]),
        binding("read-secrets-global", "ClusterRole secret-reader", &["Group manager"]),
        // Subresources, and single objects.
        role("default/pod-and-pod-logs-reader", "- apiGroups: ['']\n  resources: [pods, pods/log]\n  verbs: [get, list]\n"),
        binding("default/logs", "Role pod-and-pod-logs-reader", &["User lou"]),
        role(
            "default/configmap-updater",
            "- apiGroups: ['']\n  resources: [configmaps]\n  resourceNames: [my-configmap]\n  verbs: [update, get, create, list]\n",
        ),
        binding("default/configmap", "Role configmap-updater", &["User cleo"]),
        // Wildcards.
        role("default/example.com-superuser", &all_of("example.com")),
        binding("default/superuser", "Role example.com-superuser", &["User sue"]),
        role("scaler", "- apiGroups: ['*']\n  resources: ['*/scale']\n  verbs: [get, update, patch]\n"),
        binding("scaler", "ClusterRole scaler", &["ServiceAccount ops/scaler"]),
        role("log-reader", "- apiGroups: ['']\n  resources: ['pods/*']\n  verbs: [get]\n"),
        binding("literal-star", "ClusterRole log-reader", &["User stan"]),
        // Groups of resources; several verbs.
        role("ml/runner", "- apiGroups: [batch]\n  resources: [jobs]\n  verbs: [create, get, list, watch, delete]\n- apiGroups: ['']\n  resources: [pods/exec]\n  verbs: [create]\n"),
        binding("ml/runner", "Role runner", &["ServiceAccount trainer", "ServiceAccount ci/deployer"]),
        // Nodes, which are in no namespace, and URLs.
        role("node-reader", "- apiGroups: ['']\n  resources: [nodes]\n  verbs: [get, list, watch]\n- nonResourceURLs: [/healthz, /healthz/*, /metrics]\n  verbs: [get, post]\n"),
        binding("nodes", "ClusterRole node-reader", &["User nora"]),
        binding("default/nodes", "ClusterRole node-reader", &["User nick"]),
        // Aggregated ClusterRoles.
        aggregation("monitoring", "matchLabels: {rbac.example.com/aggregate-to-monitoring: 'true'}"),
        aggregated(
            "monitoring-endpointslices",
            "rbac.example.com/aggregate-to-monitoring: 'true'",
            "- apiGroups: ['', discovery.k8s.io]\n  resources: [services, endpointslices, pods]\n  verbs: [get, list, watch]\n",
        ),
        aggregation("several", "matchExpressions: [{key: tier, operator: In, values: [a, b]}, {key: off, operator: DoesNotExist}]"),
        aggregated("tier-a", "tier: a", "- apiGroups: ['']\n  resources: [limitranges]\n  verbs: [get]\n"),
        aggregated("tier-b", "tier: b, 'off': 'x'", "- apiGroups: ['']\n  resources: [resourcequotas]\n  verbs: [get]\n"),
        binding("monitoring", "ClusterRole monitoring", &["User mona"]),
        binding("several", "ClusterRole several", &["User sven"]),
        aggregated(
            "aggregate-cron-tabs-edit",
            "rbac.authorization.k8s.io/aggregate-to-admin: 'true', rbac.authorization.k8s.io/aggregate-to-edit: 'true'",
            "- apiGroups: [stable.example.com]\n  resources: [crontabs]\n  verbs: [get, list, watch, create, update, patch, delete]\n",
        ),
        aggregated(
            "aggregate-cron-tabs-view",
            "rbac.authorization.k8s.io/aggregate-to-view: 'true'",
            "- apiGroups: [stable.example.com]\n  resources: [crontabs]\n  verbs: [get, list, watch]\n",
        ),
        // User-facing roles.
        binding("ml/admin", "ClusterRole admin", &["User ada"]),
        binding("ml/edit", "ClusterRole edit", &["User ed"]),
        binding("ml/view", "ClusterRole view", &["User vic"]),
        binding("root", "ClusterRole cluster-admin", &["User rita"]),
        binding("ml/root", "ClusterRole cluster-admin", &["User rob"]),
        // Referring to subjects.
        binding("default/frontend", "Role pod-reader", &["Group frontend-admins"]),
        binding("kube-system/default-view", "ClusterRole view", &["ServiceAccount kube-system/default"]),
        binding("qa/all", "ClusterRole view", &["Group system:serviceaccounts:qa"]),
        binding("everywhere", "ClusterRole several", &["Group system:serviceaccounts"]),
        binding("web/people", "ClusterRole view", &["Group system:authenticated"]),
        binding("public", "ClusterRole public", &["Group system:unauthenticated"]),
        role("public", "- nonResourceURLs: [/public/*]\n  verbs: [get]\n"),
        binding("spelt-out", "ClusterRole secret-reader", &["User system:serviceaccount:ops:spelt"]),
        binding("no-namespace", "ClusterRole secret-reader", &["ServiceAccount lost"]),
        // Restrictions on role creation and binding.
        role("role-grantor", "- apiGroups: [rbac.authorization.k8s.io]\n  resources: [rolebindings]\n  verbs: [create]\n- apiGroups: [rbac.authorization.k8s.io]\n  resources: [clusterroles]\n  verbs: [bind]\n  resourceNames: [admin, edit, view]\n"),
        binding("user-1-namespace/grantor", "ClusterRole role-grantor", &["User user-1"]),
        role("escalator", "- apiGroups: [rbac.authorization.k8s.io]\n  resources: [roles, clusterroles]\n  verbs: [escalate]\n"),
        binding("escalator", "ClusterRole escalator", &["User esther"]),
        // Impersonation.
        role("impersonator", "- apiGroups: ['']\n  resources: [users, groups, serviceaccounts]\n  verbs: [impersonate]\n"),
        binding("impersonator", "ClusterRole impersonator", &["User imre"]),
        role("limited-impersonator", "- apiGroups: ['']\n  resources: [users]\n  verbs: [impersonate]\n  resourceNames: [jane.doe@example.com]\n- apiGroups: [authentication.k8s.io]\n  resources: [userextras/scopes]\n  verbs: [impersonate]\n  resourceNames: [view, development]\n"),
        binding("limited-impersonator", "ClusterRole limited-impersonator", &["User ivan"]),
        // Rules that add up, and rules of several groups, resources, verbs: each combination of one rule, none across rules.
        role("mix/mixed", "- apiGroups: ['', apps]\n  resources: [pods, deployments]\n  verbs: [get, patch]\n- apiGroups: [batch]\n  resources: [jobs]\n  verbs: ['*']\n- apiGroups: ['']\n  resources: [secrets]\n  resourceNames: [a, b]\n  verbs: [get, watch, deletecollection]\n"),
        binding("mix/mixed", "Role mixed", &["User max", "Group mixers", "ServiceAccount mix/mixer"]),
        role("ml/names", "- apiGroups: ['']\n  resources: [pods/log, pods/exec]\n  resourceNames: [web-0]\n  verbs: [get, create]\n- apiGroups: ['']\n  resources: [serviceaccounts/token]\n  resourceNames: [trainer]\n  verbs: [create]\n- apiGroups: ['']\n  resources: ['*']\n  resourceNames: [shared]\n  verbs: [get]\n"),
        binding("ml/names", "Role names", &["User nia"]),
        role("urls", "- nonResourceURLs: ['/api/*', /livez]\n  verbs: [get]\n- nonResourceURLs: ['*']\n  verbs: [head]\n"),
        binding("urls", "ClusterRole urls", &["User uma"]),
        role("csr", "- apiGroups: [certificates.k8s.io]\n  resources: [signers]\n  resourceNames: ['example.com/*', kubernetes.io/kubelet-serving]\n  verbs: [approve, sign]\n"),
        binding("csr", "ClusterRole csr", &["User cira"]),
        role("any-verb", "- apiGroups: [apps]\n  resources: [deployments]\n  verbs: ['*']\n"),
        binding("ml/any-verb", "ClusterRole any-verb", &["Group system:serviceaccounts:ci"]),
        role("any-group", "- apiGroups: ['*']\n  resources: [widgets]\n  verbs: [list]\n"),
        binding("any-group", "ClusterRole any-group", &["Group widget-people"]),
        role("empty", "[]\n".replace("[]\n", "- apiGroups: []\n  resources: [pods]\n  verbs: [get]\n- apiGroups: ['']\n  resources: [pods]\n  verbs: []\n").as_str()),
        binding("empty", "ClusterRole empty", &["User emil"]),
        role("bind-all", "- apiGroups: [rbac.authorization.k8s.io]\n  resources: [roles, clusterroles]\n  verbs: [bind]\n"),
        binding("ml/bind-all", "ClusterRole bind-all", &["User bea"]),
        role("as-groups", "- apiGroups: ['']\n  resources: [groups]\n  resourceNames: [developers]\n  verbs: [impersonate]\n- apiGroups: [authentication.k8s.io]\n  resources: [uids]\n  verbs: [impersonate]\n"),
        binding("as-groups", "ClusterRole as-groups", &["User gus"]),
        // What does not fit together.
        binding("default/dangling", "Role pod-raeder", &["User dan"]),
        binding("default/elsewhere", "Role runner", &["User elsa"]),
        binding("role-of-a-namespace", "Role pod-reader", &["User norm"]),
    ]
    .concat()
}

const SA: &str = "system:serviceaccount:";

fn subject(text: &str) -> Subject {
    match text.strip_prefix("group:") {
        Some(group) => Subject::Group(group.to_owned()),
        None => Subject::user(&text.replacen("sa:", SA, 1)),
    }
}

#[test]
fn decisions_are_those_of_the_documentation() {
    let rbac = Rbac::new(&objects(&cluster()));
    const YES: bool = true;
    const NO: bool = false;
    // Who, what, in which namespace, with which groups of the authenticator.
    let table: &[(&str, &str, &str, &[&str], bool)] = &[
        // Role and RoleBinding: https://kubernetes.io/docs/reference/access-authn-authz/rbac/#role-example
        ("jane", "get pods", "default", &[], YES),
        ("jane", "list pods", "default", &[], YES),
        ("jane", "watch pods web", "default", &[], YES),
        ("jane", "delete pods", "default", &[], NO),
        ("jane", "get pods", "other", &[], NO),
        ("jane", "get pods", "", &[], NO),
        ("jane", "get pods/log", "default", &[], NO),
        ("jane", "get secrets", "default", &[], NO),
        ("Jane", "get pods", "default", &[], NO),
        ("sa:default:jane", "get pods", "default", &[], NO),
        ("group:jane", "get pods", "default", &[], NO),
        // A ClusterRole in a RoleBinding is for its namespace, in a ClusterRoleBinding for all: #rolebinding-and-clusterrolebinding
        ("dave", "get secrets", "development", &[], YES),
        ("dave", "get secrets", "default", &[], NO),
        ("dave", "list secrets", "", &[], NO),
        ("mia", "get secrets", "default", &["manager"], YES),
        ("mia", "list secrets", "", &["manager"], YES),
        ("mia", "list secrets", "", &["managers"], NO),
        ("mia", "update secrets", "default", &["manager"], NO),
        ("group:manager", "get secrets", "default", &[], YES),
        ("manager", "get secrets", "default", &[], NO),
        // Referring to resources: #referring-to-resources
        ("lou", "get pods/log", "default", &[], YES),
        ("lou", "get pods/log web", "default", &[], YES),
        ("lou", "get pods", "default", &[], YES),
        ("lou", "get pods/status", "default", &[], NO),
        ("lou", "get pods/exec", "default", &[], NO),
        ("lou", "get services/log", "default", &[], NO),
        ("cleo", "get configmaps my-configmap", "default", &[], YES),
        ("cleo", "update configmaps my-configmap", "default", &[], YES),
        ("cleo", "get configmaps other", "default", &[], NO),
        ("cleo", "get configmaps", "default", &[], NO),
        ("cleo", "create configmaps", "default", &[], NO),
        ("cleo", "list configmaps", "default", &[], NO),
        // A list of one, by metadata.name, has the name in the request.
        ("cleo", "list configmaps my-configmap", "default", &[], YES),
        ("cleo", "delete configmaps my-configmap", "default", &[], NO),
        // Wildcards.
        ("sue", "create widgets.example.com", "default", &[], YES),
        ("sue", "frobnicate widgets.example.com/status one", "default", &[], YES),
        ("sue", "create widgets.example.com", "other", &[], NO),
        ("sue", "create widgets.sub.example.com", "default", &[], NO),
        ("sue", "create pods", "default", &[], NO),
        ("sa:ops:scaler", "update deployments.apps/scale web", "ml", &[], YES),
        ("sa:ops:scaler", "patch statefulsets.apps/scale", "", &[], YES),
        ("sa:ops:scaler", "update replicationcontrollers/scale", "ml", &[], YES),
        ("sa:ops:scaler", "update deployments.apps", "ml", &[], NO),
        ("sa:ops:scaler", "update deployments.apps/status", "ml", &[], NO),
        ("sa:ops:scaler", "delete deployments.apps/scale", "ml", &[], NO),
        ("sa:default:scaler", "update deployments.apps/scale", "ml", &[], NO),
        // There is no such wildcard.
        ("stan", "get pods/log", "default", &[], NO),
        ("stan", "get pods/*", "default", &[], YES),
        // API groups: #role-examples
        ("sa:ml:trainer", "create jobs.batch", "ml", &[], YES),
        ("sa:ml:trainer", "create jobs", "ml", &[], YES),
        ("sa:ml:trainer", "delete jobs.batch nightly", "ml", &[], YES),
        ("sa:ml:trainer", "deletecollection jobs.batch", "ml", &[], NO),
        ("sa:ml:trainer", "patch jobs.batch", "ml", &[], NO),
        ("sa:ml:trainer", "create jobs.example.com", "ml", &[], NO),
        ("sa:ml:trainer", "create cronjobs.batch", "ml", &[], NO),
        ("sa:ml:trainer", "create jobs.batch", "prod", &[], NO),
        ("sa:ml:trainer", "create pods/exec", "ml", &[], YES),
        ("sa:ml:trainer", "get pods/exec", "ml", &[], NO),
        ("sa:ml:trainer", "get pods", "ml", &[], NO),
        // An account of another namespace; without one it is in that of the binding.
        ("sa:ci:deployer", "create jobs.batch", "ml", &[], YES),
        ("sa:ci:deployer", "create jobs.batch", "ci", &[], NO),
        ("sa:ml:deployer", "create jobs.batch", "ml", &[], NO),
        ("sa:ci:trainer", "create jobs.batch", "ml", &[], NO),
        // What is in no namespace, and URLs: #clusterrole-example
        ("nora", "get nodes", "", &[], YES),
        ("nora", "get nodes one", "", &[], YES),
        ("nora", "delete nodes one", "", &[], NO),
        ("nora", "get /healthz", "", &[], YES),
        ("nora", "post /healthz/etcd", "", &[], YES),
        ("nora", "get /metrics", "", &[], YES),
        ("nora", "get /metrics/cadvisor", "", &[], NO),
        ("nora", "put /healthz", "", &[], NO),
        ("nick", "get nodes", "", &[], NO),
        ("nick", "get nodes", "default", &[], YES),
        ("nick", "get /metrics", "", &[], NO),
        // Aggregated ClusterRoles: #aggregated-clusterroles
        ("mona", "list services", "ml", &[], YES),
        ("mona", "watch endpointslices.discovery.k8s.io", "", &[], YES),
        ("mona", "list secrets", "ml", &[], NO),
        ("sven", "get limitranges", "ml", &[], YES),
        ("sven", "get resourcequotas", "ml", &[], NO),
        ("ada", "delete crontabs.stable.example.com a", "ml", &[], YES),
        ("ed", "create crontabs.stable.example.com", "ml", &[], YES),
        ("vic", "list crontabs.stable.example.com", "ml", &[], YES),
        ("vic", "create crontabs.stable.example.com", "ml", &[], NO),
        ("ed", "create crontabs.stable.example.com", "default", &[], NO),
        // User-facing roles: #user-facing-roles
        ("rita", "frobnicate anything.example.com/sub", "", &[], YES),
        ("rita", "delete /anything", "", &[], YES),
        ("rob", "delete secrets", "ml", &[], YES),
        ("rob", "delete namespaces ml", "ml", &[], YES),
        ("rob", "delete secrets", "default", &[], NO),
        ("rob", "get nodes", "", &[], NO),
        ("rob", "delete /anything", "", &[], NO),
        ("ada", "create rolebindings", "ml", &[], YES),
        ("ada", "create roles.rbac.authorization.k8s.io", "ml", &[], YES),
        ("ada", "bind clusterroles.rbac.authorization.k8s.io", "ml", &[], NO),
        ("ada", "create localsubjectaccessreviews", "ml", &[], YES),
        ("ada", "get secrets", "ml", &[], YES),
        ("ada", "get pods", "ml", &[], YES),
        ("ada", "update resourcequotas", "ml", &[], NO),
        ("ada", "delete namespaces ml", "ml", &[], NO),
        ("ada", "create endpoints", "ml", &[], NO),
        ("ed", "get secrets", "ml", &[], YES),
        ("ed", "create pods", "ml", &[], YES),
        ("ed", "create pods/exec", "ml", &[], YES),
        ("ed", "create serviceaccounts/token", "ml", &[], YES),
        ("ed", "impersonate serviceaccounts trainer", "ml", &[], YES),
        ("ed", "patch deployments", "ml", &[], YES),
        ("ed", "create leases", "ml", &[], YES),
        ("ed", "get roles", "ml", &[], NO),
        ("ed", "create rolebindings", "ml", &[], NO),
        ("vic", "get pods", "ml", &[], YES),
        ("vic", "get pods/log web", "ml", &[], YES),
        ("vic", "list jobs", "ml", &[], YES),
        ("vic", "get secrets", "ml", &[], NO),
        ("vic", "get roles", "ml", &[], NO),
        ("vic", "get rolebindings", "ml", &[], NO),
        ("vic", "create pods/exec", "ml", &[], NO),
        ("vic", "get deployments.apps/scale", "ml", &[], YES),
        // Referring to subjects: #referring-to-subjects
        ("fay", "get pods", "default", &["frontend-admins"], YES),
        ("fay", "get pods", "default", &[], NO),
        ("sa:kube-system:default", "get pods", "kube-system", &[], YES),
        ("sa:kube-system:default", "get pods", "default", &[], NO),
        ("sa:default:default", "get pods", "kube-system", &[], NO),
        ("sa:qa:any", "get pods", "qa", &[], YES),
        ("sa:dev:any", "get pods", "qa", &[], NO),
        ("sa:dev:any", "get limitranges", "", &[], YES),
        ("sven2", "get limitranges", "", &[], NO),
        ("anybody", "get pods", "web", &[], YES),
        ("sa:dev:any", "get pods", "web", &[], YES),
        ("system:anonymous", "get pods", "web", &[], NO),
        ("system:anonymous", "get /public/key", "", &[], YES),
        ("anybody", "get /public/key", "", &[], NO),
        // A service account is also the user of its full name.
        ("sa:ops:spelt", "get secrets", "ml", &[], YES),
        // In a ClusterRoleBinding an account has to have a namespace.
        ("sa:default:lost", "get secrets", "ml", &[], NO),
        ("lost", "get secrets", "ml", &[], NO),
        // Default roles for everybody: #discovery-roles
        ("anybody", "create selfsubjectaccessreviews", "", &[], YES),
        ("anybody", "create subjectaccessreviews", "", &[], NO),
        ("anybody", "get /version", "", &[], YES),
        ("anybody", "get /apis/batch/v1", "", &[], YES),
        ("anybody", "get /metrics", "", &[], NO),
        ("system:anonymous", "get /version", "", &[], YES),
        ("system:anonymous", "get /apis", "", &[], NO),
        ("sa:ml:trainer", "get /openid/v1/jwks", "", &[], YES),
        ("anybody", "get /openid/v1/jwks", "", &[], NO),
        // system:masters is not held by any object.
        ("oscar", "delete nodes", "", &["system:masters"], YES),
        ("group:system:masters", "delete /anything", "", &[], YES),
        // Restrictions on role creation and binding: #privilege-escalation-prevention-and-bootstrapping
        ("user-1", "create rolebindings", "user-1-namespace", &[], YES),
        ("user-1", "bind clusterroles edit", "user-1-namespace", &[], YES),
        ("user-1", "bind clusterroles cluster-admin", "user-1-namespace", &[], NO),
        ("user-1", "create rolebindings", "default", &[], NO),
        ("user-1", "bind clusterroles edit", "", &[], NO),
        ("esther", "escalate clusterroles", "", &[], YES),
        ("esther", "escalate roles reader", "ml", &[], YES),
        ("esther", "bind clusterroles", "", &[], NO),
        ("esther", "update clusterroles", "", &[], NO),
        // Impersonation: https://kubernetes.io/docs/reference/access-authn-authz/authentication/#user-impersonation
        ("imre", "impersonate users jane", "", &[], YES),
        ("imre", "impersonate groups system:masters", "", &[], YES),
        ("imre", "impersonate serviceaccounts trainer", "ml", &[], YES),
        (
            "imre",
            "impersonate userextras.authentication.k8s.io/scopes view",
            "",
            &[],
            NO,
        ),
        ("imre", "impersonate uids.authentication.k8s.io 1", "", &[], NO),
        ("ivan", "impersonate users jane.doe@example.com", "", &[], YES),
        ("ivan", "impersonate users jane", "", &[], NO),
        (
            "ivan",
            "impersonate userextras.authentication.k8s.io/scopes view",
            "",
            &[],
            YES,
        ),
        (
            "ivan",
            "impersonate userextras.authentication.k8s.io/scopes admin",
            "",
            &[],
            NO,
        ),
        (
            "ivan",
            "impersonate userextras.authentication.k8s.io/other view",
            "",
            &[],
            NO,
        ),
        // Rules add up; a rule gives each of its verbs for each of its resources in each of its groups: #referring-to-resources
        ("max", "get pods", "mix", &[], YES),
        ("max", "patch deployments.apps", "mix", &[], YES),
        ("max", "get deployments.apps web", "mix", &[], YES),
        ("max", "get pods.apps", "mix", &[], YES),
        ("max", "delete pods", "mix", &[], NO),
        ("max", "delete jobs.batch", "mix", &[], YES),
        ("max", "delete cronjobs.batch", "mix", &[], NO),
        ("max", "get jobs.batch/status", "mix", &[], NO),
        ("max", "get secrets a", "mix", &[], YES),
        ("max", "get secrets c", "mix", &[], NO),
        ("max", "watch secrets b", "mix", &[], YES),
        ("max", "watch secrets", "mix", &[], NO),
        ("max", "list secrets a", "mix", &[], NO),
        ("max", "deletecollection secrets", "mix", &[], NO),
        ("max", "get pods", "", &[], NO),
        ("mia", "get pods", "mix", &["mixers"], YES),
        ("mia", "get pods", "mix", &["mixers2"], NO),
        ("sa:mix:mixer", "patch pods", "mix", &[], YES),
        ("sa:ci:mixer", "patch pods", "mix", &[], NO),
        ("mixer", "patch pods", "mix", &[], NO),
        // Names with subresources: the name is that of the object.
        ("nia", "get pods/log web-0", "ml", &[], YES),
        ("nia", "get pods/log web-1", "ml", &[], NO),
        ("nia", "get pods/log", "ml", &[], NO),
        ("nia", "create pods/exec web-0", "ml", &[], YES),
        ("nia", "get pods web-0", "ml", &[], NO),
        ("nia", "create serviceaccounts/token trainer", "ml", &[], YES),
        ("nia", "create serviceaccounts/token default", "ml", &[], NO),
        // All resources, of one name: subresources are among them.
        ("nia", "get configmaps shared", "ml", &[], YES),
        ("nia", "get pods/status shared", "ml", &[], YES),
        ("nia", "get deployments.apps shared", "ml", &[], NO),
        ("nia", "list configmaps", "ml", &[], NO),
        // URLs: a star is at the end only, and stands for the rest.
        ("uma", "get /api/v1", "", &[], YES),
        ("uma", "get /api/v1/namespaces", "", &[], YES),
        ("uma", "get /apis/batch/v2", "", &[], YES),
        ("uma", "get /livez", "", &[], YES),
        ("uma", "get /livez/ping", "", &[], NO),
        ("uma", "post /api/v1", "", &[], NO),
        ("uma", "head /anything/at/all", "", &[], YES),
        ("uma", "get /metrics", "", &[], NO),
        // Only the names of signers may be a domain with a star: https://kubernetes.io/docs/reference/access-authn-authz/certificate-signing-requests/#authorization
        (
            "cira",
            "approve signers.certificates.k8s.io kubernetes.io/kubelet-serving",
            "",
            &[],
            YES,
        ),
        ("cira", "sign signers.certificates.k8s.io example.com/*", "", &[], YES),
        (
            "cira",
            "sign signers.certificates.k8s.io example.com/mine",
            "",
            &[],
            YES,
        ),
        (
            "cira",
            "sign signers.certificates.k8s.io sub.example.com/mine",
            "",
            &[],
            NO,
        ),
        (
            "cira",
            "sign signers.certificates.k8s.io kubernetes.io/kubelet-serving2",
            "",
            &[],
            NO,
        ),
        (
            "cira",
            "attest signers.certificates.k8s.io example.com/mine",
            "",
            &[],
            NO,
        ),
        ("cira", "approve signers.certificates.k8s.io", "", &[], NO),
        // All verbs are also those that nobody has thought of; all groups, the core one too.
        ("sa:ci:anybody", "rollback deployments.apps web", "ml", &[], YES),
        ("sa:ci:anybody", "get deployments.apps/scale web", "ml", &[], NO),
        ("sa:ci:anybody", "get deployments.apps", "ci", &[], NO),
        ("sa:ml:anybody", "get deployments.apps", "ml", &[], NO),
        ("wim", "list widgets.example.com", "ml", &["widget-people"], YES),
        ("wim", "list widgets.other.example", "", &["widget-people"], YES),
        ("wim", "get widgets.example.com", "ml", &["widget-people"], NO),
        ("group:widget-people", "list widgets.example.com", "", &[], YES),
        // A rule without groups or verbs gives nothing.
        ("emil", "get pods", "", &[], NO),
        // bind and escalate are verbs on roles, and no verb stands for another: #restrictions-on-role-binding-creation-or-update
        ("bea", "bind roles.rbac.authorization.k8s.io any", "ml", &[], YES),
        (
            "bea",
            "bind clusterroles.rbac.authorization.k8s.io cluster-admin",
            "ml",
            &[],
            YES,
        ),
        (
            "bea",
            "bind clusterroles.rbac.authorization.k8s.io cluster-admin",
            "",
            &[],
            NO,
        ),
        ("bea", "escalate roles.rbac.authorization.k8s.io any", "ml", &[], NO),
        ("bea", "create rolebindings.rbac.authorization.k8s.io", "ml", &[], NO),
        ("ada", "escalate roles.rbac.authorization.k8s.io any", "ml", &[], NO),
        ("rita", "escalate clusterroles.rbac.authorization.k8s.io", "", &[], YES),
        ("rob", "bind roles.rbac.authorization.k8s.io any", "ml", &[], YES),
        // Impersonation of one group, and of any uid.
        ("gus", "impersonate groups developers", "", &[], YES),
        ("gus", "impersonate groups system:masters", "", &[], NO),
        ("gus", "impersonate users jane", "", &[], NO),
        ("gus", "impersonate uids.authentication.k8s.io 06f6ce97", "", &[], YES),
        ("ed", "impersonate users jane", "ml", &[], NO),
        ("rita", "impersonate users jane", "", &[], YES),
        ("rob", "impersonate serviceaccounts trainer", "ml", &[], YES),
        ("rob", "impersonate serviceaccounts trainer", "default", &[], NO),
        // A binding to what is not there gives nothing: a Role of another name, of another namespace.
        ("dan", "get pods", "default", &[], NO),
        ("elsa", "create jobs.batch", "default", &[], NO),
        ("elsa", "create jobs.batch", "ml", &[], NO),
        // A ClusterRoleBinding cannot name a Role.
        ("norm", "get pods", "default", &[], NO),
    ];
    assert!(table.len() >= 236, "{}", table.len());
    let mut wrong = Vec::new();
    for (who, what, namespace, groups, expected) in table {
        let action = Action::parse(what, Some(*namespace).filter(|namespace| !namespace.is_empty())).unwrap();
        let groups: Vec<String> = groups.iter().map(|group| (*group).to_owned()).collect();
        let answer = rbac.decide(&subject(who), &groups, &action);
        if !matches!(answer, Answer::Missed(_)) != *expected {
            wrong.push(format!("{who} {action}: {answer:?}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// What comes near, as texts.
fn near(rbac: &Rbac, who: &str, what: &str, namespace: &str) -> Vec<String> {
    let action = Action::parse(what, Some(namespace)).unwrap();
    let Answer::Missed(near) = rbac.decide(&subject(who), &[], &action) else {
        panic!("{who} {what}");
    };
    let text = |near: &Near<'_>| match near {
        Near::Subject { binding, subject } => format!("{binding} is for {subject}"),
        Near::Namespace { binding } => format!("{binding} gives it there"),
        Near::NoRole { binding, near } => {
            let near: Vec<String> = near.iter().map(ToString::to_string).collect();
            format!("{binding} names no role there is: {} {}", binding.role, near.join(", "))
        }
        Near::Rule {
            binding, rule, lacks, ..
        } => format!("{binding}: rule {} of {} lacks {lacks:?}", rule.position, rule.of),
    };
    near.iter().map(text).collect()
}

#[test]
fn a_miss_names_what_is_near() {
    let rbac = Rbac::new(&objects(&cluster()));
    let table: &[(&str, &str, &str, &[&str])] = &[
        (
            "sa:ml:trianer",
            "create jobs.batch",
            "ml",
            &["RoleBinding ml/runner is for system:serviceaccount:ml:trainer"],
        ),
        (
            "sa:prod:trainer",
            "create jobs.batch",
            "ml",
            &["RoleBinding ml/runner is for system:serviceaccount:ml:trainer"],
        ),
        (
            "sa:ml:trainer",
            "create jobs.batch",
            "prod",
            &["RoleBinding ml/runner gives it there"],
        ),
        (
            "sa:ml:trainer",
            "patch jobs.batch",
            "ml",
            &["RoleBinding ml/runner: rule 0 of runner lacks Verb"],
        ),
        (
            "sa:ml:trainer",
            "create jobs.example.com",
            "ml",
            &["RoleBinding ml/runner: rule 0 of runner lacks Group"],
        ),
        (
            "lou",
            "get pods/status",
            "default",
            &["RoleBinding default/logs: rule 0 of pod-and-pod-logs-reader lacks Subresource"],
        ),
        (
            "cleo",
            "get configmaps other",
            "default",
            &["RoleBinding default/configmap: rule 0 of configmap-updater lacks Name"],
        ),
        (
            "cleo",
            "create configmaps",
            "default",
            &["RoleBinding default/configmap: rule 0 of configmap-updater lacks Name"],
        ),
        (
            "dan",
            "get pods",
            "default",
            &["RoleBinding default/dangling names no role there is: Role default/pod-raeder Role default/pod-reader"],
        ),
        (
            "elsa",
            "create jobs.batch",
            "default",
            &["RoleBinding default/elsewhere names no role there is: Role default/runner Role ml/runner"],
        ),
        (
            "norm",
            "get pods",
            "default",
            &[
                "ClusterRoleBinding role-of-a-namespace names no role there is: ClusterRole pod-reader Role default/pod-reader",
            ],
        ),
        (
            "jan",
            "get pods",
            "default",
            &["RoleBinding default/read-pods is for jane"],
        ),
        ("vic", "create pods/exec", "ml", &[]),
        ("zoe", "create pods", "default", &[]),
    ];
    for (who, what, namespace, expected) in table {
        assert_eq!(near(&rbac, who, what, namespace), *expected, "{who} {what}");
    }
}

/// The role that is missing, once it is there, is enough, and for this alone.
#[test]
fn the_missing_role_is_enough() {
    let requests = [
        ("sa:ml:trainer", "create jobs.batch", Some("ml"), "trainer-create-jobs"),
        (
            "sa:ml:trainer",
            "get pods/log web-0",
            Some("ml"),
            "trainer-get-pods-log",
        ),
        ("ann@acme.com", "list nodes", None, "ann-list-nodes"),
        ("group:ml@acme.com", "get /metrics", None, "ml-get-metrics"),
        ("1", "get secrets 1", Some("null"), "1-get-secrets"),
    ];
    for (who, what, namespace, name) in requests {
        let (subject, action) = (subject(who), Action::parse(what, namespace).unwrap());
        assert!(
            matches!(Rbac::new(&[]).decide(&subject, &[], &action), Answer::Missed(_)),
            "{who} {what}"
        );
        let missing = NewRole {
            subject: &subject,
            action: &action,
        };
        assert_eq!(missing.name(), name);
        let objects = objects(&missing.yaml());
        let rbac = Rbac::new(&objects);
        assert!(
            matches!(rbac.decide(&subject, &[], &action), Answer::Granted(_)),
            "{}",
            missing.yaml()
        );
        let other = Action::parse("delete secrets", namespace).unwrap();
        assert!(matches!(rbac.decide(&subject, &[], &other), Answer::Missed(_)));
        assert_eq!(objects.len(), 2);
    }
}

#[test]
fn texts_that_are_no_requests() {
    for text in [
        "",
        "create",
        "create a b c",
        "get /metrics x",
        "get /",
        " get .batch",
        "get pods/",
    ] {
        let parsed = Action::parse(text, None);
        assert_eq!(parsed.is_err(), text != "get /", "{text}: {parsed:?}");
    }
}

#[test]
fn who_can() {
    let rbac = Rbac::new(&objects(&cluster()));
    let action = Action::parse("create jobs.batch", Some("ml")).unwrap();
    let found: Vec<String> = rbac
        .who_can(&action)
        .iter()
        .map(|granted| {
            format!(
                "{} by {}, rule {} of {}",
                granted.subject, granted.binding, granted.rule.position, granted.rule.of
            )
        })
        .collect();
    assert_eq!(
        found,
        [
            "ada by RoleBinding ml/admin, rule 7 of system:aggregate-to-edit",
            "ed by RoleBinding ml/edit, rule 7 of system:aggregate-to-edit",
            "rita by ClusterRoleBinding root, rule 0 of cluster-admin",
            "rob by RoleBinding ml/root, rule 0 of cluster-admin",
            "group:system:masters by ClusterRoleBinding cluster-admin, rule 0 of cluster-admin",
            "system:serviceaccount:ci:deployer by RoleBinding ml/runner, rule 0 of runner",
            "system:serviceaccount:ml:trainer by RoleBinding ml/runner, rule 0 of runner",
        ]
    );
}

/// The API server completes its own roles when it starts, unless they say no.
#[test]
fn roles_that_every_cluster_has_are_completed() {
    let view = |annotation: &str| {
        let metadata = format!("  annotations:\n    rbac.authorization.kubernetes.io/autoupdate: \"{annotation}\"\n");
        let rules = "rules:\n- apiGroups: [a.example]\n  resources: [b]\n  verbs: [get]\n";
        let role = object("ClusterRole", "system:discovery", &format!("{metadata}{rules}"));
        Rbac::new(&objects(&role))
    };
    let ask = |rbac: &Rbac, what: &str| {
        let action = Action::parse(what, None).unwrap();
        matches!(rbac.decide(&subject("ann"), &[], &action), Answer::Granted(_))
    };
    for (annotation, is_completed) in [("true", true), ("false", false)] {
        let rbac = view(annotation);
        assert!(ask(&rbac, "get b.a.example"));
        assert_eq!(ask(&rbac, "get /apis"), is_completed);
    }
}
