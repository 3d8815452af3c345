//! Against naive models: what a random DNS leads to, and how often a weight wins.

use proptest::prelude::*;
use rand_chacha::ChaCha12Rng;
use rand_core::SeedableRng;

use super::super::order::{Server, by_weight};
use super::*;

fn server(priority: u16, weight: u16, port: u16) -> Server {
    Server {
        priority,
        weight,
        port,
        target: name("s.example"),
    }
}

/// How often each server comes first, in thousandths.
fn shares(weights: &[u16]) -> Vec<u64> {
    const ROUNDS: u64 = 20_000;
    let servers: Vec<_> = (0..)
        .zip(weights)
        .map(|(port, weight)| server(0, *weight, port))
        .collect();
    let mut first = vec![0; weights.len()];
    let mut rng = ChaCha12Rng::from_seed([3; 32]);
    for _ in 0..ROUNDS {
        let order = by_weight(servers.clone(), &mut rng);
        first[usize::from(order[0].port)] += 1;
    }
    first.iter().map(|count| count * 1000 / ROUNDS).collect()
}

#[test]
fn rfc2782_weights_are_shares() {
    for weights in [&[60, 30, 10][..], &[1, 1, 1, 1], &[65_535, 65_535], &[100, 300]] {
        let sum: u64 = weights.iter().map(|weight| u64::from(*weight)).sum();
        for (share, weight) in shares(weights).iter().zip(weights) {
            // A running sum that begins at zero and includes both ends favours the first by one ticket.
            let fair = u64::from(*weight) * 1000 / sum;
            let slack = 15 + 1000 / (sum + 1);
            assert!(share.abs_diff(fair) <= slack, "{weights:?}: {share} for {fair}");
        }
    }
}

#[test]
fn rfc2782_weight_zero_has_a_small_chance() {
    let shares = shares(&[99, 0]);
    assert!((5..=20).contains(&shares[1]), "about one in a hundred: {shares:?}");
}

/// The groups of addresses that may come in any order within themselves, one after the other.
fn model(records: &[(u16, u16, u8)], hosts: &[Vec<u8>]) -> Vec<Vec<Vec<u8>>> {
    let mut priorities: Vec<_> = records.iter().map(|(priority, ..)| *priority).collect();
    priorities.sort_unstable();
    priorities.dedup();
    let group = |priority: &u16| {
        let of = records.iter().filter(|(p, ..)| p == priority);
        of.map(|(_, _, host)| hosts[usize::from(*host)].clone()).collect()
    };
    priorities.iter().map(group).collect()
}

/// Whether `rest` is the servers of `group` in some order; gives what is left.
fn takes(group: &[Vec<u8>], rest: &[u8], seen: &[u8]) -> Option<(Vec<u8>, Vec<u8>)> {
    if group.is_empty() {
        return Some((rest.to_vec(), seen.to_vec()));
    }
    (0..group.len()).find_map(|at| {
        let mut others = group.to_vec();
        let server = others.remove(at);
        let mut seen = seen.to_vec();
        let mut fresh: Vec<u8> = Vec::new();
        for ip in server {
            if !seen.contains(&ip) {
                seen.push(ip);
                fresh.push(ip);
            }
        }
        takes(&others, rest.strip_prefix(&fresh[..])?, &seen)
    })
}

proptest! {
    #[test]
    fn servers_come_by_priority_and_each_once(
        records in prop::collection::vec((0u16..3, 0u16..4, 0u8..4), 1..6),
        hosts in prop::collection::vec(prop::collection::vec(1u8..20, 0..3), 4),
        seed in any::<u8>(),
    ) {
        let mut zone = Zone::default();
        let mut distinct = Vec::new();
        for record in &records {
            if !distinct.iter().any(|(p, _, h)| (*p, *h) == (record.0, record.2)) {
                distinct.push(*record);
            }
        }
        for (priority, weight, host) in &distinct {
            zone = zone.srv("_sip._udp.example.com", *priority, *weight, 5060, &format!("h{host}.example.com"));
        }
        let mut addresses = Vec::new();
        for (host, ips) in hosts.iter().enumerate() {
            let mut unique: Vec<u8> = Vec::new();
            for ip in ips {
                if !unique.contains(ip) {
                    unique.push(*ip);
                    zone = zone.a(&format!("h{host}.example.com"), &format!("192.0.2.{ip}"));
                }
            }
            addresses.push(unique);
        }
        let mut resolver = Resolver::new(usual().config().clone(), [seed; 32]);
        let found = run(&mut resolver, at(1), "sip:example.com;transport=udp", &mut zone);
        let found: Vec<u8> = match found {
            Ok(found) => found.iter().map(|text| {
                text.trim_start_matches("UDP 192.0.2.").trim_end_matches(":5060").parse().unwrap()
            }).collect(),
            Err(error) => {
                prop_assert_eq!(error, Unresolved::NoAddress);
                Vec::new()
            }
        };
        let (mut rest, mut seen) = (found.clone(), Vec::new());
        for group in model(&distinct, &addresses) {
            let taken = takes(&group, &rest, &seen);
            prop_assert!(taken.is_some(), "{found:?} is no order of {distinct:?}");
            (rest, seen) = taken.unwrap();
        }
        prop_assert!(rest.is_empty());
    }

    #[test]
    fn whatever_the_dns_says_every_lookup_ends(data in prop::collection::vec(any::<u8>(), 0..400)) {
        super::super::fuzz::resolver(&data);
    }
}
