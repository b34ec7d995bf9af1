//! Owns what is sold: 4,997 items with their popularity, price, tier, class and quantities.
//! The catalogue is the same for every seed, so that runs are comparable and its line-weighted
//! statistics can be held to the targets. Must not know customers, weeks or files.

use super::random::{Random, exp, ln};
use super::tree::tree;

/// Items sold.
pub(crate) const ITEMS: usize = 4_997;

/// The ten best sellers: group (PROD_CODE_30), price in hundredths, tier. The second is a carrier
/// bag of one hundredth, which is why quantities above 4 are as common as they are.
const BEST_SELLERS: [(usize, u32, Tier); 10] = [
    (4, 70, Tier::Upper),
    (23, 1, Tier::None),
    (7, 150, Tier::Middle),
    (7, 100, Tier::Middle),
    (4, 150, Tier::Middle),
    (4, 95, Tier::Middle),
    (7, 85, Tier::Middle),
    (4, 150, Tier::Upper),
    (4, 125, Tier::Upper),
    (4, 100, Tier::Lower),
];

/// Position of the carrier bag among the best sellers.
const BAG_RANK: usize = 1;

/// Popularity by rank: (rank, weight), straight lines between them in the logarithms.
const POPULARITY: [(f64, f64); 20] = [
    (1.0, 3750.0),
    (2.0, 2400.0),
    (3.0, 2450.0),
    (4.0, 3200.0),
    (5.0, 1250.0),
    (6.0, 950.0),
    (8.0, 560.0),
    (10.0, 445.0),
    (15.0, 305.0),
    (20.0, 215.0),
    (30.0, 200.0),
    (70.0, 110.0),
    (100.0, 89.0),
    (300.0, 43.0),
    (700.0, 27.0),
    (1000.0, 21.7),
    (2000.0, 13.0),
    (3000.0, 9.7),
    (4000.0, 8.3),
    (4997.0, 8.6),
];

/// Quantiles of the unit price over items: (share of items below, price).
const PRICES: [(f64, f64); 13] = [
    (0.0, 0.01),
    (0.01, 0.11),
    (0.05, 0.28),
    (0.10, 0.40),
    (0.25, 0.71),
    (0.40, 1.00),
    (0.50, 1.19),
    (0.60, 1.43),
    (0.75, 1.95),
    (0.90, 3.20),
    (0.95, 4.30),
    (0.99, 8.30),
    (1.0, 22.0),
];

/// Mean share of lines above quantity 1, and share of those above 3, by tenth of price.
const MULTIPLES: [(f64, f64); 10] = [
    (0.31, 0.28),
    (0.23, 0.28),
    (0.165, 0.20),
    (0.155, 0.17),
    (0.155, 0.16),
    (0.145, 0.12),
    (0.155, 0.11),
    (0.145, 0.11),
    (0.155, 0.09),
    (0.12, 0.12),
];

/// Share of items sold by weight: quantity 1 and a new price in every line.
const BY_WEIGHT: f64 = 0.058;

/// Price tier of an item or a basket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tier {
    /// LA.
    Lower,
    /// MM.
    Middle,
    /// UM.
    Upper,
    /// XX: not classified.
    None,
}

/// Mission class of an item.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Class {
    /// G00001 to G00009.
    Fresh,
    /// G00010 to G00016, G00027, G00028, G00030.
    Grocery,
    /// G00017 to G00023, G00026.
    Nonfood,
    /// XX: not classified (the other groups and the carrier bag).
    None,
}

/// One item.
#[derive(Clone, Copy, Debug)]
pub struct Item {
    /// Digits of PROD_CODE_10, _20, _30, _40 from 1.
    pub levels: [u16; 4],
    /// Unit price in hundredths (of one unit, or the middle price where sold by weight).
    pub cents: u32,
    /// Price tier.
    pub tier: Tier,
    /// Mission class.
    pub class: Class,
    /// Position by popularity from 0.
    pub rank: u16,
    /// Expected share of catalogue draws, not normalised.
    pub(crate) weight: f64,
    /// Sold by weight: always quantity 1, price varies.
    pub(crate) by_weight: bool,
    /// The carrier bag, with its own quantities.
    pub(crate) bag: bool,
    /// Share of lines above quantity 1, and share of those above 3.
    pub(crate) multiple: (f64, f64),
}

