//! One UDP address and all its connections.
//!
//! The endpoint routes, admits and applies. A datagram comes in at [`Endpoint::handle_datagram`] (`inbound.rs`), goes to the
//! connection that its address names, or to the cookie gate when it is a ClientHello (`admission.rs`, `room.rs`); what the connection
//! makes of it is a step (`steps.rs`): datagrams, an event, a question (`answers.rs`), a job (`lending.rs`), a new deadline, or
//! the end. Records that no connection at their address can read may be those of one that has moved (`moves.rs`), or lead to
//! questions about their address (`placing.rs`). What the application wishes
//! is in `requests.rs`, what it is told in `outputs.rs`. What is for another node of several is in `forwarding.rs`.

mod admission;
mod answers;
mod drops;
mod forwarding;
mod inbound;
mod leaving;
mod lending;
mod moves;
mod outputs;
mod placing;
mod reachability;
mod requests;
mod resuming;
mod room;
mod steps;

pub(crate) use drops::Dropped;
use forwarding::Nodes;
pub(crate) use leaving::{NoCopy, Traveller};
pub(crate) use outputs::Event;
pub(crate) use requests::SendError;

use super::associations::Associations;
use super::connection::{Connection, Scratch};
use super::connection_ids::ConnectionIds;
use super::cookie_gate::CookieGate;
use super::counters::{Counters, Tally};
use super::deadlines::Deadlines;
use super::doubts::{AddressValidation, Doubts};
use super::expected::ExpectedAddresses;
use super::former_addresses::FormerAddresses;
use super::gathering::Gathering;
use super::handshakes::Handshakes;
use super::jobs::{Jobs, Ticket};
use super::known_keys::KnownKeys;
use super::limits::Limits;
use super::longest_idle::LongestIdle;
use super::questions::{Asks, QuestionId, Questions};
use super::route::Route;
use super::routes::Routes;
use super::server_names::ServerNames;
use super::sessions::Sessions;
use super::table::{ConnectionHandle, Table};
use super::trace::Trace;
use super::unplaced::UnplacedRecords;
use super::unproven_hellos::UnprovenHellos;
use crate::tls::{AssociationName, Outbox, RngError, ServerConfig};
use drops::Drops;
use outputs::Outputs;
use rustc_hash::FxHashMap;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Instant;
use zeroize::Zeroizing;

/// All connections of one UDP address.
pub(crate) struct Endpoint {
    server: Option<Box<ServerSide>>,
    limits: Limits,
    connections: Table<Entry>,
    last_connection: u32,
    routes: Routes,
    ids: ConnectionIds,
    /// Nodes to which records of theirs can be forwarded.
    nodes: Nodes,
    /// Whether these receive on one UDP socket with us.
    deals_peers: bool,
    deadlines: Deadlines<ConnectionHandle>,
    questions: Questions,
    asks: Asks,
    logs_keys: bool,
    jobs: Jobs,
    /// Records from addresses without a connection.
    unplaced: UnplacedRecords,
    expected: ExpectedAddresses,
    /// Where connections were that have moved.
    former_addresses: FormerAddresses,
    validation: AddressValidation,
    /// Connections whose address nobody has proved.
    doubts: Doubts,
    /// A server's connections that are established.
    associations: Associations,
    longest_idle: LongestIdle,
    /// Sessions of a client's connections.
    own_sessions: FxHashMap<ConnectionHandle, Zeroizing<Vec<u8>>>,
    counters: Counters,
    /// Which of our addresses the datagram at hand was sent to, if the system tells. Only what takes records asks for it: a
    /// datagram, or the answer to a question for which records were held.
    asked: Option<IpAddr>,
    drops: Drops,
    outputs: Outputs,
    scratch: Scratch,
    /// What `send` lends out. Not the scratch's outbox: the next input would send it again.
    sealed: Outbox,
    /// Connections that have gone to sleep since memory was given back to the system.
    sleepers: usize,
}

/// What a server has and a client has not.
struct ServerSide {
    config: Arc<ServerConfig>,
    /// Configurations by the name that a client asks for.
    names: ServerNames,
    gate: CookieGate,
    /// Hellos in fragments whose sender has proved its address.
    gathering: Gathering,
    unproven: UnprovenHellos,
    handshakes: Handshakes,
    known_keys: Option<KnownKeys>,
    /// `None` remembers no handshake.
    sessions: Option<Sessions>,
}

/// A connection, and what only its endpoint knows of it.
struct Entry {
    connection: Connection,
    /// Where its peer is.
    remote: SocketAddr,
    /// The address of ours that it asked last: answers leave from there (RFC 1122 section 4.1.3.5).
    local: Option<IpAddr>,
    tally: Tally,
    /// The deadline under which `Endpoint::deadlines` knows it.
    scheduled: Option<Instant>,
    pending: Pending,
    /// It has come to its address by a move.
    is_guest: bool,
    /// The name under which `Endpoint::associations` knows it.
    association: Option<AssociationName>,
}

/// What an endpoint has to take back when a connection ends early.
#[derive(Clone, Copy)]
enum Pending {
    Nothing,
    Question(QuestionId),
    Job(Ticket),
}

impl Entry {
    fn route(&self) -> Route {
        Route { remote: self.remote, local: self.local }
    }
}

