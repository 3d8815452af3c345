use super::StatusCode;

/// What was wrong, and where.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{kind} (at byte {offset})")]
pub struct ParseError {
    /// The cause.
    pub kind: ParseErrorKind,
    /// Octets from the start of what was parsed: of the datagram for a message, of the value for a header.
    pub offset: usize,
}

impl ParseError {
    pub(crate) const fn new(kind: ParseErrorKind, offset: usize) -> Self {
        Self { kind, offset }
    }

    /// The same error seen from a text in which the parsed piece starts at `by`.
    pub(crate) const fn shifted(self, by: usize) -> Self {
        Self {
            kind: self.kind,
            offset: self.offset.saturating_add(by),
        }
    }

    /// The status with which a server answers a request that has this fault, if it answers at all
    /// (RFC 3261 §8.2, §16.3, §18.3).
    pub const fn status(self) -> StatusCode {
        use ParseErrorKind as Kind;
        if matches!(self.kind, Kind::Version) {
            StatusCode::VERSION_NOT_SUPPORTED
        } else if matches!(self.kind, Kind::StartLineTooLong | Kind::UriTooLong) {
            StatusCode::REQUEST_URI_TOO_LONG
        } else if matches!(self.kind, Kind::BodyTooLarge) {
            StatusCode::REQUEST_ENTITY_TOO_LARGE
        } else if matches!(
            self.kind,
            Kind::MessageTooLarge
                | Kind::HeaderTooLong
                | Kind::TooManyHeaders
                | Kind::TooManyContacts
                | Kind::TooManyRoutes
        ) {
            StatusCode::MESSAGE_TOO_LARGE
        } else if matches!(self.kind, Kind::TooManyVias) {
            StatusCode::TOO_MANY_HOPS
        } else {
            StatusCode::BAD_REQUEST
        }
    }
}

/// The causes of a [`ParseError`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
#[non_exhaustive]
pub enum ParseErrorKind {
    /// Nothing there, or only line ends.
    #[error("empty")]
    Empty,
    /// Longer than `Limits::message`.
    #[error("message too large")]
    MessageTooLarge,
    /// Longer than `Limits::body`.
    #[error("body too large")]
    BodyTooLarge,
    /// Neither `Method SP Request-URI SP SIP-Version` nor `SIP-Version SP Status-Code SP Reason-Phrase`.
    #[error("malformed start line")]
    StartLine,
    /// Longer than `Limits::start_line`.
    #[error("start line too long")]
    StartLineTooLong,
    /// The Request-URI is longer than `Limits::uri`.
    #[error("Request-URI too long")]
    UriTooLong,
    /// The method is not a token.
    #[error("malformed method")]
    Method,
    /// A SIP version other than 2.0.
    #[error("unsupported SIP version")]
    Version,
    /// Not three digits from 100 to 699.
    #[error("malformed status code")]
    StatusCode,
    /// A header name that is not a token, or a line without a colon.
    #[error("malformed header name")]
    HeaderName,
    /// A carriage return that no line feed follows.
    #[error("carriage return without line feed")]
    BareCr,
    /// Longer than `Limits::header_line`.
    #[error("header too long")]
    HeaderTooLong,
    /// More than `Limits::headers`.
    #[error("too many headers")]
    TooManyHeaders,
    /// More than `Limits::vias`.
    #[error("too many Via values")]
    TooManyVias,
    /// More than `Limits::contacts`.
    #[error("too many Contact values")]
    TooManyContacts,
    /// More than `Limits::routes`.
    #[error("too many Route values")]
    TooManyRoutes,
    /// More than [`Limits::PARAMS`](crate::Limits::PARAMS).
    #[error("too many parameters")]
    TooManyParams,
    /// More than [`Limits::VALUES`](crate::Limits::VALUES).
    #[error("too many values")]
    TooManyValues,
    /// The empty line after the headers is missing.
    #[error("headers without end")]
    UnterminatedHeaders,
    /// Content-Length is not a decimal number in range.
    #[error("malformed Content-Length")]
    ContentLength,
    /// Several Content-Length headers that differ.
    #[error("conflicting Content-Length headers")]
    ContentLengthConflict,
    /// Fewer octets arrived than Content-Length says.
    #[error("body shorter than Content-Length")]
    BodyTooShort,
    /// A message on a stream without Content-Length (RFC 3261 §18.3).
    #[error("no Content-Length on a stream")]
    ContentLengthMissing,
    /// A byte that cannot stand here.
    #[error("unexpected byte")]
    UnexpectedByte,
    /// The value ends where more is needed.
    #[error("unexpected end")]
    UnexpectedEnd,
    /// A quoted string without its closing quote.
    #[error("unterminated quoted string")]
    UnterminatedQuote,
    /// A `<` without its `>`.
    #[error("unterminated angle bracket")]
    UnterminatedBracket,
    /// A `%` that two hexadecimal digits do not follow.
    #[error("malformed escape")]
    Escape,
    /// Neither a host name nor an address.
    #[error("malformed host")]
    Host,
    /// Not a port number.
    #[error("malformed port")]
    Port,
    /// No URI scheme.
    #[error("malformed URI scheme")]
    Scheme,
    /// URI headers (`?name=value`) where they are not allowed (RFC 3261 §19.1.1, §20.10).
    #[error("URI headers not allowed here")]
    UriHeaders,
    /// Not UTF-8 where text is needed.
    #[error("not UTF-8")]
    Utf8,
    /// Not a decimal number.
    #[error("malformed number")]
    Number,
    /// A number beyond its range.
    #[error("number out of range")]
    NumberOutOfRange,
    /// Not an RFC 1123 date in GMT.
    #[error("malformed date")]
    Date,
    /// A parameter that must be there is not.
    #[error("missing parameter")]
    MissingParameter,
    /// A mandatory header is missing.
    #[error("missing header {0}")]
    MissingHeader(&'static str),
    /// A header that may occur once occurs again.
    #[error("duplicate header {0}")]
    DuplicateHeader(&'static str),
    /// The method in CSeq is not that of the request.
    #[error("CSeq method differs from the request's")]
    MethodMismatch,
}
