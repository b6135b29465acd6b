//! What one version adds to the hello of another.

use std::sync::Arc;

/// The body of a hello of DTLS 1.2 to that of one which DTLS 1.3 can go on from as well; `None` when it cannot be made.
pub(crate) type Addition = Arc<dyn Fn(&[u8]) -> Option<Vec<u8>> + Send + Sync>;
