use core::time::Duration;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::*;

const START: Time = Time::from_secs(1_700_000_000);

fn secs(n: u64) -> Duration {
    Duration::from_secs(n)
}

fn ip(n: u32) -> IpAddr {
    Ipv4Addr::from_bits(0xc633_0000 + n).into()
}

fn guard(configure: impl Fn(&mut GuardConfig)) -> Guard {
    let mut config = GuardConfig::default();
    configure(&mut config);
    Guard::new(config)
}

fn events(guard: &mut Guard) -> Vec<Event> {
    core::iter::from_fn(|| guard.poll_output()).collect()
}

const REFUSED: Verdict = Verdict::Refuse { retry_after: 1 };
const ALL: [PacketKind; 8] = [
    PacketKind::KeepAlive,
    PacketKind::Response,
    PacketKind::Ack,
    PacketKind::Cancel,
    PacketKind::InDialog,
    PacketKind::Register,
    PacketKind::Request,
    PacketKind::Junk,
];

#[test]
fn every_kind_with_every_bucket_empty() {
    // What is left of each kind, known and unknown, when the named bucket holds nothing.
    let verdicts = |configure: fn(&mut GuardConfig), known: bool| {
        ALL.map(|kind| match guard(configure).packet(START, ip(1), kind, || known) {
            Verdict::Pass => "pass",
            Verdict::Refuse { .. } => "503",
            Verdict::Drop => "drop",
        })
    };
    let p = "pass";
    for (name, configure, unknown, known) in [
        ("nothing", (|_| {}) as fn(&mut GuardConfig), [p; 8], [p; 8]),
        (
            "packets",
            |config| config.packets = Rate::new(1, 0),
            ["drop"; 8],
            ["drop", p, p, p, p, "drop", "drop", "drop"],
        ),
        (
            "requests",
            |config| config.requests = Rate::new(1, 0),
            [p, p, p, "503", "503", "503", "503", p],
            [p; 8],
        ),
        (
            "registers",
            |config| config.registers = Rate::new(1, 0),
            [p, p, p, p, p, "503", p, p],
            [p; 8],
        ),
        (
            "all requests",
            |config| config.all_requests = Rate::new(1, 0),
            [p, p, p, "503", "503", "503", "503", p],
            [p; 8],
        ),
        (
            "known",
            |config| config.known = Rate::new(1, 0),
            [p; 8],
            [p, "drop", "drop", "drop", "drop", p, p, p],
        ),
        (
            "requests and refusals",
            |config| {
                config.requests = Rate::new(1, 0);
                config.refusals = Rate::new(1, 0);
            },
            [p, p, p, "drop", "drop", "drop", "drop", p],
            [p; 8],
        ),
        (
            "requests and all refusals",
            |config| {
                config.requests = Rate::new(1, 0);
                config.all_refusals = Rate::new(1, 0);
            },
            [p, p, p, "drop", "drop", "drop", "drop", p],
            [p; 8],
        ),
    ] {
        assert_eq!(verdicts(configure, false), unknown, "{name}, unknown");
        assert_eq!(verdicts(configure, true), known, "{name}, known");
    }
}

#[test]
fn a_source_at_its_rate_and_one_past_and_another_beside_it() {
    let mut guard = guard(|config| config.requests = Rate::new(2, 5));
    let mut ask = |now, source| guard.packet(now, source, PacketKind::Request, || false);
    for _ in 0..5 {
        assert_eq!(ask(START, ip(1)), Verdict::Pass);
    }
    assert_eq!(ask(START, ip(1)), REFUSED);
    assert_eq!(ask(START, ip(2)), Verdict::Pass);
    assert_eq!(ask(START + Duration::from_millis(500), ip(1)), Verdict::Pass);
    assert_eq!(ask(START + Duration::from_millis(500), ip(1)), REFUSED);
    // Time that goes backwards gives nothing.
    assert_eq!(ask(START, ip(1)), REFUSED);
    let stats = *guard.stats();
    assert_eq!((stats.passed, stats.refused), (7, 3));
}

