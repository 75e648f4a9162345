//! Every bound of connections, with its reason. An operator sets two of them, in `node.json`;
//! the others follow, or are the same everywhere.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use yilian_protocol::limits::REQUEST_MAX;

/// Connections in all, unless an operator says otherwise: a few thousand people behind a proxy, or
/// some hundred browsers, which open six each. One takes about 50 kB.
const TOTAL: usize = 2_048;
/// Connections of one address that proved nothing, unless an operator says otherwise: ten browsers
/// behind one router. Twelve addresses fill what strangers may have, and then push out their own.
const PER_ADDRESS: usize = 64;
/// The fewest that there may be in all: each kind has some.
pub(crate) const TOTAL_MIN: usize = 64;

/// What an operator says of connections, `connections` in `node.json`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ConnectionOptions {
    /// In all. Fewer, where the system allows fewer open files.
    pub total: usize,
    /// Of one address (of IPv6: of one /64) that showed no certificate of a member.
    pub per_address: usize,
    /// Whether connections from this machine have places of their own. `false` where a proxy on
    /// this machine passes the TLS of strangers on: they all come from here then.
    pub loopback_apart: bool,
}

impl Default for ConnectionOptions {
    fn default() -> Self {
        Self {
            total: TOTAL,
            per_address: PER_ADDRESS,
            loopback_apart: true,
        }
    }
}

/// The bounds of one node.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// Connections whose handshake is going on. They are the first to go.
    pub arriving: usize,
    /// Connections of callers who showed no certificate.
    pub strangers: usize,
    /// Connections with a certificate of a member: strangers never take one of these places.
    pub members: usize,
    /// Of them, those of one member, so that none keeps out the others.
    pub per_member: usize,
    /// Connections from this machine: its operator's, or its proxy's.
    pub loopback: usize,
    /// Of one address, as strangers, and as many while they arrive: strangers there take no place
    /// of a member's who arrives.
    pub per_address: usize,
    /// Whether this machine's connections are [`Self::loopback`], or anybody's.
    pub loopback_apart: bool,
    /// How long things may take.
    pub times: Times,
    /// Bytes of bodies that are being read, and of calls that are being served.
    pub uploads: Bytes,
    /// Bytes of answers that are not written yet.
    pub answers: Bytes,
}

impl Limits {
    /// Those of `total` connections: an eighth to arrive, three eighths for strangers, a quarter
    /// each for members and this machine.
    #[must_use]
    pub const fn of(options: ConnectionOptions) -> Self {
        let total = options.total;
        let members = total / 4;
        Self {
            arriving: total / 8,
            strangers: total / 8 * 3,
            members,
            per_member: members.div_ceil(4),
            loopback: total / 4,
            per_address: options.per_address,
            loopback_apart: options.loopback_apart,
            times: Times::USUAL,
            uploads: Bytes::UPLOADS,
            answers: Bytes::ANSWERS,
        }
    }
}

impl Default for Limits {
    fn default() -> Self {
        Self::of(ConnectionOptions::default())
    }
}

/// How long things may take.
#[derive(Debug, Clone, Copy)]
pub struct Times {
    /// A TLS handshake: three ways over a slow line.
    pub handshake: Duration,
    /// The head of a request, from its first byte; and the time until the first request begins.
    pub head: Duration,
    /// Between two requests: longer than our clients keep a connection (90 s), so that a request
    /// seldom meets a connection that is just being closed.
    pub idle: Duration,
    /// A body: the largest over a line of 3.2 Mbit/s.
    pub body: Duration,
    /// Between two pieces of a body.
    pub body_pause: Duration,
    /// An answer, until the system has all of it: as a body.
    pub answer: Duration,
    /// Between two pieces of an answer that the system takes.
    pub answer_pause: Duration,
    /// A connection, until it is to be made anew: certificates are looked at when it is.
    pub age: Duration,
    /// What goes on when the node is told to stop: a block takes two seconds, three when a leader
    /// is silent. systemd waits for 90 s, Docker for 10.
    pub drain: Duration,
}

