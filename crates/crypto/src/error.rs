//! What can be wrong with bytes, keys and words.

/// Why a value, a proof, a seal or a seed was refused. No variant carries secret bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// Bytes are not the canonical encoding of the named value; the fault of whoever wrote them.
    #[error("not a canonical {what}")]
    Encoding {
        /// What was expected.
        what: &'static str,
    },
    /// A capsule's proof does not hold for this scope key and context; the fault of whoever sealed,
    /// or of who asks about another record.
    #[error("the proof does not hold for this capsule, scope key and context")]
    Proof,
    /// A rekey is not from this scope key to this delegatee; the delegator's fault.
    #[error("the rekey does not lead from this scope key to this delegatee")]
    Rekey,
    /// A number of key holders that cannot be: the threshold is 1 to their count, their count at
    /// most 32, each of them once.
    #[error("the threshold, or the key holders' numbers, cannot be")]
    Threshold,
    /// A key holder's partial is not of its share; the holder's fault.
    #[error("the partial re-encapsulation is not of the holder's share")]
    Partial,
    /// A keyword is empty, over 128 bytes, or holds control characters; the caller's fault.
    #[error("a keyword has 1 to 128 bytes and no control characters")]
    Keyword,
    /// A record has more index entries than the largest padding; the writer's fault.
    #[error("{found} keywords are over the limit of {limit}")]
    TooManyKeywords {
        /// Entries found.
        found: usize,
        /// The most that fit.
        limit: usize,
    },
    /// A keyword's numbers are used up: 65,536 entries of one writer for one patient in one
    /// quarter.
    #[error("all numbers of this keyword are used in this quarter")]
    Counter,
    /// A signature does not hold; the fault of whoever signed or passed it on.
    #[error("the signature does not verify")]
    Signature,
    /// An escrow's proof does not hold for this pseudonym, regulators and context; the patient's
    /// fault.
    #[error("the escrow does not verify")]
    Escrow,
    /// A regulator's share, or part of an opening, is not of what was dealt to it; that regulator's
    /// fault.
    #[error("it is not of the regulator's share")]
    EscrowPart,
    /// The key or the associated data are not those the message was sealed with.
    #[error("sealed with another key or other associated data")]
    WrongKey,
    /// Sealed by a suite of algorithms that this program does not know: it is older than the bytes.
    #[error(
        "sealed by suite {found}; this program knows suite {} only",
        crate::suite::SUITE
    )]
    Suite {
        /// Its number.
        found: u8,
    },
    /// Sealed bytes end early: ask the store again.
    #[error("the sealed bytes end early")]
    Truncated,
    /// A chunk was changed, moved, repeated or added: ask another store.
    #[error("chunk {chunk} of the sealed bytes is corrupt")]
    Corrupt {
        /// Which chunk of 64 KiB, from 0.
        chunk: u64,
    },
    /// Sealed bytes hold more than [`crate::seal::PLAINTEXT_MAX`].
    #[error(
        "the sealed bytes are over the limit of {} bytes of plaintext",
        crate::seal::PLAINTEXT_MAX
    )]
    TooLarge,
    /// A seed has another number of words; the typist's fault.
    #[error("a seed has 24 words, not {count}")]
    WordCount {
        /// How many were given.
        count: usize,
    },
    /// A word of a seed is in no word list; the typist's fault. The word itself is not repeated.
    #[error("word {position} is in no word list")]
    UnknownWord {
        /// Which word, from 1.
        position: usize,
    },
    /// The words are known but do not belong together; the typist's fault.
    #[error("the words' checksum fails: a word is wrong or two are swapped")]
    WordChecksum,
    /// No such grade of confidentiality.
    #[error("no such confidentiality")]
    Confidentiality,
    /// No such calendar quarter: the year is 1 to 9999, the quarter 1 to 4, the month 1 to 12.
    #[error("no such calendar quarter")]
    Quarter,
}
