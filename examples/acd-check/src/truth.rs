//! What is true of contacts and agents, kept by lists and scans beside the distribution, and what must hold of what it says.

use std::collections::BTreeMap;
use std::time::Duration;

use acd::{
    AgentConfig, AgentState, Arrival, CallBackTime, Channel, Decline, Outcome, Output, PauseReason, QueueConfig,
    QueueId, Ring, Skills, Strategy, Withdrawal, WrapUp,
};
use machine::Time;

use crate::choice::{Record, Work, position};

/// A rule that was broken, in words for whoever reads the report.
pub type Violation = String;

/// A contact as it is.
#[derive(Clone, Debug)]
pub struct Contact {
    /// In this queue.
    pub queue: QueueId,
    /// Of this kind.
    pub channel: Channel,
    /// With this priority.
    pub priority: i16,
    /// Needing this.
    pub needs: Skills,
    /// When it came.
    pub arrival: Time,
    /// When it came to this queue.
    pub joined: Time,
    /// Its number among all.
    pub number: u64,
    /// Whom it prefers: he needs a place in the queue, but not its skills.
    pub preferred: Vec<u16>,
    /// Whether its customer has to be called.
    pub call_back: bool,
    /// The position of whom it rang last.
    pub last_rank: Option<u128>,
    /// Where it is.
    pub place: Place,
}

/// Where a contact is.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Place {
    /// In line, ringing at these agents.
    InLine(Vec<u16>),
    /// Not before then.
    Later(Time),
    /// Its customer is being called for this agent.
    Dialling(u16),
    /// With this agent.
    Talking(u16),
}

/// An agent as he is.
#[derive(Clone, Debug)]
pub struct Agent {
    /// What he can do.
    pub config: AgentConfig,
    /// Whether he is signed on.
    pub on: bool,
    /// Whether he is paused.
    pub paused: bool,
    /// Whether his phone can be reached.
    pub reachable: bool,
    /// Until when he gets nothing.
    pub held: Option<Time>,
    /// Offers in a row that he let ring.
    pub unanswered: u8,
    /// What takes his capacity.
    pub links: Vec<Link>,
    /// What was said of him last.
    pub state: AgentState,
    /// What he has done.
    pub work: Work,
}

/// What takes an agent's capacity.
#[derive(Clone, Debug)]
pub struct Link {
    /// The contact.
    pub contact: u64,
    /// Its kind.
    pub channel: Channel,
    /// Whether it is over, and until when its wrap-up lasts.
    pub wrap_up: Option<Option<Time>>,
    /// The rule for its wrap-up.
    pub rule: WrapUp,
    /// Of this queue.
    pub queue: QueueId,
    /// When it was accepted.
    pub began: Time,
    /// When they began to talk.
    pub talk: Option<Time>,
}

/// All of it.
#[derive(Clone, Debug, Default)]
pub struct Truth {
    /// Present time.
    pub now: Time,
    /// The queues.
    pub queues: BTreeMap<QueueId, QueueConfig>,
    /// The agents.
    pub agents: BTreeMap<u16, Agent>,
    /// The contacts that have not ended.
    pub contacts: BTreeMap<u64, Contact>,
    /// The position of the agent whom a queue rang last.
    pub last_rank: BTreeMap<QueueId, u128>,
    /// How many agents came to a queue.
    pub ordinals: BTreeMap<QueueId, u32>,
    /// How many ended in which way.
    pub ended: u64,
    /// How many were offered.
    pub offered: u64,
    /// How many were connected.
    pub connected: u64,
    /// The contact whose end was asked for in this step.
    pub ending: Option<u64>,
}

impl Contact {
    /// A contact that comes now, the `number`th.
    #[must_use]
    pub fn new(arrival: &Arrival<u16>, now: Time, number: u64) -> Self {
        Self {
            queue: arrival.queue,
            channel: arrival.channel,
            priority: arrival.priority,
            needs: arrival.needs.clone(),
            arrival: now,
            joined: now,
            number,
            preferred: arrival.preferred.iter().map(|(agent, _)| *agent).collect(),
            call_back: arrival.call_back.is_some(),
            last_rank: None,
            place: match arrival.call_back {
                Some(CallBackTime::NotBefore(at) | CallBackTime::Between(at, _)) if at > now => Place::Later(at),
                _ => Place::InLine(Vec::new()),
            },
        }
    }
}

