//! A doctor at a hospital: takes the patient's visit token, writes the record, and reads what
//! patients open.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Mutex, MutexGuard, PoisonError},
};

use rand_core::CryptoRng;
use yilian_crypto::{
    pre::{
        DelegateePublic, GtReencapsulation, HolderIndex, Partial, PartialContext, ProvenCapsule,
        RecordKey, ScopeKey, combine,
    },
    psk::{ScopePsk, SecretShare},
    search::{Counter, IndexContext, IndexEntry, IndexKey, Keyword, KeywordKey, padded},
    seed::{MemberKeys, Seed},
    shamir,
};
use yilian_protocol::{
    CertificateId, ChainId, Confidentiality, GrantId, MemberId, RecordId, TimeMs,
    authored::{Authored, Verified},
    call::{RecordEntry, SealRequest, Transport},
    codec::Text,
    grant::{
        Ask, Clinician, Grant, GrantedScope, HolderAsk, Opening, SecretOf, SignedAsk, SignedPartial,
    },
    letter::ToReader,
    limits::REASON_MAX,
    media::MediaType,
    private_chain::PrivateBlock,
    receipt::Receipt,
    refusal::Refusal,
    registry::Certificate,
    sealed::SealedObject,
    search::RecordIndex,
    standing::CertifiedPerson,
    tx::Body,
    visit::{CheckedVisit, VisitToken},
};

use crate::{
    ClientError, Session,
    people::{are_keys_of, own_keys},
    sealing::KeepRequest,
    search::{self, Hits, SearchLetter},
    share::{Letter, SealedLetter, Share},
};

mod mail;

pub use mail::ReadWish;

/// How often a visit's entries are numbered anew.
const ATTEMPTS_MAX: u32 = 3;

/// A certified doctor with his keys.
#[derive(Debug)]
pub struct Doctor {
    keys: MemberKeys,
    certificate: CertificateId,
    member: MemberId,
    notes: Mutex<WriterNotes>,
    /// His other certificates, as far as they were asked for.
    others: Mutex<BTreeSet<CertificateId>>,
}

/// How many index entries a writer has made of each keyword, patient and quarter, by names that say
/// nothing without his key. Lost notes are counted anew on the chain; with them the node is not
/// asked about earlier entries.
#[derive(Debug, Clone, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(transparent)]
pub struct WriterNotes(BTreeMap<String, u32>);

/// A part of a visit's record, before it is signed.
#[derive(Clone, PartialEq, Eq)]
pub struct Draft {
    /// How sensitive it is: the scope it will be sealed under.
    pub confidentiality: Confidentiality,
    /// What the content is; signed with it.
    pub media: MediaType,
    /// The content: of FHIR, the resources in canonical bytes.
    pub content: Vec<u8>,
    /// What the patient shall find it by; each once, at most the largest of
    /// [`yilian_crypto::search::PADDINGS`].
    pub keywords: Vec<Keyword>,
}

impl std::fmt::Debug for Draft {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            f,
            "Draft({:?}, {}, {} bytes, {} keywords)",
            self.confidentiality,
            self.media,
            self.content.len(),
            self.keywords.len()
        )
    }
}

/// A visit's records, final on the chain.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SealedVisit {
    /// The records, in the order of the drafts.
    pub records: Vec<RecordId>,
    /// Bytes of their sealed objects.
    pub bytes: usize,
    /// The proof that they are final.
    pub receipt: Receipt,
}

impl Doctor {
    /// The doctor whose keys come from `seed` and were certified as `certificate`.
    ///
    /// # Errors
    /// [`ClientError::NotForMe`] when the certificate is for other keys.
    pub fn new(seed: &Seed, certificate: &Certificate) -> Result<Self, ClientError> {
        Ok(Self {
            keys: own_keys(seed, certificate)?,
            certificate: certificate.id(),
            member: certificate.member,
            notes: Mutex::default(),
            others: Mutex::default(),
        })
    }

