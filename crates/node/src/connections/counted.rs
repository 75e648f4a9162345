//! What of connections is counted, for Prometheus.

use prometheus_client::{
    encoding::text::encode_registry,
    metrics::{counter::Counter, family::Family, gauge::Gauge},
    registry::Registry,
};

use super::room::Kind;

/// Why a connection gets no place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Refused {
    /// Its address has as many as it may, and all of them are being served.
    Address,
    /// All places are taken by connections that are being served.
    Full,
}

/// Why a connection was closed from this end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Closed {
    /// Another one got its place.
    Room,
    /// Its handshake failed, or took too long.
    Handshake,
    /// A request, or its head, did not come in time.
    Silence,
    /// An answer was not read in time.
    Unread,
}

/// What is in flight.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Flight {
    /// A body.
    Upload,
    /// An answer.
    Answer,
}

/// One label, and its value.
type Label = [(&'static str, &'static str); 1];

/// The counters.
#[derive(Debug)]
pub(crate) struct Counted {
    registry: Registry,
    open: Family<Label, Gauge>,
    refused: Family<Label, Counter>,
    closed: Family<Label, Counter>,
    busy: Family<Label, Counter>,
}

impl Default for Counted {
    fn default() -> Self {
        let mut registry = Registry::with_prefix("yilian");
        let open = Family::<Label, Gauge>::default();
        registry.register("connections", "Open connections", open.clone());
        let mut counter = |name: &str, help: &str| {
            let counter = Family::<Label, Counter>::default();
            registry.register(name, help, counter.clone());
            counter
        };
        let refused = counter(
            "connections_refused",
            "Connections for which there was no place",
        );
        let closed = counter("connections_closed", "Connections closed from this end");
        let busy = counter(
            "flights_refused",
            "Bodies and answers for whose bytes there was no room",
        );
        Self {
            registry,
            open,
            refused,
            closed,
            busy,
        }
    }
}

impl Counted {
    pub(crate) fn opened(&self, kind: Kind) {
        self.open.get_or_create(&of_kind(kind)).inc();
    }

    pub(crate) fn ended(&self, kind: Kind) {
        self.open.get_or_create(&of_kind(kind)).dec();
    }

    pub(crate) fn refused(&self, why: Refused) {
        let reason = match why {
            Refused::Address => "address",
            Refused::Full => "full",
        };
        self.refused.get_or_create(&[("reason", reason)]).inc();
    }

    pub(crate) fn closed(&self, why: Closed) {
        let reason = match why {
            Closed::Room => "room",
            Closed::Handshake => "handshake",
            Closed::Silence => "silence",
            Closed::Unread => "unread",
        };
        self.closed.get_or_create(&[("reason", reason)]).inc();
    }

    pub(crate) fn busy(&self, what: Flight) {
        let what = match what {
            Flight::Upload => "upload",
            Flight::Answer => "answer",
        };
        self.busy.get_or_create(&[("what", what)]).inc();
    }

    /// Without an end, so that others' can follow.
    pub(crate) fn text(&self) -> String {
        let mut text = String::new();
        // A string takes all that is written to it.
        let written = encode_registry(&mut text, &self.registry);
        debug_assert!(written.is_ok(), "{written:?}");
        text
    }
}

const fn of_kind(kind: Kind) -> Label {
    let kind = match kind {
        Kind::Arriving => "arriving",
        Kind::Stranger => "stranger",
        Kind::Member(_) => "member",
        Kind::Loopback => "loopback",
    };
    [("kind", kind)]
}
