//! Package `message-summary`: what waits in a mailbox (RFC 3842).
//!
//! ```
//! use sip_core::event::message_summary::{Counts, MessageClass, MessageSummary};
//!
//! let mut mailbox = MessageSummary::new("sip:alice@vmail.example.com");
//! mailbox.set(MessageClass::Voice, Counts::new(2, 8).with_urgent(0, 2));
//! assert!(mailbox.waiting);
//! assert_eq!(
//!     mailbox.to_body(),
//!     "Messages-Waiting: yes\r\nMessage-Account: sip:alice@vmail.example.com\r\nVoice-Message: 2/8 (0/2)\r\n"
//! );
//! assert_eq!(MessageSummary::parse(mailbox.to_body().as_bytes()), Ok(mailbox));
//! ```

use crate::wire::lexer::{decode_text, is_token_byte, trim};
use core::fmt::{self, Write};

/// The type of the body, as it stands in `Content-Type`.
pub const CONTENT_TYPE: &str = "application/simple-message-summary";

/// Most octets of a body that is read.
pub const MAX_SUMMARY: usize = 64 * 1024;
/// Most classes of messages in a body.
pub const MAX_CLASSES: usize = 16;
/// Most messages that are described one by one.
pub const MAX_MESSAGES: usize = 256;
/// Most headers of one described message.
pub const MAX_HEADERS: usize = 32;

/// What waits in a mailbox.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct MessageSummary {
    /// Whether anything new waits: the lamp.
    pub waiting: bool,
    /// The URI of the mailbox, to be called to listen.
    pub account: Option<String>,
    /// How many of each class, each class once.
    pub counts: Vec<(MessageClass, Counts)>,
    /// Headers of single messages, such as From, Date and Message-ID.
    pub messages: Vec<Vec<(String, String)>>,
}

/// A kind of messages (RFC 3458 §6.2, RFC 3842 §5.2).
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[non_exhaustive]
pub enum MessageClass {
    /// `Voice-Message`.
    Voice,
    /// `Fax-Message`.
    Fax,
    /// `Pager-Message`.
    Pager,
    /// `Multimedia-Message`.
    Multimedia,
    /// `Text-Message`.
    Text,
    /// Those that are of no other kind: `None`.
    None,
    /// Any other class, by its header's name.
    Other(String),
}

/// How many messages of one class there are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Counts {
    /// Not listened to yet.
    pub new: u32,
    /// Listened to.
    pub old: u32,
    /// Of these, how many are urgent: new and old.
    pub urgent: Option<(u32, u32)>,
}

/// Why a body is no message summary.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SummaryError {
    /// Longer than [`MAX_SUMMARY`].
    #[error("message summary too long")]
    TooLong,
    /// It does not begin with `Messages-Waiting`, or that is neither `yes` nor `no`.
    #[error("no Messages-Waiting line")]
    NoStatus,
    /// A line without a name and a colon.
    #[error("malformed line")]
    BadLine,
    /// Not `new/old` or `new/old (urgent-new/urgent-old)`, each below 2^32.
    #[error("malformed counts")]
    BadCounts,
    /// More than [`MAX_CLASSES`].
    #[error("too many classes of messages")]
    TooManyClasses,
    /// More than [`MAX_MESSAGES`], or [`MAX_HEADERS`] in one of them.
    #[error("too many messages")]
    TooManyMessages,
}

impl MessageClass {
    const KNOWN: [Self; 6] = [
        Self::Voice,
        Self::Fax,
        Self::Pager,
        Self::Multimedia,
        Self::Text,
        Self::None,
    ];

    /// The name of its line.
    #[must_use]
    pub fn as_str(&self) -> &str {
        match self {
            Self::Voice => "Voice-Message",
            Self::Fax => "Fax-Message",
            Self::Pager => "Pager-Message",
            Self::Multimedia => "Multimedia-Message",
            Self::Text => "Text-Message",
            Self::None => "None",
            Self::Other(name) => name,
        }
    }

    fn from_name(name: &str) -> Self {
        let found = Self::KNOWN
            .into_iter()
            .find(|class| class.as_str().eq_ignore_ascii_case(name));
        found.unwrap_or_else(|| Self::Other(name.to_owned()))
    }
}

impl Counts {
    /// Counts without a word on urgent ones.
    #[must_use]
    pub const fn new(new: u32, old: u32) -> Self {
        Self { new, old, urgent: None }
    }

