//! A network that loses, delays, repeats and reorders, all by its seed.

use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use bytes::Bytes;
use machine::Time;
use rand_chacha::ChaCha12Rng;
use rand_core::{Rng, SeedableRng};

/// The most packets that can be on their way; further ones are lost and counted.
pub const MAX_IN_FLIGHT: usize = 1_000_000;

/// Something on its way between two hosts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Packet {
    /// Where it was sent from.
    pub from: SocketAddr,
    /// Where it is to arrive.
    pub to: SocketAddr,
    /// What it is.
    pub payload: Payload,
}

/// A datagram, or a piece of a stream connection's life. A connection is named by its two addresses.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Payload {
    /// A UDP datagram: may be lost, repeated and overtaken.
    Datagram(Bytes),
    /// A stream connection is opened. What belongs to streams is neither lost nor repeated and keeps its order.
    Open,
    /// Bytes of a stream.
    Data(Bytes),
    /// The stream is closed, in both directions.
    Close,
}

/// What packets go through from one host to another. Probabilities are from 0 to 1.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub struct Link {
    /// How long every packet takes at least.
    pub delay: Duration,
    /// Up to how much longer, evenly distributed. Does not change the order by itself.
    pub jitter: Duration,
    /// Probability that a datagram is lost.
    pub loss: f64,
    /// Probability that a datagram arrives twice.
    pub duplicate: f64,
    /// Probability that a datagram is held back so that later ones overtake it.
    pub reorder: f64,
    /// For how long it is held back.
    pub reorder_delay: Duration,
}

impl Link {
    /// A link that only takes its time.
    #[must_use]
    pub const fn new(delay: Duration) -> Self {
        Self {
            delay,
            jitter: Duration::ZERO,
            loss: 0.0,
            duplicate: 0.0,
            reorder: 0.0,
            reorder_delay: Duration::from_millis(20),
        }
    }

    /// A bad mobile network: 60 to 100 ms, and of a hundred datagrams five are lost, two repeated and five overtaken.
    #[must_use]
    pub const fn bad() -> Self {
        Self {
            delay: Duration::from_millis(60),
            jitter: Duration::from_millis(40),
            loss: 0.05,
            duplicate: 0.02,
            reorder: 0.05,
            reorder_delay: Duration::from_millis(50),
        }
    }

    /// Nothing gets through, not even streams.
    #[must_use]
    pub const fn cut() -> Self {
        Self {
            loss: 1.0,
            ..Self::new(Duration::ZERO)
        }
    }
}

impl Default for Link {
    /// A local network: 1 ms and no faults.
    fn default() -> Self {
        Self::new(Duration::from_millis(1))
    }
}

/// Counters of a [`Network`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct NetworkStats {
    /// Packets handed in.
    pub sent: u64,
    /// Packets handed out, repetitions included.
    pub delivered: u64,
    /// Datagrams lost by chance, and whatever met a [cut](Link::cut) link.
    pub lost: u64,
    /// Datagrams that arrived twice.
    pub duplicated: u64,
    /// Datagrams held back.
    pub reordered: u64,
    /// Lost because of [`MAX_IN_FLIGHT`].
    pub overflowed: u64,
}

/// Takes packets and gives them back when they arrive.
///
/// Arrival is ordered by time, then by the order of sending. The same seed and the same packets give the same arrivals.
///
/// ```
/// use machine::Time;
/// use sim::{Link, Network, Packet, Payload};
/// use std::time::Duration;
///
/// let mut network = Network::new([7; 32]);
/// network.set_default(Link::new(Duration::from_millis(30)));
/// let hello = Packet {
///     from: "192.0.2.1:5060".parse().unwrap(),
///     to: "192.0.2.2:5060".parse().unwrap(),
///     payload: Payload::Datagram("hello".into()),
/// };
/// network.send(Time::from_secs(1), hello.clone());
/// assert_eq!(network.next_arrival(), Some(Time::from_millis(1030)));
/// assert_eq!(network.arrived(Time::from_millis(1029)), None);
/// assert_eq!(network.arrived(Time::from_millis(1030)), Some(hello));
/// ```
#[derive(Debug)]
pub struct Network {
    rng: ChaCha12Rng,
    default: Link,
    links: BTreeMap<(IpAddr, IpAddr), Link>,
    in_flight: BTreeMap<(Time, u64), Packet>,
    sequence: u64,
    /// When the last packet of each direction that keeps its order arrives.
    latest: BTreeMap<(SocketAddr, SocketAddr), Time>,
    stats: NetworkStats,
}

