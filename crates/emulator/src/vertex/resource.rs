//! What all resources have in common: names, ids, pages, masks, and the permission of each method.

use std::collections::BTreeSet;

use identity::{Methods, ResourceName};
use serde_json::{Map, Value as Json};

use super::Place;
use crate::access::Caller;
use crate::call::{Call, Reply};
use crate::cloud::Cloud;
use crate::error::{ApiError, Result};
use crate::logging::Filter;
use crate::store::Named;
use crate::{page, time};

/// Lets the caller pass if they may call a method, such as `customJobs.create`, on a resource.
pub(super) fn require(cloud: &Cloud, caller: &Caller, method: &str, name: &str) -> Result<()> {
    let method = format!("aiplatform.projects.locations.{method}");
    let known = Methods::embedded().find(&method);
    let known = known.ok_or_else(|| ApiError::unimplemented(format!("{method}, whose permission is not known")))?;
    let resource = ResourceName::parse(&format!("//aiplatform.googleapis.com/{name}"))
        .map_err(|error| ApiError::invalid(error.to_string()))?;
    for permission in &known.permissions {
        cloud.authority.require(caller, permission, &resource)?;
    }
    Ok(())
}

/// Lets the caller pass if they may have a job run as a service account.
pub(super) fn require_act_as(cloud: &Cloud, caller: &Caller, account: &str) -> Result<()> {
    let account = crate::iam::account(cloud, account)?;
    let resource = ResourceName::service_account(&account);
    cloud.authority.require(caller, "iam.serviceAccounts.actAs", &resource)
}

/// The document of a resource.
///
/// # Errors
/// 404 if it is not there.
pub(super) fn get(cloud: &Cloud, kind: &str, name: &str) -> Result<Json> {
    cloud.store.get(kind, name)?.ok_or_else(|| not_found(name))
}

pub(super) fn not_found(name: &str) -> ApiError {
    ApiError::not_found(format!("The resource {name} is not found."))
}

/// A new number for a resource: 19 digits that do not come again.
pub(crate) fn new_id(cloud: &Cloud) -> Result<String> {
    Ok((time::now() * 1000 + cloud.store.next("resource")? % 1000).to_string())
}

/// The document that was sent, with its name and times.
pub(crate) fn new(name: &str, sent: Json) -> Json {
    let mut document = sent;
    let now = time::now_text();
    document["name"] = name.into();
    document["createTime"] = now.clone().into();
    document["updateTime"] = now.into();
    document
}

/// A text that the document must have.
pub(super) fn text<'d>(document: &'d Json, field: &str) -> Result<&'d str> {
    let text = document[field].as_str().filter(|text| !text.is_empty());
    text.ok_or_else(|| ApiError::invalid(format!("Required field is not set: {field}")))
}

/// A number that may be written as a text, as 64 bits are.
pub(crate) fn number(value: &Json) -> Option<i64> {
    match value {
        Json::String(text) => text.parse().ok(),
        other => other.as_i64(),
    }
}

/// A page of the resources of a place, those that a filter takes.
pub(super) fn list(cloud: &Cloud, call: &Call, kind: &str, at: Place<'_>) -> Result<Reply> {
    let prefix = format!("{}/{kind}/", at.name());
    let mut found = cloud.store.list(kind, &prefix, "", usize::MAX)?;
    if let Some(text) = call.query("filter") {
        let filter = Filter::parse(text).map_err(|error| ApiError::invalid(format!("Invalid filter: {error}")))?;
        found.retain(|(_, document)| filter.takes(&as_in_filters(document)));
    }
    // The newest first, as the service does.
    order(call.query("orderBy").unwrap_or("create_time desc"), &mut found)?;
    if let Some(mask) = call.query("readMask") {
        let paths: Vec<String> = mask.split(',').map(|path| camel(path.trim())).collect();
        for (_, document) in &mut found {
            *document = masked(document, &paths);
        }
    }
    let numbered: Vec<Named> = found
        .into_iter()
        .enumerate()
        .map(|(number, (_, document))| (format!("{number:09}"), document))
        .collect();
    page::of(call, kind, numbered).map(|page| Reply::json(&page))
}

