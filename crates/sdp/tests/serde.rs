//! A negotiation that was written and read back goes on as if nothing had happened.
#![cfg(feature = "serde")]
#![allow(clippy::unwrap_used, reason = "a failed test is a panic")]

use sdp::{Direction, Negotiation, NegotiationConfig};

#[test]
fn a_pending_offer_survives() {
    let config = |last| NegotiationConfig::new([192, 0, 2, last].into(), 4000, 1);
    let (mut ours, mut peer) = (Negotiation::new(config(1)), Negotiation::new(config(2)));
    let answer = peer.receive_offer(&ours.offer().unwrap()).unwrap();
    ours.receive_answer(&answer).unwrap();
    ours.set_direction(Direction::SendOnly);
    let offer = ours.offer().unwrap();

    let written = serde_json::to_string(&ours).unwrap();
    let mut restored: Negotiation = serde_json::from_str(&written).unwrap();
    assert!(restored.has_pending_offer());
    let answer = peer.receive_offer(&offer).unwrap();
    for negotiation in [&mut ours, &mut restored] {
        negotiation.receive_answer(&answer).unwrap();
    }
    assert_eq!(ours.agreed(), restored.agreed());
    assert_eq!(ours.offer(), restored.offer());
}
