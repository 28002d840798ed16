//! Lists in pages, as Google's APIs give them: `pageSize` (0 for the default), `pageToken`, `nextPageToken`.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Map, Value as Json};

use crate::call::Call;
use crate::error::{ApiError, Result};
use crate::store::Named;

const DEFAULT: usize = 100;
const LARGEST: usize = 1000;

/// One page of documents that are in the order of their names.
pub(crate) fn of(call: &Call, field: &str, found: Vec<Named>) -> Result<Json> {
    let size = match call.number("pageSize")? {
        None | Some(0) => DEFAULT,
        Some(size) => usize::try_from(size).unwrap_or(LARGEST).min(LARGEST),
    };
    let after = call.query("pageToken").map(name_of).transpose()?.unwrap_or_default();
    let mut rest = found.into_iter().filter(|(name, _)| *name > after).peekable();
    let mut items = Vec::new();
    let mut last = String::new();
    while items.len() < size {
        let Some((name, document)) = rest.next() else { break };
        last = name;
        items.push(document);
    }
    let mut page = Map::new();
    if !items.is_empty() {
        page.insert(field.to_owned(), Json::Array(items));
    }
    if rest.peek().is_some() {
        page.insert("nextPageToken".to_owned(), URL_SAFE_NO_PAD.encode(last).into());
    }
    Ok(Json::Object(page))
}

fn name_of(token: &str) -> Result<String> {
    let bytes = URL_SAFE_NO_PAD.decode(token).ok();
    let name = bytes.and_then(|bytes| String::from_utf8(bytes).ok());
    name.ok_or_else(|| ApiError::invalid("The page token is not valid."))
}
