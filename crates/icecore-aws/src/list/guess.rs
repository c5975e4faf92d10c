//! Guesses where later pages of a listing begin.

/// Digits used in the calculation, …
const DIGITS: usize = 16;
/// … including up to this many that both keys share: later keys may differ in these digits, too.
const COMMON_DIGITS: usize = 4;

/// Digits at the beginning of the name of a run: its start, in milliseconds since 1970.
const TIME_DIGITS: usize = 12;
/// 2020-01-01: no run is older.
const TIME_MIN: u64 = 1_577_836_800_000;

/// Guesses keys after `last`. Their distance is slightly less than that between `first` and `last`, the first
/// and the last key of a page: a range with more than a page costs another request. Ascending, at most
/// `count`; none if the keys do not differ in decimal or hexadecimal digits. If they begin with times, no
/// guess is later than `latest`, in milliseconds since 1970.
pub(super) fn later_keys(first: &str, last: &str, count: usize, latest: u64) -> Vec<String> {
    let differs = |(one, other): (u8, u8)| one != other;
    let Some(common) = first.bytes().zip(last.bytes()).position(differs) else { return Vec::new() };
    if ![first, last].iter().all(|key| key.as_bytes()[common].is_ascii_hexdigit()) {
        return Vec::new();
    }
    let before = last.as_bytes()[..common].iter().rev().take(COMMON_DIGITS);
    let place = common - before.take_while(|byte| byte.is_ascii_hexdigit()).count();
    let texts = [first, last].map(|key| digits(&key.as_bytes()[place..]));
    let radix = if texts.iter().flatten().any(|digit| *digit > 9) { 16 } else { 10 };
    let [from, to] =
        texts.map(|text| text.iter().fold(0, |number, digit| number * radix + u64::from(*digit)));
    let step = to.saturating_sub(from) / 10 * 9;
    if step == 0 {
        return Vec::new();
    }
    let numbers = (1..=count as u64).map_while(|times| to.checked_add(step.checked_mul(times)?));
    // The text before the first digit ends at a character boundary.
    let text =
        |number| if radix == 16 { format!("{number:0DIGITS$x}") } else { format!("{number:0DIGITS$}") };
    let texts = numbers.map(text).take_while(|text| text.len() == DIGITS);
    let guesses = texts.map(|text| last[..place].to_owned() + &text);
    let name = last[..common].rfind('/').map_or(0, |slash| slash + 1);
    let has_times = [first, last].iter().all(|key| time(&key[name..]).is_some_and(|time| time <= latest));
    let is_past = |guess: &String| !has_times || time(&guess[name..]).is_some_and(|time| time <= latest);
    guesses.take_while(is_past).collect()
}

/// Returns the time at the beginning of a name, if there is one.
fn time(name: &str) -> Option<u64> {
    u64::from_str_radix(name.get(..TIME_DIGITS)?, 16).ok().filter(|time| *time >= TIME_MIN)
}

/// Reads digits, decimal or hexadecimal; missing ones count as zeros.
fn digits(text: &[u8]) -> [u32; DIGITS] {
    let mut digits = [0; DIGITS];
    let found = text.iter().map_while(|byte| char::from(*byte).to_digit(16));
    digits.iter_mut().zip(found).for_each(|(digit, found)| *digit = found);
    digits
}

#[cfg(test)]
mod tests;
