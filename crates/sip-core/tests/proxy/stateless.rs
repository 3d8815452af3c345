//! Forwarding without state.

use sip_core::proxy::{Event, ProxyError, Target};
use sip_core::{HeaderName, Reply, StatusCode};

use crate::forks::{Forks, contact, forks_with, request};
use crate::network::secs;

/// Sends all that is for Bob on without state.
fn stateless() -> Forks {
    let mut f = forks_with(1, |config| config.stateless = true);
    f.net.router(f.proxy).policy(|proxy, now, event| {
        if let Event::Request { context, .. } = event {
            proxy.forward_stateless(now, *context, contact(0)).unwrap();
        }
        true
    });
    f
}

fn branch(f: &Forks, method: &str) -> String {
    let via = f.last_request(0, method).top_via().unwrap();
    via.branch().unwrap().to_owned()
}

#[test]
fn copies_acks_and_cancels_have_the_branch_of_their_invite() {
    let mut f = stateless();
    f.invite();
    let invite = branch(&f, "INVITE");
    f.invite();
    assert_eq!(branch(&f, "INVITE"), invite);
    assert_eq!(f.asked(0), ["INVITE", "INVITE"], "each copy is forwarded");
    f.cancel("");
    assert_eq!(branch(&f, "CANCEL"), invite);
    f.reply(0, 487);
    assert_eq!(f.told(), [487]);
    f.ack_failure();
    assert_eq!(branch(&f, "ACK"), invite, "it is the phone's to match it");
    f.send(request("INVITE", "other", ""));
    assert_ne!(branch(&f, "INVITE"), invite);
    assert!(f.net.proxy_at(f.proxy).live().is_idle(), "nothing is kept");
    assert_eq!(f.net.count_received(f.alice, "SIP/2.0 100"), 0);
    f.net.settle();
}

#[test]
fn a_peer_of_rfc_2543_has_no_cookie() {
    let mut f = stateless();
    let old = |method: &str, call: &str| {
        request(method, "", "")
            .replace(";branch=z9hG4bK", "")
            .replace("Call-ID: call", &format!("Call-ID: {call}"))
    };
    f.send(old("INVITE", "one"));
    let one = branch(&f, "INVITE");
    f.send(old("CANCEL", "one"));
    assert_eq!(branch(&f, "CANCEL"), one);
    f.send(old("INVITE", "two"));
    assert_ne!(branch(&f, "INVITE"), one);
    f.reply(0, 200);
    assert_eq!(f.told(), [200]);
    f.net.settle();
}

#[test]
fn only_responses_to_what_was_forwarded_are_passed_on() {
    let mut f = stateless();
    f.invite();
    let good = String::from_utf8(f.response(0, "INVITE", 200).to_bytes().to_vec()).unwrap();
    for bad in [
        good.replace("SIP/2.0/UDP 192.0.2.11:5060", "SIP/2.0/UDP 203.0.113.9:5060"),
        good.replace("z9hG4bKi", "z9hG4bKj"),
        good.replace("z9hG4bKs", "z9hG4bKs0"),
        good.replace("Via: SIP/2.0/UDP 192.0.2.11:5060;branch=z9hG4bKi\r\n", ""),
    ] {
        assert_ne!(bad, good);
        f.net.send(f.phones[0], f.proxy, bad);
        f.pause();
    }
    assert_eq!(f.told(), Vec::<u16>::new());
    f.reply(0, 200);
    assert_eq!(f.told(), [200]);
    f.net.settle();
}

#[test]
fn the_ack_of_a_2xx_takes_its_route() {
    let mut f = forks_with(1, |_| {});
    let ack = |route: &str| {
        request("ACK", "new", route)
            .replace("sip:bob@example.com SIP", "sip:bob@192.0.2.21 SIP")
            .replace("To: <sip:bob@example.com>", "To: <sip:bob@example.com>;tag=b")
    };
    f.send(ack("Route: <sip:192.0.2.1:5060;lr>\r\n"));
    assert_eq!(f.asked(0), ["ACK"]);
    let came = f.last_request(0, "ACK");
    assert_eq!(came.headers().get(&HeaderName::MaxForwards), Some(&b"69"[..]));
    assert!(!came.headers().contains(&HeaderName::Route));
    // One that leads to us alone leads nowhere, and an ACK is never answered.
    f.send(request("ACK", "other", ""));
    f.send(ack("").replace("Forwards: 70", "Forwards: 0"));
    assert_eq!((f.asked(0).len(), f.told().len()), (1, 0));
    assert!(f.net.proxy_at(f.proxy).live().is_idle());
    f.net.settle();
}

#[test]
fn an_ack_whose_next_hop_has_a_name_waits_for_it() {
    let mut f = forks_with(1, |_| {});
    f.net
        .router(f.proxy)
        .name("gw.example.net", sip_core::Transport::Udp, "192.0.2.21:5060");
    let route = "Route: <sip:192.0.2.1:5060;lr>, <sip:gw.example.net;lr>\r\n";
    f.send(request("ACK", "new", route).replace("To: <sip:bob@example.com>", "To: <sip:bob@example.com>;tag=b"));
    assert_eq!(f.asked(0), ["ACK"]);
    f.net.settle();
}

#[test]
fn a_cancel_of_nothing_is_481() {
    let mut f = forks_with(1, |_| {});
    f.cancel("");
    assert_eq!(f.told(), [481]);
    f.net.settle();
}

#[test]
fn what_cannot_be_forwarded_without_state_any_more() {
    let mut f = forks_with(1, |config| config.stateless = true);
    f.ask_the_test();
    f.invite();
    let context = f.context();
    let act = |f: &mut Forks, target: Target| {
        f.net
            .act_proxy(f.proxy, |proxy, now| proxy.forward_stateless(now, context, target))
    };
    let mut smuggled = contact(0);
    smuggled.headers.push((HeaderName::Subject, "a\r\nb".into()));
    assert_eq!(act(&mut f, smuggled), Err(ProxyError::BadHeader));
    assert_eq!(act(&mut f, contact(0)), Ok(()));
    assert_eq!(act(&mut f, contact(0)), Err(ProxyError::Gone));
    // An ACK is not answered, nor forwarded with state.
    f.send(request("ACK", "x", ""));
    let ack = f.context();
    let answered = f.net.act_proxy(f.proxy, |proxy, now| {
        proxy.respond(now, ack, StatusCode::NOT_FOUND, Reply::new())
    });
    assert_eq!(answered, Err(ProxyError::WrongState));
    let forwarded = f
        .net
        .act_proxy(f.proxy, |proxy, now| proxy.forward(now, ack, crate::forks::all(1)));
    assert_eq!(forwarded, Err(ProxyError::WrongState));
    f.net.run(secs(11));
    assert_eq!(f.told(), Vec::<u16>::new());
    f.net.settle();
}
