//! Each limit of the configuration, at it and one past it; aliases; what nobody asked for.

use super::*;

#[test]
fn lookups_at_the_limit_and_one_past_it() {
    let config = ResolverConfig {
        max_lookups: 2,
        ..ResolverConfig::default()
    };
    let mut resolver = Resolver::new(config, [1; 32]);
    let to = |host: &str| Destination::new(&format!("sip:{host}").parse().unwrap()).unwrap();
    let first = resolver.resolve(at(1), to("a.example")).unwrap();
    resolver.resolve(at(1), to("b.example")).unwrap();
    assert_eq!(resolver.resolve(at(1), to("c.example")), Err(ResolveError::Full));
    assert!(resolver.cancel(first));
    assert!(!resolver.cancel(first), "a dead handle");
    assert!(resolver.resolve(at(1), to("c.example")).is_ok());
}

#[test]
fn questions_at_the_limit_and_one_past_it() {
    let config = ResolverConfig {
        max_questions: 1,
        ..ResolverConfig::default()
    };
    let mut resolver = Resolver::new(config, [1; 32]);
    let to = |host: &str| Destination::new(&format!("sip:{host}").parse().unwrap()).unwrap();
    resolver.resolve(at(1), to("a.example")).unwrap();
    let second = resolver.resolve(at(1), to("b.example")).unwrap();
    assert_eq!(resolver.questions(), 1);
    let outputs: Vec<_> = core::iter::from_fn(|| resolver.poll_output()).collect();
    let [Output::Ask(_), Output::Unresolved { lookup, error }] = &outputs[..] else {
        panic!("{outputs:?}");
    };
    assert_eq!((*lookup, *error), (second, Unresolved::Failed));
    assert_eq!(error.status(), crate::StatusCode::SERVICE_UNAVAILABLE);
}

/// `n` servers with an address each.
fn servers(n: u8) -> Zone {
    (1..=n).fold(Zone::default(), |zone, i| {
        let host = format!("s{i}.example.com");
        zone.srv("_sip._udp.example.com", i.into(), 0, 5060, &host)
            .a(&host, &format!("192.0.2.{i}"))
    })
}

#[test]
fn records_targets_and_questions_of_a_lookup_at_their_limits() {
    let count = |change: fn(&mut ResolverConfig), n: u8| {
        let mut config = usual().config().clone();
        change(&mut config);
        let mut resolver = Resolver::new(config, [1; 32]);
        run(&mut resolver, at(1), "sip:example.com;transport=udp", &mut servers(n)).map(|found| found.len())
    };
    assert_eq!(count(|config| config.max_records = 4, 4), Ok(4));
    assert_eq!(count(|config| config.max_records = 4, 5), Ok(4));
    assert_eq!(count(|config| config.max_targets = 4, 4), Ok(4));
    assert_eq!(count(|config| config.max_targets = 4, 5), Ok(4));
    assert_eq!(
        count(|config| config.max_questions_per_lookup = 5, 4),
        Ok(4),
        "one for SRV, four for addresses"
    );
    assert_eq!(count(|config| config.max_questions_per_lookup = 5, 5), Ok(4));
}

#[test]
fn answers_at_the_limit_of_the_cache_and_one_past_it() {
    let mut config = usual().config().clone();
    config.max_cached = 2;
    let mut resolver = Resolver::new(config, [1; 32]);
    let mut zone = Zone::default()
        .a("a.example", "192.0.2.1")
        .a("b.example", "192.0.2.2")
        .a("c.example", "192.0.2.3");
    for (second, host, cached) in [(1, "a.example", 1), (2, "b.example", 2), (3, "c.example", 2)] {
        run(&mut resolver, at(second), &format!("sip:{host}:5060"), &mut zone).unwrap();
        assert_eq!(resolver.cached(), cached);
    }
    for (host, asked) in [("b.example", 3), ("c.example", 3), ("a.example", 4)] {
        run(&mut resolver, at(4), &format!("sip:{host}:5060"), &mut zone).unwrap();
        assert_eq!(zone.asked.len(), asked, "{host}: the one that ends first made room");
    }
}