    /// Adds how many of them are urgent.
    #[must_use]
    pub const fn with_urgent(mut self, new: u32, old: u32) -> Self {
        self.urgent = Some((new, old));
        self
    }

    /// `4/8 (1/2)`
    fn parse(text: &str) -> Option<Self> {
        let pair = |text: &str| {
            let (new, old) = text.split_once('/')?;
            Some((number(new.trim())?, number(old.trim())?))
        };
        let (all, rest) = text.split_once('(').unwrap_or((text, ""));
        let (new, old) = pair(all)?;
        let urgent = match rest.trim() {
            "" if !text.contains('(') => None,
            rest => Some(pair(rest.strip_suffix(')')?)?),
        };
        Some(Self { new, old, urgent })
    }
}

fn number(text: &str) -> Option<u32> {
    text.bytes()
        .all(|byte| byte.is_ascii_digit())
        .then(|| text.parse().ok())?
}

impl MessageSummary {
    /// An empty mailbox.
    #[must_use]
    pub fn new(account: impl Into<String>) -> Self {
        Self {
            account: Some(account.into()),
            ..Self::default()
        }
    }

    /// How many messages of `class` there are, if the mailbox says.
    #[must_use]
    pub fn counts_of(&self, class: &MessageClass) -> Option<Counts> {
        let found = self.counts.iter().find(|(other, _)| other == class);
        found.map(|(_, counts)| *counts)
    }

    /// Sets how many messages of `class` there are, and [`waiting`](Self::waiting) by whether any class has new ones.
    pub fn set(&mut self, class: MessageClass, counts: Counts) {
        match self.counts.iter_mut().find(|(other, _)| *other == class) {
            Some((_, old)) => *old = counts,
            None => self.counts.push((class, counts)),
        }
        self.waiting = self.counts.iter().any(|(_, counts)| counts.new > 0);
    }

    /// The body of a NOTIFY. What cannot stand in a name becomes `-`, control characters in a value spaces.
    #[must_use]
    pub fn to_body(&self) -> String {
        let mut body = String::with_capacity(128);
        // A String takes whatever is written to it.
        let _ = self.write(&mut body);
        body
    }

    fn write(&self, out: &mut String) -> fmt::Result {
        write_line(out, "Messages-Waiting", if self.waiting { "yes" } else { "no" })?;
        if let Some(account) = &self.account {
            write_line(out, "Message-Account", account)?;
        }
        for (class, counts) in &self.counts {
            let mut value = format!("{}/{}", counts.new, counts.old);
            if let Some((new, old)) = counts.urgent {
                write!(value, " ({new}/{old})")?;
            }
            write_line(out, class.as_str(), &value)?;
        }
        for message in self.messages.iter().filter(|message| !message.is_empty()) {
            out.write_str("\r\n")?;
            for (name, value) in message {
                write_line(out, name, value)?;
            }
        }
        Ok(())
    }

    /// Reads the body of a NOTIFY. Lines may end in a bare line feed; a value may go on in a line that begins with white
    /// space. What is not UTF-8 is read as Latin-1.
    ///
    /// # Errors
    ///
    /// The first fault, see [`SummaryError`].
    pub fn parse(body: &[u8]) -> Result<Self, SummaryError> {
        if body.len() > MAX_SUMMARY {
            return Err(SummaryError::TooLong);
        }
        let mut lines = unfolded(body).into_iter();
        let status = lines.next().ok_or(SummaryError::NoStatus)?;
        let waiting = match split(&status) {
            Ok((name, value)) if name.eq_ignore_ascii_case("Messages-Waiting") => {
                read_status(value).ok_or(SummaryError::NoStatus)?
            }
            _ => return Err(SummaryError::NoStatus),
        };
        let mut summary = Self {
            waiting,
            ..Self::default()
        };
        let mut in_messages = false;
        let mut begin = true;
        for line in lines {
            if line.is_empty() {
                in_messages = true;
                begin = true;
            } else if in_messages {
                summary.add_header(&line, begin)?;
                begin = false;
            } else {
                summary.add_line(&line)?;
            }
        }
        Ok(summary)
    }

