//! One proxy between a scripted caller and scripted phones: forks, their answers, CANCEL and timers.

use sip_core::proxy::{Event, ProxyConfig, Target, TargetSet};
use sip_core::{HeaderName, Message, Reply, Request, Response, StatusCode};

use crate::network::{Network, ms, secs};

pub struct Forks {
    pub net: Network,
    pub alice: usize,
    pub proxy: usize,
    pub phones: Vec<usize>,
}

pub fn forks(phones: usize) -> Forks {
    forks_with(phones, |_| {})
}

pub fn forks_with(phones: usize, configure: impl FnOnce(&mut ProxyConfig)) -> Forks {
    let mut net = Network::new(7);
    let alice = net.script("192.0.2.11:5060");
    let proxy = net.proxy("192.0.2.1:5060", "example.com", configure);
    let phones: Vec<usize> = (0..phones)
        .map(|n| net.script(&format!("192.0.2.{}:5060", 21 + n)))
        .collect();
    Forks {
        net,
        alice,
        proxy,
        phones,
    }
}

/// The contact of a phone.
pub fn contact(phone: usize) -> Target {
    Target::new(format!("sip:bob@192.0.2.{}", 21 + phone).parse().unwrap())
}

pub fn all(phones: usize) -> TargetSet {
    TargetSet::parallel((0..phones).map(contact))
}

pub fn one_by_one(phones: usize) -> TargetSet {
    TargetSet::serial((0..phones).map(contact))
}

/// A request of Alice's to Bob.
pub fn request(method: &str, branch: &str, extra: &str) -> String {
    format!(
        "{method} sip:bob@example.com SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.11:5060;branch=z9hG4bK{branch}\r\n\
         Max-Forwards: 70\r\nFrom: <sip:alice@example.org>;tag=a\r\nTo: <sip:bob@example.com>\r\n\
         Call-ID: call\r\nCSeq: 1 {method}\r\nContact: <sip:alice@192.0.2.11>\r\n{extra}Content-Length: 0\r\n\r\n"
    )
}

impl Forks {
    pub fn locate(mut self, targets: TargetSet) -> Self {
        self.net.router(self.proxy).locate("bob@example.com", targets);
        self
    }

    pub fn pause(&mut self) {
        self.net.run(ms(25));
    }

    pub fn send(&mut self, text: String) {
        self.net.send(self.alice, self.proxy, text);
        self.pause();
    }

    pub fn invite(&mut self) {
        self.send(request("INVITE", "i", ""));
    }

    /// The last request that came to a phone.
    pub fn last_request(&self, phone: usize, method: &str) -> Request {
        match self.net.last_received(self.phones[phone], method) {
            Message::Request(request) => request,
            Message::Response(_) => unreachable!(),
        }
    }

    pub fn response(&self, phone: usize, method: &str, code: u16) -> Response {
        let request = self.last_request(phone, method);
        let status = StatusCode::try_from(code).unwrap();
        let mut response = Response::to_request(&request, status, None);
        if code > 100 {
            response.set_to_tag(&format!("phone{phone}"));
        }
        response
    }

    pub fn reply_with(&mut self, phone: usize, response: &Response) {
        self.net.send(self.phones[phone], self.proxy, response.to_bytes());
        self.pause();
    }

    /// A phone answers its last INVITE.
    pub fn reply(&mut self, phone: usize, code: u16) {
        let response = self.response(phone, "INVITE", code);
        self.reply_with(phone, &response);
    }

    /// A phone answers the CANCEL and then its INVITE.
    pub fn yield_to_cancel(&mut self, phone: usize) {
        let response = self.response(phone, "CANCEL", 200);
        self.reply_with(phone, &response);
        self.reply(phone, 487);
    }

    /// The methods of the requests that came to a phone.
    pub fn asked(&self, phone: usize) -> Vec<String> {
        self.net
            .received_lines(self.phones[phone])
            .iter()
            .map(|line| line.split(' ').next().unwrap().to_owned())
            .collect()
    }

    /// The codes that came to Alice, but 100.
    pub fn told(&self) -> Vec<u16> {
        self.net
            .received_lines(self.alice)
            .iter()
            .filter_map(|line| line.strip_prefix("SIP/2.0 ")?.get(..3)?.parse().ok())
            .filter(|code| *code != 100)
            .collect()
    }

