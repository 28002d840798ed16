//! What the questions about whole platforms stand on: trees that were built, and all that is granted.

use build::{Built, Session};
use clap::Args;
use identity::{State, Tree};
use platform::Platform;

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

/// What is declared, and what holds.
pub(super) struct Declared {
    pub(super) declared: State,
    pub(super) actual: State,
}

impl GroundArgs {
    /// Builds the trees, and reads what they and some files declare, apart from the grants that hold.
    pub(super) fn declared(
        &self,
        setup: &Setup,
        session: &Session<'_>,
        files: &[String],
    ) -> Result<Declared, Box<Diagnostic>> {
        let mut declared = super::grants::read_files(session, files)?;
        // Without a platform file or a directory, what is declared is in the files alone.
        let has_trees = self.targets.is_named() || crate::targets::find_platform().is_some();
        if !has_trees && !files.is_empty() {
            return Ok(Declared {
                declared,
                actual: self.grants.state(session, None)?,
            });
        }
        let platform = read_platform(&self.targets, session)?;
        let actual = self.grants.state(session, platform.as_ref())?;
        let of_trees = self.each(setup, session, platform.as_ref(), |target, built| {
            State::from_config_connector(&built.objects, target.place.project.as_deref())
        })?;
        of_trees.into_iter().for_each(|grants| declared.merge(grants));
        Ok(Declared { declared, actual })
    }

    /// Builds the trees, and reads the grants of files and trees.
    pub(super) fn ground(&self, setup: &Setup, session: &Session<'_>) -> Result<Ground, Box<Diagnostic>> {
        let platform = read_platform(&self.targets, session)?;
        let mut state = self.grants.state(session, platform.as_ref())?;
        let made = self.each(setup, session, platform.as_ref(), |target, built| {
            let grants = State::from_config_connector(&built.objects, target.place.project.as_deref());
            (Tree::new(&built.objects, &target.place, &state), grants)
        })?;
        let mut trees = Vec::new();
        for (tree, grants) in made {
            trees.push(tree);
            state.merge(grants);
        }
        state.assume_buckets(&trees);
        Ok(Ground { trees, state })
    }

    /// Builds the chosen targets, and makes something of each.
    fn each<T: Send + Sync>(
        &self,
        setup: &Setup,
        session: &Session<'_>,
        platform: Option<&Platform>,
        make: impl Fn(&Target<'_>, &Built) -> T + Sync,
    ) -> Result<Vec<T>, Box<Diagnostic>> {
        let Targets { chosen, .. } = targets(&self.targets, session, platform)?;
        let chosen: Vec<&Target<'_>> = chosen.iter().collect();
        let made = build_each(&chosen, setup, session, !self.setup.is_quiet(), |target, built| {
            built.map(|built| make(target, &built))
        });
        let made = made
            .into_iter()
            .map(|made| made.map_err(|error| Box::new(error.into())));
        made.collect()
    }
}
