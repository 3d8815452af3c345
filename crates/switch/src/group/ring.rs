//! A group rings: its plan put into effect.

use core::time::Duration;
use std::collections::BTreeMap;

use bytes::Bytes;
use machine::Time;
use rtp_media::PromptItem;
use sip_core::header::{Diversion, DiversionReason, TypedHeader};
use sip_core::{HeaderName, StatusCode};

use super::config::{Chase, MAX_DIVERSIONS, MAX_GROUP_DEPTH, Mode, Otherwise};
use super::plan::{Act, Node, Plan};
use crate::event::Event;
use crate::hunt::Presentation;
use crate::leg::{HuntId, LegId, Place, Purpose};
use crate::switch::{Destination, Switch};

/// The longest that a last message may take; it normally ends when the engine says so.
const MESSAGE_LIMIT: Duration = Duration::from_secs(120);

/// A group that is being rung.
#[derive(Debug)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub(crate) struct Chasing {
    plan: Plan,
    /// Which member each phone that rings belongs to.
    #[cfg_attr(feature = "serde", serde(with = "crate::saved"))]
    pub(crate) legs: BTreeMap<LegId, Node>,
    /// When the plan goes on by itself, as it stands in the table of timers.
    pub(crate) due: Option<Time>,
    show: Presentation,
    prefix: Option<String>,
    /// The number that was called.
    number: String,
    otherwise: Otherwise,
    diverted: Vec<Diverted>,
}

/// A number by which a call came, where nobody answered.
#[derive(Debug, Clone)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub(crate) struct Diverted {
    number: String,
    status: u16,
}

impl Switch {
    /// Whom this number rings, if it is more than an extension's phones.
    fn chase(&self, number: &str) -> Option<&Chase> {
        match self.numbers.get(number)? {
            Destination::Group(index) => self.config.groups.get(*index).map(|group| &group.chase),
            Destination::Extension(index) => self.config.extensions.get(*index)?.find_me.as_ref(),
            Destination::Lot(_)
            | Destination::Slot(..)
            | Destination::RetrieveLongest(_)
            | Destination::Queue(_)
            | Destination::AgentCode(_)
            | Destination::Supervise(_) => None,
        }
    }

    pub(crate) fn is_chased(&self, number: &str) -> bool {
        self.chase(number).is_some()
    }

    pub(crate) fn start_chase(
        &mut self,
        now: Time,
        hunt: HuntId,
        number: &str,
        show: &Presentation,
        diverted: Vec<Diverted>,
    ) {
        let Some(chase) = self.chase(number).cloned() else {
            return;
        };
        let Some(entry) = self.hunts.get(hunt) else { return };
        // A recalled call goes back to its slot after the lot's own time.
        let whole = match entry.purpose {
            Purpose::Recall { .. } => show.ring,
            Purpose::Call
            | Purpose::Transfer { .. }
            | Purpose::Return
            | Purpose::Forward
            | Purpose::Offer { .. }
            | Purpose::CallBack { .. } => chase.timeout,
        };
        let mut plan = Plan::default();
        let mut show = show.clone();
        show.alert = show.alert.or_else(|| chase.alert.clone());
        // What ends the ringing is the plan; the endpoint's own time-out only if that should fail.
        show.ring = whole + Duration::from_secs(5);
        self.add_group(&mut plan, None, number, &chase, Duration::ZERO, whole, 1);
        plan.begin(now);
        if let Some(entry) = self.hunts.get_mut(hunt) {
            entry.chase = Some(Box::new(Chasing {
                plan,
                legs: BTreeMap::new(),
                due: None,
                show,
                prefix: chase.prefix,
                number: number.to_owned(),
                otherwise: chase.otherwise,
                diverted,
            }));
        }
        self.run_chase(now, hunt);
    }

    #[expect(clippy::too_many_arguments, reason = "a group and where in the plan it is")]
    fn add_group(
        &mut self,
        plan: &mut Plan,
        parent: Option<Node>,
        number: &str,
        chase: &Chase,
        delay: Duration,
        ring: Duration,
        depth: usize,
    ) {
        let node = plan.group(parent, chase.mode != Mode::Simultaneous, delay, Some(ring));
        let first = match chase.mode {
            Mode::Circular => {
                let turn = self.turns.entry(number.to_owned()).or_default();
                let first = *turn % chase.members.len().max(1);
                *turn = first + 1;
                first
            }
            Mode::Simultaneous | Mode::Sequential => 0,
        };
        let (before, from) = chase.members.split_at(first.min(chase.members.len()));
        for member in from.iter().chain(before) {
            let inner = match self.numbers.get(&member.number) {
                Some(Destination::Group(index)) => self.config.groups.get(*index).map(|group| group.chase.clone()),
                _ => None,
            };
            match inner {
                Some(inner) if depth < MAX_GROUP_DEPTH => {
                    let ring = member.ring.unwrap_or(inner.timeout).min(inner.timeout);
                    self.add_group(plan, Some(node), &member.number, &inner, member.delay, ring, depth + 1);
                }
                Some(_) => {} // which the check of the configuration excludes
                None => {
                    plan.number(node, &member.number, chase.skip_busy, member.delay, member.ring);
                }
            }
        }
    }

