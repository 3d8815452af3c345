//! The one lexer through which every header value goes, so that no two layers see a value differently.

use super::scan;
use super::text::{Source, Text};
use super::{ParseError, ParseErrorKind};
use smol_str::SmolStr;
use std::borrow::Cow;

const TOKEN: u16 = 1;
const UNQUOTED: u16 = 1 << 1;
const HOST: u16 = 1 << 2;
const URI_PARAM: u16 = 1 << 3;
const USER: u16 = 1 << 4;
const USERINFO: u16 = 1 << 5;
const URI_HEADER: u16 = 1 << 6;
const NOT_NORMAL: u16 = 1 << 7;
const BARE: u16 = 1 << 8;
const PLAIN_NAME: u16 = 1 << 9;
const PLAIN_VALUE: u16 = 1 << 10;
const PLAIN_URI_PARAM: u16 = 1 << 11;

/// What each byte may be part of, by bits.
#[expect(
    clippy::indexing_slicing,
    reason = "evaluated at compile time; a byte is a valid index"
)]
static CLASS: [u16; 256] = {
    let mut table = [0_u16; 256];
    let mut byte = 0_u8;
    loop {
        let token = byte.is_ascii_alphanumeric()
            || matches!(
                byte,
                b'-' | b'.' | b'!' | b'%' | b'*' | b'_' | b'+' | b'`' | b'\'' | b'~'
            );
        // Parameter values without quotes: token or host by the book; phones also leave `/`, `@`, `=` and others bare.
        let unquoted = byte >= 0x80 || (byte.is_ascii_graphic() && !matches!(byte, b';' | b',' | b'"' | b'<' | b'>'));
        let host = byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_');
        let unreserved = byte.is_ascii_alphanumeric()
            || matches!(byte, b'-' | b'_' | b'.' | b'!' | b'~' | b'*' | b'\'' | b'(' | b')');
        let uri_param = unreserved || matches!(byte, b'[' | b']' | b'/' | b':' | b'&' | b'+' | b'$' | b'%' | b'=');
        let user = unreserved || matches!(byte, b'&' | b'=' | b'+' | b'$' | b',' | b';' | b'?' | b'/');
        // What phones leave unescaped in a user part; harmless, and printed escaped.
        let tolerated = byte >= 0x80 || matches!(byte, b'#' | b'^' | b'|' | b'{' | b'}' | b'[' | b']' | b'`');
        let uri_header = unreserved || matches!(byte, b'[' | b']' | b'/' | b'?' | b':' | b'+' | b'$');
        let bare = byte.is_ascii_graphic() && !matches!(byte, b',' | b'"' | b'\\');
        table[byte as usize] = (token as u16) * TOKEN
            + (unquoted as u16) * UNQUOTED
            + (host as u16) * HOST
            + (uri_param as u16) * URI_PARAM
            + (user as u16) * USER
            + ((user || tolerated || matches!(byte, b'%' | b':')) as u16) * USERINFO
            + (uri_header as u16) * URI_HEADER
            + ((tolerated || byte == b'%') as u16) * NOT_NORMAL
            + (bare as u16) * BARE
            + ((token && byte != b'%') as u16) * PLAIN_NAME
            + ((unquoted && byte < 0x80 && !matches!(byte, b'%' | b'\\')) as u16) * PLAIN_VALUE
            + ((uri_param && byte != b'%') as u16) * PLAIN_URI_PARAM;
        if byte == u8::MAX {
            break;
        }
        byte += 1;
    }
    table
};

#[inline]
fn has_class(byte: u8, class: u16) -> bool {
    CLASS.get(usize::from(byte)).is_some_and(|bits| bits & class != 0)
}

#[inline]
pub(crate) fn is_token_byte(byte: u8) -> bool {
    has_class(byte, TOKEN)
}

#[inline]
pub(crate) fn is_unquoted_byte(byte: u8) -> bool {
    has_class(byte, UNQUOTED)
}

