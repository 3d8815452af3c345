//! Parking: into a slot by transfer or code, out of it by dialling or recall (rows P1 to P6, P10, P11).

use core::time::Duration;

use machine::{Machine, Time};
use park::{ParkError, SlotNumber, Wanted};
use rtp_media::PromptItem;
use sip_core::{ReferId, StatusCode};

use crate::config::{Lot, RecallTarget};
use crate::event::Event;
use crate::hunt::Presentation;
use crate::leg::{Hearing, LegId, Place, Purpose};
use crate::queue::Left;
use crate::sip::GONE;
use crate::switch::Switch;

/// The longest an announcement may hold a leg; it normally ends when the engine says so.
pub(crate) const ANNOUNCEMENT_LIMIT: Duration = Duration::from_secs(15);

/// A lot of the configuration as its machine wants it.
pub(crate) fn machine_config(lot: &Lot) -> park::LotConfig {
    let mut config = park::LotConfig::new(lot.slots.clone());
    config.choice = lot.choice;
    config.recall_after = lot.recall_after;
    config.recall_ring = lot.recall_ring;
    config.recall_targets = lot.recall_to.len();
    config
}

impl Switch {
    /// A blind transfer to a lot or a slot. Refused before anything is changed, or done.
    pub(crate) fn transfer_to_lot(
        &mut self,
        now: Time,
        transferor: LegId,
        peer: LegId,
        refer: ReferId,
        lot: usize,
        wanted: Wanted,
    ) -> Result<(), StatusCode> {
        let owner = self.number_of(transferor);
        let slot = self.park(now, peer, &owner, lot, wanted).map_err(refusal)?;
        self.accept_refer(now, transferor, refer);
        if let Some(call) = self.legs.get(peer).map(|leg| leg.call) {
            self.tell(Event::Transferred {
                call,
                by: owner,
                to: slot.0.to_string(),
                attended: false,
            });
        }
        if let Some(leg) = self.legs.get_mut(transferor) {
            leg.parked_at = Some(slot);
        }
        if self.legs.get(transferor).is_some_and(|leg| leg.media.held()) {
            // On hold nobody hears an announcement: the phone gets the slot's number with the result.
            self.farewell(now, transferor);
        } else {
            self.announce_and_leave(now, transferor, slot);
        }
        Ok(())
    }

    /// The feature code: the other party is parked in the first lot, the one who dialled it hears where.
    pub(crate) fn park_by_code(&mut self, now: Time, leg: LegId) {
        let Some(Place::Talking(peer)) = self.legs.get(leg).map(|leg| leg.place) else {
            return;
        };
        let owner = self.number_of(leg);
        let Some(lot) = self.first_lot else { return };
        match self.park(now, peer, &owner, lot, Wanted::Any) {
            Ok(slot) => self.announce_and_leave(now, leg, slot),
            Err(_) => self.announce(leg, vec![PromptItem::Sound("lot-full".to_owned())]),
        }
    }

    fn announce_and_leave(&mut self, now: Time, leg: LegId, slot: SlotNumber) {
        self.set_place(leg, Place::Leaving);
        self.announce(leg, Self::slot_announcement(slot));
        self.set_leave(leg, now + ANNOUNCEMENT_LIMIT);
    }

    /// Takes a leg out of its conversation into a slot. On error nothing has changed.
    fn park(&mut self, now: Time, id: LegId, by: &str, lot: usize, wanted: Wanted) -> Result<SlotNumber, ParkError> {
        let active = !self.retired_lots.contains(&lot);
        let machine = self
            .lots
            .get_mut(lot)
            .filter(|_| active)
            .ok_or(ParkError::UnknownSlot)?;
        let slot = machine.park_with(now, id, wanted, by.to_owned())?;
        self.unbridge(id);
        self.parked(now, id, by, lot, slot);
        Ok(slot)
    }