    /// The doctor with the notes that he kept.
    #[must_use]
    pub fn with_notes(self, notes: WriterNotes) -> Self {
        Self {
            notes: Mutex::new(notes),
            ..self
        }
    }

    /// What the doctor's device shall remember.
    #[must_use]
    pub fn notes(&self) -> WriterNotes {
        self.locked_notes().clone()
    }

    fn locked_notes(&self) -> MutexGuard<'_, WriterNotes> {
        self.notes.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The doctor's certificate.
    #[must_use]
    pub const fn certificate(&self) -> CertificateId {
        self.certificate
    }

    /// Checks a patient in: all that the token claims is verified.
    ///
    /// # Errors
    /// What is wrong with the token.
    pub fn check_in<T>(
        &self,
        session: &Session<T>,
        token: &VisitToken,
        now: TimeMs,
    ) -> Result<CheckedVisit, ClientError>
    where
        T: Transport,
    {
        let regulators = &session.genesis().regulators.key;
        Ok(token.check(session.chain(), self.member, regulators, now)?)
    }

    /// Signs and seals `drafts` for the visit, and has the hospital's node put them onto the chain.
    ///
    /// # Errors
    /// When a part is over its limit, or the node or ledger refuses.
    pub async fn seal<T: Transport>(
        &self,
        session: &Session<T>,
        visit: &CheckedVisit,
        drafts: Vec<Draft>,
        now: TimeMs,
        rng: &mut impl CryptoRng,
    ) -> Result<SealedVisit, ClientError> {
        let keep = |_: &SealRequest| Ok(());
        self.seal_kept(session, visit, drafts, now, rng, keep).await
    }

    /// The same, and `keep` gets each request before it is sent: a device that keeps it can go on
    /// after a break, see [`crate::sealing`].
    ///
    /// # Errors
    /// As [`Doctor::seal`], or what `keep` fails with; then nothing was sent.
    pub async fn seal_kept<T: Transport, E: From<ClientError>>(
        &self,
        session: &Session<T>,
        visit: &CheckedVisit,
        drafts: Vec<Draft>,
        now: TimeMs,
        rng: &mut impl CryptoRng,
        mut keep: impl KeepRequest<E>,
    ) -> Result<SealedVisit, E> {
        // What is proven comes first: the time is compared with it.
        let bound = session.find_visit(&visit.visit().nym).await?.is_some();
        let now = session.time_to_sign(now).await?;
        let mut objects = Vec::with_capacity(drafts.len());
        let mut found_by = Vec::with_capacity(drafts.len());
        for draft in drafts {
            found_by.push(self.keyword_keys(visit, &draft.keywords));
            objects.push(self.seal_one(session, visit, draft, now, rng)?);
        }
        let records: Vec<RecordId> = objects.iter().map(|object| object.cid().record()).collect();
        let bytes = objects.iter().map(|object| object.as_bytes().len()).sum();
        let mut attempts = 0;
        loop {
            let (index, used) = self.index(&records, &found_by, rng)?;
            let author = (self.certificate, &self.keys.signing);
            let request = SealRequest::sign(visit, bound, objects.clone(), index, author);
            let request = request.map_err(ClientError::from)?;
            keep.keep(&request).await?;
            match session.seal(request).await {
                Ok(receipt) => {
                    self.locked_notes().0.extend(used);
                    return Ok(SealedVisit {
                        records,
                        bytes,
                        receipt,
                    });
                }
                // The notes are lost or behind, or another device of this doctor was faster: count
                // anew.
                Err(error)
                    if error.refusal() == Some(Refusal::IndexTaken) && attempts < ATTEMPTS_MAX =>
                {
                    attempts += 1;
                    self.count_anew(session, &found_by).await?;
                }
                Err(error) => return Err(error.into()),
            }
        }
    }

