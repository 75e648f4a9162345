//! Index entries: what a writer puts onto the chain for each keyword of a record.

use rand_core::CryptoRng;
use zeroize::Zeroizing;

use super::{SearchPublic, SearchSecret, WriterPublic, WriterSecret, trapdoor::Node};
use crate::{
    Error,
    encoding::{debug_secret, field, opaque},
    hash::{hash, kdf},
    label,
    psk::SearchPsk,
    scope::Quarter,
};

/// Whose index an [`IndexKey`] is of, beside writer and patient.
#[derive(Debug, Clone, Copy)]
pub struct IndexContext<'a> {
    /// What the patient handed over with the visit token, of this hospital and quarter.
    pub psk: &'a SearchPsk,
    /// The chain, by its id.
    pub chain: &'a [u8; 32],
    /// The hospital, by its id.
    pub hospital: &'a [u8; 32],
    /// The quarter.
    pub quarter: Quarter,
}

/// The key of all entries of one writer for one patient at one hospital in one quarter.
pub struct IndexKey(Zeroizing<[u8; 32]>);

impl IndexKey {
    /// As the writer computes it.
    #[must_use]
    pub fn of_writer(
        writer: &WriterSecret,
        patient: &SearchPublic,
        context: &IndexContext<'_>,
    ) -> Self {
        let point = x25519_dalek::PublicKey::from(patient.to_bytes());
        let shared = writer.0.diffie_hellman(&point);
        Self::derive(shared.as_bytes(), &writer.public(), patient, context)
    }

    /// As the patient computes it.
    #[must_use]
    pub fn of_patient(
        patient: &SearchSecret,
        writer: &WriterPublic,
        context: &IndexContext<'_>,
    ) -> Self {
        let point = x25519_dalek::PublicKey::from(writer.to_bytes());
        let shared = patient.0.diffie_hellman(&point);
        Self::derive(shared.as_bytes(), writer, &patient.public(), context)
    }

    fn derive(
        shared: &[u8; 32],
        writer: &WriterPublic,
        patient: &SearchPublic,
        context: &IndexContext<'_>,
    ) -> Self {
        let parts: [&[u8]; 5] = [
            &writer.to_bytes(),
            &patient.to_bytes(),
            context.chain,
            context.hospital,
            &context.quarter.to_bytes(),
        ];
        let both = Zeroizing::new([shared.as_slice(), context.psk.expose()].concat());
        Self(kdf(label::SEARCH_INDEX_KEY, &both, &parts))
    }

    /// The key of one keyword.
    #[must_use]
    pub fn keyword(&self, keyword: &Keyword) -> KeywordKey {
        let bytes = keyword.as_str().as_bytes();
        KeywordKey(Zeroizing::new(hash(
            label::SEARCH_KEYWORD,
            &[self.0.as_slice(), bytes],
        )))
    }
}

impl std::fmt::Debug for IndexKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        debug_secret(f, "IndexKey", 32)
    }
}

/// A normalised keyword: 1 to 128 bytes of UTF-8 without control characters. How text is normalised
/// is decided where records are read.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Keyword(String);

impl Keyword {
    /// Bytes of the longest keyword.
    pub const MAX: usize = 128;

    /// Takes a normalised keyword.
    ///
    /// # Errors
    /// [`Error::Keyword`] when it is empty, too long, or holds control characters.
    pub fn new(text: impl Into<String>) -> Result<Self, Error> {
        let text = text.into();
        let fits = !text.is_empty() && text.len() <= Self::MAX;
        if !fits || text.chars().any(char::is_control) {
            return Err(Error::Keyword);
        }
        Ok(Self(text))
    }

    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl std::fmt::Debug for Keyword {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Keyword({} bytes)", self.0.len())
    }
}

/// The number of an entry of a keyword, from 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Counter(u16);

impl Counter {
    /// The entry after `used` others.
    ///
    /// # Errors
    /// [`Error::Counter`] from 65,536 on.
    pub fn after(used: u32) -> Result<Self, Error> {
        u16::try_from(used).map(Self).map_err(|_| Error::Counter)
    }

    pub(super) const fn get(self) -> u16 {
        self.0
    }
}

/// The key of one keyword's entries.
pub struct KeywordKey(Zeroizing<[u8; 32]>);

impl KeywordKey {
    pub(super) fn root(&self) -> Node {
        Node::root(hash(label::SEARCH_ROOT, &[self.0.as_slice()]))
    }

    /// The key of this keyword's cross tags. A trapdoor does not reveal it.
    #[must_use]
    pub fn cross(&self) -> CrossKey {
        CrossKey(Zeroizing::new(hash(
            label::SEARCH_CROSS_KEY,
            &[self.0.as_slice()],
        )))
    }

    /// Where the entry with this number stands.
    #[must_use]
    pub fn address(&self, counter: Counter) -> Address {
        self.root().leaf(counter).address()
    }

