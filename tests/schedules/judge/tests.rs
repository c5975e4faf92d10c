mod bed;
mod collecting;
mod damage;

use std::{collections::BTreeMap, fs, path::Path};

use serde_json::Value;

use super::*;

/// Reads all objects below a directory.
fn objects_below(root: &Path) -> BTreeMap<String, Bytes> {
    let mut objects = BTreeMap::new();
    let mut directories = vec![root.to_path_buf()];
    while let Some(directory) = directories.pop() {
        for entry in fs::read_dir(directory).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                directories.push(path);
            } else {
                let key = path.strip_prefix(root).unwrap().to_str().unwrap().to_owned();
                objects.insert(key, Bytes::from(fs::read(path).unwrap()));
            }
        }
    }
    objects.retain(|key, _| !key.starts_with('+'));
    objects
}

/// Reads the secret in a key file.
fn secret_in(key_file: &Path) -> [u8; 32] {
    let text = fs::read_to_string(key_file).unwrap();
    let digits = text.lines().find_map(|line| line.strip_prefix("secret ")).unwrap();
    *blake3::Hash::from_hex(digits).unwrap().as_bytes()
}

#[test]
fn golden_repositories_are_good_and_have_their_content() {
    let golden = Path::new(env!("CARGO_MANIFEST_DIR")).join("golden/v1");
    let objects = objects_below(&golden.join("repository"));
    let secret = secret_in(&golden.join("key"));
    assert_eq!(judge(&objects, &secret, &[]), Vec::<String>::new());
    assert_eq!(garbage(&objects, &secret), Vec::<String>::new());

    let right: BTreeMap<String, Vec<Value>> =
        serde_json::from_slice(&fs::read(golden.join("expected.json")).unwrap()).unwrap();
    let keys = Keys::unlock(&objects, &secret).unwrap();
    let repository = Repository::open(&keys, &objects);
    assert_eq!(repository.snapshots.len(), right.len());
    for (run, snapshot) in &repository.snapshots {
        let found = repository.manifest(snapshot).unwrap().files;
        let hash = |content: Option<Vec<u8>>| blake3::hash(&content.unwrap()).to_string();
        let found: BTreeMap<_, _> =
            found.into_iter().map(|(path, content)| (hexadecimal(&path), hash(content))).collect();
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        let files = right[&run.to_string()[12..]].iter().filter(|entry| entry.get("blake3").is_some());
        let right: BTreeMap<_, _> =
            files.map(|entry| (text(&entry["path"]), text(&entry["blake3"]))).collect();
        assert_eq!(found, right);
    }
}

fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |digits, byte| digits + &format!("{byte:02x}"))
}

#[test]
fn a_repository_without_header_does_not_open() {
    let objects = BTreeMap::new();
    let text = "the repository does not open: there is no repository header";
    assert_eq!(judge(&objects, &[0; 32], &[]), [text]);
    assert_eq!(garbage(&objects, &[0; 32]), [text]);
}
