//! Route preprocessing (RFC 3261 §16.4), and the URIs by which this proxy stays on a path.

use core::fmt;
use std::net::SocketAddr;

use super::ProxyConfig;
use crate::endpoint::{Flow, Transport};
use crate::{HeaderName, NameAddr, ParseError, Request, StatusCode, Uri};

/// Marks the two halves of a double Record-Route.
const PAIR: &str = "r2";

/// What preprocessing found.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub(super) struct Preprocessed {
    /// Whether a Route named this proxy.
    pub(super) own_route: bool,
    /// The address to send from, as the second half of a double Record-Route says.
    pub(super) leave_by: Option<(Transport, SocketAddr)>,
    /// The flow to a client of ours that the Route names (RFC 5626 §5.3).
    pub(super) by_flow: Option<Flow>,
}

pub(super) fn preprocess(config: &ProxyConfig, request: &mut Request, flow: Flow) -> Result<Preprocessed, StatusCode> {
    let status = |error: ParseError| error.status();
    let mut found = Preprocessed::default();
    if request.headers().contains(&HeaderName::Route)
        && let Some(own) = undo_strict_routing(config, request).map_err(status)?
    {
        found.own_route = true;
        found.by_flow = named_flow(config, &own, flow)?;
    }
    if memchr::memmem::find(request.uri(), b"maddr").is_some() {
        strip_maddr(config, request, flow).map_err(status)?;
    }
    let Some(first) = first_route(request).map_err(status)? else {
        return Ok(found);
    };
    if !config.is_own_uri(&first.uri) {
        return Ok(found);
    }
    request.headers_mut().pop_item(&HeaderName::Route);
    found.own_route = true;
    found.by_flow = named_flow(config, &first.uri, flow)?;
    if first.uri.params().contains(PAIR)
        && let Some(second) = first_route(request).map_err(status)?
        && second.uri.params().contains(PAIR)
        && config.is_own_uri(&second.uri)
    {
        request.headers_mut().pop_item(&HeaderName::Route);
        found.leave_by = own_address(config, &second.uri);
        found.by_flow = named_flow(config, &second.uri, flow)?.or(found.by_flow);
    }
    Ok(found)
}

/// The flow that a URI of ours names, unless the request came by it: then it leads away from that client.
fn named_flow(config: &ProxyConfig, uri: &Uri, came_by: Flow) -> Result<Option<Flow>, StatusCode> {
    let (Some(tokens), Some(user)) = (&config.outbound, uri.user()) else {
        return Ok(None);
    };
    let flow = tokens.verify(&user).map_err(|_| StatusCode::FORBIDDEN)?;
    let same = (flow.transport, flow.remote) == (came_by.transport, came_by.remote);
    Ok(Some(flow).filter(|_| !same))
}

/// The topmost Route.
pub(super) fn first_route(request: &Request) -> Result<Option<NameAddr>, ParseError> {
    request
        .headers()
        .items(&HeaderName::Route)
        .next()
        .map(NameAddr::parse)
        .transpose()
}

/// A strict router before us put the URI of our Record-Route into the Request-URI, and the Request-URI at the end of
/// the Routes. Gives our URI, if that is so.
fn undo_strict_routing(config: &ProxyConfig, request: &mut Request) -> Result<Option<Uri>, ParseError> {
    let uri = request.request_uri()?;
    if !(uri.is_loose_router() && config.is_own_uri(&uri)) {
        return Ok(None);
    }
    let routes: Vec<Vec<u8>> = request
        .headers()
        .items(&HeaderName::Route)
        .map(<[u8]>::to_vec)
        .collect();
    let Some((last, rest)) = routes.split_last() else {
        return Ok(None);
    };
    let target = NameAddr::parse(last)?.uri;
    request.set_uri(&target);
    if rest.is_empty() {
        request.headers_mut().remove(&HeaderName::Route);
    } else {
        request.headers_mut().set(HeaderName::Route, rest.join(&b", "[..]));
    }
    Ok(Some(uri))
}

