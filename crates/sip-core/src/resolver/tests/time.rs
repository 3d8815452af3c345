//! What depends on time: TTLs, failures, patience.

use core::time::Duration;

use super::*;

#[test]
fn answers_are_kept_for_their_ttl_and_no_longer() {
    let mut resolver = usual();
    let mut zone = Zone::default().a("a.example", "192.0.2.1");
    for (second, asked) in [(100, 1), (159, 1), (160, 2)] {
        run(&mut resolver, at(second), "sip:a.example:5060", &mut zone).unwrap();
        assert_eq!(zone.asked.len(), asked, "at {second}");
    }
    resolver.flush();
    run(&mut resolver, at(161), "sip:a.example:5060", &mut zone).unwrap();
    assert_eq!(zone.asked.len(), 3);
}

#[test]
fn an_answer_with_ttl_zero_serves_those_who_wait_and_nobody_else() {
    let mut resolver = usual();
    let destination = || Destination::new(&"sip:a.example:5060".parse().unwrap()).unwrap();
    let waiting = [(); 2].map(|()| resolver.resolve(at(1), destination()).unwrap());
    let Some(Output::Ask(question)) = resolver.poll_output() else {
        panic!()
    };
    assert_eq!(resolver.poll_output(), None, "two lookups, one question");
    let record = Record::new(name("a.example"), 0, RecordData::A([192, 0, 2, 1].into()));
    resolver.answer(at(1), &question, Answer::Records(vec![record]));
    for id in waiting {
        settle(&mut resolver, at(1), id, &mut Zone::default()).unwrap();
    }
    resolver.resolve(at(1), destination()).unwrap();
    assert!(matches!(resolver.poll_output(), Some(Output::Ask(_))));
}

#[test]
fn absences_and_failures_are_kept_for_a_while() {
    let mut resolver = usual();
    let mut zone = Zone::default();
    for (second, asked) in [(0, 1), (299, 1), (300, 2)] {
        assert_eq!(
            run(&mut resolver, at(second), "sip:a.example:5060", &mut zone),
            Err(Unresolved::NoAddress)
        );
        assert_eq!(zone.asked.len(), asked, "at {second}");
    }
    zone.broken.push(Question::new(name("b.example"), Kind::A));
    for (second, asked) in [(400, 3), (404, 3), (405, 4)] {
        assert_eq!(
            run(&mut resolver, at(second), "sip:b.example:5060", &mut zone),
            Err(Unresolved::Failed)
        );
        assert_eq!(zone.asked.len(), asked, "at {second}");
    }
}

#[test]
fn a_dns_that_is_silent_ends_the_lookup() {
    let mut resolver = usual();
    resolver
        .resolve(at(10), Destination::new(&"sip:a.example".parse().unwrap()).unwrap())
        .unwrap();
    let mut steps = Vec::new();
    while let Some(due) = resolver.poll_timeout() {
        resolver.handle_timeout(due);
        assert!(resolver.poll_timeout().is_none_or(|next| next > due));
        steps.push(due);
    }
    assert_eq!(steps, [at(15), at(20), at(25)], "NAPTR, SRV, address");
    let last = core::iter::from_fn(|| resolver.poll_output()).last();
    assert!(matches!(
        last,
        Some(Output::Unresolved {
            error: Unresolved::Failed,
            ..
        })
    ));
    assert_eq!((resolver.lookups(), resolver.questions()), (0, 0));
}

#[test]
fn once_an_address_is_known_the_rest_has_half_a_second() {
    let mut resolver = Resolver::new(ResolverConfig::default(), [1; 32]);
    let destination = Destination::new(&"sip:a.example:5060".parse().unwrap()).unwrap();
    let id = resolver.resolve(at(10), destination).unwrap();
    let asked: Vec<_> = core::iter::from_fn(|| resolver.poll_output()).collect();
    let [Output::Ask(v6), Output::Ask(v4)] = &asked[..] else {
        panic!("{asked:?}");
    };
    let record = |data| Answer::Records(vec![Record::new(name("a.example"), 60, data)]);
    resolver.answer(at(11), v4, record(RecordData::A([192, 0, 2, 1].into())));
    assert_eq!(resolver.poll_output(), None);
    let due = at(11) + Duration::from_millis(500);
    assert_eq!(resolver.poll_timeout(), Some(due));
    resolver.handle_timeout(due);
    assert_eq!(
        settle(&mut resolver, due, id, &mut Zone::default()).unwrap(),
        ["UDP 192.0.2.1:5060"]
    );
    // What comes too late for this one serves the next.
    let address: std::net::Ipv6Addr = "2001:db8::1".parse().unwrap();
    resolver.answer(at(12), v6, record(RecordData::Aaaa(address)));
    let found = run(&mut resolver, at(12), "sip:a.example:5060", &mut Zone::default()).unwrap();
    assert_eq!(found, ["UDP [2001:db8::1]:5060", "UDP 192.0.2.1:5060"]);
}

