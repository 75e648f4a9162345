//! Domain separation: the one table of labels. Every hash, derivation, proof and signature of the
//! product begins with one of these, `"yilian/v1/<area>/<purpose>"`, so no value made for one
//! purpose is good for another.
//!
//! What other libraries sign, hash or shake hands under begins with a [`Namespace`] of the same
//! table. What is signed under [`CALL_SIGNATURE`] begins with one word of [`call`] for each kind of
//! call. `cargo xtask tidy` finds a `"yilian/v1/.."` that stands anywhere else.

/// The purpose of a hash, derivation, proof or signature. The constants of this module are all
/// there are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Label(&'static str);

impl Label {
    /// The text that is hashed.
    #[must_use]
    pub const fn as_str(&self) -> &'static str {
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
    // - chain
    /// Chain id, from the genesis.
    CHAIN_ID = "chain/id";
    /// Block id, from the header.
    BLOCK = "chain/block";
    /// Transaction id.
    TRANSACTION = "chain/transaction";
    /// Signature of a transaction.
    TRANSACTION_SIGNATURE = "chain/sign-transaction";
    /// A node's consent to stand for election.
    CANDIDACY_SIGNATURE = "chain/sign-candidacy";
    /// A member's signature for a body that no member signs.
    VOUCHER = "chain/sign-voucher";
    /// Order of candidates with as many votes.
    ELECTION_TIE = "chain/election-tie";
    /// Leaf of a Merkle tree.
    MERKLE_LEAF = "chain/merkle-leaf";
    /// Inner node of a Merkle tree.
    MERKLE_NODE = "chain/merkle-node";
    /// Key of an entry of the chain's state.
    STATE_KEY = "chain/state-key";

    // - registry
    /// Member id.
    MEMBER_ID = "registry/member-id";
    /// A person, from the licence or the name.
    PERSON = "registry/person";
    /// Certificate id.
    CERTIFICATE = "registry/certificate";
    /// Signature of a certificate.
    CERTIFICATE_SIGNATURE = "registry/sign-certificate";

    // - record
    /// Record id, from the content id.
    RECORD_ID = "record/id";
    /// Content id of a sealed object.
    CID = "record/cid";
    /// Digest of a record's index entries.
    RECORD_INDEX = "record/index-digest";
    /// Signature of a record's author.
    RECORD_SIGNATURE = "record/sign";
    /// Commitment to a record's author.
    AUTHOR_COMMITMENT = "record/author-commitment";
    /// What a capsule's proof is bound to: the header before it, and the body.
    RECORD_BODY = "record/sealed-body";
    /// Mask over the scope in a sealed object's header.
    SCOPE_MASK = "record/scope-mask";
    /// Signature of a visit token under the visit's pseudonym.
    VISIT_TOKEN = "visit/token";
    /// Digest of what a visit token states.
    VISIT_TERMS = "visit/terms";
    /// Digest of that and the escrow, which the pseudonym signs.
    VISIT_DIGEST = "visit/digest";
    /// Id of a request to open an identity.
    DISCLOSURE_ID = "escrow/request";

    /// Block of a hospital's private chain: its hash and its signature.
    LOG_BLOCK = "log/block";

    // - consent
    /// Commitment to a grant's terms.
    GRANT_TERMS = "consent/grant-terms";
    /// Grant id.
    GRANT_ID = "consent/grant-id";
    /// Signature of a call to a node.
    CALL_SIGNATURE = "consent/sign-call";

    // - crypto::pre
    /// H1: a scope's offset to the delegator's key.
    PRE_SCOPE = "pre/scope-offset";
    /// What a rekey is blinded with.
    PRE_BLIND = "pre/blind-of-rekey";
    /// Digest of a capsule's context.
    PRE_CONTEXT = "pre/context";
    /// Challenge of a capsule's proof of knowledge.
    PRE_PROOF = "pre/knowledge-proof";
    /// Challenge of a key holder's proof of its partial.
    PRE_PARTIAL = "pre/partial-proof";
    /// Key of a message sealed to a certified key.
    MESSAGE_SEAL = "seal/message";
    /// Seed of a node's key for messages, from the seed of its signing key.
    NODE_KEM = "seed/node-kem";
    /// A node's scalar for stamps, from the seed of its signing key.
    NODE_STAMP = "seed/node-stamp";
    /// Nonces of proofs and signatures, from secret, message and randomness.
    NONCE = "nonce/hedged";
    /// Randomness of a capsule.
    PRE_ENCAPSULATION = "pre/encapsulation";
    /// Blinding of a capsule that is turned without a pairing.
    PRE_LV = "pre/lv-blinding";
    /// Coefficients of a shared rekey.
    PRE_DEAL = "pre/deal";
    /// Record key from Z^r.
    PRE_RECORD_KEY = "pre/record-key";
    /// A delegatee's scalar from its seed.
    PRE_DELEGATEE = "pre/delegatee";

