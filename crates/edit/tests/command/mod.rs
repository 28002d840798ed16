//! Commands as lines of text, run by the library in a directory that has the files they name.

use std::fs;
use std::path::Path;

use edit::generator::{self, Kind, Sources};
use edit::{Notes, Result, add, fix, remove, set};

/// A directory with this kustomization and the files that commands name.
pub(crate) fn directory(kustomization: &[u8]) -> tempfile::TempDir {
    let directory = tempfile::tempdir().unwrap();
    for name in ["a.yaml", "b.yaml", "c.yaml", "p.yaml", "q.yaml", "t.yaml", "u.yaml"] {
        let object = format!("apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: {}\n", &name[..1]);
        fs::write(directory.path().join(name), object).unwrap();
    }
    for name in ["base", "part"] {
        fs::create_dir(directory.path().join(name)).unwrap();
    }
    fs::write(directory.path().join("kustomization.yaml"), kustomization).unwrap();
    directory
}

/// Runs `add|remove|set|fix …` with the arguments of the command line that the tests need.
pub(crate) fn run(here: &Path, line: &str) -> Result<Notes> {
    let words: Vec<&str> = line.split(' ').collect();
    let (verb, what) = (words[0], words.get(1).copied().unwrap_or_default());
    let flag = |name: &str| {
        let at = words.iter().position(|word| *word == name);
        at.map_or(String::new(), |at| words[at + 1].to_owned())
    };
    let has = |name: &str| words.contains(&name);
    let rest: Vec<String> = words
        .iter()
        .skip(2)
        .filter(|word| !word.starts_with("--"))
        .map(|word| (*word).to_owned())
        .collect();
    let patch = || add::Patch {
        path: flag("--path"),
        target: vec![("kind", flag("--kind"))],
        ..add::Patch::default()
    };
    let sources = || Sources {
        literals: vec![flag("--literal")],
        secret_type: "Opaque".to_owned(),
        ..Sources::default()
    };
    let kind = |what: &str| {
        if what == "secret" {
            Kind::Secret
        } else {
            Kind::ConfigMap
        }
    };
    match (verb, what) {
        ("add", "resource") => add::resource(here, &rest, true),
        ("add", "component") => add::component(here, &rest),
        ("add", "base") => add::base(here, &rest),
        ("add", "patch") => add::patch(here, &patch()),
        ("add", "label") => {
            let place = add::LabelPlace {
                without_selector: has("--without-selector"),
                include_templates: false,
            };
            add::label(here, &rest, false, place)
        }
        ("add", "annotation") => add::annotation(here, &rest, false),
        ("add", "configmap" | "secret") => generator::add(here, kind(what), &rest[..1], &sources()),
        ("add", "generator") => add::generator(here, &rest),
        ("add", "transformer") => add::transformer(here, &rest),
        ("add", "buildmetadata") => add::build_metadata(here, &rest),
        ("remove", "resource") => remove::resource(here, &rest),
        ("remove", "patch") => remove::patch(here, &patch()),
        ("remove", "label") => remove::label(here, &rest, false),
        ("remove", "annotation") => remove::annotation(here, &rest, false),
        ("remove", "configmap" | "secret") => remove::generated(here, kind(what), &rest, ""),
        ("remove", "transformer") => remove::transformer(here, &rest),
        ("remove", "buildmetadata") => remove::build_metadata(here, &rest),
        ("set", "image") => set::image(here, &rest),
        ("set", "nameprefix") => set::field(here, set::Field::NamePrefix, &rest),
        ("set", "namesuffix") => set::field(here, set::Field::NameSuffix, &rest),
        ("set", "namespace") => set::field(here, set::Field::Namespace, &rest),
        ("set", "replicas") => set::replicas(here, &rest),
        ("set", "label") => set::label(here, &rest),
        ("set", "annotation") => set::annotation(here, &rest),
        ("set", "buildmetadata") => set::build_metadata(here, &rest),
        ("set", "configmap" | "secret") => generator::set(here, kind(what), &rest[..1], &rest[1..], "", ""),
        ("fix", _) => {
            // What it builds to is told by the program; here only the file counts.
            fix::fix(here, has("--vars"), &|| Err("not built".to_owned())).map(|_| Notes::new())
        }
        _ => panic!("no such command: {line}"),
    }
}
