//! What every command that builds takes from the command line, and what its sessions stand on.

use build::{Options, OsFiles, Permissions, Session};
use clap::Args;
use exec::Executor;

use crate::args::{BuildFlags, NetworkArgs, ReportArgs, working_directory};
use crate::diagnostic::Reporter;
use crate::programs::ProgramArgs;
use crate::remote::Outside;

/// How to report, fetch, run programs and build.
#[derive(Args, Clone, Debug)]
pub(crate) struct SetupArgs {
    #[command(flatten)]
    report: ReportArgs,
    #[command(flatten)]
    network: NetworkArgs,
    #[command(flatten)]
    programs: ProgramArgs,
    #[command(flatten)]
    flags: BuildFlags,
}

impl SetupArgs {
    /// What the command line says, after a word about what is deprecated in it.
    pub(crate) fn setup(&self) -> Setup {
        Setup::new(self.report.reporter(), self.network, self.programs, &self.flags)
    }

    pub(crate) fn is_quiet(&self) -> bool {
        self.report.quiet
    }
}

/// What sessions stand on: the disk, the programs that are permitted, and the outside.
pub(crate) struct Setup {
    pub(crate) reporter: Reporter,
    pub(crate) options: Options,
    pub(crate) outside: Outside,
    files: OsFiles,
    executor: Executor,
    permissions: Permissions,
}

impl Setup {
    pub(crate) fn new(reporter: Reporter, network: NetworkArgs, programs: ProgramArgs, flags: &BuildFlags) -> Setup {
        Setup {
            options: flags.options(&reporter),
            outside: Outside::new(network, &reporter),
            files: OsFiles::new(working_directory()),
            executor: flags.executor(programs),
            permissions: flags.permissions(),
            reporter,
        }
    }

    /// A session that runs programs, and does not fetch yet.
    pub(crate) fn session(&self) -> Session<'_> {
        Session::new(&self.files).with_programs(&self.executor, self.permissions.clone())
    }
}
