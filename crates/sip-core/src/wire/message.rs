use super::{Headers, ParseError, Request, Response};
use crate::Limits;
use bytes::Bytes;

/// A request or a response.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub enum Message {
    /// A request.
    Request(Request),
    /// A response.
    Response(Response),
}

impl Message {
    /// Reads one datagram with the default [`Limits`].
    ///
    /// Line ends before the message are skipped; what follows the body that Content-Length announces is dropped
    /// (RFC 3261 §18.3). A line may end in a bare line feed; a bare carriage return is an error. Only what is
    /// needed to tell the parts of the message apart is checked; see [`validate`](Self::validate) for the rest.
    ///
    /// # Errors
    ///
    /// The first fault, with its offset in `datagram`.
    pub fn parse(datagram: Bytes) -> Result<Self, ParseError> {
        Self::parse_with(datagram, &Limits::default())
    }

    /// As [`parse`](Self::parse), with limits of one's own.
    ///
    /// # Errors
    ///
    /// As [`parse`](Self::parse).
    pub fn parse_with(datagram: Bytes, limits: &Limits) -> Result<Self, ParseError> {
        super::parse::parse_message(datagram, limits)
    }

    /// The message as it goes to the wire: as it came, if nobody edited it.
    pub fn to_bytes(&self) -> Bytes {
        match self {
            Self::Request(request) => request.to_bytes(),
            Self::Response(response) => response.to_bytes(),
        }
    }

    /// The headers.
    pub const fn headers(&self) -> &Headers {
        match self {
            Self::Request(request) => request.headers(),
            Self::Response(response) => response.headers(),
        }
    }

    /// The body.
    pub const fn body(&self) -> &Bytes {
        match self {
            Self::Request(request) => request.body(),
            Self::Response(response) => response.body(),
        }
    }

    /// Checks what every receiver relies on: [`Request::validate`] or [`Response::validate`].
    ///
    /// # Errors
    ///
    /// The first fault.
    pub fn validate(&self) -> Result<(), ParseError> {
        match self {
            Self::Request(request) => request.validate(),
            Self::Response(response) => response.validate(),
        }
    }
}

/// A message as it was written out. It was taken by whatever limits its embedder had set, so that it has to be by others.
#[cfg(feature = "serde")]
#[derive(serde::Deserialize)]
#[serde(transparent)]
pub(super) struct Saved(bytes::Bytes);

#[cfg(feature = "serde")]
impl Saved {
    pub(super) fn read(self) -> Result<Message, super::ParseError> {
        Message::parse_with(self.0, &crate::Limits::none())
    }
}
