//! The body of the fuzz target `resolver`, a plain function so that tests replay the corpus.

use core::time::Duration;
use std::collections::BTreeSet;

use machine::{Machine, Time};

use super::{
    Answer, Destination, DnsName, Families, Kind, Output, Question, Record, RecordData, Resolver, ResolverConfig,
};
use crate::Transport;

/// Lets `data` choose lookups, answers and time steps.
///
/// # Panics
///
/// If a limit is passed, a lookup never ends or ends twice, a secure lookup gives an insecure target, or time-outs do not
/// come to an end.
pub fn resolver(data: &[u8]) {
    let mut config = ResolverConfig::default();
    (
        config.max_lookups,
        config.max_questions,
        config.max_questions_per_lookup,
    ) = (4, 8, 6);
    (
        config.max_records,
        config.max_targets,
        config.max_cached,
        config.max_avoided,
    ) = (4, 5, 6, 3);
    config.transports.extend([Transport::Ws, Transport::Wss]);
    let mut input = Input { data };
    config.families = match input.byte() % 4 {
        0 => Families::PreferV4,
        1 => Families::V4Only,
        2 => Families::V6Only,
        _ => Families::PreferV6,
    };
    let mut run = Run {
        resolver: Resolver::new(config, [input.byte(); 32]),
        now: Time::from_secs(1),
        asked: Vec::new(),
        open: BTreeSet::new(),
        secure: BTreeSet::new(),
    };
    while !input.data.is_empty() {
        run.step(&mut input);
        run.check();
    }
    run.finish();
}

struct Input<'a> {
    data: &'a [u8],
}

impl Input<'_> {
    fn byte(&mut self) -> u8 {
        let Some((first, rest)) = self.data.split_first() else {
            return 0;
        };
        self.data = rest;
        *first
    }

    fn name(&mut self) -> DnsName {
        const NAMES: [&str; 8] = ["a", "b.a", "c", "_sip._udp.a", "_sips._tcp.a", "_sip._tcp.c", ".", "d"];
        let name = NAMES.get(usize::from(self.byte() % 8)).copied().unwrap_or("a");
        DnsName::new(name).unwrap_or_else(|_| unreachable!("names of the table are good"))
    }
}

struct Run {
    resolver: Resolver,
    now: Time,
    asked: Vec<Question>,
    open: BTreeSet<super::LookupId>,
    secure: BTreeSet<super::LookupId>,
}

impl Run {
    fn step(&mut self, input: &mut Input<'_>) {
        match input.byte() % 8 {
            0..=2 => self.resolve(input),
            3..=5 => {
                let at = usize::from(input.byte());
                if !self.asked.is_empty() {
                    let question = self.asked.swap_remove(at % self.asked.len());
                    let answer = answer(&question, input);
                    self.resolver.answer(self.now, &question, answer);
                }
            }
            6 => {
                self.now += Duration::from_millis(u64::from(input.byte()) * 40);
                self.resolver.handle_timeout(self.now);
                assert!(self.resolver.poll_timeout().is_none_or(|at| at > self.now));
            }
            _ => {
                let address = ([192, 0, 2, input.byte() % 4], 5060).into();
                let retry_after = Duration::from_secs(input.byte().into());
                self.resolver
                    .failed(self.now, Transport::Udp, address, Some(retry_after));
            }
        }
    }

    fn resolve(&mut self, input: &mut Input<'_>) {
        const URIS: [&str; 8] = [
            "sip:a",
            "sips:a",
            "sip:c;transport=tcp",
            "sip:b.a:5070",
            "sip:192.0.2.1",
            "sips:c;transport=ws",
            "sip:x;maddr=d",
            "sip:d;transport=tls",
        ];
        let uri = URIS.get(usize::from(input.byte() % 8)).and_then(|uri| uri.parse().ok());
        let Some(uri) = uri else { return };
        let Ok(destination) = Destination::new(&uri) else {
            return;
        };
        let secure = destination.secure;
        let Ok(id) = self.resolver.resolve(self.now, destination) else {
            assert_eq!(self.resolver.lookups(), 4, "only a full table refuses");
            return;
        };
        assert!(self.open.insert(id));
        if secure {
            self.secure.insert(id);
        }
        if input.byte() == 7 {
            // Nothing comes of it, unless its result is in the queue already.
            if self.resolver.cancel(id) {
                self.open.remove(&id);
            }
        }
    }

    fn check(&mut self) {
        while let Some(output) = self.resolver.poll_output() {
            match output {
                Output::Ask(question) => self.asked.push(question),
                Output::Resolved { lookup, targets } => {
                    assert!(self.open.remove(&lookup), "one result each");
                    assert!((1..=5).contains(&targets.len()));
                    let insecure =
                        self.secure.contains(&lookup) && targets.into_iter().any(|t| !t.transport.is_secure());
                    assert!(!insecure, "sips stays secure");
                }
                Output::Unresolved { lookup, .. } => assert!(self.open.remove(&lookup), "one result each"),
            }
        }
        let resolver = &self.resolver;
        assert!(resolver.lookups() <= 4 && resolver.questions() <= 8 && resolver.cached() <= 6);
        assert_eq!(resolver.lookups(), self.open.len());
    }

    /// Without any more answers, everything ends.
    fn finish(&mut self) {
        let mut steps = 0;
        while let Some(at) = self.resolver.poll_timeout() {
            self.now = self.now.max(at);
            self.resolver.handle_timeout(self.now);
            self.check();
            steps += 1;
            assert!(steps < 200, "time-outs come to an end");
        }
        assert!(self.open.is_empty() && self.resolver.questions() == 0);
    }
}

fn answer(question: &Question, input: &mut Input<'_>) -> Answer {
    let count = match input.byte() % 9 {
        0 => return Answer::Failed,
        1 => return Answer::Absent { ttl: None },
        count => count,
    };
    let records = (0..count).map(|_| {
        let own = !input.byte().is_multiple_of(4);
        let name = if own { question.name.clone() } else { input.name() };
        let ttl = u32::from(input.byte() % 8);
        Record::new(name, ttl, record(question.kind, input))
    });
    Answer::Records(records.collect())
}

fn record(kind: Kind, input: &mut Input<'_>) -> RecordData {
    const SERVICES: [&str; 6] = ["SIP+D2U", "SIP+D2T", "SIPS+D2T", "SIPS+D2W", "SIP+D2W", "E2U+sip"];
    if input.byte().is_multiple_of(5) {
        return RecordData::Cname(input.name());
    }
    match kind {
        Kind::A => RecordData::A([192, 0, 2, input.byte() % 4].into()),
        Kind::Aaaa => RecordData::Aaaa([0x2001, 0xdb8, 0, 0, 0, 0, 0, u16::from(input.byte() % 4)].into()),
        Kind::Srv => RecordData::Srv {
            priority: u16::from(input.byte() % 3),
            weight: u16::from(input.byte()),
            port: 5060 + u16::from(input.byte() % 2),
            target: input.name(),
        },
        Kind::Naptr => RecordData::Naptr {
            order: u16::from(input.byte() % 3),
            preference: u16::from(input.byte() % 3),
            flags: if input.byte().is_multiple_of(7) { "u" } else { "s" }.into(),
            service: SERVICES
                .get(usize::from(input.byte() % 6))
                .copied()
                .unwrap_or_default()
                .into(),
            replacement: input.name(),
        },
    }
}
