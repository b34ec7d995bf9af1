//! Days and moments out of text. Pure. Moments are whole seconds of UTC; a text without a zone is
//! taken for UTC.

use chrono::format::{Item, Parsed, StrftimeItems, parse};
use chrono::{DateTime, NaiveDate, NaiveTime};

/// Seconds of a day.
pub const DAY: i64 = 86_400;

/// Fewest digits of a text that is seconds since 1970: fewer may be a day written YYYYMMDD.
const EPOCH_DIGITS: usize = 9;

/// How texts of a column are written.
#[derive(Debug, Clone)]
pub enum Form {
    /// The type's own forms.
    Own,
    /// Seconds since 1970.
    Epoch,
    /// Thousandths of seconds since 1970.
    EpochMillis,
    /// In the letters of `strftime`.
    Given(Vec<Item<'static>>),
}

impl Form {
    /// Reads a column's `format`.
    ///
    /// # Errors
    /// Where it has letters that `strftime` does not know.
    pub fn parse(format: Option<&str>) -> Result<Self, String> {
        let Some(text) = format else {
            return Ok(Self::Own);
        };
        match text {
            "epoch" => return Ok(Self::Epoch),
            "epoch-millis" => return Ok(Self::EpochMillis),
            _ => {}
        }
        match StrftimeItems::new(text).parse_to_owned() {
            Ok(items) if items.iter().any(is_field) => Ok(Self::Given(items)),
            _ => Err(format!(
                "`{text}` is no form of a date: write it as strftime does (\"%d.%m.%Y\"), or \"epoch\", or \"epoch-millis\""
            )),
        }
    }

    /// Seconds since 1970.
    pub fn moment(&self, text: &[u8]) -> Option<i64> {
        let text = text.trim_ascii();
        match self {
            Self::Own => moment(text),
            Self::Epoch => super::number::integer(text),
            Self::EpochMillis => Some(super::number::integer(text)?.div_euclid(1000)),
            Self::Given(items) => given(str::from_utf8(text).ok()?, items),
        }
        .filter(|seconds| DateTime::from_timestamp(*seconds, 0).is_some())
    }

