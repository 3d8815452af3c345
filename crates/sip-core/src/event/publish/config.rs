//! Limits, durations, and the ways a PUBLISH can fail.

use bytes::Bytes;

use crate::event::{ExpiryPolicy, TooBrief};
use crate::{HeaderName, Request, Response, StatusCode};

/// Settings of a [`Compositor`](super::Compositor).
///
/// ```
/// use sip_core::event::publish::CompositorConfig;
///
/// let mut config = CompositorConfig::default();
/// config.packages.push(("dialog".into(), vec!["application/dialog-info+xml".into()]));
/// config.max_states_each = 4; // devices of one user
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[non_exhaustive]
pub struct CompositorConfig {
    /// The event packages with the types of body that may be published, without parameters. Another package is refused
    /// with 489, another type with 415. Default: `presence` with `application/pidf+xml`.
    pub packages: Vec<(String, Vec<String>)>,
    /// How long a state may live. Default: one minute to one hour, one hour if the publisher does not say.
    pub expiry: ExpiryPolicy,
    /// States of one resource and package. Default 10; one more is refused with 503.
    pub max_states_each: usize,
    /// States of all. Default 100,000; one more is refused with 503.
    pub max_states: usize,
    /// Octets of one document. Default 16,384; more is refused with 413.
    pub max_document: usize,
    /// Octets of all documents. Default 256 MiB; more is refused with 503.
    pub max_documents: usize,
    /// Octets of the name of a resource, and of one Content-Type. Default 1024; more is refused with 400.
    pub max_name: usize,
}

impl Default for CompositorConfig {
    fn default() -> Self {
        Self {
            packages: vec![("presence".to_owned(), vec!["application/pidf+xml".to_owned()])],
            expiry: ExpiryPolicy::default(),
            max_states_each: 10,
            max_states: 100_000,
            max_document: 16_384,
            max_documents: 256 << 20,
            max_name: 1024,
        }
    }
}

/// Why a PUBLISH was refused. Nothing was changed.
///
/// ```
/// use sip_core::event::publish::{CompositorConfig, PublishError};
///
/// let config = CompositorConfig::default();
/// assert_eq!(PublishError::BadEvent.status().code(), 489);
/// assert_eq!(PublishError::BadEvent.headers(&config).unwrap().1, "presence"); // Allow-Events
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PublishError {
    /// No Event header, or a package that is not published here.
    #[error("package not published here")]
    BadEvent,
    /// SIP-If-Match cannot be read, or names several tags.
    #[error("malformed SIP-If-Match")]
    MalformedTag,
    /// No state of this resource and package has the tag.
    #[error("no state has the entity-tag")]
    NoMatch,
    /// A first PUBLISH without a body or its type.
    #[error("nothing is published")]
    NoBody,
    /// The body's type or encoding is none that is understood.
    #[error("type or encoding of the body not supported")]
    UnsupportedType,
    /// Longer than [`CompositorConfig::max_document`].
    #[error("document too long")]
    TooLong,
    /// Longer than [`CompositorConfig::max_name`].
    #[error("name of the resource or type too long")]
    NameTooLong,
    /// The duration asked for is below the minimum.
    #[error(transparent)]
    TooBrief(#[from] TooBrief),
    /// [`CompositorConfig::max_states_each`], [`CompositorConfig::max_states`] or [`CompositorConfig::max_documents`]
    /// reached.
    #[error("no room")]
    Full,
}

impl PublishError {
    /// The status with which the request is to be refused (RFC 3903 §6).
    #[must_use]
    pub const fn status(&self) -> StatusCode {
        match self {
            Self::BadEvent => StatusCode::BAD_EVENT,
            Self::MalformedTag | Self::NoBody | Self::NameTooLong => StatusCode::BAD_REQUEST,
            Self::NoMatch => StatusCode::CONDITIONAL_REQUEST_FAILED,
            Self::UnsupportedType => StatusCode::UNSUPPORTED_MEDIA_TYPE,
            Self::TooLong => StatusCode::REQUEST_ENTITY_TOO_LARGE,
            Self::TooBrief(_) => StatusCode::INTERVAL_TOO_BRIEF,
            Self::Full => StatusCode::SERVICE_UNAVAILABLE,
        }
    }

    /// The headers that belong to the refusal: `Allow-Events` with 489, `Accept` with 415, `Min-Expires` with 423,
    /// `Retry-After` with 503.
    #[must_use]
    pub fn headers(&self, config: &CompositorConfig) -> Option<(HeaderName, Bytes)> {
        let join = |names: Vec<&str>| Bytes::from(names.join(", "));
        match self {
            Self::BadEvent => {
                let names = config.packages.iter().map(|(name, _)| name.as_str()).collect();
                Some((HeaderName::AllowEvents, join(names)))
            }
            Self::UnsupportedType => {
                let mut types: Vec<&str> = config
                    .packages
                    .iter()
                    .flat_map(|(_, types)| types.iter().map(String::as_str))
                    .collect();
                types.sort_unstable();
                types.dedup();
                Some((HeaderName::Accept, join(types)))
            }
            Self::TooBrief(TooBrief { min }) => Some((HeaderName::MinExpires, Bytes::from(min.as_secs().to_string()))),
            Self::Full => Some((HeaderName::RetryAfter, Bytes::from_static(b"60"))),
            Self::MalformedTag | Self::NoMatch | Self::NoBody | Self::TooLong | Self::NameTooLong => None,
        }
    }

    /// The whole refusal of `request`.
    #[must_use]
    pub fn to_response(&self, request: &Request, config: &CompositorConfig) -> Response {
        let mut response = Response::to_request(request, self.status(), None);
        if let Some((name, value)) = self.headers(config) {
            response.headers_mut().set(name, value);
        }
        response
    }
}
