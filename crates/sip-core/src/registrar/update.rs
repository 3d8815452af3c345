//! What one REGISTER asks for, read and checked before anything is touched.

use core::time::Duration;

use bytes::Bytes;

use super::binding::urn_of;
use super::{Binding, RegisterError, RegistrarConfig};
use crate::header::{Contact, Expires, TypedHeader};
use crate::{HeaderName, NameAddr, Request};

/// A malformed `expires` counts as this (RFC 3261 §10.2.1.1).
const EXPIRES_IF_MALFORMED: Duration = Duration::from_secs(3600);
/// Preference of a contact that names none.
const Q_IF_ABSENT: u16 = 1000;
/// Bytes of User-Agent that are kept.
const MAX_USER_AGENT: usize = 128;

/// A REGISTER, checked on its own.
pub(super) struct Update {
    pub(super) change: Change,
    pub(super) call_id: Bytes,
    pub(super) cseq: u32,
    pub(super) path: Vec<NameAddr>,
    pub(super) user_agent: Option<String>,
    /// Phone and first hop take part in outbound.
    pub(super) outbound: bool,
    /// It came straight from the phone.
    pub(super) direct: bool,
    /// The phone asks for GRUUs.
    pub(super) gruu: bool,
}

pub(super) enum Change {
    /// No Contact: a question.
    None,
    /// `Contact: *`.
    RemoveAll,
    /// Contacts to be added, refreshed or removed.
    Set(Vec<Wanted>),
}

/// One Contact of a REGISTER.
pub(super) struct Wanted {
    /// Without `expires`.
    pub(super) contact: NameAddr,
    /// Zero: remove.
    pub(super) granted: Duration,
    pub(super) q: u16,
    /// `reg-id`, of a contact with an instance.
    pub(super) reg_id: Option<u32>,
}

impl Update {
    pub(super) fn read(request: &Request, config: &RegistrarConfig) -> Result<Self, RegisterError> {
        let cseq = request.cseq().map_err(|_| RegisterError::MalformedSequence)?.number;
        let call_id = request
            .call_id()
            .filter(|id| !id.is_empty())
            .ok_or(RegisterError::MalformedSequence)?;
        if call_id.len() > config.max_contact_len {
            return Err(RegisterError::TooLong);
        }
        let mut change = read_change(request, config)?;
        let path = read_path(request, config)?;
        let direct = request.headers().items(&HeaderName::Via).take(2).count() < 2;
        if !path.is_empty() && config.require_path_support && !supports(request, b"path") {
            return Err(RegisterError::PathNotSupported);
        }
        let outbound = read_outbound(&mut change, supports(request, b"outbound"), direct, &path)?;
        if config.require_outbound && !outbound && matches!(change, Change::Set(_)) {
            return Err(RegisterError::OutboundRequired);
        }
        Ok(Self {
            change,
            outbound,
            direct,
            gruu: supports(request, b"gruu"),
            // Copies, since a slice would keep the whole message.
            call_id: Bytes::copy_from_slice(call_id),
            cseq,
            path,
            user_agent: read_user_agent(request),
        })
    }
}

/// Whether the phone says that it supports an option, or even requires it.
fn supports(request: &Request, option: &[u8]) -> bool {
    let named = |name| {
        request
            .headers()
            .items(&name)
            .any(|tag| tag.eq_ignore_ascii_case(option))
    };
    named(HeaderName::Supported) || named(HeaderName::Require)
}

/// Whether the flows of a REGISTER are to be told apart (RFC 5626 §6); if not, its `reg-id`s say nothing.
fn read_outbound(change: &mut Change, supported: bool, direct: bool, path: &[NameAddr]) -> Result<bool, RegisterError> {
    let Change::Set(contacts) = change else {
        return Ok(false);
    };
    if !supported || contacts.iter().all(|contact| contact.reg_id.is_none()) {
        contacts.iter_mut().for_each(|contact| contact.reg_id = None);
        return Ok(false);
    }
    let added = contacts.iter().filter(|contact| !contact.granted.is_zero());
    if added.count() > 1 {
        return Err(RegisterError::SeveralFlows);
    }
    // The hop next to the phone has written the last of the Path.
    let first_hop = path.last().is_some_and(|hop| hop.uri.params().contains("ob"));
    if direct || first_hop {
        Ok(true)
    } else {
        Err(RegisterError::FirstHop)
    }
}

