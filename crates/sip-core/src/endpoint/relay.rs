//! What a back-to-back user agent takes from one of its calls into the other.

use bytes::Bytes;

use super::reply::check;
use super::{Body, EndpointError, Flow, Invite, Reply};
use crate::dialog::compose::is_clean;
use crate::header::MaxForwards;
use crate::{HeaderName, Headers, NameAddr, Request, Response, Uri};

impl Invite {
    /// The call that a back-to-back user agent makes to the next hop when `request`, an INVITE, came in: to the same user there,
    /// with the same From and To, the same body, what else [`Reply::relay_request`] passes on, and one hop less to go.
    ///
    /// ```
    /// use sip_core::{Flow, Invite, Message};
    ///
    /// let invite = b"INVITE sip:bob@192.0.2.2 SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bK1\r\n\
    ///     Max-Forwards: 70\r\nFrom: <sip:alice@example.org>;tag=a\r\nTo: <sip:bob@example.com>\r\nCall-ID: 1\r\n\
    ///     CSeq: 1 INVITE\r\nContact: <sip:alice@192.0.2.1>\r\nX-Colour: blue\r\nContent-Length: 0\r\n\r\n";
    /// let Message::Request(request) = Message::parse(invite.to_vec().into())? else { unreachable!() };
    /// let next_hop = Flow::udp("192.0.2.2:5060".parse()?, "192.0.2.3:5060".parse()?);
    ///
    /// let onward = Invite::relay(&request, next_hop)?;
    /// assert_eq!(onward.target.to_string(), "sip:bob@192.0.2.3:5060");
    /// assert_eq!((onward.from.tag(), onward.max_forwards), (None, 69));
    /// let (name, value) = &onward.headers[0];
    /// assert_eq!((name.as_str(), &value[..]), ("X-Colour", b"blue".as_slice()));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`EndpointError::BadHeader`] where From, To or the Request-URI cannot be read. An [`Endpoint`](super::Endpoint) hands
    /// over none such.
    pub fn relay(request: &Request, next_hop: Flow) -> Result<Self, EndpointError> {
        let readable = |party: Result<NameAddr, _>| {
            let mut party = party.map_err(|_| EndpointError::BadHeader)?;
            party.params.remove("tag");
            Ok(party)
        };
        let uri = request.request_uri().map_err(|_| EndpointError::BadHeader)?;
        let (user, remote) = (uri.user(), next_hop.remote);
        let target = Uri::sip(user.as_deref(), remote.ip(), Some(remote.port()));
        let mut invite = Self::new(target, readable(request.from())?, readable(request.to())?);
        let hops = request.headers().typed::<MaxForwards>().and_then(Result::ok);
        invite.max_forwards = hops.map_or(invite.max_forwards, |MaxForwards(hops)| hops.saturating_sub(1));
        invite.flow = Some(next_hop);
        invite.contact_user = user.map(Into::into);
        let passed = Reply::relay_request(request);
        invite.headers = passed.headers;
        invite.body = passed.body;
        Ok(invite)
    }
}

impl Reply {
    /// What of a request in one call is passed on into another: its body as it is, and all headers, also unknown ones, but
    /// those that are one dialog's own business (Contact, Allow, Supported, Require, session timers, 100rel, Replaces, …), those
    /// that are one hop's (credentials, User-Agent), and the identities that somebody asserts (`P-Asserted-Identity`,
    /// `Remote-Party-ID`), which have to be believed first (RFC 3325).
    #[must_use]
    pub fn relay_request(request: &Request) -> Self {
        relay(request.headers(), request.body())
    }

    /// As [`relay_request`](Self::relay_request) for a response, with its reason phrase. Of a redirection (3xx) the Contacts
    /// are passed on, too.
    #[must_use]
    pub fn relay_response(response: &Response) -> Self {
        let mut reply = relay(response.headers(), response.body());
        if (300..400).contains(&response.status().code()) {
            let contacts = response.headers().values(&HeaderName::Contact);
            let contacts = contacts.map(|value| (HeaderName::Contact, Bytes::copy_from_slice(value)));
            reply.headers.extend(contacts.filter(|(_, value)| is_clean(value)));
        }
        if response.reason() != response.status().reason() && is_clean(response.reason().as_bytes()) {
            reply.reason = Some(response.reason().to_owned());
        }
        reply
    }
}

fn relay(headers: &Headers, body: &Bytes) -> Reply {
    let passed = headers.iter().filter(|(name, _)| !is_ones_own(name));
    let passed = passed.map(|(name, value)| (name, Bytes::copy_from_slice(value)));
    let content_type = headers.get_bytes(&HeaderName::ContentType).filter(|_| !body.is_empty());
    Reply {
        reason: None,
        // What cannot be written stays behind.
        headers: passed
            .filter(|header| check(core::slice::from_ref(header), None).is_ok())
            .collect(),
        body: content_type.map(|content_type| Body::new(content_type, body.clone())),
    }
}

