//! Where results go: standard output when all is there, files that are there whole or not at all.

use std::fs::{self, File, OpenOptions};
use std::io::{self, ErrorKind, Write};
use std::path::{Component, Path, PathBuf};

use build::BuildError;
use resource::Resource;

use crate::diagnostic::Diagnostic;

/// How an answer is printed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum AnswerFormat {
    /// For a person.
    #[default]
    Text,
    /// One JSON document, for a program.
    Json,
}

/// Prints an answer, or says why that cannot be.
pub(crate) fn answer<C: AsRef<[u8]>>(chunks: &[C]) -> Result<(), Box<Diagnostic>> {
    print(chunks).map_err(|error| Box::new(Diagnostic::error(format!("cannot write to standard output: {error}"))))
}

/// Writes to standard output. A reader that has gone away has read what it wanted.
pub(crate) fn print<C: AsRef<[u8]>>(chunks: &[C]) -> io::Result<()> {
    let mut out = std::io::stdout().lock();
    let written = chunks
        .iter()
        .try_for_each(|chunk| out.write_all(chunk.as_ref()))
        .and_then(|()| out.flush());
    match written {
        Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(()),
        other => other,
    }
}

/// Writes a file so that a reader sees the old content or the new one, never a part.
pub(crate) fn write_file(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let before = fs::symlink_metadata(path).ok();
    if before.as_ref().is_some_and(fs::Metadata::is_symlink) {
        // Through a link, as every other program writes.
        return match fs::canonicalize(path) {
            Ok(target) => write_file(&target, bytes),
            Err(_) => fs::write(path, bytes),
        };
    }
    if before.as_ref().is_some_and(|before| !before.is_file()) {
        // A pipe or a device cannot be replaced.
        return File::options().write(true).open(path)?.write_all(bytes);
    }
    let (mut file, temporary) = create_beside(path)?;
    let written = file.write_all(bytes).and_then(|()| match before {
        Some(before) => file.set_permissions(before.permissions()),
        None => Ok(()),
    });
    drop(file);
    let done = written.and_then(|()| fs::rename(&temporary, path));
    if done.is_err() {
        let _ = fs::remove_file(&temporary);
    }
    done
}

fn create_beside(target: &Path) -> io::Result<(File, PathBuf)> {
    let name = target.file_name().ok_or(ErrorKind::InvalidInput)?.to_string_lossy();
    let mut attempt = 0;
    loop {
        let temporary = target.with_file_name(format!(".{name}.{}.{attempt}.tmp", std::process::id()));
        match OpenOptions::new().write(true).create_new(true).open(&temporary) {
            Ok(file) => return Ok((file, temporary)),
            Err(error) if error.kind() == ErrorKind::AlreadyExists && attempt < 100 => attempt += 1,
            Err(error) => return Err(error),
        }
    }
}

/// The file of each object in a directory of objects, with kustomize's names (`commands/build/writer.go`):
/// `group_version_kind_name.yaml`, with the namespace in front where there are several.
pub(crate) fn object_files(objects: &[Resource]) -> Result<Vec<(String, Vec<u8>)>, BuildError> {
    let ids: Vec<_> = objects.iter().map(Resource::id).collect();
    let mut namespaced = ids
        .iter()
        .filter(|id| !id.cluster_scoped)
        .map(|id| id.effective_namespace());
    let first = namespaced.next();
    let several = namespaced.any(|namespace| Some(namespace) != first);
    let mut files = Vec::with_capacity(objects.len());
    for (object, id) in objects.iter().zip(&ids) {
        let mut parts: Vec<&str> = vec![&id.gvk.group, &id.gvk.version, &id.gvk.kind];
        parts.retain(|part| !part.is_empty());
        parts.push(&id.name);
        if several && !id.cluster_scoped {
            parts.insert(0, id.effective_namespace());
        }
        let mut bytes = Vec::new();
        build::print(object, &mut bytes)?;
        // A name is no path: what it holds of separators stays in it.
        files.push((
            format!("{}.yaml", parts.join("_").to_lowercase().replace('/', "_")),
            bytes,
        ));
    }
    Ok(files)
}

/// The file below an output directory for a kustomization: its path, mirrored. What leads out of the
/// output directory is left away.
pub(crate) fn mirrored(directory: &Path, working_directory: &Path) -> PathBuf {
    let inside = directory.strip_prefix(working_directory).unwrap_or(directory);
    let mut mirrored = PathBuf::new();
    for component in inside.components() {
        match component {
            Component::Normal(name) => mirrored.push(name),
            Component::ParentDir => {
                mirrored.pop();
            }
            _ => {}
        }
    }
    if mirrored.as_os_str().is_empty() {
        let own_name = directory.file_name().or_else(|| working_directory.file_name());
        mirrored.push(own_name.unwrap_or("kustomization".as_ref()));
    }
    let mut name = mirrored.file_name().unwrap_or_default().to_owned();
    name.push(".yaml");
    mirrored.with_file_name(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mirrors_paths() {
        let mirror = |path: &str| mirrored(Path::new(path), Path::new("/w/iris")).display().to_string();
        assert_eq!(mirror("overlays/prod"), "overlays/prod.yaml");
        assert_eq!(mirror("./overlays/v1.2/"), "overlays/v1.2.yaml");
        assert_eq!(mirror("/w/iris/overlays/prod"), "overlays/prod.yaml");
        assert_eq!(mirror("/other/prod"), "other/prod.yaml");
        assert_eq!(mirror("../prod"), "prod.yaml");
        assert_eq!(mirror("."), "iris.yaml");
    }

    #[test]
    fn replaces_files_whole() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("out.yaml");
        write_file(&path, b"one\n").unwrap();
        write_file(&path, b"two\n").unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"two\n");
        assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 1);
        assert!(write_file(&directory.path().join("not/there"), b"x").is_err());
    }

    #[cfg(unix)]
    #[test]
    fn writes_through_links_and_keeps_permissions() {
        use std::os::unix::fs::{PermissionsExt, symlink};
        let directory = tempfile::tempdir().unwrap();
        let (path, link) = (directory.path().join("real"), directory.path().join("link"));
        fs::write(&path, "old").unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).unwrap();
        symlink(&path, &link).unwrap();
        write_file(&link, b"new").unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"new");
        assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o640);
    }
}
