//! Owns the course of one customer after another, for sources that tell users apart and not weeks:
//! the same customers, habits and catalogue as the simulation by weeks, on one week's shelf. Must
//! not know when baskets are bought.

use super::basket::{Chain, Errand, Filler, size};
use super::calendar::Week;
use super::catalogue::{Item, catalogue};
use super::customer::Customer;
use super::labels::Line;
use super::random::{Random, hashed_unit};
use super::shelf::Shelf;
use super::simulate::CHAIN_SEED;
use super::stores::Stores;
use super::taste::Topics;

/// What all customers share.
pub(crate) struct Chronicle {
    items: Vec<Item>,
    stores: Stores,
    topics: Topics,
    filler: Filler,
    shelf: Shelf,
}

impl Chronicle {
    /// The fixed chain.
    pub(crate) fn new() -> Self {
        let items = catalogue(&mut Random::stream(CHAIN_SEED, 0));
        let stores = Stores::new(&mut Random::stream(CHAIN_SEED, 1));
        let topics = Topics::new(&items, &mut Random::stream(CHAIN_SEED, 2));
        let shelf = Shelf::new(&items, &topics, &Week::at(0));
        Self {
            items,
            stores,
            topics,
            filler: Filler::new(),
            shelf,
        }
    }

    /// The catalogue.
    pub(crate) fn items(&self) -> &[Item] {
        &self.items
    }

    /// A new customer.
    pub(crate) fn customer(&self, random: &mut Random) -> Customer {
        Customer::new(1, &self.stores, &self.topics, random)
    }

    /// Fills `lines` with a customer's next basket; `larger` shifts its size on the normal scale.
    pub(crate) fn basket(
        &self,
        customer: &mut Customer,
        larger: f64,
        lines: &mut Vec<Line>,
        random: &mut Random,
    ) {
        let chain = Chain {
            items: &self.items,
            topics: &self.topics,
            shelf: &self.shelf,
        };
        let size = size(f64::from(customer.size) + larger, "LS", random);
        let errand = Errand {
            customer: Some(customer),
            topic: customer.topic(&self.topics, random),
            size,
            habit: self.filler.habit(customer, size, random),
        };
        self.filler.fill(&errand, &chain, lines, random);
        customer.baskets = customer.baskets.saturating_add(1);
        for line in lines.iter() {
            customer.history.push(line.item, random);
        }
    }
}

/// Which of `count` products a customer takes for an item, for sources with more products than the
/// catalogue has items: always the same one, and the first ones more often than the last. So there
/// is a long tail, and habits stay what they are.
pub(crate) fn variant(customer: u32, item: u16, count: u32) -> u32 {
    let unit = hashed_unit(u64::from(customer) + 0x5EED, u64::from(item));
    (unit * unit * f64::from(count)) as u32
}
