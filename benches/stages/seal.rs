//! Sealing and opening a block of 200 KiB (1 MiB of source code, compressed), compared with `aws-lc-rs` and
//! `chacha20poly1305` (pure Rust).
#![expect(clippy::unwrap_used, reason = "a bench that cannot prepare its data has to stop")]

use std::hint::black_box;

use aws_lc_rs::aead::{Aad, CHACHA20_POLY1305, LessSafeKey, Nonce, UnboundKey};
use chacha20poly1305::{ChaCha20Poly1305, KeyInit, aead::AeadInOut};
use criterion::{Criterion, Throughput};
use icecore_benches::{bed, data::noise};
use icecore_format::seal::{ObjectKey, ObjectKind, TAG_BYTES};

const BYTES: usize = 200 << 10;

fn main() {
    let mut criterion = Criterion::default().configure_from_args();
    let key = ObjectKey::new(&bed::keys(), ObjectKind::Data, 0, &[6; 32]).unwrap();
    let cipher = LessSafeKey::new(UnboundKey::new(&CHACHA20_POLY1305, &[7; 32]).unwrap());
    let in_rust = ChaCha20Poly1305::new(&[7; 32].into());
    let nonce = || Nonce::assume_unique_for_key([0; 12]);
    let mut part = noise(BYTES + TAG_BYTES, 1);

    let mut group = criterion.benchmark_group("seal");
    group.throughput(Throughput::Bytes(BYTES as u64));
    group.bench_function("icecore", |bench| bench.iter(|| key.seal(0, black_box(&mut part)).unwrap()));
    group.bench_function("bare", |bench| {
        bench.iter(|| {
            cipher.seal_in_place_separate_tag(nonce(), Aad::empty(), black_box(&mut part[..BYTES])).unwrap()
        });
    });
    group.bench_function("pure Rust", |bench| {
        bench.iter(|| {
            let text = black_box(&mut part[..BYTES]).into();
            in_rust.encrypt_inout_detached(&[0; 12].into(), b"", text).unwrap()
        });
    });
    group.finish();

    key.seal(0, &mut part).unwrap();
    let mut text = noise(BYTES, 2);
    let tag = cipher.seal_in_place_separate_tag(nonce(), Aad::empty(), &mut text).unwrap();
    let mut out = vec![0; BYTES];
    let mut group = criterion.benchmark_group("open");
    group.throughput(Throughput::Bytes(BYTES as u64));
    group.bench_function("icecore", |bench| bench.iter(|| key.open(0, black_box(&part), &mut out).unwrap()));
    group.bench_function("bare", |bench| {
        bench.iter(|| {
            let text = black_box(&text);
            cipher.open_separate_gather(nonce(), Aad::empty(), text, tag.as_ref(), &mut out).unwrap();
        });
    });
    group.finish();
    criterion.final_summary();
}
