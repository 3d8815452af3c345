//! Wishes to the encoder of a video stream in the body of an INFO (RFC 5168).
//!
//! ```
//! use sip_core::body::media_control::MediaControl;
//!
//! let wish = MediaControl::picture_fast_update();
//! assert!(MediaControl::parse(wish.to_xml().as_bytes())?.wants_picture());
//! # Ok::<(), sip_core::body::xml::XmlError>(())
//! ```

use super::xml::{Builder, DECLARATION, Element, Wanted, XmlError, XmlErrorKind as Kind, escaped, read};
use core::fmt::{self, Write};

/// The type of the body, as it stands in `Content-Type`.
pub const CONTENT_TYPE: &str = "application/media_control+xml";
/// Most primitives, most streams of one, and most errors.
pub const MAX_ITEMS: usize = 16;

/// A document: what the encoder is asked to do, or why it cannot.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct MediaControl {
    /// What is asked for.
    pub primitives: Vec<Primitive>,
    /// Why something cannot be done, in words.
    pub errors: Vec<String>,
}

/// One wish.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Primitive {
    /// Whether a whole picture is to be sent now.
    pub picture_fast_update: bool,
    /// The streams that are meant, by the labels of their media lines; all, if none.
    pub streams: Vec<String>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Open {
    MediaControl,
    Primitive,
    ToEncoder,
    FastUpdate,
    StreamId,
    Error,
    Skipped,
}

#[derive(Default)]
struct Reader {
    open: Vec<Open>,
    control: MediaControl,
}

impl Builder for Reader {
    fn open(&mut self, element: &Element<'_>) -> Result<(), Kind> {
        let open = match (self.open.last(), element.name) {
            (None, "media_control") => Open::MediaControl,
            (None, _) => return Err(Kind::WrongDocument),
            (Some(Open::MediaControl), "vc_primitive") => Open::Primitive,
            (Some(Open::MediaControl), "general_error") => Open::Error,
            (Some(Open::Primitive), "to_encoder") => Open::ToEncoder,
            (Some(Open::Primitive), "stream_id") => Open::StreamId,
            (Some(Open::ToEncoder), "picture_fast_update") => Open::FastUpdate,
            _ => Open::Skipped,
        };
        if open == Open::Primitive {
            push(&mut self.control.primitives, Primitive::default())?;
        } else if open == Open::FastUpdate
            && let Some(primitive) = self.control.primitives.last_mut()
        {
            primitive.picture_fast_update = true;
        }
        self.open.push(open);
        Ok(())
    }

    fn wanted(&self) -> Wanted {
        match self.open.last() {
            Some(Open::StreamId | Open::Error) => Wanted::Line,
            Some(_) | None => Wanted::Nothing,
        }
    }

    fn close(&mut self, text: String) -> Result<(), Kind> {
        let open = self.open.pop().ok_or(Kind::Syntax)?;
        let text = text.trim().to_owned();
        match (open, self.control.primitives.last_mut()) {
            (Open::Error, _) => push(&mut self.control.errors, text),
            (Open::StreamId, Some(primitive)) => push(&mut primitive.streams, text),
            _ => Ok(()),
        }
    }
}

fn push<T>(all: &mut Vec<T>, one: T) -> Result<(), Kind> {
    if all.len() >= MAX_ITEMS {
        return Err(Kind::TooManyElements);
    }
    all.push(one);
    Ok(())
}

impl MediaControl {
    /// Asks for a whole picture on all video streams.
    #[must_use]
    pub fn picture_fast_update() -> Self {
        let primitive = Primitive {
            picture_fast_update: true,
            streams: Vec::new(),
        };
        Self {
            primitives: vec![primitive],
            errors: Vec::new(),
        }
    }

    /// Whether a whole picture is asked for.
    #[must_use]
    pub fn wants_picture(&self) -> bool {
        self.primitives.iter().any(|primitive| primitive.picture_fast_update)
    }

    /// Reads a document.
    ///
    /// # Errors
    ///
    /// [`XmlError`] if it is not a well-formed document of RFC 5168, or exceeds a limit.
    pub fn parse(document: &[u8]) -> Result<Self, XmlError> {
        let mut reader = Reader::default();
        read(document, &mut reader)?;
        Ok(reader.control)
    }

    /// The document as XML in UTF-8. Control characters become U+FFFD.
    #[must_use]
    pub fn to_xml(&self) -> String {
        let mut xml = String::with_capacity(256);
        // A String takes whatever is written to it.
        let _ = self.write_xml(&mut xml);
        xml
    }

    fn write_xml(&self, out: &mut String) -> fmt::Result {
        let tagged = |out: &mut String, name: &str, text: &str| {
            write!(out, "<{name}>")?;
            escaped(out, text)?;
            writeln!(out, "</{name}>")
        };
        out.write_str(DECLARATION)?;
        out.write_str("<media_control>\n")?;
        for primitive in &self.primitives {
            out.write_str("<vc_primitive>\n")?;
            if primitive.picture_fast_update {
                out.write_str("<to_encoder><picture_fast_update/></to_encoder>\n")?;
            }
            for stream in &primitive.streams {
                tagged(out, "stream_id", stream)?;
            }
            out.write_str("</vc_primitive>\n")?;
        }
        for error in &self.errors {
            tagged(out, "general_error", error)?;
        }
        out.write_str("</media_control>\n")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_phones_send() {
        let xml = "<?xml version=\"1.0\" encoding=\"utf-8\" ?>\r\n<media_control><vc_primitive><to_encoder>\
            <picture_fast_update></picture_fast_update></to_encoder><stream_id>video1</stream_id></vc_primitive></media_control>";
        let control = MediaControl::parse(xml.as_bytes()).unwrap();
        assert!(control.wants_picture());
        assert_eq!(control.primitives[0].streams, ["video1"]);
        assert_eq!(MediaControl::parse(control.to_xml().as_bytes()), Ok(control));
        let error = b"<media_control><general_error>no &lt;video&gt;</general_error></media_control>";
        assert_eq!(MediaControl::parse(error).unwrap().errors, ["no <video>"]);
        let stray = b"<media_control><to_encoder><picture_fast_update/></to_encoder></media_control>";
        assert!(!MediaControl::parse(stray).unwrap().wants_picture());
    }

    #[test]
    fn what_is_refused() {
        let kind = |xml: &str| MediaControl::parse(xml.as_bytes()).unwrap_err().kind;
        assert_eq!(kind(""), Kind::WrongDocument);
        assert_eq!(kind("<presence/>"), Kind::WrongDocument);
        assert_eq!(kind("<media_control>"), Kind::Syntax);
        let many = |count: usize| format!("<media_control>{}</media_control>", "<vc_primitive/>".repeat(count));
        assert!(MediaControl::parse(many(MAX_ITEMS).as_bytes()).is_ok());
        assert_eq!(kind(&many(MAX_ITEMS + 1)), Kind::TooManyElements);
    }
}
