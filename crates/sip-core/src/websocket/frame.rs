//! The head of a frame (RFC 6455 §5.2).

use super::Role;

/// What a frame carries.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub(super) enum Opcode {
    Continuation,
    Text,
    Binary,
    Close,
    Ping,
    Pong,
}

impl Opcode {
    const ALL: [(u8, Self); 6] = [
        (0x0, Self::Continuation),
        (0x1, Self::Text),
        (0x2, Self::Binary),
        (0x8, Self::Close),
        (0x9, Self::Ping),
        (0xa, Self::Pong),
    ];

    fn read(code: u8) -> Option<Self> {
        Self::ALL
            .iter()
            .find(|(known, _)| *known == code)
            .map(|(_, opcode)| *opcode)
    }

    fn code(self) -> u8 {
        Self::ALL
            .iter()
            .find(|(_, opcode)| *opcode == self)
            .map_or(0, |(code, _)| *code)
    }

    pub(super) const fn is_control(self) -> bool {
        matches!(self, Self::Close | Self::Ping | Self::Pong)
    }
}

/// A frame's head.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub(super) struct Head {
    pub(super) last: bool,
    pub(super) opcode: Opcode,
    pub(super) len: u64,
    pub(super) mask: Option<[u8; 4]>,
}

/// Octets of the longest head.
pub(super) const MAX_HEAD: usize = 14;
/// Octets that a control frame may carry.
pub(super) const MAX_CONTROL: u64 = 125;

/// A head that breaks the rules.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct BadHead;

impl Head {
    /// How long the head is that begins with these octets, as far as they tell.
    pub(super) fn measure(start: &[u8]) -> usize {
        let Some(second) = start.get(1) else { return 2 };
        let length = match second & 0x7f {
            126 => 2,
            127 => 8,
            _ => 0,
        };
        2 + length + if second & 0x80 == 0 { 0 } else { 4 }
    }

    /// Reads a whole head that `from` the peer came.
    pub(super) fn read(head: &[u8], from: Role) -> Result<Self, BadHead> {
        let [first, second, rest @ ..] = head else {
            return Err(BadHead);
        };
        // No extension was agreed on, so the reserved bits say nothing.
        let opcode = Opcode::read(first & 0x0f)
            .filter(|_| first & 0x70 == 0)
            .ok_or(BadHead)?;
        let last = first & 0x80 != 0;
        let masked = second & 0x80 != 0;
        let (len, rest) = read_len(second & 0x7f, rest).ok_or(BadHead)?;
        let mask = if masked {
            Some(rest.try_into().map_err(|_| BadHead)?)
        } else {
            None
        };
        let good_control = !opcode.is_control() || (last && len <= MAX_CONTROL);
        // A client masks, a server does not (RFC 6455 §5.1).
        if masked != (from == Role::Client) || !good_control {
            return Err(BadHead);
        }
        Ok(Self {
            last,
            opcode,
            len,
            mask,
        })
    }

    pub(super) fn write(&self, out: &mut Vec<u8>) {
        out.push(self.opcode.code() | if self.last { 0x80 } else { 0 });
        let masked = if self.mask.is_some() { 0x80 } else { 0 };
        match (u8::try_from(self.len), u16::try_from(self.len)) {
            (Ok(len @ ..=125), _) => out.push(len | masked),
            (_, Ok(len)) => {
                out.push(126 | masked);
                out.extend_from_slice(&len.to_be_bytes());
            }
            (_, Err(_)) => {
                out.push(127 | masked);
                out.extend_from_slice(&self.len.to_be_bytes());
            }
        }
        out.extend_from_slice(self.mask.as_ref().map_or(&[][..], |mask| &mask[..]));
    }
}

/// The length must be written as short as it can be.
fn read_len(short: u8, rest: &[u8]) -> Option<(u64, &[u8])> {
    match short {
        126 => {
            let (len, rest) = rest.split_first_chunk()?;
            let len = u16::from_be_bytes(*len);
            (len > 125).then_some((len.into(), rest))
        }
        127 => {
            let (len, rest) = rest.split_first_chunk()?;
            let len = u64::from_be_bytes(*len);
            (len > u64::from(u16::MAX) && len >> 63 == 0).then_some((len, rest))
        }
        len => Some((len.into(), rest)),
    }
}

/// Masks or unmasks octets that begin `offset` octets into the payload (RFC 6455 §5.3).
pub(super) fn apply_mask(mask: [u8; 4], offset: usize, data: &mut [u8]) {
    let mask = mask.iter().cycle().skip(offset % 4);
    for (byte, key) in data.iter_mut().zip(mask) {
        *byte ^= key;
    }
}
