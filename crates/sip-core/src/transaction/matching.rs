//! Which transaction a message belongs to (RFC 3261 §17.1.3, §17.2.3, §8.2.2.2).

use crate::dialog::raw::tag_of;
use crate::header::Via;
use crate::{HeaderName, Method, Request};

/// What every branch of RFC 3261 begins with.
pub(crate) const MAGIC_COOKIE: &str = "z9hG4bK";

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
    field(out, via.host.to_string().to_ascii_lowercase().as_bytes());
    field(out, &via.port.unwrap_or(0).to_be_bytes());
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
    fn without_the_cookie_the_sequence_number_counts() {
        let via = "SIP/2.0/UDP h:5070;branch=1";
        assert_ne!(
            key(&request("OPTIONS", via, "", 1), &Method::Options),
            key(&request("OPTIONS", via, "", 2), &Method::Options)
        );
    }
}
