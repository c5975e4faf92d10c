//! Signals and sudden ends: nothing is lost, and the next run completes the work.

mod kills;

use std::{fs, os::unix::fs::PermissionsExt, path::Path, process::Command, time::Duration};

use rustix::process::Signal;

use crate::harness::{
    Random, Running, Sandbox, Tree, assert_same, bytes, differences, read, start_command, text,
};

/// Bytes in the source: with the rates below, a run takes long enough to be ended in the middle, at any speed
/// of the machine.
const SOURCE_BYTES: usize = 40 << 20;
const BACKUP: [&str; 4] = ["backup", "source", "--pack-size", "1MiB"];
/// Makes a backup take ten seconds, unless it is ended earlier.
const SLOWLY: [&str; 2] = ["--limit-upload", "4MiB"];

fn fill(sandbox: &Sandbox, seed: u64) {
    for number in 0..30u64 {
        sandbox.write(&format!("{number}/large"), bytes(seed + number, SOURCE_BYTES / 40));
        for small in 0..20 {
            let content = text(seed + number * 100 + small, 5000);
            sandbox.write(&format!("{number}/small/{small}"), content);
        }
    }
    fs::set_permissions(sandbox.source("7"), fs::Permissions::from_mode(0o750)).unwrap();
}

/// Returns a sandbox in memory, where runs are as fast as possible and syncing is no excuse.
fn sandbox() -> Sandbox {
    let sandbox = Sandbox::in_memory();
    sandbox.run(&["init"]).expect(0);
    sandbox
}

/// Returns the bytes of all objects under a prefix.
fn stored_bytes(sandbox: &Sandbox, prefix: &str) -> u64 {
    let size = |path: &Path| fs::metadata(sandbox.repository().join(path)).unwrap().len();
    sandbox.objects(prefix).iter().map(|path| size(path)).sum()
}

/// Waits until some packs are stored, so that there is something to reuse.
fn wait_for_packs(sandbox: &Sandbox, running: &Running, number: usize) {
    for _ in 0..2000 {
        if sandbox.objects("meta/packs").len() >= number {
            return;
        }
        if let Some(ended) = running.wait_for(Duration::from_millis(2)) {
            panic!("it ended too early: {}", ended.describe());
        }
    }
    panic!("nothing is stored");
}

#[test]
fn signals_end_a_backup_and_the_next_one_goes_on() {
    for signal in [Signal::INT, Signal::TERM, Signal::HUP] {
        let sandbox = sandbox();
        fill(&sandbox, 0);
        let running = start_for_signals(&sandbox, &[&BACKUP[..], &SLOWLY].concat());
        wait_for_packs(&sandbox, &running, 3);
        running.signal(signal);
        let output = running.wait().expect(130);
        assert!(output.stderr.contains("interrupted"), "{}", output.describe());
        assert!(sandbox.snapshots().is_empty());
        sandbox.check_all_data();
        let stored = stored_bytes(&sandbox, "data");
        assert!(stored > 1 << 20, "{stored}");
        let next = sandbox.backup(&[]);
        let new = next["bytes_new"].as_u64().unwrap();
        let all = next["bytes_read"].as_u64().unwrap();
        assert!(
            new + stored / 2 < all,
            "of {all} bytes {new} were stored again, although {stored} were there"
        );
        assert_restores(&sandbox, &read(&sandbox.source("")));
        assert_nothing_temporary(&sandbox);
    }
}

#[test]
fn a_signal_ends_a_restore_and_the_next_one_goes_on() {
    let sandbox = sandbox();
    fill(&sandbox, 0);
    sandbox.backup(&[]);
    let expected = read(&sandbox.source(""));
    for signal in [Signal::INT, Signal::TERM, Signal::HUP] {
        interrupt_restore(&sandbox, signal);
        let found = read(&sandbox.path("restored"));
        assert_only_whole_files(&expected, &found);
        let others: Vec<_> = found.keys().filter(|path| !expected.contains_key(*path)).collect();
        assert!(others.is_empty(), "left: {others:?}");
        let report = sandbox.restore("latest", "restored", &[]);
        assert!(report["already_right"].as_u64() > Some(0), "{report:#}");
        assert_same(&expected, &read(&sandbox.path("restored")));
        fs::remove_dir_all(sandbox.path("restored")).unwrap();
    }
}

