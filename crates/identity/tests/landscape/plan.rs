//! The plan is enough, and it is the least: after it nothing is missing, and without any one grant something is.

use std::fmt::Write as _;

use identity::{
    Binding, CustomRole, CustomRoles, Landscape, NeedVerdict, NewGrant, Plan, Policy, Reasoner, ResourceName, RunsAs,
    State, Tree,
};
use proptest::prelude::*;
use yaml::Mark;

use crate::{place, tree};

/// What a random workload names.
#[derive(Clone, Debug)]
struct Workload {
    account: u8,
    is_linked: bool,
    reads: Vec<u8>,
    writes: Vec<u8>,
    secret: Option<u8>,
    is_job: bool,
}

fn workload() -> impl Strategy<Value = Workload> {
    let some = || prop::collection::vec(0..4_u8, 0..3);
    (
        0..4_u8,
        any::<bool>(),
        some(),
        some(),
        prop::option::of(0..3_u8),
        any::<bool>(),
    )
        .prop_map(|(account, is_linked, reads, writes, secret, is_job)| Workload {
            account,
            is_linked,
            reads,
            writes,
            secret,
            is_job,
        })
}

fn objects(workloads: &[Workload]) -> String {
    let mut text = String::new();
    for (at, it) in workloads.iter().enumerate() {
        let account = it.account;
        if it.is_job {
            let _ = write!(
                text,
                "---\napiVersion: vertex.terrace.dev/v1alpha1\nkind: CustomJob\nmetadata: {{name: w{at}}}\nspec:\n  template:\n    \
                 jobSpec:\n      serviceAccount: a{account}@acme.iam.gserviceaccount.com\n      workerPoolSpecs:\n      - containerSpec:\n"
            );
        } else {
            let _ = write!(
                text,
                "---\napiVersion: v1\nkind: Pod\nmetadata: {{name: w{at}}}\nspec:\n  serviceAccountName: k{at}\n  containers:\n  - name: c\n"
            );
        }
        let indent = if it.is_job { "          " } else { "    " };
        let mut arguments: Vec<String> = it
            .reads
            .iter()
            .map(|bucket| format!("--in=gs://b{bucket}/x.csv"))
            .collect();
        arguments.extend(it.writes.iter().map(|bucket| format!("--out=gs://b{bucket}/y")));
        arguments.extend(
            it.secret
                .map(|secret| format!("--key=projects/acme/secrets/s{secret}/versions/1")),
        );
        let _ = writeln!(text, "{indent}args: [{}]", arguments.join(", "));
        if !it.is_job {
            let annotations = if it.is_linked {
                format!("{{iam.gke.io/gcp-service-account: a{account}@acme.iam.gserviceaccount.com}}")
            } else {
                "{}".to_owned()
            };
            let _ = writeln!(
                text,
                "---\napiVersion: v1\nkind: ServiceAccount\nmetadata: {{name: k{at}, annotations: {annotations}}}"
            );
        }
    }
    text
}

/// What is granted already: some roles for some accounts.
fn granted(grants: &[(u8, u8, u8)]) -> State {
    let mut state = State::default();
    state.whole_projects.insert(ResourceName::project("acme"));
    state.project_numbers.insert("17".to_owned(), "acme".to_owned());
    for (account, role, bucket) in grants {
        let role = [
            "roles/storage.objectViewer",
            "roles/storage.objectUser",
            "roles/aiplatform.user",
        ][usize::from(*role)];
        let on = match role {
            "roles/aiplatform.user" => ResourceName::project("acme"),
            _ => ResourceName::bucket(&format!("b{bucket}")),
        };
        let member = format!("serviceAccount:a{account}@acme.iam.gserviceaccount.com");
        state.policies.push((on, policy(role, &member)));
    }
    state
}

fn policy(role: &str, member: &str) -> Policy {
    let Ok(member) = member.parse();
    Policy {
        bindings: vec![Binding {
            role: role.to_owned(),
            members: vec![member],
            condition: None,
            mark: Mark::NONE,
        }],
    }
}

fn with<'g>(state: &State, roles: &[CustomRole], grants: impl Iterator<Item = &'g NewGrant>) -> State {
    let mut state = state.clone();
    for role in roles {
        state
            .custom_roles
            .insert(role.name(), role.permissions.iter().cloned().collect());
    }
    for grant in grants {
        state
            .policies
            .push((grant.on.clone(), policy(&grant.role, grant.member_in_policy())));
    }
    state
}

