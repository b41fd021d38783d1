//! Numbers that look random and are the same every time.

/// A small generator (splitmix64, public domain, Sebastiano Vigna).
pub(super) struct Dice(u64);

impl Dice {
    /// The dice of that record of that kind.
    pub(super) fn of(kind: u64, index: u64) -> Self {
        Self(kind.wrapping_mul(0xD134_2543_DE82_EF95) ^ index)
    }

    /// Any number.
    pub(super) fn number(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }

    /// A number below that.
    pub(super) fn below(&mut self, end: u64) -> u64 {
        self.number() % end.max(1)
    }

    /// True once in so many times.
    pub(super) fn once_in(&mut self, times: u64) -> bool {
        self.below(times) == 0
    }

    /// One of them.
    pub(super) fn pick<'a, T: ?Sized>(&mut self, list: &[&'a T]) -> &'a T {
        let index = self.below(list.len() as u64);
        list[usize::try_from(index).expect("it is below a length")]
    }
}
