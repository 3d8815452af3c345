//! A run: events come in the order of their times, the distribution decides, and people do what they do.

use std::collections::VecDeque;

use acd::{Acd, AgentError, AgentState, ArriveError, CalledBack, Decline, WrapUp};
use core::time::Duration;
use machine::{Machine, Time};

use super::broken::{Broken, Rule};
use super::distribution::unit;
use super::events::{Event, Events};
use super::people::{Caller, Chance, Kind, Seeds, Team, Worker};
use super::report::Run;
use super::scenario::{Scenario, ScenarioError};
use super::shift::Move;
use super::tally::Tally;
use super::trace::{Observer, Traced};

/// A contact centre in virtual time: callers and agents around an [`Acd`].
///
/// The same scenario, seed and replication give the same run, event by event. Callers come from chance of their own: with
/// another staff or strategy the same seed brings the same callers, with the same patience and the same talks.
///
/// ```
/// use sim::centre::{AgentGroup, Centre, ContactType, Report, Scenario};
/// use std::time::Duration;
///
/// let mut scenario = Scenario::new(Duration::from_secs(20 * 3600));
/// let queue = scenario.add_queue("sales", acd::QueueConfig::new(acd::Strategy::LongestIdle));
/// scenario.types.push(ContactType::new("caller", queue, "4.2/min".parse()?, "exp:2min".parse()?));
/// scenario.groups.push(AgentGroup::new("agents", 12, [queue]));
///
/// let mut report = Report::default();
/// for replication in 0..5 {
///     report.add(Centre::new(&scenario, 42, replication)?.run(&mut ())?);
/// }
/// let all = report.figures(None);
/// assert!(all.service_level.unwrap().covers(0.902, 0.99)); // Erlang C
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct Centre {
    pub(crate) acd: Acd<u64, u32>,
    pub(crate) events: Events,
    pub(crate) now: Time,
    pub(crate) end: Time,
    /// When a run is given up on which nobody serves those who are left.
    cut: Time,
    pub(crate) kinds: Vec<Kind>,
    pub(crate) teams: Vec<Team>,
    pub(crate) workers: Vec<Worker>,
    pub(crate) callers: Vec<Option<Caller>>,
    free: Vec<u32>,
    /// Offers that are answered at once: agents with the serial numbers.
    pub(crate) answers: VecDeque<(u32, u32)>,
    /// Whether agents end their wrap-up themselves.
    pub(crate) open_wrap_up: bool,
    /// What callers do who are not served, and agents.
    pub(crate) later: Chance,
    pub(crate) agents: Chance,
    serial: u64,
    pub(crate) tally: Tally,
    pub(crate) happened: u64,
    /// Nothing changes in its course.
    pub(crate) steady: bool,
}

/// Contacts that are there at once at most: 24 bits of their number are their place.
const PLACES: usize = 1 << 24;

impl Centre {
    /// A contact centre before its start.
    ///
    /// # Errors
    ///
    /// [`ScenarioError`].
    pub fn new(scenario: &Scenario, seed: u64, replication: u64) -> Result<Self, ScenarioError> {
        scenario.check_parts()?;
        let mut seeds = Seeds::new(seed, replication);
        let mut limits = scenario.limits.clone();
        limits.contacts = limits.contacts.min(PLACES);
        let acd = Acd::new(limits, seeds.bytes());
        let (later, agents) = (seeds.chance(), seeds.chance());
        let kinds = scenario
            .types
            .iter()
            .enumerate()
            .map(|(number, of)| Kind::new(number, of, &mut seeds));
        let kinds = kinds.collect::<Result<Vec<_>, _>>()?;
        let teams = scenario
            .groups
            .iter()
            .enumerate()
            .map(|(number, of)| Team::new(number, of));
        let teams = teams.collect::<Result<Vec<_>, _>>()?;
        let (begin, end) = (Time::ZERO + scenario.warm_up, Time::ZERO + scenario.length);
        let mut centre = Self {
            acd,
            events: Events::default(),
            now: Time::ZERO,
            end,
            cut: end + scenario.length.max(Duration::from_secs(86_400)),
            tally: Tally::new(
                kinds.len(),
                teams.len(),
                begin,
                end,
                scenario.batches,
                scenario.interval,
            ),
            kinds,
            teams,
            workers: Vec::new(),
            callers: Vec::new(),
            free: Vec::new(),
            answers: VecDeque::new(),
            open_wrap_up: scenario.types.iter().any(|of| of.wrap_up.is_some()),
            later,
            agents,
            serial: 0,
            happened: 0,
            steady: scenario.is_steady(),
        };
        centre.open_queues(scenario)?;
        centre.hire(scenario)?;
        for number in 0..centre.kinds.len() {
            centre.await_next(u16::try_from(number).unwrap_or(u16::MAX));
        }
        centre.boundary();
        Ok(centre)
    }

