//! What an INVITE of the peer's says of extensions, and what it is refused for before the embedder sees it.

use super::event::{AnswerWish, RequestedAnswer};
use super::{Endpoint, Reliability, SessionId, SessionState};
use crate::dialog::session_timer::Agreement;
use crate::header::{AnswerMode, Join, PrivAnswerMode, Replaces, TypedHeader};
use crate::wire::lexer::split_list;
use crate::{HeaderName, Headers, Method, Request, StatusCode};

/// The session that `Replaces` or `Join` names, or how to refuse.
pub(super) type Named = Result<SessionId, StatusCode>;

/// A status, and header lines that go with it.
pub(super) type Refusal = (StatusCode, Vec<u8>);

/// What the peer can do and wants, as its INVITE says.
#[derive(Clone, Copy, Debug, Default)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub(super) struct Abilities {
    /// Whether it can acknowledge provisional responses, and we can send them reliably.
    pub(super) reliable: bool,
    /// Whether it takes no others.
    pub(super) only_reliable: bool,
    /// The session timer that our 2xx will agree to.
    pub(super) timer: Option<Agreement>,
    /// Whether it allows UPDATE; known only where there is a timer.
    pub(super) update: bool,
}

impl Endpoint {
    /// Of an initial INVITE or a re-INVITE.
    pub(super) fn abilities(&mut self, headers: &Headers, initial: bool) -> Result<Abilities, Refusal> {
        let mut abilities = Abilities::default();
        if self.config.reliability != Reliability::Never {
            abilities.only_reliable = has_token(headers, &HeaderName::Require, "100rel");
            abilities.reliable = abilities.only_reliable || has_token(headers, &HeaderName::Supported, "100rel");
            if initial && self.config.reliability == Reliability::Required && !abilities.reliable {
                self.stats.unsupported += 1;
                return Err((StatusCode::EXTENSION_REQUIRED, b"Require: 100rel\r\n".to_vec()));
            }
        }
        abilities.timer = self.negotiate_timer(headers)?;
        abilities.update = abilities.timer.is_some() && allows_update(headers);
        Ok(abilities)
    }

    /// RFC 3891 §3, RFC 3911 §4. The outer error: the headers cannot be understood.
    pub(super) fn match_named(&self, request: &Request) -> Result<(Option<Named>, Option<Named>), ()> {
        let headers = request.headers();
        let mut replaces = headers.values(&HeaderName::Replaces);
        let mut joins = headers.values(&HeaderName::Join);
        match (replaces.next(), joins.next()) {
            (None, None) => Ok((None, None)),
            (Some(_), Some(_)) => Err(()),
            (Some(value), None) if replaces.next().is_none() => Ok((Some(self.match_replaces(value)?), None)),
            (None, Some(value)) if joins.next().is_none() => Ok((None, Some(self.match_join(value)?))),
            (Some(_), None) | (None, Some(_)) => Err(()),
        }
    }

    fn match_replaces(&self, value: &[u8]) -> Result<Named, ()> {
        let replaces = Replaces::parse(value).map_err(drop)?;
        let unknown = Err(StatusCode::CALL_OR_TRANSACTION_DOES_NOT_EXIST);
        let found = self.find_any_session(&replaces.call_id, &replaces.to_tag, &replaces.from_tag);
        let Some((id, session)) = found.and_then(|id| Some((id, self.sessions.get(id)?))) else {
            return Ok(unknown);
        };
        let early = session.state < SessionState::Answered;
        Ok(if session.released {
            Err(StatusCode::DECLINE)
        } else if early && !session.outgoing {
            // Only who sent the INVITE may have its early dialog replaced.
            unknown
        } else if !early && replaces.early_only {
            Err(StatusCode::BUSY_HERE)
        } else {
            Ok(id)
        })
    }

    /// Any dialog may be joined, early ones too, as long as it lives.
    fn match_join(&self, value: &[u8]) -> Result<Named, ()> {
        let join = Join::parse(value).map_err(drop)?;
        let found = self.find_any_session(&join.call_id, &join.to_tag, &join.from_tag);
        Ok(match found.and_then(|id| Some((id, self.sessions.get(id)?))) {
            None => Err(StatusCode::CALL_OR_TRANSACTION_DOES_NOT_EXIST),
            Some((_, session)) if session.released => Err(StatusCode::DECLINE),
            Some((id, _)) => Ok(id),
        })
    }

    /// How the caller wants it answered. The error: it insists on what the embedder does not do (RFC 5373 §4.5.1).
    pub(super) fn answer_mode(&mut self, headers: &Headers) -> Result<Option<RequestedAnswer>, Refusal> {
        // What cannot be understood is as good as not there (RFC 5373 §2).
        let plain = headers.typed::<AnswerMode>().and_then(Result::ok);
        let plain = plain.and_then(|mode| AnswerWish::new(&mode.mode, mode.is_required()));
        let privileged = headers.typed::<PrivAnswerMode>().and_then(Result::ok);
        let privileged = privileged.and_then(|mode| AnswerWish::new(&mode.mode, mode.is_required()));
        // Of an embedder that answers nothing by itself, who may overrule whom is no question.
        let holds = plain.or(privileged);
        let refused = holds.is_some_and(|wish| wish.auto && wish.require) && !self.config.auto_answer;
        if refused && self.supports(b"answermode") {
            self.stats.unsupported += 1;
            return Err((StatusCode::FORBIDDEN, Vec::new()));
        }
        Ok(privileged.or(plain).map(|wish| RequestedAnswer {
            auto: wish.auto,
            require: wish.require,
            privileged: privileged.is_some(),
            otherwise: plain.filter(|_| privileged.is_some()),
        }))
    }
}

/// Whether a list of tokens has this one.
pub(super) fn has_token(headers: &Headers, name: &HeaderName, token: &str) -> bool {
    let is_it = |given: &[u8]| given.trim_ascii().eq_ignore_ascii_case(token.as_bytes());
    let mut values = headers.values(name);
    values.any(|value| {
        if memchr::memchr2(b'"', b'<', value).is_some() {
            return split_list(value).any(is_it);
        }
        value.split(|&byte| byte == b',').any(is_it)
    })
}

/// Whether the sender takes UPDATE (RFC 3311 §4).
pub(super) fn allows_update(headers: &Headers) -> bool {
    has_token(headers, &HeaderName::Allow, Method::Update.as_str())
}
