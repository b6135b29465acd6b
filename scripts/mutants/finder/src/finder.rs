//! The walk through one file.

use crate::built::is_built;
use crate::{expressions, functions};
use std::ops::Range;
use syn::spanned::Spanned;
use syn::visit::{self, Visit};
use syn::{Arm, Block, Expr, File, ImplItem, Item, ItemImpl, Pat, Signature, Stmt, TraitItem, Type};

pub struct Mutant {
    /// In bytes of the source.
    pub range: Range<usize>,
    pub name: String,
    /// What comes before the original and what comes after it, where FAULT is whether the fault is there. None where constants are
    /// computed: such a fault is built alone.
    pub switch: Option<(String, String)>,
    /// What stands there instead of the original when the fault is built alone.
    pub replacement: String,
}

/// How a fault is made that can be switched.
pub enum Switch {
    /// One expression or another.
    Either,
    /// These around the original.
    Around(&'static str, &'static str),
}

pub struct Finder<'a> {
    source: &'a str,
    found: Vec<Mutant>,
    /// The type of the implementation, and the function.
    type_name: Option<String>,
    function: Option<String>,
    /// The compiler computes here.
    is_constant: bool,
}

impl<'a> Finder<'a> {
    pub fn mutants_of(source: &'a str, tree: &File) -> Vec<Mutant> {
        let mut finder = Finder { source, found: Vec::new(), type_name: None, function: None, is_constant: false };
        finder.visit_file(tree);
        finder.found
    }

    pub fn text(&self, range: Range<usize>) -> &'a str {
        &self.source[range]
    }

    pub fn is_constant(&self) -> bool {
        self.is_constant
    }

    /// A fault: this text instead of what stands in the range.
    pub fn add(&mut self, range: Range<usize>, what: &str, replacement: String, switch: Switch) {
        let switch = match switch {
            _ if self.is_constant => None,
            Switch::Either => Some((format!("(if FAULT {{ {replacement} }} else {{ "), String::from(" })"))),
            Switch::Around(before, after) => Some((String::from(before), String::from(after))),
        };
        self.push(range, what, replacement, switch);
    }

    /// A fault that is switched by what comes in between.
    pub fn add_inserted(&mut self, at: usize, what: &str, text: String) {
        let replacement = text.replace("FAULT", "true");
        self.push(at..at, what, replacement, Some((text, String::new())));
    }

    fn push(&mut self, range: Range<usize>, what: &str, replacement: String, switch: Option<(String, String)>) {
        let place = [self.type_name.as_deref(), self.function.as_deref()].into_iter().flatten().collect::<Vec<_>>();
        let place = if place.is_empty() { String::new() } else { format!(" in {}", place.join("::")) };
        self.found.push(Mutant { range, name: format!("{what}{place}"), switch, replacement });
    }

    fn function(&mut self, signature: &Signature, block: &Block) {
        let outer = self.function.replace(signature.ident.to_string());
        let was_constant = std::mem::replace(&mut self.is_constant, signature.constness.is_some());
        functions::add_values(self, signature, block);
        visit::visit_block(self, block);
        self.function = outer;
        self.is_constant = was_constant;
    }

    fn constant(&mut self, expression: &Expr) {
        let was_constant = std::mem::replace(&mut self.is_constant, true);
        self.visit_expr(expression);
        self.is_constant = was_constant;
    }
}

pub fn range_of(node: &impl Spanned) -> Range<usize> {
    node.span().byte_range()
}

/// One line of it, and not a long one.
pub fn shown(text: &str) -> String {
    let line = text.split_whitespace().collect::<Vec<_>>().join(" ");
    if line.chars().count() > 60 { line.chars().take(57).collect::<String>() + "..." } else { line }
}

impl<'ast> Visit<'ast> for Finder<'_> {
    fn visit_item(&mut self, item: &'ast Item) {
        match item {
            Item::Fn(item) if is_built(&item.attrs) => self.function(&item.sig, &item.block),
            Item::Const(item) if is_built(&item.attrs) => {
                let outer = self.function.replace(item.ident.to_string());
                self.constant(&item.expr);
                self.function = outer;
            }
            Item::Static(item) if is_built(&item.attrs) => self.constant(&item.expr),
            Item::Impl(item) if is_built(&item.attrs) => self.visit_item_impl(item),
            Item::Mod(item) if is_built(&item.attrs) => visit::visit_item_mod(self, item),
            Item::Trait(item) if is_built(&item.attrs) => visit::visit_item_trait(self, item),
            // Types, imports and macros compute nothing.
            _ => {}
        }
    }

    fn visit_item_impl(&mut self, item: &'ast ItemImpl) {
        let name = match &*item.self_ty {
            Type::Path(path) => path.path.segments.last().map(|segment| segment.ident.to_string()),
            _ => None,
        };
        let outer = std::mem::replace(&mut self.type_name, name);
        visit::visit_item_impl(self, item);
        self.type_name = outer;
    }

    fn visit_impl_item(&mut self, item: &'ast ImplItem) {
        match item {
            // What is written for people who debug is nobody's behaviour.
            ImplItem::Fn(item) if is_built(&item.attrs) && item.sig.ident != "fmt" => {
                self.function(&item.sig, &item.block);
            }
            ImplItem::Const(item) if is_built(&item.attrs) => self.constant(&item.expr),
            _ => {}
        }
    }

    fn visit_trait_item(&mut self, item: &'ast TraitItem) {
        if let TraitItem::Fn(item) = item
            && let Some(block) = &item.default
        {
            self.function(&item.sig, block);
        }
    }

    fn visit_stmt(&mut self, statement: &'ast Stmt) {
        let attributes = match statement {
            Stmt::Local(local) => &local.attrs[..],
            Stmt::Expr(expression, _) => expressions::attributes_of(expression),
            _ => &[],
        };
        if !is_built(attributes) {
            return;
        }
        functions::add_deletion(self, statement);
        visit::visit_stmt(self, statement);
    }

    fn visit_expr(&mut self, expression: &'ast Expr) {
        if !is_built(expressions::attributes_of(expression)) {
            return;
        }
        expressions::add(self, expression);
        match expression {
            Expr::Repeat(repeat) => {
                self.visit_expr(&repeat.expr);
                self.constant(&repeat.len);
            }
            // Of a table of constants each number is as good as another, and each would be built alone.
            Expr::Array(_) if self.is_constant => {}
            Expr::Const(block) => {
                let was_constant = std::mem::replace(&mut self.is_constant, true);
                visit::visit_expr_const(self, block);
                self.is_constant = was_constant;
            }
            _ => visit::visit_expr(self, expression),
        }
    }

    fn visit_arm(&mut self, arm: &'ast Arm) {
        if is_built(&arm.attrs) {
            visit::visit_arm(self, arm);
        }
    }

    // A pattern has no expressions that could be switched; types, paths and macros are left as they are.
    fn visit_pat(&mut self, _: &'ast Pat) {}
    fn visit_type(&mut self, _: &'ast Type) {}
    fn visit_path(&mut self, _: &'ast syn::Path) {}
    fn visit_attribute(&mut self, _: &'ast syn::Attribute) {}
    fn visit_macro(&mut self, _: &'ast syn::Macro) {}
    fn visit_angle_bracketed_generic_arguments(&mut self, _: &'ast syn::AngleBracketedGenericArguments) {}
}
