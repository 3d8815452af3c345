//! Bodies of the fuzz targets, replayed by plain tests.

use crate::{Negotiation, NegotiationConfig, RtcpMux, Session};

/// Whatever is read prints to something that reads the same and prints the same.
pub fn sdp_session(data: &[u8]) {
    let Ok(session) = Session::parse(data) else { return };
    let printed = session.to_string();
    match Session::parse(printed.as_bytes()) {
        Ok(again) => assert_eq!(again.to_string(), printed, "print and parse must be a fixpoint"),
        // The strict form adds line ends and the lines that were missing.
        Err(error) => assert!(printed.len() > 30_000, "own print refused: {error}\n{printed}"),
    }
}

/// Any offer and any answer (separated by a `0xff` byte) to a negotiation that goes on afterwards.
pub fn sdp_offer_answer(data: &[u8]) {
    let mut parts = data.splitn(2, |byte| *byte == 0xff);
    let (offer, answer) = (parts.next().unwrap_or(&[]), parts.next().unwrap_or(&[]));
    // How RTP and RTCP share a port depends on the input, so that all ways are gone.
    let mux = [RtcpMux::Never, RtcpMux::Accept, RtcpMux::Offer];
    let config = |last| {
        let mut config = NegotiationConfig::new([127, 0, 0, last].into(), 4000, 1);
        config.rtcp_mux = mux.get(data.len() % mux.len()).copied().unwrap_or_default();
        config
    };
    let mut ours = Negotiation::new(config(1));
    if let Ok(body) = ours.receive_offer(offer) {
        let (offer, answer) = (Session::parse(offer), Session::parse(&body));
        assert_eq!(
            offer.map(|o| o.media.len()),
            answer.map(|a| a.media.len()),
            "one line for each line"
        );
    }
    let before = ours.agreed().cloned();
    if ours.offer().is_err() {
        return;
    }
    if ours.receive_answer(answer).is_err() {
        assert!(ours.has_pending_offer(), "a refused answer changes nothing");
        assert_eq!(ours.agreed().cloned(), before, "a refused answer changes nothing");
        ours.cancel_offer();
    }
    // Whatever happened, a well-behaved peer can still come to terms.
    let mut peer = Negotiation::new(config(2));
    if let Ok(offer) = peer.offer() {
        let body = ours.receive_offer(&offer);
        assert!(
            body.is_ok_and(|body| peer.receive_answer(&body).is_ok()),
            "a plain offer must be answered"
        );
    }
}
