//! Agents come, go, pause and go on, at whichever phone; and their phones vanish and come back.

use acd::AgentError;
use machine::Time;

use super::{AgentId, ContactId};
use crate::leg::Place;
use crate::switch::Switch;

/// What is asked of an agent, by himself or for him.
#[derive(Debug, Clone, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[non_exhaustive]
pub enum AgentCommand {
    /// He comes to work at the phone with this number. If he is signed on elsewhere he moves; if another one is signed on
    /// there, that one is signed off.
    SignOn {
        /// The extension.
        at: String,
    },
    /// He goes.
    SignOff,
    /// He gets nothing, for the reason of this number.
    Pause {
        /// The number of the reason.
        reason: u16,
    },
    /// His pause or his wrap-up is over.
    Ready,
}

impl Switch {
    /// Does what is asked of the agent with this number. `false` if he or the phone is not there, or not in a state for it.
    pub(crate) fn command_agent(&mut self, now: Time, number: &str, command: &AgentCommand) -> bool {
        let Some(agent) = self.queueing.agent_id(number) else {
            return false;
        };
        match command {
            AgentCommand::SignOn { at } => self.sign_on(now, agent, at),
            AgentCommand::SignOff => self.sign_off(now, agent),
            AgentCommand::Pause { reason } => self.queueing.acd.pause(now, &agent, *reason).is_ok(),
            AgentCommand::Ready => self.ready(now, agent).is_ok(),
        }
    }

    /// `false` where nobody could ring him: the extension is none, or no phone is registered for it.
    pub(crate) fn sign_on(&mut self, now: Time, agent: AgentId, at: &str) -> bool {
        if self.shutting_down || self.extension(at).is_none() || self.registrar.bindings(at).is_empty() {
            return false;
        }
        if let Some(other) = self.queueing.desks.get(at).copied().filter(|other| *other != agent) {
            self.sign_off(now, other);
        }
        let moves = self
            .queueing
            .agents
            .get(&agent)
            .is_some_and(|desk| desk.at.as_deref() != Some(at));
        if moves {
            // What rings at the old phone stops.
            self.set_reachable(now, agent, false);
            self.drain_acd(now);
            self.queueing.sit(agent, Some(at.to_owned()));
        }
        self.refresh_desk(now, agent);
        self.set_reachable(now, agent, true);
        self.queueing.acd.sign_on(now, &agent).is_ok()
    }

    pub(crate) fn sign_off(&mut self, now: Time, agent: AgentId) -> bool {
        let was_on = self.queueing.agents.get(&agent).is_some_and(|desk| desk.at.is_some());
        let done = self.queueing.acd.sign_off(now, &agent).is_ok();
        self.drain_acd(now);
        self.queueing.sit(agent, None);
        done && was_on
    }

    /// An agent's pause or wrap-up is over.
    pub(crate) fn ready(&mut self, now: Time, agent: AgentId) -> Result<(), AgentError> {
        let unpaused = self.queueing.acd.unpause(now, &agent);
        let done = self.queueing.acd.wrap_up_done(now, &agent);
        unpaused.or(done)
    }

    /// Notes and tells whether an agent's phone is there.
    pub(crate) fn set_reachable(&mut self, now: Time, agent: AgentId, reachable: bool) {
        if let Some(desk) = self.queueing.agents.get_mut(&agent)
            && core::mem::replace(&mut desk.reachable, reachable) != reachable
        {
            let _ = self.queueing.acd.reachable(now, &agent, reachable); // he is there: his number was found
        }
    }

    /// The distribution has noted by itself that an agent's phone is not there.
    pub(crate) fn noted_unreachable(&mut self, agent: AgentId) {
        if let Some(desk) = self.queueing.agents.get_mut(&agent) {
            desk.reachable = false;
        }
    }

    /// Tells the distribution whether an agent's phone is in another call. One that only rings there does not count, nor do those
    /// that he has as an agent.
    pub(crate) fn refresh_desk(&mut self, now: Time, agent: AgentId) {
        let Some(desk) = self.queueing.agents.get(&agent) else {
            return;
        };
        let in_use = || {
            let mut legs = desk.at.iter().flat_map(|at| self.legs_of(at));
            legs.any(|(_, leg)| leg.serves.is_none() && !matches!(leg.place, Place::Ringing(_)))
        };
        let engaged = !desk.config.rings_in_use && in_use();
        if let Some(desk) = self.queueing.agents.get_mut(&agent)
            && core::mem::replace(&mut desk.engaged, engaged) != engaged
        {
            let _ = self.queueing.acd.engaged(now, &agent, engaged); // he is there: his number was found
        }
    }

    /// A phone of an extension has given a sign of life: it registered, or calls.
    pub(crate) fn phone_seen(&mut self, now: Time, extension: &str) {
        let Some(agent) = self.queueing.desks.get(extension).copied() else {
            return;
        };
        let gone = self.queueing.agents.get(&agent).is_some_and(|desk| !desk.reachable);
        if gone && !self.registrar.bindings(extension).is_empty() {
            self.set_reachable(now, agent, true);
        }
    }

    /// A phone of an extension is no longer registered.
    pub(crate) fn phone_gone(&mut self, now: Time, extension: &str) {
        if let Some(agent) = self.queueing.desks.get(extension).copied()
            && self.registrar.bindings(extension).is_empty()
        {
            self.set_reachable(now, agent, false);
        }
    }

    /// Everybody goes home: nobody is offered anything any more.
    pub(crate) fn sign_all_off(&mut self, now: Time) {
        let agents: Vec<AgentId> = self.queueing.desks.values().copied().collect();
        for agent in agents {
            self.sign_off(now, agent);
        }
        let later: Vec<ContactId> = self
            .queueing
            .contacts
            .iter()
            .filter(|(_, contact)| contact.customer.is_none() && contact.agent_leg.is_none())
            .map(|(id, _)| *id)
            .collect();
        for contact in later {
            let _ = self.queueing.acd.end(now, &contact); // it is there: it was just listed
        }
        self.drain_acd(now);
    }
}
