//! Who takes part in a flow, what they do, and the ladder of what was sent.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::Duration;

use machine::Time;
use sip_core::auth::{Algorithm, Secret, Server, ServerConfig};
use sip_core::header::EventHeader;
use sip_core::proxy::{self, Proxy, ProxyConfig, Target, TargetSet};
use sip_core::{
    Body, Credentials, Endpoint, EndpointConfig, Event, Flow, HeaderName, Headers, Invite, Message, NameAddr, Notify,
    ReferId, Referral, Reply, Request, SessionId, StatusCode, Subscribe, SubscriptionId, Transport, Uri,
};

use crate::network::{Network, ms};

/// A network whose parts have names.
pub struct Stage {
    pub net: Network,
    names: BTreeMap<SocketAddr, String>,
    people: BTreeMap<usize, NameAddr>,
}

/// The messages of a flow by their numbers.
pub struct Ladder(BTreeMap<u32, Message>);

pub fn uri(text: &str) -> Uri {
    Uri::parse(text.as_bytes()).unwrap()
}

pub fn sdp(text: &'static str) -> Reply {
    Reply::new().body(Body::sdp(text))
}

/// What Alice says to the proxies that know her.
pub fn credentials() -> Credentials {
    Credentials::new("alice", "secret").with_realm("atlanta.example.com")
}

/// A digest server that knows `alice`.
pub fn digest(realm: &str) -> (Server, Secret) {
    let mut config = ServerConfig::default();
    config.algorithms = vec![Algorithm::Sha256];
    let server = Server::new(realm, config, [3; 32]);
    (server, Secret::from_password("alice", realm, "secret"))
}

pub fn three() -> (Stage, usize, usize, usize) {
    let mut stage = Stage::new();
    let alice = stage.phone("alice", "atlanta.example.com");
    let bob = stage.phone("bob", "biloxi.example.com");
    let carol = stage.phone("carol", "chicago.example.com");
    (stage, alice, bob, carol)
}

/// The ladder of a call from one to another, and of its end.
pub fn call(from: &str, to: &str) -> String {
    format!("- {from} → {to} INVITE\n- {to} → {from} 200 INVITE\n- {from} → {to} ACK\n")
}

pub fn bye(from: &str, to: &str) -> String {
    format!("- {from} → {to} BYE\n- {to} → {from} 200 BYE\n")
}

pub fn told(to: &str, from: &str) -> String {
    format!("- {from} → {to} NOTIFY\n- {to} → {from} 200 NOTIFY\n")
}

pub fn subscribed(from: &str, to: &str) -> String {
    format!("- {from} → {to} SUBSCRIBE\n- {to} → {from} 200 SUBSCRIBE\n")
}

/// The Refer-To with which another may replace a phone's session with its peer.
pub fn replacing(stage: &Stage, peer: usize, node: usize, session: SessionId) -> NameAddr {
    let uri = stage
        .contact(peer)
        .with_header("Replaces", &stage.replaces(node, session));
    NameAddr::new(uri)
}

impl Stage {
    pub fn new() -> Self {
        Self {
            net: Network::new(1),
            names: BTreeMap::new(),
            people: BTreeMap::new(),
        }
    }

    /// A phone, at 192.0.2.101 and so on; its user is `name@domain`.
    pub fn phone(&mut self, name: &str, domain: &str) -> usize {
        self.phone_with(name, domain, |_| {})
    }

    pub fn phone_with(&mut self, name: &str, domain: &str, configure: impl FnOnce(&mut EndpointConfig)) -> usize {
        let address = format!("192.0.2.{}:5060", 101 + self.net.nodes.len());
        let node = self.net.agent(&address, configure);
        let display = name[..1].to_uppercase() + &name[1..];
        let person = NameAddr::new(uri(&format!("sip:{name}@{domain}"))).with_display(&display);
        self.people.insert(node, person);
        self.names.insert(address.parse().unwrap(), name.to_owned());
        node
    }

    /// A proxy, at 192.0.2.1 and so on.
    pub fn proxy(&mut self, name: &str, domain: &str, configure: impl FnOnce(&mut ProxyConfig)) -> usize {
        let address = format!("192.0.2.{}:5060", 1 + self.net.nodes.len());
        self.names.insert(address.parse().unwrap(), name.to_owned());
        self.net.proxy(&address, domain, configure)
    }

    /// An address where nobody answers.
    pub fn dark(&mut self, name: &str, address: &str) -> SocketAddr {
        let address = address.parse().unwrap();
        self.names.insert(address, name.to_owned());
        address
    }

