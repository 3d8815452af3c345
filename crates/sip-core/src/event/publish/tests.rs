use core::time::Duration;
use std::collections::BTreeMap;

use machine::{Machine, Time};
use proptest::prelude::*;

use super::*;
use crate::event::TooBrief;
use crate::{Body, HeaderName, Message, Request, Response, StatusCode};

const NOW: Time = Time::from_secs(1_700_000_000);

fn secs(secs: u64) -> Duration {
    Duration::from_secs(secs)
}

fn request(more: &str, body: &str) -> Request {
    let text = format!(
        "PUBLISH sip:a@b SIP/2.0\r\nVia: SIP/2.0/UDP h;branch=z9hG4bK1\r\nFrom: <sip:a@b>;tag=1\r\nTo: <sip:a@b>\r\n\
         Call-ID: 1\r\nCSeq: 1 PUBLISH\r\n{more}Content-Length: {}\r\n\r\n{body}",
        body.len()
    );
    let Ok(Message::Request(request)) = Message::parse(text.into()) else {
        unreachable!()
    };
    request
}

const EVENT: &str = "Event: presence\r\n";
const PIDF: &str = "Content-Type: application/pidf+xml;charset=UTF-8\r\n";

fn first(body: &str) -> Request {
    request(&format!("{EVENT}{PIDF}"), body)
}

fn matching(etag: &str, more: &str, body: &str) -> Request {
    request(&format!("{EVENT}SIP-If-Match: {etag}\r\n{more}"), body)
}

fn tag(response: &Response) -> String {
    response.headers().get_str(&HeaderName::SipEtag).unwrap().to_owned()
}

fn compositor(configure: impl Fn(&mut CompositorConfig)) -> Compositor {
    let mut config = CompositorConfig::default();
    configure(&mut config);
    Compositor::new(config, [1; 32])
}

#[test]
fn the_flow_of_rfc_3903_section_15() {
    let mut table = compositor(|_| {});
    let created = table.publish(NOW, "r", &first("<open/>")).unwrap();
    assert_eq!(created.headers().get_str(&HeaderName::Expires), Some("3600"));
    let refreshed = table
        .publish(
            NOW + secs(1700),
            "r",
            &matching(&tag(&created), "Expires: 1800\r\n", ""),
        )
        .unwrap();
    assert_eq!(refreshed.headers().get_str(&HeaderName::Expires), Some("1800"));
    assert_ne!(tag(&created), tag(&refreshed));
    let modified = table
        .publish(NOW + secs(1800), "r", &matching(&tag(&refreshed), PIDF, "<closed/>"))
        .unwrap();
    let states = table.states("r", "presence");
    assert_eq!((states.len(), &states[0].body[..]), (1, &b"<closed/>"[..]));
    assert_eq!(
        (states[0].since, states[0].expires),
        (NOW + secs(1800), NOW + secs(5400))
    );
    let removed = table
        .publish(NOW + secs(1900), "r", &matching(&tag(&modified), "Expires: 0\r\n", ""))
        .unwrap();
    assert_eq!(removed.headers().get_str(&HeaderName::Expires), Some("0"));
    assert!(table.is_empty() && table.size() == 0);
    let changes: Vec<_> = core::iter::from_fn(|| table.poll_output()).collect();
    assert!(
        matches!(
            &changes[..],
            [
                Change::Published { id: a, .. },
                Change::Refreshed { id: b, .. },
                Change::Modified { id: c, .. },
                Change::Removed { state, cause: RemovalCause::Unpublished, .. },
            ] if a == b && b == c && *c == state.id
        ),
        "{changes:?}"
    );
}