    /// What the keyword is called in the writer's notes of used numbers: 16 bytes that say nothing
    /// without the key.
    #[must_use]
    pub fn note(&self) -> [u8; 16] {
        field::<0, 16, 32>(&hash(label::SEARCH_NOTE, &[self.0.as_slice()]))
    }
}

impl std::fmt::Debug for KeywordKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        debug_secret(f, "KeywordKey", 32)
    }
}

/// The key of one keyword's cross tags: tells of any record whether it has the keyword, of later
/// ones too. The patient keeps it.
pub struct CrossKey(Zeroizing<[u8; 32]>);

impl CrossKey {
    /// The tag that stands with the record when it has the keyword.
    #[must_use]
    pub fn tag(&self, record: &[u8; 32]) -> CrossTag {
        let bytes = hash(label::SEARCH_CROSS, &[self.0.as_slice(), record]);
        CrossTag(field::<0, { CrossTag::SIZE }, 32>(&bytes))
    }
}

impl std::fmt::Debug for CrossKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        debug_secret(f, "CrossKey", 32)
    }
}

opaque! {
    /// Where an entry stands.
    Address, 16
}
opaque! {
    /// A record id under a mask (32), and a tag by which a wrong mask is noticed (8).
    MaskedPointer, 40
}
opaque! {
    /// Says that a record has a keyword, to whoever holds the keyword's [`CrossKey`].
    CrossTag, 16
}

/// A keyword of a record, on the chain.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct IndexEntry {
    /// Where it stands.
    pub address: Address,
    /// Which record it points to.
    pub pointer: MaskedPointer,
    /// For conjunctions.
    pub cross: CrossTag,
}

impl IndexEntry {
    /// Bytes of the encoding: address 16, pointer 40, cross tag 16.
    pub const SIZE: usize = Address::SIZE + MaskedPointer::SIZE + CrossTag::SIZE;

    /// The entry of a keyword with this number, for `record`.
    #[must_use]
    pub fn seal(keyword: &KeywordKey, counter: Counter, record: &[u8; 32]) -> Self {
        let leaf = keyword.root().leaf(counter);
        Self {
            address: leaf.address(),
            pointer: leaf.mask(record),
            cross: keyword.cross().tag(record),
        }
    }

    /// An entry of nothing, which nobody without the keys tells from a true one.
    #[must_use]
    pub fn dummy(rng: &mut impl CryptoRng) -> Self {
        let mut bytes = [0; Self::SIZE];
        rng.fill_bytes(&mut bytes);
        Self::from_bytes(&bytes)
    }

    /// The encoding.
    #[must_use]
    pub fn to_bytes(&self) -> [u8; Self::SIZE] {
        let mut bytes = [0; Self::SIZE];
        let (address, rest) = bytes.split_at_mut(Address::SIZE);
        let (pointer, cross) = rest.split_at_mut(MaskedPointer::SIZE);
        address.copy_from_slice(&self.address.0);
        pointer.copy_from_slice(&self.pointer.0);
        cross.copy_from_slice(&self.cross.0);
        bytes
    }

    /// Reads the encoding; all bytes are one.
    #[must_use]
    pub fn from_bytes(bytes: &[u8; Self::SIZE]) -> Self {
        Self {
            address: Address(field::<0, { Address::SIZE }, { Self::SIZE }>(bytes)),
            pointer: MaskedPointer(field::<
                { Address::SIZE },
                { MaskedPointer::SIZE },
                { Self::SIZE },
            >(bytes)),
            cross: CrossTag(field::<
                { Address::SIZE + MaskedPointer::SIZE },
                { CrossTag::SIZE },
                { Self::SIZE },
            >(bytes)),
        }
    }
}

/// How many entries a record may have: the next of these. Each doubles the one before, so that a
/// number says little and padding costs less than half of what stands there.
pub const PADDINGS: [usize; 6] = [16, 32, 64, 128, 256, 512];

/// Fills `entries` up with dummies to the next of [`PADDINGS`] and shuffles them, so that their
/// number and order tell little.
///
/// # Errors
/// [`Error::TooManyKeywords`] when there are more than the largest of them.
pub fn padded(
    mut entries: Vec<IndexEntry>,
    rng: &mut impl CryptoRng,
) -> Result<Vec<IndexEntry>, Error> {
    let found = entries.len();
    let limit = PADDINGS.into_iter().max().unwrap_or(0);
    let size = PADDINGS.into_iter().find(|size| found <= *size);
    let size = size.ok_or(Error::TooManyKeywords { found, limit })?;
    entries.resize_with(size, || IndexEntry::dummy(rng));
    // By address: a permutation that depends on nothing but bytes which look random.
    entries.sort_by_key(|entry| entry.address);
    Ok(entries)
}
