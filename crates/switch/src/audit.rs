//! What must be true between any two steps; for tests, the simulator and the fuzzer.

use crate::leg::{Leg, LegId, Place, Purpose, Transferor};
use crate::switch::Switch;

/// An invariant that does not hold.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Fault {
    /// Two legs that talk do not agree that they do.
    #[error("leg {0:?} talks with a leg that does not talk with it")]
    OneSidedTalk(LegId),
    /// A leg says it is parked, but its slot holds another or none.
    #[error("leg {0:?} is not in the slot it is said to be in")]
    NotInSlot(LegId),
    /// A slot holds a leg that is elsewhere, or gone.
    #[error("slot {0} holds a leg that is not there")]
    StaleSlot(u32),
    /// A leg that waits or rings has no hunt, or the hunt does not know it.
    #[error("leg {0:?} and its hunt do not know each other")]
    LostHunt(LegId),
    /// A transferor waits for a transfer that is not under way.
    #[error("leg {0:?} waits for a transfer that is not under way")]
    LostTransfer(LegId),
    /// A supervisor is in no room, or the others of it are not.
    #[error("leg {0:?} supervises a call that is not supervised")]
    LostRoom(LegId),
    /// The tables by session, stream and number do not match the legs.
    #[error("the session, stream or number of leg {0:?} leads elsewhere")]
    LostHandle(LegId),
    /// A table has entries for legs that are gone.
    #[error("a table holds {0} more entries than there are legs")]
    Leak(usize),
    /// A call's count of legs is wrong.
    #[error("call {0} counts its legs wrong")]
    MiscountedCall(u64),
    /// A queue's contact, its legs and the distribution do not say the same.
    #[error("contact {0} of a queue is not where it is said to be")]
    LostContact(u64),
    /// An agent is not where he is said to be.
    #[error("agent number {0} in the order of coming is not where he is said to be")]
    LostAgent(u32),
    /// A port is neither free nor in use.
    #[error("media ports were lost or doubled")]
    LostPort,
}

impl Switch {
    /// Checks every invariant between the switch's tables; costs a pass over all of them.
    ///
    /// ```
    /// # let config = switch::Config::new("pbx.test");
    /// # let now = machine::Time::from_secs(1_800_000_000);
    /// let mut switch = switch::Switch::new(config, [7; 32])?;
    /// switch.handle(now, switch::Input::Shutdown);
    /// assert_eq!(switch.audit(), Ok(()));
    /// # Ok::<(), switch::ConfigError>(())
    /// ```
    ///
    /// # Errors
    /// The first [`Fault`] found.
    pub fn audit(&self) -> Result<(), Fault> {
        for (id, leg) in &self.legs {
            self.audit_place(id, leg)?;
            self.audit_contact(id, leg)?;
            let session = self.sessions.get(&leg.session) == Some(&id);
            let stream = !leg.media.open || self.streams.get(&leg.media.stream) == Some(&id);
            let indexed = self
                .legs_of
                .get(&leg.party.number)
                .is_some_and(|legs| legs.contains(&id));
            if !session || !stream || !indexed {
                return Err(Fault::LostHandle(id));
            }
        }
        self.audit_tables()?;
        self.audit_queues()?;
        self.audit_slots()
    }