/// Of a host name or an IPv4 address.
#[inline]
pub(crate) fn is_host_byte(byte: u8) -> bool {
    has_class(byte, HOST)
}

/// Of a URI parameter: `paramchar` with escapes and the equals sign.
#[inline]
pub(crate) fn is_uri_param_byte(byte: u8) -> bool {
    has_class(byte, URI_PARAM)
}

/// Of the user of a URI, without escapes.
#[inline]
pub(crate) fn is_user_byte(byte: u8) -> bool {
    has_class(byte, USER)
}

/// Of what stands before the `@` of a URI: user, escapes, colon, and what phones leave unescaped there.
#[inline]
pub(crate) fn is_userinfo_byte(byte: u8) -> bool {
    has_class(byte, USERINFO)
}

/// Of the `?name=value` part of a URI, without escapes.
#[inline]
pub(crate) fn is_uri_header_byte(byte: u8) -> bool {
    has_class(byte, URI_HEADER)
}

/// Begins an escape in a URI, or has to become one.
#[inline]
pub(crate) fn is_not_normal(byte: u8) -> bool {
    has_class(byte, NOT_NORMAL)
}

/// Of parameters that can stay as they came: visible ASCII and the space, no escape of either kind.
#[inline]
pub(crate) const fn is_plain_byte(byte: u8) -> bool {
    matches!(byte, b' '..=b'~') & (byte != b'\\') & (byte != b'%')
}

/// Of a parameter's name, and not an escape in a URI either.
#[inline]
pub(crate) fn is_plain_name_byte(byte: u8) -> bool {
    has_class(byte, PLAIN_NAME)
}

/// Of a parameter's value without quotes that is a [plain](is_plain_byte) one.
#[inline]
#[cfg(test)]
pub(crate) fn is_plain_value_byte(byte: u8) -> bool {
    has_class(byte, PLAIN_VALUE)
}

/// Of a URI's parameter without escapes, equals sign included.
#[inline]
pub(crate) fn is_plain_uri_param_byte(byte: u8) -> bool {
    has_class(byte, PLAIN_URI_PARAM)
}

/// Whether `is_good` holds for all: many octets are looked at before there is a way out.
#[inline]
pub(crate) fn all(bytes: &[u8], is_good: impl Fn(u8) -> bool) -> bool {
    steps::add(bytes.len());
    let mut parts = bytes.chunks(AT_ONCE);
    parts.all(|part| part.iter().fold(true, |good, &byte| good & is_good(byte)))
}

/// Octets that [`all`] looks at before it may give up.
const AT_ONCE: usize = 256;

/// Of a value without quotes in the authentication headers: some phones quote nothing.
#[inline]
pub(crate) fn is_bare_byte(byte: u8) -> bool {
    has_class(byte, BARE)
}

/// Counts the octets that are looked at, so that tests can tell linear from quadratic without a clock.
#[cfg(test)]
pub(crate) mod steps {
    use core::cell::Cell;

    thread_local!(static STEPS: Cell<usize> = const { Cell::new(0) });

    pub(crate) fn add(steps: usize) {
        STEPS.set(STEPS.get() + steps);
    }

    /// The steps that `f` takes.
    pub(crate) fn of<T>(f: impl FnOnce() -> T) -> usize {
        STEPS.set(0);
        let _ = f();
        STEPS.get()
    }
}

#[cfg(not(test))]
pub(crate) mod steps {
    pub(crate) const fn add(_steps: usize) {}
}

/// Bytes of a header value, and how far they have been read.
#[derive(Clone, Debug)]
pub(crate) struct Lexer<'a> {
    all: &'a [u8],
    rest: &'a [u8],
    source: Source<'a>,
}

impl<'a> Lexer<'a> {
    #[inline]
    pub(crate) const fn new(bytes: &'a [u8]) -> Self {
        Self::within(bytes, Source::NONE)
    }

    /// For a value that is a part of `source`, which texts may share.
    #[inline]
    pub(crate) const fn within(bytes: &'a [u8], source: Source<'a>) -> Self {
        Self {
            all: bytes,
            rest: bytes,
            source,
        }
    }