impl Times {
    const USUAL: Self = Self {
        handshake: Duration::from_secs(10),
        head: Duration::from_secs(15),
        idle: Duration::from_secs(120),
        body: Duration::from_secs(120),
        body_pause: Duration::from_secs(20),
        answer: Duration::from_secs(120),
        answer_pause: Duration::from_secs(30),
        age: Duration::from_secs(60 * 60),
        drain: Duration::from_secs(8),
    };
}

/// Bytes in flight, by who has them. Whoever fills his part is told to come again; the others do
/// not notice.
#[derive(Debug, Clone, Copy)]
pub struct Bytes {
    /// Of all strangers together.
    pub strangers: usize,
    /// Of one address of theirs.
    pub per_address: usize,
    /// Of all members together.
    pub members: usize,
    /// Of one of them.
    pub per_member: usize,
    /// Of this machine.
    pub loopback: usize,
    /// What any address or member may have in any case, so that small calls go on when others have
    /// filled their part.
    pub small: usize,
}

impl Bytes {
    /// A largest request for each of three addresses, two for each of two members, whose followers
    /// leave their ciphertext here, and two from this machine.
    const UPLOADS: Self = Self {
        strangers: 3 * REQUEST_MAX,
        per_address: REQUEST_MAX,
        members: 4 * REQUEST_MAX,
        per_member: 2 * REQUEST_MAX,
        loopback: 2 * REQUEST_MAX,
        small: SMALL,
    };
    /// Two largest answers of each kind. With the uploads strangers hold 272 MiB at most.
    const ANSWERS: Self = Self {
        strangers: 2 * ANSWER_MAX,
        per_address: ANSWER_MAX,
        members: 2 * ANSWER_MAX,
        per_member: ANSWER_MAX,
        loopback: 2 * ANSWER_MAX,
        small: SMALL,
    };
}

/// A sealed letter, a proof of the state, a transaction of a patient. With all places taken by as
/// many addresses that is 48 MB.
const SMALL: usize = 64 * 1024;
/// Bytes of the largest answer in the table of calls.
const ANSWER_MAX: usize = 64 * 1024 * 1024;

/// Bytes that one connection reads ahead, and so of the largest head of a request.
pub(crate) const HEAD_MAX: usize = 32 * 1024;
/// Fields of a head: browsers send about twenty.
pub(crate) const FIELDS_MAX: usize = 64;

#[cfg(test)]
mod tests {
    use yilian_protocol::call::{self, Registry, ServedBy};

    use super::*;
    use crate::service::Node;

    struct Rows(Vec<call::Row>);

    impl<S> Registry<S> for Rows {
        fn register<C: ServedBy<S>>(&mut self) {
            self.0.push(C::ROW);
        }
    }

    /// Else it could never be made from there, however quiet the node is.
    #[test]
    fn every_call_fits_into_what_one_caller_may_have_in_flight() {
        let mut rows = Rows(Vec::new());
        call::register::<Node>(&mut rows);
        let Limits {
            uploads, answers, ..
        } = Limits::default();
        for row in rows.0 {
            for (bytes, largest) in [(uploads, row.body_max), (answers, row.answer_max)] {
                let each = [bytes.per_address, bytes.per_member, bytes.loopback];
                assert!(each.iter().all(|room| *room >= largest), "{}", row.name);
                assert!(
                    bytes.strangers >= 2 * bytes.per_address,
                    "one keeps out all"
                );
                assert!(bytes.members >= 2 * bytes.per_member, "one keeps out all");
            }
        }
    }

    #[test]
    fn few_places_are_enough_for_every_kind() {
        for total in [TOTAL_MIN, 100, 1_000, TOTAL] {
            let limits = Limits::of(ConnectionOptions {
                total,
                ..ConnectionOptions::default()
            });
            let all = limits.arriving + limits.strangers + limits.members + limits.loopback;
            assert!(all <= total, "{limits:?}");
            assert!(limits.arriving >= 8 && limits.per_member >= 4, "{limits:?}");
        }
    }
}
