//! Canonical binary encoding: every value has exactly one spelling, every length a limit.
//!
//! # Format
//! Integers are big-endian and of fixed width. A list, text or byte string is a `u32` count, then
//! its items. An option is `0`, or `1` and the value. A choice is a `u8` tag, then its fields. A
//! record is its fields in declaration order.
//!
//! # Promises
//! `decode(encode(x)) == x`, and `encode(decode(b)) == b` for every `b` that decodes: unknown tags,
//! trailing bytes, counts over their limit and non-canonical points are refused. A decoder
//! allocates only for bytes that are present.

use std::fmt;

use schemars::JsonSchema;

/// Why bytes were refused. Always the sender's fault; sending them again does not help.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum DecodeError {
    /// The input ended inside a value.
    #[error("input ends early: {needed} more bytes needed for {what}")]
    Truncated {
        /// What was being read.
        what: &'static str,
        /// Bytes missing.
        needed: usize,
    },
    /// Bytes follow a complete value.
    #[error("{count} trailing bytes after the value")]
    Trailing {
        /// Bytes left over.
        count: usize,
    },
    /// A count, length or number is over its limit.
    #[error("{what} of {found} is over the limit of {limit}")]
    TooLong {
        /// What was counted.
        what: &'static str,
        /// The count found.
        found: usize,
        /// The most that is allowed.
        limit: usize,
    },
    /// A tag names no known choice.
    #[error("unknown tag {tag} for {what}")]
    UnknownTag {
        /// The choice being read.
        what: &'static str,
        /// The tag found.
        tag: u8,
    },
    /// The bytes have the right length but are not a value of that type (a point off the curve,
    /// text that is not UTF-8 ...).
    #[error("not a valid {what}")]
    Invalid {
        /// What the bytes should have been.
        what: &'static str,
    },
}

/// A value with a canonical encoding.
pub trait Encode {
    /// Appends the encoding to `out`.
    fn encode(&self, out: &mut Vec<u8>);

    /// The encoding alone.
    fn to_vec(&self) -> Vec<u8> {
        // Most values are small, and then do not grow on their way.
        let mut out = Vec::with_capacity(64);
        self.encode(&mut out);
        out
    }
}

/// A value that can be read back from its canonical encoding.
pub trait Decode: Sized {
    /// Reads one value, leaving what follows it in `input`.
    ///
    /// # Errors
    /// [`DecodeError`] when the bytes are not the canonical encoding of a value.
    fn decode(input: &mut Reader<'_>) -> Result<Self, DecodeError>;

    /// Reads one value that fills `bytes` exactly.
    ///
    /// # Errors
    /// As [`Decode::decode`], and [`DecodeError::Trailing`] when bytes are left over.
    fn from_slice(bytes: &[u8]) -> Result<Self, DecodeError> {
        let mut input = Reader::new(bytes);
        let value = Self::decode(&mut input)?;
        input.finish()?;
        Ok(value)
    }
}

/// Bytes being read, front to back.
#[derive(Debug)]
pub struct Reader<'a> {
    rest: &'a [u8],
}

impl<'a> Reader<'a> {
    /// Reads from the start of `bytes`.
    #[must_use]
    pub const fn new(bytes: &'a [u8]) -> Self {
        Self { rest: bytes }
    }

