//! What the endpoint's messages have in common.

use std::net::SocketAddr;

use bytes::Bytes;

use super::reply::ReplyHead;
use super::{Body, Endpoint, EndpointConfig, Flow, Reply, Transport};
use crate::dialog::compose::{Bracketed, Composer, Value as _};
use crate::{HeaderName, Method, StatusCode, Uri};

/// Header lines that are the same in all messages.
#[derive(Clone, Debug)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub(super) struct Standing {
    allow: Bytes,
    supported: Bytes,
    /// `Allow` and `Supported` without 100rel.
    unreliable: Bytes,
    /// Each option tag that a peer may require.
    options: Vec<String>,
    user_agent: Bytes,
    server: Bytes,
    accept: Bytes,
    allow_events: Bytes,
    recv_info: Bytes,
}

impl Standing {
    pub(super) fn new(config: &EndpointConfig) -> Self {
        let clean = |text: &str| {
            text.chars()
                .map(|c| if c.is_control() { ' ' } else { c })
                .collect::<String>()
        };
        let line = |name: &str, value: String| {
            Bytes::from(if value.is_empty() {
                value
            } else {
                format!("{name}: {}\r\n", clean(&value))
            })
        };
        let unreliable: Vec<_> = config.options().into_iter().filter(|tag| *tag != "100rel").collect();
        let mut methods: Vec<_> = config.methods.iter().map(Method::as_str).collect();
        if config.takes(&Method::Prack) && !config.methods.contains(&Method::Prack) {
            methods.push(Method::Prack.as_str());
        }
        let options = config.options();
        Self {
            allow: line("Allow", methods.join(", ")),
            supported: line("Supported", options.join(", ")),
            unreliable: [
                line(
                    "Allow",
                    config.methods.iter().map(Method::as_str).collect::<Vec<_>>().join(", "),
                ),
                line("Supported", unreliable.join(", ")),
            ]
            .concat()
            .into(),
            options: options.into_iter().map(str::to_owned).collect(),
            user_agent: line("User-Agent", config.user_agent.clone()),
            server: line("Server", config.user_agent.clone()),
            accept: Bytes::from(clean(&config.accept.join(", "))),
            allow_events: line("Allow-Events", config.event_packages.join(", ")),
            recv_info: line("Recv-Info", config.info_packages.join(", ")),
        }
    }
}

/// Which of the endpoint's own headers a message gets, unless the embedder gave them.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Extra<'a> {
    pub(super) contact: Option<&'a [u8]>,
    /// `Allow`, `Supported`, and if there are any packages `Allow-Events` and `Recv-Info`.
    pub(super) abilities: bool,
}

impl Endpoint {
    /// Adds headers and body to a request and ends it.
    pub(super) fn finish_request(
        &self,
        mut out: Composer,
        headers: &[(HeaderName, Bytes)],
        body: Option<&Body>,
        extra: Extra<'_>,
    ) -> Bytes {
        self.add_headers(&mut out, headers, extra);
        if !has(headers, &HeaderName::UserAgent) {
            out.lines(&self.standing.user_agent);
        }
        out.finish(body.map(|body| (&body.content_type[..], &body.data[..])))
    }

    /// A whole response.
    pub(super) fn write_response(
        &self,
        head: &ReplyHead,
        status: StatusCode,
        tag: Option<&[u8]>,
        reply: &Reply,
        extra: Extra<'_>,
    ) -> Bytes {
        self.write_response_with(head, (status, tag), reply, extra, b"")
    }

    /// A whole response, with header lines that only the endpoint may write.
    pub(super) fn write_response_with(
        &self,
        head: &ReplyHead,
        (status, tag): (StatusCode, Option<&[u8]>),
        reply: &Reply,
        extra: Extra<'_>,
        lines: &[u8],
    ) -> Bytes {
        let dialog = extra.contact.is_some();
        let mut out = head.begin(status, reply.reason.as_deref(), tag, dialog);
        out.lines(lines);
        self.add_headers(&mut out, &reply.headers, extra);
        if status.is_final() && !has(&reply.headers, &HeaderName::Server) {
            out.lines(&self.standing.server);
        }
        out.finish(reply.body.as_ref().map(|body| (&body.content_type[..], &body.data[..])))
    }

