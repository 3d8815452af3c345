//! Reads XML that a stranger wrote, in bounds, and writes XML that a stranger can read.
//!
//! Document types and entities of their own are refused, so nothing can be expanded; depth, attributes, namespaces and
//! texts have limits, and each octet is looked at a bounded number of times.

use core::fmt::{self, Write};
use quick_xml::events::{BytesRef, BytesStart, Event};
use quick_xml::name::{Namespace, NamespaceError, ResolveResult};
use quick_xml::{NsReader, XmlVersion};

/// Most octets of a document; as many as a body has by default.
pub const MAX_DOCUMENT: usize = 64 * 1024;
/// Deepest nesting of elements; those that are read need seven.
pub const MAX_DEPTH: usize = 16;
/// Most attributes of an element.
pub const MAX_ATTRIBUTES: usize = 32;
/// Most namespace declarations in force at one place: looking up a prefix costs a step for each.
pub const MAX_NAMESPACES: usize = 32;
/// Most octets of a text or attribute value.
pub const MAX_TEXT: usize = 4096;

/// What is wrong with a document, and where.
///
/// ```
/// use sip_core::body::xml::XmlErrorKind;
/// use sip_core::event::dialog_info::DialogInfo;
///
/// let error = DialogInfo::parse(b"<!DOCTYPE bomb [<!ENTITY a \"aaaa\">]><x/>").unwrap_err();
/// assert_eq!(error.kind, XmlErrorKind::DocumentType);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{kind} at byte {offset}")]
pub struct XmlError {
    /// The cause.
    pub kind: XmlErrorKind,
    /// Octets read up to the end of the piece at fault.
    pub offset: usize,
}

/// The causes of an [`XmlError`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum XmlErrorKind {
    /// Longer than [`MAX_DOCUMENT`].
    #[error("document too long")]
    TooLong,
    /// Not UTF-8.
    #[error("not UTF-8")]
    NotUtf8,
    /// Not well-formed XML.
    #[error("not well-formed")]
    Syntax,
    /// A document type, which could declare entities.
    #[error("document type refused")]
    DocumentType,
    /// A reference to anything but the five entities of XML or a character.
    #[error("unknown entity")]
    UnknownEntity,
    /// Nested deeper than [`MAX_DEPTH`].
    #[error("nested too deeply")]
    TooDeep,
    /// More than [`MAX_ATTRIBUTES`] on one element.
    #[error("too many attributes")]
    TooManyAttributes,
    /// More than [`MAX_NAMESPACES`].
    #[error("too many namespaces")]
    TooManyNamespaces,
    /// A text or attribute value longer than [`MAX_TEXT`].
    #[error("text too long")]
    TextTooLong,
    /// More elements of a kind than the package allows.
    #[error("too many elements of a kind")]
    TooManyElements,
    /// The root element is not the one of this type of document, or there is none, or several.
    #[error("another type of document")]
    WrongDocument,
    /// A mandatory attribute is absent.
    #[error("missing attribute")]
    MissingAttribute,
    /// A mandatory element is absent.
    #[error("missing element")]
    MissingElement,
    /// A value that is not allowed where it stands.
    #[error("value not allowed")]
    BadValue,
}

use XmlErrorKind as Kind;

/// What is kept of an element's text.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Wanted {
    /// Nothing.
    Nothing,
    /// Its words, as one line.
    Line,
    /// Its lines.
    Lines,
}

/// An element that begins.
pub(crate) struct Element<'a> {
    /// Without prefix.
    pub(crate) name: &'a str,
    pub(crate) namespace: Option<&'a str>,
    pub(crate) attributes: Attributes,
}

