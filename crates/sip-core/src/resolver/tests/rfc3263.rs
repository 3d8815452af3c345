//! The rules and examples of RFC 3263, section by section.

use super::*;
use crate::header::{TypedHeader, Via};

/// The records of the example in RFC 3263 §4.1 and §4.2.
fn example() -> Zone {
    Zone::default()
        .naptr("example.com", 50, 50, "SIPS+D2T", "_sips._tcp.example.com")
        .naptr("example.com", 90, 50, "SIP+D2T", "_sip._tcp.example.com")
        .naptr("example.com", 100, 50, "SIP+D2U", "_sip._udp.example.com")
        .srv("_sip._tcp.example.com", 0, 1, 5060, "server1.example.com")
        .srv("_sip._tcp.example.com", 0, 2, 5060, "server2.example.com")
        .srv("_sips._tcp.example.com", 0, 0, 5061, "server1.example.com")
        .a("server1.example.com", "192.0.2.1")
        .a("server2.example.com", "192.0.2.2")
}

#[test]
fn section_4_1_example_a_client_with_tcp_and_udp_takes_tcp() {
    let mut resolver = v4(&[Transport::Udp, Transport::Tcp]);
    let mut zone = example();
    let mut found = run(&mut resolver, at(1), "sip:user@example.com", &mut zone).unwrap();
    found.sort();
    assert_eq!(found, ["TCP 192.0.2.1:5060", "TCP 192.0.2.2:5060"]);
    assert_eq!(
        zone.asked,
        [
            "Naptr example.com",
            "Srv _sip._tcp.example.com",
            "A server1.example.com",
            "A server2.example.com"
        ]
        .map(String::from),
        "services of a higher order are not even asked for"
    );
}

#[test]
fn section_4_1_example_a_client_with_tls_takes_tls() {
    assert_eq!(
        find("sip:user@example.com", &mut example()).unwrap(),
        ["TLS 192.0.2.1:5061"]
    );
}

#[test]
fn section_4_1_numeric_hosts_need_no_dns() {
    for (uri, expected) in [
        ("sip:192.0.2.4", "UDP 192.0.2.4:5060"),
        ("sips:192.0.2.4", "TLS 192.0.2.4:5061"),
        ("sip:192.0.2.4:5070;transport=tcp", "TCP 192.0.2.4:5070"),
        ("sips:192.0.2.4;transport=tcp", "TLS 192.0.2.4:5061"),
        ("sip:a@[2001:db8::1]:5062", "UDP [2001:db8::1]:5062"),
        ("sip:a@[::ffff:192.0.2.4]", "UDP 192.0.2.4:5060"),
        ("sip:example.com;maddr=192.0.2.5", "UDP 192.0.2.5:5060"),
        (
            "sip:example.com;maddr=[2001:db8::1];transport=tcp",
            "TCP [2001:db8::1]:5060",
        ),
    ] {
        let mut zone = Zone::default();
        assert_eq!(find(uri, &mut zone).unwrap(), [expected], "{uri}");
        assert!(zone.asked.is_empty(), "{uri}");
    }
}

#[test]
fn section_4_2_a_port_means_address_records_alone() {
    let mut zone = example().a("example.com", "192.0.2.9");
    assert_eq!(find("sip:example.com:5070", &mut zone).unwrap(), ["UDP 192.0.2.9:5070"]);
    assert_eq!(zone.asked, ["A example.com"]);
    let mut zone = example().a("example.com", "192.0.2.9");
    assert_eq!(
        find("sips:example.com:5070", &mut zone).unwrap(),
        ["TLS 192.0.2.9:5070"]
    );
}

#[test]
fn section_4_2_a_transport_parameter_goes_straight_to_srv() {
    let mut zone = example();
    assert_eq!(
        find("sip:example.com;transport=tls", &mut zone).unwrap(),
        ["TLS 192.0.2.1:5061"]
    );
    assert_eq!(zone.asked, ["Srv _sips._tcp.example.com", "A server1.example.com"]);
    let mut zone = example();
    assert_eq!(
        find("sips:example.com;transport=tcp", &mut zone).unwrap(),
        ["TLS 192.0.2.1:5061"]
    );
}