    /// Takes the next `count` bytes; `what` names them in the error.
    ///
    /// # Errors
    /// [`DecodeError::Truncated`] when fewer are left.
    pub fn take(&mut self, count: usize, what: &'static str) -> Result<&'a [u8], DecodeError> {
        let Some((head, tail)) = self.rest.split_at_checked(count) else {
            return Err(DecodeError::Truncated {
                what,
                needed: count - self.rest.len(),
            });
        };
        self.rest = tail;
        Ok(head)
    }

    /// Takes the next `N` bytes as an array.
    ///
    /// # Errors
    /// [`DecodeError::Truncated`] when fewer are left.
    pub fn array<const N: usize>(&mut self, what: &'static str) -> Result<[u8; N], DecodeError> {
        let mut array = [0; N];
        array.copy_from_slice(self.take(N, what)?);
        Ok(array)
    }

    /// Reads a count that must not be over `limit`.
    ///
    /// # Errors
    /// [`DecodeError::TooLong`] over the limit, [`DecodeError::Truncated`] when the count itself is
    /// cut.
    pub fn count(&mut self, limit: usize, what: &'static str) -> Result<usize, DecodeError> {
        let found = u32::from_be_bytes(self.array(what)?) as usize;
        if found > limit {
            return Err(DecodeError::TooLong { what, found, limit });
        }
        Ok(found)
    }

    /// Bytes not read yet.
    #[must_use]
    pub const fn remaining(&self) -> usize {
        self.rest.len()
    }

    fn finish(self) -> Result<(), DecodeError> {
        match self.rest.len() {
            0 => Ok(()),
            count => Err(DecodeError::Trailing { count }),
        }
    }
}

/// At most `MAX` items of `T`.
#[derive(Clone, PartialEq, Eq, serde::Serialize, JsonSchema)]
#[serde(transparent)]
#[schemars(inline, rename = "{T}List", description = format!("At most {MAX} items"))]
pub struct List<T, const MAX: usize>(#[schemars(length(max = MAX))] Vec<T>);

impl<T, const MAX: usize> Default for List<T, MAX> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<T, const MAX: usize> List<T, MAX> {
    /// Wraps `items`.
    ///
    /// # Errors
    /// [`DecodeError::TooLong`] when there are more than `MAX`.
    pub fn new(items: Vec<T>) -> Result<Self, DecodeError> {
        if items.len() > MAX {
            return Err(DecodeError::TooLong {
                what: "list",
                found: items.len(),
                limit: MAX,
            });
        }
        Ok(Self(items))
    }

    /// The items.
    #[must_use]
    pub fn into_vec(self) -> Vec<T> {
        self.0
    }

    /// Something of each item.
    #[must_use]
    pub fn map<U>(&self, of: impl FnMut(&T) -> U) -> List<U, MAX> {
        List(self.0.iter().map(of).collect())
    }
}

impl<T, const MAX: usize> std::ops::Deref for List<T, MAX> {
    type Target = [T];

    fn deref(&self) -> &[T] {
        &self.0
    }
}

impl<T: fmt::Debug, const MAX: usize> fmt::Debug for List<T, MAX> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl<'de, T: serde::Deserialize<'de>, const MAX: usize> serde::Deserialize<'de> for List<T, MAX> {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::new(Vec::deserialize(deserializer)?).map_err(serde::de::Error::custom)
    }
}

impl<T: Encode, const MAX: usize> Encode for List<T, MAX> {
    fn encode(&self, out: &mut Vec<u8>) {
        encode_count(self.0.len(), out);
        for item in &self.0 {
            item.encode(out);
        }
    }
}

impl<T: Decode, const MAX: usize> Decode for List<T, MAX> {
    fn decode(input: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let count = input.count(MAX, "list")?;
        // Every item takes at least a byte, so a lying count cannot reserve more than the input's
        // own size.
        let mut items = Vec::with_capacity(count.min(input.remaining()));
        for _ in 0..count {
            items.push(T::decode(input)?);
        }
        Ok(Self(items))
    }
}

/// UTF-8 text of 1 to `MAX` bytes for people, that shows what it is: no control characters, none
/// that turn the direction of writing, none that cannot be seen. Two texts that look alike because
/// of such characters are refused; letters that look alike are not.
///
/// Price: joiners of Persian and Indian scripts, and variant selectors behind ideographs, are
/// refused too. The name is written without them.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, JsonSchema)]
#[serde(transparent)]
#[schemars(rename = "Text{MAX}")]
#[schemars(description = format!(
    "UTF-8 text of 1 to {MAX} bytes without control, bidirectional or invisible characters"
))]
pub struct Text<const MAX: usize>(
    // Characters are counted by the schema, of which there are at most as many as bytes.
    #[schemars(
        length(min = 1, max = MAX),
        regex(pattern = TEXT_PATTERN)
    )]
    String,
);

/// Characters that are no part of a [`Text`] beside control characters: Unicode's default-ignorable
/// ones (UAX 44) with those that turn the direction (UAX 9), separators of lines, and a blank that
/// is a symbol.
const UNSEEN: [(char, char); 18] = [
    ('\u{ad}', '\u{ad}'),
    ('\u{34f}', '\u{34f}'),
    ('\u{61c}', '\u{61c}'),
    ('\u{115f}', '\u{1160}'),
    ('\u{17b4}', '\u{17b5}'),
    ('\u{180b}', '\u{180f}'),
    ('\u{200b}', '\u{200f}'),
    ('\u{2028}', '\u{202e}'),
    ('\u{2060}', '\u{206f}'),
    ('\u{2800}', '\u{2800}'),
    ('\u{3164}', '\u{3164}'),
    ('\u{fe00}', '\u{fe0f}'),
    ('\u{feff}', '\u{feff}'),
    ('\u{ffa0}', '\u{ffa0}'),
    ('\u{fff0}', '\u{fffb}'),
    ('\u{1bca0}', '\u{1bca3}'),
    ('\u{1d173}', '\u{1d17a}'),
    ('\u{e0000}', '\u{e0fff}'),
];