impl Agent {
    /// An agent who is not signed on.
    #[must_use]
    pub fn new(config: AgentConfig) -> Self {
        Self {
            config,
            on: false,
            paused: false,
            reachable: true,
            held: None,
            unanswered: 0,
            links: Vec::new(),
            state: AgentState::Off,
            work: Work::default(),
        }
    }

    /// Whether he may be offered a contact.
    #[must_use]
    pub fn can_take(&self, channel: Channel) -> bool {
        let free = self.on && !self.paused && self.reachable && self.held.is_none();
        let alone = channel != Channel::VOICE && self.links.iter().all(|link| link.channel != Channel::VOICE)
            || self.links.iter().all(|link| link.channel == channel);
        let taken = self.links.iter().filter(|link| link.channel == channel).count();
        let capacity = self
            .config
            .capacity
            .iter()
            .find(|(of, _)| *of == channel)
            .map_or(0, |(_, count)| *count);
        free && alone && taken < usize::from(capacity)
    }
}

impl Agent {
    /// The wrap-up of those contacts is over for which this says so.
    pub fn end_wrap_ups(&mut self, now: Time, over: impl Fn(&Link) -> bool) {
        for link in self.links.iter().filter(|link| link.wrap_up.is_some() && over(link)) {
            if let Some(record) = self.work.queues.get_mut(&link.queue) {
                record.work += now - link.began;
            }
        }
        self.links.retain(|link| link.wrap_up.is_none() || !over(link));
    }

    /// He signs on.
    pub fn sign_on(&mut self, now: Time) {
        if !self.on {
            self.work.signed_on = now;
            (self.work.talk, self.work.occupied) = Default::default();
            self.work.occupied_since = self.work.occupied_since.map(|_| now);
            self.work
                .queues
                .values_mut()
                .for_each(|record| record.work = Duration::ZERO);
        }
        (self.on, self.paused, self.unanswered) = (true, false, 0);
    }
}

impl Truth {
    /// What a contact needs by now.
    pub(crate) fn needed(&self, contact: &Contact) -> Skills {
        let queue = self.queues.get(&contact.queue);
        queue.map_or_else(Skills::new, |queue| relaxed(queue, contact, self.now - contact.joined))
    }

    /// An agent has the places of his configuration.
    pub fn enrol(&mut self, id: u16) {
        let Some(agent) = self.agents.get_mut(&id) else { return };
        let places: Vec<QueueId> = agent.config.memberships.iter().map(|place| place.queue).collect();
        agent.work.queues.retain(|queue, _| places.contains(queue));
        for queue in places {
            agent.work.queues.entry(queue).or_insert_with(|| {
                let ordinal = self.ordinals.entry(queue).or_default();
                *ordinal += 1;
                Record {
                    ordinal: *ordinal,
                    ..Record::default()
                }
            });
        }
    }

    /// Whether an agent is fit for a contact that has waited as long as this one has.
    #[must_use]
    pub fn fits(&self, agent: &Agent, contact: &Contact) -> bool {
        let Some(queue) = self.queues.get(&contact.queue) else {
            return false;
        };
        let Some(opening) = opening(queue, agent, contact.queue) else {
            return false;
        };
        let waited = self.now - contact.joined;
        let needs = relaxed(queue, contact, waited);
        if !agent.config.skills.meet(&needs) || agent.config.capacity.iter().all(|(of, _)| *of != contact.channel) {
            return false;
        }
        if opening <= waited {
            return true;
        }
        // Nobody of those who are asked before him is signed on.
        let before = |other: &Agent| {
            other.on
                && self
                    .opening(other, contact.queue)
                    .is_some_and(|theirs| theirs < opening)
        };
        queue.skip_empty_tiers && !self.agents.values().any(before)
    }

    fn opening(&self, agent: &Agent, queue: QueueId) -> Option<Duration> {
        opening(self.queues.get(&queue)?, agent, queue)
    }

    /// Takes what the distribution said, and looks whether it may be so.
    pub fn take(&mut self, output: &Output<u64, u16>) -> Result<(), Violation> {
        match output {
            Output::Offer { contact, agent, .. } => self.offer(*contact, *agent),
            Output::Withdraw {
                contact, agent, cause, ..
            } => self.withdraw(*contact, *agent, *cause),
            Output::Connect { contact, agent, .. } => self.connect(*contact, *agent),
            Output::CallBack { contact, agent, .. } => self.dial(*contact, *agent),
            Output::AgentStateChanged { agent, from, to, .. } => {
                let agent = self.agents.get_mut(agent).ok_or("state of nobody")?;
                if agent.state != *from || from == to {
                    return Err(format!("{:?} was said before, not {from:?}", agent.state));
                }
                agent.work.note(self.now, *from, *to);
                agent.state = *to;
                Ok(())
            }
            Output::Ended {
                contact,
                outcome,
                waited,
                ..
            } => self.end(*contact, *outcome, *waited),
            _ => Ok(()),
        }
    }

