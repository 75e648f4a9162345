//! What a rule is, and which rule each kind of body has.
//!
//! A rule says first what it may read, and gets a handle ([`Slot`], [`Slots`], [`Tail`]) for each
//! key that it names; when it is applied, these handles are its only way to the state. So a key
//! that was not declared cannot be read, and nodes know the keys before they execute.

mod overlay;
mod reads;

use yilian_crypto::sign::VerifyingKey;
use yilian_protocol::{
    ChainId, MemberId,
    disclosure::Disclosure,
    governance::{Ballot, Candidacy},
    grant::{Erasure, GrantChange, Opening},
    private_chain::Anchor,
    refusal::Refusal,
    registry::{Admitted, Certificate, Genesis, Member, MemberEntry, Revocation, Vote},
    trace::TraceAppend,
    tx::{Body, SealVisit},
    voucher::NewGrant,
};

pub(crate) use self::{
    overlay::Overlay,
    reads::{Declaration, Slot, Slots, Tail},
};
use crate::verdict::{Stop, require};

/// What a rule knows beside what it reads.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Context<'a> {
    /// The chain.
    pub chain: ChainId,
    /// What it began with.
    pub genesis: &'a Genesis,
    /// The block's height and time.
    pub admitted: Admitted,
    /// The key that signed the transaction.
    pub signer: &'a VerifyingKey,
}

impl Context<'_> {
    /// The block's epoch.
    pub const fn epoch(&self) -> u64 {
        let blocks = self.genesis.governance.epoch_blocks;
        blocks.epoch_of(self.admitted.height)
    }

    /// Refuses what is not signed by the CA of a member that may act.
    pub fn signed_by_ca(&self, member: &MemberEntry) -> Result<(), Refusal> {
        self.signed_by(&member.member.ca)?;
        member.may_act()
    }

    /// Refuses what is not signed by the node of a member that may act.
    pub fn signed_by_node(&self, member: &MemberEntry) -> Result<(), Refusal> {
        self.signed_by(&member.member.node)?;
        member.may_act()
    }

    /// Refuses a transaction that another key signed.
    pub fn signed_by(&self, key: &VerifyingKey) -> Result<(), Refusal> {
        require(self.signer == key, Refusal::WrongSigner)
    }
}

/// What becomes of a kind of body.
pub(crate) trait Rule {
    /// Handles of all that the rule may read, and what else takes hashing: made once, used at every
    /// meeting with the transaction.
    type Reads;

    /// Declares all that applying the rule may read.
    fn reads(&self, declare: &mut Declaration) -> Self::Reads;

    /// Whether somebody answers for it: a member that may act, one of its people, or who holds a
    /// pass. Asked before it is ordered, and once more in the block: a block that holds one for
    /// which nobody answers is not voted for, so what a stranger sends is kept by nobody. What is
    /// *not* signed by somebody whom members answer for is checked whole here: it enters a block
    /// only to take effect.
    fn authorise(
        &self,
        reads: &Self::Reads,
        context: &Context<'_>,
        state: &Overlay<'_>,
    ) -> Result<(), Stop>;

    /// Applies the rule to what is authorised. It checks all before it writes anything, so that a
    /// refusal leaves nothing behind; but for one,
    /// [`Refusal::TraceClosed`](yilian_protocol::refusal::Refusal::TraceClosed), which leaves an
    /// alarm.
    fn apply(
        &self,
        reads: &Self::Reads,
        context: &Context<'_>,
        state: &mut Overlay<'_>,
    ) -> Result<(), Stop>;
}

/// A body beside its handles.
#[derive(Debug)]
pub(crate) struct Declared<R: Rule> {
    body: R,
    reads: R::Reads,
}

impl<R: Rule> Declared<R> {
    fn of(body: R, declare: &mut Declaration) -> Self {
        let reads = body.reads(declare);
        Self { body, reads }
    }

    fn authorise(&self, context: &Context<'_>, state: &Overlay<'_>) -> Result<(), Stop> {
        self.body.authorise(&self.reads, context, state)
    }

    fn apply(&self, context: &Context<'_>, state: &mut Overlay<'_>) -> Result<(), Stop> {
        self.body.apply(&self.reads, context, state)
    }
}

