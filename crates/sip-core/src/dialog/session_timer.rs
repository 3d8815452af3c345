//! Session timers (RFC 4028): what two sides agree on, and when to refresh or to give up.
//!
//! ```
//! use machine::Time;
//! use sip_core::dialog::session_timer::{Agreement, SessionTimer, TimerAction, TimerPolicy, TimerRequest};
//! use sip_core::dialog::update::Side;
//! use sip_core::header::{Refresher, SessionExpires};
//!
//! // The INVITE has "Supported: timer" and "Session-Expires: 1800;refresher=uac".
//! let asked = SessionExpires { seconds: 1800, refresher: Some(Refresher::Uac) };
//! let request = TimerRequest { expires: Some(asked), min_se: None, supported: true };
//! let agreed = TimerPolicy::default().accept(&request)?.expect("a timer is wanted");
//! assert_eq!(agreed, Agreement { interval: 1800, refresher: Side::Remote });
//!
//! let now = Time::from_secs(1_000);
//! let mut timer = SessionTimer::new(now, agreed);
//! // Without a refresh the session ends 32 seconds before it expires.
//! assert_eq!(timer.deadline(), Time::from_secs(1_000 + 1800 - 32));
//! assert_eq!(timer.handle_timeout(timer.deadline()), TimerAction::Expired);
//! # Ok::<(), sip_core::dialog::session_timer::IntervalTooSmall>(())
//! ```

use core::time::Duration;

use machine::Time;

use super::update::Side;
use crate::header::{Refresher, SessionExpires};

/// The shortest interval that RFC 4028 §5 allows to ask for, in seconds.
pub const SMALLEST_INTERVAL: u32 = 90;

/// Whether sessions are to have timers.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[non_exhaustive]
pub enum SessionTimers {
    /// Never; a peer that requires them is refused with 420.
    Off,
    /// If the peer asks for them.
    #[default]
    Supported,
    /// Always: the INVITE asks for them. A peer that knows nothing of timers is refreshed by us.
    Requested,
}

/// What one side wants of timers.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct TimerPolicy {
    /// Whether there are to be any.
    pub mode: SessionTimers,
    /// The interval that is asked for, in seconds.
    pub interval: u32,
    /// The shortest interval that is accepted, in seconds.
    pub min_se: u32,
    /// Who is to refresh, where that is left to us. `None`: who asked for the timer.
    pub refresher: Option<Side>,
}

impl Default for TimerPolicy {
    /// Timers if the peer asks for them, of half an hour (RFC 4028 §4), at least 90 seconds.
    fn default() -> Self {
        Self {
            mode: SessionTimers::Supported,
            interval: 1800,
            min_se: SMALLEST_INTERVAL,
            refresher: None,
        }
    }
}

/// What an INVITE, re-INVITE or UPDATE says of timers.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct TimerRequest {
    /// `Session-Expires`.
    pub expires: Option<SessionExpires>,
    /// `Min-SE`, in seconds.
    pub min_se: Option<u32>,
    /// Whether `timer` is among the options in `Supported` or `Require`.
    pub supported: bool,
}

/// What both sides keep to until the next refresh.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Agreement {
    /// Seconds from one refresh to the session's expiry.
    pub interval: u32,
    /// Who refreshes.
    pub refresher: Side,
}

/// The interval asked for is shorter than we accept: refuse with 422 and this `Min-SE` (RFC 4028 §9).
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error("the session interval is below {0} s")]
pub struct IntervalTooSmall(pub u32);

impl TimerPolicy {
    /// What we ask for, in seconds, if the peer (or a proxy) said that it wants at least `min_se`.
    #[must_use]
    pub fn asked(&self, min_se: u32) -> u32 {
        self.interval.max(self.min_se).max(min_se)
    }

    /// What to answer a request with (RFC 4028 §9); `None`: no timer.
    ///
    /// # Errors
    ///
    /// [`IntervalTooSmall`], where the peer can be expected to understand 422.
    pub fn accept(&self, request: &TimerRequest) -> Result<Option<Agreement>, IntervalTooSmall> {
        let lowest = self.min_se.max(request.min_se.unwrap_or_default());
        // A peer without timers will not refresh (table 2).
        let choice = if request.supported {
            self.refresher
        } else {
            Some(Side::Local)
        };
        let Some(asked) = request.expires else {
            let ours = Agreement {
                interval: self.interval.max(lowest),
                refresher: choice.unwrap_or(Side::Local),
            };
            return Ok(Some(ours).filter(|_| self.mode == SessionTimers::Requested));
        };
        match self.mode {
            SessionTimers::Off => return Ok(None),
            SessionTimers::Supported | SessionTimers::Requested => {}
        }
        if asked.seconds < self.min_se {
            return if request.supported {
                Err(IntervalTooSmall(self.min_se))
            } else {
                Ok(None)
            };
        }
        let interval = match self.mode {
            SessionTimers::Requested => asked.seconds.min(self.interval.max(lowest)),
            SessionTimers::Supported | SessionTimers::Off => asked.seconds,
        };
        let refresher = match asked.refresher {
            Some(Refresher::Uac) if request.supported => Side::Remote,
            Some(Refresher::Uas) => Side::Local,
            Some(Refresher::Uac) | None => choice.unwrap_or(Side::Remote),
        };
        Ok(Some(Agreement { interval, refresher }))
    }

