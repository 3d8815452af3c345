//! The state tables of RFC 6665: each state of a subscriber and of a notifier, and each thing that can happen in it.

use sip_core::header::EventHeader;
use sip_core::{
    Body, Event, HeaderName, Message, NameAddr, Notify, Request, Response, StatusCode, Subscribe, SubscriptionEnd,
    SubscriptionId, Uri,
};

use crate::link::{World, address, secs};

const PEER: &str = "198.51.100.9:5060";

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum State {
    /// The first SUBSCRIBE is under way.
    Asking,
    /// It was accepted, and no NOTIFY came yet.
    Accepted,
    Active,
    /// A refresh is under way.
    Refreshing,
    /// An un-SUBSCRIBE is under way.
    Leaving,
    /// It was accepted, and the last NOTIFY has not come yet.
    Left,
    /// To be begun anew.
    Suspended,
    Over,
}

const ALL: [State; 8] = [
    State::Asking,
    State::Accepted,
    State::Active,
    State::Refreshing,
    State::Leaving,
    State::Left,
    State::Suspended,
    State::Over,
];

struct Subscriber {
    world: World,
    id: SubscriptionId,
    cseq: u32,
}

impl Subscriber {
    fn new(persistent: bool) -> Self {
        let mut world = World::new(1, 1);
        let target = Uri::parse(b"sip:bob@198.51.100.9").unwrap();
        let event = EventHeader::new("presence");
        let mut subscribe = Subscribe::new(target.clone(), address(0), NameAddr::new(target), event, secs(600));
        subscribe.persist = persistent.then(|| secs(60));
        let id = world
            .act(0, |endpoint, now| endpoint.subscribe(now, subscribe))
            .unwrap();
        Self { world, id, cseq: 0 }
    }

    /// The subscriber in this state.
    fn at(state: State) -> Self {
        let mut this = Self::new(state == State::Suspended);
        if state == State::Asking {
            return this;
        }
        this.answer(200, 600);
        if state == State::Accepted {
            return this;
        }
        assert_eq!(this.notify("n", "presence", Some("active;expires=600")), 200);
        match state {
            State::Asking | State::Accepted | State::Active => {}
            State::Refreshing => this.world.run(secs(541)),
            State::Leaving | State::Left => {
                let id = this.id;
                this.world
                    .act(0, |endpoint, now| endpoint.unsubscribe(now, id))
                    .unwrap();
                if state == State::Left {
                    this.answer(200, 0);
                }
            }
            State::Suspended | State::Over => {
                assert_eq!(this.notify("n", "presence", Some("terminated;reason=deactivated")), 200);
            }
        }
        this
    }

    fn subscribe(&self) -> Request {
        match self.world.last_sent(0, "SUBSCRIBE") {
            Message::Request(request) => request,
            Message::Response(_) => panic!(),
        }
    }

    /// Answers the last SUBSCRIBE.
    fn answer(&mut self, code: u16, expires: u32) {
        let mut response = Response::to_request(&self.subscribe(), StatusCode::try_from(code).unwrap(), None);
        response.set_to_tag("n");
        let headers = response.headers_mut();
        headers.push(HeaderName::Contact, "<sip:bob@198.51.100.9>");
        headers.push(HeaderName::Expires, expires.to_string());
        self.world.inject(0, PEER, response.to_bytes());
    }

    /// Sends a NOTIFY: the status that it gets.
    fn notify(&mut self, tag: &str, event: &str, state: Option<&str>) -> u16 {
        self.cseq += 1;
        let subscribe = self.subscribe();
        let text = |name: &HeaderName| subscribe.headers().get_str(name).unwrap().to_owned();
        let state = state
            .map(|state| format!("Subscription-State: {state}\r\n"))
            .unwrap_or_default();
        let notify = format!(
            "NOTIFY sip:user0@192.0.2.1 SIP/2.0\r\nVia: SIP/2.0/UDP 198.51.100.9;branch=z9hG4bK{}\r\n\
             From: <sip:bob@198.51.100.9>;tag={tag}\r\nTo: {}\r\nCall-ID: {}\r\nCSeq: {} NOTIFY\r\n\
             Contact: <sip:bob@198.51.100.9>\r\nEvent: {event}\r\n{state}Content-Length: 0\r\n\r\n",
            self.cseq,
            text(&HeaderName::From),
            text(&HeaderName::CallId),
            self.cseq,
        );
        self.world.inject(0, PEER, notify);
        let line = self.world.sent_lines(0).pop().unwrap();
        line[8..11].parse().unwrap()
    }