    /// The keys of a record's keywords.
    fn keyword_keys(&self, visit: &CheckedVisit, keywords: &[Keyword]) -> Vec<KeywordKey> {
        let visit = visit.visit();
        let context = IndexContext {
            psk: &visit.search_secret,
            chain: visit.chain.as_bytes(),
            hospital: visit.hospital.as_bytes(),
            quarter: visit.period,
        };
        let key = IndexKey::of_writer(&self.keys.writer, &visit.search, &context);
        keywords
            .iter()
            .map(|keyword| key.keyword(keyword))
            .collect()
    }

    /// The index of each record, and the notes as they are once it is final.
    fn index(
        &self,
        records: &[RecordId],
        found_by: &[Vec<KeywordKey>],
        rng: &mut impl CryptoRng,
    ) -> Result<(Vec<RecordIndex>, BTreeMap<String, u32>), ClientError> {
        let notes = self.notes();
        let mut used = BTreeMap::new();
        let mut index = Vec::with_capacity(records.len());
        for (record, keys) in records.iter().zip(found_by) {
            let mut entries = Vec::with_capacity(keys.len());
            for key in keys {
                let name = hex::encode(key.note());
                let before = notes.0.get(&name).copied().unwrap_or(0);
                let count = used.entry(name).or_insert(before);
                let counter = Counter::after(*count)?;
                entries.push(IndexEntry::seal(key, counter, record.as_bytes()));
                *count += 1;
            }
            index.push(RecordIndex::new(padded(entries, rng)?)?);
        }
        Ok((index, used))
    }

    async fn count_anew<T: Transport>(
        &self,
        session: &Session<T>,
        found_by: &[Vec<KeywordKey>],
    ) -> Result<(), ClientError> {
        let keys: Vec<&KeywordKey> = found_by.iter().flatten().collect();
        let counts = search::count(session, self.member, &keys).await?;
        let notes = keys.iter().map(|key| hex::encode(key.note())).zip(counts);
        self.locked_notes().0.extend(notes);
        Ok(())
    }

    /// The records that a patient's letter finds, oldest first. To open one the doctor needs a
    /// share or a grant besides.
    ///
    /// # Errors
    /// When the node keeps entries back, or does not answer.
    pub async fn search<T: Transport>(
        &self,
        session: &Session<T>,
        letter: &SearchLetter,
    ) -> Result<Hits, ClientError> {
        search::hits(session, letter).await
    }

    fn seal_one<T: Transport>(
        &self,
        session: &Session<T>,
        visit: &CheckedVisit,
        draft: Draft,
        now: TimeMs,
        rng: &mut impl CryptoRng,
    ) -> Result<SealedObject, ClientError> {
        let authored = Authored::sign(
            self.certificate,
            &self.keys.signing,
            session.chain(),
            visit.visit().nym,
            visit.scope(draft.confidentiality),
            now,
            (draft.media, draft.content),
            rng,
        );
        Ok(SealedObject::seal(&authored, visit, rng)?)
    }

    /// Opens a record that the patient shared once, and checks its author.
    ///
    /// # Errors
    /// When the share is for another reader or chain, or the record or its author do not hold.
    pub async fn open_share<T: Transport>(
        &self,
        session: &Session<T>,
        share: &SealedLetter<Share>,
    ) -> Result<(RecordId, Verified), ClientError> {
        let share = self.unseal(session, share).await?;
        self.opened(session, share).await
    }

    /// Opens a record with a share.
    async fn opened<T: Transport>(
        &self,
        session: &Session<T>,
        share: Share,
    ) -> Result<(RecordId, Verified), ClientError> {
        session.same_chain(Share::KIND, share.chain)?;
        self.is_me(session, share.reader).await?;
        let entry = session.record(share.record).await?;
        let verified = self.open(session, &entry, share).await?;
        Ok((entry.sealed.record, verified))
    }

