//! The native class `DtlsClient`.

use super::address;
use super::driver::Driver;
use super::error::{CodedError, internal, no_address};
use super::event::NativeDrop;
use super::numbered::Numbered;
use super::options::{NativeClientOptions, address_validation};
use super::saved::{NativeAlgorithms, NativeConnectionIds, NativeFinished, NativeSavedConnection};
use super::stats::NativeStats;
use super::travel::{self, NativeArrivals, NativeStoreCopy};
use super::udp::Sharing;
use super::waker::Waker;
use super::workers::JobQueue;
use crate::proto::{ClientConfig, Endpoint, Restoration};
use napi::Env;
use napi::bindgen_prelude::{Buffer, ObjectFinalize};
use napi_derive::napi;
use std::time::Instant;

/// One connection to one server. `lib/client.js` makes a stream of it.
#[napi(custom_finalize)]
pub struct DtlsClient {
    driver: Numbered,
    config: ClientConfig,
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
    /// `registers` and `brief`: memory for both sides, see `Layout`. With a waker, that many other threads take heavy steps
    /// of handshakes; it calls for this number.
    #[napi(constructor, catch_unwind)]
    pub fn new(
        env: Env,
        options: NativeClientOptions,
        registers: Buffer,
        brief: Buffer,
        waker: Option<&Waker>,
        number: u32,
        threads: u32,
    ) -> Result<DtlsClient, CodedError> {
        let now = Instant::now();
        let config = options.config(now)?;
        let mut endpoint = Endpoint::client(options.limits(), options.debug);
        endpoint.use_connection_ids(options.connection_id);
        endpoint.validate_addresses(address_validation(&options.address_validation));
        let jobs = waker.map(|waker| JobQueue::new(waker, number, threads));
        let client = DtlsClient { driver: Numbered::new(Driver::new(endpoint, jobs, registers, brief, now)?), config };
        env.adjust_external_memory(NATIVE_SIZE).map_err(internal)?;
        Ok(client)
    }

    /// Starts the handshake; answers the connection.
    #[napi(catch_unwind)]
    pub fn connect(&mut self, address: String, port: u16) -> Result<u32, CodedError> {
        let remote = address::parse(&address, port).ok_or_else(|| no_address(&address))?;
        let config = &self.config;
        let connection = self.driver.get().with(|endpoint, now| endpoint.connect(now, remote, config));
        connection.map(|connection| connection.0).map_err(internal)
    }

    /// Lets a connection come in that was taken out elsewhere, at a time in milliseconds, Unix time. `is_claimed`: whether nobody
    /// else does the same.
    #[napi(catch_unwind)]
    pub fn take_in(&mut self, traveller: &[u8], saved_at: f64, is_claimed: bool) -> Result<NativeArrivals, CodedError> {
        let travellers = travel::unpack(traveller)?;
        let clock = travel::clock(saved_at);
        let config = &self.config;
        let mut refusal = None;
        let arrivals = self.driver.get().with(|endpoint, now| {
            NativeArrivals::of(&travellers, is_claimed, endpoint, |endpoint, traveller| {
                let restoration = Restoration { saved: &traveller.saved, clock };
                let connection = endpoint.go_on(now, traveller.remote, config, restoration);
                connection.map_or_else(
                    |why| {
                        refusal = Some(why.to_string());
                        0
                    },
                    |connection| connection.0,
                )
            })
        });
        Ok(NativeArrivals { refusal, ..arrivals })
    }

    /// The session of the connection, for a later one to offer; null before the handshake is over, and where none was made.
    #[napi(catch_unwind)]
    pub fn session(&self, connection: u32) -> Option<Buffer> {
        self.driver.get().session(connection)
    }

    /// IANA's names of the suites on offer, best first.
    #[napi(catch_unwind)]
    pub fn ciphers(&self) -> Vec<&'static str> {
        self.config.suites().iter().map(|suite| suite.name()).collect()
    }
}

super::methods::endpoint_methods!(DtlsClient);
