//! Configurations that follow all rules, and each rule left out.

use std::collections::BTreeSet;

use stateright::{Checker, HasDiscoveries, Model};

use super::{
    config::Config,
    properties::{ENDS, GARBAGE, LOGGED, RELIED, RESTORE, STARVES},
    rules::Rule,
    scenarios::{
        backup, chain, continued, copier, cut, late_writer, losing_replies, pack_again, reader,
        two_collectors, two_writers, undo, undo_and_backup, undo_pack_again, undo_two_collectors,
    },
};

/// Searches all schedules, or until one breaks a property that `until` names. Returns the broken ones.
fn search(config: Config, until: HasDiscoveries) -> Vec<&'static str> {
    let left_out = config.left_out;
    let checker = config.checker().finish_when(until).spawn_bfs().join();
    println!("{left_out:?}: {} states, depth {}", checker.unique_state_count(), checker.max_depth());
    for (property, path) in checker.discoveries() {
        println!("{property}: {:?}", path.into_actions());
    }
    checker.discoveries().into_keys().collect()
}

/// Checks that no schedule breaks a property.
fn holds(config: Config) {
    assert_eq!(search(config, HasDiscoveries::Any), Vec::<&str>::new());
}

/// Checks that some schedule breaks `property` if `rule` is left out.
fn needs(rule: Rule, config: Config, property: &'static str) {
    let checks_ends = [GARBAGE, STARVES].contains(&property);
    let config = Config { left_out: Some(rule), checks_ends, ..config };
    let broken = search(config, HasDiscoveries::AnyOf(BTreeSet::from([property])));
    assert!(broken.contains(&property), "{rule:?}: {broken:?}");
}

#[test]
fn a_backup_beside_a_collection() {
    holds(losing_replies(backup()));
}

#[test]
fn a_backup_beside_two_collections() {
    holds(two_collectors());
}

#[test]
fn backups_on_the_base_of_forgotten_snapshots() {
    holds(chain());
}

#[test]
fn two_backups_beside_a_collection() {
    holds(two_writers());
}

#[test]
fn a_copier_adopts_beside_two_collections() {
    holds(copier());
}

#[test]
fn a_continued_session() {
    holds(continued());
}

#[test]
fn an_undo_beside_a_collection() {
    holds(losing_replies(undo()));
}

#[test]
fn an_undo_beside_two_collections() {
    holds(undo_two_collectors());
}

#[test]
fn an_undo_beside_a_backup() {
    holds(undo_and_backup());
}

#[test]
fn a_restore_beside_forget_and_collection() {
    holds(reader());
}

#[test]
fn a_fenced_writer_wakes_late() {
    holds(late_writer());
    holds(pack_again());
    holds(undo_pack_again());
}

#[test]
fn listings_that_are_cut_short() {
    holds(cut());
}

/// If the collector's object were not listed last, a listing could lack a later run and nobody would notice.
#[test]
fn the_own_object_is_listed_last() {
    let config = Config { collector_name: 0, ..cut() };
    assert!(search(config, HasDiscoveries::Any).contains(&RESTORE));
}

#[test]
fn rules_of_writers_are_needed() {
    needs(Rule::LookAfterAnnounce, backup(), RESTORE);
    needs(Rule::ListAfterLook, undo_and_backup(), RELIED);
    needs(Rule::CondemnedIsAbsent, backup(), RESTORE);
    needs(Rule::VanishedRecord, pack_again(), RELIED);
    needs(Rule::BaseIsChecked, chain(), RESTORE);
    needs(Rule::AdoptionChecks, copier(), RESTORE);
    needs(Rule::ContinuationLooks, continued(), RESTORE);
    needs(Rule::MismatchIsRead, losing_replies(backup()), ENDS);
}

#[test]
fn rules_of_collectors_are_needed() {
    needs(Rule::WaitList, backup(), RESTORE);
    needs(Rule::ProofAfterWaiting, backup(), RESTORE);
    needs(Rule::Spare, backup(), RESTORE);
    needs(Rule::ConditionalSweep, undo(), RESTORE);
    needs(Rule::NewestStays, undo_two_collectors(), RESTORE);
    needs(Rule::ClearedRuns, undo_and_backup(), GARBAGE);
    needs(Rule::LateObjectsAgain, backup(), GARBAGE);
    needs(Rule::LostPackIsDead, continued(), GARBAGE);
    needs(Rule::OwnObjectListed, cut(), RESTORE);
    needs(Rule::LogBeforeDelete, backup(), LOGGED);
}

#[test]
fn rules_about_dead_runs_are_needed() {
    needs(Rule::DeadRuns, backup(), GARBAGE);
    needs(Rule::DeadRunIsAbsent, pack_again(), RELIED);
    needs(Rule::DeadRunsStay, pack_again(), RELIED);
    needs(Rule::UsableOnlyShrinks, pack_again(), RESTORE);
    needs(Rule::CloseAfterDeadRuns, late_writer(), RESTORE);
}

#[test]
fn rules_of_undo_are_needed() {
    needs(Rule::UndoAnnounces, undo(), RESTORE);
    needs(Rule::Rescue, undo(), RESTORE);
    needs(Rule::TooLate, losing_replies(undo()), RESTORE);
    needs(Rule::UndoCommitsItself, undo(), RESTORE);
    needs(Rule::UndoDistrustsDeadRuns, undo_pack_again(), RESTORE);
}

/// Readers and checks meet fewer directories without packs if directories go first, but nothing depends on
/// it.
#[test]
fn packs_may_go_before_directories() {
    for config in [losing_replies(backup()), reader(), copier(), continued()] {
        holds(Config { left_out: Some(Rule::DirectoriesFirst), ..config });
    }
}
