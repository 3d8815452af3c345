//! A switchboard with a phone for each of its extensions, and what must hold at any moment.

use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::time::Duration;

use machine::{Machine, Time};
use switch::{ConfigError, LegView, Place};
use thiserror::Error;

use crate::network::{Network, Packet};
use crate::pbx::{Fault, Pbx};
use crate::phone::{Phone, PhoneConfig};
use crate::world::{Host, HostId, Spin, World};

/// A host of an [`Office`].
#[derive(Debug)]
#[non_exhaustive]
pub enum Member {
    /// The switchboard.
    Pbx(Box<Pbx>),
    /// A phone.
    Phone(Box<Phone>),
}

/// What does not hold.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum Broken {
    /// The switch's tables contradict each other.
    #[error("the switch's tables contradict each other: {0}")]
    Tables(switch::Fault),
    /// The switch did what it must never do.
    #[error("{1:?} at {0:?}")]
    Fault(Time, Box<Fault>),
    /// A leg is where it cannot be.
    #[error("leg in the wrong place: {0:?}")]
    Leg(LegView),
    /// A slot and the legs that say they are in it do not agree.
    #[error("lot {lot} slot {slot}: the slot's call and the leg in it differ")]
    Slot {
        /// The lot's number.
        lot: String,
        /// The slot.
        slot: u32,
    },
    /// Two legs share a media stream.
    #[error("two legs share a stream: {0:?}")]
    SharedStream(LegView),
    /// The engine has streams of which no leg knows.
    #[error("{streams} open streams for {legs} legs")]
    Streams {
        /// Streams open in the engine.
        streams: usize,
        /// Legs of the switch.
        legs: usize,
    },
    /// Something is left although all phones have hung up.
    #[error("left over: {0}")]
    LeftOver(&'static str),
}

/// Extensions, lots and a network in one world: the stage for tests of a whole [`switch::Switch`].
///
/// ```
/// use sim::{Answer, CallState, Office};
/// use std::time::Duration;
/// use switch::{Config, Extension, Lot};
///
/// let mut config = Config::new("pbx.test");
/// for number in ["1001", "1002"] {
///     config.extensions.push(Extension::new(number, "Somebody", number));
/// }
/// config.lots.push(Lot::new("700", 701..=702));
/// let mut office = Office::new(config, [7; 32]).unwrap();
/// office.register_all().unwrap();
///
/// office.phone_config(1, |config| config.answer = Answer::After(Duration::from_secs(1)));
/// let call = office.phone_do(0, |phone, now| phone.dial(now, "1002")).unwrap().unwrap();
/// office.run_for(Duration::from_secs(3)).unwrap();
/// assert_eq!(office.phone(0).get(call).unwrap().state(), CallState::Talking);
/// office.check().unwrap();
///
/// office.phone_do(0, |phone, now| phone.hang_up(now, call)).unwrap().unwrap();
/// office.run_for(Duration::from_secs(60)).unwrap();
/// office.check_idle().unwrap();
/// ```
#[derive(Debug)]
pub struct Office {
    world: World<Member>,
    pbx: HostId,
    phones: Vec<HostId>,
    lots: Vec<String>,
}

impl Office {
    /// The switchboard at 10.0.0.1, and a phone at 10.1.0.0 and up for each extension in order. A phone's
    /// [voice](PhoneConfig::voice) is its index plus one.
    ///
    /// # Errors
    /// The configuration's first fault.
    pub fn new(config: switch::Config, seed: [u8; 32]) -> Result<Self, ConfigError> {
        let pbx_ip = IpAddr::V4(Ipv4Addr::new(10, 0, 0, 1));
        let (extensions, domain) = (config.extensions.clone(), config.domain.clone());
        let lots = config.lots.iter().map(|lot| lot.number.clone()).collect();
        let mut world = World::new(seed);
        let pbx = world.add(Member::Pbx(Box::new(Pbx::new(pbx_ip, config, seed)?)));
        let first = u32::from(Ipv4Addr::new(10, 1, 0, 0));
        let phones = (0_u32..).zip(extensions).map(|(index, extension)| {
            let ip = IpAddr::V4(Ipv4Addr::from(first.saturating_add(index)));
            let mut config = PhoneConfig::new(ip, &extension.number);
            config.name = extension.name;
            config.password = extension.password;
            config.domain.clone_from(&domain);
            config.proxy = Some(SocketAddr::new(pbx_ip, 5060));
            let [voice, ..] = index.wrapping_add(1).to_le_bytes();
            config.voice = voice;
            let mut own = seed;
            for (byte, other) in own.iter_mut().zip(index.wrapping_add(1).to_le_bytes()) {
                *byte ^= other;
            }
            world.add(Member::Phone(Box::new(Phone::new(config, own))))
        });
        let phones = phones.collect();
        Ok(Self {
            world,
            pbx,
            phones,
            lots,
        })
    }

