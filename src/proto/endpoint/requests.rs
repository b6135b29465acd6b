//! What the application asks of an endpoint and its connections.

use super::Endpoint;
use crate::proto::connection::{CloseReason, Connection, WriteError};
use crate::proto::route::Route;
use crate::proto::table::ConnectionHandle;
use crate::tls::{Algorithms, ClientConfig, ConnectionIds, Context, Error, ExportError, Finished, SavedConnection};
use crate::wire::alert;
use std::net::{IpAddr, SocketAddr};
use std::time::Instant;
use zeroize::Zeroizing;

/// A sealed payload, and where it goes.
#[derive(Debug)]
pub(crate) struct Sealed<'a> {
    /// `None` when it is on its way already, to where the peer may be.
    pub(crate) route: Option<Route>,
    pub(crate) datagram: &'a [u8],
}

/// Why a payload was not sent.
#[derive(Debug)]
pub(crate) enum SendError {
    /// There is no such connection, or its handshake is not over.
    NotConnected,
    /// The payload does not fit into one record.
    TooLarge { length: usize, limit: usize },
    /// The connection's store has yet to confirm a copy with further record numbers.
    NoNumbers,
    /// The connection has just failed; its `Closed` event waits.
    Failed(Error),
}

impl Endpoint {
    /// Starts a handshake with the server at `remote`.
    pub(crate) fn connect(
        &mut self,
        now: Instant,
        remote: SocketAddr,
        config: &ClientConfig,
    ) -> Result<ConnectionHandle, Error> {
        let mut context = Context::client(config, now, self.ids.generate())?;
        context.pause(self.jobs.are_wanted());
        let mut connection = Connection::client(now, context);
        let step = connection.begin(now, &mut self.scratch);
        let handle = self.add_handshake(now, remote.into(), connection);
        self.apply(now, handle, step);
        Ok(handle)
    }

    /// Seals one payload. The datagram goes to the connection's peer.
    pub(crate) fn send(
        &mut self,
        now: Instant,
        handle: ConnectionHandle,
        payload: &[u8],
    ) -> Result<Sealed<'_>, SendError> {
        let entry = self.connections.get_mut(&handle).ok_or(SendError::NotConnected)?;
        let route = entry.route();
        let slept = entry.connection.is_asleep();
        self.sealed.clear();
        match entry.connection.write(now, payload, &mut self.sealed) {
            Ok(()) => {}
            Err(WriteError::NotEstablished) => return Err(SendError::NotConnected),
            Err(WriteError::TooLarge { length, limit }) => return Err(SendError::TooLarge { length, limit }),
            Err(WriteError::NoNumbers) => return Err(SendError::NoNumbers),
            Err(WriteError::Failed(error)) => {
                self.remove(handle, CloseReason::Error(error.clone()));
                return Err(SendError::Failed(error));
            }
        }
        entry.tally.sent(payload.len());
        if slept || entry.connection.is_pressed() {
            self.schedule(handle);
        }
        self.counters.messages_sent += 1;
        self.outputs.trace.line(3, route.remote, || format!("<- application data, {} bytes", payload.len()));
        let is_sent = self.doubts.get(handle).is_some();
        if is_sent {
            let sealed = std::mem::take(&mut self.sealed);
            sealed.datagrams().for_each(|datagram| self.send_in_doubt(handle, datagram));
            self.sealed = sealed;
        }
        let datagram = self.sealed.first().ok_or(SendError::NotConnected)?;
        if is_sent {
            return Ok(Sealed { route: None, datagram });
        }
        self.counters.datagrams_sent += 1;
        self.counters.bytes_sent += datagram.len() as u64;
        Ok(Sealed { route: Some(route), datagram })
    }

    /// Says goodbye, and ends the connection.
    pub(crate) fn close(&mut self, now: Instant, handle: ConnectionHandle) {
        if let Some(entry) = self.connections.get_mut(&handle) {
            entry.connection.close(now, &mut self.scratch);
            let (remote, is_established) = (entry.remote, entry.connection.is_established());
            let alert = if is_established { alert::CLOSE_NOTIFY } else { alert::USER_CANCELED };
            self.outputs.trace.line(2, remote, || format!("<- alert {}", alert::name(alert)));
            self.remove(handle, CloseReason::Local);
        }
    }

    /// Ends the connection without a word to the peer.
    pub(crate) fn abort(&mut self, handle: ConnectionHandle) {
        self.remove(handle, CloseReason::Local);
    }

    /// Bytes of the longest payload that an open connection can send.
    pub(crate) fn payload_limit(&self, handle: ConnectionHandle) -> Option<usize> {
        self.connections.get(&handle)?.connection.payload_limit()
    }

    /// What a connection needs to go on elsewhere; `None` while it has a handshake, or when there is none.
    pub(crate) fn save(&self, handle: ConnectionHandle) -> Option<SavedConnection> {
        self.connections.get(&handle)?.connection.save()
    }

    /// Keying material (RFC 5705). No context differs from an empty one.
    pub(crate) fn export_keying_material(
        &self,
        handle: ConnectionHandle,
        label: &[u8],
        context: Option<&[u8]>,
        length: usize,
    ) -> Result<Zeroizing<Vec<u8>>, ExportError> {
        let entry = self.connections.get(&handle).ok_or(ExportError::NotConnected)?;
        entry.connection.export(label, context, length)
    }

    /// What the hellos have agreed on about connection IDs; `None` when there are none.
    pub(crate) fn connection_ids(&self, handle: ConnectionHandle) -> Option<ConnectionIds> {
        self.connections.get(&handle)?.connection.connection_ids()
    }

    /// Our own certificate on an open connection, DER.
    pub(crate) fn own_certificate(&self, handle: ConnectionHandle) -> Option<&[u8]> {
        self.connections.get(&handle)?.connection.own_certificate()
    }

    /// What the handshake of an open connection has agreed on beside its suite.
    pub(crate) fn algorithms(&self, handle: ConnectionHandle) -> Option<Algorithms> {
        self.connections.get(&handle)?.connection.algorithms()
    }

    /// The address of ours that its peer has asked, where there are several and the system tells.
    pub(crate) fn local_address(&self, handle: ConnectionHandle) -> Option<IpAddr> {
        self.connections.get(&handle)?.local
    }

    /// Traces what happens with the peer at this address, up to the messages of handshakes, until its connection is over.
    pub(crate) fn trace_peer(&mut self, remote: SocketAddr) {
        self.outputs.trace.watch(remote);
    }

    /// Whether the application is told the keys of handshakes: [`Event::KeyLog`](super::Event::KeyLog).
    pub(crate) fn log_keys(&mut self, logs_keys: bool) {
        self.logs_keys = logs_keys;
    }

    /// The two Finished messages; `None` before, and where the handshake was in another process.
    pub(crate) fn finished(&self, handle: ConnectionHandle) -> Option<Finished> {
        self.connections.get(&handle)?.connection.finished()
    }
}
