//! Any bytes as a list of events and times. After each, the books must agree; in the end nothing is left.

use core::time::Duration;
use std::collections::BTreeSet;

use machine::{Machine as _, Time};

use crate::{
    Abandoned, Acd, AgentConfig, AgentError, Arrival, CallBackTime, CalledBack, Channel, Counted, Decline, Limits,
    Membership, Order, Output, QueueConfig, QueueId, Ring, SkillId, Skills, Strategy, Target, WrapUp,
};

/// A story told by `data`.
///
/// # Panics
///
/// If a rule is broken.
#[expect(clippy::panic, reason = "a finding of the fuzzer is a panic")]
pub fn events(data: &[u8]) {
    let mut story = Story {
        bytes: data.iter(),
        acd: Acd::new(LIMITS, [7; 32]),
        now: Time::from_secs(1_000),
        live: BTreeSet::new(),
        offers: Vec::new(),
        next: 0,
    };
    while let Some(step) = story.bytes.next().copied() {
        story.step(step);
        story.listen();
        if let Err(rule) = story.acd.audit() {
            panic!("{rule}");
        }
    }
    story.all_go_home();
}

/// What cannot be is refused, and that is all right.
const fn tried<T: Copy>(_: T) {}

const LIMITS: Limits = Limits {
    contacts: 12,
    agents: 6,
    queues: 3,
    pools: 5,
    customers: 3,
    ringing: 3,
};

struct Story<'a> {
    bytes: core::slice::Iter<'a, u8>,
    acd: Acd<u16, u8>,
    now: Time,
    live: BTreeSet<u16>,
    offers: Vec<(u16, u8)>,
    next: u16,
}

