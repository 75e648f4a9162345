//! Identifiers and points in time. Each is its own type, so that one cannot stand in for another;
//! all are 32 bytes, written as 64 hex digits wherever a person or JSON meets them.

use std::{fmt, str::FromStr};

use yilian_crypto::{
    hash::hash,
    label::{self, Label},
};

use crate::codec::{Decode, DecodeError, Encode, Reader};

macro_rules! id {
    ($(#[$doc:meta])* $name:ident, $what:literal) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, schemars::JsonSchema)]
        pub struct $name(#[schemars(schema_with = "crate::schema::digits::<32>")] [u8; 32]);

        impl $name {
            /// Bytes in the encoding.
            pub const SIZE: usize = 32;

            /// Takes 32 bytes that name one already.
            #[must_use]
            pub const fn from_bytes(bytes: [u8; 32]) -> Self {
                Self(bytes)
            }

            /// The 32 bytes.
            #[must_use]
            pub const fn to_bytes(self) -> [u8; 32] {
                self.0
            }

            /// The 32 bytes, borrowed.
            #[must_use]
            pub const fn as_bytes(&self) -> &[u8; 32] {
                &self.0
            }

            /// The first eight hex digits, for people.
            #[must_use]
            pub fn short(&self) -> String {
                hex::encode(self.0).chars().take(8).collect()
            }
        }

        impl AsRef<[u8]> for $name {
            fn as_ref(&self) -> &[u8] {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&hex::encode(self.0))
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{}({}…)", stringify!($name), self.short())
            }
        }

        impl FromStr for $name {
            type Err = DecodeError;

            fn from_str(text: &str) -> Result<Self, DecodeError> {
                let mut bytes = [0; 32];
                hex::decode_to_slice(text, &mut bytes)
                    .map_err(|_| DecodeError::Invalid { what: $what })?;
                Ok(Self(bytes))
            }
        }

        impl serde::Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }

        impl<'de> serde::Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = <std::borrow::Cow<'_, str>>::deserialize(deserializer)?;
                text.parse().map_err(serde::de::Error::custom)
            }
        }

        impl Encode for $name {
            fn encode(&self, out: &mut Vec<u8>) {
                out.extend_from_slice(&self.0);
            }
        }

        impl Decode for $name {
            fn decode(input: &mut Reader<'_>) -> Result<Self, DecodeError> {
                Ok(Self(input.array($what)?))
            }
        }
    };
}

id! {
    /// One consortium chain: the hash of its genesis.
    ChainId, "chain id (64 hex digits)"
}
id! {
    /// A block: the hash of its header.
    BlockId, "block id (64 hex digits)"
}
id! {
    /// A transaction: the hash of its signed encoding.
    TransactionId, "transaction id (64 hex digits)"
}
id! {
    /// The content identifier of a sealed object: BLAKE3 of its bytes.
    Cid, "content id (64 hex digits)"
}
id! {
    /// A record on the chain: the hash of its object's [`Cid`].
    RecordId, "record id (64 hex digits)"
}
id! {
    /// A member organisation: the hash of its CA key.
    MemberId, "member id (64 hex digits)"
}
id! {
    /// A person whom members certify, however often: the hash of what tells him from others.
    PersonId, "person id (64 hex digits)"
}
id! {
    /// A certificate: the hash of its encoding.
    CertificateId, "certificate id (64 hex digits)"
}
id! {
    /// A standing grant: the hash of the key that controls it.
    GrantId, "grant id (64 hex digits)"
}
id! {
    /// A pack's trace: the Rescue-Prime hash of its key. Whether the bytes are canonical is the
    /// proof's to check.
    TraceId, "trace id (64 hex digits)"
}
id! {
    /// The place of one value in the ledger's state.
    StateKey, "state key (64 hex digits)"
}
id! {
    /// 256 bits of the bitmap over the state's log, see [`crate::state::proof`].
    Chunk, "chunk of the bitmap (64 hex digits)"
}

id! {
    /// A hash of a Merkle tree: a root, or a neighbour on a path.
    TreeHash, "tree hash (64 hex digits)"
}

id! {
    /// The commitment of a grant to its terms.
    TermsHash, "terms hash (64 hex digits)"
}
id! {
    /// The digest of what a visit token states; its secrets keep it from being guessed.
    VisitTerms, "digest of a visit's terms (64 hex digits)"
}
id! {
    /// The digest of a visit that its pseudonym signed.
    VisitDigest, "digest of a visit (64 hex digits)"
}
id! {
    /// A request to open an identity: its hash.
    DisclosureId, "disclosure id (64 hex digits)"
}
id! {
    /// Random bytes that hide a value behind its commitment.
    Salt, "salt (64 hex digits)"
}

id! {
    /// A mailbox, as a visit token names it: the hash of its keys.
    MailboxId, "mailbox id (64 hex digits)"
}
id! {
    /// A letter in a mailbox: the hash of the mailbox and the sealed bytes.
    MailId, "letter id (64 hex digits)"
}
id! {
    /// A doctor's request to read, which nobody knows but him and whom he asked.
    RequestId, "request id (64 hex digits)"
}

impl Cid {
    /// The content identifier of `object`.
    #[must_use]
    pub fn of(object: &[u8]) -> Self {
        Self(hash(label::CID, &[object]))
    }

