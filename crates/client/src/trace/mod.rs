//! The trail of medicines: packs and their codes, those who handle them, and reading what happened.
//!
//! ```text
//! code -> Pack      secret and identity -> trace key (to append), reading key, trace id
//! Plan::new         a document of events -> the packs that each names
//! Handler::append   EPCIS event, compared with its packs -> signed -> sealed -> masked for each
//!                   pack -> proven -> ordered
//! inspect           trace id -> entries, linked and proven -> opened -> every author checked
//!                   -> Trail with alarms
//! ```
//! A carton has a code and a trace of its own. When packs go into it, their traces say so and carry
//! the carton's *reading* key, so a shipment of the carton is one append, and whoever holds a pack
//! can still read all of its way.

mod alarm;
mod business;
mod capture;
mod events;
mod handler;
mod numbers;
mod pack;
mod passes;
mod prescription;
mod trail;

pub use alarm::Alarm;
pub use business::{action_of, is_expired};
pub use capture::{Capture, CaptureError, LeftOut, Plan, named_among, names_of};
pub use events::{EventMaker, Storage};
pub use handler::{Handler, Standing};
pub use numbers::{Numbering, TooFew};
pub use pack::{Pack, year};
pub use passes::{PassBook, PassKey, PassRequest};
pub use prescription::Prescription;
pub use trail::{Author, Step, Trail, inspect};
