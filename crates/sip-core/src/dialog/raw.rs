//! Parts of header values as they are on the wire, without reading the rest. For values that
//! [`Request::validate`](crate::Request) or the peer's own From and To have been through.

use memchr::{memchr, memchr2};

/// Splits a name-addr or addr-spec into its URI and its parameters (with the leading `;`, or empty).
fn split(value: &[u8]) -> (&[u8], &[u8]) {
    let mut at = 0;
    loop {
        let rest = value.get(at..).unwrap_or_default();
        // What stands before is short: a word or two, or nothing.
        let Some(found) = rest.iter().position(|byte| matches!(byte, b'<' | b';' | b'"')) else {
            return (value.trim_ascii(), &[]);
        };
        at += found;
        match value.get(at) {
            Some(b'"') => match end_of_quotes(value, at + 1) {
                Some(end) => at = end,
                None => return (value.trim_ascii(), &[]),
            },
            Some(b'<') => {
                let inner = value.get(at + 1..).unwrap_or_default();
                let Some(len) = memchr(b'>', inner) else {
                    return (value.trim_ascii(), &[]);
                };
                let after = inner.get(len + 1..).unwrap_or_default();
                return (inner.get(..len).unwrap_or_default(), after.trim_ascii_start());
            }
            _ => {
                let (uri, params) = value.split_at_checked(at).unwrap_or((value, &[]));
                return (uri.trim_ascii(), params);
            }
        }
    }
}

/// Where a quoted string that was opened before `at` ends, past its last quote.
fn end_of_quotes(value: &[u8], at: usize) -> Option<usize> {
    let mut at = at;
    loop {
        at += memchr2(b'"', b'\\', value.get(at..)?)?;
        if value.get(at) == Some(&b'"') {
            return Some(at + 1);
        }
        at += 2;
    }
}

/// The URI of a name-addr or addr-spec.
pub(crate) fn uri_of(value: &[u8]) -> &[u8] {
    split(value).0
}

/// The `tag` parameter of a From or To value.
pub(crate) fn tag_of(value: &[u8]) -> Option<&[u8]> {
    param(split(value).1, b"tag")
}

/// The `branch` parameter of a Via value.
pub(crate) fn branch_of(via: &[u8]) -> Option<&[u8]> {
    param(via, b"branch")
}

/// The number of a CSeq value; 0 if it has none.
pub(crate) fn number_of(cseq: &[u8]) -> u32 {
    let digits = cseq.iter().take_while(|byte| byte.is_ascii_digit());
    digits.fold(0, |number: u32, digit| {
        number.saturating_mul(10).saturating_add(u32::from(digit - b'0'))
    })
}

/// The first parameter `name` that has a value, of those after the first semicolon.
fn param<'a>(params: &'a [u8], name: &[u8]) -> Option<&'a [u8]> {
    let mut rest = params;
    loop {
        rest = rest.get(memchr(b';', rest)? + 1..)?;
        if let Some((key, after)) = rest.split_at_checked(name.len())
            && key == name
            && let [b'=', value @ ..] = after
            && value.first().is_some_and(u8::is_ascii_alphanumeric)
        {
            // As nearly everybody writes it.
            let value = value.get(..memchr(b';', value).unwrap_or(value.len()))?;
            return Some(value.trim_ascii_end());
        }
        let start = rest.iter().position(|byte| !byte.is_ascii_whitespace())?;
        let param = rest.get(start..)?;
        let (key, after) = param.split_at_checked(name.len())?;
        if !key.eq_ignore_ascii_case(name) {
            continue;
        }
        let Some(value) = after.trim_ascii_start().strip_prefix(b"=") else {
            continue;
        };
        let end = memchr(b';', value).unwrap_or(value.len());
        let value = value.get(..end)?.trim_ascii();
        if !value.is_empty() {
            return Some(value);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// As [`split`], octet by octet.
    fn split_naively(value: &[u8]) -> (&[u8], &[u8]) {
        let (mut quoted, mut escaped, mut open) = (false, false, None);
        for (at, &byte) in value.iter().enumerate() {
            if escaped {
                escaped = false;
                continue;
            }
            match byte {
                b'\\' if quoted => escaped = true,
                b'"' if open.is_none() => quoted = !quoted,
                _ if quoted => {}
                b'<' if open.is_none() => open = Some(at + 1),
                b'>' => {
                    if let Some(start) = open {
                        return (&value[start..at], value[at + 1..].trim_ascii_start());
                    }
                }
                b';' if open.is_none() => return (value[..at].trim_ascii(), &value[at..]),
                _ => {}
            }
        }
        (value.trim_ascii(), &[])
    }

    /// As [`param`], parameter by parameter.
    fn param_naively<'a>(params: &'a [u8], name: &[u8]) -> Option<&'a [u8]> {
        params.split(|&byte| byte == b';').skip(1).find_map(|param| {
            let at = param.iter().position(|&byte| byte == b'=')?;
            let value = param[at + 1..].trim_ascii();
            (param[..at].trim_ascii().eq_ignore_ascii_case(name) && !value.is_empty()).then_some(value)
        })
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2000))]
        #[test]
        fn as_naive_readers_do(value in "([<>;\"= ]|\\\\|sip:a@b|tag|TAG|\r\n |\t|x){0,12}") {
            let value = value.as_bytes();
            prop_assert_eq!(split(value), split_naively(value));
            prop_assert_eq!(param(value, b"tag"), param_naively(value, b"tag"));
        }
    }

    #[test]
    fn parts_of_addresses() {
        for (value, uri, tag) in [
            ("<sip:a@b>;tag=1", "sip:a@b", Some("1")),
            ("sip:a@b;tag=1", "sip:a@b", Some("1")),
            (
                "\"x;tag=9 <sip:no>\\\"\" <sip:a@b;tag=8> ; x=y ; TAG = 1",
                "sip:a@b;tag=8",
                Some("1"),
            ),
            ("A <sip:a@b>", "sip:a@b", None),
            ("sip:a@b", "sip:a@b", None),
            ("<sip:a@b>;tag=", "sip:a@b", None),
            ("", "", None),
            ("\"", "\"", None),
        ] {
            assert_eq!(uri_of(value.as_bytes()), uri.as_bytes(), "{value}");
            assert_eq!(tag_of(value.as_bytes()), tag.map(str::as_bytes), "{value}");
        }
    }

    #[test]
    fn branches_of_vias() {
        assert_eq!(
            branch_of(b"SIP/2.0/UDP h:5060;rport;branch=z9hG4bK1 ;x"),
            Some(&b"z9hG4bK1"[..])
        );
        assert_eq!(branch_of(b"SIP/2.0/UDP branch=1"), None);
    }
}