#[test]
fn a_backup_under_nohup_goes_on_when_the_terminal_is_closed() {
    let sandbox = sandbox();
    fill(&sandbox, 0);
    let mut shell = Command::new("sh");
    shell.args(["-c", "trap '' HUP; exec \"$@\"", "sh"]);
    let running = start_command(sandbox.through(shell, &[&BACKUP[..], &SLOWLY].concat()));
    wait_for_packs(&sandbox, &running, 2);
    running.signal(Signal::HUP);
    running.wait().expect(0);
    assert_restores(&sandbox, &read(&sandbox.source("")));
}

/// Starts the program so that it handles SIGHUP even if these tests run under `nohup`.
fn start_for_signals(sandbox: &Sandbox, arguments: &[&str]) -> Running {
    let mut command = Command::new("env");
    command.arg("--default-signal=HUP");
    start_command(sandbox.through(command, arguments))
}

/// Interrupts a restore that has restored some files, and would take ten seconds.
#[track_caller]
fn interrupt_restore(sandbox: &Sandbox, signal: Signal) {
    let restore = ["restore", "latest", "--target", "restored", "--limit-download", "4MiB"];
    let running = start_for_signals(sandbox, &restore);
    let has_files = || sandbox.path("restored/1/large").exists() || sandbox.path("restored/0/large").exists();
    while !has_files() {
        if let Some(ended) = running.wait_for(Duration::from_millis(1)) {
            panic!("it ended too early: {}", ended.describe());
        }
    }
    running.signal(signal);
    running.wait().expect(130);
}

/// Fails if a file has its final name, but not its content.
#[track_caller]
fn assert_only_whole_files(expected: &Tree, found: &Tree) {
    for (path, expected) in expected {
        let Some(found) = found.get(path) else { continue };
        assert_eq!(found.content, expected.content, "{:?} is not whole", String::from_utf8_lossy(path));
    }
}

#[track_caller]
fn assert_restores(sandbox: &Sandbox, expected: &Tree) {
    sandbox.restore("latest", "after", &["--delete"]);
    assert_same(expected, &read(&sandbox.path("after")));
}

/// Fails if successful runs left temporary files.
#[track_caller]
fn assert_nothing_temporary(sandbox: &Sandbox) {
    let left = sandbox.objects("+tmp");
    assert!(left.is_empty(), "{left:?}");
}

#[test]
fn backups_that_are_killed_at_any_time_lose_nothing() {
    let sandbox = sandbox();
    fill(&sandbox, 0);
    // How long a run takes here, so that the kills happen during it.
    let whole = sandbox.backup(&["--pack-size", "1MiB"])["seconds"].as_f64().unwrap();
    let mut expected = vec![read(&sandbox.source(""))];
    let mut random = Random::new(3);
    let (mut killed, mut complete) = (0, 1);
    for round in 1..=10u64 {
        fill(&sandbox, round * 10_000);
        let before = stored_bytes(&sandbox, "data");
        let running = sandbox.start(&BACKUP);
        let wait = whole * 1.2 * random.below(1000) as f64 / 1000.0;
        if let Some(output) = running.wait_for(Duration::from_secs_f64(wait)) {
            output.expect(0);
            complete += 1;
            expected.push(read(&sandbox.source("")));
            continue;
        }
        running.signal(Signal::KILL);
        let output = running.wait();
        killed += u32::from(output.code.is_none());
        // The snapshot may have just been completed.
        if sandbox.snapshots().len() > complete {
            complete += 1;
            expected.push(read(&sandbox.source("")));
            continue;
        }
        let found = listed_bytes(&sandbox, before);
        if round % 3 == 0 {
            sandbox.delete_cache();
        }
        let next = sandbox.backup(&["--pack-size", "1MiB"]);
        complete += 1;
        expected.push(read(&sandbox.source("")));
        let (new, all) = (next["bytes_new"].as_u64().unwrap(), next["bytes_read"].as_u64().unwrap());
        assert!(
            new <= all - found * 9 / 10,
            "of {all} bytes {new} were stored again, although {found} were there"
        );
    }
    assert!(killed >= 3, "only {killed} runs were killed");
    sandbox.check_all_data();
    let ids = sandbox.snapshots();
    assert_eq!(ids.len(), expected.len());
    for (id, expected) in ids.iter().zip(&expected) {
        sandbox.restore(id, "restored", &["--delete"]);
        assert_same(expected, &read(&sandbox.path("restored")));
    }
}

