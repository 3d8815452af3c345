use core::time::Duration;

use machine::Time;

use super::{Action, Failure, ResponseClass, TimerConfig, earliest};

/// The states of an INVITE server transaction (RFC 3261 figure 7, RFC 6026 figure 7).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub enum ServerInviteState {
    /// The INVITE came; no final response was sent.
    Proceeding,
    /// A 2xx was sent; retransmitted INVITEs are absorbed, ACKs delivered. The user retransmits the 2xx.
    Accepted,
    /// A 3xx to 6xx was sent, and is retransmitted until the ACK comes.
    Completed,
    /// The ACK for a 3xx to 6xx came; further ones are absorbed.
    Confirmed,
    /// Over: the owner forgets it.
    Terminated,
}

/// An INVITE server transaction (RFC 3261 §17.2.1, RFC 6026 §8.5 and §8.7).
#[derive(Clone, Debug)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct ServerInviteTransaction {
    state: ServerInviteState,
    reliable: bool,
    answered: bool,
    interval: Duration,
    /// Timer G; in `Proceeding` when `100 Trying` is due.
    retransmit: Option<Time>,
    end: Option<Time>,
}

impl ServerInviteTransaction {
    /// The INVITE just came and goes to the transaction's user. `reliable`: over a stream.
    #[must_use]
    pub fn new(now: Time, reliable: bool, timers: &TimerConfig) -> Self {
        Self {
            state: ServerInviteState::Proceeding,
            reliable,
            answered: false,
            interval: timers.t1,
            retransmit: Some(now + timers.trying),
            end: None,
        }
    }

    /// The present state.
    #[must_use]
    pub fn state(&self) -> ServerInviteState {
        self.state
    }

    /// When [`handle_timeout`](Self::handle_timeout) must be called.
    #[must_use]
    pub fn deadline(&self) -> Option<Time> {
        earliest(self.retransmit, self.end)
    }

    /// The INVITE came again.
    pub fn request(&mut self) -> Action {
        use ServerInviteState as S;
        match self.state {
            S::Proceeding if self.answered => Action::Resend,
            S::Completed => Action::Resend,
            S::Proceeding | S::Accepted | S::Confirmed | S::Terminated => Action::Ignore,
        }
    }

    /// An ACK with the transaction's branch came.
    pub fn ack(&mut self, now: Time, timers: &TimerConfig) -> Action {
        use ServerInviteState as S;
        match self.state {
            S::Completed if self.reliable => {
                self.enter(S::Terminated, None);
                Action::Ignore
            }
            S::Completed => {
                self.enter(S::Confirmed, Some(now + timers.t4));
                Action::Ignore
            }
            S::Accepted => Action::Deliver,
            S::Proceeding | S::Confirmed | S::Terminated => Action::Ignore,
        }
    }

    /// The transaction's user wants to respond: [`Action::Send`], or [`Action::Ignore`] where it is too late for that.
    /// A 2xx may be sent again in `Accepted`.
    pub fn respond(&mut self, now: Time, class: ResponseClass, timers: &TimerConfig) -> Action {
        use ServerInviteState as S;
        match (self.state, class) {
            (S::Proceeding, ResponseClass::Provisional) => {
                self.answered = true;
                self.retransmit = None;
                Action::Send
            }
            (S::Proceeding, ResponseClass::Success) => {
                self.enter(S::Accepted, Some(now + timers.give_up()));
                Action::Send
            }
            (S::Proceeding, ResponseClass::Failure) => {
                self.enter(S::Completed, Some(now + timers.give_up()));
                self.retransmit = (!self.reliable).then(|| now + timers.t1);
                Action::Send
            }
            (S::Accepted, ResponseClass::Success) => Action::Send,
            (S::Accepted, ResponseClass::Provisional | ResponseClass::Failure)
            | (S::Completed | S::Confirmed | S::Terminated, _) => Action::Ignore,
        }
    }

    /// Does what is due: `100 Trying`, timers G, H, I and L.
    pub fn handle_timeout(&mut self, now: Time, timers: &TimerConfig) -> Action {
        if self.end.is_some_and(|end| end <= now) {
            let failed = self.state == ServerInviteState::Completed;
            self.enter(ServerInviteState::Terminated, None);
            return if failed {
                Action::Fail(Failure::Timeout)
            } else {
                Action::End
            };
        }
        if self.retransmit.is_some_and(|at| at <= now) {
            if self.state == ServerInviteState::Proceeding {
                self.answered = true;
                self.retransmit = None;
                return Action::SendTrying;
            }
            self.interval = self.interval.saturating_mul(2).min(timers.t2);
            // Never at once again, whatever the configuration says.
            self.retransmit = Some(now + self.interval.max(Duration::from_millis(1)));
            return Action::Resend;
        }
        Action::Ignore
    }

