use super::*;

const GIB: u64 = 1 << 30;

fn bounds(memory_bytes: Option<u64>, descriptors: u64) -> Bounds {
    Bounds { memory_bytes, memory_bytes_max: memory_bytes, descriptors, cores: 8 }
}

#[test]
fn without_limits_nothing_is_scarce() {
    let allowance = bounds(None, 1 << 20).allow(Weight::Heavy).unwrap();
    assert_eq!(allowance, Allowance { workers: 8, store_calls: 64, is_scarce: false, memory_bytes: None });
    assert_eq!((allowance.bound(64), allowance.workers_if_scarce()), (64, 0));
}

#[test]
fn little_memory_is_used_by_fewer_threads_and_too_little_is_refused() {
    let workers = |bytes| bounds(Some(bytes), 1024).allow(Weight::Heavy).map(|allowance| allowance.workers);
    assert_eq!(workers(16 * GIB).unwrap(), 8);
    assert!((1..8).contains(&workers(GIB / 2 + GIB / 8).unwrap()));
    let refused = bounds(Some(GIB / 4), 1024).allow(Weight::Heavy).unwrap_err();
    assert_eq!(refused.status, ExitStatus::Failed);
    assert!(
        refused.message.starts_with("not enough memory: the limit of this process is 256.0 MiB"),
        "{refused:?}"
    );
    assert!(bounds(Some(GIB / 4), 1024).allow(Weight::Light).is_ok());
    let much = bounds(Some(16 * GIB), 1024).allow(Weight::Light).unwrap();
    assert_eq!((much.bound(64), much.bound_pack(240 << 20)), (4, 240 << 20));
    let little = bounds(Some(GIB), 1024).allow(Weight::Heavy).unwrap();
    assert_eq!((little.bound_pack(240 << 20), little.bound_pack(1 << 20)), (128 << 20, 1 << 20));
}

#[test]
fn few_descriptors_are_used_by_fewer_calls_and_too_few_are_refused() {
    let calls =
        |descriptors| bounds(None, descriptors).allow(Weight::Light).map(|allowance| allowance.store_calls);
    assert_eq!(calls(64).unwrap(), 6);
    assert_eq!(calls(1024).unwrap(), 64);
    for few in [0, 16, 63] {
        let refused = calls(few).unwrap_err();
        assert!(refused.message.starts_with("too few open files are allowed"), "{refused:?}");
    }
}

#[test]
fn threads_that_can_be_started_are_counted() {
    assert_eq!(startable_threads(5), 5);
    assert!(used_bytes() > 1 << 20);
}
