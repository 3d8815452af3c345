//! A virtual phone: what a person can do with it, and what it goes through.

mod call;
mod command;
mod config;
mod log;
mod media;
mod rtp;
mod sip;

use std::collections::{BTreeMap, VecDeque};
use std::net::{IpAddr, SocketAddr};

use bytes::Bytes;
use machine::{Machine, Time};
use rand_chacha::ChaCha12Rng;
use rand_core::{Rng, SeedableRng};
use sdp::NegotiationError;
use sip_core::event::dialog_info::DialogState;
use sip_core::{Endpoint, EndpointConfig, EndpointError, Flow, RequestId, SessionId, SubscriptionId, Transport};
use thiserror::Error;

use crate::network::Packet;
use crate::streams::{self, Streams};
use crate::world::Host;

pub use call::{Call, CallState, Sound};
pub use config::{Answer, PhoneConfig};
pub use log::{CallId, Entry, Happening, LOG_LIMIT};

/// Why a phone did not do as it was told. Nothing changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum PhoneError {
    /// There is no such call, or no more.
    #[error("no such call")]
    NoCall,
    /// Not possible as the call stands.
    #[error("not possible in this state of the call")]
    WrongState,
    /// The phone is switched off.
    #[error("the phone has vanished")]
    Vanished,
    /// Not a digit that a phone has.
    #[error("not a digit")]
    BadDigit,
    /// The other side does not take digits.
    #[error("digits were not agreed")]
    NoDigits,
    /// The SIP endpoint refused.
    #[error(transparent)]
    Endpoint(#[from] EndpointError),
    /// The negotiation refused.
    #[error(transparent)]
    Negotiation(#[from] NegotiationError),
}

/// A phone made of a SIP [`Endpoint`] and an [`sdp::Negotiation`] for each call; it registers, calls, rings, answers, holds,
/// transfers, dials digits, watches other numbers, hangs up, and can vanish. It keeps a [log](Self::log) of what it went through.
///
/// ```
/// use sim::{Answer, CallState, Phone, PhoneConfig, World};
/// use sip_core::Uri;
/// use std::time::Duration;
///
/// let mut world = World::new([1; 32]);
/// let alice = world.add(Phone::new(PhoneConfig::new("192.0.2.1".parse().unwrap(), "1001"), [1; 32]));
/// let mut config = PhoneConfig::new("192.0.2.2".parse().unwrap(), "1002");
/// config.answer = Answer::After(Duration::from_secs(2));
/// let bob = world.add(Phone::new(config, [2; 32]));
///
/// let target = Uri::parse(b"sip:1002@192.0.2.2").unwrap();
/// let call = world.act(alice, |phone, now| phone.call(now, target)).unwrap().unwrap();
/// world.run_for(Duration::from_secs(3)).unwrap();
/// assert_eq!(world.host(alice).get(call).unwrap().state(), CallState::Talking);
/// assert_eq!(world.host(bob).calls().count(), 1);
///
/// world.act(alice, |phone, now| phone.hang_up(now, call)).unwrap().unwrap();
/// world.run_for(Duration::from_secs(1)).unwrap();
/// assert_eq!(world.host(bob).calls().count(), 0);
/// ```
#[derive(Debug)]
pub struct Phone {
    config: PhoneConfig,
    endpoint: Endpoint,
    streams: Streams,
    now: Time,
    calls: BTreeMap<CallId, Call>,
    sessions: BTreeMap<SessionId, CallId>,
    rtp_ports: BTreeMap<u16, CallId>,
    watches: BTreeMap<SubscriptionId, String>,
    lamps: BTreeMap<String, BTreeMap<String, DialogState>>,
    registration: Registration,
    schedule: BTreeMap<(Time, u64), Task>,
    scheduled: u64,
    log: VecDeque<Entry>,
    outputs: VecDeque<Packet>,
    vanished: bool,
    next_call: u32,
    next_port: u16,
    rng: ChaCha12Rng,
}

/// What the phone knows of being registered.
#[derive(Debug, Default)]
struct Registration {
    call_id: Bytes,
    sequence: u32,
    request: Option<RequestId>,
    wanted: bool,
    registered: bool,
}

/// What is to be done later.
#[derive(Debug)]
enum Task {
    Register,
    Answer(CallId),
    Speak(CallId),
    Digit(CallId, media::DigitPacket),
}

/// The first of the ports on which audio is received.
const FIRST_RTP_PORT: u16 = 10_000;

impl Phone {
    /// A phone that has just been switched on. It registers when it is told to.
    #[must_use]
    pub fn new(config: PhoneConfig, seed: [u8; 32]) -> Self {
        let mut rng = ChaCha12Rng::from_seed(seed);
        Self {
            endpoint: endpoint(&config, &mut rng),
            streams: Streams::new(config.ip),
            registration: Registration::new(&mut rng),
            config,
            now: Time::ZERO,
            calls: BTreeMap::new(),
            sessions: BTreeMap::new(),
            rtp_ports: BTreeMap::new(),
            watches: BTreeMap::new(),
            lamps: BTreeMap::new(),
            schedule: BTreeMap::new(),
            scheduled: 0,
            log: VecDeque::new(),
            outputs: VecDeque::new(),
            vanished: false,
            next_call: 1,
            next_port: FIRST_RTP_PORT,
            rng,
        }
    }

    /// What it is set to.
    #[must_use]
    pub fn config(&self) -> &PhoneConfig {
        &self.config
    }

    /// Its settings, to change what it does from now on.
    pub fn config_mut(&mut self) -> &mut PhoneConfig {
        &mut self.config
    }

    /// A call that is going on.
    #[must_use]
    pub fn get(&self, call: CallId) -> Option<&Call> {
        self.calls.get(&call)
    }

    /// The calls that are going on, oldest first.
    pub fn calls(&self) -> impl Iterator<Item = (CallId, &Call)> {
        self.calls.iter().map(|(id, call)| (*id, call))
    }

    /// Whether it is registered, as far as it knows.
    #[must_use]
    pub fn is_registered(&self) -> bool {
        self.registration.registered
    }

    /// Whether it was switched off.
    #[must_use]
    pub fn has_vanished(&self) -> bool {
        self.vanished
    }

    /// The states of the calls of a watched number; `None` where it is not watched or nothing was heard of it yet.
    #[must_use]
    pub fn lamp(&self, number: &str) -> Option<Vec<DialogState>> {
        Some(self.lamps.get(number)?.values().copied().collect())
    }

    /// What it went through, oldest first; the last [`LOG_LIMIT`] entries.
    pub fn log(&self) -> impl DoubleEndedIterator<Item = &Entry> {
        self.log.iter()
    }

    /// Whether something like this is in the log.
    pub fn went_through(&self, like: impl Fn(&Happening) -> bool) -> bool {
        self.log.iter().any(|entry| like(&entry.what))
    }

    /// The SIP machine underneath, for its counters and leftovers.
    #[must_use]
    pub fn endpoint(&self) -> &Endpoint {
        &self.endpoint
    }

    fn note(&mut self, what: Happening) {
        if self.log.len() >= LOG_LIMIT {
            self.log.pop_front();
        }
        self.log.push_back(Entry { at: self.now, what });
    }

    fn after(&mut self, delay: std::time::Duration, task: Task) {
        self.schedule.insert((self.now + delay, self.scheduled), task);
        self.scheduled += 1;
    }

    /// Takes a call out of every table.
    fn forget(&mut self, id: CallId) -> Option<Call> {
        let call = self.calls.remove(&id)?;
        self.sessions.remove(&call.session);
        self.rtp_ports.remove(&call.local_rtp.port());
        Some(call)
    }

    /// Lets the endpoint say all it has to say.
    fn settle(&mut self) {
        while let Some(output) = self.endpoint.poll_output() {
            match output {
                sip_core::Output::Transmit(transmit) => {
                    if let Some(opened) = self.streams.transmit(transmit, &mut self.outputs) {
                        self.endpoint.connection_opened(self.now, opened);
                    }
                }
                sip_core::Output::CloseConnection(id) => {
                    self.outputs.extend(self.streams.close(id));
                    self.endpoint.connection_closed(self.now, id);
                }
                sip_core::Output::Event(event) => self.on_event(event),
            }
        }
    }

    fn do_task(&mut self, task: Task) {
        match task {
            Task::Register => {
                if self.registration.wanted {
                    // A phone that cannot register now tries again when the answer, or none, has come.
                    let _ = self.send_register(self.config.expires);
                }
            }
            Task::Answer(call) => {
                let _ = self.pick_up(call);
            }
            Task::Speak(call) => self.speak(call),
            Task::Digit(call, packet) => self.send_digit_packet(call, packet),
        }
    }

    /// The way to the proxy; `None` where there is none.
    fn flow(&self) -> Option<Flow> {
        let remote = self.config.proxy?;
        Some(Flow {
            transport: self.config.transport,
            local: self.config.sip_address(),
            remote,
            connection: None,
        })
    }
}

impl Registration {
    fn new(rng: &mut ChaCha12Rng) -> Self {
        Self {
            call_id: Bytes::from(format!("{:016x}@phone", rng.next_u64())),
            sequence: 1,
            ..Self::default()
        }
    }
}

impl Machine for Phone {
    type Output = Packet;

    fn handle_timeout(&mut self, now: Time) {
        self.now = self.now.max(now);
        if self.vanished {
            return;
        }
        self.endpoint.handle_timeout(self.now);
        self.settle();
        while let Some(entry) = self.schedule.first_entry().filter(|entry| entry.key().0 <= self.now) {
            let task = entry.remove();
            self.do_task(task);
            self.settle();
        }
    }

    fn poll_timeout(&self) -> Option<Time> {
        if self.vanished {
            return None;
        }
        let own = self.schedule.keys().next().map(|(time, _)| *time);
        own.into_iter().chain(self.endpoint.poll_timeout()).min()
    }

    fn poll_output(&mut self) -> Option<Packet> {
        self.outputs.pop_front()
    }
}

impl Host for Phone {
    fn ip(&self) -> IpAddr {
        self.config.ip
    }

    fn receive(&mut self, now: Time, packet: Packet) {
        self.now = self.now.max(now);
        if self.vanished {
            return;
        }
        if packet.to.port() >= FIRST_RTP_PORT && matches!(packet.payload, crate::Payload::Datagram(_)) {
            self.hear(packet);
            return;
        }
        if let Some(arrival) = self.streams.receive(packet) {
            streams::deliver(&mut self.endpoint, self.now, arrival);
        }
        self.settle();
    }
}

fn endpoint(config: &PhoneConfig, rng: &mut ChaCha12Rng) -> Endpoint {
    let other = if config.transport == Transport::Udp {
        Transport::Tcp
    } else {
        Transport::Udp
    };
    let listen: [(Transport, SocketAddr); 2] = [config.transport, other].map(|t| (t, config.sip_address()));
    let mut endpoint = EndpointConfig::new(listen);
    endpoint.user_agent = "Strowger virtual phone".to_owned();
    let mut seed = [0; 32];
    rng.fill_bytes(&mut seed);
    Endpoint::new(endpoint, seed)
}
