//! A patient: holds the seed, and with it every key to the records.

use std::collections::BTreeSet;

use rand_core::CryptoRng;
use yilian_crypto::{
    pre::{DelegatorPublic, ProvenCapsule, ScopeSecret},
    pseudonym::{Escrow, Nym},
    scope::{Confidentiality, Quarter, Scope},
    seed::{PatientKeys, Seed, VisitKeys},
};
use yilian_protocol::{
    CertificateId, ChainId, GrantId, MemberId, RecordId, TimeMs,
    authored::{Authored, AuthoredError, Verified},
    call::{Form, OneShot, RecordEntry, Reencapsulated, Transport},
    disclosure::DisclosureEntry,
    grant::{GrantChange, GrantState, Purpose, Use, UsesRequest},
    receipt::Receipt,
    refusal::Refusal,
    registry::Certificate,
    sealed::{SealedError, SealedObject},
    tx::Body,
    visit::{Tag, Visit, VisitToken},
};

use crate::{
    ClientError, Session,
    calendar::{hours_after, quarter},
    doctor::{by_author, open_verified},
    people::{self, Organisation},
    search::{self, Checked, Hits, ProvenIndex, SearchLetter, SearchRequest, Visited},
    share::{Letter, SealedLetter, Share},
    wallet::{GrantNote, Period, VisitNote, Wallet},
};

mod granting;
mod mail;

pub use mail::{Inbox, Unanswered};

/// How many unused grants in a row end the search of a recovery.
const GRANTS_GAP: u32 = 20;
/// How many unused visits in a row end the search of a recovery: what a recovery passes over, and
/// three times as many tokens in a row of which nothing is ever sealed.
const VISITS_GAP: u32 = 4 * RECOVERY_STEP;
/// How many numbers of visits behind the last one sealed a recovery passes over: tokens with these
/// may be on their way, and two visits of one pseudonym would shut each other out.
const RECOVERY_STEP: u32 = 32;

/// A patient with keys and memory.
#[derive(Debug)]
pub struct Patient {
    keys: PatientKeys,
    wallet: Wallet,
}

/// A visit about to be made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CheckIn {
    /// The hospital.
    pub hospital: MemberId,
    /// The quarter in which the care takes place.
    pub period: Quarter,
    /// Whether the visit's scopes shall be its own, outside every grant for the quarter.
    pub private: bool,
    /// When the token ends.
    pub expires: TimeMs,
}

impl CheckIn {
    /// Hours of a token, unless somebody says otherwise.
    pub const HOURS: u64 = 24;
    /// Hours of a token at most: more are a slip of the finger.
    pub const HOURS_MAX: u64 = 366 * 24;

    /// A visit to `hospital` at `now`: of this quarter, open to grants, with a token for
    /// [`CheckIn::HOURS`].
    #[must_use]
    pub fn at(hospital: MemberId, now: TimeMs) -> Self {
        Self {
            hospital,
            period: quarter(now),
            private: false,
            expires: hours_after(now, Self::HOURS),
        }
    }
}

/// A record of the patient's own, and whether it is to be relied on.
#[derive(Debug)]
pub struct JudgedRecord {
    /// Its entry on the chain.
    pub entry: RecordEntry,
    /// What was sealed.
    pub authored: Authored,
    /// The name of the author that it names, when he is registered.
    pub author: Option<String>,
    /// Whether the author's signature and standing hold.
    pub verdict: Result<(), AuthoredError>,
}

/// How a record's capsule is turned for a share.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sharing {
    /// The form of the turned capsule.
    pub form: Form,
    /// Whether a node turns it, with a blinded rekey, instead of this device.
    pub by_node: bool,
}

impl From<Form> for Sharing {
    /// By this device.
    fn from(form: Form) -> Self {
        Self {
            form,
            by_node: false,
        }
    }
}

