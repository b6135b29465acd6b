//! In place of the engine for DTLS 1.3, where AWS-LC does not build: a configuration that asks for it is refused, so that nothing
//! else of it ever exists.

use super::addition::Addition;
use super::algorithms::Algorithms;
use super::bound::Bound;
use super::claim::Claim;
use super::config::{PeerAuthentication, Settings};
use super::config_error::ConfigError;
use super::connection_ids::ConnectionIds;
use super::context::Reaction;
use super::error::{Error, ExportError};
use super::finished::Finished;
use super::key_log::KeyLog;
use super::outbox::Outbox;
use super::own_credential::OwnCredential;
use super::progress::Progress;
use super::psk::ClientPsk;
use super::question::{Answer, Asks, Question};
use super::saved::{AssociationName, SessionId, Unrestorable};
use super::session::Scope;
use super::session_policy::SessionPolicy;
use super::suites::Suite;
use super::versions;
use super::wall_clock::WallClock;
use crate::wire::hello13::Offer;
use crate::wire::{ConnectionId, Record, RoutabilityCheck};
use std::sync::Arc;
use std::time::{Duration, Instant};
use zeroize::Zeroizing;

/// Whether the version is spoken at all.
pub(crate) const IS_BUILT: bool = false;

pub(crate) enum ServerConfig {}

pub(crate) enum ClientConfig {}

pub(crate) enum Association {}

pub(crate) enum Context {}

pub(crate) enum Retry {}

#[derive(Clone)]
pub(crate) enum Saved {}

/// Nothing is left out: it is refused.
pub(crate) fn has_group(_: &[u16]) -> bool {
    true
}

impl ServerConfig {
    pub(crate) fn new(
        _: &Settings,
        _: Option<&[u16]>,
        _: bool,
        _: Vec<OwnCredential>,
        _: Option<&PeerAuthentication>,
        _: Scope,
    ) -> Result<ServerConfig, ConfigError> {
        Err(ConfigError::NoDtls13)
    }

    pub(crate) fn can_prove(&self) -> bool {
        match *self {}
    }

    pub(crate) fn suites(&self) -> &[Suite] {
        match *self {}
    }
}

impl ClientConfig {
    pub(crate) fn new(
        _: &Settings,
        _: Option<&[u16]>,
        _: Option<ClientPsk>,
        _: bool,
        _: Option<&PeerAuthentication>,
        _: Vec<OwnCredential>,
        _: Scope,
    ) -> Result<ClientConfig, ConfigError> {
        Err(ConfigError::NoDtls13)
    }

    pub(crate) fn suites(&self) -> &[Suite] {
        match *self {}
    }

    pub(crate) fn send_name(&mut self, _: &str) {
        match *self {}
    }

    pub(crate) fn resume(&mut self, _: WallClock, _: Option<&[u8]>) {
        match *self {}
    }
}

impl Retry {
    pub(crate) fn decide(config: &ServerConfig, _: &[u16], _: &Offer<'_>, _: &[u16], _: &[u8]) -> Option<Retry> {
        match *config {}
    }

    pub(crate) fn write(&self) -> Vec<u8> {
        match *self {}
    }

    pub(crate) fn request(&self, _: [u8; 8], _: &[u8]) -> Option<Vec<u8>> {
        match *self {}
    }
}

impl Saved {
    pub(crate) fn suite(&self) -> Suite {
        match *self {}
    }

    pub(crate) fn association(&self) -> AssociationName {
        match *self {}
    }

    pub(crate) fn connection_ids(&self) -> Option<&ConnectionIds> {
        match *self {}
    }

    pub(crate) fn bound(&self) -> Option<Bound> {
        match *self {}
    }

    pub(crate) fn succeed(&self) -> Result<Saved, Unrestorable> {
        match *self {}
    }

    pub(crate) fn write_to(&self, _: &mut Vec<u8>) {
        match *self {}
    }

    pub(crate) fn read(_: &[u8]) -> Option<Saved> {
        None
    }
}

impl Association {
    pub(crate) fn leave(&self) -> Option<Saved> {
        match *self {}
    }

    pub(crate) fn reserve(&mut self) -> Option<Saved> {
        match *self {}
    }

    pub(crate) fn bound(&self) -> Option<Bound> {
        match *self {}
    }

    pub(crate) fn confirm(&mut self, _: Bound) {
        match *self {}
    }

    pub(crate) fn arrive(config: &ServerConfig, _: &Saved) -> Result<Association, Unrestorable> {
        match *config {}
    }

    pub(crate) fn arrive_client(config: &ClientConfig, _: &Saved) -> Result<Association, Unrestorable> {
        match *config {}
    }

    pub(crate) fn name(&self) -> Option<AssociationName> {
        match *self {}
    }

    pub(crate) fn server(
        _: &Arc<versions::ServerConfig>,
        own: &ServerConfig,
        _: Asks,
        _: SessionPolicy,
        _: Option<ConnectionId>,
    ) -> Association {
        match *own {}
    }

    pub(crate) fn client(config: &Arc<ClientConfig>, _: Option<ConnectionId>) -> Result<Association, Error> {
        match **config {}
    }

    pub(crate) fn begin_beside(&mut self, _: Instant) -> Result<Option<Question>, Error> {
        match *self {}
    }

