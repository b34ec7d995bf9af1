//! Owns what goes into one basket: its size and its items, which come from habit, from the basket's
//! topic, or from beside another line. Must not know when the basket is bought or how it is written.

use super::catalogue::{Class, Item};
use super::customer::{Customer, SIZE_SPREAD};
use super::labels::{Labels, Line};
use super::quantity::Quantities;
use super::random::Random;
use super::shelf::Shelf;
use super::taste::Topics;

/// Basket size on a standard normal scale: a basket above the n-th cut has more than n items. The
/// cuts are the normal quantiles of the observed sizes.
const SIZE_CUTS: [f64; 49] = [
    -0.863, -0.385, -0.081, 0.135, 0.301, 0.435, 0.551, 0.653, 0.746, 0.833, 0.919, 1.000, 1.079,
    1.155, 1.234, 1.309, 1.384, 1.458, 1.534, 1.608, 1.683, 1.757, 1.833, 1.905, 1.977, 2.051,
    2.121, 2.197, 2.274, 2.346, 2.413, 2.485, 2.556, 2.624, 2.693, 2.767, 2.833, 2.914, 2.991,
    3.059, 3.128, 3.199, 3.252, 3.319, 3.385, 3.433, 3.494, 3.522, 3.562,
];

/// Step of the cuts beyond the last one, and the largest size.
const LAST_CUTS: (f64, usize) = (0.040, 90);

/// Chance that a line is drawn from what the customer remembers, by the number of the basket;
/// straight lines in between. Lower than the repeat share observed: other draws repeat by chance.
const HABIT: [(f64, f64); 8] = [
    (1.0, 0.0),
    (2.0, 0.295),
    (4.0, 0.44),
    (8.0, 0.57),
    (15.0, 0.68),
    (33.0, 0.77),
    (72.0, 0.86),
    (180.0, 0.97),
];

/// Chance that a line is drawn beside an earlier one: `a / (size + b)`.
const BESIDE: (f64, f64) = (0.56, 3.0);

/// Of those, the share drawn from the same PROD_CODE_10 and not only the same PROD_CODE_20.
const CLOSE: f64 = 0.46;

/// Share of baskets of up to three items, and of larger ones, in which habit hardly counts.
const CURIOUS: (f64, f64) = (0.52, 0.09);

/// Purchases a customer thinks of before giving up on habit for a line.
const LOOKS: usize = 24;

/// Chance that a line after the first is a partner of an earlier one.
const PARTNER: f64 = 0.15;

/// Share of the other new lines drawn from the basket's topic.
const FROM_TOPIC: f64 = 0.75;

/// Share of single-item baskets with an item of class XX, and of those of up to four items with
/// nothing but class Nonfood.
const SINGLE_MINDED: (f64, f64) = (0.038, 0.025);

/// What the files say of a customer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Card {
    /// Position among the customers.
    pub index: u32,
    /// Digits of CUST_CODE.
    pub code: u64,
    /// Price and life segment, each as the newer and as the older release names it.
    pub segments: [(&'static str, &'static str); 2],
}

/// One basket.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Basket {
    /// The 15 digits of BASKET_ID.
    pub id: u64,
    /// Whose basket; none for an anonymous one.
    pub customer: Option<Card>,
    /// Position of the store.
    pub store: u16,
    /// Day of the week from Monday = 0.
    pub day: u8,
    /// Hour of the day.
    pub hour: u8,
    /// Distinct items.
    pub lines: Vec<Line>,
    /// What the lines make it.
    pub labels: Labels,
}

/// Tables that do not change from week to week.
pub(crate) struct Filler {
    habit: Vec<f64>,
    quantities: Quantities,
}

/// What can be bought this week.
#[derive(Clone, Copy)]
pub(crate) struct Chain<'a> {
    /// The catalogue.
    pub(crate) items: &'a [Item],
    /// What goes together.
    pub(crate) topics: &'a Topics,
    /// The week's offer.
    pub(crate) shelf: &'a Shelf,
}

/// Who buys and for what; the part of a basket that decides its items.
pub(crate) struct Errand<'a> {
    /// The customer, or nobody.
    pub(crate) customer: Option<&'a Customer>,
    /// The topic of the basket.
    pub(crate) topic: u8,
    /// Distinct items to buy.
    pub(crate) size: usize,
    /// Chance that a line is drawn from what the customer remembers.
    pub(crate) habit: f64,
}

impl Filler {
    /// The fixed tables.
    pub(crate) fn new() -> Self {
        Self {
            habit: (0..=HABIT[HABIT.len() - 1].0 as usize)
                .map(|rank| habit(rank as f64))
                .collect(),
            quantities: Quantities::new(),
        }
    }

