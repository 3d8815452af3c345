//! Incoming INVITEs and re-INVITEs.

use bytes::Bytes;
use machine::Time;
use sdp::Codec;
use sip_core::header::MaxForwards;
use sip_core::{Body, Flow, HeaderName, Reply, Request, RequestId, SessionId, StatusCode};

use crate::event::EndCause;
use crate::leg::{LegId, Party, Place, Purpose};
use crate::sip::{GONE, Verdict};
use crate::switch::{Destination, Switch};

impl Switch {
    pub(crate) fn on_invite(
        &mut self,
        now: Time,
        session: SessionId,
        request: &Request,
        flow: Flow,
        replaces: Option<Result<SessionId, StatusCode>>,
    ) {
        let index = match self.authenticate(now, request, flow) {
            Verdict::Known(index) => index,
            Verdict::Refuse(status, reply) => return self.reject(now, session, status, reply),
        };
        let refuse = |switch: &mut Self, status| switch.reject(now, session, status, Reply::default());
        if self.shutting_down {
            return refuse(self, StatusCode::SERVICE_UNAVAILABLE);
        }
        if !is_sdp(request) {
            return self.reject(now, session, StatusCode::UNSUPPORTED_MEDIA_TYPE, sdp_only());
        }
        let Some(number) = self.dialled_number(request) else {
            return refuse(self, StatusCode::NOT_FOUND);
        };
        let Some(extension) = self.config.extensions.get(index) else {
            return;
        };
        let party = Party {
            number: extension.number.clone(),
            name: extension.name.clone(),
        };
        let replaced = match replaces.map(|found| found.and_then(|session| self.may_replace(session, &party.number))) {
            None => None,
            Some(Ok(leg)) => Some(leg),
            Some(Err(status)) => return refuse(self, status),
        };
        self.phone_seen(now, &party.number);
        let destination = self.destination(&number);
        if destination.is_none() && replaced.is_none() {
            return refuse(self, StatusCode::NOT_FOUND);
        }
        if self.calls.len() >= self.config.max_calls {
            self.stats.refused_at_limit += 1;
            return refuse(self, StatusCode::SERVICE_UNAVAILABLE);
        }
        let preferred = destination.and_then(|destination| self.codec_waiting_at(destination));
        let leg = match self.new_incoming_leg(now, session, &party, &number, request, preferred.as_ref()) {
            Ok(leg) => leg,
            Err(status) => return refuse(self, status),
        };
        match (replaced, destination) {
            (Some(replaced), _) => self.take_over(now, leg, replaced),
            (None, Some(destination)) => self.dial(now, leg, destination, &number),
            (None, None) => {}
        }
    }

    fn reject(&mut self, now: Time, session: SessionId, status: StatusCode, mut reply: Reply) {
        if status == StatusCode::SERVICE_UNAVAILABLE {
            reply.headers.push((HeaderName::RetryAfter, Bytes::from_static(b"5")));
        }
        self.try_endpoint(|endpoint| endpoint.reject(now, session, status, reply));
    }

    /// The user part of the Request-URI, if it is one of ours: the switch relays to no foreign host.
    pub(crate) fn dialled_number(&self, request: &Request) -> Option<String> {
        self.own_number(&request.request_uri().ok()?)
    }

    /// The number a URI of our domain, or of an address we listen on, names.
    pub(crate) fn own_number(&self, uri: &sip_core::Uri) -> Option<String> {
        if !matches!(uri.scheme(), sip_core::Scheme::Sip | sip_core::Scheme::Sips) {
            return None;
        }
        let host = uri.host()?;
        let ours = *host == sip_core::Host::from(self.config.domain.as_str())
            || host.ip().is_some_and(|ip| {
                let port = uri.port().unwrap_or(5060);
                self.config
                    .listen
                    .iter()
                    .any(|(_, address)| (address.ip() == ip || address.ip().is_unspecified()) && address.port() == port)
            });
        if !ours {
            return None;
        }
        uri.user()
            .map(std::borrow::Cow::into_owned)
            .filter(|user| !user.is_empty())
    }