    fn offer(&mut self, id: u64, to: u16) -> Result<(), Violation> {
        self.offered += 1;
        let contact = self.contacts.get(&id).ok_or("an offer of nobody")?;
        let agent = self.agents.get(&to).ok_or("an offer to nobody")?;
        let Place::InLine(ringing) = &contact.place else {
            return Err(format!("offered while {:?}", contact.place));
        };
        if !agent.can_take(contact.channel) {
            return Err(format!("agent {to} is offered {id} beyond his capacity: {agent:?}"));
        }
        let member = agent
            .config
            .memberships
            .iter()
            .any(|place| place.queue == contact.queue);
        let preferred = member && contact.preferred.contains(&to);
        if !preferred && !self.fits(agent, contact) {
            return Err(format!(
                "agent {to} is not fit for {id}: {contact:?}, {agent:?}, {:?}",
                self.queues.get(&contact.queue)
            ));
        }
        let queue = self.queues.get(&contact.queue).ok_or("an offer of no queue")?;
        let several = matches!(queue.strategy, Strategy::RingAll | Strategy::RingProgressively(_));
        if ringing.contains(&to) || (!ringing.is_empty() && !several) {
            return Err(format!("{id} rings at {ringing:?} already"));
        }
        self.nobody_overtaken(id, contact, agent)?;
        let link = Link {
            contact: id,
            channel: contact.channel,
            wrap_up: None,
            rule: agent.config.wrap_up.unwrap_or(queue.wrap_up),
            queue: contact.queue,
            began: self.now,
            talk: None,
        };
        self.rightly_chosen(contact, ringing, to)?;
        let sequential = queue.strategy == Strategy::Sequential;
        let (of, rank) = (contact.queue, position(agent, contact.queue));
        if let Some(rank) = rank {
            self.last_rank.insert(of, rank);
        }
        if let Some(contact) = self.contacts.get_mut(&id).filter(|_| sequential) {
            contact.last_rank = rank;
        }
        if let Some(Contact {
            place: Place::InLine(ringing),
            ..
        }) = self.contacts.get_mut(&id)
        {
            ringing.push(to);
        }
        if let Some(agent) = self.agents.get_mut(&to) {
            agent.links.push(link);
        }
        Ok(())
    }

    /// No other contact of the queue, for whom he is fit as well, is before this one.
    fn nobody_overtaken(&self, id: u64, contact: &Contact, agent: &Agent) -> Result<(), Violation> {
        let key = |contact: &Contact| (-i32::from(contact.priority), contact.arrival, contact.number);
        let overtaken = self.contacts.iter().find(|(other, before)| {
            **other != id
                && before.queue == contact.queue
                && before.channel == contact.channel
                && before.place == Place::InLine(Vec::new())
                && key(before) < key(contact)
                && self.fits(agent, before)
        });
        overtaken.map_or(Ok(()), |(before, _)| {
            Err(format!(
                "{id} overtook {before}: {contact:?}, {:?}, {agent:?}, {:?}, {:?}",
                self.contacts.get(before),
                self.queues.get(&contact.queue),
                self.agents
            ))
        })
    }

    fn withdraw(&mut self, id: u64, from: u16, cause: Withdrawal) -> Result<(), Violation> {
        self.drop_offer(id, from)?;
        if cause == Withdrawal::NotAnswered {
            self.declined(id, from, Decline::NotAnswered);
        }
        Ok(())
    }

    /// An offer is over.
    pub fn drop_offer(&mut self, id: u64, from: u16) -> Result<(), Violation> {
        let agent = self.agents.get_mut(&from).ok_or("withdrawn from nobody")?;
        let before = agent.links.len();
        agent.links.retain(|link| link.contact != id || link.wrap_up.is_some());
        if agent.links.len() == before {
            return Err(format!("{id} did not ring at {from}"));
        }
        if let Some(Contact {
            place: Place::InLine(ringing),
            ..
        }) = self.contacts.get_mut(&id)
        {
            ringing.retain(|agent| *agent != from);
        }
        Ok(())
    }

