//! Ringing phones until one answers.

use machine::Time;
use sip_core::header::Reason;
use sip_core::{Body, HeaderName, Invite, NameAddr, Reply, SessionId, StatusCode, Transport, Uri};

use crate::event::Event;
use crate::group::Diverted;
use crate::leg::{Hearing, Hunt, HuntId, LegId, Party, Place, Purpose};
use crate::switch::{Destination, Switch};

/// How a hunt presents itself on the phones that ring.
#[derive(Debug, Clone)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub(crate) struct Presentation {
    pub(crate) from: Party,
    pub(crate) display: String,
    pub(crate) alert: Option<String>,
    pub(crate) ring: core::time::Duration,
}

/// What is to be known of a caller to ring phones for him.
#[derive(Debug, Clone)]
pub(crate) struct Caller {
    pub(crate) call: crate::CallId,
    /// How many hops the INVITEs are allowed.
    pub(crate) max_forwards: u8,
    /// His codec: with the same nothing needs to be transcoded.
    pub(crate) preferred: Option<sdp::Codec>,
}

impl Switch {
    /// Rings all phones of `number` for `waiting`, or those of a group. A hunt that has nobody to ring fails at once.
    pub(crate) fn start_hunt(
        &mut self,
        now: Time,
        waiting: LegId,
        number: &str,
        purpose: Purpose,
        show: &Presentation,
    ) {
        self.start_diverted(now, waiting, number, purpose, show, Vec::new());
    }

    /// The same for a call that came by other numbers first, where nobody answered.
    pub(crate) fn start_diverted(
        &mut self,
        now: Time,
        waiting: LegId,
        number: &str,
        purpose: Purpose,
        show: &Presentation,
        diverted: Vec<Diverted>,
    ) {
        if !self.legs.contains_key(waiting) {
            return;
        }
        if let Some(Destination::Queue(queue)) = self.numbers.get(number).copied() {
            return self.divert_to_queue(now, waiting, queue, purpose, number);
        }
        let hunt = self.hunts.insert(Hunt::new(Some(waiting), purpose));
        if let Some(leg) = self.legs.get_mut(waiting) {
            leg.hunt = Some(hunt);
        }
        if self.is_chased(number) {
            return self.start_chase(now, hunt, number, show, diverted);
        }
        if self.extension(number).is_none() {
            return self.hunt_failed(now, hunt, StatusCode::NOT_FOUND);
        }
        self.ring_number(now, hunt, number, show, &diverted);
        self.hunt_or_fail(now, hunt);
    }

    /// Rings all phones of an extension: the legs of those that could be.
    pub(crate) fn ring_number(
        &mut self,
        now: Time,
        hunt: HuntId,
        number: &str,
        show: &Presentation,
        diverted: &[Diverted],
    ) -> Vec<LegId> {
        let waiting = self.hunts.get(hunt).and_then(|hunt| self.legs.get(hunt.waiting?));
        let Some(leg) = waiting else { return Vec::new() };
        let call = leg.call;
        let max_forwards = leg.max_forwards.saturating_sub(1);
        let preferred = leg.media.negotiation.agreed().map(|agreed| agreed.codec.clone());
        let caller = Caller {
            call,
            max_forwards,
            preferred,
        };
        self.ring_phones(now, hunt, &caller, number, show, diverted)
    }

