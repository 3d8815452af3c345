//! Branches. Those of client transactions carry the handle of what they belong to, so that a response finds it without an
//! index, enough randomness that nobody can guess them, and what a loop is known by (RFC 5393). Those of requests forwarded
//! without state are a function of the request.

use core::fmt;
use core::hash::{Hash, Hasher};
use std::hash::DefaultHasher;
use std::net::SocketAddr;

use slotmap::{Key, KeyData};

use super::id::BranchKey;
use crate::dialog::raw::{branch_of, tag_of};
use crate::endpoint::{ConnectionId, Transport};
use crate::header::Via;
use crate::transaction::matching::MAGIC_COOKIE;
use crate::wire::{Digits, read_hex};
use crate::{HeaderName, Headers, Request};

/// What a branch of ours says.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum BranchName {
    Stateful {
        key: BranchKey,
        nonce: u64,
        fingerprint: u64,
    },
    Stateless {
        hash: u64,
        /// Where the request came from, for the way back.
        connection: Option<ConnectionId>,
    },
}

/// The value of our Via.
#[derive(Clone, Copy, Debug)]
pub(super) struct OwnVia {
    pub(super) transport: Transport,
    pub(super) sent_by: SocketAddr,
    pub(super) branch: BranchName,
}

impl fmt::Display for BranchName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::Stateful {
                key,
                nonce,
                fingerprint,
            } => {
                f.write_str(MAGIC_COOKIE)?;
                f.write_str(Digits::hex(key.data().as_ffi()).as_str())?;
                f.write_str(Digits::hex(nonce).as_str())?;
                f.write_str(".")?;
                f.write_str(Digits::hex(fingerprint).as_str())
            }
            Self::Stateless { hash, connection } => {
                f.write_str(MAGIC_COOKIE)?;
                f.write_str("s")?;
                f.write_str(Digits::hex(hash).as_str())?;
                match connection {
                    Some(ConnectionId(number)) => write!(f, ".{number:x}"),
                    None => Ok(()),
                }
            }
        }
    }
}

impl fmt::Display for OwnVia {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SIP/2.0/")?;
        f.write_str(self.transport.as_str())?;
        f.write_str(" ")?;
        f.write_str(Digits::socket(self.sent_by).as_str())?;
        f.write_str(";branch=")?;
        self.branch.fmt(f)?;
        if self.transport.is_reliable() {
            Ok(())
        } else {
            f.write_str(";rport")
        }
    }
}

impl BranchName {
    /// Reads a branch, if it is of our form.
    pub(super) fn read(branch: &[u8]) -> Option<Self> {
        let (cookie, rest) = branch.split_at_checked(MAGIC_COOKIE.len())?;
        if !cookie.eq_ignore_ascii_case(MAGIC_COOKIE.as_bytes()) {
            return None;
        }
        if let Some(rest) = rest.strip_prefix(b"s") {
            let (hash, rest) = rest.split_at_checked(16)?;
            let connection = match rest {
                [] => None,
                [b'.', digits @ ..] if (1..=16).contains(&digits.len()) => Some(ConnectionId(read_hex(digits)?)),
                _ => return None,
            };
            return Some(Self::Stateless {
                hash: read_hex(hash)?,
                connection,
            });
        }
        let (key, rest) = rest.split_at_checked(16)?;
        let (nonce, rest) = rest.split_at_checked(16)?;
        let fingerprint = rest.strip_prefix(b".").filter(|digits| digits.len() == 16)?;
        Some(Self::Stateful {
            key: KeyData::from_ffi(read_hex(key)?).into(),
            nonce: read_hex(nonce)?,
            fingerprint: read_hex(fingerprint)?,
        })
    }
}

/// All that has influence on where a request is sent (RFC 3261 §16.6 step 8, RFC 5393 §4.2.1), with a secret, so that
/// nobody can make requests that look like loops of others. Neither the method nor the Vias count.
pub(super) fn fingerprint(secret: u64, request: &Request, routed_by: &[HeaderName]) -> u64 {
    let headers = request.headers();
    let mut hasher = DefaultHasher::new();
    secret.hash(&mut hasher);
    request.uri().hash(&mut hasher);
    identity(headers, &mut hasher);
    headers.get(&HeaderName::To).and_then(tag_of).hash(&mut hasher);
    let usual = [
        HeaderName::Route,
        HeaderName::ProxyRequire,
        HeaderName::ProxyAuthorization,
    ];
    for name in usual.iter().chain(routed_by) {
        for value in headers.values(name) {
            value.hash(&mut hasher);
        }
        0xff_u8.hash(&mut hasher);
    }
    hasher.finish()
}

/// Whether the request was here before, with the same fingerprint.
pub(super) fn has_looped(request: &Request, ours: u64) -> bool {
    request
        .headers()
        .items(&HeaderName::Via)
        .filter_map(|via| BranchName::read(branch_of(via)?))
        .any(|branch| matches!(branch, BranchName::Stateful { fingerprint, .. } if fingerprint == ours))
}

/// The hash in the branch of a request that is forwarded without state (RFC 3261 §16.11): the same for each copy of it,
/// for its CANCEL, and for the ACK of its failure. `via` is the Via below ours, with which a response can be
/// recognised, too.
pub(super) fn stateless_hash(secret: u64, via: &Via, headers: &Headers, connection: Option<ConnectionId>) -> u64 {
    let mut hasher = DefaultHasher::new();
    (secret, 's', connection).hash(&mut hasher);
    via.branch().hash(&mut hasher);
    (via.host.to_string().to_ascii_lowercase(), via.port).hash(&mut hasher);
    if !via.has_rfc3261_branch() {
        identity(headers, &mut hasher);
    }
    hasher.finish()
}

/// From tag, Call-ID and sequence number.
fn identity(headers: &Headers, hasher: &mut DefaultHasher) {
    headers.get(&HeaderName::From).and_then(tag_of).hash(hasher);
    headers.get(&HeaderName::CallId).hash(hasher);
    let cseq = headers.get(&HeaderName::CSeq).unwrap_or_default();
    cseq.split(|byte| !byte.is_ascii_digit()).next().hash(hasher);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn branch(text: &str) -> Option<BranchName> {
        BranchName::read(text.as_bytes())
    }

    #[test]
    fn names_find_back() {
        let key = BranchKey::from(KeyData::from_ffi(0x1_0000_0007));
        for ours in [
            BranchName::Stateful {
                key,
                nonce: u64::MAX,
                fingerprint: 7,
            },
            BranchName::Stateless {
                hash: 9,
                connection: None,
            },
            BranchName::Stateless {
                hash: u64::MAX,
                connection: Some(ConnectionId(u64::MAX)),
            },
        ] {
            assert_eq!(branch(&ours.to_string()), Some(ours));
            let via = OwnVia {
                transport: Transport::Udp,
                sent_by: "192.0.2.1:5060".parse().unwrap(),
                branch: ours,
            };
            assert_eq!(
                branch_of(via.to_string().as_bytes()).and_then(BranchName::read),
                Some(ours)
            );
        }
    }

    #[test]
    fn foreign_names_are_nobodys() {
        for text in [
            "",
            "z9hG4bK",
            "z9hG4bK776asdhds",
            "z9hG4bKs",
            "z9hG4bKs0000000000000001.",
            "z9hG4bKs0000000000000001.00000000000000001",
            "z9hG4bK00000001000000070000000000000001",
            "z9hG4bK00000001000000070000000000000001.000000000000000x",
            "z9hG4bK\u{e9}",
        ] {
            assert_eq!(branch(text), None, "{text}");
        }
    }
}
