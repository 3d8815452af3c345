//! Which transaction a message belongs to (RFC 3261 §17.1.3, §17.2.3, §8.2.2.2).

use core::hash::{BuildHasherDefault, Hash, Hasher};
use std::collections::HashMap;
use std::hash::DefaultHasher;

use crate::dialog::raw::tag_of;
use crate::header::Via;
use crate::{HeaderName, Host, Method, Request};

/// What every branch of RFC 3261 begins with.
pub(crate) const MAGIC_COOKIE: &str = "z9hG4bK";

/// What stands for a text that a peer chose: no two texts have the same, unless somebody knows the secret.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub(crate) struct HashedKey(u64, u64);

/// By hashed key. Nobody can choose texts that would crowd it.
pub(crate) type Index<V> = HashMap<HashedKey, V, BuildHasherDefault<Passed>>;

impl HashedKey {
    pub(crate) fn of(secret: u64, text: &[u8]) -> Self {
        let half = |secret: u64| {
            let mut hasher = DefaultHasher::new();
            hasher.write_u64(secret);
            hasher.write(text);
            hasher.finish()
        };
        Self(half(secret), half(!secret))
    }
}

impl Hash for HashedKey {
    fn hash<H: Hasher>(&self, state: &mut H) {
        state.write_u64(self.0);
    }
}

/// Passes on what is a hash already.
#[derive(Clone, Copy, Default, Debug)]
pub(crate) struct Passed(u64);

impl Hasher for Passed {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        self.0 = bytes
            .iter()
            .fold(self.0, |hash, byte| hash.rotate_left(8) ^ u64::from(*byte));
    }

    fn write_u64(&mut self, hash: u64) {
        self.0 = hash;
    }
}

/// Writes what identifies the server transaction of `request`, were its method `method`: for an ACK or a CANCEL that of
/// its INVITE.
///
/// A branch with the magic cookie identifies it together with sent-by and method. Peers of RFC 2543 have none; there it
/// is Request-URI, From tag, Call-ID, CSeq number and the whole topmost Via. (The To tag is left out: an ACK has the
/// one of the response, the INVITE none; within a dialog the CSeq number tells requests apart.)
pub(crate) fn server_key(out: &mut Vec<u8>, request: &Request, via: &Via, method: &Method) {
    if branch_key(out, via, method.as_str().as_bytes()) {
        return;
    }
    out.push(b'2');
    field(out, request.uri());
    identity(out, request);
    field(
        out,
        request.headers().items(&HeaderName::Via).next().unwrap_or_default(),
    );
    out.extend_from_slice(method.as_str().as_bytes());
}

/// The same from the topmost Via alone: whether it has a branch of RFC 3261, which is enough.
pub(crate) fn branch_key(out: &mut Vec<u8>, via: &Via, method: &[u8]) -> bool {
    out.clear();
    let Some(branch) = via.branch().filter(|branch| is_rfc3261(branch)) else {
        return false;
    };
    out.push(b'3');
    field(out, branch.as_bytes());
    match &via.host {
        Host::Name(name) => {
            let start = out.len();
            field(out, name.as_bytes());
            out.iter_mut().skip(start).for_each(|byte| byte.make_ascii_lowercase());
        }
        Host::V4(address) => {
            // No name begins with this octet, nor with the next.
            out.push(0xfe);
            out.extend_from_slice(&address.octets());
        }
        Host::V6(address) => {
            out.push(0xfd);
            out.extend_from_slice(&address.octets());
        }
    }
    out.extend_from_slice(&via.port.unwrap_or(0).to_be_bytes());
    out.extend_from_slice(method);
    true
}

/// Writes what is equal in two copies of one request that came by different ways.
pub(crate) fn merge_key(out: &mut Vec<u8>, request: &Request) {
    out.clear();
    out.push(b'm');
    identity(out, request);
    out.extend_from_slice(request.method().as_str().as_bytes());
}

fn identity(out: &mut Vec<u8>, request: &Request) {
    field(
        out,
        request
            .headers()
            .get(&HeaderName::From)
            .and_then(tag_of)
            .unwrap_or_default(),
    );
    field(out, request.call_id().unwrap_or_default());
    let cseq = request.headers().get(&HeaderName::CSeq).unwrap_or_default();
    let digits = cseq
        .iter()
        .position(|byte| !byte.is_ascii_digit())
        .unwrap_or(cseq.len());
    field(out, cseq.get(..digits).unwrap_or_default());
}

