//! A patient's letters. Each hospital has a mailbox of the patient's own, so that no two hospitals
//! see one key.

use rand_core::CryptoRng;
use yilian_crypto::seed::MailboxKeys;
use yilian_protocol::{
    CertificateId, GrantId, MailId, MemberId, RecordId, RequestId, TimeMs,
    call::Transport,
    codec::{List, Text},
    grant::GrantState,
    limits::{MAIL_TEXT_MAX, REASON_MAX},
    mail::{Address, Answer, Content, Correction, Decision, Mail},
    refusal::Refusal,
    stamp::{AskerKey, Stamp, StampDay},
};

use super::{GrantRequest, Granted, Patient, Sharing};
use crate::{
    ClientError, GrantNote, KeepWallet, Session, Wallet,
    grants::Wish,
    mail::{Asked, Fetched, KeptLetter, Mailbox, STAMPS_AT_ONCE, STAMPS_LOW, get_stamps, send},
    share::Letter,
};

/// With how many visits of a hospital stamps are asked for at most, on one day.
const VISITS_ASKED_MAX: usize = 4;

/// What lies in a patient's mailboxes.
#[derive(Debug, Default)]
pub struct Inbox {
    /// The letters, hospital by hospital, oldest first.
    pub letters: Vec<KeptLetter>,
    /// Hospitals whose nodes do not tell all, and why. What they told is among the letters.
    pub silent: Vec<(MemberId, ClientError)>,
}

/// Why a request was not answered, and what stands all the same.
#[derive(Debug, PartialEq, Eq)]
pub struct Unanswered<E> {
    /// What failed first.
    pub cause: E,
    /// Grants for the request that could not be revoked: each of them may stand.
    pub standing: Vec<GrantId>,
    /// Grants of an earlier answer, which stand as they did: nothing was done.
    pub kept: Vec<GrantId>,
    /// Grants of an earlier answer that are revoked now, and were not replaced.
    pub revoked: Vec<GrantId>,
}

/// Nothing stands.
impl<E> From<E> for Unanswered<E> {
    fn from(cause: E) -> Self {
        Self {
            cause,
            standing: Vec::new(),
            kept: Vec::new(),
            revoked: Vec::new(),
        }
    }
}

impl Unanswered<ClientError> {
    fn of<E: From<ClientError>>(self) -> Unanswered<E> {
        let Self {
            cause,
            standing,
            kept,
            revoked,
        } = self;
        Unanswered {
            cause: cause.into(),
            standing,
            kept,
            revoked,
        }
    }
}

