//! Who orders blocks: members stand nodes as candidates and elect among them; the elected get
//! shares of the group key.
//!
//! An epoch is [`Governance::epoch_blocks`] blocks. A quarter into epoch *e* the votes are counted;
//! in *e + 2* the elected make shares of the group key together with those who hold them, and from
//! *e + 3* on they vote. The group key stays the same for ever.

use std::net::{IpAddr, SocketAddr};

use schemars::JsonSchema;
use yilian_crypto::{
    label,
    sign::{Signature, SigningKey, VerifyingKey},
};

use crate::{
    codec::{Decode, DecodeError, Encode, List, Reader, canonical},
    fixed,
    ids::{ChainId, Height, MemberId},
    limits::{CANDIDATES_MAX, DELEGATES_MAX, EPOCH_BLOCKS_MIN},
};

/// Epochs for which a node stays known after those that it was elected for: it held a share in
/// them.
const SHARE_EPOCHS: u64 = 2;

/// Where other nodes dial a node: IP address and port. 7 or 19 bytes; in text `127.0.0.1:9000` or
/// `[::1]:9000`.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize, JsonSchema,
)]
#[serde(transparent)]
pub struct NodeAddress(#[schemars(with = "String", regex(pattern = ADDRESS))] pub SocketAddr);

/// An IPv4 address, or an IPv6 address in brackets (RFC 3986 section 3.2.2), and a port.
const ADDRESS: &str = concat!(
    r"^(((25[0-5]|(2[0-4]|1[0-9]|[1-9]?)[0-9])\.){3}(25[0-5]|(2[0-4]|1[0-9]|[1-9]?)[0-9])",
    r"|\[[0-9a-f:.]{2,45}\]):",
    r"(6553[0-5]|655[0-2][0-9]|65[0-4][0-9]{2}|6[0-4][0-9]{3}|[1-5][0-9]{4}|[1-9][0-9]{0,3}|0)$",
);

impl Encode for NodeAddress {
    fn encode(&self, out: &mut Vec<u8>) {
        match self.0.ip() {
            IpAddr::V4(ip) => {
                out.push(4);
                out.extend_from_slice(&ip.octets());
            }
            IpAddr::V6(ip) => {
                out.push(6);
                out.extend_from_slice(&ip.octets());
            }
        }
        self.0.port().encode(out);
    }
}

impl Decode for NodeAddress {
    fn decode(input: &mut Reader<'_>) -> Result<Self, DecodeError> {
        const WHAT: &str = "node address";
        let ip = match u8::decode(input)? {
            4 => IpAddr::from(input.array::<4>(WHAT)?),
            6 => IpAddr::from(input.array::<16>(WHAT)?),
            tag => return Err(DecodeError::UnknownTag { what: WHAT, tag }),
        };
        Ok(Self(SocketAddr::new(ip, Decode::decode(input)?)))
    }
}

/// A node that may be a validator.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize, JsonSchema)]
pub struct Delegate {
    /// By which its peers know it.
    #[serde(with = "fixed::Hex::<VerifyingKey>")]
    pub peer: VerifyingKey,
    /// Where they dial it.
    pub address: NodeAddress,
}
canonical!(Delegate { peer, address });

/// Blocks of an epoch, [`EPOCH_BLOCKS_MIN`] at least: the validators need a turn each in half of
/// it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize, JsonSchema)]
#[serde(try_from = "u32", into = "u32")]
#[schemars(extend("minimum" = EPOCH_BLOCKS_MIN))]
pub struct EpochBlocks(u32);

impl EpochBlocks {
    /// Of a chain that was not told otherwise: 85 minutes of an idle one.
    pub const DEFAULT: Self = Self(512);

    /// An epoch of `blocks`.
    ///
    /// # Errors
    /// [`DecodeError::Invalid`] below [`EPOCH_BLOCKS_MIN`].
    pub const fn new(blocks: u32) -> Result<Self, DecodeError> {
        if blocks < EPOCH_BLOCKS_MIN {
            return Err(DecodeError::Invalid {
                what: "epoch (too few blocks)",
            });
        }
        Ok(Self(blocks))
    }

    /// How many.
    #[must_use]
    pub const fn get(self) -> u32 {
        self.0
    }

    /// The epoch of the block at `height`.
    #[must_use]
    pub const fn epoch_of(self, height: Height) -> u64 {
        height.get() / self.0 as u64
    }

    /// The epoch whose delegates are elected by the votes that stand before the block at `height`:
    /// they make shares in it, and vote in the next. `None` at every other height.
    #[must_use]
    pub const fn elects(self, height: Height) -> Option<u64> {
        let blocks = self.0 as u64;
        if height.get() % blocks == blocks / 4 {
            Some(self.epoch_of(height) + 2)
        } else {
            None
        }
    }

    /// The height at which the delegates of `epoch` are elected; `None` for the first two epochs,
    /// whose delegates the genesis names.
    #[must_use]
    pub const fn elected_at(self, epoch: u64) -> Option<Height> {
        match epoch.checked_sub(2) {
            Some(before) => Some(Height::new(before * self.0 as u64 + self.0 as u64 / 4)),
            None => None,
        }
    }
}

impl TryFrom<u32> for EpochBlocks {
    type Error = DecodeError;

    fn try_from(blocks: u32) -> Result<Self, DecodeError> {
        Self::new(blocks)
    }
}

impl From<EpochBlocks> for u32 {
    fn from(blocks: EpochBlocks) -> Self {
        blocks.0
    }
}

impl Encode for EpochBlocks {
    fn encode(&self, out: &mut Vec<u8>) {
        self.0.encode(out);
    }
}

impl Decode for EpochBlocks {
    fn decode(input: &mut Reader<'_>) -> Result<Self, DecodeError> {
        Self::new(Decode::decode(input)?)
    }
}

/// How validators follow each other, as the genesis has it.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize, JsonSchema)]
pub struct Governance {
    /// Blocks of an epoch.
    pub epoch_blocks: EpochBlocks,
    /// The delegates of the first two epochs, and the validators of the very first.
    pub delegates: List<Delegate, DELEGATES_MAX>,
}
canonical!(Governance {
    epoch_blocks,
    delegates
});

/// Stands a member's node as a candidate, moves it to another address, or withdraws it.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize, JsonSchema)]
pub struct Candidacy {
    /// Whose node it is.
    pub member: MemberId,
    /// The node.
    #[serde(with = "fixed::Hex::<VerifyingKey>")]
    pub peer: VerifyingKey,
    /// Where other nodes dial it; nothing to withdraw it.
    pub address: Option<NodeAddress>,
    /// How often the member voted or stood before, see
    /// [`Vote::sequence`](crate::registry::Vote::sequence).
    pub sequence: u32,
    /// The node's own signature: nobody stands another's.
    #[serde(with = "fixed::Hex::<Signature>")]
    pub consent: Signature,
}
canonical!(Candidacy {
    member,
    peer,
    address,
    sequence,
    consent
});

impl Candidacy {
    /// A candidacy that the node `key` consents to.
    #[must_use]
    pub fn sign(
        chain: ChainId,
        member: MemberId,
        address: Option<NodeAddress>,
        sequence: u32,
        key: &SigningKey,
    ) -> Self {
        let message = Self::message(chain, member, address);
        Self {
            member,
            peer: key.verifying_key(),
            address,
            sequence,
            consent: key.sign(label::CANDIDACY_SIGNATURE, &[&message]),
        }
    }

    /// Whether the node consents to it on `chain`.
    #[must_use]
    pub fn is_consented(&self, chain: ChainId) -> bool {
        let message = Self::message(chain, self.member, self.address);
        let label = label::CANDIDACY_SIGNATURE;
        self.peer.verify(label, &[&message], &self.consent).is_ok()
    }

    fn message(chain: ChainId, member: MemberId, address: Option<NodeAddress>) -> Vec<u8> {
        let mut message = chain.to_vec();
        member.encode(&mut message);
        address.encode(&mut message);
        message
    }
}

/// A member's vote for a candidate. One member, one vote, which may be changed at any time.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize, JsonSchema)]
pub struct Ballot {
    /// Whose vote.
    pub voter: MemberId,
    /// For whom; nothing to take it back.
    pub candidate: Option<BallotChoice>,
    /// How often the voter voted before, see [`Vote::sequence`](crate::registry::Vote::sequence).
    pub sequence: u32,
}
canonical!(Ballot {
    voter,
    candidate,
    sequence
});

/// The candidate of a [`Ballot`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize, JsonSchema)]
#[serde(transparent)]
#[schemars(inline)]
pub struct BallotChoice(#[serde(with = "fixed::Hex::<VerifyingKey>")] pub VerifyingKey);

impl Encode for BallotChoice {
    fn encode(&self, out: &mut Vec<u8>) {
        self.0.encode(out);
    }
}

impl Decode for BallotChoice {
    fn decode(input: &mut Reader<'_>) -> Result<Self, DecodeError> {
        Decode::decode(input).map(Self)
    }
}

/// What the chain knows of a candidate.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct CandidateEntry {
    /// The node.
    pub delegate: Delegate,
    /// The member that stood it; nobody yet for a node of the genesis.
    pub member: Option<MemberId>,
    /// Whether it can be elected. One that was withdrawn stays listed: it may still hold a share
    /// of the group key.
    pub stands: bool,
    /// Votes for it.
    pub votes: u32,
    /// The block in which it came; a ballot counts for the candidacy that it was given to.
    pub since: Height,
    /// The last epoch that it was elected for, if it ever was.
    pub elected: Option<u64>,
}
canonical!(CandidateEntry {
    delegate,
    member,
    stands,
    votes,
    since,
    elected
});

impl CandidateEntry {
    /// Whether the node may hold a share of the group key in `epoch`, or shall: those elected for
    /// an epoch make shares in it, vote in the next, and hand over in that.
    #[must_use]
    pub fn may_hold_share(&self, epoch: u64) -> bool {
        self.elected
            .is_some_and(|elected| elected.saturating_add(SHARE_EPOCHS) >= epoch)
    }
}

/// A ballot that was cast, and the candidacy that it was for.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct BallotEntry {
    /// The ballot.
    pub ballot: Ballot,
    /// [`CandidateEntry::since`] of the candidate.
    pub since: Height,
}
canonical!(BallotEntry { ballot, since });