    pub(crate) const fn source(&self) -> Source<'a> {
        self.source
    }

    #[inline]
    pub(crate) const fn offset(&self) -> usize {
        self.all.len() - self.rest.len()
    }

    #[inline]
    pub(crate) const fn rest(&self) -> &'a [u8] {
        self.rest
    }

    #[inline]
    pub(crate) fn peek(&self) -> Option<u8> {
        steps::add(1);
        self.rest.first().copied()
    }

    #[inline]
    pub(crate) const fn is_end(&self) -> bool {
        self.rest.is_empty()
    }

    #[inline]
    pub(crate) const fn error(&self, kind: ParseErrorKind) -> ParseError {
        ParseError::new(kind, self.offset())
    }

    /// `UnexpectedEnd` or `UnexpectedByte`, as it is.
    #[cold]
    pub(crate) fn unexpected(&self) -> ParseError {
        self.error(if self.is_end() {
            ParseErrorKind::UnexpectedEnd
        } else {
            ParseErrorKind::UnexpectedByte
        })
    }

    /// Takes `byte` if it is next.
    #[inline]
    pub(crate) fn eat(&mut self, byte: u8) -> bool {
        steps::add(1);
        match self.rest {
            [first, rest @ ..] if *first == byte => {
                self.rest = rest;
                true
            }
            _ => false,
        }
    }

    #[inline]
    pub(crate) fn expect(&mut self, byte: u8) -> Result<(), ParseError> {
        if self.eat(byte) { Ok(()) } else { Err(self.unexpected()) }
    }

    /// Takes `separator` with the white space around it (SEMI, EQUAL, SLASH… of RFC 3261 §25.1). Takes nothing
    /// if it is not there.
    #[inline]
    pub(crate) fn eat_separator(&mut self, separator: u8) -> bool {
        // Mostly there is no white space before it, and none or one after it.
        match self.rest {
            [first, b' ', rest @ ..] if *first == separator => self.rest = rest,
            [first, rest @ ..] if *first == separator => self.rest = rest,
            [b'\0'..=b' ', ..] => return self.eat_spaced(separator),
            _ => return false,
        }
        steps::add(1);
        self.skip_space();
        true
    }

    fn eat_spaced(&mut self, separator: u8) -> bool {
        let start = self.rest;
        self.skip_space();
        if self.eat(separator) {
            self.skip_space();
            true
        } else {
            self.rest = start;
            false
        }
    }

    /// Skips SWS: spaces, tabs and folds (a line end that white space follows).
    #[inline]
    pub(crate) fn skip_space(&mut self) {
        if let [b'\0'..=b' ', ..] = self.rest {
            self.skip_any_space();
        }
    }

    fn skip_any_space(&mut self) {
        self.take(space_len(self.rest));
    }

    /// Takes bytes while `f` holds; possibly none.
    #[inline]
    pub(crate) fn take_while(&mut self, f: impl Fn(u8) -> bool) -> &'a [u8] {
        let len = self.rest.iter().position(|&byte| !f(byte)).unwrap_or(self.rest.len());
        steps::add(len + 1);
        self.take(len)
    }

    #[inline]
    pub(crate) fn take(&mut self, len: usize) -> &'a [u8] {
        let (taken, rest) = self.rest.split_at_checked(len).unwrap_or((self.rest, &[]));
        self.rest = rest;
        taken
    }

    /// Takes `len` octets, to be read by themselves; offsets stay those of this lexer.
    #[inline]
    pub(crate) fn part(&mut self, len: usize) -> Self {
        let start = self.offset();
        let rest = self.take(len);
        Self {
            all: self.all.get(..start + rest.len()).unwrap_or_default(),
            rest,
            source: self.source,
        }
    }

    #[inline]
    pub(crate) fn token(&mut self) -> Result<&'a str, ParseError> {
        let token = self.token_bytes()?;
        Ok(core::str::from_utf8(token).unwrap_or_default())
    }

    #[inline]
    pub(crate) fn token_bytes(&mut self) -> Result<&'a [u8], ParseError> {
        let token = self.take_while(is_token_byte);
        if token.is_empty() {
            return Err(self.unexpected());
        }
        Ok(token)
    }

    /// Takes a quoted string from its opening to its closing quote; the bytes between them, escapes untouched.
    #[inline]
    pub(crate) fn quoted_raw(&mut self) -> Result<&'a [u8], ParseError> {
        let opened = self.error(ParseErrorKind::UnterminatedQuote);
        self.expect(b'"')?;
        let len = quoted_len(self.rest).ok_or(opened)?;
        let raw = self.take(len);
        self.expect(b'"')?;
        Ok(raw)
    }

    /// Takes a quoted string without escapes and line ends, from its opening to its closing quote; the bytes between them.
    /// Takes nothing if it is another one.
    #[inline]
    pub(crate) fn plain_quoted(&mut self) -> Option<&'a [u8]> {
        let inner = self.rest.strip_prefix(b"\"")?;
        let (raw, after) = inner.split_at_checked(scan::find_quote(inner)?)?;
        self.rest = after.strip_prefix(b"\"")?;
        Some(raw)
    }

    /// Takes a quoted string; its text, see [`unquote`].
    pub(crate) fn quoted_text(&mut self) -> Result<Text, ParseError> {
        if let Some(raw) = self.plain_quoted() {
            return Ok(self.source.text(raw));
        }
        let raw = self.quoted_raw()?;
        Ok(self.unquoted(raw))
    }

    /// The text of a quoted string whose bytes are `raw`; see [`unquote`].
    pub(crate) fn unquoted(&self, raw: &[u8]) -> Text {
        match unquote_bytes(raw) {
            Cow::Borrowed(raw) => self.source.text(raw),
            Cow::Owned(bytes) => Source::NONE.text(&bytes),
        }
    }

    /// Decimal digits.
    ///
    /// A number beyond `max` is `NumberOutOfRange`, at its first digit, and is taken.
    #[inline]
    pub(crate) fn number(&mut self, max: u64) -> Result<u64, ParseError> {
        let mut number = 0;
        let mut len = 0;
        while let Some(digit @ b'0'..=b'9') = self.rest.get(len) {
            if len == SAFE_DIGITS {
                return self.long_number(max);
            }
            number = number * 10 + u64::from(digit - b'0');
            len += 1;
        }
        steps::add(len + 1);
        if len == 0 {
            return Err(self.error(ParseErrorKind::Number));
        }
        let out_of_range = self.error(ParseErrorKind::NumberOutOfRange);
        self.take(len);
        if number > max {
            return Err(out_of_range);
        }
        Ok(number)
    }

    #[cold]
    fn long_number(&mut self, max: u64) -> Result<u64, ParseError> {
        let out_of_range = self.error(ParseErrorKind::NumberOutOfRange);
        let digits = self.take_while(|byte| byte.is_ascii_digit());
        let number = digits.iter().try_fold(0_u64, |sum, byte| {
            sum.checked_mul(10)?.checked_add(u64::from(byte - b'0'))
        });
        number.filter(|number| *number <= max).ok_or(out_of_range)
    }

    /// Decimal digits into 32 bits.
    pub(crate) fn number_u32(&mut self, max: u32) -> Result<u32, ParseError> {
        let number = self.number(u64::from(max))?;
        Ok(u32::try_from(number).unwrap_or(max))
    }

    /// Checks that only white space is left.
    pub(crate) fn finish(&mut self) -> Result<(), ParseError> {
        self.skip_space();
        if self.is_end() { Ok(()) } else { Err(self.unexpected()) }
    }
}