    fn audit_place(&self, id: LegId, leg: &Leg) -> Result<(), Fault> {
        let place_of = |other: LegId| self.legs.get(other).map(|leg| leg.place);
        let hunts_for = || {
            leg.hunt
                .and_then(|hunt| self.hunts.get(hunt))
                .filter(|hunt| hunt.waiting == Some(id))
        };
        match leg.place {
            Place::Talking(peer) if place_of(peer) != Some(Place::Talking(id)) => Err(Fault::OneSidedTalk(id)),
            Place::Parked { lot, slot } => {
                let held = self
                    .lots
                    .get(lot)
                    .and_then(|lot| lot.get(slot))
                    .map(|parked| parked.call);
                if held == Some(id) {
                    Ok(())
                } else {
                    Err(Fault::NotInSlot(id))
                }
            }
            Place::Ringing(hunt) if !self.hunts.get(hunt).is_some_and(|hunt| hunt.ringing.contains(&id)) => {
                Err(Fault::LostHunt(id))
            }
            Place::Calling | Place::Waiting if hunts_for().is_none() => Err(Fault::LostHunt(id)),
            Place::Supervising(agent) => {
                let room = leg.media.conference.and_then(|conference| self.rooms.get(&conference));
                let right = room.is_some_and(|room| {
                    room.supervisor == id
                        && room.agent == agent
                        && place_of(agent) == Some(Place::Talking(room.peer))
                        && [room.agent, room.peer].into_iter().all(|other| {
                            self.legs
                                .get(other)
                                .is_some_and(|other| other.media.conference == leg.media.conference)
                        })
                });
                if right { Ok(()) } else { Err(Fault::LostRoom(id)) }
            }
            Place::Transferring { peer } => {
                let hunt = self
                    .legs
                    .get(peer)
                    .and_then(|peer| peer.hunt)
                    .and_then(|hunt| self.hunts.get(hunt));
                match hunt.map(|hunt| &hunt.purpose) {
                    Some(Purpose::Transfer {
                        by: Transferor::Present(by),
                        ..
                    }) if *by == id => Ok(()),
                    _ => Err(Fault::LostTransfer(id)),
                }
            }
            Place::Talking(_)
            | Place::Ringing(_)
            | Place::Calling
            | Place::Waiting
            | Place::Queued
            | Place::SigningOn
            | Place::Leaving => Ok(()),
        }
    }

    fn audit_tables(&self) -> Result<(), Fault> {
        let legs = self.legs.len();
        let open = self.legs.values().filter(|leg| leg.media.open).count();
        let ringing = self
            .legs
            .values()
            .filter(|leg| matches!(leg.place, Place::Ringing(_)))
            .count();
        let hunted: usize = self.hunts.values().map(|hunt| hunt.ringing.len()).sum();
        let waiting = self.legs.values().filter(|leg| leg.hunt.is_some()).count();
        let timers = self
            .timers
            .iter()
            .filter(|(_, leg)| !self.legs.contains_key(*leg))
            .count();
        let chased = |hunt: &crate::leg::HuntId| self.hunts.get(*hunt).and_then(|hunt| hunt.chase.as_ref());
        let stray = self
            .hunt_timers
            .iter()
            .filter(|(at, hunt)| chased(hunt).is_none_or(|chase| chase.due != Some(*at)))
            .count();
        let members: usize = self
            .hunts
            .values()
            .filter_map(|hunt| hunt.chase.as_ref())
            .map(|chase| chase.legs.len())
            .sum();
        let in_groups = self
            .hunts
            .values()
            .filter(|hunt| hunt.chase.is_some())
            .map(|hunt| hunt.ringing.len())
            .sum();
        let indexed: usize = self.legs_of.values().map(std::collections::BTreeSet::len).sum();
        let excess = [
            indexed.abs_diff(legs),
            self.sessions.len().abs_diff(legs),
            self.streams.len().abs_diff(open),
            ringing.abs_diff(hunted),
            waiting.abs_diff(self.hunts.values().filter(|hunt| hunt.waiting.is_some()).count()),
            timers,
            self.legs
                .values()
                .filter(|leg| leg.media.conference.is_some())
                .count()
                .abs_diff(self.rooms.len() * 3),
            stray,
            members.abs_diff(in_groups),
        ];
        if let Some(excess) = excess.into_iter().find(|excess| *excess > 0) {
            return Err(Fault::Leak(excess));
        }
        for (id, call) in &self.calls {
            let counted = self.legs.values().filter(|leg| leg.call == *id).count();
            if counted != call.legs || counted == 0 {
                return Err(Fault::MiscountedCall(id.0));
            }
        }
        let ports = crate::ports::Ports::new(&self.config.media_ports, &self.config.media_ports_taken).available();
        if self.ports.available() + legs == ports {
            Ok(())
        } else {
            Err(Fault::LostPort)
        }
    }

    fn audit_slots(&self) -> Result<(), Fault> {
        for (index, lot) in self.lots.iter().enumerate() {
            for (slot, parked) in lot.slots() {
                let there = Place::Parked { lot: index, slot };
                if self.legs.get(parked.call).map(|leg| leg.place) != Some(there) {
                    return Err(Fault::StaleSlot(slot.0));
                }
            }
        }
        Ok(())
    }
}
