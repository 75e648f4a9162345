//! What can go wrong on the people's side, and whose fault it is.

use yilian_protocol::{
    CertificateId, ChainId, DisclosureId, GrantId, MemberId, RecordId, RequestId,
    authored::AuthoredError, call::CallError, codec::DecodeError, letter::LetterError,
    receipt::ReceiptError, refusal::Refusal, sealed::SealedError, visit::TokenError,
};

use crate::names;

/// Why a step did not happen.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ClientError {
    /// The node refused or did not answer.
    #[error(transparent)]
    Call(#[from] CallError),
    /// The transaction is on the chain, but a rule refused it.
    #[error("refused: {0}")]
    Refused(Refusal),
    /// The patient's token is not acceptable.
    #[error(transparent)]
    Token(#[from] TokenError),
    /// The sealed object is at fault, or the key.
    #[error("record {record}: {source}")]
    Sealed {
        /// The record.
        record: RecordId,
        /// What is wrong.
        source: SealedError,
    },
    /// The record cannot be sealed.
    #[error(transparent)]
    Seal(#[from] SealedError),
    /// The record opens, but its author's word does not stand.
    #[error("record {record}: {source}")]
    Author {
        /// The record.
        record: RecordId,
        /// What is wrong.
        source: AuthoredError,
    },
    /// The node handed out other bytes than the chain names: the node's fault.
    #[error("the node handed out a false object for record {record}")]
    FalseObject {
        /// The record.
        record: RecordId,
    },
    /// The node's proof does not convince: the node's fault.
    #[error("the node's receipt is worthless: {0}")]
    Receipt(#[from] ReceiptError),
    /// The node is of another chain than the one pinned.
    #[error("the node is of chain {found}, this wallet of {pinned}")]
    OtherChain {
        /// The chain pinned.
        pinned: ChainId,
        /// The chain the node names.
        found: ChainId,
    },
    /// What somebody handed over is of another chain than the node's.
    #[error("the {what} is for chain {of}; this node is of chain {here}")]
    ForeignChain {
        /// What it is: share, letter, search letter.
        what: &'static str,
        /// The chain that it names.
        of: ChainId,
        /// The node's.
        here: ChainId,
    },
    /// The node answered something that is no answer to the request: the node's fault.
    #[error("the node answered a {request} request with something else")]
    WrongAnswer {
        /// What was asked.
        request: &'static str,
    },
    /// The node keeps back entries of the index that stand on the chain: the node's fault.
    #[error("the node keeps back index entries of hospital {hospital}")]
    Withheld {
        /// Whose index it is.
        hospital: MemberId,
    },
    /// The record is of a visit that this wallet does not know.
    #[error("record {record} belongs to no visit of this patient; run a recovery if it should")]
    NotMine {
        /// The record.
        record: RecordId,
    },
    /// This device's clock is ahead of the node's by more than clocks may differ: what it signs now
    /// would never open.
    #[error("this device's clock is {} s ahead of the node's", .ms / 1_000)]
    ClockAhead {
        /// By how much.
        ms: u64,
    },
    /// The hospital's private chain has no evidence of the visit, or of another than the chain
    /// knows: the hospital's fault.
    #[error("hospital {hospital} has no evidence of this visit")]
    NoEvidence {
        /// The hospital.
        hospital: MemberId,
    },
    /// The request to open an identity does not stand on the chain: no part is given before.
    #[error("request {disclosure} to open an identity does not stand on the chain")]
    NotDisclosed {
        /// The request.
        disclosure: DisclosureId,
    },
    /// This regulator neither asked for the opening nor approved of it: he gives no part.
    #[error("this regulator neither asked nor approved of request {disclosure}")]
    NotMyCase {
        /// The request.
        disclosure: DisclosureId,
    },
    /// A regulator's part of an opening is not of his share: his fault, since he signed it.
    #[error("the part of regulator {regulator} is wrong")]
    WrongPart {
        /// His certificate.
        regulator: CertificateId,
    },
    /// A part of an opening is of another request, or no certified regulator signed it: whoever
    /// handed it on may have taken one for another.
    #[error("a part is not of this request, or not signed by the regulator whom it names")]
    ForeignPart,
    /// Fewer regulators gave their parts than it takes.
    #[error("{found} of {needed} regulators needed gave their parts")]
    TooFewParts {
        /// How many did.
        found: usize,
        /// How many it takes.
        needed: usize,
    },
    /// An entry of a private chain is wrong; it must not be put into a block.
    #[error("entry {number} of the private chain is wrong: {cause}")]
    WrongEntry {
        /// The entry's number.
        number: u64,
        /// What it contradicts.
        cause: &'static str,
    },
    /// The wallet knows no such grant.
    #[error("this wallet made no grant {grant}")]
    NotMyGrant {
        /// The grant.
        grant: GrantId,
    },
    /// The share or letter is for another reader.
    #[error("this is for the holder of certificate {reader}")]
    NotForMe {
        /// The one it is for.
        reader: CertificateId,
    },
    /// The grant is to a certificate of this reader's that was renewed since, and is good no more:
    /// a grant to the one of now takes its place.
    #[error(
        "the grant is to your certificate {reader}, which was renewed as {own} and is good no \
         more: {rule}"
    )]
    EarlierCertificate {
        /// The one that the grant names.
        reader: CertificateId,
        /// The one of now.
        own: CertificateId,
        /// Why it is good no more.
        rule: Refusal,
    },
    /// The answer names no request that this device sent.
    #[error("it answers request {request}, which was not asked from here")]
    NotAsked {
        /// The request that it names.
        request: RequestId,
    },
    /// The share or letter does not open.
    #[error("the share or letter: {0}")]
    Letter(#[from] LetterError),
    /// Fewer key holders than the grant's threshold took their shares, so it was revoked again, if
    /// that came through.
    #[error(
        "{} of {threshold} key holders needed took their shares: {cause}{}",
        .took, standing(.stands)
    )]
    TooFewHolders {
        /// How many took them.
        took: usize,
        /// How many are needed.
        threshold: usize,
        /// Why the first that did not, did not.
        cause: Box<ClientError>,
        /// The grant, when it could not be revoked: it may stand. `None` also when it answers a
        /// request, for then [`crate::Unanswered`] tells.
        stands: Option<GrantId>,
    },
    /// Key holders answered with parts that are not of their shares, and too few others are left.
    #[error("key holder {holder} answered falsely")]
    FalsePartial {
        /// The first of them.
        holder: MemberId,
    },
    /// The letter's terms are not those to which its grant commits on the chain.
    #[error("the letter tells other terms than grant {grant} has")]
    OtherTerms {
        /// The grant that it names.
        grant: GrantId,
    },
    /// The letter does not mention the record.
    #[error("the letter does not mention record {record}")]
    NotInLetter {
        /// The record.
        record: RecordId,
    },
    /// Nobody of this name is a member.
    #[error("no member is called `{name}`{}", names::question(.meant))]
    NoMember {
        /// The name.
        name: String,
        /// Members whose names are near it.
        meant: Vec<String>,
    },
    /// The name does not tell which member is meant.
    #[error("several members are called `{name}`: {} and {}", .both[0], .both[1])]
    SeveralMembers {
        /// The name.
        name: String,
        /// Two of them.
        both: [MemberId; 2],
    },
    /// Nobody was certified under this name.
    #[error("nobody called `{name}` is certified{}", names::question(.meant))]
    NoPerson {
        /// The name.
        name: String,
        /// People whose names are near it.
        meant: Vec<String>,
    },
    /// The name does not tell which person is meant.
    #[error("several people are called `{name}`: certificates {} and {}", .both[0], .both[1])]
    SeveralPeople {
        /// The name.
        name: String,
        /// Certificates of two of them.
        both: [CertificateId; 2],
    },
    /// Visits cannot be told apart.
    #[error(transparent)]
    Visits(#[from] yilian_record::encounter::GroupingError),
    /// A text is no pack's code.
    #[error(transparent)]
    Code(#[from] yilian_record::gs1::CodeError),
    /// The event is not as EPCIS asks.
    #[error("the event is not as EPCIS 2.0 asks: {0}")]
    Event(String),
    /// The event does not fit the packs.
    #[error(transparent)]
    Capture(#[from] crate::trace::CaptureError),
    /// The author has no valid pass left.
    #[error("no pass is left that is valid now")]
    NoPass,
    /// The pack's trace has no such event.
    #[error("the pack's trace has no event {id}")]
    NoSuchEvent {
        /// The event's id.
        id: String,
    },
    /// No proof could be made.
    #[error(transparent)]
    Prove(#[from] yilian_proof::ProveError),
    /// The record holds no such prescription, or not one that can be dispensed.
    #[error("no prescription to dispense: {0}")]
    Prescription(String),
    /// A value over its limit, or a file that is not what it should be.
    #[error(transparent)]
    Format(#[from] DecodeError),
    /// Keys or signatures are not what they should be.
    #[error(transparent)]
    Crypto(#[from] yilian_crypto::Error),
}

fn standing(stands: &Option<GrantId>) -> String {
    let told = |grant: &GrantId| format!("; grant {grant} could not be revoked");
    stands.as_ref().map(told).unwrap_or_default()
}

impl ClientError {
    /// The rule that refused, if a rule did.
    #[must_use]
    pub fn refusal(&self) -> Option<Refusal> {
        match self {
            Self::Refused(rule)
            | Self::Call(CallError::Refused { rule })
            | Self::EarlierCertificate { rule, .. } => Some(*rule),
            Self::Author {
                source: AuthoredError::Standing(rule),
                ..
            } => Some(*rule),
            Self::TooFewHolders { cause, .. } => cause.refusal(),
            _ => None,
        }
    }
}

impl From<yilian_record::epcis::Error> for ClientError {
    fn from(error: yilian_record::epcis::Error) -> Self {
        Self::Event(error.to_string())
    }
}

impl From<Refusal> for ClientError {
    fn from(rule: Refusal) -> Self {
        Self::Refused(rule)
    }
}
