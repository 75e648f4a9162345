//! A validator's secrets: its identity among peers and its share of the group key.

use std::fmt;

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
use commonware_utils::{N3f1, NZU32, ordered::Set};
use yilian_protocol::{ChainId, finality, registry::GROUP_KEY_SIZE};
use zeroize::Zeroizing;

/// The signing scheme of the chain: BLS12-381 threshold signatures in G1, peers named by Ed25519
/// keys.
pub(super) type Scheme = ThresholdScheme<ed25519::PublicKey, MinSig>;

/// A validator's secrets, as they stand in a file: hex digits throughout.
#[derive(Clone, serde::Serialize, serde::Deserialize)]
pub struct ValidatorKey {
    /// Ed25519 seed, 32 bytes.
    identity: Zeroizing<String>,
    /// The public polynomial of the group key.
    sharing: String,
    /// This validator's share of the group key.
    share: Zeroizing<String>,
}

impl ValidatorKey {
    /// Deals a group key with one share, for a chain of one validator.
    #[must_use]
    pub fn generate() -> Self {
        let mut rng = rand::rng();
        let (sharing, shares) =
            deal_anonymous::<MinSig, N3f1>(&mut rng, Mode::NonZeroCounter, NZU32!(1));
        let share = shares
            .first()
            .map(|share| share.encode().to_vec())
            .unwrap_or_default();
        let seed: [u8; 32] = rand::RngExt::random(&mut rng);
        Self {
            identity: Zeroizing::new(hex::encode(Zeroizing::new(seed))),
            sharing: hex::encode(sharing.encode()),
            share: Zeroizing::new(hex::encode(Zeroizing::new(share))),
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

    pub(super) fn identity(&self) -> Result<ed25519::PrivateKey, ValidatorKeyError> {
        let seed = Zeroizing::new(hex::decode(&*self.identity).unwrap_or_default());
        ed25519::PrivateKey::decode(Bytes::from_owner(seed))
            .map_err(|_| ValidatorKeyError::Identity)
    }

    /// The signer for `chain` as its only validator.
    pub(super) fn scheme(&self, chain: ChainId) -> Result<Scheme, ValidatorKeyError> {
        let bytes = Zeroizing::new(hex::decode(&*self.share).unwrap_or_default());
        let share =
            Share::decode(Bytes::from_owner(bytes)).map_err(|_| ValidatorKeyError::Share)?;
        let participants = Set::from_iter_dedup([self.identity()?.public_key()]);
        Scheme::signer(
            &finality::namespace(chain),
            participants,
            self.sharing()?,
            share,
        )
        .ok_or(ValidatorKeyError::Share)
    }

    fn sharing(&self) -> Result<Sharing<MinSig>, ValidatorKeyError> {
        let bytes = hex::decode(&self.sharing).unwrap_or_default();
        let only_one = (NZU32!(1), ModeVersion::v0());
        Sharing::read_cfg(&mut Bytes::from(bytes), &only_one)
            .map_err(|_| ValidatorKeyError::Sharing)
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
    /// The public polynomial.
    #[error("the validator's group key is not one of a single validator")]
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
