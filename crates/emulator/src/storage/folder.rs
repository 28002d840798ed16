//! A bucket as a folder, for processes that read and write `/gcs/BUCKET`: its objects as files, and objects of the files that
//! are new or changed. Nothing outside of the folder is read or written: links in it are not followed.

use std::collections::BTreeMap;
use std::fs::{self, File, Metadata};
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use serde_json::Map;

use super::catalog::{self, Candidate};
use super::content::{CHUNK, Draft, disk};
use super::object::Object;
use super::permission::{Target, require};
use super::precondition::Preconditions;
use super::{OBJECT, name};
use crate::access::Caller;
use crate::cloud::Cloud;
use crate::error::Result;
use crate::log;

/// Documents that are read in one go.
const BATCH: usize = 1000;

/// The files of a folder as they were when they were last looked at: size and time of the last change, by name.
#[derive(Debug, Default)]
pub(crate) struct Seen(BTreeMap<String, (u64, Option<SystemTime>)>);

impl Seen {
    fn state(metadata: &Metadata) -> (u64, Option<SystemTime>) {
        (metadata.len(), metadata.modified().ok())
    }
}

/// Writes the objects of a bucket as files below a directory, as far as the caller may read them. A name that cannot be a
/// path is left out, and a line says so.
///
/// # Errors
/// If there is no such bucket, the caller may not list it, or the disk refuses.
pub(crate) fn mount(cloud: &Cloud, caller: &Caller, bucket: &str, directory: &Path) -> Result<Seen> {
    catalog::bucket(cloud, bucket)?;
    require(cloud, caller, "objects.list", Target::Bucket(bucket))?;
    fs::create_dir_all(directory).map_err(disk)?;
    let mut seen = Seen::default();
    let mut from = name::key(bucket, "");
    let to = name::behind(&from);
    loop {
        let batch = cloud.store.range(OBJECT, &from, to.as_deref(), BATCH)?;
        let Some((last, _)) = batch.last() else {
            return Ok(seen);
        };
        from = format!("{last}\0");
        for (_, document) in batch {
            let object = Object::read(document)?;
            let target = Target::Object(bucket, &object.name);
            if let Err(error) = require(cloud, caller, "objects.get", target) {
                log::warn(&format!("gs://{bucket}/{} is left out: {}", object.name, error.message));
                continue;
            }
            match write(cloud, &object, directory)? {
                Written::File(metadata) => {
                    seen.0.insert(object.name, Seen::state(&metadata));
                }
                Written::Folder => {}
                Written::LeftOut(why) => log::warn(&format!("gs://{bucket}/{} is left out: {why}", object.name)),
            }
        }
    }
}

enum Written {
    File(Metadata),
    /// An object that stands for a folder: its name ends with a slash.
    Folder,
    LeftOut(&'static str),
}

fn write(cloud: &Cloud, object: &Object, directory: &Path) -> Result<Written> {
    let (folders, file) = match object.name.rsplit_once('/') {
        Some((folders, file)) => (Some(folders), file),
        None => (None, object.name.as_str()),
    };
    let mut path = directory.to_owned();
    for part in folders.into_iter().flat_map(|folders| folders.split('/')) {
        if !is_part(part) {
            return Ok(Written::LeftOut("its name is no path"));
        }
        path.push(part);
        match fs::symlink_metadata(&path) {
            Ok(there) if there.is_dir() => {}
            Ok(_) => return Ok(Written::LeftOut("a folder of it is an object, too")),
            Err(_) => fs::create_dir(&path).map_err(disk)?,
        }
    }
    if file.is_empty() {
        return Ok(Written::Folder);
    }
    if !is_part(file) {
        return Ok(Written::LeftOut("its name is no path"));
    }
    path.push(file);
    match fs::symlink_metadata(&path) {
        Ok(there) if there.is_dir() => return Ok(Written::LeftOut("it is a folder, too")),
        Ok(_) => fs::remove_file(&path).map_err(disk)?,
        Err(_) => {}
    }
    let mut from = match cloud.storage.file(&object.blob) {
        // It was removed or replaced in between.
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Written::LeftOut("it is gone")),
        file => file.map_err(disk)?,
    };
    let mut to = File::create_new(&path).map_err(disk)?;
    io::copy(&mut from, &mut to).map_err(disk)?;
    to.metadata().map(Written::File).map_err(disk)
}

/// Whether a part of a name can be that of a file.
fn is_part(part: &str) -> bool {
    !matches!(part, "" | "." | "..") && part.len() <= 255
}

