//! The cloud and `identity` agree: platforms that are made at random are asked the same, over HTTP and by a reasoner over facts
//! that were read from the documents of gcloud.

use emulator::Iam;
use identity::{Access, Decision, Exchange, Member, Reasoner, ResourceName, State, Timestamp};
use proptest::prelude::*;
use proptest::sample::{Index, select};
use proptest::strategy::ValueTree;
use proptest::test_runner::TestRunner;
use serde_json::{Value as Json, json};

use crate::cloud::Cloud;
use crate::enforcement::federation::{Signer, exchange};

const ADMIN: &str = "user:admin@acme.com";
const PROJECTS: [(&str, &str); 3] = [("acme-dev", "17"), ("lab", "18"), ("shop", "20")];
const BUCKETS: [&str; 3] = ["models", "lab-data", "shop-data"];
const ACCOUNTS: [&str; 4] = ["first-one", "second-one", "third-one", "fourth-one"];
const PEOPLE: [&str; 5] = [
    "user:ann@acme.com",
    "user:bob@acme.com",
    "user:cleo@other.com",
    "serviceAccount:robot@lab.iam.gserviceaccount.com",
    "serviceAccount:17-compute@developer.gserviceaccount.com",
];
const POOL: &str = "iam.googleapis.com/projects/17/locations/global/workloadIdentityPools/builds";
const PERMISSIONS: [&str; 18] = [
    "storage.objects.get",
    "storage.objects.list",
    "storage.objects.create",
    "storage.objects.delete",
    "storage.buckets.get",
    "storage.buckets.delete",
    "storage.buckets.setIamPolicy",
    "aiplatform.customJobs.list",
    "aiplatform.customJobs.create",
    "aiplatform.endpoints.predict",
    "aiplatform.models.delete",
    "iam.serviceAccounts.actAs",
    "iam.serviceAccounts.getAccessToken",
    "iam.serviceAccounts.implicitDelegation",
    "iam.serviceAccounts.list",
    "logging.logEntries.list",
    "logging.logEntries.create",
    "resourcemanager.projects.getIamPolicy",
];
const ROLES: [&str; 16] = [
    "roles/storage.objectViewer",
    "roles/storage.objectCreator",
    "roles/storage.objectAdmin",
    "roles/storage.admin",
    "roles/storage.legacyBucketReader",
    "roles/aiplatform.viewer",
    "roles/aiplatform.user",
    "roles/aiplatform.admin",
    "roles/iam.serviceAccountUser",
    "roles/iam.serviceAccountTokenCreator",
    "roles/iam.workloadIdentityUser",
    "roles/logging.viewer",
    "roles/logging.logWriter",
    "roles/editor",
    "projects/acme-dev/roles/mixed",
    "organizations/1/roles/gone",
];
const CONDITIONS: [&str; 12] = [
    "resource.name.startsWith('projects/_/buckets/models/objects/iris/')",
    "resource.name == 'projects/_/buckets/lab-data'",
    "!resource.name.endsWith('secret')",
    "resource.type == 'storage.googleapis.com/Object'",
    "resource.type == 'storage.googleapis.com/Bucket' || resource.name.contains('iris')",
    "resource.service == 'storage.googleapis.com'",
    "request.time < timestamp('2020-01-01T00:00:00Z')",
    "request.time < timestamp('2099-01-01T00:00:00Z')",
    "request.time.getFullYear('UTC') > 2000 && resource.name.contains('models')",
    "resource.name.extract('objects/{folder}/') == 'iris'",
    "resource.matchTag('1/env', 'prod')",
    "api.getAttribute('storage.googleapis.com/objectListPrefix', '').startsWith('a')",
];
const DENIED: [&str; 7] = [
    "storage.googleapis.com/objects.get",
    "storage.googleapis.com/objects.*",
    "storage.googleapis.com/*.delete",
    "aiplatform.googleapis.com/*.*",
    "aiplatform.googleapis.com/endpoints.predict",
    "iam.googleapis.com/serviceAccounts.getAccessToken",
    "logging.googleapis.com/*.list",
];
const MAPPINGS: [&str; 4] = [
    "assertion.repository",
    "assertion.ref == 'main' ? 'prod' : 'dev'",
    "assertion.repository.extract('acme/{name}')",
    "'always'",
];
const TOKEN_CONDITIONS: [&str; 5] = [
    "",
    "assertion.owner == 'acme'",
    "attribute.team == 'prod' || google.subject.startsWith('repo:')",
    "'admins' in google.groups",
    "assertion.ref in ['main', 'dev'] && attribute.team != 'x'",
];

