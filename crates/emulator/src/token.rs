//! Access tokens: made here, kept by their digests, and good until they expire.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::rand::{SecureRandom, SystemRandom};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::access::{Caller, Principal};
use crate::error::{ApiError, Result, Status};
use crate::store::{Store, StoreError};
use crate::time;

const TOKEN: &str = "token";
/// What opens all of Google Cloud.
pub(crate) const CLOUD_PLATFORM: &str = "https://www.googleapis.com/auth/cloud-platform";

/// What is known of a token. The token itself is not kept.
#[derive(Serialize, Deserialize)]
struct Entry {
    member: String,
    attributes: Vec<(String, String)>,
    scopes: Vec<String>,
    /// Seconds since 1970; absent for ever.
    expires: Option<u64>,
}

/// A token with its end.
pub(crate) struct Issued {
    pub(crate) token: String,
    /// Seconds since 1970.
    pub(crate) expires: u64,
}

/// Makes a token for a principal.
///
/// # Errors
/// If it cannot be kept.
pub(crate) fn issue(store: &Store, principal: &Principal, seconds: u64) -> Result<Issued> {
    let token = format!("ya29.terrace-{}", random()?);
    let expires = time::now_seconds() + seconds;
    keep(store, &token, principal, Some(expires))?;
    Ok(Issued { token, expires })
}

/// Keeps a token that was made elsewhere.
pub(crate) fn keep(store: &Store, token: &str, principal: &Principal, expires: Option<u64>) -> Result<(), StoreError> {
    let entry = Entry {
        member: principal.member.to_string(),
        attributes: principal.attributes.clone(),
        scopes: principal.scopes.clone(),
        expires,
    };
    store.put(TOKEN, &digest(token), &serde_json::to_value(entry)?)
}

/// Whom a token stands for.
///
/// # Errors
/// 401 if it is not known or has expired.
pub(crate) fn caller(store: &Store, token: Option<&str>) -> Result<Caller> {
    let Some(token) = token else {
        return Ok(Caller::Anonymous);
    };
    let entry = store.get(TOKEN, &digest(token))?;
    let entry: Entry = entry
        .and_then(|entry| serde_json::from_value(entry).ok())
        .ok_or_else(ApiError::unauthenticated)?;
    if entry.expires.is_some_and(|expires| expires <= time::now_seconds()) {
        return Err(ApiError::unauthenticated());
    }
    let Ok(member) = entry.member.parse();
    Ok(Caller::Known(Principal {
        member,
        attributes: entry.attributes,
        scopes: entry.scopes,
    }))
}

/// Forgets the tokens that have expired.
pub(crate) fn tidy(store: &Store) -> Result<(), StoreError> {
    let now = time::now_seconds();
    for (name, entry) in store.all(TOKEN)? {
        if entry["expires"].as_u64().is_some_and(|expires| expires <= now) {
            store.delete(TOKEN, &name)?;
        }
    }
    Ok(())
}

/// Makes a token end now: a fault that tests ask for.
pub(crate) fn expire(store: &Store, token: &str) -> Result<bool> {
    Ok(store.delete(TOKEN, &digest(token))?)
}

/// 32 bytes that nobody can guess.
pub(crate) fn random() -> Result<String> {
    let mut bytes = [0; 32];
    SystemRandom::new()
        .fill(&mut bytes)
        .map_err(|_| ApiError::new(Status::Internal, "the system has no random numbers"))?;
    Ok(URL_SAFE_NO_PAD.encode(bytes))
}

fn digest(token: &str) -> String {
    URL_SAFE_NO_PAD.encode(Sha256::digest(token.as_bytes()))
}
