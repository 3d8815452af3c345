//! RFC 3665 §2: registrations. Here the phone's digest client and the registrar's server work outside of the endpoints.

use sip_core::auth::{Client, Secret, Server};
use sip_core::registrar::{Registrar, RegistrarConfig};
use sip_core::{Event, HeaderName, Headers, Method, OutOfDialog, Reply, StatusCode};

use crate::stage::{Ladder, Stage, digest, uri};

/// Alice's phone and her registrar.
struct Office {
    stage: Stage,
    alice: usize,
    server: usize,
    key: Client,
    digest: Server,
    secret: Secret,
    table: Registrar,
    cseq: u32,
}

const HOME: &str = "<sip:alice@192.0.2.101>";
const FLOW: &str = "
    F1 alice  → server REGISTER
    F2 server → alice  401 REGISTER
    F3 alice  → server REGISTER
    F4 server → alice  200 REGISTER";

impl Office {
    fn new(password: &str) -> Self {
        let mut stage = Stage::new();
        let alice = stage.phone("alice", "atlanta.example.com");
        let server = stage.phone("server", "atlanta.example.com");
        let (digest, secret) = digest("atlanta.example.com");
        Self {
            stage,
            alice,
            server,
            key: Client::new("alice", password),
            digest,
            secret,
            table: Registrar::new(RegistrarConfig::default()),
            cseq: 0,
        }
    }

    /// Sends a REGISTER of the one row that all REGISTERs of a client are, and lets the server answer. Gives the answer.
    fn send(&mut self, headers: &[(HeaderName, String)]) -> (StatusCode, Headers) {
        let target = uri("sip:atlanta.example.com");
        let person = self.stage.person(self.alice);
        let mut request = OutOfDialog::new(Method::Register, target, person.clone(), person);
        request.flow = Some(self.stage.flow_to(self.alice, self.server));
        self.cseq += 1;
        request.sequence = Some(("row@alice".into(), self.cseq));
        request.headers = headers
            .iter()
            .map(|(name, value)| (name.clone(), value.clone().into()))
            .collect();
        self.stage
            .act(self.alice, |endpoint, now| endpoint.send(now, request))
            .unwrap();
        self.serve();
        match self.stage.net.events(self.alice).pop() {
            Some(Event::Response {
                response: Some(response),
                ..
            }) => (response.status(), response.headers().clone()),
            other => panic!("{other:?}"),
        }
    }

    fn serve(&mut self) {
        let Some(Event::Request {
            request_id,
            request,
            flow,
            ..
        }) = self.stage.net.events(self.server).pop()
        else {
            panic!("no REGISTER came")
        };
        let (digest, table, secret) = (&mut self.digest, &mut self.table, &self.secret);
        self.stage.act(self.server, |endpoint, now| {
            let (status, reply) = match digest.authenticate(now, &request, |user| (user == "alice").then_some(secret)) {
                Ok(_) => {
                    let response = table
                        .register(now, "alice@atlanta.example.com", &request, flow)
                        .unwrap();
                    (response.status(), Reply::from_response(&response))
                }
                Err(refusal) => (refusal.status, refusal.into()),
            };
            endpoint.respond(now, request_id, status, reply).unwrap();
        });
    }

    /// A REGISTER, and once more with the answer to its challenge.
    fn register(&mut self, headers: &[(HeaderName, String)]) -> (StatusCode, Headers) {
        let (status, challenge) = self.send(headers);
        assert_eq!(status, StatusCode::UNAUTHORIZED);
        let uri = b"sip:atlanta.example.com";
        let answers = self
            .key
            .answer_challenges(&Method::Register, uri, b"", &challenge, 7)
            .unwrap();
        self.key.accepted();
        self.send(&self.with(headers, answers))
    }

    /// A further REGISTER with the nonce that is known already.
    fn register_again(&mut self, headers: &[(HeaderName, String)]) -> (StatusCode, Headers) {
        let proof = self
            .key
            .authorize(&Method::Register, b"sip:atlanta.example.com", b"", 8)
            .unwrap();
        self.send(&self.with(headers, vec![(HeaderName::Authorization, proof)]))
    }

