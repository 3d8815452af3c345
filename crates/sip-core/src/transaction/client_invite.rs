use core::time::Duration;

use machine::Time;

use super::{Action, Failure, ResponseClass, TimerConfig, earliest};

/// The states of an INVITE client transaction (RFC 3261 figure 5, RFC 6026 figure 5).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub enum ClientInviteState {
    /// The INVITE was sent; nothing came back.
    Calling,
    /// A provisional response came.
    Proceeding,
    /// A 2xx came; further 2xx (retransmitted or of other forks) are delivered.
    Accepted,
    /// A 3xx to 6xx came; each retransmission of it is acknowledged.
    Completed,
    /// Over: the owner forgets it.
    Terminated,
}

/// An INVITE client transaction (RFC 3261 §17.1.1, RFC 6026 §8.4).
#[derive(Clone, Debug)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct ClientInviteTransaction {
    state: ClientInviteState,
    reliable: bool,
    interval: Duration,
    retransmit: Option<Time>,
    end: Option<Time>,
}

impl ClientInviteTransaction {
    /// The INVITE was just sent. `reliable`: over a stream, so that nothing is retransmitted.
    #[must_use]
    pub fn new(now: Time, reliable: bool, timers: &TimerConfig) -> Self {
        Self {
            state: ClientInviteState::Calling,
            reliable,
            interval: timers.t1,
            retransmit: (!reliable).then(|| now + timers.t1),
            end: Some(now + timers.give_up()),
        }
    }

    /// The present state.
    #[must_use]
    pub fn state(&self) -> ClientInviteState {
        self.state
    }

    /// When [`handle_timeout`](Self::handle_timeout) must be called.
    #[must_use]
    pub fn deadline(&self) -> Option<Time> {
        earliest(self.retransmit, self.end)
    }

    /// A matching response came.
    pub fn response(&mut self, now: Time, class: ResponseClass, timers: &TimerConfig) -> Action {
        use ClientInviteState as S;
        match (self.state, class) {
            (S::Calling | S::Proceeding, ResponseClass::Provisional) => {
                self.enter(S::Proceeding, None);
                Action::Deliver
            }
            (S::Calling | S::Proceeding, ResponseClass::Success) => {
                self.enter(S::Accepted, Some(now + timers.give_up()));
                Action::Deliver
            }
            (S::Calling | S::Proceeding, ResponseClass::Failure) => {
                if self.reliable {
                    self.enter(S::Terminated, None);
                } else {
                    self.enter(S::Completed, Some(now + timers.d));
                }
                Action::Acknowledge
            }
            (S::Accepted, ResponseClass::Success) => Action::Deliver,
            (S::Completed, ResponseClass::Failure) => Action::Resend,
            (S::Accepted, ResponseClass::Provisional | ResponseClass::Failure)
            | (S::Completed, ResponseClass::Provisional | ResponseClass::Success)
            | (S::Terminated, _) => Action::Ignore,
        }
    }

    /// Does what is due: timers A, B, D and M.
    pub fn handle_timeout(&mut self, now: Time, timers: &TimerConfig) -> Action {
        if self.end.is_some_and(|end| end <= now) {
            let failed = self.state == ClientInviteState::Calling;
            self.enter(ClientInviteState::Terminated, None);
            return if failed {
                Action::Fail(Failure::Timeout)
            } else {
                Action::End
            };
        }
        if self.retransmit.is_some_and(|at| at <= now) {
            self.interval = self.interval.saturating_mul(2);
            self.retransmit = Some(now + self.interval.max(timers.t1));
            return Action::Resend;
        }
        Action::Ignore
    }

    /// The request or its ACK could not be sent. A transaction that has its 2xx has nothing to send and goes on.
    pub fn transport_error(&mut self) -> Action {
        use ClientInviteState as S;
        match self.state {
            S::Calling | S::Proceeding | S::Completed => {
                self.enter(S::Terminated, None);
                Action::Fail(Failure::Transport)
            }
            S::Accepted | S::Terminated => Action::Ignore,
        }
    }

    fn enter(&mut self, state: ClientInviteState, end: Option<Time>) {
        self.state = state;
        self.retransmit = None;
        self.end = end;
    }
}

#[cfg(test)]
mod tests {
    use super::super::timer::testing::{START, agenda};
    use super::ClientInviteState as S;
    use super::*;

