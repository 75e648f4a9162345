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

/// The signing scheme of the chain: BLS12-381 threshold signatures in G1, peers named by Ed25519 keys.
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
}