    /// Opens a share or letter that was sealed to this doctor.
    ///
    /// # Errors
    /// [`ClientError::NotForMe`] when it is for another, [`ClientError::ForeignChain`] when it is
    /// about another chain, [`ClientError::Letter`] when it does not open.
    pub async fn unseal<T: Transport, L: ToReader>(
        &self,
        session: &Session<T>,
        letter: &SealedLetter<L>,
    ) -> Result<L, ClientError> {
        session.same_chain(L::KIND, letter.chain)?;
        self.is_me(session, letter.reader).await?;
        session.unseal(letter, letter.reader, &self.keys.kem)
    }

    /// Whether what is for `reader` is for this doctor: it is his certificate, or another of his
    /// member's for the very same keys, of before it was renewed or after. All of the member's are
    /// looked at, once, so no node learns which.
    async fn is_me<T: Transport>(
        &self,
        session: &Session<T>,
        reader: CertificateId,
    ) -> Result<(), ClientError> {
        if reader == self.certificate || self.others().contains(&reader) {
            return Ok(());
        }
        let known = session.certificates(self.member).await?;
        let mut known = known.iter().map(|entry| &entry.certificate);
        let found = known.find(|certificate| certificate.id() == reader);
        if !found.is_some_and(|certificate| are_keys_of(&self.keys, certificate)) {
            return Err(ClientError::NotForMe { reader });
        }
        self.others().insert(reader);
        Ok(())
    }

    fn others(&self) -> MutexGuard<'_, BTreeSet<CertificateId>> {
        self.others.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether a letter is for this doctor, and of the grant that it names.
    async fn granted<T: Transport>(
        &self,
        session: &Session<T>,
        letter: &Letter,
    ) -> Result<(), ClientError> {
        session.same_chain(Letter::KIND, letter.chain)?;
        self.is_me(session, letter.terms.reader).await?;
        of_grant(letter, &session.grant(letter.grant).await?.grant)
    }

    /// Whether a letter is of `grant`, as the chain has the one that it names, and for this doctor.
    ///
    /// # Errors
    /// [`ClientError::ForeignChain`], [`ClientError::OtherTerms`] or [`ClientError::NotForMe`] when
    /// it is not; else when the node does not answer.
    pub async fn check_letter<T: Transport>(
        &self,
        session: &Session<T>,
        letter: &Letter,
        grant: &Grant,
    ) -> Result<(), ClientError> {
        session.same_chain(Letter::KIND, letter.chain)?;
        of_grant(letter, grant)?;
        self.is_me(session, letter.terms.reader).await
    }

