//! The buckets that a job sees as `/gcs`: those that it names, with the permissions of its account.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use serde_json::Value as Json;

use crate::access::Caller;
use crate::cloud::Cloud;
use crate::storage::{self, Seen};

/// Buckets as folders.
pub(super) struct Buckets {
    caller: Caller,
    mounted: Vec<(String, PathBuf, Seen)>,
}

impl Buckets {
    /// Writes the buckets that a specification names below a directory. One that the account may not read is left out,
    /// and a line says so.
    pub(super) fn mount(cloud: &Cloud, account: &str, spec: &Json, directory: &Path) -> Buckets {
        let mut named = BTreeSet::new();
        collect_names(spec, &mut named);
        let mut buckets = Buckets {
            caller: Caller::Known(Cloud::as_account(account)),
            mounted: Vec::new(),
        };
        for name in named {
            let folder = directory.join(&name);
            match storage::mount(cloud, &buckets.caller, &name, &folder) {
                Ok(seen) => buckets.mounted.push((name, folder, seen)),
                Err(error) => crate::log::warn(&format!("/gcs/{name} is not there for {account}: {}", error.message)),
            }
        }
        buckets
    }

    /// Makes objects of what was written since the last time.
    pub(super) fn collect(&mut self, cloud: &Cloud) {
        for (name, folder, seen) in &mut self.mounted {
            if let Err(error) = storage::collect(cloud, &self.caller, name, folder, seen) {
                crate::log::warn(&format!("not all of /gcs/{name} could be kept: {}", error.message));
            }
        }
    }
}

/// The buckets in `gs://BUCKET/…` and `/gcs/BUCKET/…`, anywhere in a document.
fn collect_names(node: &Json, names: &mut BTreeSet<String>) {
    match node {
        Json::String(text) => {
            for start in ["gs://", "/gcs/"] {
                for (at, _) in text.match_indices(start) {
                    let rest = &text[at + start.len()..];
                    let is_part = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || "-_.".contains(c);
                    let name = rest.split(|c| !is_part(c)).next().unwrap_or_default();
                    let name = name.trim_end_matches('.');
                    if name.len() >= 3 {
                        names.insert(name.to_owned());
                    }
                }
            }
        }
        Json::Array(items) => items.iter().for_each(|item| collect_names(item, names)),
        Json::Object(fields) => fields.values().for_each(|value| collect_names(value, names)),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn buckets_are_found_wherever_they_are_named() {
        let spec = json!({"a": ["--data=/gcs/iris-data/x.csv", "gs://iris-models"], "b": {"c": "/gcs/iris.acme.com/v1, gs://x"}});
        let mut names = BTreeSet::new();
        collect_names(&spec, &mut names);
        assert_eq!(Vec::from_iter(names), ["iris-data", "iris-models", "iris.acme.com"]);
    }
}
