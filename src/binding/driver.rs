//! What the two native classes share: an endpoint, the clock, and the registers that JavaScript reads after each call.

use super::address;
use super::error::{CodedError, export_error, internal, no_address, send_error};
use super::event::{NativeEvent, NativeFinished, NativeSavedConnection, NativeStats, NativeTransmit};
use super::pool::Foreman;
use crate::proto::{ConnectionHandle, Endpoint, LookupId};
use napi::Env;
use napi::bindgen_prelude::{Buffer, BufferSlice, Either};
use std::time::Instant;

/// Four doubles: connection, waiting output, next timeout, now.
const REGISTERS_LENGTH: usize = 32;
const CONNECTION: usize = 0;
const WAITING: usize = 1;
const TIMEOUT: usize = 2;
const NOW: usize = 3;

const WAITING_TRANSMITS: u8 = 1;
const WAITING_EVENTS: u8 = 2;

/// An endpoint as JavaScript sees it.
pub(super) struct Driver {
    endpoint: Endpoint,
    /// Other threads for heavy steps of handshakes.
    foreman: Option<Foreman>,
    registers: Buffer,
    /// Zero of the native clock.
    epoch: Instant,
}

impl Driver {
    pub(super) fn new(
        mut endpoint: Endpoint,
        foreman: Option<Foreman>,
        registers: Buffer,
        epoch: Instant,
    ) -> Result<Driver, CodedError> {
        if registers.len() != REGISTERS_LENGTH {
            return Err(internal(format!("{} bytes of registers are not {REGISTERS_LENGTH}", registers.len())));
        }
        endpoint.offer_jobs(foreman.as_ref().map_or(0, Foreman::job_limit));
        Ok(Driver { endpoint, foreman, registers, epoch })
    }

    /// Gives `act` the endpoint and the time, then says in the registers what is waiting.
    pub(super) fn with<R>(&mut self, act: impl FnOnce(&mut Endpoint, Instant) -> R) -> R {
        let now = Instant::now();
        let result = act(&mut self.endpoint, now);
        self.publish(now);
        result
    }

    fn publish(&mut self, now: Instant) {
        if let Some(foreman) = &self.foreman {
            foreman.dispatch(now, &mut self.endpoint);
        }
        let mut waiting = 0;
        if self.endpoint.has_transmit() {
            waiting |= WAITING_TRANSMITS;
        }
        if self.endpoint.has_event() {
            waiting |= WAITING_EVENTS;
        }
        let on_clock = |at: Instant| at.saturating_duration_since(self.epoch).as_secs_f64() * 1000.0;
        let timeout = self.endpoint.poll_timeout().map_or(f64::INFINITY, on_clock);
        let now = on_clock(now);
        self.set_register(WAITING, waiting.into());
        self.set_register(TIMEOUT, timeout);
        self.set_register(NOW, now);
    }

    fn set_register(&mut self, index: usize, value: f64) {
        let at = index * size_of::<f64>();
        if let Some(register) = self.registers.get_mut(at..at + size_of::<f64>()) {
            register.copy_from_slice(&value.to_ne_bytes());
        }
    }

    pub(super) fn handle_datagram<'env>(
        &mut self,
        env: &'env Env,
        datagram: &[u8],
        from: &str,
        port: u16,
    ) -> Result<Either<BufferSlice<'env>, ()>, CodedError> {
        let remote = address::parse(from, port).ok_or_else(|| no_address(from))?;
        let now = Instant::now();
        let received = self.endpoint.handle_datagram(now, remote, datagram);
        let plaintext = received.map(|received| (received.connection, BufferSlice::copy_from(env, received.payload)));
        self.publish(now);
        match plaintext {
            None => Ok(Either::B(())),
            Some((connection, plaintext)) => {
                self.set_register(CONNECTION, connection.0.into());
                plaintext.map(Either::A).map_err(internal)
            }
        }
    }

    pub(super) fn send<'env>(
        &mut self,
        env: &'env Env,
        connection: u32,
        payload: &[u8],
    ) -> Result<BufferSlice<'env>, CodedError> {
        let now = Instant::now();
        let sent = self.endpoint.send(now, ConnectionHandle(connection), payload);
        let datagram = sent.map_err(send_error).and_then(|bytes| BufferSlice::copy_from(env, bytes).map_err(internal));
        self.publish(now);
        datagram
    }

    pub(super) fn handle_timeout(&mut self) {
        self.with(|endpoint, now| endpoint.handle_timeout(now));
    }

    pub(super) fn handle_jobs(&mut self) {
        let now = Instant::now();
        if let Some(foreman) = &self.foreman {
            foreman.collect(now, &mut self.endpoint);
        }
        self.publish(now);
    }

    pub(super) fn close(&mut self, connection: u32) {
        self.with(|endpoint, now| endpoint.close(now, ConnectionHandle(connection)));
    }

    pub(super) fn abort(&mut self, connection: u32) {
        self.with(|endpoint, _| endpoint.abort(ConnectionHandle(connection)));
    }

    pub(super) fn answer_psk(&mut self, lookup: u32, key: Option<&[u8]>) -> bool {
        self.with(|endpoint, now| endpoint.answer_psk(now, LookupId(lookup), key))
    }

    pub(super) fn answer_peer(&mut self, lookup: u32, accepted: bool) -> bool {
        self.with(|endpoint, now| endpoint.answer_peer(now, LookupId(lookup), accepted))
    }

    pub(super) fn fail_lookup(&mut self, lookup: u32, message: &str) -> bool {
        self.with(|endpoint, now| endpoint.fail_lookup(now, LookupId(lookup), message))
    }

    pub(super) fn poll_transmit(&mut self) -> Option<NativeTransmit> {
        self.with(|endpoint, _| endpoint.poll_transmit()).map(|transmit| NativeTransmit {
            address: address::format(&transmit.remote),
            port: transmit.remote.port(),
            datagram: transmit.datagram.into(),
        })
    }

    pub(super) fn poll_event(&mut self) -> Option<NativeEvent> {
        self.with(|endpoint, _| endpoint.poll_event()).map(Into::into)
    }

    pub(super) fn save(&self, connection: u32) -> Option<NativeSavedConnection> {
        self.endpoint.save(ConnectionHandle(connection)).map(Into::into)
    }

    pub(super) fn finished(&self, connection: u32) -> Option<NativeFinished> {
        let finished = self.endpoint.finished(ConnectionHandle(connection))?;
        Some(NativeFinished { own: finished.own.to_vec().into(), peer: finished.peer.to_vec().into() })
    }

    pub(super) fn export_keying_material(
        &self,
        connection: u32,
        length: u32,
        label: &[u8],
        context: Option<&[u8]>,
    ) -> Result<Buffer, CodedError> {
        self.endpoint
            .export_keying_material(ConnectionHandle(connection), label, context, length as usize)
            .map(|material| material.to_vec().into())
            .map_err(export_error)
    }

    pub(super) fn stats(&self) -> NativeStats {
        NativeStats::of(&self.endpoint)
    }
}

