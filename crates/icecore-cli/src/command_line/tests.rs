use clap::{CommandFactory, FromArgMatches};
use icecore_format::snapshot::Level;

use super::Arguments;
use crate::{commands::Command, surface::console::Verbosity};

fn parse(line: &[&str]) -> Result<Arguments, clap::Error> {
    let matches = Arguments::command().try_get_matches_from(["icecore"].iter().chain(line))?;
    Arguments::from_arg_matches(&matches)
}

fn refused(line: &[&str]) -> String {
    parse(line).unwrap_err().to_string()
}

#[test]
fn the_description_of_the_command_line_is_consistent() {
    Arguments::command().debug_assert();
}

#[test]
fn every_command_has_an_example_and_a_short_description() {
    for command in Arguments::command().get_subcommands() {
        let name = command.get_name();
        assert!(command.get_about().is_some_and(|about| !about.to_string().ends_with('.')), "{name}");
        let has_examples = |command: &clap::Command| {
            command.get_after_help().is_some_and(|help| help.to_string().contains("Example"))
        };
        assert!(has_examples(command) || command.get_subcommands().any(has_examples), "{name}");
    }
}

#[test]
fn a_backup_takes_what_the_contract_says() {
    let line = [
        "backup",
        "/etc",
        "/home",
        "--level",
        "full",
        "--dedup",
        "group",
        "--exclude",
        "*.tmp",
        "--exclude",
        "/x",
        "--exclude-file",
        "f",
        "--one-file-system",
        "--ignore-ctime",
        "--ignore-inode",
        "--tag",
        "a=b",
        "--tag",
        "c=d=e",
        "--pack-size",
        "8MiB",
        "--compression",
        "-3",
        "--read-concurrency",
        "4",
        "--init",
        "-r",
        "/srv/backup",
        "-q",
    ];
    let arguments = parse(&line).unwrap();
    assert_eq!(arguments.global.verbosity(), Verbosity::Quiet);
    let Command::Backup(backup) = arguments.command else { panic!("not a backup") };
    assert_eq!(backup.paths.len(), 2);
    assert_eq!(backup.level(), Level::Full);
    assert_eq!(backup.tags().get("c").map(String::as_str), Some("d=e"));
    assert_eq!((backup.pack_size, backup.compression), (Some(8 << 20), Some(-3)));
}

#[test]
fn a_command_and_its_arguments_follow_two_dashes() {
    let arguments = parse(&["backup", "--command", "db.sql", "--", "pg_dump", "--all", "-x"]).unwrap();
    let Command::Backup(backup) = arguments.command else { panic!("not a backup") };
    assert_eq!(backup.program, ["pg_dump", "--all", "-x"]);
    assert!(parse(&["backup", "--stdin", "a", "--command", "b", "--", "c"]).is_err());
    assert!(parse(&["backup", "--stdin", "a", "/etc"]).is_err());
}

#[test]
fn wrong_values_are_explained() {
    assert!(refused(&["backup", "/etc", "--tag", "a"]).contains("a tag has the form KEY=VALUE"));
    assert!(refused(&["backup", "/etc", "--pack-size", "1GiB"]).contains("between 1MiB and 240MiB"));
    assert!(refused(&["backup", "/etc", "--pack-size", "big"]).contains("not a size"));
    assert!(refused(&["backup", "/etc", "--compression", "20"]).contains("from -7 to 19"));
    assert!(refused(&["backup", "/etc", "--read-concurrency", "0"]).contains("from 1 to 1024"));
    assert!(refused(&["backup", "/etc", "--name", "a@b"]).contains("cannot contain @"));
    assert!(refused(&["check", "--sample", "101"]).contains("from 0 to 100"));
    assert!(refused(&["check", "--sample", "NaN"]).contains("from 0 to 100"));
    assert!(refused(&["restore", "latest"]).contains("--target"));
    for words in [
        &["restore", "latest", "--target", "s3://bucket/x"][..],
        &["snapshots", "--cache-dir", "file:///tmp/cache"],
        &["man", "--directory", "https://host/man"],
    ] {
        assert!(refused(words).contains("a directory of this machine, not a URL"), "{words:?}");
    }
    assert!(parse(&["restore", "latest", "--target", "./s3://bucket/x"]).is_ok());
    assert!(parse(&["restore", "latest", "--target", "a", "--in-place"]).is_err());
    assert!(parse(&["restore", "latest", "--target", "a", "--since", "x", "--incremental"]).is_err());
    assert!(parse(&["check", "--sample", "2.5%"]).is_ok());
    assert!(parse(&["check", "--sample", "2%", "--within", "90d"]).is_ok());
    assert!(parse(&["check", "--read-data", "--within", "90d"]).is_err());
    assert!(parse(&["check", "--read-data", "--repair", "--dry-run"]).is_ok());
    assert!(parse(&["check", "--dry-run"]).is_err());
    for span in ["90", "-3d", "0d", "soon"] {
        assert!(refused(&["check", &format!("--within={span}")]).contains("such as 90d"), "{span}");
    }
}

#[test]
fn what_comes_later_is_not_there_yet() {
    for line in [&["thaw", "x"][..], &["mount", "x"]] {
        assert!(parse(line).is_err(), "{line:?}");
    }
}
