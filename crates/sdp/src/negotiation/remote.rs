//! What the peer wrote, and what follows from it.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use crate::codec::Codec;
use crate::direction::Direction;
use crate::error::NegotiationError;
use crate::parse;
use crate::session::{Media, MediaKind, Session};

use super::{Agreed, Negotiation, NegotiationConfig, Offered, RtcpMux, clamp_ptime, is_told_from_rtcp};

/// The peer's usable audio line.
pub(super) struct Remote {
    /// Its place among the `m=` lines.
    pub(super) index: usize,
    /// Whether the stream is open; a line with port 0 closes it while the session goes on.
    pub(super) open: bool,
    address: IpAddr,
    port: u16,
    rtcp: Option<SocketAddr>,
    codec: Codec,
    fmtp: Option<String>,
    send_payload: u8,
    receive_payload: u8,
    dtmf: Option<Dtmf>,
    ptime: Option<u16>,
    direction: Direction,
    rtcp_mux: Mux,
}

/// Where the peer wrote `a=rtcp-mux`.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Mux {
    Nowhere,
    /// In the session section, where it has no meaning.
    Session,
    Media,
}

struct Dtmf {
    send: u8,
    receive: u8,
    rate: u32,
}

/// Codec, its payload types, and the peer's parameters.
struct Chosen {
    codec: Codec,
    fmtp: Option<String>,
    send_payload: u8,
    receive_payload: u8,
    dtmf: Option<Dtmf>,
}

impl Remote {
    /// The first usable audio line of an offer; the one in use so far (`position`) is tried first.
    pub(super) fn from_offer(
        session: &Session,
        ours: &Negotiation,
        position: Option<usize>,
    ) -> Result<Self, NegotiationError> {
        let mut candidates: Vec<(usize, &Media)> = audio(session).collect();
        candidates.sort_by_key(|(index, _)| Some(*index) != position);
        let mut cause = None;
        for (index, media) in &candidates {
            let choose = || answer_codec(media, ours);
            match Self::usable(session, *index, media, &ours.config, choose) {
                Ok(remote) => return Ok(remote),
                Err(NegotiationError::NoAudio) => {}
                Err(error) => {
                    cause.get_or_insert(error);
                }
            }
        }
        let cause = cause.unwrap_or(NegotiationError::NoAudio);
        match (candidates.first(), &ours.agreed) {
            (Some((index, media)), Some(agreed)) if cause == NegotiationError::NoAudio => {
                Ok(Self::closed(session, *index, media, &ours.config, agreed))
            }
            _ => Err(cause),
        }
    }

    /// The audio line of an answer: in the place where we offered it, or the only one there is.
    pub(super) fn from_answer(
        session: &Session,
        offer: &Offered,
        ours: &Negotiation,
    ) -> Result<Self, NegotiationError> {
        let position = offer.lines.iter().position(|line| line.slot == super::Slot::Audio);
        let mut lines = audio(session);
        let found = lines
            .clone()
            .find(|(index, _)| Some(*index) == position)
            .or_else(|| lines.next());
        let (index, media) = found.ok_or(NegotiationError::NoAudio)?;
        let choose = || answered_codec(media, offer);
        match (Self::usable(session, index, media, &ours.config, choose), &ours.agreed) {
            (Err(NegotiationError::NoAudio), Some(agreed)) => {
                Ok(Self::closed(session, index, media, &ours.config, agreed))
            }
            (result, _) => result,
        }
    }

    fn usable(
        session: &Session,
        index: usize,
        media: &Media,
        config: &NegotiationConfig,
        choose: impl FnOnce() -> Option<Chosen>,
    ) -> Result<Self, NegotiationError> {
        if media.port == 0 {
            return Err(NegotiationError::NoAudio);
        }
        if !["RTP/AVP", "RTP/AVPF"]
            .iter()
            .any(|known| known.eq_ignore_ascii_case(&media.protocol))
        {
            return Err(NegotiationError::UnsupportedTransport);
        }
        let address = session
            .connection_of(media)
            .and_then(|connection| connection.address.ip());
        let address = address
            .filter(|ip| is_usable(*ip, config.address))
            .ok_or(NegotiationError::UnsupportedAddress)?;
        let chosen = choose().ok_or(NegotiationError::NoCommonCodec)?;
        Ok(Self {
            index,
            open: true,
            address,
            port: media.port,
            rtcp: rtcp(media, address, config.address),
            codec: chosen.codec,
            fmtp: chosen.fmtp,
            send_payload: chosen.send_payload,
            receive_payload: chosen.receive_payload,
            dtmf: chosen.dtmf,
            ptime: ptime(session, media),
            direction: session.direction_of(media),
            rtcp_mux: mux(session, media),
        })
    }

