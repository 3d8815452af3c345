use super::{Item, Params, Repr};
use crate::wire::lexer::{is_unquoted_byte, is_uri_param_byte};
use crate::wire::uri::write_escaped;
use core::fmt;

impl Params {
    /// Writes the parameters as those of a header.
    pub(crate) fn write(&self, out: &mut impl fmt::Write) -> fmt::Result {
        if let Repr::Simple(text) = &self.0 {
            return out.write_str(text);
        }
        for Item { name, value, quoted } in self.items() {
            out.write_char(';')?;
            out.write_str(name)?;
            let Some(value) = value else { continue };
            out.write_char('=')?;
            let bare = !quoted && value.bytes().all(|byte| byte.is_ascii() && is_unquoted_byte(byte));
            if bare {
                out.write_str(value)?
            } else {
                write_quoted(out, value)?
            }
        }
        Ok(())
    }

    /// As [`write`](Self::write), with those of `changed` that have a value set to it, as by [`set`](Self::set). The values are
    /// tokens, numbers or addresses.
    pub(crate) fn write_with(&self, out: &mut impl fmt::Write, changed: &[(&str, Option<&str>)]) -> fmt::Result {
        let Repr::Simple(text) = &self.0 else {
            let mut params = self.clone();
            for (name, value) in changed {
                if value.is_some() {
                    params.set(name, *value);
                }
            }
            return params.write(out);
        };
        let mut written = 0_u32;
        for param in text.as_str().split(';').skip(1) {
            let name = param.split_once('=').map_or(param, |(name, _)| name);
            let new = changed.iter().enumerate().find_map(|(at, (changed, value))| {
                let is_this = written & (1 << at) == 0 && name.eq_ignore_ascii_case(changed);
                value.filter(|_| is_this).map(|value| (at, value))
            });
            out.write_str(";")?;
            match new {
                Some((at, value)) => {
                    written |= 1 << at;
                    [name, "=", value].iter().try_for_each(|part| out.write_str(part))?;
                }
                None => out.write_str(param)?,
            }
        }
        for (at, (name, value)) in changed.iter().enumerate() {
            if let Some(value) = value.filter(|_| written & (1 << at) == 0) {
                [";", name, "=", value]
                    .iter()
                    .try_for_each(|part| out.write_str(part))?;
            }
        }
        Ok(())
    }

    /// Writes the parameters as those of a URI.
    pub(in crate::wire) fn write_uri(&self, out: &mut impl fmt::Write) -> fmt::Result {
        if self.is_empty() {
            return Ok(());
        }
        for Item { name, value, .. } in self.items() {
            out.write_char(';')?;
            write_escaped(out, name, |byte| is_uri_param_byte(byte) && byte != b'=')?;
            if let Some(value) = value {
                out.write_char('=')?;
                write_escaped(out, value, is_uri_param_byte)?;
            }
        }
        Ok(())
    }
}

/// Appends a parameter as [`Repr::Raw`] holds it.
pub(super) fn push_item(out: &mut String, Item { name, value, quoted }: Item<'_>) {
    out.push(';');
    out.push_str(name);
    if let Some(value) = value {
        let quote = if quoted { "\"" } else { "" };
        ["=", quote, value, quote].iter().for_each(|part| out.push_str(part));
    }
}

/// Writes a quoted string. Control characters are masked by `?`, so that no text can end a line.
pub(crate) fn write_quoted(out: &mut impl fmt::Write, text: &str) -> fmt::Result {
    out.write_char('"')?;
    if text
        .bytes()
        .all(|byte| (0x20..0x7f).contains(&byte) && !matches!(byte, b'"' | b'\\'))
    {
        out.write_str(text)?;
        return out.write_char('"');
    }
    for c in text.chars() {
        match c {
            '"' | '\\' => {
                out.write_char('\\')?;
                out.write_char(c)?;
            }
            c if c.is_control() => out.write_char('?')?,
            c => out.write_char(c)?,
        }
    }
    out.write_char('"')
}
