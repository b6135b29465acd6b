//! The two addresses of a datagram.

use std::net::{IpAddr, SocketAddr};

/// Between whom a datagram goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Route {
    /// The peer's address.
    pub(crate) remote: SocketAddr,
    /// Ours. `None` where there is only one, and where the system does not say which it is: then it chooses.
    pub(crate) local: Option<IpAddr>,
}

impl From<SocketAddr> for Route {
    fn from(remote: SocketAddr) -> Route {
        Route { remote, local: None }
    }
}
