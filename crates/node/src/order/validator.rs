//! A validator's secrets: its identity among peers and its share of the group key.

use std::{collections::BTreeMap, fmt, num::NonZeroU32};

use bytes::Bytes;
use commonware_codec::{DecodeExt as _, Encode as _, Read as _};
use commonware_consensus::simplex::scheme::bls12381_threshold::standard::Scheme as ThresholdScheme;
use commonware_cryptography::{
    Signer as _,
    bls12381::{
        dkg::feldman_desmedt::deal_anonymous,
        primitives::{
            group::Share,
            sharing::{Mode, ModeVersion, Sharing},
            variant::MinSig,
        },
    },
    ed25519,
};
use commonware_utils::{Faults as _, N3f1, ordered::Set};
use yilian_protocol::{ChainId, finality, registry::GROUP_KEY_SIZE};
use zeroize::Zeroizing;

use super::peering::PeerId;

/// The signing scheme of the chain: BLS12-381 threshold signatures in G1, peers named by Ed25519
/// keys.
pub(super) type Scheme = ThresholdScheme<ed25519::PublicKey, MinSig>;

/// A node's place in the chain's committee, as it stands in a file: hex digits throughout. A validator's holds a share of
/// the group key, a follower's does not.
#[derive(Clone, serde::Serialize, serde::Deserialize)]
pub struct ValidatorKey {
    /// Ed25519 seed, 32 bytes: the node's identity among peers.
    identity: Zeroizing<String>,
    /// The validators' identities, 32 bytes each. Empty for a validator that is alone.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    validators: Vec<String>,
    /// The public polynomial of the group key.
    sharing: String,
    /// This validator's share of the group key; a follower has none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    share: Option<Zeroizing<String>>,
}

impl ValidatorKey {
    /// Deals a group key with one share, for a chain of one validator.
    #[must_use]
    pub fn generate() -> Self {
        let mut dealt = Self::deal(NonZeroU32::MIN);
        dealt.remove(0)
    }

    /// Deals a group key among `count` validators: of 3f + 1, any 2f + 1 make a block final. Whoever deals knows the
    /// group key for as long as it takes.
    #[must_use]
    pub fn deal(count: NonZeroU32) -> Vec<Self> {
        let mut rng = rand::rng();
        let (sharing, shares) =
            deal_anonymous::<MinSig, N3f1>(&mut rng, Mode::NonZeroCounter, count);
        // A share belongs to a place among the validators, who stand in the order of their identities.
        let seated: BTreeMap<String, Zeroizing<String>> = shares
            .iter()
            .filter_map(|_| {
                let seed: Zeroizing<[u8; 32]> = Zeroizing::new(rand::RngExt::random(&mut rng));
                let bytes = Bytes::from_owner(Zeroizing::new(seed.to_vec()));
                let key = ed25519::PrivateKey::decode(bytes).ok()?;
                let public = hex::encode(key.public_key().encode());
                Some((public, Zeroizing::new(hex::encode(*seed))))
            })
            .collect();
        let validators: Vec<String> = seated.keys().cloned().collect();
        let pairs = seated.into_iter().zip(shares.iter());
        pairs
            .map(|((_, identity), share)| Self {
                identity,
                validators: validators.clone(),
                sharing: hex::encode(sharing.encode()),
                share: Some(Zeroizing::new(hex::encode(Zeroizing::new(
                    share.encode().to_vec(),
                )))),
            })
            .collect()
    }

    /// The key that a ceremony gave a validator.
    pub(super) fn of_ceremony(
        identity: &Zeroizing<String>,
        validators: &Set<ed25519::PublicKey>,
        sharing: &Sharing<MinSig>,
        share: &Share,
    ) -> Self {
        let share = Zeroizing::new(share.encode().to_vec());
        Self {
            identity: identity.clone(),
            validators: validators
                .iter()
                .map(|validator| hex::encode(validator.encode()))
                .collect(),
            sharing: hex::encode(sharing.encode()),
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
            validators: self.validators.clone(),
            sharing: self.sharing.clone(),
        }
    }

    /// The group key, a compressed point of G2.
    ///
    /// # Errors
    /// [`ValidatorKeyError`] when the file is damaged.
    pub fn group_key(&self) -> Result<[u8; GROUP_KEY_SIZE], ValidatorKeyError> {
        let key = self.sharing()?.public().encode();
        key.as_ref()
            .try_into()
            .map_err(|_| ValidatorKeyError::Sharing)
    }

    /// By which its peers know the node.
    ///
    /// # Errors
    /// [`ValidatorKeyError`] when the file is damaged.
    pub fn peer(&self) -> Result<PeerId, ValidatorKeyError> {
        Ok(PeerId(self.identity()?.public_key()))
    }