/// Something of a platform: numbers that choose from what there is.
#[derive(Clone, Debug)]
struct Grant {
    on: Index,
    role: &'static str,
    members: Vec<Index>,
    condition: Option<&'static str>,
}

#[derive(Clone, Debug)]
struct Denial {
    on: Index,
    denied: Vec<Index>,
    except: Vec<Index>,
    permissions: Vec<&'static str>,
    spared: Vec<&'static str>,
}

#[derive(Clone, Debug)]
struct Platform {
    /// The folder of each project; none is the organization.
    folders: Vec<Option<usize>>,
    /// The project of each bucket.
    homes: Vec<usize>,
    grants: Vec<Grant>,
    denials: Vec<Denial>,
    /// Who of the accounts is disabled.
    disabled: Vec<bool>,
    groups: Vec<Vec<Index>>,
    mapping: &'static str,
    token_condition: &'static str,
    /// Which policies are set over HTTP; the others are given at the start.
    is_set: Vec<bool>,
}

fn platform() -> impl Strategy<Value = Platform> {
    let index = any::<Index>;
    let grant = (
        index(),
        select(&ROLES[..]),
        prop::collection::vec(index(), 1..4),
        prop::option::weighted(0.4, select(&CONDITIONS[..])),
    );
    let grant = grant.prop_map(|(on, role, members, condition)| Grant {
        on,
        role,
        members,
        condition,
    });
    let denial = (
        index(),
        prop::collection::vec(index(), 1..3),
        prop::collection::vec(index(), 0..2),
        prop::collection::vec(select(&DENIED[..]), 1..3),
        prop::collection::vec(select(&DENIED[..]), 0..2),
    );
    let denial = denial.prop_map(|(on, denied, except, permissions, spared)| Denial {
        on,
        denied,
        except,
        permissions,
        spared,
    });
    (
        prop::collection::vec(prop::option::of(0..2_usize), 3),
        prop::collection::vec(0..3_usize, 3),
        prop::collection::vec(grant, 8..30),
        prop::collection::vec(denial, 0..5),
        prop::collection::vec(any::<bool>(), 4),
        prop::collection::vec(prop::collection::vec(index(), 1..4), 2),
        select(&MAPPINGS[..]),
        select(&TOKEN_CONDITIONS[..]),
        prop::collection::vec(any::<bool>(), 16),
    )
        .prop_map(
            |(folders, homes, grants, denials, disabled, groups, mapping, token_condition, is_set)| Platform {
                folders,
                homes,
                grants,
                denials,
                disabled: disabled.iter().zip(0..).map(|(off, at)| *off && at > 1).collect(),
                groups,
                mapping,
                token_condition,
                is_set,
            },
        )
}

fn account(name: &str) -> String {
    format!("{name}@acme-dev.iam.gserviceaccount.com")
}

/// What takes policies, as `ResourceName` reads it.
fn resources() -> Vec<String> {
    let above = ["organizations/1", "folders/3", "folders/4"].map(str::to_owned);
    let projects = PROJECTS.iter().map(|(id, _)| format!("projects/{id}"));
    let buckets = BUCKETS.iter().map(|name| format!("gs://{name}"));
    let accounts = ACCOUNTS.iter().map(|name| account(name));
    above
        .into_iter()
        .chain(projects)
        .chain(buckets)
        .chain(accounts)
        .collect()
}

/// Whom grants are for.
fn members() -> Vec<String> {
    let mut members: Vec<String> = PEOPLE.iter().map(|name| (*name).to_owned()).collect();
    members.extend(ACCOUNTS.iter().map(|name| format!("serviceAccount:{}", account(name))));
    members.extend(
        [
            "allUsers",
            "allAuthenticatedUsers",
            "domain:acme.com",
            "group:readers@acme.com",
            "group:admins@acme.com",
            "principalSet://cloudresourcemanager.googleapis.com/projects/17/type/ServiceAccount",
            "principalSet://cloudresourcemanager.googleapis.com/folders/3/type/ServiceAccount",
            "deleted:user:ann@acme.com?uid=1",
        ]
        .map(str::to_owned),
    );
    for set in ["subject/repo:acme/iris", "subject/user:x"] {
        members.push(format!("principal://{POOL}/{set}"));
    }
    for set in [
        "*",
        "group/admins",
        "attribute.team/prod",
        "attribute.team/acme/iris",
        "attribute.team/iris",
        "attribute.team/always",
    ] {
        members.push(format!("principalSet://{POOL}/{set}"));
    }
    members
}

