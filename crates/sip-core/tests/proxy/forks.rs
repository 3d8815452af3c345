//! One proxy between a scripted caller and scripted phones: forks, their answers, CANCEL and timers.

use std::time::Duration;

use sip_core::proxy::{BreadthPolicy, Event, ProxyConfig, ProxyError, Target, TargetSet};
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

fn header(message: &Message, name: HeaderName) -> String {
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

#[test]
fn serial_search_tries_one_after_the_other() {
    let mut f = forks(3).locate(one_by_one(3));
    f.invite();
    assert_eq!((f.asked(0).len(), f.asked(1).len()), (1, 0));
    f.reply(0, 486);
    assert_eq!((f.asked(1).len(), f.asked(2).len()), (1, 0));
    f.reply(1, 404);
    f.reply(2, 480);
    assert_eq!(f.told(), [486], "the first of equals");
    f.ack_failure();
    f.net.settle();
}

#[test]
fn a_group_that_rings_too_long_is_cancelled_and_the_next_is_tried() {
    let hunt = TargetSet::parallel([contact(0), contact(1)])
        .ring_for(secs(20))
        .then([contact(2)]);
    let mut f = forks(3).locate(hunt);
    f.invite();
    f.reply(0, 180);
    f.net.run(secs(19));
    assert!(f.asked(2).is_empty());
    f.net.run(secs(1));
    assert_eq!(f.asked(2), ["INVITE"]);
    assert_eq!(f.asked(0), ["INVITE", "CANCEL"]);
    f.yield_to_cancel(0);
    f.reply(2, 200);
    assert_eq!(f.told(), [180, 200]);
    f.net.settle();
}

#[test]
fn mixed_search_by_q() {
    let set = TargetSet::by_q([contact(0).q(300), contact(1).q(900), contact(2).q(900)]);
    let mut f = forks(3).locate(set);
    f.invite();
    assert_eq!([f.asked(0).len(), f.asked(1).len(), f.asked(2).len()], [0, 1, 1]);
    f.reply(1, 486);
    assert!(f.asked(0).is_empty(), "the other still rings");
    f.reply(2, 486);
    assert_eq!(f.asked(0), ["INVITE"]);
    f.reply(0, 200);
    assert_eq!(f.told(), [200]);
    f.net.settle();
}

#[test]
fn targets_may_be_added_while_others_ring() {
    let mut f = forks(3).locate(all(1));
    f.invite();
    let context = f.context();
    f.net
        .act_proxy(f.proxy, |proxy, now| proxy.forward(now, context, all(2)))
        .unwrap();
    f.pause();
    assert!(f.asked(1).is_empty(), "they wait for those before");
    f.reply(0, 404);
    assert_eq!(f.asked(1), ["INVITE"]);
    assert_eq!(f.asked(0), ["INVITE", "ACK"], "known targets are not tried twice");
    f.reply(1, 200);
    let refused = f
        .net
        .act_proxy(f.proxy, |proxy, now| proxy.forward(now, context, all(3)));
    assert_eq!(refused, Err(ProxyError::WrongState));
    f.net.settle();
}

#[test]
fn challenges_of_all_forks_reach_the_caller() {
    let mut f = forks(2).locate(all(2));
    f.invite();
    for (phone, code, name) in [
        (0, 401, HeaderName::WwwAuthenticate),
        (1, 407, HeaderName::ProxyAuthenticate),
    ] {
        let mut response = f.response(phone, "INVITE", code);
        response
            .headers_mut()
            .push(name, format!("Digest realm=\"{phone}\", nonce=\"n\""));
        f.reply_with(phone, &response);
    }
    assert_eq!(f.told(), [401]);
    let best = f.net.last_received(f.alice, "SIP/2.0 401");
    assert_eq!(
        header(&best, HeaderName::WwwAuthenticate),
        "Digest realm=\"0\", nonce=\"n\""
    );
    assert_eq!(
        header(&best, HeaderName::ProxyAuthenticate),
        "Digest realm=\"1\", nonce=\"n\""
    );
    f.ack_failure();
    f.net.settle();
}

#[test]
fn silence_is_408_and_a_dead_server_500() {
    let mut f = forks(1).locate(all(1));
    f.invite();
    f.net.run(secs(33));
    assert_eq!(f.told().first(), Some(&408));
    f.net.settle();
    let mut f = forks(1).locate(all(1));
    f.invite();
    f.reply(0, 503);
    assert_eq!(f.told(), [500]);
    f.ack_failure();
    f.net.settle();
    let mut f = forks(1).locate(all(1));
    f.invite();
    f.net.act_proxy(f.proxy, |proxy, now| {
        proxy.unreachable(now, sip_core::Transport::Udp, "192.0.2.21:5060".parse().unwrap());
    });
    f.pause();
    assert_eq!(f.told(), [500]);
    let failed = f.events().into_iter().find_map(|event| match event {
        Event::BranchFailed { status, answered, .. } => Some((status.code(), *answered)),
        _ => None,
    });
    assert_eq!(failed, Some((503, false)));
    f.net.settle();
}

#[test]
fn timer_c_cancels_what_rings_for_ever() {
    let mut f = forks(1).locate(all(1));
    f.invite();
    f.reply(0, 180);
    f.net.run(secs(150));
    // A new sign of life: the timer begins anew (RFC 3261 §16.7 step 2). A 100 is none.
    f.reply(0, 180);
    f.net.run(secs(150));
    f.reply(0, 100);
    f.net.run(secs(34));
    assert_eq!(f.asked(0), ["INVITE"]);
    f.net.run(secs(2));
    assert_eq!(f.asked(0)[..2], ["INVITE", "CANCEL"]);
    f.yield_to_cancel(0);
    assert_eq!(f.told(), [180, 180, 487]);
    f.ack_failure();
    f.net.settle();
}

#[test]
fn a_cancelled_phone_that_falls_silent_is_given_up_after_64_t1() {
    let mut f = forks(1).locate(all(1));
    f.invite();
    f.reply(0, 180);
    f.cancel("");
    f.net.run(secs(33));
    assert_eq!(f.told()[..3], [180, 200, 487]);
    f.net.settle();
}

#[test]
fn redirections_are_followed_if_asked_for() {
    let mut f = forks(3).locate(all(1).recursing());
    f.invite();
    let mut moved = f.response(0, "INVITE", 302);
    // The second is there already; the third is not a SIP URI.
    let contacts =
        "<sip:bob@192.0.2.22>;q=0.5, <sip:bob@192.0.2.23>;q=0.9, <sip:bob@192.0.2.21>, <mailto:bob@example.com>";
    moved.headers_mut().push(HeaderName::Contact, contacts);
    f.reply_with(0, &moved);
    assert_eq!((f.asked(1).len(), f.asked(2).len()), (0, 1));
    f.reply(2, 486);
    assert_eq!(f.asked(1).len(), 1);
    // Round and round: both are known.
    let mut back = f.response(1, "INVITE", 302);
    back.headers_mut().push(HeaderName::Contact, "<sip:bob@192.0.2.23>");
    f.reply_with(1, &back);
    assert_eq!(f.told(), [302], "the lowest class");
    f.ack_failure();
    f.net.settle();
    let mut f = forks(1).locate(all(1));
    f.invite();
    f.reply(0, 302);
    assert_eq!(f.told(), [302]);
    f.ack_failure();
    f.net.settle();
}

#[test]
fn retransmitted_invites_are_absorbed() {
    let mut f = forks(2).locate(all(2));
    f.invite();
    f.net.run(ms(400));
    assert_eq!(f.net.count_received(f.alice, "SIP/2.0 100"), 1);
    f.invite();
    assert_eq!(f.net.count_received(f.alice, "SIP/2.0 100"), 2);
    f.reply(0, 180);
    f.invite();
    assert_eq!(f.told(), [180, 180]);
    let asked = f
        .events()
        .into_iter()
        .filter(|event| matches!(event, Event::Request { .. }));
    assert_eq!(asked.count(), 1);
    f.reply(0, 200);
    f.invite();
    f.net.settle();
    assert!(f.net.count_received(f.phones[1], "INVITE") < 8);
}

/// RFC 4320: a 408 to another request than INVITE comes too late by its nature.
#[test]
fn a_non_invite_that_nobody_answers_gets_no_408() {
    let mut f = forks(1).locate(all(1));
    f.send(request("MESSAGE", "m", ""));
    f.net.run(ms(3400));
    assert_eq!(f.net.count_received(f.alice, "SIP/2.0 100"), 0);
    f.net.run(ms(200));
    assert_eq!(
        f.net.count_received(f.alice, "SIP/2.0 100"),
        1,
        "when timer E has reached T2"
    );
    f.net.run(secs(60));
    assert_eq!(f.told(), Vec::<u16>::new());
    assert!(
        f.events()
            .into_iter()
            .any(|event| matches!(event, Event::Unanswered { .. }))
    );
    f.net.settle();
}

#[test]
fn a_non_invite_is_answered_by_the_best_in_time_and_never_late() {
    let mut f = forks(2).locate(one_by_one(2));
    f.send(request("MESSAGE", "m", ""));
    let ringing = f.response(0, "MESSAGE", 180);
    f.reply_with(0, &ringing);
    assert_eq!(f.told(), Vec::<u16>::new(), "no provisional but 100");
    f.net.run(secs(31));
    let not_found = f.response(0, "MESSAGE", 404);
    f.reply_with(0, &not_found);
    f.net.run(secs(2));
    let fine = f.response(1, "MESSAGE", 200);
    f.reply_with(1, &fine);
    assert_eq!(f.told(), Vec::<u16>::new(), "Alice's transaction is over by now");
    f.net.settle();
    let mut f = forks(2).locate(one_by_one(2));
    f.send(request("MESSAGE", "m", ""));
    let not_found = f.response(0, "MESSAGE", 404);
    f.reply_with(0, &not_found);
    let fine = f.response(1, "MESSAGE", 200);
    f.reply_with(1, &fine);
    assert_eq!(f.told(), [200]);
    f.send(request("MESSAGE", "m", ""));
    assert_eq!(f.told(), [200, 200], "a copy gets the same answer");
    f.net.settle();
}

#[test]
fn an_embedder_that_says_nothing_is_500() {
    let mut f = forks(0);
    f.ask_the_test();
    f.invite();
    let context = f.context();
    f.net.run(secs(11));
    assert_eq!(f.told().first(), Some(&500));
    f.ack_failure();
    f.net.settle();
    let gone = f
        .net
        .act_proxy(f.proxy, |proxy, now| proxy.forward(now, context, all(1)));
    assert_eq!(gone, Err(ProxyError::Gone));
}

#[test]
fn a_cancel_while_the_embedder_thinks() {
    let mut f = forks(1);
    f.ask_the_test();
    f.invite();
    let context = f.context();
    f.cancel("");
    assert_eq!(f.told(), [200, 487]);
    assert!(
        f.events()
            .into_iter()
            .any(|event| matches!(event, Event::Cancelled { .. }))
    );
    let late = f
        .net
        .act_proxy(f.proxy, |proxy, now| proxy.forward(now, context, all(1)));
    assert_eq!(late, Err(ProxyError::WrongState));
    f.ack_failure();
    f.net.settle();
}

#[test]
fn an_embedder_may_give_up_or_answer_itself() {
    let mut f = forks(1).locate(all(1));
    f.invite();
    f.reply(0, 180);
    let context = f.context();
    f.net
        .act_proxy(f.proxy, |proxy, now| {
            proxy.respond(now, context, StatusCode::QUEUED, Reply::new())
        })
        .unwrap();
    f.net
        .act_proxy(f.proxy, |proxy, now| proxy.give_up(now, context))
        .unwrap();
    f.pause();
    assert_eq!(f.asked(0), ["INVITE", "CANCEL"]);
    f.yield_to_cancel(0);
    assert_eq!(f.told(), [180, 182, 487]);
    f.ack_failure();
    f.net.settle();
}

/// Misuse is an error that changes nothing.
#[test]
fn what_an_embedder_cannot_do() {
    let mut f = forks(1);
    f.ask_the_test();
    f.invite();
    let context = f.context();
    let proxy = f.proxy;
    let mut respond = |code: u16, reply: Reply| {
        let status = StatusCode::try_from(code).unwrap();
        f.net
            .act_proxy(proxy, |proxy, now| proxy.respond(now, context, status, reply))
    };
    assert_eq!(respond(200, Reply::new()), Err(ProxyError::BadStatus));
    assert_eq!(respond(100, Reply::new()), Err(ProxyError::BadStatus));
    let smuggled = Reply::new().header(HeaderName::Warning, "x\r\nVia: y");
    assert_eq!(respond(404, smuggled), Err(ProxyError::BadHeader));
    let empty = f
        .net
        .act_proxy(proxy, |proxy, now| proxy.forward(now, context, TargetSet::default()));
    assert_eq!(empty, Err(ProxyError::NoTargets));
    let early = f.net.act_proxy(proxy, |proxy, now| proxy.give_up(now, context));
    assert_eq!(early, Err(ProxyError::WrongState));
    f.pause();
    assert_eq!(f.told(), Vec::<u16>::new());
    f.net
        .act_proxy(proxy, |proxy, now| proxy.forward(now, context, all(1)))
        .unwrap();
    f.pause();
    f.reply(0, 486);
    assert_eq!(f.told(), [486]);
    f.ack_failure();
    f.net.settle();
}

#[test]
fn breadth_is_shared_among_the_branches() {
    let mut f = forks(3).locate(all(3));
    f.send(request("INVITE", "i", "Max-Breadth: 8\r\n"));
    let shares: Vec<_> = (0..3)
        .map(|phone| {
            let invite = f.last_request(phone, "INVITE");
            String::from_utf8(invite.headers().get(&HeaderName::MaxBreadth).unwrap().to_vec()).unwrap()
        })
        .collect();
    assert_eq!(shares, ["3", "3", "2"]);
    f.net.settle();
}

#[test]
fn too_many_branches_at_once_are_440_or_one_after_the_other() {
    let narrow = || request("INVITE", "i", "Max-Breadth: 2\r\n");
    let mut f = forks(3).locate(all(3));
    f.send(narrow());
    assert_eq!(f.told(), [440]);
    assert!(f.asked(0).is_empty());
    f.ack_failure();
    f.net.settle();
    let mut f = forks_with(3, |config| config.breadth = BreadthPolicy::Serialize).locate(all(3));
    f.send(narrow());
    assert_eq!([f.asked(0).len(), f.asked(1).len(), f.asked(2).len()], [1, 1, 0]);
    f.reply(0, 486);
    assert!(f.asked(2).is_empty(), "the group has not ended");
    f.reply(1, 486);
    assert_eq!(f.asked(2).len(), 1);
    f.reply(2, 200);
    assert_eq!(f.told(), [200]);
    f.net.settle();
}

#[test]
fn names_are_resolved_and_the_next_address_is_tried() {
    let mut f = forks(3);
    f.ask_the_test();
    f.invite();
    let context = f.context();
    let by_name = TargetSet::parallel([Target::new("sip:bob@gw.example.net".parse().unwrap())]);
    f.net
        .act_proxy(f.proxy, |proxy, now| proxy.forward(now, context, by_name))
        .unwrap();
    let asked = f.events().into_iter().find_map(|event| match event {
        Event::Resolve { hop, uri } => Some((*hop, uri.to_string())),
        _ => None,
    });
    let (hop, uri) = asked.unwrap();
    assert_eq!(uri, "sip:bob@gw.example.net");
    let resolved = f.net.act_proxy(f.proxy, |proxy, now| {
        let flows: Vec<_> = (21..24)
            .map(|n| {
                proxy
                    .flow_to(sip_core::Transport::Udp, format!("192.0.2.{n}:5060").parse().unwrap())
                    .unwrap()
            })
            .collect();
        proxy.resolved(now, hop, &flows)
    });
    assert_eq!(resolved, Ok(()));
    f.pause();
    f.reply(0, 503);
    assert_eq!(f.asked(1), ["INVITE"], "one server is overloaded: the next");
    f.net.run(secs(33));
    assert_eq!(f.asked(2)[0], "INVITE", "one is silent: the next");
    let branch = |phone| {
        f.last_request(phone, "INVITE")
            .top_via()
            .unwrap()
            .branch()
            .unwrap()
            .to_owned()
    };
    assert_ne!(branch(0), branch(1), "another transaction");
    f.reply(2, 200);
    assert_eq!(f.told(), [200]);
    let again = f.net.act_proxy(f.proxy, |proxy, now| proxy.resolved(now, hop, &[]));
    assert_eq!(again, Err(ProxyError::Gone));
    f.net.settle();
}

#[test]
fn a_name_that_nobody_resolves() {
    for answered in [true, false] {
        let mut f = forks(0);
        f.ask_the_test();
        f.invite();
        let context = f.context();
        let by_name = TargetSet::parallel([Target::new("sip:bob@gw.example.net".parse().unwrap())]);
        f.net
            .act_proxy(f.proxy, |proxy, now| proxy.forward(now, context, by_name))
            .unwrap();
        if answered {
            let hop = f.events().into_iter().find_map(|event| match event {
                Event::Resolve { hop, .. } => Some(*hop),
                _ => None,
            });
            f.net
                .act_proxy(f.proxy, |proxy, now| proxy.resolved(now, hop.unwrap(), &[]))
                .unwrap();
        }
        f.net.run(if answered {
            ms(30)
        } else {
            Duration::from_millis(10_100)
        });
        assert_eq!(f.told(), [500]);
        f.ack_failure();
        f.net.settle();
    }
}