    /// An agent did not take a contact of a queue.
    pub fn declined(&mut self, id: u64, by: u16, why: Decline) {
        let queue = self
            .contacts
            .get(&id)
            .and_then(|contact| self.queues.get(&contact.queue));
        let (Some(queue), Some(agent)) = (queue, self.agents.get_mut(&by)) else {
            return;
        };
        let pause = match why {
            Decline::Rejected => queue.reject_pause,
            Decline::NotAnswered => queue.no_answer_pause,
            _ => queue.busy_pause,
        };
        agent.held = Some(self.now + pause.max(Duration::from_millis(1)));
        match why {
            Decline::NotAnswered => {
                agent.unanswered += 1;
                if queue.max_no_answer > 0 && agent.unanswered >= queue.max_no_answer {
                    agent.paused = true;
                    agent.unanswered = 0;
                }
            }
            Decline::Unreachable => {
                agent.reachable = false;
                agent.held = None;
            }
            _ => agent.unanswered = 0,
        }
    }

    fn connect(&mut self, id: u64, with: u16) -> Result<(), Violation> {
        self.connected += 1;
        let contact = self.contacts.get_mut(&id).ok_or("connected to nobody")?;
        match &contact.place {
            Place::InLine(ringing) if ringing == &[with] => {
                if let Some(agent) = self.agents.get_mut(&with) {
                    agent.unanswered = 0;
                }
            }
            Place::Dialling(agent) if *agent == with => {}
            other => return Err(format!("{id} is connected to {with} while {other:?}")),
        }
        let dialled = matches!(contact.place, Place::Dialling(_));
        contact.place = Place::Talking(with);
        contact.call_back = false;
        contact.last_rank = None;
        let queue = contact.queue;
        if let Some(agent) = self.agents.get_mut(&with) {
            if let Some(record) = agent.work.queues.get_mut(&queue) {
                record.contacts += 1;
            }
            let now = self.now;
            let link = agent
                .links
                .iter_mut()
                .find(|link| link.contact == id && link.wrap_up.is_none());
            if let Some(link) = link {
                link.talk = Some(now);
                if !dialled {
                    link.began = now;
                }
            }
        }
        Ok(())
    }

    fn dial(&mut self, id: u64, agent: u16) -> Result<(), Violation> {
        let contact = self.contacts.get_mut(&id).ok_or("a call-back of nobody")?;
        if contact.place != Place::InLine(vec![agent]) || !contact.call_back {
            return Err(format!("{id} is called back while {:?}", contact.place));
        }
        contact.place = Place::Dialling(agent);
        contact.last_rank = None;
        if let Some(agent) = self.agents.get_mut(&agent) {
            for link in agent
                .links
                .iter_mut()
                .filter(|link| link.contact == id && link.wrap_up.is_none())
            {
                link.began = self.now;
            }
            agent.unanswered = 0;
        }
        Ok(())
    }

    /// An agent who had a contact goes on to wrap-up.
    pub fn wrap_up(&mut self, id: u64, agent: u16) {
        self.talk_over(id, agent, true);
    }

    /// An agent has a contact no more, and goes on to wrap-up if it earns him one.
    pub fn talk_over(&mut self, id: u64, agent: u16, earns: bool) {
        let now = self.now;
        let Some(agent) = self.agents.get_mut(&agent) else {
            return;
        };
        for link in agent
            .links
            .iter_mut()
            .filter(|link| link.contact == id && link.wrap_up.is_none())
        {
            link.wrap_up = Some(match link.rule {
                WrapUp::Fixed(time) | WrapUp::Capped(time) if earns => Some(now + time),
                WrapUp::Open if earns => None,
                _ => Some(now),
            });
            agent.work.talk += link.talk.map_or(Duration::ZERO, |since| now - since);
            if let Some(record) = agent.work.queues.get_mut(&link.queue) {
                record.last = Some(now);
            }
        }
        agent.end_wrap_ups(now, |link| link.wrap_up.flatten().is_some_and(|until| until <= now));
    }

