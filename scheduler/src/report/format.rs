//! Numbers as a person reads them: separators, units, sensible precision.
//!
//! Owns every number format of the page. It must not know HTML. What is not finite is a dash,
//! minus is U+2212, and a unit is held to its number by a no-break space.

const DASH: &str = "–";
const NBSP: char = '\u{a0}';

/// `1234567` as `1,234,567`.
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

/// A count with its noun: `1 table`, `3 tables`.
pub fn plural(n: u64, one: &str, many: &str) -> String {
    format!("{}{NBSP}{}", count(n), if n == 1 { one } else { many })
}

/// `48_120_000` as `48.1 M`; below ten thousand in full.
pub fn short(n: f64) -> String {
    if !n.is_finite() {
        return DASH.to_owned();
    }
    let size = n.abs();
    // The thresholds are where rounding to three digits would reach the next unit.
    match size {
        _ if size >= 999.5e6 => format!("{}{NBSP}G", three_digits(n / 1e9)),
        _ if size >= 999.5e3 => format!("{}{NBSP}M", three_digits(n / 1e6)),
        _ if size >= 9_999.5 => format!("{}{NBSP}k", three_digits(n / 1e3)),
        _ if size >= 100.0 || n.fract() == 0.0 => grouped(n, 0),
        _ => three_digits(n),
    }
}

/// Bytes in binary units: `1.21 MiB`.
pub fn bytes(n: u64) -> String {
    const UNITS: [&str; 5] = ["KiB", "MiB", "GiB", "TiB", "PiB"];
    if n < 1024 {
        return format!("{n}{NBSP}B");
    }
    let mut value = n as f64 / 1024.0;
    let mut unit = UNITS[0];
    for next in &UNITS[1..] {
        if value < 999.5 {
            break;
        }
        value /= 1024.0;
        unit = next;
    }
    format!("{}{NBSP}{unit}", three_digits(value))
}

/// Seconds as `830 ms`, `4.21 s`, `12 min 40 s`, `3 h 05 min` or `2 d 4 h`.
pub fn duration(seconds: f64) -> String {
    if !seconds.is_finite() || seconds < 0.0 {
        return DASH.to_owned();
    }
    if seconds == 0.0 {
        return format!("0{NBSP}s");
    }
    if seconds < 0.001 {
        return format!("<{NBSP}1{NBSP}ms");
    }
    if seconds < 0.9995 {
        return format!("{:.0}{NBSP}ms", seconds * 1e3);
    }
    if seconds < 59.95 {
        return format!("{}{NBSP}s", three_digits(seconds));
    }
    let whole = seconds.round() as u64;
    let (minutes, hours, days) = (whole / 60, whole / 3_600, whole / 86_400);
    match whole {
        0..3_600 => format!("{minutes}{NBSP}min {:02}{NBSP}s", whole % 60),
        3_600..172_800 => format!("{hours}{NBSP}h {:02}{NBSP}min", minutes % 60),
        _ => format!("{days}{NBSP}d {}{NBSP}h", hours % 24),
    }
}

/// A share in percent. Only nothing is `0 %` and only everything is `100 %`.
pub fn share(part: f64, whole: f64) -> String {
    let percent = part / whole * 100.0;
    if !percent.is_finite() {
        return DASH.to_owned();
    }
    match percent {
        _ if percent <= 0.0 => format!("0{NBSP}%"),
        _ if percent < 0.01 => format!("<{NBSP}0.01{NBSP}%"),
        _ if percent < 0.995 => format!("{percent:.2}{NBSP}%"),
        _ if percent >= 100.0 => format!("100{NBSP}%"),
        _ if percent >= 99.95 => format!(">{NBSP}99.9{NBSP}%"),
        _ => format!("{percent:.1}{NBSP}%"),
    }
}

/// Fixed decimals, for columns that must line up.
pub fn fixed(value: f64, decimals: usize) -> String {
    if value.is_finite() {
        grouped(value, decimals)
    } else {
        DASH.to_owned()
    }
}

