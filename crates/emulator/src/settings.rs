//! How a cloud is started.

use std::net::SocketAddr;
use std::path::PathBuf;

use identity::{Member, State};

/// What is done where a caller lacks a permission.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum Iam {
    /// The call is denied.
    #[default]
    Enforce,
    /// The call is let through, and a line says what was lacking.
    Log,
    /// Nothing is looked at.
    Off,
}

/// What runs the containers of jobs and models.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum ContainerRuntime {
    /// Their commands are processes of this machine; images are not looked at.
    #[default]
    Process,
    Docker,
    Podman,
}

/// What a cloud is started with.
#[derive(Debug)]
pub struct Settings {
    /// Where it listens; port 0 takes one that is free.
    pub listen: SocketAddr,
    /// What it holds is here; made if it is not there.
    pub state: PathBuf,
    pub iam: Iam,
    pub runtime: ContainerRuntime,
    /// What is granted from the start; policies that are set later take the place of those here.
    pub granted: State,
    /// Tokens that are valid from the start, for ever: the token itself and whom it stands for.
    pub tokens: Vec<(String, Member)>,
    /// The project of the metadata server.
    pub project: String,
    /// The service account of the metadata server, if it has one.
    pub account: Option<String>,
}
