//! Single values of a spec: what they are, what they may be, and how errors show them.

use std::fmt::Display;
use std::ops::{Bound, RangeBounds};

use toml::de::DeValue;

use super::keys;

/// Whether a string may be part of a path or an address.
pub(super) fn is_name(text: &str) -> bool {
    let allowed = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    (1..=64).contains(&text.len()) && text.chars().all(allowed) && !text.starts_with('-')
}

/// Whether a string may name a table in SQL without quotes.
pub(super) fn is_table_name(text: &str) -> bool {
    let allowed = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
    let first = |c: char| c.is_ascii_lowercase();
    (1..=64).contains(&text.len()) && text.chars().all(allowed) && text.starts_with(first)
}

/// The value as an integer in `range`.
pub(super) fn integer<T>(value: &DeValue<'_>, range: &impl RangeBounds<T>) -> Option<T>
where
    T: TryFrom<i128> + PartialOrd,
{
    let digits = value.as_integer()?;
    let number = i128::from_str_radix(digits.as_str(), digits.radix()).ok()?;
    T::try_from(number).ok().filter(|n| range.contains(n))
}

/// `range` as an error names it.
pub(super) fn integer_in<T: Display>(range: &impl RangeBounds<T>) -> String {
    match (range.start_bound(), range.end_bound()) {
        (Bound::Included(low), Bound::Included(high)) => format!("an integer from {low} to {high}"),
        (Bound::Included(low), _) => format!("an integer of at least {low}"),
        _ => "an integer".into(),
    }
}

/// A choice as an error names it.
pub(super) fn one_of<'c>(words: impl ExactSizeIterator<Item = &'c str>) -> String {
    let several = if words.len() > 1 { "one of " } else { "" };
    format!("{several}{}", keys::quoted(words))
}

/// A value as an error shows it: short ones as they are.
pub(super) fn found(value: &DeValue<'_>) -> String {
    match value {
        DeValue::String(text) if text.chars().count() > 40 => "a longer string".into(),
        DeValue::String(text) => format!("{text:?}"),
        DeValue::Integer(integer) => integer.to_string(),
        DeValue::Float(float) => float.to_string(),
        DeValue::Boolean(flag) => flag.to_string(),
        DeValue::Datetime(datetime) => datetime.to_string(),
        DeValue::Array(items) if items.is_empty() => "an empty list".into(),
        DeValue::Array(_) => "a list".into(),
        DeValue::Table(_) => "a table".into(),
    }
}
