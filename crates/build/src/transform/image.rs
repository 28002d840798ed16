//! `images`: changes names, tags and digests of container images (kustomize's `ImageTagTransformer`).

use std::sync::Arc;

use regex::Regex;
use resource::ResourceSet;
use yaml::{Layer, Mark, Node, Tag, Text, Value};

use crate::config::{FieldSpec, Image, Str};
use crate::error::{BuildError, ErrorKind, Result};
use crate::parallel;
use crate::transform::fieldspec::{kind_name, set_scalar, visit};

pub(crate) fn apply(
    set: &mut ResourceSet,
    image: &Image,
    specs: &[FieldSpec],
    layer: &Arc<Layer>,
    threads: fn() -> usize,
) -> Result<()> {
    let change = Change {
        image,
        matcher: Matcher::new(image)?,
        layer,
    };
    parallel::change_each(set.iter_mut().into_slice(), threads, |_, resource| {
        if resource.kind() == "CustomResourceDefinition" {
            return Ok(());
        }
        let gvk = resource.gvk();
        let specs: Vec<&FieldSpec> = specs.iter().filter(|spec| spec.is_for(&gvk)).collect();
        // First every `image` of every list of containers, wherever it is, then what the specs name.
        // An image that both find is changed twice: kustomize adds a `tagSuffix` twice, too.
        if change.concerns_containers(&resource.node) {
            change.containers(&mut resource.node)?;
        }
        for spec in specs {
            if change.concerns(&resource.node, spec) {
                visit(&mut resource.node, spec, None, layer, &mut |node| change.set(node))?;
            }
        }
        Ok(())
    })
}

struct Change<'a> {
    image: &'a Image,
    matcher: Matcher,
    layer: &'a Arc<Layer>,
}

/// Tells whether a reference is to the image of this name. The name is a regular expression in
/// kustomize; most hold nothing special but dots, which stand for any character, and need no engine.
enum Matcher {
    Dotted(Text),
    Pattern(Regex),
}

impl Matcher {
    fn new(image: &Image) -> Result<Matcher> {
        let name = &image.name;
        if name
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'/' | b'-' | b'_' | b':' | b'@' | b'.'))
        {
            return Ok(Matcher::Dotted(name.clone()));
        }
        let pattern = format!("^{name}(:[a-zA-Z0-9_.{{}}-]*)?(@sha256:[a-zA-Z0-9_.{{}}-]*)?$");
        Regex::new(&pattern).map(Matcher::Pattern).map_err(|_| {
            let message = format!("the image name \"{name}\" is not a valid regular expression");
            BuildError::new(ErrorKind::Config, image.mark, message)
        })
    }

    fn is_match(&self, reference: &str) -> bool {
        match self {
            Matcher::Pattern(regex) => regex.is_match(reference),
            Matcher::Dotted(name) => {
                let mut rest = reference.chars();
                if !name
                    .chars()
                    .all(|wanted| rest.next().is_some_and(|c| c == wanted || (wanted == '.' && c != '\n')))
                {
                    return false;
                }
                let rest = rest.as_str();
                let is_tag = |text: &str| {
                    text.bytes()
                        .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'.' | b'{' | b'}' | b'-'))
                };
                let (tag, digest) = match rest.split_once('@') {
                    Some((tag, digest)) => (tag, Some(digest)),
                    None => (rest, None),
                };
                (tag.is_empty() || tag.strip_prefix(':').is_some_and(is_tag))
                    && digest.is_none_or(|digest| digest.strip_prefix("sha256:").is_some_and(is_tag))
            }
        }
    }
}

