use super::*;

#[test]
fn counts_are_read() {
    assert_eq!("7".parse(), Ok(KeepCount::Newest(NonZeroU32::new(7).unwrap())));
    assert_eq!(" unlimited ".parse(), Ok(KeepCount::Unlimited));
    for text in ["", "0", "-1", "1.5", "all", "4294967296"] {
        assert_eq!(text.parse::<KeepCount>(), Err(RetentionParseError::Count { text: text.to_owned() }));
    }
}

#[test]
fn rules_have_the_names_of_their_options() {
    let seven: KeepCount = "7".parse().unwrap();
    let month: RetentionDuration = "1m".parse().unwrap();
    let newest = PeriodUnit::ALL.map(|unit| RetentionRule::newest(unit, seven).to_string());
    let names = ["last", "hourly", "daily", "weekly", "monthly", "quarterly", "yearly"];
    assert_eq!(newest, names.map(|name| format!("keep-{name} 7")));
    let within = PeriodUnit::ALL.map(|unit| RetentionRule::within(unit, month).to_string());
    assert_eq!(within[0], "keep-within 1m");
    assert_eq!(within[2], "keep-within-daily 1m");
    assert_eq!(RetentionRule::Tag("plan=x".parse().unwrap()).to_string(), "keep-tag plan=x");
    assert_eq!(RetentionRule::HanoiDisc { disc: 0, discs: 3 }.to_string(), "tower-of-hanoi disc 1");
    assert_eq!(RetentionRule::DayBlocks { power: 3, count: seven }.to_string(), "decaying 8 days");
}

#[test]
fn discs_move_as_in_the_towers_of_hanoi() {
    let moves: Vec<u8> = (1..=16).map(|day| hanoi_disc(day, 4)).collect();
    assert_eq!(moves, [0, 1, 0, 2, 0, 1, 0, 3, 0, 1, 0, 2, 0, 1, 0, 3]);
    assert_eq!(hanoi_disc(0, 4), 3);
    assert_eq!(hanoi_disc(-4, 4), 2);
}
