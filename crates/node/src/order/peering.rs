//! Whom a node speaks to: validators it dials, and followers it lets in.

use std::{
    fmt, io,
    net::{SocketAddr, TcpListener},
    str::FromStr,
};

use commonware_codec::{DecodeExt as _, Encode as _};
use commonware_cryptography::ed25519::PublicKey;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};
use yilian_crypto::sign::VerifyingKey;
use yilian_protocol::governance::{Delegate, NodeAddress};

/// By which its peers know a node: an Ed25519 public key, 64 hex digits in text.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PeerId(pub(super) PublicKey);

/// A candidate's key as its peers know it; `None` for one that no peer could have.
pub(super) fn peer_key(key: &VerifyingKey) -> Option<PublicKey> {
    PublicKey::decode(bytes::Bytes::copy_from_slice(&key.to_bytes())).ok()
}

impl fmt::Display for PeerId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex::encode(self.0.encode()))
    }
}

/// A text that is not 64 hex digits of a public key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a peer is 64 hex digits, the Ed25519 public key it signs with")]
pub struct PeerIdError;

impl FromStr for PeerId {
    type Err = PeerIdError;

    fn from_str(text: &str) -> Result<Self, PeerIdError> {
        let bytes = hex::decode(text).map_err(|_| PeerIdError)?;
        let key = PublicKey::decode(bytes::Bytes::from(bytes)).map_err(|_| PeerIdError)?;
        Ok(Self(key))
    }
}

impl Serialize for PeerId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for PeerId {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(D::Error::custom)
    }
}

/// A node that is dialled.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Peer {
    /// Who must answer there.
    pub id: PeerId,
    /// Where it listens.
    pub address: SocketAddr,
}

impl Peer {
    /// The node as one that may be a validator; `None` for a key under which the protocol would
    /// verify nothing.
    #[must_use]
    pub fn delegate(&self) -> Option<Delegate> {
        let bytes: [u8; 32] = self.id.0.encode().as_ref().try_into().ok()?;
        Some(Delegate {
            peer: VerifyingKey::from_bytes(&bytes).ok()?,
            address: NodeAddress(self.address),
        })
    }
}

/// Whom a node speaks to. Connections are encrypted, and both ends prove their identity.
///
/// A follower dials its hubs, one or several for fail-over, and accepts nobody: it learns of no
/// other follower, and a firewall in front of it needs no opening. A validator dials whom it is
/// told to, and from its election on the validators of its epochs, whose addresses are on the
/// chain; it accepts them, and its followers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Peering {
    /// Where to listen. A follower listens too, but nobody is let in.
    pub listen: SocketAddr,
    /// Dialled, and let in.
    pub dial: Vec<Peer>,
    /// Let in only.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub accept: Vec<PeerId>,
}

/// Whether a node can listen there. The network's own task does so when it is too late for an
/// answer: it ends the process.
pub(super) fn try_listen(address: SocketAddr) -> io::Result<()> {
    TcpListener::bind(address).map(drop)
}

/// How much of the chain's past a node keeps.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct History {
    /// Whether a node without a chain takes the state of a late block from its peers, instead of
    /// executing every block from the first; it has no older blocks then. Where no peer keeps the
    /// first blocks any more, there is no other way.
    #[serde(default)]
    pub state_sync: bool,
    /// How many of the latest blocks to keep, two epochs at least; all of them, if not said.
    /// Decides at the first start how large the files are, of which whole ones are removed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub keep_blocks: Option<u64>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_peer_is_its_key_in_hex() {
        let text = "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a";
        let peer: PeerId = text.parse().unwrap();
        assert_eq!(peer.to_string(), text);
        for wrong in [
            "",
            "d75a",
            &text[1..],
            &text.replace('d', "x"),
            &"00".repeat(33),
        ] {
            assert_eq!(wrong.parse::<PeerId>(), Err(PeerIdError), "{wrong}");
        }
    }
}
