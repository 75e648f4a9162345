//! Built again when the pages were.

fn main() {
    println!("cargo::rerun-if-changed=site");
}
