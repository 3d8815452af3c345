use std::time::Duration;

use acd::{
    Acd, AgentConfig, AgentState, Arrival, CallBackTime, CalledBack, Channel, Counted, Decline, Limits, Membership,
    Order, QueueConfig, QueueId, Ring, SkillId, Skills, Strategy, Target, WrapUp,
};
use machine::{Machine as _, Time};
use rand_chacha::ChaCha12Rng;
use rand_core::{Rng as _, SeedableRng as _};

use crate::truth::{Agent, Contact, Place, Truth, Violation};

/// What a story came to.
#[derive(Clone, Copy, Debug, Default)]
pub struct Report {
    /// Steps: inputs and moments at which something was due.
    pub steps: u64,
    /// Offers.
    pub offered: u64,
    /// Talks.
    pub connected: u64,
    /// Contacts that ended.
    pub ended: u64,
}

/// A random story. The same seed is the same story.
pub struct Story {
    rng: ChaCha12Rng,
    acd: Acd<u64, u16>,
    truth: Truth,
    next_contact: u64,
    steps: u64,
    tell: Option<fn(&str)>,
}

const QUEUES: u32 = 3;
const AGENTS: u16 = 6;

impl Story {
    /// A story's first page: queues with random rules, agents with random places, nobody signed on.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        let mut key = [0; 32];
        for (byte, value) in key.iter_mut().zip(seed.to_le_bytes()) {
            *byte = value;
        }
        let mut story = Self {
            rng: ChaCha12Rng::from_seed(key),
            acd: Acd::new(Limits::default(), key),
            truth: Truth {
                now: Time::from_secs(1_000_000),
                ..Truth::default()
            },
            next_contact: 0,
            steps: 0,
            tell: None,
        };
        for queue in 1..=QUEUES {
            story.change_queue(QueueId(queue));
        }
        for agent in 0..AGENTS {
            story.change_agent(agent);
        }
        story
    }

    /// Tells it line by line: what is done, and what the distribution says.
    #[must_use]
    pub fn told_by(mut self, tell: fn(&str)) -> Self {
        self.tell = Some(tell);
        self
    }

    fn tell(&self, what: impl FnOnce() -> String) {
        if let Some(tell) = self.tell {
            tell(&format!("{:>6} {:?} {}", self.steps, self.truth.now, what()));
        }
    }

    /// Goes on for `steps` steps, then lets everybody go home.
    ///
    /// # Errors
    ///
    /// The first rule that was broken, and after how many steps.
    pub fn run(mut self, steps: u64) -> Result<Report, Violation> {
        let told = |story: &Self, error: Violation| format!("step {}: {error}", story.steps);
        while self.steps < steps {
            self.step().map_err(|error| told(&self, error))?;
        }
        self.all_go_home().map_err(|error| told(&self, error))?;
        Ok(Report {
            steps: self.steps,
            offered: self.truth.offered,
            connected: self.truth.connected,
            ended: self.truth.ended,
        })
    }

    fn step(&mut self) -> Result<(), Violation> {
        self.steps += 1;
        match self.below(32) {
            0..=5 => self.arrive(),
            6..=8 => self.hang_up(),
            9..=16 => self.answer(),
            17..=18 => self.refuse(),
            19..=21 => self.sign(),
            22 => self.transfer(),
            23 => self.keep_place(),
            24 => self.call_back(),
            25..=26 => self.wrap_up_done(),
            27 if self.below(6) == 0 => self.change(),
            _ => self.pass(),
        }
    }

    fn wrap_up_done(&mut self) -> Result<(), Violation> {
        let now = self.truth.now;
        if let Some(agent) = self.any_agent()
            && self.acd.wrap_up_done(self.truth.now, &agent).is_ok()
            && let Some(agent) = self.truth.agents.get_mut(&agent)
        {
            agent.end_wrap_ups(now, |link| !matches!(link.rule, WrapUp::Fixed(_)));
        }
        self.settle()
    }

    fn change(&mut self) -> Result<(), Violation> {
        if self.below(2) == 0 {
            let agent = u16::try_from(self.below(u64::from(AGENTS))).unwrap_or(0);
            self.change_agent(agent);
        } else {
            let queue = self.any_queue();
            self.change_queue(queue);
        }
        self.settle()
    }

    fn arrive(&mut self) -> Result<(), Violation> {
        let id = self.next_contact;
        self.next_contact += 1;
        let mut arrival = Arrival::call(self.any_queue());
        if self.below(4) == 0 {
            arrival.channel = Channel::CHAT;
        }
        arrival.priority = i16::try_from(self.below(3)).unwrap_or(0);
        if self.below(2) == 0 {
            arrival.needs = self.skills();
        }
        if self.below(4) == 0 {
            arrival.preferred = self.any_agent().into_iter().map(|agent| (agent, 1)).collect();
        }
        if self.below(8) == 0 {
            arrival.call_back = Some(CallBackTime::NotBefore(
                self.truth.now + Duration::from_secs(self.below(20)),
            ));
        }
        let now = self.truth.now;
        let contact = Contact::new(&arrival, now, id);
        self.tell(|| format!("{id} arrives: {arrival:?}"));
        if self.acd.arrive(now, id, arrival).is_ok() {
            self.truth.contacts.insert(id, contact);
        }
        self.settle()
    }

    fn hang_up(&mut self) -> Result<(), Violation> {
        if let Some(id) = self.any_contact(|_| true) {
            self.tell(|| format!("{id} ends"));
            self.truth.ending = Some(id);
            self.acd
                .end(self.truth.now, &id)
                .map_err(|error| format!("{id} cannot end: {error}"))?;
            self.settle()?;
            if self.truth.contacts.contains_key(&id) {
                return Err(format!("{id} did not end when it did"));
            }
            self.truth.ending = None;
        }
        Ok(())
    }

    fn offered(&mut self) -> Option<(u64, u16)> {
        let id = self.any_contact(|contact| matches!(&contact.place, Place::InLine(ringing) if !ringing.is_empty()))?;
        let Place::InLine(ringing) = &self.truth.contacts.get(&id)?.place else {
            return None;
        };
        let ringing = ringing.clone();
        let at = usize::try_from(self.below(u64::try_from(ringing.len()).ok()?)).ok()?;
        ringing.get(at).map(|agent| (id, *agent))
    }

    fn answer(&mut self) -> Result<(), Violation> {
        let Some((id, agent)) = self.offered() else {
            return self.pass();
        };
        let now = self.truth.now;
        self.tell(|| format!("{agent} rings or accepts {id}"));
        if self.below(2) == 0 {
            self.acd
                .ringing(now, &id, &agent)
                .map_err(|error| format!("{agent} cannot ring: {error}"))?;
        } else {
            self.acd
                .accept(now, &id, &agent)
                .map_err(|error| format!("{agent} cannot accept: {error}"))?;
        }
        self.settle()
    }

    fn refuse(&mut self) -> Result<(), Violation> {
        let Some((id, agent)) = self.offered() else {
            return self.pass();
        };
        let why = match self.below(4) {
            0 => Decline::Busy,
            1 => Decline::NotAnswered,
            2 => Decline::Unreachable,
            _ => Decline::Rejected,
        };
        self.tell(|| format!("{agent} declines {id}: {why:?}"));
        self.truth.drop_offer(id, agent)?;
        self.truth.declined(id, agent, why);
        let declined = self.acd.decline(self.truth.now, &id, &agent, why);
        declined.map_err(|error| format!("{agent} cannot decline: {error}"))?;
        self.settle()
    }

    fn sign(&mut self) -> Result<(), Violation> {
        let Some(id) = self.any_agent() else { return Ok(()) };
        let now = self.truth.now;
        let what = self.below(12);
        self.tell(|| format!("{id} signs: {what}"));
        let Some(agent) = self.truth.agents.get_mut(&id) else {
            return Ok(());
        };
        match what {
            0..=4 => {
                agent.sign_on(now);
                self.acd.sign_on(now, &id).map_err(|error| error.to_string())?;
            }
            5 => {
                (agent.on, agent.paused, agent.held) = (false, false, None);
                self.acd.sign_off(now, &id).map_err(|error| error.to_string())?;
            }
            6 => {
                if self.acd.pause(now, &id, 7).is_ok() {
                    agent.paused = true;
                } else if agent.on {
                    return Err(format!("{id} cannot pause"));
                }
            }
            7 => {
                if self.acd.unpause(now, &id).is_ok() {
                    (agent.paused, agent.held, agent.unanswered) = (false, None, 0);
                }
            }
            8 => {
                agent.reachable = false;
                self.acd.reachable(now, &id, false).map_err(|error| error.to_string())?;
            }
            _ => {
                agent.reachable = true;
                self.acd.reachable(now, &id, true).map_err(|error| error.to_string())?;
            }
        }
        self.settle()
    }

    fn transfer(&mut self) -> Result<(), Violation> {
        let Some(id) = self.any_contact(|contact| !contact.call_back) else {
            return Ok(());
        };
        let (to, now) = (self.any_queue(), self.truth.now);
        let before = self.truth.contacts.get(&id).map(|contact| contact.place.clone());
        let requeue = matches!(before, Some(Place::Talking(_))) && self.below(2) == 0;
        self.tell(|| format!("{id} goes to {to:?}, its own: {requeue}"));
        if requeue {
            self.acd.requeue(now, &id).map_err(|error| error.to_string())?;
        } else {
            self.acd
                .transfer(now, &id, to, None)
                .map_err(|error| error.to_string())?;
        }
        match before {
            Some(Place::Talking(agent)) if requeue => self.truth.talk_over(id, agent, false),
            Some(Place::Talking(agent)) => self.truth.wrap_up(id, agent),
            _ => {}
        }
        if let Some(contact) = self.truth.contacts.get_mut(&id) {
            if !requeue {
                contact.queue = to;
            }
            (contact.joined, contact.last_rank) = (now, None);
            if matches!(contact.place, Place::Talking(_)) {
                contact.place = Place::InLine(Vec::new());
            }
        }
        self.settle()
    }

    fn keep_place(&mut self) -> Result<(), Violation> {
        let Some(id) = self.any_contact(|contact| contact.place == Place::InLine(Vec::new())) else {
            return Ok(());
        };
        let at = (self.below(2) == 0).then(|| self.truth.now + Duration::from_secs(self.below(30)));
        if self
            .acd
            .keep_place(
                self.truth.now,
                &id,
                at.map_or(CallBackTime::InTurn, CallBackTime::NotBefore),
            )
            .is_ok()
            && let Some(contact) = self.truth.contacts.get_mut(&id)
        {
            (contact.call_back, contact.last_rank) = (true, None);
            if let Some(at) = at.filter(|at| *at > self.truth.now) {
                contact.place = Place::Later(at);
            }
        }
        self.settle()
    }

    fn call_back(&mut self) -> Result<(), Violation> {
        let Some(id) = self.any_contact(|contact| matches!(contact.place, Place::Dialling(_))) else {
            return Ok(());
        };
        let Some(contact) = self.truth.contacts.get(&id) else {
            return Ok(());
        };
        let (queue, place) = (contact.queue, contact.place.clone());
        let result = if self.below(2) == 0 {
            CalledBack::Reached
        } else {
            CalledBack::NotReached
        };
        if result == CalledBack::NotReached {
            let Place::Dialling(agent) = place else { return Ok(()) };
            if let Some(agent) = self.truth.agents.get_mut(&agent) {
                agent.links.retain(|link| link.contact != id || link.wrap_up.is_some());
            }
            let retry = self
                .truth
                .queues
                .get(&queue)
                .map_or(Duration::ZERO, |queue| queue.call_backs.retry_after);
            if let Some(contact) = self.truth.contacts.get_mut(&id) {
                contact.place = Place::Later(self.truth.now + retry);
            }
        }
        self.tell(|| format!("{id} called back: {result:?}"));
        self.acd
            .called_back(self.truth.now, &id, result)
            .map_err(|error| error.to_string())?;
        self.settle()
    }

    /// Time passes, with all that is due on the way.
    fn pass(&mut self) -> Result<(), Violation> {
        let until = self.truth.now + Duration::from_millis(self.below(8_000));
        self.pass_until(until)
    }

    fn pass_until(&mut self, until: Time) -> Result<(), Violation> {
        while let Some(due) = self.acd.poll_timeout().filter(|due| *due <= until) {
            self.steps += 1;
            if due < self.truth.now {
                return Err(format!("due at {due:?}, which is over"));
            }
            self.truth.pass(due);
            self.acd.handle_timeout(due);
            self.settle()?;
            if self.acd.poll_timeout().is_some_and(|next| next <= due) {
                return Err("something is due again at once".to_owned());
            }
        }
        self.truth.pass(until);
        Ok(())
    }

    fn settle(&mut self) -> Result<(), Violation> {
        while let Some(output) = self.acd.poll_output() {
            self.tell(|| format!("  {output:?}"));
            self.follow(&output);
            self.truth
                .take(&output)
                .map_err(|error| format!("{error}, at {output:?}"))?;
        }
        self.truth.check()
    }

    /// What moves a contact without having been asked for.
    fn follow(&mut self, output: &acd::Output<u64, u16>) {
        if let acd::Output::Overflow {
            contact,
            to: Target::Queue(to),
            ..
        } = output
            && let Some(contact) = self.truth.contacts.get_mut(contact)
        {
            contact.queue = *to;
            (contact.joined, contact.last_rank) = (self.truth.now, None);
        }
    }

    fn all_go_home(&mut self) -> Result<(), Violation> {
        while let Some(id) = self.any_contact(|_| true) {
            self.truth.ending = Some(id);
            self.acd.end(self.truth.now, &id).map_err(|error| error.to_string())?;
            self.settle()?;
        }
        let agents: Vec<u16> = self.truth.agents.keys().copied().collect();
        for agent in agents {
            self.acd
                .sign_off(self.truth.now, &agent)
                .map_err(|error| error.to_string())?;
            if let Some(agent) = self.truth.agents.get_mut(&agent) {
                (agent.on, agent.paused, agent.held) = (false, false, None);
            }
            if self.acd.wrap_up_done(self.truth.now, &agent).is_ok()
                && let Some(agent) = self.truth.agents.get_mut(&agent)
            {
                agent.end_wrap_ups(self.truth.now, |link| !matches!(link.rule, WrapUp::Fixed(_)));
            }
            self.settle()?;
        }
        self.pass_until(self.truth.now + Duration::from_secs(3_600))?;
        let live = self.acd.live();
        let working = self.truth.agents.values().any(|agent| agent.state != AgentState::Off);
        if live.contacts > 0 || live.timers > 0 || working {
            return Err(format!("something is left: {live:?}"));
        }
        Ok(())
    }

    fn change_queue(&mut self, id: QueueId) {
        let strategies = [
            Strategy::RingAll,
            Strategy::LongestIdle,
            Strategy::LeastRecent,
            Strategy::FewestCalls,
            Strategy::LeastTalkTime,
            Strategy::LeastOccupied,
            Strategy::RoundRobin,
            Strategy::TopDown,
            Strategy::Sequential,
            Strategy::Random,
            Strategy::WeightedRandom,
            Strategy::RingProgressively(Duration::from_secs(4)),
            Strategy::SkillBased,
            Strategy::UcdMia,
            Strategy::EadLoa,
            Strategy::PercentAllocation,
        ];
        let at = usize::try_from(self.below(16)).unwrap_or(0);
        let mut queue = QueueConfig::new(strategies.get(at).copied().unwrap_or_default());
        queue.order = Order::Priority;
        queue.ring_time = Duration::from_secs(1 + self.below(10));
        queue.wrap_up = match self.below(4) {
            0 => WrapUp::None,
            1 => WrapUp::Fixed(Duration::from_secs(3)),
            2 => WrapUp::Capped(Duration::from_secs(5)),
            _ => WrapUp::Open,
        };
        queue.tiers = vec![Duration::from_secs(self.below(10)); usize::try_from(self.below(2)).unwrap_or(0)];
        if self.below(3) == 0 {
            queue.penalties = vec![(Duration::ZERO, 0), (Duration::from_secs(5), 2)];
        }
        if self.below(3) == 0 {
            let mut ring = Ring::new(Duration::from_secs(2 + self.below(6)));
            ring.lower = 1;
            let mut outer = Ring::new(Duration::from_secs(9));
            outer.drop = vec![SkillId(1), SkillId(2)];
            queue.rings = vec![ring, outer];
        }
        queue.skip_empty_tiers = self.below(2) == 0;
        queue.max_waiting = (self.below(3) == 0).then_some(5);
        queue.max_wait = (self.below(3) == 0).then_some(Duration::from_secs(20));
        queue.join_needs = (self.below(4) == 0).then_some(Counted::SIGNED_ON);
        queue.stay_needs = (self.below(4) == 0).then_some(Counted::WORKING);
        queue.overflow = match self.below(3) {
            0 => None,
            1 => Some(Target::Elsewhere(9)),
            _ => Some(Target::Queue(self.any_queue())),
        };
        queue.announcements.first = Some(Duration::from_secs(5));
        queue.announcements.every = Duration::from_secs(7);
        queue.call_backs.retry_after = Duration::from_secs(15);
        self.truth.queues.insert(id, queue.clone());
        self.tell(|| format!("{id:?} is {queue:?}"));
        let set = self.acd.set_queue(self.truth.now, id, queue);
        debug_assert!(set.is_ok(), "within the limits");
    }

    fn change_agent(&mut self, id: u16) {
        let mut config = AgentConfig::in_queues([]);
        for queue in 1..=QUEUES {
            if self.below(3) > 0 {
                let mut place = Membership::new(QueueId(queue));
                place.tier = u8::try_from(self.below(2)).unwrap_or(0);
                place.penalty = u8::try_from(self.below(3)).unwrap_or(0);
                place.position = u16::try_from(self.below(4)).unwrap_or(0);
                place.weight = u16::try_from(self.below(5)).unwrap_or(0);
                place.delay = Duration::from_secs(if self.below(4) == 0 { 3 } else { 0 });
                config.memberships.push(place);
            }
        }
        config.skills = self.skills();
        if self.below(2) == 0 {
            config.capacity.push((Channel::CHAT, 2));
        }
        let agent = self
            .truth
            .agents
            .entry(id)
            .or_insert_with(|| Agent::new(config.clone()));
        agent.config = config.clone();
        self.truth.enrol(id);
        self.tell(|| format!("{id} is {config:?}"));
        let set = self.acd.set_agent(self.truth.now, id, config);
        debug_assert!(set.is_ok(), "within the limits");
    }

    fn skills(&mut self) -> Skills {
        let mut skills = Skills::new();
        for skill in 1..=2 {
            if self.below(2) == 0 {
                skills.set(SkillId(skill), 1 + u8::try_from(self.below(3)).unwrap_or(0));
            }
        }
        skills
    }

    fn any_queue(&mut self) -> QueueId {
        QueueId(1 + u32::try_from(self.below(u64::from(QUEUES))).unwrap_or(0))
    }

    fn any_agent(&mut self) -> Option<u16> {
        u16::try_from(self.below(u64::from(AGENTS))).ok()
    }

    fn any_contact(&mut self, fits: impl Fn(&Contact) -> bool) -> Option<u64> {
        let all: Vec<u64> = self
            .truth
            .contacts
            .iter()
            .filter(|(_, contact)| fits(contact))
            .map(|(id, _)| *id)
            .collect();
        let at = self.below(u64::try_from(all.len()).ok()?.max(1));
        all.get(usize::try_from(at).ok()?).copied()
    }

    fn below(&mut self, end: u64) -> u64 {
        self.rng.next_u64() % end.max(1)
    }
}
