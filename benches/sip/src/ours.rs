//! What `sip-core` does.

use bytes::Bytes;
use sip_core::header::{Authorization, Contact, ContentLength, MaxForwards, RecordRoute, Via};
use sip_core::{Message, Request, Response, StatusCode};

/// Reads the header table.
pub fn parse(datagram: &Bytes) -> Request {
    match Message::parse(datagram.clone()) {
        Ok(Message::Request(request)) => request,
        _ => unreachable!("it is a request"),
    }
}

/// Reads the header table and checks every value that RFC 3261 makes a server rely on.
pub fn validate(datagram: &Bytes) -> Request {
    let request = parse(datagram);
    assert_eq!(request.validate(), Ok(()));
    request
}

/// Reads every value into its type; how many there are.
pub fn typed(datagram: &Bytes) -> usize {
    let request = parse(datagram);
    let headers = request.headers();
    drop(std::hint::black_box((
        request.request_uri(),
        request.from(),
        request.to(),
        request.cseq(),
        request.call_id(),
    )));
    let one = usize::from(headers.typed::<MaxForwards>().is_some_and(|value| value.is_ok()))
        + usize::from(headers.typed::<ContentLength>().is_some_and(|value| value.is_ok()))
        + usize::from(headers.typed::<Authorization>().is_some_and(|value| value.is_ok()));
    let lists = headers.typed_all::<Via>().map_or(0, |all| all.len())
        + headers.typed_all::<Contact>().map_or(0, |all| all.len())
        + headers.typed_all::<RecordRoute>().map_or(0, |all| all.len());
    one + lists
}

/// Prints what was read and not edited.
pub fn print(request: &Request) -> Bytes {
    request.to_bytes()
}

/// Builds and prints a response with a tag.
pub fn respond(request: &Request, status: StatusCode) -> Bytes {
    let mut response = Response::to_request(request, status, None);
    response.set_to_tag("314159");
    response.to_bytes()
}
