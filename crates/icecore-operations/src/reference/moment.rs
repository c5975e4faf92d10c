//! Dates and times in references.

use jiff::{
    Timestamp,
    civil::{Date, DateTime},
    tz::TimeZone,
};

use super::Moment;

/// Forms of the text after a date: `0` stands for a digit, `T` for `T`, `t` or a space, `+` for a sign.
const TIMES: [&[u8]; 2] = [b"T00:00:00", b"T00:00"];
const OFFSETS: [&[u8]; 4] = [b"+00:00", b"+0000", b"+00", b"Z"];
const DATE: &[u8] = b"0000-00-00";

fn fits(bytes: &[u8], form: &[u8]) -> bool {
    bytes.len() >= form.len()
        && bytes.iter().zip(form).all(|(byte, form)| match form {
            b'0' => byte.is_ascii_digit(),
            b'T' => matches!(byte, b'T' | b't' | b' '),
            b'Z' => matches!(byte, b'Z' | b'z'),
            b'+' => matches!(byte, b'+' | b'-'),
            _ => byte == form,
        })
}

fn form_length(bytes: &[u8], forms: &[&[u8]]) -> Option<usize> {
    forms.iter().find(|form| fits(bytes, form)).map(|form| form.len())
}

/// Returns the length of the longest date or time at the beginning, in bytes.
pub(super) fn length(bytes: &[u8]) -> Option<usize> {
    let mut end = form_length(bytes, &[DATE])?;
    let Some(time) = form_length(&bytes[end..], &TIMES) else { return Some(end) };
    end += time;
    if let [b'.', fraction @ ..] = &bytes[end..] {
        let digits = fraction.iter().take_while(|byte| byte.is_ascii_digit()).count();
        end += if digits == 0 { 0 } else { digits + 1 };
    }
    Some(end + form_length(&bytes[end..], &OFFSETS).unwrap_or(0))
}

/// Reads a date, a local time, or a time with an offset.
pub(super) fn parse(text: &str) -> Option<Moment> {
    if length(text.as_bytes()) != Some(text.len()) {
        return None;
    }
    if text.len() == DATE.len() {
        return text.parse::<Date>().ok().map(Moment::Day);
    }
    if let Ok(timestamp) = text.parse::<Timestamp>() {
        return Some(Moment::Absolute(timestamp));
    }
    text.parse::<DateTime>().ok().map(Moment::Local)
}

impl Moment {
    /// Returns the first moment that is too late, as nanoseconds since 1970; none if there is no such moment.
    ///
    /// A time includes all of its second: listings omit fractions, and a time that was copied from there
    /// means the listed snapshot.
    pub fn end(self, zone: &TimeZone) -> Option<i128> {
        let timestamp = match self {
            Self::Day(date) => {
                let next = date.tomorrow().ok()?;
                return Some(
                    zone.to_timestamp(next.to_datetime(jiff::civil::Time::midnight())).ok()?.as_nanosecond(),
                );
            }
            Self::Local(time) => zone.to_timestamp(time).ok()?,
            Self::Absolute(timestamp) => timestamp,
        };
        let nanoseconds = timestamp.as_nanosecond();
        let whole_second = nanoseconds.rem_euclid(1_000_000_000) == 0;
        Some(nanoseconds + if whole_second { 1_000_000_000 } else { 1 })
    }
}
