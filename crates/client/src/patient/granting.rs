//! Making a standing grant. All that can fail of itself is done before anything is sent, and the
//! wallet is kept before the grant can stand on the chain: whatever ends the program in between,
//! the patient can revoke what she granted, or go on with it: what was ordered is sent again, byte
//! by byte.
//!
//! ```text
//! prepare: records, shares, letter --> a free number --> a holder's voucher --> wallet kept
//!                                          ^                                        |
//!                                          '------------ the number is used ---- ordered <-- again
//!                                                                                   |
//!                                  settled <-- letter sent <-- holders have shares <'
//! ```

use std::collections::BTreeSet;

use rand_core::CryptoRng;
use yilian_crypto::{
    kem::KemPublic,
    pre::{DelegateePublic, ScopeSecret},
    psk::ScopePsk,
    scope::{Confidentiality, Quarter, Scope},
    shamir,
    sign::SigningKey,
};
use yilian_protocol::{
    ChainId, GrantId, MemberId, RequestId,
    call::{RecordEntry, Transport},
    codec::{Blob, Decode as _, Encode as _, List},
    grant::{Commitment, Dealt, Deposit, Grant, GrantState, GrantedScope, Terms, grant_id},
    ids::Salt,
    limits::{LETTER_RECORDS_MAX, SCOPES_MAX},
    refusal::Refusal,
    tx::{Body, Transaction},
    voucher::{NewGrant, Voucher},
};

use super::{GrantRequest, Granted, PassedOver, Patient};
use crate::{
    ClientError, Session,
    calendar::{quarter, quarters_after},
    share::{Letter, LetterRecord, SealedLetter},
    wallet::{GrantNote, KeepWallet, PendingGrant, VisitNote, Wallet},
};

/// How many numbers of grants are tried that turn out to be used only when the grant is ordered.
const ATTEMPTS_MAX: u32 = 3;

/// Quarters behind a grant's beginning that it may cover: a grant is for two years at most.
const QUARTERS_AHEAD: u8 = 8;

/// A scope that a grant covers, and whose it is.
type OwnScope = (MemberId, Scope, ScopeSecret);

/// A grant as far as it is made before anything is sent.
struct Prepared {
    request: GrantRequest,
    /// The doctor's request that it answers.
    answers: Option<RequestId>,
    reader: KemPublic,
    dealt: Vec<Dealt>,
    terms: Terms,
    /// For the letter, as the records are.
    secrets: List<ScopePsk, SCOPES_MAX>,
    records: List<LetterRecord, LETTER_RECORDS_MAX>,
    passed_over: Vec<PassedOver>,
}

/// A grant under its number: what is ordered, and what follows.
struct Made {
    grant: Grant,
    counter: u32,
    controller: SigningKey,
    deposits: Vec<Deposit>,
    letter: Letter,
}

impl Patient {
    /// Makes a standing grant: puts it onto the chain, gives every key holder its shares, sealed to
    /// its node, and writes the reader's letter. When fewer holders than the threshold take their
    /// shares, the grant is revoked again, when that comes through.
    ///
    /// # Errors
    /// When the reader is not registered, or ledger or key holder refuse.
    /// [`ClientError::TooFewHolders`] tells of a grant that could not be revoked.
    pub async fn grant<T: Transport>(
        &mut self,
        session: &Session<T>,
        request: GrantRequest,
        rng: &mut impl CryptoRng,
    ) -> Result<Granted, ClientError> {
        let keep = |_: &Wallet| Ok::<(), ClientError>(());
        let made = self.grant_kept(session, request, rng, keep);
        let made = made.await?;
        self.settle(made.letter.grant);
        Ok(made)
    }

    /// The same, and `keep` gets the wallet before the grant is ordered: a device that keeps it can
    /// revoke the grant after a break, or go on with it, see [`Patient::go_on`]. The grant is on
    /// its way until it is told that the reader has the letter: [`Patient::settle`].
    ///
    /// # Errors
    /// As [`Patient::grant`], or what `keep` fails with; then nothing was ordered.
    pub async fn grant_kept<T: Transport, E: From<ClientError>>(
        &mut self,
        session: &Session<T>,
        request: GrantRequest,
        rng: &mut impl CryptoRng,
        mut keep: impl KeepWallet<E>,
    ) -> Result<Granted, E> {
        let noted = (request, None);
        self.grant_noted(session, noted, rng, &mut keep).await
    }

