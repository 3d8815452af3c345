//! Answering a call takes an embedder at most ten lines.

use machine::{Machine, Time};
use sip_core::{Endpoint, EndpointError, Event, Output, Transmit};

use crate::network::{secs, start_line};
use crate::stage::{Stage, sdp};

// ten lines: begin
fn serve(endpoint: &mut Endpoint, now: Time, mut send: impl FnMut(Transmit)) -> Result<(), EndpointError> {
    while let Some(output) = endpoint.poll_output() {
        match output {
            Output::Event(Event::Invite { session, .. }) => endpoint.answer(now, session, sdp("v=0…"))?,
            Output::Transmit(transmit) => send(transmit),
            _ => {}
        }
    }
    Ok(())
}
// ten lines: end

#[test]
fn a_call_is_answered_in_ten_lines() {
    let source = include_str!("ten_lines.rs");
    let shown = source.split("// ten lines: begin\n").nth(1).unwrap();
    let shown = shown.split("// ten lines: end").next().unwrap();
    assert!(shown.lines().count() <= 10, "{shown}");
    // And it is all there is to it: the answer, its retransmissions, the ACK, a re-INVITE that is left alone, the BYE.
    let mut stage = Stage::new();
    let (alice, bob) = (stage.phone("alice", "example.com"), stage.phone("bob", "example.com"));
    let mut bobs = Endpoint::new(stage.net.endpoint(bob).config().clone(), [9; 32]);
    let ours = stage.dial(alice, bob);
    let mut lost = 0;
    let (_, flow, invite) = stage.net.trace.pop().unwrap();
    let (mut now, mut seen) = (stage.net.now, Vec::new());
    let back = sip_core::Flow::udp(flow.remote, flow.local);
    bobs.receive(now, back, invite);
    serve(&mut bobs, now, |_| lost += 1).unwrap();
    assert_eq!(lost, 1, "the first 200 is lost");
    while seen.is_empty() {
        now = bobs.poll_timeout().unwrap();
        bobs.handle_timeout(now);
        serve(&mut bobs, now, |transmit| seen.push(transmit)).unwrap();
    }
    assert_eq!(start_line(&seen[0].data), "SIP/2.0 200 OK");
    stage.net.run(secs(1));
    stage.act(alice, |endpoint, now| endpoint.receive(now, flow, seen[0].data.clone()));
    stage.hang_up(alice, ours);
    for (node, _, data) in core::mem::take(&mut stage.net.trace) {
        if node == alice && !data.starts_with(b"INVITE") {
            bobs.receive(now, back, data);
        }
    }
    seen.clear();
    serve(&mut bobs, now, |transmit| seen.push(transmit)).unwrap();
    assert_eq!(start_line(&seen.last().unwrap().data), "SIP/2.0 200 OK", "of the BYE");
    while let Some(due) = bobs.poll_timeout() {
        bobs.handle_timeout(due);
        serve(&mut bobs, due, |_| {}).unwrap();
    }
    assert!(bobs.live().is_idle());
}
