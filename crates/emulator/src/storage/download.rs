//! Contents downloaded: the whole or a range, as they were uploaded. What was compressed stays compressed.

use hyper::body::{Body, Bytes, Frame, SizeHint};
use hyper::{Method, StatusCode};
use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::pin::Pin;
use std::task::{Context, Poll};

use http_body_util::BodyExt;
use tokio::sync::mpsc;

use super::catalog::{self, Wanted};
use super::content::{CHUNK, disk};
use super::object::Object;
use super::precondition::Preconditions;
use crate::access::Caller;
use crate::call::{Call, Reply};
use crate::cloud::Cloud;
use crate::error::{ApiError, Result, Status};

/// How often a content that was removed while it was looked up is looked up again.
const ATTEMPTS: usize = 5;

/// The content of an object: `alt=media`.
pub(super) async fn answer(cloud: &Cloud, caller: &Caller, call: &Call, at: (&str, &str)) -> Result<Reply> {
    let wanted = Wanted {
        bucket: at.0,
        name: at.1,
        generation: call.number("generation")?,
    };
    let preconditions = Preconditions::of(call)?;
    let (object, file) = open(cloud, caller, wanted, &preconditions)?;
    let size = object.size;
    let range = call.header("range").and_then(|header| range(header, size));
    let reply = match range {
        Some(Range::Unsatisfiable) => {
            return Err(
                ApiError::new(Status::OutOfRange, "The requested range cannot be satisfied.")
                    .legacy(StatusCode::RANGE_NOT_SATISFIABLE, "requestedRangeNotSatisfiable"),
            );
        }
        Some(Range::Part(first, last)) => {
            let mut reply = content(file, first, last + 1 - first).await?;
            reply.code = StatusCode::PARTIAL_CONTENT;
            reply.with("content-range", &format!("bytes {first}-{last}/{size}"))
        }
        None => content(file, 0, size).await?,
    };
    debug_assert!(call.method == Method::GET);
    Ok(with_headers(reply, &object))
}

/// A version with its content. One that is replaced in between is looked up again.
pub(super) fn open(
    cloud: &Cloud,
    caller: &Caller,
    wanted: Wanted<'_>,
    preconditions: &Preconditions,
) -> Result<(Object, File)> {
    let mut attempt = 1;
    loop {
        let object = catalog::find(cloud, caller, wanted)?;
        preconditions.check_read(object.version())?;
        match cloud.storage.file(&object.blob) {
            Ok(file) => return Ok((object, file)),
            Err(error) if error.kind() == io::ErrorKind::NotFound && attempt < ATTEMPTS => attempt += 1,
            Err(error) => return Err(disk(error)),
        }
    }
}

fn with_headers(reply: Reply, object: &Object) -> Reply {
    let mut reply = reply
        .with(
            "content-type",
            object.text("contentType").unwrap_or("application/octet-stream"),
        )
        .with("etag", &object.etag())
        .with("accept-ranges", "bytes")
        .with("x-goog-generation", &object.generation.to_string())
        .with("x-goog-metageneration", &object.metageneration.to_string())
        .with("x-goog-stored-content-length", &object.size.to_string())
        .with(
            "x-goog-stored-content-encoding",
            object.text("contentEncoding").unwrap_or("identity"),
        )
        .with(
            "x-goog-storage-class",
            object.text("storageClass").unwrap_or("STANDARD"),
        );
    // One header for both: a second one would take the place of the first.
    let md5 = object.md5.as_ref().map(|md5| format!(",md5={md5}"));
    reply = reply.with(
        "x-goog-hash",
        &format!("crc32c={}{}", object.crc32c, md5.unwrap_or_default()),
    );
    for (field, header) in [
        ("contentEncoding", "content-encoding"),
        ("contentDisposition", "content-disposition"),
        ("contentLanguage", "content-language"),
        ("cacheControl", "cache-control"),
    ] {
        if let Some(text) = object.text(field) {
            reply = reply.with(header, text);
        }
    }
    reply
}

#[derive(Debug, PartialEq)]
enum Range {
    /// The first and the last byte.
    Part(u64, u64),
    Unsatisfiable,
}

