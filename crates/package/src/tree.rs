//! Objects as a tree that people can read, by directories or by owners (kyaml's `TreeWriter`).

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use yaml::Layout;

use crate::PACKAGE_FILE;
use crate::annotations::{self, Meta, PATH};
use crate::error::{Error, Result};
use crate::format::rank;
use crate::matcher::{find, split, text};

/// What the branches of a tree are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Structure {
    /// Owners where there are any, else directories.
    #[default]
    Any,
    Directories,
    Owners,
}

/// A field that is shown with each object.
#[derive(Clone, Debug)]
pub struct Field {
    path: Vec<String>,
    name: String,
    /// What is shown of the elements of a list.
    part: Option<String>,
}

const CONTAINERS: [&str; 3] = [
    "spec.template.spec.containers",
    "spec.jobTemplate.spec.template.spec.containers",
    "spec.containers",
];

impl Field {
    /// Reads a path.
    ///
    /// # Errors
    /// If it cannot be understood.
    pub fn parse(path: &str) -> Result<Field> {
        split(path).map(Field::at)
    }

    fn at(path: Vec<String>) -> Field {
        let name = path.join(".");
        let list = CONTAINERS.into_iter().find(|list| name.starts_with(list));
        Field {
            part: list.and_then(|_| path.last().cloned()),
            name: list.map_or(name, str::to_owned),
            path,
        }
    }

    /// A field of every container of what runs containers.
    pub fn of_containers(part: &str) -> Vec<Field> {
        let field = |list: &str| {
            let mut path: Vec<String> = list.split('.').map(str::to_owned).collect();
            path.extend(["[name=.*]".to_owned(), part.to_owned()]);
            Field::at(path)
        };
        ["spec.containers", CONTAINERS[0], CONTAINERS[1]].map(field).into()
    }
}

/// How a tree is drawn.
#[derive(Clone, Debug)]
pub struct Tree<'t> {
    pub root: &'t str,
    pub fields: Vec<Field>,
    pub structure: Structure,
}

/// One line, and what hangs on it.
#[derive(Debug, Default)]
struct Branch {
    text: String,
    below: Vec<Branch>,
}

impl Tree<'_> {
    /// Draws objects.
    ///
    /// # Errors
    /// If a field leads nowhere it can, or an owner is not among the objects.
    pub fn draw(&self, mut objects: Vec<Layout>) -> Result<String> {
        let has_owners = |object: &Layout| object.root().get_path(["metadata", "ownerReferences"]).is_some();
        let by_owner = match self.structure {
            Structure::Owners => true,
            Structure::Directories => false,
            Structure::Any => objects.iter().any(has_owners),
        };
        let root = if by_owner {
            self.owners(&objects)?
        } else {
            objects.iter_mut().try_for_each(annotations::complete)?;
            self.directories(&objects)?
        };
        let mut out = format!("{}\n", root.text);
        print(&root.below, &mut Vec::new(), &mut out);
        Ok(out)
    }

    fn directories(&self, objects: &[Layout]) -> Result<Branch> {
        let mut packages: BTreeMap<String, Vec<&Layout>> = BTreeMap::new();
        for object in objects {
            let meta = Meta::of(object);
            if !meta.kind.is_empty() {
                packages
                    .entry(directory(meta.annotation(PATH)))
                    .or_default()
                    .push(object);
            }
        }
        // The branches so far: their directories, and the way to each.
        let mut ways: Vec<(&str, Vec<usize>)> = Vec::new();
        let mut root = Branch {
            text: self.root.to_owned(),
            ..Branch::default()
        };
        for (package, members) in &mut packages {
            let parents = ways.iter().filter(|(parent, _)| package.starts_with(parent));
            let mut way = parents
                .max_by_key(|(parent, _)| parent.len())
                .map_or_else(Vec::new, |(_, way)| way.clone());
            if package != "." {
                let parent = at(&mut root, &way);
                parent.below.push(Branch {
                    text: self.package_name(package),
                    ..Branch::default()
                });
                way.push(parent.below.len() - 1);
            }
            members.sort_by_cached_key(|object| order(object));
            for object in members {
                let branch = self.object(object, None)?;
                at(&mut root, &way).below.push(branch);
            }
            ways.push((package, way));
        }
        Ok(root)
    }

    fn package_name(&self, package: &str) -> String {
        let name = package.rsplit('/').next().unwrap_or(package);
        let file = Path::new(self.root).join(package).join(PACKAGE_FILE);
        match file.symlink_metadata() {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => name.to_owned(),
            _ => format!("Pkg: {name}"),
        }
    }

    fn owners(&self, objects: &[Layout]) -> Result<Branch> {
        let mut known: BTreeMap<String, Option<&Layout>> = BTreeMap::new();
        let mut owned: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for object in objects {
            let meta = Meta::of(object);
            let owner = owner(object, meta.namespace);
            if !owner.is_empty() {
                known.entry(owner.clone()).or_default();
            }
            let id = format!("{} {}/{}", meta.kind, meta.namespace, meta.name);
            known.insert(id.clone(), Some(object));
            owned.entry(owner).or_default().push(id);
        }
        if let Some((missing, _)) = known.iter().find(|(_, object)| object.is_none()) {
            return Err(Error::new(format!(
                "owner '{missing}' not found in input, but found as an owner of input objects"
            )));
        }
        let mut root = Branch {
            text: ".".to_owned(),
            ..Branch::default()
        };
        self.hang("", &known, &owned, &mut Vec::new(), &mut root)?;
        Ok(root)
    }

    fn hang(
        &self,
        owner: &str,
        known: &BTreeMap<String, Option<&Layout>>,
        owned: &BTreeMap<String, Vec<String>>,
        above: &mut Vec<String>,
        branch: &mut Branch,
    ) -> Result<()> {
        if above.iter().any(|id| id == owner) {
            return Err(Error::new(format!("owner '{owner}' owns itself")));
        }
        above.push(owner.to_owned());
        let ids = owned.get(owner).map(Vec::as_slice).unwrap_or_default();
        let mut members: Vec<(&String, &Layout)> = ids
            .iter()
            .filter_map(|id| Some((id, known.get(id).copied().flatten()?)))
            .collect();
        members.sort_by_cached_key(|(_, object)| order(object));
        for (id, object) in members {
            let mut below = self.object(object, Some("Resource"))?;
            self.hang(id, known, owned, above, &mut below)?;
            branch.below.push(below);
        }
        above.pop();
        Ok(())
    }

    fn object(&self, object: &Layout, label: Option<&str>) -> Result<Branch> {
        let meta = Meta::of(object);
        let file = PathBuf::from(meta.annotation(PATH));
        let file = file
            .file_name()
            .map_or(".".into(), |name| name.to_string_lossy().into_owned());
        let label = label.map_or(file, str::to_owned);
        let slash = if meta.namespace.is_empty() { "" } else { "/" };
        let text = format!("[{label}]  {} {}{slash}{}", meta.kind, meta.namespace, meta.name);
        let below = self.fields(object)?;
        Ok(Branch { text, below })
    }

    fn fields(&self, object: &Layout) -> Result<Vec<Branch>> {
        // The value of a field; or, of a list, what is shown of its elements, by what they are found by.
        type Parts = BTreeMap<String, Vec<(String, String)>>;
        let mut shown: BTreeMap<&str, (String, Parts)> = BTreeMap::new();
        for field in &self.fields {
            let Some(found) = find(object, &field.path)? else {
                continue;
            };
            let entry = shown.entry(&field.name).or_default();
            for mut found in found {
                found.node.strip_comments();
                let value = text(&found.node, true);
                match &field.part {
                    None => {
                        entry.0 = value;
                        break;
                    }
                    Some(part) => {
                        let parts = entry.1.entry(found.elements.join("/")).or_default();
                        parts.push((part.clone(), value));
                    }
                }
            }
        }
        let mut shown: Vec<(&str, (String, Parts))> = shown.into_iter().collect();
        shown.sort_by_key(|(name, (value, _))| field_order(name, value));
        let branches = shown.into_iter().map(|(name, (value, parts))| {
            if parts.is_empty() {
                return leaf(name, &value);
            }
            let mut parts: Vec<_> = parts.into_iter().collect();
            parts.sort_by_key(|(element, _)| field_order(element, ""));
            let below = parts.into_iter().enumerate().map(|(number, (_, mut fields))| {
                fields.sort_by_key(|(name, value)| field_order(name, value));
                Branch {
                    text: number.to_string(),
                    below: fields.iter().map(|(name, value)| leaf(name, value)).collect(),
                }
            });
            Branch {
                text: name.to_owned(),
                below: below.collect(),
            }
        });
        Ok(branches.collect())
    }
}