    /// Whether the node votes.
    #[must_use]
    pub const fn votes(&self) -> bool {
        self.share.is_some()
    }

    pub(super) fn identity(&self) -> Result<ed25519::PrivateKey, ValidatorKeyError> {
        let seed = Zeroizing::new(hex::decode(&*self.identity).unwrap_or_default());
        ed25519::PrivateKey::decode(Bytes::from_owner(seed))
            .map_err(|_| ValidatorKeyError::Identity)
    }

    /// Those who vote.
    pub(super) fn committee(&self) -> Result<Set<ed25519::PublicKey>, ValidatorKeyError> {
        if self.validators.is_empty() {
            return Ok(Set::from_iter_dedup([self.identity()?.public_key()]));
        }
        let keys: Result<Vec<_>, _> = self.validators.iter().map(|text| text.parse()).collect();
        let keys: Vec<PeerId> = keys.map_err(|_| ValidatorKeyError::Committee)?;
        let committee = Set::from_iter_dedup(keys.into_iter().map(|peer| peer.0));
        if committee.len() != self.validators.len() {
            return Err(ValidatorKeyError::Committee);
        }
        Ok(committee)
    }

    /// The signer for `chain`, or its verifier when the node does not vote.
    pub(super) fn scheme(&self, chain: ChainId) -> Result<Scheme, ValidatorKeyError> {
        let (space, committee, sharing) = (
            finality::namespace(chain),
            self.committee()?,
            self.sharing()?,
        );
        let Some(share) = &self.share else {
            return Ok(Scheme::verifier(&space, committee, sharing));
        };
        let bytes = Zeroizing::new(hex::decode(&**share).unwrap_or_default());
        let share =
            Share::decode(Bytes::from_owner(bytes)).map_err(|_| ValidatorKeyError::Share)?;
        if committee.position(&self.identity()?.public_key()) != Some(share.index.get() as usize) {
            return Err(ValidatorKeyError::Share);
        }
        Scheme::signer(&space, committee, sharing, share).ok_or(ValidatorKeyError::Share)
    }

    fn sharing(&self) -> Result<Sharing<MinSig>, ValidatorKeyError> {
        let bytes = hex::decode(&self.sharing).unwrap_or_default();
        let count = u32::try_from(self.validators.len()).unwrap_or(u32::MAX);
        let count = NonZeroU32::new(count).unwrap_or(NonZeroU32::MIN);
        Sharing::read_cfg(&mut Bytes::from(bytes), &(count, ModeVersion::v0()))
            .ok()
            .filter(|sharing| {
                sharing.total() == count && sharing.required() == N3f1::quorum(count.get())
            })
            .ok_or(ValidatorKeyError::Sharing)
    }
}

/// What everybody may know of a committee: who votes, and the public polynomial of the group key.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Committee {
    validators: Vec<String>,
    sharing: String,
}

impl Committee {
    /// A follower, with an identity of its own and no share.
    #[must_use]
    pub fn follower(&self) -> ValidatorKey {
        let seed: [u8; 32] = rand::RngExt::random(&mut rand::rng());
        ValidatorKey {
            identity: Zeroizing::new(hex::encode(Zeroizing::new(seed))),
            validators: self.validators.clone(),
            sharing: self.sharing.clone(),
            share: None,
        }
    }

    /// The group key, a compressed point of G2.
    ///
    /// # Errors
    /// [`ValidatorKeyError::Sharing`] when the polynomial is none.
    pub fn group_key(&self) -> Result<[u8; GROUP_KEY_SIZE], ValidatorKeyError> {
        self.follower().group_key()
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
    /// The validators' identities: not keys, or not distinct.
    #[error("the committee is not a list of distinct keys")]
    Committee,
    /// The public polynomial.
    #[error("the group key is not one of as many validators as the committee has")]
    Sharing,
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
    use commonware_utils::{NZU32, non_empty};
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
        let (sharing, shares) =
            deal_anonymous::<MinSig, N3f1>(&mut rng, Mode::NonZeroCounter, NZU32!(4));
        let peers = (0..4).map(|seed| ed25519::PrivateKey::from_seed(seed).public_key());
        let peers = Set::from_iter_dedup(peers);
        let scheme = |share: &Share| {
            let space = finality::namespace(chain);
            Scheme::signer(&space, peers.clone(), sharing.clone(), share.clone()).unwrap()
        };
        Group {
            chain,
            key: sharing.public().encode().to_vec(),
            schemes: shares.iter().map(scheme).collect(),
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