/// As many decimal digits as never overflow 64 bits.
const SAFE_DIGITS: usize = 19;

/// Octets of white space and folds at the start of `bytes`.
fn space_len(bytes: &[u8]) -> usize {
    let mut len = 0;
    loop {
        match bytes.get(len..).unwrap_or_default() {
            [b' ' | b'\t', ..] => len += 1,
            [b'\r', b'\n', b' ' | b'\t', ..] => len += 3,
            [b'\n', b' ' | b'\t', ..] => len += 2,
            _ => return len,
        }
        steps::add(1);
    }
}

/// Where the closing quote is, given what follows the opening one.
fn quoted_len(bytes: &[u8]) -> Option<usize> {
    // Where there is one escape there may be one at every second octet, for which a search is not worth its beginning.
    let mut rest = bytes.get(scan::find_quote(bytes)?..)?.iter();
    loop {
        match rest.next()? {
            b'"' => break,
            b'\\' => _ = rest.next(),
            _ => {}
        }
    }
    let len = bytes.len() - rest.len() - 1;
    steps::add(len);
    Some(len)
}

/// Without white space and folds around it.
#[inline]
pub(crate) fn trim(bytes: &[u8]) -> &[u8] {
    match bytes {
        [b'!'..=b'~', .., b'!'..=b'~'] => bytes,
        _ => trim_any(bytes),
    }
}

