//! What is under way between the nodes: latency, loss, duplication and reordering of datagrams, by seed.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::Duration;

use bytes::Bytes;
use machine::Time;
use sip_core::{Flow, Message};

use super::ms;

/// A small generator, so that the network's chance is its own.
pub struct Chance(u64);

impl Chance {
    pub fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)
    }

    pub fn below(&mut self, n: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % n.max(1)
    }

    pub fn percent(&mut self, p: u64) -> bool {
        self.below(100) < p
    }
}

/// Whether to lose a message: from where, to where, what.
pub type Filter = Box<dyn FnMut(SocketAddr, SocketAddr, &Message) -> bool>;

/// What the network does to datagrams.
pub struct Link {
    pub latency: Duration,
    /// Up to so much more, so that datagrams overtake each other.
    pub jitter_ms: u64,
    pub loss_percent: u64,
    pub duplicate_percent: u64,
    pub filter: Option<Filter>,
}

pub enum Arrival {
    Datagram {
        to: SocketAddr,
        from: SocketAddr,
        data: Bytes,
    },
    Stream {
        node: usize,
        flow: Flow,
        data: Bytes,
    },
}

/// What was sent and has not arrived, in the order of arrival.
#[derive(Default)]
pub struct Wire {
    under_way: BTreeMap<(Time, u64), Arrival>,
    order: u64,
}

impl Wire {
    pub fn schedule(&mut self, at: Time, arrival: Arrival) {
        self.order += 1;
        self.under_way.insert((at, self.order), arrival);
    }

    /// When the next thing arrives.
    pub fn next(&self) -> Option<Time> {
        self.under_way.keys().next().map(|(at, _)| *at)
    }

    pub fn pop(&mut self) -> Option<Arrival> {
        self.under_way.pop_first().map(|(_, arrival)| arrival)
    }
}

impl Link {
    pub fn perfect() -> Self {
        Self {
            latency: ms(10),
            jitter_ms: 0,
            loss_percent: 0,
            duplicate_percent: 0,
            filter: None,
        }
    }

    /// After how long each copy of a datagram arrives; none: it is lost.
    pub fn copies(&mut self, chance: &mut Chance, from: SocketAddr, to: SocketAddr, data: &Bytes) -> Vec<Duration> {
        let parsed = Message::parse(data.clone()).expect("what is sent can be read");
        let filter = self.filter.as_mut();
        if filter.is_some_and(|filter| filter(from, to, &parsed)) {
            return Vec::new();
        }
        let copies = 1 + u64::from(chance.percent(self.duplicate_percent));
        let arrives =
            |_| (!chance.percent(self.loss_percent)).then(|| self.latency + ms(chance.below(self.jitter_ms + 1)));
        (0..copies).filter_map(arrives).collect()
    }
}
