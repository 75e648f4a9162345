//! Every limit of the wire in one place: what it bounds, in which unit, and why. Encoders and
//! decoders both hold to them.

/// Bytes of a sealed object, header included: a visit of the heaviest known patients is 4 MB, an
/// image series is sent in parts.
pub const OBJECT_MAX: usize = 32 * 1024 * 1024;
/// Bytes of a request body: one object of the largest size, its neighbours of a visit and the
/// envelope.
pub const REQUEST_MAX: usize = 48 * 1024 * 1024;
/// Bytes of an encoded, signed transaction. A visit of four records with 16 to 64 index entries
/// each is 5 to 19 kB, `RECORDS_MAX` records with 16 are 320 kB.
pub const TRANSACTION_MAX: usize = 512 * 1024;
/// Records sealed by one transaction: four levels of sensitivity, many visits batched by a
/// hospital.
pub const RECORDS_MAX: usize = 256;
/// Scopes one grant may name: four levels, two years of quarters, eight hospitals.
pub const SCOPES_MAX: usize = 256;
/// Grants that one member vouches for in one epoch.
pub const VOUCHERS_MAX: u32 = 1_000;
/// Changes of one grant; the last one can only revoke it.
pub const GRANT_CHANGES_MAX: u32 = 64;
/// Days for which a grant may be made: two years of quarters.
pub const GRANT_DAYS_MAX: u64 = 2 * 366;
/// Key holders of one grant.
pub const HOLDERS_MAX: usize = yilian_crypto::pre::HOLDERS_MAX;
/// Bytes of a sealed deposit: for each scope its key, shares of rekey and secret, and the
/// commitment of the largest threshold.
pub const DEPOSIT_MAX: usize = SCOPES_MAX * (48 + 96 + 96 + 4 + 48 * (HOLDERS_MAX - 1)) + 2_048;
/// Bytes of a key holder's answer, with a share of a scope secret, sealed to a reader.
pub const SEALED_PARTIAL_MAX: usize = yilian_crypto::kem::sealed_len(32 + 416 + 1 + 32 + 64 + 64);
/// Bytes of an ask, sealed to a key holder's node.
pub const SEALED_ASK_MAX: usize = yilian_crypto::kem::sealed_len(153 + 64);
/// Records that one letter names: many years of visits.
pub const LETTER_RECORDS_MAX: usize = 8_192;
/// Bytes of a sealed share or letter: the records named, and for each scope its key, secret and the
/// commitment of the largest threshold.
pub const LETTER_MAX: usize =
    LETTER_RECORDS_MAX * 80 + SCOPES_MAX * (48 + 32 + 4 + 48 * (HOLDERS_MAX - 1)) + 4_096;