    fn open_queues(&mut self, scenario: &Scenario) -> Result<(), ScenarioError> {
        for (number, (_, config)) in (0..).zip(&scenario.queues) {
            let id = acd::QueueId(number);
            let mut config = config.clone();
            if self.open_wrap_up && config.wrap_up == WrapUp::None {
                config.wrap_up = WrapUp::Open;
            }
            self.acd
                .set_queue(self.now, id, config)
                .map_err(|error| ScenarioError::Queue(id, error))?;
        }
        let known = |queue: acd::QueueId| scenario.queues.len() > usize::try_from(queue.0).unwrap_or(usize::MAX);
        let named = scenario.types.iter().map(|of| of.queue);
        let served = scenario
            .groups
            .iter()
            .flat_map(|group| group.config.memberships.iter().map(|place| place.queue));
        match named.chain(served).find(|queue| !known(*queue)) {
            Some(queue) => Err(ScenarioError::UnknownQueue(queue)),
            None => Ok(()),
        }
    }

    fn hire(&mut self, scenario: &Scenario) -> Result<(), ScenarioError> {
        for (number, group) in scenario.groups.iter().enumerate() {
            let wrong = |error| ScenarioError::Agents(number, error);
            for one in 0..group.size {
                let agent = u32::try_from(self.workers.len()).unwrap_or(u32::MAX);
                self.acd
                    .set_agent(self.now, agent, group.config.clone())
                    .map_err(wrong)?;
                self.workers
                    .push(Worker::new(u16::try_from(number).unwrap_or(u16::MAX), one + 1));
                if group.shifts.is_empty() {
                    self.events.add(self.now, Event::Work(agent, Move::SignOn));
                }
                for (at, what) in group.shifts.iter().flat_map(|shift| shift.moves(scenario.length)) {
                    self.events.add(Time::ZERO + at, Event::Work(agent, what));
                }
            }
        }
        Ok(())
    }

    /// Runs to the end.
    ///
    /// # Errors
    ///
    /// [`Broken`], if the distribution breaks one of its rules; never, if it is without a fault.
    pub fn run(mut self, observer: &mut impl Observer) -> Result<Run, Broken> {
        while self.step(observer)? {}
        self.finish()
    }

    /// Runs up to a time; whether anything is left to do. [`finish`](Self::finish) once there is not.
    ///
    /// # Errors
    ///
    /// [`Broken`].
    pub fn run_until(&mut self, until: Time, observer: &mut impl Observer) -> Result<bool, Broken> {
        while self.next_time().is_some_and(|next| next <= until) {
            if !self.step(observer)? {
                return Ok(false);
            }
        }
        Ok(self.next_time().is_some_and(|next| next <= self.cut))
    }

    /// When something happens next.
    #[must_use]
    pub fn next_time(&self) -> Option<Time> {
        match (self.acd.poll_timeout(), self.events.next_time()) {
            (Some(one), Some(other)) => Some(one.min(other)),
            (one, other) => one.or(other),
        }
    }

    /// The distribution, to be looked at.
    #[must_use]
    pub const fn distribution(&self) -> &Acd<u64, u32> {
        &self.acd
    }

    /// Does what happens next; whether there was anything.
    ///
    /// # Errors
    ///
    /// [`Broken`].
    pub fn step(&mut self, observer: &mut impl Observer) -> Result<bool, Broken> {
        let (due, next) = (self.acd.poll_timeout(), self.events.next_time());
        let Some(at) = due.into_iter().chain(next).min().filter(|at| *at <= self.cut) else {
            return Ok(false);
        };
        self.now = at;
        if due == Some(at) {
            self.acd.handle_timeout(at);
            self.drain(observer)?;
            // Contract of all machines.
            if self.acd.poll_timeout().is_some_and(|due| due <= at) {
                return Err(self.broken(Rule::Spins));
            }
            return Ok(true);
        }
        if let Some((_, event)) = self.events.pop() {
            self.happen(event, observer)?;
            self.drain(observer)?;
        }
        Ok(true)
    }

