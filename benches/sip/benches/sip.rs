//! `sip-core` side by side with other SIP crates, in one process and in turn.
//!
//! `RATIO <name> <ours> <unit> <peer> <peer's value> <ours/peer>` and `FIGURE <name> <value> <unit>`: what holds for the fastest tenth of
//! short rounds, and of calls the median.

use std::hint::black_box;
use std::time::{Duration, Instant};

use bench_sip::{allocations, alternate, nasty, peers};
use bytes::Bytes;
use sip_core::header::{Contact, Via};
use sip_core::{Message, StatusCode};
use sip_instructions::calls::Calls;
use sip_instructions::invite::invite;
use sip_instructions::ours;
use sip_instructions::proxied::Proxied;

#[global_allocator]
static ALLOCATOR: allocations::Counting = allocations::Counting;

fn main() {
    // `cargo test` and `cargo bench -- --test` only ask whether it can be started.
    if std::env::args().any(|argument| argument == "--test") {
        return;
    }
    let datagram = invite();
    figure("sip/invite", datagram.len(), "octets");
    all_read_the_same(&datagram);
    typed(&datagram);
    table(&datagram);
    print(&datagram);
    respond(&datagram);
    allocated(&datagram);
    linear();
    longest();
    for held in [0, 1_000, 100_000] {
        calls(held);
    }
    proxied();
}

/// Or the comparison would be worth nothing: 3 single values, 3 Via, 1 Contact, 2 Record-Route.
fn all_read_the_same(datagram: &Bytes) {
    assert_eq!(ours::typed(datagram), 9, "sip-core");
    assert_eq!(ours::owned(datagram), 9, "sip-core");
    assert_eq!(peers::rsip::typed(datagram), 9, "rsip");
    assert_eq!(peers::rsipstack::typed(datagram), 9, "rsipstack");
    assert_eq!(peers::sipx::typed(datagram), 9, "sipx-sip");
    assert_eq!(peers::ezk::typed(datagram), 9, "ezk-sip-types");
    #[cfg(sofia)]
    assert_eq!(peers::sofia::typed(datagram), 9, "sofia-sip");
}

fn typed(datagram: &Bytes) {
    let times = alternate(&mut [
        &mut || _ = black_box(ours::typed(datagram)),
        &mut || _ = black_box(peers::rsip::typed(datagram)),
        &mut || _ = black_box(peers::rsipstack::typed(datagram)),
        &mut || _ = black_box(peers::sipx::typed(datagram)),
        &mut || _ = black_box(peers::ezk::typed(datagram)),
        #[cfg(sofia)]
        &mut || _ = black_box(peers::sofia::typed(datagram)),
    ]);
    let owned = alternate(&mut [&mut || _ = black_box(ours::owned(datagram))]);
    ratios(
        "sip/parse_and_typed_access",
        &times,
        &["rsip", "rsipstack", "sipx-sip", "ezk-sip-types", "sofia-sip"],
    );
    if let [owned] = owned[..] {
        figure("sip/parse_and_owned_values", format_args!("{owned:.3}"), "us");
    }
}

fn table(datagram: &Bytes) {
    let times = alternate(&mut [
        &mut || drop(black_box(ours::parse(datagram))),
        &mut || drop(black_box(peers::rsip::parse(datagram))),
        &mut || drop(black_box(peers::rsipstack::parse(datagram))),
        &mut || drop(black_box(peers::sipx::parse(datagram))),
        &mut || drop(black_box(peers::ezk::parse(datagram))),
        &mut || drop(black_box(ours::validate(datagram))),
    ]);
    let (validated, times) = times.split_last().expect("six were measured");
    ratios("sip/parse", times, &["rsip", "rsipstack", "sipx-sip", "ezk-sip-types"]);
    figure("sip/parse_and_validate", format_args!("{validated:.3}"), "us");
}

fn allocated(datagram: &Bytes) {
    let request = ours::parse(datagram);
    let counts = [
        ("sip/parse_allocations", allocations::of(|| ours::parse(datagram))),
        ("sip/parse_typed_allocations", allocations::of(|| ours::typed(datagram))),
        ("sip/parse_owned_allocations", allocations::of(|| ours::owned(datagram))),
        (
            "sip/build_200_allocations",
            allocations::of(|| ours::respond(&request, StatusCode::OK)),
        ),
    ];
    for (name, count) in counts {
        figure(name, count, "count");
    }
}

/// How much longer four times as much takes.
fn linear() {
    for (what, some) in [("params", 16), ("headers", 60), ("vias", 17)] {
        let read = |datagram: &Bytes| {
            if let Ok(message) = Message::parse(datagram.clone()) {
                let valid = message.validate().is_ok();
                let vias = message.headers().typed_iter::<Via>().filter(Result::is_ok).count();
                let contacts = message.headers().typed_iter::<Contact>().filter(Result::is_ok).count();
                assert!(valid && vias + contacts > 0, "{what} within the limits");
            }
        };
        let (few, many) = (nasty::with(what, some), nasty::with(what, 4 * some));
        let times = alternate(&mut [&mut || read(&few), &mut || read(&many)]);
        if let [few, many] = times[..] {
            figure(
                &format!("sip/four_times_the_{what}"),
                format_args!("{:.2}", many / few),
                "times",
            );
        }
    }
}

