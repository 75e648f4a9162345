//! Mailboxes: what is asked of the node that keeps one. docs/PROTOCOL.md 12.4.
//!
//! A mailbox is whatever lies under a key. It need not be opened, and is gone when it is empty: so
//! there is none of which an answer could tell that it exists. Who has the key fetches and deletes;
//! who has a stamp delivers.

use schemars::JsonSchema;
use yilian_crypto::{
    label,
    sign::{Signature, SigningKey, VerifyingKey},
};

use crate::{
    codec::{Encode, List, canonical},
    ids::{ChainId, MailId, MemberId, TimeMs},
    limits::{HOPS_MAX, MAILBOX_LETTERS_MAX},
    mail::{Address, SealedMail},
    refusal::Refusal,
    stamp::{Stamp, UsedStamp},
};

/// A letter on its way to the node that keeps it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Delivery {
    /// The member whose node keeps the mailbox.
    pub keeper: MemberId,
    /// How many nodes may pass it on.
    pub hops: u8,
    /// The mailbox.
    pub mailbox: VerifyingKey,
    /// Who answers for it.
    pub stamp: UsedStamp,
    /// The letter.
    pub sealed: SealedMail,
}
canonical!(Delivery {
    keeper,
    hops,
    mailbox,
    stamp,
    sealed
});

impl Delivery {
    /// A sealed letter to `address`, stamped.
    #[must_use]
    pub fn stamped(chain: ChainId, address: &Address, sealed: SealedMail, stamp: &Stamp) -> Self {
        let (keeper, mailbox) = (address.keeper, address.card.mailbox);
        let stamp = stamp.used(chain, keeper, sealed.id(keeper, &mailbox));
        Self {
            keeper,
            hops: HOPS_MAX,
            mailbox,
            stamp,
            sealed,
        }
    }

    /// The letter's id.
    #[must_use]
    pub fn id(&self) -> MailId {
        self.sealed.id(self.keeper, &self.mailbox)
    }
}

/// Asks for the letters of a mailbox, signed by its key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FetchRequest {
    /// The member whose node keeps it.
    pub keeper: MemberId,
    /// How many nodes may pass it on.
    pub hops: u8,
    /// The mailbox.
    pub mailbox: VerifyingKey,
    /// Those behind the letter of this number are wanted; 0 for all.
    pub after: u64,
    /// When, by the clock of who has it. A question is answered once.
    pub asked_at: TimeMs,
    /// By the mailbox's key.
    pub signature: Signature,
}
canonical!(FetchRequest {
    keeper,
    hops,
    mailbox,
    after,
    asked_at,
    signature
});

impl FetchRequest {
    /// Signs the question.
    #[must_use]
    pub fn sign(
        chain: ChainId,
        keeper: MemberId,
        after: u64,
        asked_at: TimeMs,
        key: &SigningKey,
    ) -> Self {
        let mailbox = key.verifying_key();
        let message = Self::message(chain, keeper, &mailbox, after, asked_at);
        Self {
            keeper,
            hops: HOPS_MAX,
            mailbox,
            after,
            asked_at,
            signature: key.sign(label::CALL_SIGNATURE, &[label::call::FETCH, &message]),
        }
    }

    /// Whether who has the mailbox asks.
    ///
    /// # Errors
    /// [`Refusal::BadSignature`].
    pub fn verify(&self, chain: ChainId) -> Result<(), Refusal> {
        let message = Self::message(chain, self.keeper, &self.mailbox, self.after, self.asked_at);
        proven(&self.mailbox, label::call::FETCH, &message, &self.signature)
    }

    fn message(
        chain: ChainId,
        keeper: MemberId,
        mailbox: &VerifyingKey,
        after: u64,
        asked_at: TimeMs,
    ) -> Vec<u8> {
        let mut message = chain.to_vec();
        keeper.encode(&mut message);
        mailbox.encode(&mut message);
        after.encode(&mut message);
        asked_at.encode(&mut message);
        message
    }
}

/// A letter that a node keeps.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize, JsonSchema)]
pub struct KeptMail {
    /// Its number in the mailbox; later ones have higher numbers.
    pub number: u64,
    /// When it came.
    pub arrived: TimeMs,
    /// The letter.
    pub sealed: SealedMail,
}

/// Has letters of a mailbox deleted, signed by its key. What is not there is passed over.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DiscardRequest {
    /// The member whose node keeps it.
    pub keeper: MemberId,
    /// How many nodes may pass it on.
    pub hops: u8,
    /// The mailbox.
    pub mailbox: VerifyingKey,
    /// The letters.
    pub letters: List<MailId, { MAILBOX_LETTERS_MAX as usize }>,
    /// When, by the clock of who has it.
    pub asked_at: TimeMs,
    /// By the mailbox's key.
    pub signature: Signature,
}
canonical!(DiscardRequest {
    keeper,
    hops,
    mailbox,
    letters,
    asked_at,
    signature
});

impl DiscardRequest {
    /// Signs it.
    #[must_use]
    pub fn sign(
        chain: ChainId,
        keeper: MemberId,
        letters: List<MailId, { MAILBOX_LETTERS_MAX as usize }>,
        asked_at: TimeMs,
        key: &SigningKey,
    ) -> Self {
        let mailbox = key.verifying_key();
        let message = Self::message(chain, keeper, &mailbox, &letters, asked_at);
        Self {
            keeper,
            hops: HOPS_MAX,
            mailbox,
            letters,
            asked_at,
            signature: key.sign(label::CALL_SIGNATURE, &[label::call::DISCARD, &message]),
        }
    }

    /// Whether who has the mailbox asks.
    ///
    /// # Errors
    /// [`Refusal::BadSignature`].
    pub fn verify(&self, chain: ChainId) -> Result<(), Refusal> {
        let message = Self::message(
            chain,
            self.keeper,
            &self.mailbox,
            &self.letters,
            self.asked_at,
        );
        proven(
            &self.mailbox,
            label::call::DISCARD,
            &message,
            &self.signature,
        )
    }

    fn message(
        chain: ChainId,
        keeper: MemberId,
        mailbox: &VerifyingKey,
        letters: &[MailId],
        asked_at: TimeMs,
    ) -> Vec<u8> {
        let mut message = chain.to_vec();
        keeper.encode(&mut message);
        mailbox.encode(&mut message);
        asked_at.encode(&mut message);
        letters
            .iter()
            .for_each(|letter| letter.encode(&mut message));
        message
    }
}

fn proven(
    mailbox: &VerifyingKey,
    word: &[u8],
    message: &[u8],
    signature: &Signature,
) -> Result<(), Refusal> {
    mailbox
        .verify(label::CALL_SIGNATURE, &[word, message], signature)
        .map_err(|_| Refusal::BadSignature)
}
