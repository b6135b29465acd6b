//! A client's first hello that is one of DTLS 1.2 as well: the engine of that version writes and sends it, and repeats it until
//! the server has chosen.

use super::association::{self, Association};
use super::client::{ClientHandshake, Greeting, Stage, write_proof};
use crate::tls::addition::Addition;
use crate::tls::error::Error;
use crate::tls::question::{Answer, Question};
use crate::wire::two_versions;
use std::sync::Arc;

impl Association {
    fn beside(&mut self) -> Result<&mut ClientHandshake, Error> {
        match &mut self.stage {
            association::Stage::Client(client) => Ok(client),
            _ => Err(Error::unasked()),
        }
    }

    /// The question who we are, unless that is known.
    pub(crate) fn begin_beside(&mut self) -> Result<Option<Question>, Error> {
        self.beside()?.begin_beside()
    }

    /// Goes on with who we are.
    pub(crate) fn answer_beside(&mut self, answer: Answer<'_>) -> Result<(), Error> {
        match answer {
            Answer::OwnPsk(own) => self.beside()?.answer_beside(own),
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
    pub(super) fn begin_beside(&mut self) -> Result<Option<Question>, Error> {
        if !self.config.asks_for_psk {
            self.stage = Stage::Beside(self.greeting(None)?);
            return Ok(None);
        }
        self.stage = Stage::Asking;
        Ok(Some(Question::OwnPsk(None)))
    }

    /// As [`ClientHandshake::answer`], for the same.
    pub(super) fn answer_beside(&mut self, own: Option<(&[u8], &[u8])>) -> Result<(), Error> {
        self.stage = Stage::Beside(self.greeting(self.own_psk(own)?)?);
        Ok(())
    }

    /// What makes a hello of DTLS 1.2 one for this handshake, too.
    pub(super) fn addition(&self) -> Result<Addition, Error> {
        let Stage::Beside(greeting) = &self.stage else { return Err(Error::unasked()) };
        let Greeting { hello, uncovered, .. } = &**greeting;
        let (proof, newer, uncovered) = (self.proof_of(greeting)?, hello.clone(), *uncovered);
        Ok(Arc::new(move |older| {
            let mut hello = two_versions::merge(older, &newer)?;
            if let Some((key, transcript)) = &proof {
                write_proof(key, transcript, uncovered, &mut hello).ok()?;
            }
            Some(hello)
        }))
    }

    /// This hello was sent.
    pub(super) fn greeted(&mut self, hello: &[u8]) -> Result<(), Error> {
        let Stage::Beside(mut greeting) = std::mem::replace(&mut self.stage, Stage::Over) else {
            return Err(Error::unasked());
        };
        greeting.hello = hello.to_vec();
        // Version and random are the beginning of every hello.
        self.random = hello.get(2..34).and_then(|random| random.try_into().ok()).ok_or_else(Error::unasked)?;
        self.stage = Stage::Greeting(greeting);
        Ok(())
    }
}