/// Makes a value of the elements of a document.
pub(crate) trait Builder {
    /// An element begins.
    fn open(&mut self, element: &Element<'_>) -> Result<(), Kind>;

    /// What is wanted of the text of the innermost open element.
    fn wanted(&self) -> Wanted;

    /// The innermost open element ends. `text` is what stood in it since the last element within it began.
    fn close(&mut self, text: String) -> Result<(), Kind>;
}

/// Feeds a document to `builder`.
pub(crate) fn read(document: &[u8], builder: &mut impl Builder) -> Result<(), XmlError> {
    if document.len() > MAX_DOCUMENT {
        return Err(XmlError {
            kind: Kind::TooLong,
            offset: MAX_DOCUMENT,
        });
    }
    let text = core::str::from_utf8(document).map_err(|error| XmlError {
        kind: Kind::NotUtf8,
        offset: error.valid_up_to(),
    })?;
    let mut reader = NsReader::from_str(text);
    reader.resolver_mut().set_max_namespace_bindings(MAX_NAMESPACES);
    let mut driver = Driver {
        builder,
        depth: 0,
        text: String::new(),
        rooted: false,
    };
    loop {
        let step = driver.step(&mut reader);
        let offset = usize::try_from(reader.buffer_position()).unwrap_or(MAX_DOCUMENT);
        match step {
            Ok(Step::More) => {}
            Ok(Step::Done) => return Ok(()),
            Err(kind) => return Err(XmlError { kind, offset }),
        }
    }
}

enum Step {
    More,
    Done,
}

struct Driver<'a, B> {
    builder: &'a mut B,
    depth: usize,
    text: String,
    /// Whether the root element has begun.
    rooted: bool,
}

impl<B: Builder> Driver<'_, B> {
    fn step(&mut self, reader: &mut NsReader<&[u8]>) -> Result<Step, Kind> {
        let (resolved, event) = reader.read_resolved_event().map_err(|error| read_error(&error))?;
        let namespace = match &resolved {
            ResolveResult::Bound(Namespace(namespace)) => Some(*namespace),
            ResolveResult::Unbound | ResolveResult::Unknown(_) => None,
        };
        match event {
            Event::Start(start) => self.open(&start, namespace)?,
            Event::Empty(start) => {
                self.open(&start, namespace)?;
                self.close()?;
            }
            Event::End(_) => self.close()?,
            Event::Text(text) => self.add_text(&text)?,
            Event::CData(text) => self.add_text(&text)?,
            Event::GeneralRef(reference) => self.add_reference(&reference)?,
            Event::Comment(_) | Event::Decl(_) | Event::PI(_) => {}
            Event::DocType(_) => return Err(Kind::DocumentType),
            Event::Eof if self.depth > 0 => return Err(Kind::Syntax),
            Event::Eof if !self.rooted => return Err(Kind::WrongDocument),
            Event::Eof => return Ok(Step::Done),
        }
        Ok(Step::More)
    }

    fn open(&mut self, start: &BytesStart<'_>, namespace: Option<&str>) -> Result<(), Kind> {
        if self.depth >= MAX_DEPTH {
            return Err(Kind::TooDeep);
        }
        if self.depth == 0 && self.rooted {
            return Err(Kind::WrongDocument);
        }
        let name = start.local_name();
        self.builder.open(&Element {
            name: name.as_ref(),
            namespace,
            attributes: Attributes::read(start)?,
        })?;
        self.text.clear();
        self.depth += 1;
        self.rooted = true;
        Ok(())
    }

    fn close(&mut self) -> Result<(), Kind> {
        self.depth = self.depth.checked_sub(1).ok_or(Kind::Syntax)?;
        let text = core::mem::take(&mut self.text);
        self.builder.close(text)
    }

    fn add_text(&mut self, text: &str) -> Result<(), Kind> {
        if self.depth == 0 {
            return if text.trim().is_empty() {
                Ok(())
            } else {
                Err(Kind::Syntax)
            };
        }
        match self.builder.wanted() {
            Wanted::Nothing => return Ok(()),
            Wanted::Line => {
                let line = text
                    .chars()
                    .map(|c| if c.is_ascii_whitespace() { ' ' } else { masked(c) });
                self.text.extend(line);
            }
            Wanted::Lines => {
                let lines = text.chars().filter(|c| *c != '\r');
                self.text.extend(lines.map(masked_in_lines));
            }
        }
        if self.text.len() > MAX_TEXT {
            return Err(Kind::TextTooLong);
        }
        Ok(())
    }

    fn add_reference(&mut self, reference: &BytesRef<'_>) -> Result<(), Kind> {
        if let Some(c) = reference.resolve_char_ref().map_err(|_| Kind::Syntax)? {
            return self.add_text(c.encode_utf8(&mut [0; 4]));
        }
        let resolved = quick_xml::escape::resolve_predefined_entity(reference).ok_or(Kind::UnknownEntity)?;
        self.add_text(resolved)
    }
}