#[test]
fn retry_after_says_when_there_is_a_token() {
    for (rate, seconds) in [
        (Rate::new(1, 1), 1),
        (Rate::new(1_000, 1), 1),
        (Rate::new(0, 1), 3_600),
        (Rate::new(0, 0), 3_600),
    ] {
        let mut guard = guard(|config| config.requests = rate);
        let _ = guard.packet(START, ip(1), PacketKind::Request, || false);
        let verdict = guard.packet(START, ip(1), PacketKind::Request, || false);
        assert_eq!(verdict, Verdict::Refuse { retry_after: seconds }, "{rate:?}");
    }
}

#[test]
fn refusals_are_rare_and_the_rest_is_silence() {
    let mut guard = guard(|config| {
        config.requests = Rate::new(1, 0);
        config.refusals = Rate::new(1, 3);
        config.all_refusals = Rate::new(1, 10);
    });
    let mut refused = 0;
    for n in 0..10_000 {
        let verdict = guard.packet(START, ip(n % 100), PacketKind::Request, || false);
        refused += u32::from(verdict != Verdict::Drop);
    }
    assert_eq!((refused, guard.stats().unrefused), (10, 9_990));
}

#[test]
fn a_known_packet_is_asked_for_once_and_only_where_it_matters() {
    let mut guard = guard(|config| config.requests = Rate::new(1, 1));
    for (kind, times) in [
        (PacketKind::KeepAlive, 0),
        (PacketKind::Junk, 0),
        (PacketKind::Request, 0),
        (PacketKind::Request, 1),
        (PacketKind::InDialog, 1),
        (PacketKind::Response, 1),
    ] {
        let mut asked = 0;
        let _ = guard.packet(START, ip(1), kind, || {
            asked += 1;
            false
        });
        assert_eq!(asked, times, "{kind:?}");
    }
}

#[test]
fn failures_at_the_number_and_one_short() {
    let mut guard = guard(|config| {
        config.failures = 3;
        config.failure_window = secs(60);
    });
    for _ in 0..2 {
        guard.authentication_failed(START, ip(1), "a");
    }
    // The window is over: the count begins anew.
    guard.authentication_failed(START + secs(60), ip(1), "a");
    guard.authentication_failed(START + secs(60), ip(1), "a");
    assert_eq!((guard.banned_until(ip(1)), events(&mut guard)), (None, vec![]));
    guard.authentication_failed(START + secs(119), ip(1), "b");
    let until = START + secs(119 + 300);
    assert_eq!(guard.banned_until(ip(1)), Some(until));
    let banned = Event::Banned {
        source: ip(1).into(),
        until,
        user: Some("b".to_owned()),
    };
    assert_eq!(events(&mut guard), [banned]);
    for kind in ALL {
        assert_eq!(
            guard.packet(START + secs(120), ip(1), kind, || false),
            Verdict::Drop,
            "{kind:?}"
        );
        assert_eq!(
            guard.packet(START + secs(120), ip(2), kind, || false),
            Verdict::Pass,
            "{kind:?}"
        );
    }
    // Its calls go on.
    assert_eq!(
        guard.packet(START + secs(120), ip(1), PacketKind::InDialog, || true),
        Verdict::Pass
    );
    assert_eq!(
        guard.packet(START + secs(120), ip(1), PacketKind::Response, || true),
        Verdict::Pass
    );
    // It ends at the very instant, whether or not anybody waits for it.
    assert_eq!(guard.poll_timeout(), Some(until));
    let before = until - Duration::from_nanos(1);
    assert_eq!(guard.packet(before, ip(1), PacketKind::Request, || true), Verdict::Drop);
    assert_eq!(guard.packet(until, ip(1), PacketKind::Request, || false), Verdict::Pass);
    assert_eq!(events(&mut guard), [Event::Unbanned { source: ip(1).into() }]);
}

/// Fails until banned, at `now`: for how long.
fn provoke(guard: &mut Guard, now: Time, source: IpAddr) -> Duration {
    for _ in 0..guard.config().failures {
        guard.authentication_failed(now, source, "a");
    }
    guard.banned_until(source).map_or(Duration::ZERO, |until| until - now)
}

