//! What other protocols take from a connection: keys, and names for it.

use super::connection::ConnectionHandle;
use super::endpoint::Endpoint;
use crate::tls::{ExportError, Finished};
use zeroize::Zeroizing;

impl Endpoint {
    /// Keying material (RFC 5705). No context is another thing than an empty one.
    pub(crate) fn export_keying_material(
        &self,
        handle: ConnectionHandle,
        label: &[u8],
        context: Option<&[u8]>,
        length: usize,
    ) -> Result<Zeroizing<Vec<u8>>, ExportError> {
        let connection = self.connections.get(&handle).ok_or(ExportError::NotConnected)?;
        connection.context.export(label, context, length)
    }

    /// The two Finished messages; `None` before, and where the handshake was in another process.
    pub(crate) fn finished(&self, handle: ConnectionHandle) -> Option<Finished> {
        self.connections.get(&handle)?.context.finished()
    }
}
