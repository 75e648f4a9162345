//! Room for connections: who has a place, and whose is taken when there is none left.
//!
//! ```text
//! accept -> arriving -> handshake -> a member's certificate -> member
//!      |                         `-> none                   -> stranger
//!      `-> from this machine: loopback
//! ```
//! Each kind has its own places, and of them each address. So strangers, however many, take none of
//! the members', and who arrives can always begin a handshake: of those who arrive the oldest of
//! the fullest address goes. A certificate of a member that may not act is none.

use std::{
    cmp::Reverse,
    collections::{HashMap, hash_map::Entry},
    hash::Hash,
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use yilian_protocol::MemberId;

use super::{
    counted::{Closed, Counted, Flight, Refused},
    flight::Flights,
    limits::{Bytes, Limits},
    line::Line,
};

/// How many times as many connections an address, a network or a member has, of those that are
/// being served too, when one of them gives way to another's.
const SEVERAL: usize = 4;

/// Whom an address may belong to: IPv6 is given out by /64.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Origin(IpAddr);

impl From<IpAddr> for Origin {
    fn from(address: IpAddr) -> Self {
        Self(match address.to_canonical() {
            IpAddr::V6(address) => {
                let network = address.to_bits() & !u128::from(u64::MAX);
                Ipv6Addr::from_bits(network).into()
            }
            v4 @ IpAddr::V4(_) => v4,
        })
    }
}

/// Whom neighbouring addresses may belong to: a site has a /48 of IPv6 at most, and whoever has
/// many addresses of IPv4 has them in few /24.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
struct Network(IpAddr);

impl From<Origin> for Network {
    fn from(Origin(address): Origin) -> Self {
        Self(match address {
            IpAddr::V6(address) => Ipv6Addr::from_bits(address.to_bits() & (!0 << 80)).into(),
            IpAddr::V4(address) => Ipv4Addr::from_bits(address.to_bits() & (!0 << 8)).into(),
        })
    }
}

/// Which places a connection takes one of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Kind {
    /// Its handshake is going on.
    Arriving,
    /// It proved nothing.
    Stranger,
    /// It showed a certificate of this member.
    Member(MemberId),
    /// It comes from this machine.
    Loopback,
}

impl Kind {
    /// Whether the places of its address are counted.
    const fn is_unproven(self) -> bool {
        matches!(self, Self::Arriving | Self::Stranger)
    }
}

/// The places.
#[derive(Debug)]
pub(crate) struct Room {
    pub(crate) limits: Limits,
    pub(crate) counted: Counted,
    uploads: Flights,
    answers: Flights,
    places: Mutex<Places>,
}

#[derive(Debug, Default)]
struct Places {
    next: u64,
    open: HashMap<u64, Taken>,
    /// How many of them each address has, of those that arrive, and of strangers; and each network.
    addresses: HashMap<(Kind, Origin), usize>,
    networks: HashMap<(Kind, Network), usize>,
    /// How many of them there are of each kind, and of members together.
    kinds: HashMap<Kind, usize>,
    members: usize,
}

#[derive(Debug)]
struct Taken {
    kind: Kind,
    origin: Origin,
    line: Arc<Line>,
}

/// A place that is taken, until it is dropped.
#[derive(Debug)]
pub(crate) struct Place {
    room: Arc<Room>,
    number: u64,
    /// Of whose connection it is.
    pub(crate) line: Arc<Line>,
}

impl Room {
    /// Room within `limits`.
    pub(crate) fn new(limits: Limits) -> Arc<Self> {
        Arc::new(Self {
            limits,
            counted: Counted::default(),
            uploads: Flights::default(),
            answers: Flights::default(),
            places: Mutex::default(),
        })
    }

