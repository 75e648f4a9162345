//! A connection's bytes, with an eye on the clock: what does not come, and what is not taken, ends
//! it. `hyper` has one clock for heads and pauses between requests, and none for answers.

use std::{
    io::{self, ErrorKind, IoSlice},
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
    time::Instant,
};

use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    time::Sleep,
};

use super::{
    counted::Closed,
    line::{Line, Phase},
    room::Room,
};

/// What bytes come and go through.
pub(crate) trait Io: AsyncRead + AsyncWrite + Send + Unpin {}
impl<I: AsyncRead + AsyncWrite + Send + Unpin> Io for I {}

/// The bytes of one connection.
pub(crate) struct Watched {
    io: Box<dyn Io>,
    line: Arc<Line>,
    room: Arc<Room>,
    reading: Clock,
    writing: Clock,
    unwritten: Option<Unwritten>,
}

/// An answer that the system has not all of.
#[derive(Clone, Copy)]
struct Unwritten {
    since: Instant,
    /// When it took some of it.
    moved: Instant,
}

/// A deadline that moves.
#[derive(Default)]
struct Clock(Option<Pin<Box<Sleep>>>);

impl Clock {
    /// Whether it is `deadline`. If it is not, the task is woken then.
    fn is_over(&mut self, deadline: Instant, cx: &mut Context<'_>) -> bool {
        let deadline = deadline.into();
        let sleep = self
            .0
            .get_or_insert_with(|| Box::pin(tokio::time::sleep_until(deadline)));
        if sleep.deadline() != deadline {
            sleep.as_mut().reset(deadline);
        }
        sleep.as_mut().poll(cx).is_ready()
    }
}

impl Watched {
    pub(crate) fn new(io: Box<dyn Io>, line: Arc<Line>, room: Arc<Room>) -> Self {
        Self {
            io,
            line,
            room,
            reading: Clock::default(),
            writing: Clock::default(),
            unwritten: None,
        }
    }

    /// What is to be said of some bytes that were written, or not.
    fn wrote(
        &mut self,
        cx: &mut Context<'_>,
        written: Poll<io::Result<usize>>,
    ) -> Poll<io::Result<usize>> {
        let now = Instant::now();
        let unwritten = self.unwritten.get_or_insert(Unwritten {
            since: now,
            moved: now,
        });
        if let Poll::Ready(Ok(taken @ 1..)) = written {
            unwritten.moved = now;
            self.line.moved(taken);
        }
        self.in_time(cx, written)
    }

    /// The same, or that it took too long.
    fn in_time<T>(
        &mut self,
        cx: &mut Context<'_>,
        done: Poll<io::Result<T>>,
    ) -> Poll<io::Result<T>> {
        let Some(Unwritten { since, moved }) = self.unwritten.filter(|_| done.is_pending()) else {
            return done;
        };
        let times = &self.room.limits.times;
        let deadline = (since + times.answer).min(moved + times.answer_pause);
        match self.writing.is_over(deadline, cx) {
            true => Poll::Ready(Err(self.over(Closed::Unread))),
            false => Poll::Pending,
        }
    }

    fn over(&self, why: Closed) -> io::Error {
        self.room.counted.closed(why);
        ErrorKind::TimedOut.into()
    }
}

impl AsyncRead for Watched {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = &mut *self;
        let before = buffer.filled().len();
        let read = Pin::new(&mut this.io).poll_read(cx, buffer);
        let (phase, since) = this.line.phase();
        if read.is_ready() {
            if phase == Phase::Idle && buffer.filled().len() > before {
                this.line.enter(Phase::Head);
            }
            return read;
        }
        let times = &this.room.limits.times;
        let deadline = match phase {
            Phase::Head => since + times.head,
            Phase::Idle | Phase::Ending => since + times.idle,
            // How long a body may take is the route's to say, which knows whose it is.
            Phase::Body | Phase::Serving => return Poll::Pending,
        };
        // An answer that is still being written has a clock of its own.
        match this.reading.is_over(deadline, cx) && phase != Phase::Ending {
            true => Poll::Ready(Err(this.over(Closed::Silence))),
            false => Poll::Pending,
        }
    }
}

impl AsyncWrite for Watched {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.io).poll_write(cx, bytes);
        self.wrote(cx, written)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.io).poll_write_vectored(cx, bytes);
        self.wrote(cx, written)
    }

    fn is_write_vectored(&self) -> bool {
        self.io.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let flushed = Pin::new(&mut self.io).poll_flush(cx);
        if let Poll::Ready(Ok(())) = flushed {
            self.unwritten = None;
            if self.line.phase().0 == Phase::Ending {
                self.line.enter(Phase::Idle);
            }
        }
        self.in_time(cx, flushed)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let now = Instant::now();
        self.unwritten.get_or_insert(Unwritten {
            since: now,
            moved: now,
        });
        let ended = Pin::new(&mut self.io).poll_shutdown(cx);
        self.in_time(cx, ended)
    }
}