fn leaf(name: &str, value: &str) -> Branch {
    Branch {
        text: format!("{name}: {value}"),
        ..Branch::default()
    }
}

fn field_order(name: &str, value: &str) -> (usize, String, String) {
    match rank(name) {
        Some(rank) => (rank, String::new(), String::new()),
        None => (usize::MAX, name.to_owned(), value.to_owned()),
    }
}

fn order(object: &Layout) -> [String; 5] {
    let meta = Meta::of(object);
    let file = Path::new(meta.annotation(PATH)).file_name().unwrap_or_default();
    let file = file.to_string_lossy();
    [&*file, meta.namespace, meta.name, meta.kind, meta.api_version].map(str::to_owned)
}

fn directory(path: &str) -> String {
    match Path::new(path).parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent.display().to_string(),
        _ => ".".to_owned(),
    }
}

fn owner(object: &Layout, namespace: &str) -> String {
    let owners = object.root().get_path(["metadata", "ownerReferences"]);
    let Some(owner) = owners.and_then(|owners| owners.content.first()) else {
        return String::new();
    };
    let part = |name| owner.get(name).map_or("", |node| &*node.value);
    format!("{} {namespace}/{}", part("kind"), part("name"))
}

fn at<'b>(root: &'b mut Branch, way: &[usize]) -> &'b mut Branch {
    way.iter().fold(root, |branch, &number| &mut branch.below[number])
}

/// Draws branches; `ended` says of each level above whether its last branch was drawn.
fn print(branches: &[Branch], ended: &mut Vec<bool>, out: &mut String) {
    let link = |ended: &bool| if *ended { "    " } else { "│   " };
    for (number, branch) in branches.iter().enumerate() {
        let is_last = number + 1 == branches.len();
        let ahead: String = ended.iter().map(link).collect();
        let mut lines = branch.text.split('\n');
        let edge = if is_last { "└──" } else { "├──" };
        out.push_str(&format!("{ahead}{edge} {}\n", lines.next().unwrap_or_default()));
        for line in lines {
            out.push_str(&format!("{ahead}{}{line}\n", link(&is_last)));
        }
        ended.push(is_last);
        print(&branch.below, ended, out);
        ended.pop();
    }
}