    fn with(
        &self,
        headers: &[(HeaderName, String)],
        more: Vec<(HeaderName, bytes::Bytes)>,
    ) -> Vec<(HeaderName, String)> {
        let text = |value: bytes::Bytes| String::from_utf8(value.to_vec()).unwrap();
        let more = more.into_iter().map(|(name, value)| (name, text(value)));
        headers.iter().cloned().chain(more).collect()
    }

    fn registered() -> Self {
        let mut office = Self::new("secret");
        let (status, _) = office.register(&[contact(HOME)]);
        assert_eq!(status, StatusCode::OK);
        office.stage.curtain();
        office
    }

    fn end(mut self, ladder: &str) -> Ladder {
        self.stage.end(ladder)
    }
}

fn contact(value: &str) -> (HeaderName, String) {
    (HeaderName::Contact, value.to_owned())
}

#[test]
fn rfc3665_2_1_successful_new_registration() {
    let mut office = Office::new("secret");
    let (status, headers) = office.register(&[contact(HOME)]);
    assert_eq!(status, StatusCode::OK);
    assert_eq!(
        headers.get_str(&HeaderName::Contact),
        Some("<sip:alice@192.0.2.101>;expires=3600")
    );
    let f = office.end(FLOW);
    assert!(!f.has(1, "Authorization"));
    assert!(f.get(2, "WWW-Authenticate").contains("realm=\"atlanta.example.com\""));
    assert!(f.get(3, "Authorization").contains("uri=\"sip:atlanta.example.com\""));
    assert_eq!(
        (f.target(1).as_str(), f.target(3).as_str()),
        ("sip:atlanta.example.com", "sip:atlanta.example.com")
    );
    assert_eq!((f.cseq(1), f.cseq(3)), (1, 2));
    f.same_call(&[1, 2, 3, 4]);
    assert!(f.tag(1, "To").is_none() && f.tag(4, "To").is_some());
}

#[test]
fn rfc3665_2_2_update_of_contact_list() {
    let mut office = Office::registered();
    let (status, headers) = office.register_again(&[contact("<mailto:alice@atlanta.example.com>")]);
    assert_eq!(status, StatusCode::OK);
    assert_eq!(headers.values(&HeaderName::Contact).count(), 2);
    let f = office.end(
        "F1 alice  → server REGISTER
         F2 server → alice  200 REGISTER",
    );
    assert!(
        f.get(1, "Authorization").contains("nc=00000002"),
        "the nonce is used again"
    );
    assert_eq!(f.cseq(1), 3);
}

#[test]
fn rfc3665_2_3_request_for_current_contact_list() {
    let mut office = Office::registered();
    let (status, headers) = office.register_again(&[]);
    assert_eq!(status, StatusCode::OK);
    assert_eq!(
        headers.get_str(&HeaderName::Contact),
        Some("<sip:alice@192.0.2.101>;expires=3600")
    );
    let f = office.end(
        "F1 alice  → server REGISTER
         F2 server → alice  200 REGISTER",
    );
    assert!(!f.has(1, "Contact"));
}

#[test]
fn rfc3665_2_4_cancellation_of_registration() {
    let mut office = Office::registered();
    let (status, headers) = office.register_again(&[contact("*"), (HeaderName::Expires, "0".to_owned())]);
    assert_eq!(status, StatusCode::OK);
    assert!(!headers.contains(&HeaderName::Contact));
    assert!(office.table.is_empty());
    let f = office.end(
        "F1 alice  → server REGISTER
         F2 server → alice  200 REGISTER",
    );
    assert_eq!((f.get(1, "Contact"), f.get(1, "Expires")), ("*".into(), "0".into()));
}

#[test]
fn rfc3665_2_5_unsuccessful_registration() {
    let mut office = Office::new("guessed");
    let (status, challenge) = office.register(&[contact(HOME)]);
    assert_eq!(status, StatusCode::UNAUTHORIZED);
    let again = office
        .key
        .answer_challenges(&Method::Register, b"sip:atlanta.example.com", b"", &challenge, 9);
    assert!(again.is_some(), "a new nonce: once more might be right");
    assert!(office.table.is_empty());
    let f = office.end(&FLOW.replace("200", "401"));
    assert!(
        !f.get(4, "WWW-Authenticate").contains("stale"),
        "it is not the nonce that is wrong"
    );
}