    /// A stream closed with port 0 in a running session: the codec stays, nothing flows.
    fn closed(session: &Session, index: usize, media: &Media, config: &NegotiationConfig, agreed: &Agreed) -> Self {
        let dtmf = agreed.dtmf_send.zip(agreed.dtmf_receive);
        Self {
            index,
            open: false,
            address: unspecified(config.address),
            port: 0,
            rtcp: None,
            codec: agreed.codec.clone(),
            fmtp: agreed.remote_fmtp.clone(),
            send_payload: agreed.send_payload,
            receive_payload: agreed.receive_payload,
            dtmf: dtmf.map(|(send, receive)| Dtmf {
                send,
                receive,
                rate: agreed.dtmf_clock_rate,
            }),
            ptime: Some(agreed.ptime_ms),
            direction: Direction::Inactive,
            rtcp_mux: mux(session, media),
        }
    }

    /// What holds once our answer is sent.
    pub(super) fn agree_to_offer(&self, config: &NegotiationConfig, wanted: Direction) -> Agreed {
        let peer = self.effective_direction();
        let mux = config.rtcp_mux != RtcpMux::Never;
        self.agreed(config, wanted.and(peer.reversed()), !peer.receives(), mux)
    }

    /// What holds now that the peer has answered. Where we offered not to send, the answer cannot tell whether the peer
    /// holds us, and what was true before stays true.
    pub(super) fn agree_to_answer(&self, config: &NegotiationConfig, offer: &Offered, held: bool) -> Agreed {
        let peer = self.effective_direction();
        let offered = offer.direction;
        let held = if offered.sends() || !self.open {
            !peer.receives()
        } else {
            held
        };
        self.agreed(config, offered.and(peer.reversed()), held, offer.rtcp_mux)
    }

    /// The peer's direction; one that gives nowhere to send to does not receive (RFC 3264 §8.4, the older way to hold).
    fn effective_direction(&self) -> Direction {
        Direction::new(
            self.direction.sends(),
            self.direction.receives() && !self.address.is_unspecified(),
        )
    }

    /// `mux` is whether we say that RTP and RTCP may share a port.
    fn agreed(&self, config: &NegotiationConfig, direction: Direction, held: bool, mux: bool) -> Agreed {
        let reachable = self.open && !self.address.is_unspecified();
        let remote = reachable.then(|| SocketAddr::new(self.address, self.port));
        let next = || self.port.checked_add(1).map(|port| SocketAddr::new(self.address, port));
        let dtmf = self.dtmf.iter().flat_map(|dtmf| [dtmf.send, dtmf.receive]);
        let mut payloads = [self.send_payload, self.receive_payload].into_iter().chain(dtmf);
        let rtcp_mux = mux && self.open && self.rtcp_mux == Mux::Media && payloads.all(is_told_from_rtcp);
        Agreed {
            remote,
            remote_rtcp: if rtcp_mux {
                remote
            } else {
                remote.and_then(|_| self.rtcp.or_else(next))
            },
            codec: self.codec.clone(),
            remote_fmtp: self.fmtp.clone(),
            send_payload: self.send_payload,
            receive_payload: self.receive_payload,
            dtmf_send: self.dtmf.as_ref().map(|dtmf| dtmf.send),
            dtmf_receive: self.dtmf.as_ref().map(|dtmf| dtmf.receive),
            dtmf_clock_rate: self.dtmf.as_ref().map_or(self.codec.clock_rate, |dtmf| dtmf.rate),
            ptime_ms: clamp_ptime(self.ptime.unwrap_or(config.ptime_ms)),
            direction,
            held,
            rtcp_mux,
            peer_rtcp_mux: self.rtcp_mux != Mux::Nowhere,
        }
    }
}

fn audio(session: &Session) -> impl Iterator<Item = (usize, &Media)> + Clone {
    session
        .media
        .iter()
        .enumerate()
        .filter(|(_, media)| media.kind == MediaKind::Audio)
}

/// For an answer: the first of our preferred codecs that is offered, or else the first offered that we know.
fn answer_codec(media: &Media, ours: &Negotiation) -> Option<Chosen> {
    let offered: Vec<(u8, Codec)> = codecs(media).collect();
    let find = |wanted: &Codec| offered.iter().find(|(_, codec)| codec.same_as(wanted));
    let known = |codec: &Codec| {
        ours.config
            .codecs
            .iter()
            .find(|(_, own)| own.same_as(codec))
            .map(|(_, own)| own)
    };
    let preferred = ours.preference.iter().find_map(find);
    let (payload, offer) = preferred.or_else(|| offered.iter().find(|(_, codec)| known(codec).is_some()))?;
    let codec = known(offer)?.clone();
    let event = ours
        .config
        .telephone_event
        .and_then(|_| event(&offered, codec.clock_rate));
    Some(Chosen {
        codec,
        fmtp: offer.fmtp.clone(),
        send_payload: *payload,
        receive_payload: *payload,
        dtmf: event.map(|(payload, rate)| Dtmf {
            send: payload,
            receive: payload,
            rate,
        }),
    })
}

