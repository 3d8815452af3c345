//! The headers whose value is a [`NameAddr`].

use super::{TypedHeader, ViewHeader};
use crate::wire::{HeaderName, NameAddr, NameAddrView, ParseError, Source};
use core::fmt;

macro_rules! addresses {
    ($($(#[$doc:meta])* $name:ident, $list:literal, $example:literal;)*) => {
        $(
            $(#[$doc])*
            ///
            /// ```
            #[doc = concat!("use sip_core::header::{", stringify!($name), ", TypedHeader};")]
            ///
            #[doc = concat!("let value = r#\"", $example, "\"#;")]
            #[doc = concat!("let header = ", stringify!($name), "::parse(value.as_bytes())?;")]
            /// assert_eq!(header.0.to_string(), value);
            /// # Ok::<(), sip_core::ParseError>(())
            /// ```
            #[derive(Clone, Debug, PartialEq, Eq)]
            #[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
            pub struct $name(pub NameAddr);

            impl TypedHeader for $name {
                const NAME: HeaderName = HeaderName::$name;
                const LIST: bool = $list;

                fn parse(value: &[u8]) -> Result<Self, ParseError> {
                    NameAddr::parse(value).map(Self)
                }

                fn parse_in(value: &[u8], source: Source<'_>) -> Result<Self, ParseError> {
                    NameAddr::parse_in(value, source).map(Self)
                }

                fn write(&self, out: &mut impl fmt::Write) -> fmt::Result {
                    self.0.write(out)
                }
            }

            impl ViewHeader for $name {
                type View<'a> = NameAddrView<'a>;

                #[inline]
                fn view_in<'a>(value: &'a [u8], source: Source<'a>) -> Result<NameAddrView<'a>, ParseError> {
                    NameAddrView::parse_in(value, source)
                }
            }
        )*
    };
}

addresses! {
    /// Who sends (RFC 3261 §20.20).
    From, false, r#""A. G. Bell" <sip:agb@bell-telephone.com>;tag=a48s"#;
    /// Who is meant (RFC 3261 §20.39).
    To, false, r#""The Operator" <sip:operator@cs.columbia.edu>;tag=287447"#;
    /// A hop that a request has to go over (RFC 3261 §20.34).
    Route, true, "<sip:bigbox3.site3.atlanta.com;lr>";
    /// A hop that later requests have to go over (RFC 3261 §20.30).
    RecordRoute, true, "<sip:server10.biloxi.com;lr>";
    /// A hop to a registered contact (RFC 3327).
    Path, true, "<sip:p1.example.com;lr>";
    /// A hop to the own registrar's services (RFC 3608).
    ServiceRoute, true, "<sip:orig@scscf.home.net;lr>";
    /// Where a transfer goes (RFC 3515 §2.1).
    ReferTo, false, "<sip:dave@denver.example.org?Replaces=12345%40192.168.118.3%3Bto-tag%3D1%3Bfrom-tag%3D5>";
    /// Who transfers (RFC 3892 §2.1).
    ReferredBy, false, r#"<sip:referror@referror.example>;cid="20398823.2UWQFN309shb3@referror.example""#;
    /// Where to answer to, if not to From (RFC 3261 §20.31).
    ReplyTo, false, r#""Bob" <sip:bob@biloxi.com>"#;
    /// Who it is, as a trusted peer says: a `sip` or `sips` URI, a `tel` URI, or one of each (RFC 3325 §9.1).
    PAssertedIdentity, true, r#""Cullen Jennings" <sip:fluffy@cisco.com>"#;
    /// Who it would like to be, of those that it may be (RFC 3325 §9.2).
    PPreferredIdentity, true, "<tel:+14085264000>";
    /// Who it is and what it pays, as PBXs said before RFC 3325 (`party`, `id-type`, `privacy`, `screen`).
    RemotePartyId, true, r#""John Doe" <sip:jdoe@example.com>;party=calling;id-type=subscriber;privacy=full;screen=yes"#;
    /// Another address that the registrar holds for the user (RFC 7315 §4.1).
    PAssociatedUri, true, "<sip:user1-business@example.com>";
    /// Which of the user's addresses was called (RFC 7315 §4.2).
    PCalledPartyId, false, "<sip:user1-business@example.com>";
    /// On whose behalf a service is invoked (RFC 5502).
    PServedUser, false, "<sip:user@example.com>;sescase=orig;regstate=reg";
    /// How to ring (RFC 3261 §20.4, RFC 7462).
    AlertInfo, true, "<http://www.example.com/sounds/moo.wav>";
    /// More about the caller or the callee (RFC 3261 §20.9).
    CallInfo, true, "<http://wwww.example.com/alice/photo.jpg>;purpose=icon";
    /// More about an error (RFC 3261 §20.18).
    ErrorInfo, true, "<sip:not-in-service-recording@atlanta.com>";
    /// Where the caller is (RFC 6442 §4.1).
    Geolocation, true, "<cid:target123@atlanta.example.com>";
}

impl CallInfo {
    /// What the URI is good for: `icon`, `info`, `card`… `None` if it does not say.
    pub fn purpose(&self) -> Option<&str> {
        self.0.params.value("purpose")
    }
}

impl ReferredBy {
    /// The part of the body that proves it, by its Content-ID.
    pub fn cid(&self) -> Option<&str> {
        self.0.params.value("cid")
    }
}
