//! One request, taken apart as Google's APIs write theirs: `/v1/projects/P/locations/L/customJobs/ID:cancel?alt=json`.

use http_body_util::{BodyExt, Full, Limited};
use hyper::body::{Bytes, Incoming};
use hyper::header::{AUTHORIZATION, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue};
use hyper::http::request::Parts;
use hyper::{Method, Request, StatusCode};
use serde_json::Value as Json;

use crate::error::{ApiError, Result};
use crate::{message, method};

/// The largest body of a call that is no upload.
const LARGEST_BODY: usize = 64 << 20;

/// A request.
#[derive(Debug)]
pub(crate) struct Call {
    pub(crate) method: Method,
    /// The parts of the path, decoded; a slash that was written `%2F` is within a part.
    pub(crate) segments: Vec<String>,
    /// What follows the last colon of the path: `cancel`.
    pub(crate) verb: Option<String>,
    pub(crate) query: Vec<(String, String)>,
    pub(crate) headers: HeaderMap,
    body: Option<Content>,
    /// The body, once it was read as the message of the method.
    message: Option<Json>,
}

/// The body of a request, as it comes.
pub(crate) type Content = http_body_util::combinators::BoxBody<Bytes, hyper::Error>;

/// What a call answers.
#[derive(Debug)]
pub(crate) struct Reply {
    pub(crate) code: StatusCode,
    pub(crate) headers: Vec<(HeaderName, HeaderValue)>,
    pub(crate) body: Body,
}

/// The body of an answer: at once, or as it comes.
pub(crate) type Body = http_body_util::combinators::UnsyncBoxBody<Bytes, std::io::Error>;

impl Call {
    pub(crate) fn new(request: Request<Incoming>) -> Result<Call> {
        let (parts, body) = request.into_parts();
        Call::of(parts, body.boxed())
    }

    /// A call that is in another one, with its body at hand.
    pub(crate) fn within(parts: Parts, body: Bytes) -> Result<Call> {
        Call::of(parts, whole(body))
    }

    fn of(parts: Parts, body: Content) -> Result<Call> {
        let path = parts.uri.path();
        let mut segments = path
            .split('/')
            .filter(|part| !part.is_empty())
            .map(decoded)
            .collect::<Result<Vec<String>>>()?;
        let mut verb = None;
        // In names a colon is written as it is, too: the verb is what follows the last one, and has letters alone.
        if let Some(last) = segments.last_mut()
            && let Some((name, word)) = last.rsplit_once(':')
            && !word.is_empty()
            && word.bytes().all(|byte| byte.is_ascii_alphabetic())
        {
            verb = Some(word.to_owned());
            *last = name.to_owned();
        }
        Ok(Call {
            method: parts.method,
            segments,
            verb,
            query: pairs(parts.uri.query().unwrap_or_default())?,
            headers: parts.headers,
            body: Some(body),
            message: None,
        })
    }

    /// The path in parts, for matching.
    pub(crate) fn path(&self) -> Vec<&str> {
        self.segments.iter().map(String::as_str).collect()
    }

    pub(crate) fn query(&self, name: &str) -> Option<&str> {
        let found = self.query.iter().find(|(key, _)| key == name);
        found.map(|(_, value)| value.as_str()).filter(|value| !value.is_empty())
    }

    /// A number in the query.
    pub(crate) fn number(&self, name: &str) -> Result<Option<u64>> {
        let number = |text: &str| {
            text.parse()
                .map_err(|_| ApiError::invalid(format!("Invalid value for {name}: {text:?} is no number.")))
        };
        self.query(name).map(number).transpose()
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    /// The token that says who is calling.
    pub(crate) fn bearer(&self) -> Option<&str> {
        let text = self.headers.get(AUTHORIZATION)?.to_str().ok()?;
        let (scheme, token) = text.split_once(' ')?;
        scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
    }

    /// The body, to be read as it comes.
    pub(crate) fn stream(&mut self) -> Option<Content> {
        self.body.take()
    }

    pub(crate) async fn bytes(&mut self) -> Result<Bytes> {
        let Some(body) = self.body.take() else {
            return Ok(Bytes::new());
        };
        let body = Limited::new(body, LARGEST_BODY).collect().await;
        let body = body.map_err(|error| ApiError::invalid(format!("The request body could not be read: {error}")))?;
        Ok(body.to_bytes())
    }

    /// Reads the body as the message of a method. It is given on in one form then.
    ///
    /// # Errors
    /// 400 with all that is wrong with it.
    pub(crate) async fn read(&mut self, method: &method::Method) -> Result<()> {
        let is_form = self
            .header(CONTENT_TYPE.as_str())
            .is_some_and(|kind| kind.starts_with("application/x-www-form-urlencoded"));
        if method.message.is_none() || is_form {
            return Ok(());
        }
        let is_of_version = self
            .segments
            .first()
            .is_none_or(|version| !["v1beta1", "ui"].contains(&version.as_str()));
        let bytes = self.bytes().await?;
        let body = object(&bytes)?;
        // Who wants it as it came, such as the server of a model, has it.
        self.body = Some(whole(bytes));
        self.message = Some(message::read(method, body, is_of_version)?);
        Ok(())
    }

    /// The body as a JSON object; an empty one is an empty object.
    pub(crate) async fn json(&mut self) -> Result<Json> {
        if let Some(message) = self.message.take() {
            return Ok(message);
        }
        object(&self.bytes().await?)
    }

    /// The body as a form, or the same names in JSON.
    pub(crate) async fn form(&mut self) -> Result<Vec<(String, String)>> {
        let is_json = self
            .header(CONTENT_TYPE.as_str())
            .is_some_and(|kind| kind.starts_with("application/json"));
        if is_json {
            let Json::Object(fields) = self.json().await? else {
                return Ok(Vec::new());
            };
            let text = |value: Json| match value {
                Json::String(text) => text,
                other => other.to_string(),
            };
            return Ok(fields.into_iter().map(|(name, value)| (name, text(value))).collect());
        }
        let bytes = self.bytes().await?;
        let text = std::str::from_utf8(&bytes).map_err(|_| ApiError::invalid("The request body is not UTF-8."))?;
        pairs(text)
    }
}

impl Reply {
    pub(crate) fn json(body: &Json) -> Reply {
        Reply::json_with(StatusCode::OK, body)
    }

