use super::builder::*;
use crate::CheckOptions;
#[test]
#[allow(clippy::all)]
fn perf() {
    let mut r = Repository::new();
    r.blocks_max = 200;
    let mut files = std::collections::BTreeMap::new();
    for i in 0..165_000u64 {
        let p = format!("usr/share/dir-{:04}/sub-{:02}/some-file-name-{i:06}.txt", i / 150, i % 7).into_bytes();
        files.insert(p, noise(i % 130_000, 480));
    }
    let mut spec = Spec { files, ..usual_spec(1) };
    r.add_snapshot(&spec);
    for n in 0..3 {
        let t = std::time::Instant::now();
        let rep = r.check_with(&CheckOptions::new(now()));
        println!("structure {n}: {:?} nodes {} chunks {} packs {} problems {}", t.elapsed(), rep.nodes, rep.chunks, rep.packs, rep.problems.len());
    }
    let t = std::time::Instant::now();
    let rep = r.check_with(&CheckOptions { read_data: true, ..CheckOptions::new(now()) });
    println!("data: {:?} bytes {} problems {}", t.elapsed(), rep.bytes_read, rep.problems.len());
    let entries = r.entries(&spec);
    for n in 2..200 {
        spec.run = run(n);
        let mut e = entries.clone();
        e[n as usize * 700].mode = 0o600;
        r.add_snapshot_of(&spec, &e);
        if n == 60 { break; }
    }
    let t = std::time::Instant::now();
    let rep = r.check_with(&CheckOptions::new(now()));
    println!("60 snapshots: {:?} nodes {}", t.elapsed(), rep.nodes);
}
#[test]
fn perf_big() {
    let mut r = Repository::new();
    r.blocks_max = 64;
    let spec = usual_spec(1);
    for p in 0..8u64 {
        let chunks: Vec<_> = (0..4096u64).map(|i| { let b = if p < 4 { noise(p * 5000 + i, 8192) } else { let mut b = noise(p * 5000 + i, 4096); b.resize(8192, 7); b }; (r.keys.chunk_id(&b), b) }).collect();
        r.store_chunks(&spec, icecore_format::seal::ObjectKind::Data, chunks);
    }
    for _ in 0..2 {
    let t = std::time::Instant::now();
    let rep = r.check_with(&CheckOptions { read_data: true, ..CheckOptions::new(now()) });
    let s = t.elapsed().as_secs_f64();
    println!("data: {s} s, stored {} GB/s {} packs {} problems {:?}", rep.bytes, rep.bytes as f64 / s / 1e9, rep.packs, rep.problems.len());
    }
}
