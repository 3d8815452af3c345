//! The privacy service: hides what the user asked to be hidden (RFC 3323 §5).

use super::asserted::anonymous_uri;
use crate::StatusCode;
use crate::header::{Contact, From, Privacy, PrivacyKind, ProxyRequire, TypedHeader};
use crate::wire::{HeaderName, Headers, NameAddr, ParseError, Uri};
use bytes::Bytes;

/// What a user would put in by hand, and what other side needs not (RFC 3323 §5.3, RFC 5379 §5).
const OF_THE_USER: [HeaderName; 7] = [
    HeaderName::CallInfo,
    HeaderName::InReplyTo,
    HeaderName::Organization,
    HeaderName::ReplyTo,
    HeaderName::Server,
    HeaderName::Subject,
    HeaderName::UserAgent,
];

/// Where the user is (RFC 3323 §5.1).
const OF_THE_WAY: [HeaderName; 4] = [
    HeaderName::Path,
    HeaderName::RecordRoute,
    HeaderName::ServiceRoute,
    HeaderName::Via,
];

/// Hides what the user asked to be hidden, on behalf of an agent that stands between the parties and stays there: all
/// later messages have to come by, since the other side has nobody else to send to.
///
/// ```
/// use sip_core::identity::PrivacyService;
/// use sip_core::{HeaderName, Headers, Uri};
///
/// let mut headers = Headers::new();
/// headers.push(HeaderName::Via, "SIP/2.0/UDP desk.example.com;branch=z9hG4bK1");
/// headers.push(HeaderName::From, "\"Alice\" <sip:alice@example.com>;tag=1");
/// headers.push(HeaderName::Contact, "<sip:alice@192.0.2.7>");
/// headers.push(HeaderName::Subject, "Raise");
/// headers.push(HeaderName::Privacy, "user;header;id");
///
/// let service = PrivacyService::new(Uri::parse(b"sip:b2bua.example.com")?);
/// let hidden = service.apply(&mut headers).unwrap();
/// assert_eq!(headers.get_str(&HeaderName::From), Some("\"Anonymous\" <sip:anonymous@anonymous.invalid>;tag=1"));
/// assert_eq!(headers.get_str(&HeaderName::Contact), Some("<sip:b2bua.example.com>"));
/// assert!(!headers.contains(&HeaderName::Subject) && !headers.contains(&HeaderName::Via));
/// assert_eq!(headers.get_str(&HeaderName::Privacy), Some("id"), "the rest is for others to do");
/// assert_eq!(hidden.values(&HeaderName::Via).count(), 1, "for the way back");
/// # Ok::<(), sip_core::ParseError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[non_exhaustive]
pub struct PrivacyService {
    /// Put in the place of each Contact.
    pub contact: Uri,
    /// Whether the embedder relays the media, so that their addresses are hidden. Default: false.
    pub hides_session: bool,
}

/// What was taken out of a message, to be put back on the way back.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Hidden {
    fields: Vec<(HeaderName, Bytes)>,
}

/// Why privacy cannot be had. The message is as it was.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PrivacyError {
    /// `critical`, with a kind of privacy that is not offered.
    #[error("a kind of privacy that is critical cannot be had")]
    Unavailable,
    /// Privacy or From cannot be read.
    #[error("malformed header: {0}")]
    Malformed(ParseError),
}

impl PrivacyError {
    /// The status that answers the request: 500 or 400 (RFC 3323 §5).
    #[must_use]
    pub const fn status(self) -> StatusCode {
        match self {
            Self::Unavailable => StatusCode::SERVER_INTERNAL_ERROR,
            Self::Malformed(_) => StatusCode::BAD_REQUEST,
        }
    }
}

impl Hidden {
    /// The values of the fields `name` that were taken out or replaced, in their order.
    pub fn values(&self, name: &HeaderName) -> impl Iterator<Item = &Bytes> {
        self.fields
            .iter()
            .filter(move |(field, _)| field == name)
            .map(|(_, value)| value)
    }

    /// Whether nothing was taken out.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.fields.is_empty()
    }

    fn take(&mut self, headers: &mut Headers, name: &HeaderName) {
        let values: Vec<Bytes> = headers.values(name).map(Bytes::copy_from_slice).collect();
        self.fields
            .extend(values.into_iter().map(|value| (name.clone(), value)));
        headers.remove(name);
    }
}