    /// The same, and the wallet notes the doctor's request that it answers.
    pub(super) async fn grant_noted<T: Transport, E: From<ClientError>>(
        &mut self,
        session: &Session<T>,
        (request, answers): (GrantRequest, Option<RequestId>),
        rng: &mut impl CryptoRng,
        keep: &mut impl KeepWallet<E>,
    ) -> Result<Granted, E> {
        let mut prepared = self.prepare(session, request, rng).await?;
        prepared.answers = answers;
        let made = self.place(session, &prepared, rng, keep).await?;
        Ok(self.hand_out(session, prepared, made, rng).await?)
    }

    /// The reader of a grant has its letter, or nothing more shall come of it: nothing of it is
    /// sent again. Keep the wallet afterwards.
    pub fn settle(&mut self, grant: GrantId) {
        self.wallet.settle(grant);
    }

    /// A grant on its way shall not come to its end: nothing of it is sent again, and it answers no
    /// request. Keep the wallet afterwards.
    pub fn withdrawn(&mut self, grant: GrantId) {
        self.settle(grant);
        let notes = self.wallet.grants.iter_mut();
        for note in notes.filter(|note| note.grant == grant) {
            note.answers = None;
        }
    }

    /// What was ordered for a request is given up: another order takes its place, or none.
    pub(super) fn give_up(&mut self, request: RequestId) {
        let notes = self.wallet.grants.iter_mut();
        let mut given_up = Vec::new();
        for note in notes.filter(|note| note.answers == Some(request)) {
            note.given_up = true;
            given_up.push(note.grant);
        }
        for grant in given_up {
            self.settle(grant);
        }
    }

    /// Goes on with a grant that was ordered and did not come to its end: the same transaction is
    /// ordered, and the same shares are given. What was done before is found to be done. The letter
    /// is still to be sent. Keep the wallet afterwards.
    ///
    /// # Errors
    /// [`ClientError::NotMyGrant`] when none of this id is on its way. The rule by which it is
    /// refused, which the wallet notes; [`Refusal::GrantRevoked`] when it was revoked since: then
    /// it is settled. [`ClientError::TooFewHolders`] when it stands and is not served.
    pub async fn go_on<T: Transport>(
        &mut self,
        session: &Session<T>,
        grant: GrantId,
        rng: &mut impl CryptoRng,
    ) -> Result<Letter, ClientError> {
        let pending = self.wallet.pending(grant).cloned();
        let pending = pending.ok_or(ClientError::NotMyGrant { grant })?;
        let (transaction, deposits, letter) = opened(&pending)?;
        self.refused(grant, None);
        if let Err(error) = session.submit(transaction).await {
            self.refused(grant, error.refusal());
            return Err(error);
        }
        let entry = session.grant(grant).await?;
        if entry.state == GrantState::Revoked {
            self.withdrawn(grant);
            return Err(Refusal::GrantRevoked.into());
        }
        let (without, cause) = give_each(session, &deposits, rng).await;
        let took = deposits.len().saturating_sub(without.len());
        let threshold = usize::from(entry.grant.threshold);
        match cause {
            Some(cause) if took < threshold => Err(ClientError::TooFewHolders {
                took,
                threshold,
                cause: Box::new(cause),
                stands: Some(grant),
            }),
            _ => Ok(letter),
        }
    }

    /// Notes by which rule a grant on its way was refused, or that it may be taken.
    fn refused(&mut self, grant: GrantId, rule: Option<Refusal>) {
        let mut pending = self.wallet.pending.iter_mut();
        if let Some(pending) = pending.find(|pending| pending.grant == grant) {
            pending.refused = rule;
        }
    }

