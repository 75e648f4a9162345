//! Codec and JSON forms of the values that `yilian-crypto` defines with a fixed size: their own
//! bytes in the codec, hex digits in JSON (`#[serde(with = "fixed")]`, or `#[serde(with =
//! "fixed::Hex::<Nym>")]` where there is a JSON schema as well).

use std::{borrow::Cow, marker::PhantomData};

use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::{Deserialize as _, Deserializer, Serializer};
use yilian_crypto::{
    kem::KemPublic,
    pre::{
        Blind, Capsule, DelegateePublic, DelegatorPublic, EncodedCapsule, GtReencapsulation,
        KnowledgeProof, LvReencapsulation, Partial, Rekey, ScopeKey,
    },
    pseudonym::{Escrow, EscrowPart, Nym, NymSignature, RegulatorPublic},
    psk::{PeriodPsk, RecordPsk, ScopePsk, SearchPsk, SecretShare},
    scope::{Confidentiality, Quarter, Scope, VisitTag},
    search::{Address, CrossTag, MaskedPointer, SearchPublic, WriterPublic},
    sign::{Signature, VerifyingKey},
    stamp::{EncodedPoint, EncodedStampKey, StampSeed},
    trace::MaskedKey,
};

use crate::{
    codec::{Decode, DecodeError, Encode, Reader},
    schema::digits,
};

/// A value of fixed size whose bytes may be refused.
pub trait Fixed: Sized {
    /// What it is called in an error.
    const WHAT: &'static str;

    /// Its canonical bytes.
    fn bytes(&self) -> Vec<u8>;

    /// Reads its canonical bytes, which must fill `bytes` exactly.
    ///
    /// # Errors
    /// [`DecodeError::Invalid`] when the bytes are not such a value.
    fn parse(bytes: &[u8]) -> Result<Self, DecodeError>;
}

/// Writes hex digits.
///
/// # Errors
/// Those of the serialiser.
pub fn serialize<T: Fixed, S: Serializer>(value: &T, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&hex::encode(value.bytes()))
}

/// Reads hex digits.
///
/// # Errors
/// When the text is not hex or not such a value.
pub fn deserialize<'de, T: Fixed, D: Deserializer<'de>>(deserializer: D) -> Result<T, D::Error> {
    let text = String::deserialize(deserializer)?;
    from_hex(&text).map_err(serde::de::Error::custom)
}

/// Reads a value from hex digits.
///
/// # Errors
/// [`DecodeError::Invalid`] when the text is not hex or not such a value.
pub fn from_hex<T: Fixed>(text: &str) -> Result<T, DecodeError> {
    let bytes = hex::decode(text).map_err(|_| DecodeError::Invalid { what: T::WHAT })?;
    T::parse(&bytes)
}

/// A value whose bytes are as many each time.
pub trait FixedSize: Fixed {
    /// What its type is called.
    const NAME: &'static str;
    /// Its schema: hex digits of that many bytes.
    const SCHEMA: fn(&mut SchemaGenerator) -> Schema;
}

/// The JSON form of `T`, for serde and for the schema by one attribute: one that names another type
/// than the field's does not compile.
#[derive(Debug)]
pub struct Hex<T>(PhantomData<T>);

impl<T: Fixed> Hex<T> {
    /// As [`serialize`].
    ///
    /// # Errors
    /// Those of the serialiser.
    pub fn serialize<S: Serializer>(value: &T, serializer: S) -> Result<S::Ok, S::Error> {
        serialize(value, serializer)
    }

    /// As [`deserialize`].
    ///
    /// # Errors
    /// When the text is not hex or not such a value.
    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<T, D::Error> {
        deserialize(deserializer)
    }
}

impl<T: FixedSize> JsonSchema for Hex<T> {
    fn schema_name() -> Cow<'static, str> {
        T::NAME.into()
    }

    fn schema_id() -> Cow<'static, str> {
        format!("{}::Hex<{}>", module_path!(), T::NAME).into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let mut schema = T::SCHEMA(generator);
        schema.insert("description".to_owned(), T::WHAT.into());
        schema
    }
}

macro_rules! fixed_size {
    ($name:ident) => {
        impl FixedSize for $name {
            const NAME: &'static str = stringify!($name);
            const SCHEMA: fn(&mut SchemaGenerator) -> Schema = digits::<{ Self::SIZE }>;
        }
    };
}