/// A `maddr` that leads here has served its purpose.
fn strip_maddr(config: &ProxyConfig, request: &mut Request, flow: Flow) -> Result<(), ParseError> {
    let mut uri = request.request_uri()?;
    let Some(host) = uri.params().value("maddr").map(crate::Host::from) else {
        return Ok(());
    };
    let transport = uri.transport().map_or(Ok(Transport::Udp), str::parse::<Transport>);
    let came_so =
        transport == Ok(flow.transport) && uri.port().unwrap_or(flow.transport.default_port()) == flow.local.port();
    if came_so && config.is_own_host(&host, uri.port()) {
        uri.params_mut().remove("maddr");
        uri.params_mut().remove("transport");
        request.set_uri(&without_port(&uri));
    }
    Ok(())
}

fn without_port(uri: &Uri) -> Uri {
    match uri.host() {
        Some(host) if uri.port().is_some() && uri.scheme() == crate::Scheme::Sip => {
            let mut plain = Uri::sip(uri.user().as_deref(), host.clone(), None);
            *plain.params_mut() = uri.params().clone();
            plain
        }
        _ => uri.clone(),
    }
}

/// The listening address that a Record-Route of ours names.
fn own_address(config: &ProxyConfig, uri: &Uri) -> Option<(Transport, SocketAddr)> {
    let transport = uri.transport().map_or(Ok(Transport::Udp), str::parse).ok()?;
    let ip = uri.host()?.ip()?.to_canonical();
    let port = uri.port().unwrap_or(transport.default_port());
    let found = config
        .listen
        .iter()
        .find(|(name, local)| *name == transport && local.ip().to_canonical() == ip && local.port() == port);
    found.copied()
}

/// One way of reaching this proxy, as Record-Route and Path name it: `<sip:192.0.2.1:5060;transport=tcp;lr>`. As one of
/// `pair` it also says by which address the proxy is left.
#[derive(Clone, Copy, Debug)]
pub(super) struct OwnRoute<'a> {
    pub(super) address: (Transport, SocketAddr),
    pub(super) secure: bool,
    pub(super) pair: bool,
    /// The flow to a client of ours, as a token.
    pub(super) token: Option<&'a str>,
    /// Whether it is a Path that says so (RFC 5626 §5.1).
    pub(super) outbound: bool,
}

