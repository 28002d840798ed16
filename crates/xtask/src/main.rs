//! Makes the generated files of the project: `cargo run -p xtask -- schema FACTS.json`, `kubernetes PACKAGE`;
//! and says what the schemas think of manifests: `verdicts VERSION FILE...`.

mod enumerations;
mod kubernetes;
mod schema;
mod verdicts;

use std::error::Error;
use std::path::Path;

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["schema", facts] => schema::generate(Path::new(facts)),
        ["kubernetes", package] => kubernetes::generate(Path::new(package)),
        ["verdicts", version, ref files @ ..] => verdicts::print(version, files),
        _ => Err("usage: cargo run -p xtask -- schema FACTS.json | kubernetes DIR | verdicts VERSION FILE...".into()),
    }
}
