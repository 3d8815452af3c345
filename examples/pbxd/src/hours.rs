//! Working hours: when a queue lets callers in, by the days of the week and the holidays of its place.

use std::time::Duration;

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use machine::Time;

/// How often somebody looks at the clock.
const STEP: Duration = Duration::from_secs(60);

/// The working hours of a queue.
#[derive(Debug, Clone)]
pub(crate) struct Hours {
    pub(crate) zone: TimeZone,
    /// Open during any of these.
    pub(crate) open: Vec<Shift>,
    /// Closed on these days all the same.
    pub(crate) closed: Vec<Day>,
}

/// Minutes of some days of the week.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Shift {
    /// From Monday on.
    pub(crate) days: [bool; 7],
    /// Minutes since midnight.
    pub(crate) from: u16,
    /// Up to here; 1440 is the day's end.
    pub(crate) until: u16,
}

/// A day, of one year or of every one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Day {
    pub(crate) year: Option<i16>,
    pub(crate) month: i8,
    pub(crate) day: i8,
}

impl Hours {
    /// Whether it is open at this time.
    pub(crate) fn is_open(&self, now: Time) -> bool {
        let seconds = i64::try_from(now.as_secs()).unwrap_or(i64::MAX);
        let Ok(now) = Timestamp::from_second(seconds) else {
            return true;
        };
        let local = now.to_zoned(self.zone.clone()).datetime();
        let is_today = |day: &Day| {
            let date = local.date();
            day.year.is_none_or(|year| year == date.year()) && day.month == date.month() && day.day == date.day()
        };
        if self.closed.iter().any(is_today) {
            return false;
        }
        let minute = u16::from(local.hour().unsigned_abs()) * 60 + u16::from(local.minute().unsigned_abs());
        let weekday = usize::from(local.date().weekday().to_monday_zero_offset().unsigned_abs());
        self.open.iter().any(|shift| {
            shift.days.get(weekday).copied().unwrap_or(false) && shift.from <= minute && minute < shift.until
        })
    }
}

/// The queues with hours, and what was said of each last.
#[derive(Debug, Default)]
pub(crate) struct Schedule {
    queues: Vec<(String, Hours, bool)>,
    due: Option<Time>,
}

impl Schedule {
    /// Looks at the clock for the first time.
    pub(crate) fn new(now: Time, hours: Vec<(String, Hours)>) -> Self {
        let due = (!hours.is_empty()).then(|| next(now));
        let known = hours.into_iter().map(|(queue, hours)| {
            let open = hours.is_open(now);
            (queue, hours, open)
        });
        Self {
            queues: known.collect(),
            due,
        }
    }

    /// What is now.
    pub(crate) fn present(&self) -> impl Iterator<Item = (String, bool)> {
        self.queues.iter().map(|(queue, _, open)| (queue.clone(), *open))
    }

    /// When to look again.
    pub(crate) fn poll_timeout(&self) -> Option<Time> {
        self.due
    }

    /// The queues that open or close now.
    pub(crate) fn handle_timeout(&mut self, now: Time) -> Vec<(String, bool)> {
        if self.due.is_none_or(|due| due > now) {
            return Vec::new();
        }
        self.due = Some(next(now));
        let mut changed = Vec::new();
        for (queue, hours, known) in &mut self.queues {
            let open = hours.is_open(now);
            if std::mem::replace(known, open) != open {
                changed.push((queue.clone(), open));
            }
        }
        changed
    }
}

/// The next full minute.
fn next(now: Time) -> Time {
    Time::from_secs((now.as_secs() / STEP.as_secs() + 1) * STEP.as_secs())
}

/// Reads `mon-fri 08:00-18:00`, `sat,sun 10:00-12:00` or `daily 00:00-24:00`.
pub(crate) fn read_shift(text: &str) -> Option<Shift> {
    let (days, times) = text.trim().split_once(' ')?;
    let mut shift = Shift {
        days: [false; 7],
        from: 0,
        until: 0,
    };
    for part in days.split(',') {
        let (first, last) = match part.split_once('-') {
            Some((first, last)) => (weekday(first)?, weekday(last)?),
            None if part == "daily" => (0, 6),
            None => (weekday(part)?, weekday(part)?),
        };
        // `fri-mon` goes over the week's end.
        let length = (last + 7 - first) % 7;
        for day in (first..=first + length).map(|day| day % 7) {
            *shift.days.get_mut(day)? = true;
        }
    }
    let (from, until) = times.trim().split_once('-')?;
    (shift.from, shift.until) = (minutes(from)?, minutes(until)?);
    (shift.from < shift.until).then_some(shift)
}

fn weekday(name: &str) -> Option<usize> {
    let all = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"];
    all.iter().position(|known| *known == name)
}

