//! The client beside a server that behaves as Google documents it, also when it is busy, refuses or loses an answer.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod server;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use google::{
    Bucket, Change, Client, Credentials, Edit, Endpoints, ErrorKind, PolicyApi, Witness, block_on, live, roles,
};
use identity::{Access, CustomRole, Decision, Reasoner, ResourceName};
use serde_json::{Value, json};

use self::server::{Answer, Asked, serve};

fn client(url: &str) -> Client {
    let url = url.to_owned();
    let endpoints = Endpoints::from_environment(|_| Some(url.clone()));
    Client::new(Credentials::token("secret").unwrap(), endpoints).unwrap()
}

/// Notes what it is told, and may refuse.
#[derive(Default)]
struct Seen {
    told: Mutex<Vec<String>>,
    refuses: bool,
}

impl Witness for Seen {
    fn before(&self, change: &Change<'_>) -> Result<u64, google::Error> {
        if self.refuses {
            return Err(google::Error::unrecorded("the disk is full".to_owned()));
        }
        let Change {
            verb,
            resource,
            words,
            body,
        } = change;
        self.told
            .lock()
            .unwrap()
            .push(format!("{verb} {resource}: {} {body}", words.join(", ")));
        Ok(7)
    }

    fn after(&self, number: u64, answer: Result<&str, &google::Error>) -> Result<(), google::Error> {
        let answer = match answer {
            Ok(answer) => answer.to_owned(),
            Err(error) => format!("{} {}", error.status, error.answer.as_deref().unwrap_or("nothing")),
        };
        self.told.lock().unwrap().push(format!("{number}: {answer}"));
        Ok(())
    }
}

fn ok(value: &Value) -> Answer {
    Answer::Json(200, value.to_string())
}

fn refusal(status: u16, message: &str) -> Answer {
    Answer::Json(
        status,
        json!({"error": {"code": status, "message": message}}).to_string(),
    )
}

/// A policy with an etag, as Google keeps one.
struct Kept {
    bindings: Value,
    version: usize,
}

impl Kept {
    fn new(bindings: Value) -> Mutex<Kept> {
        Mutex::new(Kept { bindings, version: 1 })
    }

    fn get(&self) -> Answer {
        ok(&json!({"version": 1, "etag": format!("e{}", self.version), "bindings": self.bindings}))
    }

    fn set(&mut self, asked: &Asked) -> Answer {
        let policy = serde_json::from_str::<Value>(&asked.body).unwrap()["policy"].take();
        if policy["etag"] != format!("e{}", self.version) {
            return refusal(409, "There were concurrent policy changes.");
        }
        self.bindings = policy["bindings"].clone();
        self.version += 1;
        ok(&policy)
    }
}

fn grant(role: &str, member: &str) -> Edit {
    Edit::Add {
        role: role.to_owned(),
        member: member.to_owned(),
    }
}

fn project_policy() -> PolicyApi {
    PolicyApi::of(&ResourceName::project("acme")).unwrap()
}

