use super::{Contact, parse_q};
use crate::header::{ViewHeader, parse_all_in, seconds_of};
use crate::wire::lexer::Lexer;
use crate::wire::{NameAddrView, ParseError, Source};

/// A [`Contact`] where it lies in a message.
///
/// ```
/// use sip_core::header::{Contact, ViewHeader};
///
/// let contact = Contact::view(b"\"Mr. Watson\" <sip:watson@example.com>;q=0.7; expires=3600")?;
/// assert_eq!((contact.q(), contact.expires()), (Some(700), Some(3600)));
/// assert!(Contact::view(b"*")?.address().is_none());
/// # Ok::<(), sip_core::ParseError>(())
/// ```
#[derive(Clone, Copy, Debug)]
pub enum ContactView<'a> {
    /// `*`: all bindings, to be removed (RFC 3261 §10.2.2).
    All,
    /// One address.
    Address(NameAddrView<'a>),
}

impl<'a> ContactView<'a> {
    #[inline]
    fn lex(lexer: &mut Lexer<'a>) -> Result<Self, ParseError> {
        if lexer.eat(b'*') {
            Ok(Self::All)
        } else {
            NameAddrView::lex(lexer).map(Self::Address)
        }
    }

    /// The address, if it is not `*`.
    pub const fn address(&self) -> Option<&NameAddrView<'a>> {
        match self {
            Self::All => None,
            Self::Address(address) => Some(address),
        }
    }

    /// The preference in thousandths, 0 to 1000. `None` if absent or malformed.
    pub fn q(&self) -> Option<u16> {
        parse_q(&self.address()?.params().value("q")?)
    }

    /// The `expires` parameter in seconds. `None` if absent or malformed.
    pub fn expires(&self) -> Option<u32> {
        seconds_of(self.address()?.params().value("expires").as_deref())
    }

    /// The same value, to be kept or changed.
    pub fn to_contact(&self) -> Contact {
        match self {
            Self::All => Contact::All,
            Self::Address(address) => Contact::Address(address.to_name_addr()),
        }
    }
}

impl ViewHeader for Contact {
    type View<'a> = ContactView<'a>;

    #[inline]
    fn view_in<'a>(value: &'a [u8], source: Source<'a>) -> Result<ContactView<'a>, ParseError> {
        parse_all_in(value, source, ContactView::lex)
    }
}