fn minutes(text: &str) -> Option<u16> {
    let (hour, minute) = text.split_once(':')?;
    let two = |text: &str| (text.len() == 2).then(|| text.parse::<u16>().ok()).flatten();
    let (hour, minute) = (two(hour)?, two(minute)?);
    let all = hour * 60 + minute;
    (minute < 60 && all <= 24 * 60).then_some(all)
}

/// Reads `2026-12-25` or `12-25`.
pub(crate) fn read_day(text: &str) -> Option<Day> {
    let numbers: Vec<&str> = text.split('-').collect();
    let (year, month, day) = match numbers.as_slice() {
        [year, month, day] => (Some(year.parse::<i16>().ok()?), *month, *day),
        [month, day] => (None, *month, *day),
        _ => return None,
    };
    let (month, day) = (month.parse().ok()?, day.parse().ok()?);
    // The 29th of February is in some years.
    Date::new(year.unwrap_or(2024), month, day).ok()?;
    Some(Day { year, month, day })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Time {
        let stamp: Timestamp = text.parse().unwrap();
        Time::from_secs(u64::try_from(stamp.as_second()).unwrap())
    }

    fn hours(zone: &str) -> Hours {
        Hours {
            zone: TimeZone::get(zone).unwrap(),
            open: vec![
                read_shift("mon-fri 08:00-18:00").unwrap(),
                read_shift("sat 09:00-12:30").unwrap(),
            ],
            closed: vec![read_day("12-25").unwrap(), read_day("2026-05-14").unwrap()],
        }
    }

    #[test]
    fn hours_are_those_of_the_place_in_summer_and_winter() {
        let berlin = hours("Europe/Berlin");
        // Monday, in winter an hour and in summer two before Greenwich.
        assert!(!berlin.is_open(at("2026-01-12T06:59:59Z")) && berlin.is_open(at("2026-01-12T07:00:00Z")));
        assert!(berlin.is_open(at("2026-01-12T16:59:59Z")) && !berlin.is_open(at("2026-01-12T17:00:00Z")));
        assert!(berlin.is_open(at("2026-07-13T06:00:00Z")) && !berlin.is_open(at("2026-07-13T05:59:59Z")));
        // Half hours, and a day that begins before Greenwich's.
        let tehran = hours("Asia/Tehran");
        assert!(tehran.is_open(at("2026-01-12T04:30:00Z")) && !tehran.is_open(at("2026-01-12T04:29:59Z")));
    }

    #[test]
    fn saturdays_are_short_and_holidays_are_closed() {
        let utc = hours("UTC");
        assert!(utc.is_open(at("2026-01-17T12:29:00Z")) && !utc.is_open(at("2026-01-17T12:30:00Z")));
        assert!(!utc.is_open(at("2026-01-18T10:00:00Z")), "Sunday");
        assert!(!utc.is_open(at("2026-12-25T10:00:00Z")) && !utc.is_open(at("2029-12-25T10:00:00Z")));
        assert!(!utc.is_open(at("2026-05-14T10:00:00Z")) && utc.is_open(at("2025-05-14T10:00:00Z")));
    }

    #[test]
    fn what_is_no_time_is_refused() {
        assert_eq!(
            read_shift("fri-mon 00:00-24:00").unwrap().days,
            [true, false, false, false, true, true, true]
        );
        assert_eq!(read_shift("daily 10:00-11:00").unwrap().days, [true; 7]);
        for wrong in [
            "",
            "mon",
            "mon 8:00-18:00",
            "mon 18:00-08:00",
            "mon 08:00-24:01",
            "mon 08:60-09:00",
            "xyz 08:00-09:00",
            "mon-xyz 08:00-09:00",
        ] {
            assert_eq!(read_shift(wrong), None, "{wrong}");
        }
        for wrong in ["", "12", "13-01", "02-30", "2026-02-29", "a-b"] {
            assert_eq!(read_day(wrong), None, "{wrong}");
        }
        assert!(read_day("02-29").is_some());
    }

    #[test]
    fn a_change_is_told_once_at_the_minute_in_which_it_happens() {
        let mut schedule = Schedule::new(at("2026-01-12T07:59:30Z"), vec![("600".to_owned(), hours("UTC"))]);
        let due = at("2026-01-12T08:00:00Z");
        assert_eq!(schedule.poll_timeout(), Some(due));
        assert_eq!(schedule.handle_timeout(at("2026-01-12T07:59:59Z")), []);
        assert_eq!(schedule.handle_timeout(due), [("600".to_owned(), true)]);
        assert_eq!(schedule.handle_timeout(due), []);
        assert_eq!(schedule.handle_timeout(due + STEP), []);
        assert_eq!(Schedule::new(due, Vec::new()).poll_timeout(), None);
    }
}
