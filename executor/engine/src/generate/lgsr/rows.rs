//! Owns the text of a weekly file: header, rows in the form of the real files, broken rows. Writes
//! to any `Write`; must not open, name or rename files.

use std::io::{self, Write};

use super::basket::{Basket, Card};
use super::calendar::{Week, shop_weekday};
use super::labels::Line;
use super::random::Random;
use super::simulate::Simulation;
use super::{GenerateSpec, HeaderVariant};

/// Lines gathered before they are written in order of store and item, as the real files have them:
/// baskets lie interleaved. Bounds the memory of a week.
const CHUNK: usize = 16_384;

/// Streams of the broken rows' random numbers begin here, so that the good rows do not depend on
/// them.
const BROKEN_STREAM: u64 = 1 << 32;

/// Text that is the same in every week.
pub(crate) struct Phrases {
    items: Vec<String>,
    stores: Vec<String>,
    header: &'static str,
    newer: bool,
}

impl Phrases {
    /// The phrases of a simulation under a header.
    pub(crate) fn new(simulation: &Simulation, header: HeaderVariant) -> Self {
        let items = simulation.items().iter().enumerate().map(|(index, item)| {
            let [subclass, department, group, division] = item.levels;
            let code = 900_001 + index;
            format!("PRD0{code},CL{subclass:05},DEP{department:05},G{group:05},D{division:05},")
        });
        let stores = simulation
            .stores()
            .iter()
            .map(|store| format!("STORE{:05},{},{}\n", store.code, store.format, store.region));
        Self {
            items: items.collect(),
            stores: stores.collect(),
            header: header.line(),
            newer: header == HeaderVariant::Newer,
        }
    }
}

/// Rows and baskets of one week, while they are written.
#[derive(Clone, Copy, Default)]
pub(crate) struct Counts {
    /// Rows, broken ones among them.
    pub(crate) rows: u64,
    /// Baskets.
    pub(crate) baskets: u64,
    /// Broken rows.
    pub(crate) broken: u64,
}

/// Writes the rows of one week.
pub(crate) struct RowWriter<'a, W: Write> {
    out: W,
    phrases: &'a Phrases,
    days: [String; 7],
    baskets: Vec<Head>,
    lines: Vec<(u32, u32, Line)>,
    text: Vec<u8>,
    broken_share: f64,
    random: Random,
    counts: Counts,
}

/// What the rows of a basket share.
struct Head {
    day: u8,
    hour: u8,
    store: u16,
    /// From CUST_CODE to the comma before STORE_CODE.
    middle: String,
}

impl<'a, W: Write> RowWriter<'a, W> {
    /// A writer that has written the header.
    pub(crate) fn new(
        mut out: W,
        phrases: &'a Phrases,
        week: &Week,
        spec: &GenerateSpec,
    ) -> io::Result<Self> {
        out.write_all(phrases.header.as_bytes())?;
        let days = std::array::from_fn(|day| {
            format!(
                "{},{},{},",
                week.shop_week,
                week.dates[day],
                shop_weekday(day as u8)
            )
        });
        Ok(Self {
            out,
            phrases,
            days,
            baskets: Vec::new(),
            lines: Vec::with_capacity(CHUNK + 128),
            text: Vec::with_capacity(256),
            // Broken rows come on top of the good ones: this many per good row.
            broken_share: spec.bad_row_share / (1.0 - spec.bad_row_share),
            random: Random::stream(spec.seed, BROKEN_STREAM + u64::from(week.index)),
            counts: Counts::default(),
        })
    }

