//! What a connection is doing, as both ends of it are told: who serves it, and who looks for a
//! place that can be taken.

use std::{
    sync::{
        LazyLock,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use tokio::sync::Notify;

/// From when times are counted.
static BEGIN: LazyLock<Instant> = LazyLock::new(Instant::now);

/// What a connection is doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Phase {
    /// Its handshake, or the head of a request, is on its way; or its first request is waited for.
    Head,
    /// The next request is waited for.
    Idle,
    /// A request is being served: its body is read, or its answer made or written.
    Serving,
    /// All of the answer is handed over, and not yet written.
    Ending,
}

/// One connection.
#[derive(Debug)]
pub(crate) struct Line {
    /// The phase in the last two bits, and before them when it began, in microseconds.
    now: AtomicU64,
    close: Notify,
}

impl Default for Line {
    fn default() -> Self {
        Self {
            now: AtomicU64::new(packed(Phase::Head)),
            close: Notify::new(),
        }
    }
}

fn packed(phase: Phase) -> u64 {
    let since = u64::try_from(BEGIN.elapsed().as_micros()).unwrap_or(u64::MAX);
    let phase = match phase {
        Phase::Head => 0,
        Phase::Idle => 1,
        Phase::Serving => 2,
        Phase::Ending => 3,
    };
    (since << 2) | phase
}

impl Line {
    /// What it does, and since when.
    pub(crate) fn phase(&self) -> (Phase, Instant) {
        let now = self.now.load(Ordering::Acquire);
        let phase = match now & 3 {
            0 => Phase::Head,
            1 => Phase::Idle,
            2 => Phase::Serving,
            _ => Phase::Ending,
        };
        (phase, *BEGIN + Duration::from_micros(now >> 2))
    }

    /// It does this from now on.
    pub(crate) fn enter(&self, phase: Phase) {
        self.now.store(packed(phase), Ordering::Release);
    }

    /// For how long nothing of it has been served; `None` when something is. Half a head is
    /// nothing.
    pub(crate) fn rested(&self) -> Option<Duration> {
        match self.phase() {
            (Phase::Head | Phase::Idle, since) => Some(since.elapsed()),
            (Phase::Serving | Phase::Ending, _) => None,
        }
    }

    /// For how long it has done what it does.
    pub(crate) fn lasted(&self) -> Duration {
        self.phase().1.elapsed()
    }

    /// Has it closed: somebody else has its place.
    pub(crate) fn close(&self) {
        self.close.notify_one();
    }

    /// Returns when it is to be closed.
    pub(crate) async fn closed(&self) {
        self.close.notified().await;
    }
}
