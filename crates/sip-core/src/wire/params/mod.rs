mod items;
mod print;
mod read;
mod view;

use super::ParseError;
use super::lexer::{Lexer, all, is_plain_byte, is_token_byte, is_unquoted_byte};
use super::text::Text;
use super::uri::normalise_escapes;
use core::fmt;
use items::{Item, Items, find_simple};
use read::{RawValue, read_params, read_uri_params, simple_len, simple_uri_len};

pub(crate) use print::write_quoted;
pub use view::ParamsView;

/// An ordered list of `;name=value` parameters. Names compare without regard to case; of a name that occurs
/// twice, the first counts.
///
/// ```
/// use sip_core::NameAddr;
///
/// let mut from = NameAddr::parse(br#"<sip:a@example.com>;tag=1;X-Note="call, later""#)?;
/// assert_eq!(from.params.value("x-note"), Some("call, later"));
/// from.params.set("lr", None);
/// assert_eq!(from.params.get("lr"), Some(None));
/// assert_eq!(from.to_string(), r#"<sip:a@example.com>;tag=1;X-Note="call, later";lr"#);
/// # Ok::<(), sip_core::ParseError>(())
/// ```
#[derive(Clone)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(from = "Vec<Param>", into = "Vec<Param>"))]
pub struct Params(Repr);

#[derive(Clone)]
enum Repr {
    /// As on the wire, from the first semicolon on. Checked, of [`is_plain_byte`]s only, without names or values to
    /// be decoded: what is looked up is found in it.
    Raw(Text),
    /// As [`Raw`](Self::Raw), without spaces and quotes.
    Simple(Text),
    List(Vec<Param>),
}

#[derive(Clone)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
struct Param {
    name: Text,
    value: Option<Text>,
    quoted: bool,
}

impl Params {
    /// No parameters.
    pub const fn new() -> Self {
        Self(Repr::Simple(Text::EMPTY))
    }

    /// What a view's text says.
    fn simple(text: &str) -> Self {
        Self(Repr::Simple(text.into()))
    }

    /// The parameter `name`: `None` if absent, `Some(None)` if it has no value.
    pub fn get(&self, name: &str) -> Option<Option<&str>> {
        if let Repr::Simple(text) = &self.0 {
            return find_simple(text.as_bytes(), name).map(|value| text.get(value?));
        }
        let found = self.items().find(|item| item.name.eq_ignore_ascii_case(name));
        found.map(|item| item.value)
    }

    /// The value of the parameter `name`, without quotes.
    pub fn value(&self, name: &str) -> Option<&str> {
        self.get(name).flatten()
    }

    /// Whether there is a parameter `name`, with or without value.
    pub fn contains(&self, name: &str) -> bool {
        self.get(name).is_some()
    }

    /// Sets the parameter `name`, in its place if it is there and at the end if not.
    ///
    /// Bytes that a name cannot hold are replaced by `-`. A value is quoted or escaped when printed, if it must be.
    pub fn set(&mut self, name: &str, value: Option<&str>) {
        let is_simple = matches!(self.0, Repr::Simple(_));
        if let Repr::Raw(raw) | Repr::Simple(raw) = &self.0
            && let Some(edited) = set_raw(raw, name, value)
        {
            let edited = Text::from_long(edited);
            self.0 = if is_simple {
                Repr::Simple(edited)
            } else {
                Repr::Raw(edited)
            };
            return;
        }
        let mut list = self.take_list();
        let value = value.map(Text::from);
        let found = list.iter_mut().find(|param| param.name.eq_ignore_ascii_case(name));
        if let Some(param) = found {
            param.quoted &= value.is_some();
            param.value = value;
        } else {
            let mask = |c| {
                if u8::try_from(c).is_ok_and(is_token_byte) {
                    c
                } else {
                    '-'
                }
            };
            let name = Text::from(name.chars().map(mask).collect::<String>());
            let quoted = false;
            list.push(Param { name, value, quoted });
        }
        self.0 = Repr::List(list);
    }

    /// Removes every parameter `name`; whether there was one.
    pub fn remove(&mut self, name: &str) -> bool {
        if !self.contains(name) {
            return false;
        }
        let mut list = self.take_list();
        list.retain(|param| !param.name.eq_ignore_ascii_case(name));
        self.0 = Repr::List(list);
        true
    }

    /// The parameters in their order.
    pub fn iter(&self) -> impl Iterator<Item = (&str, Option<&str>)> {
        self.items().map(|item| (item.name, item.value))
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.items().count()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        match &self.0 {
            Repr::Raw(raw) | Repr::Simple(raw) => raw.is_empty(),
            Repr::List(list) => list.is_empty(),
        }
    }

    /// The same parameters in memory of their own: no message is kept for them.
    #[must_use]
    pub fn detached(self) -> Self {
        Self(match self.0 {
            Repr::Raw(raw) => Repr::Raw(raw.detached()),
            Repr::Simple(raw) => Repr::Simple(raw.detached()),
            Repr::List(list) => Repr::List(list.into_iter().map(Param::detached).collect()),
        })
    }

