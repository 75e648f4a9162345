//! What both halves of the module tell, and how values cross to JavaScript.

use serde::{Serialize, de::DeserializeOwned};
use tsify::{Ts, Tsify};
use yilian_client::{HttpTransport, Session};
use yilian_protocol::registry::{Admitted, Genesis};

use crate::trouble::Trouble;

/// A value as JavaScript has it.
pub(crate) fn told<V: Tsify + Serialize>(value: &V) -> Result<Ts<V>, Trouble> {
    let failed = |error| Trouble::invalid(&format!("cannot be told: {error}"));
    value.into_ts().map_err(failed)
}

/// A whole number as JavaScript has it.
pub(crate) fn whole(number: f64) -> Result<u64, Trouble> {
    const MAX: f64 = 9_007_199_254_740_991.0;
    if number.fract() == 0.0 && (0.0..=MAX).contains(&number) {
        #[allow(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "whole and in range"
        )]
        return Ok(number as u64);
    }
    Err(Trouble::invalid("not a whole number below 2^53"))
}

/// JSON of a value of the wire.
pub(crate) fn json<V: Serialize>(value: &V) -> Result<String, Trouble> {
    serde_json::to_string(value).map_err(|_| Trouble::invalid("cannot be written as JSON"))
}

/// A value of the wire out of JSON.
pub(crate) fn from_json<V: DeserializeOwned>(text: &str) -> Result<V, Trouble> {
    serde_json::from_str(text).map_err(|_| Trouble::invalid("not the JSON that was kept"))
}

/// A session with the node at the URL `node`, on the chain of `genesis`: without it the node's own
/// word is taken, once.
pub(crate) async fn session(
    node: &str,
    genesis: Option<&str>,
) -> Result<Session<HttpTransport>, Trouble> {
    let transport = HttpTransport::new(node)?;
    let session = match genesis {
        None => Session::trust_on_first_use(transport).await?,
        Some(text) => Session::open(transport, from_json(text)?).await?,
    };
    Ok(session)
}

/// The chain that is pinned.
#[derive(Debug, Clone, Serialize, Tsify)]
#[serde(rename_all = "camelCase")]
pub struct ChainView {
    /// Its id.
    pub id: String,
    /// The consortium's name.
    pub name: String,
    /// When it began.
    pub created: u64,
    /// Blocks of an epoch.
    pub epoch_blocks: u32,
}

impl From<&Genesis> for ChainView {
    fn from(genesis: &Genesis) -> Self {
        Self {
            id: genesis.chain().to_string(),
            name: genesis.name.to_string(),
            created: genesis.created.get(),
            epoch_blocks: genesis.governance.epoch_blocks.get(),
        }
    }
}

/// A block's height and time.
#[derive(Debug, Clone, Copy, Serialize, Tsify)]
pub struct Place {
    /// Its height.
    pub height: u64,
    /// When it was proposed.
    pub time: u64,
}

impl From<Admitted> for Place {
    fn from(admitted: Admitted) -> Self {
        Self {
            height: admitted.height.get(),
            time: admitted.time.get(),
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn numbers_of_javascript_are_whole_or_refused() {
        assert_eq!(whole(0.0).unwrap(), 0);
        assert_eq!(whole(9_007_199_254_740_991.0).unwrap(), (1 << 53) - 1);
        for wrong in [-1.0, 0.5, f64::NAN, f64::INFINITY, 9_007_199_254_740_992.0] {
            assert!(whole(wrong).is_err(), "{wrong}");
        }
    }
}
