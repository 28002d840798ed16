//! Examples of Kubernetes' pages beside those of `main.rs`: each comment names the page and the part of it.

use super::*;

/// The objects that the commands of the pages make, and those that the pages show.
fn cluster() -> String {
    [
        // rbac/#kubectl-create-role and #kubectl-create-clusterrole
        role("shop/readable", "- apiGroups: ['']\n  resources: [pods]\n  resourceNames: [readablepod, anotherpod]\n  verbs: [get]\n"),
        role("shop/replicas", "- apiGroups: [apps]\n  resources: [replicasets]\n  verbs: [get, list, watch]\n"),
        role("shop/status", "- apiGroups: ['']\n  resources: [pods, pods/status]\n  verbs: [get, list, watch]\n"),
        role("shop/my-component-lease-holder", "- apiGroups: [coordination.k8s.io]\n  resources: [leases]\n  resourceNames: [my-component]\n  verbs: [get, list, watch, update]\n"),
        role("logs", "- nonResourceURLs: ['/logs/*']\n  verbs: [get]\n"),
        binding("shop/readable", "Role readable", &["User rae"]),
        binding("shop/replicas", "Role replicas", &["User rex"]),
        binding("shop/status", "Role status", &["User sam"]),
        binding("shop/lease", "Role my-component-lease-holder", &["ServiceAccount component"]),
        binding("logs", "ClusterRole logs", &["User lea"]),
        // #kubectl-create-rolebinding and #kubectl-create-clusterrolebinding
        binding("acme/bob-admin-binding", "ClusterRole admin", &["User bob"]),
        binding("acme/myapp-view-binding", "ClusterRole view", &["ServiceAccount acme/myapp"]),
        binding("acme/myappnamespace-myapp-view-binding", "ClusterRole view", &["ServiceAccount myappnamespace/myapp"]),
        binding("root-cluster-admin-binding", "ClusterRole cluster-admin", &["User root"]),
        binding("myapp-view-binding", "ClusterRole view", &["ServiceAccount wide/myapp"]),
        // #service-account-permissions
        binding("my-namespace/my-sa-view", "ClusterRole view", &["ServiceAccount my-namespace/my-sa"]),
        binding("add-on-cluster-admin", "ClusterRole cluster-admin", &["ServiceAccount kube-system/default"]),
        binding("my-namespace/serviceaccounts-edit", "ClusterRole edit", &["Group system:serviceaccounts:my-namespace"]),
        // #role-binding-examples: all users.
        role("hello", "- nonResourceURLs: [/hello]\n  verbs: [get]\n"),
        binding("hello", "ClusterRole hello", &["Group system:authenticated", "Group system:unauthenticated"]),
        // #role-examples
        role("deployer", "- apiGroups: [apps]\n  resources: [deployments]\n  verbs: [get, list, watch, create, update, patch, delete]\n"),
        binding("shop/deployer", "ClusterRole deployer", &["User alice@example.com", "User 1001"]),
        // #aggregated-clusterroles: rules of its own are overwritten.
        object(
            "ClusterRole",
            "monitoring",
            "aggregationRule:\n  clusterRoleSelectors:\n  - matchLabels: {rbac.example.com/aggregate-to-monitoring: 'true'}\nrules:\n- apiGroups: ['']\n  resources: [secrets]\n  verbs: [get]\n",
        ),
        object(
            "ClusterRole",
            "monitoring-endpoints",
            "  labels: {rbac.example.com/aggregate-to-monitoring: 'true'}\nrules:\n- apiGroups: ['']\n  resources: [services, endpointslices, pods]\n  verbs: [get, list, watch]\n",
        ),
        binding("monitoring", "ClusterRole monitoring", &["User mona"]),
        // #other-component-roles
        binding("vault", "ClusterRole system:auth-delegator", &["ServiceAccount vault/vault"]),
        binding("kubelet", "ClusterRole system:kubelet-api-admin", &["User kubelet-client"]),
        binding("bootstrap", "ClusterRole system:node-bootstrapper", &["Group system:bootstrappers"]),
        binding("approve", "ClusterRole system:certificates.k8s.io:certificatesigningrequests:nodeclient", &["Group system:bootstrappers"]),
        binding("renew", "ClusterRole system:certificates.k8s.io:certificatesigningrequests:selfnodeclient", &["Group system:nodes"]),
        binding("detector", "ClusterRole system:node-problem-detector", &["ServiceAccount kube-system/detector"]),
        binding("provisioner", "ClusterRole system:persistent-volume-provisioner", &["ServiceAccount storage/provisioner"]),
        // authentication/#user-impersonation
        role("scopes-and-uid-impersonator", "- apiGroups: [authentication.k8s.io]\n  resources: [userextras/scopes, uids]\n  verbs: [impersonate]\n"),
        binding("scopes", "ClusterRole scopes-and-uid-impersonator", &["User scott"]),
        role("limited-impersonator", "- apiGroups: ['']\n  resources: [groups]\n  resourceNames: [developers, admins]\n  verbs: [impersonate]\n- apiGroups: [authentication.k8s.io]\n  resources: [uids]\n  resourceNames: [06f6ce97-e2c5-4ab8-7ba5-7654dd08d52b]\n  verbs: [impersonate]\n"),
        binding("limited", "ClusterRole limited-impersonator", &["User liv"]),
        // Impersonation is not of a namespace: a RoleBinding gives it nowhere but for its service accounts.
        role("impersonator", "- apiGroups: ['']\n  resources: [users, groups, serviceaccounts]\n  verbs: [impersonate]\n"),
        binding("shop/impersonator", "ClusterRole impersonator", &["User ira"]),
        // certificate-signing-requests/#authorization
        role("csr-approver", "- apiGroups: [certificates.k8s.io]\n  resources: [certificatesigningrequests]\n  verbs: [get, list, watch]\n- apiGroups: [certificates.k8s.io]\n  resources: [certificatesigningrequests/approval]\n  verbs: [update]\n- apiGroups: [certificates.k8s.io]\n  resources: [signers]\n  resourceNames: [example.com/my-signer-name]\n  verbs: [approve]\n"),
        binding("csr-approver", "ClusterRole csr-approver", &["User april"]),
        role("csr-signer", "- apiGroups: [certificates.k8s.io]\n  resources: [certificatesigningrequests/status]\n  verbs: [update]\n- apiGroups: [certificates.k8s.io]\n  resources: [signers]\n  resourceNames: ['example.com/*']\n  verbs: [sign]\n"),
        binding("csr-signer", "ClusterRole csr-signer", &["User sign"]),
        // The one that is made by the API server takes nothing from the group that may do everything.
        object("ClusterRole", "cluster-admin", "  annotations: {rbac.authorization.kubernetes.io/autoupdate: 'false'}\nrules: []\n"),
    ]
    .concat()
}

