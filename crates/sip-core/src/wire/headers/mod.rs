mod edit;
mod field;

pub(super) use field::find_content_length;

use super::lexer::{next_item, steps};
use super::name::{CONTACT, CONTENT_LENGTH, OTHER, RECORD_ROUTE, ROUTE, VIA};
use super::scan::find;
use super::text::{Octets, Source};
use super::{HeaderName, ParseError, ParseErrorKind, Token};
use crate::Limits;
use crate::header::{TypedHeader, ViewHeader};
use bytes::{BufMut as _, Bytes, BytesMut};
use core::fmt;
use field::{Field, OWN, agree, read_field};

/// The headers of a message: an ordered multimap over the bytes that arrived.
///
/// Nothing is copied when a message is parsed; a value becomes a type when it is asked for. Edits leave every
/// other header as it was, byte for byte.
///
/// ```
/// use sip_core::header::Via;
/// use sip_core::{HeaderName, Headers};
///
/// let mut headers = Headers::new();
/// headers.push(HeaderName::Supported, "timer, replaces");
/// headers.push(HeaderName::Via, "SIP/2.0/UDP a, SIP/2.0/TCP b:5070;branch=z9hG4bK1");
/// headers.push_front(HeaderName::Via, "SIP/2.0/TLS c");
/// assert_eq!(headers.items(&HeaderName::Supported).count(), 2);
/// assert_eq!(headers.get(&HeaderName::Via), Some(b"SIP/2.0/TLS c".as_slice()));
/// let vias = headers.typed_all::<Via>()?;
/// assert_eq!(vias[2].branch(), Some("z9hG4bK1"));
/// # Ok::<(), sip_core::ParseError>(())
/// ```
#[derive(Clone, Default)]
pub struct Headers {
    /// The message that the table's offsets point into.
    wire: Octets,
    table: Vec<Field>,
    /// What was added since.
    own: Vec<(HeaderName, Bytes)>,
    edited: bool,
}

/// Fields for which room is made at once: enough for nearly every message.
const USUAL: usize = 24;

impl Headers {
    /// No headers.
    pub const fn new() -> Self {
        Self {
            wire: Octets::EMPTY,
            table: Vec::new(),
            own: Vec::new(),
            edited: true,
        }
    }

    /// The value of the first field `name`, trimmed. Folds within it stay as they came.
    pub fn get(&self, name: &HeaderName) -> Option<&[u8]> {
        self.find(name).map(|field| self.value_of(field))
    }

    /// As [`get`](Self::get), if it is UTF-8.
    pub fn get_str(&self, name: &HeaderName) -> Option<&str> {
        core::str::from_utf8(self.get(name)?).ok()
    }

    /// As [`get`](Self::get), sharing the message's bytes.
    pub fn get_bytes(&self, name: &HeaderName) -> Option<Bytes> {
        self.find(name).map(|field| self.bytes_of(field))
    }

    /// Whether there is a field `name`.
    pub fn contains(&self, name: &HeaderName) -> bool {
        self.position(name).is_some()
    }

