//! Reading a document that a stranger wrote.

use super::{Activity, Basic, DATA_MODEL, NAMESPACE, Note, Person, Presence, RPID, Tuple};
use crate::body::xml::{Attributes, Builder, Element, Wanted, XmlError, XmlErrorKind as Kind, read};
use crate::header::parse_q;

/// Most ways in a document.
pub const MAX_TUPLES: usize = 100;
/// Most persons in a document.
pub const MAX_PERSONS: usize = 16;
/// Most notes on the whole, on one way or on one person.
pub const MAX_NOTES: usize = 16;
/// Most activities of one person.
pub const MAX_ACTIVITIES: usize = 32;

impl Presence {
    /// Reads a document.
    ///
    /// # Errors
    ///
    /// [`XmlError`] if it is not a well-formed document of RFC 3863, or exceeds a limit of this module or of
    /// [`body::xml`](crate::body::xml).
    pub fn parse(document: &[u8]) -> Result<Self, XmlError> {
        let mut reader = Reader::default();
        read(document, &mut reader)?;
        Ok(reader.presence)
    }
}

/// The elements that are read; all others are skipped with their contents.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Open {
    Presence,
    Tuple,
    Status,
    Basic,
    Contact,
    Timestamp,
    Note,
    Person,
    Activities,
    Activity,
    Skipped,
}

#[derive(Default)]
struct Reader {
    open: Vec<Open>,
    presence: Presence,
}

impl Builder for Reader {
    fn open(&mut self, element: &Element<'_>) -> Result<(), Kind> {
        let mut open = classify(self.open.last().copied(), element.name, element.namespace);
        let attributes = &element.attributes;
        let presence = &mut self.presence;
        match open {
            Open::Skipped if self.open.is_empty() => return Err(Kind::WrongDocument),
            Open::Presence => attributes.required("entity")?.clone_into(&mut presence.entity),
            Open::Tuple => push(&mut presence.tuples, read_tuple(attributes)?, MAX_TUPLES)?,
            Open::Person => push(&mut presence.persons, read_person(attributes), MAX_PERSONS)?,
            Open::Contact => {
                if let Some(tuple) = presence.tuples.last_mut() {
                    tuple.priority = attributes.get("priority").and_then(|priority| parse_q(priority.trim()));
                }
            }
            Open::Note => {
                let language = attributes.owned("xml:lang");
                let note = Note {
                    text: String::new(),
                    language,
                };
                push(self.notes(), note, MAX_NOTES)?;
            }
            Open::Activity => match (Activity::from_name(element.name), presence.persons.last_mut()) {
                (Some(activity), Some(person)) => push(&mut person.activities, activity, MAX_ACTIVITIES)?,
                _ => open = Open::Skipped,
            },
            Open::Status | Open::Basic | Open::Timestamp | Open::Activities | Open::Skipped => {}
        }
        self.open.push(open);
        Ok(())
    }

    fn wanted(&self) -> Wanted {
        match self.open.last() {
            Some(Open::Basic | Open::Contact | Open::Timestamp | Open::Note | Open::Activity) => Wanted::Line,
            Some(_) | None => Wanted::Nothing,
        }
    }

    fn close(&mut self, text: String) -> Result<(), Kind> {
        let open = self.open.pop().ok_or(Kind::Syntax)?;
        let text = text.trim().to_owned();
        match open {
            Open::Basic => self.tuple()?.basic = Some(read_basic(&text)?),
            Open::Contact => self.tuple()?.contact = Some(text),
            Open::Timestamp => self.tuple()?.timestamp = Some(text),
            Open::Note => {
                if let Some(note) = self.notes().last_mut() {
                    note.text = text;
                }
            }
            Open::Activity => {
                let person = self.presence.persons.last_mut();
                if let Some(Activity::Other(words)) = person.and_then(|person| person.activities.last_mut()) {
                    *words = text;
                }
            }
            Open::Presence | Open::Tuple | Open::Status | Open::Person | Open::Activities | Open::Skipped => {}
        }
        Ok(())
    }
}

impl Reader {
    fn tuple(&mut self) -> Result<&mut Tuple, Kind> {
        self.presence.tuples.last_mut().ok_or(Kind::Syntax)
    }

    /// The notes of what is open.
    fn notes(&mut self) -> &mut Vec<Note> {
        let presence = &mut self.presence;
        let is_open = |what| self.open.contains(&what);
        match (presence.tuples.last_mut(), presence.persons.last_mut()) {
            (Some(tuple), _) if is_open(Open::Tuple) => &mut tuple.notes,
            (_, Some(person)) if is_open(Open::Person) => &mut person.notes,
            _ => &mut presence.notes,
        }
    }
}

fn classify(parent: Option<Open>, name: &str, namespace: Option<&str>) -> Open {
    let (pidf, model, rpid) = (Some(NAMESPACE), Some(DATA_MODEL), Some(RPID));
    match (parent, name) {
        (None, "presence") if namespace == pidf => Open::Presence,
        (Some(Open::Presence), "tuple") if namespace == pidf => Open::Tuple,
        (Some(Open::Tuple), "status") if namespace == pidf => Open::Status,
        (Some(Open::Status), "basic") if namespace == pidf => Open::Basic,
        (Some(Open::Tuple), "contact") if namespace == pidf => Open::Contact,
        (Some(Open::Tuple), "timestamp") if namespace == pidf => Open::Timestamp,
        (Some(Open::Presence | Open::Tuple), "note") if namespace == pidf => Open::Note,
        (Some(Open::Presence), "person") if namespace == model => Open::Person,
        (Some(Open::Person), "note") if namespace == model => Open::Note,
        (Some(Open::Person), "activities") if namespace == rpid => Open::Activities,
        (Some(Open::Activities), "note") if namespace == rpid => Open::Note,
        (Some(Open::Activities), _) if namespace == rpid => Open::Activity,
        _ => Open::Skipped,
    }
}

fn push<T>(all: &mut Vec<T>, one: T, limit: usize) -> Result<(), Kind> {
    if all.len() >= limit {
        return Err(Kind::TooManyElements);
    }
    all.push(one);
    Ok(())
}

fn read_tuple(attributes: &Attributes) -> Result<Tuple, Kind> {
    Ok(Tuple {
        id: attributes.required("id")?.to_owned(),
        ..Tuple::default()
    })
}

/// Some phones leave the id out.
fn read_person(attributes: &Attributes) -> Person {
    Person {
        id: attributes.owned("id").unwrap_or_default(),
        ..Person::default()
    }
}

fn read_basic(word: &str) -> Result<Basic, Kind> {
    [Basic::Open, Basic::Closed]
        .into_iter()
        .find(|basic| basic.as_str() == word)
        .ok_or(Kind::BadValue)
}
