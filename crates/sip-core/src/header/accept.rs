//! What the sender is willing to receive.

use super::contact::parse_q;
use super::content_type::{lex_media_type, write_media_type};
use super::{TypedHeader, parse_all, parse_list, write_list, write_token};
use crate::wire::{HeaderName, Params, ParseError};
use core::fmt;
use smol_str::SmolStr;

/// A media type or a range of them, with how much it is liked.
///
/// ```
/// use sip_core::header::MediaRange;
///
/// let any_text = MediaRange::new("text", "*");
/// assert!(any_text.covers("text/plain") && !any_text.covers("application/sdp"));
/// assert_eq!(any_text.q(), 1000);
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct MediaRange {
    /// The type, or `*`.
    pub kind: SmolStr,
    /// The subtype, or `*`.
    pub subtype: SmolStr,
    /// `q`, and those of the media type.
    pub params: Params,
}

impl MediaRange {
    /// A range without parameters.
    pub fn new(kind: &str, subtype: &str) -> Self {
        let [kind, subtype] = [kind, subtype].map(SmolStr::new);
        Self {
            kind,
            subtype,
            params: Params::new(),
        }
    }

    /// Whether `media_type`, as `type/subtype`, is within the range.
    pub fn covers(&self, media_type: &str) -> bool {
        let (kind, subtype) = media_type.split_once('/').unwrap_or((media_type, ""));
        (self.kind == "*" || self.kind.eq_ignore_ascii_case(kind))
            && (self.subtype == "*" || self.subtype.eq_ignore_ascii_case(subtype))
    }

    /// The preference in thousandths: 1000 if it does not say, 0 for what is refused.
    pub fn q(&self) -> u16 {
        q_of(&self.params)
    }

    /// 0 for `*/*`, 1 for `type/*`, 2 for one type.
    fn precision(&self) -> u8 {
        u8::from(self.kind != "*") + u8::from(self.subtype != "*")
    }
}

fn q_of(params: &Params) -> u16 {
    params.value("q").and_then(parse_q).unwrap_or(1000)
}

/// The bodies that one is willing to receive; none, if empty (RFC 3261 §20.1).
///
/// ```
/// use sip_core::header::{Accept, TypedHeader};
///
/// let accept = Accept::parse(b"application/sdp;level=1, application/x-private;q=0, text/*;q=0.5")?;
/// assert!(accept.allows("application/sdp") && accept.allows("text/plain"));
/// assert!(!accept.allows("application/x-private") && !accept.allows("image/png"));
/// assert_eq!(Accept::of(&["application/sdp", "message/sipfrag"]).0.len(), 2);
/// # Ok::<(), sip_core::ParseError>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Accept(pub Vec<MediaRange>);

impl Accept {
    /// The media types `types`, each as `type/subtype`.
    pub fn of(types: &[&str]) -> Self {
        let ranges = types.iter().map(|media_type| {
            let (kind, subtype) = media_type.split_once('/').unwrap_or((media_type, "*"));
            MediaRange::new(kind, subtype)
        });
        Self(ranges.collect())
    }

    /// Whether `media_type`, as `type/subtype`, may be sent: what the most precise range that covers it says.
    pub fn allows(&self, media_type: &str) -> bool {
        self.q(media_type) > 0
    }

    /// How much `media_type` is liked, in thousandths: 0 if it is refused or not listed.
    pub fn q(&self, media_type: &str) -> u16 {
        let covering = self.0.iter().filter(|range| range.covers(media_type));
        covering.max_by_key(|range| range.precision()).map_or(0, MediaRange::q)
    }
}

impl TypedHeader for Accept {
    const NAME: HeaderName = HeaderName::Accept;

    fn parse(value: &[u8]) -> Result<Self, ParseError> {
        let range = |item| {
            parse_all(item, |lexer| {
                let (kind, subtype, params) = lex_media_type(lexer)?;
                Ok(MediaRange { kind, subtype, params })
            })
        };
        parse_list(value, range).map(Self)
    }

    fn write(&self, out: &mut impl fmt::Write) -> fmt::Result {
        write_list(out, &self.0, |out, range| {
            write_media_type(out, &range.kind, &range.subtype, &range.params)
        })
    }
}

