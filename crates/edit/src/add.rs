//! `edit add`: resources, components, bases, patches, labels, annotations, generators, transformers and
//! options of `buildMetadata`. ConfigMaps and Secrets are in [`generator`](crate::generator).

use std::path::Path;

use yaml::{Map, Node, Step, Tag};

use crate::error::{Result, argument, refused};
use crate::file::Kustomization;
use crate::{Notes, glob, pairs};

/// Adds resources by name or pattern; without `verify`, whatever the names say.
pub fn resource(directory: &Path, patterns: &[String], verify: bool) -> Result<Notes> {
    if patterns.is_empty() {
        return argument("must specify a resource file");
    }
    let names = glob::files_or_remote(directory, patterns, verify)?;
    names_to(directory, "resources", "resource", names, Notes::new())
}

/// Adds components by name or pattern.
pub fn component(directory: &Path, patterns: &[String]) -> Result<Notes> {
    if patterns.is_empty() {
        return argument("must specify a component file");
    }
    let names = glob::files_or_remote(directory, patterns, true)?;
    names_to(directory, "components", "component", names, Notes::new())
}

/// Adds files of generators.
pub fn generator(directory: &Path, patterns: &[String]) -> Result<Notes> {
    if patterns.is_empty() {
        return argument("must specify a yaml file which contains a generator plugin resource");
    }
    let mut notes = Notes::new();
    let names = glob::files(directory, patterns, &mut notes)?;
    names_to(directory, "generators", "generator", names, notes)
}

/// Adds files of transformers.
pub fn transformer(directory: &Path, patterns: &[String]) -> Result<Notes> {
    if patterns.is_empty() {
        return argument("must specify a yaml file which contains a transformer plugin resource");
    }
    let mut notes = Notes::new();
    let names = glob::files(directory, patterns, &mut notes)?;
    names_to(directory, "transformers", "transformer", names, notes)
}

fn names_to(directory: &Path, field: &str, word: &str, names: Vec<String>, mut notes: Notes) -> Result<Notes> {
    if names.is_empty() {
        return Ok(notes);
    }
    let mut file = Kustomization::open(directory)?;
    settle_bases(&mut file, field)?;
    let itself = file.name();
    for name in names
        .iter()
        .filter(|name| **name != itself || !matches!(word, "resource" | "component"))
    {
        if file.texts(field).contains(name) {
            notes.push(format!("{word} {name} already in kustomization file"));
        } else {
            file.push_text(field, name)?;
        }
    }
    file.save()?;
    Ok(notes)
}

/// The deprecated `bases` come behind `resources`; what is added comes behind both.
fn settle_bases(file: &mut Kustomization, field: &str) -> Result<()> {
    if field == "resources" {
        file.move_items("bases", "resources")
    } else {
        Ok(())
    }
}

/// Adds directories, separated by commas.
pub fn base(directory: &Path, arguments: &[String]) -> Result<Notes> {
    let [paths] = arguments else {
        return argument("must specify a base directory");
    };
    let mut file = Kustomization::open(directory)?;
    settle_bases(&mut file, "resources")?;
    for path in paths.split(',') {
        if !directory.join(path).exists() {
            return refused(format!("{path} does not exist"));
        }
        if file.texts("resources").iter().any(|known| known == path) {
            return refused(format!("base {path} already in kustomization file"));
        }
        file.push_text("resources", path)?;
    }
    file.save()?;
    Ok(Notes::new())
}

/// Adds options of `buildMetadata`.
pub fn build_metadata(directory: &Path, arguments: &[String]) -> Result<Notes> {
    let options = pairs::build_metadata(arguments)?;
    let mut file = Kustomization::open(directory)?;
    for option in &options {
        if file.texts("buildMetadata").contains(option) {
            return refused(format!("buildMetadata option {option} already in kustomization file"));
        }
        file.push_text("buildMetadata", option)?;
    }
    file.save()?;
    Ok(Notes::new())
}

/// A patch as the flags of `add patch` and `remove patch` describe it: an entry of `patches`.
#[derive(Clone, Debug, Default)]
pub struct Patch {
    pub path: String,
    pub patch: String,
    /// Fields of `target` and their values; empty ones are not said.
    pub target: Vec<(&'static str, String)>,
}

impl Patch {
    pub(crate) fn check(&self) -> Result<()> {
        if !self.patch.is_empty() && !self.path.is_empty() {
            return argument("patch and path can't be set at the same time");
        }
        Ok(())
    }

    fn node(&self) -> Node {
        let mut map = Map::new();
        for (field, text) in [("path", &self.path), ("patch", &self.patch)] {
            if !text.is_empty() {
                map.insert(field, Node::string(text.as_str()));
            }
        }
        let mut target = Map::new();
        for (field, text) in self.target.iter().filter(|(_, text)| !text.is_empty()) {
            target.insert(*field, Node::string(text.as_str()));
        }
        if !target.is_empty() {
            map.insert("target", Node::map(target));
        }
        Node::map(map)
    }

