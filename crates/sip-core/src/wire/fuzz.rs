//! Bodies of the fuzz targets, so that plain tests replay the corpora. They panic when an invariant is broken.

use super::lexer::split_list;
use super::{
    Framed, HeaderName, Headers, Message, NameAddr, ParseErrorKind, StreamFramer, Token, Uri, salvage_request,
};
use crate::Limits;
use crate::header;
use bytes::Bytes;

/// Any datagram: reading never panics; what is read prints as it came; an edit changes nothing else.
pub fn message(data: &[u8]) {
    let _ = salvage_request(data).map(|request| request.to_bytes());
    let Ok(mut message) = Message::parse(Bytes::copy_from_slice(data)) else {
        return;
    };
    let printed = message.to_bytes();
    let skipped = data.iter().take_while(|byte| matches!(byte, b'\r' | b'\n')).count();
    assert!(
        data.get(skipped..).is_some_and(|rest| rest.starts_with(&printed)),
        "untouched, it prints as it came"
    );
    assert_eq!(
        Message::parse(printed).as_ref(),
        Ok(&message),
        "what is printed reads the same"
    );
    let _ = message.validate();
    read_all(message.headers());

    let before = message.clone();
    let Ok(marker) = Token::new("X-Marker") else { return };
    headers_mut(&mut message).push(HeaderName::Other(marker), "1");
    match Message::parse(message.to_bytes()) {
        Ok(again) => {
            let known = |(name, _): &(HeaderName, &[u8])| *name != HeaderName::ContentLength;
            let kept = again
                .headers()
                .iter()
                .filter(known)
                .zip(before.headers().iter().filter(known));
            kept.for_each(|(again, before)| assert_eq!(again, before));
            assert_eq!(again.body(), before.body());
        }
        Err(error) => assert!(is_limit(error.kind), "an edited message can be read: {error}"),
    }
}

/// Any bytes as a stream, cut at places that the first bytes choose: the same frames as uncut; each frame is one
/// message to its last byte.
pub fn stream(data: &[u8]) {
    let (cuts, stream) = data.split_at(data.len().min(8));
    let limits = Limits {
        message: 512,
        ..Limits::default()
    };
    let mut whole = StreamFramer::new(limits.clone());
    whole.push(stream);
    let expected = drain(&mut whole);
    let mut pieces = StreamFramer::new(limits);
    let mut frames = Vec::new();
    let mut rest = stream;
    let mut cuts = cuts.iter().cycle();
    while !rest.is_empty() {
        let cut = cuts.next().map_or(1, |cut| usize::from(cut % 64) + 1).min(rest.len());
        let (piece, after) = rest.split_at(cut);
        pieces.push(piece);
        frames.extend(drain(&mut pieces));
        if frames.last().is_some_and(Result::is_err) {
            break;
        }
        rest = after;
    }
    assert_eq!(frames, expected, "the cuts do not matter");
    for framed in expected {
        if let Ok(Framed::Message(bytes)) = framed
            && let Ok(message) = Message::parse(bytes.clone())
        {
            assert_eq!(message.to_bytes(), bytes, "a frame is one message to its last byte");
        }
    }
}

/// Frames up to the first error.
fn drain(framer: &mut StreamFramer) -> Vec<Result<Framed, super::FrameError>> {
    let mut frames = Vec::new();
    while let Some(framed) = framer.next() {
        let is_error = framed.is_err();
        frames.push(framed);
        if is_error {
            break;
        }
    }
    frames
}

/// Any bytes as a URI and as an address: what is read prints and reads the same, and is equivalent to itself.
pub fn uri(data: &[u8]) {
    if let Ok(uri) = Uri::parse(data) {
        assert!(uri.equivalent(&uri), "{uri} is equivalent to itself");
        let printed = uri.to_string();
        assert_eq!(Uri::parse(printed.as_bytes()).as_ref(), Ok(&uri), "{printed}");
        let _ = (uri.user(), uri.header("Replaces"), uri.without_headers());
    }
    if let Ok(address) = NameAddr::parse(data) {
        let printed = address.to_string();
        let again = NameAddr::parse(printed.as_bytes());
        assert_eq!(again.map(|again| again.to_string()), Ok(printed));
    }
}

/// Any bytes as the value of every typed header.
pub fn headers(data: &[u8]) {
    read_value(data);
}

const fn headers_mut(message: &mut Message) -> &mut Headers {
    match message {
        Message::Request(request) => request.headers_mut(),
        Message::Response(response) => response.headers_mut(),
    }
}

const fn is_limit(kind: ParseErrorKind) -> bool {
    matches!(kind, ParseErrorKind::TooManyHeaders | ParseErrorKind::MessageTooLarge)
}

fn read_all(headers: &Headers) {
    for (_, value) in headers.iter() {
        read_value(value);
        split_list(value).for_each(read_value);
    }
}

fn read_value(value: &[u8]) {
    header::fuzz::ALL.iter().for_each(|(_, read)| read(value));
}
