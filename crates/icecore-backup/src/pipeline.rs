//! The pipeline of a backup: walk → comparison → readers → deduplication → manifest, in path order
//! throughout.

mod look_ahead;
mod readers;

use icecore_fs::walk::{Suspects, WalkItem};

use self::{look_ahead::LookAhead, readers::Readers};
use crate::{
    capture,
    comparison::{Comparison, base::Base},
    error::BackupResult,
    events::SourceProblem,
    reading::job::{PlannedItem, Task},
    root_problem::RootProblem,
    sink::{AllEntries, Sink},
};

/// Moves the objects that the walk finds through the stages.
struct Pipeline<'a, 'b, 'c> {
    comparison: Comparison<'b>,
    look_ahead: LookAhead,
    sink: Sink<'a, 'c>,
    root_problem: RootProblem,
}

/// A tree that has been read.
pub(crate) struct TreeRead<'a, 'c> {
    pub entries: AllEntries<'a, 'c>,
    /// Directories from which names vanished.
    pub suspects: Suspects,
    /// Granularity of the source's times in nanoseconds; 0 if there are none.
    pub time_granularity: u64,
}

/// Feeds a walk through comparison and readers into the sink.
pub(crate) fn run<'a, 'c>(
    walk: impl Iterator<Item = Vec<WalkItem>>,
    base: Option<Base<'_>>,
    read_concurrency: usize,
    sink: Sink<'a, 'c>,
) -> BackupResult<TreeRead<'a, 'c>> {
    let read_concurrency = read_concurrency.max(1);
    std::thread::scope(|scope| {
        let readers = Readers::start(scope, read_concurrency, sink.tools());
        let mut pipeline = Pipeline {
            comparison: Comparison::new(base),
            look_ahead: LookAhead::new(readers, read_concurrency),
            sink,
            root_problem: RootProblem::default(),
        };
        for items in walk {
            pipeline.sink.refresh_if_due()?;
            for item in items {
                pipeline.take(item)?;
            }
            pipeline.look_ahead.drain_ready(&mut pipeline.sink)?;
        }
        pipeline.end()
    })
}

impl<'a, 'c> Pipeline<'a, '_, 'c> {
    /// Decides how to handle what the walk found, and queues it.
    fn take(&mut self, item: WalkItem) -> BackupResult<()> {
        let Self { comparison, look_ahead, sink, root_problem } = self;
        if let Some(problem) = root_problem.met(item.path()) {
            sink.tally().problem(problem);
        }
        let problem = match item {
            WalkItem::Entry(source) => return look_ahead.push(comparison.plan(source, sink), sink),
            WalkItem::NameOnly { path, error } => {
                if let Some(error) = error {
                    sink.tally().problem(SourceProblem::Unreadable(error));
                }
                comparison.pass(&path, sink.tally());
                let item = PlannedItem { entry: capture::name_only(path), task: Task::None, leaf: None };
                return look_ahead.push(item, sink);
            }
            WalkItem::Unreadable(error) => SourceProblem::Unreadable(error),
            WalkItem::Gone(path) => SourceProblem::Gone { path },
        };
        if let Some(problem) = root_problem.hold(problem) {
            sink.tally().problem(problem);
        }
        Ok(())
    }

    fn end(self) -> BackupResult<TreeRead<'a, 'c>> {
        let Self { comparison, look_ahead, mut sink, root_problem } = self;
        look_ahead.end(&mut sink)?;
        root_problem.end()?;
        let time_granularity = comparison.end(sink.tally());
        let (entries, suspects) = sink.end()?;
        Ok(TreeRead { entries, suspects, time_granularity })
    }
}
