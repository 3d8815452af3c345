//! What the distribution wants done, and what people make of it.

use acd::{AgentState, Outcome, Output};
use core::time::Duration;
use machine::{Machine, Time};

use super::broken::{Broken, Rule};
use super::distribution::unit;
use super::events::Event;
use super::people::{is_occupied, is_staffed};
use super::run::{Centre, index, paced};
use super::trace::{Observer, Traced};

/// After how long an agent comes back who was paused since he let it ring too often.
const ABSENCE: Duration = Duration::from_secs(300);

impl Centre {
    /// Does all that the distribution wants done.
    pub(crate) fn drain<O: Observer>(&mut self, observer: &mut O) -> Result<(), Broken> {
        loop {
            while let Some(output) = self.acd.poll_output() {
                if O::LISTENS {
                    self.trace(&output, observer);
                }
                self.obey(output)?;
            }
            // Answers come when everybody knows of the offers: of several who ring, one is first.
            let Some((agent, offer)) = self.answers.pop_front() else {
                return Ok(());
            };
            self.answer(agent, offer)?;
        }
    }

    fn obey(&mut self, output: Output<u64, u32>) -> Result<(), Broken> {
        match output {
            Output::Offer { contact, agent, .. } => self.offer(contact, agent),
            Output::Withdraw { contact, agent, .. } => self.take_offer(contact, agent).map(|_| ()),
            Output::Connect { contact, agent, .. } => self.connect(contact, agent),
            Output::CallBack { contact, agent, .. } => self.call_back(contact, agent),
            Output::AgentStateChanged { agent, from, to, .. } => self.agent_changes(agent, from, to),
            Output::Ended {
                contact,
                outcome,
                waited,
                talked,
                ..
            } => self.ended(contact, outcome, waited, talked),
            Output::Announce { .. }
            | Output::Message { .. }
            | Output::Overflow { .. }
            | Output::CallBackNoted { .. }
            | _ => Ok(()),
        }
    }

    /// An agent's phone rings.
    fn offer(&mut self, contact: u64, agent: u32) -> Result<(), Broken> {
        let Some(worker) = self.workers.get_mut(index(agent)) else {
            return Err(self.broken(Rule::NotOffered));
        };
        let Some(team) = self.teams.get(usize::from(worker.group)) else {
            return Ok(());
        };
        let serial = worker.next_offer;
        worker.next_offer = serial.wrapping_add(1);
        worker.offers.push((serial, contact));
        let has = u64::try_from(worker.offers.len()).unwrap_or(u64::MAX) + u64::from(worker.talks);
        if has > u64::from(team.capacity) {
            return Err(self.broken(Rule::TooMany));
        }
        if team.at_once {
            self.answers.push_back((agent, serial));
            return Ok(());
        }
        let lot = unit(&mut self.agents);
        let after = team.answer.sample(&mut self.agents);
        if lot < team.rejects {
            self.events.add(self.now + after, Event::Reject(agent, serial));
        } else if lot >= team.rejects + team.misses {
            self.events.add(self.now + after, Event::Answer(agent, serial));
        }
        // The offer may be withdrawn already by an output that comes next.
        let _ = self.acd.ringing(self.now, &contact, &agent);
        Ok(())
    }

    /// An offer is his no more.
    fn take_offer(&mut self, contact: u64, agent: u32) -> Result<(), Broken> {
        let worker = self.workers.get_mut(index(agent));
        let taken = worker.and_then(|worker| {
            let at = worker.offers.iter().position(|(_, of)| *of == contact)?;
            Some(worker.offers.remove(at))
        });
        taken.map(|_| ()).ok_or_else(|| self.broken(Rule::NotOffered))
    }

    fn connect(&mut self, contact: u64, agent: u32) -> Result<(), Broken> {
        // The agent of a call-back accepted before.
        let dialled = self.caller_mut(contact).and_then(|caller| caller.dialled.take());
        if dialled != Some(agent) {
            self.take_offer(contact, agent)?;
            self.has_one_more(agent);
        }
        let now = self.now;
        let Some(worker) = self.workers.get(index(agent)) else {
            return Ok(());
        };
        let pace = self.teams.get(usize::from(worker.group)).map_or(1.0, |team| team.pace);
        let Some(caller) = self.caller_mut(contact) else {
            return Err(self.broken(Rule::NotThere));
        };
        caller.talks = Some((now, agent));
        caller.hung_up = false;
        let until = now + paced(caller.service, pace);
        self.events.add(until, Event::TalkEnd(contact));
        Ok(())
    }

    /// The agent of a call-back waits while its customer is called.
    fn call_back(&mut self, contact: u64, agent: u32) -> Result<(), Broken> {
        self.take_offer(contact, agent)?;
        self.has_one_more(agent);
        let Some(caller) = self.caller_mut(contact) else {
            return Err(self.broken(Rule::NotThere));
        };
        caller.dialled = Some(agent);
        let kind = usize::from(caller.kind);
        let ring = self.kinds.get(kind).and_then(|kind| kind.call_back.as_ref());
        let after = ring.map_or(Duration::ZERO, |(_, ring)| ring.sample(&mut self.later));
        self.events.add(self.now + after, Event::CalledBack(contact));
        Ok(())
    }

