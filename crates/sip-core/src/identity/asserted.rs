//! Identities that the trusted assert to each other (RFC 3325).

use crate::header::{
    Diversion, HistoryInfo, PAccessNetworkInfo, PAssertedIdentity, PPreferredIdentity, Privacy, PrivacyKind,
    TypedHeader,
};
use crate::wire::{HeaderName, Headers, NameAddr, Scheme, Uri};

/// What only the trusted may say of somebody: identities, services and charges.
const OF_THE_TRUSTED: [HeaderName; 7] = [
    HeaderName::PAssertedIdentity,
    HeaderName::PAssertedService,
    HeaderName::PAssociatedUri,
    HeaderName::PChargingFunctionAddresses,
    HeaderName::PChargingVector,
    HeaderName::PServedUser,
    HeaderName::RemotePartyId,
];

/// Who it is, as a trusted peer says (RFC 3325 §9.1).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Identities {
    /// As a `sip` or `sips` URI.
    pub sip: Option<NameAddr>,
    /// As a `tel` URI.
    pub tel: Option<NameAddr>,
}

/// What strangers are told of an asserted identity.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub enum Disclosure {
    /// It, unless `Privacy: id` forbids it.
    Unless,
    /// Nothing, unless `Privacy: none` asks for it.
    OnlyIfAsked,
}

/// Drops what only the trusted may say from a message that somebody else sent; whether there was any (RFC 3325 §5,
/// RFC 7315 §5). However a name is spelled, in any case or with blanks before its colon: what reads as the header is gone.
pub fn distrust(headers: &mut Headers) -> bool {
    let mut found = false;
    for name in &OF_THE_TRUSTED {
        found |= headers.remove(name);
    }
    found | drop_network_access(headers)
}

/// Drops where a proxy says that the phone is; what the phone itself says stays.
fn drop_network_access(headers: &mut Headers) -> bool {
    let is_ours = |value: &&[u8]| PAccessNetworkInfo::parse(value).is_ok_and(|access| !access.is_network_provided());
    let all = headers.items(&HeaderName::PAccessNetworkInfo).count();
    let kept: Vec<Vec<u8>> = headers
        .items(&HeaderName::PAccessNetworkInfo)
        .filter(is_ours)
        .map(<[u8]>::to_vec)
        .collect();
    if kept.len() == all {
        return false;
    }
    replace_items(headers, &HeaderName::PAccessNetworkInfo, kept);
    true
}

/// The identities that a message from a trusted peer asserts: the first `sip` or `sips` URI and the first `tel` URI
/// (RFC 5876 §4.5). Others and malformed ones are passed over.
#[must_use]
pub fn asserted(headers: &Headers) -> Identities {
    let mut identities = Identities::default();
    for PAssertedIdentity(identity) in headers.typed_iter::<PAssertedIdentity>().flatten() {
        let place = match identity.uri.scheme() {
            Scheme::Sip | Scheme::Sips => &mut identities.sip,
            Scheme::Tel => &mut identities.tel,
            Scheme::Other => continue,
        };
        place.get_or_insert(identity);
    }
    identities
}

/// Asserts who sent a message, after they proved it: of `own`, the identities that they may have, the one that they
/// prefer, or else the first (RFC 3325 §5, §6). What the message asserted or preferred before is dropped. Returns what is
/// asserted now: `None` if `own` is empty.
pub fn assert<'a>(headers: &mut Headers, own: &'a [NameAddr]) -> Option<&'a NameAddr> {
    let chosen = {
        let mut preferred = headers.typed_iter::<PPreferredIdentity>().flatten();
        preferred.find_map(|PPreferredIdentity(wish)| own.iter().find(|identity| identity.uri.equivalent(&wish.uri)))
    };
    let chosen = chosen.or(own.first());
    headers.remove(&HeaderName::PPreferredIdentity);
    headers.remove(&HeaderName::PAssertedIdentity);
    if let Some(identity) = chosen {
        headers.push_typed(&PAssertedIdentity(identity.clone()));
    }
    chosen
}

/// Prepares a message for a peer that is not trusted: the asserted identity goes as Privacy and `disclosure` say
/// (RFC 3325 §7), entries of History-Info and Diversion that are private become anonymous (RFC 7044 §10.1, RFC 5806 §7),
/// and what the trusted say of services, charges and access stays among them. A Privacy header that cannot be read counts
/// as `id`.
pub fn withhold(headers: &mut Headers, disclosure: Disclosure) {
    let privacy = match headers.typed::<Privacy>() {
        None => Privacy::default(),
        Some(privacy) => privacy.unwrap_or_else(|_| Privacy(vec![PrivacyKind::Id, PrivacyKind::History])),
    };
    let disclosed = match disclosure {
        Disclosure::Unless => !privacy.asks(&PrivacyKind::Id),
        Disclosure::OnlyIfAsked => privacy.is_none(),
    };
    for name in OF_THE_TRUSTED
        .iter()
        .filter(|name| **name != HeaderName::PAssertedIdentity || !disclosed)
    {
        headers.remove(name);
    }
    headers.remove(&HeaderName::PPreferredIdentity);
    headers.remove(&HeaderName::PAccessNetworkInfo);
    let all = [PrivacyKind::History, PrivacyKind::Header, PrivacyKind::Session]
        .iter()
        .any(|kind| privacy.asks(kind));
    hide_history(headers, all);
    hide_diversions(headers);
}

/// Makes entries anonymous: all, or those that say so themselves. Their places in the tree stay.
fn hide_history(headers: &mut Headers, all: bool) {
    let is_hidden = |entry: &HistoryInfo| {
        let own = entry.privacy();
        own.as_ref().map_or(all, |privacy| {
            privacy.asks(&PrivacyKind::History) || (all && !privacy.is_none())
        })
    };
    hide(headers, |value| {
        let mut entry = HistoryInfo::parse(value).ok()?;
        if is_hidden(&entry) {
            entry.0 = anonymous_like(&entry.0);
        }
        Some(entry)
    });
}

fn hide_diversions(headers: &mut Headers) {
    hide(headers, |value| {
        let mut diversion = Diversion::parse(value).ok()?;
        if diversion.is_private() {
            diversion.0 = anonymous_like(&diversion.0);
        }
        Some(diversion)
    });
}

/// Rewrites each value of a list header. One that cannot be read cannot be judged either, and is dropped.
fn hide<H: TypedHeader>(headers: &mut Headers, rewrite: impl Fn(&[u8]) -> Option<H>) {
    if !headers.contains(&H::NAME) {
        return;
    }
    let written = headers.items(&H::NAME).filter_map(rewrite).map(|header| {
        let mut text = String::new();
        // A String takes whatever is written to it.
        let _ = header.write(&mut text);
        text.into_bytes()
    });
    let written: Vec<Vec<u8>> = written.collect();
    replace_items(headers, &H::NAME, written);
}

fn replace_items(headers: &mut Headers, name: &HeaderName, items: Vec<Vec<u8>>) {
    if items.is_empty() {
        headers.remove(name);
    } else {
        headers.set(name.clone(), items.join(b", ".as_slice()));
    }
}

/// An address that tells nothing, with the parameters of `address`.
fn anonymous_like(address: &NameAddr) -> NameAddr {
    NameAddr {
        params: address.params.clone(),
        ..NameAddr::new(anonymous_uri())
    }
}

/// The address of nobody (RFC 3323 §4.1.1.3).
pub(super) fn anonymous_uri() -> Uri {
    Uri::sip(Some("anonymous"), "anonymous.invalid", None)
}
