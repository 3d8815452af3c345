//! The bodies of the fuzz targets of bodies, plain functions so that tests replay the corpora.

use super::dtmf::{self, Dtmf};
use super::media_control::MediaControl;
use super::multipart::{Multipart, understood};
use super::sipfrag::SipFragment;
use super::xml::MAX_DOCUMENT;
use crate::Limits;
use crate::header::{ContentType, TypedHeader};
use crate::wire::{HeaderName, Headers};
use bytes::Bytes;

/// The first line is a Content-Type, what follows a body of it.
///
/// # Panics
///
/// If what was read does not print to something that reads the same, if the parts are more than the whole, or if a limit
/// does not hold.
pub fn multipart(data: &[u8]) {
    let at = data.iter().position(|byte| *byte == b'\n').unwrap_or(data.len());
    let (line, body) = data.split_at(at);
    let body = Bytes::copy_from_slice(body.get(1..).unwrap_or_default());
    let limits = Limits::default();
    let Ok(content_type) = ContentType::parse(line) else {
        return;
    };
    if let Ok(read) = Multipart::parse(&content_type, &body, &limits) {
        assert!((1..=limits.body_parts).contains(&read.parts.len()));
        let content: usize = read.parts.iter().map(|part| part.body.len()).sum();
        assert!(content < body.len(), "the parts are less than the whole");
        let printed = read.to_bytes();
        if printed.len() > limits.header_line {
            // Compact names grow when printed, perhaps beyond the limit of a line.
            return;
        }
        let again = Multipart::parse(&read.content_type(), &printed, &limits);
        assert_eq!(again.as_ref(), Ok(&read), "what is printed reads the same");
        let renewed = Multipart::new(read.kind.clone(), read.parts.clone());
        let again = Multipart::parse(&renewed.content_type(), &renewed.to_bytes(), &limits);
        assert_eq!(
            again.map(|again| again.parts),
            Ok(read.parts),
            "another boundary changes nothing"
        );
    }
    let mut headers = Headers::new();
    headers.push(HeaderName::ContentType, Bytes::copy_from_slice(line));
    for all in [true, false] {
        let taken = understood(&headers, &body, &limits, &|part| all || part.is("application/sdp"));
        if let Ok(taken) = taken {
            assert!(taken.len() <= limits.body_parts);
        }
    }
}

/// Digits of both types.
///
/// # Panics
///
/// If what was read does not print to something that reads the same.
pub fn dtmf(data: &[u8]) {
    for content_type in [dtmf::RELAY, dtmf::PLAIN] {
        if let Ok(pressed) = Dtmf::parse(content_type, data) {
            assert_eq!(Dtmf::parse(dtmf::RELAY, pressed.to_body().as_bytes()), Ok(pressed));
        }
    }
}

/// A document of media control.
///
/// # Panics
///
/// If what was read does not print to something that reads the same.
pub fn media_control(data: &[u8]) {
    let Ok(control) = MediaControl::parse(data) else { return };
    let xml = control.to_xml();
    if xml.len() <= MAX_DOCUMENT {
        assert_eq!(MediaControl::parse(xml.as_bytes()), Ok(control));
    }
}

/// A piece of a message.
///
/// # Panics
///
/// If a fragment with a start line does not print to something that reads the same, or has more than it came with.
pub fn fragment(data: &[u8]) {
    let limits = Limits::default();
    let Ok(fragment) = SipFragment::parse(&Bytes::copy_from_slice(data), &limits) else {
        return;
    };
    assert!(fragment.body().len() <= data.len() + 2);
    if let SipFragment::Message(message) = &fragment {
        assert_eq!(SipFragment::parse(&message.to_bytes(), &limits).as_ref(), Ok(&fragment));
    }
}
