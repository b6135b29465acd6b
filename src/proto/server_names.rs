//! Which configuration answers a client, by the name that it asks for.

use crate::tls::ServerConfig;
use std::sync::Arc;

/// A name, or `*.` and the rest of one, in lower case.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct NamePattern(String);

impl NamePattern {
    pub(crate) fn new(text: &str) -> NamePattern {
        NamePattern(text.trim_end_matches('.').to_ascii_lowercase())
    }

    /// A star stands for one label.
    fn matches(&self, name: &str) -> bool {
        match self.0.strip_prefix("*.") {
            None => self.0 == name,
            Some(rest) => name.split_once('.').is_some_and(|(label, parent)| !label.is_empty() && parent == rest),
        }
    }
}

/// Configurations by name. What was added last comes first, as in node:tls.
#[derive(Default)]
pub(super) struct ServerNames(Vec<(NamePattern, Arc<ServerConfig>)>);

impl ServerNames {
    pub(super) fn add(&mut self, pattern: NamePattern, config: Arc<ServerConfig>) {
        self.0.retain(|(other, _)| *other != pattern);
        self.0.push((pattern, config));
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(super) fn find(&self, name: &str) -> Option<&Arc<ServerConfig>> {
        self.0.iter().rev().find(|(pattern, _)| pattern.matches(name)).map(|(_, config)| config)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_star_stands_for_one_label() {
        let pattern = NamePattern::new("*.Example.test");
        for (name, matches) in
            [("a.example.test", true), ("a.b.example.test", false), ("example.test", false), (".example.test", false)]
        {
            assert_eq!(pattern.matches(name), matches, "{name}");
        }
        assert!(NamePattern::new("a.test.").matches("a.test"));
    }
}
