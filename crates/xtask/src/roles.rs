//! The table of Google's predefined roles, from the roles' own documents.

use std::collections::{BTreeMap, BTreeSet};
use std::error::Error;
use std::fmt::Write as _;
use std::path::Path;

/// Packs `{ROLE: {title, stage, permissions}}` as `identity/src/role.rs` reads it. The date is when the file was made.
#[expect(clippy::print_stdout, reason = "the one who runs it wants to know the size")]
pub(crate) fn generate(file: &Path, date: &str) -> Result<(), Box<dyn Error>> {
    let document: BTreeMap<String, serde_json::Value> = serde_json::from_str(&std::fs::read_to_string(file)?)?;
    let permissions_of = |role: &serde_json::Value| -> BTreeSet<String> {
        let list = role["permissions"].as_array().into_iter().flatten();
        list.filter_map(|name| name.as_str().map(str::to_owned)).collect()
    };
    let all: BTreeSet<String> = document.values().flat_map(permissions_of).collect();
    let mut text = format!("{date}\n");
    let mut before = "";
    for permission in &all {
        let same = before
            .bytes()
            .zip(permission.bytes())
            .take_while(|(a, b)| a == b)
            .count();
        writeln!(text, "{same} {}", &permission[same..])?;
        before = permission;
    }
    text.push('\n');
    let numbers: BTreeMap<&String, usize> = all.iter().zip(0..).collect();
    for (name, role) in &document {
        let held: Vec<usize> = permissions_of(role)
            .iter()
            .map(|permission| numbers[permission])
            .collect();
        let ranges: Vec<String> = held.chunk_by(|a, b| a + 1 == *b).map(range).collect();
        let title = role["title"].as_str().unwrap_or_default();
        writeln!(text, "{name}\t{title}\t{}", ranges.join(","))?;
    }
    let packed = miniz_oxide::deflate::compress_to_vec(text.as_bytes(), 10);
    println!(
        "{} roles, {} permissions, {} bytes",
        document.len(),
        all.len(),
        packed.len()
    );
    let data = Path::new(env!("CARGO_MANIFEST_DIR")).join("../identity/data/roles.deflate");
    Ok(std::fs::write(data, packed)?)
}

fn range(run: &[usize]) -> String {
    match run {
        [] => String::new(),
        [one] => one.to_string(),
        [first, ..] => format!("{first}+{}", run.len() - 1),
    }
}