/// Sorts by fields: `display_name, create_time desc`.
fn order(text: &str, found: &mut [Named]) -> Result<()> {
    let mut fields = Vec::new();
    for part in text.split(',') {
        let words: Vec<&str> = part.split_whitespace().collect();
        let is_falling = match words.get(1) {
            None => false,
            Some(word) if word.eq_ignore_ascii_case("desc") => true,
            Some(word) if word.eq_ignore_ascii_case("asc") => false,
            Some(_) => return Err(ApiError::invalid(format!("Invalid order_by: {text:?}"))),
        };
        let field = words.first().map(|field| camel(field)).unwrap_or_default();
        if !matches!(
            field.as_str(),
            "displayName" | "createTime" | "updateTime" | "startTime" | "endTime"
        ) {
            return Err(ApiError::invalid(format!("Invalid order_by: {text:?}")));
        }
        fields.push((field, is_falling));
    }
    found.sort_by(|(_, a), (_, b)| {
        let mut orders = fields.iter().map(|(field, is_falling)| {
            let order = a[field].as_str().cmp(&b[field].as_str());
            if *is_falling { order.reverse() } else { order }
        });
        orders.find(|order| order.is_ne()).unwrap_or(std::cmp::Ordering::Equal)
    });
    Ok(())
}

/// The parts of a document that a mask names, and its name.
fn masked(document: &Json, paths: &[String]) -> Json {
    let mut kept = Json::Object(Map::new());
    for path in paths.iter().map(String::as_str).chain(["name"]) {
        let mut from = document;
        let mut to = &mut kept;
        for part in path.split('.') {
            from = &from[part];
            if !to.is_object() {
                *to = Json::Object(Map::new());
            }
            to = &mut to[part];
        }
        *to = from.clone();
    }
    without_nulls(kept)
}

fn without_nulls(value: Json) -> Json {
    match value {
        Json::Object(fields) => {
            let fields = fields.into_iter().map(|(name, value)| (name, without_nulls(value)));
            Json::Object(fields.filter(|(_, value)| !value.is_null()).collect())
        }
        other => other,
    }
}

/// Filters write `display_name` and `displayName`, and the name without its path.
fn as_in_filters(document: &Json) -> Json {
    let mut fields: Map<String, Json> = document.as_object().cloned().unwrap_or_default();
    for (name, value) in document.as_object().into_iter().flatten() {
        let mut snake = String::new();
        for c in name.chars() {
            if c.is_ascii_uppercase() {
                snake.push('_');
            }
            snake.push(c.to_ascii_lowercase());
        }
        fields.insert(snake, value.clone());
    }
    Json::Object(fields)
}

/// Sets the fields that an update names, in the document's own names or in snake case.
///
/// # Errors
/// 400 without a mask, or if it names what may not be set.
pub(super) fn patch(call: &Call, document: &mut Json, sent: &Json, settable: &[&str]) -> Result<()> {
    let mask = call
        .query("updateMask")
        .ok_or_else(|| ApiError::invalid("Required field is not set: update_mask"))?;
    let names: BTreeSet<String> = mask.split(',').map(|name| camel(name.trim())).collect();
    for name in &names {
        let top = name.split('.').next().unwrap_or(name);
        if !settable.contains(&top) {
            return Err(ApiError::invalid(format!("The field {name} cannot be updated.")));
        }
        document[top] = sent[top].clone();
    }
    document["updateTime"] = time::now_text().into();
    Ok(())
}

fn camel(text: &str) -> String {
    let mut result = String::new();
    let mut is_next = false;
    for c in text.chars() {
        match c {
            '_' => is_next = true,
            c if is_next => {
                result.push(c.to_ascii_uppercase());
                is_next = false;
            }
            c => result.push(c),
        }
    }
    result
}
