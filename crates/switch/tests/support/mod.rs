//! A switch with phones that are nothing but SIP endpoints: a test says each of their words, and sees each of the switch's.
#![allow(
    dead_code,
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::wildcard_enum_match_arm,
    reason = "each test file uses its part, and a failed test is a panic"
)]

mod ledger;
mod media;

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::time::Duration;

use bytes::Bytes;
pub(crate) use ledger::Ledger;
use machine::{Machine, Time};
pub(crate) use media::Media;
use rtp_media::{Command, Source, StreamId};
use sip_core::header::EventHeader;
use sip_core::{
    Body, Credentials, Endpoint, EndpointConfig, Event as Sip, Flow, HeaderName, Host, Invite, Message, Method,
    NameAddr, OutOfDialog, Reply, Request, SessionId, StatusCode, Subscribe, SubscriptionEnd, Transport, Uri,
};
use switch::{Config, Event, Extension, Input, LegView, Lot, Output, Place, Switch};

pub(crate) const SECOND: Duration = Duration::from_secs(1);
pub(crate) const PBX: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::new(10, 0, 0, 1)), 5060);

/// What was done to the switch, to do it to another.
#[derive(Clone, Debug)]
pub(crate) enum Done {
    Input(Input),
    Timeout,
}

pub(crate) struct Desk {
    pub(crate) switch: Switch,
    pub(crate) phones: Vec<Endpoint>,
    pub(crate) now: Time,
    pub(crate) inbox: Vec<Vec<Sip>>,
    pub(crate) events: Vec<Event>,
    pub(crate) commands: Vec<Command>,
    pub(crate) media: Media,
    pub(crate) ledger: Ledger,
    pub(crate) journal: Vec<(Time, Done)>,
    /// Every output in its debug form, to compare.
    pub(crate) said: Vec<String>,
    /// Phones that neither hear nor speak any more.
    pub(crate) deaf: Vec<usize>,
    /// Phones that are called say at once that they ring.
    pub(crate) alerting: bool,
    /// Changes what the phones send before it arrives.
    pub(crate) tamper: Option<fn(&mut Request)>,
}

/// Four extensions, 1001 to 1004, a lot with two slots, and `*88` for the call parked longest.
pub(crate) fn config() -> Config {
    let mut config = Config::new("pbx.test");
    for number in 1001..=1004 {
        config
            .extensions
            .push(Extension::new(&number.to_string(), &format!("Desk {number}"), "secret"));
    }
    let mut lot = Lot::new("700", 701..=702);
    lot.retrieve = Some("*88".to_owned());
    config.lots.push(lot);
    config.listen = vec![(Transport::Udp, PBX)];
    config.media_address = PBX.ip();
    config
}

pub(crate) fn address(phone: usize) -> SocketAddr {
    let [host, ..] = phone.to_le_bytes();
    SocketAddr::new(IpAddr::V4(Ipv4Addr::new(10, 1, 0, host)), 5060)
}

/// A phone's SDP: `direction` as seen by the phone.
pub(crate) fn sdp(phone: usize, direction: &str) -> Bytes {
    let ip = address(phone).ip();
    Bytes::from(format!(
        "v=0\r\no=- 1 1 IN IP4 {ip}\r\ns=-\r\nc=IN IP4 {ip}\r\nt=0 0\r\nm=audio 4000 RTP/AVP 0 8 101\r\n\
         a=rtpmap:101 telephone-event/8000\r\na={direction}\r\n"
    ))
}

pub(crate) fn uri(number: &str) -> Uri {
    Uri::sip(Some(number), Host::from("pbx.test"), None)
}

