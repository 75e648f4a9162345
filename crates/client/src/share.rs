//! What a patient gives a reader, as it is passed on: sealed, see [`yilian_protocol::letter`].

pub use yilian_protocol::letter::{Letter, LetterRecord, SealedLetter, Share};
