//! Links the program at a fixed address on Linux, as Go links kustomize: a program that is done in two
//! milliseconds spends a quarter of them on moving itself otherwise.

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    let target = |name: &str| std::env::var(format!("CARGO_CFG_TARGET_{name}")).unwrap_or_default();
    if target("OS") == "linux" && target("ENV") == "gnu" && target("ARCH") == "x86_64" {
        println!("cargo:rustc-link-arg-bin=terrace=-no-pie");
    }
}