    /// A phone has a second address.
    pub fn also_at(&mut self, node: usize, address: &str) {
        let address = address.parse().unwrap();
        let name = self.names[&self.net.address(node)].clone();
        self.names.insert(address, name);
        self.net.nodes[node].addresses.push((Transport::Udp, address));
    }

    /// A proxy knows where users are: `user@host` at these phones, all at once.
    pub fn locate(&mut self, proxy: usize, aor: &str, phones: &[usize]) {
        let contact = |phone: &usize| Target::new(self.contact(*phone));
        let targets = TargetSet::parallel(phones.iter().map(contact).collect::<Vec<_>>());
        self.net.router(proxy).locate(aor, targets);
    }

    /// A proxy knows where a domain's proxy is.
    pub fn resolve(&mut self, proxy: usize, domain: &str, other: usize) {
        let address = self.net.address(other).to_string();
        self.net.router(proxy).name(domain, Transport::Udp, &address);
    }

    /// A proxy decides by itself about some events.
    pub fn policy(&mut self, proxy: usize, policy: impl FnMut(&mut Proxy, Time, &proxy::Event) -> bool + 'static) {
        self.net.router(proxy).policy(policy);
    }

    /// A proxy lets nobody through who does not prove to be Alice.
    pub fn challenge(&mut self, proxy: usize, realm: &str) {
        let (mut server, secret) = digest(realm);
        self.policy(proxy, move |proxy, now, event| {
            let proxy::Event::Request { context, request, .. } = event else {
                return false;
            };
            match server.authenticate_proxied(now, request, |user| (user == "alice").then_some(&secret)) {
                Ok(_) => false,
                Err(refusal) => {
                    let status = refusal.status;
                    proxy.respond(now, *context, status, refusal.into()).unwrap();
                    true
                }
            }
        });
    }

    /// The user of a phone.
    pub fn person(&self, node: usize) -> NameAddr {
        self.people[&node].clone()
    }

    /// Where a phone is reached.
    pub fn contact(&self, node: usize) -> Uri {
        let user = self.people[&node].uri.user().unwrap().into_owned();
        let address = self.net.address(node);
        Uri::sip(Some(&user), address.ip(), Some(address.port()))
    }

    pub fn flow_to(&self, from: usize, to: usize) -> Flow {
        Flow::udp(self.net.address(from), self.net.address(to))
    }

    /// Lets a phone do something, and what it sends take its way.
    pub fn act<T>(&mut self, node: usize, act: impl FnOnce(&mut Endpoint, Time) -> T) -> T {
        let result = self.net.act(node, act);
        self.net.quiet();
        result
    }

    /// Lets so much time pass that each proxy on the way of an INVITE has sent 100 (after 200 ms), but the phone at its end
    /// not yet: in the RFCs' ladders phones ring before that.
    pub fn dwell(&mut self) {
        self.net.run(ms(195));
    }

    pub fn wait(&mut self, time: Duration) {
        self.net.run(time);
        self.net.quiet();
    }

    /// An INVITE with an offer, sent to the node `hop` first.
    pub fn invite(&self, from: usize, target: &str, hop: usize) -> Invite {
        let target = uri(target);
        let mut invite = Invite::new(target.clone(), self.person(from), NameAddr::new(target));
        invite.flow = Some(self.flow_to(from, hop));
        invite.body = Some(Body::sdp("offer"));
        invite.contact_user = self.people[&from].uri.user().map(Into::into);
        invite
    }

    /// As [`invite`](Self::invite) with a pre-loaded Route to the outbound proxy.
    pub fn routed(&self, from: usize, target: &str, proxy: usize) -> Invite {
        let mut invite = self.invite(from, target, proxy);
        let hop = self.net.address(proxy);
        invite.route = vec![Uri::sip(None, hop.ip(), Some(hop.port())).with_param("lr", None)];
        invite
    }

    pub fn call(&mut self, from: usize, invite: Invite) -> SessionId {
        self.act(from, |endpoint, now| endpoint.invite(now, invite)).unwrap()
    }

    /// One phone calls another, straight.
    pub fn dial(&mut self, from: usize, to: usize) -> SessionId {
        let target = self.contact(to).to_string();
        self.call(from, self.invite(from, &target, to))
    }

    /// The last INVITE that came to a phone.
    pub fn incoming(&self, node: usize) -> SessionId {
        self.net.incoming(node)
    }

    /// The last INVITE that came to a phone, whole.
    pub fn invited(&self, node: usize) -> Event {
        let events = self.net.nodes[node].events.iter().rev();
        let mut invites = events.filter(|(_, event)| matches!(event, Event::Invite { .. }));
        invites.next().expect("an INVITE came").1.clone()
    }