    /// What a 2xx to our request agrees to (RFC 4028 §7.2); `None`: no timer.
    #[must_use]
    pub fn conclude(&self, answer: Option<SessionExpires>) -> Option<Agreement> {
        match (self.mode, answer) {
            (SessionTimers::Off, _) | (SessionTimers::Supported, None) => None,
            // The peer knows nothing of timers, or nothing of ours: we can still see whether it is there.
            (SessionTimers::Requested, None) => Some(Agreement {
                interval: self.asked(0),
                refresher: Side::Local,
            }),
            (SessionTimers::Supported | SessionTimers::Requested, Some(answer)) => Some(Agreement {
                // Nobody makes us refresh faster than that.
                interval: answer.seconds.max(self.min_se),
                refresher: match answer.refresher {
                    Some(Refresher::Uas) => Side::Remote,
                    Some(Refresher::Uac) | None => Side::Local,
                },
            }),
        }
    }
}

/// What is due with a session's timer.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum TimerAction {
    /// Nothing.
    Wait,
    /// Refresh the session.
    Refresh,
    /// Nobody refreshed: send BYE (RFC 4028 §10).
    Expired,
}

/// The timer of one session, from one refresh to the next.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct SessionTimer {
    agreement: Agreement,
    refresh: Option<Time>,
    end: Time,
}

impl SessionTimer {
    /// A 2xx to an INVITE, re-INVITE or UPDATE was sent or came: everything begins anew.
    #[must_use]
    pub fn new(now: Time, agreement: Agreement) -> Self {
        let interval = Duration::from_secs(u64::from(agreement.interval.max(1)));
        // Whoever finds the session expired hangs up shortly before (RFC 4028 §10).
        let end = now + interval - (interval / 3).min(Duration::from_secs(32));
        let refresh = match agreement.refresher {
            Side::Local => Some(now + interval / 2),
            Side::Remote => None,
        };
        Self {
            agreement,
            refresh,
            end,
        }
    }

    /// What was agreed.
    #[must_use]
    pub const fn agreement(&self) -> Agreement {
        self.agreement
    }

    /// When [`handle_timeout`](Self::handle_timeout) must be called.
    #[must_use]
    pub fn deadline(&self) -> Time {
        self.refresh.map_or(self.end, |refresh| refresh.min(self.end))
    }

    /// Says what is due. A refresh is asked for once; [`retry`](Self::retry) asks for it again.
    pub fn handle_timeout(&mut self, now: Time) -> TimerAction {
        if self.end <= now {
            TimerAction::Expired
        } else if self.refresh.take_if(|refresh| *refresh <= now).is_some() {
            TimerAction::Refresh
        } else {
            TimerAction::Wait
        }
    }

