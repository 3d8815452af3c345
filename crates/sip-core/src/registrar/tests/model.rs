//! Random REGISTERs, pauses and closed connections against a model that keeps a list and scans it.

use core::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;

use super::*;

/// What is kept of a binding in the model: everything a caller can see that matters.
#[derive(Clone, Debug, PartialEq)]
struct Naive {
    aor: u8,
    contact: u8,
    call_id: u8,
    cseq: u32,
    expires: u64,
    q: u16,
    connection: u64,
    order: usize,
}

#[derive(Clone, Debug)]
enum Op {
    Register {
        aor: u8,
        call_id: u8,
        cseq: u32,
        contacts: Vec<(u8, u64, u16)>,
        connection: u64,
    },
    Clear {
        aor: u8,
        call_id: u8,
        cseq: u32,
    },
    Wait(u64),
    Close(u64),
}

fn op() -> impl Strategy<Value = Op> {
    let expires = prop_oneof![Just(0_u64), Just(10), 60_u64..64, Just(5000)];
    let contacts = prop::collection::vec((0_u8..4, expires, prop_oneof![Just(1000_u16), Just(500)]), 1..4);
    let register = (0_u8..3, 0_u8..2, 1_u32..6, contacts, 1_u64..4);
    prop_oneof![
        6 => register.prop_map(|(aor, call_id, cseq, contacts, connection)| Op::Register { aor, call_id, cseq, contacts, connection }),
        1 => (0_u8..3, 0_u8..2, 1_u32..6).prop_map(|(aor, call_id, cseq)| Op::Clear { aor, call_id, cseq }),
        2 => (0_u64..70).prop_map(Op::Wait),
        1 => (1_u64..4).prop_map(Op::Close),
    ]
}

const MODEL_CONTACTS: usize = 3;
const MODEL_BINDINGS: usize = 5;
const MODEL_AORS: usize = 2;

/// One REGISTER on the model: `Ok` replaces the list.
fn naive_register(list: &[Naive], op: &Op, now: u64, order: usize) -> Option<Vec<Naive>> {
    let mut next = list.to_vec();
    let blocked = |aor: u8, contact: Option<u8>, call_id: u8, cseq: u32| {
        list.iter()
            .any(|b| b.aor == aor && contact.is_none_or(|c| c == b.contact) && b.call_id == call_id && b.cseq >= cseq)
    };
    match op {
        Op::Clear { aor, call_id, cseq } => {
            if blocked(*aor, None, *call_id, *cseq) {
                return None;
            }
            next.retain(|b| b.aor != *aor);
        }
        Op::Register {
            aor,
            call_id,
            cseq,
            contacts,
            connection,
        } => {
            for &(contact, expires, q) in contacts {
                if (1..60).contains(&expires) || blocked(*aor, Some(contact), *call_id, *cseq) {
                    return None;
                }
                let place = next.iter().position(|b| b.aor == *aor && b.contact == contact);
                let binding = Naive {
                    aor: *aor,
                    contact,
                    call_id: *call_id,
                    cseq: *cseq,
                    expires: now + expires.min(3600),
                    q,
                    connection: *connection,
                    order,
                };
                match place {
                    Some(place) if expires == 0 => drop(next.remove(place)),
                    Some(place) => next[place] = binding,
                    None if expires > 0 => next.push(binding),
                    None => {}
                }
            }
            let of_aor = |list: &[Naive]| list.iter().filter(|b| b.aor == *aor).count();
            let aors = next.iter().map(|b| b.aor).collect::<BTreeSet<_>>().len();
            let grows = of_aor(&next) > of_aor(list);
            if grows && (of_aor(&next) > MODEL_CONTACTS || next.len() > MODEL_BINDINGS || aors > MODEL_AORS) {
                return None;
            }
        }
        Op::Wait(_) | Op::Close(_) => {}
    }
    Some(next)
}

fn as_request(op: &Op) -> Option<(String, Request, u64)> {
    match op {
        Op::Register {
            aor,
            call_id,
            cseq,
            contacts,
            connection,
        } => {
            let all: Vec<String> = contacts
                .iter()
                .map(|(contact, expires, q)| {
                    format!("<sip:c{contact}@h>;expires={expires};q={}.{:03}", q / 1000, q % 1000)
                })
                .collect();
            let line = format!("Contact: {}", all.join(", "));
            Some((
                aor.to_string(),
                request(&call_id.to_string(), *cseq, &[&line]),
                *connection,
            ))
        }
        Op::Clear { aor, call_id, cseq } => Some((
            aor.to_string(),
            request(&call_id.to_string(), *cseq, &["Contact: *", "Expires: 0"]),
            1,
        )),
        Op::Wait(_) | Op::Close(_) => None,
    }
}

