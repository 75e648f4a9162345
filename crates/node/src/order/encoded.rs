//! A transaction as the chain carries it.

use bytes::Bytes;
use commonware_codec::{Buf, EncodeSize, Error as CodecError, RangeCfg, Read, Write};
use commonware_runtime::BufMut;
use yilian_protocol::{TransactionId, limits::TRANSACTION_MAX, tx::Transaction};

/// A transaction's bytes with their id, which is computed once: a node meets a transaction a dozen
/// times between its arrival and its finality.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EncodedTransaction {
    id: TransactionId,
    bytes: Bytes,
}

impl EncodedTransaction {
    /// The hash of [`Self::bytes`].
    #[must_use]
    pub const fn id(&self) -> TransactionId {
        self.id
    }

    /// The transaction.
    #[must_use]
    pub const fn bytes(&self) -> &Bytes {
        &self.bytes
    }

    /// How many bytes it has.
    #[must_use]
    pub const fn size(&self) -> usize {
        self.bytes.len()
    }
}

impl From<Bytes> for EncodedTransaction {
    fn from(bytes: Bytes) -> Self {
        let id = TransactionId::of(&bytes);
        Self { id, bytes }
    }
}

impl From<&Transaction> for EncodedTransaction {
    fn from(transaction: &Transaction) -> Self {
        Bytes::copy_from_slice(transaction.as_bytes()).into()
    }
}

impl Write for EncodedTransaction {
    fn write(&self, buffer: &mut impl BufMut) {
        self.bytes.write(buffer);
    }
}

impl EncodeSize for EncodedTransaction {
    fn encode_size(&self) -> usize {
        self.bytes.encode_size()
    }
}

impl Read for EncodedTransaction {
    type Cfg = ();

    fn read_cfg(buffer: &mut impl Buf, (): &()) -> Result<Self, CodecError> {
        let bytes = Bytes::read_cfg(buffer, &RangeCfg::new(0..=TRANSACTION_MAX))?;
        Ok(bytes.into())
    }
}
