//! The side that publishes (RFC 3903 §4): when which PUBLISH is due, and what its answer means.

use core::time::Duration;
use std::collections::VecDeque;

use bytes::Bytes;
use machine::{Machine, Time};

use crate::header::{Expires, MinExpires, RetryAfter};
use crate::{Body, HeaderName, Response, StatusCode};

/// Settings of a [`Publisher`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[non_exhaustive]
pub struct PublisherConfig {
    /// For how long to publish; refreshed in time. Default one hour.
    pub expires: Duration,
    /// How long to wait after a failure that may pass, where the compositor does not say (`Retry-After`); twice as long
    /// after each further one, up to 32 times. Default 30 seconds.
    pub pause: Duration,
    /// A compositor that finds less than this too brief is given up. Default one day.
    pub max_expires: Duration,
}

impl Default for PublisherConfig {
    fn default() -> Self {
        Self {
            expires: Duration::from_secs(3600),
            pause: Duration::from_secs(30),
            max_expires: Duration::from_secs(86_400),
        }
    }
}

/// What a [`Publisher`] wants sent or has to tell.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[non_exhaustive]
pub enum PublisherOutput {
    /// Send a PUBLISH, and tell its final response with [`Publisher::answered`] or [`Publisher::failed`]. There is one at
    /// a time.
    Send {
        /// The `SIP-If-Match` header, if any.
        etag: Option<Bytes>,
        /// The `Expires` header.
        expires: Duration,
        /// The body, if any.
        body: Option<Body>,
    },
    /// The state is published, or refreshed, for this long.
    Published {
        /// What the compositor granted.
        expires: Duration,
    },
    /// The compositor did not take it for now; it is published again after a while.
    Deferred {
        /// Why.
        status: StatusCode,
        /// After how long.
        again: Duration,
    },
    /// The state was removed, as asked for; this is the last output.
    Removed,
    /// The compositor refused; this is the last output. 408: it did not answer the removal.
    Refused(StatusCode),
}

/// One published state of one resource.
///
/// ```
/// use machine::{Machine, Time};
/// use sip_core::event::publish::{Publisher, PublisherConfig, PublisherOutput};
/// use sip_core::{Body, StatusCode};
///
/// let now = Time::from_secs(1_000);
/// let mut publisher = Publisher::new(PublisherConfig::default());
/// publisher.publish(now, Body::new("application/pidf+xml", "<presence/>"));
/// let Some(PublisherOutput::Send { etag: None, body: Some(_), .. }) = publisher.poll_output() else { unreachable!() };
///
/// // The compositor had a restart and knows nothing of us: a refresh fails, and all is published anew.
/// publisher.granted(now, Some("e1".into()), std::time::Duration::from_secs(600));
/// assert!(matches!(publisher.poll_output(), Some(PublisherOutput::Published { .. })));
/// let due = publisher.poll_timeout().unwrap();
/// publisher.handle_timeout(due);
/// let Some(PublisherOutput::Send { etag: Some(_), body: None, .. }) = publisher.poll_output() else { unreachable!() };
/// publisher.failed(due, StatusCode::CONDITIONAL_REQUEST_FAILED, None, None);
/// let Some(PublisherOutput::Send { etag: None, body: Some(_), .. }) = publisher.poll_output() else { unreachable!() };
/// ```
#[derive(Clone, Debug)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Publisher {
    config: PublisherConfig,
    /// The state that is to be published; `None`: it is to be removed, or there never was one.
    body: Option<Body>,
    /// Whether the compositor does not have `body` yet.
    dirty: bool,
    etag: Option<Bytes>,
    /// When the compositor forgets it.
    expires: Option<Time>,
    /// When the next PUBLISH is due.
    next: Option<Time>,
    sending: Option<Sending>,
    removing: bool,
    lengthened: bool,
    failures: u32,
    over: bool,
    latest: Time,
    outputs: VecDeque<PublisherOutput>,
}

/// The PUBLISH under way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
enum Sending {
    /// In which the compositor gets the state, or keeps it.
    State {
        whole: bool,
    },
    Removal,
}

