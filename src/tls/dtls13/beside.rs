//! A client's first hello that is one of DTLS 1.2 as well: the engine of that version writes and sends it, and repeats it until
//! the server has chosen.

use super::association::{self, Association};
use super::client::{ClientHandshake, Stage};
use super::greeting::{Proof, room_for_hello, write_proofs};
use crate::tls::addition::Addition;
use crate::tls::error::Error;
use crate::tls::question::{Answer, Question};
use crate::wire::hello13::Offer;
use crate::wire::{extensions_of_body, two_versions};
use std::sync::Arc;
use std::time::Instant;

/// What is added to a hello of DTLS 1.2: a hello of DTLS 1.3, and what it proves.
struct Added {
    hello: Vec<u8>,
    /// Bytes at its end that its proofs do not cover.
    uncovered: usize,
    proofs: Vec<Proof>,
}

impl Added {
    /// `older`: a hello without a cookie.
    fn merge(&self, older: &[u8]) -> Option<Vec<u8>> {
        let mut hello = two_versions::merge(older, &self.hello)?;
        write_proofs(&self.proofs, self.uncovered, &mut hello).ok()?;
        Some(hello)
    }
}

impl Association {
    fn beside(&mut self) -> Result<&mut ClientHandshake, Error> {
        match &mut self.stage {
            association::Stage::Client(client) => Ok(client),
            _ => Err(Error::unasked()),
        }
    }

    /// The question who we are, unless that is known.
    pub(crate) fn begin_beside(&mut self, now: Instant) -> Result<Option<Question>, Error> {
        self.beside()?.begin_beside(now)
    }

    /// Whether DTLS 1.3 can go on with this answer to the question who we are: an identity is not empty (RFC 8446 section 4.2.11).
    pub(crate) fn can_go_on_with(&self, answer: &Answer<'_>) -> bool {
        match (&self.stage, answer) {
            (association::Stage::Client(client), Answer::OwnPsk(None)) => client.config.takes_certificates,
            (association::Stage::Client(_), Answer::OwnPsk(Some((identity, _)))) => !identity.is_empty(),
            _ => true,
        }
    }

    /// Goes on with who we are.
    pub(crate) fn answer_beside(&mut self, now: Instant, answer: Answer<'_>) -> Result<(), Error> {
        match answer {
            Answer::OwnPsk(own) => self.beside()?.answer_beside(now, own),
            _ => Err(Error::unasked()),
        }
    }

    /// What makes a hello of DTLS 1.2 one for this association, too.
    pub(crate) fn addition(&mut self) -> Result<Addition, Error> {
        self.beside()?.addition()
    }

    /// This hello was sent.
    pub(crate) fn greeted(&mut self, hello: &[u8]) -> Result<(), Error> {
        let client = self.beside()?;
        client.greeted(hello)?;
        self.client_random = client.random();
        Ok(())
    }

    /// The server has chosen DTLS 1.3. `plaintext_next`: number of our next record, the other engine's having come before it.
    pub(crate) fn go_on_from(&mut self, plaintext_next: u64) {
        self.link.go_on_from(plaintext_next);
    }
}

impl ClientHandshake {
    /// As [`ClientHandshake::begin`], where the hello is for DTLS 1.2 as well and is sent by its engine.
    pub(super) fn begin_beside(&mut self, now: Instant) -> Result<Option<Question>, Error> {
        if !self.config.asks_for_psk {
            self.stage = Stage::Beside(self.greeting(now, None)?);
            return Ok(None);
        }
        self.stage = Stage::Asking;
        Ok(Some(Question::OwnPsk(None)))
    }

    /// As [`ClientHandshake::answer`], for the same.
    pub(super) fn answer_beside(&mut self, now: Instant, own: Option<(&[u8], &[u8])>) -> Result<(), Error> {
        self.stage = Stage::Beside(self.greeting(now, self.own_psk(own)?)?);
        Ok(())
    }

    /// What makes a hello of DTLS 1.2 one for this handshake, too.
    pub(super) fn addition(&self) -> Result<Addition, Error> {
        let Stage::Beside(greeting) = &self.stage else { return Err(Error::unasked()) };
        let proofs = greeting.proofs(&self.config)?;
        let full = Added { hello: greeting.hello.clone(), uncovered: greeting.uncovered, proofs: proofs.clone() };
        let plain = greeting.plain().map(|(hello, uncovered)| {
            let proofs = proofs.into_iter().skip(1).collect();
            Added { hello: hello.clone(), uncovered: *uncovered, proofs }
        });
        let room = room_for_hello(&self.config);
        // RFC 6347 section 4.2.1: a hello with a cookie is the first one but for that. Servers may bind their cookies to all of it, to
        // its proofs too (BouncyCastle does). Nobody else looks at these: a server of DTLS 1.3 refuses any hello with such a cookie
        // (RFC 9147 section 5.3).
        Ok(Arc::new(move |older| {
            let (older, start, cookie) = two_versions::without_cookie(older)?;
            let mut hello = full.merge(&older)?;
            if let Some(plain) = plain.as_ref().filter(|_| hello.len() > room) {
                hello = plain.merge(&older)?;
            }
            hello.splice(start..=start, cookie.iter().copied());
            Some(hello)
        }))
    }

    /// This hello was sent.
    pub(super) fn greeted(&mut self, hello: &[u8]) -> Result<(), Error> {
        let Stage::Beside(mut greeting) = std::mem::replace(&mut self.stage, Stage::Over) else {
            return Err(Error::unasked());
        };
        greeting.hello = hello.to_vec();
        // It may have had no room for the session.
        let first = extensions_of_body(hello).and_then(|list| Offer::parse(list).ok()?.psk?.keys.get(0));
        if greeting
            .session
            .as_ref()
            .is_some_and(|offered| first.is_none_or(|key| *key.identity != *offered.session.ticket))
        {
            greeting.uncovered = greeting.plain().map_or(0, |(_, uncovered)| *uncovered);
            greeting.session = None;
        }
        // Version and random are the beginning of every hello.
        self.random = hello.get(2..34).and_then(|random| random.try_into().ok()).ok_or_else(Error::unasked)?;
        self.stage = Stage::Greeting(greeting);
        Ok(())
    }
}
