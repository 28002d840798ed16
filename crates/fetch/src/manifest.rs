//! Manifests: what a tree of files holds, by path, mode and the digest of the content.
//!
//! Their text is the same for the same files on every machine, so its digest stands for the tree. A line is
//! `MODE PATH`, a zero byte, the SHA-256 of the content in hexadecimal digits, and a line feed; lines come in
//! the order of the bytes of their paths. The mode is Git's: 100644, 100755 for programs, 120000 for symbolic
//! links, whose content is where they lead. Directories count by what is in them.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use crate::digest::Digest;

/// How large a tree may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TreeLimits {
    pub files: u64,
    pub bytes: u64,
}

impl Default for TreeLimits {
    /// Half a million files, 4 GiB.
    fn default() -> TreeLimits {
        TreeLimits {
            files: 500_000,
            bytes: 4 << 30,
        }
    }
}

impl TreeLimits {
    /// Whether so much is more than is allowed.
    pub(crate) fn refuses(&self, files: u64, bytes: u64) -> bool {
        files > self.files || bytes > self.bytes
    }
}

/// What stands at a path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mode {
    File,
    Program,
    Link,
}

impl Mode {
    const ALL: [(Mode, &[u8; 6]); 3] = [
        (Mode::File, b"100644"),
        (Mode::Program, b"100755"),
        (Mode::Link, b"120000"),
    ];

    fn text(self) -> &'static [u8; 6] {
        Mode::ALL
            .iter()
            .find(|(mode, _)| *mode == self)
            .map_or(b"100644", |(_, text)| text)
    }
}

/// The files of a tree, or of some paths in it. Paths are relative, their parts joined with `/`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Manifest {
    files: BTreeMap<Vec<u8>, (Mode, Digest)>,
}

impl Manifest {
    /// Reads the files of a tree at and below a path in it. Each content is given to `keep`.
    pub(crate) fn of_tree(
        top: &Path,
        path: &str,
        limits: &TreeLimits,
        keep: &mut dyn FnMut(&Content<'_>) -> io::Result<()>,
    ) -> io::Result<Manifest> {
        let mut walk = Walk {
            limits,
            bytes: 0,
            manifest: Manifest::default(),
            keep,
        };
        let at = join(top, path.as_bytes());
        // What is behind a link is at another path.
        let mut above = Path::new(path).ancestors().skip(1);
        if above.any(|above| top.join(above).is_symlink()) {
            return Ok(walk.manifest);
        }
        match fs::symlink_metadata(&at) {
            Ok(metadata) => walk.entry(&at, &metadata, &mut path.as_bytes().to_vec())?,
            Err(error) if is_absent(&error) => {}
            Err(error) => return Err(error),
        }
        Ok(walk.manifest)
    }

    pub(crate) fn digest(&self) -> Digest {
        Digest::of_bytes(&self.to_bytes())
    }

    pub(crate) fn to_bytes(&self) -> Vec<u8> {
        let mut text = Vec::new();
        for (path, (mode, content)) in &self.files {
            text.extend_from_slice(mode.text());
            text.push(b' ');
            text.extend_from_slice(path);
            text.push(0);
            text.extend_from_slice(content.hex().as_bytes());
            text.push(b'\n');
        }
        text
    }

    /// Reads what [`Manifest::to_bytes`] wrote; nothing where it did not.
    pub(crate) fn parse(mut text: &[u8]) -> Option<Manifest> {
        let mut files = BTreeMap::new();
        while !text.is_empty() {
            let (mode, rest) = text.split_first_chunk::<6>()?;
            let (mode, _) = Mode::ALL.iter().find(|(_, text)| *text == mode)?;
            let rest = rest.strip_prefix(b" ")?;
            let end = rest.iter().position(|byte| *byte == 0)?;
            let (path, rest) = (&rest[..end], &rest[end + 1..]);
            let (hex, rest) = rest.split_first_chunk::<64>()?;
            let content = Digest::from_hex(std::str::from_utf8(hex).ok()?)?;
            let is_inside = path
                .split(|byte| *byte == b'/')
                .all(|part| !matches!(part, b"" | b"." | b".."));
            if !is_inside || files.insert(path.to_owned(), (*mode, content)).is_some() {
                return None;
            }
            text = rest.strip_prefix(b"\n")?;
        }
        Some(Manifest { files })
    }

    /// The files at and below a path.
    pub(crate) fn below<'m>(&'m self, path: &'m str) -> impl Iterator<Item = (&'m [u8], Mode, Digest)> {
        let path = path.as_bytes();
        let from = self.files.range(path.to_owned()..);
        from.map(|(at, (mode, content))| (&**at, *mode, *content))
            .take_while(move |(at, ..)| at.starts_with(path))
            .filter(move |(at, ..)| path.is_empty() || at.len() == path.len() || at[path.len()] == b'/')
    }

    /// The files at and below some paths.
    pub(crate) fn only<'p>(&self, paths: impl IntoIterator<Item = &'p str>) -> Manifest {
        let mut only = Manifest::default();
        for path in paths {
            let files = self.below(path);
            only.files
                .extend(files.map(|(at, mode, content)| (at.to_owned(), (mode, content))));
        }
        only
    }

    pub(crate) fn add(&mut self, other: Manifest) {
        self.files.extend(other.files);
    }
}

