use super::*;

#[test]
fn run_id_keeps_time_and_shows_its_random_part() {
    let run = RunId::new(1_795_000_000_123, *b"0123456789");
    assert_eq!(run.unix_milliseconds(), 1_795_000_000_123);
    assert_eq!(run.snapshot_id(), "30313233343536373839");
    assert_eq!(RunId::from_hex(&run.to_string()), Ok(run));
}

#[test]
fn pack_names_have_one_spelling() {
    let name = PackName { run: RunId([7; 16]), number: 42 };
    assert_eq!(PackName::parse(&name.to_string()), Ok(name));
    let large = PackName { run: RunId([7; 16]), number: 12_345_678 };
    assert_eq!(PackName::parse(&large.to_string()), Ok(large));
    for text in [
        "",
        "-",
        "07-1",
        &format!("{}-42", name.run),
        &format!("{}-0000042", name.run),
        &format!("{}-+00042", name.run),
    ] {
        assert!(PackName::parse(text).is_err(), "{text}");
    }
}

#[test]
fn hexadecimal_digits_are_lower_case_only() {
    assert!(RepositoryId::from_hex(&"AB".repeat(16)).is_err());
    assert!(RepositoryId::from_hex(&"ab".repeat(15)).is_err());
    assert!(RepositoryId::from_hex(&"ab".repeat(16)).is_ok());
}
