//! What every receiver of a message relies on: the mandatory headers, once each and well-formed.

use super::request::missing;
use super::{HeaderName, Headers, NameAddr, ParseError, ParseErrorKind, Request, Response};
use crate::header::{CSeq, Contact, Date, MaxForwards, TypedHeader, Via};

impl Request {
    /// Checks what a receiver relies on (RFC 3261 §8.1.1, §8.2.2, RFC 4475 §3.1.2): Via, From, To, Call-ID and
    /// CSeq are there and, as Max-Forwards, Date, Contact, Route and Record-Route if they are there, well-formed;
    /// what may be there once is; CSeq names the request's method; the Request-URI is a URI.
    ///
    /// Max-Forwards, the From tag and the branch's magic cookie may be missing, as RFC 2543 allowed. A Request-URI
    /// of another scheme passes: whether it can be served (416) is the application's matter.
    ///
    /// # Errors
    ///
    /// The first fault; [`ParseError::status`] says how to answer it. Its offset is within the value of the header
    /// in question.
    pub fn validate(&self) -> Result<(), ParseError> {
        self.check_uri()?;
        let cseq = validate_headers(self.headers())?;
        if cseq.method != *self.method() {
            return Err(ParseError::new(ParseErrorKind::MethodMismatch, 0));
        }
        validate_optional::<MaxForwards>(self.headers())?;
        at_most_once(self.headers(), &HeaderName::MaxForwards)
    }
}

impl Response {
    /// Checks what a receiver relies on, as [`Request::validate`] does. A response that fails is to be dropped.
    ///
    /// # Errors
    ///
    /// The first fault. Its offset is within the value of the header in question.
    pub fn validate(&self) -> Result<(), ParseError> {
        validate_headers(self.headers()).map(drop)
    }
}

fn validate_headers(headers: &Headers) -> Result<CSeq, ParseError> {
    validate_list(headers, Via::check, &HeaderName::Via, true)?;
    for name in [HeaderName::From, HeaderName::To] {
        NameAddr::check(once(headers, &name)?)?;
    }
    validate_call_id(once(headers, &HeaderName::CallId)?)?;
    let cseq = CSeq::parse(once(headers, &HeaderName::CSeq)?)?;
    validate_list(headers, Contact::check, &HeaderName::Contact, false)?;
    for name in [HeaderName::Route, HeaderName::RecordRoute] {
        validate_list(headers, NameAddr::check, &name, false)?;
    }
    validate_optional::<Date>(headers)?;
    at_most_once(headers, &HeaderName::ContentType)?;
    Ok(cseq)
}

/// The value of a header that must be there exactly once.
fn once<'a>(headers: &'a Headers, name: &HeaderName) -> Result<&'a [u8], ParseError> {
    at_most_once(headers, name)?;
    headers.get(name).ok_or_else(|| missing(name))
}

fn at_most_once(headers: &Headers, name: &HeaderName) -> Result<(), ParseError> {
    if headers.count(name) > 1 {
        return Err(ParseError::new(ParseErrorKind::DuplicateHeader(name.known_str()), 0));
    }
    Ok(())
}

fn validate_optional<H: TypedHeader>(headers: &Headers) -> Result<(), ParseError> {
    headers.typed::<H>().map_or(Ok(()), |header| header.map(drop))
}

fn validate_list(
    headers: &Headers,
    check: impl Fn(&[u8]) -> Result<(), ParseError>,
    name: &HeaderName,
    mandatory: bool,
) -> Result<(), ParseError> {
    let mut count = 0_usize;
    for item in headers.items(name) {
        check(item)?;
        count += 1;
    }
    if mandatory && count == 0 {
        Err(missing(name))
    } else {
        Ok(())
    }
}

/// One word without white space. Which characters it may hold by the book, no peer cares about.
fn validate_call_id(value: &[u8]) -> Result<(), ParseError> {
    match value.iter().position(|byte| !byte.is_ascii_graphic() && *byte < 0x80) {
        Some(offset) => Err(ParseError::new(ParseErrorKind::UnexpectedByte, offset)),
        None if value.is_empty() => Err(ParseError::new(ParseErrorKind::UnexpectedEnd, 0)),
        None => Ok(()),
    }
}
