//! Every rule by which the ledger or a key holder refuses, with a stable name and what to do about
//! it.

use schemars::JsonSchema;

use crate::codec::{Decode, DecodeError, Encode, Reader, named_codes};

named_codes! {
    /// The rule that was broken. Names and codes are stable: pages translate them, tests match
    /// them.
    pub enum Refusal {
        /// The transaction is of another chain.
        WrongChain = 1 "wrong-chain",
        /// The signature is not that of the key the rule asks for.
        WrongSigner = 2 "wrong-signer",
        /// The signature does not verify.
        BadSignature = 3 "bad-signature",
        /// The bytes are no transaction.
        Malformed = 4 "malformed",
        /// No such member.
        MemberUnknown = 10 "member-unknown",
        /// The member was admitted before.
        MemberExists = 11 "member-exists",
        /// No such certificate.
        CertificateUnknown = 12 "certificate-unknown",
        /// The certificate was registered before.
        CertificateExists = 13 "certificate-exists",
        /// The certificate is not valid yet.
        CertificateNotYetValid = 14 "certificate-not-yet-valid",
        /// The certificate's time is over.
        CertificateExpired = 15 "certificate-expired",
        /// The certificate was revoked.
        CertificateRevoked = 16 "certificate-revoked",
        /// The certificate's span of time is not one.
        CertificateValidity = 17 "certificate-validity",
        /// The role may not do this.
        RoleNotAllowed = 18 "role-not-allowed",
        /// The member is suspended or expelled, by its fellow members' vote.
        MemberSuspended = 19 "member-suspended",
        /// The record is on the chain already; records are never changed.
        RecordExists = 20 "record-exists",
        /// No such record.
        RecordUnknown = 21 "record-unknown",
        /// The visit belongs to another hospital.
        ForeignVisit = 22 "foreign-visit",
        /// The person does not act for this organisation.
        ForeignMember = 23 "foreign-member",
        /// An index entry stands at that place already.
        IndexTaken = 24 "index-taken",
        /// A record came with no index, or an index with no record.
        IndexMissing = 25 "index-missing",
        /// The motion is not one that can be decided now, or was decided since.
        StaleMotion = 26 "stale-motion",
        /// The member has voted so before.
        AlreadyVoted = 27 "already-voted",
        /// A member does not vote about itself.
        OwnMotion = 28 "own-motion",
        /// The consortium has as many members as it can have.
        TooManyMembers = 29 "too-many-members",
        /// The grant exists already.
        GrantExists = 30 "grant-exists",
        /// No such grant.
        GrantUnknown = 31 "grant-unknown",
        /// The patient has paused the grant.
        GrantPaused = 32 "grant-paused",
        /// The patient has revoked the grant; that is final.
        GrantRevoked = 33 "grant-revoked",
        /// The grant's time is over.
        GrantExpired = 34 "grant-expired",
        /// The grant's time has not begun.
        GrantNotYetValid = 35 "grant-not-yet-valid",
        /// The terms shown are not those the grant commits to.
        TermsMismatch = 36 "terms-mismatch",
        /// The grant names another reader.
        ReaderNotNamed = 37 "reader-not-named",
        /// The grant does not cover this record's scope.
        ScopeNotGranted = 38 "scope-not-granted",
        /// The grant is for another purpose.
        PurposeNotGranted = 39 "purpose-not-granted",
        /// This node holds no key of the grant.
        NotKeyHolder = 40 "not-key-holder",
        /// The request is older or newer than clocks may differ.
        StaleRequest = 41 "stale-request",
        /// A rekey of the grant is not for the reader and scope it claims.
        WrongRekey = 42 "wrong-rekey",
        /// The record's proof or ciphertext does not verify for the scope given.
        CapsuleNotProven = 43 "capsule-not-proven",
        /// The change is not the next one of the grant, or the vote not the member's next.
        StaleChange = 44 "stale-change",
        /// The grant's threshold is not one of its key holders' count, or a holder is named twice.
        BadHolders = 45 "bad-holders",
        /// The grant is not revoked, so there is nothing to erase.
        GrantNotRevoked = 46 "grant-not-revoked",
        /// The key holder said before that it erased its shares.
        AlreadyErased = 47 "already-erased",
        /// The private chain has not grown since its last anchor.
        AnchorStale = 48 "anchor-stale",
        /// The private chain is not the one that was anchored before: it has been rewritten.
        AnchorInconsistent = 49 "anchor-inconsistent",
        /// The grant is for emergencies, and two clinicians have not opened it today.
        GrantNotOpened = 60 "grant-not-opened",
        /// The grant is not one for emergencies.
        NotForEmergencies = 61 "not-for-emergencies",
        /// An emergency grant is opened by two clinicians; these are one, or one is the reader.
        TwoClinicians = 62 "two-clinicians",
        /// No member vouches for it, or the one that does may not: it is not named by it, or was
        /// asked in another epoch.
        NotVouched = 64 "not-vouched",
        /// The member vouched for as many grants as it may in this epoch.
        VouchersUsed = 65 "vouchers-used",
        /// The grant is for a longer time than grants may be.
        GrantTooLong = 66 "grant-too-long",
        /// The grant was changed as often as it can be; only its revocation is left.
        TooManyChanges = 67 "too-many-changes",
        /// The opening is not later than the one before: each counts once.
        OpeningStale = 63 "opening-stale",
        /// The node did not consent to be stood for election.
        NoConsent = 70 "no-consent",
        /// The node is another member's.
        ForeignNode = 71 "foreign-node",
        /// The node does not stand for election.
        NotStanding = 72 "not-standing",
        /// The member, or the chain, has as many candidates as it can.
        TooManyCandidates = 73 "too-many-candidates",
        /// Only members may ask this, under TLS and with a certificate of theirs.
        NotAMember = 74 "not-a-member",
        /// The pass is not the consortium CA's, or for too long.
        PassInvalid = 50 "pass-invalid",
        /// The pass is not valid at this time.
        PassExpired = 51 "pass-expired",
        /// The append's window of heights is over, not begun, or too wide.
        OutsideWindow = 52 "outside-window",
        /// The proof does not show that the sender knows the packs' keys.
        ProofInvalid = 53 "proof-invalid",
        /// A trace has grown since the append was made.
        StaleTrace = 54 "stale-trace",
        /// There is no such trace: the pack was never commissioned.
        TraceUnknown = 55 "trace-unknown",
        /// The trace was begun before: a second pack with the same code.
        TraceExists = 56 "trace-exists",
        /// The trace is closed. The attempt is kept in it as an alarm.
        TraceClosed = 57 "trace-closed",
        /// The prescription was dispensed before.
        PrescriptionUsed = 58 "prescription-used",
        /// An append names no pack, or one twice.
        TracePacks = 59 "trace-packs",
        /// A deposit's shares of scope secrets are not signed, or there are some where none belong.
        WrongSecrets = 91 "wrong-secrets",
        /// The visit's pseudonym did not sign for this hospital, or signed another visit.
        VisitUnbound = 92 "visit-unbound",
        /// No such visit: nothing was sealed under the pseudonym.
        VisitUnknown = 93 "visit-unknown",
        /// The request to open an identity stands on the chain already.
        DisclosureExists = 94 "disclosure-exists",
        /// Too few regulators approve of opening an identity, or one of them twice.
        TooFewRegulators = 95 "too-few-regulators",
        /// The capsule stands on the chain already, under another record.
        CapsuleExists = 90 "capsule-exists",
        /// The letter bears no stamp of that member and day.
        StampInvalid = 96 "stamp-invalid",
        /// The stamp's day is over, or not begun.
        StampExpired = 97 "stamp-expired",
        /// The stamp was used for another letter.
        StampSpent = 98 "stamp-spent",
        /// Whoever asks for stamps has had today's.
        StampsUsed = 99 "stamps-used",
        /// The node takes no letter now: for this mailbox, with this member's stamps, or at all. It
        /// does not say which.
        NoRoomForMail = 100 "no-room-for-mail",
        /// No node that this one reaches keeps mailboxes of that member.
        NotKeeper = 101 "not-keeper",
    }
}

