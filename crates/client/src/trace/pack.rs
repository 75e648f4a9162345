//! A pack, carton or pallet whose whole code is known.

use yilian_crypto::trace::{PackKeys, ReadingKey};
use yilian_proof::TraceKey;
use yilian_protocol::{TimeMs, TraceId};
use yilian_record::gs1::{CodeError, Identity, PackCode};

/// A scanned pack, carton or pallet.
#[derive(Debug)]
pub struct Pack {
    code: PackCode,
    key: TraceKey,
    reading: ReadingKey,
    trace: TraceId,
}

impl Pack {
    /// The pack with this code.
    #[must_use]
    pub fn new(code: PackCode) -> Self {
        let keys = PackKeys::derive(code.secret().as_bytes(), code.identity().epc().as_bytes());
        let key = TraceKey::from_uniform_bytes(&keys.seed);
        Self {
            trace: TraceId::from_bytes(key.id().to_bytes()),
            key,
            reading: keys.reading,
            code,
        }
    }

    /// The pack whose code was scanned or typed, now.
    ///
    /// # Errors
    /// [`CodeError`] when the text is no code.
    pub fn scan(text: &str, now: TimeMs) -> Result<Self, CodeError> {
        PackCode::parse(text, year(now)).map(Self::new)
    }

    /// Its code.
    #[must_use]
    pub const fn code(&self) -> &PackCode {
        &self.code
    }

    /// Who it is.
    #[must_use]
    pub const fn identity(&self) -> &Identity {
        self.code.identity()
    }

    /// Its trace.
    #[must_use]
    pub const fn trace(&self) -> TraceId {
        self.trace
    }

    /// What its trace is read with.
    #[must_use]
    pub const fn reading(&self) -> &ReadingKey {
        &self.reading
    }

    pub(super) const fn key(&self) -> &TraceKey {
        &self.key
    }
}

/// The year, which tells the century of dates on packs.
#[must_use]
pub fn year(now: TimeMs) -> i16 {
    let time = i64::try_from(now.get())
        .ok()
        .and_then(|ms| jiff::Timestamp::from_millisecond(ms).ok());
    time.unwrap_or_default()
        .to_zoned(jiff::tz::TimeZone::UTC)
        .year()
}