impl Desk {
    pub(crate) fn new(change: impl FnOnce(&mut Config)) -> Self {
        let mut config = config();
        change(&mut config);
        let switch = Switch::new(config.clone(), [7; 32]).unwrap();
        let phones = (0..config.extensions.len())
            .map(|phone| {
                let [own, ..] = phone.to_le_bytes();
                let mut config = EndpointConfig::new([(Transport::Udp, address(phone))]);
                config.refer_expires = SECOND * 3600;
                config.max_ringing = SECOND * 3600;
                Endpoint::new(config, [own; 32])
            })
            .collect::<Vec<_>>();
        let mut desk = Self {
            switch,
            inbox: phones.iter().map(|_| Vec::new()).collect(),
            phones,
            now: Time::from_secs(1_800_000_000),
            events: Vec::new(),
            commands: Vec::new(),
            journal: Vec::new(),
            said: Vec::new(),
            deaf: Vec::new(),
            alerting: false,
            tamper: None,
            media: Media::default(),
            ledger: Ledger::default(),
        };
        for phone in 0..desk.phones.len() {
            desk.register(phone, 3600);
        }
        desk.events.clear();
        desk.commands.clear();
        desk
    }

    pub(crate) fn number(phone: usize) -> String {
        (1001 + phone).to_string()
    }

    pub(crate) fn flow(phone: usize) -> Flow {
        Flow::udp(address(phone), PBX)
    }

    pub(crate) fn register(&mut self, phone: usize, seconds: u32) {
        let who = NameAddr::new(uri(&Self::number(phone)));
        let target = Uri::sip(None, Host::from("pbx.test"), None);
        let mut register = OutOfDialog::new(Method::Register, target, who.clone(), who);
        register.flow = Some(Self::flow(phone));
        register.credentials = Some(Credentials::new(Self::number(phone), "secret"));
        register.contact_user = Some(Self::number(phone));
        register.headers = vec![(HeaderName::Expires, Bytes::from(seconds.to_string()))];
        let now = self.now;
        self.phones[phone].send(now, register).unwrap();
        self.pump();
    }

    /// An INVITE, before it is sent.
    pub(crate) fn invitation(phone: usize, number: &str, body: Option<Bytes>) -> Invite {
        let mut invite = Invite::new(
            uri(number),
            NameAddr::new(uri(&Self::number(phone))),
            NameAddr::new(uri(number)),
        );
        invite.flow = Some(Self::flow(phone));
        invite.credentials = Some(Credentials::new(Self::number(phone), "secret"));
        invite.contact_user = Some(Self::number(phone));
        invite.body = body.map(Body::sdp);
        invite
    }

    pub(crate) fn invite(&mut self, phone: usize, invite: Invite) -> SessionId {
        let now = self.now;
        let session = self.phones[phone].invite(now, invite).unwrap();
        self.pump();
        session
    }

    pub(crate) fn dial(&mut self, phone: usize, number: &str) -> SessionId {
        self.invite(phone, Self::invitation(phone, number, Some(sdp(phone, "sendrecv"))))
    }

    /// The last call by which a phone was rung.
    pub(crate) fn rung(&self, phone: usize) -> SessionId {
        let mut calls = self.inbox[phone].iter().rev();
        calls
            .find_map(|event| match event {
                Sip::Invite { session, .. } => Some(*session),
                _ => None,
            })
            .expect("the phone was rung")
    }

    pub(crate) fn answer(&mut self, phone: usize) -> SessionId {
        let session = self.rung(phone);
        let now = self.now;
        let reply = Reply::new().body(Body::sdp(sdp(phone, "sendrecv")));
        self.phones[phone].answer(now, session, reply).unwrap();
        self.pump();
        session
    }

    pub(crate) fn ring(&mut self, phone: usize) {
        let (session, now) = (self.rung(phone), self.now);
        self.phones[phone]
            .provisional(now, session, StatusCode::RINGING, Reply::new())
            .unwrap();
        self.pump();
    }

    pub(crate) fn reject(&mut self, phone: usize, status: StatusCode) {
        let (session, now) = (self.rung(phone), self.now);
        self.phones[phone].reject(now, session, status, Reply::new()).unwrap();
        self.pump();
    }

    /// Two phones in a call: the caller's session and the callee's.
    pub(crate) fn call(&mut self, from: usize, to: usize) -> (SessionId, SessionId) {
        let caller = self.dial(from, &Self::number(to));
        let callee = self.answer(to);
        (caller, callee)
    }

    pub(crate) fn hang_up(&mut self, phone: usize, session: SessionId) {
        let now = self.now;
        self.phones[phone].hang_up(now, session, None).unwrap();
        self.pump();
    }

