use super::replaces::{lex_call_id, required_tag, write_call_id};
use super::{TypedHeader, parse_all, write_token};
use crate::wire::{HeaderName, Params, ParseError};
use core::fmt;
use smol_str::SmolStr;

/// A dialog that the sender shows to know, so that its request is taken (RFC 4538).
///
/// That nobody else knows the tags is what authorises the request. The tags are the view that the
/// recipient has of the dialog (RFC 4538 §3).
///
/// ```
/// use sip_core::header::{TargetDialog, TypedHeader};
///
/// let target = TargetDialog::parse(b"fa77as7dad8-sd98ajzz@host.example.com;local-tag=kkaz-;remote-tag=6544")?;
/// assert_eq!((target.local_tag.as_str(), target.remote_tag.as_str()), ("kkaz-", "6544"));
/// # Ok::<(), sip_core::ParseError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct TargetDialog {
    /// The dialog's Call-ID.
    pub call_id: SmolStr,
    /// The tag of who receives the request.
    pub local_tag: SmolStr,
    /// The tag of the other party.
    pub remote_tag: SmolStr,
}

impl TargetDialog {
    /// A dialog, as the recipient sees it.
    pub fn new(call_id: &str, local_tag: &str, remote_tag: &str) -> Self {
        let [call_id, local_tag, remote_tag] = [call_id, local_tag, remote_tag].map(SmolStr::new);
        Self {
            call_id,
            local_tag,
            remote_tag,
        }
    }
}

impl TypedHeader for TargetDialog {
    const NAME: HeaderName = HeaderName::TargetDialog;

    fn parse(value: &[u8]) -> Result<Self, ParseError> {
        parse_all(value, |lexer| {
            let call_id = lex_call_id(lexer)?;
            let params = Params::lex(lexer)?;
            Ok(Self {
                call_id,
                local_tag: required_tag(&params, "local-tag", lexer)?,
                remote_tag: required_tag(&params, "remote-tag", lexer)?,
            })
        })
    }

    fn write(&self, out: &mut impl fmt::Write) -> fmt::Result {
        write_call_id(out, &self.call_id)?;
        out.write_str(";local-tag=")?;
        write_token(out, &self.local_tag)?;
        out.write_str(";remote-tag=")?;
        write_token(out, &self.remote_tag)
    }
}
