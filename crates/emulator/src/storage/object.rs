//! Objects as they are kept, and as the API shows them
//! (<https://cloud.google.com/storage/docs/json_api/v1/objects#resource>).

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value as Json, json};

use super::name;
use crate::error::{ApiError, Result};
use crate::store::StoreError;
use crate::time;

/// What callers say of an object.
const TEXTS: [&str; 7] = [
    "contentType",
    "contentEncoding",
    "contentDisposition",
    "contentLanguage",
    "cacheControl",
    "customTime",
    "storageClass",
];
const HOLDS: [&str; 2] = ["temporaryHold", "eventBasedHold"];
pub(super) const CLASSES: [&str; 7] = [
    "STANDARD",
    "NEARLINE",
    "COLDLINE",
    "ARCHIVE",
    "MULTI_REGIONAL",
    "REGIONAL",
    "DURABLE_REDUCED_AVAILABILITY",
];
/// The limit for the names and values of `metadata`.
const MOST_METADATA: usize = 8 << 10;

/// One version of an object.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Object {
    pub(super) bucket: String,
    pub(super) name: String,
    pub(super) generation: u64,
    pub(super) metageneration: u64,
    pub(super) size: u64,
    pub(super) crc32c: String,
    /// None for what was composed.
    pub(super) md5: Option<String>,
    /// The file of the content.
    pub(super) blob: String,
    /// Microseconds since 1970.
    pub(super) created: u64,
    pub(super) updated: u64,
    /// When it ceased to be the live version.
    pub(super) deleted: Option<u64>,
    /// Of how many uploads it was composed.
    pub(super) components: Option<u64>,
    /// What callers said of it.
    pub(super) fields: Map<String, Json>,
}

impl Object {
    pub(super) fn read(document: Json) -> Result<Object, StoreError> {
        Ok(serde_json::from_value(document)?)
    }

    pub(super) fn document(&self) -> Result<Json, StoreError> {
        Ok(serde_json::to_value(self)?)
    }

    /// The generation and metageneration, for preconditions.
    pub(super) fn version(&self) -> (u64, u64) {
        (self.generation, self.metageneration)
    }

    pub(super) fn key(&self) -> String {
        name::key(&self.bucket, &self.name)
    }

    pub(super) fn version_key(&self) -> String {
        name::version_key(&self.bucket, &self.name, self.generation)
    }

    pub(super) fn text(&self, field: &str) -> Option<&str> {
        self.fields.get(field)?.as_str()
    }

    pub(super) fn etag(&self) -> String {
        etag(&[self.generation, self.metageneration])
    }

    /// As the API shows it; `url` is where the cloud answers.
    pub(super) fn shown(&self, url: &str) -> Json {
        let (bucket, generation) = (&self.bucket, self.generation);
        let path = format!("storage/v1/b/{bucket}/o/{}", encoded(&self.name));
        let mut json = json!({
            "kind": "storage#object",
            "id": format!("{bucket}/{}/{generation}", self.name),
            "selfLink": format!("{url}/{path}"),
            "mediaLink": format!("{url}/download/{path}?generation={generation}&alt=media"),
            "name": self.name,
            "bucket": bucket,
            "generation": generation.to_string(),
            "metageneration": self.metageneration.to_string(),
            "size": self.size.to_string(),
            "crc32c": self.crc32c,
            "etag": self.etag(),
            "timeCreated": time::rfc3339(self.created),
            "updated": time::rfc3339(self.updated),
            "timeStorageClassUpdated": time::rfc3339(self.created),
            "timeFinalized": time::rfc3339(self.created),
        });
        if let Json::Object(shown) = &mut json {
            shown.extend(self.fields.clone());
        }
        if let Some(md5) = &self.md5 {
            json["md5Hash"] = md5.as_str().into();
        }
        if let Some(components) = self.components {
            json["componentCount"] = components.into();
        }
        if let Some(deleted) = self.deleted {
            json["timeDeleted"] = time::rfc3339(deleted).into();
        }
        json
    }
}

/// A tag for numbers: those are the first fields of a message of protocol buffers.
pub(super) fn etag(numbers: &[u64]) -> String {
    let mut bytes = Vec::new();
    for (tag, number) in (1u8..).zip(numbers) {
        bytes.push(tag << 3);
        let mut number = *number;
        while number >= 0x80 {
            bytes.push(0x80 | (number & 0x7F) as u8);
            number >>= 7;
        }
        bytes.push(number as u8);
    }
    STANDARD.encode(bytes)
}

/// A name as a part of a path.
pub(super) fn encoded(name: &str) -> String {
    let mut text = String::with_capacity(name.len());
    for byte in name.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' => text.push(char::from(byte)),
            _ => text.push_str(&format!("%{byte:02X}")),
        }
    }
    text
}

