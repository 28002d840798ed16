//! Grants to make, as they are written for Terraform and Config Connector, read back: they are the same grants.

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

use identity::{Member, NewGrant, Reasoner, ResourceName, State};
use serde_json::{Value, json};
use yaml::Sources;

use crate::objects;

/// A grant on each kind of resource that takes one, for each form of member.
fn grants() -> Vec<NewGrant> {
    let mut state = State::default();
    state.project_numbers.insert("17".to_owned(), "acme".to_owned());
    let reasoner = Reasoner::new(&state);
    let rows = [
        ("aiplatform.customJobs.create", "projects/acme", "user:ann@acme.com"),
        ("logging.logEntries.list", "folders/3", "group:ml@acme.com"),
        ("logging.logEntries.list", "organizations/1", "domain:acme.com"),
        (
            "storage.objects.create",
            "gs://models/iris",
            "serviceAccount:acme.svc.id.goog[ml/trainer]",
        ),
        (
            "iam.serviceAccounts.getAccessToken",
            "trainer@acme.iam.gserviceaccount.com",
            "serviceAccount:acme.svc.id.goog[ml/trainer]",
        ),
        (
            "secretmanager.versions.access",
            "//secretmanager.googleapis.com/projects/acme/secrets/token",
            "serviceAccount:trainer@acme.iam.gserviceaccount.com",
        ),
        (
            "artifactregistry.repositories.downloadArtifacts",
            "//artifactregistry.googleapis.com/projects/acme/locations/europe/repositories/images",
            "principalSet://iam.googleapis.com/projects/17/locations/global/workloadIdentityPools/ci/attribute.repository/acme/iris",
        ),
        // What begins a template in HCL, and what ends a text.
        (
            "storage.objects.get",
            "gs://models",
            r#"principal://iam.googleapis.com/projects/17/locations/global/workloadIdentityPools/ci/subject/${a}%{b}\"c"#,
        ),
    ];
    let grant = |(permission, resource, member): (&str, &str, &str)| {
        let Ok(member) = member.parse::<Member>();
        reasoner.new_grant(&[permission], &ResourceName::parse(resource).unwrap(), &member)
    };
    rows.into_iter().map(|row| grant(row).unwrap()).collect()
}

/// That a state has one grant, and that it is this one.
fn check_same(state: &State, grant: &NewGrant) {
    assert_eq!(state.unresolved, []);
    let [(on, policy)] = &state.policies[..] else {
        panic!("{state:?}");
    };
    let [binding] = &policy.bindings[..] else {
        panic!("{policy:?}");
    };
    assert_eq!(
        (on, &binding.role, &binding.members[..], &binding.condition),
        (&grant.on, &grant.role, &[grant.member.clone()][..], &None)
    );
}

#[test]
fn objects_of_config_connector() {
    for grant in grants() {
        let objects = objects(&grant.config_connector(), &Sources::new());
        check_same(&State::from_config_connector(&objects, None), &grant);
    }
}

fn terraform(directory: &Path, arguments: &[&str]) -> Output {
    let mut command = Command::new("terraform");
    command
        .args(arguments)
        .current_dir(directory)
        .env("CHECKPOINT_DISABLE", "1");
    command.output().unwrap()
}

