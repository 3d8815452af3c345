use super::{TypedHeader, parse_all};
use crate::wire::lexer::Lexer;
use crate::wire::{HeaderName, ParseError, ParseErrorKind};
use core::fmt;

/// When a message was sent, in seconds since the Unix epoch (RFC 3261 §20.17).
///
/// ```
/// use sip_core::header::{Date, TypedHeader};
///
/// assert_eq!(Date::parse(b"Sat, 13 Nov 2010 23:29:00 GMT")?, Date(1_289_690_940));
/// assert!(Date::parse(b"Fri, 01 Jan 2010 16:00:00 EST").is_err(), "only GMT is allowed");
/// # Ok::<(), sip_core::ParseError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Date(pub u64);

const WEEKDAYS: [&str; 7] = ["Thu", "Fri", "Sat", "Sun", "Mon", "Tue", "Wed"];
const MONTHS: [&str; 12] = [
    "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
];
const DAY: u64 = 86_400;
/// The last second of the year 9999, beyond which four digits do not reach.
const LAST: u64 = 253_402_300_799;

/// Days from the epoch to the first of March of `year`, and on to the months from there (the year that begins in
/// March has its leap day at the end).
fn days_from_civil(year: u64, month: u64, day: u64) -> Option<u64> {
    let (year, month) = if month > 2 {
        (year, month - 3)
    } else {
        (year.checked_sub(1)?, month + 9)
    };
    let leap_days = year / 4 - year / 100 + year / 400;
    (year * 365 + leap_days + (153 * month + 2) / 5 + day).checked_sub(719_469)
}

fn civil_from_days(days: u64) -> (u64, u64, u64) {
    let days = days + 719_468;
    let era = days / 146_097;
    let of_era = days % 146_097;
    let year_of_era = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month = (5 * of_year + 2) / 153;
    let day = of_year - (153 * month + 2) / 5 + 1;
    let year = year_of_era + era * 400;
    if month < 10 {
        (year, month + 3, day)
    } else {
        (year + 1, month - 9, day)
    }
}

fn days_in(year: u64, month: u64) -> u64 {
    match month {
        4 | 6 | 9 | 11 => 30,
        2 if year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400)) => 29,
        2 => 28,
        _ => 31,
    }
}

fn lex(lexer: &mut Lexer<'_>) -> Result<Date, ParseError> {
    let start = lexer.offset();
    parse(lexer.take(29)).ok_or(ParseError::new(ParseErrorKind::Date, start))
}

/// `Sat, 13 Nov 2010 23:29:00 GMT`, exactly so but for case.
fn parse(text: &[u8]) -> Option<Date> {
    let mut lexer = Lexer::new(text);
    let is = |a: &[u8], b: &str| a.eq_ignore_ascii_case(b.as_bytes());
    let index = |names: &[&str], name: &[u8]| names.iter().position(|known| is(name, known));
    let number = |digits: &[u8]| parse_all(digits, |lexer| lexer.number(9_999)).ok();
    index(&WEEKDAYS, lexer.take(3))?;
    is(lexer.take(2), ", ").then_some(())?;
    let day = number(lexer.take(2))?;
    is(lexer.take(1), " ").then_some(())?;
    let month = u64::try_from(index(&MONTHS, lexer.take(3))?).ok()? + 1;
    is(lexer.take(1), " ").then_some(())?;
    let year = number(lexer.take(4))?;
    is(lexer.take(1), " ").then_some(())?;
    let hour = number(lexer.take(2))?;
    is(lexer.take(1), ":").then_some(())?;
    let minute = number(lexer.take(2))?;
    is(lexer.take(1), ":").then_some(())?;
    let second = number(lexer.take(2))?;
    is(lexer.take(4), " GMT").then_some(())?;
    // 60 is a leap second; it counts as the first of the next minute.
    if day == 0 || day > days_in(year, month) || hour > 23 || minute > 59 || second > 60 {
        return None;
    }
    let days = days_from_civil(year, month, day)?;
    Some(Date(days * DAY + hour * 3_600 + minute * 60 + second))
}

impl TypedHeader for Date {
    const NAME: HeaderName = HeaderName::Date;

    fn parse(value: &[u8]) -> Result<Self, ParseError> {
        parse_all(value, lex)
    }

    fn write(&self, out: &mut impl fmt::Write) -> fmt::Result {
        let seconds = self.0.min(LAST);
        let (year, month, day) = civil_from_days(seconds / DAY);
        let of = |names: &[&'static str], index: u64| {
            usize::try_from(index)
                .ok()
                .and_then(|index| names.get(index).copied())
                .unwrap_or_default()
        };
        let (weekday, month) = (of(&WEEKDAYS, seconds / DAY % 7), of(&MONTHS, month.saturating_sub(1)));
        let (hour, minute, second) = (seconds % DAY / 3_600, seconds % 3_600 / 60, seconds % 60);
        write!(
            out,
            "{weekday}, {day:02} {month} {year:04} {hour:02}:{minute:02}:{second:02} GMT"
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_dates() {
        let table = [
            ("Thu, 01 Jan 1970 00:00:00 GMT", 0),
            ("Tue, 29 Feb 2000 12:00:00 GMT", 951_825_600),
            ("Mon, 01 Mar 2100 00:00:00 GMT", 4_107_542_400),
            ("Fri, 31 Dec 9999 23:59:59 GMT", LAST),
        ];
        for (text, seconds) in table {
            assert_eq!(Date::parse(text.as_bytes()), Ok(Date(seconds)), "{text}");
            let mut printed = String::new();
            Date(seconds).write(&mut printed).unwrap();
            assert_eq!(printed, text);
        }
    }

    #[test]
    fn every_day_is_read_as_it_is_written() {
        for day in 0..(LAST / DAY / 16) {
            let date = Date(day * 16 * DAY + day % DAY);
            let mut printed = String::new();
            date.write(&mut printed).unwrap();
            assert_eq!(Date::parse(printed.as_bytes()), Ok(date), "{printed}");
        }
    }

    #[test]
    fn refused_dates() {
        let table = [
            "Fri, 01 Jan 2010 16:00:00 EST",
            "Fri, 1 Jan 2010 16:00:00 GMT",
            "Fri, 29 Feb 2100 16:00:00 GMT",
            "Fri, 31 Apr 2010 16:00:00 GMT",
            "Fri, 00 Apr 2010 16:00:00 GMT",
            "Fri, 01 Jan 2010 24:00:00 GMT",
            "Fri, 01 Jan 1969 23:00:00 GMT",
            "Foo, 01 Jan 2010 16:00:00 GMT",
            "Fri, 01 Jan 2010 16:00:00 GMT+1",
            "",
        ];
        for text in table {
            assert!(Date::parse(text.as_bytes()).is_err(), "{text}");
        }
    }
}