#[test]
fn section_4_1_without_naptr_the_supported_transports_are_asked_for() {
    let mut zone = Zone::default()
        .srv("_sip._tcp.example.com", 0, 0, 5080, "t.example.com")
        .a("t.example.com", "192.0.2.7");
    assert_eq!(find("sip:example.com", &mut zone).unwrap(), ["TCP 192.0.2.7:5080"]);
    assert_eq!(
        zone.asked,
        [
            "Naptr example.com",
            "Srv _sip._udp.example.com",
            "Srv _sip._tcp.example.com",
            "A t.example.com"
        ]
    );
    let mut zone = example();
    zone.broken.push(Question::new(name("example.com"), Kind::Naptr));
    let found = find("sips:example.com", &mut zone).unwrap();
    assert_eq!(found, ["TLS 192.0.2.1:5061"], "a broken NAPTR is as good as none");
    assert!(!zone.asked.contains(&"Srv _sip._udp.example.com".to_owned()));
}

#[test]
fn section_4_2_without_srv_the_host_itself_is_asked_for() {
    let zone = || Zone::default().a("example.com", "192.0.2.7");
    assert_eq!(find("sip:example.com", &mut zone()).unwrap(), ["UDP 192.0.2.7:5060"]);
    assert_eq!(find("sips:example.com", &mut zone()).unwrap(), ["TLS 192.0.2.7:5061"]);
    assert_eq!(
        find("sip:example.com;transport=tcp", &mut zone()).unwrap(),
        ["TCP 192.0.2.7:5060"]
    );
    let mut naptr = zone().naptr("example.com", 1, 1, "SIP+D2T", "_sip._tcp.gone.example.com");
    assert_eq!(find("sip:example.com", &mut naptr).unwrap(), ["TCP 192.0.2.7:5060"]);
    let mut tcp = v4(&[Transport::Tcp, Transport::Udp]);
    let found = run(&mut tcp, at(1), "sip:example.com", &mut zone());
    assert_eq!(
        found.unwrap(),
        ["UDP 192.0.2.7:5060"],
        "UDP is the default where nothing says else"
    );
}

#[test]
fn rfc2782_a_root_target_means_the_service_is_not_offered() {
    let mut zone = Zone::default()
        .srv("_sip._udp.example.com", 0, 0, 0, ".")
        .a("example.com", "192.0.2.7");
    assert_eq!(
        find("sip:example.com;transport=udp", &mut zone),
        Err(Unresolved::NoAddress)
    );
    assert!(!zone.asked.contains(&"A example.com".to_owned()));
}

#[test]
fn sips_takes_nothing_but_tls() {
    let mut zone = Zone::default()
        .naptr("example.com", 1, 1, "SIP+D2U", "_sip._udp.example.com")
        .naptr("example.com", 1, 1, "SIP+D2T", "_sip._tcp.example.com")
        .srv("_sip._udp.example.com", 0, 0, 5060, "s.example.com")
        .a("s.example.com", "192.0.2.7")
        .a("example.com", "192.0.2.8");
    assert_eq!(find("sips:example.com", &mut zone).unwrap(), ["TLS 192.0.2.8:5061"]);
    let mut insecure = v4(&[Transport::Udp, Transport::Tcp]);
    let refused = run(&mut insecure, at(1), "sips:example.com", &mut Zone::default());
    assert_eq!(refused, Err(Unresolved::NoTransport));
}

#[test]
fn the_name_to_verify_is_the_uris_not_the_dnss() {
    let mut resolver = usual();
    let destination = Destination::new(&"sips:bob@Example.com".parse().unwrap()).unwrap();
    resolver.resolve(at(1), destination).unwrap();
    let mut zone = example();
    loop {
        match resolver.poll_output().unwrap() {
            Output::Ask(question) => {
                let answer = zone.answer(&question);
                resolver.answer(at(1), &question, answer);
            }
            Output::Resolved { mut targets, .. } => {
                let target = targets.next().unwrap();
                assert_eq!(target.name, "example.com".into());
                assert_eq!(crate::Hop::from(target).server_name, Some("example.com".into()));
                break;
            }
            Output::Unresolved { error, .. } => panic!("{error}"),
        }
    }
}

