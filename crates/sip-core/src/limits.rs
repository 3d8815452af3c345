//! What a peer may make us hold.

/// Bounds on everything that a peer can make grow.
///
/// The defaults take every message that a phone or a provider sends in practice, and every valid message of
/// RFC 4475.
///
/// ```
/// use sip_core::Limits;
///
/// let mut limits = Limits::default();
/// limits.message = 16 * 1024;
/// assert_eq!(limits.headers, 256);
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[non_exhaustive]
pub struct Limits {
    /// Octets in a message, start line to end of body. Default 65,536; more is `MessageTooLarge` (513).
    pub message: usize,
    /// Octets in a start line, without its line end. Default 4,096; more is `StartLineTooLong` (414).
    pub start_line: usize,
    /// Octets in a Request-URI. Default 2,048; more is `UriTooLong` (414).
    pub uri: usize,
    /// Octets in one header field with its name and continuation lines, without the last line end.
    /// Default 8,192; more is `HeaderTooLong` (513).
    pub header_line: usize,
    /// Header fields in a message. Default 256; more is `TooManyHeaders` (513).
    pub headers: usize,
    /// Via values in a message, however they are spread over fields. Default 70, which is as many hops as the
    /// usual Max-Forwards allows; more is `TooManyVias` (483).
    pub vias: usize,
    /// Octets in a body. Default 65,536; more is `BodyTooLarge` (413).
    pub body: usize,
}

impl Limits {
    /// Parameters in one `;name=value` list, and headers in one URI. Not adjustable, since single values are
    /// also parsed without a `Limits` at hand; more is `TooManyParams` (400).
    pub const PARAMS: usize = 64;
    /// Values in one typed list (`typed_all`, `Allow`, `Supported`…). Not adjustable; more is `TooManyValues` (400).
    pub const VALUES: usize = 256;
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            message: 65_536,
            start_line: 4_096,
            uri: 2_048,
            header_line: 8_192,
            headers: 256,
            vias: 70,
            body: 65_536,
        }
    }
}
