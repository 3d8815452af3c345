//! Reliable provisional responses of ours, and the PRACKs for them (RFC 3262 §3).

use std::collections::VecDeque;

use bytes::Bytes;
use machine::Time;
use rand_core::Rng;

use super::caller::check_body;
use super::id::ServerKey;
use super::reply::check;
use super::screen::Incoming;
use super::session::{PeerInvite, Session};
use super::write::Extra;
use super::{Endpoint, EndpointError, Event, Reliability, Reply, SessionId};
use crate::dialog::prack::{ReliableAction, ReliableSender};
use crate::dialog::raw::tag_of;
use crate::dialog::update::Side;
use crate::header::RAck;
use crate::{HeaderName, StatusCode};

/// Provisional responses that may wait for the PRACK of the one before.
const QUEUE: usize = 16;

/// The reliable provisional responses to one INVITE.
#[derive(Debug)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub(super) struct Reliable {
    pub(super) sender: ReliableSender,
    /// The one that waits for its PRACK.
    data: Bytes,
    /// The number of the one that was sent last.
    rseq: u32,
    /// The status of it, for when it is due again.
    status: StatusCode,
    /// Whether the one that waits for its PRACK has a body.
    has_body: bool,
    queue: VecDeque<(StatusCode, Reply)>,
    /// The 200 that waits for their PRACKs.
    answer: Option<Reply>,
}

impl PeerInvite {
    /// Whether the embedder has answered, but the 200 has to wait.
    pub(super) fn is_answered(&self) -> bool {
        self.reliable.as_ref().is_some_and(|reliable| reliable.answer.is_some())
    }

    /// A 2xx must not overtake a description that is not acknowledged (RFC 3262 §3). Gives it back if it need not wait.
    pub(super) fn hold_answer(&mut self, reply: Reply) -> Option<Reply> {
        let Some(reliable) = self.reliable.as_mut() else {
            return Some(reply);
        };
        let body_waits = reliable.sender.is_pending() && reliable.has_body;
        if body_waits || reliable.queue.iter().any(|(_, queued)| queued.body.is_some()) {
            reliable.answer = Some(reply);
            return None;
        }
        Some(reply)
    }

    /// The INVITE gets its final response: `RSeq` and `CSeq` of the response whose PRACK may still come.
    pub(super) fn late_prack(&self) -> Option<(u32, u32)> {
        let reliable = self.reliable.as_ref().filter(|reliable| reliable.sender.is_pending())?;
        Some((reliable.rseq, self.cseq))
    }
}

impl Endpoint {
    /// Like [`provisional`](Self::provisional), but the response is sent reliably wherever the peer can acknowledge it: with
    /// `RSeq`, again and again until the PRACK comes ([`Event::Acknowledged`]). While one waits for its PRACK the next ones, up
    /// to 16, are kept back. After 64·T1 without PRACK the INVITE is refused with 504.
    ///
    /// # Errors
    ///
    /// Those of `provisional`; [`EndpointError::Unsupported`] if the peer does not support `100rel`, or
    /// [`EndpointConfig::reliability`](super::EndpointConfig::reliability) is [`Reliability::Never`].
    pub fn provisional_reliably(
        &mut self,
        now: Time,
        session: SessionId,
        status: StatusCode,
        reply: Reply,
    ) -> Result<(), EndpointError> {
        self.advance(now);
        check(&reply.headers, reply.reason.as_deref())?;
        check_body(reply.body.as_ref())?;
        if !status.is_provisional() || status == StatusCode::TRYING {
            return Err(EndpointError::BadStatus);
        }
        let entry = self.session_mut(session)?;
        let invite = entry.incoming.as_ref().ok_or(EndpointError::WrongState)?;
        if invite.is_answered() {
            return Err(EndpointError::WrongState);
        }
        if !invite.abilities.reliable {
            return Err(EndpointError::Unsupported);
        }
        self.send_reliably(session, status, reply)
    }