    // - crypto::psk
    /// Secret of a quarter, or of a private visit, at one hospital.
    PSK_PERIOD = "psk/period";
    /// Secret of a scope.
    PSK_SCOPE = "psk/scope";
    /// Secret of a record.
    PSK_RECORD = "psk/record";
    /// Search secret of a quarter at one hospital.
    PSK_SEARCH = "psk/search";

    // - crypto::seal
    /// Key commitment of a sealed message.
    SEAL_COMMITMENT = "seal/key-commitment";
    /// Key of a sealed message's chunks.
    SEAL_PAYLOAD = "seal/payload-key";

    // - crypto::keystore
    /// Key of a keystore, from the stretched passphrase.
    KEYSTORE_PASSPHRASE = "keystore/passphrase-key";
    /// Key of a secret of a home, from the home's key.
    KEYSTORE_FILE = "keystore/file-key";
    /// Check of a keystore's bytes, which needs no key.
    KEYSTORE_CHECK = "keystore/check";

    // - crypto::pseudonym
    /// Challenge of a signature under a pseudonym.
    NYM_SIGNATURE = "pseudonym/sign";
    /// Challenge of an escrow's proof.
    ESCROW_PROOF = "pseudonym/escrow-proof";
    /// The regulators' scalar from their seed.
    REGULATOR = "pseudonym/regulator";
    /// Coefficients of a deal of the regulators' key.
    REGULATOR_DEAL = "pseudonym/deal-of-regulators";
    /// Challenge of a regulator's part of an opening.
    OPENING_PROOF = "pseudonym/opening-proof";

    // - crypto::seed
    /// A patient's seed of one chain, from the seed of the words.
    SEED_CHAIN = "seed/of-chain";
    /// What the scope secrets of one hospital come from.
    SEED_PERIODS = "seed/periods-of-hospital";
    /// What the search secrets of one hospital come from.
    SEED_SEARCH_SECRETS = "seed/searches-of-hospital";
    /// The root scalar a from a patient's seed.
    SEED_ROOT = "seed/root";
    /// k_h from seed and hospital.
    SEED_HOSPITAL = "seed/key-of-hospital";
    /// H(k_h), the hospital key's offset to the root.
    SEED_HOSPITAL_OFFSET = "seed/offset-of-hospital";
    /// Search key from seed and hospital.
    SEED_SEARCH = "seed/search-of-hospital";
    /// k_v from seed, hospital and counter.
    SEED_VISIT = "seed/key-of-visit";
    /// H(k_v), the pseudonym's offset to the root.
    SEED_VISIT_OFFSET = "seed/offset-of-visit";
    /// Tag of a private visit from k_v.
    SEED_VISIT_TAG = "seed/tag-of-visit";
    /// The master of signing keys, separate from the root.
    SEED_SIGNING = "seed/signing-master";
    /// Signing key of a visit from the signing master.
    SEED_VISIT_SIGNING = "seed/signing-key-of-visit";
    /// Signing key of a grant from the signing master.
    SEED_GRANT_SIGNING = "seed/signing-key-of-grant";
    /// Signing key of a patient's mailbox at one hospital, from the signing master.
    SEED_MAILBOX_SIGNING = "seed/mailbox-signing";
    /// Seed of the key for messages of a patient's mailbox at one hospital.
    SEED_MAILBOX_KEM = "seed/mailbox-kem";
    /// Signing key of an organisation's member.
    SEED_MEMBER_SIGNING = "seed/member-signing";
    /// Seed of the delegatee key of an organisation's member.
    SEED_MEMBER_DELEGATEE = "seed/member-delegatee";
    /// Seed of the key for messages of an organisation's member.
    SEED_MEMBER_KEM = "seed/member-kem";
    /// Seed of the writer key of an organisation's member.
    SEED_MEMBER_WRITER = "seed/member-writer";

