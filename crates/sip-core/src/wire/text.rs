use super::lexer::decode_text;
use bytes::Bytes;
use bytestring::ByteString;
use core::borrow::Borrow;
use core::cmp::Ordering;
use core::fmt;
use core::hash::{Hash, Hasher};
use core::ops::Deref;
use smol_str::SmolStr;

/// Text that was read from a message, or one's own.
///
/// Text of up to 23 octets is held in place. Longer text that comes from a message shares the message's bytes, so
/// that reading allocates nothing; it keeps the whole message in memory until it is dropped or
/// [`detached`](Self::detached).
///
/// ```
/// use sip_core::Text;
///
/// let text = Text::from("alice");
/// assert_eq!(text, "alice");
/// assert_eq!(text.to_uppercase(), "ALICE");
/// ```
#[derive(Clone)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(from = "String", into = "String"))]
pub struct Text(Repr);

#[derive(Clone)]
enum Repr {
    Own(SmolStr),
    /// A part of a message.
    Shared(ByteString),
}

/// Text of at most as many octets is copied, which is faster than to share it.
const IN_PLACE: usize = 23;

impl Text {
    /// No text.
    pub const EMPTY: Self = Self::new_static("");

    /// Text of the program's own, without a copy.
    pub const fn new_static(text: &'static str) -> Self {
        Self(Repr::Own(SmolStr::new_static(text)))
    }

    /// The text.
    #[inline]
    pub fn as_str(&self) -> &str {
        match &self.0 {
            Repr::Own(text) => text.as_str(),
            Repr::Shared(text) => text,
        }
    }

    /// The text as octets.
    #[inline]
    pub fn as_bytes(&self) -> &[u8] {
        self.as_str().as_bytes()
    }

    /// The same text in memory of its own: no message is kept for it.
    #[must_use]
    pub fn detached(self) -> Self {
        match &self.0 {
            Repr::Own(_) => self,
            Repr::Shared(_) => Self::from(self.as_str()),
        }
    }

    /// The text that `String` holds, without a copy of what is long.
    pub(crate) fn from_long(text: String) -> Self {
        if text.len() <= IN_PLACE {
            Self::from(text.as_str())
        } else {
            Self(Repr::Shared(text.into()))
        }
    }
}

/// What the texts of a header may share: the message, of which its value is a part.
///
/// Handed to [`TypedHeader::parse_in`](crate::header::TypedHeader::parse_in).
///
/// ```
/// use sip_core::header::TypedHeader;
/// use sip_core::wire::Source;
/// use sip_core::{HeaderName, Headers, ParseError, Text};
///
/// /// A header of one's own.
/// struct Note(Text);
///
/// impl TypedHeader for Note {
///     const NAME: HeaderName = HeaderName::Subject;
///     fn parse(value: &[u8]) -> Result<Self, ParseError> {
///         Self::parse_in(value, Source::NONE)
///     }
///     fn parse_in(value: &[u8], source: Source<'_>) -> Result<Self, ParseError> {
///         Ok(Self(source.text(value)))
///     }
///     fn write(&self, out: &mut impl std::fmt::Write) -> std::fmt::Result {
///         out.write_str(&self.0)
///     }
/// }
///
/// let mut headers = Headers::new();
/// headers.push(HeaderName::Subject, "call me");
/// assert!(headers.typed::<Note>().is_some_and(|note| note.is_ok_and(|note| note.0 == "call me")));
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Source<'a>(Whole<'a>);