    /// The refresh failed, or could not be sent: it is tried again when half of the time that is left has passed, unless that
    /// is less than a second.
    pub fn retry(&mut self, now: Time) {
        let left = (self.end - now) / 2;
        self.refresh = (left >= Duration::from_secs(1)).then(|| now + left);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const START: Time = Time::from_secs(1_000);

    fn expires(seconds: u32, refresher: Option<Refresher>) -> Option<SessionExpires> {
        Some(SessionExpires { seconds, refresher })
    }

    fn policy(mode: SessionTimers, refresher: Option<Side>) -> TimerPolicy {
        TimerPolicy {
            mode,
            refresher,
            ..TimerPolicy::default()
        }
    }

    /// RFC 4028 table 2, for each preference of ours.
    #[test]
    fn who_refreshes() {
        use Refresher::{Uac, Uas};
        use Side::{Local, Remote};
        for (supported, asked, preferred, expected) in [
            (false, None, None, Local),
            (false, None, Some(Remote), Local),
            (false, Some(Uas), None, Local),
            (false, Some(Uac), None, Local),
            (true, None, None, Remote),
            (true, None, Some(Local), Local),
            (true, None, Some(Remote), Remote),
            (true, Some(Uac), Some(Local), Remote),
            (true, Some(Uas), Some(Remote), Local),
        ] {
            let request = TimerRequest {
                expires: expires(1800, asked),
                min_se: None,
                supported,
            };
            let agreed = policy(SessionTimers::Supported, preferred).accept(&request).unwrap();
            let expected = Some(Agreement {
                interval: 1800,
                refresher: expected,
            });
            assert_eq!(agreed, expected, "{supported} {asked:?} {preferred:?}");
        }
    }

    #[test]
    fn intervals_of_each_mode() {
        use SessionTimers::{Off, Requested, Supported};
        let none = TimerRequest {
            supported: true,
            ..TimerRequest::default()
        };
        let with = |seconds, min_se, supported| TimerRequest {
            expires: expires(seconds, None),
            min_se,
            supported,
        };
        for (mode, request, expected) in [
            (Off, none, Ok(None)),
            (Off, with(1800, None, true), Ok(None)),
            (Supported, none, Ok(None)),
            (Supported, with(7200, None, true), Ok(Some(7200))),
            (Supported, with(90, None, true), Ok(Some(90))),
            (Supported, with(89, None, true), Err(IntervalTooSmall(90))),
            (Supported, with(89, None, false), Ok(None)),
            (Requested, none, Ok(Some(1800))),
            (Requested, TimerRequest::default(), Ok(Some(1800))),
            (Requested, with(7200, None, true), Ok(Some(1800))),
            (Requested, with(7200, Some(3600), true), Ok(Some(3600))),
            (Requested, with(600, None, true), Ok(Some(600))),
        ] {
            let agreed = policy(mode, None).accept(&request);
            let interval = agreed.map(|agreed| agreed.map(|agreed| agreed.interval));
            assert_eq!(interval, expected, "{mode:?} {request:?}");
        }
    }

    #[test]
    fn what_a_2xx_agrees_to() {
        use SessionTimers::{Off, Requested, Supported};
        let agreed = |interval, refresher| Some(Agreement { interval, refresher });
        for (mode, answer, expected) in [
            (Off, expires(1800, Some(Refresher::Uac)), None),
            (Supported, None, None),
            (Requested, None, agreed(1800, Side::Local)),
            (Supported, expires(600, Some(Refresher::Uas)), agreed(600, Side::Remote)),
            (Supported, expires(600, Some(Refresher::Uac)), agreed(600, Side::Local)),
            (Supported, expires(600, None), agreed(600, Side::Local)),
            (Requested, expires(0, None), agreed(90, Side::Local)),
        ] {
            assert_eq!(policy(mode, None).conclude(answer), expected, "{mode:?} {answer:?}");
        }
        assert_eq!(TimerPolicy::default().asked(3600), 3600);
    }

    fn agenda(interval: u32, refresher: Side, retry: bool) -> Vec<(u64, TimerAction)> {
        let mut timer = SessionTimer::new(START, Agreement { interval, refresher });
        let mut out = Vec::new();
        loop {
            let due = timer.deadline();
            let action = timer.handle_timeout(due);
            out.push(((due - START).as_secs(), action));
            match action {
                TimerAction::Expired => return out,
                TimerAction::Refresh if retry => timer.retry(due),
                TimerAction::Refresh | TimerAction::Wait => {}
            }
        }
    }

    #[test]
    fn refreshes_at_half_and_ends_a_third_or_32_seconds_before() {
        use TimerAction::{Expired, Refresh};
        assert_eq!(agenda(1800, Side::Remote, false), [(1768, Expired)]);
        assert_eq!(agenda(90, Side::Remote, false), [(60, Expired)]);
        assert_eq!(agenda(1800, Side::Local, false), [(900, Refresh), (1768, Expired)]);
        assert_eq!(agenda(90, Side::Local, false), [(45, Refresh), (60, Expired)]);
        assert_eq!(
            agenda(90, Side::Local, true),
            [
                (45, Refresh),
                (52, Refresh),
                (56, Refresh),
                (58, Refresh),
                (60, Expired)
            ]
        );
        assert_eq!(agenda(0, Side::Local, false).len(), 2);
        assert_eq!(
            agenda(u32::MAX, Side::Remote, false),
            [(u64::from(u32::MAX) - 32, Expired)]
        );
    }

    #[test]
    fn a_refresh_and_the_expiry_at_the_same_instant_have_one_outcome() {
        let agreement = Agreement {
            interval: 90,
            refresher: Side::Remote,
        };
        let mut timer = SessionTimer::new(START, agreement);
        let end = timer.deadline();
        // Whichever is told first decides.
        assert_eq!(timer.handle_timeout(end), TimerAction::Expired);
        let mut timer = SessionTimer::new(end, timer.agreement());
        assert_eq!(timer.handle_timeout(end), TimerAction::Wait);
        assert_eq!(timer.deadline(), end + Duration::from_secs(60));
    }
}
