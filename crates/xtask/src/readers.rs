//! What the strict readers say of kustomization files and of `terrace.yaml`, one line of JSON a file: to be compared
//! with what a validator of JSON schema says by the schemas that are exported for them.
//!
//! In: files. Out: for each file its path, the JSON value of its tree, and the reader's error, if it has one.

use std::error::Error;
use std::path::Path;

use build::config::Kustomization;
use build::{OsFiles, Session};
use check::Settings;
use serde_json::json;
use yaml::Sources;

#[expect(clippy::print_stdout, clippy::print_stderr, reason = "a tool of the command line")]
pub(crate) fn print(files: &[&str]) -> Result<(), Box<dyn Error>> {
    for file in files {
        let text = std::fs::read_to_string(file)?;
        let sources = Sources::new();
        let source = sources.add(*file, yaml::normalize_newlines(text));
        let node = match yaml::read_documents(&source) {
            Ok(documents) if documents.nodes.len() == 1 => documents.nodes.into_iter().next(),
            _ => None,
        };
        let Some(node) = node else {
            eprintln!("{file}: not one document");
            continue;
        };
        let error = match file.ends_with(platform::FILE_NAME) {
            true => platform_error(Path::new(file)),
            false => Kustomization::decode(&node, file).err().map(|error| error.message),
        };
        println!(
            "{}",
            json!({"file": file, "value": schema::json_value(&node), "error": error})
        );
    }
    Ok(())
}

fn platform_error(file: &Path) -> Option<String> {
    let files = OsFiles::new(std::env::current_dir().ok()?);
    let session = Session::new(&files);
    let platform = match platform::read(&session, file.parent()?) {
        Ok(platform) => platform,
        Err(error) => return Some(error.message),
    };
    let everywhere = &platform.spec.rules;
    let environments = platform.spec.environments.iter();
    let mut read = environments.map(|environment| Settings::read([everywhere, &environment.rules]));
    read.find_map(Result::err).map(|error| error.message)
}
