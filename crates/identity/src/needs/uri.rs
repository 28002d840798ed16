//! Names of Google Cloud resources inside texts: arguments, environment variables, fields.

use crate::name::ResourceName;

/// A resource that a text names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Named {
    /// `gs://BUCKET` and what is below it.
    Storage(ResourceName),
    /// `projects/P/secrets/S`, its version where it says one.
    Secret(ResourceName),
    /// `projects/P/locations/L/endpoints/E` of Vertex AI.
    Endpoint(ResourceName),
}

/// The resources that a text names, in order. A name that is put together when the program runs, with `$` or `{` in
/// it, is known only as far as it is written.
pub(super) fn named(text: &str) -> Vec<Named> {
    let mut found = Vec::new();
    for (at, _) in text.match_indices("gs://") {
        found.extend(storage(word(&text[at..])).map(Named::Storage));
    }
    for (at, _) in text.match_indices("projects/") {
        // `//storage.googleapis.com/projects/_/…` and the like are full names, read elsewhere.
        if text[..at].ends_with(|c: char| c.is_ascii_alphanumeric()) {
            continue;
        }
        let path = word(&text[at..]).trim_end_matches('/');
        // A method may follow: `…/endpoints/7:predict`.
        let segments: Vec<&str> = path.split(':').next().unwrap_or(path).split('/').collect();
        if segments.iter().any(|segment| !is_plain(segment)) {
            continue;
        }
        let name = |service: &str, path: &[&str]| ResourceName::parse(&format!("//{service}/{}", path.join("/"))).ok();
        match segments[..] {
            ["projects", _, "secrets", _, "versions", _] | ["projects", _, "secrets", _] => {
                found.extend(name("secretmanager.googleapis.com", &segments).map(Named::Secret));
            }
            ["projects", _, "locations", _, "endpoints", _] => {
                found.extend(name("aiplatform.googleapis.com", &segments).map(Named::Endpoint));
            }
            _ => {}
        }
    }
    found
}

/// What a URI of Cloud Storage names, as far as it is written. A name without an extension is a directory.
pub(super) fn storage(uri: &str) -> Option<ResourceName> {
    let path = uri.strip_prefix("gs://")?;
    let (bucket, object) = path.split_once('/').unwrap_or((path, ""));
    if bucket.is_empty() || !is_plain(bucket) {
        return None;
    }
    let bucket = ResourceName::bucket(bucket);
    let known = object.split(['*', '?', '$', '{', '<', '%']).next().unwrap_or_default();
    let object = if known.len() == object.len() {
        let last = object.rsplit('/').next().unwrap_or_default();
        match object {
            "" => return Some(bucket),
            _ if last.is_empty() || last.contains('.') => object.to_owned(),
            _ => format!("{object}/"),
        }
    } else {
        // What is known of the name is the directory before the part that is not.
        known
            .rfind('/')
            .map_or_else(String::new, |slash| known[..=slash].to_owned())
    };
    match object.as_str() {
        "" => Some(bucket),
        object => Some(bucket.child("objects", object)),
    }
}

/// The text up to what cannot be in a name.
fn word(text: &str) -> &str {
    let ends = |c: char| c.is_whitespace() || matches!(c, '"' | '\'' | ',' | ';' | ')' | ']' | '|' | '`' | '\\');
    text.split(ends).next().unwrap_or_default()
}

fn is_plain(segment: &str) -> bool {
    let is_part = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    !segment.is_empty() && segment.chars().all(is_part)
}

/// Words of names of flags and variables whose resource is written, not read.
const OUTPUTS: [&str; 16] = [
    "artifacts",
    "checkpoint",
    "checkpoints",
    "dest",
    "destination",
    "dst",
    "export",
    "out",
    "output",
    "outputs",
    "result",
    "results",
    "save",
    "sink",
    "staging",
    "upload",
];

/// Whether a flag or variable of this name says where something is written.
pub(super) fn is_output(name: &str) -> bool {
    let mut words = name.split(|c: char| !c.is_ascii_alphanumeric());
    words.any(|word| OUTPUTS.contains(&word.to_ascii_lowercase().as_str()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_found_in_texts() {
        let table = [
            (
                "--data=gs://acme-data/iris/train.csv",
                "/acme-data/objects/iris/train.csv",
            ),
            ("cp 'gs://acme-data/iris' /tmp", "/acme-data/objects/iris/"),
            ("gs://acme-data", "/acme-data"),
            ("gs://acme-data/", "/acme-data"),
            ("gs://acme-data/runs/$RUN/x.csv", "/acme-data/objects/runs/"),
            ("gs://acme-data/run-$RUN", "/acme-data"),
            ("gs://acme-data/parts/*.csv", "/acme-data/objects/parts/"),
        ];
        for (text, end) in table {
            let [Named::Storage(name)] = &named(text)[..] else {
                panic!("{text}: {:?}", named(text));
            };
            assert_eq!(
                name.as_str(),
                format!("//storage.googleapis.com/projects/_/buckets{end}"),
                "{text}"
            );
        }
        for text in [
            "gs://$BUCKET/x",
            "gs://{{bucket}}/x",
            "gs://",
            "s3://acme/x",
            "projects/acme",
            "projects/$P/secrets/s",
        ] {
            assert_eq!(named(text), [], "{text}");
        }
        let secret = named("sm://projects/acme/secrets/token/versions/latest");
        assert!(
            matches!(&secret[..], [Named::Secret(name)] if name.path() == "projects/acme/secrets/token/versions/latest")
        );
        let endpoint = named("https://x/v1/projects/acme/locations/europe-west4/endpoints/7:predict");
        assert!(matches!(&endpoint[..], [Named::Endpoint(_)]), "{endpoint:?}");
    }

    #[test]
    fn outputs_are_told_by_their_names() {
        for name in ["OUTPUT_DIR", "--output-uri", "MODEL_OUT", "--dest", "CHECKPOINT_DIR"] {
            assert!(is_output(name), "{name}");
        }
        for name in ["INPUT", "MODEL_URI", "ROUTER", "SCOUT_DATA", "--data"] {
            assert!(!is_output(name), "{name}");
        }
    }
}