    /// Groups whose time has come.
    pub(crate) fn chases_due(&mut self, now: Time) {
        while let Some((at, hunt)) = self.hunt_timers.first().copied() {
            if at > now {
                return;
            }
            self.hunt_timers.pop_first();
            if let Some(chase) = self.hunts.get_mut(hunt).and_then(|hunt| hunt.chase.as_mut()) {
                chase.due = None;
                chase.plan.handle_timeout(now);
            }
            self.run_chase(now, hunt);
        }
    }

    /// Does what the plan says, until it has nothing more to say.
    fn run_chase(&mut self, now: Time, hunt: HuntId) {
        while let Some(chase) = self.hunts.get_mut(hunt).and_then(|hunt| hunt.chase.as_mut()) {
            match chase.plan.poll_act() {
                Some(Act::Ring(member)) => self.ring_member(now, hunt, member),
                Some(Act::Stop(member)) => {
                    for leg in self.member_legs(hunt, member) {
                        self.drop_leg(now, leg, true);
                    }
                    self.note_refusal(hunt, StatusCode::TEMPORARILY_UNAVAILABLE);
                }
                Some(Act::Exhausted) => {
                    let refusal = self.hunts.get(hunt).and_then(|hunt| hunt.refusal);
                    return self.hunt_failed(now, hunt, refusal.unwrap_or(StatusCode::TEMPORARILY_UNAVAILABLE));
                }
                None => return self.set_chase_timer(hunt),
            }
        }
    }

    fn set_chase_timer(&mut self, hunt: HuntId) {
        let Some(chase) = self.hunts.get_mut(hunt).and_then(|hunt| hunt.chase.as_mut()) else {
            return;
        };
        let due = chase.plan.poll_timeout();
        let old = core::mem::replace(&mut chase.due, due);
        if let Some(old) = old {
            self.hunt_timers.remove(&(old, hunt));
        }
        if let Some(due) = due {
            self.hunt_timers.insert((due, hunt));
        }
    }

    fn ring_member(&mut self, now: Time, hunt: HuntId, member: Node) {
        let Some(entry) = self.hunts.get(hunt) else { return };
        let Some(chase) = &entry.chase else { return };
        let Some((number, skip_busy)) = chase.plan.member(member) else {
            return;
        };
        let number = number.to_owned();
        let rings = |node: &Node| chase.plan.member(*node).is_some_and(|(other, _)| other == number);
        let caller = self
            .legs
            .get(entry.waiting.unwrap_or_default())
            .is_some_and(|leg| leg.party.number == number);
        let legs = if caller || chase.legs.values().any(rings) {
            Vec::new()
        } else if skip_busy && self.is_in_a_call(&number) {
            self.note_refusal(hunt, StatusCode::BUSY_HERE);
            Vec::new()
        } else {
            let mut show = chase.show.clone();
            if let Some(prefix) = &chase.prefix {
                let who = if show.display.is_empty() {
                    &show.from.number
                } else {
                    &show.display
                };
                show.display = format!("{prefix}: {who}");
            }
            let diverted = chase.diverted.clone();
            self.ring_number(now, hunt, &number, &show, &diverted)
        };
        let Some(chase) = self.hunts.get_mut(hunt).and_then(|hunt| hunt.chase.as_mut()) else {
            return;
        };
        if legs.is_empty() {
            chase.plan.failed(now, member);
        }
        chase.legs.extend(legs.into_iter().map(|leg| (leg, member)));
    }

    /// Whether somebody at this number has a call. Who is only rung has none yet.
    fn is_in_a_call(&self, number: &str) -> bool {
        self.legs_of(number)
            .any(|(_, leg)| !matches!(leg.place, Place::Ringing(_) | Place::Leaving))
    }

    fn member_legs(&self, hunt: HuntId, member: Node) -> Vec<LegId> {
        let chase = self.hunts.get(hunt).and_then(|hunt| hunt.chase.as_ref());
        let legs = chase.into_iter().flat_map(|chase| &chase.legs);
        legs.filter(|(_, node)| **node == member).map(|(leg, _)| *leg).collect()
    }

    /// Which member of a group a ringing phone belongs to.
    pub(crate) fn member_of(&self, hunt: HuntId, leg: LegId) -> Option<Node> {
        self.hunts.get(hunt)?.chase.as_ref()?.legs.get(&leg).copied()
    }

    /// A phone of a member does not take the call; with its last the member is over.
    pub(crate) fn member_refused(&mut self, now: Time, hunt: HuntId, member: Node, leg: LegId, status: StatusCode) {
        self.drop_leg(now, leg, false);
        self.note_refusal(hunt, status);
        if self.member_legs(hunt, member).is_empty() {
            if let Some(chase) = self.hunts.get_mut(hunt).and_then(|hunt| hunt.chase.as_mut()) {
                chase.plan.failed(now, member);
            }
            self.run_chase(now, hunt);
        }
    }