impl Refusal {
    /// What the one who was refused can do.
    #[must_use]
    pub const fn remedy(self) -> &'static str {
        match self {
            Self::WrongChain => "sign it for the chain you send it to",
            Self::WrongSigner | Self::BadSignature => "sign with the key the rule names",
            Self::Malformed => "send it in the canonical encoding",
            Self::MemberUnknown => "have the consortium CA admit the organisation first",
            Self::MemberExists | Self::CertificateExists | Self::GrantExists => {
                "nothing to do: it is there"
            }
            Self::CertificateUnknown => "have the organisation's CA certify the person first",
            Self::CertificateNotYetValid => "wait until the certificate's first moment",
            Self::CertificateExpired | Self::CertificateRevoked => {
                "have the organisation's CA issue a new certificate"
            }
            Self::CertificateValidity => "choose an end after the beginning, within five years",
            Self::RoleNotAllowed => "act with a certificate of a role that may do this",
            Self::MemberSuspended => "have the other members vote to reinstate it",
            Self::StaleMotion => "read the member's standing again, and vote on what is open",
            Self::AlreadyVoted => "nothing to do: the vote counts",
            Self::OwnMotion => "leave it to the other members",
            Self::TooManyMembers => "begin a second consortium",
            Self::NoConsent => {
                "have the node sign its candidacy for this chain, member and address"
            }
            Self::ForeignNode => "stand a node of your own",
            Self::NotStanding => "list the candidates, and choose one that stands",
            Self::NotAMember => "show a certificate of yours, as `yilian ca tls` makes it",
            Self::TooManyCandidates => "withdraw one of your nodes, or stand one that stands",
            Self::RecordExists => "seal a correction as a new record",
            Self::WrongSecrets => {
                "deposit one signed share of its secret for each scope of an emergency grant, and none else"
            }
            Self::VisitUnbound => "ask the patient for a visit token of this visit",
            Self::VisitUnknown => "check the pseudonym",
            Self::DisclosureExists => "nothing to do: the regulators can give their parts",
            Self::TooFewRegulators => "have more regulators approve, each of them once",
            Self::CapsuleExists => "seal the record anew: each gets a capsule of its own",
            Self::IndexTaken => {
                "count the keyword's entries again and number the new ones after them"
            }
            Self::IndexMissing => "send one index for each record",
            Self::RecordUnknown => "check the record id",
            Self::ForeignVisit => "ask the patient for a visit token of your own hospital",
            Self::ForeignMember => "send it through your own organisation",
            Self::GrantUnknown => "ask the patient for a grant",
            Self::GrantPaused => "ask the patient to resume the grant",
            Self::GrantRevoked | Self::GrantExpired => "ask the patient for a new grant",
            Self::GrantNotYetValid => "wait until the grant begins",
            Self::TermsMismatch => "show the terms as the patient made them",
            Self::ReaderNotNamed => "the reader whom the grant names must ask",
            Self::ScopeNotGranted => "ask the patient for a grant of this record's scope",
            Self::PurposeNotGranted => "ask for the purpose the grant names",
            Self::NotKeyHolder => "ask a node that holds the grant's keys",
            Self::StaleRequest => "set the clock right and ask again",
            Self::WrongRekey => "make the rekeys for the reader's registered key",
            Self::StaleChange => {
                "read the grant, or the member's votes, again, and number the change after the last"
            }
            Self::BadHolders => "name each key holder once, and a threshold up to their count",
            Self::GrantNotRevoked => "keep the shares until the patient revokes the grant",
            Self::AlreadyErased => "nothing to do: the receipt is there",
            Self::AnchorStale => "nothing to do: a later block is anchored",
            Self::AnchorInconsistent => {
                "restore the private chain from a copy; tell the other members what happened"
            }
            Self::GrantNotOpened => {
                "have two clinicians open it: one signs, the other countersigns; the patient will see it"
            }
            Self::NotForEmergencies => "ask the patient; or name a grant made for emergencies",
            Self::TwoClinicians => "have another clinician countersign",
            Self::NotVouched => "have one of the grant's key holders vouch for it",
            Self::VouchersUsed => "ask another of the grant's key holders, or wait for an hour",
            Self::GrantTooLong => "make the grant for two years at most, and a new one then",
            Self::TooManyChanges => "revoke the grant, and make a new one",
            Self::OpeningStale => "have the first clinician sign a new opening",
            Self::PassInvalid | Self::PassExpired => {
                "have the consortium's CA issue new passes to you"
            }
            Self::OutsideWindow | Self::StaleTrace => "read the traces again and append once more",
            Self::ProofInvalid => "scan the codes again; every pack's whole code is needed",
            Self::TraceUnknown => "do not use the pack: nobody made it, as far as the chain knows",
            Self::TraceExists => "print a fresh code; a code names one pack",
            Self::TraceClosed => {
                "do not use the pack: it was dispensed, destroyed or recalled before; tell the regulator"
            }
            Self::PrescriptionUsed => "ask the doctor for a new prescription",
            Self::TracePacks => "name each pack once",
            Self::StampInvalid | Self::StampExpired | Self::StampSpent => "use a fresh stamp",
            Self::StampsUsed => "wait until tomorrow, or use the stamp enclosed in the letter",
            Self::NoRoomForMail => "send it tomorrow, or hand it over as a file",
            Self::NotKeeper => "send it through a node that reaches that member's",
            Self::CapsuleNotProven => "use the scope of the record; report the node if it is right",
        }
    }
}

/// What became of a transaction that is in a block.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize, JsonSchema,
)]
#[serde(rename_all = "kebab-case")]
pub enum Outcome {
    /// It took effect.
    Applied,
    /// It broke a rule and changed nothing.
    Refused(Refusal),
}

impl Outcome {
    /// The refusal as an error.
    ///
    /// # Errors
    /// The rule that was broken.
    pub const fn ok(self) -> Result<(), Refusal> {
        match self {
            Self::Applied => Ok(()),
            Self::Refused(refusal) => Err(refusal),
        }
    }

    /// One byte: 0, or the refusal's code.
    #[must_use]
    pub const fn code(self) -> u8 {
        match self {
            Self::Applied => 0,
            Self::Refused(refusal) => refusal as u8,
        }
    }
}

impl Encode for Outcome {
    fn encode(&self, out: &mut Vec<u8>) {
        out.push(self.code());
    }
}

impl Decode for Outcome {
    fn decode(input: &mut Reader<'_>) -> Result<Self, DecodeError> {
        match u8::decode(input)? {
            0 => Ok(Self::Applied),
            code => Ok(Self::Refused(Refusal::from_slice(&[code])?)),
        }
    }
}
