//! Asks the user before something that cannot be undone.

use std::io::{self, IsTerminal};

use crate::surface::console::Console;

/// Asks a question on the terminal and returns whether the answer is yes; if nobody can be asked, the answer
/// is no.
pub(crate) fn ask(console: &Console, question: &str) -> io::Result<bool> {
    Ok(ask_if_possible(console, question)?.unwrap_or(false))
}

/// Asks a question on the terminal and returns whether the answer is yes, or nothing where nobody can be
/// asked.
pub(crate) fn ask_if_possible(console: &Console, question: &str) -> io::Result<Option<bool>> {
    let (input, output) = (io::stdin(), io::stderr());
    if console.json || !input.is_terminal() || !output.is_terminal() {
        return Ok(None);
    }
    console.write_error(format!("{question} [y/N] ").as_bytes());
    let mut answer = String::new();
    input.read_line(&mut answer)?;
    Ok(Some(is_yes(&answer)))
}

fn is_yes(answer: &str) -> bool {
    matches!(answer.trim().to_ascii_lowercase().as_str(), "y" | "yes")
}

#[cfg(test)]
mod tests;
