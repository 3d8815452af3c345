//! Writing a document.

use core::fmt::{self, Write};

use super::{DialogElement, DialogInfo, NAMESPACE, Participant, masked};

impl DialogInfo {
    /// The document as XML in UTF-8.
    ///
    /// Markup is escaped; control characters become U+FFFD, since XML cannot carry them.
    #[must_use]
    pub fn to_xml(&self) -> String {
        let mut xml = String::with_capacity(256 + self.dialogs.len() * 384);
        // A String takes whatever is written to it.
        let _ = self.write_xml(&mut xml);
        xml
    }

    fn write_xml(&self, out: &mut String) -> fmt::Result {
        out.write_str("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n")?;
        write!(out, "<dialog-info xmlns=\"{NAMESPACE}\" version=\"{}\"", self.version)?;
        attribute(out, "state", self.state.as_str())?;
        attribute(out, "entity", &self.entity)?;
        out.write_str(">\n")?;
        for dialog in &self.dialogs {
            dialog.write_xml(out)?;
        }
        out.write_str("</dialog-info>\n")
    }
}

impl DialogElement {
    fn write_xml(&self, out: &mut String) -> fmt::Result {
        out.write_str("  <dialog")?;
        attribute(out, "id", &self.id)?;
        for (name, value) in [
            ("call-id", &self.call_id),
            ("local-tag", &self.local_tag),
            ("remote-tag", &self.remote_tag),
        ] {
            if let Some(value) = value {
                attribute(out, name, value)?;
            }
        }
        if let Some(direction) = self.direction {
            attribute(out, "direction", direction.as_str())?;
        }
        out.write_str(">\n    <state")?;
        if let Some(cause) = self.cause {
            attribute(out, "event", cause.as_str())?;
        }
        if let Some(code) = self.code {
            write!(out, " code=\"{code}\"")?;
        }
        writeln!(out, ">{}</state>", self.state.as_str())?;
        if let Some(duration) = self.duration {
            writeln!(out, "    <duration>{duration}</duration>")?;
        }
        for (name, participant) in [("local", &self.local), ("remote", &self.remote)] {
            if let Some(participant) = participant {
                participant.write_xml(out, name)?;
            }
        }
        out.write_str("  </dialog>\n")
    }
}

impl Participant {
    fn write_xml(&self, out: &mut String, name: &str) -> fmt::Result {
        write!(out, "    <{name}>\n      <identity")?;
        if let Some(display) = &self.display {
            attribute(out, "display", display)?;
        }
        out.write_char('>')?;
        escaped(out, &self.identity)?;
        out.write_str("</identity>\n")?;
        if let Some(target) = &self.target {
            out.write_str("      <target")?;
            attribute(out, "uri", target)?;
            out.write_str("/>\n")?;
        }
        writeln!(out, "    </{name}>")
    }
}

fn attribute(out: &mut String, name: &str, value: &str) -> fmt::Result {
    write!(out, " {name}=\"")?;
    escaped(out, value)?;
    out.write_char('"')
}

fn escaped(out: &mut String, text: &str) -> fmt::Result {
    for c in text.chars() {
        match masked(c) {
            '<' => out.write_str("&lt;")?,
            '>' => out.write_str("&gt;")?,
            '&' => out.write_str("&amp;")?,
            '"' => out.write_str("&quot;")?,
            '\'' => out.write_str("&apos;")?,
            plain => out.write_char(plain)?,
        }
    }
    Ok(())
}