    /// Registers every phone and waits until all are, at most for ten seconds.
    ///
    /// # Errors
    /// A [`Spin`].
    pub fn register_all(&mut self) -> Result<(), Spin> {
        for phone in 0..self.phones.len() {
            // A phone that has vanished stays so.
            let _ = self.phone_do(phone, Phone::register)?;
        }
        let phones = self.phones.clone();
        self.world.run_while(Duration::from_secs(10), |world| {
            let registered = |id: &HostId| matches!(world.host(*id), Member::Phone(phone) if phone.is_registered());
            !phones.iter().all(registered)
        })?;
        Ok(())
    }

    /// How many phones there are.
    #[must_use]
    pub fn phone_count(&self) -> usize {
        self.phones.len()
    }

    /// The phone of the extension with this index.
    ///
    /// # Panics
    /// Where there is none.
    #[must_use]
    #[expect(
        clippy::indexing_slicing,
        clippy::panic,
        reason = "documented; phones are added as phones"
    )]
    pub fn phone(&self, index: usize) -> &Phone {
        match self.world.host(self.phones[index]) {
            Member::Phone(phone) => phone,
            Member::Pbx(_) => panic!("a phone is a phone"),
        }
    }

    /// A phone, to change its settings.
    ///
    /// # Panics
    /// Where there is none.
    pub fn phone_config(&mut self, index: usize, change: impl FnOnce(&mut PhoneConfig)) {
        // Changing settings sends nothing.
        let _ = self.phone_do(index, |phone, _| change(phone.config_mut()));
    }

    /// Has a phone do something.
    ///
    /// # Errors
    /// A [`Spin`].
    ///
    /// # Panics
    /// Where there is no such phone.
    #[expect(
        clippy::indexing_slicing,
        clippy::panic,
        reason = "documented; phones are added as phones"
    )]
    pub fn phone_do<R>(&mut self, index: usize, act: impl FnOnce(&mut Phone, Time) -> R) -> Result<R, Spin> {
        self.world.act(self.phones[index], |member, now| match member {
            Member::Phone(phone) => act(phone, now),
            Member::Pbx(_) => panic!("a phone is a phone"),
        })
    }

    /// The switchboard.
    #[must_use]
    #[expect(clippy::panic, reason = "the first member is the switchboard")]
    pub fn pbx(&self) -> &Pbx {
        match self.world.host(self.pbx) {
            Member::Pbx(pbx) => pbx,
            Member::Phone(_) => panic!("the switchboard is the switchboard"),
        }
    }

    /// Hands the switch an input of the embedder's own.
    ///
    /// # Errors
    /// A [`Spin`].
    pub fn pbx_input(&mut self, input: switch::Input) -> Result<(), Spin> {
        self.world.act(self.pbx, |member, now| match member {
            Member::Pbx(pbx) => pbx.input(now, input),
            Member::Phone(_) => {}
        })
    }

    /// Gives the switch another configuration; its events tell how that went. The phones stay as they are.
    ///
    /// # Errors
    /// A [`Spin`].
    pub fn configure(&mut self, config: switch::Config) -> Result<(), Spin> {
        let new = config.lots.iter().map(|lot| &lot.number);
        self.lots.extend(new.cloned());
        self.lots.sort_unstable();
        self.lots.dedup();
        self.pbx_input(switch::Input::Configure(Box::new(config)))
    }

    /// The network, to make it better or worse.
    pub fn network(&mut self) -> &mut Network {
        self.world.network()
    }

    /// The present.
    #[must_use]
    pub fn now(&self) -> Time {
        self.world.now()
    }

    /// The world around it.
    pub fn world(&mut self) -> &mut World<Member> {
        &mut self.world
    }

    /// Lets time go by.
    ///
    /// # Errors
    /// A [`Spin`].
    pub fn run_for(&mut self, duration: Duration) -> Result<(), Spin> {
        self.world.run_for(duration)
    }

    /// What must hold at any moment: every leg is in exactly one place, and what it is said to be connected with, or the slot
    /// that it is said to be in, says the same; streams are its own; the switch has done nothing that it must never do.
    ///
    /// # Errors
    /// The first thing that does not hold.
    pub fn check(&self) -> Result<(), Broken> {
        let pbx = self.pbx();
        pbx.switch().audit().map_err(Broken::Tables)?;
        if let Some((at, fault)) = pbx.faults().first() {
            return Err(Broken::Fault(*at, Box::new(fault.clone())));
        }
        let legs: BTreeMap<_, _> = pbx.switch().legs().map(|leg| (leg.id, leg)).collect();
        let mut streams = BTreeSet::new();
        for leg in legs.values() {
            let there = |id| legs.get(&id).map(|other: &LegView| other.place);
            let right = match leg.place {
                Place::Talking(peer) => there(peer) == Some(Place::Talking(leg.id)),
                Place::Transferring { peer } => peer != leg.id,
                Place::Parked { slot, .. } => self.slot_holds(slot.0, leg.id),
                Place::Calling | Place::Ringing(_) | Place::Waiting | Place::Leaving | _ => true,
            };
            if !right {
                return Err(Broken::Leg(leg.clone()));
            }
            if !streams.insert(leg.stream) {
                return Err(Broken::SharedStream(leg.clone()));
            }
        }
        for lot in &self.lots {
            for (slot, leg) in pbx.switch().slots(lot).into_iter().flatten() {
                let place = legs.get(&leg).map(|leg| leg.place);
                if !matches!(place, Some(Place::Parked { slot: said, .. }) if said == slot) {
                    return Err(Broken::Slot {
                        lot: lot.clone(),
                        slot: slot.0,
                    });
                }
            }
        }
        let (streams, legs) = (pbx.engine().live_streams(), legs.len());
        if streams > legs {
            Err(Broken::Streams { streams, legs })
        } else {
            Ok(())
        }
    }

    /// What must hold once all phones have hung up and SIP's timers have run out (a minute later at most): nothing is
    /// left, neither in the switch nor in a phone that has not vanished.
    ///
    /// # Errors
    /// The first thing that is left, or does not hold.
    pub fn check_idle(&self) -> Result<(), Broken> {
        self.check()?;
        let pbx = self.pbx();
        let (switch, live) = (pbx.switch(), pbx.switch().endpoint().live());
        let parked = self
            .lots
            .iter()
            .any(|lot| switch.slots(lot).into_iter().flatten().next().is_some());
        let left = [
            ("legs", switch.legs().next().is_some()),
            ("calls", switch.call_count() > 0),
            ("contacts of queues", switch.contact_count() > 0),
            ("slots", parked),
            ("streams", pbx.engine().live_streams() > 0),
            ("sessions", live.sessions > 0),
            ("client transactions", live.client_transactions > 0),
            ("server transactions", live.server_transactions > 0),
            ("transfers", live.refers > 0),
            ("requests", live.requests > 0),
            (
                "calls of a phone",
                self.present_phones().any(|phone| phone.calls().next().is_some()),
            ),
            (
                "sessions of a phone",
                self.present_phones().any(|phone| phone.endpoint().live().sessions > 0),
            ),
        ];
        match left.iter().find(|(_, is_left)| *is_left) {
            Some((what, _)) => Err(Broken::LeftOver(what)),
            None => Ok(()),
        }
    }

    fn present_phones(&self) -> impl Iterator<Item = &Phone> {
        (0..self.phones.len())
            .map(|index| self.phone(index))
            .filter(|phone| !phone.has_vanished())
    }

    fn slot_holds(&self, slot: u32, leg: switch::LegId) -> bool {
        let slots = self.lots.iter().filter_map(|lot| self.pbx().switch().slots(lot));
        slots
            .flatten()
            .filter(|(number, parked)| number.0 == slot && *parked == leg)
            .count()
            == 1
    }
}

impl Machine for Member {
    type Output = Packet;

    fn handle_timeout(&mut self, now: Time) {
        match self {
            Self::Pbx(pbx) => pbx.handle_timeout(now),
            Self::Phone(phone) => phone.handle_timeout(now),
        }
    }

    fn poll_timeout(&self) -> Option<Time> {
        match self {
            Self::Pbx(pbx) => pbx.poll_timeout(),
            Self::Phone(phone) => phone.poll_timeout(),
        }
    }

    fn poll_output(&mut self) -> Option<Packet> {
        match self {
            Self::Pbx(pbx) => pbx.poll_output(),
            Self::Phone(phone) => phone.poll_output(),
        }
    }
}

impl Host for Member {
    fn ip(&self) -> IpAddr {
        match self {
            Self::Pbx(pbx) => pbx.ip(),
            Self::Phone(phone) => phone.ip(),
        }
    }

    fn receive(&mut self, now: Time, packet: Packet) {
        match self {
            Self::Pbx(pbx) => pbx.receive(now, packet),
            Self::Phone(phone) => phone.receive(now, packet),
        }
    }
}
