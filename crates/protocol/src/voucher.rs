//! What lets a body onto the chain that no member signs: a member's voucher.
//!
//! A patient is nobody whom the chain knows, so it cannot tell a patient from somebody who makes
//! keys. Members can be told apart, so one of them answers for each grant, and for as many as
//! [`VOUCHERS_MAX`](crate::limits::VOUCHERS_MAX) in an epoch. The member is one of the grant's key
//! holders, which stand in the grant anyway: so the voucher names no hospital that the grant does
//! not.

use schemars::JsonSchema;
use yilian_crypto::{
    label,
    sign::{Signature, SigningKey, VerifyingKey},
};

use crate::{
    codec::{Encode, canonical},
    fixed,
    grant::Grant,
    ids::{ChainId, MemberId},
    limits::VOUCHERS_MAX,
    refusal::Refusal,
};

/// A member's word for a grant. 104 bytes.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize, JsonSchema)]
pub struct Voucher {
    /// The member.
    pub member: MemberId,
    /// The epoch in which it was given; it counts in this one and in the next.
    pub epoch: u64,
    /// By the member's node.
    #[serde(with = "fixed::Hex::<Signature>")]
    pub signature: Signature,
}
canonical!(Voucher {
    member,
    epoch,
    signature
});

impl Voucher {
    /// Vouches for `grant` in the name of `member`, whose node signs with `node`.
    #[must_use]
    pub fn sign(
        chain: ChainId,
        (member, node): (MemberId, &SigningKey),
        epoch: u64,
        grant: &Grant,
    ) -> Self {
        let message = Self::message(chain, member, epoch, grant);
        Self {
            member,
            epoch,
            signature: node.sign(label::VOUCHER, &[&message]),
        }
    }

    /// Whether it is the word of the member whose node has the key `node`, for `grant`, and counts
    /// in the epoch `now`.
    ///
    /// # Errors
    /// [`Refusal::NotVouched`].
    pub fn verify(
        &self,
        chain: ChainId,
        node: &VerifyingKey,
        grant: &Grant,
        now: u64,
    ) -> Result<(), Refusal> {
        let timely = self.epoch == now || self.epoch.checked_add(1) == Some(now);
        let message = Self::message(chain, self.member, self.epoch, grant);
        let signed = node.verify(label::VOUCHER, &[&message], &self.signature);
        match timely && grant.holder_index(self.member).is_some() && signed.is_ok() {
            true => Ok(()),
            false => Err(Refusal::NotVouched),
        }
    }

    fn message(chain: ChainId, member: MemberId, epoch: u64, grant: &Grant) -> Vec<u8> {
        let mut message = chain.to_vec();
        member.encode(&mut message);
        epoch.encode(&mut message);
        grant.encode(&mut message);
        message
    }
}

/// Asks the node of a key holder to vouch for a grant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VouchRequest {
    /// The grant.
    pub grant: Grant,
    /// Which of its key holders.
    pub holder: MemberId,
    /// How many nodes may pass it on.
    pub hops: u8,
}
canonical!(VouchRequest {
    grant,
    holder,
    hops
});

/// A grant, and who vouches for it.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize, JsonSchema)]
pub struct NewGrant {
    /// The grant.
    pub grant: Grant,
    /// Of one of its key holders.
    pub voucher: Voucher,
}
canonical!(NewGrant { grant, voucher });

/// How many grants of an epoch a member vouched for.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, Default, serde::Serialize, serde::Deserialize, JsonSchema,
)]
pub struct Vouched {
    /// The epoch whose blocks hold them.
    pub epoch: u64,
    /// How many.
    pub count: u32,
}
canonical!(Vouched { epoch, count });

impl Vouched {
    /// The count with one more in `epoch`.
    ///
    /// # Errors
    /// [`Refusal::VouchersUsed`] over [`VOUCHERS_MAX`].
    pub fn with_one_more(self, epoch: u64) -> Result<Self, Refusal> {
        let before = if self.epoch == epoch { self.count } else { 0 };
        if before >= VOUCHERS_MAX {
            return Err(Refusal::VouchersUsed);
        }
        Ok(Self {
            epoch,
            count: before + 1,
        })
    }
}