    /// What the caller of a group is told: that it is busy, if a member was; what one member wants or cannot do says nothing of the
    /// group.
    fn note_refusal(&mut self, hunt: HuntId, status: StatusCode) {
        let Some(entry) = self.hunts.get_mut(hunt) else { return };
        let busy = matches!(status.code(), 486 | 600);
        match entry.refusal {
            Some(StatusCode::BUSY_HERE | StatusCode::SERVICE_UNAVAILABLE) => {}
            Some(_) | None if busy => entry.refusal = Some(StatusCode::BUSY_HERE),
            Some(_) | None => entry.refusal = Some(StatusCode::TEMPORARILY_UNAVAILABLE),
        }
    }

    /// A member's last registration is gone while it rings for a group: it cannot be expected to answer.
    pub(crate) fn member_unregistered(&mut self, now: Time, number: &str) {
        if self.registrar.is_registered(number) {
            return;
        }
        let ringing: Vec<(HuntId, LegId)> = self
            .legs_of(number)
            .filter_map(|(id, leg)| {
                let Place::Ringing(hunt) = leg.place else { return None };
                self.member_of(hunt, id).map(|_| (hunt, id))
            })
            .collect();
        for (hunt, leg) in ringing {
            if let Some((member, session)) = self.member_of(hunt, leg).zip(self.legs.get(leg).map(|leg| leg.session)) {
                self.try_endpoint(|endpoint| endpoint.hang_up(now, session, None));
                self.member_refused(now, hunt, member, leg, StatusCode::TEMPORARILY_UNAVAILABLE);
            }
        }
    }

    /// The call that the group is rung for is now another's: phones that ring later show him.
    pub(crate) fn present_anew(&mut self, hunt: HuntId, leg: LegId) {
        let show = self.present_caller(leg);
        if let Some(chase) = self.hunts.get_mut(hunt).and_then(|hunt| hunt.chase.as_mut()) {
            chase.show.from = show.from;
            chase.show.display = show.display;
        }
    }

    /// Nobody of a group answered.
    pub(crate) fn chase_failed(
        &mut self,
        now: Time,
        waiting: LegId,
        purpose: Purpose,
        chase: Chasing,
        status: StatusCode,
    ) {
        let is_recall = matches!(purpose, Purpose::Recall { .. });
        let is_transfer = matches!(purpose, Purpose::Transfer { .. });
        match chase.otherwise {
            _ if is_recall => self.not_taken(now, waiting, purpose, status),
            Otherwise::Number(ref to) => self.divert(now, waiting, purpose, &chase, to, status),
            Otherwise::Message(sound) if !is_transfer => self.last_message(now, waiting, &chase.number, sound),
            Otherwise::Status(code) => {
                let status = StatusCode::try_from(code).unwrap_or(status);
                self.not_taken(now, waiting, purpose, status);
            }
            Otherwise::Refuse | Otherwise::Message(_) => self.not_taken(now, waiting, purpose, status),
        }
    }

    /// The call goes on to another number, unless it goes round in circles.
    fn divert(&mut self, now: Time, waiting: LegId, purpose: Purpose, chase: &Chasing, to: &str, status: StatusCode) {
        let mut diverted = chase.diverted.clone();
        diverted.push(Diverted {
            number: chase.number.clone(),
            status: status.code(),
        });
        let known = |by: &Diverted| by.number == to;
        let often = u32::try_from(diverted.len()).unwrap_or(u32::MAX);
        if often > MAX_DIVERSIONS || diverted.iter().any(known) {
            return self.not_taken(now, waiting, purpose, status);
        }
        if let Some(call) = self.legs.get(waiting).map(|leg| leg.call) {
            self.tell(Event::Diverted {
                call,
                from: chase.number.clone(),
                to: to.to_owned(),
                status: status.code(),
            });
        }
        let show = self.present_caller(waiting);
        self.start_diverted(now, waiting, to, purpose, &show, diverted);
    }

    /// The caller hears why nobody came, and the call ends.
    fn last_message(&mut self, now: Time, leg: LegId, by: &str, sound: String) {
        self.call_answered(now, leg, by);
        if !self.answer_leg(now, leg) {
            return self.drop_leg(now, leg, false);
        }
        self.set_place(leg, Place::Leaving);
        self.announce(leg, vec![PromptItem::Sound(sound)]);
        self.set_leave(leg, now + MESSAGE_LIMIT);
    }

    /// The header that tells by which number a call came (RFC 5806).
    pub(crate) fn diversion(&self, by: &Diverted) -> (HeaderName, Bytes) {
        let reason = match by.status {
            486 | 600 => DiversionReason::UserBusy,
            _ => DiversionReason::NoAnswer,
        };
        let mut value = String::new();
        let written = Diversion::new(self.local_uri(&by.number), &reason).write(&mut value);
        debug_assert!(written.is_ok(), "a string takes everything");
        (HeaderName::Diversion, value.into())
    }
}
