//! A record's way in and out: sealed objects, which no node can open.

use schemars::JsonSchema;
use yilian_crypto::{
    pseudonym::Nym,
    sign::{Signature, SigningKey, VerifyingKey},
};

use super::ANSWER_SMALL;
use crate::{
    codec::{Blob, DecodeError, Encode, List, canonical},
    evidence::VisitEvidence,
    fixed,
    ids::{CertificateId, ChainId, MemberId, RecordId, TreeHash},
    limits::{OBJECT_MAX, RECORDS_MAX, REQUEST_MAX, TRANSACTION_MAX},
    receipt::Receipt,
    registry::Admitted,
    sealed::{SealedObject, SealedRecord},
    search::RecordIndex,
    tx::SealVisit,
    visit::CheckedVisit,
};

crate::calls! {
    /// Sealed records.
    contract RecordContract "record" {
        /// Store sealed objects and put their records onto the chain in the hospital's name.
        seal: Seal(SealRequest) -> SealReceipt as Json, post "visits"
            { body: REQUEST_MAX, answer: 2 * ANSWER_SMALL, caller: Anybody,
              work: Heavy, at_once: 256 };

        /// The sealed object of a record: this node's, or one that it gets from a neighbour.
        object: GetObject { id: RecordId } -> Vec<u8> as Octets, get "records/{id}/object"
            { body: 0, answer: OBJECT_MAX, caller: Anybody, work: Light, at_once: 256 };

        /// The sealed object of a record, if this node keeps it itself; for other nodes.
        stored: GetStored { id: RecordId } -> Vec<u8> as Octets, get "objects/{id}"
            { body: 0, answer: OBJECT_MAX, caller: Anybody, work: Light, at_once: 256 };

        /// Keep a member's sealed objects and order the transaction that its node signed for
        /// them; for followers.
        relay: RelayRecords(Relay) -> Receipt as Json, post "relays"
            { body: REQUEST_MAX, answer: ANSWER_SMALL, caller: Member, work: Heavy, at_once: 256 };
    }
}

/// What the chain knows of a record.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize, JsonSchema)]
pub struct RecordEntry {
    /// The record and its capsule.
    pub sealed: SealedRecord,
    /// The visit's pseudonym.
    #[serde(with = "fixed::Hex::<Nym>")]
    pub nym: Nym,
    /// The hospital that sealed it.
    pub hospital: MemberId,
    /// The digest of its index entries, see [`RecordIndex::digest`].
    pub index: TreeHash,
    /// The block that holds it.
    pub admitted: Admitted,
}
canonical!(RecordEntry {
    sealed,
    nym,
    hospital,
    index,
    admitted
});

/// A visit's records on the way from a doctor to the hospital's node.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SealRequest {
    /// What shall stand on the chain.
    pub visit: SealVisit,
    /// What the patient signed, for the private chain.
    pub evidence: VisitEvidence,
    /// The doctor who asks.
    pub author: CertificateId,
    /// By the doctor's certified key, over visit and author.
    pub signature: Signature,
    /// The sealed objects, in the order of the visit's records.
    pub objects: List<Blob<OBJECT_MAX>, RECORDS_MAX>,
}
canonical!(SealRequest {
    visit,
    evidence,
    author,
    signature,
    objects
});

/// A member's records on the way from its node to a hub: the node has signed already.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Relay {
    /// The signed transaction that seals the records.
    pub transaction: Blob<TRANSACTION_MAX>,
    /// The sealed objects, in the order of the transaction's records.
    pub objects: List<Blob<OBJECT_MAX>, RECORDS_MAX>,
}
canonical!(Relay {
    transaction,
    objects
});

impl SealRequest {
    /// Signs a request to put `objects`, with the index of each, of the visit onto its chain;
    /// `bound` says that the chain knows the visit already.
    ///
    /// # Errors
    /// [`DecodeError::TooLong`] when there are more than [`RECORDS_MAX`].
    pub fn sign(
        checked: &CheckedVisit,
        bound: bool,
        objects: Vec<SealedObject>,
        index: Vec<RecordIndex>,
        (author, key): (CertificateId, &SigningKey),
    ) -> Result<Self, DecodeError> {
        let records = List::new(objects.iter().map(SealedRecord::from).collect())?;
        let (chain, evidence) = (checked.visit().chain, checked.evidence().clone());
        let visit = SealVisit {
            hospital: checked.visit().hospital,
            nym: checked.visit().nym,
            binding: (!bound).then(|| evidence.binding()),
            records,
            index: List::new(index)?,
        };
        let signature = key.sign(
            yilian_crypto::label::CALL_SIGNATURE,
            &[
                yilian_crypto::label::call::SEAL,
                chain.as_bytes(),
                &visit.to_vec(),
                author.as_bytes(),
            ],
        );
        let objects: Result<Vec<_>, _> = objects
            .into_iter()
            .map(|object| Blob::new(object.into_bytes()))
            .collect();
        Ok(Self {
            visit,
            evidence,
            author,
            signature,
            objects: List::new(objects?)?,
        })
    }

    /// Whether `author` signed it for this chain.
    ///
    /// # Errors
    /// When the signature does not verify.
    pub fn verify(
        &self,
        chain: ChainId,
        author: &VerifyingKey,
    ) -> Result<(), yilian_crypto::Error> {
        Self::verify_parts(chain, &self.visit, self.author, &self.signature, author)
    }

    /// The same, of a request whose parts were kept: what a private chain has as evidence.
    ///
    /// # Errors
    /// When the signature does not verify.
    pub fn verify_parts(
        chain: ChainId,
        visit: &SealVisit,
        author: CertificateId,
        signature: &Signature,
        key: &VerifyingKey,
    ) -> Result<(), yilian_crypto::Error> {
        let parts: [&[u8]; 4] = [
            yilian_crypto::label::call::SEAL,
            chain.as_bytes(),
            &visit.to_vec(),
            author.as_bytes(),
        ];
        key.verify(yilian_crypto::label::CALL_SIGNATURE, &parts, signature)
    }
}

/// The hospital's transaction for a [`SealRequest`], and the proof that it is final.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize, JsonSchema)]
pub struct SealReceipt {
    /// The transaction's bytes, signed by the hospital's node.
    pub transaction: Blob<TRANSACTION_MAX>,
    /// Its receipt.
    pub receipt: Receipt,
}
