//! Which configuration answers a client, by the name that it asks for.

use super::server_side::ServerSide;
use crate::proto::Endpoint;
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

impl ServerSide {
    /// What was added last comes first, as in node:tls. An application that is asked for names has them all, as there.
    pub(super) fn config_for(&self, name: Option<&str>) -> &Arc<ServerConfig> {
        let named = name
            .filter(|_| !self.asks.for_configs)
            .and_then(|name| self.contexts.iter().rev().find(|(pattern, _)| pattern.matches(name)));
        named.map_or(&self.config, |(_, config)| config)
    }
}

impl Endpoint {
    /// Answers clients that ask for this name from now on. A pattern that is there is replaced.
    pub(crate) fn add_context(&mut self, pattern: NamePattern, config: impl Into<Arc<ServerConfig>>) {
        if let Some(server) = &mut self.server {
            server.contexts.retain(|(other, _)| *other != pattern);
            server.contexts.push((pattern, config.into()));
        }
    }

    /// Answers all other clients from now on; connections and handshakes go on as they began.
    pub(crate) fn replace_config(&mut self, config: impl Into<Arc<ServerConfig>>) {
        if let Some(server) = &mut self.server {
            server.config = config.into();
        }
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
