//! Schemas of custom resources in files: `--schema-location` and `schemaLocations`.
//!
//! A location is a file or directory of definitions and JSON schemas, or a path with kubeconform's
//! variables: `schemas/{{.Group}}/{{.ResourceKind}}_{{.ResourceAPIVersion}}.json`.

use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, OnceLock, PoisonError};

use build::{DEFAULT_FILE_LIMIT, FileKind, Files};
use hashbrown::HashMap;
use schema::{Custom, Dialect, Lookup};

/// Files read below one directory.
const MAX_FILES: usize = 20_000;
const MAX_DEPTH: usize = 32;

/// What kubeconform calls the schemas that it brings along; here they are always there.
const DEFAULT: &str = "default";

type Found = Result<Option<Custom>, String>;
type Index = HashMap<(String, String), Result<Custom, String>>;

/// Places to look for schemas, in order.
pub struct Locations<'f> {
    files: &'f dyn Files,
    places: Vec<Place>,
    /// What was found for each kind that was asked for.
    known: Mutex<HashMap<(String, String), Found>>,
}

enum Place {
    /// A path with variables.
    Template(PathBuf),
    /// A directory or file, and the kinds that are defined in it once it was read.
    Tree(PathBuf, FileKind, OnceLock<Result<Index, String>>),
}

/// A location that cannot be used: what is wrong, and what to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LocationError {
    pub message: String,
    pub hint: String,
}

