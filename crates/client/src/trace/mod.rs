//! The trail of medicines: packs and their codes, those who handle them, and reading what happened.
//!
//! ```text
//! code -> Pack      secret and identity -> trace key (to append), reading key, trace id
//! Handler::append   EPCIS event -> signed -> sealed -> masked for each pack -> proven -> ordered
//! inspect           trace id -> entries, linked and proven -> opened -> every author checked
//!                   -> Trail with alarms
//! ```
//! A carton has a code and a trace of its own. When packs go into it, their traces say so and carry
//! the carton's *reading* key, so a shipment of the carton is one append, and whoever holds a pack
//! can still read all of its way.

mod alarm;
mod events;
mod handler;
mod pack;
mod passes;
mod prescription;
mod trail;

pub use alarm::Alarm;
pub use events::{EventMaker, Storage};
pub use handler::{Capture, Handler};
pub use pack::Pack;
pub use passes::{PassBook, PassKey, PassRequest};
pub use prescription::Prescription;
pub use trail::{Author, Step, Trail, inspect};
