//! Case files: `cases/<name>.yaml` beside `<name>.out` (what is printed), `<name>.error` (the message and
//! its place), or `<name>.json` (what a kustomization file reads as, with the keys given twice).
//!
//! `UPDATE_CASES=1` writes the expectations anew; read the diff.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use yaml::{Mark, Source, Sources, decode, emit, json, normalize_newlines, read_config, read_documents};

#[test]
fn cases() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cases");
    let mut inputs: Vec<PathBuf> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "yaml"))
        .collect();
    inputs.sort();
    let mut wrong = String::new();
    for input in &inputs {
        let name = input.file_stem().unwrap().to_string_lossy().into_owned();
        let (kind, got) = run(&name, std::fs::read(input).unwrap());
        let path = input.with_extension(kind);
        if std::env::var_os("UPDATE_CASES").is_some() {
            std::fs::write(&path, &got).unwrap();
        }
        let want = std::fs::read_to_string(&path).unwrap_or_default();
        if want != got {
            wrong += &format!("{name}.{kind}\n--- expected\n{want}--- got\n{got}");
        }
    }
    assert!(inputs.len() > 20, "the cases are missing");
    assert!(wrong.is_empty(), "{wrong}");
}

fn run(name: &str, bytes: Vec<u8>) -> (&'static str, String) {
    let text = match decode(bytes) {
        Ok(text) => normalize_newlines(text),
        Err(error) => return ("error", format!("{error}\n")),
    };
    let source = Sources::new().add(format!("{name}.yaml"), text);
    let place = |mark: Mark| source.place(mark.offset).to_string();
    let failure = |mark, error: String, other: Option<Mark>, hint: Option<&str>| {
        let other = other.map(|mark| format!("  see {}\n", place(mark))).unwrap_or_default();
        let hint = hint.map(|hint| format!("  hint: {hint}\n")).unwrap_or_default();
        ("error", format!("{}: {error}\n{other}{hint}", place(mark)))
    };
    if name.starts_with("config_") {
        return match config(&source) {
            Ok(text) => ("json", text),
            Err(error) => failure(error.mark, error.to_string(), error.context, error.hint()),
        };
    }
    let documents = match read_documents(&source) {
        Ok(documents) => documents,
        Err(error) => return failure(error.mark, error.to_string(), error.context, error.hint()),
    };
    let mut out = format!("# chunks: {}\n", documents.chunks).into_bytes();
    for node in &documents.nodes {
        if let Err(error) = emit(node, &mut out) {
            return failure(error.mark, error.to_string(), error.first, error.hint());
        }
        out.extend_from_slice(b"---\n");
    }
    ("out", String::from_utf8(out).unwrap())
}

fn config(source: &Arc<Source>) -> Result<String, yaml::ParseError> {
    let config = read_config(source)?;
    let mut out = Vec::new();
    json::write(&config.node, &mut out).unwrap();
    out.push(b'\n');
    let mut text = String::from_utf8(out).unwrap();
    for duplicate in &config.duplicates {
        let (mark, first) = (
            source.place(duplicate.mark.offset),
            source.place(duplicate.first.offset),
        );
        text += &format!("{} at {mark}, first at {first}\n", duplicate.key);
    }
    Ok(text)
}
