//! How the program is linked on Linux: a build that is done in two milliseconds would spend half of them on its start.
//!
//! - At a fixed address, as Go links kustomize: it need not be moved.
//! - With the unwinder in it: `libgcc_s.so` would be loaded and asks the processor for all it can do, which is slow in a
//!   virtual machine.

use std::process::Command;

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    let target = |name: &str| std::env::var(format!("CARGO_CFG_TARGET_{name}")).unwrap_or_default();
    if target("OS") == "linux" && target("ENV") == "gnu" && target("ARCH") == "x86_64" {
        println!("cargo:rustc-link-arg-bin=terrace=-no-pie");
        if has_static_unwinder() {
            println!("cargo:rustc-link-lib=static:-bundle=gcc_eh");
        }
    }
}

/// Whether the C compiler, which links the program, has `libgcc_eh.a` beside it; it answers with a path then.
fn has_static_unwinder() -> bool {
    Command::new("cc")
        .arg("-print-file-name=libgcc_eh.a")
        .output()
        .is_ok_and(|answer| answer.stdout.contains(&b'/'))
}
