use super::*;
use proptest::prelude::*;

fn utc(text: &str) -> i64 {
    text.parse::<Timestamp>().unwrap().as_microsecond()
}

fn berlin() -> TimeZone {
    TimeZone::get("Europe/Berlin").unwrap()
}

#[test]
fn every_notation_of_the_same_instant_reads_the_same() {
    let expected = 1_712_739_600_000_000; // date -d '2024-04-10 09:00:00 UTC' +%s
    for text in [
        "10/Apr/2024:09:00:00 +0000",
        "10/Apr/2024:11:00:00 +0200",
        "[10/Apr/2024:09:00:00.000]",
        "2024-04-10T09:00:00Z",
        "2024-04-10T09:00Z",
        "2024-04-10t09:00:00z",
        "2024-04-10 09:00:00,000",
        "2024-04-10T14:30:00.000000000+05:30",
        "2024-04-10T02:00:00-07",
        "2024-04-10 09:00:00 +0000 UTC",
        "2024-04-10 02:00:00 -0700 PDT",
        "2024/04/10 09:00:00",
        "Wed Apr 10 09:00:00 2024",
        "Wed Apr 10 02:00:00 2024 -0700",
        "Wed Apr 10 09:00:00.000000 2024",
        "1712739600",
        "1712739600.0",
        "1712739600000",
        "1712739600000000",
        "1712739600000000000",
        "1.7127396e9",
        " 1712739600 ",
    ] {
        assert_eq!(
            Clock::new(None).read(text.as_bytes()),
            Some(expected),
            "{text}"
        );
        assert_eq!(
            Clock::new(None).clf(text.as_bytes()),
            Some(expected),
            "{text}"
        );
    }
}

#[test]
fn what_is_no_time_is_none() {
    for text in [
        "",
        "-",
        "0",
        "12",
        "0.123",
        "2024",
        "2024-04-10",
        "2024-13-01T00:00:00Z",
        "2023-02-29T00:00:00Z",
        "1900-02-29T00:00:00Z",
        "2024-04-10T24:00:00Z",
        "2024-04-10T09:60:00Z",
        "2024-04-10T09:00:61Z",
        "2024-04-10T09:00:00.",
        "2024-04-10T09:00:00.1234567890Z",
        "2024-04-10T09:00:00+24:00",
        "2024-04-10T09:00:00FOO",
        "2024-04/10T09:00:00Z",
        "0000-01-01T00:00:00Z",
        "32/Apr/2024:09:00:00 +0000",
        "10/apr/2024:09:00:00 +0000",
        "10/Apr/2024:09:00:00 +000x",
        "10/Apr/2024:09:00:00+",
        "Feb 25 16:19:38",
        "Sun Mar 13 22:49:12",
        "99999999999999999999999",
        "17127396e999",
        "1712739600:1",
        "/a/b",
        "\u{e9}t\u{e9}",
    ] {
        assert_eq!(Clock::new(None).read(text.as_bytes()), None, "{text}");
        assert_eq!(Clock::new(None).clf(text.as_bytes()), None, "{text}");
    }
    assert_eq!(Clock::new(None).clf(&[0; 26]), None);
}

#[test]
fn fractions_are_cut_to_microseconds() {
    let mut clock = Clock::new(None);
    let base = utc("2019-02-25T16:19:48Z");
    assert_eq!(
        clock.read(b"25/Feb/2019:16:19:48.143"),
        Some(base + 143_000)
    );
    assert_eq!(clock.read(b"2019-02-25T16:19:48.1Z"), Some(base + 100_000));
    assert_eq!(
        clock.read(b"2019-02-25T16:19:48.123456789Z"),
        Some(base + 123_456)
    );
    assert_eq!(clock.read(b"1551111588.1234567"), Some(base + 123_456));
    assert_eq!(clock.read(b"1551111588143.7"), Some(base + 143_700));
    assert_eq!(clock.read(b"1551111588143456789"), Some(base + 143_456));
    assert_eq!(
        clock.epoch(b"1551111588143", Unit::Millis),
        Some(base + 143_000)
    );
    assert_eq!(clock.epoch(b"12.5", Unit::Seconds), Some(12_500_000));
}