    fn is_live(&self) -> bool {
        self.world.live(0).subscriptions == 1
    }

    fn finish(mut self) {
        let id = self.id;
        let _ = self.world.act(0, |endpoint, now| endpoint.unsubscribe(now, id));
        self.world.settle();
    }
}

#[test]
fn each_notify_in_each_state_of_a_subscriber() {
    use State::{Accepted, Active, Asking, Leaving, Left, Over, Refreshing, Suspended};
    let no_state = None;
    for state in ALL {
        let has_notifier = matches!(state, Active | Refreshing | Leaving | Left);
        let waits = matches!(state, Suspended);
        let over = matches!(state, Over);
        let gone = waits || over;
        // Tag, event, state; the answer; whether the subscription is there afterwards.
        for (tag, event, told, status, live) in [
            (
                "n",
                "presence",
                Some("active;expires=300"),
                if gone { 481 } else { 200 },
                !over,
            ),
            (
                "n",
                "presence",
                Some("pending;expires=300"),
                if gone { 481 } else { 200 },
                !over,
            ),
            ("n", "presence", Some("active"), if gone { 481 } else { 200 }, !over),
            (
                "n",
                "presence",
                Some("extension;expires=9"),
                if gone { 481 } else { 200 },
                !over,
            ),
            (
                "n",
                "presence",
                Some("terminated;reason=noresource"),
                if gone { 481 } else { 200 },
                waits,
            ),
            ("n", "presence", Some("terminated"), if gone { 481 } else { 200 }, waits),
            ("n", "presence", no_state, if over { 481 } else { 400 }, !over),
            ("n", "presence", Some("=;;"), if over { 481 } else { 400 }, !over),
            ("n", "dialog", Some("active"), if over { 481 } else { 489 }, !over),
            ("n", "presence;id=1", Some("active"), 481, !over),
            (
                "m",
                "presence",
                Some("active;expires=300"),
                if has_notifier || gone { 481 } else { 200 },
                !over,
            ),
            (
                "m",
                "presence",
                Some("terminated"),
                if has_notifier || gone { 481 } else { 200 },
                has_notifier || waits,
            ),
        ] {
            let mut subscriber = Subscriber::at(state);
            let case = format!("{state:?}: {tag} {event} {told:?}");
            assert_eq!(subscriber.is_live(), state != Over, "{case}");
            assert_eq!(subscriber.notify(tag, event, told), status, "{case}");
            assert_eq!(subscriber.is_live(), live, "{case}");
            subscriber.finish();
        }
        let _ = (Asking, Accepted);
    }
}