#[test]
fn naptr_of_no_use_is_passed_over() {
    let odd = RecordData::Naptr {
        order: 0,
        preference: 0,
        flags: "u".into(),
        service: "E2U+sip".into(),
        replacement: name("."),
    };
    let mut zone = example().add("example.com", odd);
    assert_eq!(find("sip:example.com", &mut zone).unwrap(), ["TLS 192.0.2.1:5061"]);
}

#[test]
fn rfc7118_websockets_are_found_by_naptr_and_else_by_address() {
    let mut resolver = v4(&[Transport::Udp, Transport::Wss]);
    let mut zone = Zone::default()
        .naptr("example.com", 1, 1, "SIPS+D2W", "_sips._ws.example.com")
        .srv("_sips._ws.example.com", 0, 0, 8443, "w.example.com")
        .a("w.example.com", "192.0.2.7")
        .a("example.com", "192.0.2.8");
    let found = run(&mut resolver, at(1), "sips:example.com", &mut zone).unwrap();
    assert_eq!(found, ["WSS 192.0.2.7:8443"]);
    let found = run(&mut resolver, at(1), "sips:example.com;transport=ws", &mut zone).unwrap();
    assert_eq!(found, ["WSS 192.0.2.8:443"]);
}

#[test]
fn section_5_responses_go_by_the_sent_by() {
    let via = |text: &str| Destination::of_response(&Via::parse(text.as_bytes()).unwrap());
    let mut zone = Zone::default()
        .srv("_sip._udp.client.example.org", 1, 1, 5088, "a.example.org")
        .srv("_sips._tcp.client.example.org", 1, 1, 5099, "a.example.org")
        .a("a.example.org", "192.0.2.3")
        .a("client.example.org", "192.0.2.4");
    for (text, expected) in [
        ("SIP/2.0/UDP client.example.org", "UDP 192.0.2.3:5088"),
        ("SIP/2.0/TLS client.example.org", "TLS 192.0.2.3:5099"),
        ("SIP/2.0/UDP client.example.org:5071", "UDP 192.0.2.4:5071"),
        ("SIP/2.0/TCP 192.0.2.5", "TCP 192.0.2.5:5060"),
    ] {
        let mut resolver = usual();
        let id = resolver.resolve(at(1), via(text).unwrap()).unwrap();
        assert_eq!(
            settle(&mut resolver, at(1), id, &mut zone).unwrap(),
            [expected],
            "{text}"
        );
    }
    assert_eq!(
        via("SIP/2.0/SCTP a.example.org"),
        Err(DestinationError::UnknownTransport)
    );
}

#[test]
fn section_4_4_a_key_makes_the_choice_the_same_each_time() {
    let weights = |key: u64, seed: u8| {
        let mut resolver = Resolver::new(usual().config().clone(), [seed; 32]);
        let destination = Destination::new(&"sip:example.com;transport=tcp".parse().unwrap()).unwrap();
        let id = resolver.resolve(at(1), destination.keyed(key)).unwrap();
        settle(&mut resolver, at(1), id, &mut example()).unwrap()
    };
    assert!((0..32).all(|key| weights(key, 1) == weights(key, 2)));
    assert!(
        (1..32).any(|key| weights(key, 1) != weights(0, 1)),
        "other requests go elsewhere"
    );
}

#[test]
fn rfc7984_addresses_of_both_families_take_turns() {
    let mut zone = Zone::default()
        .a("example.com", "192.0.2.1")
        .a("example.com", "192.0.2.2")
        .a("example.com", "192.0.2.3")
        .a("example.com", "2001:db8::1");
    let of = |families, zone: &mut Zone| {
        let config = ResolverConfig {
            families,
            ..ResolverConfig::default()
        };
        run(&mut Resolver::new(config, [1; 32]), at(1), "sip:example.com:5060", zone).unwrap()
    };
    let [one, two, three, six] = [
        "UDP 192.0.2.1:5060",
        "UDP 192.0.2.2:5060",
        "UDP 192.0.2.3:5060",
        "UDP [2001:db8::1]:5060",
    ];
    assert_eq!(of(Families::PreferV6, &mut zone), [six, one, two, three]);
    assert_eq!(of(Families::PreferV4, &mut zone), [one, six, two, three]);
    assert_eq!(of(Families::V6Only, &mut zone), [six]);
    assert_eq!(of(Families::V4Only, &mut zone), [one, two, three]);
}