    pub(crate) fn can_go_on_with(&self, _: &Answer<'_>) -> bool {
        match *self {}
    }

    pub(crate) fn answer_beside(&mut self, _: Instant, _: Answer<'_>) -> Result<(), Error> {
        match *self {}
    }

    pub(crate) fn addition(&mut self) -> Result<Addition, Error> {
        match *self {}
    }

    pub(crate) fn greeted(&mut self, _: &[u8]) -> Result<(), Error> {
        match *self {}
    }

    pub(crate) fn go_on_from(&mut self, _: u64) {
        match *self {}
    }

    pub(crate) fn deadline(&self) -> Option<Instant> {
        match *self {}
    }

    pub(crate) fn handle_record(
        &mut self,
        _: Instant,
        _: &Record<'_>,
        _: &mut [u8],
        _: &mut Outbox,
    ) -> Result<Reaction, Error> {
        match *self {}
    }

    pub(crate) fn messages_written(&self) -> u32 {
        match *self {}
    }

    pub(crate) fn steps_taken(&self) -> u32 {
        match *self {}
    }

    pub(crate) fn handle_timeout(&mut self, _: Instant, _: &mut Outbox) -> Result<Progress, Error> {
        match *self {}
    }

    pub(crate) fn handle_answer(&mut self, _: Instant, _: Answer<'_>, _: &mut Outbox) -> Result<Progress, Error> {
        match *self {}
    }

    pub(crate) fn claim(&self) -> Option<Claim> {
        match *self {}
    }

    pub(crate) fn cancel_handshake(&mut self, _: &mut Outbox) {
        match *self {}
    }

    pub(crate) fn send_fatal_alert(&mut self, _: u8, _: &mut Outbox) {
        match *self {}
    }

    pub(crate) fn write(&mut self, _: Instant, _: &[u8], _: &mut Outbox) -> Result<(), Error> {
        match *self {}
    }

    pub(crate) fn send_check(&mut self, _: RoutabilityCheck, _: &mut Outbox) -> Result<(), Error> {
        match *self {}
    }

    pub(crate) fn connection_ids(&self) -> Option<ConnectionIds> {
        match *self {}
    }

    pub(crate) fn newest_heard(&self) -> Option<u64> {
        match *self {}
    }

    pub(crate) fn payload_limit(&self) -> usize {
        match *self {}
    }

    pub(crate) fn close_notify(&mut self, _: &mut Outbox) {
        match *self {}
    }

    pub(crate) fn session_id(&self) -> Option<SessionId> {
        match *self {}
    }

    pub(crate) fn algorithms(&self) -> Option<Algorithms> {
        match *self {}
    }

    pub(crate) fn pause(&mut self, _: bool) {
        match *self {}
    }

    pub(crate) fn compute(&mut self, _: Instant, _: &mut Outbox) -> Result<Progress, Error> {
        match *self {}
    }

    pub(crate) fn delay(&mut self, _: Duration) {
        match *self {}
    }

    pub(crate) fn client_random(&self) -> Option<[u8; 32]> {
        match *self {}
    }

    pub(crate) fn finished(&self) -> Option<Finished> {
        match *self {}
    }

    pub(crate) fn export(&self, _: &[u8], _: Option<&[u8]>, _: usize) -> Result<Zeroizing<Vec<u8>>, ExportError> {
        match *self {}
    }

    pub(crate) fn take_key_log(&mut self) -> Option<KeyLog> {
        match *self {}
    }
}

impl Context {
    pub(crate) fn new(association: impl Into<Box<Association>>) -> Context {
        match *association.into() {}
    }

    pub(crate) fn at_rest(association: Association) -> Context {
        match association {}
    }

    pub(crate) fn ask<Answer>(&self, _: impl FnOnce(&Association) -> Answer) -> Answer {
        match *self {}
    }

    pub(crate) fn awake(&mut self) -> &mut Association {
        match *self {}
    }

    pub(crate) fn disturb<Answer>(&mut self, _: impl FnOnce(&mut Association) -> Answer) -> Answer {
        match *self {}
    }

    pub(crate) fn take_copy_due(&mut self) -> bool {
        match *self {}
    }

    pub(crate) fn lacks_numbers(&self) -> bool {
        match *self {}
    }

    pub(crate) fn deadline(&self) -> Option<Instant> {
        match *self {}
    }

    pub(crate) fn expects(&self, _: &Record<'_>) -> bool {
        match *self {}
    }

    pub(crate) fn hears_while_asking(&self, _: &Record<'_>) -> bool {
        match *self {}
    }

    pub(crate) fn handle_record(
        &mut self,
        _: Instant,
        _: &Record<'_>,
        _: &mut [u8],
        _: &mut Outbox,
    ) -> Result<Reaction, Error> {
        match *self {}
    }

    pub(crate) fn handle_timeout(&mut self, _: Instant, _: &mut Outbox) -> Result<Progress, Error> {
        match *self {}
    }

    pub(crate) fn own_id(&self) -> &[u8] {
        match *self {}
    }

    pub(crate) fn own_certificate(&self) -> Option<&[u8]> {
        match *self {}
    }

    pub(crate) fn is_asleep(&self) -> bool {
        match *self {}
    }

    pub(crate) fn hibernate(&mut self) {
        match *self {}
    }
}
