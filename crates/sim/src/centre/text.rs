//! Lengths of time and numbers as people write them.

use core::str::FromStr;
use core::time::Duration;

/// Why a text is not what it should be. Says what was expected.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TextError {
    /// Not a length of time.
    #[error("expected a length of time such as 20s, 2.5min, 500ms, 8h or 30d")]
    Duration,
    /// Not a number.
    #[error("expected a number")]
    Number,
    /// Not a distribution.
    #[error(
        "expected a distribution: fixed:10s, exp:2min, lognormal:3min,cv=1.2, gamma:3min,cv=0.5 or uniform:1min..5min"
    )]
    Distribution,
    /// A distribution with parameters out of range.
    #[error("expected a mean above zero and below 100 years, and cv (standard deviation ÷ mean) from 0.001 to 1000")]
    Parameters,
    /// Not a rate.
    #[error("expected a rate such as 4.2/min, 2/s, 250/h or 3000/d")]
    Rate,
    /// Not a span of the day.
    #[error("expected hours such as 08:00-16:30")]
    Hours,
}

/// Units, their names and their seconds.
const UNITS: [(&str, f64); 11] = [
    ("ns", 1e-9),
    ("us", 1e-6),
    ("µs", 1e-6),
    ("ms", 1e-3),
    ("sec", 1.0),
    ("s", 1.0),
    ("min", 60.0),
    ("m", 60.0),
    ("h", 3600.0),
    ("d", 86_400.0),
    ("w", 604_800.0),
];

/// Reads a length of time: a number and its unit (`ns`, `us`, `ms`, `s`, `min`, `h`, `d`, `w`), or several of them (`1h 30min`).
///
/// ```
/// use sim::centre::parse_duration;
/// use std::time::Duration;
///
/// assert_eq!(parse_duration("2.5min"), Ok(Duration::from_secs(150)));
/// assert_eq!(parse_duration("1h 30min"), Ok(Duration::from_secs(5400)));
/// assert!(parse_duration("20").is_err(), "of what?");
/// ```
///
/// # Errors
///
/// [`TextError::Duration`].
pub fn parse_duration(text: &str) -> Result<Duration, TextError> {
    let mut rest = text.trim();
    let mut total = Duration::ZERO;
    if rest.is_empty() {
        return Err(TextError::Duration);
    }
    while !rest.is_empty() {
        let digits = rest
            .find(|c: char| !c.is_ascii_digit() && c != '.')
            .unwrap_or(rest.len());
        let (number, after) = rest.split_at_checked(digits).ok_or(TextError::Duration)?;
        let after = after.trim_start();
        let letters = after.find(|c: char| !c.is_alphabetic()).unwrap_or(after.len());
        let (unit, after) = after.split_at_checked(letters).ok_or(TextError::Duration)?;
        let unit = unit_seconds(unit).ok_or(TextError::Duration)?;
        let number = f64::from_str(number).map_err(|_| TextError::Duration)?;
        let part = Duration::try_from_secs_f64(number * unit).map_err(|_| TextError::Duration)?;
        total = total.checked_add(part).ok_or(TextError::Duration)?;
        rest = after.trim_start();
    }
    Ok(total)
}

pub(crate) fn unit_seconds(unit: &str) -> Option<f64> {
    UNITS
        .iter()
        .find(|(name, _)| *name == unit)
        .map(|(_, seconds)| *seconds)
}

/// Reads a time of day: `08:00` or `8:30:15`, up to `24:00`, as the time since midnight.
///
/// # Errors
///
/// [`TextError::Hours`].
pub fn parse_time_of_day(text: &str) -> Result<Duration, TextError> {
    let mut parts = text.trim().split(':');
    let mut part = |most: u64| -> Result<u64, TextError> {
        let digits = parts.next().filter(|digits| (1..=2).contains(&digits.len()));
        let digits = digits.filter(|digits| digits.bytes().all(|digit| digit.is_ascii_digit()));
        let number = digits.and_then(|digits| u64::from_str(digits).ok());
        number.filter(|number| *number <= most).ok_or(TextError::Hours)
    };
    let (hours, minutes) = (part(24)?, part(59)?);
    let seconds = if text.matches(':').count() == 2 { part(59)? } else { 0 };
    if parts.next().is_some() {
        return Err(TextError::Hours);
    }
    let total = Duration::from_secs(hours * 3600 + minutes * 60 + seconds);
    if total > Duration::from_secs(86_400) {
        Err(TextError::Hours)
    } else {
        Ok(total)
    }
}

/// Seconds as a length of time: nothing where they are negative or no number, the longest there is where they are too many.
pub(crate) fn seconds(value: f64) -> Duration {
    let nanos = value.max(0.0) * 1e9;
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a cast from a floating point number saturates, which is what is wanted"
    )]
    Duration::from_nanos(nanos as u64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_of_time() {
        let cases = [
            ("20s", 20_000),
            ("2.5min", 150_000),
            ("500ms", 500),
            ("8h", 28_800_000),
            ("30d", 2_592_000_000),
            (" 1h 30min ", 5_400_000),
            ("1h30m", 5_400_000),
            ("0s", 0),
        ];
        for (text, millis) in cases {
            assert_eq!(parse_duration(text), Ok(Duration::from_millis(millis)), "{text}");
        }
        for text in [
            "",
            " ",
            "20",
            "s",
            "-5s",
            "1e400h",
            "5 parsecs",
            "5s5",
            "9999999999999999999999w",
            "1..2s",
            "∞s",
        ] {
            assert_eq!(parse_duration(text), Err(TextError::Duration), "{text}");
        }
    }

    #[test]
    fn times_of_day() {
        for (text, secs) in [("00:00", 0), ("8:30", 30_600), ("23:59:59", 86_399), ("24:00", 86_400)] {
            assert_eq!(parse_time_of_day(text), Ok(Duration::from_secs(secs)), "{text}");
        }
        for text in [
            "",
            "8",
            "24:01",
            "25:00",
            "8:60",
            "8:30:15:1",
            "+8:30",
            "8:30:",
            "008:30",
        ] {
            assert_eq!(parse_time_of_day(text), Err(TextError::Hours), "{text}");
        }
    }

    #[test]
    fn seconds_saturate() {
        assert_eq!(seconds(1.5), Duration::from_millis(1500));
        assert_eq!(seconds(-1.0), Duration::ZERO);
        assert_eq!(seconds(f64::NAN), Duration::ZERO);
        assert_eq!(seconds(f64::INFINITY), Duration::from_nanos(u64::MAX));
    }
}
