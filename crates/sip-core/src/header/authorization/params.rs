//! The comma-separated lists of the authentication headers.

use core::fmt;
use core::ops::Range;

use smallvec::SmallVec;
use smol_str::SmolStr;

use crate::wire::lexer::{Lexer, all, decode_text, is_bare_byte, unquote};
use crate::wire::scan;
use crate::wire::write_quoted;
use crate::{Limits, ParseError, ParseErrorKind, Text};

/// The comma-separated `name=value` list of an authentication header.
///
/// Values come without their quotes and escapes; whether one was quoted is kept, so that printing does not change it.
/// Names are case-insensitive, and none may occur twice.
///
/// ```
/// use sip_core::header::{AuthParams, AuthenticationInfo};
///
/// let mut params = AuthParams::default();
/// params.set_quoted("nextnonce", "47364c");
/// params.set_token("qop", "auth");
/// assert_eq!(params.get("NextNonce"), Some("47364c"));
/// assert_eq!(AuthenticationInfo(params).next_nonce(), Some("47364c"));
/// ```
#[derive(Clone)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(from = "Vec<AuthParam>", into = "Vec<AuthParam>"))]
pub struct AuthParams(Repr);

#[derive(Clone)]
enum Repr {
    /// As on the wire; checked, visible ASCII and spaces only, without a value to be decoded.
    Raw(Text),
    List(Vec<AuthParam>),
}

#[derive(Clone)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
struct AuthParam {
    name: SmolStr,
    value: SmolStr,
    quoted: bool,
}

/// One parameter, decoded.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Item<'a> {
    name: &'a str,
    value: &'a str,
    quoted: bool,
}

/// A value as it is written.
#[derive(Clone, Copy)]
enum RawValue<'a> {
    Bare(&'a [u8]),
    /// What is between the quotes.
    Quoted(&'a [u8]),
}

impl AuthParams {
    pub(super) const fn new() -> Self {
        Self(Repr::List(Vec::new()))
    }

    /// The value of the parameter `name`.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&str> {
        match &self.0 {
            Repr::Raw(raw) => raw.get(find(raw.as_bytes(), name)?),
            Repr::List(list) => list
                .iter()
                .find(|param| param.name.eq_ignore_ascii_case(name))
                .map(|param| param.value.as_str()),
        }
    }

    /// Sets `name` to a value that is printed in quotes.
    pub fn set_quoted(&mut self, name: &'static str, value: &str) {
        self.set(name, value, true);
    }

    /// Sets `name` to a value that is printed bare, or in quotes if it is no token.
    pub fn set_token(&mut self, name: &'static str, value: &str) {
        self.set(name, value, false);
    }

    /// All parameters in their order.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.items().map(|item| (item.name, item.value))
    }

    /// The same parameters in memory of their own: no message is kept for them.
    #[must_use]
    pub fn detached(self) -> Self {
        Self(match self.0 {
            Repr::Raw(raw) => Repr::Raw(raw.detached()),
            list @ Repr::List(_) => list,
        })
    }

    pub(super) fn is_empty(&self) -> bool {
        self.items().next().is_none()
    }

    fn set(&mut self, name: &'static str, value: &str, quoted: bool) {
        let mut list = match core::mem::take(self).0 {
            Repr::Raw(raw) => Items::Raw(&raw).map(AuthParam::from).collect(),
            Repr::List(list) => list,
        };
        list.retain(|param| !param.name.eq_ignore_ascii_case(name));
        list.push(AuthParam::new(SmolStr::new_static(name), SmolStr::new(value), quoted));
        self.0 = Repr::List(list);
    }

    fn items(&self) -> Items<'_> {
        match &self.0 {
            Repr::Raw(raw) => Items::Raw(raw),
            Repr::List(list) => Items::List(list.iter()),
        }
    }

    /// Reads the list to the lexer's end.
    pub(super) fn lex(lexer: &mut Lexer<'_>) -> Result<Self, ParseError> {
        let (text, is_plain) = read_list(lexer)?;
        if is_plain {
            return Ok(Self(Repr::Raw(lexer.source().text(text))));
        }
        let mut again = Lexer::new(text);
        let mut list = Vec::new();
        read(&mut again, |name, value| list.push(AuthParam::decode(name, value)))?;
        Ok(Self(Repr::List(list)))
    }

    pub(super) fn write(&self, out: &mut impl fmt::Write) -> fmt::Result {
        for (index, item) in self.items().enumerate() {
            out.write_str(if index == 0 { "" } else { ", " })?;
            out.write_str(item.name)?;
            out.write_char('=')?;
            if item.quoted {
                write_quoted(out, item.value)?
            } else {
                out.write_str(item.value)?
            }
        }
        Ok(())
    }
}

