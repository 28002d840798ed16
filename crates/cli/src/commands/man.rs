//! `terrace man DIR`: the manual pages, one for each command.

use std::path::{Path, PathBuf};

use clap::{Args, CommandFactory};
use clap_mangen::Man;

use crate::args::Cli;
use crate::diagnostic::{Diagnostic, ErrorFormat, Face, Reporter};
use crate::exit::Exit;
use crate::output::write_file;

/// Write the manual pages into a directory.
#[derive(Args, Debug)]
#[command(after_help = "Examples:\n  terrace man ~/.local/share/man/man1\n")]
pub(crate) struct ManArgs {
    /// The directory; it is made if it is not there.
    #[arg(value_name = "DIR")]
    directory: PathBuf,
}

pub(crate) fn run(args: &ManArgs) -> Exit {
    match write_pages(&args.directory) {
        Ok(()) => Exit::Done,
        Err(error) => {
            let message = format!("cannot write manual pages to \"{}\": {error}", args.directory.display());
            let reporter = Reporter {
                face: Face::Terrace,
                format: ErrorFormat::Text,
                quiet: false,
            };
            reporter.error(&Diagnostic::error(message), &yaml::Sources::new());
            Exit::WrongInput
        }
    }
}

fn write_pages(directory: &Path) -> std::io::Result<()> {
    std::fs::create_dir_all(directory)?;
    let mut root = <Cli>::command().disable_help_subcommand(true);
    root.build();
    let commands = std::iter::once(&root).chain(root.get_subcommands().filter(|command| !command.is_hide_set()));
    for command in commands {
        let mut page = Vec::new();
        let man = Man::new(command.clone()).title(command.get_display_name().unwrap_or("terrace"));
        man.render(&mut page)?;
        let name = command.get_display_name().unwrap_or("terrace");
        write_file(&directory.join(format!("{name}.1")), &page)?;
    }
    Ok(())
}
