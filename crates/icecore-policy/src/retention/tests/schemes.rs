//! What the schemes keep of a snapshot every evening, as the documentation shows it.

use jiff::civil::Date;

use super::*;

const DOCUMENT: &str = include_str!("../../../../../docs/retention.md");
/// Days of the picture, and of all snapshots: ten years with three leap days.
const DAYS_SHOWN: i64 = 70;
const DAYS: i64 = 3653;

fn today() -> Timestamp {
    "2026-11-30T20:00:00Z".parse().unwrap()
}

fn evenings(days: impl Iterator<Item = i64>) -> Vec<RetentionItem> {
    let evening = |ago: i64| today() - jiff::SignedDuration::from_hours(24 * ago);
    days.map(|ago| RetentionItem::new(ago.to_string(), evening(ago), "web1", "home")).collect()
}

/// Returns how many days old the snapshots are that the scheme keeps, the newest first.
fn ages(scheme: Scheme, days: i64) -> Vec<i64> {
    let mut request = request(vec![newest(PeriodUnit::Day, "1")]);
    request.policy = RetentionPolicy::new(Vec::new(), Some(scheme)).unwrap();
    let mut ages: Vec<i64> =
        kept(&request, &evenings(0..days)).iter().map(|id| id.parse().unwrap()).collect();
    ages.sort_unstable();
    ages
}

/// Draws the last days, the newest on the left, and lists the older restore points.
fn picture(scheme: Scheme) -> String {
    let ages = ages(scheme, DAYS);
    let mark = |ago| if ages.contains(&ago) { '#' } else { '.' };
    let recent: String = (0..DAYS_SHOWN).map(mark).collect();
    let day = |ago: &i64| -> Date { evenings([*ago].into_iter())[0].time.to_zoned(TimeZone::UTC).date() };
    let older: Vec<String> =
        ages.iter().filter(|ago| **ago >= DAYS_SHOWN).map(|ago| day(ago).to_string()).collect();
    let lines = older.chunks(6).map(|line| line.join("  "));
    [recent].into_iter().chain(lines).map(|line| line + "\n").collect()
}

#[test]
fn the_pictures_show_what_schemes_keep() {
    let pictures = Scheme::ALL
        .map(|scheme| format!("{scheme}: {} restore points\n{}", ages(scheme, DAYS).len(), picture(scheme)));
    let missing: Vec<_> = pictures.into_iter().filter(|picture| !DOCUMENT.contains(picture)).collect();
    assert!(missing.is_empty(), "the document lacks:\n{}", missing.join("\n"));
}

#[test]
fn schemes_keep_as_many_restore_points_as_promised() {
    let count = |scheme, days| ages(scheme, days).len();
    for days in DAYS - 400..DAYS {
        assert!((25..=31).contains(&count(Scheme::GrandfatherFatherSon, days)));
        assert!((10..=11).contains(&count(Scheme::WeeklyFull, days)));
        assert_eq!(count(Scheme::Daily14, days), 14);
    }
}

#[test]
fn the_oldest_disc_is_256_to_511_days_old() {
    for days in (600..1800).step_by(7) {
        // The last days are left out in turn, so that every phase of the discs occurs.
        let mut request = request(vec![newest(PeriodUnit::Day, "1")]);
        request.policy = RetentionPolicy::new(Vec::new(), Some(Scheme::TowerOfHanoi)).unwrap();
        let skipped = days - 600;
        let ages: Vec<i64> = kept(&request, &evenings(skipped..days + 1200))
            .iter()
            .map(|id| id.parse::<i64>().unwrap() - skipped)
            .collect();
        assert_eq!(ages.len(), usize::from(HANOI_DISCS));
        assert!((256..=511).contains(ages.iter().max().unwrap()), "{ages:?}");
        assert!(ages.contains(&0));
        for disc in 0..HANOI_DISCS - 1 {
            let young = ages.iter().filter(|age| **age < 2_i64 << disc).count();
            assert!(young > usize::from(disc), "{ages:?}");
        }
    }
}

#[test]
fn decay_slows_down_and_never_ends() {
    let mut before = 0;
    for power in 3..12 {
        let ages = ages(Scheme::Decaying, 1 << power);
        let more = ages.len() - before;
        assert!(power == 3 || (3..=4).contains(&more), "{more} more at {power}: {ages:?}");
        before = ages.len();
        for pair in ages.windows(2).filter(|pair| pair[1] > 2) {
            assert!(3 * (pair[1] - pair[0]) <= pair[1], "{pair:?} of {ages:?}");
        }
        // The latest blocks reach back to the first days.
        assert!(ages.iter().max().unwrap() * 4 >= 3 << power, "{ages:?}");
    }
}
