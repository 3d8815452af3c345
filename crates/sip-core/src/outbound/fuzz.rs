//! The body of the fuzz target `outbound`, a plain function so that tests replay the corpus.

use core::time::Duration;

use machine::{Machine, Time};

use super::{FlowPlan, FlowToken, KeepAlive, KeepAliveConfig, Output, Registration, RegistrationConfig, stun};
use crate::registrar::{GruuKey, Registrar, RegistrarConfig};
use crate::{Flow, Message};

/// Any datagram as STUN and as what a keep-alive gets; as a flow token; as a REGISTER to a registrar with outbound and GRUU;
/// and as the response to a REGISTER of ours.
///
/// # Panics
///
/// If an invariant is broken.
pub fn outbound(data: &[u8]) {
    let now = Time::from_secs(1_000);
    let source = ([192, 0, 2, 7], 5060).into();
    let flow = Flow::udp(([192, 0, 2, 1], 5060).into(), source);
    if let Some(answer) = stun::answer(data, source) {
        assert!(stun::is_stun(data) && stun::is_stun(&answer));
        assert!(answer.len() <= 80, "no amplifier: {}", answer.len());
        let response = stun::Response::read(&answer);
        assert!(response.is_some_and(|it| it.mapped.is_none_or(|mapped| mapped == source)));
    }
    let mut keep_alive = KeepAlive::new(now, flow, KeepAliveConfig::default(), [1; 32]);
    keep_alive.handle_timeout(now + Duration::from_secs(30));
    keep_alive.received(now, Some(data));
    assert_eq!(keep_alive.mapped(), None, "the transaction is not guessed");
    if let Ok(token) = core::str::from_utf8(data) {
        assert!(FlowToken::new([7; 32]).verify(token).is_err(), "nor is a token");
    }
    match Message::parse(data.to_vec().into()) {
        Ok(Message::Request(request)) => {
            let mut registrar = Registrar::new(RegistrarConfig {
                max_contacts: 3,
                gruu: Some(GruuKey::new("example.com", [3; 32])),
                ..RegistrarConfig::default()
            });
            for second in 0..2 {
                let result = registrar.register(now + Duration::from_secs(second), "a@b", &request, flow);
                assert!(registrar.bindings("a@b").len() <= 3);
                let Ok(response) = result else { continue };
                // What the registrar does not read it gives back as it came.
                let sound = request.validate().is_ok();
                let printed = Message::parse(response.to_bytes());
                assert!(printed.is_ok_and(|message| !sound || message.validate().is_ok()));
            }
            while let Some(due) = registrar.poll_timeout() {
                registrar.handle_timeout(due);
            }
            assert!(registrar.is_empty());
        }
        Ok(Message::Response(response)) => register_with(now, &response),
        Err(_) => {}
    }
}

fn register_with(now: Time, response: &crate::Response) {
    let (Ok(registrar), Ok(aor), Ok(contact)) = ("sip:b".parse(), "sip:a@b".parse(), "sip:a@192.0.2.7".parse()) else {
        return;
    };
    let mut config = RegistrationConfig::new(registrar, aor);
    config.instance = Some("urn:uuid:1".into());
    config.flows = vec![FlowPlan::new(contact)];
    let Ok(mut registration) = Registration::new(config, [1; 32]) else {
        return;
    };
    registration.start(now);
    let mut sent = 0;
    while let Some(output) = registration.poll_output() {
        if let Output::Send { reg_id, .. } = output {
            sent += 1;
            assert!(sent <= 4, "no endless loop of requests");
            registration.responded(now, reg_id, response.status(), Some(response));
        }
    }
    assert!(registration.service_route().len() <= Registration::MAX_ROUTE);
    assert!(registration.poll_timeout().is_none_or(|due| due > now));
}
