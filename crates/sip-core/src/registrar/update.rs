//! What one REGISTER asks for, read and checked before anything is touched.

use core::time::Duration;

use bytes::Bytes;

use super::{RegisterError, RegistrarConfig};
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
        Ok(Self {
            change: read_change(request, config)?,
            // Copies, since a slice would keep the whole message.
            call_id: Bytes::copy_from_slice(call_id),
            cseq,
            path: read_path(request, config)?,
            user_agent: read_user_agent(request),
        })
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
    fn read(item: &[u8], header: Option<Duration>, config: &RegistrarConfig) -> Result<Self, RegisterError> {
        if item.len() > config.max_contact_len {
            return Err(RegisterError::TooLong);
        }
        let contact = Contact::parse(item).map_err(|_| RegisterError::MalformedContact)?;
        let (q, own) = (contact.q(), contact.expires());
        let Contact::Address(mut contact) = contact else {
            return Err(RegisterError::Wildcard);
        };
        if contact.params.contains("q") && q.is_none() {
            return Err(RegisterError::MalformedContact);
        }
        let own = own.map(|secs| Duration::from_secs(u64::from(secs)));
        let malformed = || contact.params.contains("expires").then_some(EXPIRES_IF_MALFORMED);
        let granted = config.expiry.grant(own.or_else(malformed).or(header))?;
        contact.params.remove("expires");
        let q = q.unwrap_or(Q_IF_ABSENT);
        Ok(Self { contact, granted, q })
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