    /// Reads a record under a standing grant: asks key holders until their parts make a whole,
    /// opens it, and checks the author. Holders whose part is not of their share are found out and
    /// left aside; nobody is accused of what his node did not sign.
    ///
    /// A grant to a certificate of before it was renewed is read under that one, as long as it is
    /// good.
    ///
    /// # Errors
    /// [`ClientError::NotForMe`] when the grant is to another reader, [`ClientError::OtherTerms`]
    /// when the letter is not of the grant that it names, the rule by which key holders refuse,
    /// [`ClientError::EarlierCertificate`] when it is that the certificate of before has ended,
    /// [`ClientError::FalsePartial`] when too many answered falsely, or what is wrong with the
    /// record.
    pub async fn read<T: Transport>(
        &self,
        session: &Session<T>,
        letter: &Letter,
        record: RecordId,
        now: TimeMs,
        rng: &mut impl CryptoRng,
    ) -> Result<Reading, ClientError> {
        let named = letter.records.iter().find(|named| named.record == record);
        let scope = named.ok_or(ClientError::NotInLetter { record })?.scope;
        let granted = letter.terms.scope(&scope);
        let granted = granted.ok_or(ClientError::NotInLetter { record })?;
        self.is_me(session, letter.terms.reader).await?;
        let ask = self.signed_ask(session.chain(), letter, (record, scope), now);
        let grant = session.grant(letter.grant).await?.grant;
        of_grant(letter, &grant)?;
        let entry = session.record(record).await?;
        let object = session.object(&entry).await?;
        let proven = object.verify(session.chain(), &scope);
        let proven = proven.map_err(|source| ClientError::Sealed { record, source })?;
        let mut gathering = Gathering {
            capsule: &proven,
            scope: granted,
            delegatee: self.keys.delegatee.public(),
            secret: letter.secret(&scope),
            parts: Vec::new(),
            wrong: Vec::new(),
        };
        let mut refused = None;
        for holder in grant.holders.iter() {
            let Some(index) = grant.holder_index(*holder) else {
                continue;
            };
            match self.answer(session, &ask, (&grant, *holder), rng).await {
                Ok(Some((partial, share))) => gathering.parts.push(Part {
                    holder: *holder,
                    index,
                    partial,
                    share,
                }),
                Ok(None) => gathering.wrong.push(*holder),
                Err(error) => refused = more_telling(refused, error),
            }
            let Some((whole, secret)) = gathering.whole()? else {
                continue;
            };
            let (whole, secret) = (whole.into(), secret.record(proven.capsule()));
            let delegatee = &self.keys.delegatee;
            let key = delegatee.decapsulate(&whole, &secret, proven.context());
            match open_verified(session, &entry, &object, &key).await {
                // Somebody's part is wrong: others are asked. If none is, the object itself is.
                Err(ClientError::Sealed { .. }) if gathering.sift() => {}
                opened => {
                    return Ok(Reading {
                        verified: opened?,
                        wrong: gathering.wrong,
                    });
                }
            }
        }
        match (gathering.wrong.first(), refused) {
            (Some(holder), _) => Err(ClientError::FalsePartial { holder: *holder }),
            (None, Some(refused)) => Err(self.of_renewed(letter.terms.reader, refused)),
            (None, None) => Err(Refusal::NotKeyHolder.into()),
        }
    }

    /// Why the doctor, who was granted something as `reader`, reads nothing: said of that
    /// certificate, if it is not his of now.
    fn of_renewed(&self, reader: CertificateId, error: ClientError) -> ClientError {
        match error.refusal() {
            Some(rule @ (Refusal::CertificateExpired | Refusal::CertificateRevoked))
                if reader != self.certificate =>
            {
                ClientError::EarlierCertificate {
                    reader,
                    own: self.certificate,
                    rule,
                }
            }
            _ => error,
        }
    }

    fn signed_ask(
        &self,
        chain: ChainId,
        letter: &Letter,
        (record, scope): (RecordId, ScopeKey),
        asked_at: TimeMs,
    ) -> SignedAsk {
        let ask = Ask {
            grant: letter.grant,
            record,
            scope,
            reader: letter.terms.reader,
            purpose: letter.terms.purpose,
            asked_at,
        };
        SignedAsk::sign(chain, ask, &self.keys.signing)
    }

    /// Asks a holder for its part. `None` when what it answered is none: that is its own fault,
    /// since its node signed it. An answer that its node did not sign is nobody's: whoever passed
    /// it on may have changed it.
    async fn answer<T: Transport>(
        &self,
        session: &Session<T>,
        ask: &SignedAsk,
        (grant, holder): (&Grant, MemberId),
        rng: &mut impl CryptoRng,
    ) -> Result<Option<(Partial, Option<SecretShare>)>, ClientError> {
        let node = session.member(holder).await?.member;
        let asked = HolderAsk::seal(session.chain(), ask, (holder, &node.kem), rng)?;
        let (sealed, chain) = (session.ask(asked).await?, session.chain());
        let opened = sealed.open(chain, ask, &self.keys.kem).ok();
        let signed = opened.filter(|signed| signed.verify(chain, ask, &node.node).is_ok());
        let signed = signed.ok_or(ClientError::WrongAnswer { request: "ask" })?;
        Ok(Self::part(chain, ask, (grant, holder), signed).ok())
    }