#[test]
fn what_is_refused_changes_nothing() {
    let mut table = compositor(|_| {});
    let etag = tag(&table.publish(NOW, "r", &first("<a/>")).unwrap());
    let brief = PublishError::TooBrief(TooBrief { min: secs(60) });
    for (request, error, status, header) in [
        (
            request(PIDF, "x"),
            PublishError::BadEvent,
            489,
            Some((HeaderName::AllowEvents, "presence")),
        ),
        (
            request("Event: dialog\r\n", "x"),
            PublishError::BadEvent,
            489,
            Some((HeaderName::AllowEvents, "presence")),
        ),
        (matching("nobody", "", ""), PublishError::NoMatch, 412, None),
        (
            matching(&etag.to_uppercase(), PIDF, "x"),
            PublishError::NoMatch,
            412,
            None,
        ),
        (matching("a b", "", ""), PublishError::MalformedTag, 400, None),
        (
            matching(&etag, "SIP-If-Match: other\r\n", ""),
            PublishError::MalformedTag,
            400,
            None,
        ),
        (first(""), PublishError::NoBody, 400, None),
        (request(EVENT, "x"), PublishError::NoBody, 400, None),
        (
            matching(&etag, "Expires: 59\r\n", ""),
            brief,
            423,
            Some((HeaderName::MinExpires, "60")),
        ),
        (
            request(&format!("{EVENT}Content-Type: text/plain\r\n"), "x"),
            PublishError::UnsupportedType,
            415,
            Some((HeaderName::Accept, "application/pidf+xml")),
        ),
        (
            request(&format!("{EVENT}{PIDF}Content-Encoding: gzip\r\n"), "x"),
            PublishError::UnsupportedType,
            415,
            Some((HeaderName::Accept, "application/pidf+xml")),
        ),
    ] {
        assert_eq!(table.publish(NOW, "r", &request), Err(error), "{request:?}");
        let refusal = error.to_response(&request, table.config());
        assert_eq!(refusal.status().code(), status);
        if let Some((name, value)) = header {
            assert_eq!(refusal.headers().get_str(&name), Some(value));
        }
    }
    assert_eq!(table.states("r", "presence")[0].etag, etag);
    assert_eq!(table.len(), 1);
    // A tag is of one resource.
    assert_eq!(
        table.publish(NOW, "s", &matching(&etag, "", "")),
        Err(PublishError::NoMatch)
    );
}

#[test]
fn limits_at_the_limit_and_one_past() {
    let mut table = compositor(|config| {
        config.max_states_each = 2;
        config.max_states = 3;
        config.max_document = 10;
        config.max_documents = 25;
        config.max_name = 40;
    });
    let mut tags = Vec::new();
    for _ in 0..2 {
        tags.push(tag(&table.publish(NOW, "r", &first("0123456789")).unwrap()));
    }
    assert_eq!(
        table.publish(NOW, "r", &first("1")),
        Err(PublishError::Full),
        "of one resource"
    );
    assert_eq!(
        table.publish(NOW, "s", &first("0123456789a")),
        Err(PublishError::TooLong)
    );
    assert_eq!(
        table.publish(NOW, "s", &first("012345")),
        Err(PublishError::Full),
        "octets of all"
    );
    assert!(table.publish(NOW, "s", &first("01234")).is_ok());
    assert_eq!(table.publish(NOW, "t", &first("1")), Err(PublishError::Full), "of all");
    assert_eq!(table.size(), 25);
    // What is there can be refreshed, replaced by what is no longer, and removed.
    let again = table.publish(NOW, "r", &matching(&tags[0], "", "")).unwrap();
    let shorter = table
        .publish(NOW, "r", &matching(&tag(&again), PIDF, "012345678"))
        .unwrap();
    assert!(
        table
            .publish(NOW, "r", &matching(&tag(&shorter), "Expires: 0\r\n", ""))
            .is_ok()
    );
    assert_eq!((table.len(), table.size()), (2, 15));
    assert!(table.publish(NOW, &"n".repeat(40), &first("1")).is_ok());
    assert_eq!(
        table.publish(NOW, &"n".repeat(41), &first("1")),
        Err(PublishError::NameTooLong)
    );
}