    /// The id under which the chain knows the object.
    #[must_use]
    pub fn record(&self) -> RecordId {
        RecordId(hash(label::RECORD_ID, &[&self.0]))
    }
}

impl PersonId {
    /// The person whom `text` tells from others: the number of his licence, or his name where there
    /// is none. Such numbers can be guessed, so the id hides nothing; a certificate names the
    /// person anyway.
    #[must_use]
    pub fn of(text: &str) -> Self {
        Self(hash(label::PERSON, &[text.as_bytes()]))
    }
}

impl TransactionId {
    /// The id of the transaction with these bytes, signature included.
    #[must_use]
    pub fn of(encoded: &[u8]) -> Self {
        Self(hash(label::TRANSACTION, &[encoded]))
    }
}

impl StateKey {
    /// The first bit of a place of the write-once part.
    const ONCE: u8 = 0x80;

    /// The place of `name` in the table `table` of the provable state.
    #[must_use]
    pub fn of(table: &str, name: &[u8]) -> Self {
        Self::hashed(table, name, 0)
    }

    /// The place of `name` in the table `table` of the write-once state.
    #[must_use]
    pub fn once(table: &str, name: &[u8]) -> Self {
        Self::hashed(table, name, Self::ONCE)
    }

    /// Whether the place is of the write-once part.
    #[must_use]
    pub const fn is_once(&self) -> bool {
        let [first, ..] = self.0;
        first & Self::ONCE != 0
    }

    fn hashed(table: &str, name: &[u8], part: u8) -> Self {
        let mut bytes = hash(label::STATE_KEY, &[table.as_bytes(), name]);
        let [first, ..] = &mut bytes;
        *first = *first & !Self::ONCE | part;
        Self(bytes)
    }
}

macro_rules! hashed {
    ($name:ident, $label:expr) => {
        impl $name {
            pub(crate) fn hash_of(parts: &[&[u8]]) -> Self {
                const LABEL: Label = $label;
                Self(hash(LABEL, parts))
            }
        }
    };
}
hashed!(ChainId, label::CHAIN_ID);
hashed!(BlockId, label::BLOCK);
hashed!(MemberId, label::MEMBER_ID);
hashed!(CertificateId, label::CERTIFICATE);
hashed!(GrantId, label::GRANT_ID);
hashed!(DisclosureId, label::DISCLOSURE_ID);
hashed!(MailboxId, label::MAILBOX);
hashed!(MailId, label::MAIL_ID);
hashed!(RequestId, label::MAIL_REQUEST);

macro_rules! counter {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(
            Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash,
            serde::Serialize, serde::Deserialize, schemars::JsonSchema,
        )]
        #[serde(transparent)]
        pub struct $name(u64);

        impl $name {
            /// The value `value`.
            #[must_use]
            pub const fn new(value: u64) -> Self {
                Self(value)
            }

            /// The plain number.
            #[must_use]
            pub const fn get(self) -> u64 {
                self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }

        impl Encode for $name {
            fn encode(&self, out: &mut Vec<u8>) {
                self.0.encode(out);
            }
        }

        impl Decode for $name {
            fn decode(input: &mut Reader<'_>) -> Result<Self, DecodeError> {
                Ok(Self(u64::decode(input)?))
            }
        }
    };
}

counter! {
    /// How many blocks stand below a block. The genesis is at 0.
    Height
}
counter! {
    /// Milliseconds since 1970-01-01T00:00:00Z.
    TimeMs
}

impl Height {
    /// The height above this one.
    #[must_use]
    pub const fn next(self) -> Self {
        Self(self.0.saturating_add(1))
    }
}

impl FromStr for Height {
    type Err = DecodeError;

    fn from_str(text: &str) -> Result<Self, DecodeError> {
        text.parse()
            .map(Self)
            .map_err(|_| DecodeError::Invalid { what: "height" })
    }
}

impl TimeMs {
    /// The last moment there is.
    pub const MAX: Self = Self(u64::MAX);

    /// This moment and `ms` more.
    #[must_use]
    pub const fn plus_ms(self, ms: u64) -> Self {
        Self(self.0.saturating_add(ms))
    }

    /// Milliseconds between two moments, whichever is earlier.
    #[must_use]
    pub const fn distance_ms(self, other: Self) -> u64 {
        self.0.abs_diff(other.0)
    }

    /// RFC 3339 text in UTC, for people.
    #[must_use]
    pub fn to_text(self) -> String {
        i64::try_from(self.0)
            .ok()
            .and_then(|ms| jiff::Timestamp::from_millisecond(ms).ok())
            .map_or_else(|| "end of time".to_owned(), |time| time.to_string())
    }

    /// Reads RFC 3339 text.
    ///
    /// # Errors
    /// [`DecodeError::Invalid`] when it is no such text or before 1970.
    pub fn from_text(text: &str) -> Result<Self, DecodeError> {
        let invalid = DecodeError::Invalid {
            what: "time (RFC 3339, as 2026-01-31T08:00:00Z)",
        };
        let time: jiff::Timestamp = text.parse().map_err(|_| invalid.clone())?;
        u64::try_from(time.as_millisecond())
            .map(Self)
            .map_err(|_| invalid)
    }
}