    /// Days since 1970; `iso` allows `YYYY-MM-DD` where no form is given.
    pub fn day(&self, text: &[u8], iso: bool) -> Option<i32> {
        match self {
            Self::Own => day(text.trim_ascii(), iso),
            _ => i32::try_from(self.moment(text)?.div_euclid(DAY)).ok(),
        }
    }
}

fn is_field(item: &Item<'static>) -> bool {
    matches!(item, Item::Numeric(..) | Item::Fixed(..))
}

fn given(text: &str, items: &[Item<'static>]) -> Option<i64> {
    let mut parsed = Parsed::new();
    parse(&mut parsed, text, items.iter()).ok()?;
    if parsed.hour_mod_12().is_some() && parsed.minute().is_none() {
        parsed.set_minute(0).ok()?;
    }
    let offset = i64::from(parsed.offset().unwrap_or(0));
    if let Ok(moment) = parsed.to_naive_datetime_with_offset(0) {
        return Some(moment.and_utc().timestamp() - offset);
    }
    let midnight = parsed.to_naive_date().ok()?.and_time(NaiveTime::MIN);
    Some(midnight.and_utc().timestamp() - offset)
}

/// Days since 1970 of `YYYYMMDD` or, where allowed, `YYYY-MM-DD`.
fn day(text: &[u8], iso: bool) -> Option<i32> {
    match text.len() {
        8 => civil(
            number(&text[..4])?,
            number(&text[4..6])?,
            number(&text[6..])?,
        ),
        10 if iso && text[4] == b'-' && text[7] == b'-' => civil(
            number(&text[..4])?,
            number(&text[5..7])?,
            number(&text[8..])?,
        ),
        _ => None,
    }
}

fn civil(year: u32, month: u32, day: u32) -> Option<i32> {
    let date = NaiveDate::from_ymd_opt(year as i32, month, day)?;
    Some((date - NaiveDate::default()).num_days() as i32)
}

fn moment(text: &[u8]) -> Option<i64> {
    if text.len() >= EPOCH_DIGITS && text.iter().all(u8::is_ascii_digit) {
        return super::number::integer(text);
    }
    let Some((date, rest)) = text
        .split_at_checked(10)
        .filter(|(_, rest)| !rest.is_empty())
    else {
        return Some(i64::from(day(text, true)?) * DAY);
    };
    let [b'T' | b't' | b' ', rest @ ..] = rest else {
        return None;
    };
    let (clock, zone) = split_zone(rest);
    Some(i64::from(day(date, true)?) * DAY + seconds(clock)? - offset(zone)?)
}

/// The time of day, and what follows it.
fn split_zone(text: &[u8]) -> (&[u8], &[u8]) {
    let is_clock = |b: &u8| b.is_ascii_digit() || matches!(b, b':' | b'.');
    let end = text.iter().position(|b| !is_clock(b)).unwrap_or(text.len());
    (&text[..end], text[end..].trim_ascii())
}

/// Seconds of `HH:MM`, `HH:MM:SS` or `HH:MM:SS.fraction`.
fn seconds(clock: &[u8]) -> Option<i64> {
    let (clock, fraction) = match clock.iter().position(|b| *b == b'.') {
        Some(at) => (&clock[..at], Some(&clock[at + 1..])),
        None => (clock, None),
    };
    if fraction.is_some_and(|f| f.is_empty() || clock.len() != 8) {
        return None;
    }
    let parts = match *clock {
        [_, _, b':', _, _] => (&clock[..2], &clock[3..5], &b"00"[..]),
        [_, _, b':', _, _, b':', _, _] => (&clock[..2], &clock[3..5], &clock[6..]),
        _ => return None,
    };
    let (hour, minute, second) = (number(parts.0)?, number(parts.1)?, number(parts.2)?);
    let is_clock = hour < 24 && minute < 60 && second < 60;
    is_clock.then(|| i64::from(hour * 3600 + minute * 60 + second))
}

/// Seconds east of Greenwich.
fn offset(zone: &[u8]) -> Option<i64> {
    match zone {
        b"" | b"Z" | b"z" | b"UTC" | b"GMT" => Some(0),
        [sign @ (b'+' | b'-'), rest @ ..] => {
            let (hours, minutes) = match rest.len() {
                2 => (rest, &b"00"[..]),
                4 => rest.split_at(2),
                5 if rest[2] == b':' => (&rest[..2], &rest[3..]),
                _ => return None,
            };
            let east = i64::from(number(hours)? * 3600 + number(minutes)? * 60);
            (east <= DAY).then_some(if *sign == b'-' { -east } else { east })
        }
        _ => None,
    }
}

fn number(digits: &[u8]) -> Option<u32> {
    digits.iter().try_fold(0u32, |value, byte| {
        let digit = byte.wrapping_sub(b'0');
        (digit < 10).then(|| value * 10 + u32::from(digit))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_must_exist() {
        assert_eq!(day(b"19700102", true), Some(1));
        assert_eq!(day(b"1970-01-02", true), Some(1));
        assert_eq!(day(b"1970-01-02", false), None);
        for text in [
            "20230229",
            "2023022",
            "-2023011",
            "2023-2-01",
            "2023/02/01",
            "",
        ] {
            assert_eq!(day(text.as_bytes(), true), None, "{text}");
        }
    }

    #[test]
    fn moments_are_read_in_their_usual_forms() {
        let noon = 1_569_931_200;
        for text in [
            "2019-10-01 12:00:00 UTC",
            "2019-10-01T12:00:00Z",
            "2019-10-01 12:00",
            "2019-10-01T14:00:00+02:00",
            "2019-10-01 06:30:00.999 -0530",
            "1569931200",
        ] {
            assert_eq!(Form::Own.moment(text.as_bytes()), Some(noon), "{text}");
        }
        assert_eq!(Form::Own.moment(b"2019-10-01"), Some(noon - DAY / 2));
        assert_eq!(Form::Own.moment(b"20191001"), Some(noon - DAY / 2));
        for text in [
            "2019-10-01 24:00:00",
            "2019-10-01 12:00:00 CET",
            "2019-10-01 12",
            "2019-02-30 12:00:00",
            "yesterday",
            "99999999999999999",
        ] {
            assert_eq!(Form::Own.moment(text.as_bytes()), None, "{text}");
        }
    }

    #[test]
    fn a_form_may_be_given() -> Result<(), String> {
        let german = Form::parse(Some("%d.%m.%Y"))?;
        assert_eq!(german.moment(b"02.01.1970"), Some(DAY));
        assert_eq!(german.day(b"02.01.1970", true), Some(1));
        assert_eq!(german.moment(b"32.01.1970"), None);
        let clock = Form::parse(Some("%d/%m/%Y %H:%M"))?;
        assert_eq!(clock.moment(b"02/01/1970 01:00"), Some(DAY + 3600));
        let hours = Form::parse(Some("%Y-%m-%d %Hh"))?;
        assert_eq!(hours.moment(b"1970-01-02 07h"), Some(DAY + 7 * 3600));
        let zoned = Form::parse(Some("%Y%m%d %H%M%S %z"))?;
        assert_eq!(zoned.moment(b"19700101 010000 +0100"), Some(0));
        assert_eq!(Form::parse(Some("epoch"))?.moment(b"-1"), Some(-1));
        assert_eq!(
            Form::parse(Some("epoch-millis"))?.moment(b"86400999"),
            Some(DAY)
        );
        for wrong in ["%Q", "day", ""] {
            assert!(Form::parse(Some(wrong)).is_err(), "{wrong}");
        }
        Ok(())
    }
}
