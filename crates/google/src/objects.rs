//! Objects of Cloud Storage that are made once and never written over
//! (<https://cloud.google.com/storage/docs/json_api/v1/objects>).

use reqwest::Method;
use serde_json::Value;

use crate::client::{Client, Request};
use crate::endpoint::Service;
use crate::error::Error;

/// A bucket, and what the names of its objects begin with here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bucket {
    name: String,
    /// Empty, or ends with a slash.
    start: String,
}

impl Bucket {
    /// Of `gs://BUCKET/START`. None where it is written otherwise.
    pub fn parse(url: &str) -> Option<Bucket> {
        let (name, start) = url
            .strip_prefix("gs://")?
            .split_once('/')
            .unwrap_or((url.strip_prefix("gs://")?, ""));
        let is_name = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, '-' | '_' | '.');
        let start = start.trim_matches('/');
        let is_bucket =
            name.len() >= 3 && name.chars().all(is_name) && !start.contains("//") && !start.contains(char::is_control);
        is_bucket.then(|| Bucket {
            name: name.to_owned(),
            start: if start.is_empty() {
                String::new()
            } else {
                format!("{start}/")
            },
        })
    }

    pub fn url(&self) -> String {
        format!("gs://{}/{}", self.name, self.start)
    }

    fn what(&self, name: &str) -> String {
        format!("{}{name}", self.url())
    }

    fn path(&self, name: &str) -> String {
        format!(
            "/storage/v1/b/{}/o/{}",
            self.name,
            encoded(&format!("{}{name}", self.start))
        )
    }

    /// The names that begin so, in their order.
    ///
    /// # Errors
    /// [`Error`] where Google refuses or fails.
    pub async fn list(&self, client: &Client, start: &str) -> Result<Vec<String>, Error> {
        let path = format!("/storage/v1/b/{}/o", self.name);
        let query = [
            ("prefix", format!("{}{start}", self.start)),
            ("fields", "items(name),nextPageToken".to_owned()),
        ];
        let items = client
            .list(&self.what(start), Service::Storage, &path, "items", &query)
            .await?;
        let name = |item: &Value| item["name"].as_str()?.strip_prefix(&self.start).map(str::to_owned);
        let mut names: Vec<String> = items.iter().filter_map(name).collect();
        names.sort_unstable();
        Ok(names)
    }

    /// What an object holds, as a text; none where there is none.
    ///
    /// # Errors
    /// [`Error`] where Google refuses or fails.
    pub async fn get(&self, client: &Client, name: &str) -> Result<Option<String>, Error> {
        let request = Request {
            what: &self.what(name),
            service: Service::Storage,
            method: Method::GET,
            path: &self.path(name),
            query: &[("alt", "media".to_owned())],
            body: None,
            media: None,
        };
        match client.send(&request).await {
            // Of a bucket that is not there, listing says so.
            Err(error) if error.status == 404 => Ok(None),
            answer => answer.map(Some),
        }
    }

    /// Makes an object; false where there is another one of this name, which stays as it is.
    ///
    /// # Errors
    /// [`Error`] where Google refuses or fails.
    pub async fn make(&self, client: &Client, name: &str, text: &str) -> Result<bool, Error> {
        let request = Request {
            what: &self.what(name),
            service: Service::Storage,
            method: Method::POST,
            path: &format!("/upload/storage/v1/b/{}/o", self.name),
            query: &[
                ("uploadType", "media".to_owned()),
                ("name", format!("{}{name}", self.start)),
                // There is none yet.
                ("ifGenerationMatch", "0".to_owned()),
            ],
            body: None,
            media: Some(text),
        };
        match client.send(&request).await {
            Ok(_) => Ok(true),
            // Our own, perhaps, whose answer was lost.
            Err(error) if error.status == 412 => Ok(self.get(client, name).await?.as_deref() == Some(text)),
            Err(error) => Err(error),
        }
    }
}

/// With percent signs, as one segment of a path.
fn encoded(text: &str) -> String {
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' => encoded.push(char::from(byte)),
            _ => encoded.push_str(&format!("%{byte:02X}")),
        }
    }
    encoded
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn buckets_have_urls() {
        for (url, shown) in [
            ("gs://audit-acme", Some("gs://audit-acme/")),
            ("gs://audit-acme/", Some("gs://audit-acme/")),
            ("gs://audit-acme/prod/record/", Some("gs://audit-acme/prod/record/")),
            ("gs://a/b", None),
            ("gs://Audit/x", None),
            ("s3://audit/x", None),
            ("gs://audit/a//b", None),
        ] {
            assert_eq!(Bucket::parse(url).map(|bucket| bucket.url()).as_deref(), shown, "{url}");
        }
        let bucket = Bucket::parse("gs://audit/prod").map(|bucket| bucket.path("entries/1 ü.jsonl"));
        assert_eq!(
            bucket.as_deref(),
            Some("/storage/v1/b/audit/o/prod%2Fentries%2F1%20%C3%BC.jsonl")
        );
    }
}
