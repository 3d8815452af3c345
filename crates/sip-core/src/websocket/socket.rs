use core::time::Duration;
use std::collections::VecDeque;

use bytes::{Bytes, BytesMut};
use machine::{Machine, Time};
use rand_chacha::ChaCha12Rng;
use rand_core::{Rng, SeedableRng};

use super::frame::{Head, MAX_HEAD, Opcode, apply_mask};

/// Which side of a connection: it decides who masks.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub enum Role {
    /// The one that asked for the upgrade.
    Client,
    /// The one that granted it.
    Server,
}

impl Role {
    pub(super) const fn other(self) -> Self {
        match self {
            Self::Client => Self::Server,
            Self::Server => Self::Client,
        }
    }
}

/// Settings of a [`WebSocket`].
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[non_exhaustive]
pub struct WebSocketConfig {
    /// Octets in a message, all its fragments together. Default 65,536; more ends the connection with 1009.
    pub max_message: usize,
    /// How often to ping a peer of whom nothing is heard (RFC 7118 §6). Default: never.
    pub ping_interval: Option<Duration>,
    /// How long to wait for anything after a ping, and for the peer's part in closing. Default 10 s.
    pub patience: Duration,
}

impl Default for WebSocketConfig {
    fn default() -> Self {
        Self {
            max_message: 65_536,
            ping_interval: None,
            patience: Duration::from_secs(10),
        }
    }
}

/// What a [`WebSocket`] wants done or has to tell.
#[derive(Clone, PartialEq, Eq, Debug)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[non_exhaustive]
pub enum Output {
    /// Write these octets.
    Transmit(Bytes),
    /// A whole message came.
    Message(Bytes),
    /// It is over: write what is left, then close the TCP connection. Nothing more comes.
    Closed {
        /// The status code (RFC 6455 §7.4) that the peer, or this side, gave; 1005: none was given; 1006: the peer went silent.
        code: u16,
    },
}

/// Why a message was not sent.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum WebSocketError {
    /// The connection is closed, or being closed.
    #[error("the connection is closed")]
    Closed,
    /// More than [`WebSocketConfig::max_message`].
    #[error("the message is too long")]
    TooLong,
}

/// One WebSocket connection after its upgrade, without I/O. See the [module](super) for an example.
///
/// With feature `serde` its whole state can be written and read back.
#[derive(Clone, Debug)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct WebSocket {
    role: Role,
    config: WebSocketConfig,
    rng: ChaCha12Rng,
    now: Time,
    state: State,
    reading: Reading,
    /// The message whose fragments are coming, and whether it is text.
    message: BytesMut,
    is_text: Option<bool>,
    control: Vec<u8>,
    /// The payload of the last ping that waits for its pong: one that is answered too late is answered for all.
    pong: Option<Vec<u8>>,
    /// When to ping, or how long to wait.
    due: Option<Time>,
    outputs: VecDeque<Output>,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
enum State {
    Open,
    /// A ping is out.
    Pinged,
    /// We sent Close and wait for the peer's.
    Closing {
        code: u16,
    },
    Closed,
}

#[derive(Clone, Debug)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
enum Reading {
    Head(Vec<u8>),
    Payload { head: Head, done: u64 },
}

const NORMAL: u16 = 1000;
const PROTOCOL_ERROR: u16 = 1002;
const NO_CODE: u16 = 1005;
const SILENT: u16 = 1006;
const NOT_UTF8: u16 = 1007;
const TOO_BIG: u16 = 1009;

impl WebSocket {
    /// A connection whose upgrade is just done. A client draws its masks from `seed`, which nobody may guess.
    #[must_use]
    pub fn new(now: Time, role: Role, config: WebSocketConfig, seed: [u8; 32]) -> Self {
        Self {
            role,
            rng: ChaCha12Rng::from_seed(seed),
            now,
            state: State::Open,
            reading: Reading::Head(Vec::new()),
            message: BytesMut::new(),
            is_text: None,
            control: Vec::new(),
            pong: None,
            due: config.ping_interval.map(|interval| now + interval),
            outputs: VecDeque::new(),
            config,
        }
    }