    /// The end of a run: what came of it.
    ///
    /// # Errors
    ///
    /// [`Broken`], if the distribution keeps something of contacts that are gone.
    pub fn finish(mut self) -> Result<Run, Broken> {
        self.now = self.now.max(self.end);
        let mut left = 0;
        for caller in core::mem::take(&mut self.callers).into_iter().flatten() {
            left += 1;
            self.tally.contact(caller.place, caller.kind, |totals| totals.left += 1);
        }
        let live = self.acd.live();
        if live.contacts != left
            || (left == 0 && live.timers > 0 && self.acd.poll_timeout().is_none_or(|due| due <= self.cut))
        {
            return Err(self.broken(Rule::Kept));
        }
        Ok(Run::new(self))
    }

    fn happen(&mut self, event: Event, observer: &mut impl Observer) -> Result<(), Broken> {
        match event {
            Event::Arrive(kind) => self.arrive(kind, false, observer),
            Event::Again(kind) => self.arrive(kind, true, observer),
            Event::GiveUp(contact) => self.give_up(contact),
            Event::Ask(contact) => self.ask(contact, observer),
            Event::Answer(agent, offer) => self.answer(agent, offer),
            Event::Reject(agent, offer) => self.reject(agent, offer, observer),
            Event::TalkEnd(contact) => self.talk_end(contact),
            Event::CalledBack(contact) => self.called_back(contact),
            Event::WrapUpEnd(agent, number) => self.wrap_up_end(agent, number),
            Event::Work(agent, what) => self.work(agent, what),
            Event::Back(agent) => self.back(agent),
            Event::Boundary => {
                self.boundary();
                Ok(())
            }
        }
    }

    fn boundary(&mut self) {
        self.tally.boundary(self.now);
        if self.tally.next < Time::MAX {
            self.events.add(self.tally.next, Event::Boundary);
        }
    }

    /// The next contact of a type comes when its time has come, unless the run is over then.
    fn await_next(&mut self, kind: u16) {
        let next = self.kinds.get(usize::from(kind)).and_then(|kind| kind.next);
        if let Some(next) = next.map(|next| Time::ZERO + next.at).filter(|at| *at < self.end) {
            self.events.add(next, Event::Arrive(kind));
        }
    }

    fn arrive<O: Observer>(&mut self, number: u16, again: bool, observer: &mut O) -> Result<(), Broken> {
        let now = self.now;
        let Some(kind) = self.kinds.get_mut(usize::from(number)) else {
            return Ok(());
        };
        let chance = if again { &mut self.later } else { &mut kind.chance };
        let recorded = if again {
            Default::default()
        } else {
            kind.next.take().unwrap_or_default()
        };
        let drawn = |given: Option<Duration>, from: Option<&super::Sampler>, chance: &mut Chance| {
            given.or_else(|| from.map(|from| from.sample(chance)))
        };
        let patience = match (recorded.outlasts, &kind.patience) {
            (Some(wait), Some(patience)) => patience.sample_beyond(wait, chance),
            (_, patience) => drawn(recorded.patience, patience.as_ref(), chance).unwrap_or(Duration::MAX),
        };
        let service = drawn(recorded.service, Some(&kind.service), chance).unwrap_or_default();
        let wrap_up = drawn(None, kind.wrap_up.as_ref(), chance);
        let mut arrival = kind.arrival.clone();
        arrival.priority = recorded.priority.unwrap_or(arrival.priority);
        arrival.customer = recorded.customer;
        if !again {
            kind.next = kind.stream.next(&mut kind.chance);
        }
        let ask = kind.call_back.as_ref().map(|(back, _)| back.after);
        if !again {
            self.await_next(number);
        }
        self.happened += 1;
        let place = self.tally.place;
        self.tally.contact(place, number, |totals| {
            totals.offered += 1;
            totals.again += u64::from(again);
        });
        let id = self.admit(Caller {
            id: 0,
            kind: number,
            place,
            arrived: now,
            service,
            wrap_up,
            talks: None,
            hung_up: false,
            dialled: None,
        });
        if O::LISTENS {
            let name = self.kinds.get(usize::from(number)).map_or("", |kind| &kind.name);
            observer.observe(now, &Traced::Arrived(id >> 24, name));
        }
        match self.acd.arrive(now, id, arrival) {
            Ok(()) => {}
            Err(ArriveError::Refused(cause)) => self.turned_away(id, Some(cause), observer),
            Err(ArriveError::Full) => self.turned_away(id, None, observer),
            Err(_) => return Err(self.broken(Rule::Denied)),
        }
        self.drain(observer)?;
        if self.caller(id).is_some_and(|caller| caller.talks.is_none()) {
            if now + patience < Time::MAX {
                self.events.add(now + patience, Event::GiveUp(id));
            }
            if let Some(after) = ask {
                self.events.add(now + after, Event::Ask(id));
            }
        }
        Ok(())
    }

