//! The steps of a handshake's Certificate messages, each of which is a chain of certificates, a raw public key
//! (RFC 7250), or left out. The engine writes ours if it is a chain; it reads none of the peer's, of which it gets the
//! public key alone.

use super::errors::Failure;
use super::ffi::config::Role;
use super::ffi::ssl::Ssl;
use super::rules::Rules;
use crate::tls::certificate_fault::CertificateFault;
use crate::tls::error::Error;
use crate::tls::trust::{Chain, Peer};
use crate::wire::certificate::{self, first_certificate, raw_public_key};
use crate::wire::certificate_type::Agreement;
use crate::wire::handshake::SERVER_KEY_EXCHANGE;
use crate::wire::{CertificateType, PublicKey};

/// The step that writes a server's Certificate message.
pub(super) fn write_servers(ssl: &mut Ssl, rules: &Rules, agreement: Agreement) -> Result<(), Failure> {
    if rules.peer.required && agreement.peer.is_none() {
        return Err(Error::accepts_nothing_shown(&rules.abilities.accepts, "client").into());
    }
    match agreement.own {
        Some(CertificateType::RawPublicKey) if rules.omits_certificate => ssl.omit_certificate(),
        Some(CertificateType::RawPublicKey) => ssl.write_raw_public_key(ssl.key_kind())?,
        Some(CertificateType::X509) => ssl.handshake_step()?,
        None => return Err(Error::shows_nothing_accepted(&rules.abilities.presents).into()),
    }
    Ok(())
}

/// The step that writes a client's Certificate message.
pub(super) fn write_clients(ssl: &mut Ssl, agreement: Agreement) -> Result<(), Failure> {
    if agreement.own == Some(CertificateType::RawPublicKey) && ssl.is_asked_for_certificate() {
        ssl.use_raw_public_key()?;
        return Ok(ssl.write_raw_public_key(None)?);
    }
    Ok(ssl.handshake_step()?)
}

/// The step that reads a server's Certificate message.
pub(super) fn read_servers(ssl: &mut Ssl, rules: &Rules, agreement: Agreement, peer: &mut Peer) -> Result<(), Failure> {
    match agreement.peer {
        Some(CertificateType::RawPublicKey) => read_raw_public_key(ssl, rules, peer),
        None if rules.omits_certificate => read_raw_public_key(ssl, rules, peer),
        Some(CertificateType::X509) => read_chain(ssl, peer),
        None => Err(Error::accepts_nothing_shown(&rules.abilities.accepts, "server").into()),
    }
}

/// The step that reads a client's Certificate message.
pub(super) fn read_clients(ssl: &mut Ssl, rules: &Rules, agreement: Agreement, peer: &mut Peer) -> Result<(), Failure> {
    if !ssl.config().asks_peer() {
        // No message was asked for, and the engine passes the state over.
        return Ok(ssl.handshake_step()?);
    }
    match agreement.peer {
        Some(CertificateType::RawPublicKey) => read_raw_public_key(ssl, rules, peer),
        Some(CertificateType::X509) | None => read_chain(ssl, peer),
    }
}

/// RFC 5246 section 7.4.2: the Certificate message is a chain.
fn read_chain(ssl: &mut Ssl, peer: &mut Peer) -> Result<(), Failure> {
    let message = ssl.peek_handshake_message()?;
    judge_chain(ssl, peer, &message).inspect_err(|_| {
        if let Some(certificate) = first_certificate(&message) {
            peer.refuse_certificate(certificate);
        }
    })
}

fn judge_chain(ssl: &mut Ssl, peer: &mut Peer, message: &[u8]) -> Result<(), Failure> {
    let ders = certificate::chain(message).map_err(Error::from)?;
    let Some(chain) = Chain::read(ders)? else { return accept_nothing(ssl, peer) };
    peer.hear_chain(&chain, |key| accept_key(ssl, key))
}

/// RFC 5246 section 7.4.6: a client that has nothing to present says so with an empty message.
fn accept_nothing(ssl: &mut Ssl, peer: &Peer) -> Result<(), Failure> {
    peer.hear_nothing(ssl.role() == Role::Client)?;
    ssl.accept_no_public_key();
    Ok(())
}

/// Has the engine verify signatures with the peer's key.
fn accept_key(ssl: &mut Ssl, key: &PublicKey) -> Result<(), Failure> {
    ssl.accept_raw_public_key(key.der()).map_err(|errno| match errno {
        mbedtls_sys::ERR_SSL_ALLOC_FAILED => Failure::Engine(errno),
        _ => Error::certificate_fault(CertificateFault::UnacceptableKey).into(),
    })
}

/// RFC 7250 section 3: the Certificate message is one SubjectPublicKeyInfo.
fn read_raw_public_key(ssl: &mut Ssl, rules: &Rules, peer: &mut Peer) -> Result<(), Failure> {
    let message = ssl.peek_handshake_message()?;
    if let Some(key) = key_of_omitted_certificate(ssl, rules, &message) {
        ssl.accept_raw_public_key(key.der())?;
        // The message that came is the one behind the Certificate message.
        ssl.keep_peeked_message();
        peer.present(key, true);
        return Ok(());
    }
    match raw_public_key(&message).map_err(Error::from)? {
        Some(key) => peer.hear_key(key, |key| accept_key(ssl, key)),
        None => accept_nothing(ssl, peer),
    }
}

/// The only key that a server without a Certificate message can have. It proves by its signature that it has that key.
fn key_of_omitted_certificate<'a>(ssl: &Ssl, rules: &'a Rules, message: &[u8]) -> Option<&'a PublicKey> {
    let is_omitted =
        ssl.role() == Role::Client && rules.omits_certificate && message.first() == Some(&SERVER_KEY_EXCHANGE);
    match rules.peer.public_keys.as_slice() {
        [key] if is_omitted => Some(key),
        _ => None,
    }
}
