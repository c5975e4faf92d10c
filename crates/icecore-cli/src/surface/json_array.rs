//! A JSON array that is written one item at a time.

use std::io::{self, Write};

use serde::Serialize;

/// The array; it keeps only the number of its items.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct JsonArray {
    items: u64,
}

impl JsonArray {
    /// Writes the next item.
    pub(crate) fn item(&mut self, output: &mut impl Write, value: &impl Serialize) -> io::Result<()> {
        self.separate(output)?;
        Ok(serde_json::to_writer(output, value)?)
    }

    /// Writes the end; the array is complete even if it has no items.
    pub(crate) fn end(mut self, output: &mut impl Write) -> io::Result<()> {
        if self.items == 0 {
            self.separate(output)?;
        }
        output.write_all(b"]")
    }

    fn separate(&mut self, output: &mut impl Write) -> io::Result<()> {
        output.write_all(if self.items == 0 { b"[" } else { b",\n" })?;
        self.items += 1;
        Ok(())
    }
}

#[cfg(test)]
mod tests;