    fn parked(&mut self, now: Time, id: LegId, by: &str, lot: usize, slot: SlotNumber) {
        self.set_place(id, Place::Parked { lot, slot });
        self.hear_lot_music(id, lot);
        self.touch_slot(lot, slot);
        let number = self
            .config
            .lots
            .get(lot)
            .map(|lot| lot.number.clone())
            .unwrap_or_default();
        if let Some(call) = self.legs.get(id).map(|leg| leg.call) {
            self.tell(Event::Parked {
                call,
                lot: number,
                slot,
                by: by.to_owned(),
            });
        }
        self.offer_parked(now, id, lot);
    }

    /// A caller goes on into a lot; if that is full he is hung up.
    pub(crate) fn park_on(&mut self, now: Time, id: LegId, lot: usize) {
        let owner = self.number_of(id);
        if let Err(error) = self.park(now, id, &owner, lot, Wanted::Any) {
            self.cannot_go_on(now, id, refusal(error));
        }
    }

    /// An agent who was offered a parked call took it.
    pub(crate) fn unpark(&mut self, now: Time, leg: LegId, lot: usize, slot: SlotNumber, agent_leg: LegId) {
        let Some(machine) = self.lots.get_mut(lot) else { return };
        let since = machine.get(slot).map(|parked| parked.since);
        if machine.retrieve(now, slot).is_err() {
            return;
        }
        if let Some(hunt) = self.legs.get(leg).and_then(|leg| leg.hunt) {
            self.cancel_hunt(now, hunt);
        }
        let by = self.number_of(agent_leg);
        self.tell_retrieved(now, leg, slot, by, false, since);
        self.touch_slot(lot, slot);
    }

    pub(crate) fn hear_lot_music(&mut self, id: LegId, lot: usize) {
        let music = self
            .config
            .lots
            .get(lot)
            .map_or(crate::DEFAULT_MUSIC, |lot| lot.music.as_str())
            .to_owned();
        self.hear(id, Hearing::Music(music));
    }

    /// Somebody calls the lot itself: an attended transfer is under way, and a slot is kept for it.
    pub(crate) fn dial_lot(&mut self, now: Time, leg: LegId, lot: usize, wanted: Wanted) {
        if !self.has_conversation(&self.number_of(leg), leg) {
            return self.refuse(now, leg, StatusCode::NOT_FOUND);
        }
        let active = !self.retired_lots.contains(&lot);
        let Some(machine) = self.lots.get_mut(lot).filter(|_| active) else {
            return self.refuse(now, leg, StatusCode::NOT_FOUND);
        };
        let slot = match machine.reserve(now, leg, wanted) {
            Ok(slot) => slot,
            Err(error) => return self.refuse(now, leg, refusal(error)),
        };
        self.set_place(leg, Place::Parked { lot, slot });
        self.touch_slot(lot, slot);
        self.call_answered(now, leg, &slot.0.to_string());
        if self.answer_leg(now, leg) {
            self.announce(leg, Self::slot_announcement(slot));
        } else {
            self.leg_over(now, leg, false);
        }
    }

    /// A slot's number is dialled: its call is retrieved; a free one can be consulted for an attended transfer.
    pub(crate) fn dial_slot(&mut self, now: Time, leg: LegId, lot: usize, slot: SlotNumber) {
        let occupied = self.lots.get(lot).is_some_and(|lot| lot.get(slot).is_some());
        if occupied {
            self.retrieve(now, leg, lot, slot)
        } else {
            self.dial_lot(now, leg, lot, Wanted::Slot(slot))
        }
    }

    /// The lot's retrieve number is dialled: the call parked longest.
    pub(crate) fn dial_retrieve(&mut self, now: Time, leg: LegId, lot: usize) {
        match self.lots.get(lot).and_then(park::Lot::longest) {
            Some(slot) => self.retrieve(now, leg, lot, slot),
            None => self.refuse(now, leg, StatusCode::NOT_FOUND),
        }
    }

