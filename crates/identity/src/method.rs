//! Which permissions the methods of Google's APIs need, as Google's documentation had it at a date.
//!
//! A method goes by its name in the discovery documents, `aiplatform.projects.locations.customJobs.create`, and by that
//! of its call, `google.cloud.aiplatform.v1.JobService.CreateCustomJob`, as audit logs have it. A method that is not in
//! the table is unknown.

use std::collections::BTreeSet;
use std::sync::OnceLock;

/// Made by `cargo run -p xtask -- methods DIR DATE`: a date; methods in order, each as the length it shares with the
/// one before and the rest, and its permissions.
static PACKED: &[u8] = include_bytes!("../data/methods.deflate");

/// Methods and their permissions.
#[derive(Debug)]
pub struct Methods {
    /// When the table was made, as `2026-11`.
    pub date: String,
    methods: Vec<Method>,
}

/// A method of an API.
#[derive(Debug, PartialEq, Eq)]
pub struct Method {
    /// `storage.objects.insert`.
    pub name: String,
    /// All of these are needed; none, where anybody may call it.
    pub permissions: Vec<String>,
}

/// Packages of calls, and the service in names of methods.
const PACKAGES: [(&str, &str); 8] = [
    ("google.cloud.aiplatform.", "aiplatform"),
    ("google.devtools.artifactregistry.", "artifactregistry"),
    ("google.iam.admin.", "iam"),
    ("google.iam.credentials.", "iamcredentials"),
    ("google.logging.", "logging"),
    ("google.cloud.secretmanager.", "secretmanager"),
    ("google.storage.", "storage"),
    ("google.identity.sts.", "sts"),
];

/// Calls whose names do not follow from those of methods.
const CALLS: [(&str, &str); 13] = [
    ("logging.WriteLogEntries", "logging.entries.write"),
    ("logging.ListLogEntries", "logging.entries.list"),
    ("logging.TailLogEntries", "logging.entries.tail"),
    ("storage.ReadObject", "storage.objects.get"),
    ("storage.BidiReadObject", "storage.objects.get"),
    ("storage.WriteObject", "storage.objects.insert"),
    ("storage.BidiWriteObject", "storage.objects.insert"),
    ("storage.StartResumableWrite", "storage.objects.insert"),
    ("storage.CreateBucket", "storage.buckets.insert"),
    ("storage.RewriteObject", "storage.objects.rewrite"),
    ("storage.ComposeObject", "storage.objects.compose"),
    (
        "secretmanager.AddSecretVersion",
        "secretmanager.projects.secrets.addVersion",
    ),
    ("sts.ExchangeToken", "sts.token"),
];

impl Methods {
    /// The table that comes with the program, unpacked when it is first asked for.
    ///
    /// # Panics
    /// Never: a test reads the whole table.
    pub fn embedded() -> &'static Methods {
        static TABLE: OnceLock<Methods> = OnceLock::new();
        TABLE.get_or_init(|| {
            #[expect(
                clippy::expect_used,
                reason = "the table is part of the program, and a test reads it"
            )]
            let text = miniz_oxide::inflate::decompress_to_vec(PACKED).expect("the packed methods are whole");
            Methods::read(&String::from_utf8_lossy(&text))
        })
    }

    fn read(text: &str) -> Methods {
        let mut lines = text.lines();
        let date = lines.next().unwrap_or_default().to_owned();
        let mut methods: Vec<Method> = Vec::new();
        for line in lines {
            let (name, permissions) = line.split_once('\t').unwrap_or((line, ""));
            let (shared, rest) = name.split_once(' ').unwrap_or_default();
            let before = methods.last().map_or("", |method| &method.name);
            let shared = before.get(..shared.parse().unwrap_or(0)).unwrap_or_default();
            let permissions = permissions.split(',').filter(|name| !name.is_empty());
            methods.push(Method {
                name: format!("{shared}{rest}"),
                permissions: permissions.map(str::to_owned).collect(),
            });
        }
        Methods { date, methods }
    }

    /// A method by either of its names. Of a call that several methods have, such as that for a project and that for a
    /// folder, the first, if all need the same.
    pub fn find(&self, name: &str) -> Option<&Method> {
        if let Ok(at) = self.methods.binary_search_by(|method| method.name.as_str().cmp(name)) {
            return self.methods.get(at);
        }
        let (package, service) = PACKAGES.iter().find(|(package, _)| name.starts_with(package))?;
        let call = name[package.len()..].rsplit('.').next()?;
        let full = format!("{service}.{call}");
        if let Some((_, method)) = CALLS.iter().find(|(known, _)| *known == full) {
            return self.find(method);
        }
        let of_service = self.methods.iter().filter(|method| {
            let is_of = method.name.split('.').next() == Some(service);
            is_of && method.calls().contains(call)
        });
        let found: Vec<&Method> = of_service.collect();
        let first = found.first().copied()?;
        let is_one = found.iter().all(|method| method.permissions == first.permissions);
        is_one.then_some(first)
    }

    /// Names of methods that are like a text.
    pub fn near(&self, name: &str) -> Vec<&str> {
        resource::nearest(name, self.methods.iter().map(|method| method.name.as_str()))
    }

    /// Every method, in order.
    pub fn iter(&self) -> impl Iterator<Item = &Method> {
        self.methods.iter()
    }
}

