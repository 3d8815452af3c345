//! Lamps: who subscribed to an extension, a slot or a lot is told of each change (RFC 6665, RFC 4235).

use core::time::Duration;

use machine::Time;
use sip_core::event::dialog_info::{DialogElement, DialogInfo, DialogState, Direction, DocumentState, Participant};
use sip_core::header::EventHeader;
use sip_core::{Body, Flow, Notify, Reply, Request, RequestId, StatusCode, SubscriptionId};

use crate::leg::{Leg, LegId, Place, Purpose};
use crate::sip::Verdict;
use crate::switch::{Destination, Switch, Watcher};

/// How long a subscription lasts if the phone does not say, and at most.
const DEFAULT_EXPIRES: Duration = Duration::from_secs(3600);

/// The most calls that one NOTIFY tells of, so that it fits into a datagram. A lamp needs one.
pub const MAX_DIALOGS: usize = 32;

impl Switch {
    pub(crate) fn on_subscribe(
        &mut self,
        now: Time,
        id: RequestId,
        request: &Request,
        event: &EventHeader,
        expires: Option<Duration>,
        flow: Flow,
    ) {
        let index = match self.authenticate(now, request, flow) {
            Verdict::Known(index) => index,
            Verdict::Refuse(status, reply) => return self.respond(now, id, status, reply),
        };
        if event.package.as_str() != "dialog" {
            return self.respond(now, id, StatusCode::BAD_EVENT, Reply::default());
        }
        let number = self
            .dialled_number(request)
            .filter(|number| !matches!(self.numbers.get(number), None | Some(Destination::RetrieveLongest(_))));
        let Some(number) = number else {
            return self.respond(now, id, StatusCode::NOT_FOUND, Reply::default());
        };
        let expires = expires.unwrap_or(DEFAULT_EXPIRES).min(DEFAULT_EXPIRES);
        let Some(subscription) = self.try_endpoint(|endpoint| endpoint.accept_subscription(now, id, expires)) else {
            return self.respond(now, id, StatusCode::SERVICE_UNAVAILABLE, Reply::default());
        };
        let by = self
            .config
            .extensions
            .get(index)
            .map(|extension| extension.number.clone());
        self.watchers.insert(
            subscription,
            Watcher {
                number: number.clone(),
                by: by.unwrap_or_default(),
                version: 0,
            },
        );
        self.watched.entry(number).or_default().insert(subscription);
        self.notify_watcher(now, subscription);
    }

    pub(crate) fn forget_watcher(&mut self, subscription: SubscriptionId) {
        let Some(watcher) = self.watchers.remove(&subscription) else {
            return;
        };
        if let Some(all) = self.watched.get_mut(&watcher.number) {
            all.remove(&subscription);
            if all.is_empty() {
                self.watched.remove(&watcher.number);
            }
        }
    }

    /// Tells the watchers of what changed in this step. `true` if there was something to tell.
    pub(crate) fn tell_watchers(&mut self, now: Time) -> bool {
        let Some(number) = self.dirty.pop_first() else {
            return false;
        };
        let watchers: Vec<_> = self.watched.get(&number).into_iter().flatten().copied().collect();
        for subscription in watchers {
            self.notify_watcher(now, subscription);
        }
        true
    }

    /// The whole state, as phones expect for lamps.
    pub(crate) fn notify_watcher(&mut self, now: Time, subscription: SubscriptionId) {
        let Some(watcher) = self.watchers.get_mut(&subscription) else {
            return;
        };
        let version = watcher.version;
        watcher.version = watcher.version.wrapping_add(1);
        let number = watcher.number.clone();
        let info = self.dialog_info(&number, version);
        let body = Body::new("application/dialog-info+xml", info.to_xml());
        self.try_endpoint(|endpoint| endpoint.notify(now, subscription, Notify::active(body)));
    }

    fn dialog_info(&self, number: &str, version: u32) -> DialogInfo {
        let dialogs = match self.numbers.get(number) {
            Some(Destination::Slot(lot, slot)) => {
                let slot = *slot;
                self.lots
                    .get(*lot)
                    .and_then(|lot| lot.get(slot))
                    .map(|p| self.slot_element(slot.0, p.call))
                    .into_iter()
                    .collect()
            }
            Some(Destination::Lot(lot)) => self
                .lots
                .get(*lot)
                .map(|lot| {
                    lot.slots()
                        .take(MAX_DIALOGS)
                        .map(|(slot, parked)| self.slot_element(slot.0, parked.call))
                        .collect()
                })
                .unwrap_or_default(),
            _ => self.extension_elements(number),
        };
        let entity = self.local_uri(number).to_string();
        let mut info = DialogInfo::new(entity, version, DocumentState::Full);
        info.dialogs = dialogs;
        if info.dialogs.is_empty() {
            // A lamp goes out when it is told of an end, not when it is told nothing.
            info.dialogs.push(DialogElement::new(number, DialogState::Terminated));
        }
        info
    }

    /// A parked call, as seen by who may pick it up: the caller, and the number that retrieves him.
    fn slot_element(&self, slot: u32, leg: LegId) -> DialogElement {
        let slot = slot.to_string();
        let mut element = DialogElement::new(slot.as_str(), DialogState::Confirmed);
        element.local = Some(self.participant(&slot));
        element.remote = self.legs.get(leg).map(|leg| self.participant(&leg.party.number));
        element
    }

    fn extension_elements(&self, number: &str) -> Vec<DialogElement> {
        self.legs_of(number)
            .take(MAX_DIALOGS)
            .map(|(_, leg)| {
                let mut element = DialogElement::new(leg.media.stream.0.to_string(), dialog_state(leg));
                element.direction = Some(if leg.incoming {
                    Direction::Initiator
                } else {
                    Direction::Recipient
                });
                element.local = Some(self.participant(number));
                element.remote = self.other_party(leg).map(|number| self.participant(&number));
                element
            })
            .collect()
    }

    fn other_party(&self, leg: &Leg) -> Option<String> {
        let other = match leg.place {
            Place::Talking(peer) | Place::Transferring { peer } | Place::Supervising(peer) => peer,
            Place::Ringing(hunt) => {
                let hunt = self.hunts.get(hunt)?;
                if let Purpose::Offer { contact, .. } = hunt.purpose {
                    return Some(self.queueing.contacts.get(&contact)?.from.number.clone());
                }
                hunt.waiting?
            }
            Place::Calling | Place::Queued | Place::SigningOn => {
                return self.calls.get(&leg.call).map(|call| call.to.clone());
            }
            Place::Waiting | Place::Parked { .. } | Place::Leaving => return None,
        };
        self.legs.get(other).map(|leg| leg.party.number.clone())
    }

    fn participant(&self, number: &str) -> Participant {
        let identity = self.local_uri(number).to_string();
        let name = self
            .extension(number)
            .map(|extension| extension.name.as_str())
            .unwrap_or_default();
        let participant = Participant::new(identity.as_str()).with_target(identity.as_str());
        if name.is_empty() {
            participant
        } else {
            participant.with_display(name)
        }
    }
}

fn dialog_state(leg: &Leg) -> DialogState {
    match leg.place {
        Place::Calling => DialogState::Proceeding,
        Place::Ringing(_) => DialogState::Early,
        Place::Waiting
        | Place::Transferring { .. }
        | Place::Talking(_)
        | Place::Parked { .. }
        | Place::Queued
        | Place::SigningOn
        | Place::Supervising(_)
        | Place::Leaving => DialogState::Confirmed,
    }
}