    /// Alice acknowledges a failure.
    pub fn ack_failure(&mut self) {
        let text = request("ACK", "i", "").replace("To: <sip:bob@example.com>", "To: <sip:bob@example.com>;tag=x");
        self.send(text);
    }

    pub fn cancel(&mut self, extra: &str) {
        self.send(request("CANCEL", "i", extra));
    }

    pub fn events(&self) -> Vec<&Event> {
        self.net.nodes[self.proxy]
            .proxy_events
            .iter()
            .map(|(_, event)| event)
            .collect()
    }

    pub fn context(&self) -> sip_core::proxy::ContextId {
        let found = self.events().into_iter().rev().find_map(|event| match event {
            Event::Request { context, .. } => Some(*context),
            _ => None,
        });
        found.unwrap()
    }

    /// Leaves each request to the test.
    pub fn ask_the_test(&mut self) {
        self.net.router(self.proxy).policy(|_, _, _| true);
    }
}

pub fn header(message: &Message, name: HeaderName) -> String {
    let value = message.headers().get(&name).unwrap_or_default();
    String::from_utf8(value.to_vec()).unwrap()
}

#[test]
fn the_first_answer_cancels_the_others() {
    let mut f = forks(3).locate(all(3));
    f.invite();
    f.reply(0, 180);
    f.reply(1, 183);
    f.reply(1, 200);
    assert_eq!(f.told(), [180, 183, 200]);
    assert_eq!(f.asked(0), ["INVITE", "CANCEL"]);
    // Nothing was heard of the third: its CANCEL waits for the first sign of life (RFC 3261 §9.1).
    assert_eq!(f.asked(2), ["INVITE"]);
    f.reply(2, 100);
    assert_eq!(f.asked(2), ["INVITE", "CANCEL"]);
    let reason = header(&f.net.last_received(f.phones[0], "CANCEL"), HeaderName::Reason);
    assert_eq!(reason, "SIP;cause=200;text=\"Call completed elsewhere\"");
    f.yield_to_cancel(0);
    f.yield_to_cancel(2);
    assert_eq!(f.asked(0), ["INVITE", "CANCEL", "ACK"]);
    assert_eq!(f.told(), [180, 183, 200], "the failures are nobody's concern");
    f.net.settle();
}

/// Known breakage: the second 2xx is lost, and its phone believes in a call that nobody ends.
#[test]
fn a_2xx_of_two_forks_is_forwarded_twice() {
    let mut f = forks(2).locate(all(2));
    f.invite();
    f.reply(0, 200);
    f.reply(1, 200);
    f.reply(0, 200);
    assert_eq!(f.told(), [200, 200, 200], "a retransmission, too");
    let tags: Vec<String> = f
        .net
        .arrived(f.alice)
        .iter()
        .filter(|message| matches!(message, Message::Response(response) if response.status().is_success()))
        .map(|message| header(message, HeaderName::To))
        .collect();
    assert_eq!(tags[0], "<sip:bob@example.com>;tag=phone0");
    assert_eq!(tags[1], "<sip:bob@example.com>;tag=phone1");
    f.net.settle();
}

/// Known breakage: a CANCEL sent before any response is not matched by the callee (RFC 3261 §9.1).
#[test]
fn a_cancel_before_100_waits_for_it() {
    let mut f = forks(1).locate(all(1));
    f.invite();
    f.cancel("");
    assert_eq!(f.told(), [200], "of the CANCEL");
    assert_eq!(f.asked(0), ["INVITE"]);
    f.reply(0, 100);
    assert_eq!(f.asked(0), ["INVITE", "CANCEL"]);
    f.yield_to_cancel(0);
    assert_eq!(f.told(), [200, 487]);
    f.net.settle();
}

#[test]
fn a_cancel_of_a_phone_that_is_dead_ends_with_timer_b() {
    let mut f = forks(1).locate(all(1));
    f.invite();
    f.cancel("");
    f.net.run(secs(33));
    assert_eq!(f.told().get(1), Some(&487));
    assert!(!f.asked(0).contains(&"CANCEL".to_owned()));
    f.net.settle();
}

