//! What agents dial.

use core::time::Duration;

use machine::Time;

use super::prompts::Prompt;
use super::{AgentCode, AgentId};
use crate::leg::{LegId, Place};
use crate::switch::{Destination, Switch};

/// How long an agent may take for the next key.
const KEY_WAIT: Duration = Duration::from_secs(15);
/// The most keys of a number or a PIN.
const LONGEST: usize = 20;
/// How often he may be wrong.
const TRIES: u8 = 3;

/// What a phone that signs an agent on has dialled so far.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub(crate) struct Signing {
    /// Whose PIN is asked for; `None`: his number is.
    agent: Option<AgentId>,
    typed: String,
    wrong: u8,
}

impl Switch {
    /// The code that a dialled number begins with, if it is one of an agent's. The longest counts.
    pub(crate) fn agent_code(&self, number: &str) -> Option<Destination> {
        let codes = self.config.agent_codes.given();
        let begins = codes.filter(|(code, what)| {
            let rest = number.strip_prefix(code);
            let may_follow = matches!(what, AgentCode::SignOn | AgentCode::Pause);
            rest.is_some_and(|rest| rest.is_empty() || (may_follow && rest.bytes().all(|digit| digit.is_ascii_digit())))
        });
        let (_, what) = begins.max_by_key(|(code, _)| code.len())?;
        (!self.queueing.agents.is_empty()).then_some(Destination::AgentCode(what))
    }

    /// A phone dials an agent's code.
    pub(crate) fn dial_agent_code(&mut self, now: Time, leg: LegId, code: AgentCode, number: &str) {
        let at = self.number_of(leg);
        let given = self.config.agent_codes.given().find(|(_, what)| *what == code);
        let rest = given
            .and_then(|(code, _)| number.strip_prefix(code))
            .unwrap_or_default()
            .to_owned();
        let here = self.queueing.desks.get(&at).copied();
        let prompt = match (code, here) {
            (AgentCode::SignOn, here) => {
                let own = if rest.is_empty() {
                    self.queueing.agent_id(&at).or(here)
                } else {
                    self.queueing.agent_id(&rest)
                };
                return match own {
                    None if rest.is_empty() => self.ask(now, leg, Signing::default(), &Prompt::AgentNumber),
                    None => self.confirm(now, leg, &Prompt::Wrong),
                    Some(agent) => self.prove(now, leg, agent),
                };
            }
            (_, None) => Prompt::NotSignedOn,
            (AgentCode::SignOff, Some(agent)) => {
                self.sign_off(now, agent);
                Prompt::SignedOff
            }
            (AgentCode::Pause, Some(agent)) => {
                let reason = if rest.is_empty() { Some(0) } else { rest.parse().ok() };
                let paused = reason.is_some_and(|reason| self.queueing.acd.pause(now, &agent, reason).is_ok());
                if paused { Prompt::Paused } else { Prompt::NotAllowed }
            }
            (AgentCode::Ready, Some(agent)) => {
                // Who is ready already is told so, too.
                let ready = self.ready(now, agent).is_ok()
                    || self.queueing.acd.agent_state(&agent) == Some(acd::AgentState::Ready);
                if ready { Prompt::Ready } else { Prompt::NotAllowed }
            }
        };
        self.confirm(now, leg, &prompt);
    }

    /// Who signs on for an agent who has a PIN is asked for it.
    fn prove(&mut self, now: Time, leg: LegId, agent: AgentId) {
        let pin = self
            .queueing
            .agents
            .get(&agent)
            .is_some_and(|desk| desk.config.pin.is_some());
        if pin {
            let signing = Signing {
                agent: Some(agent),
                ..Signing::default()
            };
            self.ask(now, leg, signing, &Prompt::Pin);
        } else {
            self.signs_on(now, leg, agent);
        }
    }

    fn signs_on(&mut self, now: Time, leg: LegId, agent: AgentId) {
        let at = self.number_of(leg);
        let prompt = if self.sign_on(now, agent, &at) {
            Prompt::SignedOn
        } else {
            Prompt::NotAllowed
        };
        self.confirm(now, leg, &prompt);
    }

    /// Says what came of it and hangs up.
    fn confirm(&mut self, now: Time, leg: LegId, prompt: &Prompt) {
        self.leave_with(now, leg, prompt.items(self.config.language));
    }

    /// Asks for keys, up to a `#`.
    fn ask(&mut self, now: Time, leg: LegId, signing: Signing, prompt: &Prompt) {
        let number = self.number_of(leg);
        self.call_answered(now, leg, &number);
        if !self.answer_leg(now, leg) {
            return self.drop_leg(now, leg, false);
        }
        self.set_place(leg, Place::SigningOn);
        if let Some(entry) = self.legs.get_mut(leg) {
            entry.signing = Some(signing);
        }
        self.announce(leg, prompt.items(self.config.language));
        self.set_leave(leg, now + KEY_WAIT);
    }

    /// A key of somebody who signs on.
    pub(crate) fn key_of_agent(&mut self, now: Time, leg: LegId, key: char) {
        self.set_leave(leg, now + KEY_WAIT);
        let Some(signing) = self.legs.get_mut(leg).and_then(|leg| leg.signing.as_mut()) else {
            return;
        };
        match key {
            '0'..='9' if signing.typed.len() < LONGEST => signing.typed.push(key),
            '*' => signing.typed.clear(),
            '#' => {
                let typed = core::mem::take(&mut signing.typed);
                self.typed(now, leg, &typed);
            }
            _ => {}
        }
    }

    fn typed(&mut self, now: Time, leg: LegId, typed: &str) {
        let Some(signing) = self.legs.get(leg).and_then(|leg| leg.signing.clone()) else {
            return;
        };
        match signing.agent {
            None => {
                if let Some(agent) = self.queueing.agent_id(typed) {
                    return self.prove(now, leg, agent);
                }
                self.wrong(now, leg, signing, &Prompt::AgentNumber);
            }
            Some(agent) => {
                let pin = self
                    .queueing
                    .agents
                    .get(&agent)
                    .and_then(|desk| desk.config.pin.as_deref());
                if pin == Some(typed) {
                    return self.signs_on(now, leg, agent);
                }
                self.wrong(now, leg, signing, &Prompt::Pin);
            }
        }
    }

    fn wrong(&mut self, now: Time, leg: LegId, mut signing: Signing, again: &Prompt) {
        signing.wrong += 1;
        if signing.wrong >= TRIES {
            return self.confirm(now, leg, &Prompt::Wrong);
        }
        self.ask(now, leg, signing, again);
    }
}
