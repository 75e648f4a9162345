//! Hours, days and quarters as policies count them, in UTC.

use yilian_crypto::scope::Quarter;
use yilian_protocol::TimeMs;

/// Milliseconds of an hour.
pub const HOUR_MS: u64 = 60 * 60 * 1_000;
/// Milliseconds of a day.
pub const DAY_MS: u64 = 24 * HOUR_MS;

/// `count` hours after `moment`; the last moment there is, when that is beyond it.
#[must_use]
pub const fn hours_after(moment: TimeMs, count: u64) -> TimeMs {
    moment.plus_ms(count.saturating_mul(HOUR_MS))
}

/// `count` days after `moment`; the last moment there is, when that is beyond it.
#[must_use]
pub const fn days_after(moment: TimeMs, count: u64) -> TimeMs {
    moment.plus_ms(count.saturating_mul(DAY_MS))
}

/// The first moment of the day of `moment`.
#[must_use]
pub const fn day_of(moment: TimeMs) -> TimeMs {
    TimeMs::new(moment.get() - moment.get() % DAY_MS)
}

/// The calendar quarter of `moment`.
#[must_use]
pub fn quarter(moment: TimeMs) -> Quarter {
    let ms = i64::try_from(moment.get()).unwrap_or(i64::MAX);
    let date = jiff::Timestamp::from_millisecond(ms)
        .unwrap_or(jiff::Timestamp::MAX)
        .to_zoned(jiff::tz::TimeZone::UTC)
        .date();
    let year = u16::try_from(date.year()).unwrap_or(1).max(1);
    Quarter::from_date(year, date.month().unsigned_abs()).unwrap_or(Quarter::FIRST)
}

/// The `count` quarters behind `quarter`. Fewer at the end of time, beyond which there is none.
pub fn quarters_after(quarter: Quarter, count: u8) -> impl Iterator<Item = Quarter> {
    let next = |last: &Quarter| Some(last.next()).filter(|next| next != last);
    std::iter::successors(Some(quarter), next)
        .skip(1)
        .take(usize::from(count))
}
