use super::{TypedHeader, parse_all, write_token};
use crate::wire::{HeaderName, Params, ParseError};
use core::fmt;
use smol_str::SmolStr;

/// What is subscribed to (RFC 6665 §8.2.1).
///
/// ```
/// use sip_core::header::{EventHeader, TypedHeader};
///
/// let event = EventHeader::parse(b"dialog;id=a7")?;
/// assert_eq!((event.package.as_str(), event.id.as_deref()), ("dialog", Some("a7")));
/// # Ok::<(), sip_core::ParseError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct EventHeader {
    /// The package with its templates, such as `dialog` or `presence.winfo`.
    pub package: SmolStr,
    /// Tells apart several subscriptions in one dialog.
    pub id: Option<SmolStr>,
    /// The other parameters.
    pub params: Params,
}

impl EventHeader {
    /// A package without parameters.
    pub fn new(package: &str) -> Self {
        Self {
            package: SmolStr::new(package),
            id: None,
            params: Params::new(),
        }
    }
}

impl TypedHeader for EventHeader {
    const NAME: HeaderName = HeaderName::Event;

    fn parse(value: &[u8]) -> Result<Self, ParseError> {
        parse_all(value, |lexer| {
            let package = SmolStr::new(lexer.token()?);
            let mut params = Params::lex(lexer)?;
            let id = params.value("id").map(SmolStr::new);
            params.remove("id");
            Ok(Self { package, id, params })
        })
    }

    fn write(&self, out: &mut impl fmt::Write) -> fmt::Result {
        write_token(out, &self.package)?;
        if let Some(id) = &self.id {
            out.write_str(";id=")?;
            write_token(out, id)?;
        }
        self.params.write(out)
    }
}
