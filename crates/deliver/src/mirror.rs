//! Where a record is mirrored: a directory, or a bucket of Cloud Storage.

use std::path::Path;

use google::{Bucket, Client, Error, ErrorKind};
use record::{Directory, Objects, RecordError};

/// The mirror of a URL: `gs://BUCKET/START`, or a directory, taken from another one. None where it is neither.
///
/// That the record is copied is not recorded itself.
pub fn mirror(url: &str, below: &Path) -> Option<Box<dyn Objects>> {
    match url.contains("://") {
        true => Some(Box::new(CloudStorage(Bucket::parse(url)?))),
        false => Some(Box::new(Directory::new(below.join(url)))),
    }
}

/// Objects of a bucket. A rule of retention on it keeps also those from deleting who may write.
struct CloudStorage(Bucket);

/// Asks with the credentials of the environment.
fn ask<T>(question: impl AsyncFnOnce(&Client) -> Result<T, Error>) -> Result<T, RecordError> {
    let answer = google::block_on(async {
        let client = Client::from_environment(None).await?;
        question(&client).await
    });
    answer.map_err(|error| {
        let failed = match error.kind {
            ErrorKind::Refused | ErrorKind::Credentials => RecordError::forbidden(error.message),
            ErrorKind::Failed | ErrorKind::Unrecorded => RecordError::failed(error.message),
        };
        match error.hint {
            Some(hint) => failed.hint(hint),
            None => failed,
        }
    })
}

impl Objects for CloudStorage {
    fn list(&self, start: &str) -> Result<Vec<String>, RecordError> {
        ask(async |client| self.0.list(client, start).await)
    }

    fn get(&self, name: &str) -> Result<Option<Vec<u8>>, RecordError> {
        Ok(ask(async |client| self.0.get(client, name).await)?.map(String::into_bytes))
    }

    fn make(&self, name: &str, bytes: &[u8]) -> Result<bool, RecordError> {
        let text = String::from_utf8_lossy(bytes);
        ask(async |client| self.0.make(client, name, &text).await)
    }

    fn url(&self) -> String {
        self.0.url()
    }
}
