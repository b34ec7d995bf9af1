//! Owns the four labels of a basket: the rules, found in the real files and exact there, by which
//! a basket's lines decide them. Pure; must not draw anything.

use super::catalogue::{Class, Item, Tier};

/// One line of a basket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Line {
    /// Position in the catalogue.
    pub item: u16,
    /// Units.
    pub quantity: u32,
    /// Hundredths for all units.
    pub cents: u32,
}

/// The labels of a basket, as written in the files.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Labels {
    /// BASKET_SIZE.
    pub size: &'static str,
    /// BASKET_PRICE_SENSITIVITY.
    pub tier: &'static str,
    /// BASKET_TYPE.
    pub kind: &'static str,
    /// BASKET_DOMINANT_MISSION.
    pub mission: &'static str,
}

/// The labels of a basket with these lines.
pub(crate) fn labels(lines: &[Line], items: &[Item]) -> Labels {
    let mut units = [0_u64; 3];
    let mut cents = [0_u64; 3];
    let mut tiers = [0_i64; 3];
    let mut groups = 0_u64;
    let mut all_units = 0_u64;
    for line in lines {
        let item = &items[usize::from(line.item)];
        all_units += u64::from(line.quantity);
        match item.tier {
            Tier::Lower => tiers[0] += 1,
            Tier::Middle => tiers[1] += 1,
            Tier::Upper => tiers[2] += 1,
            Tier::None => {}
        }
        let class = match item.class {
            Class::Fresh => 0,
            Class::Grocery => 1,
            Class::Nonfood => 2,
            Class::None => continue,
        };
        units[class] += u64::from(line.quantity);
        cents[class] += u64::from(line.cents);
        groups |= 1 << item.levels[2];
    }
    Labels {
        size: size(all_units),
        tier: tier(tiers),
        kind: kind(groups.count_ones(), units.iter().sum()),
        mission: mission(units, cents),
    }
}

fn size(units: u64) -> &'static str {
    match units {
        0..=2 => "S",
        3..=9 => "M",
        _ => "L",
    }
}

/// By lines of tier LA, MM, UM; lines of tier XX do not count. The cuts lie between the fractions
/// observed on either side of them in 376,000 real baskets.
fn tier([lower, middle, upper]: [i64; 3]) -> &'static str {
    let lines = lower + middle + upper;
    if lines == 0 {
        "XX"
    } else if (upper - lower) * 1_000 >= 183 * lines {
        "UM"
    } else if (lower - upper) * 10_000 >= 2_265 * lines {
        "LA"
    } else {
        "MM"
    }
}

/// By distinct PROD_CODE_30 and units, items of class XX left out.
fn kind(groups: u32, units: u64) -> &'static str {
    if units == 0 {
        "XX"
    } else if groups >= 8 && units >= 15 {
        "Full Shop"
    } else if groups <= 3 && units <= 9 {
        "Small Shop"
    } else {
        "Top Up"
    }
}

/// The class whose share of units and share of spend, items of class XX left out, have a mean of
/// at least .6; `Mixed` where there is none.
fn mission(units: [u64; 3], cents: [u64; 3]) -> &'static str {
    let (all_units, all_cents) = (units.iter().sum::<u64>(), cents.iter().sum::<u64>());
    if all_units == 0 {
        return "XX";
    }
    let all_cents = all_cents.max(1);
    // units / all_units + cents / all_cents >= 1.2, without a division.
    let dominant = (0..3).find(|&class| {
        5 * (units[class] * all_cents + cents[class] * all_units) >= 6 * all_units * all_cents
    });
    dominant.map_or("Mixed", |class| ["Fresh", "Grocery", "Nonfood"][class])
}
