//! Any files: building them never panics, and what is built can be printed or says why not. The input is
//! cut at NUL bytes: a kustomization, a base's kustomization, resources, a patch.

#![no_main]

use std::path::Path;

use build::{MemoryFiles, Options, build};
use libfuzzer_sys::fuzz_target;

const NAMES: [&str; 4] = ["kustomization.yaml", "base/kustomization.yaml", "resources.yaml", "patch.yaml"];

fuzz_target!(|input: &[u8]| {
    let files: MemoryFiles = NAMES.into_iter().zip(input.split(|&byte| byte == 0)).collect();
    if let Ok(built) = build(&files, Path::new("/"), &Options::default()) {
        drop(built.to_yaml());
    }
});
