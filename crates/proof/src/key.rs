//! Keys and ids of traces: four elements of the Goldilocks field each.

use std::fmt;

use zeroize::{Zeroize, ZeroizeOnDrop};

use crate::rescue;

/// The field's order, 2^64 - 2^32 + 1.
pub(crate) const ORDER: u64 = 0xffff_ffff_0000_0001;

/// Bytes of a [`TraceId`].
pub const ID_SIZE: usize = 32;
/// Uniform bytes that make a [`TraceKey`].
pub const KEY_SEED_SIZE: usize = 64;

/// What a pack's code lets its reader prove: 255.99 bits.
#[derive(Clone, PartialEq, Eq, Zeroize, ZeroizeOnDrop)]
pub struct TraceKey([u64; 4]);

impl TraceKey {
    /// A key from uniform bytes: each 16 of them, as a big-endian number, modulo the field's order.
    /// The bias is below 2^-64.
    #[must_use]
    pub fn from_uniform_bytes(bytes: &[u8; KEY_SEED_SIZE]) -> Self {
        let mut key = [0; 4];
        let (chunks, _) = bytes.as_chunks::<16>();
        for (element, chunk) in key.iter_mut().zip(chunks) {
            let reduced = u128::from_be_bytes(*chunk) % u128::from(ORDER);
            *element = u64::try_from(reduced).unwrap_or_default();
        }
        Self(key)
    }

    /// The id of the key's trace.
    #[must_use]
    pub fn id(&self) -> TraceId {
        TraceId(rescue::hash(self))
    }

    pub(crate) const fn elements(&self) -> &[u64; 4] {
        &self.0
    }
}

impl fmt::Debug for TraceKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("TraceKey(..)")
    }
}

/// Names a trace: the Rescue-Prime hash of its key.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TraceId([u64; 4]);

impl TraceId {
    /// Reads an id: four big-endian numbers, each below the field's order.
    ///
    /// # Errors
    /// [`IdError`] when a number is not below the order: that would be a second spelling of another
    /// id.
    pub fn from_bytes(bytes: &[u8; ID_SIZE]) -> Result<Self, IdError> {
        let mut id = [0; 4];
        let (chunks, _) = bytes.as_chunks::<8>();
        for (element, chunk) in id.iter_mut().zip(chunks) {
            *element = u64::from_be_bytes(*chunk);
            if *element >= ORDER {
                return Err(IdError);
            }
        }
        Ok(Self(id))
    }

    /// Its bytes.
    #[must_use]
    pub fn to_bytes(&self) -> [u8; ID_SIZE] {
        let mut bytes = [0; ID_SIZE];
        let (chunks, _) = bytes.as_chunks_mut::<8>();
        for (chunk, element) in chunks.iter_mut().zip(self.0) {
            *chunk = element.to_be_bytes();
        }
        bytes
    }

    pub(crate) const fn elements(&self) -> &[u64; 4] {
        &self.0
    }
}

impl fmt::Debug for TraceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [first, ..] = self.0;
        write!(f, "TraceId({first:016x}..)")
    }
}

/// The bytes are no trace id.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a canonical trace id")]
pub struct IdError;
