//! What is kept of messages: not the datagrams that they came in.

use super::*;

/// A message of 60 kilobytes, and whether anybody still has a part of it.
fn watched(text: &str) -> (Bytes, std::sync::Weak<()>) {
    struct Owner(Vec<u8>, #[expect(dead_code, reason = "it is there")] std::sync::Arc<()>);
    impl AsRef<[u8]> for Owner {
        fn as_ref(&self) -> &[u8] {
            &self.0
        }
    }
    let alive = std::sync::Arc::new(());
    let weak = std::sync::Arc::downgrade(&alive);
    let padding = format!("X-Padding: {}\r\n", "x".repeat(7_000)).repeat(8);
    let text = text.replacen("Max-Forwards", &format!("{padding}Max-Forwards"), 1);
    (Bytes::from_owner(Owner(text.into_bytes(), alive)), weak)
}

/// Longer than what is held in place anyway.
const LONG: &str = "a-rather-long-value-of-more-than-thirty-octets";

/// A request in which everything is long.
fn long(method: &str, name: &str, more: &str) -> String {
    let route = format!("Record-Route: <sip:{LONG}.example.com;lr;{LONG}={LONG}>\r\n");
    text(method, name, &format!("{route}{more}"))
        .replace("<sip:a@", &format!("\"{LONG}\" <sip:{LONG}@"))
        .replace(";tag=a", &format!(";tag=a{LONG}"))
        .replace(&format!("Call-ID: {name}"), &format!("Call-ID: {name}{LONG}"))
}

#[test]
fn flood_state_does_not_keep_the_messages_that_it_came_in() {
    let mut endpoint = endpoint(|_| {});
    let (invite, of_invite) = watched(&long("INVITE", "1", ""));
    endpoint.receive(START, udp(1), invite);
    let Some(Output::Event(Event::Invite { session, request, .. })) = endpoint.poll_output() else {
        panic!()
    };
    assert!(of_invite.upgrade().is_some());
    drop(request);
    assert!(of_invite.upgrade().is_none(), "the session keeps its INVITE");
    endpoint.answer(START, session, Reply::new()).unwrap();

    let event = format!(
        "Event: dialog;id={LONG};{LONG}={LONG}\r\nAccept: application/dialog-info+xml;{LONG}\r\nExpires: 60\r\n"
    );
    let (subscribe, of_subscribe) = watched(&long("SUBSCRIBE", "2", &event));
    drain(&mut endpoint);
    endpoint.receive(START, udp(1), subscribe);
    let Some(Output::Event(Event::Subscribe { request_id, .. })) = endpoint.poll_output() else {
        panic!()
    };
    endpoint.accept_subscription(START, request_id, secs(60)).unwrap();
    drain(&mut endpoint);
    assert!(of_subscribe.upgrade().is_none(), "the subscription keeps its SUBSCRIBE");

    let refer = format!("Refer-To: <sip:{LONG}@example.com>\r\nReferred-By: <sip:{LONG}@example.com>\r\n");
    let (refer, of_refer) = watched(&long("REFER", "3", &refer));
    endpoint.receive(START, udp(1), refer);
    let Some(Output::Event(Event::Refer { refer, .. })) = endpoint.poll_output() else {
        panic!()
    };
    endpoint.accept_refer(START, refer).unwrap();
    drain(&mut endpoint);
    assert!(of_refer.upgrade().is_none(), "the REFER keeps its message");
    let live = endpoint.live();
    assert_eq!((live.sessions, live.subscriptions, live.refers), (1, 1, 1));
}

#[test]
fn flood_calls_do_not_keep_the_answers_that_they_got() {
    let mut endpoint = endpoint(|_| {});
    let target = Uri::parse(b"sip:bob@198.51.100.1").unwrap();
    let invite = sip_core::Invite::new(target.clone(), address(0), address(1));
    let ours = endpoint.invite(START, invite).unwrap();
    let Some(Output::Transmit(sent)) = endpoint.poll_output() else {
        panic!()
    };
    let Ok(Message::Request(sent)) = Message::parse(sent.data) else {
        panic!()
    };
    let mut ok = sip_core::Response::to_request(&sent, StatusCode::OK, None);
    ok.set_to_tag(LONG);
    ok.headers_mut()
        .push(HeaderName::Contact, format!("<sip:{LONG}@198.51.100.1;{LONG}>"));
    ok.headers_mut()
        .push(HeaderName::RecordRoute, format!("<sip:{LONG};lr>"));
    ok.headers_mut().push(HeaderName::MaxForwards, "70");
    let (ok, of_ok) = watched(core::str::from_utf8(&ok.to_bytes()).unwrap());
    endpoint.receive(START, udp(1), ok);
    assert!(matches!(
        endpoint.poll_output(),
        Some(Output::Event(Event::Answered { .. }))
    ));
    drain(&mut endpoint);
    assert!(endpoint.session_info(ours).is_some());
    assert!(of_ok.upgrade().is_none(), "the session keeps its 200");
}

#[test]
fn flood_bindings_do_not_keep_their_requests() {
    let contact = format!("Contact: <sip:{LONG}@198.51.100.1;{LONG}={LONG}>;+sip.instance=\"<urn:{LONG}>\"\r\n");
    let more = format!("{contact}Path: <sip:{LONG};lr>\r\nUser-Agent: {LONG}\r\n");
    let (register, of_register) = watched(&long("REGISTER", "4", "").replace("Contact: ", &format!("{more}Contact: ")));
    let Ok(Message::Request(register)) = Message::parse(register) else {
        panic!()
    };
    let mut registrar = sip_core::registrar::Registrar::new(sip_core::registrar::RegistrarConfig::default());
    registrar.register(START, "1001", &register, udp(1)).unwrap();
    drop(register);
    while registrar.poll_output().is_some() {}
    assert_eq!(registrar.len(), 1);
    assert!(of_register.upgrade().is_none(), "the binding keeps its REGISTER");
}