    fn new_incoming_leg(
        &mut self,
        now: Time,
        session: SessionId,
        party: &Party,
        number: &str,
        request: &Request,
        preferred: Option<&Codec>,
    ) -> Result<LegId, StatusCode> {
        let Some(mut media) = self.new_media() else {
            self.stats.refused_at_limit += 1;
            return Err(StatusCode::SERVICE_UNAVAILABLE);
        };
        let offer = request.body();
        if let Some(codec) = preferred {
            media.negotiation.set_preference(core::slice::from_ref(codec));
        }
        let negotiated = if offer.is_empty() {
            media.negotiation.offer()
        } else {
            media.negotiation.receive_offer(offer)
        };
        let sdp = match negotiated {
            Ok(sdp) => sdp,
            Err(_) => {
                self.ports.give_back(media.port);
                return Err(StatusCode::NOT_ACCEPTABLE_HERE);
            }
        };
        let call = self.new_call(now, &party.number, number);
        let leg = self.new_leg(session, party.clone(), call, Place::Calling, media);
        if let Some(entry) = self.legs.get_mut(leg) {
            entry.pending_sdp = Some(sdp);
            if let Some(Ok(hops)) = request.headers().typed::<MaxForwards>() {
                entry.max_forwards = hops.0;
            }
        }
        self.sessions.insert(session, leg);
        Ok(leg)
    }

    /// The codec of the call in the slot that is dialled: with the same nothing needs to be transcoded.
    fn codec_waiting_at(&self, destination: Destination) -> Option<Codec> {
        let (lot, slot) = match destination {
            Destination::Slot(lot, slot) => (lot, slot),
            Destination::RetrieveLongest(lot) => (lot, self.lots.get(lot)?.longest()?),
            Destination::Extension(_)
            | Destination::Group(_)
            | Destination::Lot(_)
            | Destination::Queue(_)
            | Destination::AgentCode(_)
            | Destination::Supervise(_) => return None,
        };
        let parked = self.lots.get(lot)?.get(slot)?.call;
        Some(self.legs.get(parked)?.media.negotiation.agreed()?.codec.clone())
    }

    /// A dialled number, of whatever kind.
    pub(crate) fn dial(&mut self, now: Time, leg: LegId, destination: Destination, number: &str) {
        match destination {
            Destination::Extension(_) | Destination::Group(_) => {
                let show = self.present_caller(leg);
                self.start_hunt(now, leg, number, Purpose::Call, &show);
            }
            Destination::Lot(lot) => self.dial_lot(now, leg, lot, park::Wanted::Any),
            Destination::Slot(lot, slot) => self.dial_slot(now, leg, lot, slot),
            Destination::RetrieveLongest(lot) => self.dial_retrieve(now, leg, lot),
            Destination::Queue(queue) => self.dial_queue(now, leg, queue),
            Destination::AgentCode(code) => self.dial_agent_code(now, leg, code, number),
            Destination::Supervise(how) => self.dial_supervision(now, leg, how, number),
        }
    }

    /// Whether the extension may take over this dialog (RFC 3891): only its own, on another of its devices.
    fn may_replace(&self, session: SessionId, number: &str) -> Result<LegId, StatusCode> {
        let leg = self.sessions.get(&session).copied().ok_or(GONE)?;
        let entry = self.legs.get(leg).ok_or(GONE)?;
        if entry.party.number != number {
            return Err(StatusCode::FORBIDDEN);
        }
        match entry.place {
            Place::Talking(_) => Ok(leg),
            Place::Calling
            | Place::Ringing(_)
            | Place::Waiting
            | Place::Transferring { .. }
            | Place::Parked { .. }
            | Place::Queued
            | Place::SigningOn
            | Place::Supervising(_)
            | Place::Leaving => Err(GONE),
        }
    }

    /// The new leg takes the place of one in a conversation, which is hung up (RFC 3891 §3).
    fn take_over(&mut self, now: Time, new: LegId, replaced: LegId) {
        let Some(Place::Talking(peer)) = self.legs.get(replaced).map(|leg| leg.place) else {
            return self.refuse(now, new, GONE);
        };
        let by = self.number_of(new);
        self.call_answered(now, new, &by);
        if self.answer_leg(now, new) {
            self.join(peer, new);
            self.inherit_contact(new, replaced);
            self.drop_leg(now, replaced, true);
        } else {
            self.drop_leg(now, new, false);
        }
    }

