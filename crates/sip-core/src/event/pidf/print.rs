//! Writing a document.

use core::fmt::{self, Write};

use super::{Activity, DATA_MODEL, NAMESPACE, Note, Person, Presence, RPID, Tuple};
use crate::body::xml::{DECLARATION, attribute, escaped, optional_attribute};

impl Presence {
    /// The document as XML in UTF-8.
    ///
    /// Markup is escaped; control characters become U+FFFD, since XML cannot carry them.
    #[must_use]
    pub fn to_xml(&self) -> String {
        let mut xml = String::with_capacity(512);
        // A String takes whatever is written to it.
        let _ = self.write_xml(&mut xml);
        xml
    }

    fn write_xml(&self, out: &mut String) -> fmt::Result {
        out.write_str(DECLARATION)?;
        write!(out, "<presence xmlns=\"{NAMESPACE}\"")?;
        if !self.persons.is_empty() {
            write!(out, " xmlns:dm=\"{DATA_MODEL}\" xmlns:rpid=\"{RPID}\"")?;
        }
        attribute(out, "entity", &self.entity)?;
        out.write_str(">\n")?;
        self.tuples.iter().try_for_each(|tuple| tuple.write_xml(out))?;
        self.notes.iter().try_for_each(|note| note.write_xml(out, "note"))?;
        self.persons.iter().try_for_each(|person| person.write_xml(out))?;
        out.write_str("</presence>\n")
    }
}

impl Tuple {
    fn write_xml(&self, out: &mut String) -> fmt::Result {
        out.write_str("<tuple")?;
        attribute(out, "id", &self.id)?;
        out.write_str("><status>")?;
        if let Some(basic) = self.basic {
            write!(out, "<basic>{}</basic>", basic.as_str())?;
        }
        out.write_str("</status>\n")?;
        if let Some(contact) = &self.contact {
            out.write_str("<contact")?;
            if let Some(priority) = self.priority.map(|priority| priority.min(1000)) {
                write!(out, " priority=\"{}.{:03}\"", priority / 1000, priority % 1000)?;
            }
            out.write_char('>')?;
            escaped(out, contact)?;
            out.write_str("</contact>\n")?;
        }
        self.notes.iter().try_for_each(|note| note.write_xml(out, "note"))?;
        if let Some(timestamp) = &self.timestamp {
            out.write_str("<timestamp>")?;
            escaped(out, timestamp)?;
            out.write_str("</timestamp>\n")?;
        }
        out.write_str("</tuple>\n")
    }
}

impl Note {
    fn write_xml(&self, out: &mut String, name: &str) -> fmt::Result {
        write!(out, "<{name}")?;
        optional_attribute(out, "xml:lang", self.language.as_deref())?;
        out.write_char('>')?;
        escaped(out, &self.text)?;
        writeln!(out, "</{name}>")
    }
}

impl Person {
    fn write_xml(&self, out: &mut String) -> fmt::Result {
        out.write_str("<dm:person")?;
        attribute(out, "id", &self.id)?;
        out.write_str(">\n")?;
        if !self.activities.is_empty() {
            out.write_str("<rpid:activities>")?;
            for activity in &self.activities {
                if let Activity::Other(words) = activity {
                    out.write_str("<rpid:other>")?;
                    escaped(out, words)?;
                    out.write_str("</rpid:other>")?;
                } else {
                    write!(out, "<rpid:{}/>", activity.as_str())?;
                }
            }
            out.write_str("</rpid:activities>\n")?;
        }
        self.notes.iter().try_for_each(|note| note.write_xml(out, "dm:note"))?;
        out.write_str("</dm:person>\n")
    }
}
