//! Any bytes: reading must not panic, and what is printed must be printed the same again.
#![no_main]

use libfuzzer_sys::fuzz_target;
use yaml::{
    LayoutWriter, Node, Sources, decode, emit, encode_v3, json, normalize_newlines, read_config, read_documents, read_layout,
};

fn print(node: &Node) -> Option<String> {
    let mut out = Vec::new();
    emit(node, &mut out).ok()?;
    Some(String::from_utf8(out).expect("the output is UTF-8"))
}

fuzz_target!(|bytes: &[u8]| {
    let Ok(text) = decode(bytes.to_vec()) else { return };
    let source = Sources::new().add("fuzz.yaml", normalize_newlines(text));
    let _ = read_config(&source);
    if let Ok((documents, _)) = read_layout(&source) {
        let mut writer = LayoutWriter::new();
        documents.iter().for_each(|document| writer.write(document, false));
    }
    let Ok(documents) = read_documents(&source) else { return };
    for node in &documents.nodes {
        let _ = json::write(node, &mut Vec::new());
        let _ = encode_v3(node);
        let Some(first) = print(node) else { continue };
        // A key `<<` and a byte order mark are printed without quotes, as kustomize does it.
        if first.contains("<<") || first.contains('\u{FEFF}') || node.as_map().is_none() {
            continue;
        }
        let again = read_documents(&Sources::new().add("again.yaml", first.clone())).expect("the output is YAML");
        assert_eq!(again.nodes.first().and_then(print).as_deref().unwrap_or("{}\n"), first);
    }
});
