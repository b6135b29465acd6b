//! Builds nothing of Mbed TLS (its crate does, through `mbedtls-overlay`): proves its layout, and keeps cargo from
//! building it anew each time.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

fn main() {
    napi_build::setup();
    keep_symbols_to_ourselves();
    let include = env_path("DEP_MBEDTLS_INCLUDE");
    write_layout_assertions(&include);
    place_watched_headers(&include);
}

/// Our calls of our own functions stay ours. Node 26 has an Mbed TLS of its own within, another version, and exports its
/// functions: ELF would bind ours of the same name to them.
fn keep_symbols_to_ourselves() {
    if std::env::var("CARGO_CFG_TARGET_OS").is_ok_and(|os| os == "linux") {
        println!("cargo:rustc-cdylib-link-arg=-Wl,-Bsymbolic");
    }
}

fn env_path(name: &str) -> PathBuf {
    std::env::var_os(name).map(PathBuf::from).unwrap_or_else(|| panic!("cargo did not set {name}"))
}

/// Compiles `layout.c` and turns the facts in its object file into Rust assertions.
fn write_layout_assertions(include: &Path) {
    println!("cargo:rerun-if-changed=src/tls/mbed/ffi/layout.c");
    println!("cargo:rerun-if-changed=src/tls/mbed/ffi/layout.h");
    let config = format!("\"{}\"", env_path("DEP_MBEDTLS_CONFIG_H").display());
    let objects = cc::Build::new()
        .file("src/tls/mbed/ffi/layout.c")
        .include(include)
        .define("MBEDTLS_CONFIG_FILE", config.as_str())
        .compile_intermediates();
    let object =
        objects.iter().flat_map(|path| fs::read(path).expect("the compiler's object file")).collect::<Vec<_>>();

    let mut assertions = String::new();
    for line in include_str!("src/tls/mbed/ffi/layout.h").lines() {
        let Some((kind, arguments)) = line.strip_suffix(')').and_then(|line| line.split_once('(')) else {
            continue;
        };
        let assertion = match (kind, arguments.split_once(", ")) {
            ("SIZE", None) => format!("size_of::<sys::{arguments}>() == {}", fact(&object, arguments)),
            ("FIELD", Some((name, field))) => {
                format!("std::mem::offset_of!(sys::{name}, {field}) == {}", fact(&object, &format!("{name}__{field}")))
            }
            _ => panic!("layout.h: not understood: {line}"),
        };
        assertions += &format!("const _: () = assert!({assertion}, {line:?});\n");
    }
    fs::write(env_path("OUT_DIR").join("layout.rs"), assertions).expect("OUT_DIR is writable");
}

/// The number that `FACT(name, n)` of layout.c left in the object file.
fn fact(object: &[u8], name: &str) -> usize {
    const TAG: &[u8] = b"LAYOUT::";
    const DIGITS: usize = 5;
    let suffix = format!("{name}\0");
    object
        .windows(TAG.len() + DIGITS + suffix.len())
        .find(|window| window.starts_with(TAG) && window.ends_with(suffix.as_bytes()))
        .and_then(|window| std::str::from_utf8(&window[TAG.len()..TAG.len() + DIGITS]).ok()?.parse().ok())
        .unwrap_or_else(|| panic!("layout.c says nothing about {name}"))
}

/// Mbed TLS's crate watches headers that the overlay does not have, and a missing file makes cargo build it again
/// every time. Empty files with an old date (out of git's sight) cure that.
fn place_watched_headers(include: &Path) {
    let watched = Path::new("mbedtls-overlay/include/mbedtls");
    // A read-only source tree costs time, not correctness.
    let _ = fs::create_dir_all(watched);
    for header in fs::read_dir(include.join("mbedtls")).into_iter().flatten().flatten() {
        let placeholder = watched.join(header.file_name());
        if !placeholder.exists()
            && let Ok(file) = File::create(placeholder)
        {
            let _ = file.set_modified(SystemTime::UNIX_EPOCH + std::time::Duration::from_secs(1_000_000_000));
        }
    }
}