    pub fn ring(&mut self, node: usize) -> SessionId {
        let session = self.incoming(node);
        self.act(node, |endpoint, now| {
            endpoint.provisional(now, session, StatusCode::RINGING, Reply::new())
        })
        .unwrap();
        session
    }

    pub fn answer(&mut self, node: usize, session: SessionId) {
        self.act(node, |endpoint, now| endpoint.answer(now, session, sdp("answer")))
            .unwrap();
    }

    /// Answers the last INVITE at once.
    pub fn pick_up(&mut self, node: usize) -> SessionId {
        let session = self.incoming(node);
        self.answer(node, session);
        session
    }

    /// Answers the last INVITE, and hangs up the call that it replaces.
    pub fn take_over(&mut self, node: usize) -> SessionId {
        let Event::Invite {
            session,
            replaces: Some(Ok(old)),
            ..
        } = self.invited(node)
        else {
            panic!("an INVITE that replaces a call came")
        };
        self.net.act(node, |endpoint, now| {
            endpoint.answer(now, session, sdp("answer")).unwrap();
        });
        self.net.quiet();
        self.hang_up(node, old);
        session
    }

    pub fn reject(&mut self, node: usize, status: StatusCode) {
        let session = self.incoming(node);
        self.act(node, |endpoint, now| {
            endpoint.reject(now, session, status, Reply::new())
        })
        .unwrap();
    }

    pub fn hang_up(&mut self, node: usize, session: SessionId) {
        self.act(node, |endpoint, now| endpoint.hang_up(now, session, None))
            .unwrap();
    }

    /// Two phones in a call, straight; its messages are in the ladder. The sessions of caller and callee.
    pub fn talk(&mut self, from: usize, to: usize) -> (SessionId, SessionId) {
        let caller = self.dial(from, to);
        let callee = self.pick_up(to);
        (caller, callee)
    }

    /// One side offers anew, the other one agrees.
    pub fn change(&mut self, node: usize, session: SessionId, offer: &'static str, other: usize) {
        self.act(node, |endpoint, now| endpoint.reinvite(now, session, sdp(offer)))
            .unwrap();
        let found = self.net.nodes[other]
            .events
            .iter()
            .rev()
            .find_map(|(_, event)| match event {
                Event::Reinvite { session, .. } => Some(*session),
                _ => None,
            });
        self.answer(other, found.expect("a re-INVITE came"));
    }

    /// The session of the last re-INVITE that came to a phone.
    pub fn last_reinvited(&self, node: usize) -> SessionId {
        let found = self.net.nodes[node]
            .events
            .iter()
            .rev()
            .find_map(|(_, event)| match event {
                Event::Reinvite { session, .. } => Some(*session),
                _ => None,
            });
        found.expect("a re-INVITE came")
    }

    /// Another name for a phone in the ladder.
    pub fn rename(&mut self, node: usize, name: &str) {
        self.names.insert(self.net.address(node), name.to_owned());
    }

    /// A phone watches another's calls. The subscriptions of watcher and watched.
    pub fn watch(&mut self, from: usize, to: usize, time: Duration) -> (SubscriptionId, SubscriptionId) {
        self.watch_event(from, to, self.contact(to), "dialog", time)
    }

    /// A phone watches any state of another's.
    pub fn watch_event(
        &mut self,
        from: usize,
        to: usize,
        target: Uri,
        event: &str,
        time: Duration,
    ) -> (SubscriptionId, SubscriptionId) {
        let subscribe = Subscribe::new(
            target,
            self.person(from),
            self.person(to),
            EventHeader::new(event),
            time,
        );
        let ours = self
            .act(from, |endpoint, now| endpoint.subscribe(now, subscribe))
            .unwrap();
        let Some(Event::Subscribe { request_id, .. }) = self.net.events(to).pop() else {
            panic!("no SUBSCRIBE came")
        };
        let theirs = self.act(to, |endpoint, now| endpoint.accept_subscription(now, request_id, time));
        (ours, theirs.unwrap())
    }

    pub fn notify(&mut self, node: usize, subscription: SubscriptionId, body: Body) {
        self.act(node, |endpoint, now| {
            endpoint.notify(now, subscription, Notify::active(body))
        })
        .unwrap();
    }

    /// The watcher gives up; with that it is told the last state once more.
    pub fn unwatch(&mut self, node: usize, subscription: SubscriptionId) {
        self.act(node, |endpoint, now| endpoint.unsubscribe(now, subscription))
            .unwrap();
    }

