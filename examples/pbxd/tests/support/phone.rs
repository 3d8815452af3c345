//! A phone of plain sockets and text: it says exactly what a test wants said, right or wrong.

use std::net::{Ipv4Addr, SocketAddr, UdpSocket};
use std::time::{Duration, Instant};

use md5::{Digest, Md5};

use super::server::{Server, password};

/// How long an answer may take.
const PATIENCE: Duration = Duration::from_secs(5);

/// A phone on a UDP port of its own.
pub(crate) struct Phone {
    pub(crate) number: String,
    pub(crate) socket: UdpSocket,
    pub(crate) server: SocketAddr,
}

/// A SIP message that was received.
#[derive(Debug, Clone)]
pub(crate) struct Message(pub(crate) String);

/// The phone's side of a dialog.
#[derive(Debug, Clone)]
pub(crate) struct Dialog {
    pub(crate) call_id: String,
    /// `From` of our requests.
    pub(crate) local: String,
    /// `To` of our requests.
    pub(crate) remote: String,
    pub(crate) target: String,
    pub(crate) cseq: u32,
    /// Where the server wants RTP.
    pub(crate) media: SocketAddr,
}

impl Phone {
    pub(crate) fn new(server: &Server, number: &str) -> Self {
        Self::at(server, number, Ipv4Addr::LOCALHOST)
    }

    /// A phone at another of this host's addresses.
    pub(crate) fn at(server: &Server, number: &str, address: Ipv4Addr) -> Self {
        let socket = UdpSocket::bind((address, 0)).unwrap();
        Self {
            number: number.to_owned(),
            socket,
            server: server.sip,
        }
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.socket.local_addr().unwrap()
    }

    pub(crate) fn send(&self, bytes: impl AsRef<[u8]>) {
        self.socket.send_to(bytes.as_ref(), self.server).unwrap();
    }

    /// The next message, if one comes in time.
    pub(crate) fn receive(&self, limit: Duration) -> Option<Message> {
        let mut buffer = vec![0; 65_536];
        self.socket
            .set_read_timeout(Some(limit.max(Duration::from_millis(1))))
            .unwrap();
        let length = self.socket.recv(&mut buffer).ok()?;
        Some(Message(String::from_utf8_lossy(&buffer[..length]).into_owned()))
    }

    /// The next message that is `wanted`; others are dropped.
    pub(crate) fn wait_for(&self, what: &str, wanted: impl Fn(&Message) -> bool) -> Message {
        let end = Instant::now() + PATIENCE;
        let mut others = Vec::new();
        while let Some(left) = end.checked_duration_since(Instant::now()) {
            match self.receive(left) {
                Some(message) if wanted(&message) => return message,
                Some(message) => others.push(message.start().to_owned()),
                None => {}
            }
        }
        panic!("{} waited in vain for {what}; instead came {others:?}", self.number);
    }

    /// The final response to a request with this Call-ID and CSeq.
    pub(crate) fn final_response(&self, call_id: &str, cseq: &str) -> Message {
        self.wait_for(&format!("a final response to {cseq}"), |message| {
            message.status().is_some_and(|status| status >= 200)
                && message.header("Call-ID") == Some(call_id)
                && message.header("CSeq") == Some(cseq)
        })
    }

    pub(crate) fn request_in(&self, dialog: &Dialog, method: &str) -> Message {
        self.wait_for(method, |message| {
            message.method() == Some(method) && message.header("Call-ID") == Some(dialog.call_id.as_str())
        })
    }