/// The same for a schema, in the pattern's own escapes.
const TEXT_PATTERN: &str = concat!(
    r"^[^\u0000-\u001f\u007f-\u009f\u00ad\u034f\u061c",
    r"\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u2028-\u202e\u2060-\u206f\u2800",
    r"\u3164\ufe00-\ufe0f\ufeff\uffa0\ufff0-\ufffb\u{1bca0}-\u{1bca3}\u{1d173}-\u{1d17a}",
    r"\u{e0000}-\u{e0fff}]*$",
);

/// Whether a text of people may hold the character.
#[must_use]
pub fn is_seen(character: char) -> bool {
    let unseen = |(first, last): &(char, char)| (*first..=*last).contains(&character);
    !character.is_control() && !UNSEEN.iter().any(unseen)
}

impl<const MAX: usize> Text<MAX> {
    /// Checks `text`.
    ///
    /// # Errors
    /// [`DecodeError::TooLong`] over `MAX` bytes, [`DecodeError::Invalid`] when empty or holding
    /// characters that are controls, turn the direction of writing, or cannot be seen.
    pub fn new(text: impl Into<String>) -> Result<Self, DecodeError> {
        let text = text.into();
        if text.len() > MAX {
            return Err(DecodeError::TooLong {
                what: "text",
                found: text.len(),
                limit: MAX,
            });
        }
        if text.is_empty() || !text.chars().all(is_seen) {
            return Err(DecodeError::Invalid {
                what: "text (empty, or with control, bidirectional or invisible characters)",
            });
        }
        Ok(Self(text))
    }

    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl<const MAX: usize> fmt::Debug for Text<MAX> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl<const MAX: usize> fmt::Display for Text<MAX> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl<'de, const MAX: usize> serde::Deserialize<'de> for Text<MAX> {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::new(String::deserialize(deserializer)?).map_err(serde::de::Error::custom)
    }
}

impl<const MAX: usize> Encode for Text<MAX> {
    fn encode(&self, out: &mut Vec<u8>) {
        encode_count(self.0.len(), out);
        out.extend_from_slice(self.0.as_bytes());
    }
}

impl<const MAX: usize> Decode for Text<MAX> {
    fn decode(input: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let count = input.count(MAX, "text")?;
        let bytes = input.take(count, "text")?;
        let text =
            std::str::from_utf8(bytes).map_err(|_| DecodeError::Invalid { what: "UTF-8" })?;
        Self::new(text)
    }
}

/// A byte string of at most `MAX` bytes.
#[derive(Clone, Default, PartialEq, Eq, Hash, JsonSchema)]
#[schemars(inline, description = format!("At most {MAX} bytes, in hex digits"))]
pub struct Blob<const MAX: usize>(
    #[schemars(
        with = "String",
        length(max = 2 * MAX),
        regex(pattern = "^([0-9a-f]{2})*$")
    )]
    Vec<u8>,
);

impl<const MAX: usize> Blob<MAX> {
    /// Wraps `bytes`.
    ///
    /// # Errors
    /// [`DecodeError::TooLong`] over `MAX` bytes.
    pub fn new(bytes: Vec<u8>) -> Result<Self, DecodeError> {
        if bytes.len() > MAX {
            return Err(DecodeError::TooLong {
                what: "bytes",
                found: bytes.len(),
                limit: MAX,
            });
        }
        Ok(Self(bytes))
    }

    /// The bytes.
    #[must_use]
    pub fn as_slice(&self) -> &[u8] {
        &self.0
    }

    /// The bytes, owned.
    #[must_use]
    pub fn into_vec(self) -> Vec<u8> {
        self.0
    }
}

impl<const MAX: usize> fmt::Debug for Blob<MAX> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Blob({} bytes)", self.0.len())
    }
}

impl<const MAX: usize> serde::Serialize for Blob<MAX> {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&hex::encode(&self.0))
    }
}

