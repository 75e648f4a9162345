//! A small deterministic generator: SplitMix64 (Steele, Lea, Flood 2014). For synthetic people
//! only; nothing secret comes from it.

pub(super) struct Random {
    state: u64,
}

impl Random {
    /// The sequence that belongs to `kind` number `number` of `seed`.
    pub fn new(seed: u64, kind: &str, number: u64) -> Self {
        let mut random = Self { state: seed };
        for byte in kind.bytes() {
            random.state ^= u64::from(byte);
            random.next();
        }
        random.state ^= number.wrapping_mul(0xd6e8_feb8_6659_fd93);
        random.next();
        random
    }

    pub fn next(&mut self) -> u64 {
        self.state = self.state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.state;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// A number below `limit`, which is not zero.
    pub fn below(&mut self, limit: u64) -> u64 {
        self.next() % limit.max(1)
    }

    pub fn choose<'a, T>(&mut self, list: &'a [T]) -> Option<&'a T> {
        let place = self.below(list.len() as u64);
        list.get(usize::try_from(place).ok()?)
    }
}
