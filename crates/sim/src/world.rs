//! Virtual time: hosts on a network, driven from one instant to the next at which anything happens.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::time::Duration;

use machine::{Machine, Time};
use thiserror::Error;

use crate::network::{Network, Packet};

/// A host: a machine with an IP address whose outputs are packets.
pub trait Host: Machine<Output = Packet> {
    /// The host's address; all its ports are its own.
    fn ip(&self) -> IpAddr;

    /// A packet arrived.
    fn receive(&mut self, now: Time, packet: Packet);
}

/// Names a host of one [`World`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct HostId(usize);

/// Something that never comes to rest.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum Spin {
    /// A host that still has something due at the instant for which it was just called.
    #[error("host {0:?} is due again at the instant at which it was called")]
    Due(HostId),
    /// A host that gives ever more packets for one call.
    #[error("host {0:?} does not stop sending")]
    Sending(HostId),
    /// Hosts that keep each other busy without time going on.
    #[error("too many steps at one instant")]
    Busy,
}

/// The most packets and time-outs that are handled at one instant, and packets that one call may give.
pub const MAX_STEPS: usize = 100_000;

/// Hosts of one kind (an enum, where there are several) around a [`Network`], in virtual time.
///
/// Everything that happens follows from the hosts, the seed and the calls made here. Hours of telephony take
/// milliseconds, since time jumps from event to event.
///
/// ```
/// use machine::{Machine, Time};
/// use sim::{Host, Packet, Payload, World};
/// use std::net::IpAddr;
/// use std::time::Duration;
///
/// /// Sends back what it gets, four times at most.
/// struct Echo(IpAddr, Vec<Packet>, usize);
///
/// impl Machine for Echo {
///     type Output = Packet;
///     fn handle_timeout(&mut self, _now: Time) {}
///     fn poll_timeout(&self) -> Option<Time> {
///         None
///     }
///     fn poll_output(&mut self) -> Option<Packet> {
///         self.1.pop()
///     }
/// }
///
/// impl Host for Echo {
///     fn ip(&self) -> IpAddr {
///         self.0
///     }
///     fn receive(&mut self, _now: Time, packet: Packet) {
///         self.2 += 1;
///         if self.2 <= 4 {
///             self.1.push(Packet { from: packet.to, to: packet.from, payload: packet.payload });
///         }
///     }
/// }
///
/// let mut world = World::new([1; 32]);
/// let [one, two] = ["192.0.2.1", "192.0.2.2"].map(|ip| world.add(Echo(ip.parse().unwrap(), Vec::new(), 0)));
/// let ball = Packet {
///     from: "192.0.2.1:9".parse().unwrap(),
///     to: "192.0.2.2:9".parse().unwrap(),
///     payload: Payload::Datagram("ball".into()),
/// };
/// let start = world.now();
/// world.act(one, |host, _now| host.1.push(ball))?;
/// world.run_for(Duration::from_secs(1))?;
/// assert_eq!((world.host(one).2, world.host(two).2), (4, 5));
/// assert_eq!(world.now() - start, Duration::from_secs(1));
/// # Ok::<(), sim::Spin>(())
/// ```
#[derive(Debug)]
pub struct World<H> {
    now: Time,
    hosts: Vec<H>,
    by_ip: BTreeMap<IpAddr, HostId>,
    due: BTreeSet<(Time, HostId)>,
    /// What `due` holds for each host.
    due_of: Vec<Option<Time>>,
    network: Network,
    /// The steps made at the present instant.
    steps: usize,
    unroutable: u64,
}

impl<H: Host> World<H> {
    /// An empty world, on 1 January 2030 at midnight UTC.
    #[must_use]
    pub fn new(seed: [u8; 32]) -> Self {
        Self {
            now: Time::from_secs(1_893_456_000),
            hosts: Vec::new(),
            by_ip: BTreeMap::new(),
            due: BTreeSet::new(),
            due_of: Vec::new(),
            network: Network::new(seed),
            steps: 0,
            unroutable: 0,
        }
    }

    /// Adds a host. One with the address of an earlier one takes its packets over.
    pub fn add(&mut self, host: H) -> HostId {
        let id = HostId(self.hosts.len());
        self.by_ip.insert(host.ip(), id);
        self.due_of.push(None);
        self.hosts.push(host);
        self.reschedule(id);
        id
    }

    /// The present.
    #[must_use]
    pub fn now(&self) -> Time {
        self.now
    }