impl<'de, const MAX: usize> serde::Deserialize<'de> for Blob<MAX> {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let bytes = hex::decode(text).map_err(serde::de::Error::custom)?;
        Self::new(bytes).map_err(serde::de::Error::custom)
    }
}

impl<const MAX: usize> Encode for Blob<MAX> {
    fn encode(&self, out: &mut Vec<u8>) {
        encode_count(self.0.len(), out);
        out.extend_from_slice(&self.0);
    }
}

impl<const MAX: usize> Decode for Blob<MAX> {
    fn decode(input: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let count = input.count(MAX, "bytes")?;
        Ok(Self(input.take(count, "bytes")?.to_vec()))
    }
}

impl<T: Encode> Encode for Option<T> {
    fn encode(&self, out: &mut Vec<u8>) {
        match self {
            None => out.push(0),
            Some(value) => {
                out.push(1);
                value.encode(out);
            }
        }
    }
}

impl<T: Decode> Decode for Option<T> {
    fn decode(input: &mut Reader<'_>) -> Result<Self, DecodeError> {
        match u8::decode(input)? {
            0 => Ok(None),
            1 => Ok(Some(T::decode(input)?)),
            tag => Err(DecodeError::UnknownTag {
                what: "option",
                tag,
            }),
        }
    }
}

fn encode_count(count: usize, out: &mut Vec<u8>) {
    // Every caller holds a value whose limit is far below 2^32.
    out.extend_from_slice(&u32::try_from(count).unwrap_or(u32::MAX).to_be_bytes());
}

impl Encode for bool {
    fn encode(&self, out: &mut Vec<u8>) {
        out.push(u8::from(*self));
    }
}

impl Decode for bool {
    fn decode(input: &mut Reader<'_>) -> Result<Self, DecodeError> {
        match u8::decode(input)? {
            0 => Ok(false),
            1 => Ok(true),
            tag => Err(DecodeError::UnknownTag {
                what: "yes or no",
                tag,
            }),
        }
    }
}

macro_rules! integer {
    ($($int:ty),*) => {$(
        impl Encode for $int {
            fn encode(&self, out: &mut Vec<u8>) {
                out.extend_from_slice(&self.to_be_bytes());
            }
        }

        impl Decode for $int {
            fn decode(input: &mut Reader<'_>) -> Result<Self, DecodeError> {
                Ok(Self::from_be_bytes(input.array(stringify!($int))?))
            }
        }
    )*};
}
integer!(u8, u16, u32, u64);

impl<const N: usize> Encode for [u8; N] {
    fn encode(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(self);
    }
}

impl<const N: usize> Decode for [u8; N] {
    fn decode(input: &mut Reader<'_>) -> Result<Self, DecodeError> {
        input.array("bytes")
    }
}

/// Implements [`Encode`] and [`Decode`] of a struct, its fields in the given order.
macro_rules! canonical {
    ($name:ident { $($field:ident),* $(,)? }) => {
        impl $crate::codec::Encode for $name {
            fn encode(&self, out: &mut Vec<u8>) {
                $($crate::codec::Encode::encode(&self.$field, out);)*
            }
        }

        impl $crate::codec::Decode for $name {
            fn decode(
                input: &mut $crate::codec::Reader<'_>,
            ) -> Result<Self, $crate::codec::DecodeError> {
                $(let $field = $crate::codec::Decode::decode(input)?;)*
                Ok(Self { $($field),* })
            }
        }
    };
}
pub(crate) use canonical;

/// Implements [`Encode`] and [`Decode`] of an enum: each variant's one field behind its tag.
macro_rules! canonical_choice {
    ($name:ident { $($tag:literal => $variant:ident),* $(,)? }) => {
        impl $crate::codec::Encode for $name {
            fn encode(&self, out: &mut Vec<u8>) {
                match self {
                    $(Self::$variant(value) => {
                        out.push($tag);
                        $crate::codec::Encode::encode(value, out);
                    })*
                }
            }
        }

        impl $crate::codec::Decode for $name {
            fn decode(
                input: &mut $crate::codec::Reader<'_>,
            ) -> Result<Self, $crate::codec::DecodeError> {
                match <u8 as $crate::codec::Decode>::decode(input)? {
                    $($tag => Ok(Self::$variant($crate::codec::Decode::decode(input)?)),)*
                    tag => Err($crate::codec::DecodeError::UnknownTag {
                        what: stringify!($name),
                        tag,
                    }),
                }
            }
        }
    };
}
pub(crate) use canonical_choice;