    /// Whether a slot is kept for an attended transfer (otherwise somebody is parked in it, or nobody).
    pub(crate) fn is_reserved(&self, lot: usize, slot: SlotNumber) -> bool {
        let parked = self.lots.get(lot).and_then(|lot| lot.get(slot));
        parked.is_some_and(|parked| parked.state == park::SlotState::Reserved)
    }

    fn retrieve(&mut self, now: Time, leg: LegId, lot: usize, slot: SlotNumber) {
        let found = self.lots.get(lot).and_then(|lot| lot.get(slot));
        let Some(since) = found.map(|parked| parked.since) else {
            return self.refuse(now, leg, StatusCode::NOT_FOUND);
        };
        if self.is_reserved(lot, slot) {
            return self.refuse(now, leg, StatusCode::BUSY_HERE);
        }
        let by = self.number_of(leg);
        self.call_answered(now, leg, &slot.0.to_string());
        if !self.answer_leg(now, leg) {
            return self.drop_leg(now, leg, false); // gone in this very moment: the call stays parked
        }
        let Some(Ok(parked)) = self.lots.get_mut(lot).map(|lot| lot.retrieve(now, slot)) else {
            return;
        };
        if let Some(hunt) = self.legs.get(parked).and_then(|leg| leg.hunt) {
            self.completed_elsewhere(now, hunt);
        }
        self.left_queue(now, parked, Left::Retrieved(by.clone()));
        self.tell_retrieved(now, parked, slot, by, false, Some(since));
        self.touch_slot(lot, slot);
        self.join(parked, leg);
    }

    fn tell_retrieved(
        &mut self,
        now: Time,
        leg: LegId,
        slot: SlotNumber,
        by: String,
        recall: bool,
        since: Option<Time>,
    ) {
        if let Some(call) = self.legs.get(leg).map(|leg| leg.call) {
            let waited = since.map_or(Duration::ZERO, |since| now - since);
            self.tell(Event::Retrieved {
                call,
                slot,
                by,
                recall,
                waited,
            });
        }
    }

    /// An attended transfer to a lot is completed: the caller takes the place the consultation kept.
    pub(crate) fn park_instead(
        &mut self,
        now: Time,
        consultation: LegId,
        peer: LegId,
        transferor: LegId,
        (lot, slot): (usize, SlotNumber),
    ) {
        let owner = self.number_of(transferor);
        let Some(machine) = self.lots.get_mut(lot) else { return };
        if machine.replace_with(now, &consultation, peer, owner.clone()).is_err() {
            return self.tell_transferor(now, transferor, GONE);
        }
        self.unbridge(peer);
        self.parked(now, peer, &owner, lot, slot);
        if let Some(call) = self.legs.get(peer).map(|leg| leg.call) {
            self.tell(Event::Transferred {
                call,
                by: owner,
                to: slot.0.to_string(),
                attended: true,
            });
        }
        self.drop_leg(now, consultation, true);
        if let Some(leg) = self.legs.get_mut(transferor) {
            leg.parked_at = Some(slot);
        }
        self.farewell(now, transferor);
    }

    /// A parked (or consulting) phone has hung up or vanished.
    pub(crate) fn parked_leg_over(&mut self, now: Time, id: LegId, lot: usize) {
        if let Some(hunt) = self.legs.get(id).and_then(|leg| leg.hunt) {
            self.cancel_hunt(now, hunt);
        }
        let Some(machine) = self.lots.get_mut(lot) else { return };
        let Some(slot) = machine.find(&id) else { return };
        let since = machine.get(slot).map_or(now, |parked| parked.since);
        let reserved = self.is_reserved(lot, slot);
        let Some(machine) = self.lots.get_mut(lot) else { return };
        let left = machine.leave(now, &id).is_ok();
        self.touch_slot(lot, slot);
        if let Some(call) = self.legs.get(id).map(|leg| leg.call).filter(|_| left && !reserved) {
            self.tell(Event::Abandoned {
                call,
                slot,
                waited: now - since,
            });
        }
    }

