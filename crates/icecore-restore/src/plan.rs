//! The dry run: reports what the steps would do.

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
    deletion, existing,
    holes::HoleState,
    links::LinkTable,
    outcome,
    report::{ProblemReason, RestoreAction},
    restoration::Restoration,
    steps::Step,
    verdict::Verdict,
};

/// Objects that are worth a thread.
const LOOKS_EACH: usize = 4;

/// What exists at the path of an object, and what would be done.
type Look = Result<(Verdict, Option<Metadata>), ProblemReason>;

/// Reports what the steps of a restore would do.
pub(crate) struct DryRun<'a> {
    restoration: &'a Restoration<'a>,
    links: LinkTable,
}

impl<'a> DryRun<'a> {
    /// Begins before the first step.
    pub fn new(restoration: &'a Restoration<'a>) -> Self {
        Self { restoration, links: LinkTable::default() }
    }

    /// Notes what some steps would do.
    pub fn plan(&mut self, steps: Vec<Step>) {
        let restoration = self.restoration;
        let steps = self.links.resolve(&restoration.tally, steps);
        let looks = look_at_all(restoration, &steps);
        for (step, look) in steps.into_iter().zip(looks) {
            match step {
                Step::Object(candidate) => {
                    let look = look.unwrap_or(Ok((Verdict::Create, None)));
                    let outcome =
                        look.and_then(|(verdict, found)| object(restoration, &candidate, verdict, found));
                    outcome::finish_object(restoration, &candidate, 0, outcome);
                }
                Step::Link(candidate) => {
                    let outcome = link(restoration, &candidate, &self.links);
                    outcome::finish_object(restoration, &candidate, 0, outcome);
                }
                Step::Remove(removal) => deletion::remove_object(restoration, &removal),
                Step::Leave(left) => deletion::leave(restoration, &left),
                Step::Displace(_) => {}
            }
        }
    }
}

/// Looks at the objects that may exist, in several threads; compares the content of files.
fn look_at_all(restoration: &Restoration<'_>, steps: &[Step]) -> Vec<Option<Look>> {
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
            done.push((*index, look_at(restoration, candidate)));
        }
        done
    };
    let threads = restoration.request.concurrency.min(existing.len().div_ceil(LOOKS_EACH));
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

/// Finds out what would be done with one object; reads content that may differ, like the restore itself.
fn look_at(restoration: &Restoration<'_>, candidate: &Candidate) -> Look {
    restoration.check()?;
    let found = look_up(restoration, candidate)?;
    let verdict = candidate.judge_in(restoration, found.as_ref());
    let (Verdict::Compare { replace: false }, Some(tree), Some(metadata)) =
        (verdict, restoration.tree, &found)
    else {
        return Ok((verdict, found));
    };
    let Some(existing) = existing::open(restoration, tree, &candidate.entry) else {
        return Ok((verdict, found));
    };
    let time = metadata.modified == candidate.metadata().modified;
    let verdict = match existing::compare(restoration, &candidate.entry, &existing)? {
        HoleState::Wrong => verdict,
        HoleState::Right => Verdict::Right { time },
        HoleState::Differs => Verdict::Right { time: false },
    };
    Ok((verdict, found))
}

fn look_up(restoration: &Restoration<'_>, candidate: &Candidate) -> Result<Option<Metadata>, FsError> {
    match restoration.tree {
        Some(tree) if !candidate.is_new => tree.look_up(&candidate.entry.path),
        _ => Ok(None),
    }
}

/// Fails if the existing object is never overwritten.
fn check_own(restoration: &Restoration<'_>, found: Option<&Metadata>) -> Result<(), ProblemReason> {
    let is_own = found.is_some_and(|found| restoration.rules.is_protected(found.device, found.inode));
    if is_own { Err(ProblemReason::Own) } else { Ok(()) }
}

fn object(
    restoration: &Restoration<'_>,
    candidate: &Candidate,
    verdict: Verdict,
    found: Option<Metadata>,
) -> Result<(), ProblemReason> {
    check_own(restoration, found.as_ref())?;
    if let Some(tree) = restoration.tree {
        deletion::check_directory(restoration, tree, candidate, verdict)?;
        let is_displaced = found.is_some() && !matches!(verdict, Verdict::Right { .. });
        if is_displaced && tree.is_mount_point(&candidate.entry.path)? {
            return Err(ProblemReason::MountPoint);
        }
    }
    if let (Verdict::Right { time }, Some(found)) = (verdict, &found) {
        note_metadata(restoration, candidate, found, time);
        return Ok(());
    }
    let is_symlink = candidate.metadata().kind == FsKind::Symlink;
    restoration.tally.count(|counts| {
        if candidate.is_file() {
            counts.files_written += 1;
            counts.bytes_written += candidate.entry.content.bytes();
        } else if is_symlink {
            counts.symlinks_created += 1;
        } else {
            counts.specials_created += 1;
        }
    });
    outcome::note_created(restoration, candidate, verdict);
    Ok(())
}

fn note_metadata(
    restoration: &Restoration<'_>,
    candidate: &Candidate,
    found: &Metadata,
    time_is_right: bool,
) {
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
    restoration.tally.count(|counts| {
        counts.already_right += u64::from(is_right);
        counts.metadata_fixed += u64::from(!is_right);
    });
    if !is_right {
        restoration.tally.action(RestoreAction::Metadata, &candidate.entry.path);
    }
}

fn link(
    restoration: &Restoration<'_>,
    candidate: &Candidate,
    links: &LinkTable,
) -> Result<(), ProblemReason> {
    let first = candidate.entry.link_group().and_then(|group| links.first(group));
    if let (Some(tree), Some(first)) = (restoration.tree, first)
        && let Some(found) = look_up(restoration, candidate)?
    {
        check_own(restoration, Some(&found))?;
        if found.kind == FsKind::Directory {
            deletion::check_directory(restoration, tree, candidate, Verdict::Directory)?;
        }
        let wanted = tree.look_up(first)?;
        if wanted.is_some_and(|wanted| (wanted.device, wanted.inode) == (found.device, found.inode)) {
            restoration.tally.count(|counts| counts.already_right += 1);
            return Ok(());
        }
    }
    restoration.tally.count(|counts| counts.links_created += 1);
    restoration.tally.action(RestoreAction::Link, &candidate.entry.path);
    Ok(())
}
