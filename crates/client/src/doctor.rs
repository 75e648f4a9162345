//! A doctor at a hospital: takes the patient's visit token, writes the record, and reads what patients open.

use rand_core::CryptoRng;
use yilian_crypto::{
    pre::{RecordKey, ScopeKey},
    seed::{MemberKeys, Seed},
};
use yilian_protocol::{
    CertificateId, Confidentiality, MemberId, RecordId, TimeMs,
    authored::{Authored, Verified},
    grant::{Ask, Purpose, SignedAsk},
    receipt::Receipt,
    registry::Certificate,
    sealed::SealedObject,
    transport::{RecordEntry, Reencapsulated, SealRequest, Transport},
    visit::{CheckedVisit, VisitToken},
};

use crate::{
    ClientError, Session,
    share::{Letter, Share},
};

/// A certified doctor with his keys.
#[derive(Debug)]
pub struct Doctor {
    keys: MemberKeys,
    certificate: CertificateId,
    member: MemberId,
}

/// A part of a visit's record, before it is signed.
#[derive(Clone, PartialEq, Eq)]
pub struct Draft {
    /// How sensitive it is: the scope it will be sealed under.
    pub confidentiality: Confidentiality,
    /// The FHIR resources, in canonical bytes.
    pub content: Vec<u8>,
}

impl std::fmt::Debug for Draft {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            f,
            "Draft({:?}, {} bytes)",
            self.confidentiality,
            self.content.len()
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
        })
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
        for draft in drafts {
            objects.push(self.seal_one(session, visit, draft, now, rng)?);
        }
        let records = objects.iter().map(|object| object.cid().record()).collect();
        let bytes = objects.iter().map(|object| object.as_bytes().len()).sum();
        let request = SealRequest::sign(
            session.chain(),
            self.member,
            visit.visit().nym,
            objects,
            self.certificate,
            &self.keys.signing,
        )?;
        let receipt = session.seal(request).await?;
        Ok(SealedVisit {
            records,
            bytes,
            receipt,
        })
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
