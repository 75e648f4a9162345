//! Why a cryptographic step failed.

/// One of these comes back from everything that can fail here. None carries a secret.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The bytes are not the canonical encoding of such a value; the sender's fault.
    #[error("not a canonical {what}")]
    Encoding {
        /// What they should have been.
        what: &'static str,
    },
    /// A signature does not verify; the signer's or the carrier's fault.
    #[error("the signature does not verify")]
    Signature,
    /// A capsule's proof does not verify for this scope and context.
    #[error("the capsule's proof does not verify for this scope and context")]
    Proof,
    /// A rekey does not lead from this scope to this delegatee; the delegator's fault.
    #[error("the rekey does not lead from this scope to this delegatee")]
    Rekey,
    /// An escrow does not verify; the patient's fault.
    #[error("the escrow does not verify")]
    Escrow,
    /// The ciphertext was sealed under another key or with other associated data.
    #[error("sealed under another key or in another context")]
    WrongKey,
    /// The ciphertext ends early.
    #[error("the ciphertext ends early")]
    Truncated,
    /// A chunk of the ciphertext was changed, moved, repeated or taken away.
    #[error("chunk {chunk} of the ciphertext is corrupt")]
    Corrupt {
        /// Which chunk, from 0.
        chunk: u64,
    },
    /// Words are not 24 in number.
    #[error("a seed has 24 words, not {found}")]
    WordCount {
        /// How many there are.
        found: usize,
    },
    /// A word is on no list.
    #[error("word {position} is not on the list of seed words")]
    UnknownWord {
        /// Which word, from 1.
        position: usize,
    },
    /// The words are on the list, but their checksum fails: two were exchanged, or one is wrong.
    #[error("the words' checksum fails: one of them is wrong, or two are exchanged")]
    WordChecksum,
}
