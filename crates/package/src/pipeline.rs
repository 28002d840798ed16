//! Steps that objects go through. Around each, what an object remembers of its place is kept consistent under both
//! names (kyaml's `Pipeline`).

use std::collections::BTreeMap;

use yaml::Layout;

use crate::annotations::{self, ID, INDEX, Meta, OLD_ID, OLD_INDEX, OLD_PATH, PAIRS, PATH};
use crate::error::{Error, Result};

const NUMBER: &str = "internal.config.kubernetes.io/annotations-migration-resource-id";
const LOCAL: &str = "config.kubernetes.io/local-config";

/// What is done with objects.
pub type Step<'s> = dyn FnMut(Vec<Layout>) -> Result<Vec<Layout>> + 's;

/// What an object remembered before a step: path and index, and which names it used.
#[derive(Clone, Debug, Default)]
struct Before {
    path: String,
    index: String,
    new: bool,
    old: bool,
}

/// Takes objects through steps. `None` where a step left none: then nothing is written.
///
/// # Errors
/// Those of the steps, and objects whose places contradict each other.
pub fn through(mut objects: Vec<Layout>, steps: &mut [Box<Step<'_>>]) -> Result<Option<Vec<Layout>>> {
    for step in steps {
        let before = prepare(&mut objects)?;
        objects = step(objects)?;
        if objects.is_empty() {
            return Ok(None);
        }
        reconcile(&mut objects, &before)?;
    }
    Ok(Some(objects))
}

/// Keeps what is for tools only, or what is not, or both.
pub fn keep_local(objects: Vec<Layout>, include_local: bool, exclude_others: bool) -> Vec<Layout> {
    let is_wanted = |object: &Layout| match Meta::of(object).annotations.contains_key(LOCAL) {
        true => include_local,
        false => !exclude_others,
    };
    objects.into_iter().filter(is_wanted).collect()
}

fn prepare(objects: &mut [Layout]) -> Result<BTreeMap<String, Before>> {
    let mut all = BTreeMap::new();
    for (number, object) in objects.iter_mut().enumerate() {
        let number = number.to_string();
        annotations::set(object, NUMBER, &number)?;
        let meta = Meta::of(object);
        let has = |name: &str| meta.annotations.contains_key(name);
        let before = Before {
            path: meta.either((PATH, OLD_PATH)).to_owned(),
            index: meta.either((INDEX, OLD_INDEX)).to_owned(),
            new: has(PATH) || has(INDEX) || has(ID),
            old: has(OLD_PATH) || has(OLD_INDEX) || has(OLD_ID),
        };
        all.insert(number, before);
        annotations::complete(object)?;
        refuse_mismatch(object)?;
    }
    Ok(all)
}

fn mismatch(what: &str) -> Error {
    Error::new(format!(
        "resource input to function has mismatched legacy and internal {what} annotations"
    ))
}

fn refuse_mismatch(object: &Layout) -> Result<()> {
    let meta = Meta::of(object);
    for ((new, old), what) in PAIRS.into_iter().zip(["path", "index", "id"]) {
        let (new, old) = (meta.annotation(new), meta.annotation(old));
        if !new.is_empty() && !old.is_empty() && new != old {
            return Err(mismatch(what));
        }
    }
    Ok(())
}

fn reconcile(objects: &mut [Layout], all: &BTreeMap<String, Before>) -> Result<()> {
    let mut told = all.values().filter(|before| before.new || before.old);
    let (new, old) = match told.next() {
        None if all.is_empty() => (true, true),
        None => (false, false),
        Some(first) if told.all(|before| (before.new, before.old) == (first.new, first.old)) => (first.new, first.old),
        Some(_) => {
            return Err(Error::new(
                "the annotation formatting in the input resources is not consistent",
            ));
        }
    };
    for object in objects {
        annotations::complete(object)?;
        let number = Meta::of(object).annotation(NUMBER).to_owned();
        if let Some(before) = all.get(&number) {
            follow(object, (PATH, OLD_PATH), &before.path, "path")?;
            follow(object, (INDEX, OLD_INDEX), &before.index, "index")?;
        }
        if !new {
            for name in [ID, PATH, INDEX] {
                annotations::clear(object, name)?;
            }
        }
        if !old {
            for name in [OLD_ID, OLD_PATH, OLD_INDEX] {
                annotations::clear(object, name)?;
            }
        }
        refuse_mismatch(object)?;
        annotations::clear(object, NUMBER)?;
    }
    Ok(())
}

/// Where one of the two names was changed, the other one follows.
fn follow(object: &mut Layout, (new, old): (&str, &str), before: &str, what: &str) -> Result<()> {
    if before.is_empty() {
        return Ok(());
    }
    let meta = Meta::of(object);
    let (new_value, old_value) = (meta.annotation(new).to_owned(), meta.annotation(old).to_owned());
    if before != new_value && before != old_value && new_value != old_value {
        return Err(mismatch(what));
    }
    if before != new_value {
        annotations::set(object, old, &new_value)
    } else if before != old_value {
        annotations::set(object, new, &old_value)
    } else {
        Ok(())
    }
}