    /// Everything of the grant but its number. The records are looked for here: one that fails must
    /// not leave a grant that stands and has no letter.
    async fn prepare<T: Transport>(
        &self,
        session: &Session<T>,
        request: GrantRequest,
        rng: &mut impl CryptoRng,
    ) -> Result<Prepared, ClientError> {
        let distinct: BTreeSet<&MemberId> = request.holders.iter().collect();
        if distinct.len() != request.holders.len() {
            // The ledger would say so too, when the wallet has noted a grant that is none.
            return Err(Refusal::BadHolders.into());
        }
        let reader = session.certificate(request.reader).await?.certificate;
        let scopes = self.granted_scopes(&request);
        let (named, dealt) = deal(&request, &scopes, &reader.delegatee, rng)?;
        let mut salt = [0; 32];
        rng.fill_bytes(&mut salt);
        let (records, passed_over) = self.records_in(session, &scopes).await?;
        let secrets = scopes.iter().filter(|_| !request.emergency);
        let secrets = secrets.map(|(_, _, secret)| secret.psk().clone());
        Ok(Prepared {
            terms: Terms {
                salt: Salt::from_bytes(salt),
                reader: request.reader,
                purpose: request.purpose,
                from: request.from,
                scopes: List::new(named)?,
            },
            secrets: List::new(secrets.collect())?,
            records: List::new(records)?,
            request,
            answers: None,
            reader: reader.kem,
            dealt,
            passed_over,
        })
    }

    /// Puts the grant onto the chain under a number that no grant has.
    async fn place<T: Transport, E: From<ClientError>>(
        &mut self,
        session: &Session<T>,
        prepared: &Prepared,
        rng: &mut impl CryptoRng,
        keep: &mut impl KeepWallet<E>,
    ) -> Result<Made, E> {
        let mut attempts = 0;
        loop {
            let counter = self.free_counter(session).await?;
            let made = self.made(session.chain(), prepared, counter)?;
            match self.ordered(session, &made, prepared, rng, keep).await {
                Ok(()) => return Ok(made),
                Err(NotOrdered::Kept(error)) => return Err(error),
                // Another device of this patient was faster, or the proof of absence was old.
                Err(NotOrdered::Client(error))
                    if error.refusal() == Some(Refusal::GrantExists) && attempts < ATTEMPTS_MAX =>
                {
                    attempts += 1;
                    self.forget_terms(made.grant.id());
                }
                Err(NotOrdered::Client(error)) => return Err(error.into()),
            }
        }
    }

    /// The grant under a number, with what its holders and its reader get.
    fn made(&self, chain: ChainId, prepared: &Prepared, counter: u32) -> Result<Made, ClientError> {
        let controller = self.keys.grant(counter);
        let Prepared { request, terms, .. } = prepared;
        let grant = Grant {
            controller: controller.verifying_key(),
            terms: terms.commitment(),
            until: request.until,
            holders: List::new(request.holders.clone())?,
            threshold: u8::try_from(request.threshold).unwrap_or(u8::MAX),
            emergency: request.emergency,
        };
        let mut deposits = Vec::with_capacity(prepared.dealt.len());
        for (holder, dealt) in request.holders.iter().zip(prepared.dealt.clone()) {
            let deposit = Deposit::sign(chain, *holder, terms.clone(), dealt, &controller)?;
            deposits.push(deposit);
        }
        let letter = Letter {
            chain,
            grant: grant.id(),
            terms: terms.clone(),
            secrets: prepared.secrets.clone(),
            records: prepared.records.clone(),
        };
        Ok(Made {
            grant,
            counter,
            controller,
            deposits,
            letter,
        })
    }

