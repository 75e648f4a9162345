//! A patient's letters. Each hospital has a mailbox of the patient's own, so that no two hospitals
//! see one key.

use rand_core::CryptoRng;
use yilian_crypto::seed::MailboxKeys;
use yilian_protocol::{
    CertificateId, MailId, MemberId, RecordId, RequestId, TimeMs,
    call::Transport,
    codec::{List, Text},
    grant::GrantState,
    limits::{MAIL_TEXT_MAX, REASON_MAX},
    mail::{Address, Answer, Content, Correction, Decision, Mail},
    refusal::Refusal,
    stamp::{AskerKey, Stamp},
};

use super::{GrantRequest, Granted, Patient, Sharing};
use crate::{
    ClientError, Session, Wallet,
    grants::Wish,
    mail::{Asked, KeptLetter, Mailbox, STAMPS_AT_ONCE, STAMPS_LOW, get_stamps, send},
};

/// With how many visits stamps are asked for at most.
const VISITS_ASKED_MAX: usize = 4;

/// What lies in a patient's mailboxes.
#[derive(Debug, Default)]
pub struct Inbox {
    /// The letters, hospital by hospital, oldest first.
    pub letters: Vec<KeptLetter>,
    /// Hospitals whose nodes do not tell, and why.
    pub silent: Vec<(MemberId, ClientError)>,
}

impl Patient {
    /// The keys of the mailbox at `hospital`.
    #[must_use]
    pub fn mailbox_keys(&self, hospital: MemberId) -> MailboxKeys {
        self.keys.mailbox(hospital.as_bytes())
    }

    /// Where letters for the patient go, from `hospital` or about its records.
    #[must_use]
    pub fn address(&self, hospital: MemberId) -> Address {
        let MailboxKeys { signing, kem } = self.mailbox_keys(hospital);
        Mailbox::new(hospital, &signing, &kem).address()
    }

    /// What lies in the mailboxes at all hospitals visited. One that does not answer keeps no
    /// other's letters back.
    pub async fn inbox<T: Transport>(
        &self,
        session: &Session<T>,
        now: TimeMs,
        rng: &mut impl CryptoRng,
    ) -> Inbox {
        let mut inbox = Inbox::default();
        for hospital in self.wallet.hospitals() {
            let MailboxKeys { signing, kem } = self.mailbox_keys(hospital);
            let mailbox = Mailbox::new(hospital, &signing, &kem);
            match mailbox.letters(session, now, rng).await {
                Ok(letters) => inbox.letters.extend(letters),
                Err(error) => inbox.silent.push((hospital, error)),
            }
        }
        inbox
    }

    /// Has letters deleted where they were kept: the device has them. The hospitals whose nodes do
    /// not answer, and why: there they stay, and come again.
    pub async fn discard<T: Transport>(
        &self,
        session: &Session<T>,
        letters: &[KeptLetter],
        now: TimeMs,
        rng: &mut impl CryptoRng,
    ) -> Vec<(MemberId, ClientError)> {
        let mut silent = Vec::new();
        for hospital in self.wallet.hospitals() {
            let own = letters.iter().filter(|letter| letter.keeper == hospital);
            let ids = own.map(KeptLetter::id).collect();
            let MailboxKeys { signing, kem } = self.mailbox_keys(hospital);
            let mailbox = Mailbox::new(hospital, &signing, &kem);
            if let Err(error) = mailbox.discard(session, ids, now, rng).await {
                silent.push((hospital, error));
            }
        }
        silent
    }

    /// Opens a letter that lay in one of the mailboxes.
    ///
    /// # Errors
    /// [`ClientError::Letter`] when it did not, or is no letter.
    pub fn open_letter<T: Transport>(
        &self,
        session: &Session<T>,
        letter: &KeptLetter,
    ) -> Result<Mail, ClientError> {
        let MailboxKeys { signing, kem } = self.mailbox_keys(letter.keeper);
        Mailbox::new(letter.keeper, &signing, &kem).open(session.chain(), letter)
    }

    /// A stamp of the stock. When there is none, some are got from the hospital of a visit, drawn
    /// among all: the hospital learns that the patient of that visit will write, and not what or to
    /// whom. Keep the wallet before the stamp is used.
    ///
    /// # Errors
    /// Why the hospital makes none: [`Refusal::ForeignVisit`] when none of the visits asked with
    /// has a record yet. Another try draws anew.
    pub async fn stamp<T: Transport>(
        &mut self,
        session: &Session<T>,
        now: TimeMs,
        rng: &mut impl CryptoRng,
    ) -> Result<Stamp, ClientError> {
        if self.wallet.stamps.sift(now) == 0 {
            self.draw_stamps(session, now, rng).await?;
        }
        let stamp = self.wallet.stamps.take(now);
        stamp.ok_or_else(|| Refusal::StampExpired.into())
    }