#[test]
fn the_next_second_and_the_next_day_are_not_mistaken_for_the_last() {
    let mut clock = Clock::new(None);
    for (text, expected) in [
        ("28/Feb/2024:23:59:58 +0100", "2024-02-28T22:59:58Z"),
        ("28/Feb/2024:23:59:58 +0100", "2024-02-28T22:59:58Z"),
        ("28/Feb/2024:23:59:59 +0100", "2024-02-28T22:59:59Z"),
        ("29/Feb/2024:00:00:00 +0100", "2024-02-28T23:00:00Z"),
        ("29/Feb/2024:00:00:00 +0000", "2024-02-29T00:00:00Z"),
        ("28/Feb/2024:23:59:59 +0000", "2024-02-28T23:59:59Z"),
        ("28/Feb/2023:23:59:59 +0000", "2023-02-28T23:59:59Z"),
    ] {
        assert_eq!(clock.clf(text.as_bytes()), Some(utc(expected)), "{text}");
    }
    assert_eq!(clock.clf(b"28/Feb/2023:23:59:6x +0000"), None);
    assert_eq!(
        clock.clf(b"28/Feb/2023:23:59:59 +0000"),
        Some(utc("2023-02-28T23:59:59Z"))
    );
}

#[test]
fn a_time_without_a_zone_is_local_to_the_zone_given() {
    let mut clock = Clock::new(Some(berlin()));
    assert_eq!(
        clock.read(b"2024-01-10 09:00:00"),
        Some(utc("2024-01-10T08:00:00Z"))
    );
    assert_eq!(
        clock.read(b"2024-07-10 09:00:00"),
        Some(utc("2024-07-10T07:00:00Z"))
    );
    assert_eq!(
        clock.read(b"10/Jul/2024:09:00:00.5"),
        Some(utc("2024-07-10T07:00:00.5Z"))
    );
    // 02:30 was skipped on 31 March 2024 and occurred twice on 27 October.
    assert_eq!(
        clock.read(b"2024-03-31 02:30:00"),
        Some(utc("2024-03-31T01:30:00Z"))
    );
    assert_eq!(
        clock.read(b"2024-03-31 03:00:00"),
        Some(utc("2024-03-31T01:00:00Z"))
    );
    assert_eq!(
        clock.read(b"2024-10-27 02:30:00"),
        Some(utc("2024-10-27T00:30:00Z"))
    );
    assert_eq!(
        clock.read(b"2024-10-27 03:00:00"),
        Some(utc("2024-10-27T02:00:00Z"))
    );
    assert!(!clock.assumed_utc());
    assert_eq!(clock.offsets(), Some((3600, 7200)));
}

#[test]
fn a_clock_of_twelve_hours_says_which_half_of_the_day() {
    let mut clock = Clock::new(None);
    for (text, at) in [
        ("2024-04-10 03:00:06 PM", "2024-04-10T15:00:06Z"),
        ("2024-04-10 04:00:06 PM", "2024-04-10T16:00:06Z"),
        ("2024-04-10 03:00:06 AM", "2024-04-10T03:00:06Z"),
        ("2024-04-10 12:00:06 AM", "2024-04-10T00:00:06Z"),
        ("04/10/2024, 9:00:06 AM", "2024-04-10T09:00:06Z"),
        ("4/10/2024, 12:30:06\u{202f}PM", "2024-04-10T12:30:06Z"),
        ("12/1/24 11:00:06 pm", "2024-12-01T23:00:06Z"),
        ("Apr 10, 2024 @ 15:00:06.250", "2024-04-10T15:00:06.25Z"),
        ("Apr 1, 2024, 3:00:06 PM", "2024-04-01T15:00:06Z"),
        ("2024-04-10 12:00:06.250 pm", "2024-04-10T12:00:06.25Z"),
        ("[10/Apr/2024 03:00:06 PM]", "2024-04-10T15:00:06Z"),
        ("10/Apr/2024:03:00:06PM UTC", "2024-04-10T15:00:06Z"),
        ("10/Apr/2024:04:00:06PM UTC", "2024-04-10T16:00:06Z"),
        ("2024-04-10T03:00 PM", "2024-04-10T15:00:00Z"),
        ("2024-04-10 03:00:06 PM PDT", "2024-04-10T22:00:06Z"),
    ] {
        for read in [Clock::clf, Clock::read] {
            assert_eq!(read(&mut clock, text.as_bytes()), Some(utc(at)), "{text}");
        }
    }
    for text in ["2024-04-10 15:00:06 PM", "2024-04-10 00:00:06 AM"] {
        assert_eq!(clock.read(text.as_bytes()), None, "{text}");
    }
}

