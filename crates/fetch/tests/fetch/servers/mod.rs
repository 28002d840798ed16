//! Real servers on loopback: HTTP with answers of every kind, Git over HTTP (`git http-backend`), and
//! Git over ssh (`sshd`); and the repositories that they serve.

mod git;
mod http;
mod ssh;

pub(crate) use git::{GitServer, Repository, answer};
pub(crate) use http::{Answer, HttpServer, Request};
pub(crate) use ssh::SshServer;