    fn in_state(state: S, reliable: bool) -> ClientInviteTransaction {
        let timers = TimerConfig::default();
        let mut machine = ClientInviteTransaction::new(START, reliable, &timers);
        match state {
            S::Calling => {}
            S::Proceeding => drop(machine.response(START, ResponseClass::Provisional, &timers)),
            S::Accepted => drop(machine.response(START, ResponseClass::Success, &timers)),
            S::Completed => drop(machine.response(START, ResponseClass::Failure, &timers)),
            S::Terminated => drop(machine.transport_error()),
        }
        assert_eq!(machine.state(), state);
        machine
    }

    #[test]
    fn every_state_with_every_response() {
        use Action::{Acknowledge, Deliver, Ignore, Resend};
        use ResponseClass::{Failure, Provisional, Success};
        let table = [
            (S::Calling, Provisional, S::Proceeding, Deliver),
            (S::Calling, Success, S::Accepted, Deliver),
            (S::Calling, Failure, S::Completed, Acknowledge),
            (S::Proceeding, Provisional, S::Proceeding, Deliver),
            (S::Proceeding, Success, S::Accepted, Deliver),
            (S::Proceeding, Failure, S::Completed, Acknowledge),
            (S::Accepted, Provisional, S::Accepted, Ignore),
            (S::Accepted, Success, S::Accepted, Deliver),
            (S::Accepted, Failure, S::Accepted, Ignore),
            (S::Completed, Provisional, S::Completed, Ignore),
            (S::Completed, Success, S::Completed, Ignore),
            (S::Completed, Failure, S::Completed, Resend),
            (S::Terminated, Provisional, S::Terminated, Ignore),
            (S::Terminated, Success, S::Terminated, Ignore),
            (S::Terminated, Failure, S::Terminated, Ignore),
        ];
        for (state, class, next, action) in table {
            let mut machine = in_state(state, false);
            assert_eq!(
                machine.response(START, class, &TimerConfig::default()),
                action,
                "{state:?} {class:?}"
            );
            assert_eq!(machine.state(), next, "{state:?} {class:?}");
        }
    }

    #[test]
    fn every_state_with_a_transport_error() {
        let failed = Action::Fail(Failure::Transport);
        for (state, next, action) in [
            (S::Calling, S::Terminated, failed),
            (S::Proceeding, S::Terminated, failed),
            (S::Completed, S::Terminated, failed),
            (S::Accepted, S::Accepted, Action::Ignore),
            (S::Terminated, S::Terminated, Action::Ignore),
        ] {
            let mut machine = in_state(state, false);
            assert_eq!(
                (machine.transport_error(), machine.state()),
                (action, next),
                "{state:?}"
            );
        }
    }

    #[test]
    fn every_state_with_its_timers() {
        let timed_out = Action::Fail(Failure::Timeout);
        let resent = |at: f64| (at, Action::Resend);
        for (state, expected) in [
            (
                S::Calling,
                vec![
                    resent(0.5),
                    resent(1.5),
                    resent(3.5),
                    resent(7.5),
                    resent(15.5),
                    resent(31.5),
                    (32.0, timed_out),
                ],
            ),
            (S::Proceeding, vec![]),
            (S::Accepted, vec![(32.0, Action::End)]),
            (S::Completed, vec![(32.0, Action::End)]),
            (S::Terminated, vec![]),
        ] {
            let mut machine = in_state(state, false);
            let run = agenda(
                &mut machine,
                ClientInviteTransaction::deadline,
                ClientInviteTransaction::handle_timeout,
            );
            assert_eq!(run, expected, "{state:?}");
            assert!(machine.state() == S::Terminated || state == S::Proceeding, "{state:?}");
        }
    }

    #[test]
    fn a_stream_retransmits_nothing_and_ends_at_once_after_a_failure() {
        let mut machine = in_state(S::Calling, true);
        let run = agenda(
            &mut machine,
            ClientInviteTransaction::deadline,
            ClientInviteTransaction::handle_timeout,
        );
        assert_eq!(run, [(32.0, Action::Fail(Failure::Timeout))]);
        let mut machine = in_state(S::Proceeding, true);
        let action = machine.response(START, ResponseClass::Failure, &TimerConfig::default());
        assert_eq!((action, machine.state()), (Action::Acknowledge, S::Terminated));
    }
}