/// One of several things to choose from, with how much it is liked.
///
/// ```
/// use sip_core::header::{AcceptLanguage, TypedHeader};
///
/// let languages = AcceptLanguage::parse(b"da, en;q=0.7")?;
/// assert_eq!((languages.0[1].name.as_str(), languages.0[1].q()), ("en", 700));
/// # Ok::<(), sip_core::ParseError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Choice {
    /// What it is called; `*` stands for all that are not listed.
    pub name: SmolStr,
    /// `q` and others.
    pub params: Params,
}

impl Choice {
    /// A choice without parameters.
    pub fn new(name: &str) -> Self {
        Self {
            name: SmolStr::new(name),
            params: Params::new(),
        }
    }

    /// The preference in thousandths: 1000 if it does not say, 0 for what is refused.
    pub fn q(&self) -> u16 {
        q_of(&self.params)
    }
}

macro_rules! choices {
    ($($(#[$doc:meta])* $name:ident;)*) => {
        $(
            $(#[$doc])*
            #[derive(Clone, Debug, Default, PartialEq, Eq)]
            #[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
            pub struct $name(pub Vec<Choice>);

            impl TypedHeader for $name {
                const NAME: HeaderName = HeaderName::$name;

                fn parse(value: &[u8]) -> Result<Self, ParseError> {
                    let choice = |item| {
                        parse_all(item, |lexer| {
                            let name = SmolStr::new(lexer.token()?);
                            Ok(Choice { name, params: Params::lex(lexer)? })
                        })
                    };
                    parse_list(value, choice).map(Self)
                }

                fn write(&self, out: &mut impl fmt::Write) -> fmt::Result {
                    write_list(out, &self.0, |out, choice| {
                        write_token(out, &choice.name)?;
                        choice.params.write(out)
                    })
                }
            }
        )*
    };
}

choices! {
    /// The encodings of bodies that one is willing to receive; `identity` alone, if empty (RFC 3261 §20.2).
    ///
    /// ```
    /// use sip_core::header::{AcceptEncoding, TypedHeader};
    ///
    /// let encodings = AcceptEncoding::parse(b"gzip;q=0.5, identity")?;
    /// assert!(encodings.allows("identity") && encodings.allows("GZIP") && !encodings.allows("compress"));
    /// assert!(AcceptEncoding::parse(b"")?.allows("identity"));
    /// # Ok::<(), sip_core::ParseError>(())
    /// ```
    AcceptEncoding;
    /// The languages that one likes to read, best first by `q` (RFC 3261 §20.3).
    ///
    /// ```
    /// use sip_core::header::{AcceptLanguage, TypedHeader};
    ///
    /// let languages = AcceptLanguage::parse(b"da, en-gb;q=0.8, en;q=0.7")?;
    /// assert_eq!(languages.best_of(&["en", "en-gb", "fr"]), Some("en-gb"));
    /// assert_eq!(languages.best_of(&["fr"]), None);
    /// # Ok::<(), sip_core::ParseError>(())
    /// ```
    AcceptLanguage;
}

impl AcceptEncoding {
    /// Whether a body may come in `encoding`. `identity` may, unless it is refused.
    pub fn allows(&self, encoding: &str) -> bool {
        let named = |name: &str| self.0.iter().find(|choice| choice.name.eq_ignore_ascii_case(name));
        match named(encoding).or_else(|| named("*")) {
            Some(choice) => choice.q() > 0,
            None => encoding.eq_ignore_ascii_case("identity"),
        }
    }
}

impl AcceptLanguage {
    /// Of `offered`, the language that is liked best: a tag covers those that begin with it and a hyphen
    /// (RFC 4647 §3.3.1). `None` if none is liked.
    pub fn best_of<'a>(&self, offered: &[&'a str]) -> Option<&'a str> {
        let liked = offered.iter().rev().map(|language| (self.q(language), *language));
        liked
            .filter(|(q, _)| *q > 0)
            .max_by_key(|(q, _)| *q)
            .map(|(_, language)| language)
    }

    /// The preference of the longest tag that covers `language`.
    fn q(&self, language: &str) -> u16 {
        let covers = |range: &str| {
            range == "*"
                || language.split_at_checked(range.len()).is_some_and(|(front, rest)| {
                    front.eq_ignore_ascii_case(range) && (rest.is_empty() || rest.starts_with('-'))
                })
        };
        let covering = self.0.iter().filter(|choice| covers(&choice.name));
        covering.max_by_key(|choice| choice.name.len()).map_or(0, Choice::q)
    }
}