/// Reads the list to the lexer's end. Its text, and whether that can be looked up in as it is.
pub(super) fn read_list<'a>(lexer: &mut Lexer<'a>) -> Result<(&'a [u8], bool), ParseError> {
    lexer.skip_space();
    let text = lexer.rest();
    read(lexer, |_, _| ())?;
    Ok((text, all(text, |byte| matches!(byte, b' '..=b'~') & (byte != b'\\'))))
}

fn read<'a>(lexer: &mut Lexer<'a>, mut each: impl FnMut(&'a [u8], RawValue<'a>)) -> Result<(), ParseError> {
    let mut names: SmallVec<[&'a [u8]; 12]> = SmallVec::new();
    let mut seen = 0_u64;
    while !lexer.is_end() {
        if names.len() >= Limits::PARAMS {
            return Err(lexer.error(ParseErrorKind::TooManyParams));
        }
        let start = lexer.error(ParseErrorKind::TooManyValues);
        let name = lexer.token_bytes()?;
        // Two values for one name: which one counts would be anybody's guess.
        let bit = bit_of(name);
        if seen & bit != 0 && names.iter().any(|before| before.eq_ignore_ascii_case(name)) {
            return Err(start);
        }
        seen |= bit;
        names.push(name);
        if !lexer.eat_separator(b'=') {
            return Err(lexer.unexpected());
        }
        each(name, read_value(lexer)?);
        if lexer.eat_separator(b',') {
            while lexer.peek() == Some(b',') {
                lexer.eat_separator(b',');
            }
        } else {
            lexer.finish()?;
        }
    }
    Ok(())
}

#[inline]
fn read_value<'a>(lexer: &mut Lexer<'a>) -> Result<RawValue<'a>, ParseError> {
    if let Some(raw) = lexer.plain_quoted() {
        return Ok(RawValue::Quoted(raw));
    }
    read_any_value(lexer)
}

fn read_any_value<'a>(lexer: &mut Lexer<'a>) -> Result<RawValue<'a>, ParseError> {
    if lexer.peek() == Some(b'"') {
        return lexer.quoted_raw().map(RawValue::Quoted);
    }
    let value = lexer.take_while(is_bare_byte);
    if value.is_empty() && !lexer.is_end() && lexer.peek() != Some(b',') {
        return Err(lexer.unexpected());
    }
    Ok(RawValue::Bare(value))
}

/// A bit that names which differ in nothing but case have in common, and few others.
fn bit_of(name: &[u8]) -> u64 {
    let ends = name.first().zip(name.last());
    let (first, last) = ends.map_or((0, 0), |(first, last)| {
        (usize::from(first | 32), usize::from(last | 32))
    });
    1 << ((name.len() * 5 + first + last * 3) % 64)
}

/// The parameters of one list.
enum Items<'a> {
    /// The rest of [`Repr::Raw`].
    Raw(&'a str),
    List(core::slice::Iter<'a, AuthParam>),
}

impl<'a> Iterator for Items<'a> {
    type Item = Item<'a>;

    fn next(&mut self) -> Option<Item<'a>> {
        match self {
            Self::Raw(rest) => {
                let (item, after) = split_item(rest)?;
                *rest = after;
                Some(item)
            }
            Self::List(list) => list.next().map(|param| Item {
                name: &param.name,
                value: &param.value,
                quoted: param.quoted,
            }),
        }
    }
}

/// The first parameter of a text that was checked, and what follows it.
#[inline]
fn split_item(text: &str) -> Option<(Item<'_>, &str)> {
    let text = skip(text, |byte| matches!(byte, b' ' | b','));
    let (name, value) = split(text, |byte| matches!(byte, b'=' | b' '));
    let value = skip(value, |byte| byte == b' ').strip_prefix('=')?;
    let value = skip(value, |byte| byte == b' ');
    let Some(quoted) = value.strip_prefix('"') else {
        let (value, after) = split(value, |byte| matches!(byte, b',' | b' '));
        let quoted = value.is_empty();
        return Some((Item { name, value, quoted }, after));
    };
    let (value, after) = quoted.split_at_checked(scan::find(quoted.as_bytes(), b'"')?)?;
    let quoted = true;
    Some((Item { name, value, quoted }, after.strip_prefix('"')?))
}

/// Where the value of the parameter `name` is in a checked text.
#[inline]
pub(super) fn find(text: &[u8], name: &str) -> Option<Range<usize>> {
    let mut rest = text;
    loop {
        rest = skip_bytes(rest, |byte| matches!(byte, b' ' | b','));
        let is_wanted = rest
            .split_at_checked(name.len())
            .is_some_and(|(found, after)| matches!(after, [b'=' | b' ', ..]) && is_name(found, name));
        let value = skip_bytes(rest.get(scan::find(rest, b'=')? + 1..)?, |byte| byte == b' ');
        let (value, len) = match value.strip_prefix(b"\"") {
            Some(quoted) => (quoted, scan::find(quoted, b'"')?),
            None => {
                let end = value.iter().position(|byte| matches!(byte, b',' | b' '));
                (value, end.unwrap_or(value.len()))
            }
        };
        if is_wanted {
            let start = text.len() - value.len();
            return Some(start..start + len);
        }
        // A quote that closes is of no name.
        rest = skip_bytes(value.get(len..)?, |byte| byte == b'"');
    }
}

