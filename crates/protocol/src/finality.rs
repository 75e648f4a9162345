//! Finality: the validators' certificate over a block, verified from the genesis group key alone.
//!
//! The chain is ordered by commonware's simplex with a BLS12-381 threshold scheme (signatures in G1). A certificate is what that engine calls an encoded
//! `Finalization`; its verification is written out here, so that a light client needs no consensus engine:
//!
//! ```text
//! certificate = proposal | signature 48             proposal = epoch, view, parent view (varints) | block id 32
//! message     = varint(len(namespace)) | namespace | proposal
//! namespace   = "yilian/v1/chain/finality/" | chain id 32 | "_FINALIZE"
//! e(signature, h) = e(H(message), group key)        H: RFC 9380, BLS_SIG_BLS12381G1_XMD:SHA-256_SSWU_RO_POP_
//! ```
//! About 87 bytes, however many the validators are. Epoch and view may have been any: whatever block the group finalised is final.

use yilian_crypto::bls::{G1, G2, verify_min_sig};

use crate::{block::Header, ids::ChainId, registry::GROUP_KEY_SIZE};

const NAMESPACE: &[u8] = b"yilian/v1/chain/finality/";
const FINALIZE_SUFFIX: &[u8] = b"_FINALIZE";
const SIGNATURE_TAG: &[u8] = b"BLS_SIG_BLS12381G1_XMD:SHA-256_SSWU_RO_POP_";
/// Three varints of at most ten bytes, and a block id.
const PROPOSAL_MAX: usize = 3 * 10 + 32;

/// What the validators of `chain` sign under, before the engine appends the kind of vote.
#[must_use]
pub fn namespace(chain: ChainId) -> Vec<u8> {
    [NAMESPACE, chain.as_bytes()].concat()
}

/// Checks that `certificate` makes the block of `header` final under `group_key`, compressed.
///
/// # Errors
/// [`FinalityError`]: the fault of whoever gave the certificate.
pub fn verify(certificate: &[u8], group_key: &[u8], header: &Header) -> Result<(), FinalityError> {
    let (proposal, signature) = certificate
        .split_last_chunk::<{ G1::SIZE }>()
        .ok_or(FinalityError::Malformed)?;
    let (_round, block) = proposal
        .split_last_chunk::<32>()
        .ok_or(FinalityError::Malformed)?;
    if proposal.len() > PROPOSAL_MAX {
        return Err(FinalityError::Malformed);
    }
    if block != header.id().as_bytes() {
        return Err(FinalityError::OtherBlock);
    }
    let key: &[u8; GROUP_KEY_SIZE] = group_key.try_into().map_err(|_| FinalityError::GroupKey)?;
    let key = G2::from_bytes(key).map_err(|_| FinalityError::GroupKey)?;
    let signature = G1::from_bytes(signature).map_err(|_| FinalityError::Malformed)?;
    let message = message(header.chain, proposal);
    let good = verify_min_sig(&key, SIGNATURE_TAG, &message, &signature);
    good.then_some(()).ok_or(FinalityError::Signature)
}

fn message(chain: ChainId, proposal: &[u8]) -> Vec<u8> {
    /// A varint of one byte holds it.
    const LENGTH: u8 = (NAMESPACE.len() + ChainId::SIZE + FINALIZE_SUFFIX.len()) as u8;
    const { assert!(LENGTH < 0x80) };
    [
        &[LENGTH],
        NAMESPACE,
        chain.as_bytes(),
        FINALIZE_SUFFIX,
        proposal,
    ]
    .concat()
}

/// Why a certificate does not make a block final.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum FinalityError {
    /// It has not the form of one.
    #[error("not a finality certificate")]
    Malformed,
    /// The group key is no point of G2; the genesis is at fault.
    #[error("the group key is not a key")]
    GroupKey,
    /// It is for another block.
    #[error("the certificate is for another block")]
    OtherBlock,
    /// The group did not sign it.
    #[error("the certificate's signature does not verify under the group key")]
    Signature,
}
