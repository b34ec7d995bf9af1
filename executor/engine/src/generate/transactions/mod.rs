//! Owns the generator of a plain export of purchases, `purchases.csv[.gz]`: one line a purchase,
//! no date, no quantity, no price, product ids written as floats (`749534.0`), nulls as `\N`, a
//! catch-all product. Shares of nulls are those observed in a retailer's export of this form. Who
//! buys what is the simulation of `lgsr`; must not draw customers or baskets of its own.

use std::io::{self, Write};

use super::lgsr::{Basket, Simulation};
use super::random::{Random, hashed_unit};
use super::{GenerateError, GenerateSpec, Output};

#[cfg(test)]
mod tests;

const HEADER: &[u8] =
    b"customer_id,item_text,brand_name,cat1,cat2,cat3,global_product_id,global_product_name\n";

/// How a null is written.
const NULL: &str = "\\N";

/// Product id of everything that nobody told apart.
const CATCH_ALL: u32 = 934_387;

/// The first product id.
const FIRST_PRODUCT: u32 = 740_001;

/// Stream of the random numbers that spoil and empty fields, apart from the simulation's.
const STREAM: u64 = 1 << 33;

/// Shares of lines: no product, the catch-all product, no brand, no cat1, of those with a cat1 no
/// cat2 or cat3, no text.
const NO_PRODUCT: f64 = 0.257;
const CATCH_ALL_SHARE: f64 = 0.02;
const NO_BRAND: f64 = 0.125;
const NO_CAT1: f64 = 0.176;
const NO_FINER_CAT: f64 = 0.016;
const NO_TEXT: f64 = 0.346;

/// Names of the nine divisions.
const DIVISIONS: [&str; 9] = [
    "bakery", "produce", "grocery", "home", "drinks", "frozen", "health", "pets", "other",
];

/// What the files say of a product.
struct Product {
    id: u32,
    brand: String,
    categories: [String; 3],
    /// With a comma, so that it must be quoted.
    name: String,
}

/// Writes the file of a spec.
pub(super) fn write(spec: &GenerateSpec, output: &mut Output<'_>) -> Result<(), GenerateError> {
    let mut simulation = Simulation::new(spec);
    let products = products(&simulation);
    let mut rows = Rows {
        products,
        random: Random::stream(spec.seed, STREAM),
        // Broken rows come on top of the good ones: this many per good row.
        broken_share: spec.bad_row_share / (1.0 - spec.bad_row_share),
        text: String::new(),
        written: 0,
        broken: 0,
    };
    let name = if spec.gzip {
        "purchases.csv.gz"
    } else {
        "purchases.csv"
    };
    let baskets = output.file(name, |file| {
        file.write_all(HEADER)?;
        let mut baskets = 0;
        for _ in 0..spec.weeks {
            simulation.week(|basket| {
                baskets += u64::from(basket.customer.is_some());
                rows.basket(basket, file)
            })?;
        }
        Ok(baskets)
    })?;
    output.summary.rows += rows.written;
    output.summary.baskets += baskets;
    output.summary.bad_rows += rows.broken;
    for _ in 0..spec.weeks {
        output.week_done();
    }
    Ok(())
}

fn products(simulation: &Simulation) -> Vec<Product> {
    let items = simulation.items().iter().enumerate();
    items
        .map(|(at, item)| {
            let [finest, _, group, division] = item.levels;
            let division =
                DIVISIONS[(usize::from(division) + DIVISIONS.len() - 1) % DIVISIONS.len()];
            let brand = format!("Brand {}", (hashed_unit(at as u64, 0xB4A9D) * 400.0) as u32);
            let grams = 50 * (1 + (hashed_unit(at as u64, 0x512E) * 20.0) as u32);
            Product {
                id: FIRST_PRODUCT + at as u32 * 7,
                name: format!("{brand} {division} no. {at}, {grams} g"),
                brand,
                categories: [
                    division.to_owned(),
                    format!("{division} {group}"),
                    format!("{division} {group}-{finest}"),
                ],
            }
        })
        .collect()
}

/// Rows while they are written.
struct Rows {
    products: Vec<Product>,
    random: Random,
    broken_share: f64,
    text: String,
    written: u64,
    broken: u64,
}

impl Rows {
    /// Writes the lines of a known customer's basket; a purchase of nobody is not in such exports.
    fn basket(&mut self, basket: &Basket, out: &mut dyn Write) -> io::Result<()> {
        let Some(customer) = basket.customer else {
            return Ok(());
        };
        for line in &basket.lines {
            self.line(customer.code, usize::from(line.item));
            out.write_all(self.text.as_bytes())?;
            self.written += 1;
            while self.broken_share > 0.0
                && self.random.unit() * (1.0 + self.broken_share) < self.broken_share
            {
                let way = self.random.below(5);
                out.write_all(&spoilt(&self.text, way))?;
                self.written += 1;
                self.broken += 1;
            }
        }
        Ok(())
    }

    /// One line into `text`.
    fn line(&mut self, customer: u64, item: usize) {
        let product = &self.products[item];
        let random = &mut self.random;
        let unknown = random.chance(NO_PRODUCT);
        let catch_all = random.chance(CATCH_ALL_SHARE);
        let no_cat = random.chance(NO_CAT1);
        let no_finer = no_cat || random.chance(NO_FINER_CAT);
        let shown = |hidden: bool, text: &str| {
            if hidden {
                NULL.to_owned()
            } else {
                text.to_owned()
            }
        };
        let id = if catch_all { CATCH_ALL } else { product.id };
        let name = if catch_all {
            "no info"
        } else {
            product.name.as_str()
        };
        let [cat1, cat2, cat3] = &product.categories;
        self.text = format!(
            "{customer},{},{},{},{},{},{},{}\n",
            shown(
                random.chance(NO_TEXT),
                &product.name.to_uppercase().replace(',', "")
            ),
            shown(random.chance(NO_BRAND), &product.brand),
            shown(no_cat, cat1),
            shown(no_finer, cat2),
            shown(no_finer, cat3),
            shown(unknown, &format!("{id}.0")),
            shown(unknown, &format!("\"{name}\"")),
        );
    }
}

/// A row spoilt in one of five ways: a field less, a field more, a product id that no integer
/// holds, a customer that is no number, a byte that is not UTF-8.
fn spoilt(row: &str, way: usize) -> Vec<u8> {
    let row = row.trim_end_matches('\n');
    let (customer, rest) = row.split_once(',').unwrap_or((row, ""));
    let mut bytes = match way {
        0 => rest.as_bytes().to_vec(),
        1 => format!("{row},surplus").into_bytes(),
        2 => format!("{customer},text,brand,a,b,c,1e300,name").into_bytes(),
        3 => format!("nobody,{rest}").into_bytes(),
        _ => [customer.as_bytes(), b",caf\xE9,brand,a,b,c,740001.0,name"].concat(),
    };
    bytes.push(b'\n');
    bytes
}
