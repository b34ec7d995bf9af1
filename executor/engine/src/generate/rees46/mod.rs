//! Owns the generator of REES46's event files: one CSV a month from 1 October 2019 on,
//! `2019-Oct.csv`, in order of time. Goes hour by hour, so it needs the memory of the sessions that
//! are open in one. Shares follow the real October: 8.7 sessions a user, 5 events a session, 1.9 % of
//! events carts and 1.8 % purchases. `shop.rs` owns what is on offer, `visit.rs` what happens in one
//! session, `choice.rs` what is bought; this file owns time and the files.

use std::io;

use chrono::{Datelike, Days, NaiveDate};

use super::lines::Lines;
use super::random::Random;
use super::{GenerateError, GenerateSpec, Output};

mod choice;
mod shop;
#[cfg(test)]
mod tests;
mod visit;

use shop::Shop;
use visit::Event;

const HEADER: &str =
    "event_time,event_type,product_id,category_id,category_code,brand,price,user_id,user_session";

/// The first day: year, month, day.
const FIRST_DAY: (i32, u32, u32) = (2019, 10, 1);

/// Sessions of a user in an hour, in the mean: 8.7 in 31 days.
const SESSIONS: f64 = 8.7 / (31.0 * 24.0);

/// How busy each hour is, UTC, relative to the mean.
const HOURS: [f64; 24] = [
    0.25, 0.35, 0.65, 0.95, 1.15, 1.30, 1.38, 1.40, 1.40, 1.35, 1.30, 1.28, 1.28, 1.35, 1.48, 1.60,
    1.62, 1.48, 1.10, 0.70, 0.40, 0.25, 0.18, 0.18,
];

/// Most sessions drawn at once: a Poisson number is drawn by inversion.
const AT_ONCE: f64 = 40.0;

/// Writes the files of a spec.
pub(super) fn write(spec: &GenerateSpec, output: &mut Output<'_>) -> Result<(), GenerateError> {
    let shop = Shop::new();
    let mut open = Vec::new();
    let (mut day, days) = (0, spec.weeks * 7);
    while day < days {
        let month = date(day);
        let end = (day..days)
            .find(|&d| date(d).month() != month.month())
            .unwrap_or(days);
        let ending = if spec.gzip { ".gz" } else { "" };
        let name = format!("{}.csv{ending}", month.format("%Y-%b"));
        let (counts, sessions) = output.file(&name, |out| {
            let mut lines = Lines::begin(out, spec, day.into(), HEADER)?;
            let mut sessions = 0;
            for hour in day * 24..end * 24 {
                sessions += begin_sessions(spec, &shop, hour, &mut open);
                // What is open after the last hour is cut off there.
                write_hour(&shop, hour, &mut open, &mut lines)?;
            }
            Ok((lines.counts, sessions))
        })?;
        output.summary.rows += counts.rows;
        output.summary.bad_rows += counts.broken;
        output.summary.baskets += sessions;
        day = end;
    }
    for _ in 0..spec.weeks {
        output.week_done();
    }
    Ok(())
}

/// The date of a day counted from the first.
fn date(day: u32) -> NaiveDate {
    let (year, month, first) = FIRST_DAY;
    NaiveDate::from_ymd_opt(year, month, first)
        .and_then(|date| date.checked_add_days(Days::new(day.into())))
        .unwrap_or_default()
}

/// Adds the events of the sessions that begin in an hour; gives how many these are.
fn begin_sessions(spec: &GenerateSpec, shop: &Shop, hour: u32, open: &mut Vec<Event>) -> u64 {
    let random = &mut Random::stream(spec.seed, u64::from(hour) + 1);
    let mut expected = f64::from(spec.customers) * SESSIONS * HOURS[hour as usize % 24];
    let mut sessions = 0;
    while expected > 0.0 {
        sessions += random.poisson(expected.min(AT_ONCE));
        expected -= AT_ONCE;
    }
    for _ in 0..sessions {
        visit::visit(shop, spec.customers, u64::from(hour) * 3_600, open, random);
    }
    sessions.into()
}

/// Writes what happens in an hour, and leaves what happens later.
fn write_hour(
    shop: &Shop,
    hour: u32,
    open: &mut Vec<Event>,
    lines: &mut Lines<'_>,
) -> io::Result<()> {
    // Stable: events of one moment stay in the order in which they were made.
    open.sort_by_key(|event| event.at);
    let end = (u64::from(hour) + 1) * 3_600;
    let now = open.partition_point(|event| event.at < end);
    let day = date(hour / 24).format("%Y-%m-%d").to_string();
    for event in open.drain(..now) {
        let Event {
            at,
            user,
            session,
            product,
            kind,
        } = event;
        let sold = &shop.products[product];
        let category = &shop.categories[sold.category];
        lines.line(&format!(
            "{day} {:02}:{:02}:{:02} UTC,{},{},{},{},{},{},{user},{}",
            at / 3_600 % 24,
            at / 60 % 60,
            at % 60,
            kind.name(),
            sold.id,
            category.id,
            category.code,
            sold.brand,
            shop.price(product, at),
            visit::session_text(session),
        ))?;
    }
    Ok(())
}