    /// A place for a connection from `address`, which has to make a handshake if `tls` is spoken.
    pub(crate) fn admit(self: &Arc<Self>, address: IpAddr, tls: bool) -> Result<Place, Refused> {
        let is_local = address.to_canonical().is_loopback();
        let kind = match (is_local && self.limits.loopback_apart, tls) {
            (true, _) => Kind::Loopback,
            (false, true) => Kind::Arriving,
            (false, false) => Kind::Stranger,
        };
        let origin = Origin::from(address);
        let mut places = self.places();
        if let Err(refused) = self.make_room(&mut places, kind, origin) {
            self.counted.refused(refused);
            return Err(refused);
        }
        let number = places.next;
        places.next += 1;
        let line = Arc::new(Line::default());
        let taken = Taken {
            kind,
            origin,
            line: Arc::clone(&line),
        };
        self.put(&mut places, number, taken);
        drop(places);
        Ok(Place {
            room: Arc::clone(self),
            number,
            line,
        })
    }

    /// Makes room for one more of `kind`: takes the place of one that rests, where it has to.
    fn make_room(&self, places: &mut Places, kind: Kind, origin: Origin) -> Result<(), Refused> {
        let Limits {
            arriving,
            strangers,
            members,
            per_member,
            loopback,
            per_address,
            ..
        } = self.limits;
        if kind.is_unproven() && places.of_address(kind, origin) >= per_address {
            let of_address = |taken: &Taken| taken.kind == kind && taken.origin == origin;
            self.take_from(places, (kind, origin), of_address)
                .ok_or(Refused::Address)?;
        }
        let most = match kind {
            Kind::Arriving => arriving,
            Kind::Stranger => strangers,
            Kind::Loopback => loopback,
            Kind::Member(_) => per_member,
        };
        if places.count(kind) >= most {
            self.take_from(places, (kind, origin), |taken| taken.kind == kind)
                .ok_or(Refused::Full)?;
        }
        // Of members that have more than this one will have. Whoever finds no place among members
        // is a stranger.
        if matches!(kind, Kind::Member(_)) && places.members >= members {
            let own = places.count(kind) + 1;
            let counts = places.kinds.clone();
            let has_more = |taken: &Taken| {
                let has = counts.get(&taken.kind).copied().unwrap_or_default();
                matches!(taken.kind, Kind::Member(_)) && has > own
            };
            self.take_from(places, (kind, origin), has_more)
                .ok_or(Refused::Full)?;
        }
        Ok(())
    }

    /// Closes, of those of whom nothing is being served, the one that has rested longest of whoever
    /// has the most. Where there are none, of those who send or take slowly. Where all are being
    /// served, who has several times as many as `for_whom` gives up his oldest: else few addresses
    /// with calls that wait would keep all others out.
    fn take_from(
        &self,
        places: &mut Places,
        for_whom: (Kind, Origin),
        may_go: impl Fn(&Taken) -> bool,
    ) -> Option<()> {
        let (own, mut chosen) = (places.shares(for_whom), None);
        for (number, taken) in &places.open {
            if !may_go(taken) {
                continue;
            }
            let full = places.shares((taken.kind, taken.origin));
            let several = full
                .iter()
                .zip(own)
                .any(|(full, own)| *full > SEVERAL * (own + 1));
            let class = match &taken.line {
                line if line.rests() => Class::Rests,
                line if line.dawdles() => Class::Dawdles,
                _ if several => Class::IsServed,
                _ => continue,
            };
            let oldest = Reverse((taken.line.since(), *number));
            chosen = chosen.max(Some((class, full, oldest)));
        }
        let (.., Reverse((_, number))) = chosen?;
        let gone = self.remove(places, number)?;
        gone.line.close();
        self.counted.closed(Closed::Room);
        Some(())
    }

    fn put(&self, places: &mut Places, number: u64, taken: Taken) {
        if taken.kind.is_unproven() {
            let Taken { kind, origin, .. } = taken;
            *places.addresses.entry((kind, origin)).or_default() += 1;
            *places.networks.entry((kind, origin.into())).or_default() += 1;
        }
        *places.kinds.entry(taken.kind).or_default() += 1;
        places.members += usize::from(matches!(taken.kind, Kind::Member(_)));
        self.counted.opened(taken.kind);
        places.open.insert(number, taken);
    }