    fn has_one_more(&mut self, agent: u32) {
        if let Some(worker) = self.workers.get_mut(index(agent)) {
            worker.talks += 1;
        }
    }

    pub(crate) fn has_one_less(&mut self, agent: u32) {
        if let Some(worker) = self.workers.get_mut(index(agent)) {
            worker.talks = worker.talks.saturating_sub(1);
        }
    }

    fn agent_changes(&mut self, agent: u32, from: AgentState, to: AgentState) -> Result<(), Broken> {
        let Some(worker) = self.workers.get_mut(index(agent)) else {
            return Ok(());
        };
        if worker.state != from || from == to {
            return Err(self.broken(Rule::State));
        }
        worker.state = to;
        self.happened += u64::from(from == AgentState::WrapUp);
        if to == AgentState::Paused(acd::PauseReason::LetRing) {
            self.events.add(self.now + ABSENCE, Event::Back(agent));
        }
        let staffed = (is_staffed(from), is_staffed(to));
        let occupied = (is_occupied(from), is_occupied(to));
        self.tally.heads(worker.group, self.now, staffed, occupied);
        if to == AgentState::WrapUp && self.open_wrap_up {
            worker.wrap_ups = worker.wrap_ups.wrapping_add(1);
            let after = worker.wrap_up.take().unwrap_or(Duration::ZERO);
            self.events
                .add(self.now + after, Event::WrapUpEnd(agent, worker.wrap_ups));
        }
        Ok(())
    }

    fn ended(&mut self, contact: u64, outcome: Outcome, waited: Duration, talked: Duration) -> Result<(), Broken> {
        let Some(caller) = self.dismiss(contact) else {
            return Err(self.broken(Rule::NotThere));
        };
        let since = caller.talks.map_or(self.now, |(since, _)| since);
        let (wait, talk) = (since - caller.arrived, self.now - since);
        if (wait, talk) != (waited, talked) {
            return Err(self.broken(Rule::Length));
        }
        if caller.talks.is_some() != (outcome == Outcome::Handled) {
            return Err(self.broken(Rule::Outcome));
        }
        let threshold = self
            .kinds
            .get(usize::from(caller.kind))
            .map_or(Duration::ZERO, |kind| kind.threshold);
        let seconds = wait.as_secs_f64();
        self.tally.contact(caller.place, caller.kind, |totals| {
            totals.wait += seconds;
            totals.delayed += u64::from(!wait.is_zero());
            match outcome {
                Outcome::Handled => {
                    totals.answered += 1;
                    totals.in_time += u64::from(wait <= threshold);
                    totals.wait_answered += seconds;
                    totals.talk += talk.as_secs_f64();
                }
                Outcome::Abandoned => {
                    totals.abandoned += 1;
                    totals.early += u64::from(wait <= threshold);
                }
                Outcome::Overflowed(..) => totals.overflowed += 1,
                Outcome::Dismissed(_) => totals.dismissed += 1,
                Outcome::NotReached | Outcome::Superseded | Outcome::Expired => totals.not_reached += 1,
                _ => totals.dismissed += 1,
            }
        });
        if let Some(agent) = caller.talks.map(|(_, agent)| agent).or(caller.dialled) {
            self.has_one_less(agent);
        }
        if outcome == Outcome::Handled {
            self.tally.wait(caller.place, caller.kind, wait);
        } else {
            self.redial(caller.kind);
        }
        Ok(())
    }

    fn trace(&self, output: &Output<u64, u32>, observer: &mut impl Observer) {
        let now: Time = self.now;
        let agent = |agent: u32| {
            let worker = self.workers.get(index(agent));
            let team = worker.and_then(|worker| self.teams.get(usize::from(worker.group)));
            (
                team.map_or("", |team| team.name.as_str()),
                worker.map_or(0, |worker| worker.number),
            )
        };
        let traced = match output {
            Output::Offer { contact, agent: to, .. } => Traced::Offered(contact >> 24, agent(*to)),
            Output::Withdraw {
                contact,
                agent: from,
                cause,
                ..
            } => Traced::Withdrawn(contact >> 24, agent(*from), *cause),
            Output::Connect {
                contact, agent: with, ..
            } => Traced::Connected(contact >> 24, agent(*with)),
            Output::Overflow { contact, cause, .. } => Traced::Overflowed(contact >> 24, *cause),
            Output::CallBack {
                contact,
                agent: with,
                attempt,
                ..
            } => Traced::Dialled(contact >> 24, agent(*with), *attempt),
            Output::AgentStateChanged {
                agent: of, from, to, ..
            } => Traced::Agent(agent(*of), *from, *to),
            Output::Ended { contact, outcome, .. } => Traced::Ended(contact >> 24, *outcome),
            Output::Announce { .. } | Output::Message { .. } | Output::CallBackNoted { .. } | _ => return,
        };
        observer.observe(now, &traced);
    }
}