fn read_change(request: &Request, config: &RegistrarConfig) -> Result<Change, RegisterError> {
    // One that cannot be read counts as none.
    let expires = request.headers().typed::<Expires>().and_then(Result::ok);
    let expires = expires.map(|Expires(secs)| Duration::from_secs(u64::from(secs)));
    let items: Vec<&[u8]> = request.headers().items(&HeaderName::Contact).collect();
    if items.is_empty() {
        // A Contact header without a value is not a question.
        let absent = !request.headers().contains(&HeaderName::Contact);
        return if absent {
            Ok(Change::None)
        } else {
            Err(RegisterError::MalformedContact)
        };
    }
    if items.contains(&&b"*"[..]) {
        let alone = items.len() == 1 && expires == Some(Duration::ZERO);
        return if alone {
            Ok(Change::RemoveAll)
        } else {
            Err(RegisterError::Wildcard)
        };
    }
    // As many as can be removed and added at once; more would only cost time.
    if items.len() > config.max_contacts.saturating_mul(2) {
        return Err(RegisterError::TooManyContacts);
    }
    items
        .into_iter()
        .map(|item| Wanted::read(item, expires, config))
        .collect::<Result<_, _>>()
        .map(Change::Set)
}

impl Wanted {
    /// Whether it takes the place of a binding: that of the same flow, else of the same address (RFC 5626 §6).
    pub(super) fn is_of(&self, binding: &Binding) -> bool {
        match (self.reg_id, binding.reg_id) {
            (Some(ours), Some(theirs)) => {
                ours == theirs && self.contact.params.value("+sip.instance") == binding.instance()
            }
            (None, None) => self.contact.uri.equivalent(&binding.contact.uri),
            (Some(_), None) | (None, Some(_)) => false,
        }
    }

    fn read(item: &[u8], header: Option<Duration>, config: &RegistrarConfig) -> Result<Self, RegisterError> {
        if item.len() > config.max_contact_len {
            return Err(RegisterError::TooLong);
        }
        let contact = Contact::parse(item).map_err(|_| RegisterError::MalformedContact)?;
        let (q, own, reg_id) = (contact.q(), contact.expires(), contact.reg_id());
        let Contact::Address(mut contact) = contact else {
            return Err(RegisterError::Wildcard);
        };
        if contact.params.contains("q") && q.is_none() {
            return Err(RegisterError::MalformedContact);
        }
        let own = own.map(|secs| Duration::from_secs(u64::from(secs)));
        let malformed = || contact.params.contains("expires").then_some(EXPIRES_IF_MALFORMED);
        let granted = config.expiry.grant(own.or_else(malformed).or(header))?;
        // What the registrar itself says in its answers is not a phone's to say.
        for name in ["expires", "pub-gruu", "temp-gruu"] {
            contact.params.remove(name);
        }
        let instance = contact.params.value("+sip.instance").and_then(urn_of);
        let reg_id = reg_id.filter(|_| instance.is_some());
        let q = q.unwrap_or(Q_IF_ABSENT);
        Ok(Self {
            contact,
            granted,
            q,
            reg_id,
        })
    }
}

fn read_path(request: &Request, config: &RegistrarConfig) -> Result<Vec<NameAddr>, RegisterError> {
    let mut length = 0_usize;
    let mut path = Vec::new();
    for item in request.headers().items(&HeaderName::Path) {
        length = length.saturating_add(item.len());
        if length > config.max_contact_len {
            return Err(RegisterError::TooLong);
        }
        path.push(NameAddr::parse(item).map_err(|_| RegisterError::MalformedPath)?);
    }
    Ok(path)
}

fn read_user_agent(request: &Request) -> Option<String> {
    let text = request.headers().get_str(&HeaderName::UserAgent)?;
    let end = text
        .char_indices()
        .map(|(at, c)| at + c.len_utf8())
        .take_while(|end| *end <= MAX_USER_AGENT)
        .last()?;
    Some(
        text.get(..end)?
            .chars()
            .map(|c| if c.is_control() { ' ' } else { c })
            .collect(),
    )
}
