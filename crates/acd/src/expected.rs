//! How long those who wait will wait.

use core::time::Duration;

use machine::Time;

/// What a queue's recent service says about the waits to come.
///
/// While contacts wait, agents who serve take one after the other. The mean time between two of them, times the
/// number of agents in service, is what one agent needs for a contact; it changes slowly, while the number of
/// agents may change at once. A contact at position `p` thus waits `p` such times, divided by the agents in service now.
#[derive(Clone, Debug, Default)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub(crate) struct Expected {
    /// Nanoseconds of one agent for a contact.
    per_agent: Option<u64>,
    /// When the last contact that had waited was taken, if others waited on.
    last: Option<Time>,
    /// Mean difference between what was expected and what came, in nanoseconds.
    error: u64,
}

/// The weight of a new value is 1/8: the last twenty or so decide.
const SHARE: u64 = 8;

impl Expected {
    /// A contact was taken, by one of `agents`; `waiting`: others wait on. `expected`: what it was told at first.
    pub(crate) fn taken(
        &mut self,
        now: Time,
        agents: u32,
        waiting: bool,
        waited: Duration,
        expected: Option<Duration>,
    ) {
        if let Some(last) = self.last {
            let cycle = nanos(now - last).saturating_mul(u64::from(agents.max(1)));
            self.per_agent = Some(self.per_agent.map_or(cycle, |before| smooth(before, cycle)));
        }
        self.last = waiting.then_some(now);
        if let Some(expected) = expected {
            let wrong = nanos(expected.abs_diff(waited));
            self.error = smooth(self.error, wrong);
        }
    }

    /// Nobody waits any more: the time until the next is taken says nothing about the service.
    pub(crate) const fn idle(&mut self) {
        self.last = None;
    }

    /// The wait of a contact at `position` (1 is next), with `agents` in service.
    pub(crate) fn wait(&self, position: usize, agents: u32) -> Option<Duration> {
        let position = u64::try_from(position).unwrap_or(u64::MAX);
        let cycle = self.per_agent.filter(|_| agents > 0)?;
        Some(Duration::from_nanos(cycle.saturating_mul(position) / u64::from(agents)))
    }

    pub(crate) const fn error(&self) -> Duration {
        Duration::from_nanos(self.error)
    }
}

fn smooth(before: u64, now: u64) -> u64 {
    before - before / SHARE + now / SHARE
}

fn nanos(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}
