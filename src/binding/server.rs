//! The native class `DtlsServer`.

use super::address;
use super::context::ServerContext;
use super::driver::Driver;
use super::error::{CodedError, internal, no_address};
use super::event::{NativeDrop, NativeTransmit};
use super::numbered::Numbered;
use super::options::{NativeServerOptions, address_validation};
use super::parcels::{self, NativeParcel};
use super::saved::{NativeAlgorithms, NativeConnectionIds, NativeFinished, NativeSavedConnection};
use super::sessions::ticket_keys;
use super::stats::NativeStats;
use super::travel::{self, NativeArrivals, NativeStoreCopy, NativeSuccessor, NativeTraveller};
use super::udp::{self, Sharing};
use super::waker::Waker;
use super::wall_clock::unix_time;
use super::workers::JobQueue;
use crate::proto::{Asks, Endpoint, HandshakeAsks, KnownKeys, NamePattern, QuestionId, Restoration, RngError};
use napi::Env;
use napi::bindgen_prelude::{Buffer, BufferSlice, Either, ObjectFinalize};
use napi_derive::napi;
use std::time::Instant;
use zeroize::Zeroizing;

/// All connections of one UDP socket. `lib/server.js` makes an EventEmitter of it.
#[napi(custom_finalize)]
pub struct DtlsServer {
    driver: Numbered,
    ciphers: Vec<&'static str>,
}

/// What the garbage collector should think that an object keeps alive, in bytes: the tables and buffers of an endpoint without connections.
const NATIVE_SIZE: i64 = 64 * 1024;

impl ObjectFinalize for DtlsServer {
    fn finalize(self, env: Env) -> napi::Result<()> {
        env.adjust_external_memory(-NATIVE_SIZE).map(drop)
    }
}

#[napi]
impl DtlsServer {
    /// `registers` and `brief`: memory for both sides, see `Layout`. With a waker, that many other threads take heavy steps
    /// of handshakes; it calls for this number.
    #[napi(constructor, catch_unwind)]
    pub fn new(
        env: Env,
        options: NativeServerOptions,
        registers: Buffer,
        brief: Buffer,
        waker: Option<&Waker>,
        number: u32,
        threads: u32,
    ) -> Result<DtlsServer, CodedError> {
        let now = Instant::now();
        let config = options.config()?;
        let ciphers = config.suites().iter().map(|suite| suite.name()).collect();
        let mut endpoint = Endpoint::server(now, config, options.limits(), options.debug).map_err(no_randomness)?;
        endpoint.use_connection_ids(options.connection_id);
        if let Some(node) = options.node_id {
            endpoint.become_node(node);
        }
        endpoint.validate_addresses(address_validation(&options.address_validation));
        if let Some(sessions) = &options.sessions {
            endpoint.remember_sessions(now, sessions.settings(now)?).map_err(no_randomness)?;
        }
        let jobs = waker.map(|waker| JobQueue::new(waker, number, threads));
        let server = DtlsServer { driver: Numbered::new(Driver::new(endpoint, jobs, registers, brief, now)?), ciphers };
        env.adjust_external_memory(NATIVE_SIZE).map_err(internal)?;
        Ok(server)
    }

    /// Has everything arrive at Node's socket from now on, which is all that a successor gets.
    #[napi(catch_unwind)]
    pub fn leave_aside(&mut self) {
        self.driver.get().leave_aside();
    }

    /// The native side's own descriptor of the UDP socket, as long as it has one.
    #[napi(catch_unwind)]
    pub fn udp_descriptor(&self) -> Option<i32> {
        self.driver.get().udp_descriptor()
    }

    /// 4 or 6 for the address family of an open UDP socket; null for anything else, and where nobody can tell.
    #[napi(catch_unwind)]
    pub fn udp_family(&self, descriptor: i32) -> Option<u8> {
        udp::family(descriptor)
    }

    /// Has answers leave from the address that was asked, on a UDP socket that is bound to several; false where the system
    /// does not tell which that is. The waker calls for this number when datagrams have arrived where Node does not look.
    #[napi(catch_unwind)]
    pub fn tell_addresses_apart(&mut self, waker: &Waker, number: u32) -> bool {
        self.driver.get().tell_addresses_apart(waker, number)
    }

    /// A datagram that has arrived where Node does not look, for all listeners of the UDP socket to see; ours is the one that
    /// calls `receive`. Null when there is none.
    #[napi(catch_unwind)]
    pub fn show(&mut self) -> Option<NativeTransmit> {
        self.driver.get().show()
    }