impl fmt::Display for OwnRoute<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (transport, local) = self.address;
        let scheme = if self.secure { "sips" } else { "sip" };
        let (user, at) = self.token.map_or(("", ""), |token| (token, "@"));
        write!(f, "<{scheme}:{user}{at}{local}")?;
        if transport != Transport::Udp {
            write!(f, ";transport={}", transport.as_param())?;
        }
        f.write_str(";lr")?;
        if self.pair {
            f.write_str(";r2=on")?;
        }
        f.write_str(if self.outbound && self.token.is_some() {
            ";ob>"
        } else {
            ">"
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Message;

    fn config() -> ProxyConfig {
        let at = |text: &str| text.parse().unwrap();
        ProxyConfig::new(
            [
                (Transport::Udp, at("192.0.2.1:5060")),
                (Transport::Tcp, at("192.0.2.1:5060")),
                (Transport::Udp, at("[2001:db8::1]:5070")),
            ],
            ["example.com"],
        )
    }

    /// Request-URI and Routes after preprocessing, and what was found.
    fn run(uri: &str, routes: &str) -> (String, String, Preprocessed) {
        let text = format!(
            "INVITE {uri} SIP/2.0\r\nVia: SIP/2.0/UDP c;branch=z9hG4bK1\r\n{routes}From: <sip:a@b>;tag=1\r\n\
             To: <sip:c@d>\r\nCall-ID: 1\r\nCSeq: 1 INVITE\r\n\r\n"
        );
        let Ok(Message::Request(mut request)) = Message::parse(text.into()) else {
            unreachable!()
        };
        let flow = Flow::udp("192.0.2.1:5060".parse().unwrap(), "192.0.2.9:5060".parse().unwrap());
        let found = preprocess(&config(), &mut request, flow).unwrap();
        let items: Vec<_> = request
            .headers()
            .items(&HeaderName::Route)
            .map(|item| String::from_utf8(item.to_vec()).unwrap())
            .collect();
        (
            String::from_utf8(request.uri().to_vec()).unwrap(),
            items.join(" "),
            found,
        )
    }

    /// Request-URI, Routes; both afterwards, and whether a Route was ours.
    type Row = (&'static str, &'static str, &'static str, &'static str, bool);

    const TABLE: &[Row] = &[
        ("sip:b@x.org", "", "sip:b@x.org", "", false),
        // Our own Route is popped, others are not.
        ("sip:b@x.org", "Route: <sip:192.0.2.1;lr>\r\n", "sip:b@x.org", "", true),
        (
            "sip:b@x.org",
            "Route: <sip:example.com;lr>, <sip:p.org;lr>\r\n",
            "sip:b@x.org",
            "<sip:p.org;lr>",
            true,
        ),
        (
            "sip:b@x.org",
            "Route: <sip:[2001:db8::1]:5070;lr>\r\n",
            "sip:b@x.org",
            "",
            true,
        ),
        (
            "sip:b@x.org",
            "Route: <sip:p.org;lr>\r\n",
            "sip:b@x.org",
            "<sip:p.org;lr>",
            false,
        ),
        (
            "sip:b@x.org",
            "Route: <sip:192.0.2.1:5062;lr>\r\n",
            "sip:b@x.org",
            "<sip:192.0.2.1:5062;lr>",
            false,
        ),
        // Of two passes through us only one is over.
        (
            "sip:b@x.org",
            "Route: <sip:192.0.2.1;lr>\r\nRoute: <sip:192.0.2.1;lr>\r\n",
            "sip:b@x.org",
            "<sip:192.0.2.1;lr>",
            true,
        ),
        // Both halves of a pair are.
        (
            "sip:b@x.org",
            "Route: <sip:192.0.2.1:5060;lr;r2=on>,<sip:192.0.2.1:5060;transport=tcp;lr;r2=on>,<sip:p.org;lr>\r\n",
            "sip:b@x.org",
            "<sip:p.org;lr>",
            true,
        ),
        // A strict router before us.
        (
            "sip:192.0.2.1:5060;lr",
            "Route: <sip:p.org;lr>, <sip:b@x.org;y=z>\r\n",
            "sip:b@x.org;y=z",
            "<sip:p.org;lr>",
            true,
        ),
        (
            "sip:192.0.2.1:5060;lr",
            "Route: <sip:b@x.org>\r\n",
            "sip:b@x.org",
            "",
            true,
        ),
        (
            "sip:bob@example.com",
            "Route: <sip:b@x.org>\r\n",
            "sip:bob@example.com",
            "<sip:b@x.org>",
            false,
        ),
        // maddr
        ("sip:b@x.org;maddr=192.0.2.1", "", "sip:b@x.org", "", false),
        (
            "sip:b@x.org:5060;maddr=192.0.2.1;transport=udp;a=b",
            "",
            "sip:b@x.org;a=b",
            "",
            false,
        ),
        (
            "sip:b@x.org;maddr=192.0.2.1;transport=tcp",
            "",
            "sip:b@x.org;maddr=192.0.2.1;transport=tcp",
            "",
            false,
        ),
        (
            "sip:b@x.org;maddr=192.0.2.2",
            "",
            "sip:b@x.org;maddr=192.0.2.2",
            "",
            false,
        ),
    ];

    #[test]
    fn the_table_of_preprocessing() {
        for &(uri, routes, expected_uri, expected_routes, own) in TABLE {
            let (got_uri, got_routes, found) = run(uri, routes);
            assert_eq!(
                (got_uri.as_str(), got_routes.as_str(), found.own_route),
                (expected_uri, expected_routes, own),
                "{uri} {routes}"
            );
        }
    }

    #[test]
    fn a_double_record_route_says_by_which_address_to_leave() {
        let tcp = (Transport::Tcp, "192.0.2.1:5060".parse().unwrap());
        let udp6 = (Transport::Udp, "[2001:db8::1]:5070".parse().unwrap());
        let half = |address| OwnRoute {
            address,
            secure: false,
            pair: true,
            token: None,
            outbound: false,
        };
        let routes = format!("Route: {}, {}\r\n", half(tcp), half(udp6));
        let (_, left, found) = run("sip:b@x.org", &routes);
        assert_eq!((left.as_str(), found.leave_by), ("", Some(udp6)));
    }
}
