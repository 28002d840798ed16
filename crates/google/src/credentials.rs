//! Who asks: credentials as Google's own tools find them, but never a key.

use std::path::PathBuf;
use std::time::Duration;

use google_cloud_auth::credentials::{self, CacheableResource, impersonated};
use reqwest::header::{AUTHORIZATION, HeaderMap, HeaderValue};
use serde_json::Value;

use crate::error::{Error, causes};

const SCOPE: &str = "https://www.googleapis.com/auth/cloud-platform";

/// How long to wait for a token. Without a metadata server there is no answer at all.
const PATIENCE: Duration = Duration::from_secs(20);

const HINT: &str = "log in with gcloud auth application-default login, or configure workload identity federation, or run \
                    where a metadata server is; CLOUDSDK_AUTH_ACCESS_TOKEN takes a token";

/// Short-lived credentials. Not shown, not even for debugging.
pub struct Credentials(Kind);

enum Kind {
    /// A token of the environment.
    Token(HeaderValue),
    /// What the application default credentials, or an account that they act as, say.
    Found(credentials::Credentials),
}

impl Credentials {
    /// A token of `CLOUDSDK_AUTH_ACCESS_TOKEN` or `GOOGLE_OAUTH_ACCESS_TOKEN`; else the application default credentials
    /// (<https://cloud.google.com/docs/authentication/application-default-credentials>): a login, federation, or the
    /// metadata server. `impersonate` is a service account to act as.
    ///
    /// # Errors
    /// [`Error`] for a key file, and for credentials that cannot be read.
    pub fn find(impersonate: Option<&str>) -> Result<Credentials, Error> {
        let token = ["CLOUDSDK_AUTH_ACCESS_TOKEN", "GOOGLE_OAUTH_ACCESS_TOKEN"]
            .into_iter()
            .find_map(|name| Some((name, std::env::var(name).ok().filter(|text| !text.is_empty())?)));
        if let Some((name, token)) = token {
            if impersonate.is_some() {
                let message = format!("a token ({name}) cannot be made one of another account");
                return Err(Error::credentials(message).hint("give a token of that account, or unset the variable"));
            }
            return Credentials::token(&token)
                .ok_or_else(|| Error::credentials(format!("{name} holds no token: it has bytes that no token has")));
        }
        refuse_key()?;
        let unreadable = |error: google_cloud_auth::build_errors::Error| {
            Error::credentials(format!("the credentials cannot be read: {error}")).hint(HINT)
        };
        let found = credentials::Builder::default()
            .with_scopes([SCOPE])
            .build()
            .map_err(unreadable)?;
        let found = match impersonate {
            Some(account) => impersonated::Builder::from_source_credentials(found)
                .with_target_principal(account)
                .with_scopes([SCOPE])
                .build()
                .map_err(unreadable)?,
            None => found,
        };
        Ok(Credentials(Kind::Found(found)))
    }

    /// A token that somebody has. None where it has bytes that no token has.
    pub fn token(token: &str) -> Option<Credentials> {
        let mut value = HeaderValue::from_str(&format!("Bearer {}", token.trim())).ok()?;
        value.set_sensitive(true);
        Some(Credentials(Kind::Token(value)))
    }

    /// The headers that say who asks.
    pub(crate) async fn headers(&self) -> Result<HeaderMap, Error> {
        let found = match &self.0 {
            Kind::Token(value) => return Ok(HeaderMap::from_iter([(AUTHORIZATION, value.clone())])),
            Kind::Found(found) => found,
        };
        let answer = tokio::time::timeout(PATIENCE, found.headers(Default::default())).await;
        match answer {
            Ok(Ok(CacheableResource::New { data, .. })) => Ok(data),
            // No tag was given, so there is always something new.
            Ok(Ok(CacheableResource::NotModified)) => Ok(HeaderMap::new()),
            Ok(Err(error)) => {
                let message = format!("there are no credentials for Google: {}", causes(&error));
                Err(Error::credentials(message).hint(HINT))
            }
            Err(_) => {
                let message = format!(
                    "there are no credentials for Google: no answer within {} s",
                    PATIENCE.as_secs()
                );
                Err(Error::credentials(message).hint(HINT))
            }
        }
    }
}

/// A key file is never used: it does not expire, and whoever has a copy is the account.
fn refuse_key() -> Result<(), Error> {
    let named = std::env::var_os("GOOGLE_APPLICATION_CREDENTIALS").map(PathBuf::from);
    let well_known = || {
        let home = std::env::var_os("HOME").map(PathBuf::from)?;
        Some(home.join(".config/gcloud/application_default_credentials.json"))
    };
    let Some(path) = named.or_else(well_known) else {
        return Ok(());
    };
    let Ok(text) = std::fs::read_to_string(&path) else {
        // That it is not there, or cannot be read, is said by the library.
        return Ok(());
    };
    let kind = serde_json::from_str::<Value>(&text).ok();
    let holds_key = |document: &Value| document["type"] == "service_account" || !document["private_key"].is_null();
    match kind {
        Some(document) if holds_key(&document) || holds_key(&document["source_credentials"]) => {
            let message = format!(
                "{} is the key of a service account, and keys are not used",
                path.display()
            );
            Err(Error::credentials(message).hint(HINT))
        }
        _ => Ok(()),
    }
}
