//! What `#[cfg(...)]` leaves of the sources: what is built into the product here.

use syn::punctuated::Punctuated;
use syn::{Attribute, Expr, ExprLit, Lit, Meta, Token};

/// Whether an item with these attributes is part of the product. Tests and fuzzing are none.
pub fn is_built(attributes: &[Attribute]) -> bool {
    attributes.iter().filter(|attribute| attribute.path().is_ident("cfg")).all(|attribute| {
        let condition: Meta = attribute.parse_args().expect("a condition");
        holds(&condition)
    })
}

fn holds(condition: &Meta) -> bool {
    match condition {
        Meta::Path(path) => path.is_ident("unix") || path.is_ident("debug_assertions"),
        Meta::List(list) => {
            let parts = list.parse_args_with(Punctuated::<Meta, Token![,]>::parse_terminated).expect("conditions");
            let mut held = parts.iter().map(holds);
            if list.path.is_ident("any") {
                held.any(|holds| holds)
            } else if list.path.is_ident("not") {
                !held.any(|holds| holds)
            } else {
                held.all(|holds| holds)
            }
        }
        Meta::NameValue(pair) => {
            let Expr::Lit(ExprLit { lit: Lit::Str(value), .. }) = &pair.value else { return false };
            let value = value.value();
            let name = pair.path.require_ident().map(ToString::to_string).unwrap_or_default();
            match name.as_str() {
                "feature" => value == "aws-lc",
                "target_os" => value == std::env::consts::OS,
                "target_arch" => value == std::env::consts::ARCH,
                "target_family" => value == std::env::consts::FAMILY,
                "target_pointer_width" => value == usize::BITS.to_string(),
                "target_endian" => value == "little",
                _ => false,
            }
        }
    }
}
