//! Faults that somebody could have made in a crate's sources, one changed place each, as one line of JSON for each fault.
//!
//! `mutants-finder ROOT FILE`: FILE is the crate's root, below ROOT; the modules that are built here are read from there.

mod built;
mod expressions;
mod finder;
mod functions;
mod modules;

use finder::Mutant;
use std::io::Write;
use std::path::Path;

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [root, file] = arguments.as_slice() else {
        eprintln!("mutants-finder ROOT FILE");
        std::process::exit(2);
    };
    let mut out = std::io::stdout().lock();
    modules::read(Path::new(root), Path::new(file), &mut |file, mutant| {
        writeln!(out, "{}", json(file, &mutant)).expect("standard output");
    });
}

fn json(file: &str, mutant: &Mutant) -> String {
    let Mutant { range, name, switch, replacement } = mutant;
    let switch = match switch {
        None => String::from("null"),
        Some((before, after)) => format!("[{},{}]", quoted(before), quoted(after)),
    };
    format!(
        "{{\"file\":{},\"name\":{},\"start\":{},\"end\":{},\"switch\":{switch},\"replacement\":{}}}",
        quoted(file),
        quoted(name),
        range.start,
        range.end,
        quoted(replacement)
    )
}

fn quoted(text: &str) -> String {
    let mut quoted = String::from('"');
    for character in text.chars() {
        match character {
            '"' | '\\' => quoted.extend(['\\', character]),
            '\n' => quoted.push_str("\\n"),
            control if control < ' ' => quoted.push_str(&format!("\\u{:04x}", u32::from(control))),
            _ => quoted.push(character),
        }
    }
    quoted + "\""
}