/// From an answer: the first format that we offered. A dynamic one without `rtpmap` is what we offered under its number.
fn answered_codec(media: &Media, offer: &Offered) -> Option<Chosen> {
    let meant = |payload: u8| {
        let by_number = || offer.codecs.iter().find(|(own, _)| *own == payload);
        match media.codec(payload) {
            Some(named) => offer.codecs.iter().find(|(_, own)| own.same_as(&named)),
            None => by_number(),
        }
    };
    let (send_payload, (receive_payload, codec)) = media
        .payload_types()
        .find_map(|payload| Some((payload, meant(payload)?)))?;
    let answered: Vec<(u8, Codec)> = codecs(media).collect();
    let dtmf = offer.telephone_event.and_then(|(receive, rate)| {
        let named = answered
            .iter()
            .find(|(_, codec)| codec.is_telephone_event() && codec.clock_rate == rate);
        let unnamed = || {
            media
                .payload_types()
                .find(|payload| *payload == receive && media.codec(*payload).is_none())
        };
        let send = named.map(|(payload, _)| *payload).or_else(unnamed)?;
        Some(Dtmf { send, receive, rate })
    });
    Some(Chosen {
        codec: codec.clone(),
        fmtp: media.codec(send_payload).and_then(|codec| codec.fmtp),
        send_payload,
        receive_payload: *receive_payload,
        dtmf,
    })
}

fn codecs(media: &Media) -> impl Iterator<Item = (u8, Codec)> + '_ {
    media
        .payload_types()
        .filter_map(|payload| Some((payload, media.codec(payload)?)))
}

/// `telephone-event` at the codec's clock rate, or else at any.
fn event(offered: &[(u8, Codec)], clock_rate: u32) -> Option<(u8, u32)> {
    let mut events = offered.iter().filter(|(_, codec)| codec.is_telephone_event());
    let matching = events.clone().find(|(_, codec)| codec.clock_rate == clock_rate);
    matching
        .or_else(|| events.next())
        .map(|(payload, codec)| (*payload, codec.clock_rate))
}

/// `a=rtcp-mux` has a meaning for one stream (RFC 5761 §8).
fn mux(session: &Session, media: &Media) -> Mux {
    if media.attribute("rtcp-mux").is_some() {
        Mux::Media
    } else if session.attribute_of(media, "rtcp-mux").is_some() {
        Mux::Session
    } else {
        Mux::Nowhere
    }
}

/// `a=rtcp:port` with or without an address (RFC 3605 §2.1); one that cannot be used is overlooked.
fn rtcp(media: &Media, address: IpAddr, ours: IpAddr) -> Option<SocketAddr> {
    let value = media.attribute("rtcp")?;
    let (port, rest) = value.split_once(' ').unwrap_or((value, ""));
    let port = port.parse().ok().filter(|port| *port != 0)?;
    let address = match rest.trim_ascii() {
        "" => address,
        rest => parse::address(rest)?
            .ip()
            .filter(|ip| is_usable(*ip, ours) && !ip.is_unspecified())?,
    };
    Some(SocketAddr::new(address, port))
}

/// The packet time that the peer wants to receive, within what it can take. Some write fractions.
fn ptime(session: &Session, media: &Media) -> Option<u16> {
    let read = |name| {
        let value = session.attribute_of(media, name)?;
        let digits = value
            .split(|c: char| !c.is_ascii_digit())
            .next()
            .filter(|digits| !digits.is_empty())?;
        Some(digits.parse().unwrap_or(u16::MAX))
    };
    match (read("ptime"), read("maxptime").filter(|most| *most > 0)) {
        (Some(time), Some(most)) => Some(time.min(most)),
        (time, _) => time,
    }
}

/// A unicast address of our own family, or one that says "nowhere".
fn is_usable(ip: IpAddr, ours: IpAddr) -> bool {
    let broadcast = ip == IpAddr::V4(Ipv4Addr::BROADCAST);
    ip.is_ipv4() == ours.is_ipv4() && !ip.is_multicast() && !broadcast
}

fn unspecified(like: IpAddr) -> IpAddr {
    match like {
        IpAddr::V4(_) => IpAddr::V4(Ipv4Addr::UNSPECIFIED),
        IpAddr::V6(_) => IpAddr::V6(std::net::Ipv6Addr::UNSPECIFIED),
    }
}
