//! Centres of any size, driven in a steady state, and a distribution that scans lists beside them.

mod centre;
mod memory;
mod naive;

pub use centre::{Centre, Load, Size};
pub use memory::{Counting, bytes_in_use};
pub use naive::Naive;

/// Numbers that look random and are the same in each run (Marsaglia's xorshift64).
pub struct Numbers(u64);

impl Numbers {
    /// The same numbers for the same seed.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        Self(seed | 1)
    }

    /// The next one below `end`.
    pub fn below(&mut self, end: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 16) as usize % end.max(1)
    }
}
