//! What this build can do.

use crate::proto::capabilities;
use napi_derive::napi;
use std::collections::HashMap;

/// A cipher suite.
#[napi(object, object_from_js = false)]
pub struct NativeCipher {
    /// IANA's number.
    pub id: u16,
    /// OpenSSL's name.
    pub name: &'static str,
    /// IANA's name.
    pub standard_name: &'static str,
}

/// What the engine was compiled with.
#[napi(object, object_from_js = false)]
pub struct NativeCapabilities {
    /// Of all versions, best first.
    pub ciphers: Vec<NativeCipher>,
    /// Groups on offer, best first.
    pub curves: Vec<&'static str>,
    /// By name.
    pub constants: HashMap<String, i32>,
    /// Of what was linked, by its name.
    pub versions: HashMap<&'static str, String>,
}

/// Never made: its static method is all of it.
#[napi]
pub struct Capabilities {}

#[napi]
impl Capabilities {
    /// Asked once, when the package is loaded.
    #[napi(catch_unwind)]
    pub fn read() -> NativeCapabilities {
        let cipher = |suite: crate::proto::Suite| NativeCipher {
            id: suite.id(),
            name: suite.openssl_name(),
            standard_name: suite.name(),
        };
        let mut versions = HashMap::from([
            ("mbed-dtls", env!("CARGO_PKG_VERSION").to_owned()),
            ("mbedtls", capabilities::engine_version()),
            ("dtls", if cfg!(feature = "aws-lc") { "1.2, 1.3" } else { "1.2" }.to_owned()),
        ]);
        versions.extend(capabilities::aws_lc_version().map(|version| ("aws-lc", version)));
        NativeCapabilities {
            ciphers: capabilities::suites().into_iter().map(cipher).collect(),
            curves: capabilities::curves(),
            constants: capabilities::constants().into_iter().collect(),
            versions,
        }
    }
}
