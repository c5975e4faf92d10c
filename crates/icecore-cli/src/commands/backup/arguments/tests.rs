use std::fs;

use clap::{CommandFactory, FromArgMatches};
use icecore_operations::backup::{SourceKind, SourceRequest, StreamChoice};
use icecore_policy::Configuration;

use super::BackupArguments;
use crate::{
    command_line::Arguments,
    commands::Command,
    failure::{Failure, Outcome, exit_status::ExitStatus},
};

fn arguments(words: &[&str]) -> BackupArguments {
    let words = ["icecore", "backup"].iter().chain(words);
    let matches = Arguments::command().try_get_matches_from(words).unwrap();
    match Arguments::from_arg_matches(&matches).unwrap().command {
        Command::Backup(backup) => *backup,
        _ => panic!("not a backup"),
    }
}

fn plan_of(words: &[&str], configuration: &str) -> Outcome<Vec<SourceRequest>> {
    Ok(arguments(words).request(&Configuration::parse(configuration).unwrap())?.sources)
}

#[test]
fn a_missing_path_fails_alone() {
    let directory = tempfile::tempdir().unwrap();
    let good = directory.path().join("good");
    fs::create_dir(&good).unwrap();
    let missing = directory.path().join("missing");
    let planned = plan_of(&[good.to_str().unwrap(), missing.to_str().unwrap()], "").unwrap();
    assert!(matches!(planned[0].kind, SourceKind::Tree { .. }));
    let SourceKind::Failed(error) = &planned[1].kind else { panic!("planned") };
    let failure = Failure::of_operation(error);
    assert_eq!(failure.status, ExitStatus::Failed);
    assert!(failure.message.contains("No such file"));
}

#[test]
fn two_paths_with_one_name_are_refused() {
    let directory = tempfile::tempdir().unwrap();
    for parent in ["a", "b"] {
        fs::create_dir_all(directory.path().join(parent).join("same")).unwrap();
    }
    std::os::unix::fs::symlink("a/same", directory.path().join("link")).unwrap();
    let path = |name: &str| directory.path().join(name).to_str().unwrap().to_owned();
    let failure = plan_of(&[&path("a/same"), &path("b/same")], "").unwrap_err();
    assert_eq!(failure.status, ExitStatus::Usage);
    assert!(failure.message.ends_with("would both get the source name same"));
    let failure = plan_of(&[&path("a/same"), &path("link")], "").unwrap_err();
    assert!(failure.message.ends_with("are the same directory"));
    let failure = plan_of(&[&path("a"), &path("b"), "--name", "x"], "").unwrap_err();
    assert!(failure.message.contains("two sources cannot have the same name"));
}

#[test]
fn sources_of_the_configuration_file_are_known_by_name_and_by_path() {
    let directory = tempfile::tempdir().unwrap();
    let text = format!("[sources.shop]\npath = {:?}\n", directory.path());
    let path = directory.path().to_str().unwrap();
    for words in [&["--name", "shop"][..], &[path]] {
        let planned = plan_of(words, &text).unwrap();
        assert_eq!((planned[0].name.as_str(), planned[0].name_given), ("shop", true));
        assert!(matches!(planned[0].kind, SourceKind::Tree { .. }));
    }
    assert!(plan_of(&["--name", "other"], &text).is_err());
    assert!(plan_of(&[], &text).is_err());
}

#[test]
fn streams_have_the_name_of_their_file() {
    let planned = plan_of(&["--stdin", "dump.sql"], "").unwrap();
    assert_eq!(planned[0].name, "dump.sql");
    let planned = plan_of(&["--command", "dump.sql", "--name", "db", "--", "true"], "").unwrap();
    assert_eq!(planned[0].name, "db");
    let failure = plan_of(&["/etc", "--", "pg_dump"], "").unwrap_err();
    assert_eq!(failure.status, ExitStatus::Usage);
    for words in [&["pg_dump", "shop"][..], &["pg_dump", "--", "shop"]] {
        let words: Vec<&str> = ["--command", "shop.sql"].iter().chain(words).copied().collect();
        let failure = plan_of(&words, "").unwrap_err();
        assert_eq!(failure.status, ExitStatus::Usage);
        let hint = String::from(failure.hint.unwrap());
        assert_eq!(hint, "run `icecore backup --command shop.sql -- pg_dump shop`");
    }
    let failure = plan_of(&["--command", "shop.sql"], "").unwrap_err();
    assert_eq!(String::from(failure.hint.unwrap()), "run `icecore backup --command shop.sql -- CMD…`");
    assert!(
        matches!(&planned[0].kind, SourceKind::Stream(StreamChoice::Command { program, .. }) if *program == ["true"])
    );
}