    fn add_line(&mut self, line: &str) -> Result<(), SummaryError> {
        let (name, value) = split(line)?;
        if name.eq_ignore_ascii_case("Message-Account") {
            self.account = Some(value.to_owned());
            return Ok(());
        }
        let class = MessageClass::from_name(name);
        let counts = match Counts::parse(value) {
            Some(counts) => counts,
            // Extensions that are not counts are passed over.
            None if matches!(class, MessageClass::Other(_)) => return Ok(()),
            None => return Err(SummaryError::BadCounts),
        };
        if let Some((_, old)) = self.counts.iter_mut().find(|(other, _)| *other == class) {
            *old = counts;
        } else if self.counts.len() == MAX_CLASSES {
            return Err(SummaryError::TooManyClasses);
        } else {
            self.counts.push((class, counts));
        }
        Ok(())
    }

    fn add_header(&mut self, line: &str, begin: bool) -> Result<(), SummaryError> {
        let (name, value) = split(line)?;
        if begin {
            if self.messages.len() == MAX_MESSAGES {
                return Err(SummaryError::TooManyMessages);
            }
            self.messages.push(Vec::new());
        }
        let Some(message) = self.messages.last_mut() else {
            return Ok(());
        };
        if message.len() == MAX_HEADERS {
            return Err(SummaryError::TooManyMessages);
        }
        message.push((name.to_owned(), value.to_owned()));
        Ok(())
    }
}

/// The lines of a body, each with those that go on with it; trimmed, control characters as spaces.
fn unfolded(body: &[u8]) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for raw in body.split(|byte| *byte == b'\n') {
        let text = decode_text(trim(raw));
        let text: String = text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
        let goes_on = matches!(raw.first(), Some(b' ' | b'\t')) && !text.is_empty();
        match lines.last_mut() {
            Some(last) if goes_on && !last.is_empty() => {
                last.push(' ');
                last.push_str(&text);
            }
            _ => lines.push(text),
        }
    }
    lines
}

fn split(line: &str) -> Result<(&str, &str), SummaryError> {
    let (name, value) = line.split_once(':').ok_or(SummaryError::BadLine)?;
    let name = name.trim();
    if name.is_empty() || !name.bytes().all(is_token_byte) {
        return Err(SummaryError::BadLine);
    }
    Ok((name, value.trim()))
}

fn read_status(value: &str) -> Option<bool> {
    let waiting = value.eq_ignore_ascii_case("yes");
    (waiting || value.eq_ignore_ascii_case("no")).then_some(waiting)
}

