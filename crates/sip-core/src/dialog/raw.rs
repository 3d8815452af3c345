//! Parts of header values as they are on the wire, without reading the rest. For values that
//! [`Request::validate`](crate::Request) or the peer's own From and To have been through.

/// Splits a name-addr or addr-spec into its URI and its parameters (with the leading `;`, or empty).
fn split(value: &[u8]) -> (&[u8], &[u8]) {
    let mut quoted = false;
    let mut escaped = false;
    let mut open = None;
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
                    let uri = value.get(start..at).unwrap_or_default();
                    return (uri, value.get(at + 1..).unwrap_or_default().trim_ascii_start());
                }
            }
            b';' if open.is_none() => {
                let (uri, params) = value.split_at(at);
                return (uri.trim_ascii(), params);
            }
            _ => {}
        }
    }
    (value.trim_ascii(), &[])
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

fn param<'a>(params: &'a [u8], name: &[u8]) -> Option<&'a [u8]> {
    params.split(|&byte| byte == b';').skip(1).find_map(|param| {
        let at = param.iter().position(|&byte| byte == b'=')?;
        let (key, value) = param.split_at(at);
        let value = value.get(1..)?.trim_ascii();
        (key.trim_ascii().eq_ignore_ascii_case(name) && !value.is_empty()).then_some(value)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

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
