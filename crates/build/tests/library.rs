//! The library as a program uses it: trees in memory, many builds at once, origins of what they set.
#![expect(clippy::unwrap_used, reason = "a helper of a test fails as a test does")]

use std::path::Path;

use build::{MemoryFiles, Options, Session, build};

/// A base and an overlay for one team.
fn tree(team: usize) -> MemoryFiles {
    MemoryFiles::from_iter([
        (
            "base/kustomization.yaml".to_owned(),
            "resources:\n- config.yaml\n".to_owned(),
        ),
        (
            "base/config.yaml".to_owned(),
            "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: settings\ndata:\n  level: info\n".to_owned(),
        ),
        (
            "overlay/kustomization.yaml".to_owned(),
            format!("resources:\n- ../base\nnamespace: team-{team}\nnamePrefix: t{team}-\n"),
        ),
    ])
}

fn expected(team: usize) -> String {
    format!(
        "apiVersion: v1\ndata:\n  level: info\nkind: ConfigMap\nmetadata:\n  name: t{team}-settings\n  namespace: team-{team}\n"
    )
}

fn text(files: &MemoryFiles, directory: &str) -> String {
    let built = build(files, Path::new(directory), &Options::default()).unwrap();
    String::from_utf8(built.to_yaml().unwrap()).unwrap()
}

#[test]
fn a_tree_in_memory_is_built() {
    assert_eq!(text(&tree(1), "overlay"), expected(1));
}

#[test]
fn a_thousand_trees_are_built_at_once() {
    let results = build::parallel::map(1000, 8, |team| text(&tree(team), "/overlay"));
    for (team, result) in results.iter().enumerate() {
        assert_eq!(*result, expected(team));
    }
}

#[test]
fn one_session_serves_builds_on_several_threads() {
    let mut files = tree(0);
    for team in 1..50 {
        files.insert(
            format!("teams/{team}/kustomization.yaml"),
            format!("resources:\n- ../../base\nnamespace: team-{team}\nnamePrefix: t{team}-\n"),
        );
    }
    let session = Session::new(&files);
    let results = build::parallel::map(49, 8, |at| {
        let directory = format!("teams/{}", at + 1);
        let built = session.build(Path::new(&directory), &Options::default()).unwrap();
        String::from_utf8(built.to_yaml().unwrap()).unwrap()
    });
    for (at, result) in results.iter().enumerate() {
        assert_eq!(*result, expected(at + 1));
    }
}

#[test]
fn every_setting_of_a_value_is_known() {
    let files = tree(7);
    let built = build(&files, Path::new("overlay"), &Options::default()).unwrap();
    let object = &built.objects[0];
    let name = object.node.get_path(["metadata", "name"]).unwrap();
    let settings: Vec<(String, String, String)> = built
        .settings(object, name)
        .into_iter()
        .map(|setting| {
            let value = setting.value.map(|value| value.to_string()).unwrap_or_default();
            (
                value,
                setting.place.map(|place| place.to_string()).unwrap_or_default(),
                setting.step,
            )
        })
        .collect();
    let owned = |value: &str, place: &str, step: &str| (value.to_owned(), place.to_owned(), step.to_owned());
    assert_eq!(
        settings,
        [
            owned("t7-settings", "overlay/kustomization.yaml:4:13", "namePrefix"),
            owned("settings", "base/config.yaml:4:9", "resources[0]"),
        ]
    );
}

#[test]
fn errors_carry_the_place_and_the_way_to_it() {
    let mut files = tree(1);
    files.insert("base/config.yaml", "apiVersion: v1\nkind: ConfigMap\n");
    let failure = build(&files, Path::new("overlay"), &Options::default()).unwrap_err();
    assert_eq!(
        failure.to_string(),
        "missing metadata.name in this object of kind \"ConfigMap\""
    );
    let place = |mark| failure.sources.place(mark).map(|place| place.to_string());
    assert_eq!(place(failure.error.mark).as_deref(), Some("base/config.yaml:1:1"));
    let trail: Vec<_> = failure
        .error
        .trail
        .iter()
        .map(|(mark, step)| (place(*mark).unwrap(), step.as_str()))
        .collect();
    assert_eq!(
        trail,
        [
            ("base/kustomization.yaml:2:3".to_owned(), "resources[0]"),
            ("overlay/kustomization.yaml:2:3".to_owned(), "resources[0]")
        ]
    );
}
