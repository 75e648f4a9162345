//! A doctor's letters: his mailbox is named by his certified keys.

use rand_core::CryptoRng;
use yilian_protocol::{
    CertificateId, Confidentiality, RequestId, TimeMs,
    call::Transport,
    codec::{List, Text},
    grant::Purpose,
    ids::Salt,
    letter::ToReader,
    limits::MAIL_TEXT_MAX,
    mail::{About, Address, Answer, Content, Decision, Mail, Notice, ReadRequest, SignedRequest},
    refusal::Refusal,
    stamp::{AskerKey, Stamp},
};

use super::Doctor;
use crate::{
    ClientError, Session,
    mail::{KeptLetter, Mailbox, STAMPS_AT_ONCE, STAMPS_LOW, Shown, StampBook, get_stamps},
    share::SealedLetter,
};

/// What a doctor asks a patient for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReadWish {
    /// Which levels.
    pub levels: Vec<Confidentiality>,
    /// What for.
    pub purpose: Purpose,
    /// Until when.
    pub until: TimeMs,
    /// The record or visit on account of which he asks.
    pub about: Option<About>,
}

impl Doctor {
    /// The doctor's mailbox, at the node of his member.
    #[must_use]
    pub const fn mailbox(&self) -> Mailbox<'_> {
        Mailbox::new(self.member, &self.keys.signing, &self.keys.kem)
    }

    /// Has stamps made by the node of his member, `count` of them.
    ///
    /// # Errors
    /// As [`get_stamps`].
    pub async fn stamps<T: Transport>(
        &self,
        session: &Session<T>,
        count: usize,
        now: TimeMs,
        rng: &mut impl CryptoRng,
    ) -> Result<Vec<Stamp>, ClientError> {
        let asker = AskerKey::Person(self.certificate, &self.keys.signing);
        get_stamps(session, self.member, asker, count, now, rng).await
    }

    /// Takes `count` stamps out of his stock. When too few of it are good, some are got. On an
    /// error the stock has all good stamps as before. It is to be kept before one is used.
    ///
    /// # Errors
    /// As [`Doctor::stamps`]; [`Refusal::StampExpired`] when those that are got are not good by the
    /// clock of `now`.
    pub async fn take_stamps<T: Transport>(
        &self,
        session: &Session<T>,
        stock: &mut StampBook,
        count: usize,
        now: TimeMs,
        rng: &mut impl CryptoRng,
    ) -> Result<Vec<Stamp>, ClientError> {
        if stock.sift(now) < count {
            let got = self.stamps(session, count.max(STAMPS_AT_ONCE), now, rng);
            stock.put(got.await?);
        }
        if stock.sift(now) < count {
            return Err(Refusal::StampExpired.into());
        }
        Ok((0..count).filter_map(|_| stock.take(now)).collect())
    }

    /// Gets stamps when the stock has one or none: when letters are fetched, so that the next one
    /// that is written follows no stamp at once. It is to be kept afterwards.
    ///
    /// # Errors
    /// As [`Doctor::stamps`].
    pub async fn refill<T: Transport>(
        &self,
        session: &Session<T>,
        stock: &mut StampBook,
        now: TimeMs,
        rng: &mut impl CryptoRng,
    ) -> Result<(), ClientError> {
        if stock.sift(now) < STAMPS_LOW {
            let got = self.stamps(session, STAMPS_AT_ONCE, now, rng);
            stock.put(got.await?);
        }
        Ok(())
    }

    /// Asks the patient of a mailbox to be let read. `enclosed` is a stamp for the answer. The
    /// request's id is for the doctor to remember.
    ///
    /// # Errors
    /// When a list is over its limit.
    pub fn request<T: Transport>(
        &self,
        session: &Session<T>,
        to: &Address,
        wish: ReadWish,
        enclosed: Vec<Stamp>,
        now: TimeMs,
        rng: &mut impl CryptoRng,
    ) -> Result<(RequestId, Mail), ClientError> {
        let mut levels = wish.levels;
        levels.sort();
        levels.dedup();
        let mut salt = [0; 32];
        rng.fill_bytes(&mut salt);
        let request = ReadRequest {
            reader: self.certificate,
            levels: List::new(levels)?,
            purpose: wish.purpose,
            until: wish.until,
            about: wish.about,
            asked_at: now,
            salt: Salt::from_bytes(salt),
        };
        let (chain, mailbox) = (session.chain(), &to.card.mailbox);
        let signed = SignedRequest::sign(chain, mailbox, request, &self.keys.signing);
        let id = signed.id(chain, mailbox);
        let mail = Mail {
            content: Content::Request(signed),
            reply: None,
            stamps: List::new(enclosed)?,
        };
        Ok((id, mail))
    }

    /// Lets the patient of a mailbox know something.
    #[must_use]
    pub fn notice<T: Transport>(
        &self,
        session: &Session<T>,
        to: &Address,
        about: Option<About>,
        said: (Text<MAIL_TEXT_MAX>, TimeMs),
    ) -> Mail {
        let (chain, mailbox) = (session.chain(), &to.card.mailbox);
        let by = (self.certificate, &self.keys.signing);
        Mail::from(Content::Notice(Notice::sign(
            chain, mailbox, by, about, said,
        )))
    }

    /// Checks a letter before it is taken or answered: as [`Shown::check`], and a share is opened,
    /// a grant's letter compared with the chain. Who made up either gets no answer, but for the
    /// record's author: he knows what it takes to share it.
    ///
    /// # Errors
    /// As there; what is wrong with the shared record, or [`ClientError::OtherTerms`].
    pub async fn check_mail<T: Transport>(
        &self,
        session: &Session<T>,
        letter: &KeptLetter,
        mail: &Mail,
        requests: &[RequestId],
        now: TimeMs,
    ) -> Result<Shown, ClientError> {
        let shown = Shown::check(session, letter, mail, requests, now).await?;
        match &mail.content {
            Content::Share(share) => {
                self.opened(session, share.clone()).await?;
            }
            Content::StandingLetter(letter)
            | Content::Answer(Answer {
                decision: Decision::Granted(letter),
                ..
            }) => self.granted(session, letter).await?,
            Content::Answer(_)
            | Content::Request(_)
            | Content::Correction(_)
            | Content::Notice(_) => {}
        }
        Ok(shown)
    }

    /// Seals a share or letter that came by mail to the doctor himself: as a file it is kept as if
    /// the patient had handed it over as one. `reader` is his certificate that it names.
    ///
    /// # Errors
    /// [`ClientError::NotForMe`] when it is for another reader.
    pub async fn reseal<T: Transport, L: ToReader>(
        &self,
        session: &Session<T>,
        letter: &L,
        reader: CertificateId,
        rng: &mut impl CryptoRng,
    ) -> Result<SealedLetter<L>, ClientError> {
        self.is_me(session, reader).await?;
        let to = (reader, self.keys.kem.public());
        Ok(SealedLetter::seal(letter, to, rng)?)
    }
}
