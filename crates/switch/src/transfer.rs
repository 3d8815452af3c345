//! Blind and attended transfers (RFC 3515, RFC 3891, RFC 5589): the REFER is carried out here, no other phone sees it.

use machine::Time;
use sip_core::{NameAddr, ReferId, SessionId, StatusCode};

use crate::event::Event;
use crate::leg::{Hearing, LegId, Place, Purpose, Transferor};
use crate::switch::{Destination, Switch};

/// There is no call that the transferor speaks to the target in. Not 481, although that is what is meant: to a phone that means
/// that the call is gone in which it sent the REFER (RFC 3261 §12.2.1.2).
const NO_CONSULTATION: StatusCode = StatusCode::DECLINE;

impl Switch {
    pub(crate) fn on_refer(&mut self, now: Time, session: Option<SessionId>, refer: ReferId, refer_to: &NameAddr) {
        let leg = session.and_then(|session| self.sessions.get(&session).copied());
        let Some(leg) = leg else {
            // Outside a call there is nothing to transfer: click-to-dial by REFER is not built.
            self.try_endpoint(|endpoint| endpoint.reject_refer(now, refer, StatusCode::FORBIDDEN));
            return;
        };
        let outcome = match refer_to.uri.header("Replaces") {
            Some(replaces) => self.attended_transfer(now, leg, refer, replaces.as_bytes()),
            None => self.blind_transfer(now, leg, refer, refer_to),
        };
        if let Err(status) = outcome {
            if let Some((call, by)) = self.legs.get(leg).map(|leg| (leg.call, leg.party.number.clone())) {
                self.tell(Event::TransferFailed {
                    call,
                    by,
                    status: status.code(),
                });
            }
            self.try_endpoint(|endpoint| endpoint.reject_refer(now, refer, status));
        }
    }

    /// Nothing is changed before the target is known to be possible: a refused transfer leaves the call as it was.
    fn blind_transfer(&mut self, now: Time, leg: LegId, refer: ReferId, refer_to: &NameAddr) -> Result<(), StatusCode> {
        let peer = self.transferable_peer(leg)?;
        let number = self.own_number(&refer_to.uri).ok_or(StatusCode::NOT_FOUND)?;
        match self.destination(&number).ok_or(StatusCode::NOT_FOUND)? {
            Destination::Extension(_) | Destination::Group(_) => {
                self.accept_refer(now, leg, refer);
                self.transfer_to_extension(now, leg, peer, &number);
            }
            Destination::Lot(lot) => self.transfer_to_lot(now, leg, peer, refer, lot, park::Wanted::Any)?,
            Destination::Slot(lot, slot) => {
                self.transfer_to_lot(now, leg, peer, refer, lot, park::Wanted::Slot(slot))?;
            }
            Destination::Queue(queue) => self.transfer_to_queue(now, leg, peer, refer, queue)?,
            Destination::RetrieveLongest(_) | Destination::AgentCode(_) | Destination::Supervise(_) => {
                return Err(StatusCode::FORBIDDEN);
            }
        }
        Ok(())
    }

    fn transferable_peer(&self, leg: LegId) -> Result<LegId, StatusCode> {
        match self.legs.get(leg).map(|leg| (leg.place, leg.refer)) {
            Some((Place::Talking(peer), None)) => Ok(peer),
            Some(_) => Err(StatusCode::FORBIDDEN),
            None => Err(StatusCode::FORBIDDEN),
        }
    }

    pub(crate) fn accept_refer(&mut self, now: Time, leg: LegId, refer: ReferId) {
        self.try_endpoint(|endpoint| endpoint.accept_refer(now, refer));
        if let Some(leg) = self.legs.get_mut(leg) {
            leg.refer = Some(refer);
        }
    }

    fn transfer_to_extension(&mut self, now: Time, transferor: LegId, peer: LegId, number: &str) {
        let owner = self.number_of(transferor);
        self.unbridge(peer);
        self.set_place(transferor, Place::Transferring { peer });
        self.hear(transferor, Hearing::Plain);
        self.set_place(peer, Place::Waiting);
        self.hear(peer, Hearing::Ringback);
        let show = self.present_caller(peer);
        let purpose = Purpose::Transfer {
            by: Transferor::Present(transferor),
            owner,
        };
        self.start_hunt(now, peer, number, purpose, &show);
    }

    /// The transferor is told how it ended.
    pub(crate) fn tell_transferor(&mut self, now: Time, leg: LegId, status: StatusCode) {
        self.tell_transferor_with(now, leg, status, None);
    }

    pub(crate) fn tell_transferor_with(&mut self, now: Time, leg: LegId, status: StatusCode, phrase: Option<&str>) {
        if let Some(refer) = self.legs.get_mut(leg).and_then(|leg| leg.refer.take()) {
            self.try_endpoint(|endpoint| endpoint.notify_refer(now, refer, status, phrase));
        }
    }

    /// The phone no longer wants to know how its transfer ends.
    pub(crate) fn forget_refer(&mut self, refer: ReferId) {
        if let Some(leg) = self.legs.values_mut().find(|leg| leg.refer == Some(refer)) {
            leg.refer = None;
        }
        for hunt in self.hunts.values_mut() {
            if let Purpose::Transfer {
                by: by @ Transferor::Gone(Some(_)),
                ..
            } = &mut hunt.purpose
                && *by == Transferor::Gone(Some(refer))
            {
                *by = Transferor::Gone(None);
            }
        }
    }