impl Network {
    /// A network of [default](Link::default) links.
    #[must_use]
    pub fn new(seed: [u8; 32]) -> Self {
        Self {
            rng: ChaCha12Rng::from_seed(seed),
            default: Link::default(),
            links: BTreeMap::new(),
            in_flight: BTreeMap::new(),
            sequence: 0,
            latest: BTreeMap::new(),
            stats: NetworkStats::default(),
        }
    }

    /// The link between hosts for which none is set.
    pub fn set_default(&mut self, link: Link) {
        self.default = link;
    }

    /// The link from one host to another; the way back has its own.
    pub fn set_link(&mut self, from: IpAddr, to: IpAddr, link: Link) {
        self.links.insert((from, to), link);
    }

    /// The links between two hosts, both ways.
    pub fn set_links(&mut self, one: IpAddr, other: IpAddr, link: Link) {
        self.set_link(one, other, link);
        self.set_link(other, one, link);
    }

    /// Sends a packet on its way.
    pub fn send(&mut self, now: Time, packet: Packet) {
        self.stats.sent += 1;
        let link = self
            .links
            .get(&(packet.from.ip(), packet.to.ip()))
            .copied()
            .unwrap_or(self.default);
        let datagram = matches!(packet.payload, Payload::Datagram(_));
        // The same number of draws for every packet, so that one link's faults do not change another's luck.
        let [lost, duplicated, reordered] = [link.loss, link.duplicate, link.reorder].map(|p| self.chance(p));
        let arrival = now + link.delay + self.up_to(link.jitter);
        let again = now + link.delay + self.up_to(link.jitter);
        if lost && (datagram || link.loss >= 1.0) {
            self.stats.lost += 1;
            return;
        }
        if datagram && reordered {
            self.stats.reordered += 1;
            self.put(arrival + link.reorder_delay, packet);
            return;
        }
        let key = (packet.from, packet.to);
        let arrival = self
            .latest
            .get(&key)
            .copied()
            .map_or(arrival, |latest| latest.max(arrival));
        self.latest.insert(key, arrival);
        if datagram && duplicated {
            self.stats.duplicated += 1;
            self.put(arrival.max(again), packet.clone());
        }
        self.put(arrival, packet);
        if self.latest.len() > MAX_IN_FLIGHT {
            // What arrives now or later keeps its order; the past needs no memory.
            self.latest.retain(|_, latest| *latest > now);
        }
    }

    /// When the next packet arrives.
    #[must_use]
    pub fn next_arrival(&self) -> Option<Time> {
        self.in_flight.keys().next().map(|(time, _)| *time)
    }

    /// The next packet that has arrived by `now`.
    pub fn arrived(&mut self, now: Time) -> Option<Packet> {
        let entry = self.in_flight.first_entry().filter(|entry| entry.key().0 <= now)?;
        self.stats.delivered += 1;
        Some(entry.remove())
    }

    /// How many packets are on their way.
    #[must_use]
    pub fn in_flight(&self) -> usize {
        self.in_flight.len()
    }

    /// What happened so far.
    #[must_use]
    pub fn stats(&self) -> NetworkStats {
        self.stats
    }

    fn put(&mut self, arrival: Time, packet: Packet) {
        if self.in_flight.len() >= MAX_IN_FLIGHT {
            self.stats.overflowed += 1;
            return;
        }
        self.in_flight.insert((arrival, self.sequence), packet);
        self.sequence += 1;
    }

    fn chance(&mut self, probability: f64) -> bool {
        f64::from(self.rng.next_u32()) < probability * 4_294_967_296.0
    }