/// A standing grant about to be made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GrantRequest {
    /// The one who may read.
    pub reader: CertificateId,
    /// What for.
    pub purpose: Purpose,
    /// Which levels.
    pub confidentialities: Vec<Confidentiality>,
    /// From when.
    pub from: TimeMs,
    /// Until when.
    pub until: TimeMs,
    /// Quarters beyond those of the visits so far, as for a family doctor who shall read next
    /// year's records too.
    pub future: Vec<(MemberId, Quarter)>,
    /// Whose nodes shall hold shares of the rekeys.
    pub holders: Vec<MemberId>,
    /// How many of them it takes to serve.
    pub threshold: usize,
    /// Whether it is served in emergencies only, when two clinicians have opened it.
    pub emergency: bool,
}

/// A standing grant that was made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Granted {
    /// What its reader is given, in the clear: for the patient to look at.
    pub letter: Letter,
    /// The same, sealed to the reader: to be passed on.
    pub sealed: SealedLetter<Letter>,
    /// Key holders that did not take their shares; enough others did.
    pub without: Vec<MemberId>,
    /// Records that the letter does not name because they do not open.
    pub passed_over: Vec<PassedOver>,
}

/// A record of the patient's that does not open.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PassedOver {
    /// The record.
    pub record: RecordId,
    /// Why it does not.
    pub cause: ClientError,
}

/// A record opened by its owner.
#[derive(Debug)]
pub struct OpenedRecord {
    /// Its entry on the chain.
    pub entry: RecordEntry,
    /// Its content, author checked.
    pub verified: Verified,
}

impl Patient {
    /// The patient of `seed` with what the device remembers.
    #[must_use]
    pub fn new(seed: &Seed, wallet: Wallet) -> Self {
        Self {
            keys: PatientKeys::from_seed(seed, wallet.chain.as_bytes()),
            wallet,
        }
    }

    /// What the device shall remember.
    #[must_use]
    pub const fn wallet(&self) -> &Wallet {
        &self.wallet
    }

    /// Makes the token for a visit and notes the visit. Keep the wallet before the token is shown.
    pub fn check_in<T: Transport>(
        &mut self,
        session: &Session<T>,
        request: CheckIn,
        rng: &mut impl CryptoRng,
    ) -> VisitToken {
        let CheckIn {
            hospital,
            period,
            private,
            expires,
        } = request;
        let counter = self.wallet.next_visit(hospital);
        let visit_keys = self.visit_keys(hospital, counter);
        let hospital_keys = self.keys.hospital(hospital.as_bytes());
        let regulators = &session.genesis().regulators.key;
        let escrow = Escrow::make(
            &self.keys,
            &visit_keys.nym_secret,
            regulators,
            hospital.as_bytes(),
            rng,
        );
        let card = self.address(hospital).card;
        let visit = Visit {
            chain: session.chain(),
            hospital,
            delegator: hospital_keys.delegator.public(),
            nym: visit_keys.nym,
            period,
            tag: private.then_some(Tag(visit_keys.tag)),
            search: hospital_keys.search.public(),
            secret: hospital_keys
                .delegator
                .period(period, private.then_some(&visit_keys.tag)),
            search_secret: hospital_keys.searches.quarter(period),
            mailbox: card.id(),
            escrow,
            expires,
        };
        let note = VisitNote {
            hospital,
            counter,
            period: Some(Period(period)),
            private,
        };
        self.wallet.visits.push(note);
        VisitToken::sign(visit, &visit_keys.nym_secret, rng).with_card(card)
    }

    /// All records of all visits, in the order of the visits.
    ///
    /// # Errors
    /// When the node does not answer.
    pub async fn records<T: Transport>(
        &self,
        session: &Session<T>,
    ) -> Result<Vec<RecordEntry>, ClientError> {
        let mut all = Vec::new();
        for note in &self.wallet.visits {
            all.extend(session.visit(&self.nym(note)).await?);
        }
        Ok(all)
    }

