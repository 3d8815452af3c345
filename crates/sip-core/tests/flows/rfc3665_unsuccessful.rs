//! RFC 3665 §3.8 to §3.11: calls that come to nothing.

use sip_core::{Event, Reply, StatusCode};

use crate::network::{ms, secs};
use crate::rfc3665::{BOB, Trapezoid};
use crate::stage::{Ladder, uri};

#[test]
fn rfc3665_3_8_unsuccessful_no_answer() {
    let mut t = Trapezoid::new();
    let call = t.call();
    t.stage.ring(t.bob);
    t.stage.hang_up(t.alice, call);
    assert_eq!(t.stage.events(t.bob), ["Invite", "Cancelled"]);
    let f = t.stage.end(
        "F1  alice  → proxy1 INVITE
         F2  proxy1 → proxy2 INVITE
         F4  proxy2 → bob    INVITE
         F3  proxy1 → alice  100 INVITE
         F5  proxy2 → proxy1 100 INVITE
         F6  bob    → proxy2 180 INVITE
         F7  proxy2 → proxy1 180 INVITE
         F8  proxy1 → alice  180 INVITE
         F9  alice  → proxy1 CANCEL
         F10 proxy1 → alice  200 CANCEL
         F11 proxy1 → proxy2 CANCEL
         F12 proxy2 → proxy1 200 CANCEL
         F13 proxy2 → bob    CANCEL
         F14 bob    → proxy2 200 CANCEL
         F15 bob    → proxy2 487 INVITE
         F16 proxy2 → bob    ACK
         F17 proxy2 → proxy1 487 INVITE
         F18 proxy1 → proxy2 ACK
         F19 proxy1 → alice  487 INVITE
         F20 alice  → proxy1 ACK",
    );
    for (cancel, invite) in [(9, 1), (11, 2), (13, 4)] {
        assert_eq!(
            f.all(cancel, "Via")[0],
            f.all(invite, "Via")[0],
            "a CANCEL has its INVITE's branch"
        );
        assert_eq!((f.hops(cancel), f.cseq(cancel)), (1, f.cseq(invite)));
        assert_eq!(f.target(cancel), f.target(invite));
    }
    assert_eq!(f.all(9, "Route"), f.all(1, "Route"));
    assert_eq!((f.tag(15, "To"), f.tag(16, "To")), (f.tag(6, "To"), f.tag(6, "To")));
}

#[test]
fn rfc3665_3_9_unsuccessful_busy() {
    let mut t = Trapezoid::new();
    t.call();
    t.stage.reject(t.bob, StatusCode::BUSY_HERE);
    let f = failed(&mut t, "486");
    assert_eq!(f.get(6, "To"), f.get(10, "To"));
    assert!(!f.has(6, "Contact"));
    for (ack, invite) in [(7, 4), (9, 2), (11, 1)] {
        assert_eq!(f.all(ack, "Via")[0], f.all(invite, "Via")[0], "acknowledged hop by hop");
    }
}

/// Bob's side refuses without having rung.
fn failed(t: &mut Trapezoid, status: &str) -> Ladder {
    assert_eq!(t.stage.events(t.alice), ["Failed"]);
    t.stage.end(
        &"F1  alice  → proxy1 INVITE
          F2  proxy1 → proxy2 INVITE
          F4  proxy2 → bob    INVITE
          F3  proxy1 → alice  100 INVITE
          F5  proxy2 → proxy1 100 INVITE
          F6  bob    → proxy2 486 INVITE
          F7  proxy2 → bob    ACK
          F8  proxy2 → proxy1 486 INVITE
          F9  proxy1 → proxy2 ACK
          F10 proxy1 → alice  486 INVITE
          F11 alice  → proxy1 ACK"
            .replace("486", status),
    )
}

#[test]
fn rfc3665_3_10_unsuccessful_no_response_from_user_agent() {
    let mut t = Trapezoid::new();
    let bob = t.stage.net.address(t.bob);
    t.stage.net.lose(move |_, to, _| to == bob);
    t.call();
    t.stage.wait(secs(40));
    let events = t.stage.net.events(t.alice);
    // RFC 3261 §16.8 has 408 for it, which is newer than the 480 of the example.
    assert!(
        matches!(
            events[..],
            [Event::Failed {
                status: StatusCode::REQUEST_TIMEOUT,
                ..
            }]
        ),
        "{events:?}"
    );
    let f = t.stage.end(
        "F1  alice  → proxy1 INVITE
         F2  proxy1 → proxy2 INVITE
         F4  proxy2 → bob    INVITE
         F3  proxy1 → alice  100 INVITE
         F5  proxy2 → proxy1 100 INVITE
         F6  proxy2 → bob    INVITE
         F7  proxy2 → bob    INVITE
         F8  proxy2 → bob    INVITE
         F9  proxy2 → bob    INVITE
         F10 proxy2 → bob    INVITE
         F11 proxy2 → bob    INVITE
         F12 proxy2 → proxy1 408 INVITE
         F13 proxy1 → proxy2 ACK
         F14 proxy1 → alice  408 INVITE
         F15 alice  → proxy1 ACK",
    );
    assert_eq!(f.request(4).to_bytes(), f.request(11).to_bytes());
}

#[test]
fn rfc3665_3_11_unsuccessful_temporarily_unavailable() {
    let mut t = Trapezoid::new();
    t.call();
    t.stage.ring(t.bob);
    t.stage.wait(ms(500));
    let away = Reply::new().header(sip_core::HeaderName::RetryAfter, "3600");
    let session = t.stage.incoming(t.bob);
    t.stage
        .act(t.bob, |endpoint, now| {
            endpoint.reject(now, session, StatusCode::TEMPORARILY_UNAVAILABLE, away)
        })
        .unwrap();
    assert_eq!(t.stage.events(t.alice), ["Progress", "Failed"]);
    let f = t.stage.end(
        "F1  alice  → proxy1 INVITE
         F2  proxy1 → proxy2 INVITE
         F4  proxy2 → bob    INVITE
         F3  proxy1 → alice  100 INVITE
         F5  proxy2 → proxy1 100 INVITE
         F6  bob    → proxy2 180 INVITE
         F7  proxy2 → proxy1 180 INVITE
         F8  proxy1 → alice  180 INVITE
         F9  bob    → proxy2 480 INVITE
         F10 proxy2 → bob    ACK
         F11 proxy2 → proxy1 480 INVITE
         F12 proxy1 → proxy2 ACK
         F13 proxy1 → alice  480 INVITE
         F14 alice  → proxy1 ACK",
    );
    assert_eq!((f.tag(9, "To"), f.tag(13, "To")), (f.tag(6, "To"), f.tag(6, "To")));
    assert_eq!(f.get(13, "Retry-After"), "3600");
    assert_eq!(uri(&f.target(14)), uri(BOB));
}
