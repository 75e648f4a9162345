//! A validator's secrets: its identity among peers and its share of the group key.

use std::{
    collections::BTreeMap,
    fmt,
    net::{Ipv4Addr, SocketAddr},
    num::NonZeroU32,
};

use bytes::Bytes;
use commonware_codec::{Decode as _, DecodeExt as _, Encode as _};
use commonware_consensus::simplex::scheme::bls12381_threshold::standard::Scheme as ThresholdScheme;
use commonware_cryptography::{
    Signer as _,
    bls12381::{
        dkg::feldman_desmedt::{self, deal},
        primitives::{
            group::Share,
            sharing::{Mode, ModeVersion},
            variant::MinSig,
        },
    },
    ed25519,
};
use commonware_glue::dkg::types::SchemeInfo;
use commonware_utils::{Faults as _, N3f1, ordered::Set};
use yilian_crypto::sign::SigningKey;
use yilian_protocol::{
    ChainId, MemberId, finality,
    governance::{Candidacy, EpochBlocks, Governance, NodeAddress},
    registry::GROUP_KEY_SIZE,
};
use zeroize::Zeroizing;

use super::{
    block::VALIDATORS_MAX,
    peering::{Peer, PeerId},
};

/// The signing scheme of the chain: BLS12-381 threshold signatures in G1, peers named by Ed25519
/// keys.
pub(super) type Scheme = ThresholdScheme<ed25519::PublicKey, MinSig>;

/// What a key ceremony gave everybody to know: who holds a share, and the public polynomial of the
/// group key.
pub(super) type Output = feldman_desmedt::Output<MinSig, ed25519::PublicKey>;

/// A node's place in the chain's first committee, as it stands in a file: hex digits throughout. A
/// validator's holds a share of the group key, a follower's does not. Later committees are on the
/// chain, and later shares in the chain's directory.
#[derive(Clone, serde::Serialize, serde::Deserialize)]
pub struct ValidatorKey {
    /// The node's identity among peers.
    identity: NodeIdentity,
    /// What the ceremony gave everybody to know.
    output: String,
    /// This validator's share of the group key; a follower has none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    share: Option<Zeroizing<String>>,
}

impl ValidatorKey {
    /// Deals a group key with one share, for a chain that one validator begins.
    #[must_use]
    pub fn generate() -> Self {
        let mut dealt = Self::deal(NonZeroU32::MIN);
        dealt.remove(0)
    }

    /// Deals a group key among `count` validators: of 3f + 1, any 2f + 1 make a block final.
    /// Whoever deals knows the group key for as long as it takes.
    #[must_use]
    pub fn deal(count: NonZeroU32) -> Vec<Self> {
        let identities = (0..count.get()).map(|_| NodeIdentity::generate());
        Self::deal_to(rand::rng(), identities)
    }

    /// Deals to nodes that have an identity already; in the order of their keys.
    pub(super) fn deal_to(
        rng: impl rand_core::CryptoRng,
        identities: impl Iterator<Item = NodeIdentity>,
    ) -> Vec<Self> {
        let identities: BTreeMap<_, NodeIdentity> = identities
            .filter_map(|identity| Some((identity.signer().ok()?.public_key(), identity)))
            .collect();
        let players = Set::from_iter_dedup(identities.keys().cloned());
        // It fails for no players only.
        let Ok((output, shares)) = deal::<MinSig, _, N3f1>(rng, Mode::NonZeroCounter, players)
        else {
            return Vec::new();
        };
        let seated = identities.into_iter();
        seated
            .filter_map(|(public, identity)| {
                let share = shares.get_value(&public)?;
                Some(Self::of_ceremony(identity, &output, share))
            })
            .collect()
    }

    /// The key that a ceremony gave a validator.
    pub(super) fn of_ceremony(identity: NodeIdentity, output: &Output, share: &Share) -> Self {
        let share = Zeroizing::new(share.encode().to_vec());
        Self {
            identity,
            output: hex::encode(output.encode()),
            share: Some(Zeroizing::new(hex::encode(share))),
        }
    }

    /// A follower of this committee, with an identity of its own and no share.
    #[must_use]
    pub fn follower(&self) -> Self {
        self.public_part().follower()
    }

