//! Writing a document.

use core::fmt::{self, Write};

use super::{DialogElement, DialogInfo, NAMESPACE, Participant};
use crate::body::xml::{DECLARATION, attribute, escaped, escaped_lines, optional_attribute};

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
        out.write_str(DECLARATION)?;
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
        optional_attribute(out, "call-id", self.call_id.as_deref())?;
        optional_attribute(out, "local-tag", self.local_tag.as_deref())?;
        optional_attribute(out, "remote-tag", self.remote_tag.as_deref())?;
        optional_attribute(out, "direction", self.direction.map(super::Direction::as_str))?;
        out.write_str(">\n    <state")?;
        optional_attribute(out, "event", self.cause.map(super::Cause::as_str))?;
        if let Some(code) = self.code {
            write!(out, " code=\"{code}\"")?;
        }
        writeln!(out, ">{}</state>", self.state.as_str())?;
        if let Some(duration) = self.duration {
            writeln!(out, "    <duration>{duration}</duration>")?;
        }
        self.write_origin(out)?;
        for (name, participant) in [("local", &self.local), ("remote", &self.remote)] {
            if let Some(participant) = participant {
                participant.write_xml(out, name)?;
            }
        }
        out.write_str("  </dialog>\n")
    }

    /// What it replaces, who referred to it, and its way.
    fn write_origin(&self, out: &mut String) -> fmt::Result {
        if let Some(replaced) = &self.replaces {
            out.write_str("    <replaces")?;
            attribute(out, "call-id", &replaced.call_id)?;
            attribute(out, "local-tag", &replaced.local_tag)?;
            attribute(out, "remote-tag", &replaced.remote_tag)?;
            out.write_str("/>\n")?;
        }
        if let Some(referrer) = &self.referred_by {
            out.write_str("    <referred-by")?;
            optional_attribute(out, "display", referrer.display.as_deref())?;
            out.write_char('>')?;
            escaped(out, &referrer.uri)?;
            out.write_str("</referred-by>\n")?;
        }
        if self.route_set.is_empty() {
            return Ok(());
        }
        out.write_str("    <route-set>\n")?;
        for hop in &self.route_set {
            out.write_str("      <hop>")?;
            escaped(out, hop)?;
            out.write_str("</hop>\n")?;
        }
        out.write_str("    </route-set>\n")
    }
}

impl Participant {
    fn write_xml(&self, out: &mut String, name: &str) -> fmt::Result {
        write!(out, "    <{name}>\n      <identity")?;
        optional_attribute(out, "display", self.display.as_deref())?;
        out.write_char('>')?;
        escaped(out, &self.identity)?;
        out.write_str("</identity>\n")?;
        if let Some(target) = &self.target {
            out.write_str("      <target")?;
            attribute(out, "uri", target)?;
            if self.target_params.is_empty() {
                out.write_str("/>\n")?;
            } else {
                out.write_str(">\n")?;
                for (name, value) in &self.target_params {
                    out.write_str("        <param")?;
                    attribute(out, "pname", name)?;
                    attribute(out, "pval", value)?;
                    out.write_str("/>\n")?;
                }
                out.write_str("      </target>\n")?;
            }
        }
        if let Some(description) = &self.session_description {
            out.write_str("      <session-description")?;
            attribute(out, "type", &description.media_type)?;
            out.write_char('>')?;
            escaped_lines(out, &description.text)?;
            out.write_str("</session-description>\n")?;
        }
        if let Some(cseq) = self.cseq {
            writeln!(out, "      <cseq>{cseq}</cseq>")?;
        }
        writeln!(out, "    </{name}>")
    }
}