    /// Takes the next word of the lots' machines. `true` if there was one.
    pub(crate) fn poll_lots(&mut self, now: Time) -> bool {
        for lot in 0..self.lots.len() {
            let Some(event) = self.lots.get_mut(lot).and_then(Machine::poll_output) else {
                continue;
            };
            match event {
                park::Event::RecallDue {
                    slot,
                    call,
                    target,
                    ring,
                } => self.recall(now, lot, slot, call, target, ring),
                park::Event::ParkedAgain { slot, call } => {
                    self.touch_slot(lot, slot);
                    if let Some(call) = self.legs.get(call).map(|leg| leg.call) {
                        self.tell(Event::ParkedAgain { call, slot });
                    }
                }
                // What was asked for has been told where it was asked.
                park::Event::Parked { .. }
                | park::Event::Retrieved { .. }
                | park::Event::Recalled { .. }
                | park::Event::Abandoned { .. }
                | park::Event::Replaced { .. }
                | park::Event::Reserved { .. }
                | park::Event::Released { .. }
                | _ => {}
            }
            return true;
        }
        false
    }

    /// The time is over: ring the parker or the alternate, showing where the call comes from.
    fn recall(&mut self, now: Time, lot: usize, slot: SlotNumber, parked: LegId, target: usize, ring: Duration) {
        let entry = self.lots.get(lot).and_then(|lot| lot.get(slot));
        let Some(by) = entry
            .filter(|entry| entry.call == parked)
            .map(|entry| entry.details.clone())
        else {
            return; // gone in this very step
        };
        let Some(config) = self.config.lots.get(lot) else {
            return;
        };
        let number = match config.recall_to.get(target) {
            Some(RecallTarget::Number(number)) => number.clone(),
            Some(RecallTarget::Parker) | None => by,
        };
        let alert = config.recall_alert.clone();
        let Some(leg) = self.legs.get(parked) else { return };
        let (call, from) = (leg.call, leg.party.clone());
        let who = if from.name.is_empty() {
            from.number.clone()
        } else {
            format!("{} {}", from.name, from.number)
        };
        let show = Presentation {
            display: format!("Park {}: {who}", slot.0),
            from,
            alert: Some(alert),
            ring,
        };
        self.touch_slot(lot, slot);
        self.tell(Event::RecallStarted {
            call,
            slot,
            target: number.clone(),
        });
        self.start_hunt(now, parked, &number, Purpose::Recall { lot, slot }, &show);
    }

    pub(crate) fn recall_answered(&mut self, now: Time, lot: usize, slot: SlotNumber, by: &str) {
        let Some(machine) = self.lots.get_mut(lot) else { return };
        let since = machine.get(slot).map(|parked| parked.since);
        if let Ok(parked) = machine.recall_answered(now, slot) {
            self.left_queue(now, parked, Left::Retrieved(by.to_owned()));
            self.tell_retrieved(now, parked, slot, by.to_owned(), true, since);
        }
        self.touch_slot(lot, slot);
    }

    pub(crate) fn recall_failed(&mut self, now: Time, lot: usize, slot: SlotNumber) {
        if let Some(machine) = self.lots.get_mut(lot) {
            // Late only if the slot was emptied in this step; then there is nothing to go on with.
            let _ = machine.recall_failed(now, slot);
        }
    }

    /// The slot and its lot have changed, for those who watch them.
    fn touch_slot(&mut self, lot: usize, slot: SlotNumber) {
        self.forget_empty_slot(lot, slot);
        let Some(number) = self.config.lots.get(lot).map(|lot| lot.number.clone()) else {
            return;
        };
        for number in [slot.0.to_string(), number] {
            if self.watched.contains_key(&number) {
                self.dirty.insert(number);
            }
        }
    }
}

fn refusal(error: ParkError) -> StatusCode {
    match error {
        ParkError::Taken => StatusCode::BUSY_HERE,
        ParkError::Full => StatusCode::TEMPORARILY_UNAVAILABLE,
        ParkError::AlreadyParked => StatusCode::FORBIDDEN,
        ParkError::UnknownSlot | _ => StatusCode::NOT_FOUND,
    }
}