#[test]
fn a_zone_may_be_told_by_an_abbreviation_that_means_one() {
    let mut clock = Clock::new(Some(berlin()));
    for (text, at) in [
        ("2024-04-10 08:00:06 PDT", "2024-04-10T15:00:06Z"),
        ("2024-04-10 08:00:06,250 EST", "2024-04-10T13:00:06.25Z"),
        ("2024-04-10T08:00:06 CEST", "2024-04-10T06:00:06Z"),
        ("10/Apr/2024:08:00:06 BST", "2024-04-10T07:00:06Z"),
    ] {
        assert_eq!(clock.read(text.as_bytes()), Some(utc(at)), "{text}");
    }
    for text in ["2024-04-10 08:00:06 IST", "2024-04-10 08:00:06 CST"] {
        assert_eq!(clock.read(text.as_bytes()), None, "{text}");
    }
}

#[test]
fn a_format_in_utc_is_so_in_any_zone() {
    let mut clock = Clock::new(Some(berlin()));
    assert_eq!(
        clock.read_utc(b"2024-07-10 09:00:00"),
        Some(utc("2024-07-10T09:00:00Z"))
    );
    assert_eq!(
        clock.read_utc(b"2024-07-10\t09:00:00.5"),
        Some(utc("2024-07-10T09:00:00.5Z"))
    );
    assert_eq!(
        clock.read(b"2024-07-10 09:00:00"),
        Some(utc("2024-07-10T07:00:00Z"))
    );
    assert!(!clock.assumed_utc());
}

#[test]
fn a_time_without_any_zone_is_utc_and_the_clock_says_so() {
    let mut clock = Clock::new(None);
    assert_eq!(clock.offsets(), None);
    assert_eq!(
        clock.read(b"2024-04-10T09:00:00-07:00"),
        Some(utc("2024-04-10T16:00:00Z"))
    );
    assert!(!clock.assumed_utc());
    assert_eq!(clock.offsets(), Some((-25_200, -25_200)));
    assert_eq!(
        clock.read(b"2024-04-10 09:00:00"),
        Some(utc("2024-04-10T09:00:00Z"))
    );
    assert!(clock.assumed_utc());
    assert_eq!(clock.offsets(), Some((-25_200, 0)));
    assert!(!clock.fresh().assumed_utc());
}

#[test]
fn a_year_that_is_missing_comes_from_the_end_of_the_file() {
    let mut clock = Clock::new(None).not_after(utc("2025-01-02T00:00:00Z"));
    assert_eq!(
        clock.read(b"Jan  1 16:19:38"),
        Some(utc("2025-01-01T16:19:38Z"))
    );
    assert_eq!(
        clock.read(b"Dec 31 16:19:38"),
        Some(utc("2024-12-31T16:19:38Z"))
    );
    assert_eq!(
        clock.read(b"Feb 29 16:19:38"),
        Some(utc("2024-02-29T16:19:38Z"))
    );
    assert_eq!(clock.read(b"Feb 30 16:19:38"), None);
    assert!(clock.assumed_year() && !clock.fresh().assumed_year());
    // klog's, glog's.
    assert_eq!(
        clock.read(b"1231 16:19:38.123456"),
        Some(utc("2024-12-31T16:19:38.123456Z"))
    );
    assert_eq!(clock.read(b"1331 16:19:38"), None);
}

