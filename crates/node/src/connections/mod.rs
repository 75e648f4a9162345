//! Connections of the API, from the socket to the request: how many there are, of whom, and for how
//! long.
//!
//! | module | what it does |
//! |---|---|
//! | [`limits`] | every bound, with its reason |
//! | [`room`] | who has a place, and whose is taken |
//! | [`line`] | what one connection is doing |
//! | [`watched`] | ends one whose time is over |
//! | [`flight`] | bytes of bodies and answers, by who has them |
//! | [`serve`] | accepts, and serves each until the node stops |
//! | [`files`] | open files, for connections and for storage |
//! | [`counted`] | what is counted of all that |
//!
//! HTTP/1.1 is spoken, and nothing else: one connection has one request at a time. There are no
//! streams to open and reset.

mod counted;
mod files;
mod flight;
mod limits;
mod line;
mod room;
mod serve;
mod watched;

pub use files::{FilesError, OpenFiles};
pub use limits::{Bytes, ConnectionOptions, Limits, Times};
pub use serve::{Listening, Stop};

pub(crate) use flight::{Allowance, Held};
pub(crate) use room::Room;
pub(crate) use serve::{Standing, serve};
