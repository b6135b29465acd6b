//! An association leaves for another process, and comes in from one: see [`Saved`].

use super::association::{Association, Stage};
use super::config::{ClientConfig, ServerConfig};
use super::flight::Pace;
use super::link::Link;
use super::open::Open;
use super::saved::{Saved, name};
use super::suite::algorithm;
use crate::tls::saved::{AssociationName, Unrestorable};
use std::sync::Arc;

const OTHER_SIDE: Unrestorable = Unrestorable::State("it is the state of the other side");

impl Association {
    /// What it needs to go on elsewhere; `None` while something is under way.
    pub(crate) fn leave(&self) -> Option<Saved> {
        let Stage::Open(open) = &self.stage else { return None };
        let (is_client, exporter) = (open.is_client(), open.exporter().clone());
        let link = self.link.save()?;
        Some(Saved { suite: open.suite(), is_client, client_random: self.client_random, exporter, link })
    }

    /// A server's side that has left elsewhere.
    pub(crate) fn arrive(config: &ServerConfig, saved: &Saved) -> Result<Association, Unrestorable> {
        match saved.is_client {
            false => Association::going_on(saved, &config.offers.pace),
            true => Err(OTHER_SIDE),
        }
    }

    /// The same of a client's side.
    pub(crate) fn arrive_client(config: &ClientConfig, saved: &Saved) -> Result<Association, Unrestorable> {
        match saved.is_client {
            true => Association::going_on(saved, &config.offers.pace),
            false => Err(OTHER_SIDE),
        }
    }

    fn going_on(saved: &Saved, pace: &Arc<Pace>) -> Result<Association, Unrestorable> {
        let algorithm = algorithm(saved.suite).ok_or(Unrestorable::State("its cipher suite is not of DTLS 1.3"))?;
        let link = Link::going_on(pace, algorithm, saved.link.clone(), None);
        let open = Open::going_on(saved.is_client, saved.suite, saved.exporter.clone());
        let stage = Stage::Open(Box::new(open));
        Ok(Association { link, ..Association::new(pace, stage, saved.client_random) })
    }

    /// The name of an association whose handshake is over.
    pub(crate) fn name(&self) -> Option<AssociationName> {
        match &self.stage {
            Stage::Open(open) => Some(name(open.exporter())),
            _ => None,
        }
    }
}