/// Returns how many bytes a killed run left for the next one to reuse, approximately and rather too few: a
/// run can only know data packs that have their directories.
fn listed_bytes(sandbox: &Sandbox, before: u64) -> u64 {
    let listed: Vec<String> = sandbox
        .objects("meta/packs")
        .iter()
        .map(|path| path.file_name().unwrap().to_string_lossy().into())
        .collect();
    let bytes = sandbox.objects("data").into_iter().filter_map(|path| {
        let name: String = path.file_name().unwrap().to_string_lossy().into();
        listed.contains(&name).then(|| fs::metadata(sandbox.repository().join(path)).unwrap().len())
    });
    bytes.sum::<u64>().saturating_sub(before)
}

#[test]
fn restores_that_are_killed_at_any_time_are_completed() {
    let sandbox = sandbox();
    fill(&sandbox, 0);
    sandbox.backup(&["--pack-size", "1MiB"]);
    let expected = read(&sandbox.source(""));
    let whole = sandbox.restore("latest", "measured", &[])["seconds_restore"].as_f64().unwrap();
    let mut random = Random::new(5);
    let mut killed = 0;
    for round in 0..10 {
        let target = format!("restored-{}", round / 3);
        let running = sandbox.start(&["restore", "latest", "--target", &target]);
        let wait = whole * 1.3 * random.below(1000) as f64 / 1000.0;
        if running.wait_for(Duration::from_secs_f64(wait)).is_none() {
            running.signal(Signal::KILL);
            killed += u32::from(running.wait().code.is_none());
        }
        if sandbox.path(&target).exists() {
            assert_only_whole_files(&expected, &read(&sandbox.path(&target)));
        }
    }
    assert!(killed >= 3, "only {killed} runs were killed");
    for number in 0..4 {
        let target = format!("restored-{number}");
        sandbox.restore("latest", &target, &[]);
        let left = differences(&expected, &read(&sandbox.path(&target)));
        assert_eq!(left, Vec::<String>::new(), "in {target}");
    }
}

#[test]
fn a_repository_that_was_half_made_is_made() {
    for milliseconds in [0, 1, 2, 4, 8, 16] {
        let sandbox = Sandbox::in_memory();
        sandbox.write("file", "x");
        let running = sandbox.start(&["backup", "--init", "source"]);
        if running.wait_for(Duration::from_millis(milliseconds)).is_none() {
            running.signal(Signal::KILL);
            running.wait();
        }
        sandbox.run(&["backup", "--init", "source"]).expect(0);
        sandbox.check_all_data();
    }
}

#[test]
fn a_file_that_tested_the_file_system_may_be_left_behind() {
    let sandbox = Sandbox::in_memory();
    sandbox.write("file", "x");
    sandbox.write("../repository/probe-f489055d58a97ef9", "one..");
    sandbox.run(&["backup", "--init", "source"]).expect(0);
    sandbox.check_all_data();
}
