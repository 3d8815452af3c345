//! One audio stream's offers and answers (RFC 3264).

mod local;
mod payload;
mod remote;

use std::net::{IpAddr, SocketAddr};

use bytes::Bytes;

use crate::codec::Codec;
use crate::direction::Direction;
use crate::error::NegotiationError;
use crate::limits::Limits;
use crate::session::Session;

use local::{Line, Slot};
use payload::PayloadMap;
use remote::Remote;

/// What a [`Negotiation`] has to offer. Made with [`new`](Self::new); the fields may then be changed.
///
/// ```
/// use sdp::{Codec, Negotiation, NegotiationConfig};
///
/// let mut config = NegotiationConfig::new("2001:db8::1".parse().unwrap(), 40_000, 7);
/// config.codecs = vec![(9, Codec::G722), (8, Codec::PCMA)];
/// config.telephone_event = None;
/// let offer = Negotiation::new(config).offer()?;
/// assert!(String::from_utf8_lossy(&offer).contains("m=audio 40000 RTP/AVP 9 8\r\n"));
/// # Ok::<(), sdp::NegotiationError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[non_exhaustive]
pub struct NegotiationConfig {
    /// Codecs with the payload types under which we offer them, in our order of preference. Default: PCMA as 8, PCMU as 0.
    pub codecs: Vec<(u8, Codec)>,
    /// Payload type under which we offer `telephone-event` (RFC 4733); `None` neither offers nor accepts it. Default 101.
    pub telephone_event: Option<u8>,
    /// Milliseconds of audio a packet: what we ask for, and send where the peer does not say. Default 20; clamped like the
    /// peer's, see [`Agreed::ptime_ms`].
    pub ptime_ms: u16,
    /// Where we receive.
    pub address: IpAddr,
    /// Port on which we receive RTP; RTCP is received on the next, unless [`Agreed::rtcp_mux`].
    pub port: u16,
    /// Whether RTP and RTCP may share a port (RFC 5761). Default: [`RtcpMux::Never`].
    pub rtcp_mux: RtcpMux,
    /// Names the session in `o=`; the top bit is dropped (RFC 3264 §5).
    pub session_id: u64,
    /// How much of the peer's description is read.
    pub limits: Limits,
}

impl NegotiationConfig {
    /// G.711 and `telephone-event` in packets of 20 ms, received at this address.
    #[must_use]
    pub fn new(address: IpAddr, port: u16, session_id: u64) -> Self {
        Self {
            codecs: vec![(8, Codec::PCMA), (0, Codec::PCMU)],
            telephone_event: Some(101),
            ptime_ms: 20,
            address,
            port,
            rtcp_mux: RtcpMux::Never,
            session_id,
            limits: Limits::default(),
        }
    }
}

/// Whether RTP and RTCP may share one port (`a=rtcp-mux`, RFC 5761 §5.1.1).
///
/// ```
/// use sdp::{Negotiation, NegotiationConfig, RtcpMux};
///
/// let config = |last, rtcp_mux| {
///     let mut config = NegotiationConfig::new([192, 0, 2, last].into(), 40_000, 1);
///     config.rtcp_mux = rtcp_mux;
///     config
/// };
/// let mut browser = Negotiation::new(config(1, RtcpMux::Offer));
/// let mut switch = Negotiation::new(config(2, RtcpMux::Accept));
/// let answer = switch.receive_offer(&browser.offer()?)?;
/// browser.receive_answer(&answer)?;
/// let agreed = switch.agreed().unwrap();
/// assert!(agreed.rtcp_mux && agreed.remote_rtcp == agreed.remote);
/// # Ok::<(), sdp::NegotiationError>(())
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[non_exhaustive]
pub enum RtcpMux {
    /// They never share one: RTCP has a port of its own.
    #[default]
    Never,
    /// They do, where the peer offers it. Later offers of ours keep what was agreed.
    Accept,
    /// They do, where the peer agrees or offers it.
    Offer,
}