    fn add_headers(&self, out: &mut Composer, headers: &[(HeaderName, Bytes)], extra: Extra<'_>) {
        if let Some(contact) = extra.contact
            && !has(headers, &HeaderName::Contact)
        {
            out.raw("Contact", contact);
        }
        if extra.abilities {
            if !has(headers, &HeaderName::Allow) {
                out.lines(&self.standing.allow);
            }
            if !has(headers, &HeaderName::Supported) {
                out.lines(&self.standing.supported);
            }
            if !has(headers, &HeaderName::AllowEvents) {
                out.lines(&self.standing.allow_events);
            }
            if !has(headers, &HeaderName::RecvInfo) {
                out.lines(&self.standing.recv_info);
            }
        }
        for (name, value) in headers {
            out.header(name, value);
        }
    }

    /// Whether a peer may require this option.
    pub(super) fn supports(&self, tag: &[u8]) -> bool {
        let ours = &self.standing.options;
        ours.iter().any(|ours| ours.as_bytes().eq_ignore_ascii_case(tag))
    }

    /// `Allow` and `Supported` of one call whose reliability is not the endpoint's.
    pub(super) fn abilities_with(&self, reliability: super::Reliability) -> Bytes {
        if reliability == super::Reliability::Never {
            return self.standing.unreliable.clone();
        }
        let mut config = self.config.clone();
        config.reliability = reliability;
        let standing = Standing::new(&config);
        [&standing.allow[..], &standing.supported[..]].concat().into()
    }

    /// The `Allow` line, for 405.
    pub(super) fn allow_line(&self) -> &[u8] {
        &self.standing.allow
    }

    /// The `Allow-Events` line, for 489; empty without packages.
    pub(super) fn allow_events_line(&self) -> &Bytes {
        &self.standing.allow_events
    }

    /// The `Accept` header, for OPTIONS.
    pub(super) fn accept_header(&self) -> Option<(HeaderName, Bytes)> {
        let accept = &self.standing.accept;
        (!accept.is_empty()).then(|| (HeaderName::Accept, accept.clone()))
    }

    /// The value of our `Contact` on a flow.
    pub(super) fn contact(&self, flow: Flow, user: Option<&str>, secure: bool) -> Bytes {
        let address = self.advertised(flow.transport, flow.local);
        let uri = Uri::sip(user, address.ip(), Some(address.port()));
        let uri = if flow.transport == Transport::Udp {
            uri
        } else {
            uri.with_param("transport", Some(flow.transport.as_param()))
        };
        let mut text = Vec::with_capacity(64);
        Bracketed(&uri).write(&mut text);
        if secure && let Some(rest) = text.strip_prefix(b"<sip:") {
            text = [b"<sips:", rest].concat();
        }
        Bytes::from(text)
    }

    /// The address to name in Via and Contact: the listening one that the flow uses, else the transport's default.
    pub(super) fn advertised(&self, transport: Transport, local: SocketAddr) -> SocketAddr {
        self.listening(transport, local).unwrap_or(local)
    }

    pub(super) fn listening(&self, transport: Transport, near: SocketAddr) -> Option<SocketAddr> {
        let of_transport = || {
            self.config
                .listen
                .iter()
                .filter(|(name, _)| *name == transport)
                .map(|(_, address)| *address)
        };
        of_transport()
            .find(|address| *address == near)
            .or_else(|| of_transport().find(|address| address.is_ipv4() == near.is_ipv4()))
    }
}

fn has(headers: &[(HeaderName, Bytes)], name: &HeaderName) -> bool {
    headers.iter().any(|(given, _)| given == name)
}