/// Known breakage: CANCEL crosses 200.
#[test]
fn a_cancel_that_crosses_the_200() {
    let mut f = forks(1).locate(all(1));
    f.invite();
    f.reply(0, 180);
    f.net.send(f.alice, f.proxy, request("CANCEL", "i", ""));
    let answer = f.response(0, "INVITE", 200);
    f.net.send(f.phones[0], f.proxy, answer.to_bytes());
    f.pause();
    let mut told = f.told();
    told.sort_unstable();
    assert_eq!(
        told,
        [180, 200, 200],
        "of the CANCEL and of the INVITE: there is a call, and Alice ends it with BYE"
    );
    // The phone does not know what to cancel any more.
    let nothing = f.response(0, "CANCEL", 481);
    f.reply_with(0, &nothing);
    f.net.settle();
    assert!(!f.told().contains(&487));
}

/// Known breakage: a 2xx after another final response is swallowed, and its phone rings on.
#[test]
fn a_late_2xx_after_487_is_forwarded() {
    let mut f = forks(1);
    f.ask_the_test();
    f.invite();
    let context = f.context();
    f.net
        .act_proxy(f.proxy, |proxy, now| proxy.forward(now, context, all(1)))
        .unwrap();
    f.pause();
    f.reply(0, 180);
    f.net
        .act_proxy(f.proxy, |proxy, now| {
            proxy.respond(now, context, StatusCode::REQUEST_TERMINATED, Reply::new())
        })
        .unwrap();
    f.pause();
    assert_eq!(f.told(), [180, 487]);
    f.reply(0, 200);
    assert_eq!(f.told(), [180, 487, 200]);
    f.ack_failure();
    f.net.settle();
}

#[test]
fn the_reason_of_the_callers_cancel_is_passed_on() {
    let mut f = forks(2).locate(all(2));
    f.invite();
    f.reply(0, 180);
    f.reply(1, 180);
    f.cancel("Reason: SIP ;cause=600\r\n");
    for phone in 0..2 {
        let cancel = f.last_request(phone, "CANCEL");
        assert_eq!(cancel.headers().get(&HeaderName::Reason), Some(&b"SIP ;cause=600"[..]));
        assert_eq!(cancel.headers().items(&HeaderName::Via).count(), 1);
        let invite = f.last_request(phone, "INVITE");
        assert_eq!(cancel.uri(), invite.uri());
        assert_eq!(
            cancel.headers().items(&HeaderName::Via).next(),
            invite.headers().items(&HeaderName::Via).next()
        );
        f.yield_to_cancel(phone);
    }
    assert_eq!(f.told(), [180, 180, 200, 487]);
    f.net.settle();
}

/// Known breakage: the ACK of a failure goes from hop to hop, not end to end.
#[test]
fn the_ack_of_a_failure_is_not_forwarded() {
    let mut f = forks(1).locate(all(1));
    f.invite();
    f.reply(0, 486);
    let ack = f.last_request(0, "ACK");
    assert_eq!(
        ack.headers().get(&HeaderName::To),
        Some(&b"<sip:bob@example.com>;tag=phone0"[..])
    );
    assert_eq!(ack.headers().get(&HeaderName::CSeq), Some(&b"1 ACK"[..]));
    f.reply(0, 486);
    assert_eq!(
        f.asked(0),
        ["INVITE", "ACK", "ACK"],
        "each copy of the failure is acknowledged"
    );
    f.ack_failure();
    assert_eq!(f.asked(0), ["INVITE", "ACK", "ACK"]);
    assert_eq!(f.told(), [486], "once acknowledged it is not repeated");
    f.net.run(secs(10));
    assert_eq!(f.told(), [486]);
    f.net.settle();
}

#[test]
fn a_6xx_ends_the_search_when_all_have_yielded() {
    let mut f = forks(3).locate(TargetSet::parallel([contact(0), contact(1)]).then([contact(2)]));
    f.invite();
    f.reply(0, 180);
    f.reply(1, 603);
    assert_eq!(f.told(), [180]);
    assert_eq!(f.asked(0), ["INVITE", "CANCEL"]);
    f.yield_to_cancel(0);
    assert_eq!(f.told(), [180, 603]);
    assert!(f.asked(2).is_empty(), "nobody else is tried");
    f.ack_failure();
    f.net.settle();
}

#[test]
fn a_2xx_while_a_6xx_is_waiting_wins() {
    let mut f = forks(2).locate(all(2));
    f.invite();
    f.reply(0, 180);
    f.reply(1, 600);
    f.reply(0, 200);
    assert_eq!(f.told(), [180, 200]);
    f.net.settle();
}