    /// Whether a provisional response goes reliably without being told to.
    pub(super) fn is_reliable(&self, invite: &PeerInvite, reply: &Reply) -> bool {
        let abilities = invite.abilities;
        let wanted = (reply.body.is_some() && invite.offered) || self.config.reliability == Reliability::Required;
        abilities.only_reliable || (abilities.reliable && wanted)
    }

    /// Sends, or puts into the queue.
    pub(super) fn send_reliably(
        &mut self,
        id: SessionId,
        status: StatusCode,
        reply: Reply,
    ) -> Result<(), EndpointError> {
        let first = self.rng.next_u32() >> 1;
        let repeat = self.now + self.config.keep_ringing;
        let entry = self.session_mut(id)?;
        entry.repeat = Some(repeat);
        let invite = entry.incoming.as_mut().ok_or(EndpointError::WrongState)?;
        let cseq = invite.cseq;
        let reliable = invite.reliable.get_or_insert_with(|| {
            Box::new(Reliable {
                sender: ReliableSender::new(first, cseq),
                data: Bytes::new(),
                rseq: 0,
                status,
                has_body: false,
                queue: VecDeque::new(),
                answer: None,
            })
        });
        if reliable.queue.len() >= QUEUE {
            return Err(EndpointError::Full);
        }
        reliable.queue.push_back((status, reply));
        self.next_reliable(id);
        self.arm_session(id);
        Ok(())
    }

    /// Sends the next one of the queue, or the 200 that waits for them, as soon as nothing waits for its PRACK.
    fn next_reliable(&mut self, id: SessionId) {
        let (now, timers) = (self.now, self.config.timers);
        let Some(session) = self.sessions.get_mut(id) else {
            return;
        };
        let Some(invite) = session.incoming.as_mut() else {
            return;
        };
        let Some(reliable) = invite
            .reliable
            .as_mut()
            .filter(|reliable| !reliable.sender.is_pending())
        else {
            return;
        };
        let Some((status, reply)) = reliable.queue.pop_front() else {
            if let Some(reply) = reliable.answer.take() {
                self.answer_now(id, &reply);
            }
            return;
        };
        let Ok(rseq) = reliable.sender.send(now, &timers) else {
            return;
        };
        reliable.rseq = rseq;
        reliable.status = status;
        reliable.has_body = reply.body.is_some();
        invite.rung = true;
        let key = invite.key;
        let lines = format!("Require: 100rel\r\nRSeq: {rseq}\r\n");
        let Some(data) = self.write_provisional(id, status, &reply, lines.as_bytes()) else {
            return;
        };
        // It accepts what the INVITE changes of the dialog (RFC 6141 §4).
        self.accept_target(id);
        if let Some(session) = self.sessions.get_mut(id) {
            session.note_description(reply.body.is_some());
            if let Some(reliable) = session.incoming.as_mut().and_then(|invite| invite.reliable.as_mut()) {
                reliable.data = data.clone();
            }
        }
        self.respond_on(key, status, data);
    }

    fn write_provisional(&self, id: SessionId, status: StatusCode, reply: &Reply, lines: &[u8]) -> Option<Bytes> {
        let session = self.sessions.get(id)?;
        let head = &session.incoming.as_ref()?.head;
        let extra = Extra {
            contact: Some(&session.contact),
            // Whether UPDATE may be sent during early media (RFC 3311 §5.1).
            abilities: true,
        };
        Some(self.write_response_with(head, (status, Some(&session.local_tag)), reply, extra, lines))
    }

