//! The members that a node acts for.

use yilian_crypto::sign::SigningKey;
use yilian_protocol::MemberId;

/// The members a node acts for, and the keys by which it signs in their names. Asked anew each
/// time, so a member may join while the node runs.
pub trait HostedMembers: std::fmt::Debug + Send + Sync {
    /// The members.
    fn members(&self) -> Vec<MemberId>;

    /// The node key of `member`; `None` when the node does not act for it.
    fn key(&self, member: MemberId) -> Option<SigningKey>;
}
