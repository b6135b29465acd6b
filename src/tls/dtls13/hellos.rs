//! The hellos as we write them (RFC 9147 section 5.3, RFC 8446 section 4.1), bodies without their headers.

use crate::tls::ffi::groups::{Group, KeyShare};
use crate::tls::suites::Suite;
use crate::wire::certificate13::write_schemes;
use crate::wire::hello13::{DTLS_1_2, DTLS_1_3, RETRY_RANDOM, extension};
use crate::wire::psk_offer::Modes;
use crate::wire::{ConnectionId, connection_id_extension, vector};

/// Bytes of a server's hello, unless its public value is a long one: its memory grows no further.
const USUAL_LENGTH: usize = 192;

/// RFC 6066 section 3.
const HOST_NAME: u8 = 0;

/// A ClientHello.
pub(super) struct ClientHello<'a> {
    pub(super) random: &'a [u8; 32],
    pub(super) suites: &'a [Suite],
    /// Best first; none where there is to be no key exchange.
    pub(super) groups: &'a [Group],
    /// `None` leaves it to the server to ask for one (RFC 8446 section 4.2.8).
    pub(super) share: Option<&'a KeyShare>,
    pub(super) servername: Option<&'a str>,
    pub(super) protocols: &'a [Vec<u8>],
    /// Numbers of the signatures by which the server may prove who it is; none when it must by the pre-shared key.
    pub(super) schemes: &'a [u16],
    /// The extensions that say how either side may prove who it is (RFC 7250); empty for none.
    pub(super) certificate_types: &'a [u8],
    /// The connection ID that we want to see.
    pub(super) own_id: Option<&'a ConnectionId>,
    /// How we use pre-shared keys.
    pub(super) modes: Modes,
    /// Whether we take sessions, which later handshakes resume by pre-shared keys.
    pub(super) takes_sessions: bool,
    /// Pre-shared keys, best first.
    pub(super) keys: &'a [Identity<'a>],
}

/// What a ClientHello says of a pre-shared key.
pub(super) struct Identity<'a> {
    pub(super) bytes: &'a [u8],
    /// 0 for an external key (RFC 8446 section 4.2.11).
    pub(super) obfuscated_age: u32,
    /// Bytes of the proof that we have the key.
    pub(super) proof_length: usize,
}

impl ClientHello<'_> {
    /// The body, with zeros for the proofs, which are the last of its bytes.
    pub(super) fn write(&self) -> Vec<u8> {
        let mut body = Vec::new();
        body.extend(DTLS_1_2.to_be_bytes());
        body.extend(self.random);
        // RFC 9147 section 5.3: no session id, and no cookie here.
        body.extend([0, 0]);
        vector(&mut body, 2, |body| self.suites.iter().for_each(|suite| body.extend(suite.id().to_be_bytes())));
        body.extend([1, 0]);
        vector(&mut body, 2, |body| self.write_extensions(body));
        body
    }

    fn write_extensions(&self, body: &mut Vec<u8>) {
        write(body, extension::SUPPORTED_VERSIONS, |body| {
            vector(body, 1, |body| body.extend(DTLS_1_3.to_be_bytes()));
        });
        if let Some(name) = self.servername {
            write(body, extension::SERVER_NAME, |body| {
                vector(body, 2, |body| {
                    body.push(HOST_NAME);
                    vector(body, 2, |body| body.extend(name.as_bytes()));
                });
            });
        }
        if !self.groups.is_empty() {
            write(body, extension::SUPPORTED_GROUPS, |body| {
                vector(body, 2, |body| self.groups.iter().for_each(|group| body.extend(group.id().to_be_bytes())));
            });
        }
        if !self.protocols.is_empty() {
            write(body, extension::APPLICATION_PROTOCOL, |body| {
                vector(body, 2, |body| {
                    self.protocols.iter().for_each(|name| vector(body, 1, |body| body.extend(name)))
                });
            });
        }
        if !self.schemes.is_empty() {
            write_schemes(body, self.schemes);
            body.extend(self.certificate_types);
        }
        if let Some(id) = self.own_id {
            body.extend(connection_id_extension::extension(id));
            // RFC 9853 section 3: who offers connection IDs should offer this as well.
            body.extend(connection_id_extension::routability_extension());
        }
        // RFC 8446 section 9.2: both or none.
        if !self.groups.is_empty() {
            write(body, extension::KEY_SHARE, |body| body.extend(shares(self.share)));
        }
        if self.takes_sessions || !self.keys.is_empty() {
            write(body, extension::PSK_KEY_EXCHANGE_MODES, |body| {
                vector(body, 1, |body| body.extend(self.modes.ids()))
            });
        }
        if self.keys.is_empty() {
            return;
        }
        // RFC 8446 section 4.2.11: the last one.
        write(body, extension::PRE_SHARED_KEY, |body| {
            vector(body, 2, |body| {
                for key in self.keys {
                    vector(body, 2, |body| body.extend(key.bytes));
                    body.extend(key.obfuscated_age.to_be_bytes());
                }
            });
            vector(body, 2, |body| {
                for key in self.keys {
                    vector(body, 1, |body| body.resize(body.len() + key.proof_length, 0));
                }
            });
        });
    }

    /// Bytes at the end of the body that the proofs do not cover: the list of them.
    pub(super) fn uncovered(&self) -> usize {
        if self.keys.is_empty() { 0 } else { 2 + self.keys.iter().map(|key| 1 + key.proof_length).sum::<usize>() }
    }
}