    /// A PRACK. Gives it back if it fits nothing.
    pub(super) fn on_prack(&mut self, id: SessionId, incoming: Incoming) -> Option<Incoming> {
        let Some(Ok(rack)) = incoming.request.headers().typed::<RAck>() else {
            self.stats.refused_malformed += 1;
            self.refuse_incoming(&incoming, StatusCode::BAD_REQUEST);
            return None;
        };
        let session = self.sessions.get_mut(id)?;
        let reliable = session.incoming.as_mut().and_then(|invite| invite.reliable.as_mut());
        if reliable.is_none_or(|reliable| reliable.sender.acknowledge(&rack).is_err()) {
            let late = session.late_prack.take_if(|late| *late == (rack.rseq, rack.cseq));
            if late.is_none() {
                return Some(incoming);
            }
        }
        let tag = incoming.request.headers().get(&HeaderName::From).and_then(tag_of);
        let tag = Bytes::copy_from_slice(tag.unwrap_or_default());
        let has_body = !incoming.request.body().is_empty();
        let is_offer = session.leg_with(&tag).is_some_and(|leg| match leg.exchange.open() {
            Some(Side::Local) if has_body => {
                leg.exchange.answered();
                false
            }
            // Our offer got no answer where it was due; the embedder sees that.
            Some(Side::Local) => {
                leg.exchange.rejected();
                false
            }
            // An offer before the first one is answered is none.
            Some(Side::Remote) => false,
            None => has_body && leg.exchange.receive_offer().is_ok(),
        });
        if is_offer {
            self.on_change(id, tag, incoming, None);
        } else {
            self.reply_ok(&incoming, b"", None);
            self.emit(Event::Acknowledged {
                session: id,
                request: incoming.request,
            });
        }
        self.next_reliable(id);
        self.arm_session(id);
        None
    }

    /// Retransmits the response that waits for its PRACK, or gives up.
    pub(super) fn session_reliable_due(&mut self, id: SessionId) {
        let now = self.now;
        let Some(session) = self.sessions.get_mut(id) else {
            return;
        };
        let Some(invite) = session.incoming.as_mut() else {
            return;
        };
        let Some(reliable) = invite.reliable.as_mut() else {
            return;
        };
        let (key, data) = (invite.key, reliable.data.clone());
        match reliable.sender.handle_timeout(now) {
            ReliableAction::Wait => {}
            ReliableAction::Resend => {
                if let Some((flow, port)) = self.server_flow(key) {
                    self.stats.retransmitted += 1;
                    self.send_response(flow, port, data);
                }
            }
            ReliableAction::GiveUp => {
                self.stats.timeouts += 1;
                self.withdraw_incoming(id, key, StatusCode::SERVER_TIMEOUT, None);
            }
        }
    }

    /// A reliable response is not sent again when it was acknowledged: what keeps proxies waiting is a new one, without the
    /// description (RFC 3261 §13.3.1.1, RFC 3262 §3). Whether that is the case.
    pub(super) fn repeat_reliably(&mut self, id: SessionId, key: ServerKey) -> bool {
        let Some(session) = self.sessions.get(id) else {
            return false;
        };
        let invite = session.incoming.as_ref().filter(|invite| invite.key == key);
        let Some(reliable) = invite.and_then(|invite| invite.reliable.as_ref()) else {
            return false;
        };
        // One that waits for its PRACK is under way anyhow.
        if !reliable.sender.is_pending() {
            let _ = self.send_reliably(id, reliable.status, Reply::new());
        }
        true
    }
}

impl Session {
    /// A description is sent in a reliable response or a 2xx to the peer's INVITE.
    pub(super) fn note_description(&mut self, has_body: bool) {
        let (Some(leg), Some(invite)) = (self.leg.as_mut(), self.incoming.as_mut().filter(|_| has_body)) else {
            return;
        };
        match leg.exchange.open() {
            Some(Side::Remote) => leg.exchange.answered(),
            // Without an offer in the INVITE the first one is it; later ones are copies (RFC 6337 §2.1).
            None if !invite.offered && !invite.described => {
                let _ = leg.exchange.offer();
            }
            Some(Side::Local) | None => {}
        }
        invite.described = true;
    }
}
