//! Finality: the validators' certificate over a block, verified from the genesis group key alone.
//!
//! The chain is ordered by commonware's simplex with a BLS12-381 threshold scheme (signatures in
//! G1). A certificate is what that engine calls an encoded `Finalization`; its verification is
//! written out here, so that a light client needs no consensus engine:
//!
//! ```text
//! finality    = certificate | descendants
//! certificate = proposal | signature 48
//! proposal    = epoch, view, parent view (varints) | block id 32
//! message     = varint(len(namespace)) | namespace | proposal
//! namespace   = "yilian/v1/chain/finality/" | chain id 32 | "_FINALIZE"
//! e(signature, h) = e(H(message), group key)
//! H: RFC 9380, domain BLS_SIG_BLS12381G1_XMD:SHA-256_SSWU_RO_POP_
//! ```
//! About 87 bytes, however many the validators are. Epoch and view may have been any: whatever
//! block the group finalised is final.
//!
//! # Blocks without a certificate of their own
//! A block is final when the group certified it *or a block above it*: votes are lost in a crash or
//! on a slow network, and nobody votes twice. Then `descendants` are the headers from the block's
//! child up to the certified block, each naming the one below it as its parent. They are empty
//! otherwise.

use yilian_crypto::{
    bls::{G1, G2, verify_min_sig},
    label,
};

use crate::{
    block::Header,
    codec::{Decode as _, Encode as _, Reader},
    ids::{BlockId, ChainId},
    limits::DESCENDANTS_MAX,
    registry::GROUP_KEY_SIZE,
};

const NAMESPACE: &[u8] = label::FINALITY.as_bytes();
const FINALIZE_SUFFIX: &[u8] = b"_FINALIZE";
const SIGNATURE_TAG: &[u8] = b"BLS_SIG_BLS12381G1_XMD:SHA-256_SSWU_RO_POP_";
/// Bytes of the longest varint of a 64-bit number.
const VARINT_MAX: usize = 10;

/// What the validators of `chain` sign under, before the engine appends the kind of vote.
#[must_use]
pub fn namespace(chain: ChainId) -> Vec<u8> {
    [NAMESPACE, chain.as_bytes()].concat()
}

/// The finality of a block: `certificate` of the last of its `descendants`, which are given from
/// its child upwards; of itself when there are none.
#[must_use]
pub fn encode<'a>(certificate: &[u8], descendants: impl Iterator<Item = &'a Header>) -> Vec<u8> {
    let mut bytes = certificate.to_vec();
    descendants.for_each(|header| header.encode(&mut bytes));
    bytes
}

/// Checks that `finality` makes the block of `header` final under `group_key`, compressed.
///
/// # Errors
/// [`FinalityError`]: the fault of whoever gave it.
pub fn verify(finality: &[u8], group_key: &[u8], header: &Header) -> Result<(), FinalityError> {
    let certificate = Certificate::split(finality)?;
    if certificate.block != climb(header, certificate.descendants)?.as_bytes() {
        return Err(FinalityError::OtherBlock);
    }
    let key: &[u8; GROUP_KEY_SIZE] = group_key.try_into().map_err(|_| FinalityError::GroupKey)?;
    let key = G2::from_bytes(key).map_err(|_| FinalityError::GroupKey)?;
    let signature = G1::from_bytes(certificate.signature).map_err(|_| FinalityError::Malformed)?;
    let message = message(header.chain, certificate.proposal);
    let good = verify_min_sig(&key, SIGNATURE_TAG, &message, &signature);
    good.then_some(()).ok_or(FinalityError::Signature)
}

/// The pieces of a finality.
struct Certificate<'a> {
    proposal: &'a [u8],
    block: &'a [u8; 32],
    signature: &'a [u8; G1::SIZE],
    descendants: &'a [u8],
}

impl<'a> Certificate<'a> {
    fn split(bytes: &'a [u8]) -> Result<Self, FinalityError> {
        let mut rest = bytes;
        for _epoch_view_parent in 0..3 {
            rest = skip_varint(rest).ok_or(FinalityError::Malformed)?;
        }
        let (block, rest) = rest.split_first_chunk().ok_or(FinalityError::Malformed)?;
        let (proposal, _) = bytes
            .split_at_checked(bytes.len() - rest.len())
            .ok_or(FinalityError::Malformed)?;
        let (signature, descendants) = rest.split_first_chunk().ok_or(FinalityError::Malformed)?;
        Ok(Self {
            proposal,
            block,
            signature,
            descendants,
        })
    }
}

/// Which spelling of the number it is does not matter: the signature is over the very bytes.
fn skip_varint(bytes: &[u8]) -> Option<&[u8]> {
    let last = bytes
        .iter()
        .take(VARINT_MAX)
        .position(|byte| byte & 0x80 == 0)?;
    bytes.get(last + 1..)
}

/// The id of the last of `descendants`, when each stands directly on the one before it and the
/// first on `header`; that of `header` when there are none.
fn climb(header: &Header, descendants: &[u8]) -> Result<BlockId, FinalityError> {
    let mut input = Reader::new(descendants);
    let (mut id, mut height) = (header.id(), header.height);
    for _ in 0..DESCENDANTS_MAX {
        if input.remaining() == 0 {
            break;
        }
        let above = Header::decode(&mut input).map_err(|_| FinalityError::Malformed)?;
        let follows =
            above.chain == header.chain && above.height == height.next() && above.parent == id;
        if !follows {
            return Err(FinalityError::OtherBlock);
        }
        (id, height) = (above.id(), above.height);
    }
    if input.remaining() > 0 {
        return Err(FinalityError::Malformed);
    }
    Ok(id)
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
    /// It has not the form of one, or lists more than [`DESCENDANTS_MAX`] descendants.
    #[error("not a finality certificate")]
    Malformed,
    /// The group key is no point of G2; the genesis is at fault.
    #[error("the group key is not a key")]
    GroupKey,
    /// It is for another block, or its descendants do not link up to that one.
    #[error("the certificate is for another block")]
    OtherBlock,
    /// The group did not sign it.
    #[error("the certificate's signature does not verify under the group key")]
    Signature,
}

