//! Several calls in one (<https://cloud.google.com/storage/docs/batch>): each part of the body is a request, and each part of
//! the answer its answer, in the same order. Contents are neither uploaded nor downloaded so.

use http_body_util::BodyExt;
use hyper::header::{HeaderName, HeaderValue};
use hyper::{Method, Request, StatusCode, Uri};

use super::related::{Part, boundary, parts};
use crate::access::Caller;
use crate::call::{Call, Reply};
use crate::cloud::Cloud;
use crate::error::{ApiError, Result};
use crate::method::Methods;
use crate::token;

/// The most calls in a batch that the official clients make.
const MOST: usize = 1000;

pub(super) async fn answer(cloud: &Cloud, caller: &Caller, call: &mut Call) -> Result<Reply> {
    if call.method != Method::POST {
        return Err(ApiError::unimplemented("this method of batches"));
    }
    let boundary = boundary(call)?;
    let parts = parts(&call.bytes().await?, &boundary)?;
    if parts.len() > MOST {
        return Err(ApiError::invalid(format!("The batch has more than {MOST} calls.")));
    }
    let mut body = Vec::new();
    let marker = format!("batch_{}", &token::random()?[..16]);
    for (number, part) in (1..).zip(&parts) {
        let reply = one(cloud, caller, part)
            .await
            .unwrap_or_else(|error| Reply::json_with(error.code(), &error.storage_body()));
        let id = part.headers.iter().find(|(name, _)| name == "content-id");
        let id = match id {
            // `<x>` is answered as `<response-x>`.
            Some((_, id)) => format!("<response-{}>", id.trim_matches(['<', '>'])),
            None => format!("<response-{number}>"),
        };
        body.extend_from_slice(
            format!("--{marker}\r\nContent-Type: application/http\r\nContent-ID: {id}\r\n\r\n").as_bytes(),
        );
        write(&mut body, reply).await?;
        body.extend_from_slice(b"\r\n");
    }
    body.extend_from_slice(format!("--{marker}--\r\n").as_bytes());
    let kind = format!("multipart/mixed; boundary={marker}");
    Ok(Reply::bytes(StatusCode::OK, body).with("content-type", &kind))
}

async fn one(cloud: &Cloud, caller: &Caller, part: &Part) -> Result<Reply> {
    let (mut call, own) = read(part)?;
    let caller = match own {
        true => &token::caller(&cloud.store, call.bearer())?,
        false => caller,
    };
    let is_content = call.query("alt") == Some("media");
    match call.segments.first().map(String::as_str) {
        Some("storage") if !is_content => {
            if let Some(method) = Methods::embedded().of(&call) {
                cloud.authority.require_scope(caller, method)?;
            }
            super::answer(cloud, caller, &mut call).await
        }
        _ => Err(ApiError::invalid(
            "Only calls below /storage/v1 that have no media can be in a batch.",
        )),
    }
}

/// The request in a part, and whether it says itself who calls.
fn read(part: &Part) -> Result<(Call, bool)> {
    let malformed = || ApiError::invalid("A part of the batch is no HTTP request.");
    let mut rest = part.content.as_slice();
    let mut line = || {
        let end = memchr::memchr(b'\n', rest).unwrap_or(rest.len());
        let line = rest[..end].strip_suffix(b"\r").unwrap_or(&rest[..end]);
        rest = rest.get(end + 1..).unwrap_or_default();
        String::from_utf8_lossy(line).into_owned()
    };
    let first = line();
    let mut words = first.split_ascii_whitespace();
    let (Some(method), Some(uri)) = (words.next(), words.next()) else {
        return Err(malformed());
    };
    let uri: Uri = uri.parse().map_err(|_| malformed())?;
    let mut request = Request::builder().method(method).uri(uri);
    loop {
        let line = line();
        if line.is_empty() {
            break;
        }
        let (name, value) = line.split_once(':').ok_or_else(malformed)?;
        let name: HeaderName = name.trim().parse().map_err(|_| malformed())?;
        let value: HeaderValue = value.trim().parse().map_err(|_| malformed())?;
        request = request.header(name, value);
    }
    let (parts, ()) = request.body(()).map_err(|_| malformed())?.into_parts();
    let own = parts.headers.contains_key("authorization");
    Ok((Call::within(parts, rest.to_vec().into())?, own))
}

async fn write(into: &mut Vec<u8>, reply: Reply) -> Result<()> {
    let failed = |error: std::io::Error| ApiError::new(crate::error::Status::Internal, error.to_string());
    let content = reply.body.collect().await.map_err(failed)?.to_bytes();
    let reason = reply.code.canonical_reason().unwrap_or("Unknown");
    into.extend_from_slice(format!("HTTP/1.1 {} {reason}\r\n", reply.code.as_u16()).as_bytes());
    for (name, value) in &reply.headers {
        into.extend_from_slice(name.as_str().as_bytes());
        into.extend_from_slice(b": ");
        into.extend_from_slice(value.as_bytes());
        into.extend_from_slice(b"\r\n");
    }
    into.extend_from_slice(format!("Content-Length: {}\r\n\r\n", content.len()).as_bytes());
    into.extend_from_slice(&content);
    Ok(())
}