/// Whether a header says something of one dialog, hop or user agent alone.
fn is_ones_own(name: &HeaderName) -> bool {
    const OWN: &[HeaderName] = &[
        HeaderName::Contact,
        HeaderName::Allow,
        HeaderName::AllowEvents,
        HeaderName::Supported,
        HeaderName::Unsupported,
        HeaderName::Require,
        HeaderName::ProxyRequire,
        HeaderName::UserAgent,
        HeaderName::Server,
        HeaderName::Timestamp,
        HeaderName::Authorization,
        HeaderName::ProxyAuthorization,
        HeaderName::AuthenticationInfo,
        HeaderName::WwwAuthenticate,
        HeaderName::ProxyAuthenticate,
        HeaderName::ProxyAuthenticationInfo,
        HeaderName::PAssertedIdentity,
        HeaderName::RemotePartyId,
        HeaderName::Path,
        HeaderName::ServiceRoute,
        HeaderName::SessionExpires,
        HeaderName::MinSe,
        HeaderName::RSeq,
        HeaderName::RAck,
        HeaderName::Replaces,
        HeaderName::Join,
        HeaderName::TargetDialog,
        HeaderName::RecvInfo,
        HeaderName::MaxBreadth,
    ];
    OWN.contains(name)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Message, StatusCode};

    fn request(headers: &str, body: &str) -> Request {
        let text = format!(
            "INVITE sip:bob@192.0.2.2 SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bK1\r\nFrom: <sip:a@b>;tag=1\r\n\
             To: <sip:c@d>\r\nCall-ID: 1\r\nCSeq: 1 INVITE\r\n{headers}Content-Length: {}\r\n\r\n{body}",
            body.len()
        );
        match Message::parse(text.into()) {
            Ok(Message::Request(request)) => request,
            other => panic!("{other:?}"),
        }
    }

    fn names(reply: &Reply) -> Vec<&str> {
        reply.headers.iter().map(|(name, _)| name.as_str()).collect()
    }

    #[test]
    fn what_is_one_dialogs_own_stays_behind() {
        let own: String = [
            "Contact",
            "Allow",
            "Supported",
            "Require",
            "User-Agent",
            "Authorization",
            "Session-Expires",
        ]
        .iter()
        .chain(&[
            "P-Asserted-Identity",
            "Replaces",
            "RAck",
            "Max-Forwards",
            "Record-Route",
            "Route",
        ])
        .map(|name| format!("{name}: <sip:x@y>\r\n"))
        .collect();
        let passed = request(
            &format!("Subject: hi\r\n{own}X-New: 1\r\nAlert-Info: <urn:x>\r\nX-New: 2\r\n"),
            "",
        );
        assert_eq!(
            names(&Reply::relay_request(&passed)),
            ["Subject", "X-New", "Alert-Info", "X-New"]
        );
    }

    #[test]
    fn a_body_goes_with_its_type_and_none_without() {
        let typed = Reply::relay_request(&request("c: application/sdp\r\n", "v=0"));
        assert_eq!(typed.body, Some(Body::sdp("v=0")));
        assert_eq!(Reply::relay_request(&request("", "v=0")).body, None);
        assert_eq!(Reply::relay_request(&request("c: application/sdp\r\n", "")).body, None);
    }

    #[test]
    fn the_contacts_of_a_redirection_are_passed_on_and_of_nothing_else() {
        for (code, expected) in [(200, vec![]), (302, vec!["Contact", "Contact"]), (486, vec![])] {
            let status = StatusCode::try_from(code).unwrap();
            let mut response = Response::to_request(&request("", ""), status, None);
            response.headers_mut().push(HeaderName::Contact, "<sip:x@y>");
            response.headers_mut().push(HeaderName::Contact, "<sip:z@y>");
            assert_eq!(names(&Reply::relay_response(&response)), expected, "{code}");
        }
    }

    #[test]
    fn an_onward_call_has_one_hop_less_and_no_tags() {
        let flow = Flow::udp("192.0.2.2:5060".parse().unwrap(), "192.0.2.3:5080".parse().unwrap());
        for (given, left) in [("Max-Forwards: 9\r\n", 8), ("Max-Forwards: 0\r\n", 0), ("", 70)] {
            let invite = Invite::relay(&request(given, ""), flow).unwrap();
            assert_eq!(invite.max_forwards, left);
            assert_eq!(
                (invite.from.tag(), invite.to.tag(), invite.flow),
                (None, None, Some(flow))
            );
            assert_eq!(invite.target.to_string(), "sip:bob@192.0.2.3:5080");
        }
    }
}
