//! The transport over HTTP: of a program by sockets, of a page by the browser's `fetch`. The node's
//! `/openapi.json` describes it.

#[cfg(target_family = "wasm")]
mod browser;
#[cfg(not(target_family = "wasm"))]
mod sockets;

#[cfg(target_family = "wasm")]
pub use browser::HttpTransport;
#[cfg(not(target_family = "wasm"))]
pub use sockets::{HttpTransport, node_url};

/// How long a request may take: an upload of the largest visit over a slow line.
const TIMEOUT: std::time::Duration = std::time::Duration::from_secs(120);
