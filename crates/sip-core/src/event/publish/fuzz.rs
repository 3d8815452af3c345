//! The body of the fuzz target `publish`, a plain function so that tests replay the corpus.

use core::time::Duration;

use machine::{Machine, Time};

use super::{Change, Compositor, CompositorConfig, Publisher, PublisherConfig, PublisherOutput};
use crate::{Body, Message, Request, StatusCode};

const STATES: usize = 6;
const DOCUMENT: usize = 40;

/// Lets publishers and strangers publish to one compositor over a link that loses, and checks that limits hold, that what
/// the table says adds up, and that nothing is left in the end.
///
/// # Panics
///
/// If not.
pub fn publish(script: &[u8]) {
    let config = CompositorConfig {
        max_states: STATES,
        max_states_each: 3,
        max_document: DOCUMENT,
        max_documents: 4 * DOCUMENT,
        ..CompositorConfig::default()
    };
    let mut play = Play {
        compositor: Compositor::new(config, [5; 32]),
        publishers: [(); 3].map(|()| Publisher::new(PublisherConfig::default())),
        now: Time::from_secs(1_700_000_000),
        held: 0,
        tags: Vec::new(),
    };
    for bytes in script.chunks(3).take(2_000) {
        if let [operation, who, more] = *bytes {
            play.step(operation, usize::from(who), more);
        }
    }
    play.finish();
}

struct Play {
    compositor: Compositor,
    publishers: [Publisher; 3],
    now: Time,
    /// How many states there are by what the compositor told.
    held: usize,
    tags: Vec<String>,
}

impl Play {
    fn step(&mut self, operation: u8, who: usize, more: u8) {
        let now = self.now;
        let length = usize::from(more) % (DOCUMENT + 2);
        let publisher = self.publishers.get_mut(who % 3);
        match (operation % 6, publisher) {
            (0, Some(publisher)) => publisher.publish(now, document(length.max(1))),
            (1, Some(publisher)) => publisher.remove(now),
            (2, _) => {
                self.now += Duration::from_secs(u64::from(more) * u64::from(more) / 8);
                self.compositor.handle_timeout(self.now);
            }
            (3, Some(publisher)) => {
                let codes = [408, 412, 423, 500, 503, 403];
                let status = codes.get(usize::from(more) % codes.len());
                let status = status
                    .and_then(|code| StatusCode::try_from(*code).ok())
                    .unwrap_or(StatusCode::OK);
                let min = Duration::from_secs(u64::from(more) * 60);
                publisher.failed(now, status, None, Some(min));
            }
            (4, _) => {
                let etag = self.tags.get(who % self.tags.len().max(1)).cloned();
                let etag = etag.filter(|_| more & 1 == 0);
                let expires = Duration::from_secs(u64::from(more) * 20);
                let body = (more & 2 == 0).then(|| document(length));
                self.deliver(who % 3, etag.as_deref(), expires, body.as_ref());
            }
            _ => {}
        }
        self.pump(operation & 0x40 == 0);
        self.check();
    }

    /// Lets the publishers send.
    fn pump(&mut self, arrives: bool) {
        for who in 0..self.publishers.len() {
            let mut rounds = 0;
            while let Some(output) = self.poll(who) {
                rounds += 1;
                assert!(rounds < 20, "a publisher that does not rest");
                let PublisherOutput::Send { etag, expires, body } = output else {
                    continue;
                };
                let etag = etag.map(|etag| String::from_utf8_lossy(&etag).into_owned());
                if !arrives {
                    continue;
                }
                let result = self.deliver(who, etag.as_deref(), expires, body.as_ref());
                if let Some(publisher) = self.publishers.get_mut(who) {
                    publisher.answered(self.now, &result);
                }
            }
        }
    }