    /// A whole request outside a dialog. `headers` are complete lines.
    pub(crate) fn request(
        &self,
        method: &str,
        to: &str,
        call_id: &str,
        cseq: u32,
        headers: &[String],
        body: &str,
    ) -> String {
        let (local, server, number) = (self.address(), self.server, &self.number);
        let uri = if method == "REGISTER" {
            format!("sip:{server}")
        } else {
            format!("sip:{to}@{server}")
        };
        let extra: String = headers.iter().map(|line| format!("{line}\r\n")).collect();
        format!(
            "{method} {uri} SIP/2.0\r\nVia: SIP/2.0/UDP {local};branch=z9hG4bK{call_id}.{cseq};rport\r\n\
             Max-Forwards: 70\r\nFrom: <sip:{number}@pbx.test>;tag=f{call_id}\r\nTo: <sip:{to}@pbx.test>\r\n\
             Call-ID: {call_id}\r\nCSeq: {cseq} {method}\r\nContact: <sip:{number}@{local}>\r\n{extra}\
             Content-Length: {}\r\n\r\n{body}",
            body.len()
        )
    }

    /// The `Authorization` line that answers a 401.
    pub(crate) fn authorization(&self, challenge: &Message, method: &str, to: &str) -> String {
        let uri = if method == "REGISTER" {
            format!("sip:{}", self.server)
        } else {
            format!("sip:{to}@{}", self.server)
        };
        authorization(challenge, method, &uri, &self.number, &password(&self.number))
    }

    /// Sends a request, answers the challenge, and returns the final response (already acknowledged if it refused an
    /// INVITE).
    pub(crate) fn ask(&self, method: &str, to: &str, call_id: &str, headers: &[String], body: &str) -> Message {
        self.send(self.request(method, to, call_id, 1, headers, body));
        let challenge = self.final_response(call_id, &format!("1 {method}"));
        assert_eq!(challenge.status(), Some(401), "{}", challenge.0);
        self.acknowledge_refusal(&challenge, method, to, call_id, 1);
        let mut headers = headers.to_vec();
        headers.push(self.authorization(&challenge, method, to));
        self.send(self.request(method, to, call_id, 2, &headers, body));
        let answer = self.final_response(call_id, &format!("2 {method}"));
        self.acknowledge_refusal(&answer, method, to, call_id, 2);
        answer
    }

    /// The ACK of a refused INVITE belongs to its transaction: the same branch.
    fn acknowledge_refusal(&self, answer: &Message, method: &str, to: &str, call_id: &str, cseq: u32) {
        if method == "INVITE" && answer.status().is_some_and(|status| status >= 300) {
            let ack = self.request("ACK", to, call_id, cseq, &[], "");
            let (own, theirs) = (
                format!("To: <sip:{to}@pbx.test>"),
                format!("To: {}", answer.header("To").unwrap()),
            );
            self.send(ack.replace(&own, &theirs));
        }
    }

    /// Registers this phone's own address.
    pub(crate) fn register(&self) {
        self.register_contact(&format!("<sip:{}@{}>", self.number, self.address()));
    }

    /// Registers an address, which may be another program's.
    pub(crate) fn register_contact(&self, contact: &str) {
        let call_id = format!("register-{}", self.address().port());
        let own = format!("Contact: <sip:{}@{}>", self.number, self.address());
        let request = |cseq, headers: &[String]| {
            self.request("REGISTER", &self.number, &call_id, cseq, headers, "")
                .replace(&own, &format!("Contact: {contact}"))
        };
        self.send(request(1, &["Expires: 600".to_owned()]));
        let challenge = self.final_response(&call_id, "1 REGISTER");
        assert_eq!(challenge.status(), Some(401), "{}", challenge.0);
        let authorization = self.authorization(&challenge, "REGISTER", &self.number);
        self.send(request(2, &["Expires: 600".to_owned(), authorization]));
        let answer = self.final_response(&call_id, "2 REGISTER");
        assert_eq!(answer.status(), Some(200), "{}", answer.0);
        assert!(
            answer.header("Contact").is_some(),
            "a 200 lists the contacts: {}",
            answer.0
        );
    }

    /// Answers a request.
    pub(crate) fn reply(&self, request: &Message, status: &str, headers: &[String], body: &str) {
        self.send(self.response(request, status, headers, body));
    }

