//! The application of a plain user agent: takes every call, every instant message and every registration.

use machine::Time;
use sip_core::header::{ContentType, TypedHeader};
use sip_core::registrar::{Registrar, RegistrarConfig};
use sip_core::{Body, Endpoint, EndpointError, Event, Flow, HeaderName, Method, Reply, Request, Scheme, StatusCode};

/// A user agent that is also a registrar without passwords.
#[derive(Default)]
pub struct Agent {
    registrar: Option<Registrar>,
}

/// The body types that can be read, by method.
const CALL_TYPES: [&str; 1] = ["application/sdp"];
const TEXT_TYPES: [&str; 2] = ["text/plain", "multipart/mixed"];

/// Receives on a port of its own; nothing is sent there.
const ANSWER: &str = "v=0\r\no=- 1 1 IN IP4 192.0.2.200\r\ns=-\r\nc=IN IP4 192.0.2.200\r\nt=0 0\r\n\
    m=audio 40000 RTP/AVP 0\r\n";

impl Agent {
    /// Does what an event asks for.
    pub fn handle(&mut self, now: Time, endpoint: &mut Endpoint, event: Event) {
        // What the endpoint refuses is gone already: it was answered in another way.
        #[expect(
            clippy::wildcard_enum_match_arm,
            reason = "nothing else comes of one message, or needs an answer"
        )]
        let _: Result<(), EndpointError> = match event {
            Event::Invite { session, request, .. } => match refusal(&request, &CALL_TYPES) {
                Some((status, reply)) => endpoint.reject(now, session, status, reply),
                None => endpoint.answer(now, session, Reply::new().body(Body::sdp(ANSWER))),
            },
            Event::Request {
                request_id,
                request,
                flow,
                ..
            } => {
                let (status, reply) = self.respond(now, &request, flow);
                endpoint.respond(now, request_id, status, reply)
            }
            _ => Ok(()),
        };
    }

    fn respond(&mut self, now: Time, request: &Request, flow: Flow) -> (StatusCode, Reply) {
        if *request.method() == Method::Register {
            return (self.register(now, request, flow), Reply::new());
        }
        let refusal = Some(request).filter(|request| *request.method() == Method::Message);
        refusal
            .and_then(|request| self::refusal(request, &TEXT_TYPES))
            .unwrap_or((StatusCode::OK, Reply::new()))
    }

    fn register(&mut self, now: Time, request: &Request, flow: Flow) -> StatusCode {
        let Ok(to) = request.to() else {
            return StatusCode::BAD_REQUEST;
        };
        // An address of record is a SIP or SIPS URI (RFC 3261 §10.3 step 5; RFC 4475 §3.3.4).
        if !matches!(to.uri.scheme(), Scheme::Sip | Scheme::Sips) {
            return StatusCode::BAD_REQUEST;
        }
        let registrar = self
            .registrar
            .get_or_insert_with(|| Registrar::new(RegistrarConfig::default()));
        match registrar.register(now, &to.uri.to_string(), request, flow) {
            Ok(response) => response.status(),
            Err(error) => error.status(),
        }
    }
}

/// Why a request with a body, or one that wants a body back, is refused (RFC 3261 §8.2.3, §21.4.7).
fn refusal(request: &Request, types: &[&str]) -> Option<(StatusCode, Reply)> {
    let headers = request.headers();
    let accept = || Reply::new().header(HeaderName::Accept, types.join(", "));
    if !request.body().is_empty() {
        let known = headers
            .typed::<ContentType>()
            .and_then(Result::ok)
            .is_some_and(|content| types.iter().any(|known| content.is(known)));
        if !known {
            return Some((StatusCode::UNSUPPORTED_MEDIA_TYPE, accept()));
        }
    }
    let mut wanted = headers.items(&HeaderName::Accept).peekable();
    let acceptable = wanted.peek().is_none()
        || wanted.any(|range| {
            let range = ContentType::parse(range);
            range.is_ok_and(|range| {
                ["*/*", "application/*"].iter().any(|any| range.is(any)) || types.iter().any(|known| range.is(known))
            })
        });
    let is_invite = *request.method() == Method::Invite;
    (is_invite && !acceptable).then(|| (StatusCode::NOT_ACCEPTABLE, Reply::new()))
}
