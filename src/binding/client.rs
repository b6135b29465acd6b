//! The native class `DtlsClient`.

use super::address;
use super::driver::Driver;
use super::error::{CodedError, internal, no_address};
use super::event::{NativeEvent, NativeFinished, NativeSavedConnection, NativeStats, NativeTransmit};
use super::options::NativeClientOptions;
use super::pool::{Bell, Foreman};
use crate::proto::{ClientConfig, Endpoint, LookupId};
use napi::Env;
use napi::bindgen_prelude::{Buffer, BufferSlice, Either, ObjectFinalize};
use napi_derive::napi;
use std::time::Instant;

/// One connection to one server. `lib/client.js` makes a stream of it.
#[napi(custom_finalize)]
pub struct DtlsClient {
    driver: Driver,
    config: ClientConfig,
}

/// As whom a client appears.
#[napi(object, object_to_js = false)]
pub struct NativeIdentity {
    /// Pre-shared key.
    pub psk: Buffer,
    /// Under which the server finds it.
    pub identity: Buffer,
}

/// What the garbage collector should think that an object keeps alive, in bytes: an endpoint with one connection.
const NATIVE_SIZE: i64 = 16 * 1024;

impl ObjectFinalize for DtlsClient {
    fn finalize(self, env: Env) -> napi::Result<()> {
        env.adjust_external_memory(-NATIVE_SIZE).map(drop)
    }
}

#[napi]
impl DtlsClient {
    /// `registers`: rewritten by every call; see `lib/endpoint.js`. `brief`: see `lib/brief.js`. With a bell, heavy steps
    /// of handshakes are done by so many other threads; it rings for this number.
    #[napi(constructor, catch_unwind)]
    pub fn new(
        env: Env,
        options: NativeClientOptions,
        registers: Buffer,
        brief: Buffer,
        bell: Option<&Bell>,
        number: u32,
        threads: u32,
    ) -> Result<DtlsClient, CodedError> {
        let config = options.config()?;
        let endpoint = Endpoint::client(options.limits(), options.debug);
        let foreman = bell.map(|bell| Foreman::new(bell, number, threads));
        let client = DtlsClient { driver: Driver::new(endpoint, foreman, registers, brief, Instant::now())?, config };
        env.adjust_external_memory(NATIVE_SIZE).map_err(internal)?;
        Ok(client)
    }

    /// Starts the handshake; answers the connection.
    #[napi(catch_unwind)]
    pub fn connect(&mut self, address: String, port: u16) -> Result<u32, CodedError> {
        let remote = address::parse(&address, port).ok_or_else(|| no_address(&address))?;
        let config = &self.config;
        let connection = self.driver.with(|endpoint, now| endpoint.connect(now, remote, config));
        connection.map(|connection| connection.0).map_err(internal)
    }

    /// Answers an identityLookup; null when there is no key for this server.
    #[napi(catch_unwind)]
    pub fn answer_identity(&mut self, lookup: u32, answer: Option<NativeIdentity>) -> bool {
        let answer = answer.as_ref().map(|own| (own.identity.as_ref(), own.psk.as_ref()));
        self.driver.with(|endpoint, now| endpoint.answer_identity(now, LookupId(lookup), answer))
    }

    /// IANA's names of the suites on offer, best first.
    #[napi(catch_unwind)]
    pub fn ciphers(&self) -> Vec<&'static str> {
        self.config.suites().iter().map(|suite| suite.name()).collect()
    }
}

super::driver::endpoint_methods!(DtlsClient);
