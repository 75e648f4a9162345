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

/// For how long a caller may keep this node waiting, whatever he sends or takes.
const PATIENCE: Duration = Duration::from_secs(10);
/// Bytes in a second that a caller sends or takes at least: 256 kbit/s. One who is slower gives way
/// where there is no room.
const RATE_MIN: u64 = 32 * 1024;

/// From when times are counted.
static BEGIN: LazyLock<Instant> = LazyLock::new(|| {
    let (now, past) = (Instant::now(), Duration::from_secs(60));
    // Tests say that something began before.
    let begin = cfg!(test).then(|| now.checked_sub(past)).flatten();
    begin.unwrap_or(now)
});

/// What a connection is doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Phase {
    /// Its handshake, or the head of a request, is on its way; or its first request is waited for.
    Head,
    /// The next request is waited for.
    Idle,
    /// The body of a request is on its way.
    Body,
    /// A request is being served: its answer is made or written.
    Serving,
    /// All of the answer is handed over, and not yet written.
    Ending,
}

/// One connection.
#[derive(Debug)]
pub(crate) struct Line {
    /// The phase in the last three bits, and before them when it began, in microseconds.
    now: AtomicU64,
    /// Bytes that the caller sent or took in this phase.
    moved: AtomicU64,
    close: Notify,
    end: Notify,
}

impl Default for Line {
    fn default() -> Self {
        Self {
            now: AtomicU64::new(packed(Phase::Head)),
            moved: AtomicU64::new(0),
            close: Notify::new(),
            end: Notify::new(),
        }
    }
}

fn packed(phase: Phase) -> u64 {
    let since = u64::try_from(BEGIN.elapsed().as_micros()).unwrap_or(u64::MAX);
    let phase = match phase {
        Phase::Head => 0,
        Phase::Idle => 1,
        Phase::Body => 2,
        Phase::Serving => 3,
        Phase::Ending => 4,
    };
    (since << 3) | phase
}

impl Line {
    /// What it does, and since when.
    pub(crate) fn phase(&self) -> (Phase, Instant) {
        let now = self.now.load(Ordering::Acquire);
        let phase = match now & 7 {
            0 => Phase::Head,
            1 => Phase::Idle,
            2 => Phase::Body,
            3 => Phase::Serving,
            _ => Phase::Ending,
        };
        (phase, *BEGIN + Duration::from_micros(now >> 3))
    }

    /// It does this from now on.
    pub(crate) fn enter(&self, phase: Phase) {
        self.moved.store(0, Ordering::Relaxed);
        self.now.store(packed(phase), Ordering::Release);
    }

    /// The caller sent or took that much.
    pub(crate) fn moved(&self, bytes: usize) {
        self.moved.fetch_add(bytes as u64, Ordering::Relaxed);
    }

    /// Whether nothing of it is being served. Half a head is nothing.
    pub(crate) fn rests(&self) -> bool {
        match self.phase().0 {
            Phase::Head | Phase::Idle => true,
            Phase::Body | Phase::Serving | Phase::Ending => false,
        }
    }

    /// Whether a caller sends a body, or takes an answer, and does it slowly. While it is served,
    /// this node is what takes its time.
    pub(crate) fn dawdles(&self) -> bool {
        let (Phase::Body | Phase::Ending, since) = self.phase() else {
            return false;
        };
        let lasted = since.elapsed();
        let moved = self.moved.load(Ordering::Relaxed);
        let is_slow = moved < RATE_MIN.saturating_mul(lasted.as_secs());
        lasted >= PATIENCE && is_slow
    }

    /// Since when it has done what it does.
    pub(crate) fn since(&self) -> Instant {
        self.phase().1
    }

    /// As if it had done this for so long, up to a minute.
    #[cfg(test)]
    pub(crate) fn was(&self, phase: Phase, lasted: Duration) {
        let before = u64::try_from(lasted.as_micros()).unwrap() << 3;
        self.enter(phase);
        self.now.fetch_sub(before, Ordering::Release);
    }

    /// Has it closed: somebody else has its place.
    pub(crate) fn close(&self) {
        self.close.notify_one();
    }

    /// Has it closed when what is being served is answered.
    pub(crate) fn end(&self) {
        self.end.notify_one();
    }

    /// Returns when it is to be closed after the next answer.
    pub(crate) async fn ended(&self) {
        self.end.notified().await;
    }

    /// Returns when it is to be closed.
    pub(crate) async fn closed(&self) {
        self.close.notified().await;
    }
}
