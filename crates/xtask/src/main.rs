//! Makes the generated files of the project: `cargo run -p xtask -- rules`, `schema FACTS.json`, `kubernetes PACKAGE`, `vertex DOCUMENT`,
//! `bundled DIR`, `roles FILE.json DATE`, `methods DIR DATE`, `calls DIR DATE`;
//! and says what the schemas think of manifests (`verdicts [--schema-location DIR] VERSION FILE...`) and the readers of configuration
//! (`readers FILE...`).

mod arena;
mod bundled;
mod calls;
mod enumerations;
mod kubernetes;
mod methods;
mod readers;
mod roles;
mod rules;
mod schema;
mod verdicts;
mod vertex;

use std::error::Error;
use std::path::Path;

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["rules"] => rules::generate(),
        ["schema", facts] => schema::generate(Path::new(facts)),
        ["kubernetes", package] => kubernetes::generate(Path::new(package)),
        ["vertex", document] => vertex::generate(Path::new(document)),
        ["calls", directory, date] => calls::generate(Path::new(directory), date),
        ["methods", directory, date] => methods::generate(Path::new(directory), date),
        ["roles", file, date] => roles::generate(Path::new(file), date),
        ["bundled", directory] => bundled::generate(Path::new(directory)),
        ["readers", ref files @ ..] => readers::print(files),
        ["verdicts", "--schema-location", location, version, ref files @ ..] => {
            verdicts::print(Some(location), version, files)
        }
        ["verdicts", version, ref files @ ..] => verdicts::print(None, version, files),
        _ => Err(
            "usage: cargo run -p xtask -- rules | schema FACTS.json | kubernetes DIR | vertex FILE.json | bundled DIR | roles FILE.json DATE | methods DIR DATE | calls DIR DATE | verdicts [--schema-location DIR] VERSION FILE... | readers FILE...".into(),
        ),
    }
}