/// Needs and links that are not held.
fn missing(trees: &[Tree], state: &State) -> usize {
    let reasoner = Reasoner::new(state);
    let landscape = Landscape::new(trees, &reasoner, None);
    let is_open = |verdict: Option<NeedVerdict>| !matches!(verdict, Some(NeedVerdict::Held(_)));
    let needs = trees[0]
        .needs
        .iter()
        .filter(|need| is_open(landscape.verdict(0, need).map(|(_, verdict)| verdict)))
        .count();
    let links = trees[0].accounts.iter().filter(|account| {
        let runs_as = RunsAs::Kubernetes {
            namespace: account.namespace.clone(),
            name: account.name.clone(),
        };
        let kubernetes = landscape.identity(0, &runs_as).kubernetes.unwrap();
        let email = account.google.as_ref().map(|(email, _)| email);
        email.is_some_and(|email| is_open(Some(landscape.link(&kubernetes, &[], email))))
    });
    needs + links.count()
}

fn plan(trees: &[Tree], state: &State, custom_roles: CustomRoles) -> Plan {
    let reasoner = Reasoner::new(state);
    Landscape::new(trees, &reasoner, None).plan(custom_roles)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, ..ProptestConfig::default() })]

    #[test]
    fn a_plan_is_enough_and_the_least(
        workloads in prop::collection::vec(workload(), 1..6),
        grants in prop::collection::vec((0..4_u8, 0..3_u8, 0..4_u8), 0..6),
        launches in any::<bool>(),
        is_custom in any::<bool>(),
    ) {
        let mut place = place();
        place.launcher = launches.then(|| RunsAs::Kubernetes { namespace: "ml".to_owned(), name: "launcher".to_owned() });
        let mut trees = [tree(&objects(&workloads), &place)];
        trees[0].needs.retain(|need| !matches!(&need.subject, RunsAs::Google(member) if member.short().contains("gcp-sa-")));
        let mut state = granted(&grants);
        state.assume_buckets(&trees);
        let custom_roles = if is_custom { CustomRoles::WhereBroad } else { CustomRoles::Never };
        let plan = plan(&trees, &state, custom_roles);
        prop_assert!(plan.unmet.is_empty(), "{:?}", plan.unmet);

        let all = with(&state, &plan.custom_roles, plan.grants.iter().map(|planned| &planned.grant));
        prop_assert_eq!(missing(&trees, &all), 0);

        for without in 0..plan.grants.len() {
            let others = plan.grants.iter().enumerate().filter(|(at, _)| *at != without);
            let fewer = with(&state, &plan.custom_roles, others.map(|(_, planned)| &planned.grant));
            prop_assert!(missing(&trees, &fewer) > 0, "not needed: {:?}", plan.grants[without].grant);
        }
        // The plan after the plan is empty.
        prop_assert_eq!(self::plan(&trees, &all, custom_roles).grants.len(), 0);
    }
}

#[test]
fn a_broad_role_is_replaced_by_a_custom_one() {
    let mut place = place();
    place.launcher = Some(RunsAs::Kubernetes {
        namespace: "ml".to_owned(),
        name: "launcher".to_owned(),
    });
    let job = "apiVersion: vertex.terrace.dev/v1alpha1\nkind: PipelineJob\nmetadata: {name: p}\nspec: {template: {}}\n";
    let trees = [tree(job, &place)];
    let state = granted(&[]);
    let roles = |custom_roles| {
        let plan = plan(&trees, &state, custom_roles);
        plan.grants
            .iter()
            .map(|planned| planned.grant.role.clone())
            .collect::<Vec<_>>()
    };
    assert_eq!(
        roles(CustomRoles::Never),
        ["roles/aiplatform.user", "roles/logging.viewer"]
    );
    let custom = plan(&trees, &state, CustomRoles::WhereBroad).custom_roles;
    let permissions = ["cancel", "create", "get"].map(|verb| format!("aiplatform.pipelineJobs.{verb}"));
    assert_eq!(custom[0].permissions[..3], permissions);
    assert_eq!(roles(CustomRoles::WhereBroad), [custom[0].name()]);
}