    fn items(&self) -> Items<'_> {
        Items::from(&self.0)
    }

    /// The parameters one by one, for changes that do not fit their text; leaves none.
    fn take_list(&mut self) -> Vec<Param> {
        match core::mem::take(self).0 {
            Repr::List(list) => list,
            raw @ (Repr::Raw(_) | Repr::Simple(_)) => Items::from(&raw).map(Param::from).collect(),
        }
    }

    /// Reads `*( SEMI generic-param )` of a header.
    pub(crate) fn lex(lexer: &mut Lexer<'_>) -> Result<Self, ParseError> {
        if lexer.is_end() {
            return Ok(Self::new());
        }
        if let Some(len) = simple_len(lexer.rest()) {
            let text = lexer.take(len);
            return Ok(Self(Repr::Simple(lexer.source().text(text))));
        }
        let before = lexer.clone();
        read_params(lexer, |_, _| ())?;
        let text = taken(&before, lexer);
        if all(text, is_plain_byte) {
            return Ok(Self(Repr::Raw(lexer.source().text(text))));
        }
        let mut list = Vec::new();
        let (mut again, source) = (before.clone(), before.source());
        read_params(&mut again, |name, value| {
            let (value, quoted) = match value {
                RawValue::None => (None, false),
                RawValue::Bare(text) => (Some(source.text(text)), false),
                RawValue::Quoted(raw) => (Some(before.unquoted(raw)), true),
            };
            let name = source.text(name);
            list.push(Param { name, value, quoted });
        })?;
        Ok(Self(Repr::List(list)))
    }

    /// Reads `*( ";" pname [ "=" pvalue ] )` of a URI: no white space, no quotes, escapes of letters and digits
    /// resolved.
    pub(super) fn lex_uri(lexer: &mut Lexer<'_>) -> Result<Self, ParseError> {
        if let Some(len) = simple_uri_len(lexer.rest()) {
            let text = lexer.take(len);
            return Ok(Self(Repr::Simple(lexer.source().text(text))));
        }
        let source = lexer.source();
        let mut list = Vec::new();
        let read = |text| normalise_escapes(text, source);
        read_uri_params(lexer, read, |name, value| {
            let quoted = false;
            list.push(Param { name, value, quoted });
        })?;
        Ok(Self(Repr::List(list)))
    }
}

/// What `after` has taken since `before`, from the first semicolon on.
fn taken<'a>(before: &Lexer<'a>, after: &Lexer<'a>) -> &'a [u8] {
    let len = after.offset() - before.offset();
    let text = before.rest().get(..len).unwrap_or_default();
    let blank = text.iter().take_while(|&&byte| byte == b' ').count();
    text.get(blank..).unwrap_or_default()
}

/// `raw` with the parameter set; `None` if that cannot be said without a list.
fn set_raw(raw: &Text, name: &str, value: Option<&str>) -> Option<String> {
    // A `%` in a URI's parameter would be an escape.
    let is_plain = |byte| is_unquoted_byte(byte) && is_plain_byte(byte);
    let fits = value.is_none_or(|value| value.bytes().all(is_plain));
    if !fits || name.is_empty() || !name.bytes().all(|byte| is_token_byte(byte) && is_plain_byte(byte)) {
        return None;
    }
    let mut text = String::with_capacity(raw.len() + name.len() + value.map_or(0, str::len) + 2);
    let mut found = false;
    for item in Items::Raw(raw) {
        if found || !item.name.eq_ignore_ascii_case(name) {
            print::push_item(&mut text, item);
            continue;
        }
        if item.quoted {
            return None;
        }
        found = true;
        print::push_item(&mut text, Item { value, ..item });
    }
    if !found {
        let quoted = false;
        print::push_item(&mut text, Item { name, value, quoted });
    }
    Some(text)
}

impl Param {
    fn detached(self) -> Self {
        Self {
            name: self.name.detached(),
            value: self.value.map(Text::detached),
            ..self
        }
    }
}

impl From<Item<'_>> for Param {
    fn from(item: Item<'_>) -> Self {
        Self {
            name: item.name.into(),
            value: item.value.map(Text::from),
            quoted: item.quoted,
        }
    }
}

impl Default for Params {
    fn default() -> Self {
        Self::new()
    }
}

/// The same names, without regard to case, with the same values, with or without quotes, in the same order.
impl PartialEq for Params {
    fn eq(&self, other: &Self) -> bool {
        let same = |(ours, theirs): (Item<'_>, Item<'_>)| {
            ours.name.eq_ignore_ascii_case(theirs.name) && ours.value == theirs.value
        };
        self.len() == other.len() && self.items().zip(other.items()).all(same)
    }
}

impl Eq for Params {}

impl fmt::Debug for Params {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(self.iter()).finish()
    }
}

#[cfg(feature = "serde")]
impl From<Vec<Param>> for Params {
    fn from(list: Vec<Param>) -> Self {
        if list.is_empty() {
            Self::new()
        } else {
            Self(Repr::List(list))
        }
    }
}

#[cfg(feature = "serde")]
impl From<Params> for Vec<Param> {
    fn from(params: Params) -> Self {
        params.items().map(Param::from).collect()
    }
}

#[cfg(test)]
mod tests;