impl Method {
    /// What its call may be named: `CreateCustomJob` for `customJobs.create`, `AccessSecretVersion` for
    /// `secrets.versions.access`, `Predict` for `endpoints.predict`.
    fn calls(&self) -> BTreeSet<String> {
        let mut segments = self.name.rsplit('.');
        let verb = match segments.next().unwrap_or_default() {
            "patch" => "update",
            verb => verb,
        };
        let (resource, parent) = (segments.next().unwrap_or_default(), segments.next().unwrap_or_default());
        let verb = capital(verb);
        let noun = if verb == "List" {
            capital(resource)
        } else {
            capital(singular(resource))
        };
        let full = format!("{}{noun}", capital(singular(parent)));
        [verb.clone(), format!("{verb}{noun}"), format!("{verb}{full}")].into()
    }
}

fn capital(word: &str) -> String {
    let mut letters = word.chars();
    letters.next().map_or_else(String::new, |first| {
        first.to_ascii_uppercase().to_string() + letters.as_str()
    })
}

fn singular(word: &str) -> &str {
    match word {
        "indexes" => "index",
        "studies" => "study",
        _ => word.strip_suffix('s').unwrap_or(word),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::PredefinedRoles;

    #[test]
    fn every_permission_of_the_table_is_in_a_role() {
        let methods = Methods::embedded();
        assert!(methods.methods.is_sorted_by(|a, b| a.name < b.name));
        assert!(methods.methods.len() > 800, "{}", methods.methods.len());
        for method in methods.iter() {
            for permission in &method.permissions {
                assert!(PredefinedRoles::embedded().knows_permission(permission), "{method:?}");
            }
        }
    }

    #[test]
    fn methods_are_found_by_both_names() {
        let table: [(&str, Option<&[&str]>); 26] = [
            (
                "aiplatform.projects.locations.customJobs.create",
                Some(&["aiplatform.customJobs.create"]),
            ),
            (
                "google.cloud.aiplatform.v1.JobService.CreateCustomJob",
                Some(&["aiplatform.customJobs.create"]),
            ),
            (
                "google.cloud.aiplatform.v1.JobService.ListCustomJobs",
                Some(&["aiplatform.customJobs.list"]),
            ),
            (
                "google.cloud.aiplatform.v1.JobService.CancelCustomJob",
                Some(&["aiplatform.customJobs.cancel"]),
            ),
            (
                "google.cloud.aiplatform.v1.ModelService.UploadModel",
                Some(&["aiplatform.models.upload"]),
            ),
            (
                "google.cloud.aiplatform.v1.EndpointService.DeployModel",
                Some(&["aiplatform.endpoints.deploy"]),
            ),
            (
                "google.cloud.aiplatform.v1.PredictionService.Predict",
                Some(&["aiplatform.endpoints.predict"]),
            ),
            (
                "aiplatform.projects.locations.publishers.models.generateContent",
                Some(&["aiplatform.endpoints.predict"]),
            ),
            ("storage.objects.insert", Some(&["storage.objects.create"])),
            ("storage.objects.patch", Some(&["storage.objects.update"])),
            (
                "storage.objects.rewrite",
                Some(&["storage.objects.get", "storage.objects.create"]),
            ),
            ("google.storage.v2.Storage.ReadObject", Some(&["storage.objects.get"])),
            ("storage.buckets.testIamPermissions", Some(&[])),
            ("logging.entries.write", Some(&["logging.logEntries.create"])),
            (
                "google.logging.v2.LoggingServiceV2.WriteLogEntries",
                Some(&["logging.logEntries.create"]),
            ),
            (
                "google.cloud.secretmanager.v1.SecretManagerService.AccessSecretVersion",
                Some(&["secretmanager.versions.access"]),
            ),
            (
                "google.cloud.secretmanager.v1.SecretManagerService.AddSecretVersion",
                Some(&["secretmanager.versions.add"]),
            ),
            (
                "secretmanager.projects.secrets.versions.access",
                Some(&["secretmanager.versions.access"]),
            ),
            (
                "iamcredentials.projects.serviceAccounts.generateAccessToken",
                Some(&["iam.serviceAccounts.getAccessToken"]),
            ),
            (
                "google.iam.credentials.v1.IAMCredentials.SignBlob",
                Some(&["iam.serviceAccounts.signBlob"]),
            ),
            (
                "iam.projects.serviceAccounts.keys.create",
                Some(&["iam.serviceAccountKeys.create"]),
            ),
            (
                "artifactregistry.projects.locations.repositories.create",
                Some(&["artifactregistry.repositories.create"]),
            ),
            ("sts.token", Some(&[])),
            ("aiplatform.projects.locations.customJobs.frobnicate", None),
            ("google.cloud.bigquery.v2.JobService.InsertJob", None),
            ("storage.objects.get.more", None),
        ];
        for (name, expected) in table {
            let found = Methods::embedded().find(name);
            let permissions = found.map(|method| method.permissions.iter().map(String::as_str).collect::<Vec<_>>());
            assert_eq!(permissions.as_deref(), expected, "{name}");
        }
    }
}
