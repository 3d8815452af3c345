//! Reading a document that a stranger wrote.

use quick_xml::events::{BytesRef, BytesStart, Event};
use quick_xml::name::{Namespace, ResolveResult};
use quick_xml::{NsReader, XmlVersion};

use super::{Cause, DialogElement, DialogInfo, DialogState, Direction, DocumentState, NAMESPACE, Participant, masked};

/// Most bytes of a document; as many as a body has by default.
pub const MAX_DOCUMENT: usize = 64 * 1024;
/// Most dialogs in a document.
pub const MAX_DIALOGS: usize = 1000;
/// Deepest nesting of elements; those of RFC 4235 need five.
pub const MAX_DEPTH: usize = 16;
/// Most attributes of an element.
pub const MAX_ATTRIBUTES: usize = 32;
/// Most namespace declarations in force at one place: looking up a prefix costs a step for each.
pub const MAX_NAMESPACES: usize = 32;
/// Most bytes of a text or attribute value.
pub const MAX_TEXT: usize = 4096;

/// What is wrong with a document, and where.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{kind} at byte {offset}")]
pub struct DialogInfoError {
    /// The cause.
    pub kind: DialogInfoErrorKind,
    /// Bytes read up to the end of the piece at fault.
    pub offset: usize,
}

/// The causes of a [`DialogInfoError`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum DialogInfoErrorKind {
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
    /// More than [`MAX_DIALOGS`].
    #[error("too many dialogs")]
    TooManyDialogs,
    /// More than [`MAX_ATTRIBUTES`] on one element.
    #[error("too many attributes")]
    TooManyAttributes,
    /// More than [`MAX_NAMESPACES`].
    #[error("too many namespaces")]
    TooManyNamespaces,
    /// A text or attribute value longer than [`MAX_TEXT`].
    #[error("text too long")]
    TextTooLong,
    /// The root element is not `dialog-info` of RFC 4235's namespace, or there is none.
    #[error("not a dialog-info document")]
    NotDialogInfo,
    /// A mandatory attribute is absent.
    #[error("missing attribute")]
    MissingAttribute,
    /// A dialog without `state`.
    #[error("missing state")]
    MissingState,
    /// A value that RFC 4235 does not allow.
    #[error("value not allowed")]
    BadValue,
}

use DialogInfoErrorKind as Kind;

impl DialogInfo {
    /// Reads a document.
    ///
    /// # Errors
    ///
    /// [`DialogInfoError`] if it is not a well-formed document of RFC 4235, or exceeds a limit of this module.
    pub fn parse(document: &[u8]) -> Result<Self, DialogInfoError> {
        if document.len() > MAX_DOCUMENT {
            return Err(DialogInfoError {
                kind: Kind::TooLong,
                offset: MAX_DOCUMENT,
            });
        }
        let text = core::str::from_utf8(document).map_err(|error| DialogInfoError {
            kind: Kind::NotUtf8,
            offset: error.valid_up_to(),
        })?;
        let mut reader = NsReader::from_str(text);
        reader.resolver_mut().set_max_namespace_bindings(MAX_NAMESPACES);
        let mut builder = Builder::default();
        loop {
            let step = builder.step(&mut reader);
            let offset = usize::try_from(reader.buffer_position()).unwrap_or(MAX_DOCUMENT);
            match step {
                Ok(Step::More) => {}
                Ok(Step::Done) => return builder.finish().map_err(|kind| DialogInfoError { kind, offset }),
                Err(kind) => return Err(DialogInfoError { kind, offset }),
            }
        }
    }
}

enum Step {
    More,
    Done,
}

/// The elements that are read; all others are skipped with their contents.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Element {
    DialogInfo,
    Dialog,
    State,
    Duration,
    Local,
    Remote,
    Identity,
    Target,
    Skipped,
}

#[derive(Default)]
struct Builder {
    open: Vec<Element>,
    text: String,
    info: Option<DialogInfo>,
    dialog: Option<(DialogElement, Option<DialogState>)>,
}