/// All candidates: those that stand, and those that withdrew and may still hold a share, in the
/// order in which they came.
pub type Candidates = List<CandidateEntry, CANDIDATES_MAX>;

/// The delegates of an epoch, as elected: who make shares in it, and vote in the next.
#[derive(Debug, Clone, PartialEq, Eq, Default, serde::Serialize, serde::Deserialize)]
pub struct Seats {
    /// The elected.
    pub delegates: List<Delegate, DELEGATES_MAX>,
    /// Where every node that may hold a share was to be reached when the votes were counted.
    pub addresses: List<Delegate, CANDIDATES_MAX>,
}
canonical!(Seats {
    delegates,
    addresses
});

impl Governance {
    /// A chain that `delegates` begin.
    ///
    /// # Errors
    /// [`DecodeError::TooLong`] over [`DELEGATES_MAX`].
    pub fn new(epoch_blocks: EpochBlocks, delegates: Vec<Delegate>) -> Result<Self, DecodeError> {
        let delegates = List::new(delegates)?;
        Ok(Self {
            epoch_blocks,
            delegates,
        })
    }

    /// The candidates before anybody stood one: the validators of the genesis.
    #[must_use]
    pub fn candidates(&self) -> Vec<CandidateEntry> {
        let entry = |delegate: &Delegate| CandidateEntry {
            delegate: delegate.clone(),
            member: None,
            stands: true,
            votes: 0,
            since: Height::new(0),
            elected: Some(1),
        };
        self.delegates.iter().map(entry).collect()
    }