    // - crypto::search
    /// Index key of writer and patient.
    SEARCH_INDEX_KEY = "search/index-key";
    /// Key of a keyword.
    SEARCH_KEYWORD = "search/keyword-key";
    /// Root of a keyword's tree.
    SEARCH_ROOT = "search/tree-root";
    /// Child of a tree's node.
    SEARCH_CHILD = "search/tree-child";
    /// Address of an entry.
    SEARCH_ADDRESS = "search/address";
    /// Mask over an entry's pointer.
    SEARCH_MASK = "search/pointer-mask";
    /// Tag of an entry's pointer.
    SEARCH_TAG = "search/pointer-tag";
    /// Key of a keyword's cross tags.
    SEARCH_CROSS_KEY = "search/cross-key";
    /// Cross tag of keyword and record.
    SEARCH_CROSS = "search/cross-tag";
    /// Name of a keyword in the writer's own notes.
    SEARCH_NOTE = "search/writer-note";

    // - crypto::stamp
    /// The scalar that binds a stamp to its day.
    STAMP_DAY = "stamp/day";
    /// Domain of the hash of a stamp's serial to the curve.
    STAMP_SERIAL = "stamp/serial";
    /// The factor by which a serial is blinded.
    STAMP_BLINDING = "stamp/blinding";

    // - mail
    /// What a visit token says of a mailbox: its two keys.
    MAILBOX = "mail/mailbox-keys";
    /// Id of a letter in a mailbox.
    MAIL_ID = "mail/id";
    /// Digest of a doctor's request, which the answer names.
    MAIL_REQUEST = "mail/request-digest";
    /// Signature of a doctor's request.
    REQUEST_SIGNATURE = "mail/sign-request";
    /// Signature of a patient's correction, under the pseudonym of the visit.
    CORRECTION_SIGNATURE = "mail/sign-correction";
    /// Signature of a notice.
    NOTICE_SIGNATURE = "mail/sign-notice";

    // - trace
    /// Seed of a pack's trace key.
    TRACE_KEY = "trace/key-seed";
    /// Reading key of a pack's trace.
    TRACE_READING = "trace/reading-key";
    /// Mask over an event's key.
    TRACE_MASK = "trace/event-key-mask";
    /// Digest of a sealed event.
    TRACE_EVENT = "trace/event-digest";
    /// Digest of what the packs of one append share.
    TRACE_SHARED = "trace/shared-digest";
    /// Link from a trace's entries to the next.
    TRACE_LINK = "trace/link";
    /// What a proof of knowledge is bound to.
    TRACE_CONTEXT = "trace/proof-context";
    /// Signature of an event's author.
    TRACE_SIGNATURE = "trace/sign-event";
    /// Signature of the consortium's CA on a pass.
    PASS_SIGNATURE = "trace/sign-pass";
    /// Tag under which a prescription is used up.
    PRESCRIPTION_USE = "trace/prescription-use";
}

/// What begins the messages of a library that separates its domains itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Namespace(&'static str);

impl Namespace {
    /// The bytes that messages begin with.
    #[must_use]
    pub const fn as_bytes(&self) -> &'static [u8] {
        self.0.as_bytes()
    }
}