    /// The same for a caller of whom this much is known.
    pub(crate) fn ring_phones(
        &mut self,
        now: Time,
        hunt: HuntId,
        caller: &Caller,
        number: &str,
        show: &Presentation,
        diverted: &[Diverted],
    ) -> Vec<LegId> {
        let Some(extension) = self.extension(number) else {
            return Vec::new();
        };
        let to = Party {
            number: number.to_owned(),
            name: extension.name.clone(),
        };
        let (call, preferred) = (caller.call, caller.preferred.as_ref());
        let targets: Vec<(Uri, Option<sip_core::Flow>, Vec<Uri>)> = self
            .registrar
            .bindings(number)
            .iter()
            .map(|binding| {
                (
                    binding.contact.uri.clone(),
                    self.reach(binding),
                    binding.path.iter().map(|p| p.uri.clone()).collect(),
                )
            })
            .collect();
        let mut rung = Vec::new();
        for (target, flow, route) in targets {
            let Some((leg, offer)) = self.new_outgoing_leg(now, &to, call, hunt, preferred) else {
                self.stats.refused_at_limit += 1;
                if let Some(hunt) = self.hunts.get_mut(hunt) {
                    hunt.refusal = Some(StatusCode::SERVICE_UNAVAILABLE);
                }
                continue;
            };
            let mut invite = Invite::new(
                target,
                NameAddr::new(self.local_uri(&show.from.number)).with_display(&show.display),
                NameAddr::new(self.local_uri(number)),
            );
            invite.flow = flow;
            invite.route = route;
            invite.contact_user = Some(show.from.number.clone());
            invite.no_answer = Some(show.ring);
            invite.max_forwards = caller.max_forwards;
            invite.body = Some(Body::sdp(offer));
            if let Some(alert) = &show.alert {
                invite.headers.push((HeaderName::AlertInfo, alert.clone().into()));
            }
            // The latest diversion first (RFC 5806 §4.3).
            invite
                .headers
                .extend(diverted.iter().rev().map(|by| self.diversion(by)));
            match self.endpoint.invite(now, invite) {
                Ok(session) => {
                    self.adopt_session(leg, session);
                    rung.push(leg);
                }
                Err(_) => self.drop_leg(now, leg, false),
            }
        }
        rung
    }

    pub(crate) fn hunt_or_fail(&mut self, now: Time, hunt: HuntId) {
        let Some(entry) = self.hunts.get(hunt) else { return };
        if entry.ringing.is_empty() {
            let status = entry.refusal.unwrap_or(StatusCode::TEMPORARILY_UNAVAILABLE);
            self.hunt_failed(now, hunt, status);
        }
    }

    /// The way to a registered phone: its own connection while that is open; for UDP the address it registered from
    /// where its Contact names an address that is not its own (behind a NAT); otherwise what the Contact says.
    fn reach(&self, binding: &sip_core::registrar::Binding) -> Option<sip_core::Flow> {
        let flow = binding.flow;
        if flow.transport == Transport::Udp {
            let host = binding.contact.uri.host().and_then(sip_core::Host::ip);
            return (binding.path.is_empty() && host != Some(flow.remote.ip())).then_some(flow);
        }
        flow.connection
            .filter(|connection| self.connections.contains(connection))
            .map(|_| flow)
    }

    fn adopt_session(&mut self, leg: LegId, session: SessionId) {
        if let Some(entry) = self.legs.get_mut(leg) {
            entry.session = session;
            self.sessions.insert(session, leg);
        }
    }

    /// A phone that is rung says so.
    pub(crate) fn hunt_progress(&mut self, now: Time, leg: LegId, status: StatusCode) {
        let Some(Place::Ringing(hunt)) = self.legs.get(leg).map(|l| l.place) else {
            return;
        };
        let Some(entry) = self.hunts.get_mut(hunt) else { return };
        entry.responded = true;
        if status.code() < 180 || core::mem::replace(&mut entry.alerting, true) {
            return;
        }
        if let Purpose::Offer { contact, agent } = entry.purpose {
            return self.offer_rings(now, contact, agent);
        }
        let Some(waiting) = entry.waiting else { return };
        if let Some(caller) = self.legs.get(waiting).filter(|l| l.place == Place::Calling) {
            let session = caller.session;
            self.try_endpoint(|endpoint| endpoint.provisional(now, session, StatusCode::RINGING, Reply::default()));
        }
    }

