//! Bytes in flight: bodies that are being read, calls that are being served, answers that are not
//! written yet. Each caller has a part, so that nobody's uploads take the memory of all.

use std::{
    collections::HashMap,
    net::IpAddr,
    sync::{Arc, Mutex, PoisonError},
};

use axum::{body::Bytes, http::Extensions};
use yilian_protocol::{MemberId, call::CallError};

use super::{
    counted::Flight,
    limits::{Bytes as Parts, Times},
    line::{Line, Phase},
    room::{Origin, Room},
};
use crate::tls::Caller;

/// When to come again, where there is no room.
const RETRY_MS: u64 = 1_000;

/// Whose bytes they are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Holder {
    Stranger(Origin),
    Member(MemberId),
    Loopback,
}

/// How many bytes each has.
#[derive(Debug, Default)]
pub(crate) struct Flights(Mutex<HashMap<Holder, usize>>);

impl Flights {
    /// Notes `more` bytes, if there is room.
    fn take(&self, parts: &Parts, holder: Holder, more: usize) -> bool {
        let mut held = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let sum = |of: fn(&Holder) -> bool| -> usize {
            let held = held.iter().filter(|(holder, _)| of(holder));
            held.map(|(_, bytes)| bytes).sum()
        };
        let (all, most, each) = match holder {
            Holder::Stranger(_) => (
                sum(|holder| matches!(holder, Holder::Stranger(_))),
                parts.strangers,
                parts.per_address,
            ),
            Holder::Member(_) => (
                sum(|holder| matches!(holder, Holder::Member(_))),
                parts.members,
                parts.per_member,
            ),
            Holder::Loopback => (0, parts.loopback, parts.loopback),
        };
        let own = held.get(&holder).copied().unwrap_or_default();
        let own = own.saturating_add(more);
        let is_small = own <= parts.small;
        if own > each || (all.saturating_add(more) > most && !is_small) {
            return false;
        }
        held.insert(holder, own);
        true
    }

    fn give_back(&self, holder: Holder, bytes: usize) {
        let mut held = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(own) = held.get_mut(&holder) {
            *own = own.saturating_sub(bytes);
            if *own == 0 {
                held.remove(&holder);
            }
        }
    }
}

/// What the requests of one connection may hold.
#[derive(Debug, Clone)]
pub(crate) struct Allowance {
    room: Arc<Room>,
    holder: Holder,
    line: Arc<Line>,
}

/// Bytes that are held, until it is dropped.
#[derive(Debug)]
pub(crate) struct Held {
    allowance: Allowance,
    what: Flight,
    bytes: usize,
}

impl Allowance {
    /// Of the connection `line` from `address`, over which `caller` speaks.
    pub(crate) fn new(room: Arc<Room>, line: Arc<Line>, address: IpAddr, caller: Caller) -> Self {
        let is_local = address.to_canonical().is_loopback() && room.limits.loopback_apart;
        let holder = match caller {
            Caller::Member(member) => Holder::Member(member),
            Caller::Anybody | Caller::Unknown if is_local => Holder::Loopback,
            Caller::Anybody | Caller::Unknown => Holder::Stranger(address.into()),
        };
        Self { room, holder, line }
    }

    /// Of a request; of one that came over no connection, what one from this machine may.
    pub(crate) fn of(extensions: &Extensions) -> Self {
        extensions.get().cloned().unwrap_or_else(|| Self {
            room: Room::new(super::Limits::default()),
            holder: Holder::Loopback,
            line: Arc::default(),
        })
    }

    /// A body is being read from now on, or, when it was, its call is served.
    pub(crate) fn reads_body(&self, reads: bool) {
        self.line.enter(match reads {
            true => Phase::Body,
            false => Phase::Serving,
        });
    }

    /// That much of it came.
    pub(crate) fn came(&self, bytes: usize) {
        self.line.moved(bytes);
    }

    /// How long its body may take.
    pub(crate) fn times(&self) -> Times {
        self.room.limits.times
    }

    /// A body of which nothing came yet.
    pub(crate) fn upload(&self) -> Held {
        self.hold(Flight::Upload)
    }

    /// An answer of which nothing came yet.
    pub(crate) fn awaited(&self) -> Held {
        self.hold(Flight::Answer)
    }

    fn hold(&self, what: Flight) -> Held {
        Held {
            allowance: self.clone(),
            what,
            bytes: 0,
        }
    }

