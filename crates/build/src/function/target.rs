//! Which objects and which of their fields a function is about: `targets`, in the words of replacements.

use std::sync::Arc;

use resource::{Resource, ResourceSet, nearest};
use yaml::{Layer, Mark, Node};

use crate::config::decode::{field, structure};
use crate::config::{Selector, Str};
use crate::error::{BuildError, ErrorKind, Result};
use crate::field_path::{Kind, Location, PathError, Route, split_bracketed, there_instead};
use crate::transform::patch::select;

/// One entry of `targets`.
#[derive(Clone, Debug, Default)]
pub(super) struct Target {
    mark: Mark,
    /// All objects, if it does not say.
    select: Option<Selector>,
    reject: Vec<Selector>,
    field_paths: Vec<Str>,
    /// Whether it is fine that nothing is found.
    optional: bool,
}

structure!(
    Target,
    marked,
    [
        field!("select", select),
        field!("reject", reject),
        field!("fieldPaths", field_paths),
        field!("optional", optional),
    ]
);

/// The fields of one path in one object, before they are changed.
pub(super) struct Fields<'a> {
    pub(super) path: &'a Str,
    pub(super) route: Route<'a>,
    pub(super) locations: Vec<Location>,
}

impl Target {
    /// Positions of the objects it selects; none is an error unless it is optional.
    pub(super) fn objects(&self, set: &ResourceSet) -> Result<Vec<usize>> {
        let mut positions = match &self.select {
            Some(selector) => select(set, selector)?,
            None => (0..set.len()).collect(),
        };
        for selector in &self.reject {
            let rejected = select(set, selector)?;
            positions.retain(|position| rejected.binary_search(position).is_err());
        }
        if positions.is_empty() && !self.optional {
            return Err(self.no_object(set));
        }
        Ok(positions)
    }

    fn no_object(&self, set: &ResourceSet) -> BuildError {
        let mark = self.select.as_ref().map_or(self.mark, |select| select.mark);
        let error = BuildError::new(ErrorKind::Transform, mark, "no object is selected here");
        let wanted = self.select.as_ref().map(|select| &select.id);
        let kind = wanted.map_or("", |id| &*id.gvk.kind);
        let names = set.iter().filter(|resource| kind.is_empty() || resource.kind() == kind);
        let names: Vec<String> = names
            .map(|resource| format!("{} {}", resource.kind(), resource.id().name))
            .collect();
        let there = match names.is_empty() {
            false => {
                let wanted = format!("{kind} {}", wanted.map_or("", |id| &*id.name));
                nearest(&wanted, names.iter().map(String::as_str)).join(", ")
            }
            true => nearest(kind, set.iter().map(Resource::kind)).join(", "),
        };
        if there.is_empty() {
            return error.hint("there are no objects; say `optional: true` if that is fine");
        }
        error.hint(format!("there are {there}; say `optional: true` if none is fine"))
    }

    pub(super) fn expect_no_paths(&self) -> Result<()> {
        match self.field_paths.first() {
            None => Ok(()),
            Some(path) => Err(BuildError::new(
                ErrorKind::Config,
                path.mark,
                "`fieldPaths` has no meaning here: whole objects are meant",
            )),
        }
    }

    /// Hands every object's fields of every path to `change`. A path that leads nowhere in any object is
    /// an error unless the target is optional. With `create`, what is missing counts as there.
    pub(super) fn each_field(
        &self,
        set: &mut ResourceSet,
        create: Option<Kind>,
        mut change: impl FnMut(&mut Node, Fields<'_>) -> Result<()>,
    ) -> Result<()> {
        if self.field_paths.is_empty() {
            return Err(
                BuildError::new(ErrorKind::Config, self.mark, "a target needs `fieldPaths`")
                    .hint("such as `fieldPaths: [spec.template.spec.containers.*.env]`"),
            );
        }
        let positions = self.objects(set)?;
        for path in &self.field_paths {
            let parts = split_bracketed(path, '.');
            let route = Route {
                path: &parts,
                create,
                parse: &|_| None,
            };
            let mut found = false;
            for &position in &positions {
                set.update(position, |resource| -> Result<()> {
                    let locations = route
                        .find(&resource.node)
                        .map_err(|error| failed(path, resource, error))?;
                    found |= !locations.is_empty();
                    change(&mut resource.node, Fields { path, route, locations })
                })?;
            }
            if let Some(first) = positions.first().filter(|_| !found && !self.optional) {
                return Err(nowhere(path, &parts, &set.iter().as_slice()[*first]));
            }
        }
        Ok(())
    }
}

fn failed(path: &Str, resource: &Resource, error: PathError) -> BuildError {
    let message = format!(
        "the field \"{}\" cannot be followed in {}: {}",
        path.text,
        resource.id(),
        error.message
    );
    BuildError {
        hint: error.hint,
        ..BuildError::new(ErrorKind::Transform, path.mark, message).related(resource.node.mark, "this object")
    }
}

fn nowhere(path: &Str, parts: &[String], first: &Resource) -> BuildError {
    let message = format!("no selected object has the field \"{}\"", path.text);
    let error = BuildError::new(ErrorKind::Transform, path.mark, message).related(first.node.mark, "the first of them");
    match there_instead(&first.node, parts) {
        Some(hint) => error.hint(hint),
        None => error.hint("say `optional: true` if that is fine"),
    }
}

impl Fields<'_> {
    /// Hands every field to `change`, made where it is missing and the route makes it.
    pub(super) fn each(
        &self,
        root: &mut Node,
        layer: &Arc<Layer>,
        mut change: impl FnMut(&mut Node) -> Result<()>,
    ) -> Result<()> {
        for location in &self.locations {
            let node = self.route.reach(location, root, layer).map_err(|error| BuildError {
                hint: error.hint,
                ..BuildError::new(ErrorKind::Transform, self.path.mark, error.message)
            })?;
            if let Some(node) = node {
                change(node)?;
            }
        }
        Ok(())
    }
}