    /// A holder's answer: its partial, and its share of the scope's secret when it holds one. That
    /// share's patient's signature is checked.
    fn part(
        chain: ChainId,
        ask: &SignedAsk,
        (grant, holder): (&Grant, MemberId),
        signed: SignedPartial,
    ) -> Result<(Partial, Option<SecretShare>), ClientError> {
        let (scope, secret) = (&ask.ask.scope, signed.secret);
        if let Some(secret) = &secret {
            let of = SecretOf {
                chain,
                grant: ask.ask.grant,
                holder,
                scope,
            };
            secret.verify(&of, &grant.controller)?;
        }
        if grant.emergency && secret.is_none() {
            // The deposit had one, or the holder would not have kept it.
            return Err(ClientError::FalsePartial { holder });
        }
        Ok((signed.partial, secret.map(|secret| secret.share)))
    }

    /// Checks the entries that wait in the private chain of the doctor's hospital, which others
    /// wrote, and has a block closed over those that are right, see
    /// [`crate::private_chain::check`].
    ///
    /// # Errors
    /// As there.
    pub async fn check_log<T: Transport>(
        &self,
        session: &Session<T>,
    ) -> Result<Option<PrivateBlock>, ClientError> {
        let checker = (self.certificate, &self.keys.signing);
        crate::private_chain::check(session, self.member, checker).await
    }

    /// Signs that an emergency grant has to be opened, for a second clinician to countersign.
    ///
    /// # Errors
    /// When the second clinician's certificate is not registered.
    pub async fn sign_opening<T: Transport>(
        &self,
        session: &Session<T>,
        grant: GrantId,
        second: CertificateId,
        reason: Text<REASON_MAX>,
        now: TimeMs,
    ) -> Result<Opening, ClientError> {
        let first = Clinician {
            certificate: self.certificate,
            member: self.member,
        };
        let second = Clinician {
            certificate: second,
            member: session.certificate(second).await?.certificate.member,
        };
        let (chain, key) = (session.chain(), &self.keys.signing);
        let both = (first, second);
        Ok(Opening::sign(chain, grant, both, reason, now, key))
    }

    /// Countersigns an opening by putting it onto the chain, where the patient will see it. The
    /// grant is served for a day from when the first clinician signed.
    ///
    /// # Errors
    /// [`ClientError::NotForMe`] when another is to countersign; else the rule by which the ledger
    /// refuses.
    pub async fn open_grant<T: Transport>(
        &self,
        session: &Session<T>,
        opening: Opening,
    ) -> Result<Receipt, ClientError> {
        self.is_me(session, opening.second.certificate).await?;
        let body = Body::Open(opening);
        session.order(body, &self.keys.signing).await
    }

    async fn open<T: Transport>(
        &self,
        session: &Session<T>,
        entry: &RecordEntry,
        share: Share,
    ) -> Result<Verified, ClientError> {
        let object = session.object(entry).await?;
        let context = object.header().context(session.chain(), &share.scope);
        let (capsule, delegatee) = (share.capsule.into(), &self.keys.delegatee);
        let key = match &share.blind {
            None => delegatee.decapsulate(&capsule, &share.secret, &context),
            Some(blind) => {
                let turned = (&capsule, blind);
                delegatee.decapsulate_blinded(turned, &share.secret, &context)
            }
        };
        open_verified(session, entry, &object, &key).await
    }
}

/// A record read under a standing grant.
#[derive(Debug)]
pub struct Reading {
    /// Its content, author checked.
    pub verified: Verified,
    /// Key holders that answered falsely; others sufficed.
    pub wrong: Vec<MemberId>,
}

/// Parts of a re-encapsulation, until they suffice.
struct Gathering<'a> {
    capsule: &'a ProvenCapsule,
    scope: &'a GrantedScope,
    delegatee: DelegateePublic,
    /// The scope's secret, when the letter has it; else it comes in shares.
    secret: Option<&'a ScopePsk>,
    parts: Vec<Part>,
    wrong: Vec<MemberId>,
}

