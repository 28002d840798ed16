//! Objects listed: by prefix, with what is behind a delimiter put together, from one name to another, with or without the
//! noncurrent versions (<https://cloud.google.com/storage/docs/json_api/v1/objects/list>).

use std::collections::VecDeque;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value as Json, json};

use super::object::Object;
use super::permission::{Target, require};
use super::{NONCURRENT, OBJECT, catalog, name};
use crate::access::Caller;
use crate::call::{Call, Reply};
use crate::cloud::Cloud;
use crate::error::{ApiError, Result};
use crate::store::{Store, StoreError};

const LARGEST_PAGE: usize = 1000;
/// Documents that are read in one go.
const BATCH: usize = 256;

/// Which part of a list is asked for.
pub(super) struct Page {
    pub(super) size: usize,
    /// The name that it begins with, and behind which generation where some were on the page before.
    pub(super) from: Option<(String, Option<u64>)>,
}

impl Page {
    pub(super) fn of(call: &Call) -> Result<Page> {
        let size = match call.number("maxResults")? {
            None | Some(0) => LARGEST_PAGE,
            Some(size) => usize::try_from(size).unwrap_or(LARGEST_PAGE).min(LARGEST_PAGE),
        };
        let read = |token: &str| {
            let text = String::from_utf8(URL_SAFE_NO_PAD.decode(token).ok()?).ok()?;
            let (generation, name) = text.split_once('/')?;
            match generation {
                "" => Some((name.to_owned(), None)),
                number => Some((name.to_owned(), Some(number.parse().ok()?))),
            }
        };
        let from = match call.query("pageToken") {
            None => None,
            Some(token) => Some(read(token).ok_or_else(|| ApiError::invalid("Invalid argument: pageToken"))?),
        };
        Ok(Page { size, from })
    }

    pub(super) fn token(name: &str, generation: Option<u64>) -> String {
        let generation = generation.map(|number| number.to_string()).unwrap_or_default();
        URL_SAFE_NO_PAD.encode(format!("{generation}/{name}"))
    }
}

pub(super) fn answer(cloud: &Cloud, caller: &Caller, call: &Call, bucket: &str) -> Result<Reply> {
    catalog::bucket(cloud, bucket)?;
    require(cloud, caller, "objects.list", Target::Bucket(bucket))?;
    for unknown in ["matchGlob", "softDeleted", "filter"] {
        if call
            .query(unknown)
            .is_some_and(|value| !value.eq_ignore_ascii_case("false"))
        {
            return Err(ApiError::unimplemented(format!("the parameter {unknown} of lists")));
        }
    }
    let text = |field: &str| call.query(field).unwrap_or_default();
    let (prefix, delimiter) = (text("prefix"), text("delimiter"));
    // Some clients write True.
    let is = |field: &str| text(field).eq_ignore_ascii_case("true");
    let (has_versions, has_folders) = (is("versions"), is("includeTrailingDelimiter"));
    let page = Page::of(call)?;
    let mut walk = Walk::new(&cloud.store, bucket, (prefix, text("endOffset")), has_versions);
    walk.seek(text("startOffset"));
    if let Some((name, _)) = &page.from {
        walk.seek(name);
    }
    let mut items = Vec::new();
    let mut prefixes: Vec<String> = Vec::new();
    let mut token = None;
    let mut is_cut = false;
    while let Some(object) = walk.next()? {
        if let Some((name, Some(generation))) = &page.from
            && object.name == *name
            && object.generation <= *generation
        {
            continue;
        }
        let folder = folder(&object.name, prefix, delimiter);
        let begins_folder = folder.as_ref().is_some_and(|folder| prefixes.last() != Some(folder));
        let is_item = folder.is_none() || (has_folders && folder.as_deref() == Some(object.name.as_str()));
        let count = usize::from(begins_folder) + usize::from(is_item);
        if items.len() + prefixes.len() + count > page.size.max(count) {
            is_cut = true;
            break;
        }
        token = match &folder {
            // All that is in a folder is behind us.
            Some(folder) if !(is_item && has_versions) => name::behind(folder).map(|next| {
                walk.seek(&next);
                Page::token(&next, None)
            }),
            _ if has_versions => Some(Page::token(&object.name, Some(object.generation))),
            _ => Some(Page::token(&format!("{}\0", object.name), None)),
        };
        let is_end = token.is_none();
        if begins_folder {
            prefixes.extend(folder);
        }
        if is_item {
            items.push(object.shown(&cloud.url));
        }
        if is_end {
            break;
        }
    }
    let mut json = json!({"kind": "storage#objects"});
    if let Some(token) = token
        && is_cut
    {
        json["nextPageToken"] = token.into();
    }
    if !prefixes.is_empty() {
        json["prefixes"] = prefixes.into();
    }
    if !items.is_empty() {
        json["items"] = Json::Array(items);
    }
    Ok(Reply::json(&json))
}