/// A metric's value: four decimals, fewer where the value is large.
pub fn metric(value: f64) -> String {
    fixed(value, if value.abs() < 10.0 { 4 } else { 2 })
}

/// A difference, always with its sign.
pub fn signed(value: f64) -> String {
    let text = metric(value);
    if value > 0.0 {
        format!("+{text}")
    } else {
        text
    }
}

/// Three significant digits without trailing zeros: `0.00025`, `0.412`, `2.5e−6`.
pub fn significant(value: f64) -> String {
    if !value.is_finite() {
        return DASH.to_owned();
    }
    let size = value.abs();
    if size >= 1_000.0 {
        return grouped(value, 0);
    }
    if size > 0.0 && size < 1e-4 {
        let text = format!("{value:.2e}");
        let (mantissa, exponent) = text.split_once('e').unwrap_or((&text, "0"));
        return format!("{}e{}", trimmed(mantissa), exponent).replace('-', "−");
    }
    let decimals = if size == 0.0 {
        0
    } else {
        (2 - size.log10().floor() as i32).max(0) as usize
    };
    trimmed(&grouped(value, decimals))
}

/// A loss: three decimals, or three digits where it is small.
pub fn loss(value: f64) -> String {
    if value.abs() < 0.01 {
        significant(value)
    } else {
        fixed(value, 3)
    }
}

/// The first 12 characters of a hash or id.
pub fn hash(text: &str) -> String {
    text.chars().take(12).collect()
}

/// `text` cut to `max` characters, the last one an ellipsis where something was cut.
pub fn clip(text: &str, max: usize) -> String {
    if text.chars().count() <= max {
        return text.to_owned();
    }
    text.chars()
        .take(max.saturating_sub(1))
        .chain(['…'])
        .collect()
}

/// An RFC 3339 time for reading: `2026-04-14T02:00:00.12Z` as `2026-04-14 02:00:00 UTC`.
pub fn moment(rfc3339: &str) -> String {
    let Some((date, rest)) = rfc3339.split_once(['T', ' ']) else {
        return rfc3339.to_owned();
    };
    let (time, zone) = match rest.find(['Z', 'z', '+', '-']) {
        Some(at) => rest.split_at(at),
        None => (rest, ""),
    };
    let time = time.split('.').next().unwrap_or(time);
    let zone = if matches!(zone, "Z" | "z" | "+00:00") {
        "UTC"
    } else {
        zone
    };
    format!("{date} {time} {zone}").trim_end().to_owned()
}

/// Names in a sentence: `a`, `a and b`, `a, b and c`.
pub fn list(names: &[&str]) -> String {
    match names {
        [] => String::new(),
        [one] => (*one).to_owned(),
        [rest @ .., last] => format!("{} and {last}", rest.join(", ")),
    }
}

fn three_digits(value: f64) -> String {
    let decimals = match value.abs() {
        size if size >= 99.95 => 0,
        size if size >= 9.995 => 1,
        _ => 2,
    };
    format!("{value:.decimals$}").replace('-', "−")
}

fn grouped(value: f64, decimals: usize) -> String {
    let text = format!("{:.decimals$}", value.abs());
    let (whole, fraction) = text.split_once('.').unwrap_or((&text, ""));
    let whole = whole.parse().map_or_else(|_| whole.to_owned(), count);
    // A value that rounds to zero has no sign worth showing.
    let negative = value < 0.0 && text.bytes().any(|byte| matches!(byte, b'1'..=b'9'));
    let sign = if negative { "−" } else { "" };
    if fraction.is_empty() {
        format!("{sign}{whole}")
    } else {
        format!("{sign}{whole}.{fraction}")
    }
}

