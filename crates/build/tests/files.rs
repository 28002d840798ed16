//! Trees that are not on a disk: links in memory, and changes on top of another tree; what they say of their
//! files, and builds from them.
#![expect(clippy::unwrap_used, reason = "a helper of a test fails as a test does")]

use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use build::{EntryKind, FileKind, Files, MemoryFiles, Options, OsFiles, OverlayFiles, Session, build};

const CONFIG: &str = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: c}\n";

fn tree() -> MemoryFiles {
    let mut files = MemoryFiles::from_iter([
        ("base/kustomization.yaml", "resources: [config.yaml]\n"),
        ("base/config.yaml", CONFIG),
        ("over/kustomization.yaml", "resources: [../link]\nnamePrefix: a-\n"),
    ]);
    files.insert_link("link", "base");
    files
}

/// What a directory builds to, or the message of the error.
fn text(files: &dyn Files, directory: &str) -> String {
    match build(files, Path::new(directory), &Options::default()) {
        Ok(built) => String::from_utf8(built.to_yaml().unwrap()).unwrap(),
        Err(failure) => failure.to_string(),
    }
}

fn config(name: &str) -> String {
    format!("apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: {name}\n")
}

fn kind(files: &dyn Files, path: &str) -> Result<EntryKind, ErrorKind> {
    files.entry_kind(Path::new(path)).map_err(|error| error.kind())
}

fn resolved(files: &dyn Files, path: &str) -> Result<(PathBuf, FileKind), ErrorKind> {
    files.resolve(Path::new(path)).map_err(|error| error.kind())
}

fn list(files: &dyn Files, path: &str) -> Vec<String> {
    let mut names = files.list(Path::new(path)).unwrap();
    names.sort();
    names
}

#[test]
fn links_in_memory_lead_on() {
    let mut files = tree();
    assert_eq!(text(&files, "/over"), config("a-c"));
    files.insert_link("over/up", "../over/./../link/config.yaml");
    files.insert_link("far", "/link/config.yaml");
    assert_eq!(
        resolved(&files, "/over/up"),
        Ok(("/base/config.yaml".into(), FileKind::File))
    );
    assert_eq!(files.read(Path::new("/far"), 1000).unwrap(), CONFIG.as_bytes());
    assert_eq!(files.read_link(Path::new("/link")).unwrap(), Path::new("base"));
    assert_eq!(kind(&files, "/link"), Ok(EntryKind::Link));
    assert_eq!(kind(&files, "/link/config.yaml"), Ok(EntryKind::File));
    assert_eq!(list(&files, "/link"), ["config.yaml", "kustomization.yaml"]);
    assert_eq!(list(&files, "/"), ["base", "far", "link", "over"]);
}

#[test]
fn trees_in_memory_fail_as_disks_do() {
    let mut files = tree();
    files.insert_link("loop", "loop/x");
    files.insert_link("lost", "nowhere");
    assert!(resolved(&files, "/loop").is_err());
    assert_eq!(resolved(&files, "/lost"), Err(ErrorKind::NotFound));
    assert_eq!(resolved(&files, "/base/config.yaml/x"), Err(ErrorKind::NotADirectory));
    let error = |result: std::io::Result<Vec<u8>>| result.unwrap_err().kind();
    assert_eq!(error(files.read(Path::new("/base"), 1)), ErrorKind::IsADirectory);
    assert_eq!(
        error(files.read(Path::new("/base/config.yaml"), 1)),
        ErrorKind::FileTooLarge
    );
    assert_eq!(
        files.list(Path::new("/far/config.yaml")).unwrap_err().kind(),
        ErrorKind::NotFound
    );
    assert_eq!(text(&files, "/nowhere"), "no such file or directory: \"/nowhere\"");
    assert_eq!(
        text(&files, "/base/config.yaml"),
        "\"/base/config.yaml\" is a file, a directory is needed here"
    );
    files.insert("bad/kustomization.yaml", "resources: [../lost]\n");
    assert_eq!(text(&files, "/bad"), "no such file or directory: \"../lost\"");
    files.insert("out/kustomization.yaml", "resources: [file]\n");
    files.insert_link("out/file", "../base/config.yaml");
    assert_eq!(
        text(&files, "/out"),
        "security; file 'base/config.yaml' is not in or below 'out'"
    );
}