    /// Whether an entry says exactly this.
    pub(crate) fn is(&self, entry: &Node) -> bool {
        let text = |node: &Node, field: &str| {
            node.get(field)
                .filter(|node| !node.is_null())
                .and_then(Node::as_str)
                .unwrap_or("")
                .to_owned()
        };
        let target = entry.get("target").filter(|target| !target.is_null());
        let wanted = self.target.iter().any(|(_, text)| !text.is_empty());
        text(entry, "path") == self.path
            && text(entry, "patch") == self.patch
            && entry.get("options").is_none_or(Node::is_null)
            && target.is_some() == wanted
            && target.is_none_or(|target| self.target.iter().all(|(field, wanted)| text(target, field) == *wanted))
    }
}

/// Adds a patch.
pub fn patch(directory: &Path, patch: &Patch) -> Result<Notes> {
    patch.check()?;
    if patch.patch.is_empty() && patch.path.is_empty() {
        return argument("must provide either patch or path");
    }
    let mut file = Kustomization::open(directory)?;
    if file.items("patches").iter().any(|entry| patch.is(entry)) {
        let name = if patch.path.is_empty() {
            &patch.patch
        } else {
            &patch.path
        };
        return Ok(vec![format!("patch {name} already in kustomization file")]);
    }
    file.push(&[Step::Key("patches")], &patch.node())?;
    file.save()?;
    Ok(Notes::new())
}

/// Where `add label` puts labels.
#[derive(Clone, Copy, Debug, Default)]
pub struct LabelPlace {
    pub without_selector: bool,
    pub include_templates: bool,
}

/// Adds labels: to `commonLabels`, or to the fitting entry of `labels` where selectors are to stay.
pub fn label(directory: &Path, arguments: &[String], force: bool, place: LabelPlace) -> Result<Notes> {
    if arguments.is_empty() {
        return argument("must specify label");
    }
    if !place.without_selector && place.include_templates {
        return argument("--without-selector flag must be specified for --include-templates to work");
    }
    let pairs = pairs::pairs(arguments.iter().map(String::as_str), "label")?;
    let mut file = Kustomization::open(directory)?;
    if !place.without_selector {
        return common(file, "commonLabels", "label", &pairs, force);
    }
    for (key, value) in &pairs {
        let says = |label: &Node, field: &str| label.get(field).and_then(Node::as_str) == Some("true");
        let fits = |label: &Node| {
            !says(label, "includeSelectors") && says(label, "includeTemplates") == place.include_templates
        };
        match file.items("labels").iter().position(fits) {
            Some(index) => {
                let path = [Step::Key("labels"), Step::Index(index), Step::Key("pairs")];
                let known = file.items("labels")[index]
                    .get("pairs")
                    .is_some_and(|pairs| pairs.get(key).is_some());
                put(&mut file, &path, "label", key, value, known && !force)?;
            }
            None => {
                let mut inner = Map::new();
                inner.insert(key.as_str(), Node::string(value.as_str()));
                let mut label = Map::new();
                if place.include_templates {
                    label.insert("includeTemplates", Node::scalar("true", Tag::Bool));
                }
                label.insert("pairs", Node::map(inner));
                file.push(&[Step::Key("labels")], &Node::map(label))?;
            }
        }
    }
    file.save()?;
    Ok(Notes::new())
}

/// Adds annotations to `commonAnnotations`.
pub fn annotation(directory: &Path, arguments: &[String], force: bool) -> Result<Notes> {
    if arguments.is_empty() {
        return argument("must specify annotation");
    }
    let pairs = pairs::pairs(arguments.iter().map(String::as_str), "annotation")?;
    common(
        Kustomization::open(directory)?,
        "commonAnnotations",
        "annotation",
        &pairs,
        force,
    )
}

/// Writes pairs into a mapping at the top.
pub(crate) fn common(
    mut file: Kustomization,
    field: &str,
    word: &str,
    pairs: &[(String, String)],
    force: bool,
) -> Result<Notes> {
    for (key, value) in pairs {
        let known = file.get(field).is_some_and(|map| map.get(key).is_some());
        put(&mut file, &[Step::Key(field)], word, key, value, known && !force)?;
    }
    file.save()?;
    Ok(Notes::new())
}

fn put(file: &mut Kustomization, map: &[Step<'_>], word: &str, key: &str, value: &str, refuse: bool) -> Result<()> {
    if refuse {
        return refused(format!(
            "{word} {key} already in kustomization file. Use --force to override."
        ));
    }
    let there = map.iter().try_fold(file.root().clone(), |node, step| match step {
        Step::Key(key) => node
            .get(&if map.len() == 1 {
                file.spelled(key)
            } else {
                (*key).to_owned()
            })
            .cloned(),
        Step::Index(index) => node.as_seq()?.get(*index).cloned(),
    });
    if there.is_some_and(|map| map.as_map().is_some()) {
        let path: Vec<Step<'_>> = map.iter().copied().chain([Step::Key(key)]).collect();
        return file.set(&path, &Node::string(value));
    }
    let mut entries = Map::new();
    entries.insert(key, Node::string(value));
    file.set(map, &Node::map(entries))
}
