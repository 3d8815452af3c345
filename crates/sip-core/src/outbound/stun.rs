//! STUN as keep-alive (RFC 5626 §3.5.2, RFC 5389): a Binding request without attributes, and its response with the address
//! that the peer saw.
//!
//! ```
//! use sip_core::outbound::stun;
//!
//! let request = stun::request([7; 12]);
//! assert!(stun::is_stun(&request), "told from SIP by its first octet");
//! let seen = "203.0.113.9:40000".parse()?;
//! let response = stun::Response::read(&stun::answer(&request, seen).unwrap()).unwrap();
//! assert_eq!((response.transaction, response.mapped), ([7; 12], Some(seen)));
//! # Ok::<(), std::net::AddrParseError>(())
//! ```

use std::net::{IpAddr, SocketAddr};

use bytes::Bytes;

const COOKIE: [u8; 4] = [0x21, 0x12, 0xa4, 0x42];
const REQUEST: u16 = 0x0001;
const SUCCESS: u16 = 0x0101;
const ERROR: u16 = 0x0111;
const MAPPED_ADDRESS: u16 = 0x0001;
const ERROR_CODE: u16 = 0x0009;
const UNKNOWN_ATTRIBUTES: u16 = 0x000a;
const XOR_MAPPED_ADDRESS: u16 = 0x0020;
/// Attribute types from here on may be passed over by whoever does not know them.
const OPTIONAL: u16 = 0x8000;
/// Unknown attributes that one refusal names.
const MAX_UNKNOWN: usize = 8;
/// Octets of a message that are looked at: more than any Binding message has.
const MAX: usize = 1_280;

/// Whether a datagram is STUN: two zero bits, which no SIP message begins with, the magic cookie, and a length that fits
/// (RFC 5389 §6, §8).
#[must_use]
pub fn is_stun(data: &[u8]) -> bool {
    Head::read(data).is_some()
}

/// A Binding request.
#[must_use]
pub fn request(transaction: [u8; 12]) -> Bytes {
    message(REQUEST, transaction, &[])
}

/// The response to a Binding request that came from `source`; `None` if `data` is none. A request with attributes that have
/// to be understood and are not is refused (420).
#[must_use]
pub fn answer(data: &[u8], source: SocketAddr) -> Option<Bytes> {
    let head = Head::read(data).filter(|head| head.kind == REQUEST)?;
    let unknown: Vec<u8> = head
        .attributes()
        .filter(|(kind, _)| *kind < OPTIONAL)
        .take(MAX_UNKNOWN)
        .flat_map(|(kind, _)| kind.to_be_bytes())
        .collect();
    if unknown.is_empty() {
        let mut attributes = Vec::new();
        push(
            &mut attributes,
            XOR_MAPPED_ADDRESS,
            &write_address(source, head.transaction),
        );
        return Some(message(SUCCESS, head.transaction, &attributes));
    }
    let mut attributes = Vec::new();
    push(&mut attributes, ERROR_CODE, b"\0\0\x04\x14Unknown Attribute");
    push(&mut attributes, UNKNOWN_ATTRIBUTES, &unknown);
    Some(message(ERROR, head.transaction, &attributes))
}

/// A response to a Binding request.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub struct Response {
    /// Whose.
    pub transaction: [u8; 12],
    /// The address that the request came from, as the peer saw it; `None`: an error.
    pub mapped: Option<SocketAddr>,
}

impl Response {
    /// Reads a response; `None` if `data` is none.
    #[must_use]
    pub fn read(data: &[u8]) -> Option<Self> {
        let head = Head::read(data).filter(|head| matches!(head.kind, SUCCESS | ERROR))?;
        let of = |wanted| {
            head.attributes()
                .find(|(kind, _)| *kind == wanted)
                .map(|(_, value)| value)
        };
        let xored = of(XOR_MAPPED_ADDRESS).and_then(|value| read_address(value, Some(head.transaction)));
        let mapped = xored.or_else(|| read_address(of(MAPPED_ADDRESS)?, None));
        Some(Self {
            transaction: head.transaction,
            mapped: mapped.filter(|_| head.kind == SUCCESS),
        })
    }
}

