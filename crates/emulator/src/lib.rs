//! The embedded cloud: Google's services on loopback, over a state in a directory. It runs the work, and it says no where
//! Google would: who may do what is decided by `identity`.
//!
//! [`Emulator::start`] listens; each service is a module, and `server` says which answers what.

mod access;
mod call;
mod cloud;
mod error;
mod fault;
mod iam;
mod iam_credentials;
mod log;
mod logging;
mod message;
mod metadata;
mod method;
mod oidc;
mod page;
mod server;
mod settings;
mod storage;
mod store;
mod sts;
mod time;
mod token;
mod vertex;
mod work;

use std::net::SocketAddr;
use std::sync::Arc;

use tokio::net::TcpListener;

use cloud::Cloud;
pub use cloud::StartError;
use metadata::Machine;
pub use settings::{Iam, Settings};
pub use store::StoreError;

/// A cloud that listens.
pub struct Emulator {
    cloud: Arc<Cloud>,
    listener: TcpListener,
    address: SocketAddr,
    machine: Machine,
}

impl Emulator {
    /// Opens the state and listens. Calls that come before [`Emulator::serve`] wait.
    ///
    /// # Errors
    /// If the address is taken, or the state cannot be used.
    pub async fn start(settings: Settings) -> Result<Emulator, StartError> {
        let wanted = settings.listen;
        let listener = TcpListener::bind(wanted)
            .await
            .map_err(|error| StartError::Listen(wanted, error))?;
        let address = listener
            .local_addr()
            .map_err(|error| StartError::Listen(wanted, error))?;
        let machine = Machine {
            project: settings.project.clone(),
            account: settings.account.clone(),
            is_alone: false,
        };
        let cloud = Arc::new(Cloud::new(settings, address)?);
        storage::tidy(&cloud);
        resume(&cloud)
            .await
            .map_err(|error| StartError::Resume(error.message))?;
        Ok(Emulator {
            machine,
            cloud,
            listener,
            address,
        })
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Answers calls and starts what schedules want, for ever.
    pub async fn serve(self) {
        tokio::spawn(work::schedule::serve(Arc::clone(&self.cloud)));
        server::serve(self.cloud, Arc::new(self.machine), self.listener).await;
    }
}

/// Runs a cloud until the process ends. `ready` is told where it listens, once it answers.
///
/// # Errors
/// As [`Emulator::start`].
pub fn run(settings: Settings, ready: impl FnOnce(SocketAddr)) -> Result<(), StartError> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    let runtime = runtime.map_err(|error| StartError::Listen(settings.listen, error))?;
    runtime.block_on(async {
        let emulator = Emulator::start(settings).await?;
        ready(emulator.address());
        emulator.serve().await;
        Ok(())
    })
}

/// Brings what was going on when the cloud was stopped to an end, or starts it again.
async fn resume(cloud: &Arc<Cloud>) -> error::Result<()> {
    for kind in vertex::JOBS {
        work::job::end_interrupted(cloud, kind)?;
    }
    vertex::operation::end_interrupted(cloud)?;
    work::schedule::skip_missed(cloud)?;
    work::serving::start_deployed(cloud).await
}