/// What holds after an exchange of offer and answer.
///
/// ```
/// use sdp::{Negotiation, NegotiationConfig};
///
/// let mut ours = Negotiation::new(NegotiationConfig::new([192, 0, 2, 1].into(), 4000, 1));
/// ours.receive_offer(
///     b"v=0\r\nc=IN IP4 192.0.2.2\r\nm=audio 6000 RTP/AVP 0 96\r\na=rtpmap:96 telephone-event/8000\r\na=ptime:30\r\n",
/// )?;
/// let agreed = ours.agreed().unwrap();
/// assert_eq!((agreed.remote, agreed.send_payload), (Some("192.0.2.2:6000".parse().unwrap()), 0));
/// assert_eq!((agreed.dtmf_send, agreed.ptime_ms), (Some(96), 30));
/// # Ok::<(), sdp::NegotiationError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[non_exhaustive]
pub struct Agreed {
    /// Where to send RTP; `None` while the peer gives nowhere (address `0.0.0.0` or `::`, or port 0).
    pub remote: Option<SocketAddr>,
    /// Where to send RTCP: `remote` with [`rtcp_mux`](Self::rtcp_mux), else what `a=rtcp` says (RFC 3605), else the port
    /// after `remote`'s.
    pub remote_rtcp: Option<SocketAddr>,
    /// The one codec in use, as [`NegotiationConfig::codecs`] has it.
    pub codec: Codec,
    /// The peer's `a=fmtp` for it.
    pub remote_fmtp: Option<String>,
    /// Payload type to send it under.
    pub send_payload: u8,
    /// Payload type under which it comes in.
    pub receive_payload: u8,
    /// Payload type to send digits under (RFC 4733); `None` where the peer does not take them.
    pub dtmf_send: Option<u8>,
    /// Payload type under which digits come in.
    pub dtmf_receive: Option<u8>,
    /// Clock rate of `telephone-event` in hertz; the codec's where no digits were agreed.
    pub dtmf_clock_rate: u32,
    /// Milliseconds of audio a packet to send: the peer's `ptime` within its `maxptime`, rounded down to 10 ms and
    /// clamped to 10 to 60 ms.
    pub ptime_ms: u16,
    /// Which way media flow, as we see it.
    pub direction: Direction,
    /// The peer put us on hold: `sendonly`, `inactive`, address `0.0.0.0` or port 0.
    pub held: bool,
    /// RTP and RTCP share one port, in both directions (RFC 5761): both sides wrote `a=rtcp-mux` with the stream, and no
    /// payload type in use is from 64 to 95, which RTCP could be mistaken for (§4).
    pub rtcp_mux: bool,
    /// The peer wrote `a=rtcp-mux`, whether or not we agreed to it.
    pub peer_rtcp_mux: bool,
}

/// The state of one audio stream's negotiation on one dialog (RFC 3264).
///
/// - Offers carry one audio line with all codecs: those of [`set_preference`](Self::set_preference), then the one in use, then the
///   configuration's order. In a later offer the lines of the description so far keep their places, other media refused.
/// - Answers take the first audio line that is usable and refuse all others with port 0 in their places. They name one codec,
///   the first of the preferred ones (or else of the offerer's list) that both know, so that nothing else can come in, and
///   `telephone-event` at its clock rate where offered. Payload types are the offerer's.
/// - A payload type never changes its meaning within the session (RFC 3264 §8.3.2): numbers taken by the peer are
///   avoided in our later offers.
/// - The version in `o=` rises by one whenever what we send differs from what we sent before.
/// - An `Err` changes nothing. That both sides offer at once (glare) is for SIP to solve; here it is
///   [`NegotiationError::OfferPending`], and [`defer_offer`](Self::defer_offer) while SIP solves it.
///
/// ```
/// use sdp::{Direction, Negotiation, NegotiationConfig};
///
/// let side = |last| Negotiation::new(NegotiationConfig::new([192, 0, 2, last].into(), 4000, 1));
/// let (mut alice, mut bob) = (side(1), side(2));
/// let answer = bob.receive_offer(&alice.offer()?)?;
/// alice.receive_answer(&answer)?;
///
/// alice.set_direction(Direction::SendOnly); // hold
/// let answer = bob.receive_offer(&alice.offer()?)?;
/// alice.receive_answer(&answer)?;
/// assert!(bob.agreed().unwrap().held);
/// # Ok::<(), sdp::NegotiationError>(())
/// ```
#[derive(Clone, Debug)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Negotiation {
    config: NegotiationConfig,
    preference: Vec<Codec>,
    wanted: Direction,
    /// The `m=` lines of the session so far.
    lines: Vec<Line>,
    payloads: PayloadMap,
    agreed: Option<Agreed>,
    offer: Option<Offered>,
    sent: Sent,
}

