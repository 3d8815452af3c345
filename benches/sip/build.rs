//! Builds the shim over sofia-sip's parser, where sofia-sip is installed. Without it, the other peers are measured.

fn main() {
    println!("cargo::rustc-check-cfg=cfg(sofia)");
    println!("cargo::rerun-if-changed=c/sofia.c");
    println!("cargo::rerun-if-changed=build.rs");
    let Ok(library) = pkg_config::Config::new().probe("sofia-sip-ua") else {
        println!("cargo::warning=sofia-sip is not installed (Debian: libsofia-sip-ua-dev); it is not measured");
        return;
    };
    cc::Build::new()
        .file("c/sofia.c")
        .includes(&library.include_paths)
        .opt_level(2)
        .compile("sofia_shim");
    println!("cargo::rustc-cfg=sofia");
}
