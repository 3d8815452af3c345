use super::{TypedHeader, parse_all, parse_list, write_list, write_token};
use crate::wire::lexer::Lexer;
use crate::wire::{HeaderName, Params, ParseError};
use core::fmt;
use smol_str::SmolStr;

/// What an INFO is about (RFC 6086 §8.1).
///
/// ```
/// use sip_core::header::{InfoPackage, TypedHeader};
///
/// let package = InfoPackage::parse(b"infoDtmf;x=1")?;
/// assert_eq!((package.name.as_str(), package.params.value("x")), ("infoDtmf", Some("1")));
/// # Ok::<(), sip_core::ParseError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct InfoPackage {
    /// The package.
    pub name: SmolStr,
    /// Its parameters.
    pub params: Params,
}

impl InfoPackage {
    /// A package without parameters.
    pub fn new(name: &str) -> Self {
        Self {
            name: SmolStr::new(name),
            params: Params::new(),
        }
    }

    fn lex(lexer: &mut Lexer<'_>) -> Result<Self, ParseError> {
        let name = SmolStr::new(lexer.token()?);
        Ok(Self {
            name,
            params: Params::lex(lexer)?,
        })
    }
}

impl TypedHeader for InfoPackage {
    const NAME: HeaderName = HeaderName::InfoPackage;

    fn parse(value: &[u8]) -> Result<Self, ParseError> {
        parse_all(value, Self::lex)
    }

    fn write(&self, out: &mut impl fmt::Write) -> fmt::Result {
        write_token(out, &self.name)?;
        self.params.write(out)
    }
}

/// The packages of INFO that one is willing to receive; none, if empty (RFC 6086 §8.2).
///
/// ```
/// use sip_core::header::{RecvInfo, TypedHeader};
///
/// let willing = RecvInfo::parse(b"infoDtmf, trunk-group;v=2")?;
/// assert!(willing.contains("infodtmf") && !willing.contains("conference"));
/// assert_eq!(RecvInfo::parse(b"")?, RecvInfo::default());
/// # Ok::<(), sip_core::ParseError>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct RecvInfo(pub Vec<InfoPackage>);

impl RecvInfo {
    /// The packages called `names`, without parameters.
    pub fn of(names: &[&str]) -> Self {
        Self(names.iter().copied().map(InfoPackage::new).collect())
    }

    /// Whether the package `name` is in the list, without regard to case.
    pub fn contains(&self, name: &str) -> bool {
        self.0.iter().any(|package| package.name.eq_ignore_ascii_case(name))
    }
}

impl TypedHeader for RecvInfo {
    const NAME: HeaderName = HeaderName::RecvInfo;

    fn parse(value: &[u8]) -> Result<Self, ParseError> {
        parse_list(value, InfoPackage::parse).map(Self)
    }

    fn write(&self, out: &mut impl fmt::Write) -> fmt::Result {
        write_list(out, &self.0, |out, package| package.write(out))
    }
}
