//! Owns the generator of Complete Journey in both its forms: the Parquet tables of the packages and
//! the original eight CSVs, which say the same. Goes week by week; who buys what is the simulation
//! of `lgsr`, fourteen products to an item. `campaigns.rs` owns everything but sales, `records.rs`
//! how a row looks in either form, `writer.rs` how rows get into files. Must not draw baskets of its
//! own.

use std::io;

use super::lgsr::{Basket, Simulation, variant};
use super::random::{Random, hashed_unit};
use super::{GenerateError, GenerateSpec, Output};

mod campaigns;
mod records;
#[cfg(test)]
mod tests;
mod writer;

use campaigns::{Campaigns, household, products, promotions};
use records::{Record, Sale};
use writer::Writer;

/// Products to an item of the catalogue.
const VARIANTS: u32 = 14;

/// Shares of lines with quantity 0, with a product that is in no table, with a loyalty discount, and
/// with a coupon; of the coupons, the share that the store matches.
const NOTHING: f64 = 0.006;
const UNKNOWN: f64 = 0.0003;
const LOYAL: f64 = 0.501;
const COUPON: f64 = 0.015;
const MATCHED: f64 = 0.3;

/// Streams of the sales' and of the campaigns' random numbers, apart from the simulation's.
const SALES: u64 = 1 << 34;
const CAMPAIGNS: u64 = 1 << 35;

/// Which of the two published forms.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Form {
    /// The Parquet tables of the packages.
    Parquet,
    /// The original CSVs.
    Csv,
}

/// Writes the files of a spec.
pub(super) fn write(
    spec: &GenerateSpec,
    form: Form,
    output: &mut Output<'_>,
) -> Result<(), GenerateError> {
    let mut simulation = Simulation::new(spec);
    let households = spec.customers;
    let campaigns = Campaigns::new(
        households,
        spec.weeks,
        &mut Random::stream(spec.seed, CAMPAIGNS),
    );
    table(spec, form, output, "products", |row| {
        products(simulation.items(), row)
    })?;
    table(spec, form, output, "demographics", |row| {
        (0..households).filter_map(household).try_for_each(row)
    })?;
    table(spec, form, output, "campaign_descriptions", |row| {
        campaigns.descriptions(row)
    })?;
    table(spec, form, output, "campaigns", |row| {
        campaigns.members(row)
    })?;
    table(spec, form, output, "coupons", |row| campaigns.coupons(row))?;
    table(spec, form, output, "coupon_redemptions", |row| {
        campaigns.redemptions(row)
    })?;
    table(spec, form, output, "promotions", |row| {
        (0..spec.weeks).try_for_each(|week| promotions(week, row))
    })?;
    let mut till = Till::new(spec);
    table(spec, form, output, "transactions", |row| {
        (0..spec.weeks).try_for_each(|week| simulation.week(|basket| till.ring(week, basket, row)))
    })?;
    output.summary.rows = till.rows;
    output.summary.bad_rows = till.bad;
    output.summary.baskets = till.baskets;
    for _ in 0..spec.weeks {
        output.week_done();
    }
    Ok(())
}

/// What takes the rows of a table.
type Rows<'r> = dyn FnMut(Record) -> io::Result<()> + 'r;

/// Writes one table.
fn table(
    spec: &GenerateSpec,
    form: Form,
    output: &mut Output<'_>,
    table: &str,
    fill: impl FnOnce(&mut Rows<'_>) -> io::Result<()>,
) -> Result<(), GenerateError> {
    let (name, columns) = records::file(table, form);
    let packed = spec.gzip && form == Form::Csv;
    let name = if packed {
        format!("{name}.gz")
    } else {
        name.to_owned()
    };
    output.file(&name, |out| {
        let mut writer = Writer::begin(out, form, columns)?;
        fill(&mut |record| writer.row(&record.cells(form)))?;
        writer.finish()
    })
}

/// The id of an item's variant.
fn product_id(item: u16, variant: u32) -> i64 {
    25_671 + i64::from(u32::from(item) * VARIANTS + variant) * 7
}

/// Turns baskets into lines of sales.
struct Till {
    random: Random,
    /// Spoilt lines come on top of the good ones: this many per good one.
    spoilt: f64,
    rows: u64,
    bad: u64,
    baskets: u64,
}

impl Till {
    fn new(spec: &GenerateSpec) -> Self {
        Self {
            random: Random::stream(spec.seed, SALES),
            spoilt: spec.bad_row_share / (1.0 - spec.bad_row_share),
            rows: 0,
            bad: 0,
            baskets: 0,
        }
    }

    /// Writes the lines of a household's basket; there are no others in these files.
    fn ring(&mut self, week: u32, basket: &Basket, row: &mut Rows<'_>) -> io::Result<()> {
        let Some(customer) = basket.customer else {
            return Ok(());
        };
        self.baskets += 1;
        let moment = hashed_unit(basket.id, 0x3E2);
        for line in &basket.lines {
            let random = &mut self.random;
            let loyal = random.chance(LOYAL);
            let coupon = random.chance(COUPON);
            let off = 0.1 + 0.35 * random.unit();
            let nothing = random.chance(NOTHING);
            let unknown = random.chance(UNKNOWN);
            let paid = i64::from(line.cents);
            let coupon_cents = if coupon { 50.min(paid) } else { 0 };
            let product = product_id(line.item, variant(customer.index, line.item, VARIANTS));
            let sale = Sale {
                household: i64::from(customer.index) + 1,
                store: i64::from(basket.store) + 1,
                basket: basket.id as i64,
                product: if unknown { -product } else { product },
                quantity: if nothing { 0 } else { line.quantity.into() },
                sales: if nothing { 0 } else { paid },
                retail: if loyal {
                    (paid as f64 * off / (1.0 - off)) as i64
                } else {
                    0
                },
                coupon: coupon_cents,
                matched: if coupon && random.chance(MATCHED) {
                    coupon_cents
                } else {
                    0
                },
                day: i64::from(week) * 7 + i64::from(basket.day),
                second: i64::from(basket.hour) * 3_600 + (moment * 60.0) as i64 * 60,
            };
            self.put(sale, nothing || unknown, row)?;
            while self.spoilt > 0.0 && self.random.unit() * (1.0 + self.spoilt) < self.spoilt {
                let quantity = -i64::from(line.quantity);
                self.put(Sale { quantity, ..sale }, true, row)?;
            }
        }
        Ok(())
    }

    fn put(&mut self, sale: Sale, bad: bool, row: &mut Rows<'_>) -> io::Result<()> {
        self.rows += 1;
        self.bad += u64::from(bad);
        row(Record::Sale(sale))
    }
}