/// The methods that both native classes have.
macro_rules! endpoint_methods {
    ($class:ident) => {
        #[napi]
        impl $class {
            /// Takes one datagram of the UDP socket. Answers the plaintext of its first record, when no event waits
            /// before it.
            #[napi(catch_unwind)]
            pub fn handle_datagram<'env>(
                &mut self,
                env: &'env Env,
                datagram: &[u8],
                address: String,
                port: u16,
            ) -> Result<Either<BufferSlice<'env>, ()>, CodedError> {
                self.driver.handle_datagram(env, datagram, &address, port)
            }

            /// Call when the third register is due.
            #[napi(catch_unwind)]
            pub fn handle_timeout(&mut self) {
                self.driver.handle_timeout();
            }

            /// Call when the bell has rung for this endpoint.
            #[napi(catch_unwind)]
            pub fn handle_jobs(&mut self) {
                self.driver.handle_jobs();
            }

            /// Seals one payload; the datagram goes to the connection's peer.
            #[napi(catch_unwind)]
            pub fn send<'env>(
                &mut self,
                env: &'env Env,
                connection: u32,
                payload: &[u8],
            ) -> Result<BufferSlice<'env>, CodedError> {
                self.driver.send(env, connection, payload)
            }

            /// Says goodbye, and ends the connection.
            #[napi(catch_unwind)]
            pub fn close(&mut self, connection: u32) {
                self.driver.close(connection);
            }

            /// Ends the connection without a word to the peer.
            #[napi(catch_unwind)]
            pub fn abort(&mut self, connection: u32) {
                self.driver.abort(connection);
            }

            /// Answers a look-up; null when the identity is unknown.
            #[napi(catch_unwind)]
            pub fn answer_psk(&mut self, lookup: u32, key: Option<&[u8]>) -> bool {
                self.driver.answer_psk(lookup, key)
            }

            /// Answers whether a peer is accepted.
            #[napi(catch_unwind)]
            pub fn answer_peer(&mut self, lookup: u32, accepted: bool) -> bool {
                self.driver.answer_peer(lookup, accepted)
            }

            /// Gives up the handshake that waits for this look-up.
            #[napi(catch_unwind)]
            pub fn fail_lookup(&mut self, lookup: u32, message: String) -> bool {
                self.driver.fail_lookup(lookup, &message)
            }

            /// The next datagram to send.
            #[napi(catch_unwind)]
            pub fn poll_transmit(&mut self) -> Option<NativeTransmit> {
                self.driver.poll_transmit()
            }

            /// The next event.
            #[napi(catch_unwind)]
            pub fn poll_event(&mut self) -> Option<NativeEvent> {
                self.driver.poll_event()
            }

            /// What a connection needs to go on elsewhere; null while it has a handshake, or when there is none.
            #[napi(catch_unwind)]
            pub fn save(&self, connection: u32) -> Option<NativeSavedConnection> {
                self.driver.save(connection)
            }

            /// The two Finished messages; null before, and for a restored connection.
            #[napi(catch_unwind)]
            pub fn finished(&self, connection: u32) -> Option<NativeFinished> {
                self.driver.finished(connection)
            }

            /// Keying material for another protocol (RFC 5705).
            #[napi(catch_unwind)]
            pub fn export_keying_material(
                &self,
                connection: u32,
                length: u32,
                label: &[u8],
                context: Option<&[u8]>,
            ) -> Result<Buffer, CodedError> {
                self.driver.export_keying_material(connection, length, label, context)
            }

            /// What has happened, and what is there now.
            #[napi(catch_unwind)]
            pub fn stats(&self) -> NativeStats {
                self.driver.stats()
            }
        }
    };
}

pub(super) use endpoint_methods;
