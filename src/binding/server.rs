//! The native class `DtlsServer`.

use super::driver::Driver;
use super::error::{CodedError, internal};
use super::event::{NativeEvent, NativeStats, NativeTransmit};
use super::options::NativeServerOptions;
use crate::proto::Endpoint;
use napi::Env;
use napi::bindgen_prelude::{Buffer, BufferSlice, Either};
use napi_derive::napi;
use std::time::Instant;

/// All connections of one UDP socket. `lib/server.js` makes an EventEmitter of it.
#[napi]
pub struct DtlsServer {
    driver: Driver,
    ciphers: Vec<&'static str>,
}

#[napi]
impl DtlsServer {
    /// `registers`: 32 bytes that every call rewrites; see `lib/endpoint.js`.
    #[napi(constructor, catch_unwind)]
    pub fn new(options: NativeServerOptions, registers: Buffer) -> Result<DtlsServer, CodedError> {
        let now = Instant::now();
        let config = options.config()?;
        let ciphers = config.suites().iter().map(|suite| suite.name()).collect();
        let endpoint = Endpoint::server(now, config, options.limits(), options.debug)
            .map_err(|_| internal("The operating system gave no random numbers"))?;
        Ok(DtlsServer { driver: Driver::new(endpoint, registers, now)?, ciphers })
    }

    /// IANA's names of the suites on offer, best first.
    #[napi(catch_unwind)]
    pub fn ciphers(&self) -> Vec<&'static str> {
        self.ciphers.clone()
    }
}

super::driver::endpoint_methods!(DtlsServer);
