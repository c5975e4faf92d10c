//! Exclude patterns that have no effect: users notice when files that they wanted to exclude are stored, or
//! the reverse.

use std::fs;

use crate::harness::{Sandbox, run_command};

/// Makes a sandbox with a repository and a source with a cache.
fn sandbox() -> Sandbox {
    let sandbox = Sandbox::with_repository();
    for name in ["user/cache/a", "user/cache/keep/k", "user/docs/d"] {
        sandbox.write(name, name);
    }
    sandbox
}

/// Returns the paths of the files in the last snapshot.
fn files(sandbox: &Sandbox) -> Vec<String> {
    let list = sandbox.json(&["ls", "source@latest", "--recursive"]);
    let files = list.as_array().unwrap().iter().filter(|entry| entry["kind"] == "file");
    files.map(|entry| entry["path"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn a_pattern_on_the_command_line_that_has_no_effect_is_refused() {
    let sandbox = sandbox();
    let absolute = sandbox.source("user/cache").canonicalize().unwrap();
    for (pattern, meant) in [
        (absolute.to_str().unwrap(), "use --exclude /user/cache\n"),
        ("source/user/cache/", "use --exclude /user/cache/\n"),
        ("./user/cache", "use --exclude /user/cache\n"),
        ("./source/user/cache", "use --exclude /user/cache\n"),
        ("~/cache", "`~` and variables are not expanded"),
        ("/", "has no effect"),
    ] {
        sandbox.run(&["backup", "source", "--exclude", pattern]).expect(2).says(meant);
    }
    let exception = ["backup", "source", "--exclude", "/user/cache/", "--exclude", "!/user/cache/keep/"];
    sandbox
        .run(&exception)
        .expect(2)
        .says("\"user/cache\", which is excluded completely")
        .says("'/user/cache/*'");
    assert!(sandbox.snapshots().is_empty());
    // A pattern with an effect on another source of the command is meant for that one.
    fs::create_dir_all(sandbox.path("other/source/user")).unwrap();
    let both = ["backup", "source", "other", "--exclude", "source/user"];
    sandbox.run(&both).expect(0).says("source: the exclude pattern \"source/user\" has no effect");
    sandbox.backup(&["--exclude", "/user/cache/*", "--exclude", "!/user/cache/keep/"]);
    assert_eq!(files(&sandbox), ["user/cache/keep/k", "user/docs/d"]);
}

#[test]
fn a_pattern_in_a_file_that_has_no_effect_is_warned_of() {
    let mut sandbox = sandbox();
    let absolute = sandbox.source("user/cache").canonicalize().unwrap();
    let pattern = absolute.to_str().unwrap();
    fs::write(sandbox.path("patterns"), format!("\u{feff}/user/docs/\r\n{pattern}\r\n")).unwrap();
    let words = ["backup", "source", "--exclude-file", "patterns", "--quiet"];
    sandbox.run(&words).expect(0).says("on line 2 of \"patterns\"").says("write /user/cache");
    assert_eq!(files(&sandbox), ["user/cache/a", "user/cache/keep/k"]);
    sandbox.run(&["backup", "source", "--exclude-file", "missing"]).expect(2).says("missing");
    // The configuration file is for several sources; in JSON, this is also a notice.
    let configuration = sandbox.path("icecore.toml");
    fs::write(&configuration, format!("[backup]\nexclude = [{pattern:?}, \"docs/\"]\n")).unwrap();
    sandbox.set("ICECORE_CONFIG", configuration.to_str().unwrap());
    let notices = sandbox.backup(&[])["notices"].to_string();
    assert!(notices.contains("write /user/cache"), "{notices}");
    let mut other = sandbox.command(&["backup", "home", "--json"]);
    other.env("ICECORE_CACHE_DIR", sandbox.path("elsewhere"));
    let other = run_command(other).expect(0);
    assert!(!other.stderr.contains("has no effect"), "{}", other.describe());
}