#[test]
fn avoided_targets_at_the_limit_and_one_past_it() {
    let mut config = usual().config().clone();
    config.max_avoided = 1;
    let mut resolver = Resolver::new(config, [1; 32]);
    let mut zone = Zone::default()
        .a("a.example", "192.0.2.1")
        .a("a.example", "192.0.2.2")
        .a("a.example", "192.0.2.3");
    let first =
        |resolver: &mut Resolver, zone: &mut Zone| run(resolver, at(1), "sip:a.example:5060", zone).unwrap()[0].clone();
    resolver.failed(at(1), Transport::Udp, "192.0.2.1:5060".parse().unwrap(), None);
    assert_eq!(first(&mut resolver, &mut zone), "UDP 192.0.2.2:5060");
    resolver.failed(at(1), Transport::Udp, "192.0.2.2:5060".parse().unwrap(), None);
    assert_eq!(
        first(&mut resolver, &mut zone),
        "UDP 192.0.2.1:5060",
        "one made room for the other"
    );
}

#[test]
fn aliases_are_followed_within_an_answer_and_across_answers() {
    let cname = |to: &str| RecordData::Cname(name(to));
    let mut resolver = usual();
    let id = resolver
        .resolve(at(1), Destination::new(&"sip:a.example:5060".parse().unwrap()).unwrap())
        .unwrap();
    let Some(Output::Ask(question)) = resolver.poll_output() else {
        panic!()
    };
    let records = vec![
        Record::new(name("b.example"), 60, RecordData::A([192, 0, 2, 9].into())),
        Record::new(name("a.example"), 60, cname("b.example")),
        Record::new(name("stranger.example"), 60, RecordData::A([192, 0, 2, 66].into())),
    ];
    resolver.answer(at(1), &question, Answer::Records(records));
    let found = settle(&mut resolver, at(1), id, &mut Zone::default()).unwrap();
    assert_eq!(found, ["UDP 192.0.2.9:5060"], "what was not asked for is not looked at");

    let mut zone = Zone::default()
        .add("a.example", cname("b.example"))
        .a("b.example", "192.0.2.9");
    assert_eq!(find("sip:a.example:5060", &mut zone).unwrap(), ["UDP 192.0.2.9:5060"]);
    assert_eq!(zone.asked, ["A a.example", "A b.example"]);
}

#[test]
fn chains_of_aliases_end() {
    let chain = |n: usize| {
        let mut zone = Zone::default();
        for i in 0..n {
            zone = zone.add(
                &format!("n{i}.example"),
                RecordData::Cname(name(&format!("n{}.example", i + 1))),
            );
        }
        zone.a(&format!("n{n}.example"), "192.0.2.9")
    };
    assert_eq!(
        find("sip:n0.example:5060", &mut chain(8)).unwrap(),
        ["UDP 192.0.2.9:5060"]
    );
    assert_eq!(
        find("sip:n0.example:5060", &mut chain(9)),
        Err(Unresolved::Failed),
        "one alias too many"
    );
    let mut circle = Zone::default()
        .add("a.example", RecordData::Cname(name("b.example")))
        .add("b.example", RecordData::Cname(name("a.example")));
    assert_eq!(find("sip:a.example:5060", &mut circle), Err(Unresolved::Failed));
    assert_eq!(circle.asked.len(), 2, "asked once each");
}

#[test]
fn names_that_are_none() {
    let long = "a".repeat(64);
    for text in ["", "..", "a..b", ".a", "a b", "a/b", "\u{e9}.example", &long] {
        assert_eq!(DnsName::new(text), Err(BadName), "{text}");
    }
    assert!(DnsName::new(&long[1..]).is_ok());
    let name = |len: usize| "a.".repeat(len / 2) + if len % 2 == 1 { "a" } else { "" };
    assert!(DnsName::new(&name(253)).is_ok());
    assert!(DnsName::new(&format!("{}b", name(253))).is_err());
    assert!(DnsName::new(&format!("{}.", name(253))).is_ok(), "with its last dot");
    // Too long for a prefix: no SRV record can exist, so the addresses are asked for.
    let mut zone = Zone::default().a(&name(251), "192.0.2.1");
    let found = find(&format!("sip:{};transport=udp", name(251)), &mut zone).unwrap();
    assert_eq!(found, ["UDP 192.0.2.1:5060"]);
    assert_eq!(zone.asked.len(), 1);
    assert_eq!(
        Destination::new(&"sip:a..b".parse().unwrap()),
        Err(DestinationError::BadName)
    );
}

#[test]
fn an_answer_that_nobody_asked_for_changes_nothing() {
    let mut resolver = usual();
    let question = Question::new(name("a.example"), Kind::A);
    let answer = Answer::Records(vec![Record::new(
        name("a.example"),
        60,
        RecordData::A([192, 0, 2, 66].into()),
    )]);
    resolver.answer(at(1), &question, answer);
    assert_eq!((resolver.cached(), resolver.poll_output()), (0, None));
}