    /// A phone that was rung has answered: it wins, the others stop ringing.
    pub(crate) fn hunt_answered(&mut self, now: Time, winner: LegId) {
        let Some(Place::Ringing(hunt)) = self.legs.get(winner).map(|l| l.place) else {
            return;
        };
        let Some(entry) = self.take_hunt(hunt) else { return };
        for other in entry.ringing.iter().copied().filter(|leg| *leg != winner) {
            self.answered_elsewhere(now, other);
        }
        let Some(waiting) = entry.waiting else {
            if let Purpose::Offer { contact, agent } = entry.purpose {
                self.offer_answered(now, winner, contact, agent);
            }
            return;
        };
        let by = self.number_of(winner);
        match entry.purpose {
            Purpose::Call | Purpose::Return | Purpose::Forward => {
                if self.legs.get(waiting).is_some_and(|l| l.place == Place::Calling) {
                    self.call_answered(now, waiting, &by);
                    if !self.answer_leg(now, waiting) {
                        self.drop_leg(now, winner, true);
                        return;
                    }
                }
            }
            Purpose::Transfer { by: transferor, owner } => {
                self.transfer_done(now, waiting, transferor, owner, by, false);
            }
            Purpose::Recall { lot, slot } => self.recall_answered(now, lot, slot, &by),
            Purpose::CallBack { contact } => self.customer_reached(now, contact, winner),
            Purpose::Offer { .. } => {}
        }
        self.join(waiting, winner);
    }

    /// A phone that was rung does not take the call.
    pub(crate) fn hunt_leg_failed(&mut self, now: Time, leg: LegId, status: StatusCode) {
        let Some(Place::Ringing(hunt)) = self.legs.get(leg).map(|l| l.place) else {
            return;
        };
        if let Some(member) = self.member_of(hunt, leg) {
            return self.member_refused(now, hunt, member, leg, status);
        }
        self.drop_leg(now, leg, false);
        if let Some(entry) = self.hunts.get_mut(hunt) {
            entry.refusal = Some(better_refusal(entry.refusal, status));
            entry.responded |= !matches!(status.code(), 408 | 503);
        }
        self.hunt_or_fail(now, hunt);
    }

    /// Nobody took the call.
    pub(crate) fn hunt_failed(&mut self, now: Time, hunt: HuntId, status: StatusCode) {
        let Some(entry) = self.take_hunt(hunt) else { return };
        match (entry.waiting, entry.chase, entry.purpose) {
            (Some(waiting), Some(chase), purpose) => self.chase_failed(now, waiting, purpose, *chase, status),
            (Some(waiting), None, purpose) => self.not_taken(now, waiting, purpose, status),
            (None, _, Purpose::Offer { contact, agent }) => {
                self.offer_failed(now, contact, agent, status, entry.responded);
            }
            (None, ..) => {}
        }
    }

    /// What that means for the leg that waited.
    pub(crate) fn not_taken(&mut self, now: Time, waiting: LegId, purpose: Purpose, status: StatusCode) {
        match purpose {
            Purpose::Call => self.refuse(now, waiting, status),
            Purpose::Return => {
                self.set_cause(waiting, crate::EndCause::Refused(status.code()));
                self.drop_leg(now, waiting, true);
            }
            Purpose::Transfer { by, owner } => self.transfer_failed(now, waiting, by, &owner, status),
            Purpose::Recall { lot, slot } => self.recall_failed(now, lot, slot),
            Purpose::Forward => self.cannot_go_on(now, waiting, status),
            Purpose::CallBack { contact } => self.customer_not_reached(now, contact, waiting, status),
            Purpose::Offer { .. } => {}
        }
    }

    /// Stops ringing; the leg that waited is dealt with by the caller.
    pub(crate) fn cancel_hunt(&mut self, now: Time, hunt: HuntId) -> Option<Hunt> {
        let entry = self.take_hunt(hunt)?;
        for leg in &entry.ringing {
            self.drop_leg(now, *leg, true);
        }
        Some(entry)
    }

    /// The same where somebody else has the call: the phones do not show it as missed.
    pub(crate) fn completed_elsewhere(&mut self, now: Time, hunt: HuntId) {
        let Some(entry) = self.take_hunt(hunt) else { return };
        for leg in &entry.ringing {
            self.answered_elsewhere(now, *leg);
        }
    }

