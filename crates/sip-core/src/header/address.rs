//! The headers whose value is a [`NameAddr`].

use super::TypedHeader;
use crate::wire::{HeaderName, NameAddr, ParseError};
use core::fmt;

macro_rules! addresses {
    ($($(#[$doc:meta])* $name:ident, $list:literal;)*) => {
        $(
            $(#[$doc])*
            #[derive(Clone, Debug, PartialEq, Eq)]
            #[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
            pub struct $name(pub NameAddr);

            impl TypedHeader for $name {
                const NAME: HeaderName = HeaderName::$name;
                const LIST: bool = $list;

                fn parse(value: &[u8]) -> Result<Self, ParseError> {
                    NameAddr::parse(value).map(Self)
                }

                fn write(&self, out: &mut impl fmt::Write) -> fmt::Result {
                    self.0.write(out)
                }
            }
        )*
    };
}

addresses! {
    /// Who sends (RFC 3261 §20.20).
    From, false;
    /// Who is meant (RFC 3261 §20.39).
    To, false;
    /// A hop that a request has to go over (RFC 3261 §20.34).
    Route, true;
    /// A hop that later requests have to go over (RFC 3261 §20.30).
    RecordRoute, true;
    /// A hop to a registered contact (RFC 3327).
    Path, true;
    /// A hop to the own registrar's services (RFC 3608).
    ServiceRoute, true;
    /// Where a transfer goes (RFC 3515 §2.1).
    ReferTo, false;
    /// Who transfers (RFC 3892 §2.1).
    ReferredBy, false;
    /// Who it is, as a trusted peer says (RFC 3325 §9.1).
    PAssertedIdentity, true;
    /// Who it would like to be (RFC 3325 §9.2).
    PPreferredIdentity, true;
    /// Who diverted the call (RFC 5806).
    Diversion, true;
    /// How to ring (RFC 3261 §20.4, RFC 7462).
    AlertInfo, true;
}
