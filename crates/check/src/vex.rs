//! Statements that a vulnerability does not matter: CycloneDX VEX.
//!
//! A statement holds for what it says it is about (`affects`): images and packages by their package URLs, or components
//! of the document itself. One that names nothing holds for everything; one that names what cannot be told, for nothing.

use hashbrown::HashMap;
use resource::Image;
use serde_json::Value;

use crate::evidence::{Vulnerability, list, text};

/// What is stated, by the id of the vulnerability.
#[derive(Clone, Debug, Default)]
pub(crate) struct Statements {
    by_id: HashMap<String, Vec<Statement>>,
}

/// That a vulnerability does not matter in something.
#[derive(Clone, Debug)]
enum Statement {
    Everywhere,
    /// In one of these.
    In(Vec<Product>),
}

/// What a statement is about.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Product {
    Image {
        /// With its registry, or the last word of it alone.
        name: String,
        /// A tag or a digest.
        version: Option<String>,
    },
    Package {
        /// As the languages write it: `name`, `namespace/name`, `namespace:name`.
        names: Vec<String>,
        version: Option<String>,
    },
}

impl Statements {
    /// Adds what a document states.
    ///
    /// # Errors
    /// A fragment that says why it states nothing.
    pub(crate) fn add(&mut self, document: &Value) -> Result<(), String> {
        if text(document, "bomFormat") != Some("CycloneDX") || document.get("vulnerabilities").is_none() {
            return Err("it is no CycloneDX document with vulnerabilities".to_owned());
        }
        for vulnerability in list(document, "vulnerabilities") {
            let state = vulnerability.pointer("/analysis/state").and_then(Value::as_str);
            let (Some("not_affected" | "false_positive" | "resolved" | "resolved_with_pedigree"), Some(id)) =
                (state, text(vulnerability, "id"))
            else {
                continue;
            };
            let mut references = list(vulnerability, "affects").peekable();
            let statement = match references.peek() {
                None => Statement::Everywhere,
                Some(_) => {
                    let references = references.filter_map(|affected| text(affected, "ref"));
                    Statement::In(
                        references
                            .filter_map(|reference| product(reference, document))
                            .collect(),
                    )
                }
            };
            self.by_id.entry(id.to_owned()).or_default().push(statement);
        }
        Ok(())
    }

    /// Whether a vulnerability of an image is stated not to matter.
    pub(crate) fn is_harmless(&self, image: &Image<'_>, found: &Vulnerability) -> bool {
        let ids = std::iter::once(&found.id).chain(&found.aliases);
        ids.filter_map(|id| self.by_id.get(id))
            .flatten()
            .any(|statement| match statement {
                Statement::Everywhere => true,
                Statement::In(products) => products.iter().any(|product| product.is_of(image, found)),
            })
    }
}

impl Product {
    fn is_of(&self, image: &Image<'_>, found: &Vulnerability) -> bool {
        match self {
            Product::Image { name, version } => {
                let full = image.full_name();
                let is_named = match name.contains('/') {
                    true => Image::read(name).is_some_and(|name| name.full_name() == full),
                    false => full.rsplit('/').next() == Some(name),
                };
                let is_version = |version: &String| [image.tag, image.digest].contains(&Some(version.as_str()));
                is_named && version.as_ref().is_none_or(is_version)
            }
            Product::Package { names, version } => {
                let is_version = match (version, &found.version) {
                    (Some(version), Some(found)) => version == found,
                    _ => true,
                };
                names.contains(&found.package) && is_version
            }
        }
    }
}

/// What a reference means: a package URL, one behind the link to another document, or a component of this one.
fn product(reference: &str, document: &Value) -> Option<Product> {
    let last = reference.rsplit_once('#').map_or(reference, |(_, last)| last);
    let own = || {
        let components = list(document, "components").chain(document.pointer("/metadata/component"));
        components
            .filter(|component| text(component, "bom-ref") == Some(reference))
            .find_map(of_component)
    };
    own()
        .or_else(|| of_package_url(reference))
        .or_else(|| of_package_url(&decoded(last)))
}

fn of_component(component: &Value) -> Option<Product> {
    if let Some(product) = text(component, "purl").and_then(of_package_url) {
        return Some(product);
    }
    let (name, version) = (text(component, "name")?, text(component, "version"));
    match text(component, "type") {
        Some("container") => {
            let image = Image::read(name)?;
            let version = image.digest.or(image.tag).or(version).map(str::to_owned);
            Some(Product::Image {
                name: image.name.to_owned(),
                version,
            })
        }
        _ => {
            let group = text(component, "group");
            let with_group = group
                .into_iter()
                .flat_map(|group| [format!("{group}/{name}"), format!("{group}:{name}")]);
            Some(Product::Package {
                names: with_group.chain([name.to_owned()]).collect(),
                version: version.map(str::to_owned),
            })
        }
    }
}

