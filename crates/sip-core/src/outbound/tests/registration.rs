//! The client's side, alone and against the registrar.

use core::time::Duration;

use super::*;
use crate::registrar::{GruuKey, Registrar, RegistrarConfig};
use crate::{HeaderName, Message, Method, OutOfDialog, Request, Response, StatusCode};

const URN: &str = "urn:uuid:00000000-0000-1000-8000-aabbccddeeff";

fn config(flows: usize) -> RegistrationConfig {
    let mut config = RegistrationConfig::new(
        "sip:example.com".parse().unwrap(),
        "sip:bob@example.com".parse().unwrap(),
    );
    config.instance = Some(URN.into());
    config.flows = (0..flows)
        .map(|n| FlowPlan::new(format!("sip:bob@192.0.2.7:{}", 5060 + n).parse().unwrap()))
        .collect();
    config
}

fn registration(flows: usize) -> Registration {
    Registration::new(config(flows), [1; 32]).unwrap()
}

/// The REGISTERs among the outputs, with their flows.
fn requests(registration: &mut Registration) -> Vec<(u32, OutOfDialog)> {
    let sends = drain(registration).into_iter().filter_map(|output| match output {
        Output::Send { reg_id, request } => Some((reg_id, *request)),
        Output::Registered { .. } | Output::Failed { .. } | Output::Unregistered { .. } => None,
    });
    sends.collect()
}

/// The REGISTER as it comes to the registrar.
fn arrive(request: &OutOfDialog) -> Request {
    let mut made = Request::new(Method::Register, request.target.clone());
    let (call_id, cseq) = request.sequence.clone().unwrap();
    let headers = made.headers_mut();
    headers.push(HeaderName::Via, "SIP/2.0/UDP 192.0.2.7;branch=z9hG4bK1");
    headers.push(HeaderName::From, format!("{};tag=1", request.from));
    headers.push(HeaderName::To, request.to.to_string());
    headers.push(HeaderName::CallId, call_id);
    headers.push(HeaderName::CSeq, format!("{cseq} REGISTER"));
    for (name, value) in &request.headers {
        headers.push(name.clone(), value.clone());
    }
    let Ok(Message::Request(made)) = Message::parse(made.to_bytes()) else {
        panic!("a REGISTER that can be read");
    };
    made.validate().unwrap();
    made
}

fn registrar() -> Registrar {
    Registrar::new(RegistrarConfig {
        gruu: Some(GruuKey::new("example.com", [9; 32])),
        flow_timer: Some(Duration::from_secs(120)),
        service_route: vec!["sip:orig@pbx.example.com;lr".parse().unwrap()],
        ..RegistrarConfig::default()
    })
}

fn serve(registrar: &mut Registrar, now: Time, request: &OutOfDialog) -> Response {
    let request = arrive(request);
    match registrar.register(now, "bob@example.com", &request, udp()) {
        Ok(response) => response,
        Err(error) => error.to_response(&request),
    }
}

/// Lets the registrar answer all that is asked.
fn play(registration: &mut Registration, registrar: &mut Registrar, now: Time) -> Vec<Output> {
    let mut told = Vec::new();
    loop {
        let outputs = drain(registration);
        if outputs.is_empty() {
            return told;
        }
        for output in outputs {
            if let Output::Send { reg_id, request } = &output {
                let response = serve(registrar, now, request);
                registration.responded(now, *reg_id, response.status(), Some(&response));
            } else {
                told.push(output);
            }
        }
    }
}

#[test]
fn two_flows_of_one_device_are_registered_refreshed_and_ended() {
    let (mut phone, mut registrar) = (registration(2), registrar());
    phone.start(at(1000));
    let told = play(&mut phone, &mut registrar, at(1000));
    let registered = |reg_id| Output::Registered {
        reg_id,
        expires: Duration::from_secs(3600),
        outbound: true,
        flow_timer: Some(Duration::from_secs(120)),
    };
    assert_eq!(told, [registered(1), registered(2)]);
    let bindings = registrar.bindings("bob@example.com");
    assert_eq!(
        bindings.iter().map(|binding| binding.reg_id).collect::<Vec<_>>(),
        [Some(2), Some(1)]
    );
    assert_eq!(registrar.instances("bob@example.com").len(), 1, "one device");
    assert_eq!(
        phone.public_gruu().unwrap().to_string(),
        format!("sip:bob@example.com;gr={URN}")
    );
    let temporary = phone.temporary_gruu().unwrap().clone();
    assert_eq!(registrar.reach("", &temporary).unwrap().len(), 2);
    assert_eq!(phone.service_route()[0].to_string(), "sip:orig@pbx.example.com;lr");

    assert_eq!(phone.poll_timeout(), Some(at(4000)), "ten minutes before the end");
    phone.handle_timeout(at(4000));
    assert_eq!(play(&mut phone, &mut registrar, at(4000)).len(), 2);
    assert_eq!(registrar.len(), 2, "refreshed, not added");
    assert_ne!(phone.temporary_gruu(), Some(&temporary), "another each time");
    assert!(registrar.reach("", &temporary).is_ok(), "the old one goes on");

    phone.stop(at(5000));
    let told = play(&mut phone, &mut registrar, at(5000));
    assert_eq!(
        told,
        [Output::Unregistered { reg_id: 1 }, Output::Unregistered { reg_id: 2 }]
    );
    assert!(registrar.is_empty() && phone.poll_timeout().is_none());
}

