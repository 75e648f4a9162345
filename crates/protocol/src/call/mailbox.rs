//! What is asked of nodes that keep mailboxes, and of those that make stamps.

use super::{ANSWER_SMALL, BODY_SMALL, Page};
use crate::{
    limits::{MAIL_MAX, MAIL_PAGE_MAX},
    mailbox::{Delivery, DiscardRequest, FetchRequest, KeptMail},
    stamp::{BlindSigned, StampsRequest},
};

/// Bytes of the largest letter, its stamp, and whose it is.
const DELIVERY_MAX: usize = MAIL_MAX + 512;
/// A page of the largest letters in hex digits.
const PAGE_ANSWER_MAX: usize = MAIL_PAGE_MAX * (2 * MAIL_MAX + 256) + 1_024;

crate::calls! {
    /// Mailboxes: letters that are kept until their recipient fetches them.
    contract MailboxContract "mailbox" {
        /// Leave a letter in a mailbox, for a stamp; passed on to the node that keeps it.
        deliver: Deliver(Delivery) -> () as Nothing, post "letters"
            { body: DELIVERY_MAX, answer: ANSWER_SMALL, caller: Anybody,
              work: Light, at_once: 64 };

        /// List the letters of a mailbox for who has its key; passed on to the node that keeps it.
        fetch: FetchMail(FetchRequest) -> Page<KeptMail> as Json, post "letters/fetch"
            { body: BODY_SMALL, answer: PAGE_ANSWER_MAX, caller: Anybody,
              work: Light, at_once: 64 };

        /// Delete letters of a mailbox for who has its key; passed on to the node that keeps it.
        discard: DiscardMail(DiscardRequest) -> () as Nothing, post "letters/discard"
            { body: BODY_SMALL, answer: ANSWER_SMALL, caller: Anybody,
              work: Light, at_once: 64 };

        /// Have a member's node sign blinded stamps for one of its people, or for the patient of a
        /// visit; passed on to it.
        stamps: GetStamps(StampsRequest) -> BlindSigned as Json, post "stamps"
            { body: BODY_SMALL, answer: ANSWER_SMALL, caller: Anybody,
              work: Light, at_once: 64 };
    }
}