impl<'f> Locations<'f> {
    /// No places.
    pub fn new(files: &'f dyn Files) -> Locations<'f> {
        Locations {
            files,
            places: Vec::new(),
            known: Mutex::new(HashMap::new()),
        }
    }

    /// Adds a location. A relative path is meant from `base`.
    ///
    /// # Errors
    /// [`LocationError`] where nothing is there, or it is not on this machine.
    pub fn add(&mut self, base: &Path, location: &str) -> Result<(), LocationError> {
        if location == DEFAULT {
            return Ok(());
        }
        let fail = |message: String, hint: &str| {
            Err(LocationError {
                message,
                hint: hint.to_owned(),
            })
        };
        if location.starts_with("http://") || location.starts_with("https://") {
            let message = format!("\"{location}\" is remote: schemas are read from files");
            return fail(
                message,
                "fetch it into a directory of the tree and name that; the schemas of Kubernetes itself are built in",
            );
        }
        if location.contains("{{") {
            let sample = expand(location, "example.com/v1", "Example");
            if let Err(word) = sample {
                let message = format!("the schema location \"{location}\" has the unknown variable {word}");
                let hint = "variables are {{.ResourceKind}}, {{.ResourceAPIVersion}}, {{.Group}}, {{.KindSuffix}}, \
                            {{.NormalizedKubernetesVersion}} and {{.StrictSuffix}}";
                return fail(message, hint);
            }
            self.places.push(Place::Template(base.join(location)));
            return Ok(());
        }
        let absolute = self.files.absolute(&base.join(location));
        match absolute.and_then(|path| self.files.resolve(&path)) {
            Ok((path, kind)) => self.places.push(Place::Tree(path, kind, OnceLock::new())),
            Err(error) => {
                let message = format!("cannot read the schema location \"{location}\": {error}");
                return fail(
                    message,
                    "name a file or directory of CustomResourceDefinitions or JSON schemas",
                );
            }
        }
        Ok(())
    }

    fn look(&self, api_version: &str, kind: &str) -> Found {
        for place in &self.places {
            let found = match place {
                Place::Template(template) => {
                    let path = expand(&template.to_string_lossy(), api_version, kind);
                    let path = path.map_err(|word| format!("{word} is no variable of a schema location"))?;
                    self.read_schema(Path::new(&path))?
                }
                Place::Tree(path, file_kind, index) => {
                    let index = index.get_or_init(|| self.index(path, *file_kind)).as_ref();
                    match index
                        .map_err(Clone::clone)?
                        .get(&(api_version.to_owned(), kind.to_owned()))
                    {
                        Some(custom) => Some(custom.clone()?),
                        None => self.named_file(path, *file_kind, api_version, kind)?,
                    }
                }
            };
            if found.is_some() {
                return Ok(found);
            }
        }
        Ok(None)
    }

    /// A file with one of the names that are usual for the JSON schema of a kind.
    fn named_file(&self, root: &Path, file_kind: FileKind, api_version: &str, kind: &str) -> Found {
        if file_kind != FileKind::Directory {
            return Ok(None);
        }
        for name in [
            "{{.Group}}/{{.ResourceKind}}_{{.ResourceAPIVersion}}.json",
            "{{.ResourceKind}}{{.KindSuffix}}.json",
        ] {
            if let Ok(name) = expand(name, api_version, kind)
                && let Some(found) = self.read_schema(&root.join(name))?
            {
                return Ok(Some(found));
            }
        }
        Ok(None)
    }

    fn text(&self, path: &Path) -> Result<Option<String>, String> {
        let shown = || self.files.display(path);
        match self.files.read(path, DEFAULT_FILE_LIMIT) {
            Ok(bytes) => yaml::decode(bytes)
                .map(Some)
                .map_err(|error| format!("{}: {error}", shown())),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
            Err(error) => Err(format!("cannot read {}: {error}", shown())),
        }
    }

    /// A JSON schema.
    fn read_schema(&self, path: &Path) -> Found {
        let Some(text) = self.text(path)? else { return Ok(None) };
        let shown = self.files.display(path);
        let value = serde_json::from_str(&text).map_err(|error| format!("{shown} is no JSON: {error}"))?;
        let found = schema::schema_to_types(&value, Dialect::Json);
        found.map(Some).map_err(|message| format!("{shown}: {message}"))
    }

    /// Every kind that is defined below a path.
    fn index(&self, root: &Path, kind: FileKind) -> Result<Index, String> {
        let mut index = Index::new();
        let mut open = vec![(root.to_owned(), kind, 0)];
        let mut count = 0;
        while let Some((path, kind, depth)) = open.pop() {
            if kind == FileKind::File {
                count += 1;
                if count > MAX_FILES {
                    return Err(format!(
                        "{} holds more than {MAX_FILES} files",
                        self.files.display(root)
                    ));
                }
                self.definitions(&path, &mut index)?;
                continue;
            }
            let list = self.files.list(&path);
            let mut names = list.map_err(|error| format!("cannot read {}: {error}", self.files.display(&path)))?;
            names.sort();
            for name in names.iter().rev().filter(|name| !name.starts_with('.')) {
                let child = path.join(name);
                let is_wanted = [".yaml", ".yml", ".json"].iter().any(|end| name.ends_with(end));
                match self.files.resolve(&child) {
                    Ok((_, FileKind::Directory)) if depth < MAX_DEPTH => {
                        open.push((child, FileKind::Directory, depth + 1))
                    }
                    Ok((_, FileKind::File)) if is_wanted => open.push((child, FileKind::File, depth)),
                    _ => {}
                }
            }
        }
        Ok(index)
    }

    /// The definitions in a file. Other documents are passed over: a directory may hold more than schemas.
    fn definitions(&self, path: &Path, index: &mut Index) -> Result<(), String> {
        let Some(text) = self.text(path)? else { return Ok(()) };
        if !text.contains("CustomResourceDefinition") {
            return Ok(());
        }
        let shown = self.files.display(path);
        let sources = yaml::Sources::new();
        let source = sources.add(shown.clone(), yaml::normalize_newlines(text));
        let documents = yaml::read_documents(&source).map_err(|error| match sources.place(error.mark) {
            Some(place) => format!("{place}: {error}"),
            None => format!("{shown}: {error}"),
        })?;
        for definition in documents.nodes.iter().flat_map(schema::definitions) {
            let custom = definition.schema.map_err(|message| format!("{shown}: {message}"));
            index.entry((definition.api_version, definition.kind)).or_insert(custom);
        }
        Ok(())
    }
}

impl Lookup for Locations<'_> {
    fn find(&self, api_version: &str, kind: &str) -> Found {
        let key = (api_version.to_owned(), kind.to_owned());
        let known = self
            .known
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .get(&key)
            .cloned();
        known.unwrap_or_else(|| {
            let found = self.look(api_version, kind);
            self.known
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .insert(key, found.clone());
            found
        })
    }
}