    fn remove(&self, places: &mut Places, number: u64) -> Option<Taken> {
        let taken = places.open.remove(&number)?;
        self.counted.ended(taken.kind);
        less(&mut places.kinds, taken.kind);
        places.members -= usize::from(matches!(taken.kind, Kind::Member(_)));
        if taken.kind.is_unproven() {
            less(&mut places.addresses, (taken.kind, taken.origin));
            less(&mut places.networks, (taken.kind, taken.origin.into()));
        }
        Some(taken)
    }

    /// No panic can leave the map half-changed.
    fn places(&self) -> MutexGuard<'_, Places> {
        self.places.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What is in flight, and what may be.
    pub(crate) const fn flights(&self, what: Flight) -> (&Flights, &Bytes) {
        match what {
            Flight::Upload => (&self.uploads, &self.limits.uploads),
            Flight::Answer => (&self.answers, &self.limits.answers),
        }
    }

    /// For Prometheus.
    pub(crate) fn metrics(&self) -> String {
        self.counted.text()
    }
}

/// In which order places are taken: the last goes first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Class {
    IsServed,
    Dawdles,
    Rests,
}

impl Places {
    fn of_address(&self, kind: Kind, origin: Origin) -> usize {
        let found = self.addresses.get(&(kind, origin));
        found.copied().unwrap_or_default()
    }

    /// How many connections of its kind somebody's network has, and his address; or his member.
    fn shares(&self, (kind, origin): (Kind, Origin)) -> [usize; 2] {
        match kind {
            Kind::Arriving | Kind::Stranger => {
                let network = self.networks.get(&(kind, origin.into()));
                let network = network.copied().unwrap_or_default();
                [network, self.of_address(kind, origin)]
            }
            Kind::Member(_) => [self.count(kind); 2],
            Kind::Loopback => [0; 2],
        }
    }

    fn count(&self, kind: Kind) -> usize {
        self.kinds.get(&kind).copied().unwrap_or_default()
    }
}

/// Counts one less; nothing is kept of what there is none of.
fn less<K: Eq + Hash>(counts: &mut HashMap<K, usize>, of: K) {
    if let Entry::Occupied(mut count) = counts.entry(of) {
        *count.get_mut() -= 1;
        if *count.get() == 0 {
            count.remove();
        }
    }
}

impl Place {
    /// The handshake is done, and showed a certificate of `member`, or none. The member of whose
    /// places it has one, if it is that one's. A connection from this machine keeps its place.
    ///
    /// # Errors
    /// Why there is no place for it, or that its place was taken.
    pub(crate) fn arrived(&self, member: Option<MemberId>) -> Result<Option<MemberId>, Refused> {
        let (room, mut places) = (&self.room, self.room.places());
        let Some(taken) = places.open.get(&self.number) else {
            return Err(Refused::Full);
        };
        let (kind, origin) = (taken.kind, taken.origin);
        if kind != Kind::Arriving {
            return Ok(None);
        }
        let proven = member.filter(|member| {
            let made = room.make_room(&mut places, Kind::Member(*member), origin);
            made.is_ok()
        });
        let now = match proven {
            Some(member) => Kind::Member(member),
            None => {
                let made = room.make_room(&mut places, Kind::Stranger, origin);
                made.inspect_err(|refused| room.counted.refused(*refused))?;
                Kind::Stranger
            }
        };
        if let Some(taken) = room.remove(&mut places, self.number) {
            let taken = Taken { kind: now, ..taken };
            room.put(&mut places, self.number, taken);
        }
        Ok(proven)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut places = self.room.places();
        drop(self.room.remove(&mut places, self.number));
    }
}

#[cfg(test)]
mod tests;
