//! Sizes in bytes as people write them.

/// Error of parsing a size. The text fits after "failed to …".
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ByteSizeError {
    /// There is no whole number at the beginning.
    #[error("{text:?} is not a size: it does not begin with a whole number; write for example 64MiB")]
    NotANumber {
        /// The text as given.
        text: String,
    },
    /// The unit is unknown.
    #[error(
        "{unit:?} is not a unit of size; use KiB, MiB, GiB, TiB (powers of 1024) or kB, MB, GB, TB (powers of 1000)"
    )]
    UnknownUnit {
        /// The text after the number.
        unit: String,
    },
    /// The size has more than 64 bits.
    #[error("the size {text:?} is too large")]
    TooLarge {
        /// The text as given.
        text: String,
    },
}

/// Parses a size in bytes: a whole number, then nothing or `B`, `KiB`, `MiB`, `GiB`, `TiB` (powers of 1024),
/// `kB` or `KB`, `MB`, `GB`, `TB` (powers of 1000). White space around the text and before the unit does not
/// matter.
pub fn parse_byte_size(text: &str) -> Result<u64, ByteSizeError> {
    let trimmed = text.trim();
    let digits = trimmed.bytes().take_while(u8::is_ascii_digit).count();
    let (number, unit) = trimmed.split_at(digits);
    if number.is_empty() || unit.starts_with(['.', ',', '_']) {
        return Err(ByteSizeError::NotANumber { text: text.to_owned() });
    }
    let factor = match unit.trim_start() {
        "" | "B" => 1,
        "KiB" => 1 << 10,
        "MiB" => 1 << 20,
        "GiB" => 1 << 30,
        "TiB" => 1 << 40,
        "kB" | "KB" => 1000,
        "MB" => 1_000_000,
        "GB" => 1_000_000_000,
        "TB" => 1_000_000_000_000,
        unit => return Err(ByteSizeError::UnknownUnit { unit: unit.to_owned() }),
    };
    // Only digits, so the number can only be wrong by being too large.
    let size = number.parse::<u64>().ok().and_then(|number| number.checked_mul(factor));
    size.ok_or_else(|| ByteSizeError::TooLarge { text: text.to_owned() })
}

#[cfg(test)]
mod tests;
