//! Bodies of several parts (RFC 2046): `multipart/related` as uploads have it, read as it comes, and `multipart/mixed` as
//! batches have it. Lines end as the first one does: some clients write a line feed alone.

use hyper::body::Bytes;
use memchr::memmem;

use super::content::Decode;
use crate::call::Call;
use crate::error::{ApiError, Result};

/// The most that may be before the content of an upload: what is said of the object.
const LARGEST_HEAD: usize = 1 << 20;

/// The boundary of the body of a call.
pub(super) fn boundary(call: &Call) -> Result<String> {
    let kind = call.header("content-type").unwrap_or_default();
    let found = kind.split(';').skip(1).find_map(|parameter| {
        let (name, value) = parameter.split_once('=')?;
        let value = value.trim().trim_matches(['"', '\'']);
        (name.trim().eq_ignore_ascii_case("boundary") && !value.is_empty()).then(|| value.to_owned())
    });
    found.ok_or_else(|| ApiError::invalid("The Content-Type of a body of several parts must have a boundary."))
}

/// The upload of an object in two parts: what is said of it in JSON, and its content.
#[derive(Debug)]
pub(super) struct Related {
    boundary: String,
    /// What has been received and belongs to nothing yet.
    held: Vec<u8>,
    /// The first part, once it is there.
    pub(super) metadata: Option<Vec<u8>>,
    /// The type of the second part.
    pub(super) content_type: Option<String>,
    /// What ends the content.
    delimiter: Vec<u8>,
    is_over: bool,
}

impl Related {
    pub(super) fn new(boundary: String) -> Related {
        Related {
            boundary,
            held: Vec::new(),
            metadata: None,
            content_type: None,
            delimiter: Vec::new(),
            is_over: false,
        }
    }

    /// What is said of the object, once all has been received.
    pub(super) fn finish(&self) -> Result<&[u8]> {
        match &self.metadata {
            Some(metadata) if self.is_over => Ok(metadata),
            _ => Err(ApiError::invalid(
                "Malformed multipart body: it must have two parts and end with its boundary.",
            )),
        }
    }

    /// Reads all that is before the content, if it is there.
    fn head(&mut self) -> Option<()> {
        let mut cursor = Cursor::new(&self.held, &self.boundary)?;
        let headers = cursor.headers()?;
        drop(headers);
        let metadata = cursor.part()?.to_vec();
        let headers = cursor.headers()?;
        let kind = headers.iter().find(|(name, _)| name == "content-type");
        self.content_type = kind.map(|(_, value)| value.clone());
        self.metadata = Some(metadata);
        self.delimiter = cursor.delimiter();
        // A content that is empty may have no line of its own before the boundary.
        let behind = cursor.at;
        self.held.drain(..behind);
        Some(())
    }
}

impl Decode for Related {
    fn decode(&mut self, bytes: &Bytes, content: &mut Vec<u8>) -> Result<()> {
        if self.is_over {
            return Ok(());
        }
        self.held.extend_from_slice(bytes);
        if self.metadata.is_none() && self.head().is_none() {
            return match self.held.len() > LARGEST_HEAD {
                true => Err(ApiError::invalid(
                    "Malformed multipart body: the part before the content is missing or too large.",
                )),
                false => Ok(()),
            };
        }
        match memmem::find(&self.held, &self.delimiter) {
            Some(end) => {
                content.extend_from_slice(&self.held[..end]);
                self.held.clear();
                self.is_over = true;
            }
            None => {
                // The end may be a part of the delimiter.
                let safe = self.held.len().saturating_sub(self.delimiter.len() - 1);
                content.extend(self.held.drain(..safe));
            }
        }
        Ok(())
    }
}

/// The parts of a whole body, each with its headers in lower case.
pub(super) fn parts(body: &[u8], boundary: &str) -> Result<Vec<Part>> {
    let malformed = || ApiError::invalid("Malformed multipart body: a part has no end.");
    let mut cursor = Cursor::new(body, boundary).ok_or_else(malformed)?;
    let mut parts = Vec::new();
    while !cursor.is_over {
        let headers = cursor.headers().ok_or_else(malformed)?;
        let content = cursor.part().ok_or_else(malformed)?.to_vec();
        parts.push(Part { headers, content });
    }
    Ok(parts)
}

#[derive(Debug, PartialEq)]
pub(super) struct Part {
    pub(super) headers: Vec<(String, String)>,
    pub(super) content: Vec<u8>,
}