#[test]
fn a_refresh_at_the_instant_of_expiry_is_too_late_in_either_order() {
    for handled in [false, true] {
        let mut table = compositor(|_| {});
        let etag = tag(&table.publish(NOW, "r", &first("x")).unwrap());
        let end = NOW + secs(3600);
        assert_eq!(table.poll_timeout(), Some(end));
        if handled {
            table.handle_timeout(end);
        }
        assert_eq!(
            table.publish(end, "r", &matching(&etag, "", "")),
            Err(PublishError::NoMatch)
        );
        let last = core::iter::from_fn(|| table.poll_output()).last();
        assert!(matches!(
            last,
            Some(Change::Removed {
                cause: RemovalCause::Expired,
                ..
            })
        ));
        assert_eq!(table.poll_timeout(), None);
    }
}

#[test]
fn several_devices_and_their_user() {
    let mut table = compositor(|config| {
        config
            .packages
            .push(("message-summary".to_owned(), vec!["a/b".to_owned()]));
    });
    table.publish(NOW, "r", &first("desk")).unwrap();
    table.publish(NOW + secs(1), "r", &first("mobile")).unwrap();
    table.publish(NOW, "r2", &first("other")).unwrap();
    let voicemail = request("Event: message-summary\r\nContent-Type: a/b\r\n", "m");
    table.publish(NOW, "r", &voicemail).unwrap();
    let bodies: Vec<_> = table
        .states("r", "presence")
        .iter()
        .map(|state| state.body.clone())
        .collect();
    assert_eq!(bodies, ["mobile", "desk"], "the latest first");
    let id = table.states("r", "presence")[1].id;
    assert_eq!(table.state(id).map(|state| &state.body[..]), Some(&b"desk"[..]));
    assert_eq!(table.remove(NOW, "r"), 3);
    assert_eq!((table.len(), table.state(id)), (1, None));
}

#[test]
fn tags_depend_on_the_seed_alone() {
    let tags = |seed| {
        let mut table = Compositor::new(CompositorConfig::default(), [seed; 32]);
        [0, 1].map(|_| tag(&table.publish(NOW, "r", &first("x")).unwrap()))
    };
    assert_eq!(tags(1), tags(1));
    assert_ne!(tags(1), tags(2));
    assert!(tags(1).iter().all(|tag| tag.len() == 32));
}

fn sent(publisher: &mut Publisher) -> Option<(Option<String>, u64, bool)> {
    let output = publisher.poll_output()?;
    let PublisherOutput::Send { etag, expires, body } = output else {
        panic!("{output:?}")
    };
    let etag = etag.map(|etag| String::from_utf8(etag.to_vec()).unwrap());
    Some((etag, expires.as_secs(), body.is_some()))
}

fn published() -> Publisher {
    let mut publisher = Publisher::new(PublisherConfig::default());
    publisher.publish(NOW, Body::new("a/b", "one"));
    assert_eq!(sent(&mut publisher), Some((None, 3600, true)));
    publisher.granted(NOW, Some("e1".into()), secs(600));
    assert_eq!(
        publisher.poll_output(),
        Some(PublisherOutput::Published { expires: secs(600) })
    );
    publisher
}