#[test]
fn what_others_change_at_the_same_time_stays() {
    let kept = Kept::new(json!([{"role": "roles/viewer", "members": ["user:ann@acme.com"]}]));
    let gets = AtomicUsize::new(0);
    let shared = std::sync::Arc::new((kept, gets));
    let of_server = shared.clone();
    let url = serve(move |asked| {
        let (kept, gets) = &*of_server;
        assert_eq!(asked.authorization, "Bearer secret");
        let mut kept = kept.lock().unwrap();
        match asked.path.as_str() {
            "/v3/projects/acme:getIamPolicy" => {
                assert_eq!(asked.body, r#"{"options":{"requestedPolicyVersion":3}}"#);
                let answer = kept.get();
                // Twice somebody else is quicker.
                if gets.fetch_add(1, Ordering::SeqCst) < 2 {
                    kept.version += 1;
                    let other =
                        json!({"role": format!("roles/other{}", kept.version), "members": ["user:eve@acme.com"]});
                    kept.bindings.as_array_mut().unwrap().push(other);
                }
                answer
            }
            "/v3/projects/acme:setIamPolicy" => kept.set(asked),
            path => panic!("{path}"),
        }
    });
    let edits = [
        grant("roles/viewer", "user:ann@acme.com"),
        grant("roles/viewer", "user:bob@acme.com"),
    ];
    let edited = block_on(async { project_policy().edit(&client(&url), &edits, &Seen::default()).await }).unwrap();
    assert_eq!(edited.made, [false, true]);
    assert_eq!(shared.1.load(Ordering::SeqCst), 3);
    let wanted = json!([
        {"role": "roles/viewer", "members": ["user:ann@acme.com", "user:bob@acme.com"]},
        {"role": "roles/other2", "members": ["user:eve@acme.com"]},
        {"role": "roles/other3", "members": ["user:eve@acme.com"]},
    ]);
    assert_eq!(shared.0.lock().unwrap().bindings, wanted);
}

#[test]
fn an_answer_that_is_lost_makes_no_second_change() {
    let kept = std::sync::Arc::new((Kept::new(json!([])), AtomicUsize::new(0)));
    let of_server = kept.clone();
    let url = serve(move |asked| {
        let mut kept = of_server.0.lock().unwrap();
        match asked.path.ends_with(":setIamPolicy") {
            true => match (of_server.1.fetch_add(1, Ordering::SeqCst), kept.set(asked)) {
                (0, _) => Answer::Nothing,
                (_, answer) => answer,
            },
            false => kept.get(),
        }
    });
    let edits = [grant("roles/viewer", "user:ann@acme.com")];
    let edited = block_on(async { project_policy().edit(&client(&url), &edits, &Seen::default()).await }).unwrap();
    assert_eq!(edited.made, [true]);
    let (kept, sets) = &*kept;
    assert_eq!((kept.lock().unwrap().version, sets.load(Ordering::SeqCst)), (2, 2));
    assert_eq!(
        kept.lock().unwrap().bindings,
        json!([{"role": "roles/viewer", "members": ["user:ann@acme.com"]}])
    );
}

#[test]
fn a_busy_server_is_asked_again_and_a_refusal_is_not() {
    let asked_for = std::sync::Arc::new(AtomicUsize::new(0));
    let count = asked_for.clone();
    let url = serve(move |_| match count.fetch_add(1, Ordering::SeqCst) {
        0 => refusal(503, "busy"),
        1 => refusal(429, "quota"),
        _ => ok(&json!({"etag": "x"})),
    });
    block_on(async { project_policy().read(&client(&url)).await }).unwrap();
    assert_eq!(asked_for.load(Ordering::SeqCst), 3);

    let refused = std::sync::Arc::new(AtomicUsize::new(0));
    let count = refused.clone();
    let url = serve(move |_| {
        count.fetch_add(1, Ordering::SeqCst);
        refusal(403, "Permission denied on projects/acme")
    });
    let error = block_on(async { project_policy().read(&client(&url)).await }).unwrap_err();
    assert_eq!((error.kind, refused.load(Ordering::SeqCst)), (ErrorKind::Refused, 1));
    assert_eq!(
        error.message,
        "the policy of projects/acme: Google refused: Permission denied on projects/acme"
    );
}

#[test]
fn a_bucket_has_calls_of_its_own() {
    let set = std::sync::Arc::new(Mutex::new(String::new()));
    let of_server = set.clone();
    let url = serve(move |asked| match (asked.method.as_str(), asked.path.as_str()) {
        ("GET", "/storage/v1/b/models/iam?optionsRequestedPolicyVersion=3") => {
            ok(&json!({"kind": "storage#policy", "etag": "CAE="}))
        }
        ("PUT", "/storage/v1/b/models/iam") => {
            asked.body.clone_into(&mut of_server.lock().unwrap());
            ok(&json!({}))
        }
        (method, path) => panic!("{method} {path}"),
    });
    let api = PolicyApi::of(&ResourceName::parse("gs://models").unwrap()).unwrap();
    let edits = [grant("roles/storage.objectUser", "user:ann@acme.com")];
    block_on(async { api.edit(&client(&url), &edits, &Seen::default()).await }).unwrap();
    let wanted = json!({"kind": "storage#policy", "etag": "CAE=",
        "bindings": [{"role": "roles/storage.objectUser", "members": ["user:ann@acme.com"]}]});
    assert_eq!(serde_json::from_str::<Value>(&set.lock().unwrap()).unwrap(), wanted);
}

#[test]
fn all_that_is_granted_is_read_and_gaps_are_said() {
    let url = serve(|asked| {
        let policy = |bindings: Value| json!({"etag": "x", "bindings": bindings});
        let one = |role: &str, member: &str| json!([{"role": role, "members": [member]}]);
        match asked.path.as_str() {
            "/v1/projects/acme:searchAllIamPolicies?pageSize=500" => ok(&json!({
                "results": [{"resource": "//cloudresourcemanager.googleapis.com/projects/acme", "project": "projects/17",
                    "policy": policy(one("roles/viewer", "user:ann@acme.com"))}],
                "nextPageToken": "two"})),
            "/v1/projects/acme:searchAllIamPolicies?pageSize=500&pageToken=two" => ok(&json!({
                "results": [{"resource": "//storage.googleapis.com/models", "project": "projects/17",
                    "policy": policy(one("roles/storage.objectViewer", "user:bob@acme.com"))}]})),
            "/v3/projects/acme" => ok(&json!({"name": "projects/17", "projectId": "acme", "parent": "folders/5"})),
            "/v3/folders/5" => ok(&json!({"name": "folders/5", "parent": "organizations/1"})),
            "/v3/folders/5:getIamPolicy" => ok(&policy(one("roles/editor", "group:ops@acme.com"))),
            "/v3/organizations/1:getIamPolicy" => refusal(403, "Permission denied on organizations/1"),
            "/v2/policies/cloudresourcemanager.googleapis.com%2Fprojects%2Facme/denypolicies" => ok(&json!({
                "policies": [{"name": "policies/cloudresourcemanager.googleapis.com%2Fprojects%2F17/denypolicies/no"}]})),
            "/v2/policies/cloudresourcemanager.googleapis.com%2Fprojects%2F17/denypolicies/no" => ok(&json!({
                "name": "policies/cloudresourcemanager.googleapis.com%2Fprojects%2F17/denypolicies/no",
                "rules": [{"denyRule": {"deniedPrincipals": ["principalSet://goog/public:all"],
                    "deniedPermissions": ["storage.googleapis.com/objects.delete"]}}]})),
            "/v1/projects/acme/roles?view=FULL&pageSize=1000" => ok(&json!({"roles": [
                {"name": "projects/acme/roles/small", "includedPermissions": ["storage.objects.get"]},
                {"name": "projects/acme/roles/gone", "deleted": true}]})),
            "/v1/projects/acme/locations/global/workloadIdentityPools" => ok(&json!({
                "workloadIdentityPools": [{"name": "projects/17/locations/global/workloadIdentityPools/ci"}]})),
            "/v1/projects/17/locations/global/workloadIdentityPools/ci/providers" => ok(&json!({
                "workloadIdentityPoolProviders": [{
                    "name": "projects/17/locations/global/workloadIdentityPools/ci/providers/github",
                    "attributeMapping": {"google.subject": "assertion.sub"},
                    "oidc": {"issuerUri": "https://token.actions.githubusercontent.com"}}]})),
            "/v1/projects/acme/serviceAccounts?pageSize=100" => ok(&json!({"accounts": [
                {"name": "projects/acme/serviceAccounts/a@acme.iam.gserviceaccount.com",
                    "email": "a@acme.iam.gserviceaccount.com", "uniqueId": "1"},
                {"name": "projects/acme/serviceAccounts/off@acme.iam.gserviceaccount.com",
                    "email": "off@acme.iam.gserviceaccount.com", "uniqueId": "2", "disabled": true}]})),
            "/v1/projects/acme/serviceAccounts/a@acme.iam.gserviceaccount.com/keys?keyTypes=USER_MANAGED" => {
                ok(&json!({
                "keys": [{"name": "projects/acme/serviceAccounts/a@acme.iam.gserviceaccount.com/keys/k1",
                    "keyType": "USER_MANAGED"}]}))
            }
            "/v1/groups:lookup?groupKey.id=ops%40acme.com" => ok(&json!({"name": "groups/g1"})),
            "/v1/groups/g1/memberships:searchTransitiveMemberships?pageSize=1000" => ok(&json!({
                "memberships": [{"member": "users/1", "relationType": "DIRECT", "roles": [{"role": "MEMBER"}],
                    "preferredMemberKey": [{"id": "Ann@acme.com"}]}],
                "nextPageToken": "two"})),
            "/v1/groups/g1/memberships:searchTransitiveMemberships?pageSize=1000&pageToken=two" => ok(&json!({
                "memberships": [
                    {"member": "groups/g2", "relationType": "DIRECT", "preferredMemberKey": [{"id": "in@acme.com"}]},
                    {"member": "users/2", "relationType": "INDIRECT",
                        "preferredMemberKey": [{"id": "a@acme.iam.gserviceaccount.com"}]},
                    {"member": "users/3", "preferredMemberKey": [{"id": "S-1", "namespace": "identitysources/1"}]}]})),
            _ => ok(&json!({})),
        }
    });
    let steps = Mutex::new(Vec::new());
    let on_step = |step: &str| steps.lock().unwrap().push(step.to_owned());
    let scopes = ["projects/acme".to_owned()];
    let state = block_on(async { live::state(&client(&url), &scopes, &on_step).await }).unwrap();
    let roles: BTreeSet<&str> = state.bindings().map(|(_, binding)| binding.role.as_str()).collect();
    assert_eq!(
        roles,
        BTreeSet::from(["roles/editor", "roles/storage.objectViewer", "roles/viewer"])
    );
    assert!(state.bindings().all(|(_, binding)| !binding.mark.is_some()));
    assert_eq!(state.project_number("acme"), Some("17"));
    assert_eq!(
        (state.deny_rules.len(), state.providers.len(), state.keys.len()),
        (1, 1, 1)
    );
    assert_eq!(
        state.custom_roles.keys().collect::<Vec<_>>(),
        ["projects/acme/roles/small"]
    );
    let ops: Vec<String> = state.groups["ops@acme.com"].iter().map(ToString::to_string).collect();
    let all = [
        "user:ann@acme.com",
        "group:in@acme.com",
        "serviceAccount:a@acme.iam.gserviceaccount.com",
    ];
    assert_eq!(ops, all);
    assert!(state.hidden_groups.is_empty());
    assert_eq!(
        state.disabled_accounts,
        BTreeSet::from(["off@acme.iam.gserviceaccount.com".to_owned()])
    );
    assert_eq!(state.unresolved.len(), 1);
    let unresolved = "the policy of organizations/1: Google refused: Permission denied on organizations/1";
    assert_eq!(state.unresolved[0].message, unresolved);
    assert!(
        steps
            .lock()
            .unwrap()
            .iter()
            .any(|step| step == "the policies in projects/acme")
    );
}

/// Without the edition that answers for members of members, group after group is asked about; in a circle, too.
#[test]
fn groups_are_read_as_far_as_they_may_be_seen() {
    let url = serve(|asked| {
        let member = |id: &str, kind: &str| {
            json!({"name": "groups/x/memberships/1", "type": kind, "roles": [{"name": "MEMBER"}],
                "preferredMemberKey": {"id": id}})
        };
        let list = |members: &[Value]| ok(&json!({"memberships": members}));
        match asked.path.as_str() {
            "/v1/projects/acme:searchAllIamPolicies?pageSize=500" => ok(&json!({
                "results": [{"resource": "//storage.googleapis.com/models", "project": "projects/17",
                    "policy": {"bindings": [{"role": "roles/storage.objectViewer", "members": ["group:ops@acme.com"]},
                        {"role": "roles/storage.objectCreator", "members": ["group:secret@acme.com"]}]}}]})),
            "/v3/projects/acme" => ok(&json!({"name": "projects/17", "projectId": "acme"})),
            "/v1/groups:lookup?groupKey.id=ops%40acme.com" => ok(&json!({"name": "groups/ops"})),
            "/v1/groups:lookup?groupKey.id=inner%40acme.com" => ok(&json!({"name": "groups/inner"})),
            "/v1/groups/ops/memberships?view=FULL&pageSize=500" => list(&[
                member("ann@acme.com", "USER"),
                member("inner@acme.com", "GROUP"),
                member("phone", "OTHER"),
            ]),
            "/v1/groups/inner/memberships?view=FULL&pageSize=500" => list(&[
                member("robot@acme.iam.gserviceaccount.com", "SERVICE_ACCOUNT"),
                member("ops@acme.com", "GROUP"),
            ]),
            path if path.starts_with("/v1/groups") => refusal(403, "Error(2028): Permission denied."),
            _ => ok(&json!({})),
        }
    });
    let scopes = ["projects/acme".to_owned()];
    let state = block_on(async { live::state(&client(&url), &scopes, &|_| ()).await }).unwrap();
    let names = |group: &str| state.groups[group].iter().map(ToString::to_string).collect::<Vec<_>>();
    assert_eq!(names("ops@acme.com"), ["user:ann@acme.com", "group:inner@acme.com"]);
    let inner = [
        "serviceAccount:robot@acme.iam.gserviceaccount.com",
        "group:ops@acme.com",
    ];
    assert_eq!(names("inner@acme.com"), inner);
    let unresolved: Vec<&str> = state.unresolved.iter().map(|it| it.message.as_str()).collect();
    let refused = "the members of secret@acme.com are not known: the members of group:secret@acme.com: Google refused: \
                   Error(2028): Permission denied.";
    assert_eq!(unresolved, [refused]);
    let robot = "serviceAccount:robot@acme.iam.gserviceaccount.com".parse().unwrap();
    let decide = |permission| {
        Reasoner::new(&state).decide(&Access {
            subject: &robot,
            attributes: &[],
            permission,
            resource: &ResourceName::parse("gs://models/x").unwrap(),
            time: None,
        })
    };
    assert!(matches!(decide("storage.objects.get"), Decision::Granted(_)));
    let Decision::Unknown(why) = decide("storage.objects.create") else {
        panic!()
    };
    let doubt =
        "roles/storage.objectCreator on gs://models is granted to group:secret@acme.com, and who that is is not known";
    assert_eq!(why, [doubt]);
    assert!(matches!(decide("storage.buckets.get"), Decision::Missed(_)));
}

#[test]
fn roles_are_made_once() {
    let role = CustomRole {
        project: "acme".to_owned(),
        id: "terrace_jobs".to_owned(),
        permissions: vec!["aiplatform.customJobs.create".to_owned()],
    };
    let state = std::sync::Arc::new(Mutex::new((false, Vec::<String>::new())));
    let of_server = state.clone();
    let url = serve(move |asked| {
        let mut state = of_server.lock().unwrap();
        let call = format!("{} {}", asked.method, asked.path);
        state.1.push(call.clone());
        match call.as_str() {
            "POST /v1/projects/acme/roles" if state.0 => refusal(409, "A role named terrace_jobs already exists."),
            "POST /v1/projects/acme/roles" => {
                state.0 = true;
                ok(&json!({}))
            }
            "GET /v1/projects/acme/roles/terrace_jobs" => ok(&json!({"name": "projects/acme/roles/terrace_jobs",
                "includedPermissions": ["aiplatform.customJobs.create"], "deleted": state.1.len() > 4})),
            "POST /v1/projects/acme/roles/terrace_jobs:undelete" => ok(&json!({})),
            call => panic!("{call}"),
        }
    });
    let client = client(&url);
    let make = || block_on(async { roles::make(&client, &role, &Seen::default()).await }).unwrap();
    assert_eq!((make(), make()), (true, false));
    state.lock().unwrap().1.push("then it is deleted".to_owned());
    assert!(make());
}

#[test]
fn every_try_to_change_something_is_told_before_and_after() {
    let shared = std::sync::Arc::new((Kept::new(json!([])), AtomicUsize::new(0)));
    let of_server = shared.clone();
    let url = serve(move |asked| {
        let mut kept = of_server.0.lock().unwrap();
        match asked.path.ends_with(":setIamPolicy") {
            true if of_server.1.fetch_add(1, Ordering::SeqCst) == 0 => refusal(409, "quicker"),
            true => kept.set(asked),
            false => kept.get(),
        }
    });
    let edits = [grant("roles/viewer", "user:ann@acme.com")];
    let refusing = Seen {
        refuses: true,
        ..Seen::default()
    };
    let error = block_on(async { project_policy().edit(&client(&url), &edits, &refusing).await }).unwrap_err();
    assert_eq!(
        (error.kind, shared.1.load(Ordering::SeqCst)),
        (ErrorKind::Unrecorded, 0)
    );
    let seen = Seen::default();
    block_on(async { project_policy().edit(&client(&url), &edits, &seen).await }).unwrap();
    block_on(async { project_policy().edit(&client(&url), &edits, &seen).await }).unwrap();
    let told = seen.told.into_inner().unwrap();
    // The order of fields depends on what else is compiled.
    let intent = |text: &str| {
        let (words, body) = text.split_at(text.find('{').unwrap());
        let body: serde_json::Value = serde_json::from_str(&body.replace("e2", "e1")).unwrap();
        (words.to_owned(), body)
    };
    let words =
        "setIamPolicy //cloudresourcemanager.googleapis.com/projects/acme: grant roles/viewer to user:ann@acme.com ";
    let bindings = json!([{"members": ["user:ann@acme.com"], "role": "roles/viewer"}]);
    let expected = (
        words.to_owned(),
        json!({"policy": {"bindings": bindings, "etag": "e1", "version": 1}}),
    );
    assert_eq!(told.len(), 4, "what is there already is no change: {told:#?}");
    assert_eq!(intent(&told[0]), expected);
    assert_eq!(intent(&told[2]), expected);
    assert_eq!(told[1], r#"7: 409 {"error":{"code":409,"message":"quicker"}}"#);
    assert!(told[3].starts_with("7: {"), "{}", told[3]);
    assert!(told[3].contains("roles/viewer"), "{}", told[3]);
}

#[test]
fn objects_are_made_once() {
    let held = std::sync::Arc::new(Mutex::new((BTreeMap::<String, String>::new(), Vec::<String>::new())));
    let of_server = held.clone();
    let url = serve(move |asked| {
        let mut held = of_server.lock().unwrap();
        held.1.push(format!("{} {}", asked.method, asked.path));
        let (path, query) = asked.path.split_once('?').unwrap();
        let field = |name: &str| {
            query
                .split('&')
                .find_map(|pair| pair.strip_prefix(name))
                .unwrap_or_default()
                .to_owned()
        };
        match path {
            "/upload/storage/v1/b/audit/o" => {
                assert_eq!((&*field("uploadType="), &*field("ifGenerationMatch=")), ("media", "0"));
                let name = field("name=").replace("%2F", "/");
                match held.0.contains_key(&name) {
                    true => refusal(412, "At least one of the pre-conditions you specified did not hold."),
                    false => {
                        held.0.insert(name.clone(), asked.body.clone());
                        // The answer of the first is lost.
                        if name.ends_with("/a") {
                            Answer::Nothing
                        } else {
                            ok(&json!({"name": name}))
                        }
                    }
                }
            }
            "/storage/v1/b/audit/o" => {
                let start = field("prefix=").replace("%2F", "/");
                let names = held.0.keys().filter(|name| name.starts_with(&start));
                let mut names: Vec<Value> = names.map(|name| json!({"name": name})).collect();
                // In pages of one.
                let at: usize = field("pageToken=").parse().unwrap_or(0);
                let next = (at + 1 < names.len()).then(|| (at + 1).to_string());
                ok(
                    &json!({"items": names.splice(at..(at + 1).min(names.len()), []).collect::<Vec<_>>(), "nextPageToken": next}),
                )
            }
            path => match held
                .0
                .get(&path.trim_start_matches("/storage/v1/b/audit/o/").replace("%2F", "/"))
            {
                Some(text) => Answer::Json(200, text.clone()),
                None => refusal(404, "No such object"),
            },
        }
    });
    let bucket = Bucket::parse("gs://audit/prod").unwrap();
    let client = client(&url);
    block_on(async {
        for (name, text, is_new) in [
            ("x/a", "1", true),
            ("x/b", "2\n", true),
            ("x/a", "other", false),
            ("y", "3", true),
        ] {
            assert_eq!(bucket.make(&client, name, text).await.unwrap(), is_new, "{name}");
        }
        assert_eq!(bucket.list(&client, "x/").await.unwrap(), ["x/a", "x/b"]);
        assert_eq!(bucket.get(&client, "x/b").await.unwrap().as_deref(), Some("2\n"));
        assert_eq!(bucket.get(&client, "x/c").await.unwrap(), None);
        Ok(())
    })
    .unwrap();
    assert_eq!(held.lock().unwrap().0.len(), 3);
}
