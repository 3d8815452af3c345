//! Reliable provisional responses of the peer's, and our PRACKs for them (RFC 3262 §4).

use bytes::Bytes;
use machine::Time;

use super::caller::check_body;
use super::client::Owner;
use super::reply::check;
use super::{Endpoint, EndpointError, Reliability, Reply, RequestId, SessionId};
use crate::dialog::prack::Received;
use crate::dialog::raw::tag_of;
use crate::header::RSeq;
use crate::{HeaderName, Method, Response};

/// What to do with a provisional response.
pub(super) enum Progressed {
    /// It is not to be seen.
    Drop,
    /// It was not reliable, or its PRACK is sent.
    Done,
    /// Its PRACK is the embedder's.
    Due,
}

impl Endpoint {
    /// Acknowledges a reliable provisional response ([`Event::Progress`](super::Event::Progress) with `prack_due`) with PRACK. If
    /// the response carries an offer, `reply` must carry the answer; otherwise its body, if any, is a new offer (RFC 3262 §5).
    /// [`Event::Response`](super::Event::Response) brings the outcome.
    ///
    /// # Errors
    ///
    /// [`EndpointError::Gone`]; [`EndpointError::WrongState`] if the response is not the one that waits for it, or its fork is
    /// gone; [`EndpointError::Pending`] for a new offer before the first is answered; [`EndpointError::BadHeader`],
    /// [`EndpointError::Full`] or [`EndpointError::Exhausted`].
    pub fn prack(
        &mut self,
        now: Time,
        session: SessionId,
        response: &Response,
        reply: Reply,
    ) -> Result<RequestId, EndpointError> {
        self.advance(now);
        check(&reply.headers, None)?;
        check_body(reply.body.as_ref())?;
        let full = self.is_full();
        let tag = response.headers().get(&HeaderName::To).and_then(tag_of);
        let tag = Bytes::copy_from_slice(tag.ok_or(EndpointError::WrongState)?);
        let rseq = rseq_of(response).ok_or(EndpointError::WrongState)?;
        let lines = rack_line(response, rseq).ok_or(EndpointError::WrongState)?;
        let leg = self.session_mut(session)?.leg_with(&tag);
        let leg = leg
            .filter(|leg| leg.prack_due == Some(rseq))
            .ok_or(EndpointError::WrongState)?;
        if full {
            return Err(EndpointError::Full);
        }
        let before = leg.exchange;
        if reply.body.is_some() {
            use crate::dialog::update::Side;
            match leg.exchange.open() {
                Some(Side::Remote) => leg.exchange.answered(),
                Some(Side::Local) => return Err(EndpointError::Pending),
                None => drop(leg.exchange.offer()),
            }
        }
        let offered = leg.exchange.open().map(|_| tag.clone());
        let id = self.open_outgoing(session, offered);
        let sent = self.send_in_dialog(session, &tag, &Method::Prack, Owner::Request(id), &reply, &lines);
        if let Some(leg) = self.sessions.get_mut(session).and_then(|entry| entry.leg_with(&tag)) {
            if sent.is_some() {
                leg.prack_due = None;
            } else {
                leg.exchange = before;
            }
        }
        if sent.is_none() {
            self.close_request(id);
            return Err(EndpointError::Exhausted);
        }
        Ok(id)
    }

    /// A provisional response with this tag, whose dialog is known.
    pub(super) fn on_reliable(&mut self, id: SessionId, tag: &[u8], response: &Response, quiet: bool) -> Progressed {
        let Some(session) = self.sessions.get_mut(id) else {
            return Progressed::Drop;
        };
        if session.reliability == Reliability::Never {
            return Progressed::Done;
        }
        let (manual, late_offer) = (session.manual_prack, session.late_offer);
        let Some(rseq) = rseq_of(response) else {
            return Progressed::Done;
        };
        let Some(leg) = session.leg_with(tag) else {
            return Progressed::Drop;
        };
        match leg.received.receive(rseq) {
            Received::New => {}
            Received::Repeated | Received::Gap => return Progressed::Drop,
        }
        let mut is_offer = false;
        if !response.body().is_empty() {
            // Without an offer of ours the first description is the peer's.
            let first = !core::mem::replace(&mut leg.described, true);
            is_offer = first && late_offer && leg.exchange.receive_offer().is_ok();
            if first && !late_offer {
                leg.exchange.answered();
            }
        }
        if quiet {
            // Who cancels agrees to nothing any more.
            leg.prack_due = None;
            if is_offer {
                return Progressed::Drop;
            }
        } else if is_offer || manual {
            leg.prack_due = Some(rseq);
            return Progressed::Due;
        }
        if let Some(line) = rack_line(response, rseq) {
            let owner = Owner::Prack(id);
            self.send_in_dialog(id, tag, &Method::Prack, owner, &Reply::default(), &line);
        }
        Progressed::Done
    }
}

/// The number of a response, if it is a reliable one.
pub(super) fn rseq_of(response: &Response) -> Option<u32> {
    let headers = response.headers();
    let rseq = headers.get(&HeaderName::RSeq)?;
    let required = super::abilities::has_token(headers, &HeaderName::Require, "100rel");
    let rseq = <RSeq as crate::header::TypedHeader>::parse(rseq).ok()?;
    required.then_some(rseq.0)
}

/// `RAck` (RFC 3262 §7.2).
fn rack_line(response: &Response, rseq: u32) -> Option<Vec<u8>> {
    let cseq = response.cseq().ok()?;
    Some(format!("RAck: {rseq} {} {}\r\n", cseq.number, cseq.method).into_bytes())
}