#[cfg(test)]
mod tests {
    use yilian_crypto::bls::Scalar;

    use super::*;
    use crate::{
        codec::Blob,
        ids::{Height, TimeMs, TreeHash},
    };

    const SECRET: u8 = 7;

    fn secret() -> Scalar {
        let mut bytes = [0; 32];
        bytes[31] = SECRET;
        Scalar::from_bytes(&bytes).unwrap()
    }

    fn group_key() -> Vec<u8> {
        G2::generator().mul(&secret()).to_bytes().to_vec()
    }

    /// `count` headers, each on the one before it.
    fn headers(chain: u8, count: usize) -> Vec<Header> {
        let mut headers: Vec<Header> = Vec::new();
        for height in 1..=count as u64 {
            let parent = headers
                .last()
                .map_or(BlockId::from_bytes([9; 32]), Header::id);
            headers.push(Header {
                chain: ChainId::from_bytes([chain; 32]),
                height: Height::new(height),
                parent,
                time: TimeMs::new(height),
                count: 0,
                size: 0,
                transactions: TreeHash::from_bytes([1; 32]),
                state: TreeHash::from_bytes([2; 32]),
                consensus: Blob::new(vec![3; 80]).unwrap(),
            });
        }
        headers
    }

    fn certify(header: &Header, kind: &[u8]) -> Vec<u8> {
        let mut proposal = vec![0, 0x85, 0x01, 4];
        proposal.extend_from_slice(header.id().as_bytes());
        let name = [namespace(header.chain), kind.to_vec()].concat();
        let length = [u8::try_from(name.len()).unwrap()];
        let message = [&length, name.as_slice(), &proposal].concat();
        let signature = G1::hash_to_curve(&message, SIGNATURE_TAG).mul(&secret());
        [proposal, signature.to_bytes().to_vec()].concat()
    }

    #[test]
    fn a_certified_block_and_all_below_it_are_final() {
        let headers = headers(1, DESCENDANTS_MAX + 2);
        let certificate = certify(headers.last().unwrap(), FINALIZE_SUFFIX);
        for (place, header) in headers.iter().enumerate() {
            let finality = encode(&certificate, headers.iter().skip(place + 1));
            let verified = verify(&finality, &group_key(), header);
            if place == 0 {
                assert_eq!(verified, Err(FinalityError::Malformed), "too many");
            } else {
                assert_eq!(verified, Ok(()), "block {place}");
            }
        }
    }

    #[test]
    fn every_changed_byte_is_noticed() {
        let headers = headers(1, 3);
        let certificate = certify(&headers[2], FINALIZE_SUFFIX);
        let finality = encode(&certificate, headers[1..].iter());
        for place in 0..finality.len() {
            for bit in [0, 3, 7] {
                let mut changed = finality.clone();
                changed[place] ^= 1 << bit;
                let verified = verify(&changed, &group_key(), &headers[0]);
                assert!(verified.is_err(), "byte {place} may be changed");
            }
            let verified = verify(&finality[..place], &group_key(), &headers[0]);
            assert!(verified.is_err(), "it may be cut at {place}");
        }
        let longer = [finality, vec![0]].concat();
        assert!(verify(&longer, &group_key(), &headers[0]).is_err());
    }

    #[test]
    fn a_certificate_proves_nothing_of_other_blocks_chains_or_votes() {
        let line = headers(1, 3);
        let certificate = certify(&line[2], FINALIZE_SUFFIX);
        let other = Err(FinalityError::OtherBlock);
        // The block above a certified one, a gap in the line, a line of another chain.
        let above = encode(&certify(&line[1], FINALIZE_SUFFIX), [].into_iter());
        assert_eq!(verify(&above, &group_key(), &line[2]), other);
        let gap = encode(&certificate, line[2..].iter());
        assert_eq!(verify(&gap, &group_key(), &line[0]), other);
        let stranger = encode(&certificate, line[1..].iter());
        assert_eq!(verify(&stranger, &group_key(), &headers(2, 1)[0]), other);
        // A certificate of the same group for another chain, or of votes that do not make final.
        let mut posing = line[2].clone();
        posing.chain = ChainId::from_bytes([2; 32]);
        let proposal = certificate.len() - G1::SIZE;
        let forged = [
            &certify(&posing, FINALIZE_SUFFIX)[..proposal],
            &certificate[proposal..],
        ];
        let bad = Err(FinalityError::Signature);
        assert_eq!(verify(&forged.concat(), &group_key(), &posing), bad);
        for kind in [&b"_NOTARIZE"[..], b"_NULLIFY"] {
            assert_eq!(
                verify(&certify(&line[2], kind), &group_key(), &line[2]),
                bad
            );
        }
    }

    #[test]
    fn the_point_at_infinity_signs_nothing() {
        let header = &headers(1, 1)[0];
        let mut certificate = certify(header, FINALIZE_SUFFIX);
        let (_, signature) = certificate.split_last_chunk_mut::<{ G1::SIZE }>().unwrap();
        signature.fill(0);
        signature[0] = 0xc0;
        let mut key = [0; GROUP_KEY_SIZE];
        key[0] = 0xc0;
        assert!(verify(&certificate, &key, header).is_err());
        assert!(verify(&certificate, &group_key(), header).is_err());
    }
}