/// Implements a field-less enum as its stable `u8` and its stable name: codec, serde, JSON schema,
/// `Display`, `FromStr`, `ALL`.
macro_rules! named_codes {
    ($(#[$meta:meta])* $vis:vis enum $name:ident {
        $($(#[$doc:meta])* $variant:ident = $code:literal $text:literal),* $(,)?
    }) => {
        $(#[$meta])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, schemars::JsonSchema)]
        // The derive says of each name what it means; programs look for `enum`.
        #[schemars(extend("type" = "string", "enum" = [$($text),*]))]
        #[repr(u8)]
        $vis enum $name { $($(#[$doc])* #[schemars(rename = $text)] $variant = $code),* }

        impl $name {
            /// Every value, in code order.
            pub const ALL: &'static [Self] = &[$(Self::$variant),*];

            /// The stable name, as it stands in JSON, on the command line and in documents.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self { $(Self::$variant => $text),* }
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(self.name())
            }
        }

        impl std::str::FromStr for $name {
            type Err = $crate::codec::DecodeError;

            fn from_str(text: &str) -> Result<Self, Self::Err> {
                match text {
                    $($text => Ok(Self::$variant),)*
                    _ => Err($crate::codec::DecodeError::Invalid { what: stringify!($name) }),
                }
            }
        }

        impl $crate::codec::Encode for $name {
            fn encode(&self, out: &mut Vec<u8>) {
                out.push(*self as u8);
            }
        }

        impl $crate::codec::Decode for $name {
            fn decode(
                input: &mut $crate::codec::Reader<'_>,
            ) -> Result<Self, $crate::codec::DecodeError> {
                match <u8 as $crate::codec::Decode>::decode(input)? {
                    $($code => Ok(Self::$variant),)*
                    tag => Err($crate::codec::DecodeError::UnknownTag {
                        what: stringify!($name),
                        tag,
                    }),
                }
            }
        }

        impl serde::Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(self.name())
            }
        }

        impl<'de> serde::Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = <std::borrow::Cow<'_, str>>::deserialize(deserializer)?;
                text.parse().map_err(serde::de::Error::custom)
            }
        }
    };
}
pub(crate) use named_codes;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lying_count_is_refused_before_anything_is_reserved() {
        let mut bytes = u32::MAX.to_be_bytes().to_vec();
        bytes.push(7);
        let error = List::<u8, 16>::from_slice(&bytes).unwrap_err();
        assert_eq!(
            error,
            DecodeError::TooLong {
                what: "list",
                found: u32::MAX as usize,
                limit: 16
            }
        );
        let cut = [0, 0, 0, 16, 1];
        assert!(matches!(
            List::<u8, 16>::from_slice(&cut),
            Err(DecodeError::Truncated { .. })
        ));
    }

    #[test]
    fn an_option_has_two_spellings_only() {
        assert_eq!(Option::<u8>::from_slice(&[0]), Ok(None));
        assert_eq!(Option::<u8>::from_slice(&[1, 9]), Ok(Some(9)));
        assert_eq!(
            Option::<u8>::from_slice(&[2, 9]),
            Err(DecodeError::UnknownTag {
                what: "option",
                tag: 2
            })
        );
        assert_eq!(
            Option::<u8>::from_slice(&[0, 9]),
            Err(DecodeError::Trailing { count: 1 })
        );
    }

    #[test]
    fn text_refuses_what_a_terminal_would_obey() {
        assert!(Text::<8>::new("李医生").is_err(), "nine bytes");
        assert!(Text::<16>::new("李医生").is_ok());
        assert!(Text::<16>::new("a\u{1b}[2J").is_err());
        assert!(Text::<16>::new("").is_err());
        // Dr. right-to-left override, a zero width space, a joiner, a tag, a soft hyphen.
        for unseen in [
            "\u{202e}",
            "\u{200b}",
            "\u{200d}",
            "\u{e0041}",
            "\u{ad}",
            "\u{2066}",
        ] {
            assert!(
                Text::<32>::new(format!("Dr {unseen}Li")).is_err(),
                "{unseen:?}"
            );
        }
        for seen in ["李医生", "O’Brien-Müller", "الطبيب", "Ψ 🙂", "a\u{3000}b"] {
            assert!(Text::<64>::new(seen).is_ok(), "{seen}");
        }
        assert!(UNSEEN.is_sorted_by(|before, after| before.1 < after.0));
        assert!(Text::<16>::from_slice(&[0, 0, 0, 1, 0xff]).is_err());
    }
}
