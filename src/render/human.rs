//! Numbers as people write them: `1,234`, `14.9 %`, `2 h 1 min`.
//!
//! In come plain numbers in base units (counts, fractions, seconds); out come short texts. A
//! number and its unit are held together by a no-break space, which the page keeps on one line
//! and prints as a space. Rounding is for reading only: the JSON report has the full numbers.

/// `812345` → `812,345`.
pub fn count(n: u64) -> String {
    let digits = n.to_string();
    let mut out = String::with_capacity(digits.len() + digits.len() / 3);
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

/// `1` of `file` → `1 file`; `5` → `5 files`.
pub fn count_of(n: u64, noun: &str) -> String {
    let plural = if n == 1 { "" } else { "s" };
    format!("{}\u{a0}{noun}{plural}", count(n))
}

/// A fraction as a percentage, with about three digits: `14.9 %`, `0.29 %`.
pub fn percent(fraction: f64) -> String {
    format!("{}\u{a0}%", percent_number(fraction))
}

/// [`percent`] without its unit.
pub fn percent_number(fraction: f64) -> String {
    let percent = fraction * 100.0;
    if !percent.is_finite() {
        "?".to_owned()
    } else if percent == 0.0 {
        "0".to_owned()
    } else if percent.abs() < 0.01 {
        "<0.01".to_owned()
    } else if percent.abs() < 0.995 {
        format!("{percent:.2}")
    } else if percent.abs() < 99.95 {
        format!("{percent:.1}")
    } else {
        format!("{percent:.0}")
    }
}

/// A probability in whole percent, never rounded to certainty: `97 %`, `>99 %`, `<1 %`.
pub fn probability(p: f64) -> String {
    if !p.is_finite() {
        "?".to_owned()
    } else if p < 0.01 {
        "<1\u{a0}%".to_owned()
    } else if p > 0.99 {
        ">99\u{a0}%".to_owned()
    } else {
        format!("{:.0}\u{a0}%", p * 100.0)
    }
}

/// 10^12 s are 31,700 years: no log is longer, and the arithmetic below can't overflow.
const LONGEST_S: f64 = 1e12;

/// Seconds in the two units that matter: `42 s`, `94 s`, `12 min`, `2 h 1 min`, `3 d 4 h`.
pub fn duration(seconds: f64) -> String {
    if !seconds.is_finite() {
        return "?".to_owned();
    }
    let seconds = seconds.abs();
    if seconds < 1.0 {
        return if seconds == 0.0 {
            "0\u{a0}s".to_owned()
        } else {
            "under 1\u{a0}s".to_owned()
        };
    }
    let s = seconds.round().min(LONGEST_S) as u64;
    let (major, unit, minor, subunit) = match s {
        60 => return "1\u{a0}min".to_owned(),
        0..120 => return format!("{s}\u{a0}s"),
        120..600 => (s / 60, "min", s % 60, "s"),
        600..3570 => return format!("{}\u{a0}min", (s + 30) / 60),
        3570..171_000 => ((s + 30) / 3600, "h", (s + 30) % 3600 / 60, "min"),
        _ => ((s + 1800) / 86_400, "d", (s + 1800) % 86_400 / 3600, "h"),
    };
    if minor == 0 {
        format!("{major}\u{a0}{unit}")
    } else {
        format!("{major}\u{a0}{unit}\u{a0}{minor}\u{a0}{subunit}")
    }
}

/// A ratio: `1.4×`, `31×`, `>9,999×`.
pub fn times(ratio: f64) -> String {
    if !ratio.is_finite() {
        "?".to_owned()
    } else if ratio < 9.95 {
        format!("{ratio:.1}×")
    } else if ratio < 9_999.5 {
        format!("{}×", count(ratio.round() as u64))
    } else {
        ">9,999×".to_owned()
    }
}

/// A latency: `240 ms`, `2.41 s`, `31 s`.
pub fn latency(seconds: f64) -> String {
    if !seconds.is_finite() {
        "?".to_owned()
    } else if seconds < 0.9995 {
        format!("{:.0}\u{a0}ms", seconds * 1000.0)
    } else if seconds < 9.995 {
        format!("{seconds:.2}\u{a0}s")
    } else {
        duration(seconds)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spaced(text: String) -> String {
        text.replace('\u{a0}', " ")
    }

    #[test]
    fn counts_have_thousands_separators() {
        for (n, expected) in [
            (0, "0"),
            (999, "999"),
            (1_000, "1,000"),
            (812_345, "812,345"),
            (u64::MAX, "18,446,744,073,709,551,615"),
        ] {
            assert_eq!(count(n), expected);
        }
        assert_eq!(spaced(count_of(1, "file")), "1 file");
        assert_eq!(spaced(count_of(0, "file")), "0 files");
    }

    #[test]
    fn percentages_keep_about_three_digits() {
        for (fraction, expected) in [
            (0.0, "0 %"),
            (0.000_01, "<0.01 %"),
            (0.001, "0.10 %"),
            (0.0029, "0.29 %"),
            (0.009_99, "1.0 %"),
            (0.151, "15.1 %"),
            (0.9996, "100 %"),
            (1.0, "100 %"),
            (f64::NAN, "? %"),
        ] {
            assert_eq!(spaced(percent(fraction)), expected);
        }
    }

    #[test]
    fn a_probability_is_never_rounded_to_certainty() {
        for (p, expected) in [
            (0.0, "<1 %"),
            (0.004, "<1 %"),
            (0.01, "1 %"),
            (0.968, "97 %"),
            (0.99, "99 %"),
            (0.9999, ">99 %"),
            (f64::NAN, "?"),
        ] {
            assert_eq!(spaced(probability(p)), expected);
        }
    }

    #[test]
    fn durations_have_two_units_at_most() {
        for (seconds, expected) in [
            (0.0, "0 s"),
            (0.4, "under 1 s"),
            (42.4, "42 s"),
            (-42.0, "42 s"),
            (60.0, "1 min"),
            (94.0, "94 s"),
            (120.0, "2 min"),
            (125.0, "2 min 5 s"),
            (599.6, "10 min"),
            (754.0, "13 min"),
            (3569.0, "59 min"),
            (3570.0, "1 h"),
            (7282.0, "2 h 1 min"),
            (86_400.0, "24 h"),
            (187_200.0, "2 d 4 h"),
            (u64::MAX as f64, "11574074 d 2 h"), // 10^12 s, rounded to the hour
            (f64::INFINITY, "?"),
        ] {
            assert_eq!(spaced(duration(seconds)), expected, "{seconds}");
        }
    }

    #[test]
    fn ratios_have_two_digits_at_least() {
        for (ratio, expected) in [
            (1.44, "1.4×"),
            (31.2, "31×"),
            (2100.0, "2,100×"),
            (1e300, ">9,999×"),
            (f64::NAN, "?"),
        ] {
            assert_eq!(times(ratio), expected);
        }
    }

    #[test]
    fn latencies_are_in_ms_below_a_second() {
        for (seconds, expected) in [
            (0.0123, "12 ms"),
            (0.2404, "240 ms"),
            (2.414, "2.41 s"),
            (31.2, "31 s"),
            (f64::NAN, "?"),
        ] {
            assert_eq!(spaced(latency(seconds)), expected);
        }
    }
}