impl Publisher {
    /// A publisher that has published nothing yet.
    #[must_use]
    pub const fn new(config: PublisherConfig) -> Self {
        Self {
            config,
            body: None,
            dirty: false,
            etag: None,
            expires: None,
            next: None,
            sending: None,
            removing: false,
            lengthened: false,
            failures: 0,
            over: false,
            latest: Time::ZERO,
            outputs: VecDeque::new(),
        }
    }

    /// Publishes a state, or another one in the place of the last. While a PUBLISH is under way the latest state waits.
    /// After [`remove`](Self::remove) it is of no effect.
    pub fn publish(&mut self, now: Time, body: Body) {
        self.handle_timeout(now);
        if self.removing || self.over {
            return;
        }
        self.body = Some(body);
        self.dirty = true;
        // After a failure it waits with what it waits for.
        if self.failures == 0 {
            self.next = Some(self.latest);
        }
        self.pump();
    }

    /// Removes the state. [`PublisherOutput::Removed`] follows, at once if the compositor does not have it.
    pub fn remove(&mut self, now: Time) {
        self.handle_timeout(now);
        if self.removing || self.over {
            return;
        }
        self.removing = true;
        self.body = None;
        self.dirty = false;
        self.next = Some(self.latest);
        self.pump();
    }

    /// Tells the final response to the PUBLISH under way.
    pub fn answered(&mut self, now: Time, response: &Response) {
        let headers = response.headers();
        let seconds = |seconds: u32| Duration::from_secs(u64::from(seconds));
        if response.status().is_success() {
            let etag = headers.get(&HeaderName::SipEtag).map(Bytes::copy_from_slice);
            let expires = headers.typed::<Expires>().and_then(Result::ok);
            let granted = expires.map_or(self.config.expires, |Expires(s)| seconds(s));
            self.granted(now, etag, granted);
        } else {
            let retry = headers.typed::<RetryAfter>().and_then(Result::ok);
            let min = headers.typed::<MinExpires>().and_then(Result::ok);
            let (retry, min) = (retry.map(|retry| seconds(retry.seconds)), min.map(|min| seconds(min.0)));
            self.failed(now, response.status(), retry, min);
        }
    }

    /// The PUBLISH under way was accepted. Without an entity-tag the next one is a first one again.
    pub fn granted(&mut self, now: Time, etag: Option<Bytes>, expires: Duration) {
        self.latest = self.latest.max(now);
        let Some(sending) = self.sending.take() else { return };
        self.failures = 0;
        self.lengthened = false;
        if sending == Sending::Removal {
            return self.end(PublisherOutput::Removed);
        }
        // Shorter than asked for, never longer (RFC 3903 §4.1).
        let granted = expires.min(self.config.expires);
        self.etag = etag.filter(|etag| !etag.is_empty());
        let newer = self.dirty || self.removing;
        self.dirty |= self.etag.is_none();
        self.expires = Some(self.latest + granted);
        self.outputs.push_back(PublisherOutput::Published { expires: granted });
        // A compositor that grants nothing at all is not asked again and again.
        let rest = if granted.is_zero() {
            self.config.pause
        } else {
            refresh_after(granted)
        };
        let rest = rest.max(Duration::from_secs(1));
        self.next = Some(if newer { self.latest } else { self.latest + rest });
        self.pump();
    }