/// The fixed catalogue; item `i` has code PRD0900001 + `i`.
pub(crate) fn catalogue(random: &mut Random) -> Vec<Item> {
    let mut weights: Vec<f64> = (1..=ITEMS).map(|rank| popularity(rank as f64)).collect();
    let levels = tree(&mut weights, &BEST_SELLERS.map(|best| best.0), random);
    let tiers: Vec<Tier> = (0..ITEMS).map(|rank| assign_tier(rank, random)).collect();
    let cents = assign_prices(&levels, &tiers, random);
    let mut by_price: Vec<usize> = (0..ITEMS).collect();
    by_price.sort_by_key(|&rank| (cents[rank], rank));
    let mut tenth = vec![0; ITEMS];
    for (place, &rank) in by_price.iter().enumerate() {
        tenth[rank] = place * 10 / ITEMS;
    }
    let mut items: Vec<Item> = (0..ITEMS)
        .map(|rank| {
            let by_weight = rank >= BEST_SELLERS.len() && random.chance(BY_WEIGHT);
            let (mean, bulk) = MULTIPLES[tenth[rank]];
            let share = if by_weight || rank == 0 {
                0.0
            } else {
                mean * random.exponential()
            };
            Item {
                levels: levels[rank],
                cents: cents[rank],
                tier: tiers[rank],
                class: if rank == BAG_RANK {
                    Class::None
                } else {
                    class_of(levels[rank][2])
                },
                rank: rank as u16,
                weight: weights[rank],
                by_weight,
                bag: rank == BAG_RANK,
                multiple: (share.min(0.95), bulk),
            }
        })
        .collect();
    random.shuffle(&mut items);
    items
}

fn popularity(rank: f64) -> f64 {
    let after = POPULARITY.partition_point(|anchor| anchor.0 < rank).max(1);
    let (low, high) = (POPULARITY[after - 1], POPULARITY[after]);
    let part = (ln(rank) - ln(low.0)) / (ln(high.0) - ln(low.0));
    exp(ln(low.1) + part * (ln(high.1) - ln(low.1)))
}

fn class_of(group: u16) -> Class {
    match group {
        1..=9 => Class::Fresh,
        10..=16 | 27 | 28 | 30 => Class::Grocery,
        17..=23 | 26 => Class::Nonfood,
        _ => Class::None,
    }
}

/// ln of the price below which this share of the items lies.
fn ln_price(share: f64) -> f64 {
    let after = PRICES
        .partition_point(|anchor| anchor.0 < share)
        .clamp(1, PRICES.len() - 1);
    let (low, high) = (PRICES[after - 1], PRICES[after]);
    let part = (share - low.0) / (high.0 - low.0);
    ln(low.1) + part * (ln(high.1) - ln(low.1))
}

fn assign_tier(rank: usize, random: &mut Random) -> Tier {
    if let Some(best) = BEST_SELLERS.get(rank) {
        return best.2;
    }
    let (lower, upper, none) = if rank < 1000 {
        (0.275, 0.205, 0.02)
    } else {
        (0.17, 0.16, 0.06)
    };
    match random.unit() {
        u if u < lower => Tier::Lower,
        u if u < lower + upper => Tier::Upper,
        u if u < lower + upper + none => Tier::None,
        _ => Tier::Middle,
    }
}

/// Prices in hundredths, distributed as [`PRICES`], partly shared within a PROD_CODE_10, a little
/// lower in tier LA and for popular items.
fn assign_prices(levels: &[[u16; 4]], tiers: &[Tier], random: &mut Random) -> Vec<u32> {
    let shared: Vec<f64> = (0..=250).map(|_| random.normal()).collect();
    let mut logs: Vec<f64> = levels
        .iter()
        .zip(tiers)
        .enumerate()
        .map(|(rank, (levels, tier))| {
            let of_tier = match tier {
                Tier::Lower => -0.20,
                Tier::Upper => 0.10,
                _ => 0.0,
            };
            let unpopular = ln((rank + 1) as f64) - 7.5;
            0.5 * shared[usize::from(levels[0])]
                + 0.75 * random.normal()
                + of_tier
                + 0.16 * unpopular
        })
        .collect();
    let mut order: Vec<usize> = (0..logs.len()).collect();
    order.sort_by(|&a, &b| logs[a].total_cmp(&logs[b]));
    for (place, &rank) in order.iter().enumerate() {
        logs[rank] = ln_price((place as f64 + 0.5) / order.len() as f64);
    }
    logs.iter()
        .enumerate()
        .map(|(rank, value)| match BEST_SELLERS.get(rank) {
            Some(best) => best.1,
            None => (exp(*value) * 100.0).round().max(1.0) as u32,
        })
        .collect()
}