    /// A whole response. The To gets this phone's tag if it has none.
    pub(crate) fn response(&self, request: &Message, status: &str, headers: &[String], body: &str) -> String {
        let mut text = format!("SIP/2.0 {status}\r\n");
        for name in ["Via", "From", "To", "Call-ID", "CSeq"] {
            for value in request.headers(name) {
                let tag = if name == "To" && !value.contains(";tag=") && !status.starts_with("100") {
                    format!(";tag=t{}", self.address().port())
                } else {
                    String::new()
                };
                text.push_str(&format!("{name}: {value}{tag}\r\n"));
            }
        }
        text.push_str(&format!("Contact: <sip:{}@{}>\r\n", self.number, self.address()));
        text.extend(headers.iter().map(|line| format!("{line}\r\n")));
        text.push_str(&format!("Content-Length: {}\r\n\r\n{body}", body.len()));
        text
    }

    /// A request in a dialog. Returns its CSeq.
    pub(crate) fn in_dialog(&self, dialog: &mut Dialog, method: &str, headers: &[String], body: &str) -> String {
        dialog.cseq += if method == "ACK" { 0 } else { 1 };
        self.send_in(dialog, method, &format!("{method}{}", dialog.cseq), headers, body);
        format!("{} {method}", dialog.cseq)
    }

    fn send_in(&self, dialog: &Dialog, method: &str, branch: &str, headers: &[String], body: &str) {
        let (local, number, call_id) = (self.address(), &self.number, &dialog.call_id);
        let extra: String = headers.iter().map(|line| format!("{line}\r\n")).collect();
        self.send(format!(
            "{method} {} SIP/2.0\r\nVia: SIP/2.0/UDP {local};branch=z9hG4bKd{branch}.{call_id}.{};rport\r\n\
             Max-Forwards: 70\r\nFrom: {}\r\nTo: {}\r\nCall-ID: {call_id}\r\nCSeq: {} {method}\r\n\
             Contact: <sip:{number}@{local}>\r\n{extra}Content-Length: {}\r\n\r\n{body}",
            dialog.target,
            local.port(),
            dialog.local,
            dialog.remote,
            dialog.cseq,
            body.len()
        ));
    }

    /// Sends a request in a dialog and returns its final response.
    pub(crate) fn ask_in(&self, dialog: &mut Dialog, method: &str, headers: &[String], body: &str) -> Message {
        let cseq = self.in_dialog(dialog, method, headers, body);
        let answer = self.final_response(&dialog.call_id, &cseq);
        if method == "INVITE" && answer.status().is_some_and(|status| status >= 300) {
            // Of the same transaction as the INVITE.
            self.send_in(dialog, "ACK", &format!("INVITE{}", dialog.cseq), &[], "");
        }
        answer
    }
}

impl Dialog {
    /// The caller's side, from the 200 to its INVITE.
    pub(crate) fn of_caller(answer: &Message) -> Self {
        Self {
            call_id: answer.header("Call-ID").unwrap().to_owned(),
            local: answer.header("From").unwrap().to_owned(),
            remote: answer.header("To").unwrap().to_owned(),
            target: answer.contact(),
            cseq: answer
                .header("CSeq")
                .and_then(|cseq| cseq.split(' ').next()?.parse().ok())
                .unwrap(),
            media: answer.media(),
        }
    }

    /// The called phone's side, from the INVITE and the tag it answered with.
    pub(crate) fn of_called(invite: &Message, phone: &Phone) -> Self {
        Self {
            call_id: invite.header("Call-ID").unwrap().to_owned(),
            local: format!("{};tag=t{}", invite.header("To").unwrap(), phone.address().port()),
            remote: invite.header("From").unwrap().to_owned(),
            target: invite.contact(),
            cseq: 0,
            media: invite.media(),
        }
    }
}

impl Message {
    /// The first line.
    pub(crate) fn start(&self) -> &str {
        self.0.lines().next().unwrap_or_default()
    }

