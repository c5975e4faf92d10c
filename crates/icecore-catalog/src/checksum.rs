//! Checksums of rows. SQLite detects damage to its own structure, but not to the content of a row.

/// Length of a checksum in bytes.
pub(crate) const CHECKSUM_BYTES: usize = blake3::OUT_LEN;

/// Returns the checksum of a row of `table`. Each field is hashed with its length, so that fields cannot be
/// mistaken for parts of each other.
pub(crate) fn row_checksum(table: &str, fields: &[&[u8]]) -> [u8; CHECKSUM_BYTES] {
    let mut hasher = blake3::Hasher::new();
    for field in std::iter::once(&table.as_bytes()).chain(fields) {
        hasher.update(&(field.len() as u64).to_le_bytes());
        hasher.update(field);
    }
    *hasher.finalize().as_bytes()
}
