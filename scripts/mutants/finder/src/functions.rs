//! Faults of whole functions and statements: a body that does nothing, a statement that is missing.

use crate::finder::{Finder, Switch, range_of, shown};
use syn::{Block, Expr, GenericArgument, PathArguments, ReturnType, Signature, Stmt, Type};

/// The function returns at once, with a value that every type of its kind has.
pub fn add_values(finder: &mut Finder<'_>, signature: &Signature, block: &Block) {
    if block.stmts.is_empty() || finder.is_constant() {
        return;
    }
    let values = match &signature.output {
        ReturnType::Default => vec!["()"],
        ReturnType::Type(_, of) => values_of(of),
    };
    let start = range_of(block).start + 1;
    for value in values {
        finder.add_inserted(start, &format!("return `{value}`"), format!(" if FAULT {{ return {value}; }}"));
    }
}

fn values_of(of: &Type) -> Vec<&'static str> {
    match of {
        Type::Tuple(tuple) if tuple.elems.is_empty() => vec!["()"],
        Type::Reference(reference) => match &*reference.elem {
            Type::Path(path) if path.path.is_ident("str") && reference.mutability.is_none() => vec!["\"\""],
            Type::Slice(_) if reference.mutability.is_none() => vec!["&[]"],
            _ => vec![],
        },
        Type::Path(path) => {
            let Some(segment) = path.path.segments.last() else { return vec![] };
            match segment.ident.to_string().as_str() {
                "bool" => vec!["true", "false"],
                "u8" | "u16" | "u32" | "u64" | "u128" | "usize" | "i32" | "c_int" => vec!["0", "1"],
                "Option" => vec!["None"],
                "Vec" => vec!["Vec::new()"],
                "String" => vec!["String::new()"],
                "Duration" => vec!["std::time::Duration::ZERO"],
                "Result" => match &segment.arguments {
                    PathArguments::AngleBracketed(arguments) => match arguments.args.first() {
                        Some(GenericArgument::Type(of)) => results_of(of),
                        _ => vec![],
                    },
                    _ => vec![],
                },
                _ => vec![],
            }
        }
        _ => vec![],
    }
}

fn results_of(of: &Type) -> Vec<&'static str> {
    match of {
        Type::Tuple(tuple) if tuple.elems.is_empty() => vec!["Ok(())"],
        Type::Path(path) => match path.path.segments.last().map(|segment| segment.ident.to_string()).as_deref() {
            Some("bool") => vec!["Ok(true)", "Ok(false)"],
            Some("Option") => vec!["Ok(None)"],
            Some("Vec") => vec!["Ok(Vec::new())"],
            Some("usize") => vec!["Ok(0)"],
            _ => vec![],
        },
        _ => vec![],
    }
}

/// A call or an assignment that nobody waits for is missing.
pub fn add_deletion(finder: &mut Finder<'_>, statement: &Stmt) {
    let Stmt::Expr(expression, Some(_)) = statement else { return };
    if !does_something(expression) {
        return;
    }
    let range = range_of(statement);
    let what = format!("delete `{}`", shown(finder.text(range.clone())));
    finder.add(range, &what, String::new(), Switch::Around("if !FAULT { ", " }"));
}

fn does_something(expression: &Expr) -> bool {
    match expression {
        Expr::Call(_) | Expr::MethodCall(_) | Expr::Assign(_) => true,
        Expr::Binary(binary) => crate::expressions::assigns(&binary.op),
        Expr::Try(inner) => does_something(&inner.expr),
        Expr::Unsafe(_) => true,
        _ => false,
    }
}
