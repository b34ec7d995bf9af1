//! Builds one typed column from fields of text.

use std::str::FromStr;
use std::sync::Arc;

use chrono::{NaiveDate, NaiveDateTime};
use datafusion::arrow::array::{
    ArrayRef, Date32Builder, Decimal128Builder, Int32Builder, Int64Builder, StringBuilder,
    TimestampSecondBuilder,
};
use datafusion::error::Result;

use super::wanted;
use crate::raw::{MONEY, RawType};

/// A builder by type.
pub enum ColumnBuilder {
    Int32(Vec<Option<i32>>),
    Int64(Vec<Option<i64>>),
    /// Bytes of all texts, and the end of each (`None`: null).
    Text(String, Vec<(usize, bool)>),
    Date(Vec<Option<i32>>),
    Timestamp(Vec<Option<i64>>),
    Money(Vec<Option<i128>>),
}

impl ColumnBuilder {
    pub fn new(kind: RawType, rows: usize) -> Self {
        match kind {
            RawType::Int32 => Self::Int32(Vec::with_capacity(rows)),
            RawType::Int64 => Self::Int64(Vec::with_capacity(rows)),
            RawType::Text => Self::Text(String::new(), Vec::with_capacity(rows)),
            RawType::DateYmd => Self::Date(Vec::with_capacity(rows)),
            RawType::Timestamp => Self::Timestamp(Vec::with_capacity(rows)),
            RawType::Money => Self::Money(Vec::with_capacity(rows)),
        }
    }

    pub fn push_null(&mut self) {
        match self {
            Self::Int32(v) | Self::Date(v) => v.push(None),
            Self::Int64(v) | Self::Timestamp(v) => v.push(None),
            Self::Text(bytes, ends) => ends.push((bytes.len(), false)),
            Self::Money(v) => v.push(None),
        }
    }

    /// Appends a field that is not empty, or says what it should have been.
    pub fn push(&mut self, field: &[u8]) -> Result<(), &'static str> {
        let text = std::str::from_utf8(field).map_err(|_| wanted(RawType::Text))?;
        match self {
            Self::Int32(v) => v.push(Some(number(text).ok_or(wanted(RawType::Int32))?)),
            Self::Int64(v) => v.push(Some(number(text).ok_or(wanted(RawType::Int64))?)),
            Self::Text(bytes, ends) => {
                bytes.push_str(text);
                ends.push((bytes.len(), true));
            }
            Self::Date(v) => v.push(Some(day(text).ok_or(wanted(RawType::DateYmd))?)),
            Self::Timestamp(v) => v.push(Some(moment(text).ok_or(wanted(RawType::Timestamp))?)),
            Self::Money(v) => v.push(Some(money(text).ok_or(wanted(RawType::Money))?)),
        }
        Ok(())
    }

    /// Makes row `row` null, whether it was appended before the row's fault was seen or not.
    pub fn make_last_null(&mut self, row: usize) {
        match self {
            Self::Int32(v) | Self::Date(v) => v.truncate(row),
            Self::Int64(v) | Self::Timestamp(v) => v.truncate(row),
            Self::Money(v) => v.truncate(row),
            Self::Text(bytes, ends) => {
                ends.truncate(row);
                bytes.truncate(ends.last().map_or(0, |(end, _)| *end));
            }
        }
        self.push_null();
    }

    pub fn finish(self) -> Result<ArrayRef> {
        Ok(match self {
            Self::Int32(v) => {
                let mut b = Int32Builder::with_capacity(v.len());
                v.into_iter().for_each(|x| b.append_option(x));
                Arc::new(b.finish())
            }
            Self::Int64(v) => {
                let mut b = Int64Builder::with_capacity(v.len());
                v.into_iter().for_each(|x| b.append_option(x));
                Arc::new(b.finish())
            }
            Self::Date(v) => {
                let mut b = Date32Builder::with_capacity(v.len());
                v.into_iter().for_each(|x| b.append_option(x));
                Arc::new(b.finish())
            }
            Self::Timestamp(v) => {
                let mut b = TimestampSecondBuilder::with_capacity(v.len());
                v.into_iter().for_each(|x| b.append_option(x));
                Arc::new(b.finish())
            }
            Self::Money(v) => {
                let mut b = Decimal128Builder::with_capacity(v.len());
                v.into_iter().for_each(|x| b.append_option(x));
                Arc::new(b.finish().with_precision_and_scale(MONEY.0, MONEY.1)?)
            }
            Self::Text(bytes, ends) => {
                let mut b = StringBuilder::with_capacity(ends.len(), bytes.len());
                let mut start = 0;
                for (end, present) in ends {
                    b.append_option(present.then(|| &bytes[start..end]));
                    start = end;
                }
                Arc::new(b.finish())
            }
        })
    }
}

fn number<T: FromStr>(text: &str) -> Option<T> {
    text.trim().parse().ok()
}

/// Days since 1970 of YYYYMMDD.
fn day(text: &str) -> Option<i32> {
    let text = text.trim();
    if text.len() != 8 {
        return None;
    }
    let n: i32 = text.parse().ok()?;
    let date = NaiveDate::from_ymd_opt(
        n / 10_000,
        (n / 100 % 100).unsigned_abs(),
        (n % 100).unsigned_abs(),
    )?;
    Some((date - NaiveDate::default()).num_days() as i32)
}

/// Seconds since 1970.
fn moment(text: &str) -> Option<i64> {
    let text = text.trim().trim_end_matches(" UTC").trim_end_matches('Z');
    ["%Y-%m-%d %H:%M:%S", "%Y-%m-%dT%H:%M:%S"]
        .iter()
        .find_map(|form| NaiveDateTime::parse_from_str(text, form).ok())
        .map(|t| t.and_utc().timestamp())
}

/// Cents: at most two decimals, ten digits before them.
fn money(text: &str) -> Option<i128> {
    let text = text.trim();
    let (negative, digits) = text
        .strip_prefix('-')
        .map_or((false, text), |rest| (true, rest));
    let (whole, cents) = digits.split_once('.').unwrap_or((digits, ""));
    let all_digits = |s: &str| s.bytes().all(|b| b.is_ascii_digit());
    if (whole.is_empty() && cents.is_empty())
        || whole.len() > 10
        || cents.len() > 2
        || !all_digits(whole)
        || !all_digits(cents)
    {
        return None;
    }
    let whole: i128 = if whole.is_empty() {
        0
    } else {
        whole.parse().ok()?
    };
    let mut fraction: i128 = if cents.is_empty() {
        0
    } else {
        cents.parse().ok()?
    };
    if cents.len() == 1 {
        fraction *= 10;
    }
    let value = whole * 100 + fraction;
    Some(if negative { -value } else { value })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn money_is_exact_or_refused() {
        for (text, cents) in [
            ("1.5", 150),
            ("0.05", 5),
            (".5", 50),
            ("12", 1200),
            ("-3.99", -399),
        ] {
            assert_eq!(money(text), Some(cents), "{text}");
        }
        for text in ["1.234", "", ".", "1,5", "a", "1e3", "12345678901"] {
            assert_eq!(money(text), None, "{text}");
        }
    }

    #[test]
    fn days_must_exist() {
        assert_eq!(day("19700102"), Some(1));
        assert_eq!(day("20230229"), None);
        assert_eq!(day("2023022"), None);
        assert_eq!(day("-2023011"), None);
    }
}