/// Whether somebody may, in a namespace or the cluster, with groups of the authenticator.
type Row<'r> = (&'r str, &'r str, &'r str, &'r [&'r str], bool);

#[test]
fn decisions_are_those_of_the_pages() {
    const YES: bool = true;
    const NO: bool = false;
    let rbac = Rbac::new(&objects(&cluster()));
    let of_deployments =
        ["get", "list", "watch", "create", "update", "patch", "delete"].map(|verb| format!("{verb} deployments.apps"));
    let deployments = of_deployments.iter().flat_map(|what| -> [Row<'_>; 3] {
        [
            ("alice@example.com", what, "shop", &[], YES),
            ("1001", what, "shop", &[], YES),
            ("alice@example.com", what, "acme", &[], NO),
        ]
    });
    let table: &[Row<'_>] = &[
        ("rae", "get pods readablepod", "shop", &[], YES),
        ("rae", "get pods anotherpod", "shop", &[], YES),
        ("rae", "get pods thirdpod", "shop", &[], NO),
        ("rae", "list pods", "shop", &[], NO),
        ("rae", "deletecollection pods", "shop", &[], NO),
        ("rex", "watch replicasets.apps", "shop", &[], YES),
        ("rex", "get replicasets.extensions", "shop", &[], NO),
        ("rex", "get replicasets.apps/status", "shop", &[], NO),
        ("sam", "get pods/status web", "shop", &[], YES),
        ("sam", "list pods", "shop", &[], YES),
        ("sam", "update pods/status web", "shop", &[], NO),
        ("sa:shop:component", "update leases my-component", "shop", &[], YES),
        (
            "sa:shop:component",
            "watch leases.coordination.k8s.io my-component",
            "shop",
            &[],
            YES,
        ),
        ("sa:shop:component", "watch leases.coordination.k8s.io", "shop", &[], NO),
        ("sa:shop:component", "create leases", "shop", &[], NO),
        ("lea", "get /logs/kubelet.log", "", &[], YES),
        ("lea", "get /logs/", "", &[], YES),
        ("lea", "get /logs", "", &[], NO),
        ("lea", "head /logs/kubelet.log", "", &[], NO),
        ("bob", "create roles", "acme", &[], YES),
        ("bob", "delete secrets", "acme", &[], YES),
        ("bob", "create pods", "shop", &[], NO),
        ("sa:acme:myapp", "list pods", "acme", &[], YES),
        ("sa:acme:myapp", "list pods", "shop", &[], NO),
        ("sa:myappnamespace:myapp", "list pods", "acme", &[], YES),
        ("sa:myappnamespace:myapp", "list pods", "myappnamespace", &[], NO),
        ("sa:wide:myapp", "list pods", "", &[], YES),
        ("sa:wide:myapp", "list pods", "acme", &[], YES),
        ("sa:wide:myapp", "list secrets", "acme", &[], NO),
        ("sa:wide:myapp", "list nodes", "", &[], NO),
        // The page: permissions for nobody outside of kube-system, beyond those of all who are authenticated.
        ("sa:acme:default", "get pods", "acme", &[], NO),
        ("sa:acme:default", "get /api", "", &[], YES),
        ("sa:my-namespace:my-sa", "get configmaps", "my-namespace", &[], YES),
        ("sa:my-namespace:default", "create pods", "my-namespace", &[], YES),
        ("sa:my-namespace:default", "create pods", "acme", &[], NO),
        ("sa:acme:default", "create pods", "my-namespace", &[], NO),
        ("anybody", "get /hello", "", &[], YES),
        ("system:anonymous", "get /hello", "", &[], YES),
        ("system:anonymous", "get /hello/world", "", &[], NO),
        ("mona", "list services", "", &[], YES),
        ("mona", "get secrets", "acme", &[], NO),
        // #write-access-for-endpoints, and what else the user-facing roles leave out.
        ("bob", "update endpoints", "acme", &[], NO),
        ("bob", "create endpointslices.discovery.k8s.io", "acme", &[], NO),
        ("bob", "get endpointslices.discovery.k8s.io", "acme", &[], YES),
        ("bob", "create resourcequotas", "acme", &[], NO),
        ("bob", "get resourcequotas", "acme", &[], YES),
        ("bob", "update namespaces acme", "acme", &[], NO),
        ("bob", "get namespaces acme", "acme", &[], YES),
        ("bob", "patch pods/status web", "acme", &[], NO),
        ("bob", "create customresourcedefinitions", "acme", &[], NO),
        ("sa:my-namespace:default", "get secrets", "my-namespace", &[], YES),
        ("sa:my-namespace:default", "get roles", "my-namespace", &[], NO),
        ("sa:my-namespace:default", "update endpoints", "my-namespace", &[], NO),
        ("sa:acme:myapp", "get secrets", "acme", &[], NO),
        ("sa:acme:myapp", "get rolebindings", "acme", &[], NO),
        // #other-component-roles and #discovery-roles
        ("sa:vault:vault", "create tokenreviews", "", &[], YES),
        ("sa:vault:vault", "create subjectaccessreviews", "", &[], YES),
        ("sa:vault:vault", "create localsubjectaccessreviews", "vault", &[], NO),
        ("sa:vault:vault", "get secrets", "vault", &[], NO),
        ("kubelet-client", "create nodes/proxy one", "", &[], YES),
        ("kubelet-client", "get nodes/metrics one", "", &[], YES),
        ("kubelet-client", "get nodes/configz one", "", &[], YES),
        ("kubelet-client", "delete nodes one", "", &[], NO),
        (
            "system:bootstrap:07401b",
            "create certificatesigningrequests",
            "",
            &["system:bootstrappers"],
            YES,
        ),
        (
            "system:bootstrap:07401b",
            "create certificatesigningrequests/nodeclient",
            "",
            &["system:bootstrappers"],
            YES,
        ),
        (
            "system:bootstrap:07401b",
            "create certificatesigningrequests/selfnodeclient",
            "",
            &["system:bootstrappers"],
            NO,
        ),
        (
            "system:node:one",
            "create certificatesigningrequests/selfnodeclient",
            "",
            &["system:nodes"],
            YES,
        ),
        ("sa:kube-system:detector", "patch nodes/status one", "", &[], YES),
        ("sa:kube-system:detector", "create events", "default", &[], YES),
        ("sa:storage:provisioner", "create persistentvolumes", "", &[], YES),
        (
            "sa:storage:provisioner",
            "delete persistentvolumeclaims",
            "shop",
            &[],
            NO,
        ),
        (
            "sa:storage:provisioner",
            "list storageclasses.storage.k8s.io",
            "",
            &[],
            YES,
        ),
        ("prometheus", "get /metrics", "", &["system:monitoring"], YES),
        ("prometheus", "get /livez/etcd", "", &["system:monitoring"], YES),
        ("prometheus", "get /readyz", "", &["system:monitoring"], YES),
        ("prometheus", "get /metrics", "", &[], NO),
        ("prometheus", "get /livez/etcd", "", &[], NO),
        ("anybody", "get /livez", "", &[], YES),
        ("anybody", "create selfsubjectrulesreviews", "", &[], YES),
        ("system:anonymous", "create selfsubjectaccessreviews", "", &[], NO),
        ("system:anonymous", "get /healthz", "", &[], YES),
        ("system:anonymous", "get /openapi/v2", "", &[], NO),
        ("anybody", "get /openapi/v2", "", &[], YES),
        // Impersonation.
        (
            "scott",
            "impersonate userextras.authentication.k8s.io/scopes anything",
            "",
            &[],
            YES,
        ),
        ("scott", "impersonate uids.authentication.k8s.io 1", "", &[], YES),
        ("scott", "impersonate users jane", "", &[], NO),
        ("liv", "impersonate groups admins", "", &[], YES),
        ("liv", "impersonate groups system:masters", "", &[], NO),
        (
            "liv",
            "impersonate uids.authentication.k8s.io 06f6ce97-e2c5-4ab8-7ba5-7654dd08d52b",
            "",
            &[],
            YES,
        ),
        ("liv", "impersonate uids.authentication.k8s.io other", "", &[], NO),
        ("ira", "impersonate users jane", "", &[], NO),
        ("ira", "impersonate groups developers", "", &[], NO),
        ("ira", "impersonate serviceaccounts component", "shop", &[], YES),
        ("ira", "impersonate serviceaccounts component", "acme", &[], NO),
        // Requests for certificates.
        ("april", "update certificatesigningrequests/approval", "", &[], YES),
        (
            "april",
            "approve signers.certificates.k8s.io example.com/my-signer-name",
            "",
            &[],
            YES,
        ),
        (
            "april",
            "approve signers.certificates.k8s.io example.com/other",
            "",
            &[],
            NO,
        ),
        (
            "april",
            "sign signers.certificates.k8s.io example.com/my-signer-name",
            "",
            &[],
            NO,
        ),
        ("april", "update certificatesigningrequests/status", "", &[], NO),
        (
            "sign",
            "sign signers.certificates.k8s.io example.com/my-signer-name",
            "",
            &[],
            YES,
        ),
        (
            "sign",
            "sign signers.certificates.k8s.io example.org/my-signer-name",
            "",
            &[],
            NO,
        ),
        ("sign", "update certificatesigningrequests/status", "", &[], YES),
        // rbac-good-practices: what no object can take away, and what can be taken away.
        ("oscar", "get secrets", "acme", &["system:masters"], YES),
        ("root", "get secrets", "acme", &[], NO),
        ("sa:kube-system:default", "get secrets", "acme", &[], NO),
    ];
    let mut wrong = Vec::new();
    let rows: Vec<Row<'_>> = table.iter().copied().chain(deployments).collect();
    assert!(rows.len() >= 125, "{}", rows.len());
    for (who, what, namespace, groups, expected) in rows {
        let action = Action::parse(what, Some(namespace).filter(|namespace| !namespace.is_empty())).unwrap();
        let groups: Vec<String> = groups.iter().map(|group| (*group).to_owned()).collect();
        let answer = rbac.decide(&subject(who), &groups, &action);
        if !matches!(answer, Answer::Missed(_)) != expected {
            wrong.push(format!("{who} {action}: {answer:?}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