/// Puts what a body says of an object in place of what was said before: null takes a field away. A body is a whole where it
/// is for a new object or an update, a part where it is for a patch.
///
/// # Errors
/// 400 for a field of another type.
pub(super) fn set_fields(fields: &mut Map<String, Json>, body: &Json) -> Result<()> {
    for field in TEXTS {
        let Some(value) = body.get(field) else { continue };
        match value {
            Json::Null => {
                fields.remove(field);
            }
            Json::String(text) => {
                check_text(field, text)?;
                fields.insert(field.to_owned(), value.clone());
            }
            other => {
                return Err(ApiError::invalid(format!(
                    "Invalid value for {field}: {other} is no text."
                )));
            }
        }
    }
    for field in HOLDS {
        match body.get(field) {
            None => {}
            Some(Json::Null) => {
                fields.remove(field);
            }
            Some(Json::Bool(is_held)) => {
                fields.insert(field.to_owned(), (*is_held).into());
            }
            Some(other) => {
                return Err(ApiError::invalid(format!(
                    "Invalid value for {field}: {other} is neither true nor false."
                )));
            }
        }
    }
    match body.get("metadata") {
        None => Ok(()),
        Some(Json::Null) => {
            fields.remove("metadata");
            Ok(())
        }
        Some(Json::Object(given)) => set_metadata(fields, given),
        Some(other) => Err(ApiError::invalid(format!(
            "Invalid value for metadata: {other} is no object."
        ))),
    }
}

fn set_metadata(fields: &mut Map<String, Json>, given: &Map<String, Json>) -> Result<()> {
    let mut metadata = match fields.remove("metadata") {
        Some(Json::Object(metadata)) => metadata,
        _ => Map::new(),
    };
    for (key, value) in given {
        match value {
            Json::Null => {
                metadata.remove(key);
            }
            Json::String(_) => {
                metadata.insert(key.clone(), value.clone());
            }
            other => {
                return Err(ApiError::invalid(format!(
                    "Invalid value for metadata.{key}: {other} is no text."
                )));
            }
        }
    }
    let size: usize = metadata
        .iter()
        .map(|(key, value)| key.len() + value.as_str().map_or(0, str::len))
        .sum();
    if size > MOST_METADATA {
        return Err(ApiError::invalid(format!(
            "The metadata of the object has {size} bytes, and at most {MOST_METADATA} are allowed."
        )));
    }
    if !metadata.is_empty() {
        fields.insert("metadata".to_owned(), Json::Object(metadata));
    }
    Ok(())
}

fn check_text(field: &str, text: &str) -> Result<()> {
    let defect = match field {
        "customTime" if expression::Timestamp::parse(text).is_none() => "no time of RFC 3339",
        "storageClass" if !CLASSES.contains(&text) => "no storage class",
        _ if text.contains(['\r', '\n', '\0']) => "no value of a header",
        _ => return Ok(()),
    };
    Err(ApiError::invalid(format!(
        "Invalid value for {field}: {text:?} is {defect}."
    )))
}

/// Whether a body says anything of an object, beside its name.
pub(super) fn has_fields(body: &Json) -> bool {
    let mut names = TEXTS.iter().chain(&HOLDS).chain(&["metadata"]);
    names.any(|field| body.get(field).is_some_and(|value| !value.is_null()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tags_of_versions_differ() {
        assert_eq!(etag(&[1]), "CAE=");
        assert_eq!(etag(&[300, 2]), "CKwCEAI=");
    }

    #[test]
    fn a_patch_takes_away_what_is_null() {
        let mut fields = Map::new();
        let first = json!({"contentType": "text/plain", "metadata": {"a": "1", "b": "2"}, "size": "7", "customTime": "2026-01-02T03:04:05Z"});
        set_fields(&mut fields, &first).unwrap();
        set_fields(
            &mut fields,
            &json!({"contentType": null, "metadata": {"a": null, "c": "3"}}),
        )
        .unwrap();
        let expected = json!({"metadata": {"b": "2", "c": "3"}, "customTime": "2026-01-02T03:04:05Z"});
        assert_eq!(Json::Object(fields.clone()), expected);
        set_fields(&mut fields, &json!({"metadata": null})).unwrap();
        assert_eq!(Json::Object(fields), json!({"customTime": "2026-01-02T03:04:05Z"}));
        for wrong in [
            json!({"contentType": 7}),
            json!({"metadata": {"a": 7}}),
            json!({"metadata": {"a": "x".repeat(MOST_METADATA)}}),
            json!({"customTime": "yesterday"}),
            json!({"storageClass": "WARM"}),
            json!({"temporaryHold": "yes"}),
            json!({"cacheControl": "a\r\nset-cookie: b"}),
        ] {
            assert!(set_fields(&mut Map::new(), &wrong).is_err(), "{wrong}");
        }
    }
}
