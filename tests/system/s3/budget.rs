//! Requests are money.

use super::{Bed, requests};
use crate::harness::text;

/// Most requests of a backup of which everything is known, and which a reader of its list can name one by one.
const UNCHANGED_REQUESTS_MAX: u64 = 12;

#[test]
fn an_unchanged_backup_of_10_000_files() {
    let bed = Bed::with_repository();
    for number in 0..10_000_u64 {
        bed.sandbox.write(&format!("{}/{number}", number / 100), text(number, 200));
    }
    bed.sandbox.run(&["backup", "source"]).expect(0);
    bed.sandbox.run(&["backup", "source"]).expect(0);
    bed.server.forget_requests();
    let output = bed.sandbox.run(&["backup", "source", "--json"]).expect(0);
    let made = bed.server.requests();
    let shown: Vec<String> =
        made.iter().map(|line| format!("{} {}?{}", line.method, line.path, line.query)).collect();
    let counted = requests(&output);
    let total: u64 =
        ["put", "list", "get", "delete"].iter().map(|class| counted[class].as_u64().unwrap()).sum();
    assert_eq!(total, made.len() as u64);
    assert!(made.len() as u64 <= UNCHANGED_REQUESTS_MAX, "{} requests:\n{}", made.len(), shown.join("\n"));
    assert!(!made.iter().any(|line| line.path.contains("/data/")), "{}", shown.join("\n"));
    assert_eq!(output.json()["sources"][0]["files_unchanged"], 10_000);
}