    fn poll(&mut self, who: usize) -> Option<PublisherOutput> {
        let publisher = self.publishers.get_mut(who)?;
        publisher.handle_timeout(self.now);
        assert!(publisher.poll_timeout().is_none_or(|next| next > self.now), "still due");
        publisher.poll_output()
    }

    fn deliver(&mut self, who: usize, etag: Option<&str>, expires: Duration, body: Option<&Body>) -> crate::Response {
        let request = request(etag, expires, body);
        let before = (self.compositor.len(), self.compositor.size());
        let result = self.compositor.publish(self.now, &format!("r{who}"), &request);
        match result {
            Ok(response) => {
                let tag = response
                    .headers()
                    .get_str(&crate::HeaderName::SipEtag)
                    .unwrap_or_default();
                assert!(!self.tags.iter().any(|old| old == tag), "a tag used twice");
                self.tags.push(tag.to_owned());
                response
            }
            Err(error) => {
                assert!(
                    (self.compositor.len(), self.compositor.size()) <= before,
                    "a refusal that left something"
                );
                error.to_response(&request, self.compositor.config())
            }
        }
    }

    fn check(&mut self) {
        while let Some(change) = self.compositor.poll_output() {
            match change {
                Change::Published { .. } => self.held += 1,
                Change::Removed { .. } => self.held -= 1,
                Change::Modified { .. } | Change::Refreshed { .. } => {}
            }
        }
        let all: Vec<_> = (0..3)
            .flat_map(|who| self.compositor.states(&format!("r{who}"), "presence").to_vec())
            .collect();
        let size: usize = all.iter().map(|state| state.body.len()).sum();
        assert_eq!((all.len(), size), (self.compositor.len(), self.compositor.size()));
        assert_eq!(self.held, all.len(), "told otherwise");
        assert!(all.len() <= STATES && size <= 4 * DOCUMENT);
        assert!(
            all.iter()
                .all(|state| state.expires > self.now || self.compositor.poll_timeout() <= Some(self.now))
        );
    }

    fn finish(&mut self) {
        for publisher in &mut self.publishers {
            publisher.failed(self.now, StatusCode::REQUEST_TIMEOUT, None, None);
            publisher.remove(self.now);
            while publisher.poll_output().is_some() {}
            publisher.failed(self.now, StatusCode::REQUEST_TIMEOUT, None, None);
            assert!(publisher.is_over(), "not over: {publisher:?}");
            assert_eq!(publisher.poll_timeout(), None);
        }
        while let Some(due) = self.compositor.poll_timeout() {
            self.now = self.now.max(due);
            self.compositor.handle_timeout(self.now);
        }
        self.check();
        assert!(self.compositor.is_empty() && self.compositor.size() == 0, "left over");
    }
}

fn document(length: usize) -> Body {
    Body::new("application/pidf+xml", "x".repeat(length))
}

#[expect(clippy::panic, reason = "the text is our own")]
fn request(etag: Option<&str>, expires: Duration, body: Option<&Body>) -> Request {
    let condition = etag.map(|etag| format!("SIP-If-Match: {etag}\r\n")).unwrap_or_default();
    let (kind, data) = body.map_or((String::new(), &[][..]), |body| {
        let name = String::from_utf8_lossy(&body.content_type);
        (format!("Content-Type: {name}\r\n"), &body.data[..])
    });
    let head = format!(
        "PUBLISH sip:a@b SIP/2.0\r\nVia: SIP/2.0/UDP h;branch=z9hG4bK1\r\nFrom: <sip:a@b>;tag=1\r\nTo: <sip:a@b>\r\n\
         Call-ID: 1\r\nCSeq: 1 PUBLISH\r\nEvent: presence\r\nExpires: {}\r\n{condition}{kind}Content-Length: {}\r\n\r\n",
        expires.as_secs(),
        data.len()
    );
    match Message::parse([head.as_bytes(), data].concat().into()) {
        Ok(Message::Request(request)) => request,
        other => panic!("{other:?}"),
    }
}
