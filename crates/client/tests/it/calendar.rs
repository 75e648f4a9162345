use yilian_client::calendar::{day_of, days_after, hours_after, quarter, quarters_after};
use yilian_protocol::{Quarter, TimeMs};

fn at(text: &str) -> TimeMs {
    TimeMs::from_text(text).unwrap()
}

#[test]
fn a_quarter_ends_with_its_last_millisecond() {
    let (last, first) = (at("2026-12-31T23:59:59.999Z"), at("2027-01-01T00:00:00Z"));
    assert_eq!(quarter(last), Quarter::new(2026, 4).unwrap());
    assert_eq!(quarter(first), Quarter::new(2027, 1).unwrap());
    assert_eq!(quarter(at("2028-02-29T12:00:00Z")).to_string(), "2028-Q1");
    assert_eq!(quarter(at("2028-03-31T23:59:59Z")).to_string(), "2028-Q1");
    assert_eq!(quarter(at("2028-04-01T00:00:00Z")).to_string(), "2028-Q2");
    // A clock that is far off is still in some quarter.
    assert_eq!(quarter(TimeMs::new(0)).to_string(), "1970-Q1");
    assert_eq!(quarter(TimeMs::MAX), Quarter::LAST);
}

#[test]
fn quarters_to_come_go_over_the_end_of_the_year_and_not_beyond_the_last() {
    let after = |year, part, count| -> Vec<String> {
        let quarters = quarters_after(Quarter::new(year, part).unwrap(), count);
        quarters.map(|quarter| quarter.to_string()).collect()
    };
    assert_eq!(after(2026, 3, 3), ["2026-Q4", "2027-Q1", "2027-Q2"]);
    assert!(after(2026, 3, 0).is_empty());
    assert_eq!(after(9999, 3, 9), ["9999-Q4"]);
    assert!(after(9999, 4, 2).is_empty());
}

#[test]
fn days_and_hours_stop_at_the_end_of_time() {
    let noon = at("2026-12-31T12:30:00Z");
    assert_eq!(hours_after(noon, 12), at("2027-01-01T00:30:00Z"));
    assert_eq!(days_after(noon, 60), at("2027-03-01T12:30:00Z"));
    assert_eq!(day_of(noon), at("2026-12-31T00:00:00Z"));
    assert_eq!(day_of(day_of(noon)), day_of(noon));
    assert_eq!(days_after(noon, u64::MAX), TimeMs::MAX);
    assert_eq!(hours_after(noon, u64::MAX), TimeMs::MAX);
}
