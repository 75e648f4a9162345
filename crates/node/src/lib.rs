//! A consortium member's node: orders transactions, keeps ciphertext, holds rekeys, and answers
//! requests.
//!
//! | module | what it does |
//! |---|---|
//! | [`order`] | a chain of final blocks |
//! | [`machine`] | the ledger as what the chain orders transactions for |
//! | [`consortium`] | what a service needs of a chain |
//! | [`store`] | sealed objects on disk |
//! | [`keyholder`] | rekeys of standing grants, served as the consent contract allows |
//! | [`mailbox`] | letters for who has a mailbox here |
//! | [`config`] | a node's file of settings |
//! | [`neighbours`] | other nodes' ciphertext, and hubs for one's own |
//! | [`log`] | hospitals' private chains, anchored on the consortium chain |
//! | [`erasure`] | erases shares of revoked grants |
//! | [`health`] | the one state of the storage |
//! | [`scrub`] | looks for damaged objects, and mends them |
//! | [`service`] | what a node does with a call |
//! | [`api`] | the same over HTTP |
//! | [`connections`] | how many connections there are, of whom, and for how long |
//! | [`tls`] | HTTPS, and who calls |
//! | [`vault`] | secrets on disk, under a passphrase |
//!
//! No record parser and no wallet is linked into it: a node cannot read what it keeps.

#![forbid(unsafe_code)]

mod answered;
pub mod api;
mod background;
pub mod config;
pub mod connections;
pub mod consortium;
mod database;
pub mod erasure;
mod fetching;
pub mod health;
mod hosted_members;
pub mod keyholder;
pub mod machine;
pub mod mailbox;
pub mod neighbours;
pub mod order;
pub mod private_chain;
mod private_file;
pub mod scrub;
pub mod service;
mod serving;
pub mod store;
pub mod tls;
mod unproven;
pub mod vault;
