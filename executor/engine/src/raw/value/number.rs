//! Numbers, ids and amounts out of text. Pure; nothing is rounded or cut unless asked for.

use std::borrow::Cow;

use crate::raw::MONEY;

/// The largest magnitude below which a float holds every integer.
const EXACT: f64 = 9_007_199_254_740_992.0;

/// How far a float may be from a hundredth to be taken for it, in hundredths: far above what
/// floats lose below ten digits, far below what a third decimal makes.
const NEAR: f64 = 1e-4;

/// A whole number, `3.0` and `3.0E1` among them; `None` for all else, and where it overflows.
pub fn integer(text: &[u8]) -> Option<i64> {
    let text = text.trim_ascii();
    let (negative, digits) = signed(text);
    if let Some(value) = digits_value(digits) {
        return Some(if negative { -value } else { value });
    }
    if digits.is_empty() || digits.iter().all(u8::is_ascii_digit) {
        // Too long for the quick way: the least number fits only with its sign.
        return str::from_utf8(text).ok()?.parse().ok();
    }
    if let Some(whole) = without_zeros(digits) {
        let value = digits_value(whole)?;
        return Some(if negative { -value } else { value });
    }
    let looks_like_a_float = digits.iter().any(|b| b.is_ascii_digit())
        && digits
            .iter()
            .all(|b| b.is_ascii_digit() || matches!(b, b'.' | b'e' | b'E' | b'+' | b'-'));
    if !looks_like_a_float {
        return None;
    }
    integer_of(str::from_utf8(text).ok()?.parse().ok()?)
}

/// The integer that a float is, where it is one that floats tell apart from its neighbours.
pub fn integer_of(value: f64) -> Option<i64> {
    (value.is_finite() && value.fract() == 0.0 && value.abs() <= EXACT).then_some(value as i64)
}

/// An id as text. An integer written as a float (`749534.0`, `7.49534E5`) is that integer; a float
/// that is no number or that no integer holds is no id.
pub fn id_text(text: &[u8]) -> Option<Cow<'_, [u8]>> {
    let text = text.trim_ascii();
    let (_, digits) = signed(text);
    if without_zeros(digits).is_some_and(|whole| !whole.is_empty()) {
        let sign = text.len() - digits.len();
        let whole = digits.iter().position(|b| *b == b'.').unwrap_or_default();
        let from = if text[0] == b'+' { sign } else { 0 };
        return Some(Cow::Borrowed(&text[from..sign + whole]));
    }
    let spelt = [&b"nan"[..], b"inf", b"infinity"];
    if spelt.iter().any(|word| digits.eq_ignore_ascii_case(word)) {
        return None;
    }
    // `1E5` may be a product's code; `1.0E5` is how some programs write a float.
    let scientific = digits.first().is_some_and(u8::is_ascii_digit)
        && digits.contains(&b'.')
        && digits.iter().any(|b| matches!(b, b'e' | b'E'));
    if scientific && let Ok(value) = str::from_utf8(text).ok()?.parse::<f64>() {
        return integer_of(value).map(|id| Cow::Owned(id.to_string().into_bytes()));
    }
    Some(Cow::Borrowed(text))
}

/// A finite number.
pub fn float(text: &[u8]) -> Option<f64> {
    let value: f64 = str::from_utf8(text.trim_ascii()).ok()?.parse().ok()?;
    value.is_finite().then_some(value)
}

/// True or false.
pub fn boolean(text: &[u8]) -> Option<bool> {
    let text = text.trim_ascii();
    let is_one_of = |words: [&str; 4]| {
        words
            .iter()
            .any(|w| text.eq_ignore_ascii_case(w.as_bytes()))
    };
    match () {
        () if is_one_of(["true", "t", "yes", "y"]) || text == b"1" => Some(true),
        () if is_one_of(["false", "f", "no", "n"]) || text == b"0" => Some(false),
        () => None,
    }
}

/// Hundredths: ten digits before the point. More than two decimals (zeros at the end aside) are
/// rounded half away from zero where `round` says so, and refused otherwise.
pub fn money(text: &[u8], round: bool) -> Option<i128> {
    let (negative, digits) = signed(text.trim_ascii());
    let point = digits.iter().position(|b| *b == b'.');
    let (whole, decimals) = match point {
        Some(at) => (&digits[..at], &digits[at + 1..]),
        None => (digits, &[][..]),
    };
    let most = usize::from(MONEY.0) - MONEY.1 as usize;
    let is_empty = whole.is_empty() && decimals.is_empty();
    if is_empty || whole.len() > most || !decimals.iter().all(u8::is_ascii_digit) {
        return None;
    }
    let digit = |at: usize| decimals.get(at).map_or(0, |b| i64::from(b - b'0'));
    let mut value = digits_value(whole).or(whole.is_empty().then_some(0))? * 100;
    value += digit(0) * 10 + digit(1);
    let rest = decimals.get(2..).unwrap_or_default();
    if rest.iter().any(|b| *b != b'0') {
        if !round {
            return None;
        }
        value += i64::from(rest[0] >= b'5');
    }
    in_range(i128::from(if negative { -value } else { value }))
}

/// As [`money`], of a float: what floats cannot hold exactly is no third decimal.
pub fn money_of(value: f64, round: bool) -> Option<i128> {
    let hundredths = value * 100.0;
    let nearest = hundredths.round();
    let is_near = (hundredths - nearest).abs() <= NEAR;
    (value.is_finite() && (is_near || round))
        .then_some(nearest as i128)
        .and_then(in_range)
}

