//! Google's APIs with short-lived credentials: [`Client`] asks and tries again, [`PolicyApi`] reads and sets the
//! policy of one resource, [`live`] reads what is granted in projects, [`roles`] the predefined roles of today.
//!
//! Everything is asynchronous; [`block_on`] runs one task to its end on this thread.

mod client;
mod credentials;
mod endpoint;
mod error;
mod groups;
pub mod live;
mod objects;
mod policy;
pub mod roles;
mod witness;

pub use client::Client;
pub use credentials::Credentials;
pub use endpoint::{Endpoints, Service};
pub use error::{Error, ErrorKind};
pub use objects::Bucket;
pub use policy::{Edit, Edited, PolicyApi};
pub use witness::{Change, Witness};

/// Runs a task to its end on this thread, with the network and a clock.
///
/// # Errors
/// [`Error`] where the system gives no event queue, and those of the task.
pub fn block_on<T>(task: impl Future<Output = Result<T, Error>>) -> Result<T, Error> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(|error| Error::failed(format!("the system gives no event queue: {error}")))?;
    runtime.block_on(task)
}