    pub(crate) fn reinvite(&mut self, phone: usize, session: SessionId, direction: &str) {
        let now = self.now;
        let reply = Reply::new().body(Body::sdp(sdp(phone, direction)));
        self.phones[phone].reinvite(now, session, reply).unwrap();
        self.pump();
    }

    pub(crate) fn refer(&mut self, phone: usize, session: SessionId, number: &str) {
        self.refer_to(phone, session, uri(number));
    }

    pub(crate) fn refer_to(&mut self, phone: usize, session: SessionId, target: Uri) {
        let now = self.now;
        self.phones[phone]
            .refer(now, session, NameAddr::new(target), Reply::new())
            .unwrap();
        self.pump();
    }

    /// A transfer of `session` to whom the phone speaks with in `other`.
    pub(crate) fn refer_attended(&mut self, phone: usize, session: SessionId, other: SessionId) {
        let target = uri("whoever").with_header("Replaces", &self.replaces(phone, other));
        self.refer_to(phone, session, target);
    }

    /// A dialog as `Replaces` names it.
    pub(crate) fn replaces(&self, phone: usize, session: SessionId) -> String {
        let info = self.phones[phone].session_info(session).unwrap();
        let [call_id, remote, local] =
            [&info.call_id, &info.remote_tag, &info.local_tag].map(|bytes| String::from_utf8_lossy(bytes).into_owned());
        format!("{call_id};to-tag={remote};from-tag={local}")
    }

    pub(crate) fn info(&mut self, phone: usize, session: SessionId, content_type: &str, body: &str) -> StatusCode {
        let now = self.now;
        let mut reply = Reply::new();
        if !content_type.is_empty() {
            reply = reply.body(Body::new(content_type.to_owned(), body.to_owned()));
        }
        let id = self.phones[phone].request(now, session, Method::Info, reply).unwrap();
        self.pump();
        let mut inbox = self.inbox[phone].iter();
        inbox
            .find_map(|event| match event {
                Sip::Response { request_id, status, .. } if *request_id == id => Some(*status),
                _ => None,
            })
            .expect("an INFO is answered at once")
    }

    /// Watches a number; the status with which that was refused.
    pub(crate) fn watch(&mut self, phone: usize, number: &str) -> Option<StatusCode> {
        let (own, event) = (uri(&Self::number(phone)), EventHeader::new("dialog"));
        let to = NameAddr::new(uri(number));
        let mut subscribe = Subscribe::new(uri(number), NameAddr::new(own), to, event, SECOND * 3600);
        subscribe.flow = Some(Self::flow(phone));
        subscribe.credentials = Some(Credentials::new(Self::number(phone), "secret"));
        subscribe.contact_user = Some(Self::number(phone));
        let now = self.now;
        let id = self.phones[phone].subscribe(now, subscribe).unwrap();
        self.pump();
        self.inbox[phone].iter().find_map(|event| match event {
            Sip::SubscriptionEnded {
                subscription,
                cause: SubscriptionEnd::Refused(status),
            } if *subscription == id => Some(*status),
            _ => None,
        })
    }

    /// How often a phone was told of what it watches.
    pub(crate) fn lamps(&self, phone: usize) -> usize {
        let told = self.inbox[phone].iter();
        told.filter(|event| matches!(event, Sip::Notified { .. })).count()
    }

    /// The last that a phone was told of what it watches.
    pub(crate) fn lamp(&self, phone: usize) -> String {
        let told = self.inbox[phone].iter().rev().find_map(|event| match event {
            Sip::Notified { request, .. } => Some(String::from_utf8(request.body().to_vec()).unwrap()),
            _ => None,
        });
        told.expect("the state is told at once")
    }

    /// Digits by SIP INFO.
    pub(crate) fn digits(&mut self, phone: usize, session: SessionId, digits: &str) {
        for digit in digits.chars() {
            let status = self.info(phone, session, "application/dtmf-relay", &format!("Signal={digit}\r\n"));
            assert_eq!(status, StatusCode::OK);
        }
    }

