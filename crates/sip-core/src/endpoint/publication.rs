//! Our published states (RFC 3903 §4): a [`Publisher`] each, whose PUBLISHes are sent and answered here.

use bytes::Bytes;
use machine::{Machine, Time};
use rand_core::Rng;

use super::caller::{Initial, begin_initial, check_body};
use super::client::{Outcome, Owner};
use super::id::ClientKey;
use super::reply::check;
use super::stats::seconds;
use super::subscription::print;
use super::timers::{Alarm, TimerKey};
use super::write::Extra;
use super::{Body, Endpoint, EndpointError, Event, PublicationEnd, PublicationId, Publish};
use crate::auth;
use crate::event::publish::{Publisher, PublisherConfig, PublisherOutput};
use crate::{HeaderName, Method, StatusCode};

/// A state of ours that is published somewhere.
#[derive(Debug)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub(super) struct Publication {
    publisher: Publisher,
    command: Box<Publish>,
    call_id: Bytes,
    pub(super) cseq: u32,
    pub(super) client: Option<ClientKey>,
    pub(super) auth: Option<Box<auth::Client>>,
    /// Over for the embedder; kept until the removal is through.
    released: bool,
    alarm: Alarm,
}

impl Endpoint {
    /// Publishes a state. [`Event::Published`] follows, or [`Event::PublicationEnded`]. It is refreshed in time, published
    /// anew when the compositor has lost it (412), and for longer when it finds it too brief (423), all by itself.
    ///
    /// # Errors
    ///
    /// [`EndpointError::NoAddress`], [`EndpointError::NoTransport`], [`EndpointError::BadHeader`] or
    /// [`EndpointError::Full`].
    pub fn publish(&mut self, now: Time, publish: Publish) -> Result<PublicationId, EndpointError> {
        self.advance(now);
        check(&publish.headers, None)?;
        check_body(Some(&publish.body))?;
        self.initial_way(publish.flow, &publish.hops, &publish.route, &publish.target)?;
        if self.publications.len() >= self.config.limits.publications || self.is_full() {
            return Err(EndpointError::Full);
        }
        let config = PublisherConfig {
            expires: publish.expires,
            ..PublisherConfig::default()
        };
        let body = publish.body.clone();
        let (call_id, cseq) = (self.new_call_id(), self.first_cseq());
        let id = self.publications.insert(Publication {
            publisher: Publisher::new(config),
            auth: publish.credentials.as_ref().map(super::Credentials::client),
            command: Box::new(publish),
            call_id,
            cseq,
            client: None,
            released: false,
            alarm: Alarm::default(),
        });
        self.with_publisher(id, |publisher, now| publisher.publish(now, body));
        Ok(id)
    }

    /// Publishes another state in the place of the last. While a PUBLISH is under way only the latest waits.
    ///
    /// # Errors
    ///
    /// [`EndpointError::Gone`]; [`EndpointError::BadHeader`] for a type with control characters.
    pub fn republish(&mut self, now: Time, publication: PublicationId, body: Body) -> Result<(), EndpointError> {
        self.advance(now);
        check_body(Some(&body))?;
        self.publication(publication)?;
        self.with_publisher(publication, |publisher, now| publisher.publish(now, body));
        Ok(())
    }

    /// Removes a state. The handle is dead at once, and no event follows.
    ///
    /// # Errors
    ///
    /// [`EndpointError::Gone`].
    pub fn unpublish(&mut self, now: Time, publication: PublicationId) -> Result<(), EndpointError> {
        self.advance(now);
        self.publication(publication)?.released = true;
        self.with_publisher(publication, Publisher::remove);
        Ok(())
    }

    fn publication(&mut self, id: PublicationId) -> Result<&mut Publication, EndpointError> {
        self.publications
            .get_mut(id)
            .filter(|publication| !publication.released)
            .ok_or(EndpointError::Gone)
    }

