//! What key holders are asked: to turn a record towards a reader, once or under a standing grant.

use rand_core::CryptoRng;
use schemars::JsonSchema;
use yilian_crypto::pre::{
    self, GtReencapsulation, LvReencapsulation, ProvenCapsule, Reencapsulation, Rekey, ScopeKey,
};

use super::{ANSWER_SMALL, BODY_SMALL, Page};
use crate::{
    codec::canonical,
    fixed,
    grant::{HolderAsk, SealedDeposit, SealedPartial, Use, UsesRequest},
    ids::RecordId,
    limits::{DEPOSIT_MAX, SEALED_ASK_MAX},
    voucher::{VouchRequest, Voucher},
};

/// Bytes of a sealed deposit, and whose it is.
const DEPOSIT_BODY_MAX: usize = DEPOSIT_MAX + 128;
/// Bytes of a sealed ask, and whose it is.
const ASK_BODY_MAX: usize = SEALED_ASK_MAX + 64;

crate::calls! {
    /// Consent: what a patient allowed, served as it was allowed.
    contract ConsentContract "consent" {
        /// Turn a record towards a reader, once; nothing is kept. The rekey is blinded: the node
        /// cannot tell to whom it leads.
        reencapsulate: Reencapsulate(OneShot) -> Reencapsulated as Json, post "reencapsulations"
            { body: BODY_SMALL, answer: ANSWER_SMALL, caller: Anybody,
              work: Heavy, at_once: 256 };

        /// Have a key holder vouch for a grant, which it is then put onto the chain with; passed on
        /// to it.
        vouch: Vouch(VouchRequest) -> Voucher as Json, post "vouchers"
            { body: BODY_SMALL, answer: ANSWER_SMALL, caller: Anybody,
              work: Light, at_once: 256 };

        /// Give a key holder its shares of a grant's rekeys; passed on to it.
        deposit: LeaveDeposit(SealedDeposit) -> () as Nothing, post "deposits"
            { body: DEPOSIT_BODY_MAX, answer: ANSWER_SMALL, caller: Anybody,
              work: Light, at_once: 256 };

        /// Ask a key holder for its part of a record under a grant; passed on to it, which alone
        /// can read it, as the reader alone can read the answer.
        ask: AskHolder(HolderAsk) -> SealedPartial as Json, post "asks"
            { body: ASK_BODY_MAX, answer: ANSWER_SMALL, caller: Anybody,
              work: Light, at_once: 256 };

        /// Tell a grant's patient how a key holder's shares were used; passed on to it.
        uses: GetUses(UsesRequest) -> Page<Use> as Json, post "uses"
            { body: BODY_SMALL, answer: ANSWER_SMALL, caller: Anybody,
              work: Light, at_once: 256 };
    }
}

/// One sharing of one record. Names neither patient nor reader.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OneShot {
    /// The record.
    pub record: RecordId,
    /// The scope it is in.
    pub scope: ScopeKey,
    /// From that scope to the reader, blinded: see [`ScopeSecret::blinded_rekey`].
    ///
    /// [`ScopeSecret::blinded_rekey`]: yilian_crypto::pre::ScopeSecret::blinded_rekey
    pub rekey: Rekey,
    /// Which form the answer shall have.
    pub form: Form,
}
canonical!(OneShot {
    record,
    scope,
    rekey,
    form
});

crate::codec::named_codes! {
    /// The form of a re-encapsulation.
    pub enum Form {
        /// In GT, 288 bytes: the reader needs one exponentiation.
        Gt = 1 "gt",
        /// Libert-Vergnaud, 144 bytes: the node needs no pairing.
        Lv = 2 "lv",
    }
}

/// A record's capsule turned towards a reader.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize, JsonSchema)]
#[serde(tag = "form", content = "value", rename_all = "kebab-case")]
#[allow(clippy::large_enum_variant, reason = "short-lived, and sent as bytes")]
pub enum Reencapsulated {
    /// In GT.
    #[serde(with = "fixed::Hex::<GtReencapsulation>")]
    Gt(GtReencapsulation),
    /// In G1 and G2.
    #[serde(with = "fixed::Hex::<LvReencapsulation>")]
    Lv(LvReencapsulation),
}
crate::codec::canonical_choice!(Reencapsulated { 1 => Gt, 2 => Lv });

impl Reencapsulated {
    /// Turns `capsule` with `rekey`, in this form.
    #[must_use]
    pub fn turn(
        form: Form,
        capsule: &ProvenCapsule,
        rekey: &Rekey,
        rng: &mut impl CryptoRng,
    ) -> Self {
        match form {
            Form::Gt => Self::Gt(pre::reencapsulate(capsule, rekey)),
            Form::Lv => Self::Lv(pre::reencapsulate_lv(capsule, rekey, rng)),
        }
    }
}

impl From<Reencapsulated> for Reencapsulation {
    fn from(value: Reencapsulated) -> Self {
        match value {
            Reencapsulated::Gt(gt) => Self::Gt(gt),
            Reencapsulated::Lv(lv) => Self::Lv(lv),
        }
    }
}
