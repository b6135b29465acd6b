//! An association leaves for another process, and comes in from one: see [`Saved`].

use super::association::{Association, Stage};
use super::config::{ClientConfig, ServerConfig};
use super::flight::Pace;
use super::link::Link;
use super::open::Open;
use super::saved::{Saved, SavedLink, name};
use super::suite::algorithm;
use crate::tls::bound::Bound;
use crate::tls::saved::{AssociationName, Unrestorable};
use std::sync::Arc;

impl Association {
    /// What it needs to go on elsewhere; `None` while something is under way.
    pub(crate) fn leave(&self) -> Option<Saved> {
        self.with(self.link.save()?)
    }

    /// A copy for a store; `None` while there cannot be one yet. Once there is one, the store decides which numbers are ours.
    pub(crate) fn reserve(&mut self) -> Option<Saved> {
        let Stage::Open(_) = &self.stage else { return None };
        let link = self.link.reserve()?;
        self.with(link)
    }

    fn with(&self, link: SavedLink) -> Option<Saved> {
        let Stage::Open(open) = &self.stage else { return None };
        let (is_client, exporter) = (open.is_client, open.exporter.clone());
        let (suite, owes_update) = (open.suite, open.owes_update());
        Some(Saved { suite, is_client, client_random: self.client_random, exporter, owes_update, link })
    }

    /// How far our numbers reach by what the store has; `None` where there are no copies.
    pub(crate) fn bound(&self) -> Option<Bound> {
        self.link.bound()
    }

    /// The store has this copy now, as that of the same owner.
    pub(crate) fn confirm(&mut self, bound: Bound) {
        self.link.confirm(bound);
    }

    /// Whether a copy is due, once.
    pub(crate) fn take_copy_due(&mut self) -> bool {
        self.link.take_copy_due()
    }

    /// Whether payloads have to wait until the store has another copy.
    pub(crate) fn lacks_numbers(&self) -> bool {
        self.link.lacks_numbers()
    }

    /// A server's side that has left elsewhere.
    pub(crate) fn arrive(config: &ServerConfig, saved: &Saved) -> Result<Association, Unrestorable> {
        match saved.is_client {
            false => Association::going_on(saved, &config.offers.pace),
            true => Err(Unrestorable::OTHER_SIDE),
        }
    }

    /// The same of a client's side.
    pub(crate) fn arrive_client(config: &ClientConfig, saved: &Saved) -> Result<Association, Unrestorable> {
        match saved.is_client {
            true => Association::going_on(saved, &config.offers.pace),
            false => Err(Unrestorable::OTHER_SIDE),
        }
    }

    fn going_on(saved: &Saved, pace: &Arc<Pace>) -> Result<Association, Unrestorable> {
        let algorithm = algorithm(saved.suite).ok_or(Unrestorable::State("its cipher suite is not of DTLS 1.3"))?;
        let link = Link::going_on(pace, algorithm, saved.link.clone(), None);
        let mut open = Open::going_on(saved.is_client, saved.suite, saved.exporter.clone());
        if saved.owes_update {
            open.owe_update();
        }
        let stage = Stage::Open(Box::new(open));
        Ok(Association { link, ..Association::new(pace, stage, saved.client_random) })
    }

    /// The name of an association whose handshake is over.
    pub(crate) fn name(&self) -> Option<AssociationName> {
        match &self.stage {
            Stage::Open(open) => Some(name(&open.exporter)),
            _ => None,
        }
    }
}
