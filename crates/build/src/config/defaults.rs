//! The field specs that transformers use when no configuration says more (`defaults.txt`).

use std::sync::{Arc, OnceLock};

use hashbrown::HashMap;
use resource::Gvk;
use yaml::Text;

use super::types::{FieldSpec, NameReference, TransformerConfig};

const DEFAULTS: &str = include_str!("defaults.txt");

impl TransformerConfig {
    /// What kustomize starts with, already in its order.
    pub fn defaults() -> &'static Arc<TransformerConfig> {
        static CONFIG: OnceLock<Arc<TransformerConfig>> = OnceLock::new();
        CONFIG.get_or_init(|| Arc::new(parse(DEFAULTS)))
    }
}

/// Reads the notation that `defaults.txt` explains.
fn parse(text: &'static str) -> TransformerConfig {
    let mut config = TransformerConfig {
        settled: true,
        ..TransformerConfig::default()
    };
    let mut sets = Sets::new();
    let mut list = String::new();
    for block in statements(text) {
        if let Some(set) = block.strip_prefix("set ") {
            let (name, texts) = set.split_once('=').expect("a set has a name and texts");
            sets.insert(
                name.trim().to_owned(),
                texts.split_whitespace().map(str::to_owned).collect(),
            );
        } else if let Some(title) = block.strip_prefix('[').and_then(|block| block.strip_suffix(']')) {
            list = title.to_owned();
            if let Some(target) = title.strip_prefix("-> ") {
                config.name_reference.push(NameReference {
                    gvk: parse_type(target),
                    referrers: Vec::new(),
                });
            }
        } else {
            let (types, paths) = block.split_once(": ").expect("types come before paths");
            let specs = field_specs(types, paths, &sets);
            list_of(&mut config, &list).extend(specs);
        }
    }
    config
}

/// The statements of a text without comments: lines, with the indented ones joined to what they continue.
fn statements(text: &'static str) -> Vec<String> {
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
type Sets = HashMap<String, Vec<String>>;

fn field_specs(types: &str, paths: &str, sets: &Sets) -> Vec<FieldSpec> {
    let create = paths.ends_with(" +");
    let paths: Vec<Text> = paths
        .trim_end_matches(" +")
        .split(' ')
        .flat_map(|path| expand(path, sets))
        .collect();
    let spec = |gvk: &Gvk, path: &Text| FieldSpec {
        gvk: gvk.clone(),
        path: path.clone(),
        create,
    };
    let types = types.split(' ').map(parse_type);
    types
        .flat_map(|gvk| paths.iter().map(|path| spec(&gvk, path)).collect::<Vec<_>>())
        .collect()
}

/// The paths that a path with `$NAME`s stands for.
fn expand(path: &str, sets: &Sets) -> Vec<Text> {
    let Some(start) = path.find('$') else {
        return vec![path.into()];
    };
    let end = path[start..].find('/').map_or(path.len(), |length| start + length);
    let set = sets
        .get(&path[start + 1..end])
        .expect("a set is defined before it is used");
    set.iter()
        .flat_map(|text| expand(&format!("{}{text}{}", &path[..start], &path[end..]), sets))
        .collect()
}

/// Reads `Kind.version@group`.
fn parse_type(text: &str) -> Gvk {
    let (text, group) = text.split_once('@').unwrap_or((text, ""));
    let (kind, version) = text.split_once('.').unwrap_or((text, ""));
    let kind = if kind == "*" { "" } else { kind };
    Gvk {
        group: group.into(),
        version: version.into(),
        kind: kind.into(),
    }
}

/// The list of a title; for a reference, that of the last one.
fn list_of<'c>(config: &'c mut TransformerConfig, title: &str) -> &'c mut Vec<FieldSpec> {
    match title {
        "namePrefix" => &mut config.name_prefix,
        "nameSuffix" => &mut config.name_suffix,
        "namespace" => &mut config.namespace,
        "commonLabels" => &mut config.common_labels,
        "templateLabels" => &mut config.template_labels,
        "commonAnnotations" => &mut config.common_annotations,
        "varReference" => &mut config.var_reference,
        "images" => &mut config.images,
        "replicas" => &mut config.replicas,
        _ => {
            &mut config
                .name_reference
                .last_mut()
                .expect("every other list is one of references")
                .referrers
        }
    }
}

#[cfg(test)]
mod tests {
    use std::fmt::Write;

    use super::*;
    use crate::config::transformer_config::lists;

    fn type_text(gvk: &Gvk) -> String {
        format!("{}|{}|{}", gvk.group, gvk.version, gvk.kind)
    }

    fn write_specs(out: &mut String, specs: &[FieldSpec]) {
        for spec in specs {
            let create = if spec.create { '+' } else { '-' };
            writeln!(out, "{}|{}|{create}", type_text(&spec.gvk), spec.path).unwrap();
        }
    }

    /// The expected text lists what kustomize 5.8.1 holds after it has sorted its defaults.
    #[test]
    fn are_those_of_kustomize_in_its_order() {
        let config = TransformerConfig::defaults();
        let mut out = String::new();
        for (name, specs) in lists(config) {
            writeln!(out, "# {name}").unwrap();
            write_specs(&mut out, specs);
        }
        for reference in &config.name_reference {
            writeln!(out, "# nameReference {}", type_text(&reference.gvk)).unwrap();
            write_specs(&mut out, &reference.referrers);
        }
        assert_eq!(out, include_str!("defaults_expected.txt"));
    }
}