    /// The value of each field `name`, trimmed.
    pub fn values<'a>(&'a self, name: &HeaderName) -> impl Iterator<Item = &'a [u8]> + use<'a> {
        let (id, name) = (name.id(), name.clone());
        let fields = self.table.iter().filter(move |field| self.is_named(field, id, &name));
        fields.map(|field| self.value_of(field))
    }

    /// The comma-separated items of all fields `name`, trimmed, empty ones left out. Commas within quotes and
    /// angle brackets do not separate.
    pub fn items<'a>(&'a self, name: &HeaderName) -> impl Iterator<Item = &'a [u8]> + use<'a> {
        Values::new(self, name.clone(), true).map(|(value, _)| value)
    }

    /// All fields in their order: name and trimmed value.
    pub fn iter(&self) -> impl Iterator<Item = (HeaderName, &[u8])> {
        self.table
            .iter()
            .map(|field| (self.name_of(field), self.value_of(field)))
    }

    /// How many fields there are.
    pub fn len(&self) -> usize {
        self.table.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.table.is_empty()
    }

    /// The first value of type `H`: `None` if there is none, an error if it is malformed.
    pub fn typed<H: TypedHeader>(&self) -> Option<Result<H, ParseError>> {
        if H::LIST {
            return self.typed_iter().next();
        }
        let (value, source) = self.get_in(&H::NAME)?;
        Some(H::parse_in(value, source))
    }

    /// Each value of type `H`, over all fields, read when the iterator comes to it. Nothing is collected.
    ///
    /// ```
    /// use sip_core::header::Route;
    /// use sip_core::{HeaderName, Headers};
    ///
    /// let mut headers = Headers::new();
    /// headers.push(HeaderName::Route, "<sip:a;lr>, <sip:b>");
    /// let loose = headers.typed_iter::<Route>().filter(|route| {
    ///     route.as_ref().is_ok_and(|route| route.0.uri.is_loose_router())
    /// });
    /// assert_eq!(loose.count(), 1);
    /// ```
    pub fn typed_iter<H: TypedHeader>(&self) -> impl Iterator<Item = Result<H, ParseError>> {
        let values = Values::new(self, H::NAME, H::LIST);
        values.map(|(value, source)| H::parse_in(value, source))
    }

    /// The first value of type `H` where it lies in the message: `None` if there is none, an error if it is malformed.
    #[inline]
    pub fn view<H: ViewHeader>(&self) -> Option<Result<H::View<'_>, ParseError>> {
        if H::LIST {
            return self.view_iter::<H>().next();
        }
        let (value, source) = self.get_in(&H::NAME)?;
        Some(H::view_in(value, source))
    }

    /// Each value of type `H` where it lies in the message, over all fields, read when the iterator comes to it.
    ///
    /// ```
    /// use sip_core::header::Via;
    /// use sip_core::{HeaderName, Headers};
    ///
    /// let mut headers = Headers::new();
    /// headers.push(HeaderName::Via, "SIP/2.0/UDP a;branch=z9hG4bK1, SIP/2.0/TCP b");
    /// let mut vias = headers.view_iter::<Via>();
    /// assert_eq!(vias.next().transpose()?.unwrap().branch().as_deref(), Some("z9hG4bK1"));
    /// assert_eq!(vias.next().transpose()?.unwrap().transport(), "TCP");
    /// # Ok::<(), sip_core::ParseError>(())
    /// ```
    #[inline]
    pub fn view_iter<H: ViewHeader>(&self) -> impl Iterator<Item = Result<H::View<'_>, ParseError>> {
        let values = Values::new(self, H::NAME, H::LIST);
        values.map(|(value, source)| H::view_in(value, source))
    }

    /// All values of type `H`, over all fields.
    ///
    /// # Errors
    ///
    /// The first malformed value's; `TooManyValues` beyond [`Limits::VALUES`].
    pub fn typed_all<H: TypedHeader>(&self) -> Result<Vec<H>, ParseError> {
        let mut all = Vec::new();
        for value in self.typed_iter() {
            if all.len() == Limits::VALUES {
                return Err(ParseError::new(ParseErrorKind::TooManyValues, 0));
            }
            all.push(value?);
        }
        Ok(all)
    }

    /// Reads fields up to and with the empty line that ends them, as those of a part of a body; and where it ended. The
    /// fields share the bytes of `block`.
    ///
    /// # Errors
    ///
    /// The first fault, with its offset in `block`; `UnterminatedHeaders` if there is no empty line.
    pub fn parse_block(block: Bytes, limits: &Limits) -> Result<(Self, usize), ParseError> {
        Self::parse(block, 0, limits).map(|(headers, noted)| (headers, noted.body_at))
    }

    /// Whether `field` is called `name`, whose number is `id`. The number is found once, not for every field.
    #[inline]
    fn is_named(&self, field: &Field, id: u8, name: &HeaderName) -> bool {
        steps::add(1);
        field.id == id && (id != OTHER || self.is_spelled(field, name))
    }

    #[cold]
    fn is_spelled(&self, field: &Field, name: &HeaderName) -> bool {
        self.raw_name(field).eq_ignore_ascii_case(name.as_str().as_bytes())
    }

    fn position(&self, name: &HeaderName) -> Option<usize> {
        let id = name.id();
        if id == OTHER {
            return self.table.iter().position(|field| self.is_named(field, id, name));
        }
        let found = self.table.iter().position(|field| field.id == id);
        steps::add(found.unwrap_or(self.table.len()) + 1);
        found
    }

    fn find(&self, name: &HeaderName) -> Option<&Field> {
        self.position(name).and_then(|at| self.table.get(at))
    }

    #[inline]
    fn own_of(&self, field: &Field) -> Option<&(HeaderName, Bytes)> {
        if field.name_len == OWN {
            self.own.get(field.start as usize)
        } else {
            None
        }
    }

    fn raw_name(&self, field: &Field) -> &[u8] {
        match self.own_of(field) {
            Some((name, _)) => name.as_str().as_bytes(),
            None => self.slice(field.start, field.start + u32::from(field.name_len)),
        }
    }

    fn name_of(&self, field: &Field) -> HeaderName {
        if let Some(name) = HeaderName::from_id(field.id) {
            return name;
        }
        match self.own_of(field) {
            Some((name, _)) => name.clone(),
            None => HeaderName::Other(Token::from_checked(self.raw_name(field), self.wire.source())),
        }
    }

    fn value_of(&self, field: &Field) -> &[u8] {
        match self.own_of(field) {
            Some((_, value)) => value,
            None => self.slice(field.value, field.value_end),
        }
    }

    /// The value, and what it is a part of.
    #[inline]
    fn place_of(&self, field: &Field) -> (&[u8], Source<'_>) {
        match self.own_of(field) {
            Some((_, value)) => (value, Source::of(value)),
            None => (self.slice(field.value, field.value_end), self.wire.source()),
        }
    }

    fn bytes_of(&self, field: &Field) -> Bytes {
        match self.own_of(field) {
            Some((_, value)) => value.clone(),
            None => self.wire().slice_ref(self.slice(field.value, field.value_end)),
        }
    }

    #[inline]
    fn slice(&self, start: u32, end: u32) -> &[u8] {
        self.wire().get(start as usize..end as usize).unwrap_or_default()
    }
}