    fn up_to(&mut self, most: Duration) -> Duration {
        let draw = u64::from(self.rng.next_u32());
        let micros = u64::try_from(most.as_micros())
            .unwrap_or(u64::MAX >> 32)
            .min(u64::MAX >> 32);
        Duration::from_micros((micros * draw) >> 32)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn packet(payload: Payload) -> Packet {
        Packet {
            from: ([192, 0, 2, 1], 5060).into(),
            to: ([192, 0, 2, 2], 5060).into(),
            payload,
        }
    }

    fn numbered(number: u32) -> Bytes {
        Bytes::copy_from_slice(&number.to_be_bytes())
    }

    /// Sends a thousand packets a millisecond apart and gives what arrives, in order.
    fn thousand(seed: u8, link: Link, payload: impl Fn(Bytes) -> Payload) -> (Vec<(Time, u32)>, NetworkStats) {
        let mut network = Network::new([seed; 32]);
        network.set_default(link);
        for number in 0..1000 {
            network.send(Time::from_millis(u64::from(number)), packet(payload(numbered(number))));
        }
        let mut arrivals = Vec::new();
        while let Some(now) = network.next_arrival() {
            let arrived = network.arrived(now).unwrap();
            let (Payload::Datagram(data) | Payload::Data(data)) = arrived.payload else {
                unreachable!()
            };
            arrivals.push((now, u32::from_be_bytes(data.as_ref().try_into().unwrap())));
        }
        (arrivals, network.stats())
    }

    #[test]
    fn a_bad_link_does_all_of_it_and_the_seed_decides() {
        let (arrivals, stats) = thousand(1, Link::bad(), Payload::Datagram);
        assert_eq!(stats.delivered, 1000 - stats.lost + stats.duplicated);
        for (count, expected) in [(stats.lost, 50), (stats.duplicated, 20), (stats.reordered, 50)] {
            assert!((expected / 3..expected * 3).contains(&count), "{stats:?}");
        }
        assert!(arrivals.iter().all(|(time, number)| {
            let took = *time - Time::from_millis(u64::from(*number));
            took >= Duration::from_millis(60) && took <= Duration::from_millis(60 + 40 + 50 + 40)
        }));
        assert!(
            arrivals.windows(2).any(|pair| pair[0].1 > pair[1].1),
            "something was overtaken"
        );
        assert_eq!(thousand(1, Link::bad(), Payload::Datagram).0, arrivals);
        assert_ne!(thousand(2, Link::bad(), Payload::Datagram).0, arrivals);
    }

    #[test]
    fn jitter_alone_keeps_the_order() {
        let link = Link {
            jitter: Duration::from_millis(50),
            ..Link::default()
        };
        let (arrivals, _) = thousand(3, link, Payload::Datagram);
        assert!(arrivals.iter().map(|(_, number)| *number).eq(0..1000));
    }

    #[test]
    fn streams_are_neither_lost_nor_disordered() {
        let (arrivals, stats) = thousand(4, Link::bad(), Payload::Data);
        assert!(arrivals.iter().map(|(_, number)| *number).eq(0..1000));
        assert_eq!((stats.lost, stats.duplicated, stats.reordered), (0, 0, 0));
        assert_eq!(thousand(4, Link::cut(), Payload::Data).1.lost, 1000);
    }

    #[test]
    fn links_have_two_directions() {
        let mut network = Network::new([0; 32]);
        network.set_link([192, 0, 2, 1].into(), [192, 0, 2, 2].into(), Link::cut());
        let there = packet(Payload::Datagram(Bytes::new()));
        let back = Packet {
            from: there.to,
            to: there.from,
            payload: there.payload.clone(),
        };
        network.send(Time::ZERO, there);
        network.send(Time::ZERO, back.clone());
        assert_eq!(network.arrived(Time::from_secs(1)), Some(back));
        assert_eq!(network.arrived(Time::from_secs(1)), None);
    }

    #[test]
    fn the_number_of_packets_on_their_way_is_bounded() {
        let mut network = Network::new([0; 32]);
        for _ in 0..=MAX_IN_FLIGHT {
            network.send(Time::ZERO, packet(Payload::Open));
        }
        assert_eq!((network.in_flight(), network.stats().overflowed), (MAX_IN_FLIGHT, 1));
    }
}