/// The claims of those who sign in.
fn claims() -> Vec<Json> {
    vec![
        json!({"sub": "repo:acme/iris", "repository": "acme/iris", "owner": "acme", "ref": "main"}),
        json!({"sub": "repo:acme/iris", "repository": "acme/other", "owner": "evil", "ref": "dev", "groups": ["admins"]}),
        json!({"sub": "user:x", "repository": "iris", "ref": "other", "groups": ["others", "admins"], "owner": "acme"}),
    ]
}

impl Platform {
    fn provider(&self) -> Json {
        let mut provider = json!({
            "attributeMapping": {
                "google.subject": "assertion.sub",
                "attribute.team": self.mapping,
                "google.groups": "assertion.groups",
            },
            "oidc": {"issuerUri": "https://ci.acme.com"},
        });
        if !self.token_condition.is_empty() {
            provider["attributeCondition"] = self.token_condition.into();
        }
        provider
    }

    /// The policy of each resource.
    fn policies(&self) -> Vec<(String, Json)> {
        let (resources, members) = (resources(), members());
        let mut policies: Vec<(String, Vec<Json>)> = resources.into_iter().map(|name| (name, Vec::new())).collect();
        for grant in &self.grants {
            let at = grant.on.index(policies.len());
            let named: Vec<&String> = grant.members.iter().map(|member| member.get(&members)).collect();
            let mut binding = json!({"role": grant.role, "members": named});
            if let Some(condition) = grant.condition {
                binding["condition"] = json!({"title": "c", "expression": condition});
            }
            policies[at].1.push(binding);
        }
        // Who sets everything up may do so, whatever is set.
        let roles = [
            "storage.admin",
            "iam.serviceAccountAdmin",
            "iam.workloadIdentityPoolAdmin",
            "resourcemanager.projectIamAdmin",
        ];
        policies[0]
            .1
            .extend(roles.map(|role| json!({"role": format!("roles/{role}"), "members": [ADMIN]})));
        let policy = |bindings: Vec<Json>| json!({"version": 3, "bindings": bindings});
        policies
            .into_iter()
            .map(|(name, bindings)| (name, policy(bindings)))
            .collect()
    }

    /// Whether the policy of a resource is set over HTTP: those of folders and organizations cannot be.
    fn is_set(&self, at: usize) -> bool {
        at >= 3 && self.is_set[at]
    }

    /// What is known without the policies, and with those that some say yes to.
    fn state(&self, takes: impl Fn(usize) -> bool) -> State {
        let mut state = State::default();
        let read = |state: &mut State, document: Json, on: Option<&ResourceName>| {
            let source = yaml::Sources::new().add("platform.json", document.to_string());
            state.read(&source, on).unwrap();
        };
        let name = |text: &str| ResourceName::parse(text).unwrap();
        for folder in ["folders/3", "folders/4"] {
            state.parents.push((name(folder), name("organizations/1")));
        }
        for ((id, number), folder) in PROJECTS.iter().zip(&self.folders) {
            let above = folder.map_or("organizations/1", |at| ["folders/3", "folders/4"][at]);
            state.parents.push((ResourceName::project(id), name(above)));
            state.project_numbers.insert((*number).to_owned(), (*id).to_owned());
        }
        let members = members();
        let of = |list: &[Index]| -> Vec<&String> { list.iter().map(|member| member.get(&members)).collect() };
        for (group, list) in ["readers@acme.com", "admins@acme.com"].iter().zip(&self.groups) {
            let list = of(list).iter().map(|member| member.parse().unwrap()).collect();
            state.groups.insert((*group).to_owned(), list);
        }
        let mixed = [
            "storage.objects.get",
            "aiplatform.customJobs.list",
            "iam.serviceAccounts.actAs",
        ];
        read(
            &mut state,
            json!({"name": "projects/acme-dev/roles/mixed", "includedPermissions": mixed}),
            None,
        );
        for denial in &self.denials {
            // Denials are on projects and above, and name people as denials do.
            let on = name(&resources()[denial.on.index(6)]);
            let principals =
                |list: &[Index]| -> Vec<String> { of(list).into_iter().map(|member| principal(member)).collect() };
            let mut except = principals(&denial.except);
            except.push(principal(ADMIN));
            let rule = json!({
                "deniedPrincipals": principals(&denial.denied),
                "exceptionPrincipals": except,
                "deniedPermissions": denial.permissions,
                "exceptionPermissions": denial.spared,
            });
            read(&mut state, json!({"rules": [{"denyRule": rule}]}), Some(&on));
        }
        for (at, (on, policy)) in self.policies().into_iter().enumerate() {
            if takes(at) {
                read(&mut state, policy, Some(&name(&on)));
            }
        }
        state
    }