    /// Bytes came. Whatever they are, it cannot fail here.
    pub fn receive(&mut self, now: Time, data: &[u8]) {
        self.advance(now);
        if self.state == State::Closed {
            return;
        }
        if !matches!(self.state, State::Closing { .. }) {
            self.state = State::Open;
            self.due = self.config.ping_interval.map(|interval| self.now + interval);
        }
        let mut rest = data;
        while self.state != State::Closed {
            let before = rest.len();
            let whole = match self.read(&mut rest) {
                Ok(whole) => whole,
                Err(code) => {
                    self.fail(code);
                    break;
                }
            };
            if !whole && rest.len() == before {
                break;
            }
        }
        if let Some(payload) = self.pong.take().filter(|_| self.state != State::Closed) {
            self.write(Opcode::Pong, &payload);
        }
    }

    /// Sends one message in one frame: as text if it is UTF-8, else as binary (RFC 7118 §5.1).
    ///
    /// # Errors
    ///
    /// [`WebSocketError`].
    pub fn send(&mut self, now: Time, message: &[u8]) -> Result<(), WebSocketError> {
        self.advance(now);
        if !matches!(self.state, State::Open | State::Pinged) {
            return Err(WebSocketError::Closed);
        }
        if message.len() > self.config.max_message {
            return Err(WebSocketError::TooLong);
        }
        let is_text = core::str::from_utf8(message).is_ok();
        self.write(if is_text { Opcode::Text } else { Opcode::Binary }, message);
        Ok(())
    }

    /// Begins to close, with status 1000. [`Output::Closed`] comes when the peer agreed or took too long.
    pub fn close(&mut self, now: Time) {
        self.advance(now);
        if matches!(self.state, State::Open | State::Pinged) {
            self.write(Opcode::Close, &NORMAL.to_be_bytes());
            self.state = State::Closing { code: NORMAL };
            self.due = Some(self.now + self.config.patience);
        }
    }

    /// Whether messages can still be sent.
    #[must_use]
    pub fn is_open(&self) -> bool {
        matches!(self.state, State::Open | State::Pinged)
    }

    /// Octets held of messages that are not complete.
    #[must_use]
    pub fn buffered(&self) -> usize {
        let head = match &self.reading {
            Reading::Head(head) => head.len(),
            Reading::Payload { .. } => 0,
        };
        self.message.len() + self.control.len() + head
    }
}

impl WebSocket {
    fn advance(&mut self, now: Time) {
        self.now = self.now.max(now);
    }

    /// Takes the next piece; whether a frame is whole with it.
    fn read(&mut self, rest: &mut &[u8]) -> Result<bool, u16> {
        match &mut self.reading {
            Reading::Head(head) => {
                while head.len() < Head::measure(head) {
                    let Some((byte, after)) = rest.split_first() else {
                        return Ok(false);
                    };
                    debug_assert!(head.len() < MAX_HEAD);
                    head.push(*byte);
                    *rest = after;
                }
                let head = Head::read(head, self.role.other()).map_err(|_| PROTOCOL_ERROR)?;
                self.begin(head)?;
                self.reading = Reading::Payload { head, done: 0 };
                if head.len > 0 {
                    return Ok(true);
                }
                self.end(head)
            }
            Reading::Payload { head, done } => {
                let left = usize::try_from(head.len - *done).unwrap_or(usize::MAX);
                let (piece, after) = rest.split_at(left.min(rest.len()));
                *rest = after;
                let target = if head.opcode.is_control() {
                    self.control.extend_from_slice(piece);
                    &mut self.control[..]
                } else {
                    self.message.extend_from_slice(piece);
                    &mut self.message[..]
                };
                let start = target.len() - piece.len();
                if let (Some(mask), Some(fresh)) = (head.mask, target.get_mut(start..)) {
                    apply_mask(mask, usize::try_from(*done % 4).unwrap_or_default(), fresh);
                }
                *done += piece.len() as u64;
                let head = *head;
                if piece.len() < left { Ok(false) } else { self.end(head) }
            }
        }
    }

