//! Whether to answer without the user.

use super::words::words;
use super::{TypedHeader, parse_all, write_token};
use crate::wire::{HeaderName, Params, ParseError};
use core::fmt;

words! {
    /// Who answers the call (RFC 5373 §8).
    ///
    /// ```
    /// use sip_core::header::Answering;
    ///
    /// assert_eq!(Answering::from_word("auto"), Answering::Auto);
    /// assert_eq!(Answering::Manual.as_str(), "Manual");
    /// ```
    Answering {
        /// The user does.
        Manual = "Manual",
        /// The phone does, by itself.
        Auto = "Auto",
    }
}

macro_rules! answer_modes {
    ($($(#[$doc:meta])* $name:ident;)*) => {
        $(
            $(#[$doc])*
            #[derive(Clone, Debug, PartialEq, Eq)]
            #[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
            pub struct $name {
                /// Who answers.
                pub mode: Answering,
                /// `require` and others.
                pub params: Params,
            }

            impl $name {
                /// A mode, as a wish.
                pub fn new(mode: Answering) -> Self {
                    Self { mode, params: Params::new() }
                }

                /// The same, as a condition: who cannot meet it refuses the call.
                #[must_use]
                pub fn required(mut self) -> Self {
                    self.params.set("require", None);
                    self
                }

                /// Whether the call is to be refused if the mode cannot be had.
                pub fn is_required(&self) -> bool {
                    self.params.contains("require")
                }
            }

            impl TypedHeader for $name {
                const NAME: HeaderName = HeaderName::$name;

                fn parse(value: &[u8]) -> Result<Self, ParseError> {
                    parse_all(value, |lexer| {
                        let mode = Answering::from_word(lexer.token()?);
                        Ok(Self { mode, params: Params::lex(lexer)? })
                    })
                }

                fn write(&self, out: &mut impl fmt::Write) -> fmt::Result {
                    write_token(out, self.mode.as_str())?;
                    self.params.write(out)
                }
            }
        )*
    };
}

answer_modes! {
    /// How the caller would like to be answered (RFC 5373 §4). In a response: how it was answered.
    ///
    /// ```
    /// use sip_core::header::{AnswerMode, Answering, TypedHeader};
    ///
    /// let mode = AnswerMode::parse(b"Auto;require")?;
    /// assert!(mode.mode == Answering::Auto && mode.is_required());
    /// assert_eq!(AnswerMode::new(Answering::Auto).required(), mode);
    /// # Ok::<(), sip_core::ParseError>(())
    /// ```
    AnswerMode;
    /// As [`AnswerMode`], from a caller who has the right to more than others (RFC 5373 §4).
    ///
    /// ```
    /// use sip_core::header::{Answering, PrivAnswerMode, TypedHeader};
    ///
    /// assert_eq!(PrivAnswerMode::parse(b"auto")?.mode, Answering::Auto);
    /// # Ok::<(), sip_core::ParseError>(())
    /// ```
    PrivAnswerMode;
}
