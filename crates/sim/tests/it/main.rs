//! What may happen to a consortium, several seeds each. A failure names its seed.

#![allow(clippy::unwrap_used)]

mod scenarios;
