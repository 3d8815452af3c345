//! Branches and tags. They carry the handle of what they belong to, so that a message finds it without an index, and
//! enough randomness that nobody can guess them.

use std::net::SocketAddr;

use bytes::Bytes;
use slotmap::{Key, KeyData};

use super::id::ClientKey;
use super::{ReferId, SessionId, SubscriptionId, Transport};
use crate::dialog::compose::Value;
use crate::transaction::matching::MAGIC_COOKIE;
use crate::wire::{Digits, read_hex};

/// The value of our Via.
#[derive(Clone, Copy, Debug)]
pub(super) struct OwnVia {
    pub(super) transport: Transport,
    pub(super) sent_by: SocketAddr,
    pub(super) key: ClientKey,
    pub(super) nonce: u64,
    /// The peer may use the connection for requests of its own (RFC 5923).
    pub(super) alias: bool,
    /// The peer is asked how often to send keep-alives (RFC 6223).
    pub(super) keep: bool,
}

impl Value for OwnVia {
    fn write(&self, out: &mut Vec<u8>) {
        let sent_by = Digits::socket(self.sent_by);
        let (key, nonce) = (Digits::hex(self.key.data().as_ffi()), Digits::hex(self.nonce));
        let flag = match self {
            Self { transport, .. } if !transport.is_reliable() => ";rport",
            Self { alias: true, .. } => ";alias",
            Self { alias: false, .. } => "",
        };
        let keep = if self.keep { ";keep" } else { "" };
        out.extend_from_slice(b"SIP/2.0/");
        out.extend_from_slice(self.transport.as_str().as_bytes());
        out.push(b' ');
        out.extend_from_slice(sent_by.as_bytes());
        out.extend_from_slice(b";branch=");
        out.extend_from_slice(MAGIC_COOKIE.as_bytes());
        out.extend_from_slice(key.as_bytes());
        out.extend_from_slice(nonce.as_bytes());
        out.extend_from_slice(flag.as_bytes());
        out.extend_from_slice(keep.as_bytes());
    }
}

/// The transaction that one of our branches names.
pub(super) fn read_branch(branch: &[u8]) -> Option<(ClientKey, u64)> {
    let (cookie, rest) = branch.split_at_checked(MAGIC_COOKIE.len())?;
    let (key, nonce) = rest.split_at_checked(16)?;
    if !cookie.eq_ignore_ascii_case(MAGIC_COOKIE.as_bytes()) || nonce.len() != 16 {
        return None;
    }
    Some((KeyData::from_ffi(read_hex(key)?).into(), read_hex(nonce)?))
}

/// What a tag of ours belongs to.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum TagOwner {
    Session(SessionId),
    Subscription(SubscriptionId),
    Refer(ReferId),
}

impl TagOwner {
    /// A new tag.
    pub(super) fn tag(self, nonce: u32) -> Bytes {
        let (letter, key) = match self {
            Self::Session(id) => (b's', id.data()),
            Self::Subscription(id) => (b'n', id.data()),
            Self::Refer(id) => (b'r', id.data()),
        };
        let mut tag = Vec::with_capacity(25);
        tag.push(letter);
        tag.extend_from_slice(Digits::hex(key.as_ffi()).as_bytes());
        let nonce = Digits::hex(nonce.into());
        tag.extend_from_slice(nonce.as_bytes().get(8..).unwrap_or_default());
        Bytes::from(tag)
    }

    /// What one of our tags belongs to. The tag must then be compared with the owner's.
    pub(super) fn read(tag: &[u8]) -> Option<Self> {
        let (letter, rest) = tag.split_first()?;
        let (key, nonce) = rest.split_at_checked(16)?;
        if nonce.len() != 8 {
            return None;
        }
        let key = KeyData::from_ffi(read_hex(key)?);
        match letter {
            b's' => Some(Self::Session(key.into())),
            b'n' => Some(Self::Subscription(key.into())),
            b'r' => Some(Self::Refer(key.into())),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dialog::raw::branch_of;

    #[test]
    fn names_find_back() {
        let key = ClientKey::from(KeyData::from_ffi(0x1_0000_0007));
        let via = OwnVia {
            transport: Transport::Udp,
            sent_by: "192.0.2.1:5060".parse().unwrap(),
            key,
            nonce: 0xfeed_beef_0123_4567,
            alias: false,
            keep: false,
        };
        let mut text = Vec::new();
        via.write(&mut text);
        let text = String::from_utf8(text).unwrap();
        assert_eq!(
            text,
            "SIP/2.0/UDP 192.0.2.1:5060;branch=z9hG4bK0000000100000007feedbeef01234567;rport"
        );
        assert_eq!(read_branch(branch_of(text.as_bytes()).unwrap()), Some((key, via.nonce)));
        let id = SessionId::from(KeyData::from_ffi(0x3_0000_0002));
        assert_eq!(
            TagOwner::read(&TagOwner::Session(id).tag(9)),
            Some(TagOwner::Session(id))
        );
    }

    #[test]
    fn foreign_names_are_nobodys() {
        for branch in [
            "",
            "z9hG4bK",
            "z9hG4bK776asdhds",
            "z9hG4bK0000000100000007feedbeef0123456x",
            "z9hG4bK\u{e9}",
        ] {
            assert_eq!(read_branch(branch.as_bytes()), None, "{branch}");
        }
        for tag in [
            "",
            "s",
            "1928301774",
            "x00000001000000070000000a",
            "s00000001000000070000000",
        ] {
            assert_eq!(TagOwner::read(tag.as_bytes()), None, "{tag}");
        }
    }
}