    /// An answer, as bytes that are held until they are written.
    ///
    /// # Errors
    /// [`CallError::Busy`] when there is no room for it.
    pub(crate) fn answer(&self, mut answer: Vec<u8>) -> Result<Bytes, CallError> {
        // What was written piece by piece has up to twice the room that it needs.
        answer.shrink_to_fit();
        let mut held = self.hold(Flight::Answer);
        held.grow(answer.capacity())?;
        Ok(Bytes::from_owner(Answer {
            bytes: answer,
            _held: held,
        }))
    }
}

impl Held {
    /// Holds `more` bytes than before.
    ///
    /// # Errors
    /// [`CallError::Busy`] when there is no room for them.
    pub(crate) fn grow(&mut self, more: usize) -> Result<(), CallError> {
        let Allowance { room, holder, .. } = &self.allowance;
        let (flights, parts) = room.flights(self.what);
        if !flights.take(parts, *holder, more) {
            room.counted.busy(self.what);
            return Err(CallError::Busy { retry_ms: RETRY_MS });
        }
        self.bytes += more;
        Ok(())
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        let Allowance { room, holder, .. } = &self.allowance;
        room.flights(self.what).0.give_back(*holder, self.bytes);
    }
}

struct Answer {
    bytes: Vec<u8>,
    _held: Held,
}

impl AsRef<[u8]> for Answer {
    fn as_ref(&self) -> &[u8] {
        &self.bytes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PARTS: Parts = Parts {
        strangers: 100,
        per_address: 60,
        members: 100,
        per_member: 60,
        loopback: 100,
        small: 5,
    };

    fn stranger(text: &str) -> Holder {
        Holder::Stranger(text.parse::<IpAddr>().unwrap().into())
    }

    #[test]
    fn who_fills_his_part_takes_nothing_of_the_others() {
        let flights = Flights::default();
        let take = |holder, bytes| flights.take(&PARTS, holder, bytes);
        let (first, second) = (stranger("192.0.2.1"), stranger("192.0.2.2"));
        assert!(take(first, 50) && take(first, 10) && !take(first, 1));
        assert!(
            take(second, 40) && !take(second, 1),
            "all of strangers' are taken"
        );
        let member = |number| Holder::Member(MemberId::from_bytes([number; 32]));
        assert!(take(member(1), 60) && !take(member(1), 1) && take(member(2), 40));
        assert!(take(Holder::Loopback, 100) && !take(Holder::Loopback, 1));
        // Little is always taken: of an address that has nothing else.
        let third = stranger("192.0.2.3");
        assert!(take(third, 3) && take(third, 2) && !take(third, 1));
        flights.give_back(first, 60);
        assert!(take(third, 50));
        for (holder, bytes) in [(second, 40), (third, 55), (member(1), 60), (member(2), 40)] {
            flights.give_back(holder, bytes);
        }
        flights.give_back(Holder::Loopback, 100);
        assert!(flights.0.lock().unwrap().is_empty());
    }

    #[test]
    fn bytes_are_given_back_when_the_last_of_them_is_gone() {
        let room = Room::new(super::super::Limits {
            answers: PARTS,
            uploads: PARTS,
            ..super::super::Limits::default()
        });
        let address = "192.0.2.1".parse().unwrap();
        let line = Arc::default();
        let allowance = Allowance::new(Arc::clone(&room), line, address, Caller::Anybody);
        let answer = allowance.answer(vec![7; 60]).unwrap();
        let part = answer.slice(10..20);
        drop(answer);
        assert!(
            allowance.answer(vec![7; 10]).is_err(),
            "a part of it is still there"
        );
        assert_eq!(&part[..], [7; 10]);
        drop(part);
        drop(allowance.answer(vec![7; 60]).unwrap());
        // Uploads are others.
        let mut upload = allowance.upload();
        let _answer = allowance.answer(vec![7; 60]).unwrap();
        upload.grow(60).unwrap();
        let refused = upload.grow(1);
        assert!(
            matches!(refused, Err(CallError::Busy { .. })),
            "{refused:?}"
        );
        drop(upload);
        allowance.upload().grow(60).unwrap();
        let text = room.metrics();
        assert!(
            text.contains(r#"yilian_flights_refused_total{what="upload"} 1"#),
            "{text}"
        );
    }
}
