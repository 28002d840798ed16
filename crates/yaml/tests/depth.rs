//! Documents that are deep or that grow by aliases: an answer at once, on a small stack.

use yaml::{Sources, emit, encode_v3, json, read_documents};

/// Reads and prints on a stack of 2 MiB; the error text if there is one.
fn read_and_print(text: String) -> Result<usize, String> {
    let work = move || {
        let source = Sources::new().add("deep.yaml", text);
        let documents = read_documents(&source).map_err(|error| error.to_string())?;
        let mut out = Vec::new();
        for node in &documents.nodes {
            emit(node, &mut out).map_err(|error| error.to_string())?;
            json::write(node, &mut Vec::new()).map_err(|error| error.to_string())?;
            encode_v3(node);
        }
        Ok(out.len())
    };
    std::thread::Builder::new()
        .stack_size(2 << 20)
        .spawn(work)
        .unwrap()
        .join()
        .unwrap()
}

#[test]
fn deep_documents_cost_no_stack() {
    for depth in [100, 9_990] {
        assert!(read_and_print(format!("a: {}{}", "[".repeat(depth), "]".repeat(depth))).is_ok());
        assert!(read_and_print(format!("{}1{}", "{a: ".repeat(depth), "}".repeat(depth))).is_ok());
        assert!(read_and_print(format!("{}1{}", "[{a: ".repeat(depth / 2), "}]".repeat(depth / 2))).is_ok());
        assert!(read_and_print(format!("{}x", "- ".repeat(depth))).is_ok());
    }
}

#[test]
fn too_deep_is_an_error() {
    let flow = read_and_print(format!("a: {}", "[".repeat(11_000)));
    assert_eq!(flow.unwrap_err(), "flow collections nested more than 10000 levels deep");
    let block = read_and_print("- ".repeat(11_000));
    assert_eq!(
        block.unwrap_err(),
        "block collections nested more than 10000 levels deep"
    );
}

#[test]
fn an_anchor_bomb_is_an_error() {
    let mut text = String::from("a: &a [x, x, x, x, x, x, x, x, x]\n");
    for (name, of) in "bcdefghij".chars().zip("abcdefghi".chars()) {
        text += &format!("{name}: &{name} [*{of}, *{of}, *{of}, *{of}, *{of}, *{of}, *{of}, *{of}, *{of}]\n");
    }
    assert_eq!(read_and_print(text).unwrap_err(), "aliases add more than 1000000 nodes");
}

#[test]
fn a_long_chain_of_aliases_is_no_deeper_than_the_limit() {
    let mut text = String::from("x0: &x0 [1]\n");
    for at in 1..1_200 {
        text += &format!("x{at}: &x{at} [*x{}]\n", at - 1);
    }
    assert!(read_and_print(text).is_ok());
}
