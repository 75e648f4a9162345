//! A hospital's private chain, which names who wrote what. See [`crate::log`].

use schemars::JsonSchema;

use super::{ANSWER_LARGE, ANSWER_SMALL, BODY_SMALL};
use crate::{
    ids::{Height, MemberId},
    log::{LogBlock, LogCheck, LogHeader, LogInclusion, OpenEntries},
};

crate::calls! {
    /// Private chains of the hospitals that the node acts for.
    contract PrivateChainContract "private-chain" {
        /// How far a hospital's private chain is.
        head: GetLogHead { hospital: MemberId } -> LogHead as Json, get "logs/{hospital}"
            { body: 0, answer: ANSWER_SMALL, caller: Member, work: Light, at_once: 64 };

        /// A block of a hospital's private chain.
        log_block: GetLogBlock { hospital: MemberId, height: Height } -> LogBlock as Json,
            get "logs/{hospital}/blocks/{height}"
            { body: 0, answer: ANSWER_LARGE, caller: Member, work: Light, at_once: 64 };

        /// The entries of a hospital's private chain that are in no block yet.
        open_entries: GetOpenEntries { hospital: MemberId } -> OpenEntries as Json,
            get "logs/{hospital}/open"
            { body: 0, answer: ANSWER_LARGE, caller: Member, work: Light, at_once: 64 };

        /// Close a block over entries that another workstation checked.
        check: CheckLog(LogCheck) -> LogBlock as Json, post "log-checks"
            { body: BODY_SMALL, answer: ANSWER_LARGE, caller: Member, work: Light, at_once: 64 };

        /// That an entry stands among the first `size` of a hospital's private chain.
        inclusion: GetLogInclusion { hospital: MemberId, index: u64, size: u64 }
            -> LogInclusion as Json, get "logs/{hospital}/entries/{index}/proof"
            { body: 0, answer: ANSWER_SMALL, caller: Member, work: Light, at_once: 64 };
    }
}

/// How far a hospital's private chain is.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize, JsonSchema)]
pub struct LogHead {
    /// How many entries it has, those of no block yet included.
    pub size: u64,
    /// The latest block's header.
    pub latest: Option<LogHeader>,
}