    /// All the pre-shared keys, so that none is looked up: one for everybody, or one for each identity beside it.
    #[napi(catch_unwind)]
    pub fn know_keys(&mut self, for_everybody: Option<&[u8]>, identities: Vec<Buffer>, keys: Vec<Buffer>) {
        let own = |bytes: &[u8]| Zeroizing::new(bytes.to_vec());
        let known = match for_everybody {
            Some(key) => KnownKeys::ForEverybody(own(key)),
            None => {
                let pairs = identities.iter().zip(&keys);
                KnownKeys::ByIdentity(pairs.map(|(identity, key)| (identity.to_vec(), own(key))).collect())
            }
        };
        self.driver.get().with(|endpoint, _| endpoint.know_keys(known));
    }

    /// Which questions are wanted, by what they are about: context, protocol, session, restore, move. Without, a context is
    /// found by its name, a protocol by the list, every handshake is full, and records from unknown addresses are dropped.
    #[napi(catch_unwind)]
    pub fn ask(&mut self, about: Vec<String>) {
        let wants = |subject: &str| about.iter().any(|wanted| wanted == subject);
        let asks = Asks {
            handshakes: HandshakeAsks {
                for_configs: wants("context"),
                for_protocols: wants("protocol"),
                for_sessions: wants("session"),
            },
            for_restores: wants("restore"),
            for_moves: wants("move"),
        };
        self.driver.get().with(|endpoint, _| endpoint.ask(asks));
    }

    /// Lets a saved connection go on at an address; answers the connection, or 0 when there is one already.
    #[napi(catch_unwind)]
    pub fn restore(&mut self, address: String, port: u16, saved: NativeSavedConnection) -> Result<u32, CodedError> {
        let remote = address::parse(&address, port).ok_or_else(|| no_address(&address))?;
        let (saved, clock) = saved.parse_with_clock(unix_time())?;
        let restoration = Restoration { saved: &saved, clock };
        let connection = self.driver.get().with(|endpoint, now| endpoint.restore(now, remote, restoration));
        Ok(connection.map_or(0, |connection| connection.0))
    }

    /// Lets connections come in that were taken out elsewhere, at a time in milliseconds, Unix time. `are_claimed`: whether nobody
    /// else does the same.
    #[napi(catch_unwind)]
    pub fn take_in(
        &mut self,
        travellers: &[u8],
        saved_at: f64,
        are_claimed: bool,
    ) -> Result<NativeArrivals, CodedError> {
        let travellers = travel::unpack(travellers)?;
        let clock = travel::clock(saved_at);
        Ok(self.driver.get().with(|endpoint, now| {
            NativeArrivals::of(&travellers, are_claimed, endpoint, |endpoint, traveller| {
                let restoration = Restoration { saved: &traveller.saved, clock };
                endpoint.restore(now, traveller.remote, restoration).map_or(0, |connection| connection.0)
            })
        }))
    }

    /// One connection that was taken out, or copied; null when there is none.
    #[napi(catch_unwind)]
    pub fn read_traveller(&self, traveller: &[u8]) -> Result<Option<NativeTraveller>, CodedError> {
        Ok(travel::unpack(traveller)?.first().map(NativeTraveller::new))
    }

    /// What takes the place of a copy in its store, before another owner goes on from it.
    #[napi(catch_unwind)]
    pub fn succeed(&self, traveller: &[u8]) -> Result<NativeSuccessor, CodedError> {
        NativeSuccessor::of(traveller)
    }

    /// Whether something that waits for the answer to this question is the peer's, as a copy of its connection says: the time of
    /// the copy, milliseconds of Unix time in 8 bytes, and the copy.
    #[napi(catch_unwind)]
    pub fn proves(&mut self, question: u32, stored: &[u8]) -> Result<bool, CodedError> {
        let (traveller, clock) = travel::unpack_stored(stored)?;
        let restoration = Restoration { saved: &traveller.saved, clock };
        Ok(self.driver.get().with(|endpoint, now| endpoint.proves(now, QuestionId(question), restoration)))
    }

    /// Names addresses whose connections are saved, as `address:port`: records from others lead to no question. Null: all do.
    #[napi(catch_unwind)]
    pub fn expect_addresses(&mut self, addresses: Option<Vec<String>>) -> Result<(), CodedError> {
        let parse = |key: &String| {
            let (address, port) = key.rsplit_once(':').unwrap_or((key, ""));
            let remote = port.parse().ok().and_then(|port| address::parse(address, port));
            remote.ok_or_else(|| no_address(key))
        };
        let addresses = addresses.map(|keys| keys.iter().map(parse).collect()).transpose()?;
        self.driver.get().with(|endpoint, _| endpoint.expect_addresses(addresses));
        Ok(())
    }