    /// A phone says what it can do, to who asked last.
    pub fn answer_options(&mut self, node: usize) {
        let found = self.net.events(node).into_iter().find_map(|event| match event {
            Event::Request { request_id, .. } => Some(request_id),
            _ => None,
        });
        let asked = found.expect("an OPTIONS came");
        self.act(node, |endpoint, now| {
            endpoint.respond(now, asked, StatusCode::OK, Reply::new())
        })
        .unwrap();
    }

    /// A REFER outside of any dialog.
    pub fn send_refer(
        &mut self,
        from: usize,
        to: usize,
        refer_to: NameAddr,
        headers: &[(HeaderName, &str)],
    ) -> SubscriptionId {
        let referral = self.referral(from, to, refer_to, headers);
        self.act(from, |endpoint, now| endpoint.send_refer(now, referral))
            .unwrap()
    }

    pub fn referral(&self, from: usize, to: usize, refer_to: NameAddr, headers: &[(HeaderName, &str)]) -> Referral {
        let mut referral = Referral::new(self.contact(to), self.person(from), self.person(to), refer_to);
        let owned = |(name, value): &(HeaderName, &str)| (name.clone(), value.to_string().into());
        referral.headers = headers.iter().map(owned).collect();
        referral
    }

    /// The last REFER that came to a phone.
    pub fn referred(&self, node: usize) -> (ReferId, NameAddr, Request) {
        let found = self.net.nodes[node]
            .events
            .iter()
            .rev()
            .find_map(|(_, event)| match event {
                Event::Refer {
                    refer,
                    refer_to,
                    request,
                    ..
                } => Some((*refer, refer_to.clone(), request.clone())),
                _ => None,
            });
        found.expect("a REFER came")
    }

    /// The session that the last REFER names with `Target-Dialog`.
    pub fn target_dialog(&self, node: usize) -> Option<SessionId> {
        let events = self.net.nodes[node].events.iter().rev();
        let mut named = events.filter_map(|(_, event)| match event {
            Event::Refer { target_dialog, .. } => Some(*target_dialog),
            _ => None,
        });
        named.next().expect("a REFER came")
    }

    pub fn accept_refer(&mut self, node: usize) -> (ReferId, NameAddr) {
        let (refer, refer_to, _) = self.referred(node);
        self.act(node, |endpoint, now| endpoint.accept_refer(now, refer))
            .unwrap();
        (refer, refer_to)
    }

    pub fn notify_refer(&mut self, node: usize, refer: ReferId, status: StatusCode) {
        self.act(node, |endpoint, now| endpoint.notify_refer(now, refer, status, None))
            .unwrap();
    }

    /// The call that a Refer-To asks for, with the headers of its URI, to the node `hop`.
    pub fn call_referred(&mut self, node: usize, refer_to: &NameAddr, hop: usize) -> SessionId {
        let (_, _, refer) = self.referred(node);
        let mut invite = Invite::referred(refer_to, &refer, self.person(node)).unwrap();
        invite.flow = Some(self.flow_to(node, hop));
        invite.body = Some(Body::sdp("offer"));
        self.call(node, invite)
    }

    /// How a dialog is named towards the peer in `Replaces`, `Join` and `Target-Dialog`.
    pub fn dialog(&self, node: usize, session: SessionId) -> (String, String, String) {
        let info = self.net.endpoint(node).session_info(session).unwrap();
        let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
        (text(&info.call_id), text(&info.local_tag), text(&info.remote_tag))
    }

    /// The value of a `Replaces` that names a session to its peer.
    pub fn replaces(&self, node: usize, session: SessionId) -> String {
        let (call_id, local, remote) = self.dialog(node, session);
        format!("{call_id};to-tag={remote};from-tag={local}")
    }

    /// As [`replaces`](Self::replaces), for who is to be replaced at this phone itself.
    pub fn replaces_at(&self, node: usize, session: SessionId) -> String {
        let (call_id, local, remote) = self.dialog(node, session);
        format!("{call_id};to-tag={local};from-tag={remote}")
    }

    /// The names of what happened to a phone; taken away.
    pub fn events(&mut self, node: usize) -> Vec<String> {
        let name = |event: Event| {
            let text = format!("{event:?}");
            text.split([' ', '{']).next().unwrap().to_owned()
        };
        self.net.events(node).into_iter().map(name).collect()
    }

    fn name_of(&self, address: SocketAddr) -> String {
        self.names.get(&address).cloned().unwrap_or_else(|| address.to_string())
    }

