//! The native class `DtlsServer`.

use super::address;
use super::driver::Driver;
use super::error::{CodedError, internal, no_address};
use super::event::{NativeEvent, NativeFinished, NativeSavedConnection, NativeSession, NativeStats, NativeTransmit};
use super::options::NativeServerOptions;
use super::pool::{Bell, Foreman};
use crate::proto::{Endpoint, KnownKeys, LookupId, NamePattern, ServerConfig};
use napi::Env;
use napi::bindgen_prelude::{Buffer, BufferSlice, Either, ObjectFinalize};
use napi_derive::napi;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};
use zeroize::Zeroizing;

/// The wall clock, for the record numbers of restored connections.
fn unix_time() -> Duration {
    SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default()
}

/// All connections of one UDP socket. `lib/server.js` makes an EventEmitter of it.
#[napi(custom_finalize)]
pub struct DtlsServer {
    driver: Driver,
    ciphers: Vec<&'static str>,
}

/// What the garbage collector should think that an object keeps alive, in bytes: the tables and buffers of an endpoint without connections.
const NATIVE_SIZE: i64 = 64 * 1024;

impl ObjectFinalize for DtlsServer {
    fn finalize(self, env: Env) -> napi::Result<()> {
        env.adjust_external_memory(-NATIVE_SIZE).map(drop)
    }
}

/// Credentials and what is negotiated with them, parsed once for any number of handshakes. `lib/context.js` hands it out.
#[napi(custom_finalize)]
pub struct ServerContext {
    config: Arc<ServerConfig>,
}

/// As `NATIVE_SIZE`: a key, a short chain, and the engine's configuration.
const CONTEXT_SIZE: i64 = 8 * 1024;

impl ObjectFinalize for ServerContext {
    fn finalize(self, env: Env) -> napi::Result<()> {
        env.adjust_external_memory(-CONTEXT_SIZE).map(drop)
    }
}

#[napi]
impl ServerContext {
    /// Limits, and what a server alone needs to know, are not looked at.
    #[napi(constructor, catch_unwind)]
    pub fn new(env: Env, options: NativeServerOptions) -> Result<ServerContext, CodedError> {
        let context = ServerContext { config: Arc::new(options.config()?) };
        env.adjust_external_memory(CONTEXT_SIZE).map_err(internal)?;
        Ok(context)
    }
}

#[napi]
impl DtlsServer {
    /// `registers`: rewritten by every call; see `lib/endpoint.js`. `brief`: see `lib/brief.js`. With a bell, heavy steps
    /// of handshakes are done by so many other threads; it rings for this number.
    #[napi(constructor, catch_unwind)]
    pub fn new(
        env: Env,
        options: NativeServerOptions,
        registers: Buffer,
        brief: Buffer,
        bell: Option<&Bell>,
        number: u32,
        threads: u32,
    ) -> Result<DtlsServer, CodedError> {
        let now = Instant::now();
        let config = options.config()?;
        let ciphers = config.suites().iter().map(|suite| suite.name()).collect();
        let endpoint = Endpoint::server(now, config, options.limits(), options.debug)
            .map_err(|_| internal("The operating system gave no random numbers"))?;
        let foreman = bell.map(|bell| Foreman::new(bell, number, threads));
        let server = DtlsServer { driver: Driver::new(endpoint, foreman, registers, brief, now)?, ciphers };
        env.adjust_external_memory(NATIVE_SIZE).map_err(internal)?;
        Ok(server)
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
        self.driver.with(|endpoint, _| endpoint.know_keys(known));
    }

    /// Whether `sessionLookup` and `moveLookup` events are wanted; without, records from unknown addresses are dropped.
    #[napi(catch_unwind)]
    pub fn ask(&mut self, for_sessions: bool, for_moves: bool) {
        self.driver.with(|endpoint, _| endpoint.ask(for_sessions, for_moves));
    }

    /// Whether `resumptionLookup` events are wanted; without, every handshake is full.
    #[napi(catch_unwind)]
    pub fn ask_for_resumption(&mut self, asks: bool) {
        self.driver.with(|endpoint, _| endpoint.ask_for_resumption(asks));
    }

