//! What a patient gives a reader: a share of one record, or the letter of a standing grant.
//!
//! Both hold secrets (docs/PROTOCOL.md 11), so they travel as [`SealedLetter`]s, which only
//! the reader's certified key opens. As a file it is JSON with a few words for people and the
//! sealed bytes in hex digits. Neither opens a record without the reader's delegatee key besides.

use std::marker::PhantomData;

use rand_core::CryptoRng;
use yilian_crypto::{
    kem::{KemPublic, KemSecret},
    pre::{Blind, ScopeKey},
    psk::{RecordPsk, ScopePsk},
};
use zeroize::Zeroizing;

use crate::{
    call::Reencapsulated,
    codec::{Blob, Decode, DecodeError, Encode, List, canonical},
    grant::Terms,
    ids::{CertificateId, ChainId, GrantId, RecordId},
    limits::{LETTER_MAX, LETTER_RECORDS_MAX, SCOPES_MAX},
};

/// One record, turned towards one reader, once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Share {
    /// The chain the record is on.
    pub chain: ChainId,
    /// The record.
    pub record: RecordId,
    /// The one who can open it.
    pub reader: CertificateId,
    /// The scope it is in; lets the reader recognise that scope's capsules.
    pub scope: ScopeKey,
    /// The record's secret; it opens no other record of the scope.
    pub secret: RecordPsk,
    /// The record's capsule, turned towards the reader.
    pub capsule: Reencapsulated,
    /// What the rekey was blinded with, when a node turned the capsule.
    pub blind: Option<Blind>,
}
canonical!(Share {
    chain,
    record,
    reader,
    scope,
    secret,
    capsule,
    blind
});

/// What a standing grant allows its reader, in the patient's own words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Letter {
    /// The chain the grant is on.
    pub chain: ChainId,
    /// The grant.
    pub grant: GrantId,
    /// What it allows.
    pub terms: Terms,
    /// The secret of each scope of the terms, in their order. None for an emergency grant: its key
    /// holders hand out shares of them when two clinicians have opened it.
    pub secrets: List<ScopePsk, SCOPES_MAX>,
    /// The records that exist so far; a later letter names later ones.
    pub records: List<LetterRecord, LETTER_RECORDS_MAX>,
}
canonical!(Letter {
    chain,
    grant,
    terms,
    secrets,
    records
});

impl Letter {
    /// The secret of `scope`, if the letter has it.
    #[must_use]
    pub fn secret(&self, scope: &ScopeKey) -> Option<&ScopePsk> {
        let mut pairs = self.terms.scopes.iter().zip(self.secrets.iter());
        let found = pairs.find(|(named, _)| named.key == *scope);
        found.map(|(_, secret)| secret)
    }
}

/// A record that a letter names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LetterRecord {
    /// The record.
    pub record: RecordId,
    /// The scope it is in.
    pub scope: ScopeKey,
}
canonical!(LetterRecord { record, scope });

/// What can be sealed to a reader.
pub trait ToReader: Encode + Decode {
    /// What tells its kind from the others: no letter opens as another kind.
    const KIND: &'static str;

    /// The chain it is about.
    fn chain(&self) -> ChainId;
}

impl ToReader for Share {
    const KIND: &'static str = "share";

    fn chain(&self) -> ChainId {
        self.chain
    }
}

impl ToReader for Letter {
    const KIND: &'static str = "letter";

    fn chain(&self) -> ChainId {
        self.chain
    }
}

/// A share or letter that only its reader can open.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields, bound = "T: ToReader")]
pub struct SealedLetter<T> {
    kind: Kind<T>,
    /// The chain it is about.
    pub chain: ChainId,
    /// The certificate of the one who can open it.
    pub reader: CertificateId,
    /// The letter, see [`yilian_crypto::kem`].
    pub sealed: Blob<LETTER_MAX>,
}

/// What a letter is, as its file says: for people, who may take one for another.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Kind<T>(PhantomData<T>);

impl<T: ToReader> serde::Serialize for Kind<T> {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(T::KIND)
    }
}

impl<'de, T: ToReader> serde::Deserialize<'de> for Kind<T> {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let kind = String::deserialize(deserializer)?;
        if kind == T::KIND {
            return Ok(Self(PhantomData));
        }
        Err(serde::de::Error::custom(format_args!(
            "it says `{kind}`, not `{}`",
            T::KIND
        )))
    }
}

impl<T: ToReader> SealedLetter<T> {
    /// Seals `letter` to `key`, which is certified as `reader`.
    ///
    /// # Errors
    /// [`DecodeError::TooLong`] over [`LETTER_MAX`].
    pub fn seal(
        letter: &T,
        (reader, key): (CertificateId, &KemPublic),
        rng: &mut impl CryptoRng,
    ) -> Result<Self, DecodeError> {
        let chain = letter.chain();
        let plain = Zeroizing::new(letter.to_vec());
        let sealed = key.seal(&Self::bound(chain, reader), &plain, rng);
        let sealed = sealed.map_err(|_| DecodeError::Invalid {
            what: "letter (it is too large)",
        })?;
        Ok(Self {
            chain,
            reader,
            sealed: Blob::new(sealed)?,
            kind: Kind(PhantomData),
        })
    }

    /// Opens it with the reader's secret.
    ///
    /// # Errors
    /// [`LetterError`] tells whether it is for another, of another kind, or no letter at all.
    pub fn open(&self, secret: &KemSecret) -> Result<T, LetterError> {
        let bound = Self::bound(self.chain, self.reader);
        let opened = secret.open(&bound, self.sealed.as_slice());
        let letter = T::from_slice(&opened.map_err(LetterError::Sealed)?);
        let letter = letter.map_err(LetterError::Malformed)?;
        if letter.chain() == self.chain {
            Ok(letter)
        } else {
            Err(LetterError::Malformed(DecodeError::Invalid {
                what: "letter (it is about another chain)",
            }))
        }
    }

    fn bound(chain: ChainId, reader: CertificateId) -> Vec<u8> {
        let mut bound = T::KIND.as_bytes().to_vec();
        chain.encode(&mut bound);
        reader.encode(&mut bound);
        bound
    }
}

/// Why a share or letter does not open.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum LetterError {
    /// It was sealed to another key, is of another kind, or was damaged.
    #[error("it does not open with this reader's key: {0}")]
    Sealed(yilian_crypto::Error),
    /// What was sealed is no such letter; the sender's fault.
    #[error("what it holds is no letter: {0}")]
    Malformed(DecodeError),
}
