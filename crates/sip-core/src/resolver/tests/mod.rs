mod limits;
mod model;
mod rfc3263;
mod time;

use std::collections::BTreeMap;

use machine::{Machine, Time};

use super::*;
use crate::Transport;

pub(super) fn name(text: &str) -> DnsName {
    DnsName::new(text).unwrap()
}

/// A DNS with what a test puts into it.
#[derive(Default, Debug)]
pub(super) struct Zone {
    records: BTreeMap<Question, Vec<Record>>,
    pub(super) broken: Vec<Question>,
    pub(super) asked: Vec<String>,
}

impl Zone {
    pub(super) fn add(mut self, owner: &str, data: RecordData) -> Self {
        let kinds = data
            .kind()
            .map_or(vec![Kind::A, Kind::Aaaa, Kind::Srv, Kind::Naptr], |kind| vec![kind]);
        for kind in kinds {
            let question = Question::new(name(owner), kind);
            self.records
                .entry(question)
                .or_default()
                .push(Record::new(name(owner), 60, data.clone()));
        }
        self
    }

    pub(super) fn a(self, owner: &str, address: &str) -> Self {
        let address: std::net::IpAddr = address.parse().unwrap();
        self.add(owner, address.into())
    }

    pub(super) fn srv(self, owner: &str, priority: u16, weight: u16, port: u16, target: &str) -> Self {
        let target = name(target);
        self.add(
            owner,
            RecordData::Srv {
                priority,
                weight,
                port,
                target,
            },
        )
    }

    pub(super) fn naptr(self, owner: &str, order: u16, preference: u16, service: &str, replacement: &str) -> Self {
        let data = RecordData::Naptr {
            order,
            preference,
            flags: "s".into(),
            service: service.into(),
            replacement: name(replacement),
        };
        self.add(owner, data)
    }

    pub(super) fn answer(&mut self, question: &Question) -> Answer {
        self.asked.push(format!("{:?} {}", question.kind, question.name));
        if self.broken.contains(question) {
            return Answer::Failed;
        }
        match self.records.get(question) {
            Some(records) => Answer::Records(records.clone()),
            None => Answer::Absent { ttl: None },
        }
    }
}

pub(super) fn at(secs: u64) -> Time {
    Time::from_secs(secs)
}

pub(super) fn v4(transports: &[Transport]) -> Resolver {
    let config = ResolverConfig {
        families: Families::V4Only,
        transports: transports.to_vec(),
        ..ResolverConfig::default()
    };
    Resolver::new(config, [7; 32])
}

pub(super) fn usual() -> Resolver {
    v4(&[Transport::Udp, Transport::Tcp, Transport::Tls])
}

/// Asks, answers at once, and gives `transport address` of each target.
pub(super) fn run(resolver: &mut Resolver, now: Time, uri: &str, zone: &mut Zone) -> Result<Vec<String>, Unresolved> {
    let destination = Destination::new(&uri.parse().unwrap()).unwrap();
    let id = resolver.resolve(now, destination).unwrap();
    settle(resolver, now, id, zone)
}

pub(super) fn settle(
    resolver: &mut Resolver,
    now: Time,
    id: LookupId,
    zone: &mut Zone,
) -> Result<Vec<String>, Unresolved> {
    loop {
        match resolver.poll_output().expect("an output") {
            Output::Ask(question) => {
                let answer = zone.answer(&question);
                resolver.answer(now, &question, answer);
            }
            Output::Resolved { lookup, targets } => {
                assert_eq!(lookup, id);
                return Ok(targets
                    .map(|target| format!("{} {}", target.transport, target.address))
                    .collect());
            }
            Output::Unresolved { lookup, error } => {
                assert_eq!(lookup, id);
                return Err(error);
            }
        }
    }
}

pub(super) fn find(uri: &str, zone: &mut Zone) -> Result<Vec<String>, Unresolved> {
    run(&mut usual(), at(1), uri, zone)
}
