//! How many keywords an index could not hold.
//!
//! The counts stand in the index as keywords themselves, one for each bit that is set:
//! `left-out:0:3` says that 8 of the diagnoses' were left out. So they are committed to with the
//! index, hidden as its other entries are, and found by whoever can search.

use std::fmt;

use super::Weight;

/// Keywords left out of one index, by what they came from.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, serde::Serialize)]
pub struct LeftOut {
    /// Of diagnoses and allergies.
    pub diagnoses: u16,
    /// Of procedures, medicines, vaccines and reports.
    pub acts: u16,
    /// Of all else.
    pub rest: u16,
}

impl LeftOut {
    /// Marks of one index at most.
    pub(crate) const MARKS_MAX: usize = Self::WEIGHTS * Self::BITS;
    const WEIGHTS: usize = 3;
    const BITS: usize = u16::BITS as usize;

    /// All of them.
    #[must_use]
    pub fn total(&self) -> u32 {
        self.by_weight().into_iter().map(u32::from).sum()
    }

    /// The keywords that tell it, as texts of an index; none when nothing was left out.
    pub fn marks(&self) -> impl Iterator<Item = String> + use<> {
        let set = |(_, bit, count): &(usize, usize, u16)| count >> bit & 1 == 1;
        let counts = self.by_weight().into_iter().enumerate();
        let bits =
            counts.flat_map(|(weight, count)| (0..Self::BITS).map(move |bit| (weight, bit, count)));
        bits.filter(set).map(|(weight, bit, _)| mark(weight, bit))
    }

    /// Every mark that an index may have.
    pub fn every_mark() -> impl Iterator<Item = String> {
        (0..Self::WEIGHTS).flat_map(|weight| (0..Self::BITS).map(move |bit| mark(weight, bit)))
    }

    /// What the marks of an index say, `has` telling which it has.
    pub fn read(has: impl Fn(&str) -> bool) -> Self {
        let count = |weight| {
            let bits = (0..Self::BITS).filter(|bit| has(&mark(weight, *bit)));
            bits.fold(0, |count: u16, bit| count | 1 << bit)
        };
        Self {
            diagnoses: count(0),
            acts: count(1),
            rest: count(2),
        }
    }

    const fn by_weight(&self) -> [u16; Self::WEIGHTS] {
        [self.diagnoses, self.acts, self.rest]
    }

    /// One more; from 65,535 on they are not counted.
    pub(super) fn count(&mut self, weight: Weight) {
        let count = match weight {
            Weight::Diagnosis => &mut self.diagnoses,
            Weight::Act => &mut self.acts,
            Weight::Rest => &mut self.rest,
        };
        *count = count.saturating_add(1);
    }
}

impl fmt::Display for LeftOut {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            diagnoses,
            acts,
            rest,
        } = self;
        write!(
            f,
            "{} words left out of the index ({diagnoses} of diagnoses, {acts} of acts, {rest} of others)",
            self.total()
        )
    }
}

fn mark(weight: usize, bit: usize) -> String {
    format!("left-out:{weight}:{bit}")
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn marks_give_the_counts_again() {
        for [diagnoses, acts, rest] in [[0, 0, 0], [1, 0, 300], [u16::MAX, 5, 4096]] {
            let left_out = LeftOut {
                diagnoses,
                acts,
                rest,
            };
            let marks: BTreeSet<String> = left_out.marks().collect();
            assert!(marks.len() <= LeftOut::MARKS_MAX);
            assert_eq!(marks.is_empty(), left_out.total() == 0);
            assert!(
                marks
                    .iter()
                    .all(|mark| LeftOut::every_mark().any(|known| known == *mark))
            );
            assert_eq!(LeftOut::read(|mark| marks.contains(mark)), left_out);
        }
    }
}
