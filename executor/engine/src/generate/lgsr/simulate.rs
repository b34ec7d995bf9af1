//! Owns the course of the simulation: weeks, in each the customers in turn, for each their baskets.
//! Pure but for its random numbers: it hands baskets to a visitor and must not touch files. Its
//! state is the customers' (bounded each); nothing grows with the rows.

use super::GenerateSpec;
use super::basket::{Basket, Card, Chain, Errand, Filler, size};
use super::calendar::{FIRST_HOUR, HOUR_WEIGHTS, Week};
use super::catalogue::{Item, catalogue};
use super::customer::{Customer, LIFE_SEGMENTS, PRICE_SEGMENTS};
use super::labels::labels;
use super::random::{Alias, Random, hashed_unit};
use super::shelf::Shelf;
use super::stores::{Store, Stores};
use super::taste::Topics;

/// Seed of what is the same in every run: catalogue, stores, topics.
pub(super) const CHAIN_SEED: u64 = 0x5061_6E6E_6965_7231;

/// Anonymous baskets per basket of a known customer.
const ANONYMOUS: f64 = 0.2582;

/// Spread of the sizes of anonymous baskets, relative to known customers.
const ANONYMOUS_SPREAD: f64 = 0.95;

/// Chance that a visit on a day with one already moves to a day drawn anew.
const OTHER_DAY: f64 = 0.15;

/// Baskets of known customers are numbered from here within a week; anonymous ones from 0.
const FIRST_KNOWN: u64 = 25_000_000;

/// Most distinct digits after the week in a BASKET_ID.
const BASKET_NUMBERS: u64 = 100_000_000;

/// A simulated retail chain.
pub struct Simulation {
    items: Vec<Item>,
    stores: Stores,
    topics: Topics,
    customers: Vec<Customer>,
    filler: Filler,
    hours: Alias,
    seed: u64,
    next_week: u32,
    code_step: u64,
    number_step: u64,
}

/// Numbers given out in one week.
struct Numbers {
    prefix: u64,
    known: u64,
    anonymous: u64,
}

impl Simulation {
    /// The chain of a spec before its first week.
    pub fn new(spec: &GenerateSpec) -> Self {
        let items = catalogue(&mut Random::stream(CHAIN_SEED, 0));
        let stores = Stores::new(&mut Random::stream(CHAIN_SEED, 1));
        let topics = Topics::new(&items, &mut Random::stream(CHAIN_SEED, 2));
        let random = &mut Random::stream(spec.seed, 0);
        let customers = (0..spec.customers)
            .map(|_| Customer::new(spec.weeks.max(1), &stores, &topics, random))
            .collect();
        let count = u64::from(spec.customers.max(1));
        Self {
            items,
            stores,
            topics,
            customers,
            filler: Filler::new(),
            hours: Alias::new(&HOUR_WEIGHTS),
            seed: spec.seed,
            next_week: 0,
            code_step: (10_000_000_000 / count).min(200),
            number_step: (FIRST_KNOWN * 2 / count).clamp(1, 360),
        }
    }

    /// The catalogue; item `i` is PROD_CODE PRD0900001 + `i`.
    pub fn items(&self) -> &[Item] {
        &self.items
    }

    /// The stores, in code order.
    pub fn stores(&self) -> &[Store] {
        &self.stores.all
    }

    /// The customers' state.
    #[cfg(test)]
    pub(crate) fn customers(&self) -> &[Customer] {
        &self.customers
    }

    /// The week that [`Simulation::week`] will simulate next.
    pub fn upcoming(&self) -> Week {
        Week::at(self.next_week)
    }

