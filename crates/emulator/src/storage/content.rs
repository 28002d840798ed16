//! Contents of objects: files below `blobs` in the directory of the state, whose names have nothing to do with those of the
//! objects. A file is on the disk before a document names it, and is never changed after.

use std::collections::{HashMap, HashSet};
use std::fs::{self, File};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError, Weak};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http_body_util::BodyExt;
use hyper::body::Bytes;
use md5::{Digest, Md5};
use tokio::sync::OwnedMutexGuard;

use super::{NONCURRENT, OBJECT, UPLOAD, crc32c, resumable};
use crate::call::Content;
use crate::cloud::Cloud;
use crate::error::{ApiError, Result, Status};
use crate::store::{Store, StoreError};
use crate::token;

/// What is written to a file, or read from one, at once.
pub(super) const CHUNK: usize = 1 << 20;
/// What is read of a body that is refused.
const MOST_DRAINED: usize = 256 << 20;
/// Documents that are looked at in one go.
const BATCH: usize = 1000;

/// The contents of objects, and the resumable uploads that are under way.
#[derive(Debug)]
pub(crate) struct Storage {
    blobs: PathBuf,
    /// By session; one chunk of a session is received at a time.
    uploads: Mutex<HashMap<String, Arc<Session>>>,
}

/// What has been received in a session, where it is known without reading it again.
pub(super) type Session = tokio::sync::Mutex<Option<Draft>>;

impl Storage {
    pub(crate) fn open(store: &Store) -> Result<Storage, StoreError> {
        let blobs = store.directory().join("blobs");
        fs::create_dir_all(&blobs).map_err(|error| StoreError::Directory(blobs.clone(), error))?;
        Ok(Storage {
            blobs,
            uploads: Mutex::default(),
        })
    }

    pub(super) fn path(&self, blob: &str) -> PathBuf {
        self.blobs.join(blob)
    }

    pub(super) fn file(&self, blob: &str) -> io::Result<File> {
        File::open(self.path(blob))
    }

    /// Removes a content that no document names any more. Who reads it goes on reading.
    pub(super) fn remove(&self, blob: &str) {
        if let Err(error) = fs::remove_file(self.path(blob))
            && error.kind() != io::ErrorKind::NotFound
        {
            crate::log::warn(&format!("a content that is no longer used is left behind: {error}"));
        }
    }

    /// The same content under another name.
    pub(super) fn duplicate(&self, blob: &str) -> io::Result<String> {
        let name = token::random().map_err(|error| io::Error::other(error.message))?;
        let (from, to) = (self.path(blob), self.path(&name));
        if let Err(error) = fs::hard_link(&from, &to) {
            if error.kind() == io::ErrorKind::NotFound {
                return Err(error);
            }
            // A file system without links.
            fs::copy(&from, &to)?;
            File::open(&to)?.sync_all()?;
        }
        Ok(name)
    }

    pub(super) fn session(&self, id: &str) -> Arc<Session> {
        let mut uploads = self.uploads.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(uploads.entry(id.to_owned()).or_default())
    }

    pub(super) fn forget_session(&self, id: &str) {
        let mut uploads = self.uploads.lock().unwrap_or_else(PoisonError::into_inner);
        uploads.remove(id);
    }
}

/// Removes, beside the work, the contents that no document names: what was written when the cloud was killed.
pub(crate) fn tidy(cloud: &Arc<Cloud>) {
    let names = fs::read_dir(&cloud.storage.blobs).into_iter().flatten();
    let names: HashSet<String> = names
        .filter_map(|entry| entry.ok()?.file_name().into_string().ok())
        .collect();
    if !names.is_empty() {
        let cloud = Arc::downgrade(cloud);
        std::thread::spawn(move || remove_unnamed(&cloud, names));
    }
}

fn remove_unnamed(cloud: &Weak<Cloud>, mut names: HashSet<String>) -> Option<()> {
    // In the order in which a content goes from one to the other, so that none is missed.
    for kind in [UPLOAD, OBJECT, NONCURRENT] {
        let mut from = String::new();
        loop {
            let batch = cloud.upgrade()?.store.range(kind, &from, None, BATCH).ok()?;
            for (key, document) in &batch {
                if kind == UPLOAD && resumable::is_past(document) {
                    cloud.upgrade()?.store.delete(UPLOAD, key).ok()?;
                    continue;
                }
                names.remove(document["blob"].as_str().unwrap_or_default());
            }
            let Some((last, _)) = batch.last() else { break };
            from = format!("{last}\0");
        }
    }
    for name in names {
        cloud.upgrade()?.storage.remove(&name);
    }
    Some(())
}

/// A content that is being written, with its checksums.
#[derive(Debug)]
pub(super) struct Draft {
    pub(super) blob: String,
    path: PathBuf,
    file: File,
    crc32c: u32,
    md5: Md5,
    pub(super) size: u64,
    /// Left there when this goes: a document names it.
    is_kept: bool,
    /// The session that it is of, which takes no other chunk before this is back, or gone: work for a caller who has gone
    /// may still be under way.
    session: Option<OwnedMutexGuard<Option<Draft>>>,
}

/// The size and the checksums of a content, the latter as the API writes them.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Sums {
    pub(super) size: u64,
    pub(super) crc32c: String,
    pub(super) md5: String,
}

