//! The answer to a request that there is no time for.

use core::hash::{Hash, Hasher};
use std::hash::DefaultHasher;
use std::net::SocketAddr;

use bytes::Bytes;

use crate::{HeaderName, Message, Method, Response, StatusCode};

/// An answer and where it goes.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub struct Refusal {
    /// Where a datagram goes; over a stream the answer goes back on the connection.
    pub to: SocketAddr,
    /// The response.
    pub data: Bytes,
}

/// The stateless 503 to a request, with `Retry-After` in seconds (RFC 3261 §21.5.4, §8.2.7).
///
/// `None` where none is due: to an ACK, a response, or what cannot be read; nor is one sent that would be longer than the
/// request, so that nobody can have a third party hit harder than he can himself.
///
/// ```
/// use sip_core::guard::refusal;
///
/// let request = "INVITE sip:bob@example.com SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bK1\r\nMax-Forwards: 70\r\n\
///     From: <sip:alice@example.com>;tag=1\r\nTo: <sip:bob@example.com>\r\nCall-ID: 1@192.0.2.1\r\nCSeq: 1 INVITE\r\n\
///     Contact: <sip:alice@192.0.2.1>\r\nContent-Type: application/sdp\r\nContent-Length: 3\r\n\r\nv=0";
/// let refusal = refusal(request.into(), "192.0.2.1:5060".parse()?, 2).unwrap();
/// assert!(refusal.data.starts_with(b"SIP/2.0 503 Service Unavailable\r\n"));
/// assert!(refusal.data.len() <= request.len());
/// # Ok::<(), std::net::AddrParseError>(())
/// ```
#[must_use]
pub fn refusal(packet: Bytes, source: SocketAddr, retry_after: u32) -> Option<Refusal> {
    let most = packet.len();
    let Ok(Message::Request(request)) = Message::parse(packet) else {
        return None;
    };
    if *request.method() == Method::Ack {
        return None;
    }
    let via = request.top_via().ok()?;
    let mut response = Response::to_request(&request, StatusCode::SERVICE_UNAVAILABLE, None);
    let mut hasher = DefaultHasher::new();
    (via.branch(), request.call_id()).hash(&mut hasher);
    response.set_to_tag(&format!("{:x}", hasher.finish()));
    let headers = response.headers_mut();
    headers.set(HeaderName::RetryAfter, retry_after.to_string());
    // RFC 3261 §18.2.1, RFC 3581 §4.
    let wants_port = via.rport().is_some();
    let address = source.ip().to_canonical();
    let port = if wants_port {
        source.port()
    } else {
        via.port.unwrap_or(5060)
    };
    if wants_port || via.host.ip() != Some(address) {
        let mut via = via;
        via.set_received(address);
        if wants_port {
            via.set_rport(source.port());
        }
        headers.pop_item(&HeaderName::Via);
        headers.push_front_typed(&via);
    }
    let data = response.to_bytes();
    (data.len() <= most).then_some(Refusal {
        to: SocketAddr::new(source.ip(), port),
        data,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(method: &str, via: &str, more: &str) -> String {
        format!(
            "{method} sip:b@example.com SIP/2.0\r\nVia: {via}\r\nMax-Forwards: 70\r\nFrom: <sip:a@example.com>;tag=a\r\n\
             To: <sip:b@example.com>\r\nCall-ID: 1\r\nCSeq: 1 {method}\r\n{more}Content-Length: 0\r\n\r\n"
        )
    }

    fn of(text: String) -> Option<Refusal> {
        refusal(text.into(), "192.0.2.1:4000".parse().unwrap(), 7)
    }

    const MORE: &str =
        "Contact: <sip:a@192.0.2.1>\r\nUser-Agent: a phone of some make\r\nAllow: INVITE, ACK, BYE, CANCEL\r\n";

    #[test]
    fn it_goes_where_responses_go() {
        for (via, to, top) in [
            (
                "SIP/2.0/UDP 192.0.2.1;branch=z9hG4bK1",
                5060,
                "SIP/2.0/UDP 192.0.2.1;branch=z9hG4bK1",
            ),
            (
                "SIP/2.0/UDP 192.0.2.9:5070;branch=z9hG4bK1",
                5070,
                "SIP/2.0/UDP 192.0.2.9:5070;branch=z9hG4bK1;received=192.0.2.1",
            ),
            (
                "SIP/2.0/UDP 192.0.2.1;rport;branch=z9hG4bK1, SIP/2.0/UDP 192.0.2.7",
                4000,
                "SIP/2.0/UDP 192.0.2.1;rport=4000;branch=z9hG4bK1;received=192.0.2.1",
            ),
        ] {
            let refusal = of(request("INVITE", via, MORE)).unwrap();
            assert_eq!(refusal.to.to_string(), format!("192.0.2.1:{to}"));
            let Ok(Message::Response(response)) = Message::parse(refusal.data) else {
                unreachable!()
            };
            assert_eq!(response.validate(), Ok(()));
            assert_eq!(response.headers().items(&HeaderName::Via).next(), Some(top.as_bytes()));
            assert_eq!(
                response.headers().items(&HeaderName::Via).count(),
                via.split(',').count()
            );
            assert_eq!(response.headers().get_str(&HeaderName::RetryAfter), Some("7"));
            assert!(response.to().unwrap().tag().is_some());
        }
    }

    #[test]
    fn the_same_request_gets_the_same_answer_and_some_get_none() {
        let via = "SIP/2.0/UDP 192.0.2.1;branch=z9hG4bK1";
        assert_eq!(of(request("INVITE", via, MORE)), of(request("INVITE", via, MORE)));
        assert_eq!(of(request("ACK", via, MORE)), None);
        assert_eq!(of("SIP/2.0 200 OK\r\nVia: SIP/2.0/UDP h\r\n\r\n".to_owned()), None);
        assert_eq!(of("hello".to_owned()), None);
        // Longer than the request: the Retry-After and the tag do not fit.
        assert_eq!(of(request("OPTIONS", via, "")), None);
        assert!(of(request("OPTIONS", via, MORE)).is_some());
    }
}
