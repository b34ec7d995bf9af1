//! Owns one customer: when and how often they shop, how much, where, what they like, and what they
//! remember of it. The state of a customer is bounded: it does not grow with the weeks simulated.
//! Must not know weeks' tables or files.

use super::random::{Alias, Random, hashed_unit};
use super::stores::Stores;
use super::taste::Topics;

/// Lines a customer remembers at most.
pub(crate) const HISTORY: usize = 128;

/// Share of customers who come once, of those who come for a while, and of the rest who join late
/// or leave early.
const ONCE: f64 = 0.095;
const FOR_A_WHILE: f64 = 0.15;
const JOIN_LATE: f64 = 0.19;
const LEAVE_EARLY: f64 = 0.09;

/// Mean baskets a week and gamma shape, of lasting customers and of those who come for a while.
const LASTING: (f64, f64) = (1.0, 1.2);
const PASSING: (f64, f64) = (0.40, 0.8);

/// Mean weeks of a customer who comes for a while.
const PASSING_WEEKS: f64 = 25.0;

/// Deviation of a customer's mean basket size on the normal scale of sizes (of 1 in all).
pub(crate) const SIZE_SPREAD: f64 = 0.52;

/// Values of seg_1 and CUST_PRICE_SENSITIVITY, one list under both headers.
pub(crate) const PRICE_SEGMENTS: [(&str, &str); 4] =
    [("BG", "LA"), ("CT", "MM"), ("AZ", "UM"), ("DY", "XX")];

/// Values of seg_2 and CUST_LIFESTAGE; the newer header leaves the last one empty.
pub(crate) const LIFE_SEGMENTS: [(&str, &str); 7] = [
    ("AT", "YA"),
    ("BU", "OT"),
    ("CZ", "OA"),
    ("DI", "YF"),
    ("EQ", "PE"),
    ("FN", "OF"),
    ("", "XX"),
];

/// The lines a customer remembers: a sample of at most [`HISTORY`] purchases in which recent and
/// frequent items weigh most.
#[derive(Default)]
pub(crate) struct History(Vec<u16>);

impl History {
    /// Remembers a purchase; when full, in place of one taken at random.
    pub(crate) fn push(&mut self, item: u16, random: &mut Random) {
        if self.0.len() < HISTORY {
            self.0.push(item);
        } else {
            let place = random.below(HISTORY);
            self.0[place] = item;
        }
    }

    /// One remembered purchase.
    pub(crate) fn draw(&self, random: &mut Random) -> Option<u16> {
        self.0.get(random.below(self.0.len())).copied()
    }

    /// Purchases there is room for, now.
    #[cfg(test)]
    pub(crate) fn capacity(&self) -> usize {
        self.0.capacity()
    }
}

/// One customer.
pub(crate) struct Customer {
    /// First week in which they may shop.
    pub(crate) join: u32,
    /// First week after the last in which they may.
    pub(crate) leave: u32,
    /// Do they surely shop in their first week?
    pub(crate) arrives: bool,
    /// Expected baskets in an ordinary week.
    pub(crate) rate: f32,
    /// Shift of basket size on the normal scale.
    pub(crate) size: f32,
    /// Primary, second and third store.
    pub(crate) stores: [u16; 3],
    /// Share of baskets in the primary store.
    pub(crate) loyalty: f32,
    /// First and second topic.
    pub(crate) topics: [u8; 2],
    /// Position in [`PRICE_SEGMENTS`] and in [`LIFE_SEGMENTS`].
    pub(crate) segments: [u8; 2],
    /// Multiplies the chance that a line is habit.
    pub(crate) habit: f32,
    /// Decides which items the customer grows fond of.
    pub(crate) taste: u32,
    /// Baskets so far.
    pub(crate) baskets: u32,
    /// What they remember.
    pub(crate) history: History,
}