    /// Who had the identity behind one of the patient's pseudonyms opened, in the order of the
    /// visits. Proven.
    ///
    /// # Errors
    /// When the node does not answer.
    pub async fn disclosures<T: Transport>(
        &self,
        session: &Session<T>,
    ) -> Result<Vec<DisclosureEntry>, ClientError> {
        let mut all = Vec::new();
        for note in &self.wallet.visits {
            all.extend(session.disclosures(&self.nym(note)).await?);
        }
        Ok(all)
    }

    /// Opens one of the patient's own records and checks its author.
    ///
    /// # Errors
    /// [`ClientError::NotMine`] when it is of no visit of this wallet; else what is wrong with
    /// record or author.
    pub async fn open<T: Transport>(
        &self,
        session: &Session<T>,
        record: RecordId,
    ) -> Result<OpenedRecord, ClientError> {
        let entry = session.record(record).await?;
        let own = self.own(session, &entry).await?;
        let verified = own.open(session, &entry).await?;
        Ok(OpenedRecord { entry, verified })
    }

    /// Opens one of the patient's own records, whatever its author's word is worth: an owner sees
    /// his data, with a verdict. The author is looked up in the whole of the registry: no node
    /// learns who wrote it. Who opens several reads that once, for [`Patient::look_among`].
    ///
    /// # Errors
    /// As [`Patient::open`], but for what is wrong with the author.
    pub async fn look<T: Transport>(
        &self,
        session: &Session<T>,
        record: RecordId,
    ) -> Result<JudgedRecord, ClientError> {
        let registry = people::registry(session).await?;
        self.look_among(session, record, &registry).await
    }

    /// The same, with the author looked up among the people of `registry`.
    ///
    /// # Errors
    /// As [`Patient::look`].
    pub async fn look_among<T: Transport>(
        &self,
        session: &Session<T>,
        record: RecordId,
        registry: &[Organisation],
    ) -> Result<JudgedRecord, ClientError> {
        let entry = session.record(record).await?;
        let own = self.own(session, &entry).await?;
        let proven = own.prove(session.chain(), record)?;
        let authored = own.object.open(&own.secret.decapsulate(&proven));
        let authored = authored.map_err(|source| ClientError::Sealed { record, source })?;
        own.of_scope(record, authored.scope())?;
        // The registry is proven. A node's word alone blames nobody.
        let author = people::certified(registry, authored.author()).ok();
        let unknown = AuthoredError::Standing(Refusal::CertificateUnknown);
        let verdict = author.as_ref().map_or(Err(unknown), |author| {
            authored.check(author, session.chain(), &entry.nym, entry.admitted)
        });
        Ok(JudgedRecord {
            entry,
            authored,
            author: author.map(|author| author.certificate().subject.to_string()),
            verdict,
        })
    }

    /// The patient's records that have all words of `request`, oldest first, and entries that lead
    /// nowhere. Before an author is blamed for one, the index of every record is read, and the
    /// entry has to stand there.
    ///
    /// # Errors
    /// [`ClientError::Withheld`] when the node keeps back what it said was there, or is proven to
    /// be, [`ClientError::WrongAnswer`] when it tells of a record where none is.
    pub async fn search<T: Transport>(
        &self,
        session: &Session<T>,
        request: &SearchRequest,
    ) -> Result<Hits, ClientError> {
        let letter = self.search_letter(session, request).await?;
        let told = search::told(session, &letter).await?;
        let sorted = search::sort(session, &letter, &told).await?;
        if sorted.is_clear() {
            return Ok(sorted.unjudged());
        }
        sorted.judged(&self.proven_index(session).await?)
    }

    /// Lets somebody else find what [`Patient::search`] finds now, and nothing that comes later.
    /// The letter names no word.
    ///
    /// # Errors
    /// When the node does not answer.
    pub async fn search_letter<T: Transport>(
        &self,
        session: &Session<T>,
        request: &SearchRequest,
    ) -> Result<SearchLetter, ClientError> {
        let visited = self.visited(session, request).await?;
        let places = search::places(session, &visited, &request.words).await?;
        search::letter(session, &places).await
    }