/// The table of rules: every kind of [`Body`], and the type whose [`Rule`] it has. A kind that is
/// missing here does not compile.
macro_rules! rules {
    ($($kind:ident($body:ty)),* $(,)?) => {
        /// A body of any kind beside its handles.
        #[derive(Debug)]
        pub(crate) enum AnyRule {
            $($kind(Declared<$body>)),*
        }

        impl AnyRule {
            /// The rule of a body, and every key that applying it may read.
            pub fn of(body: Body) -> (Self, reads::Declared) {
                Declaration::collect_declared(|declare| match body {
                    $(Body::$kind(body) => Self::$kind(Declared::of(body, declare))),*
                })
            }

            pub fn authorise(
                &self,
                context: &Context<'_>,
                state: &Overlay<'_>,
            ) -> Result<(), Stop> {
                match self {
                    $(Self::$kind(declared) => declared.authorise(context, state)),*
                }
            }

            pub fn apply(
                &self,
                context: &Context<'_>,
                state: &mut Overlay<'_>,
            ) -> Result<(), Stop> {
                match self {
                    $(Self::$kind(declared) => declared.apply(context, state)),*
                }
            }
        }
    };
}
rules! {
    Admit(Member),
    Certify(Certificate),
    Revoke(Revocation),
    Seal(SealVisit),
    CreateGrant(NewGrant),
    SetGrant(GrantChange),
    AppendTrace(TraceAppend),
    Erase(Erasure),
    Anchor(Anchor),
    Vote(Vote),
    Open(Opening),
    Stand(Candidacy),
    Elect(Ballot),
    Disclose(Disclosure),
}

impl AnyRule {
    /// The change of a grant, if it is one.
    pub const fn grant_change(&self) -> Option<&GrantChange> {
        match self {
            Self::SetGrant(declared) => Some(&declared.body),
            _ => None,
        }
    }

    /// Names what it can bring about once only: a kind, and of which thing.
    pub fn effect(&self) -> Vec<u8> {
        let named = |kind: &[u8], of: &[u8]| [kind, of].concat();
        match self {
            Self::Admit(declared) => named(b"admit", declared.body.id().as_bytes()),
            Self::Certify(declared) => named(b"certify", declared.body.id().as_bytes()),
            Self::Revoke(declared) => named(b"revoke", declared.body.certificate.as_bytes()),
            Self::Seal(declared) => {
                let first = declared.body.records.iter().next();
                first.map_or_else(Vec::new, |first| named(b"seal", first.record.as_bytes()))
            }
            Self::CreateGrant(declared) => named(b"grant", declared.body.grant.id().as_bytes()),
            Self::SetGrant(declared) => {
                let GrantChange {
                    grant, sequence, ..
                } = &declared.body;
                let of = [&grant.as_bytes()[..], &sequence.to_be_bytes()].concat();
                named(b"set", &of)
            }
            Self::AppendTrace(declared) => {
                let first = declared.body.terms.pushes.iter().next();
                first.map_or_else(Vec::new, |first| {
                    let length = first.length.to_be_bytes();
                    named(b"append", &[&first.trace.as_bytes()[..], &length].concat())
                })
            }
            Self::Erase(declared) => {
                let Erasure { grant, holder } = &declared.body;
                let of = [&grant.as_bytes()[..], holder.as_bytes()].concat();
                named(b"erase", &of)
            }
            Self::Anchor(declared) => named(b"anchor", declared.body.header.id().as_bytes()),
            Self::Open(declared) => named(b"open", declared.body.grant.as_bytes()),
            // A member counts these three together.
            Self::Vote(declared) => named(b"vote", &declared.body.sequence.to_be_bytes()),
            Self::Stand(declared) => named(b"vote", &declared.body.sequence.to_be_bytes()),
            Self::Elect(declared) => named(b"vote", &declared.body.sequence.to_be_bytes()),
            Self::Disclose(declared) => named(b"disclose", declared.body.request.id().as_bytes()),
        }
    }

    /// The member that vouches for it, when its signer is nobody's.
    pub const fn voucher(&self) -> Option<MemberId> {
        match self {
            Self::CreateGrant(declared) => Some(declared.body.voucher.member),
            _ => None,
        }
    }
}
