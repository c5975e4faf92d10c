//! Small generator for jitter, fault plans and test doubles; not for secrets.

/// Generator xorshift64* (Marsaglia 2003, Vigna 2016), seeded through splitmix64 so that seed 0 works too.
#[derive(Clone, Debug)]
pub(crate) struct Xorshift {
    state: u64,
}

impl Xorshift {
    pub(crate) fn new(seed: u64) -> Self {
        let mut mixed = seed.wrapping_add(0x9e37_79b9_7f4a_7c15);
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        // The state must not be zero: the generator would never leave it.
        Self { state: (mixed ^ (mixed >> 31)).max(1) }
    }

    pub(crate) fn next(&mut self) -> u64 {
        self.state ^= self.state >> 12;
        self.state ^= self.state << 25;
        self.state ^= self.state >> 27;
        self.state.wrapping_mul(0x2545_f491_4f6c_dd1d)
    }

    /// Returns a number below `bound`, 0 for bound 0.
    pub(crate) fn below(&mut self, bound: u64) -> u64 {
        // Fault plans do not care about the bias of a 64-bit modulus.
        self.next().checked_rem(bound).unwrap_or(0)
    }
}