    fn end(&mut self, id: u64, outcome: Outcome, waited: Duration) -> Result<(), Violation> {
        let contact = self
            .contacts
            .remove(&id)
            .ok_or_else(|| format!("{id} ended twice, or never came"))?;
        self.ended += 1;
        if waited > self.now - contact.arrival {
            return Err(format!("{id} waited {waited:?}, longer than it was there"));
        }
        match &contact.place {
            Place::InLine(ringing) if !ringing.is_empty() => {
                return Err(format!("{id} ended while it rings at {ringing:?}"));
            }
            Place::Talking(agent) => self.wrap_up(id, *agent),
            Place::Dialling(agent) => {
                if let Some(agent) = self.agents.get_mut(agent) {
                    agent.links.retain(|link| link.contact != id || link.wrap_up.is_some());
                }
            }
            Place::InLine(_) | Place::Later(_) => {}
        }
        let asked = self.ending == Some(id);
        match outcome {
            Outcome::Handled | Outcome::Abandoned if !asked => Err(format!("{id}: {outcome:?} though nobody hung up")),
            Outcome::Overflowed(..) | Outcome::Dismissed(_) if matches!(contact.place, Place::Talking(_)) => {
                Err(format!("{id}: {outcome:?} in a talk"))
            }
            _ => Ok(()),
        }
    }

    /// Time passes: holds, wrap-ups and postponements end.
    pub fn pass(&mut self, now: Time) {
        self.now = now;
        for agent in self.agents.values_mut() {
            agent.held = agent.held.filter(|until| *until > now);
            agent.end_wrap_ups(now, |link| link.wrap_up.flatten().is_some_and(|until| until <= now));
        }
        for contact in self.contacts.values_mut() {
            if matches!(contact.place, Place::Later(at) if at <= now) {
                contact.place = Place::InLine(Vec::new());
            }
        }
    }

    /// What must hold between any two steps.
    pub fn check(&self) -> Result<(), Violation> {
        for (id, contact) in &self.contacts {
            let Place::InLine(ringing) = &contact.place else {
                continue;
            };
            if !ringing.is_empty() {
                continue;
            }
            let idle = self
                .agents
                .iter()
                .find(|(_, agent)| agent.can_take(contact.channel) && self.fits(agent, contact));
            if let Some((agent, _)) = idle {
                return Err(format!("{id} waits while agent {agent} could have it: {contact:?}"));
            }
        }
        for (id, agent) in &self.agents {
            let expected = self.state_of(agent);
            if expected != agent.state
                && !matches!((expected, agent.state), (AgentState::Reserved, AgentState::Ringing))
            {
                return Err(format!("agent {id} is {expected:?}, and {:?} was said", agent.state));
            }
        }
        Ok(())
    }

    fn state_of(&self, agent: &Agent) -> AgentState {
        let talks = |link: &&Link| {
            let place = self.contacts.get(&link.contact).map(|contact| &contact.place);
            link.wrap_up.is_none() && matches!(place, Some(Place::Talking(_) | Place::Dialling(_)))
        };
        if agent.links.iter().any(|link| talks(&link)) {
            AgentState::Busy
        } else if agent.links.iter().any(|link| link.wrap_up.is_none()) {
            AgentState::Reserved
        } else if !agent.links.is_empty() {
            AgentState::WrapUp
        } else if !agent.on {
            AgentState::Off
        } else if !agent.reachable {
            AgentState::Unreachable
        } else if agent.paused || agent.held.is_some() {
            match agent.state {
                AgentState::Paused(reason) => AgentState::Paused(reason),
                _ => AgentState::Paused(PauseReason::Busy),
            }
        } else {
            AgentState::Ready
        }
    }
}

pub(crate) fn opening(queue: &QueueConfig, agent: &Agent, id: QueueId) -> Option<Duration> {
    let place = agent.config.memberships.iter().find(|place| place.queue == id)?;
    let tier = match place.tier {
        0 => Duration::ZERO,
        tier => *queue.tiers.get(usize::from(tier) - 1)?,
    };
    let mut allowed = queue
        .penalties
        .iter()
        .filter(|(_, up_to)| *up_to >= place.penalty)
        .map(|(after, _)| *after);
    let penalty = if queue.penalties.is_empty() {
        Duration::ZERO
    } else {
        allowed.by_ref().min()?
    };
    Some(tier.max(penalty).max(place.delay))
}

fn relaxed(queue: &QueueConfig, contact: &Contact, waited: Duration) -> Skills {
    let reached = |ring: &&Ring| ring.after <= waited;
    match queue.rings.iter().take_while(reached).last() {
        None => contact.needs.clone(),
        Some(ring) => contact
            .needs
            .iter()
            .filter(|(skill, _)| !ring.drop.contains(skill))
            .map(|(skill, level)| (skill, level.saturating_sub(ring.lower).max(1)))
            .collect(),
    }
}
