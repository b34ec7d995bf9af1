//! Owns the tree over the items: 31 PROD_CODE_30 with what is observed of each, and how items are
//! placed below them. Must not know prices or tiers.

use super::random::{Alias, Random, exp, ln};

/// The tree by PROD_CODE_30 (G00001 to G00031): digit of PROD_CODE_40, number of PROD_CODE_20 and
/// of PROD_CODE_10 below it, items, lines in 10,000.
const GROUPS: [(u16, u16, u16, u16, u16); 31] = [
    (1, 2, 6, 138, 437),
    (1, 1, 6, 113, 152),
    (1, 4, 10, 128, 285),
    (2, 5, 27, 385, 2070),
    (2, 3, 8, 84, 126),
    (2, 3, 5, 75, 123),
    (2, 6, 24, 938, 2370),
    (2, 7, 12, 256, 350),
    (2, 2, 2, 50, 52),
    (3, 6, 12, 281, 455),
    (3, 3, 5, 89, 113),
    (3, 3, 8, 56, 65),
    (3, 3, 14, 386, 452),
    (3, 2, 4, 168, 238),
    (3, 2, 11, 280, 567),
    (3, 3, 14, 521, 812),
    (4, 5, 9, 52, 26),
    (4, 3, 13, 73, 44),
    (4, 2, 2, 3, 1),
    (4, 1, 2, 3, 1),
    (5, 1, 8, 299, 483),
    (5, 4, 14, 350, 292),
    (5, 5, 8, 79, 313),
    (6, 2, 2, 3, 11),
    (6, 1, 1, 3, 7),
    (7, 1, 1, 1, 1),
    (8, 2, 4, 47, 52),
    (8, 5, 10, 99, 92),
    (8, 1, 4, 16, 14),
    (9, 1, 3, 16, 30),
    (9, 1, 1, 5, 9),
];

/// The digits of PROD_CODE_10, _20, _30, _40 of each rank. `weights` go by rank and are adjusted to
/// the lines per group; `best` are the groups of the first ranks, whose weights stay.
pub(crate) fn tree(weights: &mut [f64], best: &[usize], random: &mut Random) -> Vec<[u16; 4]> {
    let groups = assign_groups(weights, best, random);
    fit_groups(weights, &groups, best.len());
    assign_levels(&groups, random)
}

/// The group of each rank, so that items and lines per group come out as in [`GROUPS`]: a group
/// takes a rank in proportion to its open places, tilted by how far its open lines per open place
/// lie above or below the rank's weight.
fn assign_groups(weights: &[f64], best: &[usize], random: &mut Random) -> Vec<usize> {
    let total: f64 = weights.iter().sum();
    let mut places: Vec<f64> = GROUPS.iter().map(|group| f64::from(group.3)).collect();
    let mut lines: Vec<f64> = GROUPS
        .iter()
        .map(|group| f64::from(group.4) / 10_000.0 * total)
        .collect();
    let mut groups = Vec::with_capacity(weights.len());
    for (rank, &weight) in weights.iter().enumerate() {
        let fit: Vec<f64> = places
            .iter()
            .zip(&lines)
            .map(|(&open, &left)| {
                if open < 1.0 {
                    return 0.0;
                }
                let away = ln(weight) - ln((left / open).max(weight * 0.05));
                // A group with few lines left cannot take a best seller whole.
                let room = if left < 0.5 * weight && open > 1.0 {
                    1e-6
                } else {
                    1.0
                };
                open * room * exp(-0.5 * away * away / 0.6)
            })
            .collect();
        let group = match best.get(rank) {
            Some(group) => group - 1,
            None => Alias::new(&fit).draw(random),
        };
        places[group] -= 1.0;
        lines[group] -= weight;
        groups.push(group);
    }
    groups
}

/// Scales the weights below the best sellers so that the lines per group are those of [`GROUPS`].
fn fit_groups(weights: &mut [f64], groups: &[usize], best: usize) {
    let total: f64 = weights.iter().sum();
    let mut fixed = [0.0; GROUPS.len()];
    let mut open = [0.0; GROUPS.len()];
    for (rank, (weight, &group)) in weights.iter().zip(groups).enumerate() {
        let part = if rank < best { &mut fixed } else { &mut open };
        part[group] += weight;
    }
    for (weight, &group) in weights.iter_mut().zip(groups).skip(best) {
        let wanted = f64::from(GROUPS[group].4) / 10_000.0 * total - fixed[group];
        *weight *= (wanted / open[group]).clamp(0.5, 2.0);
    }
}

/// The four levels of each rank: each group's items are spread over its PROD_CODE_10 unevenly, at
/// least one in each, and those over its PROD_CODE_20.
fn assign_levels(groups: &[usize], random: &mut Random) -> Vec<[u16; 4]> {
    let mut slots: Vec<Vec<[u16; 4]>> = Vec::with_capacity(GROUPS.len());
    let (mut subclass, mut department) = (0, 0);
    for (index, &(division, departments, subclasses, items, _)) in GROUPS.iter().enumerate() {
        let owner = spread(departments, subclasses, 0.5, random);
        let mut of_group = Vec::new();
        for place in spread(subclasses, items, 1.0, random) {
            let under = department + owner[usize::from(place)] + 1;
            of_group.push([subclass + place + 1, under, index as u16 + 1, division]);
        }
        random.shuffle(&mut of_group);
        slots.push(of_group);
        subclass += subclasses;
        department += departments;
    }
    groups
        .iter()
        .map(|&group| slots[group].pop().unwrap_or([1; 4]))
        .collect()
}

/// The parent of each of `children` in `0..parents`, ascending, every parent at least once, sizes
/// log-normal with this deviation.
fn spread(parents: u16, children: u16, deviation: f64, random: &mut Random) -> Vec<u16> {
    let sizes: Vec<f64> = (0..parents)
        .map(|_| exp(deviation * random.normal()))
        .collect();
    let table = Alias::new(&sizes);
    let extra = children.saturating_sub(parents);
    let mut owners: Vec<u16> = (0..parents).collect();
    owners.extend((0..extra).map(|_| table.draw(random) as u16));
    owners.sort_unstable();
    owners
}