#[test]
fn sequence_numbers_rise_under_one_call_id() {
    let (mut phone, mut registrar) = (registration(1), registrar());
    phone.start(at(1000));
    let first = requests(&mut phone).remove(0).1;
    let response = serve(&mut registrar, at(1000), &first);
    phone.responded(at(1000), 1, response.status(), Some(&response));
    phone.handle_timeout(at(4000));
    let second = requests(&mut phone).remove(0).1;
    let ((a, one), (b, two)) = (first.sequence.unwrap(), second.sequence.unwrap());
    assert_eq!(a, b);
    assert_eq!(two - one, 2, "room for the answer to a challenge");
}

#[test]
fn a_dead_flow_is_registered_anew_after_a_while() {
    let (mut phone, mut registrar) = (registration(2), registrar());
    phone.start(at(1000));
    play(&mut phone, &mut registrar, at(1000));
    let before = phone.temporary_gruu().cloned();
    assert!(phone.flow_failed(at(1100), 1));
    assert!(!phone.flow_failed(at(1100), 1), "once");
    assert!(!phone.flow_failed(at(1100), 7), "no such flow");
    let outputs = drain(&mut phone);
    let [
        Output::Failed {
            reg_id: 1,
            status,
            retry,
        },
    ] = outputs[..]
    else {
        panic!("{outputs:?}");
    };
    assert_eq!(status, StatusCode::FLOW_FAILED);
    assert!(
        retry >= at(1145) && retry <= at(1190),
        "90 s, the other flow works: {retry:?}"
    );
    assert!(!phone.is_registered(1) && phone.is_registered(2));
    assert_ne!(phone.temporary_gruu(), before.as_ref(), "that of a flow that works");
    assert!(registrar.reach("", phone.temporary_gruu().unwrap()).is_ok());
    phone.handle_timeout(retry);
    play(&mut phone, &mut registrar, retry);
    assert!(phone.is_registered(1));
    assert_eq!(registrar.len(), 2, "the flow took its old place");
}

#[test]
fn failures_in_a_row_are_tried_ever_more_seldom() {
    let mut phone = registration(1);
    let mut now = at(1000);
    phone.start(now);
    for (least, most) in [(15, 30), (30, 60), (60, 120), (120, 240)] {
        assert_eq!(requests(&mut phone).len(), 1);
        phone.responded(now, 1, StatusCode::REQUEST_TIMEOUT, None);
        let Some(Output::Failed { retry, .. }) = phone.poll_output() else {
            panic!()
        };
        assert!(retry - now >= Duration::from_secs(least) && retry - now <= Duration::from_secs(most));
        now = retry;
        phone.handle_timeout(now);
    }
    let request = arrive(&requests(&mut phone).remove(0).1);
    let mut busy = Response::to_request(&request, StatusCode::SERVICE_UNAVAILABLE, None);
    busy.headers_mut().push(HeaderName::RetryAfter, "3000");
    phone.responded(now, 1, busy.status(), Some(&busy));
    assert_eq!(phone.poll_timeout(), Some(now + Duration::from_secs(3000)));
}

#[test]
fn a_registrar_that_wants_longer_is_given_longer() {
    let mut config = config(1);
    config.expires = Duration::from_secs(10);
    let mut phone = Registration::new(config, [1; 32]).unwrap();
    let mut registrar = registrar();
    phone.start(at(1000));
    let told = play(&mut phone, &mut registrar, at(1000));
    assert!(matches!(told[..], [Output::Registered { expires, .. }] if expires == Duration::from_secs(60)));
    // But not for ever.
    let mut greedy = registration(1);
    greedy.start(at(1000));
    let request = arrive(&requests(&mut greedy).remove(0).1);
    let mut brief = Response::to_request(&request, StatusCode::INTERVAL_TOO_BRIEF, None);
    brief.headers_mut().push(HeaderName::MinExpires, "86401");
    greedy.responded(at(1000), 1, brief.status(), Some(&brief));
    assert!(matches!(greedy.poll_output(), Some(Output::Failed { .. })));
}

