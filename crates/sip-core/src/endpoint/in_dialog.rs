//! Requests of the peer's in a session's dialog (RFC 3261 §12.2.2).

use bytes::Bytes;

use super::screen::Incoming;
use super::write::Extra;
use super::{Endpoint, Reply, SessionId};
use crate::dialog::raw::tag_of;
use crate::{HeaderName, Method, StatusCode};

impl Endpoint {
    /// Gives the request back if the session does not know the dialog.
    pub(super) fn on_session_request(&mut self, id: SessionId, incoming: Incoming) -> Option<Incoming> {
        let headers = incoming.request.headers();
        let local_tag = headers.get(&HeaderName::To).and_then(tag_of).unwrap_or_default();
        let remote_tag = headers.get(&HeaderName::From).and_then(tag_of).unwrap_or_default();
        let Some(session) = self.sessions.get_mut(id) else {
            return Some(incoming);
        };
        if session.local_tag != local_tag || incoming.request.call_id() != Some(&session.call_id[..]) {
            return Some(incoming);
        }
        // After the session's end its dialog still carries the subscriptions of REFERs (RFC 5057 §4.2).
        let outlives = matches!(incoming.request.method(), Method::Bye | Method::Subscribe);
        let established = session.leg.is_some();
        let released = session.released;
        let Some(leg) = session.leg_with(remote_tag).filter(|_| !released || outlives) else {
            return Some(incoming);
        };
        if leg.dialog.accept_cseq(incoming.cseq).is_err() {
            self.stats.out_of_order += 1;
            self.refuse_incoming(&incoming, StatusCode::SERVER_INTERNAL_ERROR);
            return None;
        }
        if leg.follows {
            leg.flow = incoming.flow;
        }
        if matches!(
            incoming.request.method(),
            Method::Invite | Method::Update | Method::Prack
        ) {
            self.learn_packages(id, incoming.request.headers());
        }
        match incoming.request.method() {
            Method::Invite if established => self.on_reinvite(id, incoming),
            Method::Invite => self.refuse_incoming(&incoming, StatusCode::REQUEST_PENDING),
            Method::Bye => self.on_bye(id, &incoming),
            Method::Refer => self.on_refer(Some(id), incoming, None),
            Method::Notify => return self.on_session_notify(id, incoming),
            Method::Subscribe => return self.on_session_subscribe(id, incoming),
            Method::Update => self.on_update(id, incoming),
            Method::Prack => return self.on_prack(id, incoming),
            Method::Info => self.on_info(id, incoming),
            Method::Ack
            | Method::Cancel
            | Method::Register
            | Method::Options
            | Method::Message
            | Method::Publish
            | Method::Other(_) => self.on_plain_request(Some(id), incoming, None),
        }
        None
    }

    /// Answers with 200 by itself, with header lines that only the endpoint may write.
    pub(super) fn reply_ok_with(&mut self, incoming: &Incoming, lines: &[u8], contact: Option<&Bytes>) {
        let key = self.begin_server(incoming, None);
        let extra = Extra {
            contact: contact.map(|contact| &contact[..]),
            abilities: false,
        };
        let (status, reply) = (StatusCode::OK, Reply::default());
        let data = self.write_response_with(&incoming.head, (status, None), &reply, extra, lines);
        self.respond_on(key, status, data);
    }

    /// Answers with 200 by itself.
    pub(super) fn reply_ok(&mut self, incoming: &Incoming, lines: &[u8], contact: Option<&Bytes>) {
        let key = self.begin_server(incoming, None);
        let mut reply = Reply::new();
        if let Some(at) = lines.iter().position(|&byte| byte == b':')
            && let Some((name, value)) = lines.split_at_checked(at)
            && let Ok(name) = HeaderName::parse(name)
        {
            let value = value.strip_prefix(b":").unwrap_or_default().trim_ascii();
            reply.headers.push((name, Bytes::copy_from_slice(value)));
        }
        let extra = Extra {
            contact: contact.map(|contact| &contact[..]),
            abilities: false,
        };
        let data = self.write_response(&incoming.head, StatusCode::OK, None, &reply, extra);
        self.respond_on(key, StatusCode::OK, data);
    }

    /// Answers by itself, with any status.
    pub(super) fn reply_at_once(
        &mut self,
        incoming: &Incoming,
        status: StatusCode,
        reply: &Reply,
        contact: Option<&Bytes>,
    ) {
        let key = self.begin_server(incoming, None);
        let extra = Extra {
            contact: contact.map(|contact| &contact[..]),
            abilities: false,
        };
        let data = self.write_response(&incoming.head, status, None, reply, extra);
        self.respond_on(key, status, data);
    }
}