/// The body of a ServerHello. `share`: our public value, where there is a key exchange. `psk`: which of the client's pre-shared keys was chosen, if any.
/// `others`: more of its extensions.
pub(super) fn server_hello(
    random: &[u8; 32],
    suite: Suite,
    share: Option<(Group, &[u8])>,
    psk: Option<u16>,
    others: &[u8],
) -> Vec<u8> {
    hello_of_server(random, suite.id(), |body| {
        body.extend(others);
        if let Some((group, public)) = share {
            write(body, extension::KEY_SHARE, |body| write_share(group, public, body));
        }
        if let Some(psk) = psk {
            write(body, extension::PRE_SHARED_KEY, |body| body.extend(psk.to_be_bytes()));
        }
    })
}

/// The body of a HelloRetryRequest, of which every byte follows from these: it is written again when the client comes back.
/// `group`: the group in which the client is to send a public value; 0 when it has sent one that will do.
pub(super) fn hello_retry_request(suite: u16, group: u16, cookie: &[u8]) -> Vec<u8> {
    hello_of_server(&RETRY_RANDOM, suite, |body| {
        if group != 0 {
            write(body, extension::KEY_SHARE, |body| body.extend(group.to_be_bytes()));
        }
        write(body, extension::COOKIE, |body| vector(body, 2, |body| body.extend(cookie)));
    })
}

fn hello_of_server(random: &[u8; 32], suite: u16, write_others: impl FnOnce(&mut Vec<u8>)) -> Vec<u8> {
    let mut body = Vec::with_capacity(USUAL_LENGTH);
    body.extend(DTLS_1_2.to_be_bytes());
    body.extend(random);
    // RFC 9147 section 5.3: the client's session id is not repeated, as it is in TLS.
    body.push(0);
    body.extend(suite.to_be_bytes());
    body.push(0);
    vector(&mut body, 2, |body| {
        write(body, extension::SUPPORTED_VERSIONS, |body| body.extend(DTLS_1_3.to_be_bytes()));
        write_others(body);
    });
    body
}

/// The body of EncryptedExtensions. `protocol`: the application protocol that was chosen. `certificate_types`: the extensions
/// that say how either side proves who it is.
pub(super) fn encrypted_extensions(protocol: Option<&[u8]>, certificate_types: &[u8]) -> Vec<u8> {
    let mut body = Vec::new();
    vector(&mut body, 2, |body| {
        body.extend(certificate_types);
        if let Some(protocol) = protocol {
            write(body, extension::APPLICATION_PROTOCOL, |body| {
                vector(body, 2, |body| vector(body, 1, |body| body.extend(protocol)));
            });
        }
    });
    body
}

/// The content of a client's key_share with this public value, if there is one.
pub(super) fn shares(share: Option<&KeyShare>) -> Vec<u8> {
    let mut content = Vec::new();
    vector(&mut content, 2, |content| {
        if let Some(share) = share {
            write_share(share.group(), share.public(), content);
        }
    });
    content
}

fn write_share(group: Group, public: &[u8], body: &mut Vec<u8>) {
    body.extend(group.id().to_be_bytes());
    vector(body, 2, |body| body.extend(public));
}

fn write(body: &mut Vec<u8>, id: u16, content: impl FnOnce(&mut Vec<u8>)) {
    body.extend(id.to_be_bytes());
    vector(body, 2, content);
}
