//! Key files.

use zeroize::Zeroizing;

use crate::{
    error::{FormatError, FormatResult},
    ids::{RepositoryId, decode_hex},
    keys::{KEY_BYTES, Secret},
};

/// Writes the text of a key file.
pub fn write_key_file(repository: RepositoryId, secret: &Secret) -> Zeroizing<String> {
    let mut digits = Zeroizing::new(String::with_capacity(KEY_BYTES * 2));
    for byte in secret.expose() {
        for digit in [byte >> 4, byte & 15] {
            digits.push(char::from(b"0123456789abcdef"[usize::from(digit)]));
        }
    }
    let check = key_file_check(secret);
    Zeroizing::new(format!(
        "# Icecore key file. Whoever has it can read the repository; without it (or another key) nobody can.\n\
         repository {repository}\nsecret {}\ncheck {check}\n",
        digits.as_str()
    ))
}

fn key_file_check(secret: &Secret) -> String {
    blake3::hash(secret.expose()).to_hex().as_str()[..8].to_owned()
}

/// Reads a key file: its repository, if the file names one, and its secret.
pub fn read_key_file(text: &str) -> FormatResult<(Option<RepositoryId>, Secret)> {
    let malformed = |reason| FormatError::malformed("key file", reason);
    let (mut repository, mut secret, mut check) = (None, None, None);
    for line in text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#')) {
        match line.split_once(' ') {
            Some(("repository", value)) => repository = Some(RepositoryId::from_hex(value.trim())?),
            Some(("secret", value)) => {
                let mut bytes = Zeroizing::new([0; KEY_BYTES]);
                let digits = value.trim();
                if digits.chars().count() != KEY_BYTES * 2 {
                    return Err(malformed("the secret is too short or too long; it has 64 digits"));
                }
                if !decode_hex(digits, bytes.as_mut()) {
                    return Err(malformed(
                        "the secret has characters that are not hexadecimal digits (0-9, a-f)",
                    ));
                }
                secret = Some(Secret::new(*bytes));
            }
            Some(("check", value)) => check = Some(value.trim().to_owned()),
            _ => {
                return Err(malformed(
                    "it has a line that does not begin with `repository`, `secret` or `check`",
                ));
            }
        }
    }
    let Some(secret) = secret else { return Err(malformed("the `secret` line is missing")) };
    if check.is_some_and(|check| check != key_file_check(&secret)) {
        return Err(malformed("the secret does not match the `check` line: a digit in one of them is wrong"));
    }
    Ok((repository, secret))
}