    /// The delegates of the first two epochs.
    #[must_use]
    pub fn seats(&self) -> Seats {
        Seats {
            delegates: self.delegates.clone(),
            // There are fewer validators than candidates may be.
            addresses: List::new(self.delegates.iter().cloned().collect()).unwrap_or_default(),
        }
    }
}

/// How many of `eligible` candidates get a seat: all of fewer than four, of which none may fail;
/// else the largest 3f + 1 there is, of which f may.
#[must_use]
pub const fn seat_count(eligible: usize) -> usize {
    let capped = if eligible < DELEGATES_MAX {
        eligible
    } else {
        DELEGATES_MAX
    };
    if capped < 4 {
        capped
    } else {
        (capped - 1) / 3 * 3 + 1
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seats_are_three_f_and_one() {
        let seats: Vec<usize> = (0..=16).map(seat_count).collect();
        assert_eq!(
            seats,
            [0, 1, 2, 3, 4, 4, 4, 7, 7, 7, 10, 10, 10, 13, 13, 13, 13]
        );
    }

    #[test]
    fn votes_are_counted_once_an_epoch_for_the_one_after_the_next() {
        let blocks = EpochBlocks::new(32).unwrap();
        let elections: Vec<(u64, u64)> = (0..100)
            .filter_map(|height| Some((height, blocks.elects(Height::new(height))?)))
            .collect();
        assert_eq!(elections, [(8, 2), (40, 3), (72, 4)]);
        for (height, epoch) in elections {
            assert_eq!(blocks.elected_at(epoch), Some(Height::new(height)));
        }
        assert_eq!(blocks.elected_at(1), None);
        assert!(EpochBlocks::new(EPOCH_BLOCKS_MIN - 1).is_err());
    }

    #[test]
    fn an_address_is_read_as_it_was_written() {
        for text in ["127.0.0.1:9000", "[2001:db8::7]:65535"] {
            let address = NodeAddress(text.parse().unwrap());
            assert_eq!(NodeAddress::from_slice(&address.to_vec()).unwrap(), address);
        }
        assert!(NodeAddress::from_slice(&[5, 0, 0, 0, 0, 0, 0]).is_err());
    }

    #[test]
    fn consent_is_for_one_chain_one_member_and_one_address() {
        let key = SigningKey::from_seed(&[7; 32]);
        let (chain, member) = (ChainId::from_bytes([1; 32]), MemberId::from_bytes([2; 32]));
        let address = Some(NodeAddress("10.0.0.1:1".parse().unwrap()));
        let candidacy = Candidacy::sign(chain, member, address, 0, &key);
        assert!(candidacy.is_consented(chain));
        assert!(!candidacy.is_consented(ChainId::from_bytes([9; 32])));
        let mut moved = candidacy.clone();
        moved.address = None;
        assert!(!moved.is_consented(chain));
        let mut taken = candidacy;
        taken.member = MemberId::from_bytes([3; 32]);
        assert!(!taken.is_consented(chain));
    }
}
