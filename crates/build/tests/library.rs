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

/// Answers calls without running anything, and keeps them.
#[derive(Default)]
struct Recorded(std::sync::Mutex<Vec<build::Call>>);

impl build::Programs for Recorded {
    fn run(&self, call: &build::Call) -> Result<build::Ran, build::ProgramError> {
        self.0.lock().unwrap().push(call.clone());
        let object = "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: made\n";
        let is_version = call.arguments.first() == Some(&"version".into());
        Ok(build::Ran {
            stdout: if is_version { "v3.17.3" } else { object }.into(),
            ..build::Ran::default()
        })
    }

    fn plugin(&self, path: &str) -> Result<std::path::PathBuf, build::ProgramError> {
        Err(build::ProgramError::new(format!("there is no {path}")))
    }
}

/// A chart, a function and a plugin.
fn programs() -> MemoryFiles {
    let function = "apiVersion: e.com/v1\nkind: Fn\nmetadata:\n  name: f\n  annotations:\n    config.kubernetes.io/function: \"{exec: {path: ./f}}\"\n";
    MemoryFiles::from_iter(
        [
            ("chart/kustomization.yaml", "helmCharts: [{name: c, releaseName: r}]\n"),
            ("chart/charts/c/values.yaml", "a: 1\n"),
            ("function/kustomization.yaml", "generators: [f.yaml]\n"),
            ("function/f.yaml", function),
            ("plugin/kustomization.yaml", "generators: [p.yaml]\n"),
            ("plugin/p.yaml", "apiVersion: e.com/v1\nkind: P\nmetadata:\n  name: p\n"),
        ]
        .map(|(path, text)| (path.to_owned(), text.to_owned())),
    )
}

#[test]
fn nothing_is_run_that_is_not_permitted() {
    let files = programs();
    let recorded = Recorded::default();
    let sessions = [
        Session::new(&files),
        Session::new(&files).with_programs(&recorded, build::Permissions::default()),
    ];
    for session in sessions {
        for (directory, flag) in [
            ("chart", "--enable-helm"),
            ("function", "--enable-alpha-plugins"),
            ("plugin", "--enable-alpha-plugins"),
        ] {
            let failure = session.build(Path::new(directory), &Options::default()).unwrap_err();
            assert!(failure.error.hint.unwrap().contains(flag), "{directory}");
        }
    }
    let without_exec = build::Permissions {
        plugins: Some(build::PluginSettings::default()),
        ..build::Permissions::default()
    };
    let session = Session::new(&files).with_programs(&recorded, without_exec);
    let built = session.build(Path::new("function"), &Options::default()).unwrap();
    assert_eq!((built.objects.len(), &*built.warnings[0].rule), (0, "function_not_run"));
    assert!(recorded.0.lock().unwrap().is_empty());
}

#[test]
fn what_is_permitted_is_run_as_it_is_told() {
    let files = programs();
    let recorded = Recorded::default();
    let permissions = build::Permissions {
        helm: Some(build::HelmSettings::default()),
        plugins: Some(build::PluginSettings {
            exec: true,
            ..build::PluginSettings::default()
        }),
    };
    let session = Session::new(&files).with_programs(&recorded, permissions);
    for directory in ["chart", "function"] {
        let built = session.build(Path::new(directory), &Options::default()).unwrap();
        assert_eq!(built.objects[0].name(), "made");
    }
    let failure = session.build(Path::new("plugin"), &Options::default()).unwrap_err();
    assert_eq!(failure.error.message, "there is no e.com/v1/p/P");
    let calls = recorded.0.into_inner().unwrap();
    let [version, template, function] = &calls[..] else {
        panic!("{calls:?}");
    };
    assert_eq!(version.program, build::Program::Helm);
    let words: Vec<build::Word> = ["template", "r", "/chart/charts/c", "-f"].map(build::Word::from).into();
    assert_eq!(template.arguments[..4], words);
    assert_eq!(
        template.files,
        [("c-kustomize-values.yaml".to_owned(), b"a: 1\n".to_vec())]
    );
    assert_eq!(function.program, build::Program::Path("./f".to_owned()));
    assert_eq!(function.directory.as_deref(), Some(Path::new("/function")));
}
