use super::*;

fn built_in() -> Prices {
    Prices::built_in().unwrap()
}

#[test]
fn requests_cost_what_the_price_list_says() {
    let prices = built_in();
    let (name, region) = prices.of_region("us-east-1").unwrap();
    assert_eq!(name, "us-east-1");
    let thousand = RequestPrices { puts: 1_000, gets: 1_000, bytes_read: 1 << 30 };
    let close =
        |seen: f64, expected: f64| assert!((seen - expected).abs() < 1e-12, "{seen}, expected {expected}");
    close(region.requests("STANDARD", thousand), 0.0054);
    close(region.requests("STANDARD_IA", thousand), 0.021);
    close(region.requests("DEEP_ARCHIVE", RequestPrices { puts: 1_000, ..RequestPrices::default() }), 0.05);
    close(region.requests("A_NEW_CLASS", thousand), 0.0054);
    close(region.requests("STANDARD", RequestPrices::default()), 0.0);
    close(region.internet(10 << 30), 0.9);
}

#[test]
fn a_region_that_is_not_listed_has_the_prices_of_the_default_one() {
    assert_eq!(built_in().of_region("eu-nowhere-9").unwrap().0, "us-east-1");
}

#[test]
fn every_class_is_cheaper_to_keep_the_colder_it_is() {
    let prices = built_in();
    let classes = &prices.of_region("us-east-1").unwrap().1.classes;
    let kept = |class: &str| classes[class].storage_per_gigabyte_month;
    let order = ["STANDARD", "STANDARD_IA", "GLACIER_IR", "GLACIER", "DEEP_ARCHIVE"];
    assert!(order.is_sorted_by(|one, other| kept(one) > kept(other)));
    assert!(order.is_sorted_by(|one, other| classes[*one].days_min <= classes[*other].days_min));
}

#[test]
fn files_that_are_wrong_are_refused() {
    let without_default = BUILT_IN.replace("default-region = \"us-east-1\"", "default-region = \"mars\"");
    assert!(Prices::parse(&without_default).unwrap_err().to_string().contains("mars"));
    let unknown = format!("{BUILT_IN}\nspelling-error = 1\n");
    assert!(Prices::parse(&unknown).unwrap_err().to_string().contains("spelling-error"));
}