fn read_error(error: &quick_xml::Error) -> Kind {
    if let quick_xml::Error::Namespace(NamespaceError::TooManyBindings(_)) = error {
        Kind::TooManyNamespaces
    } else {
        Kind::Syntax
    }
}

/// The attributes of one element, unescaped.
pub(crate) struct Attributes(Vec<(String, String)>);

impl Attributes {
    fn read(start: &BytesStart<'_>) -> Result<Self, Kind> {
        let mut all = Vec::new();
        for attribute in start.attributes() {
            let attribute = attribute.map_err(|_| Kind::Syntax)?;
            if all.len() >= MAX_ATTRIBUTES {
                return Err(Kind::TooManyAttributes);
            }
            let value = attribute
                .normalized_value(XmlVersion::Implicit1_0)
                .map_err(|_| Kind::UnknownEntity)?;
            // A masked character is longer than what it masks: what is read has to print within the limits too.
            let value: String = value.chars().map(masked).collect();
            if value.len() > MAX_TEXT {
                return Err(Kind::TextTooLong);
            }
            all.push((attribute.key.as_ref().to_owned(), value));
        }
        Ok(Self(all))
    }

    pub(crate) fn get(&self, name: &str) -> Option<&str> {
        let found = self.0.iter().find(|(key, _)| key == name);
        found.map(|(_, value)| value.as_str())
    }

    pub(crate) fn owned(&self, name: &str) -> Option<String> {
        self.get(name).map(str::to_owned)
    }

    pub(crate) fn required(&self, name: &str) -> Result<&str, Kind> {
        self.get(name).ok_or(Kind::MissingAttribute)
    }
}

/// Replaces what XML 1.0 cannot carry, and control characters, which have no place in a name or URI.
pub(crate) fn masked(c: char) -> char {
    if c.is_control() || matches!(c, '\u{fffe}' | '\u{ffff}') {
        '\u{fffd}'
    } else {
        c
    }
}

/// The same, but for line ends and tabs.
fn masked_in_lines(c: char) -> char {
    if matches!(c, '\n' | '\t') { c } else { masked(c) }
}

/// The first line of a document.
pub(crate) const DECLARATION: &str = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n";

/// Writes ` name="value"`.
pub(crate) fn attribute(out: &mut String, name: &str, value: &str) -> fmt::Result {
    write!(out, " {name}=\"")?;
    escaped(out, value)?;
    out.write_char('"')
}

/// Writes ` name="value"`, if there is a value.
pub(crate) fn optional_attribute(out: &mut String, name: &str, value: Option<&str>) -> fmt::Result {
    value.map_or(Ok(()), |value| attribute(out, name, value))
}

/// Writes text on one line, markup escaped.
pub(crate) fn escaped(out: &mut String, text: &str) -> fmt::Result {
    text.chars().try_for_each(|c| escaped_char(out, masked(c)))
}

/// Writes text with its lines, markup escaped.
pub(crate) fn escaped_lines(out: &mut String, text: &str) -> fmt::Result {
    let lines = text.chars().filter(|c| *c != '\r');
    lines.map(masked_in_lines).try_for_each(|c| escaped_char(out, c))
}

fn escaped_char(out: &mut String, c: char) -> fmt::Result {
    match c {
        '<' => out.write_str("&lt;"),
        '>' => out.write_str("&gt;"),
        '&' => out.write_str("&amp;"),
        '"' => out.write_str("&quot;"),
        '\'' => out.write_str("&apos;"),
        plain => out.write_char(plain),
    }
}