    /// Gets stamps when one is left or none: when letters are fetched, so that the next one that is
    /// written follows no stamp at once. Keep the wallet afterwards.
    ///
    /// # Errors
    /// As [`Patient::stamp`].
    pub async fn refill<T: Transport>(
        &mut self,
        session: &Session<T>,
        now: TimeMs,
        rng: &mut impl CryptoRng,
    ) -> Result<(), ClientError> {
        match self.wallet.stamps.sift(now) < STAMPS_LOW {
            true => self.draw_stamps(session, now, rng).await,
            false => Ok(()),
        }
    }

    /// Gets stamps with a visit that is drawn. When it gets none, with few others of the same
    /// hospital, which knows them to be one patient's: whoever refuses, or passes questions on, is
    /// not told all visits of a patient.
    async fn draw_stamps<T: Transport>(
        &mut self,
        session: &Session<T>,
        now: TimeMs,
        rng: &mut impl CryptoRng,
    ) -> Result<(), ClientError> {
        let mut visits: Vec<_> = self.wallet.visits.clone();
        let mut refused = ClientError::from(Refusal::ForeignVisit);
        let mut asked = 0;
        while asked < VISITS_ASKED_MAX && !visits.is_empty() {
            asked += 1;
            let count = u64::try_from(visits.len()).unwrap_or(1).max(1);
            let drawn = usize::try_from(rng.next_u64() % count).unwrap_or_default();
            let note = visits.swap_remove(drawn);
            let keys = self.visit_keys(note.hospital, note.counter);
            let asker = AskerKey::Visit(&keys.nym_secret);
            let got = get_stamps(session, note.hospital, asker, STAMPS_AT_ONCE, now, rng);
            match got.await {
                Ok(stamps) => {
                    self.wallet.stamps.put(stamps);
                    return Ok(());
                }
                Err(error) if of_visit(&error) => refused = error,
                Err(error) => return Err(error),
            }
            visits.retain(|other| other.hospital == note.hospital);
        }
        Err(refused)
    }

    /// Shares one record with one reader, once, by letter; he can write back to the mailbox at the
    /// record's hospital.
    ///
    /// # Errors
    /// As [`Patient::share`] and [`send`].
    pub async fn mail_share<T: Transport>(
        &self,
        session: &Session<T>,
        (record, reader): (RecordId, CertificateId),
        how: impl Into<Sharing>,
        stamp: &Stamp,
        rng: &mut impl CryptoRng,
    ) -> Result<MailId, ClientError> {
        let (share, certificate) = self.shared(session, record, reader, how, rng).await?;
        let hospital = session.record(record).await?.hospital;
        let mail = Mail {
            content: Content::Share(share),
            reply: Some(self.address(hospital)),
            stamps: List::default(),
        };
        send(session, &Address::of(&certificate), &mail, stamp, rng).await
    }

    /// Sends the letter of a grant to its reader. He can write back to the mailbox at one of the
    /// hospitals whose records it covers.
    ///
    /// # Errors
    /// As [`send`].
    pub async fn mail_letter<T: Transport>(
        &self,
        session: &Session<T>,
        granted: &Granted,
        stamp: &Stamp,
        rng: &mut impl CryptoRng,
    ) -> Result<MailId, ClientError> {
        let letter = granted.letter.clone();
        let reader = session.certificate(letter.terms.reader).await?.certificate;
        let mail = Mail {
            content: Content::StandingLetter(letter),
            reply: self.reply_of(session, granted).await?,
            stamps: List::default(),
        };
        send(session, &Address::of(&reader), &mail, stamp, rng).await
    }

    /// A way to answer that tells the reader of no hospital whose records he does not read anyway.
    async fn reply_of<T: Transport>(
        &self,
        session: &Session<T>,
        granted: &Granted,
    ) -> Result<Option<Address>, ClientError> {
        let Some(first) = granted.letter.records.first() else {
            return Ok(None);
        };
        let hospital = session.record(first.record).await?.hospital;
        Ok(Some(self.address(hospital)))
    }

    /// The grant that a request asks for, with the holders that the patient's grants have. `None`
    /// for `until` makes it as long as was asked.
    ///
    /// # Errors
    /// [`Refusal::GrantExpired`] when the time asked for is over; else when the node does not
    /// answer.
    pub async fn grant_asked<T: Transport>(
        &self,
        session: &Session<T>,
        asked: &Asked,
        now: TimeMs,
    ) -> Result<GrantRequest, ClientError> {
        if asked.until <= now {
            return Err(Refusal::GrantExpired.into());
        }
        let wish = Wish {
            purpose: asked.purpose,
            levels: asked.confidentialities(),
            ..Wish::for_reader(asked.reader.certificate)
        };
        let members = session.members().await?;
        Ok(GrantRequest {
            until: asked.until,
            ..wish.request(&self.wallet, &members, now)?
        })
    }