    /// The stream of an extension's only leg.
    pub(crate) fn stream(&self, phone: usize) -> StreamId {
        let legs = self.legs(phone);
        assert_eq!(legs.len(), 1, "{legs:?}");
        legs[0].stream
    }

    /// What an extension hears: a source, or whom its stream is bridged with.
    pub(crate) fn hears(&self, phone: usize) -> Option<Source> {
        let stream = self.stream(phone);
        self.media.playing.get(&stream).map(|(_, source)| source.clone())
    }

    /// Whether two extensions with one leg each hear each other and nothing else.
    pub(crate) fn talk(&self, a: usize, b: usize) -> bool {
        let bridged = self.media.bridges.get(&self.stream(a)) == Some(&self.stream(b));
        bridged && self.hears(a).is_none() && self.hears(b).is_none()
    }

    /// The announcement that an extension hears is over.
    pub(crate) fn announced(&mut self, phone: usize) {
        let stream = self.stream(phone);
        let (play, source) = self.media.playing.remove(&stream).expect("something is played");
        assert!(matches!(source, Source::Prompt(_)), "{source:?}");
        self.media(rtp_media::Event::PlayEnded {
            stream,
            play,
            completed: true,
        });
    }

    /// What the media engine tells.
    pub(crate) fn media(&mut self, event: rtp_media::Event) {
        self.give(Input::Media(event));
        self.pump();
    }

    pub(crate) fn input(&mut self, input: Input) {
        self.give(input);
        self.pump();
    }

    fn give(&mut self, input: Input) {
        self.journal.push((self.now, Done::Input(input.clone())));
        self.switch.handle(self.now, input);
    }

    /// The status with which a phone's call failed, or its transfer ended.
    pub(crate) fn failure(&self, phone: usize, call: SessionId) -> Option<StatusCode> {
        self.inbox[phone].iter().find_map(|event| match event {
            Sip::Failed { session, status, .. } if *session == call => Some(*status),
            _ => None,
        })
    }

    pub(crate) fn transfer_result(&self, phone: usize) -> Option<StatusCode> {
        self.inbox[phone].iter().rev().find_map(|event| match event {
            Sip::ReferNotified {
                status,
                terminated: true,
                ..
            } => Some(*status),
            _ => None,
        })
    }

    pub(crate) fn ended(&self, phone: usize, call: SessionId) -> bool {
        self.inbox[phone]
            .iter()
            .any(|event| matches!(event, Sip::Ended { session, .. } if *session == call))
    }

    pub(crate) fn heard_reinvited(&self, phone: usize) -> Option<StatusCode> {
        self.inbox[phone].iter().rev().find_map(|event| match event {
            Sip::Reinvited { response, .. } => Some(response.status()),
            _ => None,
        })
    }

    pub(crate) fn rings(&self, phone: usize) -> usize {
        self.inbox[phone]
            .iter()
            .filter(|event| matches!(event, Sip::Invite { .. }))
            .count()
    }

    /// The legs of an extension.
    pub(crate) fn legs(&self, phone: usize) -> Vec<LegView> {
        let number = Self::number(phone);
        self.switch.legs().filter(|leg| leg.number == number).collect()
    }

    pub(crate) fn place(&self, phone: usize) -> Place {
        let legs = self.legs(phone);
        assert_eq!(legs.len(), 1, "{legs:?}");
        legs[0].place
    }

    pub(crate) fn slots(&self) -> Vec<u32> {
        self.switch.slots("700").unwrap().map(|(slot, _)| slot.0).collect()
    }

    pub(crate) fn count(&self, like: impl Fn(&Event) -> bool) -> usize {
        self.events.iter().filter(|event| like(event)).count()
    }

    /// Lets time go by.
    pub(crate) fn wait(&mut self, duration: Duration) {
        let until = self.now + duration;
        for _ in 0..100_000 {
            let phones = self.phones.iter().filter_map(Machine::poll_timeout).min();
            let next = [self.switch.poll_timeout(), phones].into_iter().flatten().min();
            let Some(next) = next.filter(|next| *next <= until) else {
                self.now = until;
                return;
            };
            self.now = self.now.max(next);
            if self.switch.poll_timeout().is_some_and(|at| at <= self.now) {
                self.journal.push((self.now, Done::Timeout));
                self.switch.handle_timeout(self.now);
            }
            for phone in &mut self.phones {
                phone.handle_timeout(self.now);
            }
            self.pump();
        }
        panic!("time stands still at {:?}", self.now);
    }