    /// All facts, as files would have them.
    fn facts(&self) -> State {
        let mut state = self.state(|_| true);
        for (bucket, home) in BUCKETS.iter().zip(&self.homes) {
            let home = ResourceName::project(PROJECTS[*home].0);
            state.parents.push((ResourceName::bucket(bucket), home));
        }
        for (name, off) in ACCOUNTS.iter().zip(&self.disabled) {
            if *off {
                state.disabled_accounts.insert(account(name));
            }
        }
        let mut provider = self.provider();
        provider["name"] = format!("{}/providers/runner", POOL.trim_start_matches("iam.googleapis.com/")).into();
        let source = yaml::Sources::new().add("providers.json", json!([provider]).to_string());
        state.read(&source, None).unwrap();
        state
    }

    /// A cloud that is as the platform is, most of it made over HTTP.
    fn cloud(&self, signer: &Signer) -> Cloud {
        let tokens = PEOPLE.iter().copied().chain([ADMIN]).map(str::to_owned);
        let tokens = tokens.chain(ACCOUNTS.iter().map(|name| format!("serviceAccount:{}", account(name))));
        let tokens = tokens
            .map(|name| (name.clone(), name.parse::<Member>().unwrap()))
            .collect();
        let cloud = Cloud::with_tokens(Iam::Enforce, self.state(|at| !self.is_set(at)), tokens);
        let must = |method: &str, path: &str, body: Json| {
            let (code, answer) = cloud.call(method, path, Some(ADMIN), Some(body));
            assert_eq!(code, 200, "{path}: {answer}");
        };
        for (bucket, home) in BUCKETS.iter().zip(&self.homes) {
            must(
                "POST",
                &format!("/storage/v1/b?project={}", PROJECTS[*home].0),
                json!({"name": bucket}),
            );
            for object in ["iris/a", "secret"] {
                must(
                    "POST",
                    &format!("/upload/storage/v1/b/{bucket}/o?uploadType=media&name={object}"),
                    json!({}),
                );
            }
        }
        for name in ACCOUNTS {
            must(
                "POST",
                "/v1/projects/acme-dev/serviceAccounts",
                json!({"accountId": name}),
            );
        }
        let pools = "/v1/projects/17/locations/global/workloadIdentityPools";
        must("POST", &format!("{pools}?workloadIdentityPoolId=builds"), json!({}));
        let mut provider = self.provider();
        provider["oidc"]["jwksJson"] = serde_json::from_str(&signer.keys()).unwrap();
        must(
            "POST",
            &format!("{pools}/builds/providers?workloadIdentityPoolProviderId=runner"),
            provider,
        );
        for (at, (on, policy)) in self.policies().into_iter().enumerate() {
            if !self.is_set(at) {
                continue;
            }
            match on.strip_prefix("gs://") {
                Some(bucket) => must("PUT", &format!("/storage/v1/b/{bucket}/iam"), policy),
                None if on.contains('@') => must(
                    "POST",
                    &format!("/v1/projects/-/serviceAccounts/{on}:setIamPolicy"),
                    json!({"policy": policy}),
                ),
                None => must("POST", &format!("/v1/{on}:setIamPolicy"), json!({"policy": policy})),
            }
        }
        for (name, off) in ACCOUNTS.iter().zip(&self.disabled) {
            if *off {
                must(
                    "POST",
                    &format!("/v1/projects/acme-dev/serviceAccounts/{}:disable", account(name)),
                    json!({}),
                );
            }
        }
        cloud
    }
}

/// A member as denials name it.
fn principal(member: &str) -> String {
    match member.split_once(':') {
        None if member == "allUsers" => "principalSet://goog/public:all".to_owned(),
        Some(("user", email)) => format!("principal://goog/subject/{email}"),
        Some(("group", email)) => format!("principalSet://goog/group/{email}"),
        Some(("serviceAccount", email)) => format!("principal://iam.googleapis.com/projects/-/serviceAccounts/{email}"),
        _ => member.to_owned(),
    }
}

/// Somebody who asks: a token, who that is, and what is said of them.
struct Subject {
    token: Option<String>,
    member: Member,
    attributes: Vec<(String, String)>,
}