/// What a publisher does next after each answer to each kind of PUBLISH: the state table.
#[test]
fn what_each_answer_means_to_each_publish() {
    let whole = Some((None, 3600, true));
    let same = Some((Some("e1".to_owned()), 3600, false));
    let changed = Some((Some("e1".to_owned()), 3600, true));
    for (kind, status, expected, then) in [
        // A first one.
        ("first", 403, "refused", None),
        ("first", 412, "refused", None),
        ("first", 423, "refused", None),
        ("first", 489, "refused", None),
        ("first", 408, "deferred", whole.clone()),
        ("first", 503, "deferred", whole.clone()),
        // A refresh.
        ("refresh", 412, "", whole.clone()),
        ("refresh", 403, "refused", None),
        ("refresh", 500, "deferred", same),
        // Another state.
        ("change", 412, "", whole),
        ("change", 480, "deferred", changed),
        ("change", 415, "refused", None),
        // The end.
        ("removal", 412, "removed", None),
        ("removal", 408, "refused", None),
        ("removal", 403, "refused", None),
    ] {
        let mut publisher = published();
        let mut now = NOW;
        match kind {
            "first" => {
                publisher = Publisher::new(PublisherConfig::default());
                publisher.publish(NOW, Body::new("a/b", "one"));
            }
            "refresh" => {
                now = publisher.poll_timeout().unwrap();
                assert_eq!(now, NOW + secs(540));
                publisher.handle_timeout(now);
            }
            "change" => publisher.publish(NOW, Body::new("a/b", "two")),
            _ => publisher.remove(NOW),
        }
        assert!(sent(&mut publisher).is_some(), "{kind}");
        publisher.failed(now, StatusCode::try_from(status).unwrap(), None, None);
        let told = match expected {
            "" => None,
            _ => publisher.poll_output(),
        };
        match (expected, told) {
            ("refused", Some(PublisherOutput::Refused(code))) => assert_eq!(code.code(), status),
            ("deferred", Some(PublisherOutput::Deferred { again, .. })) => {
                assert_eq!(again, secs(30));
                publisher.handle_timeout(now + again);
            }
            ("removed", Some(PublisherOutput::Removed)) | ("", None) => {}
            other => panic!("{kind} {status}: {other:?}"),
        }
        assert_eq!(sent(&mut publisher), then, "{kind} {status}");
        assert_eq!(publisher.is_over(), then.is_none(), "{kind} {status}");
    }
}

#[test]
fn too_brief_is_asked_for_longer_once() {
    let mut publisher = published();
    publisher.publish(NOW, Body::new("a/b", "two"));
    assert!(sent(&mut publisher).is_some());
    publisher.failed(NOW, StatusCode::INTERVAL_TOO_BRIEF, None, Some(secs(7200)));
    assert_eq!(sent(&mut publisher), Some((Some("e1".to_owned()), 7200, true)));
    publisher.failed(NOW, StatusCode::INTERVAL_TOO_BRIEF, None, Some(secs(9000)));
    assert_eq!(
        publisher.poll_output(),
        Some(PublisherOutput::Refused(StatusCode::INTERVAL_TOO_BRIEF))
    );
}

#[test]
fn while_one_is_under_way_the_latest_state_waits() {
    let mut publisher = Publisher::new(PublisherConfig::default());
    for text in ["one", "two", "three"] {
        publisher.publish(NOW, Body::new("a/b", text));
    }
    assert_eq!(sent(&mut publisher), Some((None, 3600, true)));
    assert_eq!(publisher.poll_output(), None);
    publisher.granted(NOW, Some("e1".into()), secs(600));
    assert_eq!(
        publisher.poll_output(),
        Some(PublisherOutput::Published { expires: secs(600) })
    );
    let Some(PublisherOutput::Send {
        etag: Some(_),
        body: Some(body),
        ..
    }) = publisher.poll_output()
    else {
        panic!()
    };
    assert_eq!(body.data, "three");
    // Given up meanwhile: the removal waits too.
    publisher.remove(NOW);
    assert_eq!(publisher.poll_output(), None);
    publisher.granted(NOW, Some("e2".into()), secs(600));
    publisher.poll_output();
    assert_eq!(sent(&mut publisher), Some((Some("e2".to_owned()), 0, false)));
    publisher.granted(NOW, None, secs(0));
    assert_eq!(publisher.poll_output(), Some(PublisherOutput::Removed));
    publisher.publish(NOW, Body::new("a/b", "late"));
    assert_eq!((publisher.poll_output(), publisher.poll_timeout()), (None, None));
}

