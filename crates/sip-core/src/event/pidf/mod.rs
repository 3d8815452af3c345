//! Package `presence`: whether and how somebody can be reached, as XML (RFC 3856, RFC 3863), with what the person does
//! (RFC 4479, RFC 4480).
//!
//! [`Presence::to_xml`] masks control characters and escapes all markup; [`Presence::parse`] is bounded (constants below
//! and in [`body::xml`](crate::body::xml)). Extensions in other namespaces are skipped.
//!
//! ```
//! use sip_core::event::pidf::{Activity, Presence, Tuple};
//!
//! let mut presence = Presence::new("pres:alice@example.com");
//! presence.tuples.push(Tuple::open("desk").with_contact("sip:alice@192.0.2.1").with_note("back at two"));
//! presence.set_activity(Activity::OnThePhone);
//!
//! let read = Presence::parse(presence.to_xml().as_bytes())?;
//! assert_eq!(read, presence);
//! assert!(read.is_open() && read.activities().any(|activity| *activity == Activity::OnThePhone));
//! # Ok::<(), sip_core::body::xml::XmlError>(())
//! ```

mod parse;
mod print;

pub use parse::{MAX_ACTIVITIES, MAX_NOTES, MAX_PERSONS, MAX_TUPLES};

/// The type of the body, as it stands in `Content-Type`.
pub const CONTENT_TYPE: &str = "application/pidf+xml";

/// The XML namespace of the document.
pub const NAMESPACE: &str = "urn:ietf:params:xml:ns:pidf";
/// The XML namespace of persons (RFC 4479).
pub const DATA_MODEL: &str = "urn:ietf:params:xml:ns:pidf:data-model";
/// The XML namespace of what they do (RFC 4480).
pub const RPID: &str = "urn:ietf:params:xml:ns:pidf:rpid";

/// One document: the presence of an entity.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Presence {
    /// The URI of whom the document is about: `pres:` or `sip:`.
    pub entity: String,
    /// The ways to reach them.
    pub tuples: Vec<Tuple>,
    /// Words on the presence as a whole.
    pub notes: Vec<Note>,
    /// The people behind it: one, as a rule.
    pub persons: Vec<Person>,
}

/// One way to reach somebody.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Tuple {
    /// Names it within the document.
    pub id: String,
    /// Whether it is open. `None` if it does not say.
    pub basic: Option<Basic>,
    /// The URI.
    pub contact: Option<String>,
    /// The preference in thousandths, 0 to 1000; written only with a contact.
    pub priority: Option<u16>,
    /// Words for people.
    pub notes: Vec<Note>,
    /// When it became so, in the form of RFC 3339, as written.
    pub timestamp: Option<String>,
}

/// Whether a way is open (RFC 3863 §4.1.4).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub enum Basic {
    /// Ready to be called.
    Open,
    /// Not.
    Closed,
}

/// Words for people.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Note {
    /// The words.
    pub text: String,
    /// Their language, such as `en`.
    pub language: Option<String>,
}

/// Somebody, and what they do.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Person {
    /// Names them within the document.
    pub id: String,
    /// What they do.
    pub activities: Vec<Activity>,
    /// Words on it.
    pub notes: Vec<Note>,
}

macro_rules! activities {
    ($($(#[$doc:meta])* $variant:ident = $word:literal,)+) => {
        /// What somebody does (RFC 4480 §3.2).
        #[derive(Clone, Debug, PartialEq, Eq, Hash)]
        #[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
        #[non_exhaustive]
        pub enum Activity {
            $($(#[$doc])* $variant,)+
            /// Something else, in words.
            Other(String),
        }

        impl Activity {
            /// The element's name; that of `Other` is `other`.
            #[must_use]
            pub const fn as_str(&self) -> &'static str {
                match self {
                    $(Self::$variant => $word,)+
                    Self::Other(_) => "other",
                }
            }

            fn from_name(name: &str) -> Option<Self> {
                match name {
                    $($word => Some(Self::$variant),)+
                    "other" => Some(Self::Other(String::new())),
                    _ => None,
                }
            }
        }
    };
}

activities! {
    /// They have an appointment.
    Appointment = "appointment",
    /// They are away.
    Away = "away",
    /// They eat breakfast.
    Breakfast = "breakfast",
    /// They are busy.
    Busy = "busy",
    /// They eat dinner.
    Dinner = "dinner",
    /// It is a holiday.
    Holiday = "holiday",
    /// They are on their way.
    InTransit = "in-transit",
    /// They look for work.
    LookingForWork = "looking-for-work",
    /// They eat lunch.
    Lunch = "lunch",
    /// They eat.
    Meal = "meal",
    /// They are in a meeting.
    Meeting = "meeting",
    /// They talk on the phone.
    OnThePhone = "on-the-phone",
    /// They are at a performance.
    Performance = "performance",
    /// They will not come back.
    PermanentAbsence = "permanent-absence",
    /// They play.
    Playing = "playing",
    /// They give or hear a talk.
    Presentation = "presentation",
    /// They shop.
    Shopping = "shopping",
    /// They sleep.
    Sleeping = "sleeping",
    /// They watch an event.
    Spectator = "spectator",
    /// They steer a vehicle.
    Steering = "steering",
    /// They travel.
    Travel = "travel",
    /// They watch television.
    Tv = "tv",
    /// It is not known.
    Unknown = "unknown",
    /// They are on vacation.
    Vacation = "vacation",
    /// They work.
    Working = "working",
    /// They worship.
    Worship = "worship",
}

impl Basic {
    /// The word in the document.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Closed => "closed",
        }
    }
}

impl Presence {
    /// A document that says nothing yet.
    #[must_use]
    pub fn new(entity: impl Into<String>) -> Self {
        Self {
            entity: entity.into(),
            ..Self::default()
        }
    }

    /// Whether any way is open.
    #[must_use]
    pub fn is_open(&self) -> bool {
        self.tuples.iter().any(|tuple| tuple.basic == Some(Basic::Open))
    }

    /// What the people do.
    pub fn activities(&self) -> impl Iterator<Item = &Activity> {
        self.persons.iter().flat_map(|person| &person.activities)
    }

    /// Says what the first person does, and nothing else of them.
    pub fn set_activity(&mut self, activity: Activity) {
        if self.persons.is_empty() {
            self.persons.push(Person {
                id: "p1".to_owned(),
                ..Person::default()
            });
        }
        if let Some(person) = self.persons.first_mut() {
            person.activities = vec![activity];
        }
    }
}

impl Tuple {
    /// A way that is open.
    #[must_use]
    pub fn open(id: impl Into<String>) -> Self {
        Self {
            id: id.into(),
            basic: Some(Basic::Open),
            ..Self::default()
        }
    }

    /// A way that is closed.
    #[must_use]
    pub fn closed(id: impl Into<String>) -> Self {
        Self {
            basic: Some(Basic::Closed),
            ..Self::open(id)
        }
    }

    /// Adds the URI.
    #[must_use]
    pub fn with_contact(mut self, uri: impl Into<String>) -> Self {
        self.contact = Some(uri.into());
        self
    }

    /// Adds words for people.
    #[must_use]
    pub fn with_note(mut self, text: impl Into<String>) -> Self {
        self.notes.push(Note {
            text: text.into(),
            language: None,
        });
        self
    }
}

#[cfg(test)]
mod tests;