impl Story<'_> {
    fn byte(&mut self) -> u8 {
        self.bytes.next().copied().unwrap_or(0)
    }

    fn seconds(&mut self) -> Duration {
        Duration::from_millis(u64::from(self.byte()) * 100)
    }

    /// Errors are the answer to what cannot be; what they must not do is to leave the books in disorder.
    fn step(&mut self, step: u8) {
        let (now, agent) = (self.now, self.byte() % 8);
        match step % 24 {
            0..=4 => self.arrive(),
            5 => tried(self.contact().map(|id| self.acd.end(now, &id))),
            6..=8 => tried(self.offer().map(|(id, agent)| self.acd.accept(now, &id, &agent))),
            9 => tried(self.offer().map(|(id, agent)| self.acd.ringing(now, &id, &agent))),
            10 => self.decline(agent),
            11 => tried(self.acd.sign_on(now, &agent)),
            12 => tried(self.acd.sign_off(now, &agent)),
            13 => tried(
                self.acd
                    .pause(now, &agent, 1)
                    .and_then(|()| self.acd.unpause(now, &agent)),
            ),
            14 => tried(self.acd.pause(now, &agent, 2)),
            15 => self.phone(agent),
            16 if agent == 7 => {
                let (queue, open) = (self.queue(), self.byte() & 1 == 0);
                tried(self.acd.set_open(now, queue, open));
            }
            16 => tried(self.acd.wrap_up_done(now, &agent)),
            17 => self.move_contact(agent),
            18 => self.keep_place(),
            19 => {
                let result = if agent > 3 {
                    CalledBack::Reached
                } else {
                    CalledBack::NotReached
                };
                tried(self.contact().map(|id| self.acd.called_back(now, &id, result)));
            }
            20 => self.set_agent(agent),
            21 => self.set_queue(),
            22 if agent == 0 => tried(self.acd.remove_agent(now, &(step % 8))),
            22 if agent == 1 => tried(self.acd.remove_queue(now, QueueId(u32::from(step % 4)))),
            _ => self.pass(),
        }
    }

    fn decline(&mut self, why: u8) {
        let all = [
            Decline::Rejected,
            Decline::Busy,
            Decline::NotAnswered,
            Decline::Unreachable,
        ];
        let why = all.get(usize::from(why) % 4).copied().unwrap_or(Decline::Busy);
        if let Some((id, agent)) = self.offer() {
            // Whoever declines knows that the offer is over: it is not withdrawn.
            self.offers.retain(|offer| *offer != (id, agent));
            let declined = self.acd.decline(self.now, &id, &agent, why);
            assert_eq!(declined, Ok(()));
        }
    }

    fn contact(&mut self) -> Option<u16> {
        let at = usize::from(self.byte()) % self.live.len().max(1);
        self.live.iter().nth(at).copied()
    }

    fn offer(&mut self) -> Option<(u16, u8)> {
        let at = usize::from(self.byte()) % self.offers.len().max(1);
        self.offers.get(at).copied()
    }

    fn queue(&mut self) -> QueueId {
        QueueId(u32::from(self.byte() % 4))
    }

    fn skills(&mut self) -> Skills {
        let byte = self.byte();
        let level = |bits: u8| (byte >> bits) & 3;
        let all = [(SkillId(1), level(0)), (SkillId(2), level(2))];
        all.into_iter().filter(|(_, level)| *level > 0).collect()
    }

    fn arrive(&mut self) {
        let mut arrival = Arrival::call(self.queue());
        let bits = self.byte();
        arrival.channel = Channel(bits & 1);
        arrival.priority = i16::from(bits >> 1 & 3);
        if bits & 8 != 0 {
            arrival.needs = self.skills();
        }
        if bits & 16 != 0 {
            arrival.preferred = vec![(self.byte() % 8, 1), (self.byte() % 8, 2)];
        }
        if bits & 32 != 0 {
            arrival.customer = Some(u64::from(self.byte() % 4));
        }
        if bits & 64 != 0 {
            arrival.call_back = Some(self.call_back_time());
        }
        let id = self.next;
        self.next = self.next.wrapping_add(1);
        if self.acd.arrive(self.now, id, arrival).is_ok() {
            self.live.insert(id);
        }
    }

    fn call_back_time(&mut self) -> CallBackTime {
        let from = self.now + self.seconds();
        match self.byte() % 3 {
            0 => CallBackTime::InTurn,
            1 => CallBackTime::NotBefore(from),
            _ => CallBackTime::Between(from, from + self.seconds()),
        }
    }

    fn keep_place(&mut self) {
        let when = self.call_back_time();
        if let Some(id) = self.contact() {
            tried(self.acd.keep_place(self.now, &id, when));
        }
    }

    fn phone(&mut self, agent: u8) {
        let bits = self.byte();
        let done = if bits & 1 == 0 {
            self.acd.reachable(self.now, &agent, bits & 2 != 0)
        } else {
            self.acd.engaged(self.now, &agent, bits & 2 != 0)
        };
        debug_assert!(matches!(done, Ok(()) | Err(AgentError::Unknown)));
    }

    fn move_contact(&mut self, agent: u8) {
        let (to, now) = (self.queue(), self.now);
        let Some(id) = self.contact() else { return };
        match self.byte() % 3 {
            0 => tried(self.acd.transfer(now, &id, to, None)),
            1 => tried(self.acd.requeue(now, &id)),
            _ => tried(self.acd.assign(now, &id, &agent)),
        }
    }

    fn set_agent(&mut self, agent: u8) {
        let mut config = AgentConfig::in_queues([]);
        config.skills = self.skills();
        for _ in 0..self.byte() % 4 {
            let mut place = Membership::new(self.queue());
            let bits = self.byte();
            (place.tier, place.penalty, place.rank) = (bits & 1, bits >> 1 & 3, bits >> 3 & 1);
            (place.position, place.weight) = (u16::from(bits >> 4 & 3), u16::from(bits >> 6));
            place.delay = if bits & 32 == 0 { Duration::ZERO } else { self.seconds() };
            config.memberships.push(place);
        }
        if let Some(chats) = self.byte().checked_sub(128) {
            config.capacity.push((Channel::CHAT, chats % 4));
        }
        tried(
            self.acd
                .set_agent(self.now, agent, config)
                .and_then(|()| self.acd.sign_on(self.now, &agent)),
        );
    }

    fn set_queue(&mut self) {
        let (id, strategy, bits, more) = (self.queue(), self.byte(), self.byte(), self.byte());
        let strategy = STRATEGIES
            .get(usize::from(strategy) % STRATEGIES.len())
            .copied()
            .unwrap_or_default();
        let mut queue = QueueConfig::new(strategy);
        queue.order = match bits & 3 {
            0 => Order::Arrival,
            1 => Order::Priority,
            2 => Order::Ageing(self.seconds()),
            _ => Order::ServiceTarget(self.seconds()),
        };
        (queue.ring_time, queue.weight) = (self.seconds(), u16::from(bits >> 2 & 1));
        queue.wrap_up = match bits >> 3 & 3 {
            0 => WrapUp::None,
            1 => WrapUp::Fixed(self.seconds()),
            2 => WrapUp::Capped(self.seconds()),
            _ => WrapUp::Open,
        };
        queue.tiers = vec![self.seconds(); usize::from(bits >> 5 & 1)];
        if bits & 64 != 0 {
            queue.penalties = vec![(Duration::ZERO, 1), (self.seconds(), 2)];
        }
        if bits & 128 != 0 {
            let mut ring = Ring::new(self.seconds());
            (ring.drop, ring.lower) = (vec![SkillId(1)], 1);
            queue.rings = vec![ring];
        }
        queue.skip_empty_tiers = more & 1 == 0;
        queue.max_waiting = (more & 2 != 0).then_some(3);
        queue.max_wait = (more & 4 != 0).then(|| self.seconds());
        queue.stay_needs = (more & 8 != 0).then_some(Counted::WORKING);
        queue.join_needs = (more & 16 != 0).then_some(Counted::SIGNED_ON);
        queue.overflow = (more & 32 != 0).then(|| Target::Queue(self.queue()));
        queue.preferred_wait = if more & 64 == 0 { Duration::ZERO } else { self.seconds() };
        queue.announcements.first = (more & 128 != 0).then(|| self.seconds());
        if more & 5 == 5 {
            queue.call_backs.abandoned = Some(Abandoned::within(self.seconds()));
            queue.keep_when_closed = bits & 1 == 0;
        }
        queue.announcements.every = queue.announcements.first.unwrap_or_default();
        tried(self.acd.set_queue(self.now, id, queue));
    }

    fn pass(&mut self) {
        let until = self.now + self.seconds();
        self.pass_until(until);
    }

    fn pass_until(&mut self, until: Time) {
        while let Some(due) = self.acd.poll_timeout().filter(|due| *due <= until) {
            self.now = self.now.max(due);
            self.acd.handle_timeout(due);
            self.listen();
            assert!(
                self.acd.poll_timeout().is_none_or(|next| next > due),
                "due again at once"
            );
        }
        self.now = until;
    }

    fn listen(&mut self) {
        while let Some(output) = self.acd.poll_output() {
            match output {
                Output::Offer { contact, agent, .. } => self.offers.push((contact, agent)),
                Output::Withdraw { contact, agent, .. } => self.offers.retain(|offer| *offer != (contact, agent)),
                Output::Connect { contact, .. } | Output::CallBack { contact, .. } => {
                    self.offers.retain(|(offered, _)| *offered != contact);
                }
                Output::Ended { contact, .. } => {
                    // One that is sent away as it comes ends before its arrival is told.
                    if !self.live.remove(&contact) {
                        assert!(contact == self.next.wrapping_sub(1), "{contact} ended twice");
                    }
                    assert!(
                        self.offers.iter().all(|(offered, _)| *offered != contact),
                        "{contact} rings on"
                    );
                }
                Output::Announce { .. }
                | Output::CallBackNoted { .. }
                | Output::Message { .. }
                | Output::Overflow { .. }
                | Output::AgentStateChanged { .. } => {}
            }
        }
    }

    fn all_go_home(&mut self) {
        while let Some(id) = self.live.pop_first() {
            self.live.insert(id);
            // One who hangs up may be called back; who does not want that, ends it.
            let ended = self.acd.end(self.now, &id);
            assert!(ended.is_ok(), "{id} is not known");
            self.listen();
            tried(self.acd.end(self.now, &id));
            self.listen();
            assert!(!self.live.contains(&id), "{id} does not end");
        }
        for agent in 0..8 {
            tried(
                self.acd
                    .sign_off(self.now, &agent)
                    .and_then(|()| self.acd.wrap_up_done(self.now, &agent)),
            );
        }
        self.pass_until(self.now + Duration::from_secs(86_400));
        let live = self.acd.live();
        assert!(live.contacts == 0 && live.timers == 0, "something is left: {live:?}");
        assert_eq!(self.acd.audit(), Ok(()));
    }
}

const STRATEGIES: [Strategy; 13] = [
    Strategy::RingAll,
    Strategy::LongestIdle,
    Strategy::LeastRecent,
    Strategy::LeastOccupied,
    Strategy::RoundRobin,
    Strategy::TopDown,
    Strategy::Sequential,
    Strategy::Random,
    Strategy::WeightedRandom,
    Strategy::RingProgressively(Duration::from_secs(2)),
    Strategy::SkillBased,
    Strategy::UcdLoa,
    Strategy::PercentAllocation,
];
