//! Reliable provisional responses (RFC 3262): what of them has to be remembered, on either side.
//!
//! Both machines know numbers and times alone; who uses them sends the messages.
//!
//! ```
//! use machine::Time;
//! use sip_core::dialog::prack::{ReliableReceiver, ReliableSender, Received};
//! use sip_core::header::RAck;
//! use sip_core::transaction::TimerConfig;
//! use sip_core::Method;
//!
//! let (now, timers) = (Time::from_secs(1), TimerConfig::default());
//! let mut callee = ReliableSender::new(800, 7); // to the INVITE with CSeq 7
//! let mut caller = ReliableReceiver::default();
//!
//! let rseq = callee.send(now, &timers)?; // 180 with "RSeq: 800"
//! assert_eq!(caller.receive(rseq), Received::New);
//! let rack = RAck { rseq, cseq: 7, method: Method::Invite }; // PRACK with "RAck: 800 7 INVITE"
//! callee.acknowledge(&rack)?;
//! assert_eq!(callee.deadline(), None);
//! # Ok::<(), sip_core::dialog::prack::ReliableError>(())
//! ```

use core::time::Duration;

use machine::Time;

use crate::Method;
use crate::header::RAck;
use crate::transaction::TimerConfig;

/// The highest number a first reliable provisional response may have (RFC 3262 §3).
pub const MAX_FIRST_RSEQ: u32 = (1 << 31) - 1;

/// Why a reliable provisional response cannot be sent, or a PRACK not be taken.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ReliableError {
    /// The one before is not acknowledged yet.
    #[error("the response before is not acknowledged yet")]
    Unacknowledged,
    /// All numbers are used: they must not wrap around.
    #[error("the response numbers are used up")]
    Exhausted,
    /// The PRACK fits no response that waits for one: to be answered with 481 (RFC 3262 §3).
    #[error("no response waits for this PRACK")]
    NoMatch,
}

/// What is due with a response that is not acknowledged.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum ReliableAction {
    /// Nothing.
    Wait,
    /// Send the response again.
    Resend,
    /// 64·T1 have passed: refuse the INVITE with 5xx (RFC 3262 §3).
    GiveUp,
}

/// The callee's side, for one INVITE: one response at a time.
#[derive(Clone, Debug)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct ReliableSender {
    next: Option<u32>,
    cseq: u32,
    pending: Option<Pending>,
}

#[derive(Clone, Copy, Debug)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
struct Pending {
    rseq: u32,
    /// `None`: the INVITE has its final response; only the PRACK is still taken.
    timer: Option<Retransmission>,
}

#[derive(Clone, Copy, Debug)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
struct Retransmission {
    interval: Duration,
    next: Time,
    end: Time,
}

impl ReliableSender {
    /// For the INVITE with number `cseq`. `first` is the number of its first response, to be drawn from 1 to
    /// [`MAX_FIRST_RSEQ`]; what is outside is moved inside.
    #[must_use]
    pub fn new(first: u32, cseq: u32) -> Self {
        Self {
            next: Some(first.clamp(1, MAX_FIRST_RSEQ)),
            cseq,
            pending: None,
        }
    }

    /// A response is going to be sent: its `RSeq`.
    ///
    /// # Errors
    ///
    /// [`ReliableError::Unacknowledged`] while the one before has no PRACK; [`ReliableError::Exhausted`].
    pub fn send(&mut self, now: Time, timers: &TimerConfig) -> Result<u32, ReliableError> {
        if self.pending.is_some() {
            return Err(ReliableError::Unacknowledged);
        }
        let rseq = self.next.ok_or(ReliableError::Exhausted)?;
        self.next = rseq.checked_add(1);
        self.pending = Some(Pending {
            rseq,
            timer: Some(Retransmission {
                interval: timers.t1,
                next: now + timers.t1.max(Duration::from_millis(1)),
                end: now + timers.give_up(),
            }),
        });
        Ok(rseq)
    }

    /// A PRACK came.
    ///
    /// # Errors
    ///
    /// [`ReliableError::NoMatch`] if number, INVITE or method are not those of the response that waits.
    pub fn acknowledge(&mut self, rack: &RAck) -> Result<(), ReliableError> {
        let fits = |pending: &mut Pending| {
            pending.rseq == rack.rseq && self.cseq == rack.cseq && rack.method == Method::Invite
        };
        self.pending.take_if(fits).map(drop).ok_or(ReliableError::NoMatch)
    }

    /// The INVITE has its final response: nothing is retransmitted any more, but the PRACK is still taken (RFC 3262 §3).
    pub fn finish(&mut self) {
        self.next = None;
        if let Some(pending) = &mut self.pending {
            pending.timer = None;
        }
    }

    /// Whether a response waits for its PRACK.
    #[must_use]
    pub fn is_pending(&self) -> bool {
        self.pending.is_some()
    }

    /// When [`handle_timeout`](Self::handle_timeout) must be called.
    #[must_use]
    pub fn deadline(&self) -> Option<Time> {
        let timer = self.pending?.timer?;
        Some(timer.next.min(timer.end))
    }