    /// What was sent, in order: `alice → proxy1 INVITE`, `proxy1 → alice 407 INVITE`.
    fn lines(&self) -> Vec<(String, Message)> {
        let line = |(node, flow, data): &(usize, Flow, bytes::Bytes)| {
            let message = Message::parse(data.clone()).unwrap();
            let what = match &message {
                Message::Request(request) => request.method().as_str().to_owned(),
                Message::Response(response) => {
                    format!("{} {}", response.status(), response.method().unwrap().as_str())
                }
            };
            let (from, to) = (self.name_of(self.net.address(*node)), self.name_of(flow.remote));
            (format!("{from} → {to} {what}"), message)
        };
        self.net.trace.iter().map(line).collect()
    }

    /// Forgets what was sent so far.
    pub fn curtain(&mut self) {
        self.net.trace.clear();
    }

    /// Lets all time pass, and checks that nothing is left and that exactly these messages were sent.
    pub fn end(&mut self, expected: &str) -> Ladder {
        self.net.settle();
        self.so_far(expected)
    }

    /// Checks that exactly these messages were sent until now.
    pub fn so_far(&mut self, expected: &str) -> Ladder {
        let sent = self.lines();
        let mut numbers = Vec::new();
        let mut lines = Vec::new();
        for line in expected.lines().map(str::trim).filter(|line| !line.is_empty()) {
            let (number, rest) = line.split_once(' ').unwrap();
            numbers.push(number.strip_prefix('F').and_then(|number| number.parse().ok()));
            lines.push(rest.split_whitespace().collect::<Vec<_>>().join(" "));
        }
        let happened: Vec<_> = sent.iter().map(|(line, _)| line.clone()).collect();
        assert_eq!(
            happened,
            lines,
            "what was sent, and what is expected:\n{}",
            happened.join("\n")
        );
        let numbered = numbers.into_iter().zip(sent);
        Ladder(
            numbered
                .filter_map(|(number, (_, message))| Some((number?, message)))
                .collect(),
        )
    }
}

impl Ladder {
    fn message(&self, number: u32) -> &Message {
        self.0.get(&number).unwrap_or_else(|| panic!("no F{number}"))
    }

    pub fn request(&self, number: u32) -> &Request {
        match self.message(number) {
            Message::Request(request) => request,
            Message::Response(_) => panic!("F{number} is a response"),
        }
    }

    fn headers(&self, number: u32) -> &Headers {
        match self.message(number) {
            Message::Request(request) => request.headers(),
            Message::Response(response) => response.headers(),
        }
    }

    /// The items of a header.
    pub fn all(&self, number: u32, name: &str) -> Vec<String> {
        let name = HeaderName::parse(name.as_bytes()).unwrap();
        let items = self.headers(number).items(&name);
        items.map(|item| String::from_utf8(item.to_vec()).unwrap()).collect()
    }

    /// The value of a header that is there once.
    pub fn get(&self, number: u32, name: &str) -> String {
        let name = HeaderName::parse(name.as_bytes()).unwrap();
        let values: Vec<_> = self.headers(number).values(&name).collect();
        assert_eq!(values.len(), 1, "{name} of F{number}");
        String::from_utf8(values[0].to_vec()).unwrap()
    }

    pub fn has(&self, number: u32, name: &str) -> bool {
        !self.all(number, name).is_empty()
    }

    pub fn target(&self, number: u32) -> String {
        String::from_utf8(self.request(number).uri().to_vec()).unwrap()
    }

    pub fn cseq(&self, number: u32) -> u32 {
        self.get(number, "CSeq").split(' ').next().unwrap().parse().unwrap()
    }

    /// The tag of From or To.
    pub fn tag(&self, number: u32, name: &str) -> Option<String> {
        let value = NameAddr::parse(self.get(number, name).as_bytes()).unwrap();
        value.tag().map(str::to_owned)
    }

    /// How many hops the message had come over, each with a branch of its own.
    pub fn hops(&self, number: u32) -> usize {
        let mut branches: Vec<_> = self.all(number, "Via");
        branches.iter_mut().for_each(|via| {
            let from = via.find("branch=").expect("a branch");
            *via = via[from..].split([';', ',']).next().unwrap().to_owned();
        });
        let all = branches.len();
        branches.sort();
        branches.dedup();
        assert_eq!(branches.len(), all, "branches of F{number}");
        all
    }

    pub fn body(&self, number: u32) -> String {
        let body = match self.message(number) {
            Message::Request(request) => request.body(),
            Message::Response(response) => response.body(),
        };
        String::from_utf8(body.to_vec()).unwrap()
    }

    /// All these messages belong to one dialog or INVITE: Call-ID, and the tags in either order.
    pub fn same_call(&self, numbers: &[u32]) {
        let call_id = self.get(numbers[0], "Call-ID");
        for &number in numbers {
            assert_eq!(self.get(number, "Call-ID"), call_id, "F{number}");
        }
    }
}
