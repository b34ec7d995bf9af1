//! Owns the generator of Instacart's six CSVs: `orders`, `order_products__prior`,
//! `order_products__train`, `products`, `aisles`, `departments`. Goes user by user, so it needs the
//! memory of one; what they buy is the chain of `lgsr`, ten products to an item. 4 to 100 orders a
//! user in at most the weeks of the spec; the last one is of the set train or test, and the lines of
//! test are in no file. Must not draw items of its own.

use std::collections::HashSet;
use std::io::{self, Write};

use super::lgsr::{Chronicle, variant};
use super::lines::{Counts, Lines};
use super::random::{Alias, Random, exp, hashed_unit};
use super::{GenerateError, GenerateSpec, Output};

#[cfg(test)]
mod tests;

/// Products to an item of the catalogue.
const VARIANTS: u32 = 10;

/// Shift of basket size on the normal scale: ten products an order in the mean.
const LARGER: f64 = 0.5;

/// Least and most orders of a user.
const ORDERS: (u32, u32) = (4, 100);

/// Users whose last order is of the set train.
const TRAIN: f64 = 0.636;

/// More days than this are written as this.
const MOST_DAYS: u32 = 30;

/// Mean and deviation of ln of a user's mean days between orders.
const GAP: (f64, f64) = (2.5, 0.65);

/// Share of gaps that are whole weeks.
const WEEKLY: f64 = 0.3;

/// Share of orders on each day, the first being Saturday, and in each hour.
const DAYS: [f64; 7] = [0.175, 0.172, 0.137, 0.128, 0.125, 0.132, 0.131];
const HOURS: [f64; 24] = [
    0.007, 0.004, 0.002, 0.002, 0.002, 0.003, 0.009, 0.027, 0.052, 0.076, 0.084, 0.083, 0.080,
    0.081, 0.083, 0.083, 0.080, 0.067, 0.053, 0.041, 0.031, 0.023, 0.018, 0.012,
];

const DEPARTMENTS: [&str; 21] = [
    "frozen",
    "other",
    "bakery",
    "produce",
    "alcohol",
    "international",
    "beverages",
    "pets",
    "dry goods pasta",
    "bulk",
    "personal care",
    "meat seafood",
    "pantry",
    "breakfast",
    "canned goods",
    "dairy eggs",
    "household",
    "babies",
    "snacks",
    "deli",
    "missing",
];

/// Aisles; each is in one department.
const AISLES: u32 = 134;

/// Order ids: a user's place among all orders is scattered over a prime number of ids.
const ID_PRIME: u64 = 2_147_483_647;
const ID_STEP: u64 = 1_103_515_245;