    /// Whether a frame may come now, and has room.
    fn begin(&mut self, head: Head) -> Result<(), u16> {
        match head.opcode {
            Opcode::Continuation if self.is_text.is_none() => return Err(PROTOCOL_ERROR),
            Opcode::Text | Opcode::Binary if self.is_text.is_some() => return Err(PROTOCOL_ERROR),
            Opcode::Text => self.is_text = Some(true),
            Opcode::Binary => self.is_text = Some(false),
            Opcode::Continuation => {}
            Opcode::Close | Opcode::Ping | Opcode::Pong => return Ok(()),
        }
        let room = self.config.max_message.saturating_sub(self.message.len());
        if usize::try_from(head.len).is_ok_and(|len| len <= room) {
            Ok(())
        } else {
            Err(TOO_BIG)
        }
    }

    /// A frame is whole.
    fn end(&mut self, head: Head) -> Result<bool, u16> {
        self.reading = Reading::Head(Vec::new());
        match head.opcode {
            Opcode::Continuation | Opcode::Text | Opcode::Binary if head.last => {
                let is_text = self.is_text.take() == Some(true);
                let message = self.message.split().freeze();
                if is_text && core::str::from_utf8(&message).is_err() {
                    return Err(NOT_UTF8);
                }
                // After our Close nothing is of interest but the peer's.
                if self.is_open() {
                    self.outputs.push_back(Output::Message(message));
                }
            }
            Opcode::Continuation | Opcode::Text | Opcode::Binary => {}
            Opcode::Ping => self.pong = Some(core::mem::take(&mut self.control)),
            Opcode::Pong => self.control.clear(),
            Opcode::Close => {
                let payload = core::mem::take(&mut self.control);
                let code = read_close(&payload)?;
                if self.is_open() {
                    self.write(Opcode::Close, payload.get(..2).unwrap_or_default());
                }
                self.finish(code);
            }
        }
        Ok(true)
    }

    /// The peer broke the rules: it is told, and that is all.
    fn fail(&mut self, code: u16) {
        if self.is_open() {
            self.write(Opcode::Close, &code.to_be_bytes());
        }
        self.finish(code);
    }

    fn finish(&mut self, code: u16) {
        self.state = State::Closed;
        self.due = None;
        self.message = BytesMut::new();
        self.control = Vec::new();
        self.reading = Reading::Head(Vec::new());
        self.outputs.push_back(Output::Closed { code });
    }

    fn write(&mut self, opcode: Opcode, payload: &[u8]) {
        let mask = match self.role {
            Role::Client => Some(self.rng.next_u32().to_be_bytes()),
            Role::Server => None,
        };
        let head = Head {
            last: true,
            opcode,
            len: payload.len() as u64,
            mask,
        };
        let mut out = Vec::with_capacity(MAX_HEAD + payload.len());
        head.write(&mut out);
        let start = out.len();
        out.extend_from_slice(payload);
        if let (Some(mask), Some(payload)) = (mask, out.get_mut(start..)) {
            apply_mask(mask, 0, payload);
        }
        self.outputs.push_back(Output::Transmit(out.into()));
    }
}

/// The status code of a Close frame (RFC 6455 §5.5.1, §7.4).
fn read_close(payload: &[u8]) -> Result<u16, u16> {
    let Some((code, reason)) = payload.split_first_chunk() else {
        return if payload.is_empty() {
            Ok(NO_CODE)
        } else {
            Err(PROTOCOL_ERROR)
        };
    };
    let code = u16::from_be_bytes(*code);
    if !matches!(code, 1000..=1003 | 1007..=1014 | 3000..=4999) {
        return Err(PROTOCOL_ERROR);
    }
    core::str::from_utf8(reason).map(|_| code).map_err(|_| NOT_UTF8)
}

impl Machine for WebSocket {
    type Output = Output;

    fn handle_timeout(&mut self, now: Time) {
        self.advance(now);
        if self.due.is_none_or(|due| due > self.now) {
            return;
        }
        match self.state {
            State::Open => {
                self.write(Opcode::Ping, b"");
                self.state = State::Pinged;
                self.due = Some(self.now + self.config.patience.max(Duration::from_nanos(1)));
            }
            State::Pinged => self.finish(SILENT),
            State::Closing { code } => self.finish(code),
            State::Closed => self.due = None,
        }
    }

    fn poll_timeout(&self) -> Option<Time> {
        self.due
    }

    fn poll_output(&mut self) -> Option<Output> {
        self.outputs.pop_front()
    }
}
