//! Makes the field specs of `src/config/defaults.txt` a part of the program, so that it need not read them
//! each time it starts.
#![expect(
    clippy::disallowed_methods,
    reason = "a build script reads and writes files, and its environment says where"
)]

use std::collections::BTreeMap;
use std::fmt::Write;
use std::path::Path;

const TABLE: &str = "src/config/defaults.txt";

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    println!("cargo:rerun-if-changed={TABLE}");
    let text = std::fs::read_to_string(TABLE).expect("the table is there");
    let out = std::env::var_os("OUT_DIR").expect("cargo names the directory");
    std::fs::write(Path::new(&out).join("defaults.rs"), translate(&text)).expect("the directory can be written");
}

/// The table in its own notation, which it explains, as a Rust expression of type `TransformerConfig`.
fn translate(text: &str) -> String {
    let mut sets = Sets::new();
    let mut lists: Vec<(&str, String)> = Vec::new();
    let statements = statements(text);
    for statement in &statements {
        if let Some(set) = statement.strip_prefix("set ") {
            let (name, texts) = set.split_once('=').expect("a set has a name and texts");
            sets.insert(name.trim(), texts.split_whitespace().collect());
        } else if let Some(title) = statement.strip_prefix('[').and_then(|title| title.strip_suffix(']')) {
            lists.push((title, String::new()));
        } else {
            let (types, paths) = statement.split_once(": ").expect("types come before paths");
            let (_, list) = lists.last_mut().expect("specs come below a title");
            write_specs(list, types, paths, &sets);
        }
    }
    let (mut fields, mut references) = (String::new(), String::new());
    for (title, specs) in lists {
        let (text, end) = match title.strip_prefix("-> ") {
            Some(target) => (
                &mut references,
                format!("reference({}, const {{ &[{specs}] }}),\n", gvk(target)),
            ),
            None => (
                &mut fields,
                format!("{}: Cow::Borrowed(&[{specs}]),\n", snake_case(title)),
            ),
        };
        text.push_str(&end);
    }
    format!("TransformerConfig {{ {fields} name_reference: Cow::Borrowed(&[{references}]), settled: true }}")
}

/// The statements of a text without comments: lines, with the indented ones joined to what they continue.
fn statements(text: &str) -> Vec<String> {
    let mut statements: Vec<String> = Vec::new();
    for line in text.lines().filter(|line| !line.is_empty() && !line.starts_with('#')) {
        match statements.last_mut() {
            Some(statement) if line.starts_with(' ') => {
                statement.push(' ');
                statement.push_str(line.trim_start());
            }
            _ => statements.push(line.to_owned()),
        }
    }
    statements
}

/// The texts that each `$NAME` stands for.
type Sets<'a> = BTreeMap<&'a str, Vec<&'a str>>;

fn write_specs(list: &mut String, types: &str, paths: &str, sets: &Sets<'_>) {
    let create = paths.ends_with(" +");
    let paths = paths.trim_end_matches(" +").split(' ');
    let paths: Vec<String> = paths.flat_map(|path| expand(path, sets)).collect();
    for gvk in types.split(' ').map(gvk) {
        for path in &paths {
            writeln!(list, "spec({gvk}, {path:?}, {create}),").expect("a text takes all");
        }
    }
}

/// The paths that a path with `$NAME`s stands for.
fn expand(path: &str, sets: &Sets<'_>) -> Vec<String> {
    let Some(start) = path.find('$') else {
        return vec![path.to_owned()];
    };
    let end = path[start..].find('/').map_or(path.len(), |length| start + length);
    let set = &sets[&path[start + 1..end]];
    set.iter()
        .flat_map(|text| expand(&format!("{}{text}{}", &path[..start], &path[end..]), sets))
        .collect()
}

/// `Kind.version@group` as a Rust expression.
fn gvk(text: &str) -> String {
    let (text, group) = text.split_once('@').unwrap_or((text, ""));
    let (kind, version) = text.split_once('.').unwrap_or((text, ""));
    let kind = if kind == "*" { "" } else { kind };
    format!("gvk({group:?}, {version:?}, {kind:?})")
}

fn snake_case(title: &str) -> String {
    let letter = |c: char| match c.is_ascii_uppercase() {
        true => format!("_{}", c.to_ascii_lowercase()),
        false => c.to_string(),
    };
    title.chars().map(letter).collect()
}
