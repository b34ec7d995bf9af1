//! Owns what a shop of the REES46 kind offers: categories, products, brands and prices. The same for
//! every seed. Must not know users or sessions.

use crate::generate::random::{Alias, Random, exp, hashed_unit, ln};

/// Products on offer.
const PRODUCTS: usize = 20_000;

/// Seed of the shop.
const SHOP_SEED: u64 = 0x5245_4553_3436;

/// Code (none: empty in the files), middle price, share of products, share of views a product has
/// beside others, brands.
const CATEGORIES: [(&str, f64, f64, f64, &[&str]); 24] = [
    (
        "electronics.smartphone",
        270.0,
        6.0,
        6.0,
        &["samsung", "apple", "xiaomi", "huawei", "oppo"],
    ),
    (
        "electronics.audio.headphone",
        60.0,
        3.0,
        2.2,
        &["apple", "jbl", "sony", "xiaomi"],
    ),
    (
        "electronics.video.tv",
        380.0,
        3.0,
        2.0,
        &["samsung", "lg", "haier", "artel", "sony"],
    ),
    (
        "electronics.clocks",
        150.0,
        6.0,
        1.0,
        &["casio", "apple", "samsung", "garmin"],
    ),
    (
        "electronics.tablet",
        240.0,
        1.5,
        1.2,
        &["apple", "samsung", "lenovo"],
    ),
    (
        "computers.notebook",
        560.0,
        5.0,
        1.3,
        &["acer", "lenovo", "hp", "asus", "apple"],
    ),
    (
        "computers.desktop",
        620.0,
        2.0,
        0.8,
        &["pulser", "hp", "lenovo"],
    ),
    (
        "computers.peripherals.printer",
        170.0,
        1.5,
        0.7,
        &["canon", "hp", "epson"],
    ),
    (
        "appliances.kitchen.washer",
        310.0,
        2.5,
        1.6,
        &["samsung", "lg", "indesit", "beko"],
    ),
    (
        "appliances.kitchen.refrigerators",
        420.0,
        3.0,
        1.4,
        &["samsung", "lg", "atlant", "beko"],
    ),
    (
        "appliances.kitchen.microwave",
        95.0,
        1.5,
        0.9,
        &["samsung", "elenberg", "midea"],
    ),
    (
        "appliances.kitchen.mixer",
        45.0,
        1.5,
        0.7,
        &["bosch", "braun", "vitek"],
    ),
    (
        "appliances.environment.vacuum",
        120.0,
        3.0,
        1.4,
        &["samsung", "philips", "dauscher"],
    ),
    (
        "appliances.environment.water_heater",
        110.0,
        2.0,
        0.9,
        &["ariston", "aqua", "haier"],
    ),
    (
        "appliances.iron",
        40.0,
        1.5,
        0.8,
        &["tefal", "braun", "philips"],
    ),
    (
        "apparel.shoes",
        75.0,
        6.0,
        0.5,
        &["respect", "baden", "nike", "strobbs"],
    ),
    (
        "apparel.shoes.keds",
        70.0,
        4.0,
        0.5,
        &["respect", "baden", "puma"],
    ),
    (
        "furniture.living_room.sofa",
        390.0,
        3.0,
        0.5,
        &["brw", "pride"],
    ),
    ("furniture.bedroom.bed", 230.0, 3.0, 0.5, &["brw", "arua"]),
    ("kids.carriage", 190.0, 2.5, 0.6, &["skad", "chicco"]),
    (
        "auto.accessories.player",
        80.0,
        1.5,
        0.6,
        &["pioneer", "alpine", "kenwood"],
    ),
    (
        "",
        60.0,
        18.0,
        0.7,
        &["luminarc", "bosch", "lucente", "cordiant"],
    ),
    ("", 150.0, 12.0, 0.6, &["redmond", "sony", "timberk"]),
    ("", 30.0, 8.0, 0.6, &["shiseido", "vitek", "triangle"]),
];

/// Id of the first category; the others follow at odd distances, as the real ones do.
const FIRST_CATEGORY: u64 = 2_053_013_551_932_506_308;

/// Share of products without a brand, and without a price.
const NO_BRAND: f64 = 0.15;
const FREE: f64 = 0.002;

/// Deviation of ln of the price in a category, and how far a price moves from week to week.
const SPREAD: f64 = 0.65;
const MOVES: f64 = 0.06;

/// A category.
pub(super) struct Category {
    /// 19 digits.
    pub(super) id: u64,
    /// Dotted, or empty.
    pub(super) code: &'static str,
    /// Its products, the popular ones first.
    pub(super) products: Vec<usize>,
}

/// A product.
pub(super) struct Product {
    pub(super) id: u64,
    pub(super) category: usize,
    /// May be empty.
    pub(super) brand: &'static str,
    /// Hundredths, before it moves.
    cents: f64,
}

/// The shop.
pub(super) struct Shop {
    pub(super) categories: Vec<Category>,
    pub(super) products: Vec<Product>,
    views: Alias,
}

impl Shop {
    /// The fixed shop.
    pub(super) fn new() -> Self {
        let random = &mut Random::stream(SHOP_SEED, 0);
        let mut categories: Vec<Category> = CATEGORIES
            .iter()
            .zip(0..)
            .map(|(category, at)| Category {
                id: FIRST_CATEGORY + at * 268_434_463 + (hashed_unit(at, 0xCA7) * 9e7) as u64,
                code: category.0,
                products: Vec::new(),
            })
            .collect();
        let of = Alias::new(&CATEGORIES.map(|category| category.2));
        let mut products = Vec::with_capacity(PRODUCTS);
        for at in 0..PRODUCTS {
            let category = of.draw(random);
            let (_, middle, _, _, brands) = CATEGORIES[category];
            let free = random.chance(FREE);
            let price = exp(ln(middle) + SPREAD * random.normal()) * 100.0;
            let members = &mut categories[category].products;
            products.push(Product {
                id: (category as u64 + 1) * 1_000_000 + 101 + members.len() as u64 * 7,
                category,
                brand: if random.chance(NO_BRAND) {
                    ""
                } else {
                    brands[random.below(brands.len())]
                },
                cents: if free { 0.0 } else { price },
            });
            members.push(at);
        }
        let views = CATEGORIES.map(|category| category.2 * category.3);
        Self {
            categories,
            products,
            views: Alias::new(&views),
        }
    }

    /// A category by its share of views.
    pub(super) fn category(&self, random: &mut Random) -> usize {
        self.views.draw(random)
    }

    /// A product of a category: the one in place `n` is drawn about as often as 1 / n.
    pub(super) fn product(&self, category: usize, random: &mut Random) -> usize {
        let members = &self.categories[category].products;
        let place = exp(random.unit() * ln(members.len() as f64 + 1.0)) as usize;
        members[place.clamp(1, members.len()) - 1]
    }

    /// The price of a product at a second, in hundredths: it moves from week to week.
    pub(super) fn cents(&self, product: usize, at: u64) -> u64 {
        let week = at / (7 * 86_400);
        let moved = 1.0 + MOVES * (hashed_unit(product as u64, week) - 0.5);
        (self.products[product].cents * moved) as u64
    }

    /// The same as written.
    pub(super) fn price(&self, product: usize, at: u64) -> String {
        let cents = self.cents(product, at);
        format!("{}.{:02}", cents / 100, cents % 100)
    }
}
