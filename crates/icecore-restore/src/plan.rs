//! The dry run: says what the steps would do.

use std::{
    sync::atomic::{AtomicUsize, Ordering},
    thread,
};

use icecore_fs::{
    entry::{EntryKind as FsKind, Metadata},
    error::FsError,
    target::OwnerChoice,
};

use crate::{
    candidate::Candidate,
    context::Context,
    deletion, existing,
    holes::HoleState,
    links::LinkTable,
    outcome,
    report::{ProblemReason, RestoreAction},
    steps::Step,
    verdict::Verdict,
};

/// Objects that are worth a thread.
const LOOKS_EACH: usize = 4;

/// What is at the path of an object, and what would be done about it.
type Look = Result<(Verdict, Option<Metadata>), ProblemReason>;

/// Says what the steps of a restore would do.
pub(crate) struct DryRun<'a> {
    context: &'a Context<'a>,
    links: LinkTable,
}

impl<'a> DryRun<'a> {
    /// Begins before the first step.
    pub fn new(context: &'a Context<'a>) -> Self {
        Self { context, links: LinkTable::default() }
    }

    /// Notes what some steps would do.
    pub fn plan(&mut self, steps: Vec<Step>) {
        let context = self.context;
        let steps = self.links.resolve(&context.tally, steps);
        let looks = look_at_all(context, &steps);
        for (step, look) in steps.into_iter().zip(looks) {
            match step {
                Step::Object(candidate) => {
                    let look = look.unwrap_or(Ok((Verdict::Create, None)));
                    let outcome =
                        look.and_then(|(verdict, found)| object(context, &candidate, verdict, found));
                    outcome::finish_object(context, &candidate, 0, outcome);
                }
                Step::Link(candidate) => {
                    let outcome = link(context, &candidate, &self.links);
                    outcome::finish_object(context, &candidate, 0, outcome);
                }
                Step::Remove(removal) => deletion::remove_object(context, &removal),
                Step::Leave(left) => deletion::leave(context, &left),
                Step::Displace(_) => {}
            }
        }
    }
}

/// Looks at the objects that may exist, in several threads: the content of files is compared.
fn look_at_all(context: &Context<'_>, steps: &[Step]) -> Vec<Option<Look>> {
    let mut looks: Vec<Option<Look>> = steps.iter().map(|_| None).collect();
    let existing: Vec<(usize, &Candidate)> = steps
        .iter()
        .enumerate()
        .filter_map(|(index, step)| match step {
            Step::Object(candidate) if !candidate.is_new => Some((index, &**candidate)),
            _ => None,
        })
        .collect();
    let next = AtomicUsize::new(0);
    let work = || -> Vec<(usize, Look)> {
        let mut done = Vec::new();
        while let Some((index, candidate)) = existing.get(next.fetch_add(1, Ordering::Relaxed)) {
            done.push((*index, look_at(context, candidate)));
        }
        done
    };
    let threads = context.request.concurrency.min(existing.len().div_ceil(LOOKS_EACH));
    let done: Vec<_> = thread::scope(|scope| {
        let others: Vec<_> = (1..threads).map(|_| scope.spawn(work)).collect();
        let mut done = work();
        done.extend(others.into_iter().filter_map(|thread| thread.join().ok()).flatten());
        done
    });
    for (index, look) in done {
        looks[index] = Some(look);
    }
    looks
}

/// Finds out what would be done about one object; content that looks wrong is read, as the restore itself would do.
fn look_at(context: &Context<'_>, candidate: &Candidate) -> Look {
    context.check()?;
    let found = look_up(context, candidate)?;
    let verdict = candidate.judge_in(context, found.as_ref());
    let (Verdict::Compare { replace: false }, Some(tree), Some(metadata)) = (verdict, context.tree, &found)
    else {
        return Ok((verdict, found));
    };
    let Some(existing) = existing::open(context, tree, &candidate.entry) else { return Ok((verdict, found)) };
    let time = metadata.modified == candidate.metadata().modified;
    let verdict = match existing::compare(context, &candidate.entry, &existing)? {
        HoleState::Wrong => verdict,
        HoleState::Right => Verdict::Right { time },
        HoleState::Differs => Verdict::Right { time: false },
    };
    Ok((verdict, found))
}