proptest! {
    #[test]
    fn clf_and_rfc_3339_agree_with_jiff(
        second in -2_000_000_000i64..4_000_000_000, micros in 0i64..1_000_000, offset_min in -1439i32..=1439,
    ) {
        let at = Timestamp::from_microsecond(second * SECOND + micros).unwrap();
        let offset = jiff::tz::Offset::from_seconds(offset_min * 60).unwrap();
        let zoned = at.to_zoned(offset.to_time_zone());
        let mut clock = Clock::new(None);
        let rfc3339 = at.display_with_offset(offset).to_string();
        prop_assert_eq!(clock.read(rfc3339.as_bytes()), Some(at.as_microsecond()), "{}", rfc3339);
        let clf = zoned.strftime("%d/%b/%Y:%H:%M:%S %z").to_string();
        prop_assert_eq!(clock.clf(clf.as_bytes()), Some(second * SECOND), "{}", clf);
        let ctime = zoned.strftime("%a %b %e %H:%M:%S %Y %z").to_string();
        prop_assert_eq!(clock.read(ctime.as_bytes()), Some(second * SECOND), "{}", ctime);
        prop_assert_eq!(clock.offsets(), Some((offset_min * 60, offset_min * 60)));
    }

    #[test]
    fn local_times_agree_with_jiff(
        minutes in prop::collection::vec(28_400_000i64..28_400_000 + 1_051_200, 1..20), // two years from 2023-12-31
        zone in prop::sample::select(vec!["Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Asia/Kolkata"]),
    ) {
        let zone = TimeZone::get(zone).unwrap();
        let mut clock = Clock::new(Some(zone.clone()));
        for minute in minutes {
            let naive = Timestamp::from_second(minute * 60 + 7).unwrap().to_zoned(TimeZone::UTC).datetime();
            let expected = naive.to_zoned(zone.clone()).unwrap().timestamp().as_microsecond();
            let text = naive.strftime("%Y-%m-%d %H:%M:%S").to_string();
            prop_assert_eq!(clock.read(text.as_bytes()), Some(expected), "{}", text);
        }
    }

    #[test]
    fn what_the_clock_remembers_never_changes_an_answer(
        edits in prop::collection::vec((0usize..9, 0usize..28, prop::sample::select(b"0123456789/:+- .TZMar".to_vec())), 1..60),
    ) {
        let texts = ["17/May/2015:10:05:03 +0000", "17/May/2015:10:05:04 +0000", "2015-05-17T10:05:03.25Z",
            "2015-05-17 10:05:03", "1431857103.5", "[17/May/2015:10:05:58.120 +0200]", "2015-05-17 - 10:05:59",
            "2015-05-17T10:05:59.123456789+02:00", "2015-10-25 02:59:58,7"];
        let mut clock = Clock::new(Some(berlin()));
        for (which, at, byte) in edits {
            let mut text = texts[which].as_bytes().to_vec();
            if at < text.len() {
                text[at] = byte;
            }
            let alone = clock.fresh().clf(&text);
            prop_assert_eq!(clock.clf(&text), alone);
            prop_assert_eq!(clock.read(&text), alone);
            prop_assert_eq!(clock.read_utc(&text), clock.fresh().read_utc(&text));
        }
    }

    #[test]
    fn no_bytes_make_it_panic(text in prop::collection::vec(any::<u8>(), 0..40)) {
        let mut clock = Clock::new(Some(berlin())).not_after(utc("2025-01-02T00:00:00Z"));
        let first = clock.read(&text);
        prop_assert_eq!(clock.clf(&text), first);
    }
}

proptest::proptest! {
    #[test]
    fn a_plain_epoch_is_what_any_is(text in "[0-2]?[0-9]{8,10}[.,][0-9]{2,4}|[0-9.]{14}|[0-9]{10}[.][0-9]{2}[0-9x]") {
        let text = text.as_bytes();
        let any = text::epoch(text, None);
        if let Some(us) = text::plain_epoch(text) {
            proptest::prop_assert_eq!(any, Some(us));
        }
        // What a clock says is the same by either way.
        let mut clock = Clock::new(None);
        proptest::prop_assert_eq!(clock.clf(text), Clock::new(None).read(text));
        proptest::prop_assert_eq!(clock.offsets().is_some(), any.is_some());
    }
}
