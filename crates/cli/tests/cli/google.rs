//! Google asked by the real program: a server stands for it that keeps policies and roles as Google documents them.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::sync::{Arc, Mutex};

use libtest_mimic::{Failed, Trial};
use serde_json::{Value, json};

use crate::run::{Answer, TERRACE, ends, run};
use crate::server::{self, Asked, serve};

type Test = fn() -> Result<(), Failed>;

pub(crate) fn trials() -> Vec<Trial> {
    let all: [(&str, Test); 7] = [
        ("a plan is applied, once, and what holds afterwards needs none", apply),
        (
            "a refusal of one resource leaves the others, and has an exit of its own",
            refusal,
        ),
        ("nothing is changed that cannot be recorded", no_record),
        ("the record is mirrored to a bucket, and held against it", mirror),
        ("nothing is changed without a yes", no_yes),
        (
            "a key is not used, and without credentials nothing is asked",
            no_credentials,
        ),
        ("the roles of today are written, and used", refresh),
    ];
    all.into_iter()
        .map(|(name, test)| Trial::test(format!("google {name}"), test))
        .collect()
}

/// Policies by the path of their resource; each change has a new etag.
#[derive(Default)]
struct Cloud {
    policies: BTreeMap<String, Value>,
    /// Objects of the bucket audit.
    objects: BTreeMap<String, String>,
    changes: usize,
    /// A path whose policy is refused.
    refused: Option<String>,
}

const TOKEN: &str = "a-token-of-the-test";
const ACCOUNT: &str = "/v1/projects/acme/serviceAccounts/trainer@acme.iam.gserviceaccount.com";

impl Cloud {
    fn answer(&mut self, asked: &Asked) -> server::Answer {
        let ok = |value: &Value| server::Answer::Json(200, value.to_string());
        let path = asked.path.split('?').next().unwrap_or_default();
        if let Some(answer) = self.object(asked, path) {
            return answer;
        }
        let resource = path
            .strip_suffix("/iam")
            .or(path.rsplit_once(':').map(|(resource, _)| resource));
        let resource = resource.unwrap_or(path).to_owned();
        if self.refused.as_ref() == Some(&resource) {
            let error = json!({"error": {"message": "Permission 'storage.buckets.getIamPolicy' denied"}});
            return server::Answer::Json(403, error.to_string());
        }
        let is_set = asked.method == "PUT" || path.ends_with(":setIamPolicy");
        match path {
            _ if is_set => {
                let mut body: Value = serde_json::from_str(&asked.body).unwrap();
                let policy = if body["policy"].is_object() {
                    body["policy"].take()
                } else {
                    body
                };
                self.changes += 1;
                self.policies.insert(resource, policy.clone());
                ok(&policy)
            }
            _ if path.ends_with("/iam") || path.ends_with(":getIamPolicy") => {
                let empty = json!({"bindings": []});
                let mut policy = self.policies.get(&resource).unwrap_or(&empty).clone();
                policy["etag"] = json!(format!("e{}", self.changes));
                ok(&policy)
            }
            "/v1/projects/acme:searchAllIamPolicies" => {
                let results = self.policies.iter().map(|(resource, policy)| {
                    let name = match resource.strip_prefix("/storage/v1/b/") {
                        Some(bucket) => format!("//storage.googleapis.com/{bucket}"),
                        None => format!("//iam.googleapis.com{}", resource.trim_start_matches("/v1")),
                    };
                    json!({"resource": name, "project": "projects/17", "policy": policy})
                });
                ok(&json!({"results": results.collect::<Vec<_>>()}))
            }
            "/v3/projects/acme" => ok(&json!({"name": "projects/17", "projectId": "acme"})),
            "/v1/roles" => ok(&json!({"roles": [
                {"name": "roles/storage.objectCreator", "title": "Storage Object Creator",
                    "includedPermissions": ["storage.objects.create", "storage.objects.invent"]},
                {"name": "roles/owner", "title": "Owner", "includedPermissions": ["storage.objects.get"]}]})),
            _ => ok(&json!({})),
        }
    }
}

