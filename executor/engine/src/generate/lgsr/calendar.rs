//! Owns time: fiscal weeks of 52 a year, their dates, the season of a week and the hours of a day.
//! Must not know items, customers or files.

use chrono::{Datelike, Days, NaiveDate};

use super::random::hashed_unit;

/// First week of the data set, 200607, begins on this Monday.
const FIRST_MONDAY: (i32, u32, u32) = (2006, 4, 10);

/// Rows of the real `time.csv`: 200607 to 200844.
pub(crate) const TIME_ROWS: u32 = 142;

/// First hour of [`HOUR_WEIGHTS`].
pub(crate) const FIRST_HOUR: u8 = 8;

/// Share of baskets in each hour from 8 to 21.
pub(crate) const HOUR_WEIGHTS: [f64; 14] = [
    0.0595, 0.0426, 0.0567, 0.0728, 0.0837, 0.0925, 0.0933, 0.0900, 0.0844, 0.0762, 0.0679, 0.0565,
    0.0457, 0.0782,
];

/// One fiscal week.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Week {
    /// Position from 0: week 200607.
    pub index: u32,
    /// `YYYYWW`, 52 weeks a year.
    pub shop_week: u32,
    /// Monday to Sunday as `YYYYMMDD`.
    pub dates: [u32; 7],
}

impl Week {
    /// The week at this position.
    pub(crate) fn at(index: u32) -> Self {
        let fiscal = index + 6;
        let shop_week = (2006 + fiscal / 52) * 100 + fiscal % 52 + 1;
        let (year, month, day) = FIRST_MONDAY;
        let monday = NaiveDate::from_ymd_opt(year, month, day).unwrap_or_default();
        let dates = std::array::from_fn(|weekday| {
            let days = Days::new(u64::from(index) * 7 + weekday as u64);
            let date = monday.checked_add_days(days).unwrap_or_default();
            date.year().unsigned_abs() * 10_000 + date.month() * 100 + date.day()
        });
        Self {
            index,
            shop_week,
            dates,
        }
    }

    /// Expected baskets relative to an ordinary week: the weeks around Christmas, and a little
    /// noise that is the same for every seed.
    pub(crate) fn season(&self) -> f64 {
        let of_year = match self.shop_week % 100 {
            43 => 1.06,
            44 => 0.71,
            45 => 0.88,
            46 => 0.96,
            _ => 1.0,
        };
        of_year * (0.98 + 0.04 * hashed_unit(u64::from(self.index), 0x5EA5))
    }
}

/// SHOP_WEEKDAY (1 = Sunday) of a day of the week counted from Monday = 0.
pub(crate) fn shop_weekday(day: u8) -> u8 {
    (day + 1) % 7 + 1
}
