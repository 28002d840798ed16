//! `terrace completions SHELL`: the script that lets a shell complete this command line.

use clap::{Args, CommandFactory};
use clap_complete::{Shell, generate};

use crate::args::Cli;
use crate::exit::Exit;
use crate::output;

/// Print the completion script of a shell.
#[derive(Args, Debug)]
#[command(after_help = "Examples:\n  \
    # bash\n  terrace completions bash > ~/.local/share/bash-completion/completions/terrace\n\n  \
    # zsh, in a directory of $fpath\n  terrace completions zsh > ~/.zfunc/_terrace\n\n  \
    # fish\n  terrace completions fish > ~/.config/fish/completions/terrace.fish\n")]
pub(crate) struct CompletionsArgs {
    /// The shell.
    #[arg(value_enum)]
    shell: Shell,
}

pub(crate) fn run(args: &CompletionsArgs) -> Exit {
    print_for::<Cli>("terrace", args)
}

/// Prints the script for a command line under a name.
pub(crate) fn print_for<C: CommandFactory>(name: &str, args: &CompletionsArgs) -> Exit {
    let mut script = Vec::new();
    generate(args.shell, &mut C::command(), name, &mut script);
    match output::print(&[&script]) {
        Ok(()) => Exit::Done,
        Err(_) => Exit::WrongInput,
    }
}