    /// Gives a caller a place and a number.
    fn admit(&mut self, mut caller: Caller) -> u64 {
        self.serial += 1;
        let at = self.free.pop().unwrap_or_else(|| {
            self.callers.push(None);
            u32::try_from(self.callers.len() - 1).unwrap_or(u32::MAX)
        });
        caller.id = (self.serial << 24) | u64::from(at);
        let id = caller.id;
        if let Some(place) = self.callers.get_mut(place_of(id)) {
            *place = Some(caller);
        }
        id
    }

    pub(crate) fn caller(&self, id: u64) -> Option<&Caller> {
        self.callers
            .get(place_of(id))?
            .as_ref()
            .filter(|caller| caller.id == id)
    }

    pub(crate) fn caller_mut(&mut self, id: u64) -> Option<&mut Caller> {
        self.callers
            .get_mut(place_of(id))?
            .as_mut()
            .filter(|caller| caller.id == id)
    }

    /// Forgets a caller.
    pub(crate) fn dismiss(&mut self, id: u64) -> Option<Caller> {
        let place = self.callers.get_mut(place_of(id))?;
        let caller = place.take_if(|caller| caller.id == id)?;
        self.free.push(u32::try_from(place_of(id)).unwrap_or(u32::MAX));
        Some(caller)
    }

    fn turned_away(&mut self, id: u64, cause: Option<acd::OverflowCause>, observer: &mut impl Observer) {
        let Some(caller) = self.dismiss(id) else { return };
        self.tally
            .contact(caller.place, caller.kind, |totals| totals.refused += 1);
        observer.observe(
            self.now,
            &Traced::Refused(id >> 24, cause.unwrap_or(acd::OverflowCause::Full)),
        );
        self.redial(caller.kind);
    }

    /// Somebody was not served: he may try again.
    pub(crate) fn redial(&mut self, kind: u16) {
        let Some((share, after)) = self.kinds.get(usize::from(kind)).and_then(|kind| kind.redial.as_ref()) else {
            return;
        };
        if unit(&mut self.later) < *share {
            let at = self.now + after.sample(&mut self.later);
            if at < self.end {
                self.events.add(at, Event::Again(kind));
            }
        }
    }

    fn give_up(&mut self, id: u64) -> Result<(), Broken> {
        if self
            .caller(id)
            .is_none_or(|caller| caller.talks.is_some() || caller.hung_up)
        {
            return Ok(());
        }
        self.happened += 1;
        self.acd.end(self.now, &id).map_err(|_| self.broken(Rule::Denied))
    }

    fn ask(&mut self, id: u64, observer: &mut impl Observer) -> Result<(), Broken> {
        let Some(caller) = self.caller(id).filter(|caller| caller.talks.is_none()) else {
            return Ok(());
        };
        let kind = self.kinds.get(usize::from(caller.kind));
        let share = kind
            .and_then(|kind| kind.call_back.as_ref())
            .map_or(0.0, |(back, _)| back.share);
        if unit(&mut self.later) >= share {
            return Ok(());
        }
        match self.acd.keep_place(self.now, &id, acd::CallBackTime::InTurn) {
            Ok(()) => {
                self.happened += 1;
                observer.observe(self.now, &Traced::KeepsPlace(id >> 24));
                if let Some(caller) = self.caller_mut(id) {
                    caller.hung_up = true;
                    let (place, kind) = (caller.place, caller.kind);
                    self.tally.contact(place, kind, |totals| totals.called_back += 1);
                }
                Ok(())
            }
            // Somebody's phone rings for him already.
            Err(acd::ContactError::State) => Ok(()),
            Err(_) => Err(self.broken(Rule::Denied)),
        }
    }

    /// An agent answers, if the offer is still his.
    pub(crate) fn answer(&mut self, agent: u32, offer: u32) -> Result<(), Broken> {
        let Some(contact) = self.offered(agent, offer) else {
            return Ok(());
        };
        self.happened += 1;
        self.acd
            .accept(self.now, &contact, &agent)
            .map_err(|_| self.broken(Rule::Denied))
    }

    fn reject(&mut self, agent: u32, offer: u32, observer: &mut impl Observer) -> Result<(), Broken> {
        let Some(contact) = self.offered(agent, offer) else {
            return Ok(());
        };
        self.happened += 1;
        if let Some(worker) = self.workers.get_mut(index(agent)) {
            worker.offers.retain(|(serial, _)| *serial != offer);
            let group = self.teams.get(usize::from(worker.group)).map_or("", |team| &team.name);
            observer.observe(self.now, &Traced::Rejected(contact >> 24, (group, worker.number)));
        }
        let rejected = self.acd.decline(self.now, &contact, &agent, Decline::Rejected);
        rejected.map_err(|_| self.broken(Rule::Denied))
    }

