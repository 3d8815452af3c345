use super::{Privacy, Reason, TypedHeader};
use crate::wire::{HeaderName, NameAddr, ParseError, Uri};
use core::fmt;
use core::str::FromStr;
use smallvec::SmallVec;

/// One stop of a request on its way: whom it was meant for, and how that came about (RFC 7044 §5).
///
/// Why the stop was left, and whether it may be told, stand in the URI's own headers `Reason` and `Privacy`.
///
/// ```
/// use sip_core::header::{HistoryInfo, Reason, Retarget, TypedHeader};
/// use sip_core::{StatusCode, Uri};
///
/// let value = br#"<sip:bob@192.0.2.3?Reason=SIP%3Bcause%3D302>;index=1.1;rc=1"#;
/// let stop = HistoryInfo::parse(value)?;
/// assert_eq!(stop.index(), "1.1".parse().ok());
/// assert_eq!(stop.retarget(), Some((Retarget::Contact, "1".parse().ok())));
/// assert_eq!(stop.reasons()[0].cause, Some(302));
///
/// let first = HistoryInfo::new(Uri::parse(b"sip:bob@example.com")?, &"1".parse().unwrap());
/// let next = stop.index().unwrap().sibling();
/// let desk = HistoryInfo::new(Uri::parse(b"sip:office@example.com")?, &next)
///     .with_retarget(Retarget::Mapped, first.index().as_ref())
///     .with_reason(&Reason::sip(StatusCode::BUSY_HERE));
/// assert_eq!(desk.index().unwrap().to_string(), "1.2");
/// assert_eq!(desk.reasons(), [Reason::sip(StatusCode::BUSY_HERE)]);
/// # Ok::<(), sip_core::ParseError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct HistoryInfo(pub NameAddr);

/// How a request came to its new target (RFC 7044 §5).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub enum Retarget {
    /// `rc`: to a registered contact of the user.
    Contact,
    /// `mp`: to another user.
    Mapped,
    /// `np`: to the next hop, without a change of target.
    Unchanged,
}

/// The place of an entry in the tree of forks: `1.2.1` (RFC 7044 §10.3).
///
/// ```
/// use sip_core::header::HistoryIndex;
///
/// let index: HistoryIndex = "1.2".parse()?;
/// assert_eq!((index.child(1).to_string(), index.sibling().to_string()), ("1.2.1".into(), "1.3".into()));
/// assert!(index < index.child(1) && index.child(1) < index.sibling());
/// # Ok::<(), sip_core::header::BadHistoryIndex>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct HistoryIndex(SmallVec<[u16; 8]>);

/// Not `1*DIGIT *( "." 1*DIGIT )`, or more than [`HistoryIndex::DEPTH`] numbers, or one that 16 bits do not hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("malformed index of a History-Info entry")]
pub struct BadHistoryIndex;

impl HistoryIndex {
    /// Most numbers in an index: as many as a request usually has hops.
    pub const DEPTH: usize = 70;

    /// The index of the first entry.
    pub fn first() -> Self {
        Self(SmallVec::from_slice(&[1]))
    }

    /// The index of the `number`th target, counted from 1, that an entry's request is sent on to.
    #[must_use]
    pub fn child(&self, number: u16) -> Self {
        let mut index = self.clone();
        if index.0.len() < Self::DEPTH {
            index.0.push(number);
        }
        index
    }

    /// The index of the next target of the same fork.
    #[must_use]
    pub fn sibling(&self) -> Self {
        let mut index = self.clone();
        if let Some(last) = index.0.last_mut() {
            *last = last.saturating_add(1);
        }
        index
    }

    /// The index of the entry that this one came from.
    pub fn parent(&self) -> Option<Self> {
        let (_, parent) = self.0.split_last()?;
        (!parent.is_empty()).then(|| Self(SmallVec::from_slice(parent)))
    }
}

impl FromStr for HistoryIndex {
    type Err = BadHistoryIndex;

    fn from_str(text: &str) -> Result<Self, BadHistoryIndex> {
        let mut numbers = SmallVec::new();
        for number in text.split('.') {
            if numbers.len() == Self::DEPTH || !number.bytes().all(|byte| byte.is_ascii_digit()) {
                return Err(BadHistoryIndex);
            }
            numbers.push(number.parse().map_err(|_| BadHistoryIndex)?);
        }
        Ok(Self(numbers))
    }
}

impl fmt::Display for HistoryIndex {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, number) in self.0.iter().enumerate() {
            write!(f, "{}{number}", if at == 0 { "" } else { "." })?;
        }
        Ok(())
    }
}

impl Retarget {
    const ALL: [Self; 3] = [Self::Contact, Self::Mapped, Self::Unchanged];

    /// The parameter's name.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Contact => "rc",
            Self::Mapped => "mp",
            Self::Unchanged => "np",
        }
    }
}

impl HistoryInfo {
    /// An entry at `index`.
    pub fn new(target: Uri, index: &HistoryIndex) -> Self {
        let mut address = NameAddr::new(target);
        address.params.set("index", Some(&index.to_string()));
        Self(address)
    }

    /// Adds how the request came here, and from which entry.
    #[must_use]
    pub fn with_retarget(mut self, retarget: Retarget, from: Option<&HistoryIndex>) -> Self {
        let from = from.map(ToString::to_string);
        self.0.params.set(retarget.as_str(), from.as_deref());
        self
    }

    /// Adds why the request went on from here: the final response, or what stands for it.
    #[must_use]
    pub fn with_reason(self, reason: &Reason) -> Self {
        self.with_uri_header("Reason", reason)
    }

    /// Adds that the entry must not be told (`history`), or may be (`none`).
    #[must_use]
    pub fn with_privacy(self, privacy: &Privacy) -> Self {
        self.with_uri_header("Privacy", privacy)
    }

    fn with_uri_header(self, name: &str, header: &impl TypedHeader) -> Self {
        let mut value = String::new();
        // A String takes whatever is written to it.
        let _ = header.write(&mut value);
        let NameAddr { display, uri, params } = self.0;
        let uri = uri.with_header(name, &value);
        Self(NameAddr { display, uri, params })
    }

    /// The place in the tree of forks. `None` if absent or malformed.
    pub fn index(&self) -> Option<HistoryIndex> {
        self.0.params.value("index")?.parse().ok()
    }

    /// How the request came here, and the index of the entry that it came from.
    pub fn retarget(&self) -> Option<(Retarget, Option<HistoryIndex>)> {
        Retarget::ALL.into_iter().find_map(|retarget| {
            let from = self.0.params.get(retarget.as_str())?;
            Some((retarget, from.and_then(|index| index.parse().ok())))
        })
    }

    /// Why the request went on from here; malformed ones left out.
    pub fn reasons(&self) -> Vec<Reason> {
        let value = self.0.uri.header("Reason").unwrap_or_default();
        let items = crate::wire::lexer::split_list(value.as_bytes()).take(crate::Limits::VALUES);
        items.filter_map(|item| Reason::parse(item).ok()).collect()
    }

    /// What must not be told of the entry. `None` if absent or malformed.
    pub fn privacy(&self) -> Option<Privacy> {
        Privacy::parse(self.0.uri.header("Privacy")?.as_bytes()).ok()
    }
}

impl TypedHeader for HistoryInfo {
    const NAME: HeaderName = HeaderName::HistoryInfo;
    const LIST: bool = true;

    fn parse(value: &[u8]) -> Result<Self, ParseError> {
        NameAddr::parse(value).map(Self)
    }

    fn write(&self, out: &mut impl fmt::Write) -> fmt::Result {
        self.0.write(out)
    }
}
