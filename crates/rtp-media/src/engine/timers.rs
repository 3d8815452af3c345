//! What is due when, in order.

use std::collections::BTreeSet;

use machine::Time;

use super::stream::Key;

/// What a stream waits for; at most one of each.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub(super) enum Timer {
    /// The next packet of a digit that is sent. It comes before a play-out that is due at the same time and waits for it.
    Digits,
    /// The next packet of a play-out.
    Play,
    /// The end of a digit that is received.
    Release,
    /// Silence.
    Silence,
    /// An RTCP report.
    Report,
}

/// The times at which one stream is due.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub(super) struct Due {
    play: Option<Time>,
    digits: Option<Time>,
    release: Option<Time>,
    silence: Option<Time>,
    report: Option<Time>,
}

impl Due {
    const ALL: [Timer; 5] = [
        Timer::Play,
        Timer::Digits,
        Timer::Release,
        Timer::Silence,
        Timer::Report,
    ];

    fn slot(&mut self, timer: Timer) -> &mut Option<Time> {
        match timer {
            Timer::Play => &mut self.play,
            Timer::Digits => &mut self.digits,
            Timer::Release => &mut self.release,
            Timer::Silence => &mut self.silence,
            Timer::Report => &mut self.report,
        }
    }

    /// Whether a press that is received has its timer.
    pub(super) const fn watches_release(&self) -> bool {
        self.release.is_some()
    }
}

/// The times at which all streams are due.
#[derive(Clone, Debug, Default)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub(super) struct Timers(BTreeSet<(Time, Key, Timer)>);

impl Timers {
    /// Sets a timer of a stream anew, or takes it away.
    pub(super) fn set(&mut self, due: &mut Due, key: Key, timer: Timer, at: Option<Time>) {
        let slot = due.slot(timer);
        if *slot == at {
            return;
        }
        if let Some(before) = slot.take() {
            self.0.remove(&(before, key, timer));
        }
        if let Some(at) = at {
            self.0.insert((at, key, timer));
        }
        *slot = at;
    }

    /// Takes every timer of a stream away.
    pub(super) fn clear(&mut self, due: &mut Due, key: Key) {
        for timer in Due::ALL {
            self.set(due, key, timer, None);
        }
    }

    /// When the first is due.
    pub(super) fn first(&self) -> Option<Time> {
        self.0.first().map(|(at, _, _)| *at)
    }

    /// The first that is due by `now`. It has to be taken or set before the next call.
    pub(super) fn due(&self, now: Time) -> Option<(Time, Key, Timer)> {
        self.0.first().filter(|(at, _, _)| *at <= now).copied()
    }
}