    /// Carries every packet to where it goes, at once, and checks the switch's tables.
    pub(crate) fn pump(&mut self) {
        for _ in 0..10_000 {
            if let Some(output) = self.switch.poll_output() {
                self.said.push(format!("{output:?}"));
                self.deliver(output);
            } else if !self.pump_phones() {
                self.switch.audit().unwrap();
                return;
            }
        }
        panic!("endless talk");
    }

    fn deliver(&mut self, output: Output) {
        match output {
            Output::Sip(transmit) => {
                if transmit.flow.remote == PBX {
                    let flow = Flow::udp(PBX, PBX);
                    return self.give(Input::Sip {
                        flow,
                        data: transmit.data,
                    });
                }
                let phone = (0..self.phones.len()).find(|phone| address(*phone) == transmit.flow.remote);
                if let Some(phone) = phone.filter(|phone| !self.deaf.contains(phone)) {
                    self.phones[phone].receive(self.now, Self::flow(phone), transmit.data);
                }
            }
            Output::Media(command) => {
                self.media.take(&command);
                self.commands.push(command);
            }
            Output::Event(event) => {
                self.ledger.book(&event);
                self.events.push(event);
            }
            _ => {}
        }
    }

    fn pump_phones(&mut self) -> bool {
        let mut busy = false;
        for phone in 0..self.phones.len() {
            while let Some(output) = self.phones[phone].poll_output() {
                busy = true;
                match output {
                    sip_core::Output::Transmit(transmit)
                        if transmit.flow.remote == PBX && !self.deaf.contains(&phone) =>
                    {
                        let flow = Flow::udp(PBX, address(phone));
                        let data = self.tampered(transmit.data);
                        self.give(Input::Sip { flow, data });
                    }
                    sip_core::Output::Event(event) => {
                        self.react(phone, &event);
                        self.inbox[phone].push(event);
                    }
                    _ => {}
                }
            }
        }
        busy
    }

    fn tampered(&self, data: Bytes) -> Bytes {
        match (self.tamper, Message::parse(data.clone())) {
            (Some(tamper), Ok(Message::Request(mut request))) => {
                tamper(&mut request);
                request.to_bytes()
            }
            _ => data,
        }
    }

    /// What any phone does by itself: it answers an OPTIONS in a call, and rings if it is to.
    fn react(&mut self, phone: usize, event: &Sip) {
        if let Sip::Request { request_id, .. } = event {
            let now = self.now;
            let _ = self.phones[phone].respond(now, *request_id, StatusCode::OK, Reply::new());
        }
        if let (Sip::Invite { session, .. }, true) = (event, self.alerting) {
            let now = self.now;
            let _ = self.phones[phone].provisional(now, *session, StatusCode::RINGING, Reply::new());
        }
    }

    /// Time enough for every timer of SIP; then nothing may be left.
    pub(crate) fn check_idle(&mut self) {
        self.wait(SECOND * 100);
        let live = self.switch.endpoint().live();
        assert_eq!(self.switch.legs().collect::<Vec<_>>(), []);
        assert_eq!(self.switch.call_count(), 0);
        assert_eq!((live.sessions, live.refers, live.requests), (0, 0, 0), "{live:?}");
        let parked = |lot| self.switch.slots(lot).into_iter().flatten().count();
        assert_eq!(["700", "710", "720"].map(parked), [0; 3]);
        let opened = self
            .commands
            .iter()
            .filter(|c| matches!(c, Command::Open { .. }))
            .count();
        let closed = self
            .commands
            .iter()
            .filter(|c| matches!(c, Command::Close { .. }))
            .count();
        assert_eq!(opened, closed, "streams");
        let started = self.count(|event| matches!(event, Event::CallStarted { .. }));
        let ended = self.count(|event| matches!(event, Event::CallEnded(_)));
        assert_eq!(started, ended, "calls");
    }
}
