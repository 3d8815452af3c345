use std::net::IpAddr;

use crate::codec::Codec;
use crate::direction::Direction;
use crate::error::ParseError;
use crate::limits::Limits;
use crate::parse;

/// A session description (RFC 8866 §5).
///
/// `u=`, `e=`, `p=`, `r=`, `z=` and `k=` lines and unknown ones are read over and not kept. Fields may be changed freely:
/// printing masks what would break a line.
///
/// ```
/// let session = sdp::Session::parse(b"v=0\nc=IN IP4 192.0.2.7\nm=audio 4000 RTP/AVP 8\n")?;
/// assert_eq!(session.media[0].port, 4000);
/// assert_eq!(
///     session.to_string(),
///     "v=0\r\no=- 0 0 IN IP4 0.0.0.0\r\ns=-\r\nc=IN IP4 192.0.2.7\r\nt=0 0\r\nm=audio 4000 RTP/AVP 8\r\n"
/// );
/// # Ok::<(), sdp::ParseError>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Session {
    /// `o=`: who made it, and which version this is.
    pub origin: Origin,
    /// `s=`; printed as `-` when empty.
    pub name: String,
    /// `i=`.
    pub information: Option<String>,
    /// `c=` for all media that have none of their own.
    pub connection: Option<Connection>,
    /// `b=` lines.
    pub bandwidths: Vec<Bandwidth>,
    /// `t=`; the first one where there are several.
    pub timing: Timing,
    /// `a=` lines of the session section.
    pub attributes: Vec<Attribute>,
    /// The `m=` sections.
    pub media: Vec<Media>,
}

impl Session {
    /// Reads a description within the default [`Limits`].
    ///
    /// # Errors
    /// What is wrong and where, see [`ParseErrorKind`](crate::ParseErrorKind).
    pub fn parse(text: &[u8]) -> Result<Self, ParseError> {
        Self::parse_with(text, &Limits::default())
    }

    /// Reads a description within the given limits.
    ///
    /// # Errors
    /// As [`parse`](Self::parse).
    pub fn parse_with(text: &[u8], limits: &Limits) -> Result<Self, ParseError> {
        parse::session(text, limits)
    }

    /// The connection that holds for `media`: its own or the session's.
    #[must_use]
    pub fn connection_of<'a>(&'a self, media: &'a Media) -> Option<&'a Connection> {
        media.connection.as_ref().or(self.connection.as_ref())
    }

    /// The direction that holds for `media`: its own, the session's, or both ways.
    #[must_use]
    pub fn direction_of(&self, media: &Media) -> Direction {
        let find = |attributes: &[Attribute]| attributes.iter().find_map(|a| Direction::from_attribute(&a.name));
        find(&media.attributes)
            .or_else(|| find(&self.attributes))
            .unwrap_or_default()
    }

    /// The value of an attribute of `media` or else of the session; `Some("")` for one without a value.
    #[must_use]
    pub fn attribute_of<'a>(&'a self, media: &'a Media, name: &str) -> Option<&'a str> {
        media.attribute(name).or_else(|| find(&self.attributes, name))
    }
}

/// The `o=` line.
///
/// ```
/// let session = sdp::Session::parse(b"v=0\no=jdoe 3724394400 3724394405 IN IP4 198.51.100.1\n")?;
/// assert_eq!((session.origin.username.as_str(), session.origin.version), ("jdoe", 3_724_394_405));
/// # Ok::<(), sdp::ParseError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Origin {
    /// The user's login on the originating host, or `-`.
    pub username: String,
    /// Names the session together with the other fields. Read as 0 where it is not a number, as the largest where too large.
    pub session_id: u64,
    /// Rises with each change of the description; read like `session_id`.
    pub version: u64,
    /// Where it was made. Says nothing about where media go.
    pub address: Address,
}

impl Default for Origin {
    fn default() -> Self {
        Self {
            username: "-".to_owned(),
            session_id: 0,
            version: 0,
            address: Address::default(),
        }
    }
}

/// The `t=` line, in seconds since 1900; `0 0` for calls.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Timing {
    /// Start.
    pub start: u64,
    /// End.
    pub stop: u64,
}

/// A network address in an `o=`, `c=` or `a=rtcp` line.
///
/// ```
/// use sdp::{Address, Session};
///
/// let session = Session::parse(b"v=0\nc=IN IP4 224.2.1.1/127\n")?;
/// assert_eq!(session.connection.unwrap().address, Address::Other("IN IP4 224.2.1.1/127".into()));
/// # Ok::<(), sdp::ParseError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub enum Address {
    /// `IN IP4 192.0.2.1` or `IN IP6 2001:db8::1`.
    Ip(IpAddr),
    /// Anything else, all three fields as they came: host names, multicast with its TTL, networks other than `IN`.
    Other(String),
}

impl Address {
    /// The numeric address, if it is one.
    #[must_use]
    pub const fn ip(&self) -> Option<IpAddr> {
        match self {
            Self::Ip(ip) => Some(*ip),
            Self::Other(_) => None,
        }
    }
}

impl Default for Address {
    fn default() -> Self {
        Self::Ip(IpAddr::V4(std::net::Ipv4Addr::UNSPECIFIED))
    }
}

/// The `c=` line.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Connection {
    /// Where media are to be sent.
    pub address: Address,
}

/// A `b=` line.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Bandwidth {
    /// `AS`, `CT`, `TIAS`, …
    pub kind: String,
    /// Kilobits a second, for `TIAS` bits a second.
    pub value: u64,
}