    /// Answers a `resumptionLookup`; null when the session is unknown. One that does not fit leads to a full handshake.
    #[napi(catch_unwind)]
    pub fn answer_resumption(&mut self, lookup: u32, session: Option<NativeSession>) -> Result<bool, CodedError> {
        let session = session.map(|session| session.parse()).transpose()?;
        Ok(self.driver.with(|endpoint, now| endpoint.answer_resumption(now, LookupId(lookup), session.as_ref())))
    }

    /// Answers a `moveLookup` with the address that the device had; null when it is unknown.
    #[napi(catch_unwind)]
    pub fn answer_move(&mut self, lookup: u32, address: Option<String>, port: Option<u16>) -> Result<bool, CodedError> {
        let old = match address {
            Some(address) => Some(address::parse(&address, port.unwrap_or(0)).ok_or_else(|| no_address(&address))?),
            None => None,
        };
        Ok(self.driver.with(|endpoint, now| endpoint.answer_move(now, LookupId(lookup), old)))
    }

    /// Answers a `sessionLookup`; null when there is no session. Answers the connection, or 0 when none goes on.
    #[napi(catch_unwind)]
    pub fn answer_session(&mut self, lookup: u32, saved: Option<NativeSavedConnection>) -> Result<u32, CodedError> {
        let saved = saved.map(|saved| saved.parse()).transpose()?;
        let unix_time = unix_time();
        let connection =
            self.driver.with(|endpoint, now| endpoint.answer_session(now, unix_time, LookupId(lookup), saved.as_ref()));
        Ok(connection.map_or(0, |connection| connection.0))
    }

    /// Lets a saved connection go on at an address; answers the connection, or 0 when there is one already.
    #[napi(catch_unwind)]
    pub fn restore(&mut self, address: String, port: u16, saved: NativeSavedConnection) -> Result<u32, CodedError> {
        let remote = address::parse(&address, port).ok_or_else(|| no_address(&address))?;
        let saved = saved.parse()?;
        let unix_time = unix_time();
        let connection = self.driver.with(|endpoint, now| endpoint.restore(now, unix_time, remote, &saved));
        Ok(connection.map_or(0, |connection| connection.0))
    }

    /// Whether `configLookup` and `protocolLookup` events are wanted; without, name and protocol are answered from tables.
    #[napi(catch_unwind)]
    pub fn ask_by_hello(&mut self, for_configs: bool, for_protocols: bool) {
        self.driver.with(|endpoint, _| endpoint.ask_by_hello(for_configs, for_protocols));
    }

    /// Answers a `configLookup`; null leaves it at the server's own.
    #[napi(catch_unwind)]
    pub fn answer_config(&mut self, lookup: u32, context: Option<&ServerContext>) -> bool {
        let config = context.map(|context| Arc::clone(&context.config));
        self.driver.with(|endpoint, now| endpoint.answer_config(now, LookupId(lookup), config))
    }

    /// Answers a `protocolLookup` with one of its protocols; null ends the handshake.
    #[napi(catch_unwind)]
    pub fn answer_protocol(&mut self, lookup: u32, protocol: Option<&[u8]>) -> bool {
        self.driver.with(|endpoint, now| endpoint.answer_protocol(now, LookupId(lookup), protocol))
    }

    /// Has clients that ask for this name answered with this context from now on.
    #[napi(catch_unwind)]
    pub fn add_context(&mut self, servername: String, context: &ServerContext) {
        let config = Arc::clone(&context.config);
        self.driver.with(|endpoint, _| endpoint.add_context(NamePattern::new(&servername), config));
    }

    /// Has all other clients answered with this context from now on.
    #[napi(catch_unwind)]
    pub fn set_secure_context(&mut self, context: &ServerContext) {
        let config = Arc::clone(&context.config);
        self.ciphers = config.suites().iter().map(|suite| suite.name()).collect();
        self.driver.with(|endpoint, _| endpoint.replace_config(config));
    }

    /// IANA's names of the suites on offer, best first.
    #[napi(catch_unwind)]
    pub fn ciphers(&self) -> Vec<&'static str> {
        self.ciphers.clone()
    }
}

super::driver::endpoint_methods!(DtlsServer);
