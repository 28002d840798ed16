//! The cloud as a whole: what its services share.

use std::net::SocketAddr;

use identity::Member;
use tokio::sync::Notify;

use crate::access::{Authority, Principal};
use crate::error::ApiError;
use crate::fault::Faults;
use crate::oidc::Issuer;
use crate::settings::{ContainerRuntime, Settings};
use crate::storage::Storage;
use crate::store::{Store, StoreError};
use crate::token;
use crate::work::Works;
use crate::work::package::Packages;
use crate::work::serving::Servers;

pub(crate) struct Cloud {
    pub(crate) store: Store,
    pub(crate) authority: Authority,
    pub(crate) issuer: Issuer,
    pub(crate) faults: Faults,
    /// The contents of objects.
    pub(crate) storage: Storage,
    pub(crate) runtime: ContainerRuntime,
    /// Told when a schedule has changed.
    pub(crate) schedules: Notify,
    /// Environments of Python packages.
    pub(crate) packages: Packages,
    /// Jobs that run.
    pub(crate) works: Works,
    /// Servers of deployed models.
    pub(crate) servers: Servers,
    /// Where it answers: `http://127.0.0.1:8080`.
    pub(crate) url: String,
}

/// Why a cloud cannot be started.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error("{0}")]
    Key(String),
    #[error("containers cannot be run: {0}")]
    Runtime(std::io::Error),
    #[error("what went on before cannot be brought to an end: {0}")]
    Resume(String),
    #[error("cannot listen on {0}: {1}")]
    Listen(SocketAddr, std::io::Error),
}

impl Cloud {
    pub(crate) fn new(settings: Settings, address: SocketAddr) -> Result<Cloud, StartError> {
        let directory = settings.state.clone();
        Cloud::open(settings, address).map_err(|error| match error {
            StartError::Store(error) => StartError::Store(error.of_start(&directory)),
            other => other,
        })
    }

    fn open(settings: Settings, address: SocketAddr) -> Result<Cloud, StartError> {
        settings.runtime.check().map_err(StartError::Runtime)?;
        let store = Store::open(&settings.state)?;
        token::tidy(&store)?;
        let storage = Storage::open(&store)?;
        for (text, member) in &settings.tokens {
            let principal = Principal {
                member: member.clone(),
                attributes: Vec::new(),
                scopes: vec![token::CLOUD_PLATFORM.to_owned()],
            };
            token::keep(&store, text, &principal, None)?;
        }
        let mut granted = settings.granted;
        // Nothing of a file is shown by the cloud.
        granted.forget_places();
        let authority = Authority::new(settings.iam, granted, &store)?;
        let url = format!("http://{address}");
        let issuer =
            Issuer::new(&store, format!("{url}/oidc")).map_err(|error: ApiError| StartError::Key(error.message))?;
        Ok(Cloud {
            store,
            authority,
            issuer,
            faults: Faults::default(),
            storage,
            runtime: settings.runtime,
            schedules: Notify::new(),
            packages: Packages::default(),
            works: Works::default(),
            servers: Servers::default(),
            url,
        })
    }

    /// A cloud that does not listen, and in which nothing is granted.
    #[cfg(test)]
    pub(crate) fn of_a_test(state: &std::path::Path, iam: crate::settings::Iam) -> Cloud {
        let address = SocketAddr::from(([127, 0, 0, 1], 1));
        let settings = Settings {
            listen: address,
            state: state.to_owned(),
            iam,
            runtime: ContainerRuntime::Process,
            granted: identity::State::default(),
            tokens: Vec::new(),
            project: "acme-dev".to_owned(),
            account: None,
        };
        Cloud::new(settings, address).unwrap()
    }

    /// A service account as one who calls.
    pub(crate) fn as_account(email: &str) -> Principal {
        Principal {
            member: Member::ServiceAccount(email.to_owned()),
            attributes: Vec::new(),
            scopes: vec![token::CLOUD_PLATFORM.to_owned()],
        }
    }

    /// The id of a project that may be written as its number.
    pub(crate) fn project_id(&self, name: &str) -> String {
        let known = self
            .authority
            .ask(|reasoner| reasoner.state().project_numbers.get(name).cloned());
        known.unwrap_or_else(|| name.to_owned())
    }
}
