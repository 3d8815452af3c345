//! Random commands over a bad network: no panic, nothing left, nothing due twice, no event of a dead session.

use std::collections::BTreeSet;

use proptest::prelude::*;
use sip_core::header::EventHeader;
use sip_core::{
    Body, Event, Method, NameAddr, Notify, PublicationId, Publish, ReferId, Referral, Reliability, Reply, RequestId,
    Response, SessionId, SessionTimers, StatusCode, Subscribe, SubscriptionId, TerminatedReason, Uri,
};

use crate::link::{World, address, ms, secs};

#[derive(Clone, Copy, Debug)]
enum Act {
    Call(bool),
    Provisional,
    EarlyMedia(bool),
    Prack(bool),
    Update(bool),
    Answer,
    Reject,
    HangUp,
    Reinvite(bool),
    Acknowledge,
    Info,
    Refer,
    AcceptRefer,
    RejectRefer,
    NotifyRefer(bool),
    Respond(bool),
    Subscribe(u64),
    AcceptSubscription(u64),
    Notify(bool),
    Unsubscribe,
    SubscribeOn(bool, bool),
    SendRefer(bool),
    SendInfo,
    Publish,
    Republish,
    Unpublish,
    Wait(u64),
}

fn acts() -> impl Strategy<Value = Act> {
    prop_oneof![
        2 => any::<bool>().prop_map(Act::Call),
        2 => Just(Act::Provisional),
        3 => any::<bool>().prop_map(Act::EarlyMedia),
        2 => any::<bool>().prop_map(Act::Prack),
        3 => any::<bool>().prop_map(Act::Update),
        6 => Just(Act::Answer),
        1 => Just(Act::Reject),
        2 => Just(Act::HangUp),
        3 => any::<bool>().prop_map(Act::Reinvite),
        2 => Just(Act::Acknowledge),
        1 => Just(Act::Info),
        2 => Just(Act::Refer),
        2 => Just(Act::AcceptRefer),
        1 => Just(Act::RejectRefer),
        2 => any::<bool>().prop_map(Act::NotifyRefer),
        2 => any::<bool>().prop_map(Act::Respond),
        1 => prop_oneof![Just(0), Just(40), Just(600)].prop_map(Act::Subscribe),
        2 => prop_oneof![Just(0), Just(40), Just(600)].prop_map(Act::AcceptSubscription),
        2 => any::<bool>().prop_map(Act::Notify),
        1 => Just(Act::Unsubscribe),
        1 => any::<(bool, bool)>().prop_map(|(persist, forks)| Act::SubscribeOn(persist, forks)),
        1 => any::<bool>().prop_map(Act::SendRefer),
        1 => Just(Act::SendInfo),
        1 => Just(Act::Publish),
        1 => Just(Act::Republish),
        1 => Just(Act::Unpublish),
        8 => prop_oneof![5_u64..50, 100_u64..1000, 2_000_u64..40_000].prop_map(Act::Wait),
    ]
}

/// What an embedder knows of.
#[derive(Default)]
struct Known {
    sessions: Vec<SessionId>,
    ended: BTreeSet<SessionId>,
    refers: Vec<ReferId>,
    requests: Vec<RequestId>,
    subscriptions: Vec<SubscriptionId>,
    publications: Vec<PublicationId>,
    /// Reliable provisional responses that wait for a PRACK.
    progress: Vec<(SessionId, Response)>,
}

fn last<T: Copy>(all: &[T], chance: usize) -> Option<T> {
    (!all.is_empty()).then(|| all[all.len() - 1 - chance % all.len().min(3)])
}

impl Known {
    /// Takes the events in, and checks that none is of a session that was over.
    fn learn(&mut self, events: Vec<Event>) {
        for event in events {
            let (session, over) = match &event {
                Event::Invite { session, .. } => {
                    assert!(!self.sessions.contains(session), "an old handle for a new session");
                    self.sessions.push(*session);
                    (*session, false)
                }
                Event::Progress { session, .. }
                | Event::Answered { session, .. }
                | Event::Confirmed { session, .. }
                | Event::Reinvite { session, .. }
                | Event::ReinviteCancelled { session, .. }
                | Event::Reinvited { session, .. }
                | Event::Acknowledged { session, .. }
                | Event::Updated { session, .. }
                | Event::Refreshed { session, .. }
                | Event::ReferNotified {
                    session: Some(session), ..
                }
                | Event::ReferAccepted {
                    session: Some(session), ..
                }
                | Event::Refer {
                    session: Some(session), ..
                }
                | Event::Request {
                    session: Some(session), ..
                } => (*session, false),
                Event::Failed { session, .. } | Event::Cancelled { session, .. } | Event::Ended { session, .. } => {
                    (*session, true)
                }
                _ => (SessionId::default(), false),
            };
            assert!(!self.ended.contains(&session), "{event:?} of a session that was over");
            if over {
                self.ended.insert(session);
            }
            match event {
                Event::Progress {
                    session,
                    response,
                    prack_due: true,
                } => self.progress.push((session, response)),
                Event::Refer { refer, .. } => self.refers.push(refer),
                Event::Request { request_id, .. } | Event::Subscribe { request_id, .. } => {
                    self.requests.push(request_id)
                }
                _ => {}
            }
        }
    }
}

