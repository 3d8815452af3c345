/// How much of a session description is read; whatever goes beyond is refused as a whole.
///
/// ```
/// use sdp::{Limits, ParseErrorKind, Session};
///
/// let mut limits = Limits::default();
/// limits.media = 1;
/// let error = Session::parse_with(b"v=0\nm=audio 9 RTP/AVP 0\nm=video 9 RTP/AVP 34\n", &limits).unwrap_err();
/// assert_eq!(error.kind, ParseErrorKind::TooManyMedia);
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[non_exhaustive]
pub struct Limits {
    /// Bytes of the whole description; default 32,768.
    pub bytes: usize,
    /// Bytes of one line without its end; default 2048.
    pub line: usize,
    /// `m=` lines; default 16.
    pub media: usize,
    /// `a=` lines of the session section and of each medium; default 68.
    pub attributes: usize,
    /// Formats of one `m=` line; default 64.
    pub formats: usize,
    /// `b=` lines of the session section and of each medium; default 8.
    pub bandwidths: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            bytes: 32_768,
            line: 2048,
            media: 16,
            attributes: 68,
            formats: 64,
            bandwidths: 8,
        }
    }
}
