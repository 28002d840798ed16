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