/// One order without its lines.
struct Order {
    id: u64,
    number: u32,
    weekday: u32,
    hour: u32,
    /// Days since the order before.
    days: Option<u32>,
    set: Set,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Set {
    Prior,
    Train,
    Test,
}

/// Tables to draw a user's calendar from.
struct Calendar {
    days: Alias,
    hours: Alias,
    weeks: u32,
}

/// Writes the files of a spec.
pub(super) fn write(spec: &GenerateSpec, output: &mut Output<'_>) -> Result<(), GenerateError> {
    let ending = if spec.gzip { "csv.gz" } else { "csv" };
    let chain = Chronicle::new();
    let calendar = Calendar {
        days: Alias::new(&DAYS),
        hours: Alias::new(&HOURS),
        weeks: spec.weeks,
    };
    output.file(&format!("aisles.{ending}"), |out| aisles(out))?;
    output.file(&format!("departments.{ending}"), |out| departments(out))?;
    output.file(&format!("products.{ending}"), |out| products(&chain, out))?;
    let orders = output.file(&format!("orders.{ending}"), |out| {
        write_orders(spec, &calendar, out)
    })?;
    output.summary.baskets += orders;
    for (set, name, number) in [(Set::Prior, "prior", 0), (Set::Train, "train", 1)] {
        let counts = output.file(&format!("order_products__{name}.{ending}"), |out| {
            let header = "order_id,product_id,add_to_cart_order,reordered";
            let mut lines = Lines::begin(out, spec, number, header)?;
            write_lines(spec, &calendar, &chain, set, &mut lines)
        })?;
        output.summary.rows += counts.rows;
        output.summary.bad_rows += counts.broken;
    }
    for _ in 0..spec.weeks {
        output.week_done();
    }
    Ok(())
}

fn aisles(out: &mut dyn Write) -> io::Result<()> {
    writeln!(out, "aisle_id,aisle")?;
    for aisle in 1..=AISLES {
        let department = DEPARTMENTS[department(aisle) as usize - 1];
        writeln!(out, "{aisle},{department} {aisle}")?;
    }
    Ok(())
}

fn departments(out: &mut dyn Write) -> io::Result<()> {
    writeln!(out, "department_id,department")?;
    for (at, department) in DEPARTMENTS.iter().enumerate() {
        writeln!(out, "{},{department}", at + 1)?;
    }
    Ok(())
}

/// The department of an aisle, both from 1.
fn department(aisle: u32) -> u32 {
    (aisle - 1) * DEPARTMENTS.len() as u32 / AISLES + 1
}

fn products(chain: &Chronicle, out: &mut dyn Write) -> io::Result<()> {
    const KINDS: [&str; 5] = ["Organic", "Classic", "Whole", "Original", "Light"];
    writeln!(out, "product_id,product_name,aisle_id,department_id")?;
    for (at, item) in chain.items().iter().enumerate() {
        let aisle = (u32::from(item.levels[0]) - 1) * AISLES / 250 + 1;
        for variant in 0..VARIANTS {
            let id = product(at as u16, variant);
            let kind = (hashed_unit(id.into(), 0x4A3E) * KINDS.len() as f64) as usize;
            let name = format!(
                "{} {} {at}",
                KINDS[kind],
                DEPARTMENTS[department(aisle) as usize - 1]
            );
            // One name in ten has a comma, and one in a hundred quotation marks.
            match id % 100 {
                0 => writeln!(
                    out,
                    "{id},\"{name} \"\"{variant}\"\"\",{aisle},{}",
                    department(aisle)
                )?,
                1..=10 => writeln!(
                    out,
                    "{id},\"{name}, no. {variant}\",{aisle},{}",
                    department(aisle)
                )?,
                _ => writeln!(
                    out,
                    "{id},{name} no. {variant},{aisle},{}",
                    department(aisle)
                )?,
            }
        }
    }
    Ok(())
}

/// The id of an item's variant.
fn product(item: u16, variant: u32) -> u32 {
    u32::from(item) * VARIANTS + variant + 1
}

impl Calendar {
    /// The orders of a user. `placed` counts the orders of all users before.
    fn orders(&self, seed: u64, user: u32, placed: &mut u64) -> Vec<Order> {
        let random = &mut Random::stream(seed, 2 * u64::from(user));
        let mean = exp(GAP.0 + GAP.1 * random.normal());
        let left = f64::from(self.weeks) * 7.0 * (0.15 + 0.85 * random.unit());
        let set = if random.chance(TRAIN) {
            Set::Train
        } else {
            Set::Test
        };
        let mut weekday = self.days.draw(random) as u32;
        let mut hour = self.hours.draw(random) as u32;
        let mut orders: Vec<Order> = Vec::new();
        let mut day = 0;
        while (orders.len() as u32) < ORDERS.1
            && ((orders.len() as u32) < ORDERS.0 || f64::from(day) < left)
        {
            let mut days = None;
            if !orders.is_empty() {
                let gap = gap(mean, random);
                let drawn = self.hours.draw(random) as u32;
                // A later order of the same day is not earlier.
                hour = if gap == 0 { hour.max(drawn) } else { drawn };
                weekday = (weekday + gap) % 7;
                day += gap;
                days = Some(gap.min(MOST_DAYS));
            }
            *placed += 1;
            orders.push(Order {
                id: *placed * ID_STEP % ID_PRIME,
                number: orders.len() as u32 + 1,
                weekday,
                hour,
                days,
                set: Set::Prior,
            });
        }
        if let Some(last) = orders.last_mut() {
            last.set = set;
        }
        orders
    }
}

fn gap(mean: f64, random: &mut Random) -> u32 {
    let days = mean * random.exponential();
    if random.chance(WEEKLY) {
        7 * ((days / 7.0 + 0.5) as u32).max(1)
    } else {
        days as u32
    }
}

fn write_orders(spec: &GenerateSpec, calendar: &Calendar, out: &mut dyn Write) -> io::Result<u64> {
    writeln!(
        out,
        "order_id,user_id,eval_set,order_number,order_dow,order_hour_of_day,days_since_prior_order"
    )?;
    let mut placed = 0;
    for user in 0..spec.customers {
        for order in calendar.orders(spec.seed, user, &mut placed) {
            let set = match order.set {
                Set::Prior => "prior",
                Set::Train => "train",
                Set::Test => "test",
            };
            let Order {
                id,
                number,
                weekday,
                hour,
                days,
                ..
            } = order;
            let days = days.map(|days| format!("{days}.0")).unwrap_or_default();
            writeln!(
                out,
                "{id},{},{set},{number},{weekday},{hour:02},{days}",
                user + 1
            )?;
        }
    }
    Ok(placed)
}

/// Writes the lines of the orders of one set. Both sets go the whole way of every user again, as
/// what somebody orders depends on what they ordered before.
fn write_lines(
    spec: &GenerateSpec,
    calendar: &Calendar,
    chain: &Chronicle,
    set: Set,
    lines: &mut Lines<'_>,
) -> io::Result<Counts> {
    let (mut placed, mut basket, mut had) = (0, Vec::new(), HashSet::new());
    for user in 0..spec.customers {
        let random = &mut Random::stream(spec.seed, 2 * u64::from(user) + 1);
        let mut customer = chain.customer(random);
        had.clear();
        for order in calendar.orders(spec.seed, user, &mut placed) {
            chain.basket(&mut customer, LARGER, &mut basket, random);
            for (at, line) in basket.iter().enumerate() {
                let product = product(line.item, variant(user, line.item, VARIANTS));
                let again = u8::from(!had.insert(product));
                if order.set == set {
                    lines.line(&format!("{},{product},{},{again}", order.id, at + 1))?;
                }
            }
        }
    }
    Ok(lines.counts)
}