#[test]
fn section_4_3_a_failed_target_comes_last_until_its_time_is_over() {
    let mut resolver = usual();
    let mut zone = Zone::default()
        .srv("_sip._udp.example.com", 1, 0, 5060, "a.example.com")
        .srv("_sip._udp.example.com", 2, 0, 5060, "b.example.com")
        .a("a.example.com", "192.0.2.1")
        .a("b.example.com", "192.0.2.2");
    let uri = "sip:example.com;transport=udp";
    let (a, b) = ("UDP 192.0.2.1:5060".to_owned(), "UDP 192.0.2.2:5060".to_owned());
    let address = "192.0.2.1:5060".parse().unwrap();
    resolver.failed(at(1), Transport::Udp, address, Some(Duration::from_secs(10)));
    assert_eq!(
        run(&mut resolver, at(10), uri, &mut zone).unwrap(),
        [b.clone(), a.clone()]
    );
    assert_eq!(
        run(&mut resolver, at(11), uri, &mut zone).unwrap(),
        [a.clone(), b.clone()]
    );
    resolver.failed(at(11), Transport::Udp, address, None);
    assert_eq!(
        run(&mut resolver, at(40), uri, &mut zone).unwrap(),
        [b.clone(), a.clone()]
    );
    resolver.succeeded(Transport::Udp, address);
    assert_eq!(
        run(&mut resolver, at(40), uri, &mut zone).unwrap(),
        [a.clone(), b.clone()]
    );
    resolver.failed(at(50), Transport::Tcp, address, None);
    assert_eq!(
        run(&mut resolver, at(50), uri, &mut zone).unwrap(),
        [a, b],
        "another transport is another target"
    );
    // No server may keep itself out for longer than an hour.
    resolver.failed(at(100), Transport::Udp, address, Some(Duration::MAX));
    let first = |found: Vec<String>| found[0].clone();
    assert_eq!(
        first(run(&mut resolver, at(3699), uri, &mut zone).unwrap()),
        "UDP 192.0.2.2:5060"
    );
    assert_eq!(
        first(run(&mut resolver, at(3700), uri, &mut zone).unwrap()),
        "UDP 192.0.2.1:5060"
    );
}

#[test]
fn time_that_goes_back_is_clamped() {
    let mut resolver = usual();
    let mut zone = Zone::default().a("a.example", "192.0.2.1");
    run(&mut resolver, at(100), "sip:a.example:5060", &mut zone).unwrap();
    run(&mut resolver, at(1), "sip:a.example:5060", &mut zone).unwrap();
    resolver.handle_timeout(at(2));
    assert_eq!(zone.asked.len(), 1);
}

#[cfg(feature = "serde")]
#[test]
fn a_resolver_is_written_and_read_back_in_the_middle_of_a_lookup() {
    let mut zone = Zone::default()
        .srv("_sip._udp.example.com", 1, 0, 5060, "a.example.com")
        .a("a.example.com", "192.0.2.1");
    let mut resolver = usual();
    let id = resolver
        .resolve(
            at(1),
            Destination::new(&"sip:example.com;transport=udp".parse().unwrap()).unwrap(),
        )
        .unwrap();
    let Some(Output::Ask(question)) = resolver.poll_output() else {
        panic!()
    };
    resolver.answer(at(1), &question, zone.answer(&question));
    resolver.failed(at(1), Transport::Udp, "192.0.2.9:5060".parse().unwrap(), None);
    let text = serde_json::to_string(&resolver).unwrap();
    let mut again: Resolver = serde_json::from_str(&text).unwrap();
    assert_eq!(serde_json::to_string(&again).unwrap(), text);
    assert_eq!(
        settle(&mut again, at(1), id, &mut zone).unwrap(),
        ["UDP 192.0.2.1:5060"]
    );
    assert_eq!(
        settle(&mut resolver, at(1), id, &mut zone).unwrap(),
        ["UDP 192.0.2.1:5060"]
    );
}