fn trim_any(bytes: &[u8]) -> &[u8] {
    let is_space = |byte: &u8| matches!(byte, b' ' | b'\t' | b'\r' | b'\n');
    let start = bytes.iter().position(|byte| !is_space(byte)).unwrap_or(bytes.len());
    let end = bytes
        .iter()
        .rposition(|byte| !is_space(byte))
        .map_or(start, |last| last + 1);
    steps::add(start + bytes.len() - end);
    bytes.get(start..end).unwrap_or_default()
}

/// The text of a quoted string: escapes resolved, folds made one space; what is not UTF-8 is read as Latin-1,
/// since that is what the phones that send it mean.
pub(crate) fn unquote(raw: &[u8]) -> String {
    decode_text(&unquote_bytes(raw)).into_owned()
}

fn unquote_bytes(raw: &[u8]) -> Cow<'_, [u8]> {
    if memchr::memchr3(b'\\', b'\r', b'\n', raw).is_none() {
        return Cow::Borrowed(raw);
    }
    let mut text = Vec::with_capacity(raw.len());
    let mut lexer = Lexer::new(raw);
    while let Some(byte) = lexer.peek() {
        match byte {
            b'\\' => {
                lexer.take(1);
                text.extend_from_slice(lexer.take(1));
            }
            b'\r' | b'\n' => {
                // A fold counts as one space; a stray line end too, so that it cannot end a line of ours.
                lexer.take(1);
                lexer.take_while(|byte| matches!(byte, b'\r' | b'\n' | b' ' | b'\t'));
                text.push(b' ');
            }
            _ => text.extend_from_slice(lexer.take_while(|byte| !matches!(byte, b'\\' | b'\r' | b'\n'))),
        }
    }
    Cow::Owned(text)
}

/// UTF-8, or else Latin-1.
pub(crate) fn decode_text(bytes: &[u8]) -> Cow<'_, str> {
    match core::str::from_utf8(bytes) {
        Ok(text) => Cow::Borrowed(text),
        Err(_) => Cow::Owned(bytes.iter().copied().map(char::from).collect()),
    }
}

/// As [`decode_text`], small.
pub(crate) fn small_text(bytes: &[u8]) -> SmolStr {
    SmolStr::new(decode_text(bytes))
}

/// The next item of a comma-separated list and what follows its comma. Commas within quotes and angle brackets
/// do not count.
#[inline]
pub(crate) fn split_item(list: &[u8]) -> (&[u8], &[u8]) {
    // Mostly a field has one value.
    if scan::find(list, b',').is_none() {
        (list, &[])
    } else {
        split_at_comma(list)
    }
}