/// Our last offer, kept after its answer too: a later provisional or the final response may bring another.
#[derive(Clone, Debug)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
struct Offered {
    state: OfferState,
    lines: Vec<Line>,
    codecs: Vec<(u8, Codec)>,
    telephone_event: Option<(u8, u32)>,
    direction: Direction,
    rtcp_mux: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
enum OfferState {
    Pending,
    /// Pending, but the peer's offers go first.
    Deferred,
    Answered,
}

/// What we sent last, to know when the version must rise.
#[derive(Clone, Debug, Default)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
struct Sent {
    version: u64,
    session: Option<Session>,
}

impl Negotiation {
    /// A negotiation in which nothing was said yet; it wants to send and receive.
    #[must_use]
    pub fn new(config: NegotiationConfig) -> Self {
        Self {
            config,
            preference: Vec::new(),
            wanted: Direction::SendRecv,
            lines: Vec::new(),
            payloads: PayloadMap::default(),
            agreed: None,
            offer: None,
            sent: Sent::default(),
        }
    }

    /// Prefers these codecs, in this order, over the offerer's and the configuration's order: the other leg's codec first,
    /// to spare transcoding. Codecs that are not configured are of no effect; an empty list ends the preference.
    pub fn set_preference(&mut self, codecs: &[Codec]) {
        let known = |codec: &&Codec| self.config.codecs.iter().any(|(_, ours)| ours.same_as(codec));
        // Bounded by the configuration whatever is handed in.
        self.preference = codecs
            .iter()
            .filter(known)
            .take(self.config.codecs.len())
            .cloned()
            .collect();
    }

    /// What we want from the next offer or answer on: `SendOnly` or `Inactive` puts the peer on hold.
    pub fn set_direction(&mut self, direction: Direction) {
        self.wanted = direction;
    }

    /// What we want; [`Agreed::direction`] is what we got.
    #[must_use]
    pub fn wanted(&self) -> Direction {
        self.wanted
    }

    /// Receives elsewhere from the next offer or answer on.
    pub fn set_local(&mut self, address: IpAddr, port: u16) {
        self.config.address = address;
        self.config.port = port;
    }

    /// Makes an offer.
    ///
    /// # Errors
    /// [`OfferPending`](NegotiationError::OfferPending) before the last one was answered or cancelled,
    /// [`NothingToOffer`](NegotiationError::NothingToOffer) without a codec.
    pub fn offer(&mut self) -> Result<Bytes, NegotiationError> {
        if self.has_pending_offer() {
            return Err(NegotiationError::OfferPending);
        }
        let in_use = self.agreed.as_ref().map(|agreed| &agreed.codec);
        let codecs = self
            .payloads
            .assign(&local::offer_order(&self.config.codecs, &self.preference, in_use));
        if codecs.is_empty() {
            return Err(NegotiationError::NothingToOffer);
        }
        let telephone_event = self
            .config
            .telephone_event
            .and_then(|ours| self.payloads.assign_event(ours, &codecs));
        let mut lines = self.lines.clone();
        if !lines.iter().any(|line| line.slot == Slot::Audio) {
            lines.push(Line::audio());
        }
        let rtcp_mux = self.offers_rtcp_mux(&codecs, telephone_event);
        let media = local::Audio {
            config: &self.config,
            codecs: &codecs,
            telephone_event,
            direction: self.wanted,
            open: true,
            rtcp_mux,
        };
        let body = self.sent.send(local::session(&lines, &media));
        self.offer = Some(Offered {
            state: OfferState::Pending,
            lines,
            codecs,
            telephone_event,
            direction: self.wanted,
            rtcp_mux,
        });
        Ok(body)
    }

    /// Whether our offer says that RTP and RTCP may share a port.
    fn offers_rtcp_mux(&self, codecs: &[(u8, Codec)], telephone_event: Option<(u8, u32)>) -> bool {
        let wanted = match self.config.rtcp_mux {
            RtcpMux::Never => false,
            RtcpMux::Accept => self.agreed.as_ref().is_some_and(|agreed| agreed.rtcp_mux),
            RtcpMux::Offer => true,
        };
        let payloads = codecs.iter().map(|(payload, _)| *payload);
        let event = telephone_event.map(|(payload, _)| payload);
        wanted && payloads.chain(event).all(is_told_from_rtcp)
    }

