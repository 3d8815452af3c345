//! Time, and the contract that every Strowger state machine keeps.
//!
//! A [`Machine`] has no clock, no socket and no thread. Its owner hands in what arrived together with the
//! present [`Time`], calls [`Machine::handle_timeout`] when [`Machine::poll_timeout`] says so, and drains
//! [`Machine::poll_output`]. The same loop therefore drives real phones, a simulator, a fuzzer and a replay.
//!
//! ```
//! use machine::{Machine, Time};
//! use std::time::Duration;
//!
//! /// Rings once, a second after it was wound up.
//! #[derive(Default)]
//! struct Alarm {
//!     due: Option<Time>,
//!     rung: Option<Time>,
//! }
//!
//! impl Alarm {
//!     fn wind_up(&mut self, now: Time) {
//!         self.due = Some(now + Duration::from_secs(1));
//!     }
//! }
//!
//! impl Machine for Alarm {
//!     type Output = Time;
//!     fn handle_timeout(&mut self, now: Time) {
//!         self.rung = self.due.take_if(|due| *due <= now);
//!     }
//!     fn poll_timeout(&self) -> Option<Time> {
//!         self.due
//!     }
//!     fn poll_output(&mut self) -> Option<Time> {
//!         self.rung.take()
//!     }
//! }
//!
//! let mut alarm = Alarm::default();
//! alarm.wind_up(Time::from_secs(10));
//! let due = alarm.poll_timeout().unwrap();
//! alarm.handle_timeout(due);
//! assert_eq!(alarm.poll_output(), Some(Time::from_secs(11)));
//! assert_eq!(alarm.poll_timeout(), None);
//! ```

mod time;

pub use time::Time;

/// A state machine without I/O.
///
/// What every implementation keeps, and its tests check:
///
/// 1. After `handle_timeout(t)` and a drain of [`poll_output`](Self::poll_output), [`poll_timeout`](Self::poll_timeout)
///    is `None` or later than `t`.
/// 2. Time that goes backwards is clamped to the latest time seen; it is never a panic.
/// 3. The same inputs at the same times give the same outputs, byte for byte.
pub trait Machine {
    /// What the machine wants done (imperative: `Transmit`) or has to tell (past tense: `Answered`).
    type Output;

    /// Does what is due at `now`.
    fn handle_timeout(&mut self, now: Time);

    /// When [`handle_timeout`](Self::handle_timeout) must be called next; `None` while nothing is pending.
    fn poll_timeout(&self) -> Option<Time>;

    /// The next thing the machine wants done or has to tell, in the order in which it happened.
    fn poll_output(&mut self) -> Option<Self::Output>;
}
