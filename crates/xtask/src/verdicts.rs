//! What the schemas think of plain manifests, one line of JSON a document: to be compared with kubeconform's.
//!
//! In: a minor version of Kubernetes, files, and a directory of definitions. Out: for each document its file, API version, kind, name and
//! what is wrong, as `rule field: message`. Files that are no YAML are named on the error output.

use std::error::Error;
use std::path::Path;
use std::sync::Arc;

use build::OsFiles;
use check::Locations;
use resource::{Resource, Schema};
use schema::Catalog;
use serde_json::json;
use yaml::{Layer, Mark, Sources};

#[expect(clippy::print_stdout, clippy::print_stderr, reason = "a tool of the command line")]
pub(crate) fn print(location: Option<&str>, version: &str, files: &[&str]) -> Result<(), Box<dyn Error>> {
    let versions = schema::versions([version]).map_err(|(_, message)| message)?;
    let disk = OsFiles::new(std::env::current_dir()?);
    let mut locations = Locations::new(&disk);
    if let Some(location) = location {
        let added = locations.add(Path::new("."), location);
        added.map_err(|error| error.message)?;
    }
    let layer = Arc::new(Layer::new("".into(), String::new(), Mark::NONE));
    for file in files {
        let sources = Sources::new();
        let source = sources.add(*file, std::fs::read_to_string(Path::new(file))?);
        let documents = match yaml::read_documents(&source) {
            Ok(documents) => documents,
            Err(error) => {
                eprintln!("{file}: {error}");
                continue;
            }
        };
        for node in documents.nodes {
            if node.is_null_or_empty() {
                continue;
            }
            let object = Resource::new(node, layer.clone(), &Schema::builtin());
            let objects = [object];
            let findings = Catalog::new(&objects, versions, Some(&locations)).check(&objects);
            let said = findings
                .iter()
                .map(|finding| format!("{} {}: {}", finding.rule, finding.field, finding.message));
            let line = json!({
                "file": file,
                "apiVersion": objects[0].api_version(),
                "kind": objects[0].kind(),
                "name": objects[0].name(),
                "findings": said.collect::<Vec<_>>(),
            });
            println!("{line}");
        }
    }
    Ok(())
}
