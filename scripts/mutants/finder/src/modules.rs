//! From a crate's root to the files of all its modules that are built.

use crate::built::is_built;
use crate::finder::{Finder, Mutant};
use std::fs;
use std::path::{Path, PathBuf};
use syn::{Expr, ExprLit, Item, ItemMod, Lit, Meta};

/// Reads a file and the modules that it declares; `file` is below `root`.
pub fn read(root: &Path, file: &Path, found: &mut dyn FnMut(&str, Mutant)) {
    let source = fs::read_to_string(root.join(file)).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
    let tree = syn::parse_file(&source).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
    let name = file.to_str().expect("a file's name in UTF-8").replace('\\', "/");
    for mutant in Finder::mutants_of(&source, &tree) {
        found(&name, mutant);
    }
    for item in &tree.items {
        if let Item::Mod(module) = item
            && module.content.is_none()
            && is_built(&module.attrs)
        {
            read(root, &file_of(root, file, module), found);
        }
    }
}

fn file_of(root: &Path, parent: &Path, module: &ItemMod) -> PathBuf {
    let directory = parent.parent().expect("a file is in a directory");
    if let Some(path) = path_of(module) {
        return directory.join(path);
    }
    let stem = parent.file_stem().and_then(|stem| stem.to_str()).unwrap_or_default();
    let home = if ["lib", "main", "mod"].contains(&stem) { directory.to_owned() } else { directory.join(stem) };
    let name = module.ident.to_string();
    let file = home.join(format!("{name}.rs"));
    if root.join(&file).exists() { file } else { home.join(name).join("mod.rs") }
}

fn path_of(module: &ItemMod) -> Option<String> {
    module.attrs.iter().find(|attribute| attribute.path().is_ident("path")).and_then(|attribute| {
        let Meta::NameValue(pair) = &attribute.meta else { return None };
        let Expr::Lit(ExprLit { lit: Lit::Str(path), .. }) = &pair.value else { return None };
        Some(path.value())
    })
}
