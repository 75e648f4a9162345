//! A doctor at a hospital: takes the patient's visit token, writes the record, and reads what patients open.

use std::{
    collections::BTreeMap,
    sync::{Mutex, MutexGuard, PoisonError},
};

use rand_core::CryptoRng;
use yilian_crypto::{
    pre::{RecordKey, ScopeKey},
    search::{Counter, IndexEntry, IndexKey, Keyword, KeywordKey, padded},
    seed::{MemberKeys, Seed},
};
use yilian_protocol::{
    CertificateId, Confidentiality, MemberId, RecordId, TimeMs,
    authored::{Authored, Verified},
    grant::{Ask, Purpose, SignedAsk},
    receipt::Receipt,
    refusal::Refusal,
    registry::Certificate,
    sealed::SealedObject,
    search::RecordIndex,
    transport::{RecordEntry, Reencapsulated, SealRequest, Transport},
    visit::{CheckedVisit, VisitToken},
};

use crate::{
    ClientError, Session,
    search::{self, Hit, SearchLetter},
    share::{Letter, Share},
};

/// How often a visit's entries are numbered anew.
const ATTEMPTS_MAX: u32 = 3;

/// A certified doctor with his keys.
#[derive(Debug)]
pub struct Doctor {
    keys: MemberKeys,
    certificate: CertificateId,
    member: MemberId,
    notes: Mutex<WriterNotes>,
}

/// How many index entries a writer has made of each keyword, patient and quarter, by names that say nothing without his key. Lost notes are counted
/// anew on the chain; with them the node is not asked about earlier entries.
#[derive(Debug, Clone, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(transparent)]
pub struct WriterNotes(BTreeMap<String, u32>);

/// A part of a visit's record, before it is signed.
#[derive(Clone, PartialEq, Eq)]
pub struct Draft {
    /// How sensitive it is: the scope it will be sealed under.
    pub confidentiality: Confidentiality,
    /// The FHIR resources, in canonical bytes.
    pub content: Vec<u8>,
    /// What the patient shall find it by; each once, at most 64.
    pub keywords: Vec<Keyword>,
}

impl std::fmt::Debug for Draft {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            f,
            "Draft({:?}, {} bytes, {} keywords)",
            self.confidentiality,
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
        let keys = MemberKeys::from_seed(seed);
        let mine = keys.signing.verifying_key() == certificate.signing
            && keys.delegatee.public() == certificate.delegatee;
        if !mine {
            return Err(ClientError::NotForMe {
                reader: certificate.id(),
            });
        }
        Ok(Self {
            keys,
            certificate: certificate.id(),
            member: certificate.member,
            notes: Mutex::default(),
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
        let regulators = &session.genesis().regulators;
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
            let request = SealRequest::sign(
                session.chain(),
                self.member,
                visit.visit().nym,
                objects.clone(),
                index,
                self.certificate,
                &self.keys.signing,
            )?;
            match session.seal(request).await {
                Ok(receipt) => {
                    self.locked_notes().0.extend(used);
                    return Ok(SealedVisit {
                        records,
                        bytes,
                        receipt,
                    });
                }
                // The notes are lost or behind, or another device of this doctor was faster: count anew.
                Err(error)
                    if error.refusal() == Some(Refusal::IndexTaken) && attempts < ATTEMPTS_MAX =>
                {
                    attempts += 1;
                    self.count_anew(session, &found_by).await?;
                }
                Err(error) => return Err(error),
            }
        }
    }

    /// The keys of a record's keywords.
    fn keyword_keys(&self, visit: &CheckedVisit, keywords: &[Keyword]) -> Vec<KeywordKey> {
        let visit = visit.visit();
        let (search, hospital) = (&visit.search, visit.hospital.as_bytes());
        let key = IndexKey::of_writer(&self.keys.writer, search, hospital, visit.period);
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

    /// The records that a patient's letter finds, oldest first. To open one the doctor needs a share or a grant besides.
    ///
    /// # Errors
    /// When the node keeps entries back, or does not answer.
    pub async fn search<T: Transport>(
        &self,
        session: &Session<T>,
        letter: &SearchLetter,
    ) -> Result<Vec<Hit>, ClientError> {
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
            draft.content,
            rng,
        );
        Ok(SealedObject::seal(&authored, visit, rng)?)
    }

    /// Opens a record that the patient shared once, and checks its author.
    ///
    /// # Errors
    /// When the share is for another reader, or the record or its author do not hold.
    pub async fn open_share<T: Transport>(
        &self,
        session: &Session<T>,
        share: &Share,
    ) -> Result<Verified, ClientError> {
        if share.reader != self.certificate {
            return Err(ClientError::NotForMe {
                reader: share.reader,
            });
        }
        let entry = session.record(share.record).await?;
        self.open(session, &entry, &share.scope, share.capsule.clone())
            .await
    }

    /// Reads a record under a standing grant: asks a key holder, opens what he answers, and checks the author.
    ///
    /// # Errors
    /// The rule by which the key holder refuses, or what is wrong with the record.
    pub async fn read<T: Transport>(
        &self,
        session: &Session<T>,
        letter: &Letter,
        record: RecordId,
        now: TimeMs,
    ) -> Result<Verified, ClientError> {
        let named = letter.records.iter().find(|named| named.record == record);
        let scope = named.ok_or(ClientError::NotInLetter { record })?.scope;
        let ask = Ask {
            grant: letter.grant,
            record,
            scope,
            reader: self.certificate,
            purpose: Purpose::Treatment,
            asked_at: now,
        };
        let signed = SignedAsk::sign(session.chain(), ask, &self.keys.signing);
        let capsule = session.ask(signed).await?;
        let entry = session.record(record).await?;
        self.open(session, &entry, &scope, capsule).await
    }

    async fn open<T: Transport>(
        &self,
        session: &Session<T>,
        entry: &RecordEntry,
        scope: &ScopeKey,
        capsule: Reencapsulated,
    ) -> Result<Verified, ClientError> {
        let object = session.object(entry).await?;
        let context = object.header().context(scope);
        let key = self.keys.delegatee.decapsulate(&capsule.into(), &context);
        open_verified(session, entry, &object, &key).await
    }
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
    let author = session.certificate(authored.author()).await?;
    authored
        .verify(&author, session.chain(), &entry.nym, entry.admitted)
        .map_err(|source| ClientError::Author { record, source })
}