macro_rules! fixed {
    ($($name:ident $what:literal),* $(,)?) => {$(
        fixed_size!($name);

        impl Fixed for $name {
            const WHAT: &'static str = $what;

            fn bytes(&self) -> Vec<u8> {
                self.to_bytes().to_vec()
            }

            fn parse(bytes: &[u8]) -> Result<Self, DecodeError> {
                let invalid = DecodeError::Invalid { what: Self::WHAT };
                let bytes = bytes.try_into().map_err(|_| invalid.clone())?;
                Self::from_bytes(bytes).map_err(|_| invalid)
            }
        }

        impl Encode for $name {
            fn encode(&self, out: &mut Vec<u8>) {
                out.extend_from_slice(&self.to_bytes());
            }
        }

        impl Decode for $name {
            fn decode(input: &mut Reader<'_>) -> Result<Self, DecodeError> {
                Self::parse(input.take(Self::SIZE, Self::WHAT)?)
            }
        }
    )*};
}

/// As `fixed!`, for values of which all bytes are one; `$bytes` is how they show theirs.
macro_rules! opaque {
    ($bytes:ident: $($name:ident $what:literal),* $(,)?) => {$(
        fixed_size!($name);

        impl Fixed for $name {
            const WHAT: &'static str = $what;

            fn bytes(&self) -> Vec<u8> {
                self.$bytes().to_vec()
            }

            fn parse(bytes: &[u8]) -> Result<Self, DecodeError> {
                let bytes = bytes.try_into();
                bytes
                    .map(Self::from_bytes)
                    .map_err(|_| DecodeError::Invalid { what: Self::WHAT })
            }
        }

        impl Encode for $name {
            fn encode(&self, out: &mut Vec<u8>) {
                out.extend_from_slice(&self.$bytes()[..]);
            }
        }

        impl Decode for $name {
            fn decode(input: &mut Reader<'_>) -> Result<Self, DecodeError> {
                Ok(Self::from_bytes(input.array(Self::WHAT)?))
            }
        }
    )*};
}
opaque! { to_bytes:
    Address "address of an index entry (16 bytes)",
    MaskedPointer "masked pointer (40 bytes)",
    CrossTag "cross tag (16 bytes)",
    MaskedKey "masked key of an event (32 bytes)",
    EncodedCapsule "capsule (48 bytes)",
    EncodedPoint "point of a stamp (48 bytes)",
    EncodedStampKey "stamp key (96 bytes)",
}

// Secrets that are handed over are exposed by a name that tells.
opaque! { expose:
    PeriodPsk "quarter's secret (32 bytes)",
    RecordPsk "record's secret (32 bytes)",
    ScopePsk "scope secret (32 bytes)",
    SecretShare "share of a scope secret (32 bytes)",
    SearchPsk "search secret (32 bytes)",
    StampSeed "seed of a stamp (32 bytes)",
}

fixed! {
    KemPublic "key for messages (1216 bytes)",
    Capsule "capsule (48 bytes)",
    KnowledgeProof "proof of knowledge (64 bytes)",
    DelegatorPublic "patient's key at a hospital (48 bytes)",
    ScopeKey "scope key (48 bytes)",
    DelegateePublic "delegatee key (96 bytes)",
    Rekey "rekey (96 bytes)",
    Partial "partial re-encapsulation (416 bytes)",
    GtReencapsulation "re-encapsulation in GT (288 bytes)",
    LvReencapsulation "re-encapsulation in G1 and G2 (144 bytes)",
    Nym "pseudonym (48 bytes)",
    NymSignature "signature under a pseudonym (64 bytes)",
    Escrow "identity escrow (192 bytes)",
    EscrowPart "part of an opening (112 bytes)",
    RegulatorPublic "regulators' key (48 bytes)",
    SearchPublic "search key (32 bytes)",
    WriterPublic "writer key (32 bytes)",
    Signature "signature (64 bytes)",
    VerifyingKey "verifying key (32 bytes)",
    Quarter "quarter (2 bytes)",
    Scope "scope (20 bytes)",
    VisitTag "visit tag (16 bytes)",
}

impl Encode for Blind {
    fn encode(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(self.expose().as_slice());
    }
}

impl Decode for Blind {
    fn decode(input: &mut Reader<'_>) -> Result<Self, DecodeError> {
        const WHAT: &str = "blind of a rekey (32 bytes)";
        let bytes = zeroize::Zeroizing::new(input.array(WHAT)?);
        Self::from_bytes(&bytes).map_err(|_| DecodeError::Invalid { what: WHAT })
    }
}

impl Encode for Confidentiality {
    fn encode(&self, out: &mut Vec<u8>) {
        out.push(*self as u8);
    }
}

impl Decode for Confidentiality {
    fn decode(input: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let tag = u8::decode(input)?;
        Self::from_u8(tag).map_err(|_| DecodeError::UnknownTag {
            what: "confidentiality",
            tag,
        })
    }
}
