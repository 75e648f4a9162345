//! Keyword search over the chain: what stands there, and what can be asked of a node
//! (docs/PROTOCOL.md 7).
//!
//! A record's entries travel in the transaction that seals it. The ledger puts each where nothing
//! stood before ([`crate::state::tables::INDEX`]) and notes the record's cross tags
//! ([`crate::state::tables::CROSS`]); the record's own entry commits to all of
//! them ([`RecordIndex::digest`]), so an owner can check that no entry was withheld. What a node
//! learns is listed in docs/search-leakage.md.

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use yilian_crypto::{
    hash::hash,
    label,
    search::{Address, CrossTag, IndexEntry, MaskedPointer, PADDINGS, Trapdoor},
};

use crate::{
    codec::{Decode, DecodeError, Encode, List, Reader, canonical},
    fixed,
    ids::{MemberId, RecordId, TreeHash},
    limits::{LOOKUPS_MAX, RESULTS_MAX, SEARCHES_MAX},
    schema::digits,
};

/// The index entries of one record: as many as one of [`PADDINGS`], some of them of nothing.
#[derive(Clone, PartialEq, Eq, JsonSchema)]
pub struct RecordIndex(#[schemars(schema_with = "index_entries")] Vec<IndexEntry>);

fn index_entries(generator: &mut SchemaGenerator) -> Schema {
    let count = PADDINGS.map(|count| json_schema!({ "minItems": count, "maxItems": count }));
    json_schema!({
        "type": "array",
        "items": digits::<{ IndexEntry::SIZE }>(generator),
        "minItems": PADDINGS.into_iter().min(),
        "maxItems": PADDINGS.into_iter().max(),
        "oneOf": count,
    })
}

impl RecordIndex {
    /// Takes padded entries, see [`yilian_crypto::search::padded`].
    ///
    /// # Errors
    /// [`DecodeError::Invalid`] when they are not as many as one of [`PADDINGS`].
    pub fn new(entries: Vec<IndexEntry>) -> Result<Self, DecodeError> {
        if PADDINGS.contains(&entries.len()) {
            Ok(Self(entries))
        } else {
            Err(DecodeError::Invalid {
                what: "number of index entries (16, 32, 64, 128, 256 or 512)",
            })
        }
    }

    /// The entries.
    #[must_use]
    pub fn entries(&self) -> &[IndexEntry] {
        &self.0
    }

    /// The cross tags, in the order of the entries.
    #[must_use]
    pub fn tags(&self) -> CrossTags {
        CrossTags(self.0.iter().map(|entry| entry.cross).collect())
    }

    /// What the record's entry on the chain commits to.
    #[must_use]
    pub fn digest(&self) -> TreeHash {
        TreeHash::from_bytes(hash(label::RECORD_INDEX, &[&self.to_vec()]))
    }
}

impl Encode for RecordIndex {
    fn encode(&self, out: &mut Vec<u8>) {
        (self.0.len() as u32).encode(out);
        for entry in &self.0 {
            out.extend_from_slice(&entry.to_bytes());
        }
    }
}

impl Decode for RecordIndex {
    fn decode(input: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let count = input.count(PADDINGS.into_iter().max().unwrap_or(0), "index entries")?;
        let entries = (0..count).map(|_| {
            let bytes = input.array::<{ IndexEntry::SIZE }>("index entry")?;
            Ok(IndexEntry::from_bytes(&bytes))
        });
        Self::new(entries.collect::<Result<_, _>>()?)
    }
}

impl std::fmt::Debug for RecordIndex {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "RecordIndex({} entries)", self.0.len())
    }
}

impl serde::Serialize for RecordIndex {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let entries = self.0.iter().map(|entry| hex::encode(entry.to_bytes()));
        serializer.collect_seq(entries)
    }
}

