//! Durations in calendar units.

use std::{fmt, str::FromStr};

use jiff::{Span, Timestamp, tz::TimeZone};

use super::parse_error::RetentionParseError;

/// A duration in years, months, days and hours. The first three follow the calendar: a day may have 23 or 25
/// hours, and a month before March 31 is the last day of February.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct RetentionDuration {
    /// Years.
    pub years: u16,
    /// Months.
    pub months: u16,
    /// Days; a week in the text counts as seven.
    pub days: u16,
    /// Hours, each of 3600 seconds.
    pub hours: u16,
}

impl RetentionDuration {
    /// Returns the moment this long before `time`, on the calendar of `zone`. A moment before the first one
    /// that can be expressed becomes that one.
    pub fn before(&self, time: Timestamp, zone: &TimeZone) -> Timestamp {
        // Numbers of 16 bits are within the limits of a span.
        let span = Span::new()
            .try_years(self.years)
            .and_then(|span| span.try_months(self.months))
            .and_then(|span| span.try_days(self.days))
            .and_then(|span| span.try_hours(self.hours));
        let moment = span.and_then(|span| time.to_zoned(zone.clone()).checked_sub(span));
        moment.map_or(Timestamp::MIN, |moment| moment.timestamp())
    }

    fn add(&mut self, number: u16, unit: char) -> Option<()> {
        let (field, factor) = match unit {
            'y' => (&mut self.years, 1),
            'm' => (&mut self.months, 1),
            'w' => (&mut self.days, 7),
            'd' => (&mut self.days, 1),
            'h' => (&mut self.hours, 1),
            _ => return None,
        };
        *field = number.checked_mul(factor).and_then(|number| field.checked_add(number))?;
        Some(())
    }

    fn read(text: &str) -> Option<Self> {
        let mut duration = Self::default();
        let mut rest = text.trim();
        while !rest.is_empty() {
            let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
            let (number, after) = rest.split_at(digits);
            let mut characters = after.chars();
            duration.add(number.parse().ok()?, characters.next()?)?;
            rest = characters.as_str();
        }
        Some(duration)
    }
}

impl FromStr for RetentionDuration {
    type Err = RetentionParseError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if text.trim().is_empty() {
            return Err(RetentionParseError::Duration { text: text.to_owned() });
        }
        match Self::read(text) {
            None => Err(RetentionParseError::Duration { text: text.to_owned() }),
            Some(zero) if zero == Self::default() => {
                Err(RetentionParseError::ZeroDuration { text: text.to_owned() })
            }
            Some(duration) => Ok(duration),
        }
    }
}

impl fmt::Display for RetentionDuration {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let parts = [(self.years, 'y'), (self.months, 'm'), (self.days, 'd'), (self.hours, 'h')];
        if parts.iter().all(|(number, _)| *number == 0) {
            return formatter.write_str("0h");
        }
        for (number, unit) in parts.into_iter().filter(|(number, _)| *number > 0) {
            write!(formatter, "{number}{unit}")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