    /// Searches as [`Patient::search`], and checks that nothing is missing: the words' entries are
    /// counted among all that the chain commits to for the patient's records, each is compared with
    /// what the node tells of it, and where an author's device had more words than an index holds
    /// is told. A record that comes onto the chain meanwhile may be among the false entries. Reads
    /// every record's index, 1 to 37 kB each.
    ///
    /// # Errors
    /// [`ClientError::Withheld`] when the node keeps an entry back, [`ClientError::WrongAnswer`]
    /// when it tells of a record or a word where none is.
    pub async fn check_search<T: Transport>(
        &self,
        session: &Session<T>,
        request: &SearchRequest,
    ) -> Result<Checked, ClientError> {
        let visited = self.visited(session, request).await?;
        let index = self.proven_index(session).await?;
        let mut places = search::all_places(session, &visited, &request.words).await?;
        for place in &places {
            place.check_counts(&index)?;
        }
        places.retain(search::Place::has_all);
        let letter = search::letter(session, &places).await?;
        Ok(Checked {
            hits: search::checked_hits(session, &letter, &index).await?,
            letter,
            entries: index.len(),
            left_out: search::left_out(session, &visited, &index).await?,
        })
    }

    /// The index entries of all of the patient's records, proven.
    async fn proven_index<T: Transport>(
        &self,
        session: &Session<T>,
    ) -> Result<ProvenIndex, ClientError> {
        let mut proven = ProvenIndex::default();
        for entry in self.records(session).await? {
            let index = session.index(&entry).await?;
            proven.add(&entry, &index);
        }
        Ok(proven)
    }

    /// Hospitals and quarters of visits that `request` does not leave out.
    async fn visited<T: Transport>(
        &self,
        session: &Session<T>,
        request: &SearchRequest,
    ) -> Result<Vec<Visited>, ClientError> {
        let mut places = BTreeSet::new();
        for note in &self.wallet.visits {
            if request.hospital.is_some_and(|only| only != note.hospital) {
                continue;
            }
            let quarter = match note.period {
                Some(period) => Some(period.0),
                None => self.quarter_of(session, note).await?,
            };
            places.extend(quarter.map(|quarter| (note.hospital, quarter)));
        }
        let in_time = |quarter: &Quarter| {
            request.from.is_none_or(|from| *quarter >= from)
                && request.until.is_none_or(|until| *quarter <= until)
        };
        let places = places.into_iter().filter(|(_, quarter)| in_time(quarter));
        let visited = places.map(|(hospital, quarter)| {
            let keys = self.keys.hospital(hospital.as_bytes());
            Visited {
                hospital,
                quarter,
                secret: keys.search,
                psk: keys.searches.quarter(quarter),
            }
        });
        Ok(visited.collect())
    }

    /// The quarter of a visit whose note lacks it: a record of the visit tells. When none can be
    /// read, it is taken to be that in which the first came onto the chain. `None` when the visit
    /// has no record.
    async fn quarter_of<T: Transport>(
        &self,
        session: &Session<T>,
        note: &VisitNote,
    ) -> Result<Option<Quarter>, ClientError> {
        let entries = session.visit(&self.nym(note)).await?;
        if let Some(scope) = self.scope_among(session, &entries).await {
            return Ok(Some(scope.period));
        }
        Ok(entries.first().map(|entry| quarter(entry.admitted.time)))
    }

    /// The scope of the first of a visit's records that can be read.
    async fn scope_among<T: Transport>(
        &self,
        session: &Session<T>,
        entries: &[RecordEntry],
    ) -> Option<Scope> {
        for entry in entries {
            if let Ok(own) = self.own(session, entry).await {
                return Some(own.scope);
            }
        }
        None
    }

