//! Numbers, sizes and times as people read them. Plain spaces, no colours.

use chrono::DateTime;

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

/// A count with its noun: `1 row`, `3 rows`.
pub fn plural(n: u64, noun: &str) -> String {
    let s = if n == 1 { "" } else { "s" };
    format!("{} {noun}{s}", count(n))
}

/// A non-negative number without decimals: `56,000`.
pub fn whole(x: f64) -> String {
    // Saturates: rates far beyond u64 do not occur.
    count(x.max(0.0).round() as u64)
}

/// Bytes in decimal units: `4.1 MB`.
pub fn bytes(n: u64) -> String {
    let mut value = n as f64;
    let mut unit = "B";
    for next in ["kB", "MB", "GB", "TB", "PB"] {
        if value < 999.5 {
            break;
        }
        value /= 1000.0;
        unit = next;
    }
    if unit == "B" || value >= 99.95 {
        format!("{value:.0} {unit}")
    } else {
        format!("{value:.1} {unit}")
    }
}

/// Seconds as `830 ms`, `2.3 s`, `1 min 12 s` or `3 h 05 min`.
pub fn duration(seconds: f64) -> String {
    if !seconds.is_finite() || seconds < 0.0 {
        return "-".to_owned();
    }
    if seconds < 0.9995 {
        return format!("{:.0} ms", seconds * 1e3);
    }
    if seconds < 59.95 {
        return format!("{seconds:.1} s");
    }
    let seconds = seconds.round() as u64;
    if seconds < 3600 {
        return format!("{} min {:02} s", seconds / 60, seconds % 60);
    }
    format!("{} h {:02} min", seconds / 3600, seconds % 3600 / 60)
}

/// A guess at seconds, without a false promise: `15 s`, `1 min 12 s`.
pub fn about(seconds: f64) -> String {
    if seconds < 59.5 {
        format!("{:.0} s", seconds.max(0.0).ceil())
    } else {
        duration(seconds)
    }
}

/// Milliseconds since 1970 as `2026-01-31 02:00:05` (UTC).
pub fn timestamp(ms: i64) -> String {
    DateTime::from_timestamp_millis(ms).map_or_else(
        || "-".to_owned(),
        |t| t.format("%Y-%m-%d %H:%M:%S").to_string(),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_read_well() {
        assert_eq!(
            [count(7), count(1234), count(1_234_567)],
            ["7", "1,234", "1,234,567"]
        );
        assert_eq!(
            [plural(1, "row"), plural(2000, "row")],
            ["1 row", "2,000 rows"]
        );
        assert_eq!(
            [
                bytes(0),
                bytes(999),
                bytes(1000),
                bytes(4_100_000),
                bytes(512_000_000)
            ],
            ["0 B", "999 B", "1.0 kB", "4.1 MB", "512 MB"]
        );
        assert_eq!(
            [
                duration(0.83),
                duration(2.34),
                duration(72.0),
                duration(11_100.0)
            ],
            ["830 ms", "2.3 s", "1 min 12 s", "3 h 05 min"]
        );
        assert_eq!(duration(f64::NAN), "-");
        assert_eq!(
            [about(0.2), about(14.6), about(72.0)],
            ["1 s", "15 s", "1 min 12 s"]
        );
        assert_eq!(timestamp(1_700_000_000_123), "2023-11-14 22:13:20");
    }
}
