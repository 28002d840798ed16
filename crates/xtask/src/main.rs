//! Makes the generated files of the project: `cargo run -p xtask -- rules`, `cargo run -p xtask -- schema FACTS.json`.

mod rules;
mod schema;

use std::error::Error;
use std::path::Path;

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["rules"] => rules::generate(),
        ["schema", facts] => schema::generate(Path::new(facts)),
        _ => Err("usage: cargo run -p xtask -- rules | schema FACTS.json".into()),
    }
}