impl Draft {
    pub(super) fn new(storage: &Storage) -> Result<Draft> {
        let blob = token::random()?;
        let path = storage.path(&blob);
        let file = File::create_new(&path).map_err(disk)?;
        Ok(Draft {
            blob,
            path,
            file,
            crc32c: 0,
            md5: Md5::new(),
            size: 0,
            is_kept: false,
            session: None,
        })
    }

    /// Goes on behind so many bytes of a content; what is behind them is cut off.
    pub(super) fn resume(path: PathBuf, size: u64, session: OwnedMutexGuard<Option<Draft>>) -> Result<Draft> {
        let blob = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let file = File::options().read(true).write(true).open(&path).map_err(disk)?;
        file.set_len(size).map_err(disk)?;
        let mut draft = Draft {
            blob,
            path,
            file,
            crc32c: 0,
            md5: Md5::new(),
            size: 0,
            is_kept: true,
            session: Some(session),
        };
        let mut buffer = vec![0; CHUNK];
        while draft.size < size {
            let count = draft.file.read(&mut buffer).map_err(disk)?;
            if count == 0 {
                return Err(ApiError::new(
                    Status::Unavailable,
                    "A part of what was uploaded is lost. Begin a new upload.",
                ));
            }
            draft.count(&buffer[..count]);
        }
        draft.file.seek(SeekFrom::Start(size)).map_err(disk)?;
        Ok(draft)
    }

    fn count(&mut self, bytes: &[u8]) {
        self.crc32c = crc32c::update(self.crc32c, bytes);
        self.md5.update(bytes);
        self.size += bytes.len() as u64;
    }

    pub(super) fn write(&mut self, bytes: &[u8]) -> Result<()> {
        self.file.write_all(bytes).map_err(disk)?;
        self.count(bytes);
        Ok(())
    }

    /// Waits until what was written is on the disk.
    pub(super) fn sync(&self) -> Result<()> {
        self.file.sync_all().map_err(disk)
    }

    pub(super) fn keep(&mut self) {
        self.is_kept = true;
    }

    /// Of a session whose turn it is.
    #[must_use]
    pub(super) fn of_session(mut self, session: OwnedMutexGuard<Option<Draft>>) -> Draft {
        self.session = Some(session);
        self
    }

    /// Gives it to its session, for the next chunk.
    pub(super) fn put_back(mut self) {
        if let Some(mut session) = self.session.take() {
            *session = Some(self);
        }
    }

    pub(super) fn sums(&self) -> Sums {
        Sums {
            size: self.size,
            crc32c: STANDARD.encode(self.crc32c.to_be_bytes()),
            md5: STANDARD.encode(self.md5.clone().finalize()),
        }
    }
}

impl Drop for Draft {
    fn drop(&mut self) {
        if !self.is_kept {
            // What is left is removed when the cloud is started again.
            let _ = fs::remove_file(&self.path);
        }
    }
}

/// Takes what is left of a body that is not wanted, as far as it is worth it: many clients read no answer before they have
/// sent all.
pub(super) async fn drain(body: &mut Content) {
    let mut left = MOST_DRAINED;
    while let Some(Ok(frame)) = body.frame().await {
        left = left.saturating_sub(frame.data_ref().map_or(0, Bytes::len));
        if left == 0 {
            return;
        }
    }
}

/// What the disk refused. A full one may have room later.
pub(super) fn disk(error: io::Error) -> ApiError {
    ApiError::new(
        Status::Unavailable,
        format!("The content could not be written or read: {error}."),
    )
}

/// Does work that waits for the disk where it holds up nobody.
pub(super) async fn beside<T: Send + 'static>(work: impl FnOnce() -> Result<T> + Send + 'static) -> Result<T> {
    let done = tokio::task::spawn_blocking(work).await;
    done.unwrap_or_else(|error| Err(ApiError::new(Status::Internal, error.to_string())))
}

/// Takes what is content out of the bytes of a body, in which there may be more.
pub(super) trait Decode {
    fn decode(&mut self, bytes: &Bytes, content: &mut Vec<u8>) -> Result<()>;
}

/// A body that is the content.
pub(super) struct Plain;

impl Decode for Plain {
    fn decode(&mut self, bytes: &Bytes, content: &mut Vec<u8>) -> Result<()> {
        content.extend_from_slice(bytes);
        Ok(())
    }
}

/// Writes a body as it comes, a chunk at a time. The draft comes back with what has been written, whatever happened to the
/// rest; it is lost only where the disk failed.
pub(super) async fn receive(
    mut draft: Draft,
    body: &mut Content,
    decoder: &mut (dyn Decode + Send),
) -> Result<(Draft, Result<()>)> {
    let mut pending = Vec::new();
    loop {
        let frame = body.frame().await;
        let is_last = frame.is_none();
        let received = match frame {
            None => Ok(()),
            Some(Ok(frame)) => match frame.data_ref() {
                Some(bytes) => decoder.decode(bytes, &mut pending),
                None => Ok(()),
            },
            Some(Err(error)) => Err(ApiError::invalid(format!(
                "The request body could not be read: {error}"
            ))),
        };
        let is_over = is_last || received.is_err();
        if pending.len() >= CHUNK || is_over {
            let bytes = std::mem::take(&mut pending);
            let write = move || {
                draft.write(&bytes)?;
                if is_over {
                    draft.sync()?;
                }
                Ok((draft, bytes))
            };
            let (written, mut bytes) = beside(write).await?;
            bytes.clear();
            (draft, pending) = (written, bytes);
        }
        if is_over {
            return Ok((draft, received));
        }
    }
}