    /// Takes the peer's offer and makes the answer.
    ///
    /// # Errors
    /// Why it cannot be accepted; SIP then answers 488, for [`Malformed`](NegotiationError::Malformed) 400, and the session goes
    /// on as it was. [`OfferPending`](NegotiationError::OfferPending) while our own is open and not
    /// [deferred](Self::defer_offer).
    pub fn receive_offer(&mut self, body: &[u8]) -> Result<Bytes, NegotiationError> {
        if self
            .offer
            .as_ref()
            .is_some_and(|offer| offer.state == OfferState::Pending)
        {
            return Err(NegotiationError::OfferPending);
        }
        let session = Session::parse_with(body, &self.config.limits)?;
        let position = self.lines.iter().position(|line| line.slot == Slot::Audio);
        let remote = Remote::from_offer(&session, self, position)?;
        let lines = local::answer_lines(&session, remote.index);
        let agreed = remote.agree_to_offer(&self.config, self.wanted);

        let codecs = [(agreed.receive_payload, agreed.codec.clone())];
        let telephone_event = agreed.dtmf_receive.map(|payload| (payload, agreed.dtmf_clock_rate));
        let media = local::Audio {
            config: &self.config,
            codecs: &codecs,
            telephone_event,
            direction: agreed.direction,
            open: remote.open,
            rtcp_mux: agreed.rtcp_mux,
        };
        let body = self.sent.send(local::session(&lines, &media));
        self.payloads.learn(&codecs, telephone_event);
        self.lines = lines;
        self.agreed = Some(agreed);
        self.offer.take_if(|offer| offer.state == OfferState::Answered);
        Ok(body)
    }

    /// Takes the peer's answer to our offer. May be called again until the next offer of either side: SIP's provisional and
    /// final responses may bring the answer more than once, and after forking another one; the last one holds.
    ///
    /// # Errors
    /// Why it is of no use; our offer then stays pending, and SIP ends the call or the embedder
    /// [cancels](Self::cancel_offer) it. [`NoOffer`](NegotiationError::NoOffer) where we made none.
    pub fn receive_answer(&mut self, body: &[u8]) -> Result<(), NegotiationError> {
        let offer = self.offer.as_ref().ok_or(NegotiationError::NoOffer)?;
        let session = Session::parse_with(body, &self.config.limits)?;
        let remote = Remote::from_answer(&session, offer, self)?;
        let held = self.agreed.as_ref().is_some_and(|agreed| agreed.held);
        let agreed = remote.agree_to_answer(&self.config, offer, held);

        self.payloads.learn(&offer.codecs, offer.telephone_event);
        self.lines.clone_from(&offer.lines);
        self.agreed = Some(agreed);
        if let Some(offer) = &mut self.offer {
            offer.state = OfferState::Answered;
        }
        Ok(())
    }

    /// Our offer crossed one of the peer's, and SIP will send it again as it is (RFC 3261 §14.1): until its answer comes, the
    /// peer's offers are answered as if ours had not been made. Without a pending offer nothing happens.
    pub fn defer_offer(&mut self) {
        if let Some(offer) = self.offer.as_mut().filter(|offer| offer.state == OfferState::Pending) {
            offer.state = OfferState::Deferred;
        }
    }

    /// Our offer was refused or its transaction failed: what was agreed before goes on. Without a pending offer nothing happens.
    pub fn cancel_offer(&mut self) {
        self.offer.take_if(|offer| offer.state != OfferState::Answered);
    }

    /// Whether our offer waits for its answer, deferred or not.
    #[must_use]
    pub fn has_pending_offer(&self) -> bool {
        self.offer
            .as_ref()
            .is_some_and(|offer| offer.state != OfferState::Answered)
    }

    /// What the last complete exchange agreed; `None` before the first.
    #[must_use]
    pub fn agreed(&self) -> Option<&Agreed> {
        self.agreed.as_ref()
    }
}

impl Sent {
    /// Gives the description its version and prints it.
    fn send(&mut self, mut session: Session) -> Bytes {
        session.origin.version = self.version;
        if self.session.as_ref() != Some(&session) {
            self.version = self.version.saturating_add(1);
            session.origin.version = self.version;
        }
        let body = Bytes::from(session.to_string());
        self.session = Some(session);
        body
    }
}

/// Whether RTP under this payload type cannot be mistaken for RTCP on the same port (RFC 5761 §4).
fn is_told_from_rtcp(payload: u8) -> bool {
    !(64..=95).contains(&payload)
}

/// Packet times that a stream can be made of.
fn clamp_ptime(milliseconds: u16) -> u16 {
    milliseconds.clamp(10, 60) / 10 * 10
}