/// All of these as hundredths, where all are near some and none has too many digits: the quick
/// way for a whole column.
pub fn all_hundredths(values: &[f64]) -> Option<Vec<i128>> {
    let most = 10f64.powi(i32::from(MONEY.0));
    let mut fine = true;
    let hundredths = values.iter().map(|value| {
        let hundredths = value * 100.0;
        let nearest = (hundredths + 0.5f64.copysign(hundredths)) as i64;
        fine &= (hundredths - nearest as f64).abs() <= NEAR && hundredths.abs() < most - 1.0;
        i128::from(nearest)
    });
    let hundredths = hundredths.collect();
    fine.then_some(hundredths)
}

fn in_range(hundredths: i128) -> Option<i128> {
    (hundredths.unsigned_abs() < 10u128.pow(u32::from(MONEY.0))).then_some(hundredths)
}

/// Whether there is a minus, and what follows the sign.
fn signed(text: &[u8]) -> (bool, &[u8]) {
    match text {
        [b'-', rest @ ..] => (true, rest),
        [b'+', rest @ ..] => (false, rest),
        _ => (false, text),
    }
}

/// The value of 1 to 18 digits.
fn digits_value(digits: &[u8]) -> Option<i64> {
    if digits.is_empty() || digits.len() > 18 {
        return None;
    }
    let mut value = 0i64;
    for byte in digits {
        let digit = byte.wrapping_sub(b'0');
        if digit > 9 {
            return None;
        }
        value = value * 10 + i64::from(digit);
    }
    Some(value)
}

/// The digits before a point that only zeros follow.
fn without_zeros(digits: &[u8]) -> Option<&[u8]> {
    let at = digits.iter().position(|b| *b == b'.')?;
    let (whole, zeros) = (&digits[..at], &digits[at + 1..]);
    let fits = whole.iter().all(u8::is_ascii_digit) && zeros.iter().all(|b| *b == b'0');
    fits.then_some(whole)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whole_numbers_may_be_written_as_floats() {
        let cases: [(&str, Option<i64>); 19] = [
            ("0", Some(0)),
            (" 42 ", Some(42)),
            ("-7", Some(-7)),
            ("+7", Some(7)),
            ("749534.0", Some(749_534)),
            ("-3.000", Some(-3)),
            ("1.4687389E7", Some(14_687_389)),
            ("9223372036854775807", Some(i64::MAX)),
            ("-9223372036854775808", Some(i64::MIN)),
            ("9223372036854775808", None),
            ("1e300", None),
            ("9.3E18", None),
            ("1.5", None),
            ("nan", None),
            ("inf", None),
            ("", None),
            (".", None),
            ("-", None),
            ("12a", None),
        ];
        for (text, value) in cases {
            assert_eq!(integer(text.as_bytes()), value, "{text}");
        }
    }

    #[test]
    fn ids_stay_as_they_are_unless_written_as_floats() {
        for (text, id) in [
            ("749534.0", Some("749534")),
            ("-5.00", Some("-5")),
            ("+5.0", Some("5")),
            ("1.4687389E7", Some("14687389")),
            ("1E5", Some("1E5")),
            ("007", Some("007")),
            ("a-7.0", Some("a-7.0")),
            (".0", Some(".0")),
            ("1.50", Some("1.50")),
            ("Infinity", None),
            ("NaN", None),
            ("1.0E300", None),
        ] {
            let read = id_text(text.as_bytes());
            assert_eq!(read.as_deref(), id.map(str::as_bytes), "{text}");
        }
    }

    #[test]
    fn money_is_exact_or_refused() {
        for (text, cents) in [
            ("1.5", 150),
            ("0.05", 5),
            (".5", 50),
            ("12", 1200),
            ("-3.99", -399),
            ("2.500", 250),
            ("5.", 500),
            ("9999999999.99", 999_999_999_999),
        ] {
            assert_eq!(money(text.as_bytes(), false), Some(cents), "{text}");
        }
        for text in ["1.234", "", ".", "1,5", "a", "1e3", "12345678901", "-"] {
            assert_eq!(money(text.as_bytes(), false), None, "{text}");
        }
    }

    #[test]
    fn money_is_rounded_where_that_is_declared() {
        for (text, cents) in [
            ("1.234", 123),
            ("1.235", 124),
            ("-1.235", -124),
            ("0.999", 100),
        ] {
            assert_eq!(money(text.as_bytes(), true), Some(cents), "{text}");
        }
        assert_eq!(money(b"9999999999.999", true), None);
        assert_eq!(money_of(1.1 + 2.2, false), Some(330));
        assert_eq!(money_of(1.234, false), None);
        assert_eq!(money_of(1.236, true), Some(124));
        assert_eq!(money_of(f64::NAN, true), None);
        assert_eq!(money_of(1e300, true), None);
        let all = all_hundredths(&[1.1 + 2.2, -0.07, 0.0, 19.99]);
        assert_eq!(all, Some(vec![330, -7, 0, 1999]));
        for odd in [1.234, f64::NAN, f64::INFINITY, 1e10] {
            assert_eq!(all_hundredths(&[1.0, odd]), None, "{odd}");
        }
    }

    #[test]
    fn truth_has_few_words() {
        assert_eq!(boolean(b"Yes"), Some(true));
        assert_eq!(boolean(b" 0 "), Some(false));
        assert_eq!(boolean(b"2"), None);
        assert_eq!(float(b"1e400"), None);
        assert_eq!(float(b"-2.5"), Some(-2.5));
    }
}
