//! Which connections live at a peer's address.

use super::connection::ConnectionHandle;
use std::collections::HashMap;
use std::net::{IpAddr, SocketAddr};

/// The connections at one address and port. While a client starts anew, it has two (RFC 6347 section 4.2.8).
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Route {
    pub(super) established: Option<ConnectionHandle>,
    pub(super) handshaking: Option<ConnectionHandle>,
}

/// From address to connections, with the number of unfinished handshakes.
#[derive(Default)]
pub(super) struct Routes {
    routes: HashMap<SocketAddr, Route>,
    handshakes: usize,
    handshakes_by_address: HashMap<IpAddr, u32>,
}

impl Routes {
    pub(super) fn get(&self, remote: SocketAddr) -> Route {
        self.routes.get(&remote).copied().unwrap_or_default()
    }

    /// Unfinished handshakes, of all addresses.
    pub(super) fn handshakes(&self) -> usize {
        self.handshakes
    }

    /// Unfinished handshakes from one IP address.
    pub(super) fn handshakes_from(&self, address: IpAddr) -> u32 {
        self.handshakes_by_address.get(&address).copied().unwrap_or(0)
    }

    pub(super) fn begin_handshake(&mut self, remote: SocketAddr, connection: ConnectionHandle) {
        self.routes.entry(remote).or_default().handshaking = Some(connection);
        self.handshakes += 1;
        *self.handshakes_by_address.entry(remote.ip()).or_default() += 1;
    }

    /// Makes the handshake the address's connection; answers with the one that it replaces.
    pub(super) fn establish(&mut self, remote: SocketAddr, connection: ConnectionHandle) -> Option<ConnectionHandle> {
        let route = self.routes.entry(remote).or_default();
        if route.handshaking == Some(connection) {
            route.handshaking = None;
            Self::end_handshake(&mut self.handshakes, &mut self.handshakes_by_address, remote.ip());
        }
        route.established.replace(connection)
    }

    pub(super) fn remove(&mut self, remote: SocketAddr, connection: ConnectionHandle) {
        let Some(route) = self.routes.get_mut(&remote) else {
            return;
        };
        if route.established == Some(connection) {
            route.established = None;
        }
        if route.handshaking == Some(connection) {
            route.handshaking = None;
            Self::end_handshake(&mut self.handshakes, &mut self.handshakes_by_address, remote.ip());
        }
        if route.established.is_none() && route.handshaking.is_none() {
            self.routes.remove(&remote);
        }
    }

    fn end_handshake(handshakes: &mut usize, by_address: &mut HashMap<IpAddr, u32>, address: IpAddr) {
        *handshakes -= 1;
        if let Some(count) = by_address.get_mut(&address) {
            *count -= 1;
            if *count == 0 {
                by_address.remove(&address);
            }
        }
    }

    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.routes.len() + self.handshakes_by_address.len()
    }
}