/// Makes objects of the files below a directory that are new, or have changed since they were seen; removes none. How many
/// it made.
///
/// # Errors
/// The first thing that went wrong; the other files are taken all the same.
pub(crate) fn collect(
    cloud: &Cloud,
    caller: &Caller,
    bucket: &str,
    directory: &Path,
    seen: &mut Seen,
) -> Result<usize> {
    catalog::bucket(cloud, bucket)?;
    let mut count = 0;
    let mut failed = None;
    let mut folders = vec![(directory.to_owned(), String::new())];
    while let Some((folder, prefix)) = folders.pop() {
        let entries = match fs::read_dir(&folder) {
            // Removed while it was looked at.
            Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
            entries => entries.map_err(disk)?,
        };
        for entry in entries.flatten() {
            let path = entry.path();
            let Ok(part) = entry.file_name().into_string() else {
                log::warn(&format!("{} is left out: its name is not UTF-8", path.display()));
                continue;
            };
            let name = format!("{prefix}{part}");
            // That of a link itself.
            let Ok(metadata) = fs::symlink_metadata(&path) else {
                continue;
            };
            if metadata.is_dir() {
                folders.push((path, format!("{name}/")));
                continue;
            }
            let state = Seen::state(&metadata);
            if !metadata.is_file() || seen.0.get(&name) == Some(&state) {
                continue;
            }
            match upload(cloud, caller, (bucket, &name), (&path, &metadata)) {
                Ok(is_there) => {
                    count += usize::from(is_there);
                    seen.0.insert(name, state);
                }
                Err(error) => {
                    log::warn(&format!(
                        "{} is no object of gs://{bucket}: {}",
                        path.display(),
                        error.message
                    ));
                    failed.get_or_insert(error);
                }
            }
        }
    }
    failed.map_or(Ok(count), Err)
}

/// Makes an object of a file; false if it is gone, or no longer what it was.
fn upload(cloud: &Cloud, caller: &Caller, at: (&str, &str), from: (&PathBuf, &Metadata)) -> Result<bool> {
    let (bucket, name) = at;
    name::check_object(name)?;
    let Ok(mut file) = File::open(from.0) else {
        return Ok(false);
    };
    if !is_same(&file.metadata().map_err(disk)?, from.1) {
        return Ok(false);
    }
    let mut draft = Draft::new(&cloud.storage)?;
    let mut buffer = vec![0; CHUNK];
    loop {
        let count = file.read(&mut buffer).map_err(disk)?;
        if count == 0 {
            break;
        }
        draft.write(&buffer[..count])?;
    }
    draft.sync()?;
    let candidate = Candidate {
        bucket: bucket.to_owned(),
        name: name.to_owned(),
        blob: draft.blob.clone(),
        sums: draft.sums(),
        components: None,
        fields: Map::new(),
    };
    catalog::commit(cloud, caller, candidate, &Preconditions::default(), |_, _| Ok(()))?;
    draft.keep();
    Ok(true)
}

/// Whether what was opened is what was looked at: no link was put in its place.
#[cfg(unix)]
fn is_same(opened: &Metadata, seen: &Metadata) -> bool {
    use std::os::unix::fs::MetadataExt;
    (opened.dev(), opened.ino()) == (seen.dev(), seen.ino())
}