impl PrivacyService {
    /// A service that is reached at `contact` and does not relay media.
    #[must_use]
    pub fn new(contact: Uri) -> Self {
        Self {
            contact,
            hides_session: false,
        }
    }

    /// Does what Privacy asks: `header` and `user`, and `session` if the embedder relays the media. What is done is taken
    /// from the Privacy header, and the header with its last value, with `privacy` in Proxy-Require (RFC 3323 §5). `id` and
    /// `history` are done by [`withhold`](super::withhold) at the border. The Call-ID stays: it names the dialog; an agent
    /// that has one of its own on each side writes a new one.
    ///
    /// # Errors
    ///
    /// [`PrivacyError`]; the message is as it was.
    pub fn apply(&self, headers: &mut Headers) -> Result<Hidden, PrivacyError> {
        let Some(privacy) = headers.typed::<Privacy>() else {
            return Ok(Hidden::default());
        };
        let privacy = privacy.map_err(PrivacyError::Malformed)?;
        if privacy.is_none() {
            return Ok(Hidden::default());
        }
        let is_known = |kind: &PrivacyKind| match kind {
            PrivacyKind::Session => self.hides_session,
            PrivacyKind::Other(_) => false,
            PrivacyKind::Header
            | PrivacyKind::User
            | PrivacyKind::None
            | PrivacyKind::Critical
            | PrivacyKind::Id
            | PrivacyKind::History => true,
        };
        if privacy.is_critical() && !privacy.0.iter().all(is_known) {
            return Err(PrivacyError::Unavailable);
        }
        let from = headers.typed::<From>().transpose().map_err(PrivacyError::Malformed)?;
        let mut hidden = Hidden::default();
        if privacy.asks(&PrivacyKind::User) {
            hide_user(headers, from, &mut hidden);
        }
        if privacy.asks(&PrivacyKind::Header) {
            self.hide_way(headers, &mut hidden);
        }
        self.note_done(headers, &privacy);
        Ok(hidden)
    }

    fn hide_way(&self, headers: &mut Headers, hidden: &mut Hidden) {
        for name in &OF_THE_WAY {
            hidden.take(headers, name);
        }
        if headers.contains(&HeaderName::Contact) {
            hidden.take(headers, &HeaderName::Contact);
            headers.push_typed(&Contact::Address(NameAddr::new(self.contact.clone())));
        }
    }

    /// Leaves in Privacy what others have to do.
    fn note_done(&self, headers: &mut Headers, privacy: &Privacy) {
        let is_done = |kind: &PrivacyKind| {
            matches!(kind, PrivacyKind::Header | PrivacyKind::User)
                || (*kind == PrivacyKind::Session && self.hides_session)
        };
        let left: Vec<PrivacyKind> = privacy.0.iter().filter(|kind| !is_done(kind)).cloned().collect();
        if left.iter().any(|kind| *kind != PrivacyKind::Critical) {
            headers.set_typed(&Privacy(left));
            return;
        }
        headers.remove(&HeaderName::Privacy);
        let Ok(required) = headers.typed_all::<ProxyRequire>() else {
            return;
        };
        let tags = required.into_iter().flat_map(|list| list.0);
        let tags: Vec<_> = tags
            .filter(|tag| !tag.as_str().eq_ignore_ascii_case("privacy"))
            .collect();
        if tags.is_empty() {
            headers.remove(&ProxyRequire::NAME);
        } else {
            headers.set_typed(&ProxyRequire(tags));
        }
    }
}

/// Makes From anonymous but for its tag, and drops what tells of the user.
fn hide_user(headers: &mut Headers, from: Option<From>, hidden: &mut Hidden) {
    for name in &OF_THE_USER {
        hidden.take(headers, name);
    }
    let Some(From(from)) = from else { return };
    let mut anonymous = NameAddr::new(anonymous_uri()).with_display("Anonymous");
    if let Some(tag) = from.tag() {
        anonymous.set_tag(tag);
    }
    let value = headers.get(&HeaderName::From).map(Bytes::copy_from_slice);
    hidden.fields.extend(value.map(|value| (HeaderName::From, value)));
    headers.set_typed(&From(anonymous));
}