impl Cloud {
    /// Of the bucket audit.
    fn object(&mut self, asked: &Asked, path: &str) -> Option<server::Answer> {
        let plain = |text: &str| text.replace("%2F", "/");
        let query = asked.path.split_once('?').map_or("", |(_, query)| query);
        let field = |name: &str| query.split('&').find_map(|pair| pair.strip_prefix(name)).map(plain);
        let json = |value: Value| server::Answer::Json(200, value.to_string());
        let refuse = |status| server::Answer::Json(status, json!({"error": {"message": "no"}}).to_string());
        Some(
            match path
                .strip_prefix("/upload")
                .unwrap_or(path)
                .strip_prefix("/storage/v1/b/audit/o")?
            {
                "" if asked.method == "POST" => match self.objects.entry(field("name=")?) {
                    std::collections::btree_map::Entry::Occupied(_) => refuse(412),
                    std::collections::btree_map::Entry::Vacant(place) => {
                        place.insert(asked.body.clone());
                        json(json!({}))
                    }
                },
                "" => {
                    let start = field("prefix=")?;
                    let names = self.objects.keys().filter(|name| name.starts_with(&start));
                    json(json!({"items": names.map(|name| json!({"name": name})).collect::<Vec<_>>()}))
                }
                name => match self.objects.get(&plain(name.trim_start_matches('/'))) {
                    Some(text) => server::Answer::Json(200, text.clone()),
                    None => refuse(404),
                },
            },
        )
    }
}

/// A platform of one environment, whose pod acts as a Google account and writes into a bucket.
struct Scene {
    directory: tempfile::TempDir,
    cloud: Arc<Mutex<Cloud>>,
    url: String,
}

impl Scene {
    fn new() -> Scene {
        let directory = tempfile::tempdir().unwrap();
        let write = |name: &str, text: &str| {
            let path = directory.path().join("work").join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        };
        write(
            "terrace.yaml",
            "apiVersion: terrace.dev/v1alpha1\nkind: Platform\nmetadata: {name: demo}\nspec:\n  environments:\n  - name: prod\n    \
             path: prod\n    namespace: ml\n    project: acme\n    location: europe-west4\n",
        );
        write("prod/kustomization.yaml", "resources: [pod.yaml]\n");
        write(
            "prod/pod.yaml",
            "apiVersion: v1\nkind: ServiceAccount\nmetadata:\n  name: trainer\n  namespace: ml\n  annotations:\n    \
             iam.gke.io/gcp-service-account: trainer@acme.iam.gserviceaccount.com\n---\napiVersion: v1\nkind: Pod\nmetadata:\n  \
             name: train\n  namespace: ml\nspec:\n  serviceAccountName: trainer\n  containers:\n  - name: train\n    image: train\n    \
             args: [--output=gs://models/iris]\n",
        );
        let cloud = Arc::new(Mutex::new(Cloud::default()));
        let of_server = cloud.clone();
        let url = serve(move |asked| of_server.lock().unwrap().answer(asked));
        Scene { directory, cloud, url }
    }

    fn terrace(&self, arguments: &[&str]) -> Answer {
        self.terrace_with(arguments, &[("CLOUDSDK_AUTH_ACCESS_TOKEN", TOKEN)])
    }

    fn terrace_with(&self, arguments: &[&str], variables: &[(&str, &str)]) -> Answer {
        let arguments: Vec<String> = arguments.iter().map(|argument| (*argument).to_owned()).collect();
        let services = ["IAM", "STORAGE", "CLOUDASSET", "CLOUDRESOURCEMANAGER"];
        let mut all: Vec<(String, String)> = services
            .iter()
            .map(|service| (format!("CLOUDSDK_API_ENDPOINT_OVERRIDES_{service}"), self.url.clone()))
            .collect();
        all.extend(
            variables
                .iter()
                .map(|(name, value)| ((*name).to_owned(), (*value).to_owned())),
        );
        run(
            Path::new(TERRACE),
            &arguments,
            &self.directory.path().join("work"),
            &all,
        )
    }
}