/// Terraform reads what is written, and has nothing to add to its layout. Google's provider is not needed for that:
/// the arguments of each resource become the input of a resource that is part of Terraform.
#[test]
fn resources_of_terraform() {
    if Command::new("terraform").arg("version").output().is_err() {
        eprintln!("not compared with terraform: it is not on PATH");
        return;
    }
    let directory = Path::new(env!("CARGO_TARGET_TMPDIR")).join("written_back");
    let _ = fs::remove_dir_all(&directory);
    fs::create_dir_all(&directory).unwrap();
    let grants = grants();
    let mut configuration = String::new();
    for (at, grant) in grants.iter().enumerate() {
        let text = grant.terraform();
        fs::write(directory.join("grant.tf"), &text).unwrap();
        let formatted = terraform(&directory, &["fmt", "-check", "-diff", "grant.tf"]);
        assert!(
            formatted.status.success(),
            "{}",
            String::from_utf8_lossy(&formatted.stdout)
        );
        let (_, arguments) = text.split_once('\n').unwrap();
        configuration.push_str(&format!(
            "resource \"terraform_data\" \"g{at}\" {{\n  input = {{\n{arguments}  }}\n"
        ));
    }
    fs::remove_file(directory.join("grant.tf")).unwrap();
    fs::write(directory.join("main.tf"), configuration).unwrap();
    for arguments in [&["init", "-backend=false"][..], &["validate"], &["plan", "-out=plan"]] {
        let output = terraform(&directory, arguments);
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    }
    let shown = terraform(&directory, &["show", "-json", "plan"]).stdout;
    let mut plan: Value = serde_json::from_slice(&shown).unwrap();
    let resources = plan["planned_values"]["root_module"]["resources"].take();
    for resource in resources.as_array().unwrap() {
        let at: usize = resource["name"].as_str().unwrap()[1..].parse().unwrap();
        let header = grants[at].terraform();
        let kind = header.split('"').nth(1).unwrap();
        let mut document = plan.clone();
        document["planned_values"]["root_module"]["resources"] = json!([{
            "address": format!("{kind}.{at}"), "mode": "managed", "type": kind, "name": "g", "values": resource["values"]["input"]}]);
        let mut state = State::default();
        state
            .read(&Sources::new().add("plan.json", document.to_string()), None)
            .unwrap();
        check_same(&state, &grants[at]);
    }
    assert_eq!(resources.as_array().unwrap().len(), grants.len());
}

/// Names in a file of Terraform begin with a letter, and each is there once.
#[test]
fn names_of_grants() {
    let state = State::default();
    let reasoner = Reasoner::new(&state);
    let grant = |role: &str, member: &str, on: &str| {
        let on = ResourceName::parse(on).unwrap();
        reasoner.new_grant(&[role], &on, &member.parse().unwrap()).unwrap()
    };
    let read = "storage.objects.get";
    let mut grants = [
        grant(
            read,
            "serviceAccount:17-compute@developer.gserviceaccount.com",
            "gs://models",
        ),
        grant(
            read,
            "serviceAccount:trainer@acme.iam.gserviceaccount.com",
            "gs://models",
        ),
        // Accounts of one name in two projects, and a bucket whose name differs in what is no letter.
        grant(
            read,
            "serviceAccount:trainer@other.iam.gserviceaccount.com",
            "gs://models",
        ),
        grant(
            read,
            "serviceAccount:server@acme.iam.gserviceaccount.com",
            "gs://models-eu",
        ),
        grant(
            read,
            "serviceAccount:server@acme.iam.gserviceaccount.com",
            "gs://models_eu",
        ),
        grant(
            read,
            "serviceAccount:server@acme.iam.gserviceaccount.com",
            "gs://models",
        ),
    ];
    let name = |grant: &identity::NewGrant| grant.terraform().split('"').nth(3).unwrap().to_owned();
    let before: Vec<String> = grants.iter().map(name).collect();
    assert_eq!(before[0], "account_17_compute_storage_objectviewer_models");
    assert_eq!((&before[1], &before[3]), (&before[2], &before[4]));
    identity::distinguish(&mut grants);
    let mut after: Vec<String> = grants.iter().map(name).collect();
    assert_eq!(
        (&after[0], &after[5]),
        (&before[0], &before[5]),
        "what is alone keeps its name"
    );
    let objects = objects(
        &grants
            .each_ref()
            .map(identity::NewGrant::config_connector)
            .join("---\n"),
        &Sources::new(),
    );
    let mut names: Vec<&str> = objects.iter().map(resource::Resource::name).collect();
    for names in [&mut after.iter().map(String::as_str).collect::<Vec<_>>(), &mut names] {
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), grants.len(), "{names:?}");
    }
    after.retain(|name| !name.starts_with(|c: char| c.is_ascii_lowercase()));
    assert_eq!(after, Vec::<String>::new());
}
