//! What the engine runs on: tokio in a node, the deterministic runtime in a simulation.

use commonware_runtime::{Clock, Metrics, Network, Spawner, Storage};

/// Everything that the engine's parts ask of a runtime together.
pub trait Runtime: Clock + Metrics + Network + Spawner + Storage + rand_core::CryptoRng {}

impl<E: Clock + Metrics + Network + Spawner + Storage + rand_core::CryptoRng> Runtime for E {}