/// Follows the events: they alone must tell who is reachable.
fn follow(followed: &mut BTreeMap<BindingId, (String, Time)>, registrar: &mut Registrar) {
    while let Some(event) = registrar.poll_output() {
        match event {
            Event::Registered { aor, binding } => {
                assert!(
                    followed.insert(binding.id, (aor, binding.expires)).is_none(),
                    "an id was used twice"
                );
            }
            Event::Refreshed { aor, binding } => {
                assert!(followed.insert(binding.id, (aor, binding.expires)).is_some());
            }
            Event::Removed { binding, .. } | Event::Expired { binding, .. } => {
                assert!(followed.remove(&binding.id).is_some());
            }
        }
    }
}

fn compare(registrar: &Registrar, model: &[Naive], now: u64) {
    for aor in 0..3_u8 {
        let mut expected: Vec<&Naive> = model.iter().filter(|b| b.aor == aor).collect();
        expected.sort_by_key(|b| (Reverse(b.q), Reverse(b.order)));
        let bindings = registrar.bindings(&aor.to_string());
        // Bindings of one request and q have no order that the rules name.
        let rank = |q: u16, uri: String| (Reverse(q), uri);
        let mut have: Vec<_> = bindings
            .iter()
            .map(|b| (rank(b.q, b.contact.uri.to_string()), b.expires, b.cseq))
            .collect();
        let mut want: Vec<_> = expected
            .iter()
            .map(|b| {
                (
                    rank(b.q, format!("sip:c{}@h", b.contact)),
                    Time::from_secs(b.expires),
                    b.cseq,
                )
            })
            .collect();
        have.sort();
        want.sort();
        assert_eq!(have, want);
        let orders: Vec<_> = bindings
            .iter()
            .map(|b| {
                expected
                    .iter()
                    .find(|n| format!("sip:c{}@h", n.contact) == b.contact.uri.to_string())
                    .unwrap()
            })
            .map(|b| (Reverse(b.q), Reverse(b.order)))
            .collect();
        assert!(orders.is_sorted(), "{orders:?}");
        assert_eq!(registrar.is_registered(&aor.to_string()), !expected.is_empty());
    }
    assert_eq!(registrar.len(), model.len());
    let earliest = model.iter().map(|b| b.expires).min().map(Time::from_secs);
    assert_eq!(registrar.poll_timeout(), earliest);
    assert!(earliest.is_none_or(|earliest| earliest > Time::from_secs(now)));
}

proptest! {
    #[test]
    fn agrees_with_a_naive_model(ops in prop::collection::vec(op(), 1..60)) {
        let mut registrar = limited(|config| {
            config.max_contacts = MODEL_CONTACTS;
            config.max_bindings = MODEL_BINDINGS;
            config.max_aors = MODEL_AORS;
        });
        let mut followed = BTreeMap::new();
        let mut model: Vec<Naive> = Vec::new();
        let mut now = 0;
        for (order, op) in ops.iter().enumerate() {
            match op {
                Op::Wait(seconds) => {
                    now += seconds;
                    registrar.handle_timeout(Time::from_secs(now));
                    model.retain(|b| b.expires > now);
                }
                Op::Close(connection) => {
                    registrar.remove_flow(Time::from_secs(now), ConnectionId(*connection));
                    model.retain(|b| b.connection != *connection);
                }
                Op::Register { .. } | Op::Clear { .. } => {
                    let (aor, request, connection) = as_request(op).unwrap();
                    let result = registrar.register(Time::from_secs(now), &aor, &request, tcp(connection));
                    let expected = naive_register(&model, op, now, order);
                    prop_assert_eq!(result.is_ok(), expected.is_some(), "{:?}: {:?}", op, result);
                    model = expected.unwrap_or(model);
                }
            }
            follow(&mut followed, &mut registrar);
            prop_assert_eq!(followed.len(), model.len());
            compare(&registrar, &model, now);
        }
    }
}