    pub(crate) fn status(&self) -> Option<u16> {
        self.start().strip_prefix("SIP/2.0 ")?.get(..3)?.parse().ok()
    }

    pub(crate) fn method(&self) -> Option<&str> {
        self.start().strip_suffix(" SIP/2.0")?.split(' ').next()
    }

    pub(crate) fn headers<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        let head = self.0.split("\r\n\r\n").next().unwrap_or_default();
        head.lines().skip(1).filter_map(move |line| {
            let (found, value) = line.split_once(':')?;
            found.trim().eq_ignore_ascii_case(name).then(|| value.trim())
        })
    }

    pub(crate) fn header<'a>(&'a self, name: &'a str) -> Option<&'a str> {
        self.headers(name).next()
    }

    pub(crate) fn body(&self) -> &str {
        self.0.split_once("\r\n\r\n").map_or("", |(_, body)| body)
    }

    fn contact(&self) -> String {
        let contact = self.header("Contact").unwrap();
        let uri = contact.split_once('<').map_or(contact, |(_, rest)| rest);
        uri.split('>').next().unwrap().to_owned()
    }

    /// The address for audio that the SDP names.
    pub(crate) fn media(&self) -> SocketAddr {
        let line = |prefix: &str| self.body().lines().find_map(|line| line.strip_prefix(prefix)).unwrap();
        let port = line("m=audio ").split(' ').next().unwrap();
        format!("{}:{port}", line("c=IN IP4 ").trim()).parse().unwrap()
    }
}

/// An audio description with µ-law and telephone-event.
pub(crate) fn sdp(port: u16) -> String {
    format!(
        "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\nm=audio {port} RTP/AVP 0 101\r\n\
         a=rtpmap:0 PCMU/8000\r\na=rtpmap:101 telephone-event/8000\r\na=fmtp:101 0-16\r\n"
    )
}

/// The header line for a body of SDP.
pub(crate) fn sdp_type() -> String {
    "Content-Type: application/sdp".to_owned()
}

/// Answers a digest challenge with MD5 (RFC 2617), as most phones do.
pub(crate) fn authorization(challenge: &Message, method: &str, uri: &str, user: &str, password: &str) -> String {
    let values: Vec<&str> = challenge.headers("WWW-Authenticate").collect();
    let md5 = |value: &&&str| parameter(value, "algorithm").is_none_or(|name| name.eq_ignore_ascii_case("MD5"));
    let value = values
        .iter()
        .find(md5)
        .unwrap_or_else(|| panic!("no MD5 challenge in {}", challenge.0));
    let (realm, nonce) = (parameter(value, "realm").unwrap(), parameter(value, "nonce").unwrap());
    let opaque = parameter(value, "opaque")
        .map(|opaque| format!(", opaque=\"{opaque}\""))
        .unwrap_or_default();
    let hash = |text: String| {
        Md5::digest(text)
            .iter()
            .map(|byte| format!("{byte:02x}"))
            .collect::<String>()
    };
    let (ha1, ha2) = (
        hash(format!("{user}:{realm}:{password}")),
        hash(format!("{method}:{uri}")),
    );
    let response = hash(format!("{ha1}:{nonce}:00000001:c0ffee:auth:{ha2}"));
    format!(
        "Authorization: Digest username=\"{user}\", realm=\"{realm}\", nonce=\"{nonce}\", uri=\"{uri}\", \
         response=\"{response}\", algorithm=MD5, qop=auth, nc=00000001, cnonce=\"c0ffee\"{opaque}"
    )
}

fn parameter<'a>(challenge: &'a str, name: &str) -> Option<&'a str> {
    challenge.strip_prefix("Digest ")?.split(',').find_map(|part| {
        let (found, value) = part.trim().split_once('=')?;
        found.eq_ignore_ascii_case(name).then(|| value.trim_matches('"'))
    })
}
