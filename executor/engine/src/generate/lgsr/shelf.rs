//! Owns what one week offers: listed items, their weight in that week (range changes, promotions,
//! drift, Christmas) and the tables to draw from. A function of the week alone, the same for every
//! seed. Must not know customers.

use super::calendar::Week;
use super::catalogue::{Class, Item};
use super::random::{Alias, Random, hashed_unit};
use super::taste::Topics;

/// Share of items that come and go, by popularity: (ranks below, share).
const ROTATING: [(u16, f64); 5] = [
    (100, 0.02),
    (500, 0.08),
    (1500, 0.15),
    (3000, 0.30),
    (u16::MAX, 0.45),
];

/// The tables of one week.
pub(crate) struct Shelf {
    /// Per item: can it be bought this week?
    pub(crate) listed: Vec<bool>,
    all: Alias,
    classes: [Alias; 4],
    topics: Vec<Alias>,
    subclasses: Vec<Part>,
    departments: Vec<Part>,
}

/// A draw restricted to some items.
#[derive(Default)]
struct Part {
    items: Vec<u16>,
    weights: Vec<f64>,
    table: Alias,
}

impl Shelf {
    /// The shelf of a week.
    pub(crate) fn new(items: &[Item], topics: &Topics, week: &Week) -> Self {
        let factors: Vec<f64> = items
            .iter()
            .enumerate()
            .map(|(index, item)| factor(index, item, week))
            .collect();
        let weights: Vec<f64> = items
            .iter()
            .zip(&factors)
            .map(|(item, factor)| item.weight * factor)
            .collect();
        let tilted = topics.tilt.iter().map(|tilt| {
            let of_topic: Vec<f64> = weights
                .iter()
                .zip(tilt)
                .map(|(weight, &tilt)| weight * f64::from(tilt))
                .collect();
            Alias::new(&of_topic)
        });
        let classes = [Class::Fresh, Class::Grocery, Class::Nonfood, Class::None].map(|class| {
            let of_class = |(item, weight): (&Item, &f64)| {
                if item.class == class { *weight } else { 0.0 }
            };
            Alias::new(
                &items
                    .iter()
                    .zip(&weights)
                    .map(of_class)
                    .collect::<Vec<f64>>(),
            )
        });
        Self {
            listed: factors.iter().map(|&factor| factor > 0.0).collect(),
            all: Alias::new(&weights),
            classes,
            topics: tilted.collect(),
            subclasses: parts(items, &weights, 0, 251),
            departments: parts(items, &weights, 1, 91),
        }
    }

    /// Any item.
    pub(crate) fn draw(&self, random: &mut Random) -> u16 {
        self.all.draw(random) as u16
    }

    /// An item of a class.
    pub(crate) fn draw_class(&self, class: Class, random: &mut Random) -> u16 {
        self.classes[class as usize].draw(random) as u16
    }

    /// An item as a topic prefers it.
    pub(crate) fn draw_topic(&self, topic: u8, random: &mut Random) -> u16 {
        self.topics[usize::from(topic)].draw(random) as u16
    }

    /// An item of the same PROD_CODE_10 (`close`) or PROD_CODE_20.
    pub(crate) fn draw_beside(&self, item: &Item, close: bool, random: &mut Random) -> u16 {
        let part = if close {
            &self.subclasses[usize::from(item.levels[0])]
        } else {
            &self.departments[usize::from(item.levels[1])]
        };
        part.items
            .get(part.table.draw(random))
            .copied()
            .unwrap_or_default()
    }
}

fn parts(items: &[Item], weights: &[f64], level: usize, count: usize) -> Vec<Part> {
    let mut parts: Vec<Part> = (0..count).map(|_| Part::default()).collect();
    for (index, item) in items.iter().enumerate() {
        let part = &mut parts[usize::from(item.levels[level])];
        part.items.push(index as u16);
        part.weights.push(weights[index]);
    }
    for part in &mut parts {
        part.table = Alias::new(&std::mem::take(&mut part.weights));
    }
    parts
}

/// What an item's weight is multiplied with in a week; 0 while it is not listed. Its mean over the
/// weeks is about 1.
fn factor(index: usize, item: &Item, week: &Week) -> f64 {
    let own = |kind: u64, at: u32| hashed_unit(index as u64 * 8 + kind, u64::from(at));
    let drift = if item.rank < 100 { 0.4 } else { 0.6 };
    let mut factor = 1.0 + drift * (own(0, week.index / 13) - 0.5);
    let rotating = ROTATING
        .iter()
        .find(|step| item.rank < step.0)
        .map_or(0.0, |step| step.1);
    if own(1, 0) < rotating {
        let cycle = 60.0 + 100.0 * own(2, 0);
        let share = 0.35 + 0.5 * own(3, 0);
        let at = (f64::from(week.index) / cycle + own(4, 0)).fract();
        if at >= share {
            return 0.0;
        }
        factor /= share;
    }
    if own(5, week.index / 3) < 0.03 {
        factor *= 3.0;
    }
    if own(6, 0) < 0.02 && item.rank >= 100 {
        let christmas = (38..=44).contains(&(week.shop_week % 100));
        factor *= if christmas { 4.0 } else { 0.53 };
    }
    factor
}