impl Endpoint {
    /// An endpoint that only connects.
    pub(crate) fn client(limits: Limits, trace_level: u8) -> Endpoint {
        Endpoint::new(None, limits, trace_level)
    }

    /// An endpoint that answers ClientHellos.
    pub(crate) fn server(
        now: Instant,
        config: impl Into<Arc<ServerConfig>>,
        limits: Limits,
        trace_level: u8,
    ) -> Result<Endpoint, RngError> {
        let server = Box::new(ServerSide {
            config: config.into(),
            names: ServerNames::default(),
            gate: CookieGate::new(now)?,
            gathering: Gathering::default(),
            unproven: UnprovenHellos::default(),
            handshakes: Handshakes::default(),
            known_keys: None,
            sessions: None,
        });
        Ok(Endpoint::new(Some(server), limits, trace_level))
    }

    fn new(server: Option<Box<ServerSide>>, limits: Limits, trace_level: u8) -> Endpoint {
        let role = if server.is_some() { "server" } else { "client" };
        Endpoint {
            server,
            connections: Table::new(),
            last_connection: 0,
            routes: Routes::new(limits.connections_per_address.is_some()),
            ids: ConnectionIds::default(),
            nodes: Nodes::default(),
            deals_peers: false,
            limits,
            deadlines: Deadlines::new(),
            questions: Questions::default(),
            asks: Asks::default(),
            logs_keys: false,
            jobs: Jobs::default(),
            unplaced: UnplacedRecords::default(),
            expected: ExpectedAddresses::default(),
            former_addresses: FormerAddresses::default(),
            validation: AddressValidation::Enhanced,
            doubts: Doubts::default(),
            associations: Associations::default(),
            longest_idle: LongestIdle::default(),
            own_sessions: FxHashMap::default(),
            counters: Counters::default(),
            asked: None,
            drops: Drops::default(),
            outputs: Outputs::new(Trace::new(trace_level, role)),
            scratch: Scratch::default(),
            sealed: Outbox::default(),
            sleepers: 0,
        }
    }

    /// Between a peer and the address of ours that the datagram at hand was sent to.
    fn route_to(&self, remote: SocketAddr) -> Route {
        Route { remote, local: self.asked }
    }

    /// How long the connection IDs are that peers are asked to put into their records (RFC 9146), at most 32 bytes; 0: none, but
    /// theirs are used. `None` is as before: no IDs.
    pub(crate) fn use_connection_ids(&mut self, length: Option<u8>) {
        self.ids.set_length(length);
    }

    /// Has the application make them: [`Endpoint::supply_connection_ids`]. Handshakes do not wait for that: they go without where
    /// none is left. `low`: how many of them are few.
    pub(crate) fn expect_connection_ids(&mut self, low: usize) {
        self.ids.expect_supply(low);
    }

    /// Takes IDs that lie end to end; answers how many of them are good.
    pub(crate) fn supply_connection_ids(&mut self, ids: &[u8]) -> usize {
        self.ids.supply(ids)
    }

    /// Whether few of them are left, since one was taken.
    pub(crate) fn wants_connection_ids(&self) -> bool {
        self.ids.wants_supply()
    }

    /// What has happened on a connection.
    pub(crate) fn tally(&self, handle: ConnectionHandle) -> Option<Tally> {
        self.connections.get(&handle).map(|entry| entry.tally)
    }

    pub(crate) fn counters(&self) -> &Counters {
        &self.counters
    }

    /// Connections at present, unfinished handshakes included.
    pub(crate) fn connection_count(&self) -> usize {
        self.connections.len()
    }

    /// Unfinished handshakes at present.
    pub(crate) fn handshake_count(&self) -> usize {
        self.server.as_ref().map_or_else(
            || self.connections.iter().filter(|(_, entry)| !entry.connection.is_established()).count(),
            |server| server.handshakes.len(),
        )
    }

    /// Questions that are open at present.
    pub(crate) fn question_count(&self) -> usize {
        self.questions.len()
    }

    /// Everything that is kept for peers, counted.
    #[cfg(test)]
    pub(super) fn footprint(&self) -> usize {
        self.unplaced.footprint()
            + self
                .server
                .as_ref()
                .map_or(0, |server| server.gathering.len() + server.unproven.footprint() + server.handshakes.len())
            + self.connections.len()
            + self.routes.len()
            + self.ids.len()
            + self.questions.len()
            + self.jobs.len()
            + self.deadlines.len()
            + self.former_addresses.len()
            + self.doubts.len()
            + self.associations.len()
            + self.own_sessions.len()
            + self.sessions()
            + self.outputs.len()
    }

    /// Sessions that a server keeps.
    #[cfg(test)]
    pub(super) fn sessions(&self) -> usize {
        self.server.as_ref().and_then(|server| server.sessions.as_ref()).map_or(0, Sessions::len)
    }

    /// As if so many connections had been begun.
    #[cfg(test)]
    pub(super) fn grow_old(&mut self, connections: u32) {
        self.last_connection = connections;
    }

    /// Connections that are asleep.
    #[cfg(test)]
    pub(super) fn sleepers(&self) -> usize {
        self.connections.values().filter(|entry| entry.connection.is_asleep()).count()
    }
}