    /// Has clients that ask for this name answered with this context from now on.
    #[napi(catch_unwind)]
    pub fn add_context(&mut self, servername: String, context: &ServerContext) {
        let config = context.config();
        self.driver.get().with(|endpoint, _| endpoint.add_context(NamePattern::new(&servername), config));
    }

    /// Has all other clients answered with this context from now on.
    #[napi(catch_unwind)]
    pub fn set_secure_context(&mut self, context: &ServerContext) {
        let config = context.config();
        self.ciphers = config.suites().iter().map(|suite| suite.name()).collect();
        self.driver.get().with(|endpoint, _| endpoint.replace_config(config));
    }

    /// The keys of tickets, one behind the other; null for a server without tickets.
    #[napi(catch_unwind)]
    pub fn ticket_keys(&mut self) -> Option<Buffer> {
        let keys = self.driver.get().with(|endpoint, now| endpoint.ticket_keys(now));
        keys.map(|keys| keys.to_bytes().to_vec().into())
    }

    /// Has tickets sealed with the first of these keys from now on, and opened with all of them. Answers whether the server
    /// has tickets.
    #[napi(catch_unwind)]
    pub fn set_ticket_keys(&mut self, keys: &[u8]) -> Result<bool, CodedError> {
        let keys = ticket_keys(keys)?;
        Ok(self.driver.get().with(|endpoint, _| endpoint.set_ticket_keys(keys)))
    }

    /// Which of several nodes this is, before the first connection.
    #[napi(catch_unwind)]
    pub fn become_node(&mut self, node: u8) {
        self.driver.get().with(|endpoint, _| endpoint.become_node(node));
    }

    /// To which other nodes datagrams can be forwarded from now on: `pollParcel` has them, in as many bytes at most, unless
    /// one datagram is longer.
    #[napi(catch_unwind)]
    pub fn forward_to(&mut self, nodes: &[u8], parcel: u32) {
        self.driver.get().limit_parcels(parcel as usize);
        self.driver.get().with(|endpoint, _| endpoint.forward_to(nodes));
    }

    /// Says that all nodes receive on one UDP socket, so that peers have to be dealt.
    #[napi(catch_unwind)]
    pub fn deal_peers(&mut self) {
        self.driver.get().with(|endpoint, _| endpoint.deal_peers());
    }

    /// The next datagrams for another node.
    #[napi(catch_unwind)]
    pub fn poll_parcel(&mut self) -> Option<NativeParcel> {
        self.driver.get().poll_parcel()
    }

    /// What is in a parcel.
    #[napi(catch_unwind)]
    pub fn unpack(&self, parcel: &[u8]) -> Vec<NativeTransmit> {
        parcels::unpack(parcel).map(|(route, datagram)| NativeTransmit::new(route, datagram.to_vec())).collect()
    }

    /// As `receive`, of a datagram that has come through another node.
    #[napi(catch_unwind)]
    pub fn inject<'env>(
        &mut self,
        env: &'env Env,
        datagram: &[u8],
        address: String,
        port: u16,
    ) -> Result<Either<BufferSlice<'env>, ()>, CodedError> {
        let remote = address::parse(&address, port).ok_or_else(|| no_address(&address))?;
        self.driver.get().inject(env, std::iter::once((remote.into(), datagram)), None, false)
    }

    /// As `receive`, of a parcel that another node has packed. With `relay`, answers go through that node. Without it, they leave
    /// from the address that the peer has asked, if both nodes are on the same machine.
    #[napi(catch_unwind)]
    pub fn inject_parcel<'env>(
        &mut self,
        env: &'env Env,
        parcel: &[u8],
        relay: Option<u8>,
        is_same_machine: bool,
    ) -> Result<Either<BufferSlice<'env>, ()>, CodedError> {
        self.driver.get().inject(env, parcels::unpack(parcel), relay, is_same_machine)
    }

    /// Sends another node's datagrams. Answers false where Node has to.
    #[napi(catch_unwind)]
    pub fn send_parcel(&mut self, parcel: &[u8]) -> bool {
        self.driver.get().send_parcel(parcel)
    }

    /// IANA's names of the suites on offer, best first.
    #[napi(catch_unwind)]
    pub fn ciphers(&self) -> Vec<&'static str> {
        self.ciphers.clone()
    }
}

fn no_randomness(_: RngError) -> CodedError {
    internal("The operating system gave no random numbers")
}

super::methods::endpoint_methods!(DtlsServer);