/// The values of all fields of one name, and what each is a part of.
struct Values<'a> {
    headers: &'a Headers,
    fields: core::slice::Iter<'a, Field>,
    name: HeaderName,
    id: u8,
    is_list: bool,
    /// What is left of the field that was come to.
    rest: &'a [u8],
    source: Source<'a>,
}

impl<'a> Values<'a> {
    #[inline]
    fn new(headers: &'a Headers, name: HeaderName, is_list: bool) -> Self {
        Self {
            headers,
            fields: headers.table.iter(),
            id: name.id(),
            name,
            is_list,
            rest: &[],
            source: Source::NONE,
        }
    }
}

impl<'a> Iterator for Values<'a> {
    type Item = (&'a [u8], Source<'a>);

    #[inline]
    fn next(&mut self) -> Option<Self::Item> {
        loop {
            if let Some(item) = next_item(&mut self.rest) {
                return Some((item, self.source));
            }
            let field = if self.id == OTHER {
                self.fields
                    .find(|field| self.headers.is_named(field, self.id, &self.name))
            } else {
                self.fields.find(|field| {
                    steps::add(1);
                    field.id == self.id
                })
            };
            let place = self.headers.place_of(field?);
            if !self.is_list {
                return Some(place);
            }
            (self.rest, self.source) = place;
        }
    }
}