    /// Lets the publisher do something, and does what it then wants.
    fn with_publisher(&mut self, id: PublicationId, act: impl FnOnce(&mut Publisher, Time)) {
        let now = self.now;
        let Some(publication) = self.publications.get_mut(id) else {
            return;
        };
        act(&mut publication.publisher, now);
        while let Some(output) = self
            .publications
            .get_mut(id)
            .and_then(|publication| publication.publisher.poll_output())
        {
            self.follow_publisher(id, output);
        }
        if let Some(publication) = self.publications.get_mut(id) {
            let deadline = publication.publisher.poll_timeout();
            self.timers
                .arm(now, TimerKey::Publication(id), &mut publication.alarm, deadline);
        }
    }

    fn follow_publisher(&mut self, id: PublicationId, output: PublisherOutput) {
        match output {
            PublisherOutput::Send { etag, expires, body } => {
                if self
                    .send_publish(id, etag.as_ref(), seconds(expires), body.as_ref())
                    .is_none()
                    && let Some(publication) = self.publications.get_mut(id)
                {
                    let (now, status) = (self.now, StatusCode::SERVICE_UNAVAILABLE);
                    publication.publisher.failed(now, status, None, None);
                }
            }
            PublisherOutput::Published { expires } => self.tell_publication(
                id,
                Event::Published {
                    publication: id,
                    expires,
                },
            ),
            PublisherOutput::Deferred { status, again } => self.tell_publication(
                id,
                Event::PublicationDeferred {
                    publication: id,
                    status,
                    again,
                },
            ),
            PublisherOutput::Removed => self.end_publication(id, PublicationEnd::Removed),
            PublisherOutput::Refused(status) => self.end_publication(id, PublicationEnd::Refused(status)),
        }
    }

    fn tell_publication(&mut self, id: PublicationId, event: Event) {
        if self.publication(id).is_ok() {
            self.emit(event);
        }
    }

    fn end_publication(&mut self, id: PublicationId, cause: PublicationEnd) {
        let Some(mut publication) = self.publications.remove(id) else {
            return;
        };
        self.timers.disarm(&mut publication.alarm);
        if !publication.released {
            self.emit(Event::PublicationEnded { publication: id, cause });
        }
    }

    fn send_publish(
        &mut self,
        id: PublicationId,
        etag: Option<&Bytes>,
        expires: u64,
        body: Option<&Body>,
    ) -> Option<()> {
        let command = &self.publications.get(id)?.command;
        let way = self
            .initial_way(command.flow, &command.hops, &command.route, &command.target)
            .ok()?;
        let tag = format!("{:016x}", self.rng.next_u64());
        let publication = self.publications.get_mut(id)?;
        publication.cseq = publication
            .cseq
            .checked_add(1)
            .filter(|next| *next <= crate::dialog::MAX_CSEQ)
            .unwrap_or(1);
        let via = self.open_client(way.flow(), Method::Publish, Owner::Publish(id));
        let Publication {
            command, call_id, cseq, ..
        } = self.publications.get(id)?;
        let mut out = begin_initial(
            via,
            &Initial {
                method: &Method::Publish,
                target: &command.target,
                route: &command.route,
                from: &command.from,
                tag: tag.as_bytes(),
                to: &command.to,
                call_id,
                cseq: *cseq,
                max_forwards: 70,
            },
        );
        out.display("Event", print(&command.event)).display("Expires", expires);
        if let Some(etag) = etag {
            out.header(&HeaderName::SipIfMatch, etag);
        }
        let data = self.finish_request(out, &command.headers, body, Extra::default());
        let key = self.launch_by(via, data, way);
        self.publications.get_mut(id)?.client = Some(key);
        Some(())
    }

    pub(super) fn on_publish_outcome(&mut self, id: PublicationId, outcome: Outcome) {
        let Outcome { status, response, key } = outcome;
        let Some(publication) = self.publications.get_mut(id).filter(|entry| entry.client == Some(key)) else {
            return;
        };
        publication.client = None;
        self.with_publisher(id, |publisher, now| match &response {
            Some(response) => publisher.answered(now, response),
            None => publisher.failed(now, status, None, None),
        });
    }

    pub(super) fn publication_due(&mut self, id: PublicationId) {
        if let Some(publication) = self.publications.get_mut(id) {
            publication.alarm.fired();
        }
        self.with_publisher(id, Publisher::handle_timeout);
    }
}