fn write_line(out: &mut String, name: &str, value: &str) -> fmt::Result {
    let name = if name.is_empty() { "-" } else { name };
    let is_token = |c: char| u8::try_from(c).is_ok_and(|byte| c.is_ascii() && is_token_byte(byte));
    out.extend(name.chars().map(|c| if is_token(c) { c } else { '-' }));
    out.write_str(": ")?;
    let value: String = value.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    out.write_str(value.trim())?;
    out.write_str("\r\n")
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// The examples of RFC 3842, sections 3.7 and 5.2.
    #[test]
    fn what_servers_send() {
        let body = "Messages-Waiting: yes\r\nMessage-Account: sip:alice@vmail.example.com\r\nVoice-Message: 4/8 (1/2)\r\n\r\n\
            To: <alice@atlanta.example.com>\r\nFrom: <bob@biloxi.example.com>\r\nSubject: carpool tomorrow?\r\n\
            Message-ID: 13784434989@vmail.example.com\r\n\r\nTo: <alice@example.com>\r\nFrom: <cathy@example.com>\r\n";
        let summary = MessageSummary::parse(body.as_bytes()).unwrap();
        assert_eq!(
            summary.counts_of(&MessageClass::Voice),
            Some(Counts::new(4, 8).with_urgent(1, 2))
        );
        assert_eq!((summary.messages.len(), summary.messages[0].len()), (2, 4));
        assert_eq!(summary.to_body(), body);
    }

    #[test]
    fn what_is_read_without_complaint() {
        let sloppy = b"messages-waiting:NO\nvoice-message : 0/0(0/0)\nX-Extra: anything\nFAX-Message: 1/\n 2\n\n";
        let summary = MessageSummary::parse(sloppy).unwrap();
        assert!(!summary.waiting);
        assert_eq!(
            summary.counts_of(&MessageClass::Voice),
            Some(Counts::new(0, 0).with_urgent(0, 0))
        );
        assert_eq!(summary.counts_of(&MessageClass::Fax), Some(Counts::new(1, 2)));
        assert_eq!(summary.counts.len(), 2);
        assert_eq!(
            MessageSummary::parse(b"Messages-Waiting: yes").map(|summary| summary.waiting),
            Ok(true)
        );
    }

    #[test]
    fn what_is_refused() {
        use SummaryError::{BadCounts, BadLine, NoStatus};
        for (body, error) in [
            ("", NoStatus),
            ("\r\nMessages-Waiting: yes\r\n", NoStatus),
            ("Voice-Message: 1/0\r\n", NoStatus),
            ("Messages-Waiting: maybe\r\n", NoStatus),
            ("Messages-Waiting: yes\r\nVoice\r\n", BadLine),
            ("Messages-Waiting: yes\r\n: 1/0\r\n", BadLine),
            ("Messages-Waiting: yes\r\nVoice-Message: 1\r\n", BadCounts),
            ("Messages-Waiting: yes\r\nVoice-Message: -1/0\r\n", BadCounts),
            ("Messages-Waiting: yes\r\nVoice-Message: +1/0\r\n", BadCounts),
            ("Messages-Waiting: yes\r\nVoice-Message: 4294967296/0\r\n", BadCounts),
            ("Messages-Waiting: yes\r\nVoice-Message: 1/0 (1/0\r\n", BadCounts),
            ("Messages-Waiting: yes\r\nVoice-Message: 1/0 ()\r\n", BadCounts),
            ("Messages-Waiting: yes\r\n\r\nno colon\r\n", BadLine),
        ] {
            assert_eq!(MessageSummary::parse(body.as_bytes()), Err(error), "{body:?}");
        }
    }

    #[test]
    fn each_limit_and_one_past() {
        let head = "Messages-Waiting: no\r\n";
        let read = |body: String| MessageSummary::parse(body.as_bytes()).err();
        let classes = |count: usize| -> String { (0..count).map(|class| format!("X-{class}: 1/0\r\n")).collect() };
        assert_eq!(read(format!("{head}{}", classes(MAX_CLASSES))), None);
        assert_eq!(
            read(format!("{head}{}", classes(MAX_CLASSES + 1))),
            Some(SummaryError::TooManyClasses)
        );
        let messages = |count: usize| format!("{head}{}", "\r\nFrom: a\r\n".repeat(count));
        assert_eq!(read(messages(MAX_MESSAGES)), None);
        assert_eq!(read(messages(MAX_MESSAGES + 1)), Some(SummaryError::TooManyMessages));
        let headers = |count: usize| format!("{head}\r\n{}", "From: a\r\n".repeat(count));
        assert_eq!(read(headers(MAX_HEADERS)), None);
        assert_eq!(read(headers(MAX_HEADERS + 1)), Some(SummaryError::TooManyMessages));
        let long = |length: usize| format!("{head}X: {}", "x".repeat(length - head.len() - 3));
        assert_eq!(read(long(MAX_SUMMARY)), None);
        assert_eq!(read(long(MAX_SUMMARY + 1)), Some(SummaryError::TooLong));
    }

    #[test]
    fn nothing_breaks_out_of_its_line() {
        let mut summary = MessageSummary::new("sip:a@b\r\nVoice-Message: 9/9");
        summary.set(MessageClass::Other("X\r\nY".into()), Counts::new(1, 0));
        let read = MessageSummary::parse(summary.to_body().as_bytes()).unwrap();
        assert_eq!(read.counts, [(MessageClass::Other("X--Y".into()), Counts::new(1, 0))]);
    }

    proptest! {
        #[test]
        fn reads_what_it_writes(
            account in "[ -~äß]{1,40}",
            counts in prop::collection::vec((any::<u32>(), any::<u32>(), any::<Option<(u32, u32)>>()), 0..6),
            messages in prop::collection::vec(prop::collection::vec(("[A-Za-z-]{1,8}", "[ -~]{0,20}"), 1..4), 0..4),
        ) {
            let mut summary = MessageSummary::new(account.trim());
            for (class, (new, old, urgent)) in MessageClass::KNOWN.into_iter().zip(counts) {
                summary.set(class, Counts { new, old, urgent });
            }
            let trimmed = |message: Vec<(String, String)>| -> Vec<(String, String)> {
                message.into_iter().map(|(name, value)| (name, value.trim().to_owned())).collect()
            };
            summary.messages = messages.into_iter().map(trimmed).collect();
            prop_assert_eq!(MessageSummary::parse(summary.to_body().as_bytes()), Ok(summary));
        }

        #[test]
        fn any_bytes(body in prop::collection::vec(any::<u8>(), 0..200)) {
            crate::event::fuzz::message_summary(&body);
            crate::event::fuzz::message_summary(&[b"Messages-Waiting: no\n", body.as_slice()].concat());
        }
    }
}
