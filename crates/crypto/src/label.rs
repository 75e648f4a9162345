//! Domain separation: the one table of labels. Every hash, key derivation and signature of Yilian uses one, and no two uses share one.

/// What a hash, derived key or signature is for. Made in this module only.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Label(&'static str);

impl Label {
    /// The text, as `yilian/v1/<area>/<purpose>`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        self.0
    }
}

macro_rules! labels {
    ($($(#[$doc:meta])* $name:ident = $text:literal;)*) => {
        $($(#[$doc])* pub const $name: Label = Label(concat!("yilian/v1/", $text));)*

        /// Every label.
        pub const ALL: &[Label] = &[$($name),*];
    };
}

labels! {
    /// Scope key: `H1(PK_h, w)`.
    SCOPE_SCALAR = "pre/scope";
    /// Context digest of a capsule.
    PRE_CONTEXT = "pre/context";
    /// Challenge of a capsule's proof of knowledge.
    PRE_CHALLENGE = "pre/challenge";
    /// Record key from `Z^r`.
    RECORD_KEY = "pre/record-key";
    /// Chunk key and commitment from a record key.
    SEAL_KEYS = "seal/keys";
    /// Patient's root scalar `a`.
    PATIENT_ROOT = "seed/patient-root";
    /// Patient's hospital scalar `H(k_h)`.
    PATIENT_HOSPITAL = "seed/patient-hospital";
    /// Patient's search key at a hospital.
    PATIENT_SEARCH = "seed/patient-search";
    /// Visit scalar `H(k_v)`.
    VISIT_SCALAR = "seed/visit";
    /// Tag of a private visit.
    VISIT_TAG = "seed/visit-tag";
    /// Master of a patient's signing keys.
    SIGNING_MASTER = "seed/signing-master";
    /// Signing key of a visit.
    VISIT_SIGNING = "seed/visit-signing";
    /// Signing key of a grant.
    GRANT_SIGNING = "seed/grant-signing";
    /// Member's signing key.
    MEMBER_SIGNING = "seed/member-signing";
    /// Member's delegatee scalar `b`.
    MEMBER_DELEGATEE = "seed/member-delegatee";
    /// Delegatee scalar from bytes of its own.
    DELEGATEE_SEED = "seed/delegatee";
    /// Regulators' scalar.
    REGULATOR = "seed/regulator";
    /// Challenge of a signature under a pseudonym.
    NYM_CHALLENGE = "pseudonym/signature";
    /// Challenge of an escrow's proof.
    ESCROW_CHALLENGE = "pseudonym/escrow";
    /// Message of an Ed25519 signature of a transaction.
    TRANSACTION_SIGNATURE = "protocol/transaction-signature";
    /// Id of a transaction.
    TRANSACTION = "protocol/transaction-id";
    /// Id of a block.
    BLOCK = "protocol/block-id";
    /// Leaf of a Merkle tree.
    MERKLE_LEAF = "protocol/merkle-leaf";
    /// Inner node of a Merkle tree.
    MERKLE_NODE = "protocol/merkle-node";
    /// Place of a value in the ledger's state.
    STATE_KEY = "protocol/state-key";
    /// Id of a record.
    RECORD_ID = "protocol/record-id";
    /// Content identifier.
    CID = "protocol/cid";
    /// Id of a certificate.
    CERTIFICATE = "protocol/certificate-id";
    /// Message of a signature of a certificate.
    CERTIFICATE_SIGNATURE = "protocol/certificate-signature";
    /// Message of a signature of a visit token.
    VISIT_TOKEN = "protocol/visit-token";
    /// Message of an author's signature of a record.
    RECORD_SIGNATURE = "protocol/record-signature";
    /// Commitment to a record's author.
    AUTHOR_COMMITMENT = "protocol/author-commitment";
    /// Commitment to a grant's terms.
    GRANT_TERMS = "protocol/grant-terms";
    /// Id of a grant.
    GRANT_ID = "protocol/grant-id";
    /// Message of a signature of a call.
    CALL_SIGNATURE = "protocol/call-signature";
    /// Mask of a record's scope.
    SCOPE_MASK = "protocol/scope-mask";
    /// Id of a member.
    MEMBER_ID = "protocol/member-id";
    /// Id of a chain.
    CHAIN_ID = "protocol/chain-id";
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_label_is_another_or_its_beginning() {
        for (place, label) in ALL.iter().enumerate() {
            for other in &ALL[place + 1..] {
                assert!(!label.0.starts_with(other.0) || label.0[other.0.len()..].starts_with('-'));
                assert_ne!(label.0, other.0);
            }
        }
    }
}