    /// Takes one basket.
    pub(crate) fn basket(&mut self, basket: &Basket) -> io::Result<()> {
        let slot = self.baskets.len() as u32;
        let labels = &basket.labels;
        let customer = customer_text(basket.customer.as_ref(), self.phrases.newer);
        let middle = format!(
            "{},{},{},{},{},{},",
            customer, basket.id, labels.size, labels.tier, labels.kind, labels.mission
        );
        let Basket {
            day, hour, store, ..
        } = *basket;
        self.baskets.push(Head {
            day,
            hour,
            store,
            middle,
        });
        self.counts.baskets += 1;
        self.lines.extend(basket.lines.iter().map(|&line| {
            (
                (u32::from(basket.store) << 16) | u32::from(line.item),
                slot,
                line,
            )
        }));
        if self.lines.len() >= CHUNK {
            self.flush()
        } else {
            Ok(())
        }
    }

    /// Writes what is left and gives back the counts.
    pub(crate) fn finish(mut self) -> io::Result<Counts> {
        self.flush()?;
        Ok(self.counts)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.lines.sort_unstable_by_key(|line| (line.0, line.1));
        for &(_, slot, line) in &self.lines {
            let head = &self.baskets[slot as usize];
            let text = &mut self.text;
            text.clear();
            text.extend_from_slice(self.days[usize::from(head.day)].as_bytes());
            push_number(text, u64::from(head.hour));
            text.push(b',');
            push_number(text, u64::from(line.quantity));
            text.push(b',');
            push_spend(text, line.cents);
            text.push(b',');
            text.extend_from_slice(self.phrases.items[usize::from(line.item)].as_bytes());
            text.extend_from_slice(head.middle.as_bytes());
            text.extend_from_slice(self.phrases.stores[usize::from(head.store)].as_bytes());
            self.out.write_all(text)?;
            self.counts.rows += 1;
            while self.broken_share > 0.0
                && self.random.unit() * (1.0 + self.broken_share) < self.broken_share
            {
                let broken = break_row(text, self.random.below(5));
                self.out.write_all(&broken)?;
                self.counts.rows += 1;
                self.counts.broken += 1;
            }
        }
        self.lines.clear();
        self.baskets.clear();
        Ok(())
    }
}

/// CUST_CODE and the two segments, all empty for an anonymous basket.
fn customer_text(card: Option<&Card>, newer: bool) -> String {
    let Some(card) = card else {
        return "\"\",\"\",\"\"".to_owned();
    };
    let [price, life] = card.segments.map(|(of_newer, of_older)| {
        let value = if newer { of_newer } else { of_older };
        if value.is_empty() { "\"\"" } else { value }
    });
    format!("CUST{:010},{price},{life}", card.code)
}

/// A row spoilt in one of five ways: a field less, a field more, a quantity that is no number, no
/// PROD_CODE, a quantity of 0.
fn break_row(row: &[u8], way: usize) -> Vec<u8> {
    let row = row.strip_suffix(b"\n").unwrap_or(row);
    let mut fields: Vec<&[u8]> = row.split(|&byte| byte == b',').collect();
    match way {
        0 => fields.truncate(fields.len() - 1),
        1 => fields.push(b"surplus"),
        2 => fields[4] = b"many",
        3 => fields[6] = b"\"\"",
        _ => fields[4] = b"0",
    }
    let mut broken = fields.join(&b","[..]);
    broken.push(b'\n');
    broken
}

fn push_number(text: &mut Vec<u8>, mut number: u64) {
    let mut digits = [0_u8; 20];
    let mut start = digits.len();
    loop {
        start -= 1;
        digits[start] = b'0' + (number % 10) as u8;
        number /= 10;
        if number == 0 {
            break;
        }
    }
    text.extend_from_slice(&digits[start..]);
}

/// Hundredths as the real files write them: `1.0`, `1.3`, `0.05`.
fn push_spend(text: &mut Vec<u8>, cents: u32) {
    push_number(text, u64::from(cents / 100));
    text.push(b'.');
    let (tenth, hundredth) = ((cents / 10 % 10) as u8, (cents % 10) as u8);
    text.push(b'0' + tenth);
    if hundredth > 0 {
        text.push(b'0' + hundredth);
    }
}