    /// Simulates the next week. Baskets of one customer come in order of time; weeks follow each
    /// other without end. Stops at the visitor's first error, and is of no use after it.
    pub fn week<E>(&mut self, mut visit: impl FnMut(&Basket) -> Result<(), E>) -> Result<(), E> {
        let week = self.upcoming();
        self.next_week += 1;
        let shelf = Shelf::new(&self.items, &self.topics, &week);
        let random = &mut Random::stream(self.seed, u64::from(week.index) + 1);
        let season = week.season();
        let mut numbers = Numbers {
            prefix: (9_941_001 + u64::from(week.index)) * BASKET_NUMBERS,
            known: FIRST_KNOWN,
            anonymous: 0,
        };
        let mut basket = Basket::default();
        let mut times = Vec::new();
        for index in 0..self.customers.len() {
            let customer = &self.customers[index];
            if week.index < customer.join || week.index >= customer.leave {
                continue;
            }
            let arrives = customer.arrives && week.index == customer.join;
            let visits = random.poisson(f64::from(customer.rate) * season) + u32::from(arrives);
            self.draw_times(visits, &mut times, random);
            numbers.known += 1 + random.below(2 * self.number_step as usize - 1) as u64;
            let turn = random.below(times.len());
            for (place, &(day, hour)) in times.iter().enumerate() {
                (basket.day, basket.hour) = (day, hour);
                // Numbers of one customer lie together, but not in order of time.
                let number = numbers.known + ((place + turn) % times.len()) as u64;
                basket.id = numbers.prefix + number % BASKET_NUMBERS;
                self.known_basket(index, &shelf, &mut basket, random);
                visit(&basket)?;
                if random.chance(ANONYMOUS) {
                    self.anonymous_basket(&shelf, &mut basket, &mut numbers, random);
                    visit(&basket)?;
                }
            }
            numbers.known += times.len() as u64;
        }
        Ok(())
    }

    fn card(&self, index: usize) -> Card {
        let place = index as u64;
        let within = hashed_unit(place, self.seed) * self.code_step as f64;
        let [price, life] = self.customers[index].segments.map(usize::from);
        Card {
            index: index as u32,
            code: place * self.code_step + within as u64,
            segments: [PRICE_SEGMENTS[price], LIFE_SEGMENTS[life]],
        }
    }

    fn draw_times(&self, visits: u32, times: &mut Vec<(u8, u8)>, random: &mut Random) {
        times.clear();
        for _ in 0..visits {
            let mut day = random.below(7) as u8;
            if times.iter().any(|time| time.0 == day) && random.chance(OTHER_DAY) {
                day = random.below(7) as u8;
            }
            times.push((day, FIRST_HOUR + self.hours.draw(random) as u8));
        }
        times.sort_unstable();
    }

    fn known_basket(
        &mut self,
        index: usize,
        shelf: &Shelf,
        basket: &mut Basket,
        random: &mut Random,
    ) {
        basket.customer = Some(self.card(index));
        let customer = &mut self.customers[index];
        basket.store = customer.store(&self.stores, random);
        let chain = Chain {
            items: &self.items,
            topics: &self.topics,
            shelf,
        };
        let format = self.stores.all[usize::from(basket.store)].format;
        let size = size(f64::from(customer.size), format, random);
        let errand = Errand {
            customer: Some(customer),
            topic: customer.topic(&self.topics, random),
            size,
            habit: self.filler.habit(customer, size, random),
        };
        self.filler.fill(&errand, &chain, &mut basket.lines, random);
        basket.labels = labels(&basket.lines, &self.items);
        customer.baskets = customer.baskets.saturating_add(1);
        for line in &basket.lines {
            customer.history.push(line.item, random);
        }
    }

    fn anonymous_basket(
        &self,
        shelf: &Shelf,
        basket: &mut Basket,
        numbers: &mut Numbers,
        random: &mut Random,
    ) {
        numbers.anonymous += 1 + random.below(2 * self.number_step as usize - 1) as u64;
        basket.id = numbers.prefix + numbers.anonymous % BASKET_NUMBERS;
        basket.customer = None;
        basket.store = self.stores.draw(random);
        basket.day = random.below(7) as u8;
        basket.hour = FIRST_HOUR + self.hours.draw(random) as u8;
        let chain = Chain {
            items: &self.items,
            topics: &self.topics,
            shelf,
        };
        let format = self.stores.all[usize::from(basket.store)].format;
        let shift = ANONYMOUS_SPREAD * super::customer::SIZE_SPREAD * random.normal();
        let errand = Errand {
            customer: None,
            topic: self.topics.draw(random),
            size: size(shift, format, random),
            habit: 0.0,
        };
        self.filler.fill(&errand, &chain, &mut basket.lines, random);
        basket.labels = labels(&basket.lines, &self.items);
    }
}
