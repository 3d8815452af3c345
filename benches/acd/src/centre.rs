use std::time::Duration;

use acd::{Acd, AgentConfig, Arrival, Limits, Membership, Output, QueueConfig, QueueId, SkillId, Strategy};
use machine::{Machine as _, Time};

use crate::Numbers;

/// How large a centre is.
#[derive(Clone, Copy, Debug)]
pub struct Size {
    /// Agents; each serves three queues and has five skills.
    pub agents: usize,
    /// Queues.
    pub queues: usize,
    /// Skills; each contact needs one of them.
    pub skills: usize,
    /// Contacts that wait all the time; 0: agents do.
    pub waiting: usize,
}

/// What is done in a steady state.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Load {
    /// Contacts wait for agents.
    ContactsWait,
    /// Agents wait for contacts.
    AgentsWait,
}

/// A centre in its steady state.
pub struct Centre {
    acd: Acd<u64, u32>,
    now: Time,
    next: u64,
    arrivals: Vec<Arrival<u32>>,
    at: usize,
    offered: Vec<(u64, u32)>,
    talking: Vec<u64>,
    numbers: Numbers,
}

impl Centre {
    /// A centre in which contacts already wait and all agents talk, or in which half of the agents wait.
    #[must_use]
    pub fn new(size: Size, strategy: Strategy) -> Self {
        let mut limits = Limits::default();
        limits.pools = size.queues * size.skills.max(1) + 16;
        let mut centre = Self {
            acd: Acd::new(limits, [7; 32]),
            now: Time::from_secs(1_000),
            next: 0,
            arrivals: Vec::new(),
            at: 0,
            offered: Vec::new(),
            talking: Vec::new(),
            numbers: Numbers::new(42),
        };
        centre.found(size, strategy);
        centre.hire(size);
        for _ in 0..100_000 {
            let arrival = centre.any_arrival(size);
            centre.arrivals.push(arrival);
        }
        let begin = if size.waiting == 0 {
            size.agents / 2
        } else {
            size.waiting + size.agents
        };
        for _ in 0..begin {
            centre.arrive();
            centre.accept_all();
        }
        centre
    }

    fn found(&mut self, size: Size, strategy: Strategy) {
        for queue in 0..size.queues {
            let mut config = QueueConfig::new(strategy);
            config.ring_time = Duration::from_secs(3_600);
            config.announcements.first = None;
            let set = self.acd.set_queue(self.now, QueueId(queue as u32), config);
            assert_eq!(set, Ok(()));
        }
    }

    fn hire(&mut self, size: Size) {
        for agent in 0..size.agents {
            let mut config = AgentConfig::in_queues([]);
            for queue in 0..3.min(size.queues) {
                let queue = (agent * 7 + queue * 31) % size.queues;
                config.memberships.push(Membership::new(QueueId(queue as u32)));
            }
            config.memberships.dedup_by_key(|place| place.queue);
            for skill in 0..5.min(size.skills) {
                let skill = (agent + skill * 17) % size.skills;
                config.skills.set(SkillId(skill as u16), 3);
            }
            assert_eq!(self.acd.set_agent(self.now, agent as u32, config), Ok(()));
            assert_eq!(self.acd.sign_on(self.now, &(agent as u32)), Ok(()));
        }
        self.drain();
    }

    fn any_arrival(&mut self, size: Size) -> Arrival<u32> {
        let agent = self.numbers.below(size.agents);
        let queue = (agent * 7 + self.numbers.below(3.min(size.queues)) * 31) % size.queues;
        let mut arrival = Arrival::call(QueueId(queue as u32));
        if size.skills > 0 {
            let skill = (agent + self.numbers.below(5.min(size.skills)) * 17) % size.skills;
            arrival.needs.set(SkillId(skill as u16), 2);
        }
        arrival
    }

    fn drain(&mut self) {
        while let Some(output) = self.acd.poll_output() {
            if let Output::Offer { contact, agent, .. } = output {
                self.offered.push((contact, agent));
            }
        }
    }

    /// A contact arrives.
    pub fn arrive(&mut self) {
        self.now += Duration::from_micros(1);
        let arrival = self.arrivals[self.at].clone();
        self.at = (self.at + 1) % self.arrivals.len();
        let arrived = self.acd.arrive(self.now, self.next, arrival);
        debug_assert_eq!(arrived, Ok(()));
        self.next += 1;
        self.drain();
    }

    /// Every contact that is offered is accepted; gives how many were.
    pub fn accept_all(&mut self) -> usize {
        let mut accepted = 0;
        while let Some((contact, agent)) = self.offered.pop() {
            self.now += Duration::from_micros(1);
            if self.acd.accept(self.now, &contact, &agent).is_ok() {
                self.talking.push(contact);
                accepted += 1;
            }
            self.drain();
        }
        accepted
    }

    /// Some talk ends; its agent is offered the next contact, if one waits for him.
    pub fn end(&mut self) {
        self.now += Duration::from_micros(1);
        let at = self.numbers.below(self.talking.len());
        let contact = self.talking.swap_remove(at);
        let ended = self.acd.end(self.now, &contact);
        debug_assert_eq!(ended, Ok(()));
        self.drain();
    }

    /// Contacts in line.
    #[must_use]
    pub fn waiting(&self) -> usize {
        self.acd.live().contacts - self.talking.len()
    }
}