    /// Orders the grant with the word of one of its key holders, whichever gives one that the
    /// ledger takes. They are asked from one that is drawn, so that it tells nobody which of them
    /// the patient visits. It is noted, and the wallet kept, before each order.
    async fn ordered<T: Transport, E>(
        &mut self,
        session: &Session<T>,
        made: &Made,
        prepared: &Prepared,
        rng: &mut impl CryptoRng,
        keep: &mut impl KeepWallet<E>,
    ) -> Result<(), NotOrdered<E>> {
        let (grant, id) = (&made.grant, made.grant.id());
        let mut holders = grant.holders.clone().into_vec();
        let count = u64::try_from(holders.len()).unwrap_or(1).max(1);
        let first = usize::try_from(rng.next_u64() % count).unwrap_or_default();
        holders.rotate_left(first);
        let mut refused = ClientError::from(Refusal::BadHolders);
        for holder in holders {
            let voucher = match vouched(session, grant, holder).await {
                Ok(voucher) => voucher,
                Err(error) => {
                    refused = error;
                    continue;
                }
            };
            let body = Body::CreateGrant(NewGrant {
                grant: grant.clone(),
                voucher,
            });
            let transaction = Transaction::sign(session.chain(), body, &made.controller);
            if let Some(request) = prepared.answers {
                // What was refused before is made anew, and not tried once more. Its note stays:
                // should it come onto the chain after all, it is revoked with the next answer.
                self.give_up(request);
            }
            self.note(id, made.counter, &prepared.terms, prepared.answers);
            let pending = pending(made, &transaction);
            self.wallet.pend(pending.map_err(NotOrdered::Client)?);
            let kept = keep.keep(&self.wallet).await;
            if let Err(error) = kept {
                // It is not ordered, so there is nothing to go on with.
                match prepared.answers {
                    Some(request) => self.give_up(request),
                    None => self.settle(id),
                }
                return Err(NotOrdered::Kept(error));
            }
            match session.submit(transaction).await {
                Ok(_) => return Ok(()),
                Err(error) => {
                    self.refused(id, error.refusal());
                    // This holder's word does not count; another's may.
                    if !of_voucher(&error) {
                        return Err(NotOrdered::Client(error));
                    }
                    refused = error;
                }
            }
        }
        Err(NotOrdered::Client(refused))
    }

    /// The number of the next grant. Those that are used and not noted are noted, so that their
    /// grants can be revoked: of a wallet that a program did not live to keep.
    async fn free_counter<T: Transport>(
        &mut self,
        session: &Session<T>,
    ) -> Result<u32, ClientError> {
        loop {
            let counter = self.wallet.grant_counter;
            let grant = grant_id(&self.keys.grant(counter).verifying_key());
            if session.find_grant(grant).await?.is_none() {
                return Ok(counter);
            }
            self.wallet.grant_counter = counter.checked_add(1).ok_or(Refusal::GrantExists)?;
            if self.wallet.grants.iter().all(|note| note.grant != grant) {
                self.wallet.grants.push(GrantNote {
                    grant,
                    counter,
                    terms: None,
                    answers: None,
                    given_up: false,
                });
            }
        }
    }

    /// Notes a grant that is about to be ordered, once.
    fn note(&mut self, grant: GrantId, counter: u32, terms: &Terms, answers: Option<RequestId>) {
        self.wallet.grant_counter = counter.saturating_add(1);
        self.wallet.grants.retain(|note| note.grant != grant);
        self.wallet.grants.push(GrantNote {
            grant,
            counter,
            terms: Some(terms.clone()),
            answers,
            given_up: false,
        });
    }

    /// The grant of this number is another than the one that was noted.
    fn forget_terms(&mut self, grant: GrantId) {
        self.settle(grant);
        let notes = self.wallet.grants.iter_mut();
        for note in notes.filter(|note| note.grant == grant) {
            (note.terms, note.answers) = (None, None);
        }
    }

    /// Gives the holders their shares, and the letter to the patient.
    async fn hand_out<T: Transport>(
        &mut self,
        session: &Session<T>,
        prepared: Prepared,
        made: Made,
        rng: &mut impl CryptoRng,
    ) -> Result<Granted, ClientError> {
        let (request, answers) = (prepared.request, prepared.answers);
        let Made {
            deposits, letter, ..
        } = made;
        let (without, cause) = give_each(session, &deposits, rng).await;
        let took = deposits.len().saturating_sub(without.len());
        if let Some(cause) = cause.filter(|_| took < request.threshold) {
            let grant = letter.grant;
            let stands = match answers {
                // Who answers revokes what does not come to an answer, whatever the cause.
                Some(_) => None,
                None => {
                    let revoked = self.set_grant(session, grant, GrantState::Revoked).await;
                    if revoked.is_ok() {
                        self.settle(grant);
                    }
                    revoked.err().map(|_| grant)
                }
            };
            return Err(ClientError::TooFewHolders {
                took,
                threshold: request.threshold,
                cause: Box::new(cause),
                stands,
            });
        }
        let sealed = SealedLetter::seal(&letter, (request.reader, &prepared.reader), rng)?;
        Ok(Granted {
            letter,
            sealed,
            without,
            passed_over: prepared.passed_over,
        })
    }

