//! Nobody answers: not the phones, not the server, not the embedder.

use sip_core::proxy::{Event, ProxyError, TargetSet};
use sip_core::{HeaderName, Reply, StatusCode};

use crate::forks::{all, forks, one_by_one, request};
use crate::network::{ms, secs};

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