struct Head<'a> {
    kind: u16,
    transaction: [u8; 12],
    rest: &'a [u8],
}

impl<'a> Head<'a> {
    fn read(data: &'a [u8]) -> Option<Self> {
        let (kind, rest) = data.split_first_chunk::<2>()?;
        let (len, rest) = rest.split_first_chunk::<2>()?;
        let (cookie, rest) = rest.split_first_chunk::<4>()?;
        let (transaction, rest) = rest.split_first_chunk::<12>()?;
        let (kind, len) = (u16::from_be_bytes(*kind), usize::from(u16::from_be_bytes(*len)));
        let fits = kind >> 14 == 0 && *cookie == COOKIE && len == rest.len() && len.is_multiple_of(4) && len <= MAX;
        fits.then_some(Self {
            kind,
            transaction: *transaction,
            rest,
        })
    }

    fn attributes(&self) -> impl Iterator<Item = (u16, &'a [u8])> + use<'a> {
        let mut rest = self.rest;
        core::iter::from_fn(move || {
            let (kind, after) = rest.split_first_chunk::<2>()?;
            let (len, after) = after.split_first_chunk::<2>()?;
            let len = usize::from(u16::from_be_bytes(*len));
            let value = after.get(..len)?;
            rest = after.get(len.next_multiple_of(4)..).unwrap_or_default();
            Some((u16::from_be_bytes(*kind), value))
        })
    }
}

fn message(kind: u16, transaction: [u8; 12], attributes: &[u8]) -> Bytes {
    let mut out = Vec::with_capacity(20 + attributes.len());
    out.extend_from_slice(&kind.to_be_bytes());
    out.extend_from_slice(&u16::try_from(attributes.len()).unwrap_or_default().to_be_bytes());
    out.extend_from_slice(&COOKIE);
    out.extend_from_slice(&transaction);
    out.extend_from_slice(attributes);
    out.into()
}

fn push(out: &mut Vec<u8>, kind: u16, value: &[u8]) {
    out.extend_from_slice(&kind.to_be_bytes());
    out.extend_from_slice(&u16::try_from(value.len()).unwrap_or_default().to_be_bytes());
    out.extend_from_slice(value);
    out.resize(out.len().next_multiple_of(4), 0);
}

/// Cookie and transaction, with which an address is masked so that no NAT rewrites it (RFC 5389 §15.2).
fn mask(transaction: [u8; 12]) -> impl Iterator<Item = u8> {
    COOKIE.into_iter().chain(transaction)
}

fn write_address(address: SocketAddr, transaction: [u8; 12]) -> Vec<u8> {
    let ip = match address.ip().to_canonical() {
        IpAddr::V4(ip) => ip.octets().to_vec(),
        IpAddr::V6(ip) => ip.octets().to_vec(),
    };
    let mut out = vec![0, if ip.len() == 4 { 1 } else { 2 }];
    let port = address.port().to_be_bytes();
    out.extend(port.iter().zip(mask(transaction)).map(|(byte, key)| byte ^ key));
    out.extend(ip.iter().zip(mask(transaction)).map(|(byte, key)| byte ^ key));
    out
}

fn read_address(value: &[u8], masked: Option<[u8; 12]>) -> Option<SocketAddr> {
    let (head, ip) = value.split_first_chunk::<4>()?;
    let [_, family, high, low] = *head;
    let mut keys = [0; 16];
    if let Some(transaction) = masked {
        keys.iter_mut()
            .zip(mask(transaction))
            .for_each(|(key, byte)| *key = byte);
    }
    let [first, second, ..] = keys;
    let port = u16::from_be_bytes([high ^ first, low ^ second]);
    let plain: Vec<u8> = ip.iter().zip(keys).map(|(byte, key)| byte ^ key).collect();
    let ip: IpAddr = match family {
        1 if ip.len() == 4 => <[u8; 4]>::try_from(plain).ok()?.into(),
        2 if ip.len() == 16 => <[u8; 16]>::try_from(plain).ok()?.into(),
        _ => return None,
    };
    Some(SocketAddr::new(ip, port))
}