fn contains(text: &str, part: &str) -> Result<(), Failed> {
    match text.contains(part) {
        true => Ok(()),
        false => Err(format!("\"{part}\" is not in:\n{text}").into()),
    }
}

fn apply() -> Result<(), Failed> {
    let scene = Scene::new();
    let (out, _) = ends(&scene.terrace(&["identity", "plan", "--live", "--apply", "--yes"]), 0)?;
    contains(
        &out,
        "granted roles/storage.objectCreator on gs://models to trainer@acme.iam.gserviceaccount.com\n",
    )?;
    contains(&out, "\n2 done, 0 as it was\n")?;
    let held = {
        let cloud = scene.cloud.lock().unwrap();
        let role = |path: &str| cloud.policies[path]["bindings"][0].clone();
        (role("/storage/v1/b/models"), role(ACCOUNT), cloud.changes)
    };
    let wanted = (
        json!({"role": "roles/storage.objectCreator", "members": ["serviceAccount:trainer@acme.iam.gserviceaccount.com"]}),
        json!({"role": "roles/iam.workloadIdentityUser", "members": ["serviceAccount:acme.svc.id.goog[ml/trainer]"]}),
        2,
    );
    if held != wanted {
        return Err(format!("{held:?}").into());
    }
    // Without asking what holds, everything is planned again, and found.
    let (out, _) = ends(&scene.terrace(&["identity", "plan", "--apply", "--yes"]), 0)?;
    contains(&out, "\n0 done, 2 as it was\n")?;
    let (out, _) = ends(&scene.terrace(&["identity", "plan", "--live", "--exit-code"]), 0)?;
    contains(&out, "nothing is to be granted\n")?;
    let explained = [
        "identity",
        "explain",
        "acme.svc.id.goog[ml/trainer]",
        "storage.objects.create",
        "gs://models/iris",
    ];
    let (out, _) = ends(&scene.terrace(&[&explained[..], &["--live=projects/acme"]].concat()), 0)?;
    contains(&out, "by roles/iam.workloadIdentityUser on")?;
    let name = "roles/storage.objectCreator trainer@acme.iam.gserviceaccount.com gs://models";
    let mut back = vec!["identity", "plan", "--live", "--apply", "--yes", "--remove", name];
    let (out, error) = ends(&scene.terrace(&back), 0)?;
    contains(
        &out,
        "took roles/storage.objectCreator on gs://models from trainer@acme.iam.gserviceaccount.com\n",
    )?;
    contains(&error, "Pod/train")?;
    let held = scene.cloud.lock().unwrap().policies["/storage/v1/b/models"]["bindings"].clone();
    if held != json!([]) {
        return Err(held.to_string().into());
    }
    back.pop();
    back.push("roles/storage.objectAdmin trainer@acme.iam.gserviceaccount.com gs://models");
    ends(&scene.terrace(&back), 1)?;
    if scene.cloud.lock().unwrap().changes != 3 {
        return Err(format!("{} changes", scene.cloud.lock().unwrap().changes).into());
    }
    // Each change is in the record, with the answer and without the token; what was there already is no change.
    let (out, _) = ends(&scene.terrace(&["audit", "list", "-o", "jsonl"]), 0)?;
    let deeds: Vec<Value> = out.lines().map(serde_json::from_str).collect::<Result<_, _>>()?;
    let changes: Vec<&Value> = deeds
        .iter()
        .map(|deed| &deed["intent"]["act"]["what"]["changes"][0])
        .collect();
    let wanted = [
        "grant roles/iam.workloadIdentityUser to serviceAccount:acme.svc.id.goog[ml/trainer]",
        "grant roles/storage.objectCreator to serviceAccount:trainer@acme.iam.gserviceaccount.com",
        "take roles/storage.objectCreator from serviceAccount:trainer@acme.iam.gserviceaccount.com",
    ];
    if changes.len() != 3
        || wanted
            .iter()
            .any(|wanted| !changes.iter().any(|change| change == wanted))
    {
        return Err(format!("{changes:?}").into());
    }
    for deed in &deeds {
        contains(&deed["intent"].to_string(), r#""environment":"prod""#)?;
        contains(&deed["outcome"].to_string(), r#""status":"succeeded""#)?;
        contains(&deed["outcome"].to_string(), r#""bindings":["#)?;
    }
    ends(&scene.terrace(&["audit", "verify"]), 0)?;
    let work = scene.directory.path().join("work/.terrace");
    if fs::read_to_string(work.join(".gitignore"))? != "*\n" {
        return Err("Git would take the record".into());
    }
    let bytes = fs::read(work.join("record.db"))?;
    match bytes.windows(TOKEN.len()).any(|window| window == TOKEN.as_bytes()) {
        true => Err("the token is in the record".into()),
        false => Ok(()),
    }
}

fn no_record() -> Result<(), Failed> {
    let scene = Scene::new();
    let plan = ["identity", "plan", "--apply", "--yes", "--record"];
    let (_, error) = ends(&scene.terrace(&[&plan[..], &["terrace.yaml/record.db"]].concat()), 6)?;
    contains(&error, "terrace.yaml/record.db cannot be made")?;
    fs::write(scene.directory.path().join("work/other"), "no database".repeat(100))?;
    let (_, error) = ends(&scene.terrace(&[&plan[..], &["other"]].concat()), 6)?;
    contains(&error, "other holds no record")?;
    // One that is full from the first change on.
    let record = scene.directory.path().join("work/full.db");
    drop(record::Recorder::open(
        &record::Location::File(record.clone()),
        record::Secrets::default(),
    ));
    let connection = rusqlite::Connection::open(&record)?;
    connection.execute_batch("CREATE TRIGGER full BEFORE INSERT ON entry BEGIN SELECT RAISE(ABORT, 'no room'); END")?;
    let (out, error) = ends(&scene.terrace(&[&plan[..], &["full.db"]].concat()), 6)?;
    contains(&error, "it cannot be recorded: the record ")?;
    contains(&out, "0 done, 0 as it was, 2 not done")?;
    match scene.cloud.lock().unwrap().changes {
        0 => Ok(()),
        changes => Err(format!("{changes} changes").into()),
    }
}

fn mirror() -> Result<(), Failed> {
    let scene = Scene::new();
    ends(&scene.terrace(&["identity", "plan", "--apply", "--yes"]), 0)?;
    let (public, _) = ends(&scene.terrace(&["audit", "key", "../key.pem"]), 0)?;
    fs::write(scene.directory.path().join("key.pub"), public)?;
    let mirror = ["audit", "mirror", "gs://audit/prod", "--key", "../key.pem"];
    let (out, _) = ends(&scene.terrace(&mirror), 0)?;
    contains(&out, "gs://audit/prod/: 4 entries copied, 4 there, signed\n")?;
    let (out, _) = ends(&scene.terrace(&mirror), 0)?;
    contains(&out, "gs://audit/prod/: 0 entries copied, 4 there\n")?;
    let names: Vec<String> = scene.cloud.lock().unwrap().objects.keys().cloned().collect();
    let starts = [
        "prod/checkpoints/00000000000000000004-",
        "prod/entries/00000000000000000001-",
        "prod/record.json",
    ];
    if names.len() != 3 || names.iter().zip(starts).any(|(name, start)| !name.starts_with(start)) {
        return Err(format!("{names:?}").into());
    }
    let verify = [
        "audit",
        "verify",
        "--mirror",
        "gs://audit/prod",
        "--public-key",
        "../key.pub",
    ];
    let (out, _) = ends(&scene.terrace(&verify), 0)?;
    contains(
        &out,
        "gs://audit/prod/: 4 entries, 1 checkpoints, the last of entry 4\n",
    )?;
    // Another record in its place.
    fs::remove_dir_all(scene.directory.path().join("work/.terrace"))?;
    scene.cloud.lock().unwrap().policies.clear();
    ends(&scene.terrace(&["identity", "plan", "--apply", "--yes"]), 0)?;
    let (_, error) = ends(&scene.terrace(&verify), 1)?;
    contains(&error, "gs://audit/prod/ is the mirror of another record")?;
    let (_, error) = ends(&scene.terrace(&["audit", "mirror", "s3://audit"]), 1)?;
    contains(&error, "name a directory, or a bucket as gs://BUCKET/START")
}

fn refusal() -> Result<(), Failed> {
    let scene = Scene::new();
    scene.cloud.lock().unwrap().refused = Some("/storage/v1/b/models".to_owned());
    let (out, error) = ends(&scene.terrace(&["identity", "plan", "--apply", "--yes"]), 3)?;
    contains(
        &out,
        "granted roles/iam.workloadIdentityUser on trainer@acme.iam.gserviceaccount.com",
    )?;
    contains(&out, "\n1 done, 0 as it was, 1 not done: run it again\n")?;
    contains(
        &error,
        "the policy of gs://models: Google refused: Permission 'storage.buckets.getIamPolicy' denied",
    )
}

fn no_yes() -> Result<(), Failed> {
    let scene = Scene::new();
    let (_, error) = ends(&scene.terrace(&["identity", "plan", "--apply"]), 2)?;
    contains(&error, "--yes says so beforehand")?;
    match scene.cloud.lock().unwrap().changes {
        0 => Ok(()),
        changes => Err(format!("{changes} changes").into()),
    }
}

fn no_credentials() -> Result<(), Failed> {
    let scene = Scene::new();
    let key = scene.directory.path().join("key.json");
    fs::write(&key, r#"{"type": "service_account", "private_key": "-"}"#).unwrap();
    let key = key.display().to_string();
    let live = ["identity", "plan", "--live"];
    let (_, error) = ends(
        &scene.terrace_with(&live, &[("GOOGLE_APPLICATION_CREDENTIALS", &key)]),
        3,
    )?;
    contains(&error, "is the key of a service account, and keys are not used")?;
    // A metadata server that is not there, and no login.
    let home = scene.directory.path().display().to_string();
    let nobody = [("HOME", home.as_str()), ("GCE_METADATA_HOST", "127.0.0.1:1")];
    let (_, error) = ends(&scene.terrace_with(&live, &nobody), 3)?;
    contains(&error, "there are no credentials for Google")?;
    contains(&error, "gcloud auth application-default login")
}

fn refresh() -> Result<(), Failed> {
    let scene = Scene::new();
    let (out, _) = ends(&scene.terrace(&["identity", "refresh", "roles.txt"]), 0)?;
    contains(&out, "roles.txt: 2 roles with 3 permissions\n")?;
    contains(&out, "  roles/storage.objectCreator: ")?;
    let policy = r#"{"bindings": [{"role": "roles/owner", "members": ["user:ann@acme.com"]}]}"#;
    fs::write(scene.directory.path().join("work/policy.json"), policy).unwrap();
    let asked = [
        "identity",
        "explain",
        "ann@acme.com",
        "storage.objects.get",
        "projects/acme",
        "--iam",
        "projects/acme=policy.json",
    ];
    // What the table that comes along does not know, that of today does.
    ends(&scene.terrace(&asked), 1)?;
    let (out, _) = ends(&scene.terrace(&[&asked[..], &["--roles", "roles.txt"]].concat()), 0)?;
    contains(
        &out,
        "by roles/owner on //cloudresourcemanager.googleapis.com/projects/acme\n",
    )?;
    fs::write(scene.directory.path().join("work/roles.txt"), "{}\n").unwrap();
    let (_, error) = ends(&scene.terrace(&[&asked[..], &["--roles", "roles.txt"]].concat()), 1)?;
    contains(
        &error,
        "cannot read roles from roles.txt: line 1 is none of a table of roles",
    )
}