/// One range of bytes (RFC 9110, 14.1.2). What is none, or several, is as if it was not there.
fn range(header: &str, size: u64) -> Option<Range> {
    let (first, last) = header.trim().strip_prefix("bytes=")?.split_once('-')?;
    let part = |first: u64, last: u64| match first < size {
        true => Range::Part(first, last.min(size - 1)),
        false => Range::Unsatisfiable,
    };
    match (first, last) {
        ("", count) => {
            let count: u64 = count.parse().ok()?;
            Some(match count {
                0 => Range::Unsatisfiable,
                _ => part(size.saturating_sub(count), u64::MAX),
            })
        }
        (first, "") => Some(part(first.parse().ok()?, u64::MAX)),
        (first, last) => {
            let (first, last): (u64, u64) = (first.parse().ok()?, last.parse().ok()?);
            (first <= last).then(|| part(first, last))
        }
    }
}

/// A part of a file: at once if it is small, else a chunk at a time, as fast as it is taken.
async fn content(mut file: File, first: u64, length: u64) -> Result<Reply> {
    let sought = super::content::beside(move || {
        file.seek(SeekFrom::Start(first)).map_err(disk)?;
        let mut chunk = Vec::new();
        let mut start = (&mut file).take(length.min(CHUNK as u64));
        start.read_to_end(&mut chunk).map_err(disk)?;
        Ok((file, chunk))
    });
    let (file, chunk) = sought.await?;
    if chunk.len() as u64 == length {
        return Ok(Reply::bytes(StatusCode::OK, chunk));
    }
    let (sender, receiver) = mpsc::channel(1);
    tokio::spawn(send(file, chunk, length, sender));
    let body = Pieces { receiver, left: length };
    Ok(Reply {
        code: StatusCode::OK,
        headers: Vec::new(),
        body: body.boxed_unsync(),
    })
}

async fn send(mut file: File, mut chunk: Vec<u8>, length: u64, sender: mpsc::Sender<io::Result<Bytes>>) {
    let mut left = length;
    loop {
        left = left.saturating_sub(chunk.len() as u64);
        let is_short = chunk.is_empty();
        let sent = match is_short {
            true => Err(io::ErrorKind::UnexpectedEof.into()),
            false => Ok(Bytes::from(chunk)),
        };
        // Whoever asked for it may be gone.
        if sender.send(sent).await.is_err() || left == 0 || is_short {
            return;
        }
        let read = tokio::task::spawn_blocking(move || {
            let mut chunk = Vec::new();
            let read = (&mut file).take(left.min(CHUNK as u64)).read_to_end(&mut chunk);
            read.map(|_| (file, chunk))
        });
        match read.await.unwrap_or_else(|error| Err(io::Error::other(error))) {
            Ok((next, bytes)) => (file, chunk) = (next, bytes),
            Err(error) => {
                let _ = sender.send(Err(error)).await;
                return;
            }
        }
    }
}

/// A body of which it is known how long it is.
struct Pieces {
    receiver: mpsc::Receiver<io::Result<Bytes>>,
    left: u64,
}

impl Body for Pieces {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<io::Result<Frame<Bytes>>>> {
        let polled = self.receiver.poll_recv(context);
        polled.map(|piece| {
            let piece = piece?;
            if let Ok(bytes) = &piece {
                self.left = self.left.saturating_sub(bytes.len() as u64);
            }
            Some(piece.map(Frame::data))
        })
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.left)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges() {
        for (header, size, expected) in [
            ("bytes=0-4", 10, Some(Range::Part(0, 4))),
            ("bytes=5-", 10, Some(Range::Part(5, 9))),
            ("bytes=5-99", 10, Some(Range::Part(5, 9))),
            ("bytes=-3", 10, Some(Range::Part(7, 9))),
            ("bytes=-99", 10, Some(Range::Part(0, 9))),
            ("bytes=10-", 10, Some(Range::Unsatisfiable)),
            ("bytes=-0", 10, Some(Range::Unsatisfiable)),
            ("bytes=0-", 0, Some(Range::Unsatisfiable)),
            ("bytes=-1", 0, Some(Range::Unsatisfiable)),
            ("bytes=4-2", 10, None),
            ("bytes=0-1,3-4", 10, None),
            ("lines=0-1", 10, None),
            ("bytes=a-b", 10, None),
        ] {
            assert_eq!(range(header, size), expected, "{header} of {size}");
        }
    }
}
