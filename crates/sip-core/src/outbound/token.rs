use core::fmt;
use core::fmt::Write as _;
use std::net::{IpAddr, SocketAddr};

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

use crate::{ConnectionId, Flow, Transport};

/// Signs and reads flow tokens: the user part of an edge proxy's Path or Record-Route URI, by which it finds the flow to a
/// phone again (RFC 5626 §5.2). Whoever does not have the key can neither make one nor change one.
///
/// ```
/// use sip_core::outbound::{FlowToken, FlowTokenError};
/// use sip_core::{Flow, Uri};
///
/// let tokens = FlowToken::new([7; 32]); // a key of its own for each proxy, or shared by a cluster
/// let flow = Flow::udp("192.0.2.1:5060".parse()?, "203.0.113.9:40000".parse()?);
///
/// let path: Uri = format!("sip:{}@192.0.2.1;lr;ob", tokens.sign(&flow)).parse()?;
/// assert_eq!(tokens.verify(&path.user().unwrap()), Ok(flow));
/// assert_eq!(FlowToken::new([8; 32]).verify(&path.user().unwrap()), Err(FlowTokenError::Forged));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct FlowToken {
    key: [u8; 32],
}

/// Why a token names no flow. To be answered with 403 (RFC 5626 §5.3); a flow that is named but no longer there, with 430.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum FlowTokenError {
    /// It has not the form of one.
    #[error("not a flow token")]
    Malformed,
    /// It was not made with this key.
    #[error("a forged flow token")]
    Forged,
}

/// Octets of the truncated HMAC.
const MAC: usize = 16;

impl FlowToken {
    /// Tokens of a key that nobody can guess.
    #[must_use]
    pub const fn new(key: [u8; 32]) -> Self {
        Self { key }
    }

    /// The token of a flow, in hexadecimal digits: at most 126 of them.
    #[must_use]
    pub fn sign(&self, flow: &Flow) -> String {
        let mut plain = write_flow(flow);
        let mac = self.mac(&plain);
        plain.extend(mac.iter().take(MAC));
        let mut text = String::with_capacity(plain.len() * 2);
        write_hex(&mut text, &plain);
        text
    }

    /// The flow that a token names.
    ///
    /// # Errors
    ///
    /// [`FlowTokenError`].
    pub fn verify(&self, token: &str) -> Result<Flow, FlowTokenError> {
        let bytes = read_hex(token).ok_or(FlowTokenError::Malformed)?;
        let split = bytes.len().checked_sub(MAC).ok_or(FlowTokenError::Malformed)?;
        let (plain, mac) = bytes.split_at(split);
        let ours = self.mac(plain);
        let same = ours
            .get(..MAC)
            .is_some_and(|ours| subtle::ConstantTimeEq::ct_eq(ours, mac).into());
        if !same {
            return Err(FlowTokenError::Forged);
        }
        read_flow(plain).ok_or(FlowTokenError::Malformed)
    }

    fn mac(&self, plain: &[u8]) -> [u8; 32] {
        keyed_hash(&self.key, &[plain])
    }
}

impl fmt::Debug for FlowToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FlowToken").finish_non_exhaustive()
    }
}

const TRANSPORTS: [Transport; 5] = [
    Transport::Udp,
    Transport::Tcp,
    Transport::Tls,
    Transport::Ws,
    Transport::Wss,
];
/// Bits of the first octet, above the transport.
const LOCAL_V6: u8 = 0x10;
const REMOTE_V6: u8 = 0x20;
const CONNECTED: u8 = 0x40;

fn write_flow(flow: &Flow) -> Vec<u8> {
    let transport = TRANSPORTS.iter().position(|transport| *transport == flow.transport);
    let mut first = transport.and_then(|at| u8::try_from(at).ok()).unwrap_or_default();
    for (address, bit) in [(flow.local, LOCAL_V6), (flow.remote, REMOTE_V6)] {
        first |= if address.is_ipv6() { bit } else { 0 };
    }
    first |= if flow.connection.is_some() { CONNECTED } else { 0 };
    let mut out = vec![first];
    for address in [flow.local, flow.remote] {
        match address.ip() {
            IpAddr::V4(ip) => out.extend(ip.octets()),
            IpAddr::V6(ip) => out.extend(ip.octets()),
        }
        out.extend(address.port().to_be_bytes());
    }
    if let Some(ConnectionId(number)) = flow.connection {
        out.extend(number.to_be_bytes());
    }
    out
}

fn read_flow(bytes: &[u8]) -> Option<Flow> {
    let (first, mut rest) = bytes.split_first()?;
    let transport = *TRANSPORTS.get(usize::from(first & 0x0f))?;
    let mut address = |v6: bool| {
        let ip: IpAddr = if v6 {
            take::<16>(&mut rest)?.into()
        } else {
            take::<4>(&mut rest)?.into()
        };
        Some(SocketAddr::new(ip, u16::from_be_bytes(take(&mut rest)?)))
    };
    let local = address(first & LOCAL_V6 != 0)?;
    let remote = address(first & REMOTE_V6 != 0)?;
    let connection = if first & CONNECTED == 0 {
        None
    } else {
        Some(ConnectionId(u64::from_be_bytes(take(&mut rest)?)))
    };
    rest.is_empty().then_some(Flow {
        transport,
        local,
        remote,
        connection,
    })
}

fn take<const N: usize>(rest: &mut &[u8]) -> Option<[u8; N]> {
    let (first, after) = rest.split_first_chunk::<N>()?;
    *rest = after;
    Some(*first)
}

/// HMAC-SHA-256 of `parts`, one after the other.
pub(crate) fn keyed_hash(key: &[u8; 32], parts: &[&[u8]]) -> [u8; 32] {
    let mut block = [0; 64];
    block.iter_mut().zip(key).for_each(|(to, from)| *to = *from);
    let mut mac = <Hmac<Sha256> as KeyInit>::new(&block.into());
    parts.iter().for_each(|part| mac.update(part));
    mac.finalize().into_bytes().into()
}

pub(crate) fn write_hex(text: &mut String, bytes: &[u8]) {
    for byte in bytes {
        // Writing to a string does not fail.
        let _ = write!(text, "{byte:02x}");
    }
}

/// Hexadecimal digits, at most 200.
pub(crate) fn read_hex(text: &str) -> Option<Vec<u8>> {
    let digit = |byte: u8| char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
    if text.len() > 200 || !text.len().is_multiple_of(2) {
        return None;
    }
    let pairs = text.as_bytes().chunks_exact(2);
    pairs
        .map(|pair| match pair {
            [high, low] => Some(digit(*high)? << 4 | digit(*low)?),
            _ => None,
        })
        .collect()
}