/// The name up to the first delimiter behind the prefix.
fn folder(name: &str, prefix: &str, delimiter: &str) -> Option<String> {
    if delimiter.is_empty() {
        return None;
    }
    let at = name.strip_prefix(prefix)?.find(delimiter)?;
    Some(name[..prefix.len() + at + delimiter.len()].to_owned())
}

/// The versions of a bucket in the order of their names and generations, read as they are needed.
struct Walk<'s> {
    live: Kind<'s>,
    noncurrent: Option<Kind<'s>>,
}

impl<'s> Walk<'s> {
    fn new(store: &'s Store, bucket: &str, (prefix, end): (&str, &str), has_versions: bool) -> Walk<'s> {
        let from = name::key(bucket, prefix);
        let mut to = name::behind(&from);
        if !end.is_empty() {
            let end = name::key(bucket, end);
            to = Some(to.map_or(end.clone(), |to| to.min(end)));
        }
        let kind = |kind| Kind {
            store,
            kind,
            bucket: bucket.to_owned(),
            from: Some(from.clone()),
            to: to.clone(),
            read: VecDeque::new(),
        };
        Walk {
            live: kind(OBJECT),
            noncurrent: has_versions.then(|| kind(NONCURRENT)),
        }
    }

    /// Goes on with a name, or where it is if that is further.
    fn seek(&mut self, name: &str) {
        self.live.seek(name);
        if let Some(noncurrent) = &mut self.noncurrent {
            noncurrent.seek(name);
        }
    }

    fn next(&mut self) -> Result<Option<Object>, StoreError> {
        let Some(noncurrent) = &mut self.noncurrent else {
            return self.live.next();
        };
        let is_older = match (noncurrent.peek()?, self.live.peek()?) {
            (Some(old), Some(live)) => (&old.name, old.generation) < (&live.name, live.generation),
            (old, _) => old.is_some(),
        };
        match is_older {
            true => noncurrent.next(),
            false => self.live.next(),
        }
    }
}

/// The documents of one kind.
struct Kind<'s> {
    store: &'s Store,
    kind: &'static str,
    bucket: String,
    /// The key that reading goes on with; none at the end.
    from: Option<String>,
    to: Option<String>,
    read: VecDeque<Object>,
}

impl Kind<'_> {
    fn seek(&mut self, name: &str) {
        while self.read.front().is_some_and(|object| object.name.as_str() < name) {
            self.read.pop_front();
        }
        let key = name::key(&self.bucket, name);
        if self.read.is_empty() {
            self.from = self.from.take().map(|from| from.max(key));
        }
    }

    fn peek(&mut self) -> Result<Option<&Object>, StoreError> {
        if self.read.is_empty()
            && let Some(from) = self.from.take()
        {
            let found = self.store.range(self.kind, &from, self.to.as_deref(), BATCH)?;
            if found.len() == BATCH {
                self.from = found.last().map(|(key, _)| format!("{key}\0"));
            }
            for (_, document) in found {
                self.read.push_back(Object::read(document)?);
            }
        }
        Ok(self.read.front())
    }

    fn next(&mut self) -> Result<Option<Object>, StoreError> {
        self.peek()?;
        Ok(self.read.pop_front())
    }
}
