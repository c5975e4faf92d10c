//! Repositories from released versions of the format remain readable for ever.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};

use serde_json::Value;

use super::harness::{Object, Sandbox, is_root, read};

/// Versions of the format that are closed; each has a repository under `tests/golden/`. The digest is that of
/// all its files: a golden repository is never edited, not even when the format changes.
const VERSIONS: [(&str, &str); 1] =
    [("v1", "8b03a9eb00f6a4a6094fb5a02dea588b954ec6173efd81ac0f89895344c3211e")];

fn golden_directory() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("golden")
}

#[test]
fn no_golden_repository_is_forgotten() {
    let found = fs::read_dir(golden_directory()).unwrap().map(|entry| entry.unwrap());
    let mut found: Vec<_> = found
        .filter(|entry| entry.file_type().unwrap().is_dir())
        .map(|entry| entry.file_name().into_string().unwrap())
        .collect();
    found.sort();
    assert_eq!(found, VERSIONS.map(|(version, _)| version));
}

#[test]
fn golden_repositories_are_never_edited() {
    for (version, digest) in VERSIONS {
        let mut hasher = blake3::Hasher::new();
        hash_tree(&golden_directory().join(version), &mut hasher);
        assert_eq!(
            hasher.finalize().to_hex().as_str(),
            digest,
            "{version} was changed: make a new version instead"
        );
    }
}

/// Hashes names and contents of all files, in the order of their names.
fn hash_tree(directory: &Path, hasher: &mut blake3::Hasher) {
    let mut entries: Vec<_> = fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().path()).collect();
    entries.sort();
    for path in entries {
        let name = path.file_name().unwrap().as_encoded_bytes();
        hasher.update(&(name.len() as u64).to_le_bytes()).update(name);
        if path.is_dir() {
            hash_tree(&path, hasher);
        } else {
            let content = fs::read(&path).unwrap();
            hasher.update(&(content.len() as u64).to_le_bytes()).update(&content);
        }
    }
}

#[test]
fn golden_repositories_are_restored_as_they_were_made() {
    for (version, _) in VERSIONS {
        let golden = golden_directory().join(version);
        let sandbox = opened_copy(&golden);
        sandbox.check_all_data();
        let expected: BTreeMap<String, Vec<Value>> =
            serde_json::from_slice(&fs::read(golden.join("expected.json")).unwrap()).unwrap();
        assert_eq!(sandbox.snapshots().len(), expected.len());
        for (snapshot, entries) in &expected {
            sandbox.restore(snapshot, snapshot, &[]);
            compare(&sandbox.path(snapshot), entries);
        }
    }
}

/// Copies a golden repository: nothing in it may ever change, not even because of a lock file.
fn opened_copy(golden: &Path) -> Sandbox {
    let sandbox = Sandbox::new();
    copy_tree(&golden.join("repository"), sandbox.repository());
    let keys = sandbox.path("home/config/icecore/keys");
    fs::create_dir_all(&keys).unwrap();
    let key = fs::read_to_string(golden.join("key")).unwrap();
    let id = key.lines().find_map(|line| line.strip_prefix("repository ")).unwrap().to_owned();
    let file = keys.join(format!("{id}.key"));
    fs::write(&file, key).unwrap();
    fs::set_permissions(&file, std::os::unix::fs::PermissionsExt::from_mode(0o600)).unwrap();
    sandbox
}

fn copy_tree(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap().map(|entry| entry.unwrap()) {
        let target = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy_tree(&entry.path(), &target);
        } else {
            fs::copy(entry.path(), target).unwrap();
        }
    }
}

fn compare(target: &Path, expected: &[Value]) {
    let tree = read(target);
    let mut links: BTreeMap<u64, Vec<u8>> = BTreeMap::new();
    let mut missing = Vec::new();
    for entry in expected {
        let path = bytes_of(&entry["path"]);
        match tree.get(&path) {
            // Only root may create devices.
            None if !is_root() && entry.get("device").is_some() => missing.push(path),
            None => panic!("{} is missing", path.escape_ascii()),
            Some(found) => {
                compare_one(&path, found, entry);
                if let Some(link) = entry["link"].as_u64() {
                    let first = links.entry(link).or_insert_with(|| found.first_link.clone());
                    assert_eq!(*first, found.first_link, "links of {}", path.escape_ascii());
                }
            }
        }
    }
    assert_eq!(tree.len() + missing.len(), expected.len(), "there is more than expected");
}

fn compare_one(path: &[u8], found: &Object, expected: &Value) {
    let name = path.escape_ascii();
    let number = |field: &str| expected[field].as_i64().unwrap();
    let set_id_lost = !is_root() && number("mode") & 0o6000 != 0;
    if !set_id_lost {
        assert_eq!(i64::from(found.mode), number("mode"), "mode of {name}");
    }
    if is_root() {
        let owner = (i64::from(found.owner.0), i64::from(found.owner.1));
        assert_eq!(owner, (number("uid"), number("gid")), "owner of {name}");
    }
    assert_eq!(found.modified.0 * 1_000_000_000 + found.modified.1, number("mtime_ns"), "time of {name}");
    if let Some(target) = expected.get("target") {
        assert_eq!(found.content, bytes_of(target), "target of {name}");
    }
    if let Some(hash) = expected.get("blake3") {
        assert_eq!(found.size, expected["size"].as_u64().unwrap(), "size of {name}");
        assert_eq!(found.content, bytes_of(hash), "content of {name}");
        let data: u64 = found.extents.iter().map(|(begin, end)| end - begin).sum();
        assert!(expected["sparse"] == false || data < found.size / 2, "holes of {name}");
    }
    if let Some(device) = expected.get("device") {
        assert_eq!(Some(found.device), device.as_u64(), "device of {name}");
    }
    let attributes = expected.get("xattrs").and_then(Value::as_object);
    for (attribute, value) in attributes.into_iter().flatten() {
        assert_eq!(found.attributes[attribute.as_bytes()], bytes_of(value), "{attribute} of {name}");
    }
}

fn bytes_of(hexadecimal: &Value) -> Vec<u8> {
    let text = hexadecimal.as_str().unwrap();
    (0..text.len() / 2).map(|at| u8::from_str_radix(&text[at * 2..at * 2 + 2], 16).unwrap()).collect()
}