impl Builder {
    fn step(&mut self, reader: &mut NsReader<&[u8]>) -> Result<Step, Kind> {
        let (namespace, event) = reader.read_resolved_event().map_err(|error| read_error(&error))?;
        let ours = namespace == ResolveResult::Bound(Namespace(NAMESPACE));
        match event {
            Event::Start(start) => self.open(&start, ours)?,
            Event::Empty(start) => {
                self.open(&start, ours)?;
                self.close()?;
            }
            Event::End(_) => self.close()?,
            Event::Text(text) => self.add_text(&text)?,
            Event::CData(text) => self.add_text(&text)?,
            Event::GeneralRef(reference) => self.add_reference(&reference)?,
            Event::Comment(_) | Event::Decl(_) | Event::PI(_) => {}
            Event::DocType(_) => return Err(Kind::DocumentType),
            Event::Eof if self.open.is_empty() => return Ok(Step::Done),
            Event::Eof => return Err(Kind::Syntax),
        }
        Ok(Step::More)
    }

    fn finish(self) -> Result<DialogInfo, Kind> {
        self.info.ok_or(Kind::NotDialogInfo)
    }

    fn open(&mut self, start: &BytesStart<'_>, ours: bool) -> Result<(), Kind> {
        if self.open.len() >= MAX_DEPTH {
            return Err(Kind::TooDeep);
        }
        let name = start.local_name();
        let element = classify(self.open.last().copied(), name.as_ref(), ours);
        if self.open.is_empty() && (element != Element::DialogInfo || self.info.is_some()) {
            return Err(Kind::NotDialogInfo);
        }
        let attributes = Attributes::read(start)?;
        match element {
            Element::DialogInfo => self.info = Some(read_root(&attributes)?),
            Element::Dialog => {
                if self.info.as_ref().is_some_and(|info| info.dialogs.len() >= MAX_DIALOGS) {
                    return Err(Kind::TooManyDialogs);
                }
                self.dialog = Some((read_dialog(&attributes)?, None));
            }
            Element::State => {
                if let Some((dialog, _)) = &mut self.dialog {
                    dialog.cause = attributes.get("event").and_then(Cause::from_word);
                    dialog.code = attributes.get("code").map(read_code).transpose()?;
                }
            }
            Element::Local | Element::Remote => {
                *self.participant(element).ok_or(Kind::Syntax)? = Some(Participant::default())
            }
            Element::Identity => {
                if let Some(participant) = self.current_participant() {
                    participant.display = attributes.owned("display");
                }
            }
            Element::Target => {
                if let Some(participant) = self.current_participant() {
                    participant.target = attributes.owned("uri");
                }
            }
            Element::Duration | Element::Skipped => {}
        }
        self.text.clear();
        self.open.push(element);
        Ok(())
    }

    fn close(&mut self) -> Result<(), Kind> {
        let element = self.open.pop().ok_or(Kind::Syntax)?;
        let text = core::mem::take(&mut self.text);
        let text = text.trim();
        match element {
            Element::Dialog => {
                let (mut dialog, state) = self.dialog.take().ok_or(Kind::Syntax)?;
                dialog.state = state.ok_or(Kind::MissingState)?;
                self.info.as_mut().ok_or(Kind::Syntax)?.dialogs.push(dialog);
            }
            Element::State => {
                if let Some((_, state)) = &mut self.dialog {
                    *state = Some(DialogState::from_word(text).ok_or(Kind::BadValue)?);
                }
            }
            Element::Duration => {
                if let Some((dialog, _)) = &mut self.dialog {
                    dialog.duration = Some(text.parse().map_err(|_| Kind::BadValue)?);
                }
            }
            Element::Identity => {
                let identity = text.to_owned();
                if let Some(participant) = self.current_participant() {
                    participant.identity = identity;
                }
            }
            Element::DialogInfo | Element::Local | Element::Remote | Element::Target | Element::Skipped => {}
        }
        Ok(())
    }