    /// Does what is due: the intervals begin with T1 and double without bound, whatever the transport.
    pub fn handle_timeout(&mut self, now: Time) -> ReliableAction {
        let Some(timer) = self.pending.as_mut().and_then(|pending| pending.timer.as_mut()) else {
            return ReliableAction::Wait;
        };
        if timer.end <= now {
            self.finish();
            return ReliableAction::GiveUp;
        }
        if timer.next > now {
            return ReliableAction::Wait;
        }
        timer.interval = timer.interval.saturating_mul(2).max(Duration::from_millis(1));
        timer.next = now + timer.interval;
        ReliableAction::Resend
    }
}

/// What to do with a reliable provisional response.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Received {
    /// Acknowledge it with PRACK.
    New,
    /// It was seen before: drop it, its PRACK is on its way (RFC 3262 §4).
    Repeated,
    /// One before it is missing: drop it without PRACK, it will come again (RFC 3262 §4).
    Gap,
}

/// The caller's side, for one early dialog: each fork numbers for itself.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct ReliableReceiver {
    last: Option<u32>,
}

impl ReliableReceiver {
    /// A response with this `RSeq` came. The first may have any number.
    pub fn receive(&mut self, rseq: u32) -> Received {
        match self.last {
            Some(last) if rseq <= last => Received::Repeated,
            Some(last) if rseq - last > 1 => Received::Gap,
            Some(_) | None => {
                self.last = Some(rseq);
                Received::New
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const START: Time = Time::from_secs(1000);

    fn rack(rseq: u32, cseq: u32, method: Method) -> RAck {
        RAck { rseq, cseq, method }
    }

    #[test]
    fn intervals_double_until_64_t1_have_passed() {
        let timers = TimerConfig::default();
        let mut sender = ReliableSender::new(1, 7);
        sender.send(START, &timers).unwrap();
        let mut agenda = Vec::new();
        while let Some(due) = sender.deadline() {
            agenda.push(((due - START).as_millis(), sender.handle_timeout(due)));
        }
        use ReliableAction::{GiveUp, Resend};
        let expected = [
            (500, Resend),
            (1_500, Resend),
            (3_500, Resend),
            (7_500, Resend),
            (15_500, Resend),
            (31_500, Resend),
            (32_000, GiveUp),
        ];
        assert_eq!(agenda, expected);
    }

    #[test]
    fn only_the_response_that_waits_is_acknowledged() {
        let timers = TimerConfig::default();
        let mut sender = ReliableSender::new(10, 7);
        assert_eq!(
            sender.acknowledge(&rack(10, 7, Method::Invite)),
            Err(ReliableError::NoMatch)
        );
        assert_eq!(sender.send(START, &timers), Ok(10));
        assert_eq!(sender.send(START, &timers), Err(ReliableError::Unacknowledged));
        for wrong in [
            rack(9, 7, Method::Invite),
            rack(11, 7, Method::Invite),
            rack(10, 8, Method::Invite),
            rack(10, 7, Method::Update),
        ] {
            assert_eq!(sender.acknowledge(&wrong), Err(ReliableError::NoMatch), "{wrong:?}");
        }
        assert_eq!(sender.acknowledge(&rack(10, 7, Method::Invite)), Ok(()));
        assert_eq!(
            sender.acknowledge(&rack(10, 7, Method::Invite)),
            Err(ReliableError::NoMatch)
        );
        assert_eq!(sender.send(START, &timers), Ok(11));
    }

    #[test]
    fn after_the_final_response_the_prack_is_still_taken() {
        let timers = TimerConfig::default();
        let mut sender = ReliableSender::new(0, 7);
        assert_eq!(sender.send(START, &timers), Ok(1), "0 is no number");
        sender.finish();
        assert_eq!((sender.deadline(), sender.is_pending()), (None, true));
        assert_eq!(sender.acknowledge(&rack(1, 7, Method::Invite)), Ok(()));
        assert_eq!(sender.send(START, &timers), Err(ReliableError::Exhausted));
    }

    #[test]
    fn numbers_do_not_wrap() {
        let timers = TimerConfig::default();
        let mut sender = ReliableSender::new(u32::MAX, 7);
        assert_eq!(sender.next, Some(MAX_FIRST_RSEQ));
        sender.next = Some(u32::MAX);
        assert_eq!(sender.send(START, &timers), Ok(u32::MAX));
        sender.acknowledge(&rack(u32::MAX, 7, Method::Invite)).unwrap();
        assert_eq!(sender.send(START, &timers), Err(ReliableError::Exhausted));
    }

    #[test]
    fn repetitions_and_gaps() {
        let mut receiver = ReliableReceiver::default();
        for (rseq, expected) in [
            (5, Received::New),
            (5, Received::Repeated),
            (7, Received::Gap),
            (6, Received::New),
            (5, Received::Repeated),
            (7, Received::New),
            (u32::MAX, Received::Gap),
            (0, Received::Repeated),
        ] {
            assert_eq!(receiver.receive(rseq), expected, "{rseq}");
        }
    }
}