    /// The target has answered; [`Switch::join`] follows.
    pub(crate) fn transfer_done(
        &mut self,
        now: Time,
        waiting: LegId,
        transferor: Transferor,
        owner: String,
        to: String,
        attended: bool,
    ) {
        match transferor {
            Transferor::Present(leg) => self.farewell(now, leg),
            Transferor::Gone(refer) => self.tell_late(now, refer, StatusCode::OK),
        }
        if let Some(call) = self.legs.get(waiting).map(|leg| leg.call) {
            self.tell(Event::Transferred {
                call,
                by: owner,
                to,
                attended,
            });
        }
    }

    /// The target does not take it: back to where the call was; if the transferor has gone, he is rung.
    pub(crate) fn transfer_failed(
        &mut self,
        now: Time,
        waiting: LegId,
        transferor: Transferor,
        owner: &str,
        status: StatusCode,
    ) {
        if let Some(call) = self.legs.get(waiting).map(|leg| leg.call) {
            self.tell(Event::TransferFailed {
                call,
                by: owner.to_owned(),
                status: status.code(),
            });
        }
        match transferor {
            Transferor::Present(leg) => {
                self.tell_transferor(now, leg, status);
                self.join(waiting, leg);
            }
            Transferor::Gone(refer) => {
                self.tell_late(now, refer, status);
                let show = self.present_caller(waiting);
                self.start_hunt(now, waiting, owner, Purpose::Return, &show);
            }
        }
    }

    fn tell_late(&mut self, now: Time, refer: Option<ReferId>, status: StatusCode) {
        if let Some(refer) = refer {
            self.try_endpoint(|endpoint| endpoint.notify_refer(now, refer, status, None));
        }
    }

    /// The party that was being transferred has hung up.
    pub(crate) fn transferee_left(&mut self, now: Time, transferor: Transferor) {
        match transferor {
            Transferor::Present(leg) => {
                self.tell_transferor(now, leg, StatusCode::REQUEST_TERMINATED);
                self.drop_leg(now, leg, true);
            }
            Transferor::Gone(refer) => self.tell_late(now, refer, StatusCode::REQUEST_TERMINATED),
        }
    }

    /// The transferor hung up before the transfer was decided; it goes on without him.
    pub(crate) fn transferor_left(&mut self, leg: LegId, peer: LegId) {
        let refer = self.legs.get_mut(leg).and_then(|leg| leg.refer.take());
        let hunt = self.legs.get(peer).and_then(|leg| leg.hunt);
        if let Some(Purpose::Transfer { by, .. }) =
            hunt.and_then(|hunt| self.hunts.get_mut(hunt)).map(|h| &mut h.purpose)
        {
            *by = Transferor::Gone(refer);
        }
    }

    /// `leg` and the leg named by `replaces` belong to one phone: their peers are connected, both are hung up.
    fn attended_transfer(&mut self, now: Time, leg: LegId, refer: ReferId, replaces: &[u8]) -> Result<(), StatusCode> {
        let peer = self.transferable_peer(leg)?;
        let consultation = self.consultation(leg, replaces)?;
        let owner = self.number_of(leg);
        let Some(place) = self.legs.get(consultation).map(|leg| leg.place) else {
            return Err(NO_CONSULTATION);
        };
        match place {
            Place::Talking(target) if target != leg && target != peer => {
                self.accept_refer(now, leg, refer);
                let to = self.number_of(target);
                self.join(peer, target);
                self.transfer_done(now, peer, Transferor::Present(leg), owner, to, true);
                self.drop_leg(now, consultation, true);
            }
            Place::Calling => {
                let Some(hunt) = self.legs.get(consultation).and_then(|leg| leg.hunt) else {
                    return Err(NO_CONSULTATION);
                };
                self.accept_refer(now, leg, refer);
                self.unbridge(peer);
                self.set_place(leg, Place::Transferring { peer });
                self.hear(leg, Hearing::Plain);
                self.move_hunt(
                    hunt,
                    peer,
                    Purpose::Transfer {
                        by: Transferor::Present(leg),
                        owner,
                    },
                );
                self.refuse(now, consultation, StatusCode::REQUEST_TERMINATED);
            }
            Place::Parked { lot, slot } if self.is_reserved(lot, slot) => {
                self.accept_refer(now, leg, refer);
                self.park_instead(now, consultation, peer, leg, (lot, slot));
            }
            Place::Queued => self.transfer_to_queued(now, leg, peer, consultation, refer)?,
            // His own parked call: nobody is there to be connected with.
            Place::Parked { .. } => return Err(StatusCode::FORBIDDEN),
            Place::Talking(_)
            | Place::Ringing(_)
            | Place::Waiting
            | Place::Transferring { .. }
            | Place::SigningOn
            | Place::Supervising(_)
            | Place::Leaving => {
                return Err(NO_CONSULTATION);
            }
        }
        Ok(())
    }

    /// The leg that a `Replaces` in a Refer-To names: in the phone's words its own tag is the from-tag, ours the
    /// to-tag (RFC 5589 §7.3). It must be the same extension's.
    fn consultation(&self, leg: LegId, replaces: &[u8]) -> Result<LegId, StatusCode> {
        use sip_core::header::{Replaces, TypedHeader};
        let replaces = Replaces::parse(replaces).map_err(|_| StatusCode::BAD_REQUEST)?;
        let session = self
            .endpoint
            .find_session(&replaces.call_id, &replaces.to_tag, &replaces.from_tag)
            .ok_or(NO_CONSULTATION)?;
        let found = self.sessions.get(&session).copied().ok_or(NO_CONSULTATION)?;
        if found == leg || self.number_of(found) != self.number_of(leg) {
            return Err(StatusCode::FORBIDDEN);
        }
        Ok(found)
    }
}