    /// Shares one record with one reader, once. The device turns the capsule, so no node takes
    /// part; where a node shall, it gets a blinded rekey, which tells nothing of the reader. The
    /// record is opened first: what is shared is what the patient can read, and not junk behind
    /// another record's header. The share is sealed to the reader.
    ///
    /// Nodes are asked for all of the registry and for nobody in it, neither the reader nor the
    /// author. That the record is read they see.
    ///
    /// # Errors
    /// When the record is not the patient's or does not open, the reader is not registered, or the
    /// node refuses.
    pub async fn share<T: Transport>(
        &self,
        session: &Session<T>,
        record: RecordId,
        reader: CertificateId,
        how: impl Into<Sharing>,
        rng: &mut impl CryptoRng,
    ) -> Result<SealedLetter<Share>, ClientError> {
        let (share, certificate) = self.shared(session, record, reader, how, rng).await?;
        let to = (reader, &certificate.kem);
        Ok(SealedLetter::seal(&share, to, rng)?)
    }

    /// The share of a record, and the certificate of its reader.
    async fn shared<T: Transport>(
        &self,
        session: &Session<T>,
        record: RecordId,
        reader: CertificateId,
        how: impl Into<Sharing>,
        rng: &mut impl CryptoRng,
    ) -> Result<(Share, Certificate), ClientError> {
        let Sharing { form, by_node } = how.into();
        let registry = people::registry(session).await?;
        let certified = people::certified(&registry, reader)?;
        let certificate = certified.certificate();
        let entry = session.record(record).await?;
        let own = self.own(session, &entry).await?;
        let proven = own.prove(session.chain(), record)?;
        own.open_among(session.chain(), &entry, &proven, &registry)?;
        let (scope, to) = (own.secret.key(), &certificate.delegatee);
        let (capsule, blind) = if by_node {
            let (rekey, blind) = own.secret.blinded_rekey(to, &proven, rng);
            let turned = session.reencapsulate(OneShot {
                record,
                scope,
                rekey,
                form,
            });
            (turned.await?, Some(blind))
        } else {
            let rekey = own.secret.rekey(to);
            (Reencapsulated::turn(form, &proven, &rekey, rng), None)
        };
        let share = Share {
            chain: session.chain(),
            record,
            reader,
            scope,
            secret: own.secret.psk().record(own.object.header().capsule()),
            capsule,
            blind,
        };
        Ok((share, certificate.clone()))
    }

    /// How a grant was used, as the key holder `holder` noted it: each use, from the first.
    ///
    /// # Errors
    /// [`ClientError::NotMyGrant`] when the wallet did not make it; else the rule by which the key
    /// holder refuses.
    pub async fn uses<T: Transport>(
        &self,
        session: &Session<T>,
        grant: GrantId,
        holder: MemberId,
        now: TimeMs,
    ) -> Result<Vec<Use>, ClientError> {
        let note = self.wallet.grants.iter().find(|note| note.grant == grant);
        let counter = note.ok_or(ClientError::NotMyGrant { grant })?.counter;
        let controller = self.keys.grant(counter);
        let mut uses = Vec::new();
        loop {
            let from = u32::try_from(uses.len()).unwrap_or(u32::MAX);
            let request = UsesRequest::sign(session.chain(), holder, from, now, &controller);
            let page = session.uses(request).await?;
            let last = page.entries.is_empty();
            uses.extend(page.entries);
            if last || uses.len() >= page.total as usize {
                return Ok(uses);
            }
        }
    }

    /// Pauses, resumes or revokes a grant.
    ///
    /// # Errors
    /// [`ClientError::NotMyGrant`] when the wallet did not make it; else the rule by which the
    /// ledger refuses.
    pub async fn set_grant<T: Transport>(
        &self,
        session: &Session<T>,
        grant: GrantId,
        state: GrantState,
    ) -> Result<Receipt, ClientError> {
        let note = self.wallet.grants.iter().find(|note| note.grant == grant);
        let counter = note.ok_or(ClientError::NotMyGrant { grant })?.counter;
        let sequence = session.grant(grant).await?.changes.saturating_add(1);
        let body = Body::SetGrant(GrantChange {
            grant,
            state,
            sequence,
        });
        session.order(body, &self.keys.grant(counter)).await
    }

