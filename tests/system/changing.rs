//! Sources that change while they are read, and files that cannot be read at all.

use std::{
    fs::{self, OpenOptions, Permissions},
    io::Write,
    os::unix::fs::PermissionsExt,
    path::Path,
    process::Command,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread::{self, JoinHandle},
};

use serde_json::Value;

use crate::harness::{Random, Sandbox, assert_same, bytes, check_tool, is_root, read, run_command, skip};

/// A thread that changes the source for as long as necessary.
struct Hammer {
    enough: Arc<AtomicBool>,
    thread: JoinHandle<()>,
}

impl Hammer {
    fn start(mut strike: impl FnMut(&mut Random) + Send + 'static) -> Self {
        let enough = Arc::new(AtomicBool::new(false));
        let stop = Arc::clone(&enough);
        let thread = thread::spawn(move || {
            let mut random = Random::new(7);
            while !stop.load(Ordering::Relaxed) {
                strike(&mut random);
            }
        });
        Self { enough, thread }
    }

    fn stop(self) {
        self.enough.store(true, Ordering::Relaxed);
        self.thread.join().unwrap();
    }
}

/// Backs up the source while it is being changed, and returns the result.
#[track_caller]
fn backup(sandbox: &Sandbox) -> Value {
    let output = sandbox.run(&["backup", "source", "--pack-size", "1MiB", "--json"]).expect_any(&[0, 3]);
    let done = output.json()["sources"][0].clone();
    let problems = done["problems"].as_array().unwrap().len();
    assert_eq!(output.code == Some(3), problems > 0, "{}", output.describe());
    assert_eq!(done["snapshot"]["partial"], problems > 0, "{}", output.describe());
    assert_eq!(done["snapshot"]["errors"], problems, "{}", output.describe());
    done
}

/// Restores all snapshots, and checks that everything that did not change is correct.
#[track_caller]
fn assert_steady_files_restored(sandbox: &Sandbox) {
    sandbox.check_all_data();
    for id in sandbox.snapshots() {
        sandbox.restore(&id, &id, &["--include", "/steady/"]);
        assert_same(&read(&sandbox.source("steady")), &read(&sandbox.path(&id).join("steady")));
    }
}

fn fill_steady(sandbox: &Sandbox) {
    for number in 0..40 {
        sandbox.write(&format!("steady/file-{number}"), bytes(number, 50_000));
    }
}

#[test]
fn files_that_are_written_to_are_marked_or_right() {
    let sandbox = Sandbox::in_memory();
    sandbox.run(&["init"]).expect(0);
    fill_steady(&sandbox);
    sandbox.write("moving/grows", "");
    sandbox.write("moving/shrinks", bytes(1, 2_000_000));
    let root = sandbox.source("moving");
    let hammer = Hammer::start(move |random| {
        let grows = root.join("grows");
        OpenOptions::new()
            .append(true)
            .open(&grows)
            .unwrap()
            .write_all(&random.next().to_le_bytes())
            .unwrap();
        if fs::metadata(&grows).unwrap().len() > 5_000_000 {
            OpenOptions::new().write(true).truncate(true).open(&grows).unwrap();
        }
        let length = random.below(2_000_000);
        OpenOptions::new().write(true).open(root.join("shrinks")).unwrap().set_len(length).unwrap();
    });
    let mut marked = 0;
    for _ in 0..50 {
        let done = backup(&sandbox);
        for problem in done["problems"].as_array().unwrap() {
            assert_eq!(problem["kind"], "changing", "{problem:#}");
            assert!(problem["path"].as_str().unwrap().starts_with("moving/"), "{problem:#}");
            marked += 1;
        }
        if marked > 2 {
            break;
        }
    }
    hammer.stop();
    assert!(marked > 0, "nothing was seen to change, although it did all the time");
    assert_steady_files_restored(&sandbox);
    // At rest, everything is correct again.
    assert_eq!(backup(&sandbox)["problems"], Value::Array(Vec::new()));
    sandbox.restore("latest", "restored", &[]);
    assert_same(&read(&sandbox.source("")), &read(&sandbox.path("restored")));
}

#[test]
fn files_that_vanish_and_appear_are_no_problem() {
    let sandbox = Sandbox::in_memory();
    sandbox.run(&["init"]).expect(0);
    fill_steady(&sandbox);
    for number in 0..200 {
        sandbox.write(&format!("moving/{number}/file"), bytes(number, 3000));
    }
    let root = sandbox.source("moving");
    let hammer = Hammer::start(move |random| {
        let directory = root.join(random.below(200).to_string());
        if directory.exists() {
            fs::remove_dir_all(directory).unwrap();
        } else {
            fs::create_dir(&directory).unwrap();
            fs::write(directory.join("file"), bytes(random.next(), 3000)).unwrap();
        }
    });
    for _ in 0..6 {
        let done = backup(&sandbox);
        let problems = done["problems"].as_array().unwrap();
        let is_known = |problem: &Value| problem["kind"] == "changing" || problem["kind"] == "gone";
        assert!(problems.iter().all(is_known), "{problems:#?}");
    }
    hammer.stop();
    assert_steady_files_restored(&sandbox);
}