impl Change<'_> {
    /// Whether any container in this tree has an image to change.
    fn concerns_containers(&self, node: &Node) -> bool {
        match &node.value {
            Value::Scalar(_) => false,
            Value::Seq(items) => items.iter().any(|item| self.concerns_containers(item)),
            Value::Map(map) => map.iter().any(|entry| match &entry.value.value {
                Value::Scalar(_) => false,
                Value::Map(_) => self.concerns_containers(&entry.value),
                Value::Seq(items) => {
                    let has_image = |item: &Node| {
                        item.as_map().is_none_or(|map| {
                            map.get("image")
                                .is_some_and(|image| !image.is_scalar() || self.is_match(image))
                        })
                    };
                    self.concerns_containers(&entry.value)
                        || is_containers(&entry.key) && items.iter().any(|item| !item.is_null() && has_image(item))
                }
            }),
        }
    }

    /// Whether the spec names an image to change, or something that is none.
    fn concerns(&self, node: &Node, spec: &FieldSpec) -> bool {
        spec.any(node, &|image| !image.is_scalar() || self.is_match(image))
    }

    fn is_match(&self, image: &Node) -> bool {
        image.as_str().is_some_and(|reference| self.matcher.is_match(reference))
    }

    fn containers(&self, node: &mut Node) -> Result<()> {
        match &mut node.value {
            Value::Scalar(_) => Ok(()),
            Value::Seq(items) => items
                .make_mut()
                .iter_mut()
                .filter(|item| self.concerns_containers(item))
                .try_for_each(|item| self.containers(item)),
            Value::Map(map) => {
                for at in 0..map.len() {
                    let entry = &map.as_slice()[at];
                    let deeper = self.concerns_containers(&entry.value);
                    let here = is_containers(&entry.key);
                    if !deeper && !here {
                        continue;
                    }
                    let value = map.value_at_mut(at);
                    if deeper {
                        self.containers(value)?;
                    }
                    if here && let Value::Seq(items) = &mut value.value {
                        for item in items.make_mut() {
                            self.container(item)?;
                        }
                    }
                }
                Ok(())
            }
        }
    }

    fn container(&self, container: &mut Node) -> Result<()> {
        if container.is_null() {
            return Ok(());
        }
        let (mark, found) = (container.mark, kind_name(container));
        let Some(map) = container.as_map_mut() else {
            let message = format!("expected a container here, found a {found}");
            return Err(
                BuildError::new(ErrorKind::Transform, mark, message).related(self.layer.mark, "looked at for this")
            );
        };
        match map.get("image") {
            Some(image) if !image.is_scalar() || self.is_match(image) => match map.get_mut("image") {
                Some(image) => self.set(image),
                None => Ok(()),
            },
            _ => Ok(()),
        }
    }

    fn set(&self, node: &mut Node) -> Result<()> {
        if node.is_null() {
            return Ok(());
        }
        let Some(reference) = node.as_str() else {
            let message = format!("expected an image here, found a {}", kind_name(node));
            return Err(BuildError::new(ErrorKind::Transform, node.mark, message)
                .related(self.layer.mark, "looked at for this"));
        };
        if !self.matcher.is_match(reference) {
            return Ok(());
        }
        let (text, mark) = self.changed(reference);
        set_scalar(node, text, Tag::Unset, mark, self.layer)
    }

    /// The new reference, and the line that says the most about it.
    fn changed(&self, reference: &str) -> (Text, Mark) {
        let given = |field: &Option<Str>| field.as_ref().filter(|text| !text.is_empty()).cloned();
        let image = self.image;
        let (name, tag, digest) = split(reference);
        let (mut text, mut mark) = (name.to_owned(), image.mark);
        if let Some(new) = given(&image.new_name) {
            text = new.to_string();
            mark = new.mark;
        }
        let (new_tag, new_digest, suffix) = (given(&image.new_tag), given(&image.digest), given(&image.tag_suffix));
        let (mut tag, mut digest) = (tag.to_owned(), digest.to_owned());
        match (new_tag, new_digest, suffix) {
            (None, None, None) => {}
            (None, None, Some(suffix)) => {
                tag.push_str(&suffix);
                digest.clear();
                mark = suffix.mark;
            }
            (new_tag, new_digest, _) => {
                mark = new_tag.as_ref().or(new_digest.as_ref()).map_or(mark, |new| new.mark);
                tag = new_tag.map_or(String::new(), |new| new.to_string());
                digest = new_digest.map_or(String::new(), |new| new.to_string());
            }
        }
        if !tag.is_empty() {
            text.push(':');
            text.push_str(&tag);
        }
        if !digest.is_empty() {
            text.push('@');
            text.push_str(&digest);
        }
        (Text::from(text), mark)
    }
}

fn is_containers(key: &Node) -> bool {
    matches!(key.as_str(), Some("containers" | "initContainers"))
}

/// Splits `[host[:port]/]name[:tag][@digest]` (kustomize's `image.Split`).
fn split(reference: &str) -> (&str, &str, &str) {
    let start = reference.find('/').filter(|&slash| slash > 0).unwrap_or(0);
    let (at, colon) = (
        reference[start..].find('@').map(|i| i + start),
        reference[start..].find(':').map(|i| i + start),
    );
    match (colon, at) {
        (None, None) => (reference, "", ""),
        (Some(colon), Some(at)) if colon < at => (&reference[..colon], &reference[colon + 1..at], &reference[at + 1..]),
        (_, Some(at)) => (&reference[..at], "", &reference[at + 1..]),
        (Some(colon), None) => (&reference[..colon], &reference[colon + 1..], ""),
    }
}

#[cfg(test)]
mod tests {
    use super::split;

    #[test]
    fn references_are_split() {
        for (reference, expected) in [
            ("nginx", ("nginx", "", "")),
            ("nginx:1.7", ("nginx", "1.7", "")),
            ("host:5000/a/b", ("host:5000/a/b", "", "")),
            ("host:5000/a/b:v1", ("host:5000/a/b", "v1", "")),
            ("a@sha256:12", ("a", "", "sha256:12")),
            ("h:1/a:v1@sha256:12", ("h:1/a", "v1", "sha256:12")),
        ] {
            assert_eq!(split(reference), expected, "{reference}");
        }
    }
}
