//! Parameters one by one, in either of their forms.

use super::{Param, Repr};
use crate::wire::scan::find;
use core::ops::Range;

/// A parameter, decoded.
#[derive(Clone, Copy)]
pub(super) struct Item<'a> {
    pub(super) name: &'a str,
    pub(super) value: Option<&'a str>,
    pub(super) quoted: bool,
}

/// The parameters of one list.
pub(super) enum Items<'a> {
    /// The rest of [`Repr::Raw`].
    Raw(&'a str),
    List(core::slice::Iter<'a, Param>),
}

impl<'a> From<&'a Repr> for Items<'a> {
    fn from(params: &'a Repr) -> Self {
        match params {
            Repr::Simple(raw) | Repr::Raw(raw) => Self::Raw(raw),
            Repr::List(list) => Self::List(list.iter()),
        }
    }
}

impl<'a> Iterator for Items<'a> {
    type Item = Item<'a>;

    #[inline]
    fn next(&mut self) -> Option<Item<'a>> {
        match self {
            Self::Raw(rest) => {
                let (item, after) = split_item(rest)?;
                *rest = after;
                Some(item)
            }
            Self::List(list) => list.next().map(Item::from),
        }
    }
}

/// The first parameter of a text that was checked, and what follows it.
fn split_item(text: &str) -> Option<(Item<'_>, &str)> {
    let text = skip_blanks(skip_blanks(text).strip_prefix(';')?);
    let (name, after_name) = split(text, |byte| matches!(byte, b'=' | b';' | b' '));
    let Some(value) = skip_blanks(after_name).strip_prefix('=') else {
        let item = Item {
            name,
            value: None,
            quoted: false,
        };
        return Some((item, after_name));
    };
    let value = skip_blanks(value);
    let (value, after, quoted) = match value.strip_prefix('"') {
        Some(value) => {
            let (value, after) = split(value, |byte| byte == b'"');
            (value, after.strip_prefix('"').unwrap_or_default(), true)
        }
        None => {
            let (value, after) = split(value, |byte| matches!(byte, b';' | b' '));
            (value, after, false)
        }
    };
    let value = Some(value);
    Some((Item { name, value, quoted }, after))
}

#[inline]
fn split(text: &str, is_end: impl Fn(u8) -> bool) -> (&str, &str) {
    let end = text.bytes().position(is_end).unwrap_or(text.len());
    text.split_at_checked(end).unwrap_or((text, ""))
}

#[inline]
fn skip_blanks(text: &str) -> &str {
    if text.starts_with(' ') {
        text.trim_start_matches(' ')
    } else {
        text
    }
}

impl<'a> From<&'a Param> for Item<'a> {
    fn from(param: &'a Param) -> Self {
        Self {
            name: &param.name,
            value: param.value.as_deref().map(|value: &str| value),
            quoted: param.quoted,
        }
    }
}

/// The parameter `name` in a text of the usual form, where each `;` begins one and each first `=` its value: where its value
/// is, if it has one.
#[inline]
pub(super) fn find_simple(text: &[u8], name: &str) -> Option<Option<Range<usize>>> {
    let mut rest = text;
    loop {
        let after = rest.strip_prefix(b";")?;
        if let Some((found, after)) = after.split_at_checked(name.len())
            && matches!(after, [] | [b';' | b'=', ..])
            && is_name(found, name)
        {
            let Some(value) = after.strip_prefix(b"=") else {
                return Some(None);
            };
            let start = text.len() - value.len();
            return Some(Some(start..start + find(value, b';').unwrap_or(value.len())));
        }
        rest = after.get(find(after, b';')?..)?;
    }
}

/// Nearly always it is spelled as it is asked for, which is found out faster.
#[inline]
fn is_name(found: &[u8], name: &str) -> bool {
    found == name.as_bytes() || found.eq_ignore_ascii_case(name.as_bytes())
}