#[test]
fn objects_that_are_replaced_are_one_or_the_other() {
    let sandbox = Sandbox::in_memory();
    sandbox.run(&["init"]).expect(0);
    fill_steady(&sandbox);
    let names: Vec<String> = (0..20).map(|number| format!("moving/file-{number}")).collect();
    let contents = [bytes(1, 200_000), bytes(2, 300_000)];
    for name in &names {
        sandbox.write(name, &contents[0]);
    }
    let (root, written) = (sandbox.source(""), contents.clone());
    let hammer = Hammer::start({
        let names = names.clone();
        move |random| {
            let path = root.join(&names[random.below(20) as usize]);
            let new = root.join("new");
            fs::write(&new, &written[random.below(2) as usize]).unwrap();
            fs::rename(&new, &path).unwrap();
            if random.below(4) == 0 {
                fs::remove_file(&path).unwrap();
                std::os::unix::fs::symlink("nowhere", &path).unwrap();
            }
        }
    });
    let mut ids = Vec::new();
    for _ in 0..6 {
        let done = backup(&sandbox);
        let marked: Vec<String> = done["problems"]
            .as_array()
            .unwrap()
            .iter()
            .map(|one| one["path"].as_str().unwrap().to_owned())
            .collect();
        ids.push((done["snapshot"]["id"].as_str().unwrap().to_owned(), marked));
    }
    hammer.stop();
    assert_steady_files_restored(&sandbox);
    for (id, marked) in ids {
        let target = format!("all-{id}");
        sandbox.run(&["restore", &id, "--target", &target]).expect_any(&[0, 3]);
        for name in names.iter().filter(|name| !marked.contains(name)) {
            assert_old_or_new(&sandbox.path(&target).join(name), &contents);
        }
    }
}

/// Fails unless an unmarked file has one of the contents; a symbolic link, or nothing, is also allowed.
fn assert_old_or_new(path: &Path, contents: &[Vec<u8>]) {
    let Ok(found) = fs::symlink_metadata(path) else { return };
    if found.is_file() {
        let content = fs::read(path).unwrap();
        assert!(contents.contains(&content), "{} is a mixture of {} bytes", path.display(), content.len());
    }
}

#[test]
fn what_cannot_be_read_is_listed_and_the_rest_is_stored() {
    let sandbox = Sandbox::in_memory();
    fill_steady(&sandbox);
    sandbox.write("locked/inside", "x");
    sandbox.write("secret", "was readable once");
    let as_other = |words: &[&str]| {
        if is_root() { sandbox.command_as_nobody(words) } else { sandbox.command(words) }
    };
    if is_root() && !check_tool("setpriv") {
        return;
    }
    run_command(as_other(&["init"])).expect(0);
    run_command(as_other(&["backup", "source"])).expect(0);
    fs::set_permissions(sandbox.source("secret"), Permissions::from_mode(0o000)).unwrap();
    fs::set_permissions(sandbox.source("locked"), Permissions::from_mode(0o000)).unwrap();
    let output = run_command(as_other(&["backup", "source", "--level", "full"])).expect(3);
    let output = output.says("secret").says("locked").says("partial");
    assert!(!output.stderr.contains("steady"), "{}", output.describe());
    let output = run_command(as_other(&["snapshots", "--json"])).expect(0);
    assert_eq!(output.json()[1]["partial"], true);
    assert_eq!(output.json()[1]["errors"], 2);
    // The restore reports missing content, and restores everything else.
    let restored = run_command(as_other(&["restore", "latest", "--target", "restored"]));
    restored.expect_any(&[0, 3]);
    assert_same_content(&sandbox.source("steady"), &sandbox.path("restored/steady"));
    run_command(as_other(&["check", "--read-data"])).expect(0);
    fs::set_permissions(sandbox.source("locked"), Permissions::from_mode(0o755)).unwrap();
}

#[test]
fn who_is_not_root_restores_all_but_the_owners() {
    if !is_root() {
        return skip("this needs root");
    }
    if !check_tool("setpriv") {
        return;
    }
    let sandbox = Sandbox::with_repository();
    fill_steady(&sandbox);
    std::os::unix::fs::chown(sandbox.source("steady/file-3"), Some(12), Some(34)).unwrap();
    let device = rustix::fs::makedev(1, 3);
    let path = sandbox.source("null");
    let kind = rustix::fs::FileType::CharacterDevice;
    let has_device = rustix::fs::mknodat(rustix::fs::CWD, path, kind, 0o666.into(), device).is_ok();
    sandbox.backup(&[]);
    let mut chown = Command::new("chown");
    chown.args(["-R", "65534:65534"]).args([sandbox.repository(), &sandbox.path("home")]);
    crate::harness::succeed(&mut chown);
    fs::create_dir(sandbox.path("place")).unwrap();
    std::os::unix::fs::chown(sandbox.path("place"), Some(65534), Some(65534)).unwrap();
    let words = ["restore", "latest", "--target", "place/restored", "--json"];
    let output = run_command(sandbox.command_as_nobody(&words)).expect_any(&[0, 1, 3]);
    let report = output.json();
    assert_same_content(&sandbox.source("steady"), &sandbox.path("place/restored/steady"));
    let warnings = report["warnings"].as_array().unwrap();
    let owners = warnings.iter().find(|warning| warning["aspect"].as_str().unwrap().contains("owner"));
    assert!(owners.is_some_and(|warning| warning["count"].as_u64() >= Some(40)), "{report:#}");
    assert!(!has_device || report.to_string().contains("null"), "the device is not mentioned: {report:#}");
}

/// Compares only names, kinds and content.
#[track_caller]
fn assert_same_content(expected: &Path, found: &Path) {
    let content = |root: &Path| {
        let objects = read(root).into_iter().map(|(path, object)| (path, object.mode, object.content));
        objects.collect::<Vec<_>>()
    };
    assert_eq!(content(expected), content(found));
}
