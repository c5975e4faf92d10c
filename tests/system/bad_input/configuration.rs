//! Configuration files that are wrong, and one that is right.

use std::fs;

use crate::harness::{Sandbox, run_command};

#[test]
fn wrong_configuration_files() {
    let sandbox = Sandbox::with_repository();
    sandbox.write("file", "x");
    let path = sandbox.path("icecore.toml");
    for (content, says) in [
        ("repository = ", "icecore.toml"),
        ("repositroy = \"/x\"", "repositroy"),
        ("repository = 5", "repository"),
        ("cache-dir = \"relative\"", "cache-dir"),
        ("password-file = \"/a\"\nkey-file = \"/b\"", "key-file"),
        ("[backup]\npack-size = \"1TiB\"", "pack-size"),
        ("[backup]\ncompression-level = 99", "compression-level"),
        ("[backup]\nexclude = \"no list\"", "exclude"),
        ("[sources.home]\n", "path"),
        ("[sources.\"a@b\"]\npath = \"/x\"", "a@b"),
        ("\u{0}\u{1}", "icecore.toml"),
    ] {
        fs::write(&path, content).unwrap();
        sandbox.run(&["snapshots", "--config", "icecore.toml"]).expect(2).says(says);
    }
    fs::write(&path, b"repository = \"\xff\"").unwrap();
    sandbox.run(&["snapshots", "--config", "icecore.toml"]).expect(2);
    sandbox.run(&["snapshots", "--config", "missing.toml"]).expect(2).says("missing.toml");
    // A pattern in the file is parsed when it is used.
    fs::write(&path, "[backup]\nexclude = [\"a[\"]").unwrap();
    sandbox.run(&["backup", "source", "--config", "icecore.toml"]).expect(2).says("a[");
    assert!(sandbox.snapshots().is_empty());
}

#[test]
fn sources_of_the_configuration_file() {
    let sandbox = Sandbox::with_repository();
    sandbox.write("keep", "x");
    sandbox.write("leave.tmp", "x");
    let (repository, source) = (sandbox.repository().to_str().unwrap(), sandbox.source(""));
    let source = source.to_str().unwrap();
    let content = format!(
        "repository = {repository:?}\n[backup]\nexclude = [\"*.tmp\"]\ntags = {{ plan = \"daily\" }}\n\
         [sources.home]\npath = {source:?}\n"
    );
    // At the path where the program looks by default.
    fs::write(sandbox.path("home/config/icecore/icecore.toml"), content).unwrap();
    let mut command = sandbox.command(&["backup", "--name", "home", "--json"]);
    command.env_remove("ICECORE_REPOSITORY");
    let done = run_command(command).expect(0).json()["sources"][0].clone();
    assert_eq!((&done["source"], &done["files"], &done["excluded"]), (&"home".into(), &1.into(), &1.into()));
    assert_eq!(done["snapshot"]["tags"]["plan"], "daily");
}