#[expect(clippy::too_many_lines, reason = "one table")]
fn play(world: &mut World, known: &mut Known, node: usize, chance: usize, act: Act) {
    let session = last(&known.sessions, chance).unwrap_or_default();
    let refer = last(&known.refers, chance).unwrap_or_default();
    let request = last(&known.requests, chance).unwrap_or_default();
    let subscription = last(&known.subscriptions, chance).unwrap_or_default();
    let publication = last(&known.publications, chance).unwrap_or_default();
    let sdp = || Reply::new().body(Body::sdp("v=0"));
    let peer = 1 - node;
    let mut invite = world.invite_to(node, peer);
    let target = Uri::parse(format!("sip:701@{}", world.address(peer)).as_bytes()).unwrap();
    let wanted = |expires| {
        Subscribe::new(
            target.clone(),
            address(node),
            NameAddr::new(target.clone()),
            EventHeader::new("dialog"),
            secs(expires),
        )
    };
    // Most of these are misuse at most times; what matters is that misuse does no harm.
    world.act(node, |endpoint, now| {
        let _ = match act {
            Act::Call(late) => {
                if late {
                    invite.body = None;
                }
                invite.no_answer = chance.is_multiple_of(4).then(|| secs(10));
                invite.reliability = (chance % 3 == 1).then_some(Reliability::Supported);
                invite.manual_prack = chance % 5 == 1;
                endpoint.invite(now, invite).map(|id| known.sessions.push(id))
            }
            Act::Provisional => endpoint.provisional(now, session, StatusCode::RINGING, Reply::new()),
            Act::EarlyMedia(forced) if forced => {
                endpoint.provisional_reliably(now, session, StatusCode::SESSION_PROGRESS, sdp())
            }
            Act::EarlyMedia(_) => endpoint.provisional(now, session, StatusCode::SESSION_PROGRESS, sdp()),
            Act::Prack(offer) => {
                let reply = if offer { sdp() } else { Reply::new() };
                match known.progress.pop() {
                    Some((session, response)) => endpoint.prack(now, session, &response, reply).map(drop),
                    None => Ok(()),
                }
            }
            Act::Update(offer) => endpoint.update(now, session, if offer { sdp() } else { Reply::new() }),
            Act::Answer => endpoint.answer(now, session, sdp()),
            Act::Reject => endpoint.reject(now, session, StatusCode::BUSY_HERE, Reply::new()),
            Act::HangUp => {
                let result = endpoint.hang_up(now, session, None);
                if result.is_ok() {
                    assert!(known.ended.insert(session), "hung up twice");
                }
                assert!(endpoint.session_info(session).is_none());
                result
            }
            Act::Reinvite(late) => endpoint.reinvite(now, session, if late { Reply::new() } else { sdp() }),
            Act::Acknowledge => endpoint.acknowledge(now, session, Some(Body::sdp("v=0"))),
            Act::Info => endpoint.request(now, session, Method::Info, Reply::new()).map(drop),
            Act::Refer => endpoint.refer(now, session, address(3), Reply::new()).map(drop),
            Act::AcceptRefer => endpoint.accept_refer(now, refer),
            Act::RejectRefer => endpoint.reject_refer(now, refer, StatusCode::FORBIDDEN),
            Act::NotifyRefer(end) => {
                endpoint.notify_refer(now, refer, if end { StatusCode::OK } else { StatusCode::RINGING }, None)
            }
            Act::Respond(ok) => endpoint.respond(
                now,
                request,
                if ok { StatusCode::OK } else { StatusCode::FORBIDDEN },
                Reply::new(),
            ),
            Act::Subscribe(expires) => endpoint
                .subscribe(now, wanted(expires))
                .map(|id| known.subscriptions.push(id)),
            Act::AcceptSubscription(expires) => endpoint
                .accept_subscription(now, request, secs(expires))
                .map(|id| known.subscriptions.push(id)),
            Act::Notify(end) => {
                let body = Body::new("text/plain", "state");
                let reason = TerminatedReason::Deactivated;
                let notify = if end {
                    Notify::terminated(reason, Some(body))
                } else {
                    Notify::active(body).etag("e")
                };
                endpoint.notify(now, subscription, notify)
            }
            Act::Unsubscribe => endpoint.unsubscribe(now, subscription),
            Act::SubscribeOn(persist, forks) => {
                let mut on = wanted(300);
                on.persist = persist.then(|| secs(20));
                on.all_forks = forks;
                endpoint.subscribe(now, on).map(|id| known.subscriptions.push(id))
            }
            Act::SendRefer(silent) => {
                let mut referral =
                    Referral::new(target.clone(), address(node), NameAddr::new(target.clone()), address(3));
                referral.silent = silent;
                endpoint.send_refer(now, referral).map(drop)
            }
            Act::SendInfo => endpoint.send_info(now, session, "a", None).map(drop),
            Act::Publish => {
                let (event, body) = (EventHeader::new("presence"), Body::new("a/b", "one"));
                let publish = Publish::new(target.clone(), address(node), address(node), event, body);
                endpoint.publish(now, publish).map(|id| known.publications.push(id))
            }
            Act::Republish => endpoint.republish(now, publication, Body::new("a/b", "two")),
            Act::Unpublish => endpoint.unpublish(now, publication),
            Act::Wait(_) => Ok(()),
        };
    });
    if let Act::Wait(time) = act {
        world.run(ms(time));
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn random_commands_over_a_bad_network(
        seed in any::<u64>(),
        loss in 0_u64..40,
        duplicate in 0_u64..30,
        jitter in 0_u64..300,
        timers in prop::array::uniform2(0_usize..3),
        reliable in prop::array::uniform2(0_usize..3),
        update in any::<[bool; 2]>(),
        acts in prop::collection::vec((0_usize..2, 0_usize..12, acts()), 1..120),
    ) {
        let mut world = World::with(2, seed, |node, config| {
            config.max_ringing = secs(180);
            config.repair_nat = false;
            config.methods.push(Method::Publish);
            config.info_packages = vec!["a".to_owned()];
            config.session_expires = secs(90);
            config.session_timers = [SessionTimers::Off, SessionTimers::Supported, SessionTimers::Requested][timers[node]];
            config.reliability = [Reliability::Never, Reliability::Supported, Reliability::Required][reliable[node]];
            if update[node] {
                config.methods.retain(|method| *method != Method::Update);
            }
        })
        .lossy(loss, duplicate, jitter);
        let mut known = [Known::default(), Known::default()];
        let (caller, callee) = world.established_soon();
        known[0].sessions.push(caller);
        known[1].sessions.extend(callee);
        for (n, known) in known.iter_mut().enumerate() {
            let events = world.events(n);
            known.learn(events);
        }
        for (node, chance, act) in acts {
            play(&mut world, &mut known[node], node, chance, act);
            for (n, known) in known.iter_mut().enumerate() {
                let events = world.events(n);
                known.learn(events);
            }
        }
        // Whoever is left hangs up; then all must go.
        for (n, known) in known.iter_mut().enumerate() {
            for session in known.sessions.clone() {
                if world.act(n, |endpoint, now| endpoint.hang_up(now, session, None)).is_ok() {
                    known.ended.insert(session);
                }
            }
        }
        for _ in 0..100 {
            world.run(secs(30));
            for (n, known) in known.iter_mut().enumerate() {
                let events = world.events(n);
                known.learn(events);
                // Calls that were still on their way.
                for session in known.sessions.clone() {
                    if world.act(n, |endpoint, now| endpoint.hang_up(now, session, None)).is_ok() {
                        known.ended.insert(session);
                    }
                }
                for subscription in known.subscriptions.clone() {
                    let _ = world.act(n, |endpoint, now| endpoint.unsubscribe(now, subscription));
                }
                for publication in known.publications.clone() {
                    let _ = world.act(n, |endpoint, now| endpoint.unpublish(now, publication));
                }
            }
        }
        world.settle();
    }
}