fn split_at_comma(list: &[u8]) -> (&[u8], &[u8]) {
    let mut at = 0;
    while let Some(&byte) = list.get(at) {
        at += 1;
        let after = || list.get(at..).unwrap_or_default();
        let skipped = match byte {
            b',' => {
                steps::add(at);
                return (list.get(..at - 1).unwrap_or_default(), after());
            }
            b'"' => quoted_len(after()),
            b'<' => scan::find(after(), b'>'),
            _ => continue,
        };
        match skipped {
            Some(len) => at += len + 1,
            None => break,
        }
    }
    steps::add(at);
    (list, &[])
}

/// The non-empty items of a comma-separated list, trimmed.
pub(crate) fn split_list(list: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut rest = list;
    core::iter::from_fn(move || next_item(&mut rest))
}

/// Takes the next item of a comma-separated list that is not empty, trimmed.
#[inline]
pub(crate) fn next_item<'a>(rest: &mut &'a [u8]) -> Option<&'a [u8]> {
    while let [first, ..] = *rest {
        if !is_blank_item_byte(*first) {
            let (item, after) = split_item(rest);
            *rest = after;
            return Some(trim(item));
        }
        // Empty items are nothing but commas and space, which cost less to pass over than to split.
        let empty = rest.iter().take_while(|byte| is_blank_item_byte(**byte)).count();
        steps::add(empty);
        *rest = rest.get(empty..).unwrap_or_default();
    }
    None
}

#[inline]
const fn is_blank_item_byte(byte: u8) -> bool {
    matches!(byte, b',' | b' ' | b'\t' | b'\r' | b'\n')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commas_within_quotes_and_brackets_do_not_split() {
        let list = br#""a, \" b" <sip:a@b,c>, d ,, <sip:"q",e> ;x="y,z""#;
        let items: Vec<_> = split_list(list)
            .map(|item| String::from_utf8_lossy(item).into_owned())
            .collect();
        assert_eq!(items, [r#""a, \" b" <sip:a@b,c>"#, "d", r#"<sip:"q",e> ;x="y,z""#]);
        for (list, items) in [
            (b" ,, \r\n\t, ".as_slice(), 0),
            (b",a,", 1),
            (b"a ,\r\n ,, b", 2),
            (b"", 0),
        ] {
            assert_eq!(split_list(list).count(), items);
        }
    }

    #[test]
    fn an_open_quote_takes_the_rest() {
        assert_eq!(split_list(b"a, \"b, c").count(), 2);
        assert_eq!(split_list(b"a, <b, c").count(), 2);
        assert_eq!(split_list(b"\"a\\").count(), 1);
    }

    #[test]
    fn a_line_end_is_space_only_before_space() {
        let mut lexer = Lexer::new(b" \t\r\n \n\tx");
        lexer.skip_space();
        assert_eq!(lexer.peek(), Some(b'x'));
        for bytes in [b"\r\nx".as_slice(), b"\rx", b"\r x", b"\n", b"\r\n"] {
            let mut lexer = Lexer::new(bytes);
            lexer.skip_space();
            assert_eq!(lexer.offset(), 0);
        }
    }

    #[test]
    fn numbers_at_their_limit_and_one_past() {
        assert_eq!(Lexer::new(b"18446744073709551615").number(u64::MAX), Ok(u64::MAX));
        let past = Lexer::new(b"18446744073709551616").number(u64::MAX).unwrap_err();
        assert_eq!(past.kind, ParseErrorKind::NumberOutOfRange);
        assert_eq!(Lexer::new(b"0070").number_u32(70), Ok(70));
        assert!(Lexer::new(b"71").number_u32(70).is_err());
        assert_eq!(
            Lexer::new(b"-1").number_u32(70).unwrap_err().kind,
            ParseErrorKind::Number
        );
    }

    #[test]
    fn quoted_text_loses_escapes_and_folds() {
        assert_eq!(unquote(br#"a\"b\\c"#), r#"a"b\c"#);
        assert_eq!(unquote(b"a\r\n  b"), "a b");
        assert_eq!(unquote(b"J\xf6rg"), "Jörg");
        assert_eq!(unquote("Jörg".as_bytes()), "Jörg");
        assert_eq!(unquote(b"end\\"), "end");
    }
}