    pub(crate) fn json_with(code: StatusCode, body: &Json) -> Reply {
        let kind = HeaderValue::from_static("application/json; charset=UTF-8");
        Reply::bytes(code, body.to_string().into_bytes()).header(CONTENT_TYPE, kind)
    }

    pub(crate) fn text(text: impl Into<String>) -> Reply {
        Reply::bytes(StatusCode::OK, text.into().into_bytes())
            .header(CONTENT_TYPE, HeaderValue::from_static("application/text"))
    }

    pub(crate) fn bytes(code: StatusCode, bytes: impl Into<Bytes>) -> Reply {
        let never = |never: std::convert::Infallible| match never {};
        Reply {
            code,
            headers: Vec::new(),
            body: Full::new(bytes.into()).map_err(never).boxed_unsync(),
        }
    }

    #[must_use]
    pub(crate) fn header(mut self, name: HeaderName, value: HeaderValue) -> Reply {
        self.headers.push((name, value));
        self
    }

    /// Adds a header whose value was made here; one that cannot be a header is left out.
    #[must_use]
    pub(crate) fn with(self, name: &'static str, value: &str) -> Reply {
        match HeaderValue::from_str(value) {
            Ok(value) => self.header(HeaderName::from_static(name), value),
            Err(_) => self,
        }
    }
}

/// A body as a JSON object; an empty one is an empty object.
fn object(bytes: &[u8]) -> Result<Json> {
    if bytes.is_empty() {
        return Ok(Json::Object(serde_json::Map::new()));
    }
    let json: Json = serde_json::from_slice(bytes)
        .map_err(|error| ApiError::invalid(format!("Invalid JSON payload received. {error}")))?;
    match json {
        Json::Object(_) => Ok(json),
        _ => Err(ApiError::invalid(
            "Invalid JSON payload received. Unknown name \"\": Root element must be a message.",
        )),
    }
}

/// A body that is at hand.
fn whole(bytes: Bytes) -> Content {
    let never = |never: std::convert::Infallible| match never {};
    Full::new(bytes).map_err(never).boxed()
}

/// A part of a path or query without its percent signs.
fn decoded(text: &str) -> Result<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&first, after)) = rest.split_first() {
        let digits = |bytes: &[u8]| {
            let digits = std::str::from_utf8(bytes.get(..2)?).ok()?;
            u8::from_str_radix(digits, 16).ok()
        };
        match (first, digits(after)) {
            (b'%', Some(byte)) => {
                bytes.push(byte);
                rest = &after[2..];
            }
            _ => {
                bytes.push(first);
                rest = after;
            }
        }
    }
    String::from_utf8(bytes).map_err(|_| ApiError::invalid(format!("{text:?} is not UTF-8.")))
}

/// The names and values of a query or form.
fn pairs(text: &str) -> Result<Vec<(String, String)>> {
    let parts = text.split('&').filter(|part| !part.is_empty());
    parts
        .map(|part| {
            let (name, value) = part.split_once('=').unwrap_or((part, ""));
            Ok((decoded(&name.replace('+', " "))?, decoded(&value.replace('+', " "))?))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_decoded_once() {
        assert_eq!(decoded("a%40b%2Fc%252F").unwrap(), "a@b/c%2F");
        assert_eq!(decoded("100%").unwrap(), "100%");
        assert!(decoded("%ff").is_err());
        let query = pairs("alt=json&name=a+b%2B&flag").unwrap();
        let expected = [("alt", "json"), ("name", "a b+"), ("flag", "")];
        assert_eq!(query, expected.map(|(name, value)| (name.to_owned(), value.to_owned())));
    }
}
