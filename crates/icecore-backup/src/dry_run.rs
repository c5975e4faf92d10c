//! A backup that only finds out what it would read.

use icecore_catalog::Catalog;
use icecore_format::{
    entry::{Entry, EntryKind},
    node::Totals,
};
use icecore_fs::walk::WalkItem;
use icecore_repo::{index::load_index, reader::ChunkReader, repository::Repository};

use crate::{
    capture,
    comparison::{
        base::Base,
        changes::{Need, Rules},
    },
    empty::refuse_empty_root,
    error::BackupResult,
    events::{BackupEvents, BackupProgress, SourceProblem},
    input::Input,
    levels::RunPlan,
    problems::Problems,
    report::{BackupCounts, BackupReport},
    request::{BackupRequest, BackupSource},
    root_problem::RootProblem,
    tree_walk::{TreeWalk, walk_options},
};

/// Opened blocks of the base's manifest that are kept, in bytes.
const BASE_CACHE_BYTES: usize = 24 << 20;

/// Walks the source, compares it with the base and counts; a stream is not read at all.
pub(crate) fn dry_run(
    repository: &Repository,
    catalog: &mut Catalog,
    request: &BackupRequest,
    input: &Input,
    plan: RunPlan,
    events: &dyn BackupEvents,
) -> BackupResult<BackupReport> {
    let environment = repository.environment();
    let started = environment.monotonic();
    let index = load_index(repository, catalog, None)?.index;
    let reader = ChunkReader::new(repository.clone(), std::sync::Arc::new(index.into()), BASE_CACHE_BYTES);
    let mut forecast = Forecast {
        base: plan
            .base
            .as_ref()
            .and_then(|base| Base::new(&reader, base, Rules::new(request.ignored, environment.now()))),
        counts: BackupCounts::default(),
        totals: Totals::default(),
        problems: Problems::default(),
        root_problem: RootProblem::default(),
    };
    // A stream is not read, so nothing is known about it; its root is not a directory.
    if let BackupSource::Tree { path } = &request.source {
        let mut walk = TreeWalk::start(path, input.directory, walk_options(request))?;
        for items in &mut walk {
            environment.proceed()?;
            for item in items {
                forecast.take(item, events)?;
            }
            let Totals { entries, files, bytes } = forecast.totals;
            events.progress(&BackupProgress { entries, files, bytes, ..BackupProgress::default() });
        }
        std::mem::take(&mut forecast.root_problem).end().map_err(|error| error.below(path))?;
        if let Some(base) = &mut forecast.base {
            base.skip_to_end(&mut forecast.counts.entries_removed)?;
        }
        (forecast.counts.excluded, forecast.counts.vanished) = walk.left_out(0);
    }
    refuse_empty_root(input, &plan, forecast.totals)?;
    let duration = environment.monotonic().saturating_sub(started);
    Ok(BackupReport {
        snapshot: None,
        level: plan.level,
        dedup: plan.dedup,
        group: plan.group,
        base: plan.base.map(|base| base.origin.run),
        totals: forecast.totals,
        counts: forecast.counts,
        problems: forecast.problems,
        notices: plan.notices,
        duration_read: duration,
        duration,
    })
}

/// A forecast of a run, based on names and times.
struct Forecast<'a> {
    base: Option<Base<'a>>,
    counts: BackupCounts,
    totals: Totals,
    problems: Problems,
    root_problem: RootProblem,
}

impl Forecast<'_> {
    fn take(&mut self, item: WalkItem, events: &dyn BackupEvents) -> BackupResult<()> {
        if let Some(problem) = self.root_problem.met(item.path()) {
            self.problems.add(problem, events);
        }
        let problem = match item {
            WalkItem::Entry(source) => {
                let mut entry = capture::entry(source.path, &source.metadata);
                entry.marks = capture::marks(source.completeness);
                return self.compare(&entry);
            }
            WalkItem::NameOnly { path, error } => {
                if let Some(error) = error {
                    self.problems.add(SourceProblem::Unreadable(error), events);
                }
                return self.compare(&capture::name_only(path));
            }
            WalkItem::Unreadable(error) => SourceProblem::Unreadable(error),
            WalkItem::Gone(path) => SourceProblem::Gone { path },
        };
        if let Some(problem) = self.root_problem.hold(problem) {
            self.problems.add(problem, events);
        }
        Ok(())
    }

    fn compare(&mut self, entry: &Entry) -> BackupResult<()> {
        self.totals.add(Totals::of(entry));
        let file = u64::from(entry.kind == EntryKind::File);
        let need = match &mut self.base {
            Some(base) => base
                .advance_to(&entry.path, &mut self.counts.entries_removed)?
                .map(|known| base.rules.need(entry, &known)),
            None => None,
        };
        match need {
            None => self.counts.files_new += file,
            Some(Need::Nothing) => self.counts.files_unchanged += file,
            Some(_) => self.counts.files_changed += file,
        }
        if matches!(need, None | Some(Need::Everything)) && file == 1 {
            self.counts.files_read += 1;
            self.counts.bytes_read += entry.size;
        }
        Ok(())
    }
}