/// A place in a body. What is not there yet is `None`.
struct Cursor<'b> {
    bytes: &'b [u8],
    at: usize,
    boundary: String,
    newline: &'static str,
    /// The last boundary has been read.
    is_over: bool,
}

impl<'b> Cursor<'b> {
    /// Behind the first boundary.
    fn new(bytes: &'b [u8], boundary: &str) -> Option<Cursor<'b>> {
        let boundary = format!("--{boundary}");
        let start = memmem::find(bytes, boundary.as_bytes())?;
        let end = start + memchr::memchr(b'\n', &bytes[start..])?;
        let newline = if bytes[..end].ends_with(b"\r") { "\r\n" } else { "\n" };
        Some(Cursor {
            bytes,
            at: end + 1,
            boundary,
            newline,
            is_over: false,
        })
    }

    fn delimiter(&self) -> Vec<u8> {
        format!("{}{}", self.newline, self.boundary).into_bytes()
    }

    fn line(&mut self) -> Option<&'b [u8]> {
        let rest = &self.bytes[self.at..];
        let end = memchr::memchr(b'\n', rest)?;
        self.at += end + 1;
        Some(rest[..end].strip_suffix(b"\r").unwrap_or(&rest[..end]))
    }

    /// The headers up to the empty line behind them.
    fn headers(&mut self) -> Option<Vec<(String, String)>> {
        let mut headers = Vec::new();
        loop {
            let line = String::from_utf8_lossy(self.line()?);
            if line.is_empty() {
                return Some(headers);
            }
            if let Some((name, value)) = line.split_once(':') {
                headers.push((name.trim().to_ascii_lowercase(), value.trim().to_owned()));
            }
        }
    }

    /// What is before the next boundary.
    fn part(&mut self) -> Option<&'b [u8]> {
        let rest = &self.bytes[self.at..];
        let delimiter = self.delimiter();
        let end = memmem::find(rest, &delimiter)?;
        self.at += end + delimiter.len();
        self.is_over = self.bytes[self.at..].starts_with(b"--");
        if !self.is_over {
            self.line()?;
        }
        Some(&rest[..end])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The content of a body that comes in pieces of a size.
    fn content(body: &[u8], size: usize) -> Result<(Vec<u8>, Vec<u8>, Option<String>)> {
        let mut related = Related::new("=b=".to_owned());
        let mut content = Vec::new();
        for piece in body.chunks(size) {
            related.decode(&Bytes::copy_from_slice(piece), &mut content)?;
        }
        let metadata = related.finish()?.to_vec();
        Ok((metadata, content, related.content_type))
    }

    #[test]
    fn contents_come_in_pieces() {
        let contents: [&[u8]; 6] = [
            b"",
            b"x",
            b"\r\n",
            b"\r\n--=b",
            b"a\r\n--=c=\r\n\r\n--b",
            &[0, 255, 13, 10, 45, 45],
        ];
        for newline in ["\r\n", "\n"] {
            for wanted in contents {
                let head = "--=b=|content-type: application/json||{\"name\": \"a\"}|--=b=|Content-Type: image/png||";
                let mut body = head.replace('|', newline).into_bytes();
                body.extend_from_slice(wanted);
                body.extend_from_slice(format!("{newline}--=b=--").as_bytes());
                for size in [1, 2, 3, 7, 1000] {
                    let (metadata, content, kind) = content(&body, size).unwrap();
                    assert_eq!(metadata, b"{\"name\": \"a\"}");
                    assert_eq!(content, wanted, "{newline:?} {size}");
                    assert_eq!(kind.as_deref(), Some("image/png"));
                }
                for cut in [body.len() - 5, head.len() / 2, 0] {
                    assert!(super::tests::content(&body[..cut], 10).is_err());
                }
            }
        }
    }

    #[test]
    fn a_head_without_end_is_refused() {
        let body = vec![b'-'; 2 << 20];
        assert!(content(&body, 1000).is_err());
    }

    #[test]
    fn parts_of_a_batch() {
        let body =
            b"--b\nContent-Type: application/http\n\nDELETE /x HTTP/1.1\r\n\r\n\n--b\nContent-ID: <2>\n\ny\n--b--\n";
        let parts = parts(body, "b").unwrap();
        assert_eq!(parts.len(), 2);
        assert_eq!(parts[0].content, b"DELETE /x HTTP/1.1\r\n\r\n");
        assert_eq!(parts[1].headers, [("content-id".to_owned(), "<2>".to_owned())]);
        assert_eq!(parts[1].content, b"y");
    }
}