/// An `a=` line.
///
/// ```
/// use sdp::{Attribute, Media, MediaKind};
///
/// let mut media = Media::new(MediaKind::Audio, 4000, "RTP/AVP");
/// media.attributes = vec![Attribute::new("ptime", "20"), Attribute::flag("sendonly")];
/// assert_eq!(media.to_string(), "m=audio 4000 RTP/AVP 0\r\na=ptime:20\r\na=sendonly\r\n");
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Attribute {
    /// What comes before the colon; looked up without regard to case.
    pub name: String,
    /// What comes after it.
    pub value: Option<String>,
}

impl Attribute {
    /// `a=name`.
    #[must_use]
    pub fn flag(name: &str) -> Self {
        Self {
            name: name.to_owned(),
            value: None,
        }
    }

    /// `a=name:value`.
    #[must_use]
    pub fn new(name: &str, value: impl Into<String>) -> Self {
        Self {
            name: name.to_owned(),
            value: Some(value.into()),
        }
    }
}

/// What a medium carries.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[non_exhaustive]
pub enum MediaKind {
    /// `audio`
    #[default]
    Audio,
    /// `video`
    Video,
    /// `text`
    Text,
    /// `application`
    Application,
    /// `message`
    Message,
    /// `image` (T.38 fax)
    Image,
    /// Any other.
    Other(String),
}

impl MediaKind {
    /// As the `m=` line says it.
    #[must_use]
    pub fn as_str(&self) -> &str {
        match self {
            Self::Audio => "audio",
            Self::Video => "video",
            Self::Text => "text",
            Self::Application => "application",
            Self::Message => "message",
            Self::Image => "image",
            Self::Other(other) => other,
        }
    }
}

impl From<&str> for MediaKind {
    fn from(text: &str) -> Self {
        [
            Self::Audio,
            Self::Video,
            Self::Text,
            Self::Application,
            Self::Message,
            Self::Image,
        ]
        .into_iter()
        .find(|kind| kind.as_str().eq_ignore_ascii_case(text))
        .unwrap_or_else(|| Self::Other(text.to_owned()))
    }
}

/// An `m=` section.
///
/// ```
/// let text = b"v=0\nm=audio 4000 RTP/AVP 8 96\na=rtpmap:96 opus/48000/2\na=fmtp:96 useinbandfec=1\n";
/// let session = sdp::Session::parse(text)?;
/// let media = &session.media[0];
/// assert_eq!(media.payload_types().collect::<Vec<_>>(), [8, 96]);
/// assert_eq!(media.codec(8).unwrap().name, "PCMA");
/// assert_eq!(media.codec(96).unwrap().fmtp.as_deref(), Some("useinbandfec=1"));
/// # Ok::<(), sdp::ParseError>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Media {
    /// What it carries.
    pub kind: MediaKind,
    /// Port for the media; 0 refuses the stream.
    pub port: u16,
    /// The `/n` after the port: how many ports; 1 where nothing is said.
    pub ports: u16,
    /// `RTP/AVP`, `RTP/SAVP`, `udptl`, …
    pub protocol: String,
    /// Payload types for RTP, otherwise whatever the protocol says. Printed as `0` when empty.
    pub formats: Vec<String>,
    /// `i=`.
    pub information: Option<String>,
    /// `c=` of this medium.
    pub connection: Option<Connection>,
    /// `b=` lines.
    pub bandwidths: Vec<Bandwidth>,
    /// `a=` lines.
    pub attributes: Vec<Attribute>,
}

impl Media {
    /// A section without attributes.
    #[must_use]
    pub fn new(kind: MediaKind, port: u16, protocol: &str) -> Self {
        Self {
            kind,
            port,
            ports: 1,
            protocol: protocol.to_owned(),
            ..Self::default()
        }
    }

    /// The value of the first attribute of this name; `Some("")` for one without a value.
    #[must_use]
    pub fn attribute(&self, name: &str) -> Option<&str> {
        find(&self.attributes, name)
    }

    /// The payload types of the `m=` line in order of preference; formats that are none are left out.
    pub fn payload_types(&self) -> impl Iterator<Item = u8> + '_ {
        self.formats
            .iter()
            .filter_map(|format| format.parse().ok())
            .filter(|payload_type| *payload_type < 128)
    }

    /// What a payload type of this medium means: by its first readable `rtpmap`, or else by the static assignment. The
    /// `fmtp` is filled in.
    #[must_use]
    pub fn codec(&self, payload_type: u8) -> Option<Codec> {
        let mut codec = self
            .mapped("rtpmap", payload_type)
            .find_map(Codec::from_rtpmap)
            .or_else(|| Codec::from_static(payload_type))?;
        codec.fmtp = self.mapped("fmtp", payload_type).next().map(str::to_owned);
        Some(codec)
    }

    /// The values of `a=name:payload_type value` lines.
    fn mapped<'a>(&'a self, name: &'a str, payload_type: u8) -> impl Iterator<Item = &'a str> + 'a {
        self.attributes
            .iter()
            .filter(move |a| a.name.eq_ignore_ascii_case(name))
            .filter_map(move |attribute| {
                let (number, rest) = attribute.value.as_deref()?.split_once([' ', '\t'])?;
                (number.parse() == Ok(payload_type)).then_some(rest.trim_start())
            })
    }
}

fn find<'a>(attributes: &'a [Attribute], name: &str) -> Option<&'a str> {
    let attribute = attributes
        .iter()
        .find(|attribute| attribute.name.eq_ignore_ascii_case(name))?;
    Some(attribute.value.as_deref().unwrap_or(""))
}