struct Questions<'q> {
    cloud: &'q Cloud,
    reasoner: Reasoner<'q>,
    count: usize,
    granted: usize,
}

impl Questions<'_> {
    fn decide(&self, subject: &Subject, permission: &str, resource: &ResourceName) -> bool {
        let decision = self.reasoner.decide(&Access {
            subject: &subject.member,
            attributes: &subject.attributes,
            permission,
            resource,
            time: Timestamp::parse("2026-11-22T12:00:00Z"),
        });
        matches!(decision, Decision::Granted(_))
    }

    fn note(&mut self, is_granted: bool, expected: bool, what: &dyn Fn() -> String) {
        assert_eq!(is_granted, expected, "the cloud says {is_granted} to {}", what());
        self.count += 1;
        self.granted += usize::from(is_granted);
    }

    /// All permissions on all that can be asked so.
    fn test_permissions(&mut self, subject: &Subject) {
        for on in resources().iter().skip(3) {
            let resource = ResourceName::parse(on).unwrap();
            let token = subject.token.as_deref();
            // Only Cloud Storage answers those without a token.
            if token.is_none() && !on.starts_with("gs://") {
                continue;
            }
            let (code, answer) = match on.strip_prefix("gs://") {
                Some(bucket) => {
                    let query: Vec<String> = PERMISSIONS.iter().map(|name| format!("permissions={name}")).collect();
                    let path = format!("/storage/v1/b/{bucket}/iam/testPermissions?{}", query.join("&"));
                    self.cloud.call("GET", &path, token, None)
                }
                None => {
                    let path = if on.contains('@') {
                        format!("/v1/projects/-/serviceAccounts/{on}")
                    } else {
                        format!("/v3/{on}")
                    };
                    let body = json!({"permissions": PERMISSIONS});
                    self.cloud
                        .call("POST", &format!("{path}:testIamPermissions"), token, Some(body))
                }
            };
            assert_eq!(code, 200, "{on}: {answer}");
            let held = answer["permissions"].as_array().cloned().unwrap_or_default();
            for permission in PERMISSIONS {
                let expected = self.decide(subject, permission, &resource);
                let what = || format!("{} about {permission} on {on}", subject.member);
                self.note(held.contains(&json!(permission)), expected, &what);
            }
        }
    }

    /// Methods themselves, where who may call them is told apart from what comes of it.
    fn call_methods(&mut self, subject: &Subject) {
        let token = subject.token.as_deref();
        let mut calls: Vec<(String, String, Option<Json>, &str, String)> = Vec::new();
        for bucket in BUCKETS {
            for object in ["iris/a", "secret"] {
                let path = format!("/storage/v1/b/{bucket}/o/{}", object.replace('/', "%2F"));
                let on = format!("gs://{bucket}/{object}");
                calls.push(("GET".to_owned(), path, None, "storage.objects.get", on));
            }
            let on = format!("gs://{bucket}");
            calls.push((
                "GET".to_owned(),
                format!("/storage/v1/b/{bucket}/o"),
                None,
                "storage.objects.list",
                on.clone(),
            ));
            calls.push((
                "GET".to_owned(),
                format!("/storage/v1/b/{bucket}"),
                None,
                "storage.buckets.get",
                on,
            ));
        }
        for (project, _) in PROJECTS {
            let place = format!("projects/{project}/locations/europe-west4");
            let on = |path: &str| format!("//aiplatform.googleapis.com/{path}");
            calls.push((
                "GET".to_owned(),
                format!("/v1/{place}/customJobs"),
                None,
                "aiplatform.customJobs.list",
                on(&place),
            ));
            calls.push((
                "DELETE".to_owned(),
                format!("/v1/{place}/models/7"),
                None,
                "aiplatform.models.delete",
                on(&format!("{place}/models/7")),
            ));
            let body = json!({"instances": []});
            calls.push((
                "POST".to_owned(),
                format!("/v1/{place}/endpoints/7:predict"),
                Some(body),
                "aiplatform.endpoints.predict",
                on(&format!("{place}/endpoints/7")),
            ));
            let body = json!({"resourceNames": [format!("projects/{project}")]});
            calls.push((
                "POST".to_owned(),
                "/v2/entries:list".to_owned(),
                Some(body),
                "logging.logEntries.list",
                format!("projects/{project}"),
            ));
            calls.push((
                "GET".to_owned(),
                format!("/v1/projects/{project}/serviceAccounts"),
                None,
                "iam.serviceAccounts.list",
                format!("projects/{project}"),
            ));
        }
        for (method, path, body, permission, on) in calls {
            let is_anonymous = token.is_none() && !path.starts_with("/storage");
            let expected = !is_anonymous && self.decide(subject, permission, &ResourceName::parse(&on).unwrap());
            let (code, answer) = self.cloud.call(&method, &path, token, body);
            let what = || format!("{} about {method} {path}: {answer}", subject.member);
            self.note(!matches!(code, 401 | 403), expected, &what);
        }
    }

    /// Chains of accounts.
    fn act_as(&mut self, subject: &Subject, disabled: &[bool]) {
        for chain in [&[0][..], &[1], &[2], &[0, 1], &[1, 0], &[0, 1, 3]] {
            let names: Vec<String> = chain.iter().map(|at| account(ACCOUNTS[*at])).collect();
            let (last, delegates) = names.split_last().unwrap();
            let mut expected = subject.token.is_some();
            let mut who = (subject.member.clone(), subject.attributes.clone());
            for (name, at) in names.iter().zip(chain) {
                let permission = match name == last {
                    true => "iam.serviceAccounts.getAccessToken",
                    false => "iam.serviceAccounts.implicitDelegation",
                };
                let asks = Subject {
                    token: None,
                    member: who.0,
                    attributes: who.1,
                };
                expected &= !disabled[*at] && self.decide(&asks, permission, &ResourceName::service_account(name));
                who = (Member::ServiceAccount(name.clone()), Vec::new());
            }
            let body = json!({"scope": ["https://www.googleapis.com/auth/cloud-platform"], "delegates": delegates});
            let path = format!("/v1/projects/-/serviceAccounts/{last}:generateAccessToken");
            let (code, answer) = self.cloud.call("POST", &path, subject.token.as_deref(), Some(body));
            let what = || format!("{} about a token of {}: {answer}", subject.member, names.join(" > "));
            self.note(code == 200, expected, &what);
        }
    }
}

