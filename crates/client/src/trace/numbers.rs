//! Numbers for packs and cartons: each is made once.

use std::collections::HashSet;

use rand_core::CryptoRng;

/// How numbers look: what they begin with, and how many characters of which set follow.
#[derive(Debug, Clone)]
pub struct Numbering<'a> {
    /// What each begins with.
    pub prefix: &'a str,
    /// How many random characters follow.
    pub room: usize,
    /// The characters, each of one byte.
    pub set: &'a [u8],
}

/// There are fewer numbers of that form left than were asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{left} numbers of that form are left, and {asked} are asked for")]
pub struct TooFew {
    /// How many are left.
    pub left: u128,
    /// How many are asked for.
    pub asked: usize,
}

impl Numbering<'_> {
    /// Random numbers, so that none tells how many there are; none twice and none of `taken`.
    ///
    /// # Errors
    /// [`TooFew`] when there are not that many.
    pub fn fresh(
        &self,
        count: usize,
        taken: &HashSet<String>,
        rng: &mut impl CryptoRng,
    ) -> Result<Vec<String>, TooFew> {
        let is_ours = |number: &&String| {
            number.len() == self.prefix.len() + self.room && number.starts_with(self.prefix)
        };
        let used = taken.iter().filter(is_ours).count() as u128;
        let left = self.capacity().saturating_sub(used);
        if left < count as u128 {
            return Err(TooFew { left, asked: count });
        }
        let mut made = HashSet::with_capacity(count);
        let mut numbers = Vec::with_capacity(count);
        while numbers.len() < count {
            let number = self.random(rng);
            if !taken.contains(&number) && made.insert(number.clone()) {
                numbers.push(number);
            }
        }
        Ok(numbers)
    }

    fn capacity(&self) -> u128 {
        let room = u32::try_from(self.room).unwrap_or(u32::MAX);
        (self.set.len() as u128).saturating_pow(room)
    }

    fn random(&self, rng: &mut impl CryptoRng) -> String {
        let mut number = self.prefix.to_owned();
        // Words beyond the last multiple of the set's size would make its first characters
        // likelier.
        let size = u32::try_from(self.set.len()).unwrap_or(1).max(1);
        let even = u32::MAX - u32::MAX % size;
        while number.len() < self.prefix.len() + self.room {
            let word = rng.next_u32();
            let place = usize::try_from(word % size).unwrap_or_default();
            let character = self.set.get(place).filter(|_| word < even);
            number.extend(character.copied().map(char::from));
        }
        number
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Every number of a small space is found, none twice, and the next one is refused.
    #[test]
    fn a_space_is_used_up_and_never_used_twice() {
        let numbering = Numbering {
            prefix: "7",
            room: 2,
            set: b"0123456789",
        };
        let mut taken: HashSet<String> = HashSet::from(["8".to_owned(), "700".to_owned()]);
        for _ in 0..9 {
            let numbers = numbering.fresh(11, &taken, &mut rand::rng()).unwrap();
            for number in numbers {
                assert!(number.len() == 3 && number.starts_with('7'), "{number}");
                assert!(taken.insert(number));
            }
        }
        assert_eq!(taken.len(), 101);
        let refused = numbering.fresh(1, &taken, &mut rand::rng());
        assert_eq!(refused, Err(TooFew { left: 0, asked: 1 }));
    }

    /// A prefix that leaves no room makes one number, once.
    #[test]
    fn without_room_there_is_one_number() {
        let numbering = Numbering {
            prefix: "12345678901234567890",
            room: 0,
            set: b"AB",
        };
        let refused = numbering.fresh(3, &HashSet::new(), &mut rand::rng());
        assert_eq!(refused, Err(TooFew { left: 1, asked: 3 }));
        let one = numbering
            .fresh(1, &HashSet::new(), &mut rand::rng())
            .unwrap();
        assert_eq!(one, [numbering.prefix]);
    }
}
