//! A backup that only finds out what it would read.

use icecore_catalog::Catalog;
use icecore_format::entry::{Entry, EntryKind};
use icecore_fs::walk::WalkItem;
use icecore_repo::{
    index::load_index,
    manifest::{ManifestCursor, ManifestRoot},
    reader::ChunkReader,
    repository::Repository,
};

use crate::{
    backup::{Input, TreeWalk, rules, walk_options},
    capture,
    changes::{Need, Rules},
    empty::refuse_empty_root,
    error::BackupResult,
    levels::RunPlan,
    pipeline,
    problems::Problems,
    request::{
        BackupCounts, BackupEvents, BackupProgress, BackupReport, BackupRequest, BackupSource, SourceProblem,
    },
};

use icecore_format::node::Totals;

const CACHE_BYTES: usize = 24 << 20;

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
    let reader = ChunkReader::new(repository.clone(), std::sync::Arc::new(index.into()), CACHE_BYTES);
    let mut comparison = Comparison {
        base: plan.base.as_ref().and_then(|base| {
            let rules = rules(request, environment.now()).against(base);
            Some((ManifestCursor::new(&reader, &ManifestRoot::of(base)?), rules))
        }),
        counts: BackupCounts::default(),
        totals: Totals::default(),
        problems: Problems::default(),
        root_problem: None,
    };
    // A stream is not read, so nothing is known of it; its root is no directory.
    if let BackupSource::Tree { path } = &request.source {
        let mut walk = TreeWalk::start(path, input.directory, walk_options(request))?;
        for items in &mut walk {
            environment.proceed()?;
            for item in items {
                comparison.take(item, events)?;
            }
            let Totals { entries, files, bytes } = comparison.totals;
            events.progress(&BackupProgress { entries, files, bytes, ..BackupProgress::default() });
        }
        if let Some(problem) = comparison.root_problem.take() {
            return Err(pipeline::unreadable_root(problem).below(path));
        }
        comparison.take_rest()?;
        (comparison.counts.excluded, comparison.counts.vanished) = walk.left_out(0);
    }
    refuse_empty_root(input, &plan, comparison.totals)?;
    let duration = environment.monotonic().saturating_sub(started);
    Ok(BackupReport {
        snapshot: None,
        level: plan.level,
        dedup: plan.dedup,
        group: plan.group,
        base: plan.base.map(|base| base.origin.run),
        totals: comparison.totals,
        counts: comparison.counts,
        problems: comparison.problems,
        notices: plan.notices,
        duration_read: duration,
        duration,
    })
}

struct Comparison<'a> {
    base: Option<(ManifestCursor<'a>, Rules)>,
    counts: BackupCounts,
    totals: Totals,
    problems: Problems,
    root_problem: Option<SourceProblem>,
}

impl Comparison<'_> {
    fn take(&mut self, item: WalkItem, events: &dyn BackupEvents) -> BackupResult<()> {
        if !item.path().is_empty()
            && let Some(problem) = self.root_problem.take()
        {
            self.problems.add(problem, events);
        }
        let problem = match item {
            WalkItem::Entry(source) => {
                let mut entry = capture::entry(source.path, &source.metadata);
                entry.marks = capture::marks(source.look);
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
        if problem.path().is_empty() {
            self.root_problem = Some(problem);
        } else {
            self.problems.add(problem, events);
        }
        Ok(())
    }

    fn compare(&mut self, entry: &Entry) -> BackupResult<()> {
        self.totals.add(Totals::of(entry));
        let file = u64::from(entry.kind == EntryKind::File);
        let mut base_entry = None;
        if let Some((cursor, rules)) = &mut self.base {
            while let Some(next) = cursor.peek()?
                && icecore_format::path::compare(&next.path, &entry.path).is_le()
            {
                let same = next.path == entry.path;
                let taken = cursor.next()?;
                if same {
                    base_entry = taken.map(|taken| (taken, *rules));
                    break;
                }
                self.counts.entries_removed += 1;
            }
        }
        let need = base_entry.as_ref().map(|(base, rules)| rules.need(entry, base));
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

    fn take_rest(&mut self) -> BackupResult<()> {
        if let Some((cursor, _)) = &mut self.base {
            while cursor.next()?.is_some() {
                self.counts.entries_removed += 1;
            }
        }
        Ok(())
    }
}