#[test]
fn each_answer_to_each_subscribe() {
    for (state, code, live) in [
        (State::Asking, 200, true),
        (State::Asking, 202, true),
        (State::Asking, 204, true),
        (State::Asking, 403, false),
        (State::Asking, 481, false),
        (State::Asking, 489, false),
        (State::Asking, 503, false),
        (State::Refreshing, 200, true),
        (State::Refreshing, 202, true),
        (State::Refreshing, 204, true),
        (State::Refreshing, 403, true),
        (State::Refreshing, 481, false),
        (State::Refreshing, 489, false),
        (State::Refreshing, 503, true),
        (State::Leaving, 200, true),
        (State::Leaving, 202, true),
        (State::Leaving, 204, false),
        (State::Leaving, 403, false),
        (State::Leaving, 481, false),
        (State::Leaving, 503, false),
    ] {
        let mut subscriber = Subscriber::at(state);
        subscriber.answer(code, if state == State::Leaving { 0 } else { 600 });
        assert_eq!(subscriber.is_live(), live, "{state:?} {code}");
        let told = subscriber.world.events(0).pop();
        let ended = matches!(told, Some(Event::SubscriptionEnded { .. }));
        assert_eq!(ended, !live, "{state:?} {code}: {told:?}");
        subscriber.finish();
    }
    // An answer in any other state is nobody's.
    for state in [
        State::Accepted,
        State::Active,
        State::Left,
        State::Suspended,
        State::Over,
    ] {
        let mut subscriber = Subscriber::at(state);
        let live = subscriber.is_live();
        subscriber.world.events(0);
        subscriber.answer(481, 0);
        assert_eq!(
            (subscriber.is_live(), subscriber.world.names(0).len()),
            (live, 0),
            "{state:?}"
        );
        subscriber.finish();
    }
}

#[test]
fn each_state_of_a_subscriber_has_an_end_if_nobody_answers_any_more() {
    for (state, cause, within) in [
        (State::Asking, SubscriptionEnd::Refused(StatusCode::REQUEST_TIMEOUT), 33),
        (State::Accepted, SubscriptionEnd::NotNotified, 33),
        (State::Active, SubscriptionEnd::Expired, 650),
        (State::Refreshing, SubscriptionEnd::Expired, 100),
        (
            State::Leaving,
            SubscriptionEnd::Refused(StatusCode::REQUEST_TIMEOUT),
            33,
        ),
        (State::Left, SubscriptionEnd::Unsubscribed, 33),
    ] {
        let mut subscriber = Subscriber::at(state);
        subscriber.world.events(0);
        subscriber.world.run(secs(within));
        match subscriber.world.events(0).pop() {
            Some(Event::SubscriptionEnded { cause: told, .. }) => {
                let either = [cause, SubscriptionEnd::Refused(StatusCode::REQUEST_TIMEOUT)];
                assert!(either.contains(&told), "{state:?}: {told:?}");
            }
            other => panic!("{state:?}: {other:?}"),
        }
        subscriber.world.settle();
    }
}

/// RFC 6665 §4.2.2: a NOTIFY that fails ends the subscription, unless its subscriber says when to come back and is not
/// one that is gone for good.
#[test]
fn each_answer_to_a_notify() {
    let gone = [404, 405, 410, 416, 480, 481, 482, 483, 484, 485, 489, 501, 604];
    for code in (400..=699).filter(|code| ![401, 407].contains(code)) {
        for later in [false, true] {
            let mut world = World::new(1, 2);
            let more = "Event: presence\r\nExpires: 600\r\n";
            world.inject(
                0,
                "198.51.100.1:5060",
                crate::cancel::message("SUBSCRIBE", "z9hG4bKs", more),
            );
            let Some(Event::Subscribe { request_id, .. }) = world.events(0).pop() else {
                panic!()
            };
            let id = world
                .act(0, |endpoint, now| {
                    endpoint.accept_subscription(now, request_id, secs(600))
                })
                .unwrap();
            let notify = Notify::active(Body::new("a/b", "x"));
            world.act(0, |endpoint, now| endpoint.notify(now, id, notify)).unwrap();
            let Message::Request(sent) = world.last_sent(0, "NOTIFY") else {
                panic!()
            };
            let mut answer = Response::to_request(&sent, StatusCode::try_from(code).unwrap(), None);
            if later {
                answer.headers_mut().push(HeaderName::RetryAfter, "20");
            }
            world.inject(0, "198.51.100.1:5060", answer.to_bytes());
            let over = !later || gone.contains(&code);
            assert_eq!(world.live(0).subscriptions, usize::from(!over), "{code} {later}");
            assert_eq!(world.names(0).contains(&"SubscriptionEnded"), over, "{code} {later}");
            if code % 25 == 0 {
                world.settle();
            }
        }
    }
}
