//! Options of `check`.

use clap::Args;
use icecore_operations::check::{CheckRequest, Reading, RepairMode};
use jiff::Span;

/// Verify the repository
///
/// Verifies the header, the keys, all snapshots, pack directories and manifests, and that every pack is there in its full
/// length. With --read-data every pack is read, decrypted, decompressed and hashed.
///
/// It also finds out whether the repository is what it was: whether snapshots vanished that were complete, and whether it is
/// older than this host has seen it.
///
/// With --sample a share of the packs is read: first those that were never verified, then those that were verified longest
/// ago. With --within only packs are read that were last verified longer ago than that, or never; together with --sample no
/// more of them than the sample allows. When packs were verified is kept in the catalogue of this machine.
///
/// Packs in the archive classes of S3 (Glacier and others) are counted and skipped until they are thawed; a sample takes others in
/// their place.
///
/// With --repair, what is wrong is mended as far as it can be: pack directories are made anew from the packs, packs are moved
/// back to their place, what is whole in a bad pack is stored in a new one, and what is bad goes into quarantine
/// (meta/quarantine/), from where nothing is deleted. Snapshots that have lost something are marked; the next backup
/// stores again what is missing and the source still has. Add --read-data to find and repair damage inside of packs, and
/// --dry-run to see the plan. Backups may run meanwhile.
///
/// The check shares no code with the commands that write. Without --repair and --accept-rollback it changes nothing. The exit code is 20 if
/// anything is damaged or missing, after a repair if something still is.
#[derive(Clone, Debug, Args)]
#[command(after_help = "\
Examples:
  icecore check
  icecore check --sample 2%
  icecore check --within 90d --sample 2%    daily: reads everything once in 90 days
  icecore check --read-data --json
  icecore check --read-data --repair --dry-run
  icecore check --read-data --repair")]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag of its own")]
pub(crate) struct CheckArguments {
    /// Read all data
    #[arg(long, conflicts_with_all = ["sample", "within"])]
    pub(crate) read_data: bool,
    /// Read packs with this share of all bytes, those first that were verified longest ago
    #[arg(long, value_name = "PERCENT", value_parser = parse_percent)]
    pub(crate) sample: Option<f64>,
    /// Read only packs that were not verified within this time, such as 90d, 12w or 3mo
    #[arg(long, value_name = "TIME", value_parser = parse_span)]
    pub(crate) within: Option<Span>,
    /// Repair what is wrong
    #[arg(long)]
    pub(crate) repair: bool,
    /// With --repair: show what would be done, and change nothing
    #[arg(long, requires = "repair")]
    pub(crate) dry_run: bool,
    /// Accept that the repository is older than it was
    ///
    /// For after an older copy of the repository was put back on purpose: what is missing is written into the repository's
    /// log as lost, and neither this host nor another one that misses no more than that is alarmed by it again.
    #[arg(long, conflicts_with = "dry_run")]
    pub(crate) accept_rollback: bool,
}

impl CheckArguments {
    /// Returns what is to be checked.
    pub(crate) fn request(&self) -> CheckRequest {
        let reading = match (self.read_data, self.sample, self.within) {
            (true, ..) => Reading::Everything,
            (false, None, None) => Reading::Nothing,
            (false, sample_percent, within) => Reading::Part { sample_percent, within },
        };
        let repair = self.repair.then_some(if self.dry_run { RepairMode::Plan } else { RepairMode::Execute });
        CheckRequest { reading, repair, accepts_rollback: self.accept_rollback }
    }
}

fn parse_percent(text: &str) -> Result<f64, String> {
    let number = text.strip_suffix('%').unwrap_or(text).trim();
    let percent = number.parse().ok().filter(|percent| (0.0..=100.0).contains(percent));
    percent.ok_or_else(|| "the share is a number from 0 to 100, such as 5%".to_owned())
}

fn parse_span(text: &str) -> Result<Span, String> {
    let span = text.parse::<Span>().ok().filter(|span| span.is_positive());
    span.ok_or_else(|| "the time is a number with a unit, such as 90d, 12w or 3mo".to_owned())
}
