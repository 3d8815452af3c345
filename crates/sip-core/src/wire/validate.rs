//! What every receiver of a message relies on: the mandatory headers, once each and well-formed.

use super::request::missing;
use super::{HeaderName, Headers, ParseError, ParseErrorKind, Request, Response, Source};
use crate::header::{CSeq, Contact, Date, From, MaxForwards, RecordRoute, Route, To, TypedHeader, Via, ViewHeader};

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
        self.uri_view()?;
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
    if validate_list::<Via>(headers)? == 0 {
        return Err(missing(&HeaderName::Via));
    }
    validate_one::<From>(headers)?;
    validate_one::<To>(headers)?;
    let (call_id, _) = once(headers, &HeaderName::CallId)?;
    validate_call_id(call_id)?;
    let (cseq, _) = once(headers, &HeaderName::CSeq)?;
    let cseq = CSeq::parse(cseq)?;
    validate_list::<Contact>(headers)?;
    validate_list::<Route>(headers)?;
    validate_list::<RecordRoute>(headers)?;
    validate_optional::<Date>(headers)?;
    at_most_once(headers, &HeaderName::ContentType)?;
    Ok(cseq)
}

/// How many values there are.
fn validate_list<H: ViewHeader>(headers: &Headers) -> Result<usize, ParseError> {
    let mut views = headers.view_iter::<H>();
    views.try_fold(0, |count, view| view.map(|_| count + 1))
}

fn validate_one<H: ViewHeader>(headers: &Headers) -> Result<(), ParseError> {
    let (value, source) = once(headers, &H::NAME)?;
    H::view_in(value, source).map(drop)
}

fn validate_optional<H: TypedHeader>(headers: &Headers) -> Result<(), ParseError> {
    headers.typed::<H>().map_or(Ok(()), |header| header.map(drop))
}

/// The value of a header that must be there exactly once.
fn once<'a>(headers: &'a Headers, name: &HeaderName) -> Result<(&'a [u8], Source<'a>), ParseError> {
    at_most_once(headers, name)?;
    headers.get_in(name).ok_or_else(|| missing(name))
}

fn at_most_once(headers: &Headers, name: &HeaderName) -> Result<(), ParseError> {
    if headers.count(name) > 1 {
        return Err(ParseError::new(ParseErrorKind::DuplicateHeader(name.known_str()), 0));
    }
    Ok(())
}

/// One word without white space. Which characters it may hold by the book, no peer cares about.
fn validate_call_id(value: &[u8]) -> Result<(), ParseError> {
    match value.iter().position(|byte| !byte.is_ascii_graphic() && *byte < 0x80) {
        Some(offset) => Err(ParseError::new(ParseErrorKind::UnexpectedByte, offset)),
        None if value.is_empty() => Err(ParseError::new(ParseErrorKind::UnexpectedEnd, 0)),
        None => Ok(()),
    }
}