/// Nearly always it is spelled as it is asked for, which is found out faster.
#[inline]
fn is_name(found: &[u8], name: &str) -> bool {
    found == name.as_bytes() || found.eq_ignore_ascii_case(name.as_bytes())
}

#[inline]
fn skip_bytes(text: &[u8], is_skipped: impl Fn(u8) -> bool) -> &[u8] {
    let mut text = text;
    while let [first, rest @ ..] = text
        && is_skipped(*first)
    {
        text = rest;
    }
    text
}

#[inline]
fn split(text: &str, is_end: impl Fn(u8) -> bool) -> (&str, &str) {
    let end = text.bytes().position(is_end).unwrap_or(text.len());
    text.split_at_checked(end).unwrap_or((text, ""))
}

#[inline]
fn skip(text: &str, is_skipped: impl Fn(u8) -> bool) -> &str {
    split(text, |byte| !is_skipped(byte)).1
}

impl AuthParam {
    /// A value that cannot stand without quotes gets them.
    fn new(name: SmolStr, value: SmolStr, quoted: bool) -> Self {
        let quoted = quoted || value.is_empty() || !value.bytes().all(is_bare_byte);
        Self { name, value, quoted }
    }

    fn decode(name: &[u8], value: RawValue<'_>) -> Self {
        let name = SmolStr::new(decode_text(name));
        match value {
            RawValue::Bare(value) => Self::new(name, decode_text(value).into(), false),
            RawValue::Quoted(raw) => Self::new(name, masked(&unquote(raw)), true),
        }
    }
}

impl From<Item<'_>> for AuthParam {
    fn from(item: Item<'_>) -> Self {
        Self::new(item.name.into(), item.value.into(), item.quoted)
    }
}

/// Without control characters, so that no name that a stranger claims ends a line anywhere, and so that what is read
/// prints as it was read.
fn masked(text: &str) -> SmolStr {
    text.chars().map(|c| if c.is_control() { '?' } else { c }).collect()
}

impl Default for AuthParams {
    fn default() -> Self {
        Self::new()
    }
}

impl PartialEq for AuthParams {
    fn eq(&self, other: &Self) -> bool {
        self.items().eq(other.items())
    }
}

impl Eq for AuthParams {}

impl fmt::Debug for AuthParams {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(self.iter()).finish()
    }
}

#[cfg(feature = "serde")]
impl From<Vec<AuthParam>> for AuthParams {
    fn from(list: Vec<AuthParam>) -> Self {
        Self(Repr::List(list))
    }
}

#[cfg(feature = "serde")]
impl From<AuthParams> for Vec<AuthParam> {
    fn from(params: AuthParams) -> Self {
        params.items().map(AuthParam::from).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        /// The text that is looked up in, and the list that it becomes.
        #[test]
        fn text_and_list_are_alike(
            names in prop::collection::vec("[a-d]{1,2}", 0..5),
            values in prop::collection::vec(" ?= ?([a-c=;/]{0,3}|\"[a-c, =]{0,4}\") ?,{1,2} ?", 5),
        ) {
            let text: String = names.iter().zip(&values).map(|(name, value)| format!("{name}{value}")).collect();
            let list = |text: &str| {
                let mut list = Vec::new();
                read(&mut Lexer::new(text.as_bytes()), |name, value| list.push(AuthParam::decode(name, value)))?;
                Ok::<_, ParseError>(AuthParams(Repr::List(list)))
            };
            let print = |params: &AuthParams| {
                let mut text = String::new();
                params.write(&mut text).unwrap();
                text
            };
            let read = AuthParams::lex(&mut Lexer::new(text.as_bytes()));
            prop_assert_eq!(&read, &list(&text));
            if let Ok(mut read) = read {
                let mut list = list(&text).unwrap();
                prop_assert!(matches!(read.0, Repr::Raw(_)));
                prop_assert_eq!(print(&read), print(&list));
                prop_assert_eq!(read.is_empty(), list.is_empty());
                prop_assert_eq!(read.get("A"), list.get("a"));
                read.set_token("b", "x y");
                list.set_token("b", "x y");
                prop_assert_eq!(&read, &list);
                prop_assert_eq!(print(&read), print(&list));
            }
        }

        #[test]
        fn one_name_twice_in_any_case_is_refused(name in "[a-zA-Z-]{1,12}", between in "[a-z]{13}") {
            let text = format!("{name}=1, {between}=2, {}=3", name.to_ascii_uppercase());
            let error = AuthParams::lex(&mut Lexer::new(text.as_bytes())).unwrap_err();
            prop_assert_eq!(error, ParseError::new(ParseErrorKind::TooManyValues, text.rfind(' ').unwrap() + 1));
        }
    }
}
