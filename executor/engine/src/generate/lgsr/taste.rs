//! Owns what goes together: topics, which tilt the catalogue towards some departments, subclasses,
//! items and price tiers. Topics average out to the catalogue's own popularity, so they add
//! co-occurrence without moving the marginal shares. Must not know customers or weeks.

use super::catalogue::{Class, Item, Tier};
use super::random::{Alias, Random, exp};

/// Topics.
pub(crate) const TOPICS: usize = 24;

/// Deviation of the log tilt per PROD_CODE_30, _20, _10 and item.
const SPREAD: [f64; 4] = [0.80, 0.25, 0.35, 0.60];

/// Deviation of the log tilt per price tier.
const TIER_SPREAD: f64 = 0.45;

/// Items that go with an item. They are drawn by popularity, so that on average every item is
/// somebody's partner as often as it is bought.
const PARTNERS: usize = 3;

/// Deviation of the log tilt of classes Fresh, Grocery and Nonfood.
const CLASS_SPREAD: [f64; 3] = [0.4, 0.5, 0.9];

/// The topics of the chain.
pub(crate) struct Topics {
    /// Per topic and item, what its weight is multiplied with.
    pub(crate) tilt: Vec<Vec<f32>>,
    /// Per topic, how far it leans to tier UM (above 0) or LA (below 0).
    pub(crate) lean: Vec<f64>,
    /// Per item, the items that are often bought with it, from anywhere in the tree.
    partners: Vec<[u16; PARTNERS]>,
    masses: Alias,
}

impl Topics {
    /// Fixed topics over a catalogue: tilts are divided by their mean over the topics, and a topic
    /// is drawn in proportion to the weight it then has, so the mixture is the catalogue exactly.
    pub(crate) fn new(items: &[Item], random: &mut Random) -> Self {
        let mut tilt: Vec<Vec<f32>> = Vec::with_capacity(TOPICS);
        let mut lean = Vec::with_capacity(TOPICS);
        for _ in 0..TOPICS {
            let mut level = |count: usize, spread: f64| -> Vec<f64> {
                (0..=count).map(|_| spread * random.normal()).collect()
            };
            let group = level(31, SPREAD[0]);
            let department = level(90, SPREAD[1]);
            let subclass = level(250, SPREAD[2]);
            let own = level(items.len(), SPREAD[3]);
            let tier = level(2, TIER_SPREAD);
            let class = level(2, 1.0);
            lean.push(tier[1] - tier[0]);
            tilt.push(
                items
                    .iter()
                    .zip(&own)
                    .map(|(item, own)| {
                        let of_tier = match item.tier {
                            Tier::Lower => tier[0],
                            Tier::Upper => tier[1],
                            Tier::Middle | Tier::None => 0.0,
                        };
                        let of_class = match item.class {
                            Class::Fresh => CLASS_SPREAD[0] * class[0],
                            Class::Grocery => CLASS_SPREAD[1] * class[1],
                            Class::Nonfood => CLASS_SPREAD[2] * class[2],
                            Class::None => 0.0,
                        };
                        let at = item.levels.map(usize::from);
                        exp(subclass[at[0]]
                            + department[at[1]]
                            + group[at[2]]
                            + own
                            + of_tier
                            + of_class) as f32
                    })
                    .collect(),
            );
        }
        for index in 0..items.len() {
            let mean = tilt.iter().map(|t| t[index]).sum::<f32>() / TOPICS as f32;
            tilt.iter_mut().for_each(|t| t[index] /= mean);
        }
        let masses: Vec<f64> = tilt
            .iter()
            .map(|t| {
                t.iter()
                    .zip(items)
                    .map(|(&t, item)| f64::from(t) * item.weight)
                    .sum()
            })
            .collect();
        let weights: Vec<f64> = items.iter().map(|item| item.weight).collect();
        let all = Alias::new(&weights);
        let partners = items
            .iter()
            .map(|_| std::array::from_fn(|_| all.draw(random) as u16))
            .collect();
        Self {
            tilt,
            lean,
            partners,
            masses: Alias::new(&masses),
        }
    }

    /// One of the items that go with an item.
    pub(crate) fn draw_partner(&self, item: u16, random: &mut Random) -> u16 {
        self.partners[usize::from(item)][random.below(PARTNERS)]
    }

    /// A topic by its share of the catalogue.
    pub(crate) fn draw(&self, random: &mut Random) -> u8 {
        self.masses.draw(random) as u8
    }
}
