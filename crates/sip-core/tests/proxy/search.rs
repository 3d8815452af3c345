//! In which order targets are tried (RFC 3261 §16.6, §16.7).

use std::time::Duration;

use sip_core::HeaderName;
use sip_core::proxy::{BreadthPolicy, Event, ProxyError, Target, TargetSet};

use crate::forks::{all, contact, forks, forks_with, header, one_by_one, request};
use crate::network::{ms, secs};

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
