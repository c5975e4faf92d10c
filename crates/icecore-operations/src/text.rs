//! Bytes, sizes, counts, durations, times and errors as text for people.

use std::{borrow::Cow, error::Error, fmt::Write, time::Duration};

use bytesize::ByteSize;
use icecore_format::entry::Time;
use jiff::{Timestamp, tz::TimeZone};

/// Returns bytes as text that cannot disturb a terminal: control characters and invalid UTF-8 become `\xNN`.
///
/// Bidirectional overrides count as control characters: they could make one name look like another.
pub fn printable(bytes: &[u8]) -> Cow<'_, str> {
    match str::from_utf8(bytes) {
        Ok(text) if !text.chars().any(disturbs) => Cow::Borrowed(text),
        _ => Cow::Owned(escaped(bytes)),
    }
}

fn disturbs(character: char) -> bool {
    character.is_control() || matches!(character, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

fn escaped(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len() + 8);
    for part in bytes.utf8_chunks() {
        for character in part.valid().chars() {
            match character {
                '\n' => text.push_str("\\n"),
                '\t' => text.push_str("\\t"),
                _ if disturbs(character) => text.extend(character.escape_unicode()),
                _ => text.push(character),
            }
        }
        for byte in part.invalid() {
            // Writing to a string does not fail.
            let _ = write!(text, "\\x{byte:02x}");
        }
    }
    text
}

/// Returns bytes as printable text in quotation marks; an empty path is the root.
pub fn quoted(bytes: &[u8]) -> String {
    format!("\"{}\"", if bytes.is_empty() { Cow::Borrowed(".") } else { printable(bytes) })
}

/// Quotes a word for a shell if necessary.
pub fn shell_word(word: &[u8]) -> Cow<'_, str> {
    let is_plain = |byte: &u8| byte.is_ascii_alphanumeric() || b"_-./:=@%+,".contains(byte);
    match str::from_utf8(word) {
        Ok(plain) if !plain.is_empty() && word.iter().all(is_plain) => plain.into(),
        Ok(text) if !text.chars().any(char::is_control) => {
            format!("'{}'", text.replace('\'', "'\\''")).into()
        }
        // As bash, zsh and ksh read it.
        _ => {
            let mut text = "$'".to_owned();
            for byte in word {
                let _ = match byte {
                    b' '..=b'~' if !b"'\\".contains(byte) => write!(text, "{}", char::from(*byte)),
                    _ => write!(text, "\\x{byte:02x}"),
                };
            }
            text.push('\'');
            text.into()
        }
    }
}

/// Returns a message with escapes for everything that could disturb a terminal, except line ends.
pub fn printable_message(message: &str) -> String {
    let lines: Vec<Cow<'_, str>> = message.split('\n').map(|line| printable(line.as_bytes())).collect();
    lines.join("\n")
}

/// Returns a number of bytes with a binary unit, `1.5 MiB`.
pub fn size(bytes: u64) -> String {
    ByteSize(bytes).display().iec().to_string()
}

/// Returns a number with separators between thousands, `1,234,567`.
pub fn count(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (position, digit) in digits.chars().enumerate() {
        if position > 0 && (digits.len() - position).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// Returns a count with its noun, `1 file`, `2 files` or `2 directories`.
pub fn counted(number: u64, noun: &str) -> String {
    let number_text = count(number);
    match noun.strip_suffix('y') {
        _ if number == 1 => format!("{number_text} {noun}"),
        Some(stem) => format!("{number_text} {stem}ies"),
        None => format!("{number_text} {noun}s"),
    }
}

/// Returns a count of files, directories and other things that can be in a directory, `1 file or directory`.
pub fn files_or_directories(number: u64) -> String {
    let nouns = if number == 1 { "file or directory" } else { "files or directories" };
    format!("{} {nouns}", count(number))
}

/// Returns a duration in a suitable unit, `0.4 s`, `3 min 7 s`, `2 h 5 min`.
pub fn duration(duration: Duration) -> String {
    let seconds = duration.as_secs();
    match seconds {
        0..60 => format!("{:.1} s", duration.as_secs_f64()),
        60..3600 => format!("{} min {} s", seconds / 60, seconds % 60),
        _ => format!("{} h {} min", seconds / 3600, seconds % 3600 / 60),
    }
}

/// Returns a time in a time zone without fractions, `2026-11-20 17:13:52`.
pub fn local_time(time: Time, zone: &TimeZone) -> String {
    let Ok(timestamp) = Timestamp::from_second(time.seconds) else {
        return "(beyond any calendar)".to_owned();
    };
    zone.to_datetime(timestamp).strftime("%Y-%m-%d %H:%M:%S").to_string()
}

/// Returns the time of day of a time in a time zone, `17:13:52`.
pub fn clock_time(time: Time, zone: &TimeZone) -> String {
    let timestamp = Timestamp::from_second(time.seconds).unwrap_or_default();
    zone.to_datetime(timestamp).strftime("%H:%M:%S").to_string()
}

/// Returns the date of a time in a time zone, `2026-11-20`.
pub fn local_date(time: Time, zone: &TimeZone) -> String {
    let timestamp = Timestamp::from_second(time.seconds).unwrap_or_default();
    zone.to_datetime(timestamp).strftime("%Y-%m-%d").to_string()
}

/// Returns a time as RFC 3339 in UTC with its fraction; none if it is outside the years −9999 to 9999.
pub fn utc_time(time: Time) -> Option<String> {
    let nanoseconds = i32::try_from(time.nanoseconds).ok()?;
    Timestamp::new(time.seconds, nanoseconds).ok().map(|timestamp| timestamp.to_string())
}

/// Appends bytes in base64 (RFC 4648, section 4) to `text`; only the last part may have a length that is not
/// a multiple of 3.
pub fn push_base64(text: &mut String, bytes: &[u8]) {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    for part in bytes.chunks(3) {
        let mut word = [0; 3];
        word[..part.len()].copy_from_slice(part);
        let bits = u32::from_be_bytes([0, word[0], word[1], word[2]]);
        for digit in 0..4 {
            let shift = 18 - 6 * digit;
            let symbol = DIGITS[(bits >> shift & 63) as usize];
            text.push(if digit > part.len() { '=' } else { char::from(symbol) });
        }
    }
}

/// Returns the text of an error with the texts of its causes, each once.
pub fn reason(error: &dyn Error) -> String {
    let mut text = without_number(&error.to_string()).to_owned();
    let mut source = error.source();
    while let Some(cause) = source {
        let cause_text = cause.to_string();
        let cause_text = without_number(&cause_text);
        if !text.contains(cause_text) {
            text.push_str(": ");
            text.push_str(cause_text);
        }
        source = cause.source();
    }
    text
}

/// Returns the text of an error that is already a text.
pub fn plain(text: &str) -> &str {
    without_number(text)
}

/// Returns a text without the number of the system error that the standard library appends.
fn without_number(text: &str) -> &str {
    let Some((front, number)) = text.rsplit_once(" (os error ") else { return text };
    let digits = number.strip_suffix(')').unwrap_or_default();
    if !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit()) { front } else { text }
}

#[cfg(test)]
mod tests;