impl<'de> serde::Deserialize<'de> for RecordIndex {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let texts = Vec::<String>::deserialize(deserializer)?;
        let entries = texts.iter().map(|text| {
            let mut bytes = [0; IndexEntry::SIZE];
            hex::decode_to_slice(text, &mut bytes)?;
            Ok(IndexEntry::from_bytes(&bytes))
        });
        let entries = entries
            .collect::<Result<_, hex::FromHexError>>()
            .map_err(serde::de::Error::custom)?;
        Self::new(entries).map_err(serde::de::Error::custom)
    }
}

/// The cross tags of one record, as the ledger keeps them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CrossTags(Vec<CrossTag>);

impl CrossTags {
    /// Whether `tag` is among them.
    #[must_use]
    pub fn contains(&self, tag: &CrossTag) -> bool {
        self.0.contains(tag)
    }
}

impl Encode for CrossTags {
    fn encode(&self, out: &mut Vec<u8>) {
        (self.0.len() as u32).encode(out);
        for tag in &self.0 {
            tag.encode(out);
        }
    }
}

impl Decode for CrossTags {
    fn decode(input: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let count = input.count(PADDINGS.into_iter().max().unwrap_or(0), "cross tags")?;
        let tags = (0..count).map(|_| CrossTag::decode(input));
        Ok(Self(tags.collect::<Result<_, _>>()?))
    }
}

/// What stands at some addresses of a hospital's index.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LookupRequest {
    /// The hospital.
    pub hospital: MemberId,
    /// The addresses.
    pub addresses: List<Address, LOOKUPS_MAX>,
}
canonical!(LookupRequest {
    hospital,
    addresses
});

/// For each address asked for, what stands there.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize, JsonSchema)]
pub struct Pointers(#[schemars(length(max = LOOKUPS_MAX))] pub Vec<Option<Pointer>>);

/// A masked pointer, hex digits in JSON.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize, JsonSchema)]
#[serde(transparent)]
#[schemars(inline)]
pub struct Pointer(#[serde(with = "fixed::Hex::<MaskedPointer>")] pub MaskedPointer);

/// A trapdoor for one writer's entries of one keyword, at one hospital.
#[derive(Clone, PartialEq, Eq)]
pub struct Find {
    /// The hospital.
    pub hospital: MemberId,
    /// The entries.
    pub trapdoor: Trapdoor,
}
canonical!(Find { hospital, trapdoor });

impl std::fmt::Debug for Find {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Find({} at {:?})", self.trapdoor.count(), self.hospital)
    }
}

/// Trapdoors of one search.
pub type Searches = List<Find, SEARCHES_MAX>;

/// What one trapdoor found: for each entry that it covers, the record; `None` where no true entry
/// stands.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize, JsonSchema)]
pub struct Found {
    /// The records, in the order of the entries.
    #[schemars(length(max = RESULTS_MAX))]
    pub records: Vec<Option<RecordId>>,
}

/// Asks whether a record has the keyword of a cross tag.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Crossing {
    /// The record.
    pub record: RecordId,
    /// The keyword's tag for it.
    pub tag: CrossTag,
}
canonical!(Crossing { record, tag });

impl fixed::Fixed for Trapdoor {
    const WHAT: &'static str = "trapdoor";

    fn bytes(&self) -> Vec<u8> {
        self.to_bytes()
    }

    fn parse(bytes: &[u8]) -> Result<Self, DecodeError> {
        Self::from_bytes(bytes).map_err(|_| DecodeError::Invalid { what: Self::WHAT })
    }
}

impl Encode for Trapdoor {
    fn encode(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.to_bytes());
    }
}

impl Decode for Trapdoor {
    fn decode(input: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let count: [u8; 4] = input.array("trapdoor")?;
        let nodes = u32::from_be_bytes(count).count_ones() as usize;
        let mut bytes = count.to_vec();
        bytes.extend_from_slice(input.take(nodes * 32, "trapdoor")?);
        fixed::Fixed::parse(&bytes)
    }
}