/// `pkg:TYPE/NAMESPACE/NAME@VERSION?QUALIFIERS#PATH` (<https://github.com/package-url/purl-spec>).
fn of_package_url(text: &str) -> Option<Product> {
    let rest = text.strip_prefix("pkg:")?;
    let rest = rest.split('#').next()?;
    let (rest, qualifiers) = rest.split_once('?').unwrap_or((rest, ""));
    let (kind, path) = rest.trim_start_matches('/').split_once('/')?;
    // The name of a package may begin with an @.
    let (path, version) = match path.rsplit_once('@') {
        Some((path, version)) if !path.is_empty() && !path.ends_with('/') => (path, Some(decoded(version))),
        _ => (path, None),
    };
    let path = decoded(path);
    let (namespace, name) = path.rsplit_once('/').unwrap_or(("", &path));
    let qualifier = |name: &str| {
        let mut pairs = qualifiers.split('&').filter_map(|pair| pair.split_once('='));
        pairs.find(|(key, _)| *key == name).map(|(_, value)| decoded(value))
    };
    Some(match kind {
        "oci" => Product::Image {
            name: qualifier("repository_url").unwrap_or_else(|| name.to_owned()),
            version: version.or_else(|| qualifier("tag")),
        },
        "docker" => Product::Image {
            name: match qualifier("repository_url") {
                Some(registry) => format!("{}/{path}", registry.trim_end_matches('/')),
                None if namespace.is_empty() => format!("library/{name}"),
                None => path.clone(),
            },
            version,
        },
        _ => Product::Package {
            names: vec![name.to_owned(), path.clone(), format!("{namespace}:{name}")],
            version,
        },
    })
}

/// The text without `%` codes.
fn decoded(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&first, after)) = rest.split_first() {
        let code = after.get(..2).filter(|_| first == b'%').and_then(|digits| {
            let digits = std::str::from_utf8(digits).ok()?;
            u8::from_str_radix(digits, 16).ok()
        });
        bytes.push(code.unwrap_or(first));
        rest = if code.is_some() { &after[2..] } else { after };
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::evidence::Threat;

    #[test]
    fn a_statement_holds_for_what_it_names() {
        let found = Vulnerability {
            id: "GHSA-1".to_owned(),
            aliases: vec!["CVE-1".to_owned()],
            severity: Threat::Critical,
            package: "zlib".to_owned(),
            version: Some("1.2".to_owned()),
            fixed: None,
        };
        let image = Image::read("eu.pkg.dev/acme/ml/iris:3@sha256:aa").unwrap();
        let table = [
            (json!([]), true),
            (json!([{"ref": "pkg:oci/iris"}]), true),
            (
                json!([{"ref": "pkg:oci/iris@sha256%3Aaa?repository_url=eu.pkg.dev/acme/ml/iris&tag=3"}]),
                true,
            ),
            (json!([{"ref": "pkg:oci/iris@sha256:bb"}]), false),
            (
                json!([{"ref": "pkg:oci/iris?repository_url=docker.io/acme/iris"}]),
                false,
            ),
            (
                json!([{"ref": "pkg:docker/acme/ml/iris@3?repository_url=eu.pkg.dev"}]),
                true,
            ),
            (json!([{"ref": "pkg:docker/iris"}]), false),
            (json!([{"ref": "pkg:oci/other"}]), false),
            (
                json!([{"ref": "pkg:oci/other"}, {"ref": "pkg:deb/debian/zlib@1.2?arch=amd64"}]),
                true,
            ),
            (json!([{"ref": "pkg:deb/debian/zlib@1.3"}]), false),
            (json!([{"ref": "urn:cdx:3e67/1#pkg%3Adeb%2Fdebian%2Fzlib"}]), true),
            (json!([{"ref": "image"}]), true),
            (json!([{"ref": "library"}]), false),
            (json!([{"ref": "who-knows"}]), false),
        ];
        for (affects, expected) in table {
            let document = json!({"bomFormat": "CycloneDX",
                "metadata": {"component": {"bom-ref": "image", "type": "container", "name": "eu.pkg.dev/acme/ml/iris", "version": "3"}},
                "components": [{"bom-ref": "library", "type": "library", "name": "ssl"}],
                "vulnerabilities": [{"id": "CVE-1", "analysis": {"state": "not_affected"}, "affects": affects}]});
            let mut statements = Statements::default();
            statements.add(&document).unwrap();
            assert_eq!(statements.is_harmless(&image, &found), expected, "{affects}");
        }
    }
}