    /// Every scope that a grant request covers: the levels it names, of each quarter visited and of
    /// each named for the future. Private visits stay out.
    fn granted_scopes(&self, request: &GrantRequest) -> Vec<OwnScope> {
        let visited = self.wallet.visits.iter().filter(|note| !note.private);
        let visited = visited.filter_map(|note| Some((note.hospital, note.period?.0)));
        let mut quarters: Vec<_> = visited.chain(request.future.iter().copied()).collect();
        quarters.sort();
        quarters.dedup();

        let mut scopes = Vec::new();
        for (hospital, period) in quarters {
            let delegator = self.keys.hospital(hospital.as_bytes()).delegator;
            for &confidentiality in &request.confidentialities {
                let scope = Scope {
                    confidentiality,
                    period,
                    tag: None,
                };
                scopes.push((hospital, scope, delegator.scope(&scope)));
            }
        }
        scopes
    }

    /// What the terms of a grant of the patient's cover: of each hospital visited, the scopes of
    /// visits that the wallet knows, and of quarters behind the grant's beginning.
    #[must_use]
    pub fn covered(&self, terms: &Terms) -> Vec<(MemberId, Scope)> {
        let begun = quarter(terms.from);
        let ahead = std::iter::once(begun).chain(quarters_after(begun, QUARTERS_AHEAD));
        let ahead: BTreeSet<Quarter> = ahead.collect();
        let mut covered = Vec::new();
        for hospital in self.wallet.hospitals() {
            let there = self.wallet.visits.iter();
            let there = there.filter(|note| note.hospital == hospital);
            let visited = there.filter_map(|note| note.period.map(|period| period.0));
            let mut quarters = ahead.clone();
            quarters.extend(visited);
            let public = self.keys.hospital(hospital.as_bytes()).delegator.public();
            let scopes = quarters.into_iter().flat_map(|period| {
                Confidentiality::ALL.map(|confidentiality| Scope {
                    confidentiality,
                    period,
                    tag: None,
                })
            });
            let named = scopes.filter(|scope| terms.scope(&public.scope(scope)).is_some());
            covered.extend(named.map(|scope| (hospital, scope)));
        }
        covered
    }

    /// The records that lie in `scopes` and open, for the reader's letter; and those that do not
    /// open, of visits whose records may lie in them.
    async fn records_in<T: Transport>(
        &self,
        session: &Session<T>,
        scopes: &[OwnScope],
    ) -> Result<(Vec<LetterRecord>, Vec<PassedOver>), ClientError> {
        let (mut records, mut passed_over) = (Vec::new(), Vec::new());
        for note in &self.wallet.visits {
            if !may_lie_in(note, scopes) {
                continue;
            }
            for entry in session.visit(&self.nym(note)).await? {
                let record = entry.sealed.record;
                match self.letter_record(session, &entry, scopes).await {
                    Ok(found) => records.extend(found),
                    Err(cause) => passed_over.push(PassedOver { record, cause }),
                }
            }
        }
        Ok((records, passed_over))
    }

    /// The record as a letter names it, when it lies in `scopes`. It is opened first: what is
    /// granted is what the patient can read.
    async fn letter_record<T: Transport>(
        &self,
        session: &Session<T>,
        entry: &RecordEntry,
        scopes: &[OwnScope],
    ) -> Result<Option<LetterRecord>, ClientError> {
        let own = self.own(session, entry).await?;
        let named = scopes
            .iter()
            .any(|(hospital, scope, _)| *hospital == entry.hospital && *scope == own.scope);
        if !named {
            return Ok(None);
        }
        own.open(session, entry).await?;
        Ok(Some(LetterRecord {
            record: entry.sealed.record,
            scope: own.secret.key(),
        }))
    }
}

/// Whether records of a visit may lie in `scopes`. The quarter of one that was found again is not
/// known.
fn may_lie_in(note: &VisitNote, scopes: &[OwnScope]) -> bool {
    !note.private
        && scopes.iter().any(|(hospital, scope, _)| {
            *hospital == note.hospital && note.period.is_none_or(|period| period.0 == scope.period)
        })
}

