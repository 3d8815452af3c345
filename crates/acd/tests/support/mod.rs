//! A small centre and what it says.
#![allow(
    dead_code,
    clippy::unwrap_used,
    clippy::panic,
    reason = "shared by tests, each of which uses a part; a failure is a panic"
)]

use std::time::Duration;

use acd::{Acd, AgentConfig, Arrival, Limits, Outcome, Output, QueueConfig, QueueId, Strategy};
use machine::{Machine as _, Time};

pub(crate) type Said = Output<u32, &'static str>;

pub(crate) const SALES: QueueId = QueueId(1);
pub(crate) const HELP: QueueId = QueueId(2);

pub(crate) struct Centre {
    pub(crate) acd: Acd<u32, &'static str>,
    pub(crate) now: Time,
}

impl Centre {
    /// One queue, and agents who are signed on.
    pub(crate) fn new(queue: QueueConfig, agents: &[&'static str]) -> Self {
        let mut centre = Self::empty();
        centre.acd.set_queue(centre.now, SALES, queue).unwrap();
        for agent in agents {
            centre.hire(agent, AgentConfig::in_queues([SALES]));
        }
        centre.said();
        centre
    }

    pub(crate) fn empty() -> Self {
        Self {
            acd: Acd::new(Limits::default(), [3; 32]),
            now: Time::from_secs(1_000),
        }
    }

    pub(crate) fn hire(&mut self, agent: &'static str, config: AgentConfig) {
        self.acd.set_agent(self.now, agent, config).unwrap();
        self.acd.sign_on(self.now, &agent).unwrap();
    }

    pub(crate) fn call(&mut self, id: u32) {
        self.acd.arrive(self.now, id, Arrival::call(SALES)).unwrap();
    }

    pub(crate) fn accept(&mut self, id: u32, agent: &'static str) {
        self.acd.accept(self.now, &id, &agent).unwrap();
    }

    pub(crate) fn end(&mut self, id: u32) {
        self.acd.end(self.now, &id).unwrap();
    }

    /// Time passes, with all that is due on the way.
    pub(crate) fn pass(&mut self, time: Duration) {
        let until = self.now + time;
        while let Some(due) = self.acd.poll_timeout().filter(|due| *due <= until) {
            self.now = due;
            self.acd.handle_timeout(due);
        }
        self.now = until;
        self.acd.handle_timeout(until);
    }

    /// What was said since this was asked last.
    pub(crate) fn said(&mut self) -> Vec<Said> {
        std::iter::from_fn(|| self.acd.poll_output()).collect()
    }

    /// Who was offered what since this was asked last.
    pub(crate) fn offers(&mut self) -> Vec<(u32, &'static str)> {
        let offer = |said| {
            if let Output::Offer { contact, agent, .. } = said {
                Some((contact, agent))
            } else {
                None
            }
        };
        self.said().into_iter().filter_map(offer).collect()
    }

    /// How contacts ended since this was asked last.
    pub(crate) fn ends(&mut self) -> Vec<(u32, Outcome)> {
        let end = |said| {
            if let Output::Ended { contact, outcome, .. } = said {
                Some((contact, outcome))
            } else {
                None
            }
        };
        self.said().into_iter().filter_map(end).collect()
    }
}

pub(crate) fn queue(strategy: Strategy) -> QueueConfig {
    QueueConfig::new(strategy)
}

pub(crate) const fn secs(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}
