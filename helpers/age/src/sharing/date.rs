//! A day, in the format of approvals and messages.

use std::fmt;
use std::str::FromStr;
use std::time::{Duration, SystemTime};

const SECONDS_A_DAY: u64 = 24 * 60 * 60;

/// A day in UTC, written 2026-11-26.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Date {
    year: u64,
    month: u64,
    day: u64,
}

impl Date {
    /// 1970-01-01 if the clock is earlier.
    pub(crate) fn today() -> Self {
        let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
        Self::of_seconds(since.map_or(0, |since: Duration| since.as_secs()))
    }

    /// The day of a time in seconds since the beginning of 1970.
    ///
    /// The calendar repeats every 400 years, or 146,097 days; years are counted from March, so that the leap day comes
    /// last and the lengths of the months before it follow one rule.
    pub(super) const fn of_seconds(seconds: u64) -> Self {
        // The days from 0000-03-01 to 1970-01-01.
        let days = seconds / SECONDS_A_DAY + 719_468;
        let (era, day_of_era) = (days / 146_097, days % 146_097);
        let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
        let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
        let from_march = (5 * day_of_year + 2) / 153;
        let month = if from_march < 10 {
            from_march + 3
        } else {
            from_march - 9
        };
        Self {
            year: era * 400 + year_of_era + (month <= 2) as u64,
            month,
            day: day_of_year - (153 * from_march + 2) / 5 + 1,
        }
    }
}

impl fmt::Display for Date {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:04}-{:02}-{:02}", self.year, self.month, self.day)
    }
}

impl FromStr for Date {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let numbers: Vec<u64> = text
            .split('-')
            .map(str::parse)
            .collect::<Result<_, _>>()
            .map_err(|_| ())?;
        let [year, month @ 1..=12, day @ 1..=31] = numbers[..] else {
            return Err(());
        };
        Ok(Self { year, month, day })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_are_those_of_the_calendar() {
        for (seconds, expected) in [
            (0, "1970-01-01"),
            (951_782_399, "2000-02-28"),
            (951_782_400, "2000-02-29"),
            (951_868_800, "2000-03-01"),
            (1_795_651_200, "2026-11-26"),
            (4_107_542_399, "2100-02-28"),
            (4_107_542_400, "2100-03-01"),
            (4_291_747_200, "2106-01-01"),
        ] {
            let date = Date::of_seconds(seconds);
            assert_eq!(date.to_string(), expected);
            assert_eq!(expected.parse(), Ok(date));
        }
        assert!("2026-13-01".parse::<Date>().is_err());
        assert!("yesterday".parse::<Date>().is_err());
    }
}