/// What one holder answered.
struct Part {
    holder: MemberId,
    index: HolderIndex,
    partial: Partial,
    share: Option<SecretShare>,
}

impl Gathering<'_> {
    /// The whole and the scope's secret, once there are enough parts. Partials are not verified: a
    /// wrong one shows when the record does not open.
    fn whole(&self) -> Result<Option<(GtReencapsulation, ScopePsk)>, ClientError> {
        let threshold = self.scope.commitment.0.threshold();
        if self.parts.len() < threshold {
            return Ok(None);
        }
        let parts = self.parts.iter();
        let secret = match self.secret {
            Some(secret) => secret.clone(),
            None => {
                let shares = parts.clone();
                let shares = shares.filter_map(|part| Some((part.index, part.share.as_ref()?)));
                let shares: Vec<_> = shares.collect();
                if shares.len() < threshold {
                    return Ok(None);
                }
                shamir::join(&shares)?
            }
        };
        let parts: Vec<_> = parts.map(|part| (part.index, &part.partial)).collect();
        Ok(Some((combine(&parts)?, secret)))
    }

    /// Verifies every part, and leaves the wrong ones aside. Whether there were any.
    fn sift(&mut self) -> bool {
        let before = self.wrong.len();
        let Self {
            capsule,
            scope,
            delegatee,
            parts,
            wrong,
            ..
        } = self;
        parts.retain(|part| {
            let context = PartialContext {
                scope_key: &scope.key,
                delegatee,
                index: part.index,
                commitment: &scope.commitment.0,
            };
            let right = part.partial.verify(capsule, &context).is_ok();
            if !right {
                wrong.push(part.holder);
            }
            right
        });
        wrong.len() > before
    }
}

/// Whether the letter is of the grant as it stands on the chain. By the commitments of another one
/// every honest key holder would be found to lie.
fn of_grant(letter: &Letter, grant: &Grant) -> Result<(), ClientError> {
    let threshold = usize::from(grant.threshold);
    let mut scopes = letter.terms.scopes.iter();
    let as_many = scopes.all(|scope| scope.commitment.0.threshold() == threshold);
    match as_many && letter.terms.commitment() == grant.terms {
        true => Ok(()),
        false => Err(ClientError::OtherTerms {
            grant: letter.grant,
        }),
    }
}

/// A rule that refuses tells more than a node that cannot be reached, and any other rule more than
/// that of a wrong address.
fn more_telling(known: Option<ClientError>, error: ClientError) -> Option<ClientError> {
    let weight = |error: &ClientError| match error.refusal() {
        None => 0,
        Some(Refusal::NotKeyHolder) => 1,
        Some(_) => 2,
    };
    Some(match known {
        Some(known) if weight(&known) >= weight(&error) => known,
        _ => error,
    })
}

/// Opens `object` with its key and checks its author against the registry.
pub(crate) async fn open_verified<T: Transport>(
    session: &Session<T>,
    entry: &RecordEntry,
    object: &SealedObject,
    key: &RecordKey,
) -> Result<Verified, ClientError> {
    let record = entry.sealed.record;
    let authored = object
        .open(key)
        .map_err(|source| ClientError::Sealed { record, source })?;
    let author = session.person(authored.author()).await?;
    by_author(session.chain(), entry, authored, &author)
}

/// What `author` signed, when his signature and standing hold.
pub(crate) fn by_author(
    chain: ChainId,
    entry: &RecordEntry,
    authored: Authored,
    author: &CertifiedPerson,
) -> Result<Verified, ClientError> {
    let record = entry.sealed.record;
    authored
        .verify(author, chain, &entry.nym, entry.admitted)
        .map_err(|source| ClientError::Author { record, source })
}