    fn offered(&self, agent: u32, offer: u32) -> Option<u64> {
        let worker = self.workers.get(index(agent))?;
        worker
            .offers
            .iter()
            .find(|(serial, _)| *serial == offer)
            .map(|(_, contact)| *contact)
    }

    fn talk_end(&mut self, id: u64) -> Result<(), Broken> {
        let Some(caller) = self.caller(id) else {
            return Err(self.broken(Rule::EndedEarly));
        };
        let (place, kind, wrap_up) = (caller.place, caller.kind, caller.wrap_up);
        let Some((_, agent)) = caller.talks else {
            return Err(self.broken(Rule::EndedEarly));
        };
        self.happened += 1;
        if let Some(worker) = self.workers.get_mut(index(agent)) {
            let pace = self.teams.get(usize::from(worker.group)).map_or(1.0, |team| team.pace);
            worker.wrap_up = wrap_up.map(|wrap_up| paced(wrap_up, pace));
            if let Some(wrap_up) = worker.wrap_up {
                self.tally
                    .contact(place, kind, |totals| totals.wrap_up += wrap_up.as_secs_f64());
            }
        }
        self.acd.end(self.now, &id).map_err(|_| self.broken(Rule::Denied))
    }

    fn called_back(&mut self, id: u64) -> Result<(), Broken> {
        let Some(caller) = self.caller(id) else {
            return Err(self.broken(Rule::EndedEarly));
        };
        let kind = self.kinds.get(usize::from(caller.kind));
        let share = kind
            .and_then(|kind| kind.call_back.as_ref())
            .map_or(1.0, |(back, _)| back.reached);
        let result = if unit(&mut self.later) < share {
            CalledBack::Reached
        } else {
            CalledBack::NotReached
        };
        if result == CalledBack::NotReached {
            let agent = self.caller_mut(id).and_then(|caller| caller.dialled.take());
            agent.into_iter().for_each(|agent| self.has_one_less(agent));
        }
        self.happened += 1;
        self.acd
            .called_back(self.now, &id, result)
            .map_err(|_| self.broken(Rule::Denied))
    }

    fn wrap_up_end(&mut self, agent: u32, number: u32) -> Result<(), Broken> {
        let worker = self.workers.get(index(agent));
        // One that was capped is over already.
        if worker.is_none_or(|worker| worker.wrap_ups != number || worker.state != AgentState::WrapUp) {
            return Ok(());
        }
        self.acd
            .wrap_up_done(self.now, &agent)
            .map_err(|_| self.broken(Rule::Denied))
    }

    fn work(&mut self, agent: u32, what: Move) -> Result<(), Broken> {
        self.happened += 1;
        let done = match what {
            Move::SignOn => self.acd.sign_on(self.now, &agent),
            Move::Pause => self.acd.pause(self.now, &agent, 0),
            Move::Resume => match self.acd.unpause(self.now, &agent) {
                // He was paused for letting it ring before, and has said that he is back.
                Err(AgentError::State) => Ok(()),
                other => other,
            },
            Move::SignOff => self.acd.sign_off(self.now, &agent),
        };
        done.map_err(|_| self.broken(Rule::Denied))
    }

    /// An agent who was paused since he let it ring says that he is there.
    fn back(&mut self, agent: u32) -> Result<(), Broken> {
        let paused = AgentState::Paused(acd::PauseReason::LetRing);
        if self
            .workers
            .get(index(agent))
            .is_none_or(|worker| worker.state != paused)
        {
            return Ok(());
        }
        self.happened += 1;
        self.acd
            .unpause(self.now, &agent)
            .map_err(|_| self.broken(Rule::Denied))
    }

    pub(crate) const fn broken(&self, rule: Rule) -> Broken {
        Broken { at: self.now, rule }
    }
}

/// Where a contact of that number has its place.
fn place_of(id: u64) -> usize {
    usize::try_from(id & 0xff_ffff).unwrap_or(usize::MAX)
}

pub(crate) fn index(agent: u32) -> usize {
    usize::try_from(agent).unwrap_or(usize::MAX)
}

pub(crate) fn paced(time: Duration, pace: f64) -> Duration {
    if pace == 1.0 {
        time
    } else {
        super::text::seconds(time.as_secs_f64() * pace)
    }
}