    /// What everybody may know of the committee.
    #[must_use]
    pub fn public_part(&self) -> Committee {
        Committee {
            output: self.output.clone(),
        }
    }

    /// The group key, a compressed point of G2.
    ///
    /// # Errors
    /// [`ValidatorKeyError`] when the file is damaged.
    pub fn group_key(&self) -> Result<[u8; GROUP_KEY_SIZE], ValidatorKeyError> {
        let key = self.output()?.public().public().encode();
        key.as_ref()
            .try_into()
            .map_err(|_| ValidatorKeyError::Output)
    }

    /// By which its peers know the node.
    ///
    /// # Errors
    /// [`ValidatorKeyError`] when the file is damaged.
    pub fn peer(&self) -> Result<PeerId, ValidatorKeyError> {
        self.identity.peer()
    }

    /// Whether the node votes in the first epoch.
    #[must_use]
    pub const fn votes(&self) -> bool {
        self.share.is_some()
    }

    /// The node's consent to stand for election as `member`'s, at `address`; or to be withdrawn.
    ///
    /// # Errors
    /// [`ValidatorKeyError::Identity`] when the file is damaged.
    pub fn candidacy(
        &self,
        chain: ChainId,
        member: MemberId,
        address: Option<SocketAddr>,
        sequence: u32,
    ) -> Result<Candidacy, ValidatorKeyError> {
        let key = SigningKey::from_seed(&*self.identity.seed()?);
        let address = address.map(NodeAddress);
        Ok(Candidacy::sign(chain, member, address, sequence, &key))
    }

    /// The rules of a chain that this validator begins alone, which nobody dials.
    ///
    /// # Errors
    /// [`ValidatorKeyError::Identity`] when the file is damaged.
    pub fn alone(&self, epoch_blocks: EpochBlocks) -> Result<Governance, ValidatorKeyError> {
        let validator = Peer {
            id: self.peer()?,
            address: SocketAddr::from((Ipv4Addr::UNSPECIFIED, 0)),
        };
        founded_by(epoch_blocks, &[validator])
    }

    pub(super) fn identity(&self) -> Result<ed25519::PrivateKey, ValidatorKeyError> {
        self.identity.signer()
    }

    /// The first committee's public part.
    pub(super) fn output(&self) -> Result<Output, ValidatorKeyError> {
        let bytes = hex::decode(&self.output).unwrap_or_default();
        let cfg = (VALIDATORS_MAX, ModeVersion::v0());
        Output::decode_cfg(Bytes::from(bytes), &cfg)
            .ok()
            .filter(|output| {
                let total = output.public().total();
                total.get() as usize == output.players().len()
                    && output.public().required() == N3f1::quorum(total.get())
            })
            .ok_or(ValidatorKeyError::Output)
    }

    /// The same node as a follower, which votes again when it is elected.
    #[must_use]
    pub(crate) fn without_share(self) -> Self {
        Self {
            share: None,
            ..self
        }
    }

    /// The share of the first epoch, if the node is of the first committee.
    pub(super) fn share(&self) -> Result<Option<Share>, ValidatorKeyError> {
        let Some(share) = &self.share else {
            return Ok(None);
        };
        let bytes = Zeroizing::new(hex::decode(&**share).unwrap_or_default());
        let share =
            Share::decode(Bytes::from_owner(bytes)).map_err(|_| ValidatorKeyError::Share)?;
        let output = self.output()?;
        let place = output.players().position(&self.identity()?.public_key());
        let own = place == Some(share.index.get() as usize)
            && output.public().partial_public(share.index).ok() == Some(share.public::<MinSig>());
        own.then_some(Some(share)).ok_or(ValidatorKeyError::Share)
    }
}

/// The rules of a chain that these validators begin.
///
/// # Errors
/// [`ValidatorKeyError::Committee`] when there are too many, or one has a key under which nothing
/// can be verified.
pub fn founded_by(
    epoch_blocks: EpochBlocks,
    validators: &[Peer],
) -> Result<Governance, ValidatorKeyError> {
    let delegates = validators.iter().map(Peer::delegate);
    let delegates: Option<Vec<_>> = delegates.collect();
    delegates
        .and_then(|delegates| Governance::new(epoch_blocks, delegates).ok())
        .ok_or(ValidatorKeyError::Committee)
}

