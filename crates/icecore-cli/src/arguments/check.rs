//! Options of `check`.

use clap::Args;

/// Verify the repository
///
/// Verifies the header, the keys, all snapshots, pack directories and manifests, and that every pack is there in its full
/// length. With --read-data every pack is read, decrypted, decompressed and hashed; with --sample a random share of them.
///
/// The check shares no code with the commands that write. It changes nothing. The exit code is 20 if anything is damaged or
/// missing.
#[derive(Clone, Debug, Args)]
#[command(after_help = "\
Examples:
  icecore check
  icecore check --sample 5%
  icecore check --read-data --json")]
pub(crate) struct CheckArguments {
    /// Read all data
    #[arg(long, conflicts_with = "sample")]
    pub(crate) read_data: bool,
    /// Read this share of the packs, chosen at random
    #[arg(long, value_name = "PERCENT", value_parser = parse_percent)]
    pub(crate) sample: Option<f64>,
}

fn parse_percent(text: &str) -> Result<f64, String> {
    let number = text.strip_suffix('%').unwrap_or(text).trim();
    let percent = number.parse().ok().filter(|percent| (0.0..=100.0).contains(percent));
    percent.ok_or_else(|| "the share is a number from 0 to 100, such as 5%".to_owned())
}