#[derive(Clone, Copy, Debug)]
enum Whole<'a> {
    None,
    Text(&'a ByteString),
    /// Not UTF-8, or not known to be.
    Octets(&'a Bytes),
}

impl<'a> Source<'a> {
    /// Nothing to be shared: everything is copied.
    pub const NONE: Self = Self(Whole::None);

    /// For parts of `whole`.
    pub const fn of(whole: &'a Bytes) -> Self {
        Self(Whole::Octets(whole))
    }

    /// The text of `part`, read as Latin-1 if it is not UTF-8. Shared if it is long and a part of the message.
    #[inline]
    pub fn text(self, part: &[u8]) -> Text {
        if let Whole::Text(whole) = self.0
            && let Some(start) = offset_in(part, whole.as_bytes())
            && let Some(text) = whole.get(start..start + part.len())
        {
            return if text.len() <= IN_PLACE {
                Text::from(text)
            } else {
                Text(Repr::Shared(whole.slice_ref(text)))
            };
        }
        self.checked(part)
    }

    /// The part itself as text, if it is UTF-8.
    #[inline]
    pub(crate) fn str_of(self, part: &'a [u8]) -> Option<&'a str> {
        match self.0 {
            Whole::Text(whole) => match offset_in(part, whole.as_bytes()) {
                Some(start) => whole.get(start..start + part.len()),
                None => core::str::from_utf8(part).ok(),
            },
            Whole::None | Whole::Octets(_) => core::str::from_utf8(part).ok(),
        }
    }

    fn checked(self, part: &[u8]) -> Text {
        let Ok(text) = core::str::from_utf8(part) else {
            return Text::from(decode_text(part).into_owned());
        };
        if let Whole::Octets(whole) = self.0
            && text.len() > IN_PLACE
            && offset_in(part, whole).is_some()
            && let Ok(shared) = ByteString::try_from(whole.slice_ref(part))
        {
            return Text(Repr::Shared(shared));
        }
        Text::from(text)
    }
}

/// Where in `whole` its `part` begins, if it is one.
#[inline]
fn offset_in(part: &[u8], whole: &[u8]) -> Option<usize> {
    let start = part.as_ptr().addr().checked_sub(whole.as_ptr().addr())?;
    (start.checked_add(part.len())? <= whole.len()).then_some(start)
}

/// The bytes of a message; as text, if they are: found out once, not for each value.
#[derive(Clone)]
pub(super) enum Octets {
    Text(ByteString),
    Other(Bytes),
}

impl Octets {
    pub(super) const EMPTY: Self = Self::Other(Bytes::new());

    pub(super) fn new(bytes: Bytes) -> Self {
        ByteString::try_from(bytes.clone()).map_or(Self::Other(bytes), Self::Text)
    }

    #[inline]
    pub(super) fn bytes(&self) -> &Bytes {
        match self {
            Self::Text(text) => text.as_bytes(),
            Self::Other(bytes) => bytes,
        }
    }

    #[inline]
    pub(super) fn source(&self) -> Source<'_> {
        Source(match self {
            Self::Text(text) => Whole::Text(text),
            Self::Other(bytes) => Whole::Octets(bytes),
        })
    }

    /// Gives up what follows `len` octets.
    pub(super) fn truncate(&mut self, len: usize) {
        if len < self.bytes().len() {
            *self = Self::new(self.bytes().slice(..len));
        }
    }
}

impl Default for Octets {
    fn default() -> Self {
        Self::EMPTY
    }
}

impl Default for Text {
    fn default() -> Self {
        Self::EMPTY
    }
}

impl Deref for Text {
    type Target = str;
    #[inline]
    fn deref(&self) -> &str {
        self.as_str()
    }
}

impl AsRef<str> for Text {
    fn as_ref(&self) -> &str {
        self.as_str()
    }
}

impl Borrow<str> for Text {
    fn borrow(&self) -> &str {
        self.as_str()
    }
}

impl PartialEq for Text {
    fn eq(&self, other: &Self) -> bool {
        self.as_str() == other.as_str()
    }
}

impl Eq for Text {}

impl PartialOrd for Text {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Text {
    fn cmp(&self, other: &Self) -> Ordering {
        self.as_str().cmp(other.as_str())
    }
}

impl Hash for Text {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.as_str().hash(state);
    }
}

impl PartialEq<str> for Text {
    fn eq(&self, other: &str) -> bool {
        self.as_str() == other
    }
}

impl PartialEq<&str> for Text {
    fn eq(&self, other: &&str) -> bool {
        self.as_str() == *other
    }
}

impl PartialEq<String> for Text {
    fn eq(&self, other: &String) -> bool {
        self.as_str() == other
    }
}

impl fmt::Display for Text {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self.as_str(), f)
    }
}

impl fmt::Debug for Text {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self.as_str(), f)
    }
}

impl From<&str> for Text {
    #[inline]
    fn from(text: &str) -> Self {
        Self(Repr::Own(SmolStr::new(text)))
    }
}

impl From<String> for Text {
    fn from(text: String) -> Self {
        Self(Repr::Own(SmolStr::from(text)))
    }
}

impl From<SmolStr> for Text {
    fn from(text: SmolStr) -> Self {
        Self(Repr::Own(text))
    }
}

impl From<Text> for String {
    fn from(text: Text) -> Self {
        text.as_str().to_owned()
    }
}

impl From<Text> for SmolStr {
    fn from(text: Text) -> Self {
        match text.0 {
            Repr::Own(text) => text,
            Repr::Shared(_) => Self::new(text.as_str()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn short_text_is_copied_and_long_text_shared() {
        let whole = Bytes::from("a short one, and then one that is long enough to be shared");
        let source = Source::of(&whole);
        let is_shared = |text: &Text| matches!(text.0, Repr::Shared(_));
        for len in [0, 1, IN_PLACE] {
            assert!(!is_shared(&source.text(&whole[..len])));
        }
        let long = source.text(&whole[5..5 + IN_PLACE + 1]);
        assert!(is_shared(&long));
        assert_eq!(long, "rt one, and then one tha");
        assert!(!is_shared(&long.clone().detached()));
        assert_eq!(long.clone().detached(), long);
    }

    #[test]
    fn what_is_not_of_the_source_is_copied() {
        let whole = Bytes::from("x".repeat(100));
        let other = "y".repeat(100);
        assert_eq!(Source::of(&whole).text(other.as_bytes()), other);
        assert_eq!(Source::NONE.text(&whole), Text::from(&*"x".repeat(100)));
        let half = whole.slice(..50);
        assert!(matches!(Source::of(&half).text(&whole).0, Repr::Own(_)));
    }

    #[test]
    fn latin_1_becomes_text() {
        let whole = Bytes::from_static(b"J\xf6rg and a lot of people who are not called that");
        assert_eq!(Source::of(&whole).text(&whole[..4]), "J\u{f6}rg");
        assert!(Source::of(&whole).text(&whole).starts_with("J\u{f6}rg and"));
    }

    #[test]
    fn it_is_small() {
        assert_eq!(size_of::<Text>(), 32);
    }
}