    /// A phone that was rung answers; its SDP decides whether there is something to hear.
    pub(crate) fn on_answered(&mut self, now: Time, leg: LegId, sdp: &Bytes) {
        let Some(entry) = self.legs.get_mut(leg) else { return };
        let Place::Ringing(_) = entry.place else { return };
        if entry.media.negotiation.receive_answer(sdp).is_err() {
            let session = entry.session;
            self.try_endpoint(|endpoint| endpoint.hang_up(now, session, None));
            self.hunt_leg_failed(now, leg, StatusCode::NOT_ACCEPTABLE_HERE);
            return;
        }
        entry.answered = true;
        self.sync_stream(now, leg);
        self.hunt_answered(now, leg);
    }

    /// The ACK for a 200: if that carried our offer, the ACK owes the answer (RFC 3264 §4). Without one a new call has no
    /// media and ends; an older agreement goes on.
    pub(crate) fn on_confirmed(&mut self, now: Time, leg: LegId, sdp: Option<&Bytes>) {
        let Some(entry) = self.legs.get_mut(leg) else { return };
        let negotiation = &mut entry.media.negotiation;
        if !negotiation.has_pending_offer() {
            return;
        }
        if sdp.is_some_and(|sdp| negotiation.receive_answer(sdp).is_ok()) {
            self.negotiated(now, leg);
        } else if negotiation.agreed().is_some() {
            negotiation.cancel_offer();
        } else {
            self.set_cause(leg, EndCause::Refused(StatusCode::NOT_ACCEPTABLE_HERE.code()));
            self.leg_over(now, leg, true);
        }
    }

    /// Hold, resume, another address or codec: answered by us alone, the other leg is not troubled.
    pub(crate) fn on_reinvite(&mut self, now: Time, leg: LegId, request: &Request) {
        let Some(entry) = self.legs.get_mut(leg) else { return };
        let session = entry.session;
        if !is_sdp(request) {
            return self.reject(now, session, StatusCode::UNSUPPORTED_MEDIA_TYPE, sdp_only());
        }
        let offer = request.body();
        let (sdp, complete) = if offer.is_empty() {
            (entry.media.negotiation.offer(), false)
        } else {
            (entry.media.negotiation.receive_offer(offer), true)
        };
        let Ok(sdp) = sdp else {
            return self.reject(now, session, StatusCode::NOT_ACCEPTABLE_HERE, Reply::default());
        };
        let reply = Reply {
            body: Some(Body::sdp(sdp)),
            ..Reply::default()
        };
        self.try_endpoint(|endpoint| endpoint.answer(now, session, reply));
        if complete {
            self.negotiated(now, leg);
        }
    }

    /// The same in an UPDATE, or in the PRACK of a provisional response of ours.
    pub(crate) fn on_offer(&mut self, now: Time, id: RequestId, leg: LegId, request: &Request) {
        let Some(entry) = self.legs.get_mut(leg) else { return };
        if !is_sdp(request) {
            return self.respond(now, id, StatusCode::UNSUPPORTED_MEDIA_TYPE, sdp_only());
        }
        let Ok(sdp) = entry.media.negotiation.receive_offer(request.body()) else {
            return self.respond(now, id, StatusCode::NOT_ACCEPTABLE_HERE, Reply::default());
        };
        self.respond(now, id, StatusCode::OK, Reply::new().body(Body::sdp(sdp)));
        self.negotiated(now, leg);
    }

    /// The stream and what everybody hears follow the new agreement.
    fn negotiated(&mut self, now: Time, leg: LegId) {
        self.sync_stream(now, leg);
        self.touch(leg);
        if let Some(Place::Talking(peer)) = self.legs.get(leg).map(|leg| leg.place) {
            self.refresh_hold(leg, peer);
        }
    }
}

/// Whether the body is one that can be understood: SDP, or none at all. What names no type is taken for SDP.
fn is_sdp(request: &Request) -> bool {
    let Some(kind) = request.headers().get(&HeaderName::ContentType) else {
        return true;
    };
    let kind = kind.split(|byte| *byte == b';').next().unwrap_or_default();
    request.body().is_empty() || kind.trim_ascii().eq_ignore_ascii_case(SDP)
}

/// Says with a 415 what would be taken (RFC 3261 §8.2.3).
fn sdp_only() -> Reply {
    Reply::new().header(HeaderName::Accept, Bytes::from_static(SDP))
}

const SDP: &[u8] = b"application/sdp";
