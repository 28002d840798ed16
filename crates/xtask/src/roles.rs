//! The table of Google's predefined roles, from the roles' own documents.

use std::collections::BTreeMap;
use std::error::Error;
use std::path::Path;

use identity::PredefinedRoles;
use serde::Deserialize;

#[derive(Deserialize)]
struct Role {
    #[serde(default)]
    title: String,
    #[serde(default)]
    permissions: Vec<String>,
}

/// Packs `{ROLE: {title, stage, permissions}}` as `identity/src/role.rs` reads it. The date is when the file was made.
#[expect(clippy::print_stdout, reason = "the one who runs it wants to know the size")]
pub(crate) fn generate(file: &Path, date: &str) -> Result<(), Box<dyn Error>> {
    let document: BTreeMap<String, Role> = serde_json::from_str(&std::fs::read_to_string(file)?)?;
    let roles = document
        .into_iter()
        .map(|(name, role)| (name, role.title, role.permissions));
    let table = PredefinedRoles::new(date, roles.collect())?;
    let packed = miniz_oxide::deflate::compress_to_vec(table.to_text().as_bytes(), 10);
    let (roles, permissions) = table.counts();
    println!("{roles} roles, {permissions} permissions, {} bytes", packed.len());
    let data = Path::new(env!("CARGO_MANIFEST_DIR")).join("../identity/data/roles.deflate");
    Ok(std::fs::write(data, packed)?)
}