    /// Finds visits and grants again from the seed and the chain alone, and adds what the wallet
    /// does not know. Returns how many were found.
    ///
    /// The chain does not know of tokens of which nothing was sealed yet. So the numbers of visits
    /// go on behind a gap that is wider than there are such tokens. Who recovers twice and has
    /// nothing sealed in between may meet a token of the time between.
    ///
    /// # Errors
    /// When the node does not answer.
    pub async fn recover<T: Transport>(
        &mut self,
        session: &Session<T>,
    ) -> Result<(usize, usize), ClientError> {
        let mut visits = 0;
        for member in session.members().await? {
            visits += self.recover_visits(session, member.member.id()).await?;
        }
        Ok((visits, self.recover_grants(session).await?))
    }

    /// Notes of visits that were found again what their records tell: the quarter, and whether the
    /// visit is private. Without it a new grant covers none of them. Returns of how many it is not
    /// known yet: of those whose records cannot be read now.
    ///
    /// # Errors
    /// When the node does not answer.
    pub async fn complete<T: Transport>(
        &mut self,
        session: &Session<T>,
    ) -> Result<usize, ClientError> {
        let lacking = self.wallet.visits.iter().enumerate();
        let lacking = lacking.filter(|(_, note)| note.period.is_none());
        let lacking: Vec<(usize, VisitNote)> =
            lacking.map(|(place, note)| (place, note.clone())).collect();
        let mut unknown = 0;
        for (place, note) in lacking {
            let entries = session.visit(&self.nym(&note)).await?;
            let scope = self.scope_among(session, &entries).await;
            match (scope, self.wallet.visits.get_mut(place)) {
                (Some(scope), Some(note)) => {
                    note.period = Some(Period(scope.period));
                    note.private = scope.tag.is_some();
                }
                _ => unknown += 1,
            }
        }
        Ok(unknown)
    }

    async fn recover_visits<T: Transport>(
        &mut self,
        session: &Session<T>,
        hospital: MemberId,
    ) -> Result<usize, ClientError> {
        let notes = self.wallet.visits.iter();
        let here = notes.filter(|note| note.hospital == hospital);
        let known: BTreeSet<u32> = here.map(|note| note.counter).collect();
        let (mut first, mut found, mut sealed) = (0_u32, 0, 0_u32);
        // A whole round without one ends it.
        loop {
            let round = first..first.saturating_add(VISITS_GAP);
            let nyms = round
                .clone()
                .map(|counter| self.visit_keys(hospital, counter));
            let nyms: Vec<Nym> = nyms.map(|keys| keys.nym).collect();
            let entries = session.find_visits(&nyms).await?;
            let mut used = false;
            for (counter, entry) in round.zip(entries) {
                used |= entry.is_some() || known.contains(&counter);
                if entry.is_none() {
                    continue;
                }
                sealed = counter.saturating_add(1);
                if !known.contains(&counter) {
                    let note = VisitNote {
                        hospital,
                        counter,
                        period: None,
                        private: false,
                    };
                    self.wallet.visits.push(note);
                    found += 1;
                }
            }
            if !used {
                break;
            }
            first = first.saturating_add(VISITS_GAP);
        }
        self.wallet
            .go_on(hospital, sealed.saturating_add(RECOVERY_STEP));
        Ok(found)
    }