#[test]
fn bans_double_up_to_a_ceiling_and_decay() {
    let mut guard = guard(|config| {
        config.ban = secs(60);
        config.max_ban = secs(300);
        config.ban_decay = secs(1_000);
        config.user_failures = 0;
    });
    let mut now = START;
    for seconds in [60, 120, 240, 300, 300] {
        let length = provoke(&mut guard, now, ip(1));
        assert_eq!(length, secs(seconds));
        now += length;
    }
    // Five doublings: after four decays one is left.
    guard.handle_timeout(now + secs(4_000));
    assert_eq!(guard.live().past_bans, 1);
    assert_eq!(provoke(&mut guard, now + secs(4_000), ip(1)), secs(120));
    // Never more than that is forgotten for good.
    guard.handle_timeout(now + secs(50_000));
    let live = guard.live();
    assert_eq!((live.bans, live.past_bans, guard.poll_timeout()), (0, 0, None));
    assert_eq!(provoke(&mut guard, now + secs(50_000), ip(1)), secs(60));
}

#[test]
fn bans_by_hand() {
    let mut guard = guard(|_| {});
    guard.ban(START, ip(1), secs(100));
    guard.ban(START, ip(1), secs(10));
    assert_eq!(
        guard.banned_until(ip(1)),
        Some(START + secs(100)),
        "the longer one stays"
    );
    assert_eq!(guard.bans().collect::<Vec<_>>(), [(ip(1).into(), START + secs(100))]);
    assert!(guard.unban(START, ip(1)) && !guard.unban(START, ip(1)));
    assert_eq!((guard.banned_until(ip(1)), guard.poll_timeout()), (None, None));
    assert!(matches!(
        events(&mut guard)[..],
        [Event::Banned { user: None, .. }, _, Event::Unbanned { .. }]
    ));
    guard.ban(START, IpAddr::V4(Ipv4Addr::LOCALHOST), secs(100));
    assert_eq!(guard.live(), GuardLive::default(), "who is trusted is not banned");
}

#[test]
fn who_is_trusted_is_neither_throttled_nor_banned() {
    let mut guard = guard(|config| {
        config.trusted.push("198.51.0.0/31".parse().unwrap());
        config.requests = Rate::new(1, 1);
    });
    for source in [
        ip(0),
        ip(1),
        IpAddr::V6(Ipv6Addr::LOCALHOST),
        "127.8.9.1".parse().unwrap(),
    ] {
        for _ in 0..100 {
            guard.authentication_failed(START, source, "a");
            assert!(guard.connection_opened(START, source));
            assert_eq!(
                guard.packet(START, source, PacketKind::Request, || false),
                Verdict::Pass
            );
        }
    }
    assert_eq!(guard.live(), GuardLive::default());
    assert_eq!(guard.packet(START, ip(2), PacketKind::Request, || false), Verdict::Pass);
    assert_eq!(guard.packet(START, ip(2), PacketKind::Request, || false), REFUSED);
}

#[test]
fn an_ipv6_source_is_its_network() {
    let mut guard = guard(|config| config.requests = Rate::new(1, 1));
    let address = |network: u64, host: u64| {
        IpAddr::V6(Ipv6Addr::from_bits(
            (u128::from(0x2001_0db8_0000_0000 + network) << 64) + u128::from(host),
        ))
    };
    let mut ask = |source| guard.packet(START, source, PacketKind::Request, || false);
    assert_eq!(ask(address(1, 1)), Verdict::Pass);
    assert_eq!(ask(address(1, 2)), REFUSED);
    assert_eq!(ask(address(2, 1)), Verdict::Pass);
    // IPv4 in IPv6 clothing is IPv4.
    assert_eq!(ask(ip(1)), Verdict::Pass);
    assert_eq!(ask("::ffff:198.51.0.1".parse().unwrap()), REFUSED);
}

