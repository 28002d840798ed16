//! An arena of types while it is filled, and where it is written.

use std::collections::HashMap;
use std::error::Error;
use std::path::Path;

use schema::{Type, TypeId, Types};

/// Types, each that has no name of its own kept once.
#[derive(Default)]
pub(crate) struct Arena {
    pub(crate) types: Types,
    /// Types without a name by their JSON.
    known: HashMap<String, TypeId>,
}

impl Arena {
    pub(crate) fn new(types: Types) -> Arena {
        Arena {
            types,
            known: HashMap::new(),
        }
    }

    /// The number of a type that may be there already.
    pub(crate) fn intern(&mut self, kind: Type) -> Result<TypeId, Box<dyn Error>> {
        let text = serde_json::to_string(&kind)?;
        if let Some(id) = self.known.get(&text) {
            return Ok(*id);
        }
        let id = self.types.push(kind);
        self.known.insert(text, id);
        Ok(id)
    }

    /// Packs the arena into a file of `crates/schema/data`.
    #[expect(clippy::print_stdout, reason = "the one who runs it wants to know the sizes")]
    pub(crate) fn write(&self, file: &str) -> Result<(), Box<dyn Error>> {
        let packed = self.types.pack();
        println!(
            "{}; {} types, {} kinds: {} bytes",
            self.types.versions.join(", "),
            self.types.types.len(),
            self.types.kinds.len(),
            packed.len()
        );
        let data = Path::new(env!("CARGO_MANIFEST_DIR")).join("../schema/data");
        Ok(std::fs::write(data.join(file), packed)?)
    }
}