    /// Grants what was asked, and sends the letter as the answer; `keep` gets the wallet before the
    /// grant is ordered and before a stamp of hers is used. The wallet notes what was granted for
    /// which request. It is revoked when the answer cannot be sent, and before the same request is
    /// answered again: one answer stands, whatever ended the program in between.
    ///
    /// # Errors
    /// As [`Patient::grant_kept`] and [`send`]: the cause, also when the grant cannot be revoked.
    pub async fn answer_granted<T: Transport, E: From<ClientError>>(
        &mut self,
        session: &Session<T>,
        asked: &Asked,
        request: GrantRequest,
        now: TimeMs,
        rng: &mut impl CryptoRng,
        mut keep: impl FnMut(&Wallet) -> Result<(), E>,
    ) -> Result<(Granted, MailId), E> {
        self.revoke_answers(session, asked.id).await?;
        let noted = (request, Some(asked.id));
        let answered = match self.grant_noted(session, noted, rng, &mut keep).await {
            Ok(granted) => {
                let decision = Decision::Granted(granted.letter.clone());
                let sent = self.answer(session, asked, decision, now, rng, keep).await;
                sent.map(|letter| (granted, letter))
            }
            Err(error) => Err(error),
        };
        if answered.is_err() {
            // What still stands after this stands in the wallet.
            self.revoke_answers(session, asked.id).await.ok();
        }
        answered
    }

    /// Revokes what was granted for a request.
    async fn revoke_answers<T: Transport>(
        &self,
        session: &Session<T>,
        request: RequestId,
    ) -> Result<(), ClientError> {
        let notes = self.wallet.grants.iter();
        for note in notes.filter(|note| note.answers == Some(request)) {
            let Some(entry) = session.find_grant(note.grant).await? else {
                continue;
            };
            // Another device of this patient may have been faster with the number.
            let terms = note.terms.as_ref();
            let own = terms.is_some_and(|terms| terms.commitment() == entry.grant.terms);
            if own && entry.state != GrantState::Revoked {
                let grant = note.grant;
                self.set_grant(session, grant, GrantState::Revoked).await?;
            }
        }
        Ok(())
    }

    /// Answers that nothing is granted, and revokes what was for the same request; `keep` gets the
    /// wallet before a stamp of hers is used.
    ///
    /// # Errors
    /// As [`Patient::set_grant`] and [`send`], or what `keep` fails with.
    pub async fn answer_denied<T: Transport, E: From<ClientError>>(
        &mut self,
        session: &Session<T>,
        asked: &Asked,
        reason: Option<Text<REASON_MAX>>,
        now: TimeMs,
        rng: &mut impl CryptoRng,
        keep: impl FnMut(&Wallet) -> Result<(), E>,
    ) -> Result<MailId, E> {
        self.revoke_answers(session, asked.id).await?;
        let decision = Decision::Denied(reason);
        self.answer(session, asked, decision, now, rng, keep).await
    }

    /// Sends an answer with a stamp enclosed in the request, or with one of the patient's own, if
    /// the letter is refused with those: who enclosed them may have known.
    async fn answer<T: Transport, E: From<ClientError>>(
        &mut self,
        session: &Session<T>,
        asked: &Asked,
        decision: Decision,
        now: TimeMs,
        rng: &mut impl CryptoRng,
        mut keep: impl FnMut(&Wallet) -> Result<(), E>,
    ) -> Result<MailId, E> {
        let reader = session.certificate(asked.reader.certificate).await?;
        let to = Address::of(&reader.certificate);
        let request = asked.id;
        let mail = Mail::from(Content::Answer(Answer { request, decision }));
        for stamp in &asked.stamps {
            match send(session, &to, &mail, stamp, rng).await {
                Ok(id) => return Ok(id),
                Err(error) if error.refusal().is_some() => {}
                Err(error) => return Err(error.into()),
            }
        }
        let stamp = self.stamp(session, now, rng).await?;
        keep(&self.wallet)?;
        Ok(send(session, &to, &mail, &stamp, rng).await?)
    }

    /// Writes to the author of a record what is wrong with it.
    ///
    /// # Errors
    /// [`ClientError::NotMine`] when it is of no visit of this wallet; else as
    /// [`Patient::open`] and
    /// [`send`].
    pub async fn correct<T: Transport>(
        &self,
        session: &Session<T>,
        record: RecordId,
        (text, now): (Text<MAIL_TEXT_MAX>, TimeMs),
        stamp: &Stamp,
        rng: &mut impl CryptoRng,
    ) -> Result<MailId, ClientError> {
        let opened = self.open(session, record).await?;
        let note = self.note_of(&opened.entry)?;
        let secret = self.visit_keys(note.hospital, note.counter).nym_secret;
        let author = session.certificate(opened.verified.author()).await?;
        let to = Address::of(&author.certificate);
        let (chain, mailbox) = (session.chain(), &to.card.mailbox);
        let wrong = Correction::sign(chain, mailbox, record, (text, now), &secret, rng);
        let mail = Mail {
            content: Content::Correction(wrong),
            reply: Some(self.address(note.hospital)),
            stamps: List::default(),
        };
        send(session, &to, &mail, stamp, rng).await
    }
}

/// Whether another visit may get stamps.
fn of_visit(error: &ClientError) -> bool {
    let rule = error.refusal();
    matches!(rule, Some(Refusal::StampsUsed | Refusal::ForeignVisit))
}