/// Milliseconds for which an emergency grant is served after it was opened: a day.
pub const OPENING_MS: u64 = 24 * 60 * 60 * 1_000;
/// Milliseconds within which a request to open an identity comes onto the chain, approvals
/// gathered: a month.
pub const DISCLOSURE_MS: u64 = 30 * 24 * 60 * 60 * 1_000;
/// Nodes that may pass a call on to the node it is for: a follower's hub, and that hub's neighbour.
pub const HOPS_MAX: u8 = 2;
/// Uses of a grant that one answer lists.
pub const USES_MAX: usize = 1_000;
/// Members of a consortium that are not expelled: a list of all fits into one value of the state.
pub const MEMBERS_MAX: usize = 1_024;
/// Validators of one epoch: 3f + 1.
pub const DELEGATES_MAX: usize = 13;
/// Past suspensions of one member; one more, and it can only be expelled.
pub const SUSPENSIONS_MAX: usize = 256;
/// Nodes that stand for election or may hold a share of the group key, on one chain.
pub const CANDIDATES_MAX: usize = 256;
/// Of them, those of one member: the one that has its seat, one to follow it, and those that had it
/// just before.
pub const CANDIDATES_OF_MEMBER_MAX: usize = 4;
/// Blocks of the shortest epoch.
pub const EPOCH_BLOCKS_MIN: u32 = 32;
/// Bytes of an organisation's or person's name.
pub const NAME_MAX: usize = 128;
/// Bytes of an explanation given by a person, as for a revocation.
pub const REASON_MAX: usize = 256;
/// Transactions in one block.
pub const BLOCK_TRANSACTIONS_MAX: usize = 16_384;
/// Bytes of the consensus engine's part of a block header.
pub const CONSENSUS_MAX: usize = 256;
/// Headers between a block and the certified one that makes it final: views in a row whose votes
/// were lost.
pub const DESCENDANTS_MAX: usize = 32;
/// Bytes of a block's finality: the certificate, and [`DESCENDANTS_MAX`] headers.
pub const FINALITY_MAX: usize = 16 * 1024;
/// Hashes on a Merkle path: enough for 2^32 leaves.
pub const PATH_MAX: usize = 32;
/// Hashes of a proof of the state: the peaks and the siblings of a log of 2^62 operations.
pub const STATE_PATH_MAX: usize = 122;
/// Bytes of one value of the state.
pub const STATE_VALUE_MAX: usize = 64 * 1024;
/// Entries of one block of a private chain.
pub const PRIVATE_BLOCK_MAX: usize = 4_096;
/// Hashes of a proof that an entry stands in a private chain: enough for 2^64 entries.
pub const PRIVATE_PATH_MAX: usize = 64;
/// Hashes of a proof that a private chain extends what it was.
pub const CONSISTENCY_MAX: usize = 65;
/// Addresses of an index that one call looks up.
pub const LOOKUPS_MAX: usize = 4_096;
/// Trapdoors that one call searches with.
pub const SEARCHES_MAX: usize = 256;
/// Entries that the trapdoors of one call may cover together.
pub const RESULTS_MAX: u32 = 16_384;
/// Cross tags that one call asks about.
pub const CROSSINGS_MAX: usize = 4_096;
/// Values proven by one answer.
pub const PROOFS_MAX: usize = 64;
/// Entries one listing answers with; the next page starts where it ended.
pub const PAGE_MAX: usize = 1_000;
/// Milliseconds of a day.
pub const DAY_MS: u64 = 24 * 60 * 60 * 1_000;
/// Days a certificate may be valid.
pub const CERTIFICATE_DAYS_MAX: u64 = 5 * 366;
/// Milliseconds by which a reader's clock may differ from the node's when he asks.
pub const CLOCK_SKEW_MS: u64 = 5 * 60 * 1_000;
/// Packs that one append to traces covers: as many as one proof does.
pub const TRACE_PUSHES_MAX: usize = 4_096;
/// Bytes of a sealed event, which must fit into one value of the state.
pub const TRACE_EVENT_MAX: usize = 48 * 1024;
/// Bytes of a proof of knowledge.
pub const TRACE_PROOF_MAX: usize = 192 * 1024;
/// Blocks between the first and the last at which an append may be executed.
pub const TRACE_WINDOW_MAX: u64 = 1_000;
/// Alarms that one trace keeps; who holds a copied code shall not fill the disk.
pub const TRACE_LATE_MAX: u32 = 16;
/// Entries of a trace that one answer holds.
pub const TRACE_PAGE_MAX: u32 = 64;
/// Days a pass may be valid: it cannot be revoked, only run out.
pub const PASS_DAYS_MAX: u64 = 31;
/// Bytes of the largest letter in a mailbox, sealed and padded.
pub const MAIL_MAX: usize = 64 * 1024;
/// Bytes that a sealed letter may have: each is padded to the next of these.
pub const MAIL_SIZES: [usize; 3] = [4 * 1024, 16 * 1024, MAIL_MAX];
/// Bytes of what a person writes in a letter.
pub const MAIL_TEXT_MAX: usize = 1_024;
/// Milliseconds for which a letter is kept: thirty days.
pub const MAIL_MS: u64 = 30 * DAY_MS;
/// Letters of one mailbox.
pub const MAILBOX_LETTERS_MAX: u32 = 256;
/// Letters of one mailbox that are of the largest size: as many as a person has stamps for on one
/// day. They take no place of small ones, so a mailbox has 5.5 MiB at most.
pub const MAILBOX_LARGEST_MAX: u32 = 32;
/// Letters that one answer lists: at most a megabyte.
pub const MAIL_PAGE_MAX: usize = 16;
/// Letters that a node takes on one day for the stamps of one member, and for those of one of its
/// days.
pub const MAIL_OF_MEMBER_MAX: u32 = 4_096;
/// Days for which a stamp is good after that of which it is: as long as a letter is kept that
/// encloses one for its answer.
pub const STAMP_DAYS: u32 = 30;
/// Stamps that a certified person gets on one day.
pub const STAMPS_OF_PERSON_MAX: u32 = 32;
/// Stamps that the patient of a visit gets on one day.
pub const STAMPS_OF_VISIT_MAX: u32 = 8;
/// Stamps that one call asks for.
pub const STAMPS_ASKED_MAX: usize = 32;
/// Stamps that a letter encloses for its answer.
pub const STAMPS_ENCLOSED_MAX: usize = 4;
