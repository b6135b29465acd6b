//! The native class `ServerContext`.

use super::error::{CodedError, internal};
use super::options::NativeServerOptions;
use crate::proto::ServerConfig;
use napi::Env;
use napi::bindgen_prelude::ObjectFinalize;
use napi_derive::napi;
use std::sync::Arc;

/// Credentials and what is negotiated with them, parsed once for any number of handshakes. `lib/options/context.js` hands it out.
#[napi(custom_finalize)]
pub struct ServerContext {
    config: Arc<ServerConfig>,
}

impl ServerContext {
    pub(super) fn config(&self) -> Arc<ServerConfig> {
        Arc::clone(&self.config)
    }
}

/// What the garbage collector should think that an object keeps alive, in bytes: a key, a short chain, and the engine's
/// configuration.
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