macro_rules! namespaces {
    ($($(#[$doc:meta])* $name:ident = $text:literal;)*) => {
        $($(#[$doc])* pub const $name: Namespace = Namespace(concat!("yilian/v1/", $text));)*

        #[cfg(test)]
        const NAMESPACES: &[Namespace] = &[$($name),*];
    };
}

namespaces! {
    /// Votes of validators, before the chain's id and the kind of vote.
    FINALITY = "chain/finality/";
    /// Handshakes between nodes, before the chain's id.
    PEERS = "peers/";
    /// Messages by which validators hand on their shares of the group key.
    RESHARE = "reshare";
    /// The first key ceremony: its handshakes, and its messages.
    CEREMONY = "ceremony";
    /// Transcript of a proof of packs' keys. `yilian-proof` imports nothing of ours and spells it
    /// out.
    TRACE_TRANSCRIPT = "trace-proof/transcript";
    /// Seed of such a proof's masks. Spelled out likewise.
    TRACE_MASKS = "trace-proof/masks";
}

/// What is signed under [`CALL_SIGNATURE`] begins with one of these words, as a part of its own.
pub mod call {
    macro_rules! words {
        ($($(#[$doc:meta])* $name:ident = $word:literal;)*) => {
            $($(#[$doc])* pub const $name: &[u8] = $word;)*

            #[cfg(test)]
            pub(super) const ALL: &[&[u8]] = &[$($name),*];
        };
    }

    words! {
        /// A doctor asks his hospital's node to seal a visit.
        SEAL = b"seal";
        /// A patient hands a key holder its shares of a grant's rekeys.
        DEPOSIT = b"deposit";
        /// A patient vouches for a holder's share of a scope's secret.
        SECRET_SHARE = b"secret-share";
        /// A clinician opens an emergency grant.
        OPENING = b"opening";
        /// A reader asks a key holder for a record.
        ASK = b"ask";
        /// Digest of that, which the answer is bound to.
        ASKED = b"asked";
        /// A key holder's answer.
        PARTIAL = b"partial";
        /// A patient asks a key holder how a grant was used.
        USES = b"uses";
        /// A workstation says that it checked entries of its hospital's private chain.
        LOG_CHECK = b"log-check";
        /// A regulator approves that an identity is opened.
        DISCLOSE = b"disclose";
        /// A regulator gives his part of an opening.
        DISCLOSURE_PART = b"disclosure-part";
        /// A handler asks the consortium's CA for passes.
        PASSES = b"passes";
        /// Somebody asks a member's node for stamps.
        STAMPS = b"stamps";
        /// A stamp is used for a letter.
        DELIVER = b"deliver";
        /// Who has a mailbox asks for its letters.
        FETCH = b"fetch";
        /// Who has a mailbox has letters deleted.
        DISCARD = b"discard";
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_are_distinct_and_none_begins_another() {
        let labels = ALL.iter().map(|label| label.0);
        let all: Vec<&str> = labels
            .chain(NAMESPACES.iter().map(|space| space.0))
            .collect();
        for (place, label) in all.iter().enumerate() {
            for other in &all[place + 1..] {
                assert!(!label.starts_with(other), "{label} {other}");
                assert!(!other.starts_with(label), "{label} {other}");
            }
        }
    }

    #[test]
    fn calls_are_distinct() {
        let distinct: std::collections::BTreeSet<_> = call::ALL.iter().collect();
        assert_eq!(distinct.len(), call::ALL.len());
    }

    /// Chains, nodes and proofs of before are not understood any more when one of these changes.
    #[test]
    fn namespaces_are_what_they_were() {
        let texts: Vec<&str> = NAMESPACES.iter().map(|space| space.0).collect();
        assert_eq!(
            texts,
            [
                "yilian/v1/chain/finality/",
                "yilian/v1/peers/",
                "yilian/v1/reshare",
                "yilian/v1/ceremony",
                "yilian/v1/trace-proof/transcript",
                "yilian/v1/trace-proof/masks",
            ]
        );
        let labels: Vec<&[u8]> = ALL.iter().map(|label| label.0.as_bytes()).collect();
        let all = crate::hash::hash(CID, &[&labels.concat(), &call::ALL.concat()]);
        assert_eq!(
            hex::encode(all),
            "af18c518be10ebf09b2e3e9b201a22c41efafbec3c291a0bc8ad2225b3481eed"
        );
    }

    #[test]
    fn labels_have_the_form_product_version_area_purpose() {
        for label in ALL {
            let parts: Vec<_> = label.as_str().split('/').collect();
            assert_eq!(parts.len(), 4, "{}", label.0);
            assert_eq!(&parts[..2], ["yilian", "v1"]);
            let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
            assert!(
                parts
                    .iter()
                    .all(|part| !part.is_empty() && part.chars().all(plain))
            );
        }
    }
}
