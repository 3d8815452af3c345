//! How busy a thread is, and whether it may let its input gather.

use std::time::Duration;

use machine::Time;

/// When and for how long input is left to gather in the kernel, so that one turn, and one wake-up, serve many sockets.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Gathering {
    /// From so many packets a second on.
    pub(crate) from: u64,
    /// For how long after a turn.
    pub(crate) time: Duration,
    /// Not after a turn with so many packets: there the gathering takes place by itself.
    pub(crate) enough: usize,
}

/// Counts the packets of the present and the last tenth of a second.
#[derive(Debug)]
pub(crate) struct Load {
    gathering: Gathering,
    tenth: u64,
    packets: u64,
    before: u64,
    last_turn: usize,
}

impl Load {
    pub(crate) fn new(gathering: Gathering) -> Self {
        Self {
            gathering,
            tenth: 0,
            packets: 0,
            before: 0,
            last_turn: 0,
        }
    }

    /// A turn has brought so many packets.
    pub(crate) fn add(&mut self, now: Time, packets: usize) {
        let tenth = now.as_millis() / 100;
        if tenth != self.tenth {
            self.before = if tenth == self.tenth + 1 { self.packets } else { 0 };
            self.packets = 0;
            self.tenth = tenth;
        }
        self.packets += packets as u64;
        self.last_turn = packets;
    }

    /// How long to leave the input alone now.
    pub(crate) fn pause(&self) -> Option<Duration> {
        let busy = self.before.max(self.packets) >= self.gathering.from / 10;
        (busy && self.last_turn < self.gathering.enough).then_some(self.gathering.time)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const GATHERING: Gathering = Gathering {
        from: 100,
        time: Duration::from_millis(4),
        enough: 8,
    };

    #[test]
    fn pauses_only_while_it_is_busy_and_turns_are_small() {
        let mut load = Load::new(GATHERING);
        let at = |millis: u64| Time::from_millis(1_000 + millis);
        for millis in 0..9 {
            load.add(at(millis), 1);
            assert_eq!(load.pause(), None);
        }
        load.add(at(9), 1);
        assert_eq!(load.pause(), Some(GATHERING.time));
        load.add(at(10), 8);
        assert_eq!(load.pause(), None, "enough came at once");
        load.add(at(120), 0);
        assert_eq!(load.pause(), Some(GATHERING.time), "the last tenth counts");
        load.add(at(230), 0);
        assert_eq!(load.pause(), None, "quiet since a tenth of a second");
        load.add(at(231), 10);
        load.add(at(500), 0);
        assert_eq!(load.pause(), None, "the tenth before this one was quiet");
    }
}
