//! What the caller would like proxies and phones to do (RFC 3841), and features that an agent tells of.

use super::contact::parse_q;
use super::words::words;
use super::{TypedHeader, parse_all, parse_list, write_list, write_token};
use crate::wire::{HeaderName, Params, ParseError};
use core::fmt;

words! {
    /// One wish of a caller about how a request is routed (RFC 3841 §9.1).
    ///
    /// ```
    /// use sip_core::header::Directive;
    ///
    /// assert_eq!(Directive::from_word("No-Fork"), Directive::NoFork);
    /// ```
    Directive {
        /// Proxy it.
        Proxy = "proxy",
        /// Answer with a redirection.
        Redirect = "redirect",
        /// Cancel the other branches when one is answered.
        Cancel = "cancel",
        /// Let the other branches ring on.
        NoCancel = "no-cancel",
        /// Forking is wanted.
        Fork = "fork",
        /// Try one target only.
        NoFork = "no-fork",
        /// Follow redirections.
        Recurse = "recurse",
        /// Hand redirections on.
        NoRecurse = "no-recurse",
        /// Try all targets at once.
        Parallel = "parallel",
        /// Try one target after the other.
        Sequential = "sequential",
        /// Let it wait where all are busy.
        Queue = "queue",
        /// Refuse it where all are busy.
        NoQueue = "no-queue",
    }
}

/// What the caller would like proxies to do with the request (RFC 3841 §9.1).
///
/// ```
/// use sip_core::header::{Directive, RequestDisposition, TypedHeader};
///
/// let wishes = RequestDisposition::parse(b"proxy, recurse, parallel")?;
/// assert!(wishes.has(&Directive::Parallel) && !wishes.has(&Directive::NoFork));
/// # Ok::<(), sip_core::ParseError>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct RequestDisposition(pub Vec<Directive>);

impl RequestDisposition {
    /// Whether `directive` is among the wishes.
    pub fn has(&self, directive: &Directive) -> bool {
        self.0.contains(directive)
    }
}

impl TypedHeader for RequestDisposition {
    const NAME: HeaderName = HeaderName::RequestDisposition;

    fn parse(value: &[u8]) -> Result<Self, ParseError> {
        let directive = |item| parse_all(item, |lexer| lexer.token().map(Directive::from_word));
        parse_list(value, directive).map(Self)
    }

    fn write(&self, out: &mut impl fmt::Write) -> fmt::Result {
        write_list(out, &self.0, |out, directive| write_token(out, directive.as_str()))
    }
}

macro_rules! feature_sets {
    ($($(#[$doc:meta])* $name:ident;)*) => {
        $(
            $(#[$doc])*
            #[derive(Clone, Debug, Default, PartialEq, Eq)]
            #[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
            pub struct $name(pub Params);

            impl TypedHeader for $name {
                const NAME: HeaderName = HeaderName::$name;
                const LIST: bool = true;

                fn parse(value: &[u8]) -> Result<Self, ParseError> {
                    parse_all(value, |lexer| {
                        lexer.expect(b'*')?;
                        Params::lex(lexer)
                    })
                    .map(Self)
                }

                fn write(&self, out: &mut impl fmt::Write) -> fmt::Result {
                    out.write_char('*')?;
                    self.0.write(out)
                }
            }
        )*
    };
}

feature_sets! {
    /// Features that the called phone should have (RFC 3841 §9.2).
    ///
    /// ```
    /// use sip_core::header::{AcceptContact, TypedHeader};
    ///
    /// let wish = AcceptContact::parse(b"*;audio;+sip.app-subtype=\"ptt\";require;explicit")?;
    /// assert!(wish.0.contains("audio") && wish.is_required() && wish.is_explicit());
    /// # Ok::<(), sip_core::ParseError>(())
    /// ```
    AcceptContact;
    /// Features that the called phone should not have (RFC 3841 §9.3).
    ///
    /// ```
    /// use sip_core::header::{RejectContact, TypedHeader};
    ///
    /// assert_eq!(RejectContact::parse(b"*;actor=\"msg-taker\"")?.0.value("actor"), Some("msg-taker"));
    /// # Ok::<(), sip_core::ParseError>(())
    /// ```
    RejectContact;
    /// Features of whoever put the header in, on the way of a dialog or registration (RFC 6809).
    ///
    /// ```
    /// use sip_core::header::{FeatureCaps, TypedHeader};
    ///
    /// let push = FeatureCaps::parse(b"*;+sip.pns=\"webpush\"")?;
    /// assert_eq!(push.0.value("+sip.pns"), Some("webpush"));
    /// # Ok::<(), sip_core::ParseError>(())
    /// ```
    FeatureCaps;
}

impl AcceptContact {
    /// Whether phones without the features are to be left out.
    pub fn is_required(&self) -> bool {
        self.0.contains("require")
    }

    /// Whether a phone that does not say counts as one without the feature.
    pub fn is_explicit(&self) -> bool {
        self.0.contains("explicit")
    }

    /// How much the wish weighs, in thousandths: 1000 if it does not say.
    pub fn q(&self) -> u16 {
        self.0.value("q").and_then(parse_q).unwrap_or(1000)
    }
}
