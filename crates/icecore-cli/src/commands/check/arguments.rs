//! Options of `check`.

use clap::Args;
use icecore_operations::check::{CheckRequest, Reading, RepairMode};
use jiff::Span;

/// Verify the repository
///
/// Verifies the header, the keys, all snapshots, pack directories and manifests. Also verifies that every
/// pack exists and has its full length. With --read-data, every pack is also read, decrypted, decompressed
/// and hashed.
///
/// Also detects rollbacks: complete snapshots that disappeared, and a repository that is older than the state
/// that this host has already seen.
///
/// --sample reads a share of the packs: packs that were never verified first, then the least recently
/// verified. --within reads only packs that were not verified within the given time. With both options,
/// --sample limits how many of these packs are read. The catalogue of this machine records when each pack was
/// verified.
///
/// Packs in the archive classes of S3 (Glacier and others) are counted and skipped until they are thawed. A
/// sample reads other packs instead.
///
/// --repair repairs as much as possible. It rebuilds pack directories from the packs and moves packs back to
/// their correct location. It stores the intact data of a damaged pack in a new pack, and moves damaged
/// objects to the quarantine (meta/quarantine/). Icecore never deletes the quarantine: delete it by hand.
/// Snapshots that lost data are marked. The next backup stores missing data again if the source still has it.
/// Add --read-data to find and repair damage inside packs, and --dry-run to see the plan. Backups can run at
/// the same time.
///
/// The check shares no code with the commands that write. Without --repair and --accept-rollback, it changes
/// nothing. The exit code is 20 if anything is damaged or missing. After a repair, it is 20 only if something
/// is still damaged or missing.
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
    /// Read and verify all data
    #[arg(long, conflicts_with_all = ["sample", "within"])]
    pub(crate) read_data: bool,
    /// Read packs with this share of all bytes, least recently verified first
    #[arg(long, value_name = "PERCENT", value_parser = parse_percent)]
    pub(crate) sample: Option<f64>,
    /// Read only packs that were not verified within this time, such as 90d, 12w or 3mo
    #[arg(long, value_name = "TIME", value_parser = parse_span)]
    pub(crate) within: Option<Span>,
    /// Repair damage that the check finds
    #[arg(long)]
    pub(crate) repair: bool,
    /// With --repair: show the plan, but change nothing
    #[arg(long, requires = "repair")]
    pub(crate) dry_run: bool,
    /// Accept that snapshots disappeared or the repository was rolled back
    ///
    /// Use this option after you put back an older copy of the repository on purpose. The log of the
    /// repository then records the missing snapshots as lost. This host does not report them again. Another
    /// host does not report them either, unless it misses more than that.
    #[arg(long, conflicts_with = "dry_run")]
    pub(crate) accept_rollback: bool,
}

impl CheckArguments {
    /// Returns the request.
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
    percent.ok_or_else(|| "the share must be a number from 0 to 100, such as 5%".to_owned())
}

fn parse_span(text: &str) -> Result<Span, String> {
    let span = text.parse::<Span>().ok().filter(|span| span.is_positive());
    span.ok_or_else(|| "the time must be a number with a unit, such as 90d, 12w or 3mo".to_owned())
}