/// What everybody may know of the first committee: who votes, and the public polynomial of the
/// group key.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Committee {
    output: String,
}

impl Committee {
    /// A follower, with an identity of its own and no share.
    #[must_use]
    pub fn follower(&self) -> ValidatorKey {
        self.followed_by(NodeIdentity::generate())
    }

    pub(super) fn followed_by(&self, identity: NodeIdentity) -> ValidatorKey {
        ValidatorKey {
            identity,
            output: self.output.clone(),
            share: None,
        }
    }

    /// The group key, a compressed point of G2.
    ///
    /// # Errors
    /// [`ValidatorKeyError::Output`] when the polynomial is none.
    pub fn group_key(&self) -> Result<[u8; GROUP_KEY_SIZE], ValidatorKeyError> {
        self.follower().group_key()
    }
}

/// The scheme of an epoch, as a node with this part in it has it.
pub(super) fn scheme(
    chain: ChainId,
    info: SchemeInfo<MinSig, ed25519::PublicKey>,
) -> Option<Scheme> {
    let space = finality::namespace(chain);
    match info {
        SchemeInfo::Verifier {
            participants,
            sharing,
        } => Some(Scheme::verifier(&space, participants, sharing)),
        SchemeInfo::Member {
            participants,
            sharing,
            public_key,
        } => Scheme::member(&space, participants, sharing, &public_key),
        SchemeInfo::Signer {
            participants,
            sharing,
            share,
        } => Scheme::signer(&space, participants, sharing, share),
    }
}

/// A node's identity, before it is of any committee: the seed of an Ed25519 key, 64 hex digits in a
/// file.
#[derive(Clone, serde::Serialize, serde::Deserialize)]
#[serde(transparent)]
pub struct NodeIdentity(pub(super) Zeroizing<String>);

impl NodeIdentity {
    /// A fresh one.
    #[must_use]
    pub fn generate() -> Self {
        let seed: Zeroizing<[u8; 32]> = Zeroizing::new(rand::RngExt::random(&mut rand::rng()));
        Self(Zeroizing::new(hex::encode(*seed)))
    }

    /// By which its peers know the node.
    ///
    /// # Errors
    /// [`ValidatorKeyError::Identity`] when the file is damaged.
    pub fn peer(&self) -> Result<PeerId, ValidatorKeyError> {
        Ok(PeerId(self.signer()?.public_key()))
    }

    pub(super) fn signer(&self) -> Result<ed25519::PrivateKey, ValidatorKeyError> {
        ed25519::PrivateKey::decode(Bytes::from_owner(self.seed()?))
            .map_err(|_| ValidatorKeyError::Identity)
    }

    fn seed(&self) -> Result<Zeroizing<[u8; 32]>, ValidatorKeyError> {
        let mut seed = Zeroizing::new([0; 32]);
        hex::decode_to_slice(&*self.0, &mut *seed).map_err(|_| ValidatorKeyError::Identity)?;
        Ok(seed)
    }
}

impl fmt::Debug for NodeIdentity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("NodeIdentity(secret)")
    }
}

impl fmt::Debug for ValidatorKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ValidatorKey(secret)")
    }
}

/// What is damaged in a validator's file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ValidatorKeyError {
    /// The identity.
    #[error("the validator's identity is not a key")]
    Identity,
    /// The validators: others than the genesis names.
    #[error("the validators are not those of the genesis")]
    Committee,
    /// What the ceremony gave everybody to know.
    #[error("the group key's public part is none, or not one of as many validators as it names")]
    Output,
    /// The share.
    #[error("the validator's share is not one of its group key")]
    Share,
    /// The group key: it is another than the genesis names, so nobody could verify a certificate.
    #[error("the validator's group key is not that of the genesis")]
    OtherGroup,
}