/// Asks a platform everything; how much was asked, and how much was granted.
fn run(platform: &Platform) -> (usize, usize) {
    let signer = Signer::new();
    let cloud = platform.cloud(&signer);
    let facts = platform.facts();
    let known = |name: &str| Subject {
        token: Some(name.to_owned()),
        member: name.parse().unwrap(),
        attributes: Vec::new(),
    };
    let mut subjects: Vec<Subject> = PEOPLE.iter().map(|name| known(name)).collect();
    subjects.extend(
        ACCOUNTS
            .iter()
            .map(|name| known(&format!("serviceAccount:{}", account(name)))),
    );
    subjects.push(Subject {
        token: None,
        member: Member::AllUsers,
        attributes: Vec::new(),
    });
    let mut questions = Questions {
        cloud: &cloud,
        reasoner: Reasoner::new(&facts),
        count: 0,
        granted: 0,
    };
    let audience = format!("//{POOL}/providers/runner");
    for claims in claims() {
        let mut all = claims.clone();
        all["iss"] = "https://ci.acme.com".into();
        all["aud"] = format!("https:{audience}").into();
        let expected = facts.providers[0].exchange(&all, &facts);
        let (code, answer) = exchange(&cloud, &audience, &signer.sign(&all));
        let is_taken = matches!(expected, Exchange::Principal(_));
        questions.note(code == 200, is_taken, &|| {
            format!("{claims}, which is {expected:?}: {answer}")
        });
        if let Exchange::Principal(principal) = expected {
            subjects.push(Subject {
                token: Some(answer["access_token"].as_str().unwrap().to_owned()),
                member: principal.member,
                attributes: principal.attributes,
            });
        }
    }
    for subject in &subjects {
        questions.test_permissions(subject);
        questions.call_methods(subject);
        questions.act_as(subject, &platform.disabled);
    }
    (questions.count, questions.granted)
}

#[test]
fn the_cloud_decides_as_the_reasoner_does() {
    let platforms: usize = std::env::var("TERRACE_TEST_PLATFORMS").map_or(6, |count| count.parse().unwrap());
    let mut runner = TestRunner::deterministic();
    let (mut count, mut granted) = (0, 0);
    for _ in 0..platforms {
        let platform = platform().new_tree(&mut runner).unwrap().current();
        let (asked, yes) = run(&platform);
        count += asked;
        granted += yes;
    }
    println!("{platforms} platforms, {count} questions, {granted} granted");
    assert!(count > 2000 * platforms, "{count}");
    // Neither all nor nothing is granted.
    assert!(granted * 20 > count && granted < count, "{granted} of {count}");
}
