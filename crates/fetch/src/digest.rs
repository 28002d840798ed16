//! Digests: of bytes, and of a tree of files by its paths, modes and contents.

use std::fmt;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use sha2::{Digest as _, Sha256};

/// A SHA-256 digest; shown as `sha256:` and 64 hexadecimal digits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Digest([u8; 32]);

const PREFIX: &str = "sha256:";

impl Digest {
    pub fn of_bytes(bytes: &[u8]) -> Digest {
        Digest(Sha256::digest(bytes).into())
    }

    /// The digest in a text, if it is in the form in which digests are shown.
    pub fn parse(text: &str) -> Option<Digest> {
        Digest::from_hex(text.strip_prefix(PREFIX)?)
    }

    pub(crate) fn from_hex(hex: &str) -> Option<Digest> {
        let mut bytes = [0; 32];
        let is_hex = |byte: u8| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
        if hex.len() != 64 || !hex.bytes().all(is_hex) {
            return None;
        }
        for (at, byte) in bytes.iter_mut().enumerate() {
            *byte = u8::from_str_radix(&hex[2 * at..2 * at + 2], 16).ok()?;
        }
        Some(Digest(bytes))
    }

    pub(crate) fn hex(&self) -> String {
        self.0.iter().map(|byte| format!("{byte:02x}")).collect()
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{PREFIX}{}", self.hex())
    }
}

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

/// The digest of a tree: over a line for each file, in the order of the bytes of their paths.
///
/// A line is `MODE PATH`, a zero byte, the SHA-256 of the content in hexadecimal digits, and a line
/// feed. The mode is Git's: 100644, 100755 for programs, 120000 for symbolic links, whose content is
/// where they lead. Directories count by what is in them.
pub(crate) fn of_tree(top: &Path, limits: &TreeLimits) -> io::Result<Digest> {
    let mut walk = Walk {
        limits,
        files: 0,
        bytes: 0,
        lines: Vec::new(),
    };
    walk.directory(top, &mut Vec::new())?;
    walk.lines.sort_unstable();
    let mut whole = Sha256::new();
    for (path, mode, content) in &walk.lines {
        whole.update(mode);
        whole.update(b" ");
        whole.update(path);
        whole.update(b"\0");
        whole.update(content.hex());
        whole.update(b"\n");
    }
    Ok(Digest(whole.finalize().into()))
}

struct Walk<'l> {
    limits: &'l TreeLimits,
    files: u64,
    bytes: u64,
    lines: Vec<(Vec<u8>, &'static str, Digest)>,
}

impl Walk<'_> {
    fn directory(&mut self, directory: &Path, path: &mut Vec<u8>) -> io::Result<()> {
        for entry in fs::read_dir(directory)? {
            let entry = entry?;
            let length = path.len();
            if !path.is_empty() {
                path.push(b'/');
            }
            path.extend_from_slice(entry.file_name().as_encoded_bytes());
            let kind = entry.file_type()?;
            if kind.is_dir() {
                self.directory(&entry.path(), path)?;
            } else if kind.is_symlink() {
                let target = fs::read_link(entry.path())?;
                self.line(path, "120000", target.as_os_str().as_encoded_bytes())?;
            } else if kind.is_file() {
                let mode = if is_program(&entry.metadata()?) {
                    "100755"
                } else {
                    "100644"
                };
                self.line(path, mode, &self.content(entry.path())?)?;
            } else {
                return Err(io::Error::other("it holds what is no file, directory or link"));
            }
            path.truncate(length);
        }
        Ok(())
    }

    /// A file that is too large is not read.
    fn content(&self, path: PathBuf) -> io::Result<Vec<u8>> {
        if self.limits.refuses(self.files, self.bytes + fs::metadata(&path)?.len()) {
            return Err(io::ErrorKind::FileTooLarge.into());
        }
        fs::read(path)
    }

    fn line(&mut self, path: &[u8], mode: &'static str, content: &[u8]) -> io::Result<()> {
        self.files += 1;
        self.bytes += content.len() as u64;
        if self.limits.refuses(self.files, self.bytes) {
            return Err(io::ErrorKind::FileTooLarge.into());
        }
        self.lines.push((path.to_owned(), mode, Digest::of_bytes(content)));
        Ok(())
    }
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