#[test]
fn a_user_attacked_from_many_sources() {
    let mut guard = guard(|config| {
        config.user_failures = 20;
        config.attacked_failures = 2;
    });
    for n in 0..20 {
        guard.authentication_failed(START, ip(n), "1001");
    }
    assert_eq!(
        events(&mut guard),
        [Event::UserAttacked {
            user: "1001".to_owned()
        }]
    );
    // From now on two failures are too many, but only with this name.
    for n in 100..110 {
        guard.authentication_failed(START, ip(n), "1001");
        assert_eq!(guard.banned_until(ip(n)), None);
        guard.authentication_failed(START, ip(n), "1001");
        assert!(guard.banned_until(ip(n)).is_some());
    }
    for _ in 0..9 {
        guard.authentication_failed(START, ip(200), "1002");
    }
    assert_eq!(guard.banned_until(ip(200)), None);
    // The user himself, who mistypes now and then, is not locked out.
    guard.authenticated(START, ip(300));
    for _ in 0..5 {
        guard.authentication_failed(START, ip(300), "1001");
    }
    assert_eq!(guard.banned_until(ip(300)), None);
    // And it ends with the window.
    for _ in 0..9 {
        guard.authentication_failed(START + secs(600), ip(400), "1001");
    }
    assert_eq!(guard.banned_until(ip(400)), None);
}

#[test]
fn a_name_of_64_kilobytes_is_kept_in_part() {
    let mut guard = guard(|config| config.user_failures = 2);
    let long = "é".repeat(32_768);
    for _ in 0..2 {
        guard.authentication_failed(START, ip(1), &long);
    }
    assert_eq!(events(&mut guard), [Event::UserAttacked { user: "é".repeat(32) }]);
}

#[test]
fn a_million_strangers_push_out_neither_bans_nor_those_who_authenticated() {
    let mut guard = guard(|config| {
        config.max_sources = 1_000;
        config.requests = Rate::new(1, 10);
    });
    let banned = provoke(&mut guard, START, ip(1));
    assert_eq!(banned, secs(300));
    guard.authenticated(START, ip(2));
    for _ in 0..10 {
        assert_eq!(guard.packet(START, ip(2), PacketKind::Request, || false), Verdict::Pass);
    }
    let mut passed = 0;
    for n in 0..1_000_000 {
        let source = IpAddr::V4(Ipv4Addr::from_bits(0x0a00_0000 + n));
        let verdict = guard.packet(START + secs(1), source, PacketKind::Request, || false);
        passed += u32::from(verdict == Verdict::Pass);
    }
    assert_eq!(passed, 20_000, "the bucket of all");
    let live = guard.live();
    assert_eq!((live.sources, live.authenticated, live.bans), (1_000, 1, 1));
    assert_eq!(
        guard.packet(START + secs(1), ip(1), PacketKind::Request, || false),
        Verdict::Drop
    );
    // Who authenticated gets through while strangers do not, at his own rate, which nobody reset.
    assert_eq!(
        guard.packet(START + secs(1), ip(2), PacketKind::Request, || false),
        Verdict::Pass
    );
    assert_ne!(
        guard.packet(START + secs(1), ip(2), PacketKind::Request, || false),
        Verdict::Pass
    );
}

#[test]
fn tables_at_their_limits_and_one_past() {
    let mut guard = guard(|config| {
        config.max_sources = 3;
        config.max_authenticated = 2;
        config.max_failures = 4;
        config.max_bans = 2;
    });
    for n in 0..10 {
        let _ = guard.packet(START, ip(n), PacketKind::Request, || false);
        guard.authenticated(START, ip(100 + n));
        guard.authentication_failed(START, ip(200 + n), &n.to_string());
    }
    let live = guard.live();
    assert_eq!(
        (live.sources, live.authenticated, live.failing, live.users),
        (3, 2, 4, 4)
    );
    // Of bans, the one that ends first makes room.
    for (n, length) in [(1, 30), (2, 10), (3, 20)] {
        guard.ban(START, ip(n), secs(length));
    }
    assert_eq!(guard.live().bans, 2);
    assert_eq!(guard.banned_until(ip(2)), None);
    assert_eq!(guard.stats().forgotten, 6 + 1);
    // Before any of them one that is over.
    guard.handle_timeout(START + secs(20));
    guard.ban(START + secs(20), ip(4), secs(1));
    assert_eq!((guard.live().bans, guard.live().past_bans), (2, 0));
    assert!(guard.banned_until(ip(1)).is_some());
}