#[test]
fn changes_are_built_and_nothing_below_changes() {
    let lower = tree();
    let mut files = OverlayFiles::new(&lower);
    assert_eq!(text(&files, "/over"), config("a-c"));
    files.write(
        "over/kustomization.yaml",
        "resources: [../link, more.yaml]\nnamePrefix: b-\n",
    );
    assert_eq!(text(&files, "/over"), "no such file or directory: \"more.yaml\"");
    files.write("over/more.yaml", CONFIG.replace("name: c", "name: d"));
    assert_eq!(
        text(&files, "/over"),
        format!("{}---\n{}", config("b-c"), config("b-d"))
    );
    // Through a link of the tree below.
    files.write("link/config.yaml", CONFIG.replace("name: c", "name: e"));
    assert_eq!(text(&files, "/base"), config("e"));
    assert_eq!(
        text(&files, "/over"),
        format!("{}---\n{}", config("b-d"), config("b-e"))
    );
    files.remove("base/config.yaml");
    assert_eq!(text(&files, "/base"), "no such file or directory: \"config.yaml\"");
    assert_eq!(text(&lower, "/over"), config("a-c"));
    assert_eq!(text(&lower, "/base"), config("c"));
}

#[test]
fn a_change_of_a_change_is_built_as_well() {
    let lower = tree();
    let mut first = OverlayFiles::new(&lower);
    first.write("over/kustomization.yaml", "resources: [../base]\nnamePrefix: b-\n");
    first.link("base/config.yaml", "../other.yaml");
    first.write("/other.yaml", CONFIG.replace("name: c", "name: f"));
    let mut second = OverlayFiles::new(&first);
    second.write("base/kustomization.yaml", "resources: [config.yaml]\nnameSuffix: -z\n");
    let options = Options {
        load_restrictor: build::LoadRestrictor::None,
        ..Options::default()
    };
    let built = Session::new(&second).build(Path::new("/over"), &options).unwrap();
    assert_eq!(String::from_utf8(built.to_yaml().unwrap()).unwrap(), config("b-f-z"));
}

#[test]
fn directories_are_merged_and_hidden() {
    let lower = tree();
    let mut files = OverlayFiles::new(&lower);
    files.write("base/new/deep.yaml", "x");
    files.write("top.yaml", "y");
    files.link("base/back", "..");
    assert_eq!(list(&files, "/"), ["base", "link", "over", "top.yaml"]);
    assert_eq!(
        list(&files, "/link"),
        ["back", "config.yaml", "kustomization.yaml", "new"]
    );
    assert_eq!(list(&files, "/base/back/base/new"), ["deep.yaml"]);
    files.remove("base/config.yaml");
    files.remove("base/new");
    assert_eq!(list(&files, "/base"), ["back", "kustomization.yaml"]);
    assert_eq!(kind(&files, "/base/new/deep.yaml"), Err(ErrorKind::NotFound));
    files.remove("base");
    assert_eq!(kind(&files, "/base/kustomization.yaml"), Err(ErrorKind::NotFound));
    assert_eq!(resolved(&files, "/link"), Err(ErrorKind::NotFound));
    assert_eq!(list(&files, "/"), ["link", "over", "top.yaml"]);
    // What comes again has nothing of what was removed.
    files.write("base/again.yaml", "z");
    assert_eq!(list(&files, "/link"), ["again.yaml"]);
}

#[test]
fn files_links_and_directories_replace_each_other() {
    let lower = tree();
    let mut files = OverlayFiles::new(&lower);
    files.write("base", "a file now");
    assert_eq!(resolved(&files, "/link"), Ok(("/base".into(), FileKind::File)));
    assert_eq!(resolved(&files, "/base/config.yaml"), Err(ErrorKind::NotADirectory));
    files.write("base/config.yaml", "a directory again");
    assert_eq!(list(&files, "/base"), ["config.yaml"]);
    files.write("over/kustomization.yaml/x", "below what was a file");
    assert_eq!(list(&files, "/over/kustomization.yaml"), ["x"]);
    files.link("over", "base");
    assert_eq!(list(&files, "/over"), ["config.yaml"]);
    files.remove("over");
    assert_eq!(kind(&files, "/over"), Err(ErrorKind::NotFound));
    assert_eq!(
        list(&files, "/base"),
        ["config.yaml"],
        "the link went, not what it leads to"
    );
    files.link("loop", "loop");
    assert!(resolved(&files, "/loop").is_err());
}

#[test]
fn a_disk_can_be_below() {
    let top = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
    let disk = OsFiles::new(top.clone());
    let mut files = OverlayFiles::new(&disk);
    let directory = top.join("tests/made/up");
    files.write(directory.join("kustomization.yaml"), "resources: [c.yaml]\n");
    files.write(directory.join("c.yaml"), CONFIG);
    assert_eq!(text(&files, "tests/made/up"), config("c"));
    assert!(list(&files, top.join("tests").to_str().unwrap()).contains(&"made".to_owned()));
    assert!(disk.entry_kind(&directory).is_err(), "nothing is written");
    assert_eq!(files.display(&directory), "tests/made/up");
}
