//! What an INFO says: a packet of an Info Package (RFC 6086), or what phones send without any, above all digits.
//!
//! ```
//! use sip_core::Message;
//! use sip_core::dialog::info::Info;
//!
//! let text = "INFO sip:bob@192.0.2.2 SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bK1\r\n\
//!     From: <sip:alice@example.com>;tag=a\r\nTo: <sip:bob@example.com>;tag=b\r\nCall-ID: 1\r\nCSeq: 7 INFO\r\n\
//!     Content-Type: application/dtmf-relay\r\nContent-Length: 22\r\n\r\nSignal=5\r\nDuration=160";
//! let Ok(Message::Request(request)) = Message::parse(text.into()) else { unreachable!() };
//! let Info::Dtmf(key) = Info::read(&request) else { unreachable!() };
//! assert_eq!((key.signal.as_char(), key.duration_ms), ('5', Some(160)));
//! ```

use bytes::Bytes;

use crate::body::dtmf::{self, Dtmf};
use crate::body::media_control::{self, MediaControl};
use crate::header::{InfoPackage, TypedHeader};
use crate::{Body, HeaderName, Request};

/// The content of an INFO.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Info {
    /// A packet of an Info Package.
    Package {
        /// The package with its parameters.
        package: InfoPackage,
        /// What it brings.
        body: Option<Body>,
    },
    /// A key, without package: `application/dtmf-relay` or `application/dtmf`.
    Dtmf(Dtmf),
    /// A wish to the encoder of a picture, above all for a whole one (RFC 5168).
    MediaControl(MediaControl),
    /// Nothing: a question whether we are there (RFC 6086 §4.2.2).
    Empty,
    /// Another body without package. If it means nothing to the embedder, 415 is due.
    Other(Body),
    /// The body is of one of these types and cannot be read, or the header `Info-Package` cannot: 400 is due.
    Malformed,
}

impl Info {
    /// Reads an INFO. The limits are those of the bodies.
    #[must_use]
    pub fn read(request: &Request) -> Self {
        let headers = request.headers();
        let content_type = headers.get(&HeaderName::ContentType).unwrap_or_default();
        let body = (!request.body().is_empty())
            .then(|| Body::new(Bytes::copy_from_slice(content_type), request.body().clone()));
        if let Some(package) = headers.get(&HeaderName::InfoPackage) {
            return InfoPackage::parse(package).map_or(Self::Malformed, |package| Self::Package { package, body });
        }
        let Some(body) = body else { return Self::Empty };
        let name = content_type.split(|&byte| byte == b';').next().unwrap_or_default();
        let is = |known: &&str| name.trim_ascii().eq_ignore_ascii_case(known.as_bytes());
        if let Some(known) = [dtmf::RELAY, dtmf::PLAIN].iter().find(|known| is(known)) {
            Dtmf::parse(known, &body.data).map_or(Self::Malformed, Self::Dtmf)
        } else if is(&media_control::CONTENT_TYPE) {
            MediaControl::parse(&body.data).map_or(Self::Malformed, Self::MediaControl)
        } else {
            Self::Other(body)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Message;

    fn info(more: &str, body: &str) -> Info {
        let text = format!(
            "INFO sip:b@h SIP/2.0\r\nVia: SIP/2.0/UDP h;branch=z9hG4bK1\r\nFrom: <sip:a@h>;tag=a\r\nTo: <sip:b@h>;tag=b\r\n\
             Call-ID: 1\r\nCSeq: 7 INFO\r\n{more}Content-Length: {}\r\n\r\n{body}",
            body.len()
        );
        let Ok(Message::Request(request)) = Message::parse(text.into()) else {
            unreachable!()
        };
        Info::read(&request)
    }

    #[test]
    fn each_kind_is_told_from_the_others() {
        let key = |info| {
            let Info::Dtmf(key) = info else { return None };
            Some(key.signal.as_char())
        };
        assert_eq!(
            key(info("Content-Type: application/dtmf-relay\r\n", "Signal=5")),
            Some('5')
        );
        assert_eq!(
            key(info("Content-Type: Application/DTMF ; charset=x\r\n", "#")),
            Some('#')
        );
        let picture = MediaControl::picture_fast_update().to_xml();
        let wish = info("Content-Type: application/media_control+xml\r\n", &picture);
        assert!(matches!(wish, Info::MediaControl(control) if control.wants_picture()));
        for (name, body) in [("dtmf-relay", "Signal=x"), ("dtmf", "55"), ("media_control+xml", "<a")] {
            let broken = info(&format!("Content-Type: application/{name}\r\n"), body);
            assert_eq!(broken, Info::Malformed, "{name}");
        }
        assert_eq!(info("", ""), Info::Empty);
        assert!(matches!(info("Content-Type: text/plain\r\n", "x"), Info::Other(_)));
        assert_eq!(info("Info-Package: \r\n", ""), Info::Malformed);
        // A package speaks for its body, whatever the body's type.
        let Info::Package { package, body: Some(_) } =
            info("Info-Package: x;v=2\r\nContent-Type: application/dtmf\r\n", "5")
        else {
            unreachable!()
        };
        assert_eq!((&package.name[..], package.params.value("v")), ("x", Some("2")));
    }
}
