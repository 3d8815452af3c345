use super::headers::find_content_length;
use super::lexer::steps;
use super::parse::first_line;
use super::{ParseError, ParseErrorKind};
use crate::Limits;
use bytes::{Buf as _, Bytes, BytesMut};

/// Cuts the bytes of a TCP or TLS connection into messages (RFC 3261 §18.3) and keep-alives (RFC 5626 §3.5.1).
///
/// However the bytes are split among [`push`](Self::push)es, the same frames come out. What it holds is bounded by
/// [`Limits::message`] and the largest push. After an error the stream cannot be told apart into messages any
/// more: every further call gives the same error, and the connection is to be closed.
///
/// ```
/// use sip_core::{Framed, StreamFramer};
///
/// let mut framer = StreamFramer::default();
/// framer.push(b"\r\n\r\nOPTIONS sip:a@b SIP/2.0\r\nContent-Length: 2\r\n\r\nh");
/// assert_eq!(framer.next(), Some(Ok(Framed::Pong)));
/// assert_eq!(framer.next(), Some(Ok(Framed::Ping)));
/// assert_eq!(framer.next(), None);
/// framer.push(b"i\r\n");
/// let message = "OPTIONS sip:a@b SIP/2.0\r\nContent-Length: 2\r\n\r\nhi";
/// assert_eq!(framer.next(), Some(Ok(Framed::Message(message.into()))));
/// ```
#[derive(Clone, Debug)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct StreamFramer {
    buffer: BytesMut,
    limits: Limits,
    /// How far the head has been searched for its end.
    searched: usize,
    /// The length of the message at the front, once its head is complete.
    message: Option<usize>,
    /// Whether the last frame was the first half of a ping.
    half_ping: bool,
    /// Not written: a connection does not outlive its process.
    #[cfg_attr(feature = "serde", serde(skip))]
    failed: Option<FrameError>,
}

/// What a stream carries.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Framed {
    /// A whole message, to be handed to [`Message::parse`](super::Message::parse).
    Message(Bytes),
    /// The second CRLF in a row: a ping, to be answered by one CRLF.
    Ping,
    /// The first CRLF: the answer to a ping, or the first half of one. Told at once, since nobody knows whether
    /// the other half will follow.
    Pong,
}

/// Why a stream cannot be read on.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{error}")]
pub struct FrameError {
    /// The fault, with its offset from the start of the message.
    pub error: ParseError,
    /// As much of the message as arrived, at most its head, for [`salvage_request`](super::salvage_request).
    pub head: Bytes,
}

impl Default for StreamFramer {
    fn default() -> Self {
        Self::new(Limits::default())
    }
}

impl StreamFramer {
    /// A framer for one connection.
    pub fn new(limits: Limits) -> Self {
        Self {
            buffer: BytesMut::new(),
            limits,
            searched: 0,
            message: None,
            half_ping: false,
            failed: None,
        }
    }

    /// Takes what arrived.
    pub fn push(&mut self, data: &[u8]) {
        if self.failed.is_none() {
            self.buffer.extend_from_slice(data);
        }
    }

    /// Octets held for a message that is not complete.
    pub fn buffered(&self) -> usize {
        self.buffer.len()
    }

    /// The next frame, if it is complete.
    ///
    /// # Errors
    ///
    /// The stream cannot be told apart into messages any more.
    #[expect(clippy::should_implement_trait, reason = "more may come after `None`")]
    pub fn next(&mut self) -> Option<Result<Framed, FrameError>> {
        if let Some(failed) = &self.failed {
            return Some(Err(failed.clone()));
        }
        match self.advance() {
            Ok(framed) => framed.map(Ok),
            Err(error) => {
                let mut head = self.buffer.split().freeze();
                head.truncate(self.limits.message);
                let failed = FrameError { error, head };
                self.failed = Some(failed.clone());
                Some(Err(failed))
            }
        }
    }

    fn advance(&mut self) -> Result<Option<Framed>, ParseError> {
        if self.message.is_none() {
            if self.searched == 0
                && let Some(keep_alive) = self.keep_alive()
            {
                return Ok(Some(keep_alive));
            }
            self.message = self.measure()?;
        }
        let Some(len) = self.message.filter(|len| self.buffer.len() >= *len) else {
            return Ok(None);
        };
        self.message = None;
        self.searched = 0;
        self.half_ping = false;
        Ok(Some(Framed::Message(self.buffer.split_to(len).freeze())))
    }

    /// Takes line ends before a message. A bare line feed is passed over.
    fn keep_alive(&mut self) -> Option<Framed> {
        while self.buffer.first() == Some(&b'\n') {
            self.buffer.advance(1);
        }
        if !self.buffer.starts_with(b"\r\n") {
            return None;
        }
        self.buffer.advance(2);
        self.half_ping = !self.half_ping;
        Some(if self.half_ping { Framed::Pong } else { Framed::Ping })
    }

    /// The length of the message at the front, once its head is complete.
    fn measure(&mut self) -> Result<Option<usize>, ParseError> {
        if self.buffer.is_empty() || *self.buffer == b"\r"[..] {
            return Ok(None);
        }
        let most = self.limits.message.min(self.limits.stream_buffer);
        let too_large = ParseError::new(ParseErrorKind::MessageTooLarge, most);
        let Some(head) = self.find_head_end() else {
            return if self.buffer.len() > most {
                Err(too_large)
            } else {
                Ok(None)
            };
        };
        if head > most {
            return Err(too_large);
        }
        let head_bytes = self.buffer.get(..head).unwrap_or_default();
        let missing = ParseError::new(ParseErrorKind::ContentLengthMissing, head);
        let body = match announced_length(head_bytes, &self.limits) {
            Ok(body) => body.ok_or(missing),
            Err(error) => Err(error),
        };
        let len = body.and_then(|body| match usize::try_from(body) {
            Ok(body) if body > self.limits.body => Err(ParseError::new(ParseErrorKind::BodyTooLarge, head)),
            Ok(body) => head.checked_add(body).filter(|len| *len <= most).ok_or(too_large),
            Err(_) => Err(too_large),
        });
        if len.is_err() {
            // What follows the head is of no use to anybody.
            self.buffer.truncate(head);
        }
        len.map(Some)
    }

    /// Where the body starts. Looks at no octet twice, however small the pushes.
    fn find_head_end(&mut self) -> Option<usize> {
        loop {
            let rest = self.buffer.get(self.searched..).unwrap_or_default();
            let found = memchr::memchr(b'\n', rest);
            steps::add(found.unwrap_or(rest.len()) + 1);
            let Some(found) = found else {
                self.searched = self.buffer.len();
                return None;
            };
            self.searched += found;
            match rest.get(found + 1..).unwrap_or_default() {
                [b'\n', ..] => return Some(self.searched + 2),
                [b'\r', b'\n', ..] => return Some(self.searched + 3),
                [] | [b'\r'] => return None,
                _ => self.searched += 1,
            }
        }
    }
}

/// The Content-Length of a complete head.
fn announced_length(head: &[u8], limits: &Limits) -> Result<Option<u64>, ParseError> {
    let (_, at) = first_line(head)?;
    find_content_length(head, at, limits)
}
