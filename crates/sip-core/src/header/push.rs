//! Parameters of contacts by which a phone is found again: instance, flow, GRUU and push (RFC 5626, 5627, 8599).

use super::{Contact, Via, parse_all};
use crate::wire::Uri;

impl Contact {
    /// The phone itself, as `+sip.instance` names it: a URN, without the angle brackets (RFC 5626 §4.1).
    ///
    /// ```
    /// use sip_core::header::{Contact, TypedHeader};
    ///
    /// let contact = Contact::parse(
    ///     br#"<sip:line1@192.0.2.2;ob>;reg-id=1;+sip.instance="<urn:uuid:00000000-0000-1000-8000-000A95A0E128>""#,
    /// )?;
    /// assert_eq!(contact.instance(), Some("urn:uuid:00000000-0000-1000-8000-000A95A0E128"));
    /// assert_eq!((contact.reg_id(), contact.is_outbound()), (Some(1), true));
    /// # Ok::<(), sip_core::ParseError>(())
    /// ```
    pub fn instance(&self) -> Option<&str> {
        let value = self.address()?.params.value("+sip.instance")?.trim();
        let urn = value.strip_prefix('<').and_then(|urn| urn.strip_suffix('>'));
        Some(urn.unwrap_or(value)).filter(|urn| !urn.is_empty())
    }

    /// Which of the phone's flows this is, 1 to 2^31 - 1 (RFC 5626 §4.2). `None` if absent or malformed.
    pub fn reg_id(&self) -> Option<u32> {
        const MAX: u32 = (1 << 31) - 1;
        let value = self.address()?.params.value("reg-id")?;
        let number = parse_all(value.as_bytes(), |lexer| lexer.number_u32(MAX)).ok()?;
        (number > 0).then_some(number)
    }

    /// Whether the URI has `ob`: requests to it go over the flow that it was sent over (RFC 5626 §4.3).
    pub fn is_outbound(&self) -> bool {
        self.address()
            .is_some_and(|address| address.uri.params().contains("ob"))
    }

    /// The public GRUU, as the registrar gives it (RFC 5627 §5.3). `None` if absent or malformed.
    ///
    /// ```
    /// use sip_core::header::{Contact, TypedHeader};
    ///
    /// let contact = Contact::parse(
    ///     br#"<sip:callee@192.0.2.1>;pub-gruu="sip:callee@example.com;gr=urn:uuid:f81d4fae";temp-gruu="sip:tgruu.7hs@example.com;gr""#,
    /// )?;
    /// assert_eq!(contact.pub_gruu().unwrap().params().value("gr"), Some("urn:uuid:f81d4fae"));
    /// assert_eq!(contact.temp_gruu().unwrap().user().as_deref(), Some("tgruu.7hs"));
    /// # Ok::<(), sip_core::ParseError>(())
    /// ```
    pub fn pub_gruu(&self) -> Option<Uri> {
        self.uri_param("pub-gruu")
    }

    /// The temporary GRUU, as the registrar gives it (RFC 5627 §5.3). `None` if absent or malformed.
    pub fn temp_gruu(&self) -> Option<Uri> {
        self.uri_param("temp-gruu")
    }

    /// How to wake the phone, if its URI says so (RFC 8599 §4).
    ///
    /// ```
    /// use sip_core::header::{Contact, TypedHeader};
    ///
    /// let contact = Contact::parse(b"<sip:alice@192.0.2.4;pn-provider=acme;pn-param=acme-param;pn-prid=ZTY4ZDJlMz>")?;
    /// let push = contact.push().unwrap();
    /// assert_eq!((push.provider, push.prid, push.param), (Some("acme"), Some("ZTY4ZDJlMz"), Some("acme-param")));
    /// # Ok::<(), sip_core::ParseError>(())
    /// ```
    pub fn push(&self) -> Option<Push<'_>> {
        Push::of(&self.address()?.uri)
    }

    fn uri_param(&self, name: &str) -> Option<Uri> {
        let value = self.address()?.params.value(name)?.trim();
        let uri = value.strip_prefix('<').and_then(|uri| uri.strip_suffix('>'));
        Uri::parse(uri.unwrap_or(value).as_bytes()).ok()
    }
}

/// How a push service wakes a phone (RFC 8599 §4). Values are as they stand in the URI, escapes included.
///
/// ```
/// use sip_core::Uri;
/// use sip_core::header::Push;
///
/// let uri = Uri::parse(b"sip:alice@example.com;pn-provider=webpush;pn-prid=https%3A%2F%2Fpush.example%2F1")?;
/// assert_eq!(Push::of(&uri).unwrap().provider, Some("webpush"));
/// assert_eq!(Push::of(&Uri::parse(b"sip:alice@example.com")?), None);
/// # Ok::<(), sip_core::ParseError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Push<'a> {
    /// `pn-provider`: the service; present without a value where the phone asks which ones are known.
    pub provider: Option<&'a str>,
    /// `pn-prid`: the phone's name at the service.
    pub prid: Option<&'a str>,
    /// `pn-param`: what else the service needs.
    pub param: Option<&'a str>,
    /// `pn-purr`: stands for the registration in requests of the phone's own (§6.2.1).
    pub purr: Option<&'a str>,
}

impl<'a> Push<'a> {
    /// The push parameters of `uri`, if it has `pn-provider` or `pn-purr`.
    pub fn of(uri: &'a Uri) -> Option<Self> {
        let params = uri.params();
        if !params.contains("pn-provider") && !params.contains("pn-purr") {
            return None;
        }
        Some(Self {
            provider: params.value("pn-provider"),
            prid: params.value("pn-prid"),
            param: params.value("pn-param"),
            purr: params.value("pn-purr"),
        })
    }
}

impl Via {
    /// The `keep` parameter: `None` if absent, `Some(None)` where keep-alives are asked for, `Some(Some(seconds))`
    /// where the next hop wants them that often, 0 for whenever (RFC 6223 §4).
    ///
    /// ```
    /// use sip_core::header::{TypedHeader, Via};
    ///
    /// assert_eq!(Via::parse(b"SIP/2.0/TCP 192.0.2.1;branch=z9hG4bK1;keep")?.keep(), Some(None));
    /// assert_eq!(Via::parse(b"SIP/2.0/TCP 192.0.2.1;branch=z9hG4bK1;keep=30")?.keep(), Some(Some(30)));
    /// # Ok::<(), sip_core::ParseError>(())
    /// ```
    pub fn keep(&self) -> Option<Option<u32>> {
        Some(super::seconds_of(self.params.get("keep")?))
    }
}
