//! When agents work.

use core::str::FromStr;
use core::time::Duration;

use super::text::{TextError, parse_time_of_day};

/// Hours of work with breaks, all from the start of a run.
///
/// ```
/// use sim::centre::Shift;
/// use std::time::Duration;
///
/// let hour = Duration::from_secs(3600);
/// let early: Shift = "06:00-14:00".parse()?; // where the run starts at midnight
/// assert_eq!(early, Shift::new(6 * hour, 14 * hour));
/// let every_day = early.pause(10 * hour, 10 * hour + hour / 2).every(24 * hour);
/// # Ok::<(), sim::centre::TextError>(())
/// ```
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub struct Shift {
    /// The agents sign on.
    pub from: Duration,
    /// They sign off: they finish what they have and get nothing more.
    pub to: Duration,
    /// They pause from then to then; a talk is finished first.
    pub breaks: Vec<(Duration, Duration)>,
    /// After how long all of it begins anew; `None`: never.
    pub every: Option<Duration>,
}

impl Shift {
    /// From then to then, without a break, once.
    #[must_use]
    pub const fn new(from: Duration, to: Duration) -> Self {
        Self {
            from,
            to,
            breaks: Vec::new(),
            every: None,
        }
    }

    /// With a break.
    #[must_use]
    pub fn pause(mut self, from: Duration, to: Duration) -> Self {
        self.breaks.push((from, to));
        self
    }

    /// Again after each such time.
    #[must_use]
    pub const fn every(mut self, time: Duration) -> Self {
        self.every = Some(time);
        self
    }

    /// That many hours earlier or later into the run: for one that does not start at midnight. What would be before the start is cut off.
    #[must_use]
    pub fn from_start(mut self, start: Duration) -> Self {
        let shift = |time: &mut Duration| *time = time.saturating_sub(start);
        shift(&mut self.from);
        shift(&mut self.to);
        for (from, to) in &mut self.breaks {
            shift(from);
            shift(to);
        }
        self
    }

    /// Whether it ends after it began, with breaks in between, and is over when it begins anew.
    #[must_use]
    pub fn is_sound(&self) -> bool {
        let within = |(from, to): &(Duration, Duration)| self.from <= *from && from < to && *to <= self.to;
        let apart = self.breaks.is_sorted_by(|one, next| one.1 <= next.0);
        let over = self
            .every
            .is_none_or(|every| !every.is_zero() && self.to - self.from <= every);
        self.from < self.to && self.breaks.iter().all(within) && apart && over
    }

    /// What the agents do and when, up to `until`.
    pub(crate) fn moves(&self, until: Duration) -> impl Iterator<Item = (Duration, Move)> {
        let once = move |begun: Duration| {
            let breaks = self
                .breaks
                .iter()
                .flat_map(|(from, to)| [(*from, Move::Pause), (*to, Move::Resume)]);
            let all = core::iter::once((self.from, Move::SignOn))
                .chain(breaks)
                .chain([(self.to, Move::SignOff)]);
            all.map(move |(at, what)| (begun + at, what))
        };
        let rounds = core::iter::successors(Some(Duration::ZERO), move |begun| {
            self.every.map(|every| *begun + every)
        });
        rounds
            .take_while(move |begun| *begun + self.from < until)
            .flat_map(once)
    }
}

/// `06:00-14:30`, from midnight.
impl FromStr for Shift {
    type Err = TextError;

    fn from_str(text: &str) -> Result<Self, TextError> {
        let (from, to) = text.split_once(['-', '–']).ok_or(TextError::Hours)?;
        let shift = Self::new(parse_time_of_day(from)?, parse_time_of_day(to)?);
        if shift.is_sound() {
            Ok(shift)
        } else {
            Err(TextError::Hours)
        }
    }
}

/// What an agent does about his work.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Move {
    SignOn,
    Pause,
    Resume,
    SignOff,
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR: Duration = Duration::from_secs(3600);

    #[test]
    fn a_shift_is_its_moves_in_order_day_after_day() {
        let shift = Shift::new(HOUR, 3 * HOUR).pause(HOUR, 2 * HOUR).every(24 * HOUR);
        assert!(shift.is_sound());
        let moves: Vec<_> = shift
            .moves(26 * HOUR)
            .map(|(at, what)| (at.as_secs() / 3600, what))
            .collect();
        let day = [
            (1, Move::SignOn),
            (1, Move::Pause),
            (2, Move::Resume),
            (3, Move::SignOff),
        ];
        let next = day.map(|(hour, what)| (hour + 24, what));
        assert_eq!(moves, [day, next].concat());
        assert_eq!(shift.moves(HOUR).count(), 0);
    }

    #[test]
    fn what_makes_no_sense_is_not_sound() {
        for shift in [
            Shift::new(HOUR, HOUR),
            Shift::new(2 * HOUR, HOUR),
            Shift::new(HOUR, 3 * HOUR).pause(Duration::ZERO, 2 * HOUR),
            Shift::new(HOUR, 3 * HOUR).pause(2 * HOUR, 4 * HOUR),
            Shift::new(HOUR, 9 * HOUR)
                .pause(4 * HOUR, 5 * HOUR)
                .pause(2 * HOUR, 3 * HOUR),
            Shift::new(HOUR, 3 * HOUR).every(HOUR),
            Shift::new(HOUR, 3 * HOUR).every(Duration::ZERO),
        ] {
            assert!(!shift.is_sound(), "{shift:?}");
        }
        for text in ["", "8-9", "08:00", "09:00-08:00", "08:00-24:30", "08:00-09:00-10:00"] {
            assert_eq!(text.parse::<Shift>(), Err(TextError::Hours), "{text}");
        }
    }
}