/// What is noted of the fields while they are read.
pub(super) struct Noted {
    pub(super) body_at: usize,
    /// Values, if every comma separated two.
    pub(super) vias_at_most: usize,
    pub(super) contacts_at_most: usize,
    pub(super) routes_at_most: usize,
    /// The Content-Length, if there is one. Several must agree.
    pub(super) length: Result<Option<u64>, ParseErrorKind>,
    /// Where the first one is.
    pub(super) length_at: usize,
}

impl Noted {
    #[inline]
    fn add(&mut self, field: &Field, wire: &[u8]) {
        self.body_at = field.end as usize;
        let value = || wire.get(field.value as usize..field.value_end as usize);
        let many = match field.id {
            VIA => &mut self.vias_at_most,
            CONTACT => &mut self.contacts_at_most,
            ROUTE | RECORD_ROUTE => &mut self.routes_at_most,
            CONTENT_LENGTH => {
                if self.length == Ok(None) {
                    self.length_at = field.value as usize;
                }
                let value = value().unwrap_or_default();
                self.length = self.length.and_then(|before| agree(before, value).map(Some));
                return;
            }
            _ => return,
        };
        *many += 1 + count_commas(value().unwrap_or_default());
    }
}

#[inline]
fn count_commas(value: &[u8]) -> usize {
    if find(value, b',').is_none() {
        return 0;
    }
    memchr::memchr_iter(b',', value).count()
}

/// Reads fields from `at` to the empty line.
fn read_fields(wire: &[u8], at: usize, limits: &Limits) -> Result<(Vec<Field>, Noted), ParseError> {
    let mut table = Vec::with_capacity(USUAL.min(limits.headers));
    let mut noted = Noted {
        body_at: at,
        vias_at_most: 0,
        contacts_at_most: 0,
        routes_at_most: 0,
        length: Ok(None),
        length_at: 0,
    };
    loop {
        let at = noted.body_at;
        match wire.get(at..).unwrap_or_default() {
            [b'\n', ..] => noted.body_at += 1,
            [b'\r', b'\n', ..] => noted.body_at += 2,
            _ => {
                if table.len() >= limits.headers {
                    return Err(ParseError::new(ParseErrorKind::TooManyHeaders, at));
                }
                let field = read_field(wire, at, limits)?;
                noted.add(&field, wire);
                table.push(field);
                continue;
            }
        }
        return Ok((table, noted));
    }
}

// For the layer that reads and writes whole messages.
impl Headers {
    /// Reads fields from `at` to the empty line. Gives the table and what was noted of it on the way.
    pub(super) fn parse(wire: Bytes, at: usize, limits: &Limits) -> Result<(Self, Noted), ParseError> {
        let (table, noted) = read_fields(&wire, at, limits)?;
        let headers = Self {
            wire: Octets::new(wire),
            table,
            own: Vec::new(),
            edited: false,
        };
        Ok((headers, noted))
    }

    /// The fields of `from` that `is_wanted`, to be printed into another message: Vias first, then Record-Routes, the
    /// others in their order.
    pub(super) fn picked(from: &Self, is_wanted: impl Fn(u8) -> bool) -> Self {
        let mut picked = Self {
            wire: from.wire.clone(),
            table: Vec::with_capacity(USUAL),
            own: Vec::new(),
            edited: true,
        };
        let mut take = |field: &Field| {
            if field.clean {
                picked.table.push(*field);
            } else {
                picked.push(from.name_of(field), from.bytes_of(field));
            }
        };
        let wanted = || from.table.iter().filter(|field| is_wanted(field.id));
        wanted().filter(|field| field.id == VIA).for_each(&mut take);
        wanted().filter(|field| field.id == RECORD_ROUTE).for_each(&mut take);
        let others = wanted().filter(|field| !matches!(field.id, VIA | RECORD_ROUTE));
        others.for_each(&mut take);
        picked
    }