#[cfg(test)]
mod tests {
    use commonware_consensus::{
        simplex::types::{Finalization, Finalize, Notarization, Notarize, Proposal},
        types::{Epoch, Round, View},
    };
    use commonware_cryptography::blake3::Digest;
    use commonware_parallel::Sequential;
    use commonware_utils::non_empty;
    use proptest::prelude::*;
    use yilian_protocol::{
        BlockId, Height, TimeMs, TreeHash, block::Header, codec::Blob, finality::FinalityError,
    };

    use super::*;

    /// A group of four, of which three make a certificate.
    struct Group {
        chain: ChainId,
        key: Vec<u8>,
        schemes: Vec<Scheme>,
    }

    fn group() -> Group {
        let chain = ChainId::from_bytes([4; 32]);
        let mut rng = rand::rng();
        let peers = (0..4).map(|seed| ed25519::PrivateKey::from_seed(seed).public_key());
        let peers = Set::from_iter_dedup(peers);
        let (output, shares) =
            deal::<MinSig, _, N3f1>(&mut rng, Mode::NonZeroCounter, peers.clone()).unwrap();
        let sharing = output.public().clone();
        let scheme = |share: &Share| {
            let space = finality::namespace(chain);
            Scheme::signer(&space, peers.clone(), sharing.clone(), share.clone()).unwrap()
        };
        Group {
            chain,
            key: sharing.public().encode().to_vec(),
            schemes: shares.values().iter().map(scheme).collect(),
        }
    }

    fn header(chain: ChainId) -> Header {
        Header {
            chain,
            height: Height::new(8),
            parent: BlockId::from_bytes([1; 32]),
            time: TimeMs::new(5),
            count: 1,
            size: 1,
            transactions: TreeHash::from_bytes([2; 32]),
            state: TreeHash::from_bytes([3; 32]),
            consensus: Blob::default(),
        }
    }

    fn proposal(header: &Header, (epoch, view, parent): (u64, u64, u64)) -> Proposal<Digest> {
        Proposal {
            round: Round::new(Epoch::new(epoch), View::new(view)),
            parent: View::new(parent),
            payload: Digest::from(header.id().to_bytes()),
        }
    }

    fn finalise(group: &Group, signers: std::ops::Range<usize>, at: &Proposal<Digest>) -> Vec<u8> {
        let votes: Vec<_> = group.schemes[signers]
            .iter()
            .map(|scheme| Finalize::sign(scheme, at.clone()).unwrap())
            .collect();
        let votes = non_empty![@votes.iter()];
        let made = Finalization::from_finalizes(&group.schemes[0], votes, &Sequential).unwrap();
        made.encode().to_vec()
    }

    #[test]
    fn any_three_of_four_make_the_same_certificate_and_everybody_can_verify_it() {
        let group = group();
        let header = header(group.chain);
        let at = proposal(&header, (3, 123_456, 123_455));
        let certificate = finalise(&group, 0..3, &at);
        assert_eq!(certificate, finalise(&group, 1..4, &at));
        assert!(certificate.len() < 90, "{} bytes", certificate.len());
        finality::verify(&certificate, &group.key, &header).unwrap();
        for place in 0..certificate.len() {
            for bit in 0..8 {
                let mut changed = certificate.clone();
                changed[place] ^= 1 << bit;
                let verified = finality::verify(&changed, &group.key, &header);
                assert!(verified.is_err(), "byte {place} may be changed");
            }
        }
    }

    #[test]
    fn votes_to_notarise_do_not_make_final() {
        let group = group();
        let header = header(group.chain);
        let at = proposal(&header, (0, 2, 1));
        let votes: Vec<_> = group
            .schemes
            .iter()
            .map(|scheme| Notarize::sign(scheme, at.clone()).unwrap())
            .collect();
        let votes = non_empty![@votes.iter()];
        let made = Notarization::from_notarizes(&group.schemes[0], votes, &Sequential).unwrap();
        let verified = finality::verify(&made.encode(), &group.key, &header);
        assert_eq!(verified, Err(FinalityError::Signature));
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(16))]
        #[test]
        fn certificates_of_any_round_verify(epoch: u64, view in 1_u64.., parent: u64) {
            let group = group();
            let header = header(group.chain);
            let certificate = finalise(&group, 0..3, &proposal(&header, (epoch, view, parent)));
            finality::verify(&certificate, &group.key, &header).unwrap();
        }
    }
}
