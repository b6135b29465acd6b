//! Faults of expressions: another operator, a condition that always holds, a number that is one more.

use crate::finder::{Finder, Switch, range_of, shown};
use std::ops::Range;
use syn::{Arm, Attribute, BinOp, Expr, ExprBinary, ExprMethodCall, Lit, Pat, UnOp};

pub fn add(finder: &mut Finder<'_>, expression: &Expr) {
    match expression {
        Expr::Binary(binary) => add_operators(finder, binary),
        Expr::Unary(unary) if matches!(unary.op, UnOp::Not(_) | UnOp::Neg(_)) => {
            let range = range_of(unary);
            let what = format!("delete `{}`", finder.text(range_of(&unary.op)));
            let replacement = finder.text(range_of(&unary.expr)).to_owned();
            finder.add(range, &what, replacement, Switch::Either);
        }
        Expr::If(conditional) => add_conditions(finder, &conditional.cond, true),
        Expr::While(conditional) => add_conditions(finder, &conditional.cond, false),
        Expr::Match(choice) => add_arms(finder, &choice.arms),
        Expr::MethodCall(call) => add_methods(finder, call),
        Expr::Lit(literal) => add_literals(finder, &literal.lit),
        _ => {}
    }
}

/// What may stand there instead of an operator.
fn others(operator: &BinOp) -> &'static [&'static str] {
    match operator {
        BinOp::Eq(_) => &["!="],
        BinOp::Ne(_) => &["=="],
        BinOp::Lt(_) => &["<=", ">="],
        BinOp::Le(_) => &["<", ">"],
        BinOp::Gt(_) => &[">=", "<="],
        BinOp::Ge(_) => &[">", "<"],
        BinOp::And(_) => &["||"],
        BinOp::Or(_) => &["&&"],
        BinOp::Add(_) => &["-"],
        BinOp::Sub(_) => &["+"],
        BinOp::Mul(_) => &["/"],
        BinOp::Div(_) | BinOp::Rem(_) => &["*"],
        BinOp::BitAnd(_) => &["|"],
        BinOp::BitOr(_) | BinOp::BitXor(_) => &["&"],
        BinOp::Shl(_) => &[">>"],
        BinOp::Shr(_) => &["<<"],
        BinOp::AddAssign(_) => &["-="],
        BinOp::SubAssign(_) => &["+="],
        BinOp::BitAndAssign(_) => &["|="],
        BinOp::BitOrAssign(_) | BinOp::BitXorAssign(_) => &["&="],
        BinOp::ShlAssign(_) => &[">>="],
        BinOp::ShrAssign(_) => &["<<="],
        _ => &[],
    }
}

pub fn assigns(operator: &BinOp) -> bool {
    matches!(
        operator,
        BinOp::AddAssign(_)
            | BinOp::SubAssign(_)
            | BinOp::MulAssign(_)
            | BinOp::DivAssign(_)
            | BinOp::RemAssign(_)
            | BinOp::BitXorAssign(_)
            | BinOp::BitAndAssign(_)
            | BinOp::BitOrAssign(_)
            | BinOp::ShlAssign(_)
            | BinOp::ShrAssign(_)
    )
}

fn add_operators(finder: &mut Finder<'_>, binary: &ExprBinary) {
    // A pattern that is bound on the way can be no operand of anything else.
    if has_let(&binary.left) || has_let(&binary.right) {
        return;
    }
    let operator = range_of(&binary.op);
    for other in others(&binary.op) {
        replace(finder, range_of(binary), operator.clone(), other);
    }
}

/// Another word in the middle of an expression.
fn replace(finder: &mut Finder<'_>, whole: Range<usize>, word: Range<usize>, other: &str) {
    let before = finder.text(whole.start..word.start);
    let after = finder.text(word.end..whole.end);
    let what = format!("replace `{}` with `{other}` in `{}`", finder.text(word), shown(finder.text(whole.clone())));
    finder.add(whole, &what, format!("{before}{other}{after}"), Switch::Either);
}

fn has_let(expression: &Expr) -> bool {
    match expression {
        Expr::Let(_) => true,
        Expr::Binary(binary) => has_let(&binary.left) || has_let(&binary.right),
        _ => false,
    }
}

/// A condition never holds, or always, where that ends.
fn add_conditions(finder: &mut Finder<'_>, condition: &Expr, may_hold: bool) {
    let range = range_of(condition);
    let text = shown(finder.text(range.clone()));
    let never = format!("replace `{text}` with `false`");
    if has_let(condition) {
        finder.add(range, &never, String::from("false"), Switch::Around("!FAULT && ", ""));
        return;
    }
    finder.add(range.clone(), &never, String::from("false"), Switch::Around("!FAULT && (", ")"));
    if may_hold {
        let always = format!("replace `{text}` with `true`");
        finder.add(range, &always, String::from("true"), Switch::Around("FAULT || (", ")"));
    }
}

/// An arm of a match is missing, where one behind it takes everything, or its guard never holds, or always.
fn add_arms(finder: &mut Finder<'_>, arms: &[Arm]) {
    if finder.is_constant() {
        return;
    }
    for (index, arm) in arms.iter().enumerate() {
        if let Some((_, guard)) = &arm.guard {
            add_conditions(finder, guard, true);
        } else if arms[index + 1..].iter().any(takes_all) {
            let pattern = range_of(&arm.pat);
            let what = format!("delete the arm `{}`", shown(finder.text(pattern.clone())));
            finder.add_inserted(pattern.end, &what, String::from(" if !FAULT"));
        }
    }
}

fn takes_all(arm: &Arm) -> bool {
    arm.guard.is_none()
        && matches!(&arm.pat, Pat::Wild(_) | Pat::Ident(_))
        && match &arm.pat {
            // A name in capitals is a constant.
            Pat::Ident(name) => name.subpat.is_none() && name.ident.to_string().starts_with(char::is_lowercase),
            _ => true,
        }
}

fn add_methods(finder: &mut Finder<'_>, call: &ExprMethodCall) {
    let other = match call.method.to_string().as_str() {
        "min" => "max",
        "max" => "min",
        "any" => "all",
        "all" => "any",
        "is_some" => "is_none",
        "is_none" => "is_some",
        "is_ok" => "is_err",
        "is_err" => "is_ok",
        "first" => "last",
        "last" => "first",
        _ => return,
    };
    replace(finder, range_of(call), range_of(&call.method), other);
}

fn add_literals(finder: &mut Finder<'_>, literal: &Lit) {
    let other = match literal {
        Lit::Bool(value) => (!value.value).to_string(),
        Lit::Int(number) => match number.base10_parse::<u128>() {
            Ok(value) => format!("{}{}", value + 1, number.suffix()),
            Err(_) => return,
        },
        _ => return,
    };
    let range = range_of(literal);
    let what = format!("replace `{}` with `{other}`", finder.text(range.clone()));
    finder.add(range, &what, other, Switch::Either);
}

pub fn attributes_of(expression: &Expr) -> &[Attribute] {
    match expression {
        Expr::Assign(inner) => &inner.attrs,
        Expr::Binary(inner) => &inner.attrs,
        Expr::Block(inner) => &inner.attrs,
        Expr::Call(inner) => &inner.attrs,
        Expr::If(inner) => &inner.attrs,
        Expr::Macro(inner) => &inner.attrs,
        Expr::Match(inner) => &inner.attrs,
        Expr::MethodCall(inner) => &inner.attrs,
        Expr::Return(inner) => &inner.attrs,
        Expr::Unsafe(inner) => &inner.attrs,
        _ => &[],
    }
}