    /// A response could not be sent. The user is told; the state stays, so that retransmitted INVITEs are still absorbed
    /// (RFC 6026 §8.7).
    pub fn transport_error(&mut self) -> Action {
        use ServerInviteState as S;
        match self.state {
            S::Proceeding | S::Accepted | S::Completed => Action::Fail(Failure::Transport),
            S::Confirmed | S::Terminated => Action::Ignore,
        }
    }

    fn enter(&mut self, state: ServerInviteState, end: Option<Time>) {
        self.state = state;
        self.retransmit = None;
        self.end = end;
    }
}

#[cfg(test)]
mod tests {
    use super::super::timer::testing::{START, agenda};
    use super::ServerInviteState as S;
    use super::*;

    fn in_state(state: S, reliable: bool) -> ServerInviteTransaction {
        let timers = TimerConfig::default();
        let mut machine = ServerInviteTransaction::new(START, reliable || state == S::Terminated, &timers);
        match state {
            S::Proceeding => {}
            S::Accepted => drop(machine.respond(START, ResponseClass::Success, &timers)),
            S::Completed => drop(machine.respond(START, ResponseClass::Failure, &timers)),
            S::Confirmed | S::Terminated => {
                let _ = machine.respond(START, ResponseClass::Failure, &timers);
                let _ = machine.ack(START, &timers);
            }
        }
        assert_eq!(machine.state(), state);
        machine
    }

    const ALL: [S; 5] = [S::Proceeding, S::Accepted, S::Completed, S::Confirmed, S::Terminated];

    #[test]
    fn every_state_with_a_retransmitted_request() {
        for state in ALL {
            let mut machine = in_state(state, false);
            let expected = if state == S::Completed {
                Action::Resend
            } else {
                Action::Ignore
            };
            assert_eq!((machine.request(), machine.state()), (expected, state));
        }
        let mut ringing = in_state(S::Proceeding, false);
        assert_eq!(
            ringing.respond(START, ResponseClass::Provisional, &TimerConfig::default()),
            Action::Send
        );
        assert_eq!(ringing.request(), Action::Resend);
    }

    #[test]
    fn every_state_with_an_ack() {
        for (state, next, action) in [
            (S::Proceeding, S::Proceeding, Action::Ignore),
            (S::Accepted, S::Accepted, Action::Deliver),
            (S::Completed, S::Confirmed, Action::Ignore),
            (S::Confirmed, S::Confirmed, Action::Ignore),
            (S::Terminated, S::Terminated, Action::Ignore),
        ] {
            let mut machine = in_state(state, false);
            assert_eq!(
                (machine.ack(START, &TimerConfig::default()), machine.state()),
                (action, next),
                "{state:?}"
            );
        }
    }

    #[test]
    fn every_state_with_every_response() {
        use Action::{Ignore, Send};
        use ResponseClass::{Failure, Provisional, Success};
        for state in ALL {
            for class in [Provisional, Success, Failure] {
                let (next, action) = match (state, class) {
                    (S::Proceeding, Provisional) => (S::Proceeding, Send),
                    (S::Proceeding, Success) => (S::Accepted, Send),
                    (S::Proceeding, Failure) => (S::Completed, Send),
                    (S::Accepted, Success) => (S::Accepted, Send),
                    _ => (state, Ignore),
                };
                let mut machine = in_state(state, false);
                let got = machine.respond(START, class, &TimerConfig::default());
                assert_eq!((got, machine.state()), (action, next), "{state:?} {class:?}");
            }
        }
    }

    #[test]
    fn every_state_with_a_transport_error_stays() {
        for state in ALL {
            let mut machine = in_state(state, false);
            let told = matches!(state, S::Proceeding | S::Accepted | S::Completed);
            let expected = if told {
                Action::Fail(Failure::Transport)
            } else {
                Action::Ignore
            };
            assert_eq!((machine.transport_error(), machine.state()), (expected, state));
        }
    }

    #[test]
    fn every_state_with_its_timers() {
        let timed_out = (32.0, Action::Fail(Failure::Timeout));
        let mut completed: Vec<_> = [0.5, 1.5, 3.5].map(|at| (at, Action::Resend)).to_vec();
        completed.extend((0..7).map(|n| (7.5 + 4.0 * f64::from(n), Action::Resend)));
        completed.push(timed_out);
        for (state, reliable, expected) in [
            (S::Proceeding, false, vec![(0.2, Action::SendTrying)]),
            (S::Proceeding, true, vec![(0.2, Action::SendTrying)]),
            (S::Accepted, false, vec![(32.0, Action::End)]),
            (S::Accepted, true, vec![(32.0, Action::End)]),
            (S::Completed, false, completed),
            (S::Completed, true, vec![timed_out]),
            (S::Confirmed, false, vec![(5.0, Action::End)]),
            (S::Terminated, false, vec![]),
        ] {
            let mut machine = in_state(state, reliable);
            let run = agenda(
                &mut machine,
                ServerInviteTransaction::deadline,
                ServerInviteTransaction::handle_timeout,
            );
            assert_eq!(run, expected, "{state:?} reliable: {reliable}");
        }
    }
}
