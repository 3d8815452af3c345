//! The pool of media ports.

use core::ops::RangeInclusive;
use std::collections::VecDeque;

/// Even ports for RTP whose odd neighbour is free for RTCP (RFC 3550 §11). The one that rested longest is taken
/// first, so that late packets of an old call do not reach a new one.
#[derive(Debug, Clone)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub(crate) struct Ports {
    free: VecDeque<u16>,
}

impl Ports {
    /// `taken`: ports of the range that somebody else has.
    pub(crate) fn new(range: &RangeInclusive<u16>, taken: &[u16]) -> Self {
        let is_free = |port: u16| !taken.contains(&port) && !taken.contains(&(port | 1));
        let free = range
            .clone()
            .filter(|port| port % 2 == 0 && *port > 0 && *port < *range.end() && is_free(*port))
            .collect();
        Self { free }
    }

    pub(crate) fn available(&self) -> usize {
        self.free.len()
    }

    pub(crate) fn take(&mut self) -> Option<u16> {
        self.free.pop_front()
    }

    pub(crate) fn give_back(&mut self, port: u16) {
        self.free.push_back(port);
    }
}

#[cfg(test)]
mod tests {
    use super::Ports;

    #[test]
    fn pairs_stay_within_the_range_and_rest_before_they_return() {
        let mut ports = Ports::new(&(20001..=20006), &[]);
        assert_eq!(ports.available(), 2); // 20002 and 20004; 20006 has no 20007
        assert_eq!(ports.take(), Some(20002));
        ports.give_back(20002);
        assert_eq!(ports.take(), Some(20004));
        assert_eq!(ports.take(), Some(20002));
        assert_eq!(ports.take(), None);
    }

    #[test]
    fn a_pair_of_which_one_is_taken_is_left_out() {
        let mut ports = Ports::new(&(20000..=20007), &[20000, 20003, 20004]);
        assert_eq!(ports.available(), 1);
        assert_eq!(ports.take(), Some(20006));
    }

    #[test]
    fn the_top_of_the_number_space_does_not_wrap() {
        assert_eq!(Ports::new(&(65534..=65535), &[]).available(), 1);
        assert_eq!(Ports::new(&(0..=1), &[]).available(), 0);
    }
}
