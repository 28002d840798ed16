//! ConfigMaps and Secrets from files, env files and literals (kustomize's `ConfigMapGenerator` and
//! `SecretGenerator`).

use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use resource::{Behavior, Resource};
use yaml::{Layer, Map, Node, Style, Tag};

use crate::accumulate::{Context, Target};
use crate::config::GeneratorArgs;
use crate::error::{BuildError, ErrorKind, Result};
use crate::generate::key_values::{Data, KeyValue, read};

/// What is made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Generated {
    ConfigMap,
    Secret,
}

/// Makes the object of one generator.
pub(crate) fn generate(
    cx: &Context<'_>,
    target: &Target,
    kind: Generated,
    args: &GeneratorArgs,
    layer: &Arc<Layer>,
) -> Result<Resource> {
    object(cx, kind, args, read(cx, target, args)?, layer)
}

/// Makes an object of pairs that were read already; each key comes once.
pub(crate) fn object(
    cx: &Context<'_>,
    kind: Generated,
    args: &GeneratorArgs,
    mut pairs: Vec<KeyValue>,
    layer: &Arc<Layer>,
) -> Result<Resource> {
    if args.name.is_empty() {
        return Err(
            BuildError::new(ErrorKind::Config, args.mark, "a configmap must have a name")
                .hint("give the generator a name"),
        );
    }
    let mut metadata = Map::new();
    metadata.insert("name", Node::quoted_string(args.name.clone()));
    if !args.namespace.is_empty() {
        metadata.insert("namespace", Node::quoted_string(args.namespace.clone()));
    }
    let options = args.options.clone().unwrap_or_default();
    for (field, pairs) in [("labels", &options.labels), ("annotations", &options.annotations)] {
        if !pairs.is_empty() {
            let mut map = Map::new();
            for (key, value) in pairs {
                map.insert(key.text.clone(), Node::string(value.text.clone()).at(value.mark));
            }
            metadata.insert(field, Node::map(map));
        }
    }
    let mut object = Map::new();
    object.insert("apiVersion", Node::string("v1"));
    object.insert(
        "kind",
        Node::string(if kind == Generated::Secret {
            "Secret"
        } else {
            "ConfigMap"
        }),
    );
    object.insert("metadata", Node::map(metadata));
    if kind == Generated::Secret {
        let secret_type = if args.secret_type.is_empty() {
            "Opaque".into()
        } else {
            args.secret_type.clone()
        };
        object.insert("type", Node::string(secret_type));
    }
    pairs.sort_by(|a, b| a.key.cmp(&b.key));
    let (mut data, mut binary) = (Map::new(), Map::new());
    for pair in pairs {
        match (kind, pair.value) {
            (Generated::ConfigMap, Data::Text(text)) => data.push(Node::string(pair.key), value(text).at(pair.mark)),
            (Generated::ConfigMap, Data::Bytes(bytes)) => {
                binary.push(Node::string(pair.key), value(base64_lines(&bytes).into()).at(pair.mark));
            }
            (Generated::Secret, content) => {
                data.push(
                    Node::string(pair.key),
                    value(base64_lines(content.as_bytes()).into()).at(pair.mark),
                );
            }
        }
    }
    if !data.is_empty() || kind == Generated::Secret {
        object.insert("data", Node::map(data));
    }
    if !binary.is_empty() {
        object.insert("binaryData", Node::map(binary));
    }
    if options.immutable {
        object.insert("immutable", Node::scalar("true", Tag::Bool));
    }
    let mut node = Node::map(object).at(args.mark);
    node.stamp(layer);
    let mut resource = Resource::new(node, layer.clone(), &cx.schema);
    resource.needs_hash = !options.disable_name_suffix_hash;
    resource.behavior = match &*args.behavior {
        "create" => Behavior::Create,
        "merge" => Behavior::Merge,
        "replace" => Behavior::Replace,
        _ => Behavior::Unspecified,
    };
    Ok(resource)
}

fn value(text: yaml::Text) -> Node {
    let style = if text.contains('\n') {
        Style::Literal
    } else {
        Style::Plain
    };
    let mut node = Node::string(text);
    node.style = style;
    node
}

/// Base64 in lines of 70 characters; what fits in less is one line without an end.
fn base64_lines(bytes: &[u8]) -> String {
    const LINE: usize = 70;
    let digits = STANDARD.encode(bytes);
    if digits.len() < LINE {
        return digits;
    }
    let mut lines = String::with_capacity(digits.len() + digits.len() / LINE + 1);
    let mut rest = digits.as_str();
    while !rest.is_empty() {
        let (line, more) = rest.split_at(rest.len().min(LINE));
        lines.push_str(line);
        lines.push('\n');
        rest = more;
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::base64_lines;

    #[test]
    fn base64_breaks_after_seventy_characters() {
        assert_eq!(base64_lines(b""), "");
        assert_eq!(base64_lines(b"f"), "Zg==");
        assert_eq!(base64_lines(b"fo"), "Zm8=");
        assert_eq!(base64_lines(b"foo"), "Zm9v");
        assert_eq!(base64_lines(&[0; 51]), "A".repeat(68));
        assert_eq!(base64_lines(&[0; 54]), format!("{}\nAA\n", "A".repeat(70)));
    }
}