/// A content that a tree holds.
pub(crate) enum Content<'c> {
    /// Of a file, and where it is.
    File(&'c Path, &'c [u8], Digest),
    /// Of a link.
    Link(&'c [u8], Digest),
}

struct Walk<'l> {
    limits: &'l TreeLimits,
    bytes: u64,
    manifest: Manifest,
    keep: &'l mut dyn FnMut(&Content<'_>) -> io::Result<()>,
}

impl Walk<'_> {
    fn entry(&mut self, at: &Path, metadata: &fs::Metadata, path: &mut Vec<u8>) -> io::Result<()> {
        let kind = metadata.file_type();
        if kind.is_dir() {
            return self.directory(at, path);
        }
        if kind.is_symlink() {
            let target = fs::read_link(at)?;
            let target = target.as_os_str().as_encoded_bytes();
            self.count(target.len() as u64)?;
            let digest = Digest::of_bytes(target);
            (self.keep)(&Content::Link(target, digest))?;
            self.manifest.files.insert(path.clone(), (Mode::Link, digest));
        } else if kind.is_file() {
            self.count(metadata.len())?;
            let mode = if is_program(metadata) {
                Mode::Program
            } else {
                Mode::File
            };
            let bytes = fs::read(at)?;
            let digest = Digest::of_bytes(&bytes);
            (self.keep)(&Content::File(at, &bytes, digest))?;
            self.manifest.files.insert(path.clone(), (mode, digest));
        } else {
            return Err(io::Error::other("it holds what is no file, directory or link"));
        }
        Ok(())
    }

    /// What is Git's own belongs to no tree.
    fn directory(&mut self, directory: &Path, path: &mut Vec<u8>) -> io::Result<()> {
        for entry in fs::read_dir(directory)? {
            let entry = entry?;
            if entry.file_name() == ".git" {
                continue;
            }
            let length = path.len();
            if !path.is_empty() {
                path.push(b'/');
            }
            path.extend_from_slice(entry.file_name().as_encoded_bytes());
            self.entry(&entry.path(), &fs::symlink_metadata(entry.path())?, path)?;
            path.truncate(length);
        }
        Ok(())
    }

    /// A file that is too large is not read.
    fn count(&mut self, bytes: u64) -> io::Result<()> {
        self.bytes = self.bytes.saturating_add(bytes);
        match self.limits.refuses(self.manifest.files.len() as u64 + 1, self.bytes) {
            true => Err(io::ErrorKind::FileTooLarge.into()),
            false => Ok(()),
        }
    }
}

/// Whether an error says that there is nothing at a path.
pub(crate) fn is_absent(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory)
}

/// The path of a file of a tree on the disk.
pub(crate) fn join(top: &Path, path: &[u8]) -> PathBuf {
    #[cfg(unix)]
    return top.join(<std::ffi::OsStr as std::os::unix::ffi::OsStrExt>::from_bytes(path));
    #[cfg(not(unix))]
    return top.join(&*String::from_utf8_lossy(path));
}

#[cfg(unix)]
fn is_program(metadata: &fs::Metadata) -> bool {
    use std::os::unix::fs::PermissionsExt;
    metadata.permissions().mode() & 0o100 != 0
}

#[cfg(not(unix))]
fn is_program(_: &fs::Metadata) -> bool {
    false
}

#[cfg(test)]
mod tests {
    use super::{Manifest, TreeLimits};

    fn lines(paths: &[&str]) -> Vec<u8> {
        let line = |path: &&str| format!("100644 {path}\0{}\n", "0".repeat(64));
        paths.iter().map(line).collect::<String>().into_bytes()
    }

    #[test]
    fn what_is_written_is_read() {
        let text = lines(&["a", "a b/c", "a/b", "ab"]);
        let manifest = Manifest::parse(&text).unwrap();
        assert_eq!(manifest.to_bytes(), text);
        let below = |path| -> Vec<String> {
            let paths = manifest.below(path);
            paths
                .map(|(path, ..)| String::from_utf8_lossy(path).into_owned())
                .collect()
        };
        assert_eq!(below(""), ["a", "a b/c", "a/b", "ab"]);
        assert_eq!(below("a"), ["a", "a/b"]);
        assert_eq!(below("a b"), ["a b/c"]);
        assert_eq!(manifest.only(["ab", "a b"]).to_bytes(), lines(&["a b/c", "ab"]));
    }

    #[test]
    fn what_leads_out_of_a_tree_is_no_manifest() {
        for path in ["../a", "/a", "a/../../b", "", "a//b", "."] {
            assert_eq!(Manifest::parse(&lines(&[path])), None, "{path}");
        }
        for text in ["100600 a\0", "100644", "100644 a"] {
            assert_eq!(Manifest::parse(text.as_bytes()), None, "{text}");
        }
        assert_eq!(Manifest::parse(&[lines(&["a"]), lines(&["a"])].concat()), None);
    }

    #[test]
    fn a_tree_that_is_too_large_is_not_read() {
        let directory = tempfile::tempdir().unwrap();
        std::fs::write(directory.path().join("a"), "12345").unwrap();
        let read = |files, bytes| {
            let limits = TreeLimits { files, bytes };
            Manifest::of_tree(directory.path(), "", &limits, &mut |_| Ok(()))
        };
        assert!(read(0, 5).is_err() && read(1, 4).is_err());
        assert_eq!(read(1, 5).unwrap().below("").count(), 1);
    }
}