impl Customer {
    /// A customer of a simulation of `weeks` weeks.
    pub(crate) fn new(weeks: u32, stores: &Stores, topics: &Topics, random: &mut Random) -> Self {
        let kind = random.unit();
        let once = kind < ONCE;
        let (join, leave, rate) = if once {
            let week = random.below(weeks as usize) as u32;
            (week, week + 1, 0.0)
        } else if kind < ONCE + FOR_A_WHILE {
            let length = PASSING_WEEKS * random.exponential();
            let start = random.unit() * (f64::from(weeks) + length) - length;
            let join = start.max(0.0) as u32;
            (
                join,
                ((start + length) as u32).max(join + 1),
                PASSING.0 * random.gamma(PASSING.1),
            )
        } else {
            let join = if random.chance(JOIN_LATE) {
                random.below(weeks as usize) as u32
            } else {
                0
            };
            let end = (random.unit() * f64::from(weeks)) as u32;
            let leave = if random.chance(LEAVE_EARLY) {
                end.max(join + 1)
            } else {
                u32::MAX
            };
            (join, leave, LASTING.0 * random.gamma(LASTING.1))
        };
        let home = stores.draw(random);
        let liked = [topics.draw(random), topics.draw(random)];
        let lean = topics.lean[usize::from(liked[0])];
        Self {
            join,
            leave,
            arrives: kind < ONCE + FOR_A_WHILE,
            rate: rate as f32,
            size: (SIZE_SPREAD * random.normal()) as f32,
            stores: [
                home,
                stores.draw_near(home, random),
                stores.draw_near(home, random),
            ],
            loyalty: (0.30 + 0.70 * random.unit().sqrt()) as f32,
            topics: liked,
            segments: segments(once, rate, liked[0], lean, random),
            habit: (0.6 + 0.8 * random.unit()) as f32,
            taste: (random.unit() * 4_294_967_296.0) as u32,
            baskets: 0,
            history: History::default(),
        }
    }

    /// How readily the customer takes an item again, in [0, 1): a few items are favourites, most
    /// are not.
    pub(crate) fn fondness(&self, item: u16) -> f64 {
        let unit = hashed_unit(u64::from(self.taste), u64::from(item));
        unit * unit.sqrt()
    }

    /// The store of one basket.
    pub(crate) fn store(&self, stores: &Stores, random: &mut Random) -> u16 {
        if random.chance(f64::from(self.loyalty)) {
            return self.stores[0];
        }
        match random.unit() {
            u if u < 0.70 => self.stores[1],
            u if u < 0.90 => self.stores[2],
            u if u < 0.97 => stores.draw_near(self.stores[0], random),
            _ => stores.draw(random),
        }
    }

    /// The topic of one basket: mostly one of the customer's own.
    pub(crate) fn topic(&self, topics: &Topics, random: &mut Random) -> u8 {
        match random.unit() {
            u if u < 0.50 => self.topics[0],
            u if u < 0.75 => self.topics[1],
            _ => topics.draw(random),
        }
    }
}

/// Segments that say something: the price segment follows the tier lean of the first topic, the
/// life segment the topic itself and how often the customer shops.
fn segments(once: bool, rate: f64, topic: u8, lean: f64, random: &mut Random) -> [u8; 2] {
    let price = if once && random.chance(0.9) {
        3
    } else {
        let (lower, upper) = if lean < 0.0 { (1.6, 0.6) } else { (0.6, 1.6) };
        Alias::new(&[0.298 * lower, 0.431, 0.271 * upper]).draw(random)
    };
    let mut weights = [593.0, 1783.0, 497.0, 530.0, 159.0, 320.0, 481.0];
    weights[usize::from(topic) % 6] *= 2.5;
    if once {
        weights[1] *= 4.0;
    } else if rate > 1.0 {
        weights[1] *= 0.6;
        weights[3] *= 1.6;
        weights[4] *= 1.6;
    }
    [price as u8, Alias::new(&weights).draw(random) as u8]
}
