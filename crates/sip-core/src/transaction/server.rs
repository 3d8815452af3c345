use machine::Time;

use super::{Action, ResponseClass, TimerConfig};

/// The states of a non-INVITE server transaction (RFC 3261 figure 8).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub enum ServerState {
    /// The request came; nothing was answered.
    Trying,
    /// A provisional response was sent.
    Proceeding,
    /// The final response was sent, and is sent again for each retransmitted request.
    Completed,
    /// Over: the owner forgets it.
    Terminated,
}

/// A non-INVITE server transaction (RFC 3261 §17.2.2).
///
/// A transport error leaves it as it is (RFC 6026 §8.7): it goes on absorbing retransmissions until its timer ends it.
#[derive(Clone, Debug)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct ServerTransaction {
    state: ServerState,
    reliable: bool,
    end: Option<Time>,
}

impl ServerTransaction {
    /// The request just came and goes to the transaction's user. `reliable`: over a stream.
    #[must_use]
    pub fn new(reliable: bool) -> Self {
        Self {
            state: ServerState::Trying,
            reliable,
            end: None,
        }
    }

    /// The present state.
    #[must_use]
    pub fn state(&self) -> ServerState {
        self.state
    }

    /// When [`handle_timeout`](Self::handle_timeout) must be called.
    #[must_use]
    pub fn deadline(&self) -> Option<Time> {
        self.end
    }

    /// The request came again.
    pub fn request(&mut self) -> Action {
        match self.state {
            ServerState::Proceeding | ServerState::Completed => Action::Resend,
            ServerState::Trying | ServerState::Terminated => Action::Ignore,
        }
    }

    /// The transaction's user wants to respond: [`Action::Send`], or [`Action::Ignore`] where a final response was
    /// sent before.
    pub fn respond(&mut self, now: Time, class: ResponseClass, timers: &TimerConfig) -> Action {
        match (self.state, class) {
            (ServerState::Trying | ServerState::Proceeding, ResponseClass::Provisional) => {
                self.state = ServerState::Proceeding;
                Action::Send
            }
            (ServerState::Trying | ServerState::Proceeding, ResponseClass::Success | ResponseClass::Failure) => {
                if self.reliable {
                    self.state = ServerState::Terminated;
                } else {
                    self.state = ServerState::Completed;
                    self.end = Some(now + timers.give_up());
                }
                Action::Send
            }
            (ServerState::Completed | ServerState::Terminated, _) => Action::Ignore,
        }
    }

    /// Does what is due: timer J.
    pub fn handle_timeout(&mut self, now: Time) -> Action {
        if self.end.is_some_and(|end| end <= now) {
            self.state = ServerState::Terminated;
            self.end = None;
            return Action::End;
        }
        Action::Ignore
    }
}

#[cfg(test)]
mod tests {
    use super::super::timer::testing::{START, agenda};
    use super::ServerState as S;
    use super::*;

    fn in_state(state: S) -> ServerTransaction {
        let timers = TimerConfig::default();
        let mut machine = ServerTransaction::new(state == S::Terminated);
        match state {
            S::Trying => {}
            S::Proceeding => drop(machine.respond(START, ResponseClass::Provisional, &timers)),
            S::Completed | S::Terminated => drop(machine.respond(START, ResponseClass::Success, &timers)),
        }
        assert_eq!(machine.state(), state);
        machine
    }

    #[test]
    fn every_state_with_every_input() {
        use Action::{Ignore, Resend, Send};
        for (state, again) in [
            (S::Trying, Ignore),
            (S::Proceeding, Resend),
            (S::Completed, Resend),
            (S::Terminated, Ignore),
        ] {
            let mut machine = in_state(state);
            assert_eq!((machine.request(), machine.state()), (again, state));
        }
        use ResponseClass::{Failure, Provisional, Success};
        for (state, class, next, action) in [
            (S::Trying, Provisional, S::Proceeding, Send),
            (S::Trying, Success, S::Completed, Send),
            (S::Trying, Failure, S::Completed, Send),
            (S::Proceeding, Provisional, S::Proceeding, Send),
            (S::Proceeding, Success, S::Completed, Send),
            (S::Proceeding, Failure, S::Completed, Send),
            (S::Completed, Provisional, S::Completed, Ignore),
            (S::Completed, Success, S::Completed, Ignore),
            (S::Completed, Failure, S::Completed, Ignore),
            (S::Terminated, Provisional, S::Terminated, Ignore),
            (S::Terminated, Success, S::Terminated, Ignore),
            (S::Terminated, Failure, S::Terminated, Ignore),
        ] {
            let mut machine = in_state(state);
            let got = machine.respond(START, class, &TimerConfig::default());
            assert_eq!((got, machine.state()), (action, next), "{state:?} {class:?}");
        }
    }

    #[test]
    fn every_state_with_its_timers() {
        for (state, expected) in [
            (S::Trying, vec![]),
            (S::Proceeding, vec![]),
            (S::Completed, vec![(32.0, Action::End)]),
            (S::Terminated, vec![]),
        ] {
            let mut machine = in_state(state);
            let run = agenda(&mut machine, ServerTransaction::deadline, |machine, now, _| {
                machine.handle_timeout(now)
            });
            assert_eq!(run, expected, "{state:?}");
        }
    }
}
