//! What `sip-core` does.

use bytes::Bytes;
use sip_core::header::{Authorization, Contact, ContentLength, From, MaxForwards, RecordRoute, To, TypedHeader, Via};
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

/// Reads every value where it lies and looks up what a server asks of it: tags, branches, hosts, credentials. How many
/// values there are.
pub fn typed(datagram: &Bytes) -> usize {
    let request = parse(datagram);
    let headers = request.headers();
    let uri = request.uri_view();
    let from = headers.view::<From>().and_then(Result::ok);
    let to = headers.view::<To>().and_then(Result::ok);
    let all_there = uri.is_ok_and(|uri| uri.host().is_some() && uri.transport().is_some())
        && from.is_some_and(|from| from.tag().is_some() && from.uri().user().is_some())
        && to.is_some_and(|to| to.tag().is_none() && to.uri().host().is_some())
        && request.cseq().is_ok_and(|cseq| cseq.number == 2)
        && request.call_id().is_some();
    if !all_there {
        return 0;
    }
    let vias = headers.view_iter::<Via>();
    let contacts = headers.view_iter::<Contact>();
    let routes = headers.view_iter::<RecordRoute>();
    let credentials = headers.view::<Authorization>().and_then(Result::ok);
    vias.filter(|via| via.as_ref().is_ok_and(|via| via.branch().is_some()))
        .count()
        + contacts
            .filter(|contact| contact.as_ref().is_ok_and(|contact| contact.expires().is_some()))
            .count()
        + routes
            .filter(|route| route.as_ref().is_ok_and(|route| route.uri().is_loose_router()))
            .count()
        + usize::from(headers.typed::<MaxForwards>().is_some_and(|hops| hops.is_ok()))
        + usize::from(headers.typed::<ContentLength>().is_some_and(|length| length.is_ok()))
        + usize::from(
            credentials.is_some_and(|credentials| {
                credentials.get("username").is_some() && credentials.get("response").is_some()
            }),
        )
}

/// As [`typed`], with values of their own, to be kept or changed.
pub fn owned(datagram: &Bytes) -> usize {
    let request = parse(datagram);
    let uri = request.request_uri();
    let from = request.from();
    let to = request.to();
    let cseq = request.cseq();
    let all_there = uri.is_ok_and(|uri| uri.host().is_some() && uri.transport().is_some())
        && from.is_ok_and(|from| from.tag().is_some() && from.uri.user().is_some())
        && to.is_ok_and(|to| to.tag().is_none() && to.uri.host().is_some())
        && cseq.is_ok_and(|cseq| cseq.number == 2)
        && request.call_id().is_some();
    if !all_there {
        return 0;
    }
    let headers = request.headers();
    let mut found = 0;
    found += each::<Via>(&request, |via| via.branch().is_some());
    found += each::<Contact>(&request, |contact| contact.expires().is_some());
    found += each::<RecordRoute>(&request, |route| route.0.uri.is_loose_router());
    found += usize::from(headers.typed::<MaxForwards>().is_some_and(|hops| hops.is_ok()));
    found += usize::from(headers.typed::<ContentLength>().is_some_and(|length| length.is_ok()));
    let credentials = headers.typed::<Authorization>();
    found += usize::from(credentials.is_some_and(|credentials| {
        credentials.is_ok_and(|credentials| credentials.username().is_some() && credentials.response().is_some())
    }));
    found
}

fn each<H: TypedHeader>(request: &Request, is_good: impl Fn(&H) -> bool) -> usize {
    let values = request.headers().typed_iter::<H>();
    values.filter(|value| value.as_ref().is_ok_and(&is_good)).count()
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
