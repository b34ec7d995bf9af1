//! Owns the 761 stores: code, format, region and how often each is somebody's primary store.
//! Must not know who shops there.

use super::random::{Alias, Random, exp};

/// Stores, mean ln and sd of ln of baskets, share of baskets, per format.
const FORMATS: [(&str, usize, f64, f64, f64); 4] = [
    ("LS", 330, 6.62, 0.43, 0.58),
    ("MS", 236, 6.05, 0.58, 0.25),
    ("SS", 167, 5.45, 0.60, 0.10),
    ("XLS", 28, 7.08, 0.27, 0.07),
];

/// Share of baskets per region.
const REGIONS: [(&str, f64); 12] = [
    ("E01", 0.0767),
    ("E02", 0.0733),
    ("E03", 0.0734),
    ("N01", 0.0976),
    ("N02", 0.0850),
    ("N03", 0.0920),
    ("S01", 0.0732),
    ("S02", 0.1009),
    ("S03", 0.0775),
    ("W01", 0.0794),
    ("W02", 0.1045),
    ("W03", 0.0666),
];

/// One store.
#[derive(Clone, Copy, Debug)]
pub struct Store {
    /// Digits of `STORE00001`.
    pub code: u32,
    /// LS, MS, SS or XLS.
    pub format: &'static str,
    /// E01 to W03.
    pub region: &'static str,
}

/// All stores, in code order, with the tables to draw from them.
pub(crate) struct Stores {
    pub(crate) all: Vec<Store>,
    anywhere: Alias,
    nearby: Vec<(Vec<u16>, Alias)>,
    region_of: Vec<u8>,
}

impl Stores {
    /// The fixed chain.
    pub(crate) fn new(random: &mut Random) -> Self {
        let mut kinds: Vec<usize> = FORMATS
            .iter()
            .enumerate()
            .flat_map(|(kind, format)| std::iter::repeat_n(kind, format.1))
            .collect();
        random.shuffle(&mut kinds);
        let region_shares = Alias::new(&REGIONS.map(|region| region.1));
        let mut code = 0;
        let mut region_of = Vec::new();
        let mut all = Vec::new();
        let mut weights = Vec::new();
        for &kind in &kinds {
            let (format, _, mean, deviation, _) = FORMATS[kind];
            let region = region_shares.draw(random);
            code += 1 + random.below(6) as u32;
            all.push(Store {
                code,
                format,
                region: REGIONS[region].0,
            });
            region_of.push(region as u8);
            weights.push(exp(mean + deviation * random.normal()));
        }
        for _ in 0..20 {
            rescale(&mut weights, &FORMATS.map(|format| format.4), |store| {
                kinds[store]
            });
            let shares = REGIONS.map(|region| region.1);
            rescale(&mut weights, &shares, |store| usize::from(region_of[store]));
        }
        let nearby = (0..REGIONS.len())
            .map(|region| {
                let members: Vec<u16> = (0..all.len())
                    .filter(|&store| usize::from(region_of[store]) == region)
                    .map(|store| store as u16)
                    .collect();
                let local: Vec<f64> = members.iter().map(|&m| weights[usize::from(m)]).collect();
                (members, Alias::new(&local))
            })
            .collect();
        Self {
            anywhere: Alias::new(&weights),
            all,
            nearby,
            region_of,
        }
    }

    /// A store of the chain, by its share of baskets.
    pub(crate) fn draw(&self, random: &mut Random) -> u16 {
        self.anywhere.draw(random) as u16
    }

    /// A store in the region of `home`, by its share of baskets.
    pub(crate) fn draw_near(&self, home: u16, random: &mut Random) -> u16 {
        let (members, table) = &self.nearby[usize::from(self.region_of[usize::from(home)])];
        members.get(table.draw(random)).copied().unwrap_or(home)
    }
}

/// Scales weights so that each group's sum is its share.
fn rescale(weights: &mut [f64], shares: &[f64], group: impl Fn(usize) -> usize) {
    let mut sums = vec![0.0; shares.len()];
    for (index, weight) in weights.iter().enumerate() {
        sums[group(index)] += weight;
    }
    for (index, weight) in weights.iter_mut().enumerate() {
        *weight *= shares[group(index)] / sums[group(index)];
    }
}
