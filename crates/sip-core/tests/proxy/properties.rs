//! Random searches, answers, CANCELs and losses: each request gets exactly one final response, but for further 2xx, and
//! nothing is left.

use proptest::prelude::*;
use sip_core::proxy::{Target, TargetSet};
use sip_core::{Event, StatusCode};

use crate::network::{Network, ms, secs};

#[derive(Clone, Debug)]
enum Will {
    Answer,
    Refuse(u16),
    Ring,
    Dead,
}

fn will() -> impl Strategy<Value = Will> {
    prop_oneof![
        3 => Just(Will::Answer),
        3 => prop::sample::select(vec![302, 404, 480, 486, 500, 503, 600, 603]).prop_map(Will::Refuse),
        1 => Just(Will::Ring),
        1 => Just(Will::Dead),
    ]
}

#[derive(Clone, Debug)]
struct Story {
    seed: u64,
    loss: u64,
    phones: Vec<(Will, u64)>,
    /// Which phones are tried after the one before.
    breaks: Vec<bool>,
    ring_for: Option<u64>,
    cancel_after: Option<u64>,
}

fn story() -> impl Strategy<Value = Story> {
    let phones = prop::collection::vec((will(), 0_u64..30_000), 1..5);
    let times = (prop::option::of(1_u64..40), prop::option::weighted(0.3, 0_u64..60_000));
    let breaks = prop::collection::vec(any::<bool>(), 5);
    (any::<u64>(), 0_u64..30, phones, breaks, times).prop_map(
        |(seed, loss, phones, breaks, (ring_for, cancel_after))| Story {
            seed,
            loss,
            phones,
            breaks,
            ring_for,
            cancel_after,
        },
    )
}

fn targets(story: &Story) -> TargetSet {
    let mut set = TargetSet::default();
    let mut group = Vec::new();
    for (n, new_group) in (0..story.phones.len()).zip(&story.breaks) {
        if *new_group && !group.is_empty() {
            set = set.then(core::mem::take(&mut group));
            if let Some(time) = story.ring_for {
                set = set.ring_for(secs(time));
            }
        }
        group.push(Target::new(format!("sip:user@192.0.2.{}", 100 + n).parse().unwrap()));
    }
    set.then(group)
}

fn play(story: &Story) {
    let mut net = Network::new(story.seed).lossy(story.loss, 10, 50);
    let alice = net.agent("192.0.2.11:5060", |_| {});
    let edge = net.proxy("192.0.2.1:5060", "example.org", |_| {});
    let home = net.proxy("192.0.2.2:5060", "example.com", |_| {});
    net.router(edge)
        .name("example.com", sip_core::Transport::Udp, "192.0.2.2:5060");
    net.router(home).locate("bob@example.com", targets(story));
    let phones: Vec<usize> = (0..story.phones.len())
        .map(|n| net.agent(&format!("192.0.2.{}:5060", 100 + n), |_| {}))
        .collect();
    net.lose({
        let dead: Vec<_> = phones
            .iter()
            .zip(&story.phones)
            .filter(|(_, (will, _))| matches!(will, Will::Dead))
            .map(|(phone, _)| net.address(*phone))
            .collect();
        move |_, to, _| dead.contains(&to)
    });
    let call = net.call(alice, "sip:bob@example.com", edge);
    let mut handled = vec![None; phones.len()];
    let mut cancelled = false;
    for step in 0..2_400_u64 {
        net.run(ms(100));
        if story.cancel_after.is_some_and(|after| step * 100 >= after) && !cancelled {
            cancelled = true;
            let _ = net.act(alice, |endpoint, now| endpoint.hang_up(now, call, None));
        }
        for (n, (phone, (will, delay))) in phones.iter().zip(&story.phones).enumerate() {
            react(&mut net, *phone, will, *delay, &mut handled[n]);
        }
    }
    let events = net.events(alice);
    let failed = events
        .iter()
        .filter(|event| matches!(event, Event::Failed { .. }))
        .count();
    let answered = events
        .iter()
        .filter(|event| matches!(event, Event::Answered { .. }))
        .count();
    let rings_on = story.phones.iter().any(|(will, _)| matches!(will, Will::Ring));
    assert!(failed + answered <= 1, "{failed} failures, {answered} answers");
    if story.cancel_after.is_none() && !rings_on {
        assert_eq!(failed + answered, 1, "{failed} failures, {answered} answers");
    }
    let _ = net.act(alice, |endpoint, now| endpoint.hang_up(now, call, None));
    for phone in phones {
        net.run(secs(1));
        for event in net.events(phone) {
            if let Event::Invite { session, .. } = event {
                let _ = net.act(phone, |endpoint, now| endpoint.hang_up(now, session, None));
            }
        }
    }
    net.settle();
    finals(&net, home);
    finals(&net, edge);
}

/// A phone does what it wants when it has rung for long enough.
fn react(net: &mut Network, phone: usize, will: &Will, delay: u64, since: &mut Option<(machine::Time, bool)>) {
    let invited = net.nodes[phone].events.iter().find_map(|(at, event)| match event {
        Event::Invite { session, .. } => Some((*at, *session)),
        _ => None,
    });
    let Some((at, session)) = invited else { return };
    let (_, done) = since.get_or_insert((at, false));
    if *done {
        return;
    }
    let now = net.now;
    if now < at + ms(delay) {
        let _ = net.act(phone, |endpoint, now| {
            endpoint.provisional(now, session, StatusCode::RINGING, sip_core::Reply::new())
        });
        return;
    }
    *done = true;
    let _ = net.act(phone, |endpoint, now| match will {
        Will::Answer => endpoint.answer(now, session, sip_core::Reply::new().body(sip_core::Body::sdp("x"))),
        Will::Refuse(code) => {
            let status = StatusCode::try_from(*code).unwrap();
            endpoint.reject(now, session, status, sip_core::Reply::new())
        }
        Will::Ring | Will::Dead => Ok(()),
    });
}

/// Of each server transaction of a proxy: one final response, or 2xx and nothing else.
fn finals(net: &Network, proxy: usize) {
    use std::collections::{BTreeMap, BTreeSet};
    let mut by_transaction: BTreeMap<Vec<u8>, BTreeSet<u16>> = BTreeMap::new();
    for (_, _, data) in &net.nodes[proxy].sent {
        let Ok(sip_core::Message::Response(response)) = sip_core::Message::parse(data.clone()) else {
            continue;
        };
        let via = response.top_via().unwrap();
        let cseq = response.cseq().unwrap();
        let name = format!("{} {} {}", via.branch().unwrap_or_default(), via.host, cseq.method).into_bytes();
        if response.status().is_final() {
            by_transaction.entry(name).or_default().insert(response.status().code());
        }
    }
    for (name, codes) in by_transaction {
        let failures = codes.iter().filter(|code| **code >= 300).count();
        let successes = codes.len() - failures;
        assert!(
            failures <= 1 && (failures == 0 || successes == 0),
            "{} got {codes:?}",
            String::from_utf8_lossy(&name)
        );
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn one_final_response_and_nothing_left(story in story()) {
        play(&story);
    }
}