#[test]
fn what_expired_while_nobody_answered_is_published_anew() {
    let mut publisher = published();
    let mut now = publisher.poll_timeout().unwrap();
    for pause in [30, 60, 120] {
        publisher.handle_timeout(now);
        let (etag, _, whole) = sent(&mut publisher).unwrap();
        assert_eq!(etag.is_none(), whole, "the compositor has forgotten it, or not");
        assert_eq!(whole, now >= NOW + secs(600));
        publisher.failed(now, StatusCode::REQUEST_TIMEOUT, None, None);
        let Some(PublisherOutput::Deferred { again, .. }) = publisher.poll_output() else {
            panic!()
        };
        assert_eq!(again, secs(pause));
        now += again;
    }
}

/// The table as a newcomer would write it: a list, searched from end to end.
#[derive(Default)]
struct Model(BTreeMap<String, Vec<(String, String, Time)>>);

impl Model {
    fn expire(&mut self, now: Time) {
        for states in self.0.values_mut() {
            states.retain(|(_, _, end)| *end > now);
        }
    }

    fn publish(&mut self, now: Time, who: &str, etag: Option<&str>, expires: u64, body: &str) -> u16 {
        self.expire(now);
        let states = self.0.entry(who.to_owned()).or_default();
        let found = etag.map(|etag| states.iter().position(|(tag, _, _)| tag == etag));
        if expires != 0 && expires < 60 {
            return 423;
        }
        let end = now + secs(expires.min(3600));
        match found {
            None if body.is_empty() => 400,
            Some(None) => 412,
            Some(Some(at)) if expires == 0 => {
                states.remove(at);
                200
            }
            Some(Some(at)) => {
                states[at].2 = end;
                if !body.is_empty() {
                    states[at].1 = body.to_owned();
                }
                200
            }
            None if expires == 0 => 200,
            None if states.len() >= 10 => 503,
            None => {
                states.push((String::new(), body.to_owned(), end));
                200
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn the_table_does_what_a_list_would(
        steps in prop::collection::vec((0_usize..2, 0_usize..6, prop_oneof![Just(0_u64), 50..70_u64, Just(600), Just(9999)], 0_usize..3, 0_u64..400), 1..80),
    ) {
        let (mut table, mut model) = (compositor(|_| {}), Model::default());
        let (mut now, mut tags) = (NOW, vec!["none".to_owned()]);
        for (who, which, expires, length, wait) in steps {
            now += secs(wait);
            let who = ["r", "s"][who];
            let etag = which.checked_sub(1).map(|back| tags[tags.len().saturating_sub(1 + back)].clone());
            let body = "x".repeat(length);
            let mut more = format!("{EVENT}Expires: {expires}\r\n{PIDF}");
            if let Some(etag) = &etag {
                more += &format!("SIP-If-Match: {etag}\r\n");
            }
            let result = table.publish(now, who, &request(&more, &body));
            let status = result.as_ref().map_or_else(|error| error.status().code(), |ok| ok.status().code());
            prop_assert_eq!(status, model.publish(now, who, etag.as_deref(), expires, &body));
            if let Ok(response) = result {
                let new = tag(&response);
                for state in model.0.values_mut().flatten() {
                    if etag.as_deref() == Some(&state.0[..]) || state.0.is_empty() {
                        state.0.clone_from(&new);
                    }
                }
                tags.push(new);
            }
            for who in ["r", "s"] {
                let mut ours: Vec<_> = table.states(who, "presence").iter()
                    .map(|state| (state.etag.clone(), String::from_utf8(state.body.to_vec()).unwrap(), state.expires)).collect();
                let mut theirs = model.0.get(who).cloned().unwrap_or_default();
                ours.sort();
                theirs.sort();
                prop_assert_eq!(ours, theirs);
            }
        }
    }

    #[test]
    fn any_script(script in prop::collection::vec(any::<u8>(), 0..300)) {
        fuzz::publish(&script);
    }
}
