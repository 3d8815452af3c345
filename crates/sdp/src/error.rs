use thiserror::Error;

/// Why a session description was refused, and where.
///
/// ```
/// use sdp::{ParseErrorKind, Session};
///
/// let error = Session::parse(b"v=0\r\nm=audio 70000 RTP/AVP 0\r\n").unwrap_err();
/// assert_eq!((error.kind, error.offset), (ParseErrorKind::PortOutOfRange, 5));
/// assert_eq!(error.to_string(), "port out of range at byte 5");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[error("{kind} at byte {offset}")]
pub struct ParseError {
    /// The cause.
    pub kind: ParseErrorKind,
    /// Byte offset into the description: where the offending line begins or, for limits, the first byte beyond.
    pub offset: usize,
}

/// What can be wrong with a session description.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[non_exhaustive]
pub enum ParseErrorKind {
    /// Longer than [`Limits::bytes`](crate::Limits::bytes).
    #[error("description too long")]
    TooLong,
    /// A line longer than [`Limits::line`](crate::Limits::line).
    #[error("line too long")]
    LineTooLong,
    /// A line that is not a letter, `=` and a value.
    #[error("not a line of the form letter=value")]
    NotALine,
    /// A NUL byte.
    #[error("NUL byte")]
    Nul,
    /// No `v=` line.
    #[error("no v= line")]
    MissingVersion,
    /// A version other than 0.
    #[error("version other than 0")]
    UnsupportedVersion,
    /// An `o=` line without its six fields.
    #[error("malformed o= line")]
    MalformedOrigin,
    /// A `c=` line without its three fields.
    #[error("malformed c= line")]
    MalformedConnection,
    /// An `m=` line without kind, port and protocol.
    #[error("malformed m= line")]
    MalformedMedia,
    /// A port that is not a number from 0 to 65535.
    #[error("port out of range")]
    PortOutOfRange,
    /// More than [`Limits::media`](crate::Limits::media).
    #[error("too many media")]
    TooManyMedia,
    /// More than [`Limits::attributes`](crate::Limits::attributes) in one section.
    #[error("too many attributes")]
    TooManyAttributes,
    /// More than [`Limits::formats`](crate::Limits::formats) in one medium.
    #[error("too many formats")]
    TooManyFormats,
    /// More than [`Limits::bandwidths`](crate::Limits::bandwidths) in one section.
    #[error("too many b= lines")]
    TooManyBandwidths,
}

/// Why an offer or answer came to nothing. Whatever it is, the negotiation stays as it was.
///
/// ```
/// use sdp::{Negotiation, NegotiationConfig, NegotiationError};
///
/// let mut ours = Negotiation::new(NegotiationConfig::new([192, 0, 2, 1].into(), 4000, 1));
/// let offer = b"v=0\r\nc=IN IP4 192.0.2.2\r\nm=audio 6000 RTP/AVP 18\r\n";
/// assert_eq!(ours.receive_offer(offer), Err(NegotiationError::NoCommonCodec)); // 488
/// assert!(ours.agreed().is_none());
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[non_exhaustive]
pub enum NegotiationError {
    /// The peer's description could not be read (SIP: 400).
    #[error("malformed session description: {0}")]
    Malformed(#[from] ParseError),
    /// There is no audio stream in it, or only refused ones (SIP: 488).
    #[error("no audio stream")]
    NoAudio,
    /// Audio only over transports other than `RTP/AVP` and `RTP/AVPF`, SRTP for example (SIP: 488).
    #[error("unsupported media transport")]
    UnsupportedTransport,
    /// Audio only at an address that is a name, multicast or of the other IP family (SIP: 488).
    #[error("unsupported media address")]
    UnsupportedAddress,
    /// No audio codec that both sides know (SIP: 488).
    #[error("no common codec")]
    NoCommonCodec,
    /// Our own offer is still open.
    #[error("an offer is pending")]
    OfferPending,
    /// An answer without an offer of ours, or a cancellation of none.
    #[error("no offer is pending")]
    NoOffer,
    /// The configuration names no codec that can be offered.
    #[error("nothing to offer")]
    NothingToOffer,
}