    /// Takes a hunt out of all tables; its legs ring on.
    pub(crate) fn take_hunt(&mut self, hunt: HuntId) -> Option<Hunt> {
        let entry = self.hunts.remove(hunt)?;
        if let Some(due) = entry.chase.as_ref().and_then(|chase| chase.due) {
            self.hunt_timers.remove(&(due, hunt));
        }
        if let Some(leg) = entry.waiting.and_then(|leg| self.legs.get_mut(leg)) {
            leg.hunt = None;
        }
        Some(entry)
    }

    /// A phone stops ringing because another has the call; its CANCEL says so (RFC 3326).
    pub(crate) fn answered_elsewhere(&mut self, now: Time, leg: LegId) {
        let Some(session) = self.legs.get(leg).map(|leg| leg.session) else {
            return;
        };
        let reason = Reason {
            text: Some("Call completed elsewhere".to_owned()),
            ..Reason::sip(StatusCode::OK)
        };
        self.try_endpoint(|endpoint| endpoint.hang_up(now, session, Some(reason)));
        self.drop_leg(now, leg, false);
    }

    /// Lets an unanswered hunt ring for another leg: an attended transfer that is completed while ringing.
    pub(crate) fn move_hunt(&mut self, hunt: HuntId, to: LegId, purpose: Purpose) {
        let Some(entry) = self.hunts.get_mut(hunt) else { return };
        let from = entry.waiting.replace(to);
        entry.purpose = purpose;
        let ringing = entry.ringing.clone();
        self.present_anew(hunt, to);
        if let Some(leg) = from.and_then(|leg| self.legs.get_mut(leg)) {
            leg.hunt = None;
        }
        let Some(call) = self.legs.get_mut(to).map(|leg| {
            leg.hunt = Some(hunt);
            leg.place = Place::Waiting;
            leg.call
        }) else {
            return;
        };
        for leg in ringing {
            self.move_to_call(leg, call);
        }
        self.touch(to);
        self.hear(to, Hearing::Ringback);
    }

    /// What the phones that ring for an ordinary call show: the caller.
    pub(crate) fn present_caller(&self, leg: LegId) -> Presentation {
        let from = self.legs.get(leg).map_or_else(
            || Party {
                number: String::new(),
                name: String::new(),
            },
            |leg| leg.party.clone(),
        );
        Presentation {
            display: from.name.clone(),
            from,
            alert: None,
            ring: self.config.ring_timeout,
        }
    }

    pub(crate) fn tell(&mut self, event: Event) {
        self.outputs.push_back(crate::Output::Event(event));
    }
}

/// Of two refusals the one the caller is told: a global failure (6xx) before all, then busy, then the lowest class
/// and code (RFC 3261 §16.7 item 6). What concerns only us and the phone (redirection, challenges) is told as 480.
fn better_refusal(old: Option<StatusCode>, new: StatusCode) -> StatusCode {
    let new = match new.code() {
        300..=399 | 401 | 407 | 408 | 487 | 503 => StatusCode::TEMPORARILY_UNAVAILABLE,
        _ => new,
    };
    let rank = |status: StatusCode| match status.code() {
        code @ 600.. => (0, code),
        486 => (1, 486),
        480 => (3, 480),
        code => (2, code),
    };
    match old {
        Some(old) if rank(old) <= rank(new) => old,
        _ => new,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_refusal_that_tells_most_wins() {
        let best = |codes: &[u16]| {
            codes
                .iter()
                .filter_map(|code| StatusCode::try_from(*code).ok())
                .fold(None, |old, new| Some(better_refusal(old, new)))
                .map(StatusCode::code)
        };
        assert_eq!(best(&[486, 603]), Some(603));
        assert_eq!(best(&[480, 486]), Some(486));
        assert_eq!(best(&[408]), Some(480));
        assert_eq!(best(&[302]), Some(480));
        assert_eq!(best(&[407, 404]), Some(404));
        assert_eq!(best(&[488, 404]), Some(404));
        assert_eq!(best(&[]), None);
    }
}
