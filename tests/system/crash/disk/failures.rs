//! A request to the disk fails: the program reports the failure or continues without the request, and the
//! next run succeeds as if there had been no failure.

use rustix::io::Errno;

use super::{bench::Bench, image::Image, mount::Failure};
use crate::{
    engines::{Command, Restore, place},
    harness::{Output, Random, assert_same, number, read},
};

/// Number of cases to try, of all commands, requests and failures.
const CASES: u64 = 30;
const SEED: u64 = 5;
const FAILURES: [Failure; 4] = [
    Failure::Error(Errno::IO.raw_os_error()),
    Failure::Error(Errno::NOSPC.raw_os_error()),
    Failure::Error(Errno::ACCESS.raw_os_error()),
    Failure::ShortRead,
];

/// The disk before a command.
struct Case {
    command: Command,
    image: Image,
    key: u8,
    /// Number of requests of the command without failures.
    requests: u64,
}

/// Runs everything once and returns the state before each command.
fn cases(bench: &mut Bench) -> Vec<Case> {
    let mut cases = Vec::new();
    let (mut image, mut taken) = (Image::new(), 0);
    let mut commands = bench.commands();
    commands.extend([Command::Check, Command::Restore(restore(bench))]);
    for command in commands {
        bench.program.change_source();
        bench.disk().count_from_here();
        bench.program.run(&command).expect(0);
        let requests = bench.disk().requests();
        cases.push(Case { command: command.clone(), image: image.clone(), key: bench.program.key, requests });
        let journal = bench.disk().journal();
        journal[taken..].iter().flatten().for_each(|change| image.apply(change));
        taken = journal.len();
        bench.program.done(&command);
    }
    cases
}

fn restore(bench: &Bench) -> Restore {
    // Only the program knows the existing snapshots.
    let run = icecore_format::ids::RunId::new(0, [0; 10]);
    Restore { run, target: bench.program.sandbox.path("restored"), delete: true, verify: false }
}

/// Returns whether a command with a failure ended correctly.
fn is_right(output: &Output, failure: Failure, command: &Command) -> bool {
    let reads_only = matches!(command, Command::Check | Command::Restore(_));
    match (output.code, failure) {
        (Some(0), _) => true,
        (Some(1), Failure::Error(_)) => output.stderr.contains("error: "),
        // If a medium cannot read its bytes, that is damage for a command that reads them.
        (Some(20), Failure::Error(number)) => reads_only && number == Errno::IO.raw_os_error(),
        _ => false,
    }
}

#[test]
fn a_request_to_the_disk_that_fails_does_no_harm() {
    let Some(mut bench) = Bench::new() else { return };
    let number = number("ICECORE_TESTS_DISK_FAULTS", CASES);
    let cases = cases(&mut bench);
    let mut random = Random::new(SEED);
    let (mut failed, mut met) = (0, 0);
    for _ in 0..number {
        let case = &cases[random.below(cases.len() as u64) as usize];
        let failure = FAILURES[random.below(FAILURES.len() as u64) as usize];
        let request = 1 + random.below(case.requests);
        bench.change_disk(case.image.clone());
        // The host must not remember earlier cases, whose state may have been later.
        bench.program.sandbox.delete_state();
        bench.program.key = case.key;
        if random.below(2) == 0 {
            bench.program.sandbox.delete_cache();
        }
        bench.disk().fail_at(request, failure);
        let output = bench.program.run(&case.command);
        met += u64::from(bench.disk().heal());
        let shown = format!("{failure:?} at request {request} of {:?}", case.command);
        assert!(is_right(&output, failure, &case.command), "{shown}: {}", output.describe());
        failed += u64::from(output.code != Some(0));
        go_on(&mut bench, &case.command, output.code == Some(0));
    }
    assert!(met > number / 2 && failed > number / 10, "{met} of {number} met a failure, {failed} failed");
    println!("failures of a local disk: {number} cases, {met} met a failure, {failed} failed with it");
}

/// Runs the command again if it failed, and verifies everything.
fn go_on(bench: &mut Bench, command: &Command, was_done: bool) {
    let mut is_done = was_done;
    if let (Command::KeyChange { new }, false) = (command, was_done) {
        // It may have reached the removal of the old key.
        let old = std::mem::replace(&mut bench.program.key, *new);
        is_done = bench.program.run(&Command::Check).code == Some(0);
        bench.program.key = old;
    }
    if let (Command::Init, false) = (command, was_done) {
        is_done = bench.program.run(&Command::Check).code == Some(0);
    }
    if let (Command::KeyRemove { .. }, false) = (command, was_done) {
        is_done = bench.program.slots().len() < 2;
    }
    if !is_done {
        bench.program.run(command).expect(0);
    }
    bench.program.done(command);
    bench.program.run(&Command::Check).expect(0);
    if let Command::Backup(_) | Command::Restore(_) = command {
        bench.program.change_source();
        bench.program.run(&bench.commands()[1]).expect(0);
        let target = place();
        let restore = Restore { target: target.path().to_owned(), ..restore(bench) };
        bench.program.run(&Command::Restore(restore)).expect(0);
        assert_same(&read(&bench.program.sandbox.source("")), &read(target.path()));
    }
}
