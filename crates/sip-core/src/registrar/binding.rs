//! A binding, and what can happen to it.

use core::fmt;

use bytes::Bytes;
use machine::Time;

use crate::endpoint::Flow;
use crate::header::Push;
use crate::{NameAddr, Uri};

/// Names a binding; never used twice in one registrar.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize), serde(transparent))]
pub struct BindingId(pub(super) u64);

/// Where one device of an address of record is reached.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[non_exhaustive]
pub struct Binding {
    /// Stays the same through refreshes.
    pub id: BindingId,
    /// The contact with its parameters other than `expires`.
    pub contact: NameAddr,
    /// The way the REGISTER came: requests to the contact go the same way back.
    pub flow: Flow,
    /// The proxies on the way, to be used as a route set (RFC 3327).
    pub path: Vec<NameAddr>,
    /// Call-ID of the last REGISTER.
    pub call_id: Bytes,
    /// CSeq of the last REGISTER.
    pub cseq: u32,
    /// When it ends, unless refreshed. At this very instant it is gone.
    pub expires: Time,
    /// Preference in thousandths; 1000 if the phone named none.
    pub q: u16,
    /// What the phone calls itself, at most 128 bytes.
    pub user_agent: Option<String>,
    /// When it was first registered.
    pub since: Time,
    /// The number of the flow that it came over, if phone and first hop take part in outbound (RFC 5626 §4.2): its next
    /// REGISTER with this number and [`instance`](Self::instance) takes the binding's place, whatever its address.
    pub reg_id: Option<u32>,
    /// Temporary GRUUs of this number are valid; none without an instance.
    pub(super) era: Option<u64>,
    /// Number of the REGISTER that made or refreshed it: the higher, the more recent.
    pub(super) order: u64,
}

impl Binding {
    /// `+sip.instance`: the device's own name, the same whatever its address (RFC 5626 §4.1).
    #[must_use]
    pub fn instance(&self) -> Option<&str> {
        self.contact.params.value("+sip.instance")
    }

    /// The instance without its brackets: a URN.
    #[must_use]
    pub fn instance_urn(&self) -> Option<&str> {
        urn_of(self.instance()?)
    }

    /// The routes that a request to the contact takes: those of the `Path` (RFC 3327 §5.4).
    #[must_use]
    pub fn route(&self) -> Vec<Uri> {
        self.path.iter().map(|hop| hop.uri.clone()).collect()
    }

    /// How to wake the phone by a push notification before a request is sent to it, if it registered for that (RFC 8599).
    #[must_use]
    pub fn push(&self) -> Option<Push<'_>> {
        Push::of(&self.contact.uri)
    }
}

/// A URN out of its brackets, as `+sip.instance` carries it.
pub(super) fn urn_of(instance: &str) -> Option<&str> {
    let urn = instance.strip_prefix('<')?.strip_suffix('>')?;
    (!urn.is_empty()).then_some(urn)
}

/// What happened to a binding.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[non_exhaustive]
pub enum Event {
    /// A contact is reachable that was not.
    Registered {
        /// Of whom.
        aor: String,
        /// The binding as it is now.
        binding: Binding,
    },
    /// A contact stays reachable, perhaps by another flow.
    Refreshed {
        /// Of whom.
        aor: String,
        /// The binding as it is now.
        binding: Binding,
    },
    /// A contact was taken away.
    Removed {
        /// Of whom.
        aor: String,
        /// The binding as it was.
        binding: Binding,
        /// By what.
        cause: RemovalCause,
    },
    /// A contact was not refreshed in time.
    Expired {
        /// Of whom.
        aor: String,
        /// The binding as it was.
        binding: Binding,
    },
}

impl fmt::Display for Event {
    /// For a log: `1001@pbx.example registered <sip:1001@192.0.2.7:5060>, UDP 192.0.2.1:5060->192.0.2.7:5060`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (aor, what, binding) = match self {
            Self::Registered { aor, binding } => (aor, "registered", binding),
            Self::Refreshed { aor, binding } => (aor, "refreshed", binding),
            Self::Removed { aor, binding, .. } => (aor, "removed", binding),
            Self::Expired { aor, binding } => (aor, "expired", binding),
        };
        write!(f, "{aor} {what} {}, {:?}", binding.contact, binding.flow)
    }
}

/// Why a binding was removed before its time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[non_exhaustive]
pub enum RemovalCause {
    /// The phone asked for it.
    Unregistered,
    /// The connection that the phone registered over is closed.
    ConnectionClosed,
    /// The flow to the phone is dead ([`Registrar::flow_failed`](super::Registrar::flow_failed)).
    FlowFailed,
    /// The embedder asked for it ([`Registrar::remove`](super::Registrar::remove)).
    Administrative,
}