    fn participant(&mut self, side: Element) -> Option<&mut Option<Participant>> {
        let (dialog, _) = self.dialog.as_mut()?;
        Some(if side == Element::Local {
            &mut dialog.local
        } else {
            &mut dialog.remote
        })
    }

    /// The participant whose element is the innermost open one that has a side.
    fn current_participant(&mut self) -> Option<&mut Participant> {
        let side = self
            .open
            .iter()
            .rev()
            .copied()
            .find(|open| matches!(open, Element::Local | Element::Remote))?;
        self.participant(side)?.as_mut()
    }

    fn wants_text(&self) -> bool {
        matches!(
            self.open.last(),
            Some(Element::State | Element::Duration | Element::Identity)
        )
    }

    fn add_text(&mut self, text: &str) -> Result<(), Kind> {
        if self.open.is_empty() && !text.trim().is_empty() {
            return Err(Kind::Syntax);
        }
        if self.wants_text() {
            self.text.extend(
                text.chars()
                    .map(|c| if c.is_ascii_whitespace() { ' ' } else { masked(c) }),
            );
            if self.text.len() > MAX_TEXT {
                return Err(Kind::TextTooLong);
            }
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
    use quick_xml::name::NamespaceError;
    if let quick_xml::Error::Namespace(NamespaceError::TooManyBindings(_)) = error {
        Kind::TooManyNamespaces
    } else {
        Kind::Syntax
    }
}

fn classify(parent: Option<Element>, name: &str, ours: bool) -> Element {
    match (parent, name) {
        _ if !ours => Element::Skipped,
        (None, "dialog-info") => Element::DialogInfo,
        (Some(Element::DialogInfo), "dialog") => Element::Dialog,
        (Some(Element::Dialog), "state") => Element::State,
        (Some(Element::Dialog), "duration") => Element::Duration,
        (Some(Element::Dialog), "local") => Element::Local,
        (Some(Element::Dialog), "remote") => Element::Remote,
        (Some(Element::Local | Element::Remote), "identity") => Element::Identity,
        (Some(Element::Local | Element::Remote), "target") => Element::Target,
        _ => Element::Skipped,
    }
}

/// The attributes of one element, unescaped.
struct Attributes(Vec<(String, String)>);

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

    fn get(&self, name: &str) -> Option<&str> {
        self.0
            .iter()
            .find(|(key, _)| key == name)
            .map(|(_, value)| value.as_str())
    }

    fn owned(&self, name: &str) -> Option<String> {
        self.get(name).map(str::to_owned)
    }

    fn required(&self, name: &str) -> Result<&str, Kind> {
        self.get(name).ok_or(Kind::MissingAttribute)
    }
}

fn read_root(attributes: &Attributes) -> Result<DialogInfo, Kind> {
    let version = attributes
        .required("version")?
        .trim()
        .parse()
        .map_err(|_| Kind::BadValue)?;
    let state = DocumentState::from_word(attributes.required("state")?).ok_or(Kind::BadValue)?;
    Ok(DialogInfo::new(attributes.required("entity")?, version, state))
}

fn read_dialog(attributes: &Attributes) -> Result<DialogElement, Kind> {
    // The state is an element that follows; until then any will do.
    let mut dialog = DialogElement::new(attributes.required("id")?, DialogState::Trying);
    dialog.call_id = attributes.owned("call-id");
    dialog.local_tag = attributes.owned("local-tag");
    dialog.remote_tag = attributes.owned("remote-tag");
    dialog.direction = match attributes.get("direction") {
        None => None,
        Some(word) => Some(Direction::from_word(word).ok_or(Kind::BadValue)?),
    };
    Ok(dialog)
}

fn read_code(code: &str) -> Result<u16, Kind> {
    code.trim()
        .parse()
        .ok()
        .filter(|code| (100..700).contains(code))
        .ok_or(Kind::BadValue)
}
