//! The body of the fuzz target `sip_websocket`, a plain function so that tests replay the corpus.

use machine::{Machine, Time};

use super::{Output, Role, WebSocket, WebSocketConfig};

/// Any bytes as a stream of frames, cut at places that the first bytes choose: the same messages as uncut, and never more
/// held than allowed. What is sent can be read by the other side.
///
/// # Panics
///
/// If an invariant is broken.
pub fn websocket(data: &[u8]) {
    let (choice, stream) = data.split_at(data.len().min(8));
    let role = if choice.first().is_some_and(|byte| byte & 1 == 1) {
        Role::Client
    } else {
        Role::Server
    };
    let config = WebSocketConfig {
        max_message: 300,
        ..WebSocketConfig::default()
    };
    let now = Time::from_secs(1);
    let make = || WebSocket::new(now, role, config.clone(), [3; 32]);
    let mut whole = make();
    whole.receive(now, stream);
    let expected = told(&mut whole);

    let mut pieces = make();
    let (mut rest, mut found) = (stream, Vec::new());
    let mut cuts = choice.iter().cycle();
    while !rest.is_empty() {
        let cut = cuts.next().map_or(1, |cut| usize::from(cut % 32) + 1).min(rest.len());
        let (piece, after) = rest.split_at(cut);
        pieces.receive(now, piece);
        assert!(pieces.buffered() <= 300 + 125 + 14);
        found.extend(told(&mut pieces));
        rest = after;
    }
    assert_eq!(found, expected, "the cuts do not matter");
    assert_eq!(pieces.is_open(), whole.is_open());
    let ends = expected
        .iter()
        .filter(|output| matches!(output, Output::Closed { .. }))
        .count();
    assert_eq!(ends, usize::from(!whole.is_open()), "the end is told once");
    there_and_back(role, stream.get(..stream.len().min(300)).unwrap_or_default());
}

/// Messages and the end; pongs depend on the cuts, since one may answer several pings.
fn told(socket: &mut WebSocket) -> Vec<Output> {
    let outputs = core::iter::from_fn(|| socket.poll_output());
    outputs
        .filter(|output| !matches!(output, Output::Transmit(_)))
        .collect()
}

fn there_and_back(role: Role, message: &[u8]) {
    let now = Time::from_secs(1);
    let mut here = WebSocket::new(now, role, WebSocketConfig::default(), [4; 32]);
    let mut there = WebSocket::new(now, role.other(), WebSocketConfig::default(), [5; 32]);
    assert_eq!(here.send(now, message), Ok(()));
    while let Some(output) = here.poll_output() {
        if let Output::Transmit(bytes) = output {
            there.receive(now, &bytes);
        }
    }
    assert_eq!(told(&mut there), [Output::Message(message.to_vec().into())]);
}