fn look_up(context: &Context<'_>, candidate: &Candidate) -> Result<Option<Metadata>, FsError> {
    match context.tree {
        Some(tree) if !candidate.is_new => tree.look_up(&candidate.entry.path),
        _ => Ok(None),
    }
}

/// Fails if what is there is never overwritten.
fn check_own(context: &Context<'_>, found: Option<&Metadata>) -> Result<(), ProblemReason> {
    let is_own = found.is_some_and(|found| context.rules.is_protected(found.device, found.inode));
    if is_own { Err(ProblemReason::Own) } else { Ok(()) }
}

fn object(
    context: &Context<'_>,
    candidate: &Candidate,
    verdict: Verdict,
    found: Option<Metadata>,
) -> Result<(), ProblemReason> {
    check_own(context, found.as_ref())?;
    if let Some(tree) = context.tree {
        deletion::check_directory(context, tree, candidate, verdict)?;
        let is_displaced = found.is_some() && !matches!(verdict, Verdict::Right { .. });
        if is_displaced && tree.is_mount_point(&candidate.entry.path)? {
            return Err(ProblemReason::MountPoint);
        }
    }
    if let (Verdict::Right { time }, Some(found)) = (verdict, &found) {
        note_metadata(context, candidate, found, time);
        return Ok(());
    }
    let is_symlink = candidate.metadata().kind == FsKind::Symlink;
    context.tally.count(|counts| {
        if candidate.is_file() {
            counts.files_written += 1;
            counts.bytes_written += candidate.entry.content.bytes();
        } else if is_symlink {
            counts.symlinks_created += 1;
        } else {
            counts.specials_created += 1;
        }
    });
    outcome::note_created(context, candidate, verdict);
    Ok(())
}

fn note_metadata(context: &Context<'_>, candidate: &Candidate, found: &Metadata, time_is_right: bool) {
    let wanted = candidate.metadata();
    let owner = match candidate.owner {
        OwnerChoice::FromMetadata => (wanted.user_id, wanted.group_id),
        OwnerChoice::Fixed { user_id, group_id } => (user_id, group_id),
        OwnerChoice::Unchanged => (found.user_id, found.group_id),
    };
    let has_mode = wanted.kind != FsKind::Symlink;
    let is_right = time_is_right
        && owner == (found.user_id, found.group_id)
        && (!has_mode || wanted.mode == found.mode)
        && wanted.inode_flags & !found.inode_flags == 0;
    context.tally.count(|counts| {
        counts.already_right += u64::from(is_right);
        counts.metadata_fixed += u64::from(!is_right);
    });
    if !is_right {
        context.tally.action(RestoreAction::Metadata, &candidate.entry.path);
    }
}

fn link(context: &Context<'_>, candidate: &Candidate, links: &LinkTable) -> Result<(), ProblemReason> {
    let first = candidate.entry.link_group().and_then(|group| links.first(group));
    if let (Some(tree), Some(first)) = (context.tree, first)
        && let Some(found) = look_up(context, candidate)?
    {
        check_own(context, Some(&found))?;
        if found.kind == FsKind::Directory {
            deletion::check_directory(context, tree, candidate, Verdict::Directory)?;
        }
        let wanted = tree.look_up(first)?;
        if wanted.is_some_and(|wanted| (wanted.device, wanted.inode) == (found.device, found.inode)) {
            context.tally.count(|counts| counts.already_right += 1);
            return Ok(());
        }
    }
    context.tally.count(|counts| counts.links_created += 1);
    context.tally.action(RestoreAction::Link, &candidate.entry.path);
    Ok(())
}
