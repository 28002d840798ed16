//! What the questions about whole platforms stand on: trees that were built, and all that is granted.

use build::Session;
use clap::Args;
use identity::{State, Tree};

use super::GrantArgs;
use crate::diagnostic::Diagnostic;
use crate::setup::{Setup, SetupArgs};
use crate::targets::{Target, TargetArgs, Targets, build_each, read_platform, targets};

/// Which trees and which grants.
#[derive(Args, Debug)]
pub(crate) struct GroundArgs {
    #[command(flatten)]
    targets: TargetArgs,
    #[command(flatten)]
    pub(crate) grants: GrantArgs,
    #[command(flatten)]
    pub(crate) setup: SetupArgs,
}

/// Trees and grants.
pub(super) struct Ground {
    pub(super) trees: Vec<Tree>,
    pub(super) state: State,
}

impl GroundArgs {
    /// Builds the trees, and reads the grants of files and trees.
    pub(super) fn ground(&self, setup: &Setup, session: &Session<'_>) -> Result<Ground, Box<Diagnostic>> {
        let platform = read_platform(&self.targets, session)?;
        let Targets { chosen, .. } = targets(&self.targets, session, platform.as_ref())?;
        let chosen: Vec<&Target<'_>> = chosen.iter().collect();
        let mut state = self.grants.state(session, platform.as_ref())?;
        let built = build_each(&chosen, setup, session, !self.setup.is_quiet(), |target, built| {
            let built = built?;
            let grants = State::from_config_connector(&built.objects, target.place.project.as_deref());
            Ok((Tree::new(&built.objects, &target.place, &state), grants))
        });
        let mut trees = Vec::new();
        for built in built {
            let (tree, grants) = built.map_err(|error: build::BuildError| Box::new(Diagnostic::from(error)))?;
            trees.push(tree);
            state.merge(grants);
        }
        state.assume_buckets(&trees);
        Ok(Ground { trees, state })
    }
}