    /// A host, to look at.
    ///
    /// # Panics
    /// Where `id` is another world's.
    #[must_use]
    #[expect(
        clippy::indexing_slicing,
        reason = "ids are given by `add` only, and hosts are never removed"
    )]
    pub fn host(&self, id: HostId) -> &H {
        &self.hosts[id.0]
    }

    /// All hosts in the order in which they were added.
    pub fn hosts(&self) -> impl Iterator<Item = (HostId, &H)> {
        self.hosts.iter().enumerate().map(|(index, host)| (HostId(index), host))
    }

    /// The network, to make it better or worse.
    pub fn network(&mut self) -> &mut Network {
        &mut self.network
    }

    /// Packets for addresses at which there is no host.
    #[must_use]
    pub fn unroutable(&self) -> u64 {
        self.unroutable
    }

    /// Has a host do something now, and sends what it has to send.
    ///
    /// # Errors
    /// [`Spin::Sending`], see there.
    ///
    /// # Panics
    /// Where `id` is another world's.
    #[expect(clippy::indexing_slicing, reason = "as in `host`")]
    pub fn act<R>(&mut self, id: HostId, act: impl FnOnce(&mut H, Time) -> R) -> Result<R, Spin> {
        let result = act(&mut self.hosts[id.0], self.now);
        self.flush(id)?;
        Ok(result)
    }

    /// When something happens next.
    #[must_use]
    pub fn next_event(&self) -> Option<Time> {
        let due = self.due.first().map(|(time, _)| *time);
        let next = due.into_iter().chain(self.network.next_arrival()).min();
        next.map(|time| time.max(self.now))
    }

    /// Goes on to the next instant at which something happens and does all of it. `false` where nothing ever will.
    ///
    /// # Errors
    /// A [`Spin`]: a machine breaks the contract, or machines keep each other busy for ever.
    pub fn step(&mut self) -> Result<bool, Spin> {
        let Some(next) = self.next_event() else {
            return Ok(false);
        };
        self.advance(next);
        while self.next_event() == Some(self.now) {
            self.steps += 1;
            if self.steps > MAX_STEPS {
                return Err(Spin::Busy);
            }
            match self.network.arrived(self.now) {
                Some(packet) => self.deliver(packet)?,
                None => self.time_out()?,
            }
        }
        Ok(true)
    }

    /// Lets everything up to and including `time` happen.
    ///
    /// # Errors
    /// As [`step`](Self::step).
    pub fn run_until(&mut self, time: Time) -> Result<(), Spin> {
        while self.next_event().is_some_and(|next| next <= time) {
            self.step()?;
        }
        self.advance(time);
        Ok(())
    }

    /// Lets everything within `duration` from now happen.
    ///
    /// # Errors
    /// As [`step`](Self::step).
    pub fn run_for(&mut self, duration: Duration) -> Result<(), Spin> {
        self.run_until(self.now + duration)
    }

    /// Runs while `going` holds, at most for `duration`. Whether it holds no more.
    ///
    /// # Errors
    /// As [`step`](Self::step).
    pub fn run_while(&mut self, duration: Duration, going: impl Fn(&Self) -> bool) -> Result<bool, Spin> {
        let end = self.now + duration;
        while going(self) {
            match self.next_event() {
                Some(next) if next <= end => self.step()?,
                _ => {
                    self.advance(end);
                    return Ok(!going(self));
                }
            };
        }
        Ok(true)
    }

    fn advance(&mut self, time: Time) {
        if time > self.now {
            self.now = time;
            self.steps = 0;
        }
    }

    fn deliver(&mut self, packet: Packet) -> Result<(), Spin> {
        let found = self.by_ip.get(&packet.to.ip()).copied();
        let Some((id, host)) = found.and_then(|id| Some((id, self.hosts.get_mut(id.0)?))) else {
            self.unroutable += 1;
            return Ok(());
        };
        host.receive(self.now, packet);
        self.flush(id)
    }

    fn time_out(&mut self) -> Result<(), Spin> {
        let Some((_, id)) = self.due.first().copied() else {
            return Ok(());
        };
        if let Some(host) = self.hosts.get_mut(id.0) {
            host.handle_timeout(self.now);
        }
        self.flush(id)?;
        let again = self.due_of.get(id.0).copied().flatten();
        if again.is_some_and(|due| due <= self.now) {
            Err(Spin::Due(id))
        } else {
            Ok(())
        }
    }

    /// Sends what the host has to send and notes when it is due.
    fn flush(&mut self, id: HostId) -> Result<(), Spin> {
        let Some(host) = self.hosts.get_mut(id.0) else {
            return Ok(());
        };
        let mut count = 0;
        while let Some(packet) = host.poll_output() {
            count += 1;
            if count > MAX_STEPS {
                return Err(Spin::Sending(id));
            }
            self.network.send(self.now, packet);
        }
        self.reschedule(id);
        Ok(())
    }

    fn reschedule(&mut self, id: HostId) {
        let Some((host, noted)) = self.hosts.get(id.0).zip(self.due_of.get_mut(id.0)) else {
            return;
        };
        let due = host.poll_timeout();
        if *noted != due {
            if let Some(old) = noted.take() {
                self.due.remove(&(old, id));
            }
            if let Some(new) = due {
                self.due.insert((new, id));
            }
            *noted = due;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::VecDeque;

    use super::*;
    use crate::network::{Link, Payload};

    /// A host of any bad habit.
    #[derive(Default)]
    struct Odd {
        last: u8,
        due: Option<Time>,
        keeps_due: bool,
        sends_for_ever: bool,
        echoes: bool,
        queue: VecDeque<Packet>,
        woken: Vec<Time>,
    }

    impl Odd {
        fn packet(&self, to: u8) -> Packet {
            let address = |last| ([192, 0, 2, last], 9).into();
            Packet {
                from: address(self.last),
                to: address(to),
                payload: Payload::Datagram(bytes::Bytes::new()),
            }
        }
    }

    impl Machine for Odd {
        type Output = Packet;
        fn handle_timeout(&mut self, now: Time) {
            self.woken.push(now);
            if !self.keeps_due {
                self.due = None;
            }
        }
        fn poll_timeout(&self) -> Option<Time> {
            self.due
        }
        fn poll_output(&mut self) -> Option<Packet> {
            if self.sends_for_ever {
                Some(self.packet(99))
            } else {
                self.queue.pop_front()
            }
        }
    }

    impl Host for Odd {
        fn ip(&self) -> IpAddr {
            [192, 0, 2, self.last].into()
        }
        fn receive(&mut self, now: Time, packet: Packet) {
            self.woken.push(now);
            if self.echoes {
                self.queue.push_back(Packet {
                    from: packet.to,
                    to: packet.from,
                    payload: packet.payload,
                });
            }
        }
    }

    #[test]
    fn a_host_that_stays_due_is_found_out() {
        let mut world = World::new([0; 32]);
        let due = Some(world.now() + Duration::from_secs(1));
        let id = world.add(Odd {
            due,
            keeps_due: true,
            ..Odd::default()
        });
        assert_eq!(world.run_for(Duration::from_secs(2)), Err(Spin::Due(id)));
    }

    #[test]
    fn a_host_that_sends_for_ever_is_found_out() {
        let mut world = World::new([0; 32]);
        let id = world.add(Odd {
            sends_for_ever: true,
            ..Odd::default()
        });
        assert_eq!(world.act(id, |_, _| ()), Err(Spin::Sending(id)));
    }

    #[test]
    fn hosts_that_keep_each_other_busy_are_found_out_unless_time_goes_on() {
        for (delay, expected) in [(0, Err(Spin::Busy)), (1, Ok(()))] {
            let mut world = World::new([0; 32]);
            world.network().set_default(Link::new(Duration::from_millis(delay)));
            let one = world.add(Odd {
                last: 1,
                echoes: true,
                ..Odd::default()
            });
            world.add(Odd {
                last: 2,
                echoes: true,
                ..Odd::default()
            });
            world.act(one, |host, _| host.queue.push_back(host.packet(2))).unwrap();
            assert_eq!(world.run_for(Duration::from_secs(200)), expected);
        }
    }

    #[test]
    fn time_jumps_from_event_to_event_and_ends_where_told() {
        let mut world = World::new([0; 32]);
        let start = world.now();
        let late = world.add(Odd {
            last: 1,
            due: Some(start + Duration::from_secs(3600)),
            ..Odd::default()
        });
        let early = world.add(Odd {
            last: 2,
            due: Some(start + Duration::from_secs(60)),
            ..Odd::default()
        });
        assert_eq!(world.next_event(), Some(start + Duration::from_secs(60)));
        assert_eq!(world.step(), Ok(true));
        assert_eq!(world.host(early).woken, [start + Duration::from_secs(60)]);
        world.run_for(Duration::from_secs(3000)).unwrap();
        assert_eq!(world.now(), start + Duration::from_secs(3060));
        assert!(world.host(late).woken.is_empty());
        assert_eq!(
            world.run_while(Duration::from_secs(900), |world| world.host(late).woken.is_empty()),
            Ok(true)
        );
        assert_eq!(world.now(), start + Duration::from_secs(3600));
        assert_eq!(world.step(), Ok(false));
        assert_eq!(world.run_while(Duration::from_secs(9), |_| true), Ok(false));
        assert_eq!(world.now(), start + Duration::from_secs(3609));
    }

    #[test]
    fn what_is_overdue_happens_now() {
        let mut world = World::new([0; 32]);
        let now = world.now();
        let id = world.add(Odd {
            due: Some(Time::ZERO),
            ..Odd::default()
        });
        assert_eq!(world.step(), Ok(true));
        assert_eq!(world.host(id).woken, [now]);
    }

    #[test]
    fn packets_to_nobody_are_counted() {
        let mut world = World::new([0; 32]);
        let id = world.add(Odd::default());
        world.act(id, |host, _| host.queue.push_back(host.packet(77))).unwrap();
        world.run_for(Duration::from_secs(1)).unwrap();
        assert_eq!(world.unroutable(), 1);
    }
}
