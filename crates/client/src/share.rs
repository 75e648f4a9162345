//! What a patient gives a reader: a share of one record, or the letter of a standing grant. Both
//! are JSON, to be shown as a QR code or sent as a file; neither opens anything without the
//! reader's own key.

use yilian_crypto::pre::ScopeKey;
use yilian_protocol::{
    CertificateId, ChainId, GrantId, RecordId, call::Reencapsulated, fixed, grant::Terms,
};

/// One record, turned towards one reader, once.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Share {
    /// The chain the record is on.
    pub chain: ChainId,
    /// The record.
    pub record: RecordId,
    /// The one who can open it.
    pub reader: CertificateId,
    /// The scope it is in; lets the reader recognise that scope's capsules.
    #[serde(with = "fixed")]
    pub scope: ScopeKey,
    /// Its capsule, turned towards the reader.
    pub capsule: Reencapsulated,
}

/// What a standing grant allows its reader, in the patient's own words.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Letter {
    /// The chain the grant is on.
    pub chain: ChainId,
    /// The grant.
    pub grant: GrantId,
    /// What it allows.
    pub terms: Terms,
    /// The records that exist so far; a later letter names later ones.
    pub records: Vec<LetterRecord>,
}

/// A record that a letter names.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct LetterRecord {
    /// The record.
    pub record: RecordId,
    /// The scope it is in.
    #[serde(with = "fixed")]
    pub scope: ScopeKey,
}