    /// Chance of habit for the lines of a customer's next basket; now and then, mostly in small
    /// baskets, they come for something new.
    pub(crate) fn habit(&self, customer: &Customer, size: usize, random: &mut Random) -> f64 {
        let rank = (customer.baskets as usize + 1).min(self.habit.len() - 1);
        let curious = random.chance(if size <= 3 { CURIOUS.0 } else { CURIOUS.1 });
        let usual = self.habit[rank] * f64::from(customer.habit);
        if curious { 0.1 * usual } else { usual }
    }

    /// Fills `lines` with the distinct items of an errand.
    pub(crate) fn fill(
        &self,
        errand: &Errand<'_>,
        chain: &Chain<'_>,
        lines: &mut Vec<Line>,
        random: &mut Random,
    ) {
        lines.clear();
        let only = if errand.size == 1 && random.chance(SINGLE_MINDED.0) {
            Some(Class::None)
        } else if errand.size <= 4 && random.chance(SINGLE_MINDED.1) {
            Some(Class::Nonfood)
        } else {
            None
        };
        for _ in 0..errand.size {
            // Rarely a second try is needed, a third almost never.
            for _ in 0..1_000 {
                let item = match only {
                    Some(class) => chain.shelf.draw_class(class, random),
                    None => self.pick(errand, chain, lines, random),
                };
                if !lines.iter().any(|line| line.item == item) {
                    let sold = &chain.items[usize::from(item)];
                    lines.push(self.quantities.line(item, sold, random));
                    break;
                }
            }
        }
    }

    fn pick(
        &self,
        errand: &Errand<'_>,
        chain: &Chain<'_>,
        lines: &[Line],
        random: &mut Random,
    ) -> u16 {
        let Chain {
            items,
            topics,
            shelf,
        } = *chain;
        let beside = (!lines.is_empty()
            && random.chance(BESIDE.0 / (errand.size as f64 + BESIDE.1)))
        .then(|| &items[usize::from(lines[random.below(lines.len())].item)]);
        if !lines.is_empty() && random.chance(PARTNER) {
            let other = lines[random.below(lines.len())].item;
            let item = topics.draw_partner(other, random);
            if shelf.listed[usize::from(item)] {
                return item;
            }
        }
        if let Some(item) = self.remembered(errand, chain, beside, random) {
            return item;
        }
        if let Some(other) = beside {
            let item = shelf.draw_beside(other, random.chance(CLOSE), random);
            // Now and then nothing beside the other one is listed.
            if shelf.listed[usize::from(item)] {
                return item;
            }
        }
        if random.chance(FROM_TOPIC) {
            shelf.draw_topic(errand.topic, random)
        } else {
            shelf.draw(random)
        }
    }

    /// An item the customer has bought before and can buy again; where the line is to lie beside
    /// another, one of the same PROD_CODE_20 if a few looks find any.
    fn remembered(
        &self,
        errand: &Errand<'_>,
        chain: &Chain<'_>,
        beside: Option<&Item>,
        random: &mut Random,
    ) -> Option<u16> {
        let customer = errand.customer?;
        let Chain {
            items,
            topics,
            shelf,
        } = *chain;
        if !random.chance(errand.habit) {
            return None;
        }
        let fits = |item: u16| {
            shelf.listed[usize::from(item)]
                && beside.is_none_or(|other| items[usize::from(item)].levels[1] == other.levels[1])
        };
        (0..LOOKS).find_map(|_| {
            let item = customer.history.draw(random)?;
            let tilt = f64::from(topics.tilt[usize::from(errand.topic)][usize::from(item)]);
            let wanted = customer.fondness(item) * (0.5 * tilt).min(1.0);
            (fits(item) && random.chance(wanted)).then_some(item)
        })
    }
}

/// Distinct items of a basket of a customer with this size shift, in a store of this format.
pub(crate) fn size(shift: f64, format: &str, random: &mut Random) -> usize {
    let of_format = match format {
        "MS" => -0.11,
        "SS" => -0.28,
        _ => 0.085,
    };
    let z = shift + of_format + (1.0 - SIZE_SPREAD * SIZE_SPREAD).sqrt() * random.normal();
    let last = SIZE_CUTS[SIZE_CUTS.len() - 1];
    if z < last {
        return SIZE_CUTS.partition_point(|&cut| cut <= z) + 1;
    }
    (SIZE_CUTS.len() + 1 + ((z - last) / LAST_CUTS.0) as usize).min(LAST_CUTS.1)
}

fn habit(rank: f64) -> f64 {
    let after = HABIT
        .partition_point(|anchor| anchor.0 < rank)
        .clamp(1, HABIT.len() - 1);
    let (low, high) = (HABIT[after - 1], HABIT[after]);
    let part = ((rank - low.0) / (high.0 - low.0)).clamp(0.0, 1.0);
    low.1 + part * (high.1 - low.1)
}
