//! One call after the other: credentials, time limits, trying again, errors that say what Google said.

use std::time::Duration;

use reqwest::Method;
use reqwest::header::{CONTENT_TYPE, RETRY_AFTER};
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::credentials::Credentials;
use crate::endpoint::{Endpoints, Service};
use crate::error::{Error, causes};
use crate::witness::{Change, Witness};

/// Until a connection is there.
const CONNECT: Duration = Duration::from_secs(10);
/// For all of an answer: a page of a large organization takes long.
const TOTAL: Duration = Duration::from_secs(120);
/// Before the second try and those after it; each is stretched by up to its half.
const PAUSES: [Duration; 4] = [
    Duration::from_millis(300),
    Duration::from_millis(1000),
    Duration::from_millis(3000),
    Duration::from_millis(9000),
];
/// The longest that a server may make us wait.
const LONGEST: Duration = Duration::from_secs(60);

/// Asks Google's services.
pub struct Client {
    http: reqwest::Client,
    credentials: Credentials,
    endpoints: Endpoints,
}

/// One request.
#[derive(Clone, Debug)]
pub(crate) struct Request<'a> {
    /// In a few words, for errors: `the policy of projects/acme`.
    pub(crate) what: &'a str,
    pub(crate) service: Service,
    pub(crate) method: Method,
    /// Begins with a slash.
    pub(crate) path: &'a str,
    pub(crate) query: &'a [(&'a str, String)],
    pub(crate) body: Option<&'a Value>,
    /// In place of the body: what an object is to hold.
    pub(crate) media: Option<&'a str>,
}

impl Client {
    /// # Errors
    /// [`Error`] where the system's certificates cannot be used.
    pub fn new(credentials: Credentials, endpoints: Endpoints) -> Result<Client, Error> {
        // The first one of a process stays; another provider does as well.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let http = reqwest::Client::builder()
            .user_agent(concat!("terrace/", env!("CARGO_PKG_VERSION")))
            .connect_timeout(CONNECT)
            .timeout(TOTAL)
            .build()
            .map_err(|error| Error::failed(format!("no client for HTTPS can be made: {}", causes(&error))))?;
        Ok(Client {
            http,
            credentials,
            endpoints,
        })
    }

    /// A client of the environment: its credentials, or an account that they act as, and its endpoints. Only the task
    /// that makes it can use it: what renews the token ends with the task.
    ///
    /// # Errors
    /// As [`Credentials::find`] and [`Client::new`].
    pub async fn from_environment(impersonate: Option<&str>) -> Result<Client, Error> {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let endpoints = Endpoints::from_environment(|name| std::env::var(name).ok());
        Client::new(Credentials::find(impersonate)?, endpoints)
    }

    pub(crate) async fn get<T: DeserializeOwned>(
        &self,
        what: &str,
        service: Service,
        path: &str,
        query: &[(&str, String)],
    ) -> Result<T, Error> {
        let request = Request {
            what,
            service,
            method: Method::GET,
            path,
            query,
            body: None,
            media: None,
        };
        read(what, &self.send(&request).await?)
    }

    /// All items of a list, page by page.
    pub(crate) async fn list(
        &self,
        what: &str,
        service: Service,
        path: &str,
        items: &str,
        query: &[(&str, String)],
    ) -> Result<Vec<Value>, Error> {
        let mut all = Vec::new();
        let mut token = String::new();
        loop {
            let mut query = query.to_vec();
            if !token.is_empty() {
                query.push(("pageToken", token));
            }
            let mut page: Value = self.get(what, service, path, &query).await?;
            if let Some(Value::Array(found)) = page.get_mut(items).map(Value::take) {
                all.extend(found);
            }
            match page.get("nextPageToken").and_then(Value::as_str) {
                Some(next) if !next.is_empty() => token = next.to_owned(),
                _ => return Ok(all),
            }
        }
    }

    /// The body of the answer. What may pass is tried again; the caller knows that the request may be sent twice.
    pub(crate) async fn send(&self, request: &Request<'_>) -> Result<String, Error> {
        let mut pauses = PAUSES.into_iter();
        loop {
            let (error, wished) = match self.try_once(request).await {
                Ok(body) => return Ok(body),
                Err(trouble) => trouble,
            };
            let Some(pause) = pauses.next().filter(|_| error.status == 0 || error.is_passing()) else {
                return Err(error);
            };
            tokio::time::sleep(wished.unwrap_or(stretched(pause))).await;
        }
    }

    /// The same for what changes something: somebody is told before and after, and may refuse.
    pub(crate) async fn change(
        &self,
        request: &Request<'_>,
        change: &Change<'_>,
        witness: &dyn Witness,
    ) -> Result<String, Error> {
        let number = witness.before(change)?;
        let answer = self.send(request).await;
        witness.after(number, answer.as_deref())?;
        answer
    }

    /// The body, or the error and how long the server wants to be left alone.
    async fn try_once(&self, request: &Request<'_>) -> Result<String, (Error, Option<Duration>)> {
        let headers = self.credentials.headers().await.map_err(final_error)?;
        let url = self.endpoints.url(request.service, request.path);
        let mut call = self
            .http
            .request(request.method.clone(), url)
            .headers(headers)
            .query(request.query);
        if let Some(body) = request.body {
            call = call.json(body);
        }
        if let Some(media) = request.media {
            call = call
                .header(CONTENT_TYPE, "application/octet-stream")
                .body(media.to_owned());
        }
        let lost = |error: reqwest::Error| {
            // The address may hold a name that is nobody's business; what was asked is said anyway.
            let error = error.without_url();
            let message = format!("{}: no answer from Google: {}", request.what, causes(&error));
            (Error::failed(message).hint("look at the network, and try again"), None)
        };
        let answer = call.send().await.map_err(lost)?;
        let status = answer.status();
        let seconds = answer
            .headers()
            .get(RETRY_AFTER)
            .and_then(|value| value.to_str().ok()?.parse().ok());
        let wished = seconds.map(|seconds| Duration::from_secs(seconds).min(LONGEST));
        let body = answer.text().await.map_err(lost)?;
        match status.is_success() {
            true => Ok(body),
            false => Err((Error::of_answer(request.what, status.as_u16(), &body), wished)),
        }
    }
}

/// An error of the credentials is not tried again: the library has done so.
fn final_error(mut error: Error) -> (Error, Option<Duration>) {
    error.status = 401;
    (error, None)
}

pub(crate) fn read<T: DeserializeOwned>(what: &str, body: &str) -> Result<T, Error> {
    let text = if body.trim().is_empty() { "{}" } else { body };
    serde_json::from_str(text).map_err(|error| Error::failed(format!("{what}: the answer makes no sense: {error}")))
}

/// A pause that differs from process to process, so that many do not come back at once.
pub(crate) fn stretched(pause: Duration) -> Duration {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    let share = now.map_or(0, |now| (now.subsec_nanos() ^ std::process::id()) % 512);
    pause + pause * share / 1024
}