/// Fills in the variables; the error is a word that is none.
fn expand(template: &str, api_version: &str, kind: &str) -> Result<String, String> {
    let (group, version) = match api_version.split_once('/') {
        Some((group, version)) => (group, Some(version)),
        None => (api_version, None),
    };
    let first = group.split('.').next().unwrap_or_default().to_lowercase();
    let mut out = String::new();
    let mut rest = template;
    while let Some((before, after)) = rest.split_once("{{") {
        let (word, after) = after.split_once("}}").ok_or_else(|| after.to_owned())?;
        out.push_str(before);
        match word.trim() {
            ".ResourceKind" => out.push_str(&kind.to_lowercase()),
            ".ResourceAPIVersion" => out.push_str(version.unwrap_or(group)),
            ".Group" => out.push_str(group),
            ".KindSuffix" => {
                out.push_str(&format!("-{first}"));
                if let Some(version) = version {
                    out.push_str(&format!("-{}", version.to_lowercase()));
                }
            }
            ".NormalizedKubernetesVersion" => out.push_str("master"),
            ".StrictSuffix" => out.push_str("-strict"),
            other => return Err(other.to_owned()),
        }
        rest = after;
    }
    out.push_str(rest);
    Ok(out)
}

#[cfg(test)]
mod tests {
    use build::MemoryFiles;

    use super::*;

    const CRD: &str = "
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: widgets.example.com}
spec:
  group: example.com
  names: {kind: Widget, plural: widgets}
  versions:
  - {name: v1, served: true, storage: true, schema: {openAPIV3Schema: {type: object}}}
  - {name: v2, served: true, storage: false}
";

    fn files() -> MemoryFiles {
        let mut files = MemoryFiles::new();
        files.insert("/crds/deep/widget.yaml", CRD);
        files.insert("/crds/README.md", "CustomResourceDefinition: [");
        files.insert("/json/example.com/gadget_v1.json", r#"{"type":"object"}"#);
        files.insert("/json/loop-example-v1.json", r##"{"$ref":"#/a","a":{"$ref":"#"}}"##);
        files.insert("/json/bad-example-v1.json", "{");
        files
    }

    fn find(location: &str, kind: &str, api_version: &str) -> Result<bool, String> {
        let files = files();
        let mut locations = Locations::new(&files);
        locations.add(Path::new("/"), location).map_err(|error| error.message)?;
        locations.find(api_version, kind).map(|found| found.is_some())
    }

    #[test]
    fn kinds_are_found_in_directories_files_and_templates() {
        assert_eq!(find("crds", "Widget", "example.com/v1"), Ok(true));
        assert_eq!(find("crds/deep/widget.yaml", "Widget", "example.com/v1"), Ok(true));
        assert_eq!(find("crds", "Widget", "example.com/v3"), Ok(false));
        assert_eq!(find("json", "Gadget", "example.com/v1"), Ok(true));
        assert_eq!(
            find(
                "json/{{ .Group }}/{{.ResourceKind}}_{{.ResourceAPIVersion}}.json",
                "Gadget",
                "example.com/v1"
            ),
            Ok(true)
        );
        assert_eq!(find("default", "Gadget", "example.com/v1"), Ok(false));
    }

    #[test]
    fn what_cannot_be_used_is_told() {
        let broken = [
            ("crds", "Widget", "example.com/v2", "version v2 of Widget has no schema"),
            ("json", "Loop", "example.com/v1", "loops"),
            (
                "json/{{.ResourceKind}}{{.KindSuffix}}.json",
                "Bad",
                "example.com/v1",
                "is no JSON",
            ),
            ("none", "Bad", "example.com/v1", "cannot read the schema location"),
            (
                "https://example.com/{{.ResourceKind}}.json",
                "Bad",
                "example.com/v1",
                "is remote",
            ),
            ("a/{{.Kind}}.json", "Bad", "example.com/v1", "unknown variable .Kind"),
        ];
        for (location, kind, api_version, expected) in broken {
            let message = find(location, kind, api_version).unwrap_err();
            assert!(message.contains(expected), "{location}: {message}");
        }
    }
}
