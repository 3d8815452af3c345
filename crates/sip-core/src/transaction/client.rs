use core::time::Duration;

use machine::Time;

use super::{Action, Failure, ResponseClass, TimerConfig, earliest};

/// The states of a non-INVITE client transaction (RFC 3261 figure 6).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub enum ClientState {
    /// The request was sent; nothing came back.
    Trying,
    /// A provisional response came.
    Proceeding,
    /// The final response came; retransmissions of it are absorbed.
    Completed,
    /// Over: the owner forgets it.
    Terminated,
}

/// A non-INVITE client transaction (RFC 3261 §17.1.2).
#[derive(Clone, Debug)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct ClientTransaction {
    state: ClientState,
    reliable: bool,
    interval: Duration,
    retransmit: Option<Time>,
    end: Option<Time>,
}

impl ClientTransaction {
    /// The request was just sent. `reliable`: over a stream, so that nothing is retransmitted.
    #[must_use]
    pub fn new(now: Time, reliable: bool, timers: &TimerConfig) -> Self {
        Self {
            state: ClientState::Trying,
            reliable,
            interval: timers.t1,
            retransmit: (!reliable).then(|| now + timers.t1),
            end: Some(now + timers.give_up()),
        }
    }

    /// The present state.
    #[must_use]
    pub fn state(&self) -> ClientState {
        self.state
    }

    /// When [`handle_timeout`](Self::handle_timeout) must be called.
    #[must_use]
    pub fn deadline(&self) -> Option<Time> {
        earliest(self.retransmit, self.end)
    }

    /// A matching response came.
    pub fn response(&mut self, now: Time, class: ResponseClass, timers: &TimerConfig) -> Action {
        use ClientState as S;
        match (self.state, class) {
            (S::Trying | S::Proceeding, ResponseClass::Provisional) => {
                self.state = S::Proceeding;
                Action::Deliver
            }
            (S::Trying | S::Proceeding, ResponseClass::Success | ResponseClass::Failure) => {
                self.retransmit = None;
                if self.reliable {
                    self.end = None;
                    self.state = S::Terminated;
                } else {
                    self.end = Some(now + timers.t4);
                    self.state = S::Completed;
                }
                Action::Deliver
            }
            (S::Completed | S::Terminated, _) => Action::Ignore,
        }
    }

    /// Does what is due: timers E, F and K.
    pub fn handle_timeout(&mut self, now: Time, timers: &TimerConfig) -> Action {
        if self.end.is_some_and(|end| end <= now) {
            let done = self.state == ClientState::Completed;
            self.terminate();
            return if done {
                Action::End
            } else {
                Action::Fail(Failure::Timeout)
            };
        }
        if self.retransmit.is_some_and(|at| at <= now) {
            self.interval = match self.state {
                ClientState::Proceeding => timers.t2,
                ClientState::Trying | ClientState::Completed | ClientState::Terminated => {
                    self.interval.saturating_mul(2).min(timers.t2)
                }
            };
            // Never at once again, whatever the configuration says.
            self.retransmit = Some(now + self.interval.max(Duration::from_millis(1)));
            return Action::Resend;
        }
        Action::Ignore
    }

    /// The request could not be sent.
    pub fn transport_error(&mut self) -> Action {
        match self.state {
            ClientState::Trying | ClientState::Proceeding => {
                self.terminate();
                Action::Fail(Failure::Transport)
            }
            ClientState::Completed | ClientState::Terminated => Action::Ignore,
        }
    }

    fn terminate(&mut self) {
        self.state = ClientState::Terminated;
        self.retransmit = None;
        self.end = None;
    }
}

#[cfg(test)]
mod tests {
    use super::super::timer::testing::{START, agenda};
    use super::ClientState as S;
    use super::*;

    fn in_state(state: S, reliable: bool) -> ClientTransaction {
        let timers = TimerConfig::default();
        let mut machine = ClientTransaction::new(START, reliable, &timers);
        match state {
            S::Trying => {}
            S::Proceeding => drop(machine.response(START, ResponseClass::Provisional, &timers)),
            S::Completed => drop(machine.response(START, ResponseClass::Success, &timers)),
            S::Terminated => drop(machine.transport_error()),
        }
        assert_eq!(machine.state(), state);
        machine
    }

    #[test]
    fn every_state_with_every_response() {
        use Action::{Deliver, Ignore};
        use ResponseClass::{Failure, Provisional, Success};
        let table = [
            (S::Trying, Provisional, S::Proceeding, Deliver),
            (S::Trying, Success, S::Completed, Deliver),
            (S::Trying, Failure, S::Completed, Deliver),
            (S::Proceeding, Provisional, S::Proceeding, Deliver),
            (S::Proceeding, Success, S::Completed, Deliver),
            (S::Proceeding, Failure, S::Completed, Deliver),
            (S::Completed, Provisional, S::Completed, Ignore),
            (S::Completed, Success, S::Completed, Ignore),
            (S::Completed, Failure, S::Completed, Ignore),
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
            (S::Trying, S::Terminated, failed),
            (S::Proceeding, S::Terminated, failed),
            (S::Completed, S::Completed, Action::Ignore),
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
        let resent = |at: f64| (at, Action::Resend);
        let timed_out = (32.0, Action::Fail(Failure::Timeout));
        let steady = |from: f64| {
            (0..)
                .map(move |n| from + 4.0 * f64::from(n))
                .take_while(|at| *at < 32.0)
                .map(resent)
        };
        let trying = [resent(0.5), resent(1.5), resent(3.5)]
            .into_iter()
            .chain(steady(7.5))
            .chain([timed_out]);
        let proceeding = [resent(0.5)].into_iter().chain(steady(4.5)).chain([timed_out]);
        for (state, expected) in [
            (S::Trying, trying.collect()),
            (S::Proceeding, proceeding.collect()),
            (S::Completed, vec![(5.0, Action::End)]),
            (S::Terminated, vec![]),
        ] {
            let mut machine = in_state(state, false);
            let run = agenda(
                &mut machine,
                ClientTransaction::deadline,
                ClientTransaction::handle_timeout,
            );
            assert_eq!(run, expected, "{state:?}");
            assert_eq!(machine.state(), S::Terminated, "{state:?}");
        }
    }

    #[test]
    fn a_stream_retransmits_nothing_and_ends_with_the_response() {
        let mut machine = in_state(S::Trying, true);
        let run = agenda(
            &mut machine,
            ClientTransaction::deadline,
            ClientTransaction::handle_timeout,
        );
        assert_eq!(run, [(32.0, Action::Fail(Failure::Timeout))]);
        let mut machine = in_state(S::Proceeding, true);
        let action = machine.response(START, ResponseClass::Success, &TimerConfig::default());
        assert_eq!(
            (action, machine.state(), machine.deadline()),
            (Action::Deliver, S::Terminated, None)
        );
    }
}