    /// As [`parse`](Self::parse), but leaves out the lines that cannot be read.
    pub(super) fn salvage(wire: Bytes, at: usize, limits: &Limits) -> Self {
        let mut table = Vec::new();
        let mut at = at;
        while at < wire.len() && table.len() < limits.headers {
            match read_field(&wire, at, limits) {
                Ok(field) => {
                    at = field.end as usize;
                    table.push(field);
                }
                Err(_) if matches!(wire.get(at), Some(b'\r' | b'\n')) => break,
                Err(_) => {
                    let line = memchr::memchr(b'\n', wire.get(at..).unwrap_or_default());
                    at = line.map_or(wire.len(), |line| at + line + 1);
                }
            }
        }
        Self {
            wire: Octets::new(wire),
            table,
            own: Vec::new(),
            edited: true,
        }
    }

    /// The value of the first field `name`, and what it is a part of.
    pub(super) fn get_in(&self, name: &HeaderName) -> Option<(&[u8], Source<'_>)> {
        self.find(name).map(|field| self.place_of(field))
    }

    /// Where the value of the first field `name` starts in the message as it came.
    pub(super) fn offset_of(&self, name: &HeaderName) -> usize {
        let field = self.find(name).filter(|field| field.name_len != OWN);
        field.map_or(0, |field| field.value as usize)
    }

    /// As [`values`](Self::values), sharing the message's bytes.
    pub(super) fn values_bytes<'a>(&'a self, name: &'a HeaderName) -> impl Iterator<Item = Bytes> + use<'a> {
        let id = name.id();
        let fields = self.table.iter().filter(move |field| self.is_named(field, id, name));
        fields.map(|field| self.bytes_of(field))
    }

    /// What texts of the message may share.
    pub(super) fn source(&self) -> Source<'_> {
        self.wire.source()
    }

    #[inline]
    pub(super) fn wire(&self) -> &Bytes {
        self.wire.bytes()
    }

    /// Gives up what follows `len` octets of the message.
    pub(super) fn truncate_wire(&mut self, len: usize) {
        self.wire.truncate(len);
    }

    /// The Content-Length, if there is one. Several must agree.
    pub(super) fn content_length(&self) -> Result<Option<u64>, ParseError> {
        self.values(&HeaderName::ContentLength).try_fold(None, |before, value| {
            let error = |kind| ParseError::new(kind, self.offset_of(&HeaderName::ContentLength));
            agree(before, value).map(Some).map_err(error)
        })
    }

    pub(super) fn is_edited(&self) -> bool {
        self.edited
    }

    pub(super) fn count(&self, name: &HeaderName) -> usize {
        {
            let id = name.id();
            self.table.iter().filter(|field| self.is_named(field, id, name)).count()
        }
    }

    /// Octets that [`print`](Self::print) will need, or somewhat more.
    pub(super) fn printed_len(&self) -> usize {
        let len = |field: &Field| match self.own_of(field) {
            Some((name, value)) => name.as_str().len() + value.len() + 4,
            None => (field.end - field.start) as usize,
        };
        self.table.iter().map(len).sum()
    }

    pub(super) fn print(&self, out: &mut BytesMut) {
        // Fields that follow each other on the wire are copied at once.
        let mut run = 0..0;
        for field in &self.table {
            if field.name_len != OWN && field.start == run.end {
                run.end = field.end;
                continue;
            }
            out.put_slice(self.slice(run.start, run.end));
            run = 0..0;
            match self.own_of(field) {
                Some((name, value)) => {
                    out.put_slice(name.as_str().as_bytes());
                    out.put_slice(b": ");
                    out.put_slice(value);
                    out.put_slice(b"\r\n");
                }
                None => run = field.start..field.end,
            }
        }
        out.put_slice(self.slice(run.start, run.end));
    }
}

/// The same fields in the same order, however they were spelled.
impl PartialEq for Headers {
    fn eq(&self, other: &Self) -> bool {
        self.len() == other.len() && self.iter().eq(other.iter())
    }
}

impl Eq for Headers {}

impl fmt::Debug for Headers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map()
            .entries(self.iter().map(|(name, value)| (name, String::from_utf8_lossy(value))))
            .finish()
    }
}