/// Datagrams as long as can be.
fn longest() {
    let mut worst = 0.0_f64;
    for (name, datagram) in nasty::datagrams() {
        let mut read = || {
            if let Ok(message) = Message::parse(datagram.clone()) {
                _ = black_box(message.validate());
            }
        };
        let time = alternate(&mut [&mut read]).first().copied().unwrap_or_default();
        let name = format!("sip/64_kb_of_{}", name.replace([' ', '-'], "_"));
        figure(&name, format_args!("{time:.1}"), "us");
        worst = worst.max(time);
    }
    figure("sip/worst_64_kb_datagram", format_args!("{worst:.1}"), "us");
}

fn print(datagram: &Bytes) {
    let (request, rsip, rsipstack, sipx) = (
        ours::parse(datagram),
        peers::rsip::parse(datagram),
        peers::rsipstack::parse(datagram),
        peers::sipx::parse(datagram),
    );
    assert_eq!(ours::print(&request), datagram);
    let times = alternate(&mut [
        &mut || drop(black_box(ours::print(&request))),
        &mut || drop(black_box(peers::rsip::print(&rsip))),
        &mut || drop(black_box(peers::rsipstack::print(&rsipstack))),
        &mut || drop(black_box(peers::sipx::print(&sipx))),
    ]);
    ratios("sip/print_untouched", &times, &["rsip", "rsipstack", "sipx-sip"]);
}

fn respond(datagram: &Bytes) {
    let request = ours::parse(datagram);
    let times = alternate(&mut [
        &mut || drop(black_box(ours::respond(&request, StatusCode::RINGING))),
        &mut || drop(black_box(ours::respond(&request, StatusCode::OK))),
    ]);
    for (name, time) in ["sip/build_180", "sip/build_200"].iter().zip(times) {
        figure(name, format_args!("{time:.3}"), "us");
    }
}

/// Calls while `held` others are established.
fn calls(held: usize) {
    let mut calls = Calls::new(held);
    let before = resident();
    (0..held).for_each(|_| calls.call(false));
    calls.answer_all(false);
    calls.pass(Duration::from_secs(100));
    assert_eq!(calls.held(), held);
    if held >= 100_000 {
        let each = resident().saturating_sub(before) / (2 * held);
        figure("sip/octets_a_dialog", each, "B");
    }
    // Until as many are answered as begin.
    (0..500).for_each(|_| calls.call(true));
    let mut rates: Vec<f64> = (0..5)
        .map(|_| {
            let (start, answered, messages) = (Instant::now(), calls.answered, calls.messages);
            (0..4_000).for_each(|_| calls.call(true));
            let made = (calls.answered - answered, calls.messages - messages);
            assert_eq!(
                made,
                (4_000, 7 * 4_000),
                "INVITE, 100, 180, 200, ACK, BYE and 200 of every call"
            );
            4_000.0 / start.elapsed().as_secs_f64()
        })
        .collect();
    rates.sort_by(f64::total_cmp);
    let name = format!("sip/calls_with_{held}_held");
    figure(&name, format_args!("{:.0}", rates[rates.len() / 2]), "calls/s");
}

/// Calls over a proxy: three machines' work.
fn proxied() {
    let mut calls = Proxied::default();
    let mut rates: Vec<f64> = (0..5)
        .map(|_| {
            let (start, answered) = (Instant::now(), calls.answered);
            (0..4_000).for_each(|_| calls.call());
            assert_eq!(calls.answered - answered, 4_000, "every call is answered");
            4_000.0 / start.elapsed().as_secs_f64()
        })
        .collect();
    rates.sort_by(f64::total_cmp);
    figure(
        "sip/proxied_calls",
        format_args!("{:.0}", rates[rates.len() / 2]),
        "calls/s",
    );
}

/// Octets of this process that are in memory.
fn resident() -> usize {
    let pages = std::fs::read_to_string("/proc/self/statm").unwrap_or_default();
    pages
        .split(' ')
        .nth(1)
        .and_then(|pages| pages.parse::<usize>().ok())
        .unwrap_or(0)
        * 4096
}

fn ratios(name: &str, times: &[f64], peers: &[&str]) {
    let Some((ours, theirs)) = times.split_first() else {
        return;
    };
    for (peer, time) in peers.iter().zip(theirs) {
        println!("RATIO {name} {ours:.3} us {peer} {time:.3} {:.3}", ours / time);
    }
}

fn figure(name: &str, value: impl std::fmt::Display, unit: &str) {
    println!("FIGURE {name} {value} {unit}");
}