fn trimmed(number: &str) -> String {
    if number.contains('.') {
        number
            .trim_end_matches('0')
            .trim_end_matches('.')
            .to_owned()
    } else {
        number.to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plain(text: String) -> String {
        text.replace(NBSP, " ")
    }

    #[test]
    fn counts_have_separators() {
        assert_eq!(
            ["0", "999", "1,000", "12,345,678"],
            [0, 999, 1_000, 12_345_678]
                .map(count)
                .each_ref()
                .map(String::as_str)
        );
        assert_eq!(plain(plural(1, "table", "tables")), "1 table");
    }

    #[test]
    fn short_counts_never_round_into_a_fourth_digit() {
        let shown = [
            0.0,
            42.0,
            9_999.0,
            10_000.0,
            999_499.0,
            999_500.0,
            48_120_000.0,
            2.5e9,
        ]
        .map(|n| plain(short(n)));
        assert_eq!(
            shown,
            [
                "0", "42", "9,999", "10.0 k", "999 k", "1.00 M", "48.1 M", "2.50 G"
            ]
        );
    }

    #[test]
    fn bytes_use_binary_units() {
        let shown = [0, 1_023, 1_024, 1_048_576, 1_268_000, u64::MAX].map(|n| plain(bytes(n)));
        assert_eq!(
            shown,
            [
                "0 B",
                "1023 B",
                "1.00 KiB",
                "1.00 MiB",
                "1.21 MiB",
                "16384 PiB"
            ]
        );
    }

    #[test]
    fn durations_change_unit_without_a_gap() {
        let shown = [
            0.0,
            0.0002,
            0.83,
            0.9999,
            4.214,
            59.97,
            760.4,
            3_599.6,
            11_100.0,
            187_300.0,
            f64::NAN,
            -1.0,
        ];
        let want = [
            "0 s",
            "< 1 ms",
            "830 ms",
            "1.00 s",
            "4.21 s",
            "1 min 00 s",
            "12 min 40 s",
            "1 h 00 min",
            "3 h 05 min",
            "2 d 4 h",
            "–",
            "–",
        ];
        assert_eq!(shown.map(|s| plain(duration(s))), want);
    }

    #[test]
    fn shares_keep_nothing_and_everything_apart_from_nearly() {
        let shown = [
            (0.0, 9.0),
            (1.0, 1e9),
            (1.0, 250.0),
            (1.0, 8.0),
            (99_999.0, 1e5),
            (3.0, 3.0),
            (0.0, 0.0),
        ];
        let want = [
            "0 %", "< 0.01 %", "0.40 %", "12.5 %", "> 99.9 %", "100 %", "–",
        ];
        assert_eq!(shown.map(|(part, whole)| plain(share(part, whole))), want);
    }

    #[test]
    fn precision_follows_the_size() {
        let shown = [0.0, 0.00025, 0.025, 0.41234, 12.5, 1_234.5, 2.5e-6, -0.5].map(significant);
        assert_eq!(
            shown,
            [
                "0", "0.00025", "0.025", "0.412", "12.5", "1,234", "2.5e−6", "−0.5"
            ]
        );
        assert_eq!(
            [0.01234, -0.00004, -0.2, 0.0].map(signed),
            ["+0.0123", "0.0000", "−0.2000", "0.0000"]
        );
    }

    #[test]
    fn moments_drop_the_fraction_and_name_utc() {
        assert_eq!(
            moment("2026-04-14T02:00:00.125Z"),
            "2026-04-14 02:00:00 UTC"
        );
        assert_eq!(
            moment("2026-04-14T02:00:00+02:00"),
            "2026-04-14 02:00:00 +02:00"
        );
        assert_eq!(moment("yesterday"), "yesterday");
    }

    #[test]
    fn clipping_counts_characters() {
        assert_eq!(clip("Müsli", 5), "Müsli");
        assert_eq!(clip("Müsli mit Nüssen", 6), "Müsli…");
        assert_eq!(list(&["a", "b", "c"]), "a, b and c");
    }
}
