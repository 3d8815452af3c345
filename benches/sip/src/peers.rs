//! What the peers do, each as its documentation shows.

/// `rsip`, and `rsipstack`, whose message layer has the same form.
macro_rules! rsip_like {
    ($(#[$doc:meta])* $name:ident, $($path:ident)::+, $credentials:expr) => {
        $(#[$doc])*
        pub mod $name {
            use bytes::Bytes;
            use $($path)::+::Header;
            use $($path)::+::prelude::*;
            use $($path)::+::{Request, SipMessage};

            /// Reads the message.
            pub fn parse(datagram: &Bytes) -> Request {
                match SipMessage::try_from(datagram.clone()) {
                    Ok(SipMessage::Request(request)) => request,
                    _ => unreachable!("it is a request"),
                }
            }

            /// Reads every value into its type; how many there are.
            pub fn typed(datagram: &Bytes) -> usize {
                let request = parse(datagram);
                let from = request.from_header().and_then(|value| value.typed());
                let to = request.to_header().and_then(|value| value.typed());
                let cseq = request.cseq_header().and_then(|value| value.typed());
                drop(std::hint::black_box((
                    &request.uri,
                    from,
                    to,
                    cseq,
                    request.call_id_header(),
                )));
                let read = |header: &Header| match header {
                    Header::Via(value) => value.typed().is_ok(),
                    Header::Contact(value) => value.typed().is_ok(),
                    Header::RecordRoute(value) => value.typed().is_ok(),
                    Header::Authorization(value) => ($credentials)(value),
                    Header::MaxForwards(value) => value.value().parse::<u8>().is_ok(),
                    Header::ContentLength(value) => value.value().parse::<u64>().is_ok(),
                    _ => false,
                };
                request.headers.iter().filter(|header| read(header)).count()
            }

            /// Prints the message.
            pub fn print(request: &Request) -> String {
                request.to_string()
            }
        }
    };
}

rsip_like! {
    /// `rsip`
    rsip, rsip, |value: &rsip::headers::Authorization| value.typed().is_ok()
}
rsip_like! {
    /// `rsipstack`
    rsipstack, rsipstack::sip, |value: &rsipstack::sip::Authorization| {
        rsipstack::sip::typed::Authorization::parse(value.value()).is_ok()
    }
}

/// `sipx-sip`
pub mod sipx {
    use bytes::Bytes;
    use sipx_sip::headers::{ContactValue, ContentLength, From, MaxForwards, RecordRoute, To};
    use sipx_sip::{CSeq, CallId, HeaderName, Limits, Message, Request, Via, parse_datagram};

    /// Reads the message.
    pub fn parse(datagram: &Bytes) -> Request {
        match parse_datagram(datagram.clone(), &Limits::default()) {
            Ok(Message::Request(request)) => request,
            _ => unreachable!("it is a request"),
        }
    }

    /// Reads every value into its type; how many there are. It has no type for Authorization, which stays text.
    pub fn typed(datagram: &Bytes) -> usize {
        let request = parse(datagram);
        let headers = &request.headers;
        drop(std::hint::black_box((
            &request.uri,
            headers.typed::<From>(),
            headers.typed::<To>(),
            headers.typed::<CSeq>(),
            headers.typed::<CallId>(),
        )));
        let one = usize::from(headers.typed::<MaxForwards>().is_some_and(|value| value.is_ok()))
            + usize::from(headers.typed::<ContentLength>().is_some_and(|value| value.is_ok()))
            + usize::from(headers.value(&HeaderName::Authorization).is_some());
        one + headers.typed_all::<Via>().filter(Result::is_ok).count()
            + headers.typed_all::<ContactValue>().filter(Result::is_ok).count()
            + headers.typed_all::<RecordRoute>().filter(Result::is_ok).count()
    }

    /// Prints the message.
    pub fn print(request: &Request) -> Vec<u8> {
        let mut out = Vec::with_capacity(2048);
        request.write_to(&mut out);
        out
    }
}

/// `ezk-sip-types`
pub mod ezk {
    use bytes::Bytes;
    use ezk_sip_types::header::typed::{
        AuthResponse, CSeq, CallID, Contact, ContentLength, FromTo, MaxForwards, Routing, Via,
    };
    use ezk_sip_types::msg::{Line, MessageLine, PullParser};
    use ezk_sip_types::parse::Parse;
    use ezk_sip_types::{Headers, Name};

    /// Reads the message as its transport layer does.
    pub fn parse(datagram: &Bytes) -> (MessageLine, Headers) {
        let mut lines = PullParser::new(datagram, 0).map(|line| match line {
            Ok(line) => std::str::from_utf8(line).unwrap_or_default(),
            Err(_) => unreachable!("it is whole"),
        });
        let start = lines.next().and_then(|line| MessageLine::parse(datagram)(line).ok());
        let mut headers = Headers::new();
        for line in lines {
            if let Ok((_, line)) = Line::parse(datagram, line) {
                headers.insert(line.name, line.value);
            }
        }
        match start {
            Some((_, start)) => (start, headers),
            None => unreachable!("it is a request"),
        }
    }

    /// Reads every value into its type; how many there are.
    pub fn typed(datagram: &Bytes) -> usize {
        let (start, headers) = parse(datagram);
        drop(std::hint::black_box((
            start,
            headers.get::<FromTo>(Name::FROM).is_ok(),
            headers.get::<FromTo>(Name::TO).is_ok(),
            headers.get_named::<CSeq>().is_ok(),
            headers.get_named::<CallID>().is_ok(),
        )));
        let one = usize::from(headers.get_named::<MaxForwards>().is_ok())
            + usize::from(headers.get_named::<ContentLength>().is_ok())
            + usize::from(headers.get::<AuthResponse>(Name::AUTHORIZATION).is_ok());
        one + headers.get_named::<Vec<Via>>().map_or(0, |all| all.len())
            + headers.get_named::<Vec<Contact>>().map_or(0, |all| all.len())
            + headers
                .get::<Vec<Routing>>(Name::RECORD_ROUTE)
                .map_or(0, |all| all.len())
    }
}

/// sofia-sip, where it is installed.
#[cfg(sofia)]
pub mod sofia {
    use bytes::Bytes;

    unsafe extern "C" {
        fn sofia_typed(data: *const std::ffi::c_char, len: usize) -> std::ffi::c_int;
    }

    /// Reads every value into its structure; how many there are.
    pub fn typed(datagram: &Bytes) -> usize {
        // SAFETY: the shim copies `len` octets from `data` and keeps nothing.
        let found = unsafe { sofia_typed(datagram.as_ptr().cast(), datagram.len()) };
        usize::try_from(found).unwrap_or(0)
    }
}
