//! The headers whose value is one number.

use super::{TypedHeader, parse_all, seconds};
use crate::wire::lexer::Lexer;
use crate::wire::{HeaderName, ParseError};
use core::fmt;

macro_rules! numbers {
    ($($(#[$doc:meta])* $name:ident, $number:ty, $read:expr;)*) => {
        $(
            $(#[$doc])*
            #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
            #[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
            pub struct $name(pub $number);

            impl TypedHeader for $name {
                const NAME: HeaderName = HeaderName::$name;

                fn parse(value: &[u8]) -> Result<Self, ParseError> {
                    parse_all(value, $read).map(Self)
                }

                fn write(&self, out: &mut impl fmt::Write) -> fmt::Result {
                    write!(out, "{}", self.0)
                }
            }
        )*
    };
}

fn hops(lexer: &mut Lexer<'_>) -> Result<u8, ParseError> {
    let hops = lexer.number(u64::from(u8::MAX))?;
    Ok(u8::try_from(hops).unwrap_or(u8::MAX))
}

numbers! {
    /// Octets in the body (RFC 3261 §20.14).
    ///
    /// ```
    /// use sip_core::header::{ContentLength, TypedHeader};
    ///
    /// assert_eq!(ContentLength::parse(b"349")?, ContentLength(349));
    /// # Ok::<(), sip_core::ParseError>(())
    /// ```
    ContentLength, u64, |lexer| lexer.number(u64::MAX);
    /// Seconds (RFC 3261 §20.19). More than 32 bits hold is read as their maximum.
    ///
    /// ```
    /// use sip_core::header::{Expires, TypedHeader};
    ///
    /// assert_eq!(Expires::parse(b"99999999999")?, Expires(u32::MAX));
    /// # Ok::<(), sip_core::ParseError>(())
    /// ```
    Expires, u32, seconds;
    /// Hops that are left, 0 to 255 (RFC 3261 §20.22).
    ///
    /// ```
    /// use sip_core::header::{MaxForwards, TypedHeader};
    ///
    /// assert!(MaxForwards::parse(b"70")? == MaxForwards(70) && MaxForwards::parse(b"256").is_err());
    /// # Ok::<(), sip_core::ParseError>(())
    /// ```
    MaxForwards, u8, hops;
    /// Seconds that a registration or subscription must at least live (RFC 3261 §20.23).
    ///
    /// ```
    /// use sip_core::header::{MinExpires, TypedHeader};
    ///
    /// assert_eq!(MinExpires::parse(b"60")?, MinExpires(60));
    /// # Ok::<(), sip_core::ParseError>(())
    /// ```
    MinExpires, u32, seconds;
    /// Branches that a request may still be forked into (RFC 5393 §5.3.3). More than 32 bits hold is read as their maximum.
    ///
    /// ```
    /// use sip_core::header::{MaxBreadth, TypedHeader};
    ///
    /// assert_eq!(MaxBreadth::parse(b"60")?, MaxBreadth(60));
    /// # Ok::<(), sip_core::ParseError>(())
    /// ```
    MaxBreadth, u32, seconds;
    /// Seconds of silence after which a registrar gives up a flow (RFC 5626 §4.5).
    ///
    /// ```
    /// use sip_core::header::{FlowTimer, TypedHeader};
    ///
    /// assert_eq!(FlowTimer::parse(b"120")?, FlowTimer(120));
    /// # Ok::<(), sip_core::ParseError>(())
    /// ```
    FlowTimer, u32, seconds;
    /// The number of a reliable provisional response (RFC 3262 §7.1).
    ///
    /// ```
    /// use sip_core::header::{RSeq, TypedHeader};
    ///
    /// assert_eq!(RSeq::parse(b"988789")?, RSeq(988_789));
    /// # Ok::<(), sip_core::ParseError>(())
    /// ```
    RSeq, u32, |lexer| lexer.number_u32(u32::MAX);
}
