//! Packs the schemas of custom resources that platforms are built with into `crates/schema/data/bundled.bin`.
//!
//! In: a directory with one directory for each project, named for it and its version (`Argo CD 3.5.1`), with the
//! CustomResourceDefinitions that the project publishes. Out: one arena (`schema::Types`), in which types that
//! are the same are there once: half of these definitions hold the template of a pod. Its versions are the
//! projects, so that a finding can name the one it is about.
//!
//! `status` is left open: only controllers write it. Projects of the arena that the directory does not have stay as
//! they are, so that one can be added or renewed alone.

use std::collections::BTreeMap;
use std::error::Error;
use std::path::{Path, PathBuf};

use schema::{Definition, Kind, Logic, Others, Type, TypeId, Types, Versions};

use crate::arena::Arena;

/// Reads every definition below `directory` and writes the packed arena.
#[expect(clippy::print_stdout, reason = "the one who runs it wants to know the sizes")]
pub(crate) fn generate(directory: &Path) -> Result<(), Box<dyn Error>> {
    let mut projects = Vec::new();
    for entry in std::fs::read_dir(directory)? {
        let entry = entry?;
        projects.push((entry.file_name().to_string_lossy().into_owned(), entry.path()));
    }
    let known = schema::bundled();
    let given: Vec<&str> = projects.iter().map(|(name, _)| project_of(name)).collect();
    let kept = known.versions.iter().enumerate();
    let kept = kept.filter(|(_, name)| !given.contains(&project_of(name)));
    let kept: Vec<(String, From)> = kept.map(|(at, name)| (name.clone(), From::Arena(at))).collect();
    let read = projects.into_iter().map(|(name, path)| (name, From::Directory(path)));
    let mut projects: Vec<(String, From)> = read.chain(kept).collect();
    projects.sort_by(|a, b| a.0.cmp(&b.0));
    let mut import = Import::default();
    import.arena.types.versions = projects.iter().map(|(name, _)| name.clone()).collect();
    for (at, (name, from)) in projects.iter().enumerate() {
        let kinds = match from {
            From::Directory(path) => import.project(name, path)?,
            From::Arena(at) => import.kept(known, *at)?,
        };
        let before = import.arena.types.pack().len();
        let count = kinds.len();
        import
            .arena
            .types
            .kinds
            .extend(kinds.into_iter().map(|((api_version, kind), type_id)| Kind {
                api_version: api_version.into(),
                kind: kind.into(),
                type_id,
                versions: Versions::one(at),
            }));
        println!("{name}: {count} kinds, {before} bytes so far");
    }
    import.arena.write("bundled.bin")
}

/// Where the kinds of a project are.
enum From {
    Directory(PathBuf),
    /// The arena that is there, by its number among the projects.
    Arena(usize),
}

/// The name of a project without its version.
fn project_of(name: &str) -> &str {
    name.rsplit_once(' ').map_or(name, |(project, _)| project)
}

/// Types by API version and kind.
type Kinds = BTreeMap<(String, String), TypeId>;

/// The definitions in the files below a directory, in the order of their paths.
fn definitions(directory: &Path) -> Result<Vec<Definition>, Box<dyn Error>> {
    let mut open = vec![directory.to_owned()];
    let mut files: Vec<PathBuf> = Vec::new();
    while let Some(directory) = open.pop() {
        for entry in std::fs::read_dir(directory)? {
            let path = entry?.path();
            if path.is_dir() {
                open.push(path);
            } else if path.extension().is_some_and(|end| end == "yaml") {
                files.push(path);
            }
        }
    }
    files.sort();
    let mut found = Vec::new();
    for file in files {
        let sources = yaml::Sources::new();
        let source = sources.add(file.display().to_string(), std::fs::read_to_string(&file)?);
        let documents = yaml::read_documents(&source).map_err(|error| format!("{}: {error}", file.display()))?;
        found.extend(documents.nodes.iter().flat_map(schema::every_definition));
    }
    Ok(found)
}

#[derive(Default)]
struct Import {
    arena: Arena,
}

impl Import {
    /// The kinds that a directory of a project defines.
    fn project(&mut self, name: &str, path: &Path) -> Result<Kinds, Box<dyn Error>> {
        let mut kinds = Kinds::new();
        for definition in definitions(path)? {
            let known = |error: String| format!("{name}: {}: {error}", definition.kind);
            let key = (definition.api_version, definition.kind.clone());
            // What Gatekeeper and the CSI driver note about their own pods.
            if key.1.ends_with("PodStatus") {
                continue;
            }
            let custom = definition.schema.map_err(known)?;
            kinds.insert(key, self.object(&custom.types, custom.type_id)?);
        }
        Ok(kinds)
    }

    /// The kinds of a project that the arena has.
    fn kept(&mut self, known: &Types, at: usize) -> Result<Kinds, Box<dyn Error>> {
        let of_project = known.kinds.iter().filter(|kind| kind.versions == Versions::one(at));
        let imported = of_project.map(|kind| {
            let key = (kind.api_version.to_string(), kind.kind.to_string());
            Ok((key, self.object(known, kind.type_id)?))
        });
        imported.collect()
    }

    fn object(&mut self, from: &Types, id: TypeId) -> Result<TypeId, Box<dyn Error>> {
        let mut kind = from.get(id).clone();
        let open = self.arena.intern(Type::default())?;
        for field in &mut kind.fields {
            field.type_id = match &*field.name {
                "status" => open,
                _ => self.import(from, field.type_id)?,
            };
        }
        kind.required.retain(|(name, _)| name != "status");
        kind.logic = self.logic(from, kind.logic)?;
        self.arena.intern(kind)
    }

    fn import(&mut self, from: &Types, id: TypeId) -> Result<TypeId, Box<dyn Error>> {
        let mut kind = from.get(id).clone();
        for field in &mut kind.fields {
            field.type_id = self.import(from, field.type_id)?;
        }
        if let Others::Type(id) = kind.others {
            kind.others = Others::Type(self.import(from, id)?);
        }
        kind.items = kind.items.map(|id| self.import(from, id)).transpose()?;
        kind.logic = self.logic(from, kind.logic)?;
        self.arena.intern(kind)
    }

    fn logic(&mut self, from: &Types, logic: Option<Box<Logic>>) -> Result<Option<Box<Logic>>, Box<dyn Error>> {
        let Some(mut logic) = logic else { return Ok(None) };
        for ids in [&mut logic.all_of, &mut logic.any_of, &mut logic.one_of] {
            for id in ids {
                *id = self.import(from, *id)?;
            }
        }
        logic.not = logic.not.map(|id| self.import(from, id)).transpose()?;
        Ok(Some(logic))
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_documentation_names_every_project() {
        let page = include_str!("../../../docs/check.md").replace('\n', " ");
        for project in &schema::bundled().versions {
            let (name, version) = project.rsplit_once(' ').unwrap();
            let is_named = page
                .split(" · ")
                .any(|part| part.contains(name) && part.contains(version));
            assert!(is_named, "docs/check.md does not name {project}");
        }
    }
}