fn ids(notes: &[GrantNote]) -> Vec<GrantId> {
    notes.iter().map(|note| note.grant).collect()
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

    /// What lies in the mailboxes at all hospitals visited. A node that does not answer, or not
    /// truly, keeps no other's letters back, nor those that it hands out itself.
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
            let Fetched { letters, fault } = mailbox.letters(session, now, rng).await;
            inbox.letters.extend(letters);
            inbox.silent.extend(fault.map(|fault| (hospital, fault)));
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
    /// has a record yet. Another try may draw another hospital; of this one no other visits are
    /// drawn that day. The wallet has noted them, so keep it then too.
    pub async fn stamp<T: Transport>(
        &mut self,
        session: &Session<T>,
        now: TimeMs,
        rng: &mut impl CryptoRng,
    ) -> Result<Stamp, ClientError> {
        self.stamp_kept(session, now, rng, |_: &Wallet| Ok(()))
            .await
    }

    /// The same, and `keep` gets the wallet before a hospital is asked with a visit that it was not
    /// asked with today: whatever ends the program, it is not asked with one after the other.
    ///
    /// # Errors
    /// As [`Patient::stamp`], or what `keep` fails with; then nobody was asked.
    pub async fn stamp_kept<T: Transport, E: From<ClientError>>(
        &mut self,
        session: &Session<T>,
        now: TimeMs,
        rng: &mut impl CryptoRng,
        mut keep: impl KeepWallet<E>,
    ) -> Result<Stamp, E> {
        self.stamp_noted(session, now, rng, &mut keep).await
    }

    async fn stamp_noted<T: Transport, E: From<ClientError>>(
        &mut self,
        session: &Session<T>,
        now: TimeMs,
        rng: &mut impl CryptoRng,
        keep: &mut impl KeepWallet<E>,
    ) -> Result<Stamp, E> {
        self.stock(session, now, rng, keep).await?;
        let stamp = self.wallet.stamps.take(now);
        Ok(stamp.ok_or(ClientError::from(Refusal::StampExpired))?)
    }

    /// Gets stamps as [`Patient::stamp_kept`] does, if there is none.
    async fn stock<T: Transport, E: From<ClientError>>(
        &mut self,
        session: &Session<T>,
        now: TimeMs,
        rng: &mut impl CryptoRng,
        keep: &mut impl KeepWallet<E>,
    ) -> Result<(), E> {
        if self.wallet.stamps.sift(now) > 0 {
            return Ok(());
        }
        let hospitals = self.wallet.visits.iter().map(|note| note.hospital);
        let hospital = drawn(&mut hospitals.collect(), rng);
        let hospital = hospital.ok_or(ClientError::from(Refusal::ForeignVisit))?;
        self.draw_stamps(session, hospital, now, rng, keep).await?;
        match self.wallet.stamps.sift(now) {
            0 => Err(ClientError::from(Refusal::StampExpired).into()),
            _ => Ok(()),
        }
    }

    /// Gets stamps when one is left or none: when letters are fetched, so that the next one that is
    /// written follows no stamp at once. A hospital that has refused today is not asked. Keep the
    /// wallet afterwards.
    ///
    /// # Errors
    /// As [`Patient::stamp`].
    pub async fn refill<T: Transport>(
        &mut self,
        session: &Session<T>,
        now: TimeMs,
        rng: &mut impl CryptoRng,
    ) -> Result<(), ClientError> {
        self.refill_kept(session, now, rng, |_: &Wallet| Ok(()))
            .await
    }

    /// The same, with `keep` as in [`Patient::stamp_kept`].
    ///
    /// # Errors
    /// As there.
    pub async fn refill_kept<T: Transport, E: From<ClientError>>(
        &mut self,
        session: &Session<T>,
        now: TimeMs,
        rng: &mut impl CryptoRng,
        mut keep: impl KeepWallet<E>,
    ) -> Result<(), E> {
        if self.wallet.stamps.sift(now) >= STAMPS_LOW {
            return Ok(());
        }
        let today = StampDay::of(now);
        let hospitals = self.wallet.visits.iter().map(|note| note.hospital);
        let has_refused = |hospital: &MemberId| {
            let asks = self.wallet.stamp_asks(*hospital, today);
            asks.is_some_and(|asks| asks.refused)
        };
        let mut hospitals: Vec<_> = hospitals
            .filter(|hospital| !has_refused(hospital))
            .collect();
        match drawn(&mut hospitals, rng) {
            Some(hospital) => {
                let keep = &mut keep;
                self.draw_stamps(session, hospital, now, rng, keep).await
            }
            None => Ok(()),
        }
    }

    /// Gets stamps of a hospital with one of the visits there. When it gets none, with few others,
    /// which the hospital then knows to be one patient's. They are the same all day, however often
    /// this is called: who refuses, or passes questions on, is not told all visits of a patient.
    async fn draw_stamps<T: Transport, E: From<ClientError>>(
        &mut self,
        session: &Session<T>,
        hospital: MemberId,
        now: TimeMs,
        rng: &mut impl CryptoRng,
        keep: &mut impl KeepWallet<E>,
    ) -> Result<(), E> {
        let today = StampDay::of(now);
        let mut refused = ClientError::from(Refusal::ForeignVisit);
        for visit in self.visits_to_ask(hospital, today, rng) {
            let asks = self.wallet.stamp_asks_mut(hospital, today);
            if !asks.visits.contains(&visit) {
                asks.visits.push(visit);
                keep.keep(&self.wallet).await?;
            }
            let keys = self.visit_keys(hospital, visit);
            let asker = AskerKey::Visit(&keys.nym_secret);
            let got = get_stamps(session, hospital, asker, STAMPS_AT_ONCE, now, rng);
            match got.await {
                Ok(stamps) => {
                    self.wallet.stamps.put(stamps);
                    self.wallet.stamp_asks_mut(hospital, today).refused = false;
                    return Ok(());
                }
                Err(error) if of_visit(&error) => refused = error,
                Err(error) => return Err(error.into()),
            }
        }
        self.wallet.stamp_asks_mut(hospital, today).refused = true;
        Err(refused.into())
    }

    /// The numbers of the visits with which a hospital is asked today: those with which it was, and
    /// others that are drawn, as many as it may be in all.
    fn visits_to_ask(
        &self,
        hospital: MemberId,
        today: StampDay,
        rng: &mut impl CryptoRng,
    ) -> Vec<u32> {
        let asks = self.wallet.stamp_asks(hospital, today);
        let mut visits = asks.map_or_else(Vec::new, |asks| asks.visits.clone());
        let there = self.wallet.visits.iter();
        let there = there.filter(|note| note.hospital == hospital);
        let others = there.map(|note| note.counter);
        let mut others: Vec<_> = others.filter(|other| !visits.contains(other)).collect();
        while visits.len() < VISITS_ASKED_MAX
            && let Some(other) = drawn(&mut others, rng)
        {
            visits.push(other);
        }
        visits
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
        letter: &Letter,
        stamp: &Stamp,
        rng: &mut impl CryptoRng,
    ) -> Result<MailId, ClientError> {
        let reader = session.certificate(letter.terms.reader).await?.certificate;
        let mail = Mail {
            content: Content::StandingLetter(letter.clone()),
            reply: self.reply_of(session, letter).await?,
            stamps: List::default(),
        };
        send(session, &Address::of(&reader), &mail, stamp, rng).await
    }

    /// A way to answer that tells the reader of no hospital whose records he does not read anyway.
    async fn reply_of<T: Transport>(
        &self,
        session: &Session<T>,
        letter: &Letter,
    ) -> Result<Option<Address>, ClientError> {
        let Some(first) = letter.records.first() else {
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
    /// which request. It is revoked when the answer cannot be sent, if that comes through, and
    /// before the same request is answered again: one answer stands, whatever ended the program in
    /// between. What stands of an earlier answer is not revoked as long as there is no stamp for
    /// this one: those enclosed may be used up.
    ///
    /// # Errors
    /// As [`Patient::grant_kept`] and [`send`]: the cause, and beside it what stands and what does
    /// not.
    pub async fn answer_granted<T: Transport, E: From<ClientError>>(
        &mut self,
        session: &Session<T>,
        asked: &Asked,
        request: GrantRequest,
        now: TimeMs,
        rng: &mut impl CryptoRng,
        mut keep: impl KeepWallet<E>,
    ) -> Result<(Granted, MailId), Unanswered<E>> {
        let noted_before = self.answers_to(asked.id);
        let before = self.standing(session, &noted_before).await;
        let before = before.map_err(Unanswered::of::<E>)?;
        if !before.is_empty() {
            let stocked = match self.stock(session, now, rng, &mut keep).await {
                Ok(()) => keep.keep(&self.wallet).await,
                failed => failed,
            };
            if let Err(cause) = stocked {
                let kept = ids(&before);
                return Err(Unanswered {
                    kept,
                    ..cause.into()
                });
            }
        }
        let revoked = self.revoke_all(session, &before).await;
        revoked.map_err(Unanswered::of::<E>)?;
        let noted = (request, Some(asked.id));
        let answered = match self.grant_noted(session, noted, rng, &mut keep).await {
            Ok(granted) => {
                let decision = Decision::Granted(granted.letter.clone());
                let sent = self.answer(session, asked, decision, now, rng, &mut keep);
                sent.await.map(|letter| (granted, letter))
            }
            Err(error) => Err(error),
        };
        match answered {
            Ok((granted, letter)) => {
                self.settle(granted.letter.grant);
                Ok((granted, letter))
            }
            Err(cause) => {
                let mut made = self.answers_to(asked.id);
                let before_this = ids(&noted_before);
                made.retain(|note| !before_this.contains(&note.grant));
                Err(Unanswered {
                    standing: self.taken_back(session, &made).await,
                    revoked: ids(&before),
                    ..cause.into()
                })
            }
        }
    }

    /// Goes on with a grant on its way up to its letter, see [`Patient::go_on`]: as the answer to
    /// the request `asked`, when it was made for that, else by itself. `keep` gets the wallet
    /// before a stamp of hers is used.
    ///
    /// # Errors
    /// As [`Patient::go_on`] and [`send`]: it stays on its way.
    pub async fn finish_grant<T: Transport, E: From<ClientError>>(
        &mut self,
        session: &Session<T>,
        (grant, asked): (GrantId, Option<&Asked>),
        now: TimeMs,
        rng: &mut impl CryptoRng,
        mut keep: impl KeepWallet<E>,
    ) -> Result<(Letter, MailId), E> {
        let letter = self.go_on(session, grant, rng).await?;
        let sent = if let Some(asked) = asked {
            let decision = Decision::Granted(letter.clone());
            let sent = self.answer(session, asked, decision, now, rng, &mut keep);
            sent.await?
        } else {
            let stamp = self.stamp_noted(session, now, rng, &mut keep).await?;
            keep.keep(&self.wallet).await?;
            self.mail_letter(session, &letter, &stamp, rng).await?
        };
        self.settle(grant);
        Ok((letter, sent))
    }

    /// Revokes those of these grants that stand; which of them may stand all the same. One that was
    /// ordered, and of which no answer came, may become final yet, though nothing shows it now.
    async fn taken_back<T: Transport>(
        &mut self,
        session: &Session<T>,
        made: &[GrantNote],
    ) -> Vec<GrantId> {
        let pending = self.wallet.pending.iter();
        let unanswered = pending.filter(|pending| pending.refused.is_none());
        let on_their_way: Vec<GrantId> = unanswered.map(|pending| pending.grant).collect();
        let (seen, mut standing) = match self.standing(session, made).await {
            Ok(found) => {
                let revoked = self.revoke_all(session, &found).await;
                let left = revoked.err().map(|error| error.standing);
                (ids(&found), left.unwrap_or_default())
            }
            Err(Unanswered { standing, kept, .. }) => {
                let may_stand = [standing, kept].concat();
                (may_stand.clone(), may_stand)
            }
        };
        let unseen = ids(made).into_iter();
        let unseen = unseen.filter(|grant| on_their_way.contains(grant) && !seen.contains(grant));
        standing.extend(unseen);
        standing
    }

    /// What was granted for a request, or may have been.
    fn answers_to(&self, request: RequestId) -> Vec<GrantNote> {
        let notes = self.wallet.grants.iter();
        let answers = notes.filter(|note| note.answers == Some(request));
        answers.cloned().collect()
    }

    /// Those of these grants that stand: they are the patient's, and not revoked.
    ///
    /// # Errors
    /// Of which of them that is not told, and why of the first: each may stand.
    async fn standing<T: Transport>(
        &self,
        session: &Session<T>,
        notes: &[GrantNote],
    ) -> Result<Vec<GrantNote>, Unanswered<ClientError>> {
        let mut standing = Vec::new();
        let (mut unknown, mut cause) = (Vec::new(), None);
        for note in notes {
            match session.find_grant(note.grant).await {
                // Another device of this patient may have been faster with the number.
                Ok(Some(entry)) => {
                    let terms = note.terms.as_ref();
                    let own = terms.is_some_and(|terms| terms.commitment() == entry.grant.terms);
                    if own && entry.state != GrantState::Revoked {
                        standing.push(note.clone());
                    }
                }
                Ok(None) => {}
                Err(error) => {
                    unknown.push(note.grant);
                    cause.get_or_insert(error);
                }
            }
        }
        match cause {
            Some(cause) => Err(Unanswered {
                standing: unknown,
                kept: ids(&standing),
                ..cause.into()
            }),
            None => Ok(standing),
        }
    }

    /// Revokes all of these grants that it can.
    ///
    /// # Errors
    /// Which it cannot, and why the first of them.
    async fn revoke_all<T: Transport>(
        &mut self,
        session: &Session<T>,
        notes: &[GrantNote],
    ) -> Result<(), Unanswered<ClientError>> {
        let (mut standing, mut revoked, mut cause) = (Vec::new(), Vec::new(), None);
        for note in notes {
            match self
                .set_grant(session, note.grant, GrantState::Revoked)
                .await
            {
                Ok(_) => {
                    self.withdrawn(note.grant);
                    revoked.push(note.grant);
                }
                Err(error) => {
                    standing.push(note.grant);
                    cause.get_or_insert(error);
                }
            }
        }
        match cause {
            Some(cause) => Err(Unanswered {
                standing,
                revoked,
                ..cause.into()
            }),
            None => Ok(()),
        }
    }

    /// Answers that nothing is granted, and revokes what was for the same request; `keep` gets the
    /// wallet before a stamp of hers is used.
    ///
    /// # Errors
    /// As [`Patient::set_grant`] and [`send`], or what `keep` fails with, and beside it the grants
    /// that could not be revoked, and those that are.
    pub async fn answer_denied<T: Transport, E: From<ClientError>>(
        &mut self,
        session: &Session<T>,
        asked: &Asked,
        reason: Option<Text<REASON_MAX>>,
        now: TimeMs,
        rng: &mut impl CryptoRng,
        mut keep: impl KeepWallet<E>,
    ) -> Result<MailId, Unanswered<E>> {
        let noted = self.answers_to(asked.id);
        let before = self.standing(session, &noted).await;
        let before = before.map_err(Unanswered::of::<E>)?;
        let revoked = self.revoke_all(session, &before).await;
        revoked.map_err(Unanswered::of::<E>)?;
        let decision = Decision::Denied(reason);
        let sent = self.answer(session, asked, decision, now, rng, &mut keep);
        let sent = sent.await.map_err(|cause| Unanswered {
            revoked: ids(&before),
            ..cause.into()
        })?;
        // Nor is one finished that was ordered and is not on the chain.
        self.give_up(asked.id);
        Ok(sent)
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
        keep: &mut impl KeepWallet<E>,
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
        let stamp = self.stamp_noted(session, now, rng, keep).await?;
        keep.keep(&self.wallet).await?;
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

/// Takes one out, each with the same chance.
fn drawn<V>(among: &mut Vec<V>, rng: &mut impl CryptoRng) -> Option<V> {
    let count = u64::try_from(among.len()).ok()?;
    let place = rng.next_u64().checked_rem(count)?;
    Some(among.swap_remove(usize::try_from(place).ok()?))
}

/// Whether another visit may get stamps.
fn of_visit(error: &ClientError) -> bool {
    let rule = error.refusal();
    matches!(rule, Some(Refusal::StampsUsed | Refusal::ForeignVisit))
}