    async fn recover_grants<T: Transport>(
        &mut self,
        session: &Session<T>,
    ) -> Result<usize, ClientError> {
        let (mut counter, mut gap, mut found) = (0_u32, 0, 0);
        while gap < GRANTS_GAP {
            let controller = self.keys.grant(counter).verifying_key();
            let grant = yilian_protocol::grant::grant_id(&controller);
            match session.find_grant(grant).await? {
                Some(_) if self.wallet.grants.iter().any(|note| note.grant == grant) => gap = 0,
                Some(_) => {
                    self.wallet.grants.push(GrantNote {
                        grant,
                        counter,
                        terms: None,
                        answers: None,
                        given_up: false,
                    });
                    (gap, found) = (0, found + 1);
                }
                None => gap += 1,
            }
            counter = counter.saturating_add(1);
        }
        let used = self
            .wallet
            .grants
            .iter()
            .map(|note| note.counter.saturating_add(1))
            .max();
        self.wallet.grant_counter = self.wallet.grant_counter.max(used.unwrap_or(0));
        Ok(found)
    }

    /// The object of a record of the patient's own, its scope, and the secret that opens it.
    async fn own<T: Transport>(
        &self,
        session: &Session<T>,
        entry: &RecordEntry,
    ) -> Result<OwnObject, ClientError> {
        let record = entry.sealed.record;
        let note = self.note_of(entry)?;
        let object = session.object(entry).await?;
        let delegator = self.keys.hospital(note.hospital.as_bytes()).delegator;
        let public: DelegatorPublic = delegator.public();
        let scope = object
            .header()
            .scope(&public)
            .map_err(|source| ClientError::Sealed { record, source })?;
        Ok(OwnObject {
            secret: delegator.scope(&scope),
            scope,
            object,
        })
    }

    /// The visit that a record is of.
    fn note_of(&self, entry: &RecordEntry) -> Result<&VisitNote, ClientError> {
        let mut notes = self.wallet.visits.iter();
        let record = entry.sealed.record;
        notes
            .find(|note| note.hospital == entry.hospital && self.nym(note) == entry.nym)
            .ok_or(ClientError::NotMine { record })
    }

    fn nym(&self, note: &VisitNote) -> Nym {
        self.visit_keys(note.hospital, note.counter).nym
    }

    fn visit_keys(&self, hospital: MemberId, counter: u32) -> VisitKeys {
        self.keys.visit(hospital.as_bytes(), counter)
    }
}

struct OwnObject {
    object: SealedObject,
    scope: Scope,
    secret: ScopeSecret,
}

impl OwnObject {
    /// Opens the record of `entry`, and checks its author and that it is of the scope it says.
    async fn open<T: Transport>(
        &self,
        session: &Session<T>,
        entry: &RecordEntry,
    ) -> Result<Verified, ClientError> {
        let record = entry.sealed.record;
        let proven = self.prove(session.chain(), record)?;
        let key = self.secret.decapsulate(&proven);
        let verified = open_verified(session, entry, &self.object, &key).await?;
        self.of_scope(record, verified.scope())?;
        Ok(verified)
    }

    /// The same, with the author looked up among all people.
    fn open_among(
        &self,
        chain: ChainId,
        entry: &RecordEntry,
        proven: &ProvenCapsule,
        registry: &[Organisation],
    ) -> Result<Verified, ClientError> {
        let record = entry.sealed.record;
        let authored = self.object.open(&self.secret.decapsulate(proven));
        let authored = authored.map_err(|source| ClientError::Sealed { record, source })?;
        let author = people::certified(registry, authored.author())?;
        let verified = by_author(chain, entry, authored, &author)?;
        self.of_scope(record, verified.scope())?;
        Ok(verified)
    }

    fn prove(&self, chain: ChainId, record: RecordId) -> Result<ProvenCapsule, ClientError> {
        let proven = self.object.verify(chain, &self.secret.key());
        proven.map_err(|source| ClientError::Sealed { record, source })
    }

    fn of_scope(&self, record: RecordId, signed: &Scope) -> Result<(), ClientError> {
        if *signed != self.scope {
            let source = SealedError::OtherScope;
            return Err(ClientError::Sealed { record, source });
        }
        Ok(())
    }
}