    /// The PUBLISH under way was refused, timed out (408) or could not be sent (503); with the `Retry-After` and
    /// `Min-Expires` of the response.
    pub fn failed(
        &mut self,
        now: Time,
        status: StatusCode,
        retry_after: Option<Duration>,
        min_expires: Option<Duration>,
    ) {
        self.latest = self.latest.max(now);
        let Some(sending) = self.sending.take() else { return };
        let had_tag = self.etag.is_some();
        self.dirty |= sending == Sending::State { whole: true } && !self.removing;
        match (status, sending) {
            // What the compositor does not have needs no removal.
            (StatusCode::CONDITIONAL_REQUEST_FAILED, Sending::Removal) => self.end(PublisherOutput::Removed),
            (_, Sending::Removal) => self.end(PublisherOutput::Refused(status)),
            (StatusCode::CONDITIONAL_REQUEST_FAILED, Sending::State { .. }) if had_tag => self.forget(),
            (StatusCode::INTERVAL_TOO_BRIEF, Sending::State { .. }) => {
                match min_expires.filter(|min| self.may_lengthen(*min)) {
                    Some(min) => {
                        self.config.expires = min;
                        self.lengthened = true;
                        self.next = Some(self.latest);
                    }
                    None => self.end(PublisherOutput::Refused(status)),
                }
            }
            // Nothing more is to be told of a state that is to go.
            (_, Sending::State { .. }) if self.removing => self.next = Some(self.latest),
            (_, Sending::State { .. }) if may_pass(status) || retry_after.is_some() => self.defer(status, retry_after),
            (_, Sending::State { .. }) => self.end(PublisherOutput::Refused(status)),
        }
        self.pump();
    }

    /// Whether nothing is left to be done, or ever will.
    #[must_use]
    pub const fn is_over(&self) -> bool {
        self.over
    }

    /// Whether a PUBLISH is under way.
    #[must_use]
    pub const fn is_sending(&self) -> bool {
        self.sending.is_some()
    }

    fn may_lengthen(&self, min: Duration) -> bool {
        !self.lengthened && min > self.config.expires && min <= self.config.max_expires
    }

    /// The compositor knows nothing of us any more: the next PUBLISH is a first one.
    fn forget(&mut self) {
        self.etag = None;
        self.expires = None;
        self.dirty = self.body.is_some();
        self.next = Some(self.latest);
    }

    fn defer(&mut self, status: StatusCode, retry_after: Option<Duration>) {
        let pause = self.config.pause.max(Duration::from_secs(1));
        let backoff = pause.saturating_mul(1 << self.failures.min(5));
        let again = retry_after.unwrap_or(backoff).max(Duration::from_secs(1));
        self.failures = self.failures.saturating_add(1);
        self.next = Some(self.latest + again);
        self.outputs.push_back(PublisherOutput::Deferred { status, again });
    }

    fn end(&mut self, output: PublisherOutput) {
        self.over = true;
        self.body = None;
        (self.next, self.expires, self.etag) = (None, None, None);
        self.outputs.push_back(output);
    }

    /// Sends what is due, if nothing is under way.
    fn pump(&mut self) {
        if self.over || self.sending.is_some() || self.next.is_none_or(|next| next > self.latest) {
            return;
        }
        self.next = None;
        let expired = self.expires.is_some_and(|expires| expires <= self.latest);
        if expired {
            (self.etag, self.expires) = (None, None);
            self.dirty = self.body.is_some();
        }
        let etag = self.etag.clone();
        if self.removing {
            if etag.is_none() {
                return self.end(PublisherOutput::Removed);
            }
            self.sending = Some(Sending::Removal);
            self.outputs.push_back(PublisherOutput::Send {
                etag,
                expires: Duration::ZERO,
                body: None,
            });
        } else if let Some(body) = &self.body {
            let whole = self.dirty || etag.is_none();
            let body = whole.then(|| body.clone());
            self.dirty = false;
            self.sending = Some(Sending::State { whole });
            self.outputs.push_back(PublisherOutput::Send {
                etag,
                expires: self.config.expires,
                body,
            });
        }
    }
}

impl Machine for Publisher {
    type Output = PublisherOutput;

    fn handle_timeout(&mut self, now: Time) {
        self.latest = self.latest.max(now);
        self.pump();
    }

    fn poll_timeout(&self) -> Option<Time> {
        self.next.filter(|_| self.sending.is_none())
    }

    fn poll_output(&mut self) -> Option<PublisherOutput> {
        self.outputs.pop_front()
    }
}

/// Whether the compositor may say another thing later.
const fn may_pass(status: StatusCode) -> bool {
    matches!(status.code(), 408 | 480 | 500 | 502..=504)
}

/// Early enough for a lost message or two, without hurry for short ones.
fn refresh_after(granted: Duration) -> Duration {
    if granted > Duration::from_secs(120) {
        granted - Duration::from_secs(60)
    } else {
        granted / 2
    }
}