/// Ends a field with a byte that no field contains.
fn field(out: &mut Vec<u8>, value: &[u8]) {
    out.extend_from_slice(value);
    out.push(0xff);
}

fn is_rfc3261(branch: &str) -> bool {
    let cookie = branch.get(..MAGIC_COOKIE.len());
    cookie.is_some_and(|cookie| cookie.eq_ignore_ascii_case(MAGIC_COOKIE)) && branch.len() > MAGIC_COOKIE.len()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Message;

    fn key(text: &str, method: &Method) -> Vec<u8> {
        let Ok(Message::Request(request)) = Message::parse(text.to_owned().into()) else {
            unreachable!("not a request: {text}")
        };
        let mut out = Vec::new();
        server_key(&mut out, &request, &request.top_via().unwrap(), method);
        out
    }

    fn request(method: &str, via: &str, to_tag: &str, cseq: u32) -> String {
        format!(
            "{method} sip:b@example.com SIP/2.0\r\nVia: {via}\r\nFrom: <sip:a@example.com>;tag=a\r\n\
             To: <sip:b@example.com>{to_tag}\r\nCall-ID: 1\r\nCSeq: {cseq} {method}\r\nContent-Length: 0\r\n\r\n"
        )
    }

    #[test]
    fn an_ack_and_a_cancel_find_their_invite() {
        for via in [
            "SIP/2.0/UDP h:5070;branch=z9hG4bKx",
            "SIP/2.0/UDP h:5070;branch=1",
            "SIP/2.0/UDP h",
        ] {
            let invite = key(&request("INVITE", via, "", 1), &Method::Invite);
            assert_eq!(key(&request("ACK", via, ";tag=b", 1), &Method::Invite), invite, "{via}");
            assert_eq!(key(&request("CANCEL", via, "", 1), &Method::Invite), invite, "{via}");
            assert_ne!(key(&request("CANCEL", via, "", 1), &Method::Cancel), invite, "{via}");
        }
    }

    #[test]
    fn branch_and_sent_by_tell_transactions_apart() {
        let base = key(
            &request("OPTIONS", "SIP/2.0/UDP h:5070;branch=z9hG4bKx", "", 1),
            &Method::Options,
        );
        for via in [
            "SIP/2.0/UDP h:5070;branch=z9hG4bKy",
            "SIP/2.0/UDP h;branch=z9hG4bKx",
            "SIP/2.0/UDP g:5070;branch=z9hG4bKx",
        ] {
            assert_ne!(key(&request("OPTIONS", via, "", 1), &Method::Options), base, "{via}");
        }
        // The host's case does not matter, nor does the CSeq number.
        let same = key(
            &request("OPTIONS", "SIP/2.0/UDP H:5070;branch=z9hG4bKx", "", 2),
            &Method::Options,
        );
        assert_eq!(same, base);
    }

    #[test]
    fn hashed_keys_tell_texts_and_secrets_apart() {
        let keys = [
            HashedKey::of(1, b""),
            HashedKey::of(1, b"a"),
            HashedKey::of(1, b"b"),
            HashedKey::of(2, b"a"),
            HashedKey::of(!1, b"a"),
        ];
        let distinct: std::collections::BTreeSet<_> = keys.iter().collect();
        assert_eq!(distinct.len(), keys.len());
        assert_eq!(HashedKey::of(1, b"a"), HashedKey::of(1, b"a"));
    }

    #[test]
    fn a_name_is_no_address() {
        let of = |host: &str| {
            let via = format!("SIP/2.0/UDP {host};branch=z9hG4bKx");
            key(&request("OPTIONS", &via, "", 1), &Method::Options)
        };
        let hosts = ["192.0.2.1", "192.0.2.10", "[::1]", "[::ffff:192.0.2.1]", "host", "h"];
        for (at, one) in hosts.iter().enumerate() {
            for other in hosts.iter().skip(at + 1) {
                assert_ne!(of(one), of(other), "{one} {other}");
            }
        }
    }

    #[test]
    fn without_the_cookie_the_sequence_number_counts() {
        let via = "SIP/2.0/UDP h:5070;branch=1";
        assert_ne!(
            key(&request("OPTIONS", via, "", 1), &Method::Options),
            key(&request("OPTIONS", via, "", 2), &Method::Options)
        );
    }
}
