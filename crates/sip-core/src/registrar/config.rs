//! Limits, durations, and the ways a REGISTER can fail.

use core::time::Duration;

use bytes::Bytes;

use super::GruuKey;
use crate::event::{ExpiryPolicy, TooBrief};
use crate::{HeaderName, Request, Response, StatusCode, Uri};

/// Settings of a [`Registrar`](super::Registrar).
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[non_exhaustive]
pub struct RegistrarConfig {
    /// How long a binding may live. Default: one minute to one hour, one hour if the phone does not say.
    pub expiry: ExpiryPolicy,
    /// Bindings of one address of record. Default 10; one more is refused with 503.
    pub max_contacts: usize,
    /// Bindings of all. Default 200,000; one more is refused with 503.
    pub max_bindings: usize,
    /// Addresses of record that have bindings. Default 100,000; one more is refused with 503.
    pub max_aors: usize,
    /// Bytes of one Contact value; likewise of all Path values together, and of the Call-ID. Default 1024; more is
    /// refused with 400.
    pub max_contact_len: usize,
    /// Makes GRUUs for phones that ask for them (RFC 5627). Default: none.
    pub gruu: Option<GruuKey>,
    /// After how long without a sign of life a flow is taken for dead, told to phones that registered straight over it
    /// (`Flow-Timer`, RFC 5626 §5.4). Whether it is, is for whoever owns the connections to see. Default: none is told.
    pub flow_timer: Option<Duration>,
    /// The routes that the phones' own requests have to take (`Service-Route`, RFC 3608). Default: none.
    pub service_route: Vec<Uri>,
    /// Whether phones that do not take part in outbound are refused (421). Default `false`.
    pub require_outbound: bool,
    /// Whether a Path is refused (420) if the phone does not say that it understands it (RFC 3327 §5.3), which keeps proxies
    /// between them from taking over its calls unasked. Default `false`.
    pub require_path_support: bool,
}

impl Default for RegistrarConfig {
    fn default() -> Self {
        Self {
            expiry: ExpiryPolicy::default(),
            max_contacts: 10,
            max_bindings: 200_000,
            max_aors: 100_000,
            max_contact_len: 1024,
            gruu: None,
            flow_timer: None,
            service_route: Vec::new(),
            require_outbound: false,
            require_path_support: false,
        }
    }
}

/// Why a REGISTER was refused. Nothing was changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RegisterError {
    /// A Contact cannot be read.
    #[error("malformed Contact")]
    MalformedContact,
    /// A Path cannot be read.
    #[error("malformed Path")]
    MalformedPath,
    /// Call-ID or CSeq are absent or cannot be read.
    #[error("malformed Call-ID or CSeq")]
    MalformedSequence,
    /// `Contact: *` together with another contact, or without `Expires: 0`.
    #[error("wildcard Contact needs to be alone, with Expires: 0")]
    Wildcard,
    /// Longer than [`RegistrarConfig::max_contact_len`].
    #[error("Contact, Path or Call-ID too long")]
    TooLong,
    /// Several contacts, one of which has a `reg-id` (RFC 5626 §6).
    #[error("a flow registers one contact")]
    SeveralFlows,
    /// A phone that takes part in outbound came by a first hop that does not (RFC 5626 §6).
    #[error("the first hop does not support outbound")]
    FirstHop,
    /// [`RegistrarConfig::require_outbound`].
    #[error("outbound is required")]
    OutboundRequired,
    /// [`RegistrarConfig::require_path_support`].
    #[error("a Path that the phone does not understand")]
    PathNotSupported,
    /// A device with GRUUs names the address of record itself, or its GRUU, as its contact (RFC 5627 §5.1).
    #[error("the contact leads back to the address of record")]
    Loop,
    /// A device with GRUUs names a contact that is no SIP URI (RFC 5627 §5.1).
    #[error("the contact is no SIP URI")]
    NotSip,
    /// The contact's duration is below the minimum.
    #[error(transparent)]
    TooBrief(#[from] TooBrief),
    /// The binding was made by a request of the same Call-ID with the same or a higher CSeq.
    #[error("request out of order")]
    OutOfOrder,
    /// [`RegistrarConfig::max_contacts`] reached.
    #[error("too many contacts")]
    TooManyContacts,
    /// [`RegistrarConfig::max_bindings`] or [`RegistrarConfig::max_aors`] reached.
    #[error("location table full")]
    Full,
}

impl RegisterError {
    /// The status with which the request is to be refused: 400, 403, 420, 421, 423, 439, 500 or 503.
    #[must_use]
    pub const fn status(&self) -> StatusCode {
        match self {
            Self::MalformedContact
            | Self::MalformedPath
            | Self::MalformedSequence
            | Self::Wildcard
            | Self::TooLong
            | Self::SeveralFlows => StatusCode::BAD_REQUEST,
            Self::Loop | Self::NotSip => StatusCode::FORBIDDEN,
            Self::PathNotSupported => StatusCode::BAD_EXTENSION,
            Self::OutboundRequired => StatusCode::EXTENSION_REQUIRED,
            Self::FirstHop => StatusCode::FIRST_HOP_LACKS_OUTBOUND_SUPPORT,
            Self::TooBrief(_) => StatusCode::INTERVAL_TOO_BRIEF,
            // As for a request out of order within a dialog, RFC 3261 §12.2.2; §10.3 only says that it fails.
            Self::OutOfOrder => StatusCode::SERVER_INTERNAL_ERROR,
            Self::TooManyContacts | Self::Full => StatusCode::SERVICE_UNAVAILABLE,
        }
    }

    /// The headers that belong to the refusal: `Min-Expires` with 423, `Retry-After` with 503, `Unsupported` with
    /// 420, `Require` with 421.
    #[must_use]
    pub fn headers(&self) -> Option<(HeaderName, Bytes)> {
        let secs = |duration: Duration| Bytes::from(duration.as_secs().to_string());
        match self {
            Self::TooBrief(TooBrief { min }) => Some((HeaderName::MinExpires, secs(*min))),
            Self::TooManyContacts | Self::Full => Some((HeaderName::RetryAfter, secs(Duration::from_secs(60)))),
            Self::PathNotSupported => Some((HeaderName::Unsupported, Bytes::from_static(b"path"))),
            Self::OutboundRequired => Some((HeaderName::Require, Bytes::from_static(b"outbound"))),
            Self::MalformedContact
            | Self::MalformedPath
            | Self::MalformedSequence
            | Self::Wildcard
            | Self::TooLong
            | Self::SeveralFlows
            | Self::FirstHop
            | Self::Loop
            | Self::NotSip
            | Self::OutOfOrder => None,
        }
    }

    /// The whole refusal of `request`.
    #[must_use]
    pub fn to_response(&self, request: &Request) -> Response {
        let mut response = Response::to_request(request, self.status(), None);
        if let Some((name, value)) = self.headers() {
            response.headers_mut().set(name, value);
        }
        response
    }
}