#[test]
fn a_first_hop_without_outbound_makes_the_first_flow_plain_and_the_others_fail() {
    let mut phone = registration(2);
    phone.start(at(1000));
    for (reg_id, request) in requests(&mut phone) {
        let refused = Response::to_request(&arrive(&request), StatusCode::FIRST_HOP_LACKS_OUTBOUND_SUPPORT, None);
        phone.responded(at(1000), reg_id, refused.status(), Some(&refused));
    }
    let outputs = drain(&mut phone);
    let [Output::Send { reg_id: 1, request }, Output::Failed { reg_id: 2, .. }] = &outputs[..] else {
        panic!("{outputs:?}");
    };
    let request = arrive(request);
    let contact = request.headers().get_str(&HeaderName::Contact).unwrap();
    assert!(
        !contact.contains("reg-id") && contact.contains("+sip.instance"),
        "{contact}"
    );
    assert_eq!(request.headers().get_str(&HeaderName::Supported), Some("path, gruu"));
}

#[test]
fn ending_while_a_register_is_under_way_waits_for_it() {
    let (mut phone, mut registrar) = (registration(1), registrar());
    phone.start(at(1000));
    let (reg_id, request) = requests(&mut phone).remove(0);
    phone.stop(at(1001));
    assert_eq!(drain(&mut phone), []);
    let response = serve(&mut registrar, at(1001), &request);
    phone.responded(at(1001), reg_id, response.status(), Some(&response));
    let told = play(&mut phone, &mut registrar, at(1001));
    assert_eq!(told.last(), Some(&Output::Unregistered { reg_id: 1 }));
    assert!(
        registrar.is_empty(),
        "what was registered at the last moment is ended, too"
    );
}

#[test]
fn a_phone_that_starts_again_while_it_ends_is_registered_in_the_end() {
    let (mut phone, mut registrar) = (registration(1), registrar());
    phone.start(at(1000));
    play(&mut phone, &mut registrar, at(1000));
    phone.stop(at(1001));
    let (reg_id, request) = requests(&mut phone).remove(0);
    phone.start(at(1002));
    let response = serve(&mut registrar, at(1002), &request);
    phone.responded(at(1002), reg_id, response.status(), Some(&response));
    play(&mut phone, &mut registrar, at(1002));
    assert!(phone.is_registered(1) && registrar.len() == 1);
}

#[test]
fn flows_at_the_limit_and_one_past_it() {
    assert!(Registration::new(config(Registration::MAX_FLOWS), [1; 32]).is_ok());
    let refused = |config| Registration::new(config, [1; 32]).err();
    assert_eq!(
        refused(config(Registration::MAX_FLOWS + 1)),
        Some(RegistrationError::Flows)
    );
    assert_eq!(refused(config(0)), Some(RegistrationError::Flows));
    let mut nameless = config(2);
    nameless.instance = None;
    assert_eq!(refused(nameless), Some(RegistrationError::NoInstance));
}

#[test]
fn service_routes_at_the_limit_and_one_past_it() {
    for (given, kept) in [
        (Registration::MAX_ROUTE, Registration::MAX_ROUTE),
        (Registration::MAX_ROUTE + 1, Registration::MAX_ROUTE),
    ] {
        let (mut phone, mut registrar) = (registration(1), registrar());
        phone.start(at(1000));
        let (reg_id, request) = requests(&mut phone).remove(0);
        let mut response = serve(&mut registrar, at(1000), &request);
        response.headers_mut().remove(&HeaderName::ServiceRoute);
        for n in 0..given {
            response
                .headers_mut()
                .push(HeaderName::ServiceRoute, format!("<sip:p{n};lr>"));
        }
        phone.responded(at(1000), reg_id, response.status(), Some(&response));
        assert_eq!(phone.service_route().len(), kept);
    }
}

#[test]
fn a_plain_registrar_serves_a_plain_phone() {
    let mut config = config(1);
    config.instance = None;
    let mut phone = Registration::new(config, [1; 32]).unwrap();
    let mut registrar = Registrar::new(RegistrarConfig::default());
    phone.start(at(1000));
    let told = play(&mut phone, &mut registrar, at(1000));
    let expected = Output::Registered {
        reg_id: 1,
        expires: Duration::from_secs(3600),
        outbound: false,
        flow_timer: None,
    };
    assert_eq!(told, [expected]);
    assert_eq!((phone.public_gruu(), phone.temporary_gruu()), (None, None));
}

#[cfg(feature = "serde")]
#[test]
fn a_registration_is_written_and_read_back() {
    let (mut phone, mut registrar) = (registration(2), registrar());
    phone.start(at(1000));
    play(&mut phone, &mut registrar, at(1000));
    let text = serde_json::to_string(&phone).unwrap();
    let mut again: Registration = serde_json::from_str(&text).unwrap();
    assert_eq!(serde_json::to_string(&again).unwrap(), text);
    again.handle_timeout(at(4000));
    phone.handle_timeout(at(4000));
    assert_eq!(drain(&mut again), drain(&mut phone));
}
