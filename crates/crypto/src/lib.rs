//! Keys, capsules, seals and signatures of Yilian 医链.
//!
//! - [`pre`]: a patient lets a node turn the capsule of a record into one that a reader opens.
//! - [`seal`]: a record encrypted under the key that a capsule carries.
//! - [`sign`]: Ed25519 signatures over labelled messages.
//! - [`pseudonym`]: one name for each visit, with an identity that only regulators can read.
//! - [`seed`]: everything of a patient or member from 24 words.
//! - [`scope`]: what a grant is about.
//! - [`psk`]: secrets that travel from hand to hand, for when curves do not hold.
//! - [`search`]: search keys.
//! - [`suite`]: the number that every sealed thing begins with.
//! - [`kem`]: messages that only the holder of a certified key can read.
//! - [`keystore`]: secrets at rest, under a passphrase.
//! - [`shamir`]: a secret that k of n key holders have together.
//! - [`stamp`]: a member answers for a letter without knowing which.
//! - [`trace`]: what a pack's code opens.
//! - [`label`], [`hash`]: domain separation, hashing and key derivation.
//! - [`bls`]: safe types over BLS12-381; the only place with foreign code.
//!
//! All encodings are of fixed size and canonical: a second spelling, a trailing byte, the identity,
//! a point off its curve or outside its subgroup is refused where bytes become values. Values that
//! exist are therefore good values.
//!
//! # Not promised
//! Secrets are zeroised when dropped and handled without secret-dependent branches or addresses as
//! far as blst and the dalek crates do, but copies that the compiler leaves in registers and on the
//! stack are beyond this crate.

#![deny(unsafe_code)]

pub mod bls;
mod encoding;
mod error;
pub mod hash;
pub mod kem;
pub mod keystore;
pub mod label;
pub mod pre;
pub mod pseudonym;
pub mod psk;
pub mod scope;
pub mod seal;
pub mod search;
pub mod seed;
pub mod shamir;
pub mod sign;
pub mod stamp;
pub mod suite;
pub mod trace;

pub use error::Error;