#[test]
fn without_any_room_all_passes_but_what_is_too_much_for_all() {
    let mut guard = guard(|config| {
        (
            config.max_sources,
            config.max_authenticated,
            config.max_failures,
            config.max_bans,
        ) = (0, 0, 0, 0);
        config.all_requests = Rate::new(1, 7);
    });
    let passed = (0..100).filter(|_| guard.packet(START, ip(1), PacketKind::Request, || false) == Verdict::Pass);
    assert_eq!(passed.count(), 7);
    assert_eq!(provoke(&mut guard, START, ip(1)), Duration::ZERO);
    guard.ban(START, ip(1), secs(1));
    assert_eq!(guard.live(), GuardLive::default());
}

#[test]
fn connections_of_a_source_at_the_limit_and_one_past() {
    let mut guard = guard(|config| config.connections = 2);
    assert!(guard.connection_opened(START, ip(1)) && guard.connection_opened(START, ip(1)));
    assert!(!guard.connection_opened(START, ip(1)));
    assert!(guard.connection_opened(START, ip(2)));
    guard.connection_closed(ip(1));
    assert!(guard.connection_opened(START, ip(1)));
    for source in [1, 1, 2, 2, 3] {
        guard.connection_closed(ip(source));
    }
    assert_eq!(guard.live().connected, 0);
    guard.ban(START, ip(3), secs(1));
    assert!(!guard.connection_opened(START, ip(3)));
    assert!(guard.connection_opened(START + secs(1), ip(3)));
}

#[test]
fn authentication_is_forgotten_after_a_while() {
    let mut guard = guard(|config| config.all_requests = Rate::new(1, 0));
    guard.authenticated(START, ip(1));
    let mut ask = |after| guard.packet(START + secs(after), ip(1), PacketKind::Request, || false);
    assert_eq!(ask(3_599), Verdict::Pass);
    assert_ne!(ask(3_600), Verdict::Pass);
    assert_eq!((guard.live().authenticated, guard.live().sources), (0, 1));
}

#[test]
fn events_nobody_fetches_are_bounded() {
    let mut guard = guard(|_| {});
    for n in 0..20_000 {
        guard.ban(START, ip(n), secs(1));
    }
    assert_eq!(guard.stats().events_lost, 20_000 - 16_384);
    assert_eq!(events(&mut guard).len(), 16_384);
}

#[cfg(feature = "serde")]
#[test]
fn its_state_is_written_and_read_back() {
    let mut guard = guard(|config| {
        config.failures = 3;
        config.max_sources = 50;
        config.requests = Rate::new(1, 3);
    });
    let mut other = guard.clone();
    for n in 0..2_000_u32 {
        let now = START + Duration::from_millis(u64::from(n) * 37);
        let source = ip(n * 7 % 60);
        let text = serde_json::to_string(&other).unwrap();
        other = serde_json::from_str(&text).unwrap();
        for guard in [&mut guard, &mut other] {
            match n % 5 {
                0 => guard.authentication_failed(now, source, &(n % 9).to_string()),
                1 if n % 3 == 0 => guard.authenticated(now, source),
                2 => drop(guard.connection_opened(now, source)),
                _ => {}
            }
        }
        let kind = ALL[n as usize % ALL.len()];
        let verdict = guard.packet(now, source, kind, || n % 11 == 0);
        assert_eq!(other.packet(now, source, kind, || n % 11 == 0), verdict);
        assert_eq!(other.poll_timeout(), guard.poll_timeout());
        if n % 10 == 0 {
            assert_eq!(events(&mut other), events(&mut guard));
        }
    }
    assert_eq!((other.stats(), other.live()), (guard.stats(), guard.live()));
    assert!(guard.stats().bans > 0);
}