#[cfg(not(unix))]
fn is_same(opened: &Metadata, _: &Metadata) -> bool {
    opened.is_file()
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use serde_json::json;
    use tempfile::TempDir;

    use super::*;
    use crate::settings::Iam;
    use crate::storage::{BUCKET, collect, mount};

    fn cloud(iam: Iam) -> (TempDir, Cloud) {
        let directory = tempfile::tempdir().unwrap();
        let cloud = Cloud::of_a_test(&directory.path().join("state"), iam);
        let bucket = json!({"name": "iris", "project": "acme-dev"});
        cloud.store.put(BUCKET, "iris", &bucket).unwrap();
        (directory, cloud)
    }

    fn put(cloud: &Cloud, name: &str, content: &str) {
        let mut draft = Draft::new(&cloud.storage).unwrap();
        draft.write(content.as_bytes()).unwrap();
        let candidate = Candidate {
            bucket: "iris".to_owned(),
            name: name.to_owned(),
            blob: draft.blob.clone(),
            sums: draft.sums(),
            components: None,
            fields: Map::new(),
        };
        catalog::commit(
            cloud,
            &Caller::Anonymous,
            candidate,
            &Preconditions::default(),
            |_, _| Ok(()),
        )
        .unwrap();
        draft.keep();
    }

    /// The names and contents of the objects.
    fn objects(cloud: &Cloud) -> Vec<(String, String)> {
        let found = cloud.store.range(OBJECT, "iris/", Some("iris0"), 100).unwrap();
        let objects = found.into_iter().map(|(_, document)| Object::read(document).unwrap());
        objects
            .map(|object| {
                let content = io::read_to_string(cloud.storage.file(&object.blob).unwrap()).unwrap();
                (object.name, content)
            })
            .collect()
    }

    fn pairs(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
        let mut pairs: Vec<_> = pairs
            .iter()
            .map(|(name, content)| ((*name).into(), (*content).into()))
            .collect();
        pairs.sort();
        pairs
    }

    /// The files below a directory, and what is in them.
    fn files(directory: &Path) -> Vec<(String, String)> {
        let mut found = Vec::new();
        let mut folders = vec![directory.to_owned()];
        while let Some(folder) = folders.pop() {
            for entry in fs::read_dir(folder).unwrap() {
                let path = entry.unwrap().path();
                match path.is_dir() {
                    true => folders.push(path),
                    false => {
                        let name = path.strip_prefix(directory).unwrap().to_str().unwrap().to_owned();
                        found.push((name, fs::read_to_string(&path).unwrap()));
                    }
                }
            }
        }
        found.sort();
        found
    }

    #[test]
    fn objects_are_files_and_changed_files_are_objects() {
        let (directory, cloud) = cloud(Iam::Off);
        put(&cloud, "data/iris.csv", "1,2");
        put(&cloud, "model.pkl", "old");
        put(&cloud, "folder/", "");
        let at = directory.path().join("gcs/iris");
        let who = Caller::Anonymous;
        let mut seen = mount(&cloud, &who, "iris", &at).unwrap();
        assert_eq!(files(&at), pairs(&[("data/iris.csv", "1,2"), ("model.pkl", "old")]));
        assert!(at.join("folder").is_dir());
        assert_eq!(collect(&cloud, &who, "iris", &at, &mut seen).unwrap(), 0);

        fs::write(at.join("model.pkl"), "newer").unwrap();
        fs::create_dir_all(at.join("out/deep")).unwrap();
        fs::write(at.join("out/deep/metrics.json"), "{}").unwrap();
        fs::remove_file(at.join("data/iris.csv")).unwrap();
        assert_eq!(collect(&cloud, &who, "iris", &at, &mut seen).unwrap(), 2);
        assert_eq!(collect(&cloud, &who, "iris", &at, &mut seen).unwrap(), 0);
        let expected = [
            ("data/iris.csv", "1,2"),
            ("folder/", ""),
            ("model.pkl", "newer"),
            ("out/deep/metrics.json", "{}"),
        ];
        assert_eq!(objects(&cloud), pairs(&expected));
    }

    #[test]
    fn a_process_that_writes_in_a_file_does_not_write_in_an_object() {
        let (directory, cloud) = cloud(Iam::Off);
        put(&cloud, "a", "content");
        mount(&cloud, &Caller::Anonymous, "iris", directory.path()).unwrap();
        fs::write(directory.path().join("a"), "other").unwrap();
        assert_eq!(objects(&cloud), pairs(&[("a", "content")]));
    }

    #[test]
    fn names_that_are_no_paths_stay_out() {
        let (directory, cloud) = cloud(Iam::Off);
        let long = "x".repeat(300);
        for name in [
            "../out",
            "/etc/passwd",
            "a//b",
            "a/../../out",
            "./c",
            &long,
            "file",
            "file/below",
            "right",
        ] {
            put(&cloud, name, name);
        }
        let at = directory.path().join("gcs/iris");
        mount(&cloud, &Caller::Anonymous, "iris", &at).unwrap();
        assert_eq!(files(&at), pairs(&[("file", "file"), ("right", "right")]));
        assert_eq!(files(&directory.path().join("gcs")).len(), 2);
    }

    #[test]
    fn links_are_not_followed() {
        let (directory, cloud) = cloud(Iam::Off);
        put(&cloud, "dir/file", "of the bucket");
        put(&cloud, "link", "of the bucket");
        let (outside, at) = (directory.path().join("outside"), directory.path().join("gcs"));
        fs::create_dir_all(&outside).unwrap();
        fs::create_dir_all(&at).unwrap();
        fs::write(outside.join("secret"), "secret").unwrap();
        symlink(&outside, at.join("dir")).unwrap();
        symlink(outside.join("secret"), at.join("link")).unwrap();
        let mut seen = mount(&cloud, &Caller::Anonymous, "iris", &at).unwrap();
        assert_eq!(files(&outside), pairs(&[("secret", "secret")]));
        assert!(!at.join("link").is_symlink());

        symlink(outside.join("secret"), at.join("mine")).unwrap();
        symlink(&outside, at.join("all")).unwrap();
        assert_eq!(collect(&cloud, &Caller::Anonymous, "iris", &at, &mut seen).unwrap(), 0);
        let expected = [("dir/file", "of the bucket"), ("link", "of the bucket")];
        assert_eq!(objects(&cloud), pairs(&expected));
    }

    #[test]
    fn who_may_not_read_has_no_folder() {
        let (directory, cloud) = cloud(Iam::Enforce);
        let refused = mount(&cloud, &Caller::Anonymous, "iris", directory.path()).unwrap_err();
        assert!(refused.message.contains("storage.objects.list"), "{}", refused.message);
        fs::create_dir(directory.path().join("gcs")).unwrap();
        fs::write(directory.path().join("gcs/new"), "x").unwrap();
        let at = directory.path().join("gcs");
        let refused = collect(&cloud, &Caller::Anonymous, "iris", &at, &mut Seen::default()).unwrap_err();
        assert!(
            refused.message.contains("storage.objects.create"),
            "{}",
            refused.message
        );
        assert_eq!(objects(&cloud), []);
    }
}