/// What each key holder is dealt of each scope, and the scopes as the terms name them.
fn deal(
    request: &GrantRequest,
    scopes: &[OwnScope],
    delegatee: &DelegateePublic,
    rng: &mut impl CryptoRng,
) -> Result<(Vec<GrantedScope>, Vec<Dealt>), ClientError> {
    let (threshold, count) = (request.threshold, request.holders.len());
    let (mut named, mut dealt) = (Vec::new(), vec![Dealt::default(); count]);
    for (_, _, secret) in scopes {
        let (commitment, shares) = secret.deal(delegatee, threshold, count, rng)?;
        named.push(GrantedScope {
            key: secret.key(),
            commitment: Commitment(commitment),
        });
        let pairs = dealt.iter_mut().zip(shares);
        pairs.for_each(|(holder, share)| holder.shares.push(share));
        if request.emergency {
            // The clinicians of an emergency have no letter from the patient.
            let parts = shamir::split(secret.psk(), threshold, count, rng)?;
            let pairs = dealt.iter_mut().zip(parts);
            pairs.for_each(|(holder, part)| holder.secrets.push(part));
        }
    }
    Ok((named, dealt))
}

/// What a wallet remembers of a grant until it has come to its end.
fn pending(made: &Made, transaction: &Transaction) -> Result<PendingGrant, ClientError> {
    let deposits = made.deposits.iter();
    let deposits = deposits.map(|deposit| Blob::new(deposit.to_vec()));
    Ok(PendingGrant {
        grant: made.grant.id(),
        refused: None,
        transaction: Blob::new(transaction.as_bytes().to_vec())?,
        deposits: deposits.collect::<Result<_, _>>()?,
        letter: Blob::new(made.letter.to_vec())?,
    })
}

/// What was remembered, to be sent again.
fn opened(pending: &PendingGrant) -> Result<(Transaction, Vec<Deposit>, Letter), ClientError> {
    let transaction = Transaction::parse(pending.transaction.as_slice());
    let transaction = transaction.map_err(|_| Refusal::Malformed)?;
    let deposits = pending.deposits.iter();
    let deposits = deposits.map(|deposit| Deposit::from_slice(deposit.as_slice()));
    let deposits = deposits.collect::<Result<_, _>>()?;
    Ok((
        transaction,
        deposits,
        Letter::from_slice(pending.letter.as_slice())?,
    ))
}

/// Why a grant was not ordered.
enum NotOrdered<E> {
    /// The wallet was not kept.
    Kept(E),
    /// Anything else.
    Client(ClientError),
}

fn of_voucher(error: &ClientError) -> bool {
    let rule = error.refusal();
    matches!(rule, Some(Refusal::NotVouched | Refusal::VouchersUsed))
}

/// A key holder's word for the grant, verified as the ledger will.
async fn vouched<T: Transport>(
    session: &Session<T>,
    grant: &Grant,
    holder: MemberId,
) -> Result<Voucher, ClientError> {
    let voucher = session.vouch(grant, holder).await?;
    let entry = session.member(holder).await?;
    entry.may_act()?;
    if voucher.member != holder {
        return Err(Refusal::NotVouched.into());
    }
    let epochs = session.genesis().governance.epoch_blocks;
    let seen = session
        .seen()
        .map_or(0, |seen| epochs.epoch_of(seen.height));
    // The holder's node may be a block ahead of ours, in the epoch after.
    let now = voucher.epoch.clamp(seen, seen.saturating_add(1));
    voucher.verify(session.chain(), &entry.member.node, grant, now)?;
    Ok(voucher)
}

/// Brings each holder its deposit. Who did not take it, and why the first of them did not.
async fn give_each<T: Transport>(
    session: &Session<T>,
    deposits: &[Deposit],
    rng: &mut impl CryptoRng,
) -> (Vec<MemberId>, Option<ClientError>) {
    let (mut without, mut cause) = (Vec::new(), None);
    for deposit in deposits {
        if let Err(error) = give(session, deposit, rng).await {
            without.push(deposit.holder);
            cause.get_or_insert(error);
        }
    }
    (without, cause)
}

/// Seals a deposit to its holder's node, and sends it there.
async fn give<T: Transport>(
    session: &Session<T>,
    deposit: &Deposit,
    rng: &mut impl CryptoRng,
) -> Result<(), ClientError> {
    let member = session.member(deposit.holder).await?.member;
    let sealed = deposit.seal(session.chain(), &member.kem, rng)?;
    session.deposit(sealed).await
}
