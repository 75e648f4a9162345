//! Pages: values with their keys, put together.
//!
//! A page is its rows one after the other: key (32 bytes), length of the value (4 bytes, big
//! endian), value. Rows stand in the order of their keys. Pages are part of what nodes agree on:
//! others make another root of the state.

use yilian_protocol::{StateKey, limits::STATE_VALUE_MAX};

/// Bytes of a page that has room for no further row. One row that is larger stands alone.
const FULL: usize = 4_096;
const KEY: usize = 32;
const LENGTH: usize = 4;
/// Rows of most pages, at most.
const ROWS: usize = 64;
/// Bytes of the largest page: one of a single row.
pub(super) const PAGE_MAX: usize = KEY + LENGTH + STATE_VALUE_MAX;
const _: () = assert!(
    FULL <= PAGE_MAX,
    "a page of several rows is within the limit"
);

/// Rows put together.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct RowPage {
    pub keys: Vec<StateKey>,
    pub bytes: Vec<u8>,
}

impl RowPage {
    /// Fills pages with `rows`, which stand in the order of their keys.
    pub fn fill(rows: impl IntoIterator<Item = (StateKey, Vec<u8>)>) -> Vec<Self> {
        let mut pages: Vec<Self> = Vec::new();
        for (key, value) in rows {
            let fits = |page: &&mut Self| page.bytes.len() + KEY + LENGTH + value.len() <= FULL;
            if let Some(page) = pages.last_mut().filter(fits) {
                page.add(key, &value);
            } else {
                let mut page = Self {
                    keys: Vec::with_capacity(ROWS),
                    bytes: Vec::with_capacity(FULL),
                };
                page.add(key, &value);
                pages.push(page);
            }
        }
        pages
    }

    fn add(&mut self, key: StateKey, value: &[u8]) {
        // No value is near 4 GiB.
        let length = u32::try_from(value.len()).unwrap_or(u32::MAX);
        self.bytes.extend_from_slice(&key.to_bytes());
        self.bytes.extend_from_slice(&length.to_be_bytes());
        self.bytes.extend_from_slice(value);
        self.keys.push(key);
    }
}

/// The rows of a page's bytes; `None` when they are no page.
pub(super) fn rows(mut bytes: &[u8]) -> Option<Vec<(StateKey, &[u8])>> {
    let mut rows = Vec::with_capacity(ROWS);
    while !bytes.is_empty() {
        let (key, rest) = bytes.split_first_chunk::<KEY>()?;
        let (length, rest) = rest.split_first_chunk::<LENGTH>()?;
        let length = usize::try_from(u32::from_be_bytes(*length)).ok()?;
        let (value, rest) = rest.split_at_checked(length)?;
        rows.push((StateKey::from_bytes(*key), value));
        bytes = rest;
    }
    Some(rows)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn key(number: u32) -> StateKey {
        StateKey::once("test", &number.to_be_bytes())
    }

    fn sorted(lengths: &[usize]) -> Vec<(StateKey, Vec<u8>)> {
        let mut rows: Vec<_> = (0..)
            .zip(lengths)
            .map(|(number, length)| (key(number), vec![0xab; *length]))
            .collect();
        rows.sort_unstable();
        rows
    }

    proptest! {
        #[test]
        fn pages_hold_their_rows_and_no_more_than_they_may(
            lengths in prop::collection::vec(0..6_000_usize, 0..60)
        ) {
            let all = sorted(&lengths);
            let pages = RowPage::fill(all.clone());
            let mut read = Vec::new();
            for page in &pages {
                let found = rows(&page.bytes).unwrap().into_iter();
                let found: Vec<_> = found.map(|(key, value)| (key, value.to_vec())).collect();
                prop_assert!(page.keys.iter().eq(found.iter().map(|(key, _)| key)));
                prop_assert!(page.bytes.len() <= FULL || found.len() == 1);
                read.extend(found);
            }
            prop_assert_eq!(read, all);
            // As few as can be, in this order.
            for (page, next) in pages.iter().zip(pages.iter().skip(1)) {
                let first = rows(&next.bytes).unwrap()[0].1.len();
                prop_assert!(page.bytes.len() + KEY + LENGTH + first > FULL);
            }
        }
    }

    #[test]
    fn the_largest_row_fits_the_largest_page() {
        let pages = RowPage::fill(sorted(&[STATE_VALUE_MAX]));
        assert_eq!(pages.len(), 1);
        assert_eq!(pages[0].bytes.len(), PAGE_MAX);
    }

    #[test]
    fn a_torn_page_is_none() {
        let page = &RowPage::fill(sorted(&[100, 100]))[0];
        for length in 0..page.bytes.len() {
            let torn = rows(&page.bytes[..length]);
            assert_eq!(torn.is_some(), length % 136 == 0, "{length}");
        }
    }
}
