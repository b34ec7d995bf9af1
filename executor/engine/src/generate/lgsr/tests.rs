//! Holds the generator to the form and the statistics of the real files. The targets were measured
//! on weeks 200607 to 200806 of the real files by the same code (`statistics.rs`).
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod files;
mod statistics;

use std::collections::{BTreeMap, HashSet};
use std::convert::Infallible;

use super::customer::{Customer, HISTORY};
use super::random::{Alias, Random, exp, ln};
use super::*;
use crate::generate::GenerateLayout;
use statistics::{Seen, Statistics};

/// Statistic, its value in the real files. Kept within [`TOLERANCE`].
const TARGETS: [(&str, f64); 119] = [
    ("basket size mean", 6.489),
    ("basket size median", 4.0),
    ("basket size p90", 16.0),
    ("basket size p99", 30.0),
    ("basket size = 1", 0.1941),
    ("basket size = 2", 0.156),
    ("basket size < 16", 0.8914),
    ("ln basket size mean", 1.394),
    ("ln basket size sd", 0.988),
    ("ln basket size sd within customers", 0.8548),
    ("baskets per customer and week", 0.6689),
    ("baskets per customer and week median", 0.35),
    ("baskets per customer and week p70", 0.82),
    ("baskets per customer and week p90", 1.72),
    ("ln baskets per customer sd", 1.807),
    ("customers with one basket", 0.1439),
    ("baskets per active customer-week", 1.838),
    ("customers seen by week 1", 0.3535),
    ("customers seen by week 5", 0.5357),
    ("customers seen by week 13", 0.6399),
    ("customers seen by week 46", 0.8039),
    ("customers seen by week 79", 0.9248),
    ("gap days mean", 6.868),
    ("gap days median", 3.0),
    ("gap days p90", 14.0),
    ("gap same day", 0.109),
    ("weekly lines sd / mean", 0.05842),
    ("repeat share at basket 2", 0.1522),
    ("repeat share at basket 3-5", 0.281),
    ("repeat share at basket 6-10", 0.4032),
    ("repeat share at basket 11-20", 0.5069),
    ("repeat share at basket 21-50", 0.6147),
    ("repeat share at basket 51-100", 0.7034),
    ("repeat share at basket 100+", 0.7701),
    ("repeat share in last basket", 0.5562),
    ("last basket without repeat", 0.1921),
    ("overlap with previous basket", 0.1209),
    ("items per customer median", 103.0),
    ("items per customer p90", 408.0),
    ("lines per customer and item", 2.695),
    ("customer-items bought once", 0.6254),
    ("lines of customer-items bought 5 times", 0.5207),
    ("lines of top 10 items", 0.1078),
    ("lines of top 100 items", 0.2597),
    ("lines of top 1000 items", 0.616),
    ("zipf slope 1-100", -0.7018),
    ("zipf slope 10-1000", -0.6333),
    ("zipf slope 1000-5000", -1.195),
    ("share of item 1", 0.02275),
    ("pairs in a basket of the same PROD_CODE_10", 0.04068),
    ("pairs in a basket of the same PROD_CODE_20", 0.08528),
    ("pairs in a basket of the same PROD_CODE_30", 0.1758),
    ("anonymous baskets", 0.2052),
    ("anonymous lines", 0.1952),
    ("quantity = 1", 0.8228),
    ("quantity = 3", 0.1341),
    ("quantity = 4", 0.01885),
    ("quantity = 6", 0.00744),
    ("units per line", 1.503),
    ("unit price median at quantity 1", 1.09),
    ("unit price median at quantity 3", 0.98),
    ("unit price median at quantity 4", 0.55),
    ("unit price median at quantity 6", 0.44),
    ("spend per line mean", 1.902),
    ("spend per line median", 1.23),
    ("spend per line p99", 11.31),
    ("spend per basket (all)", 12.19),
    ("spend per unit", 1.265),
    ("division 1", 0.08923),
    ("division 2", 0.4863),
    ("division 3", 0.2861),
    ("division 5", 0.1089),
    ("group 4", 0.1973),
    ("group 7", 0.2227),
    ("size S", 0.2629),
    ("size M", 0.4033),
    ("size L", 0.3339),
    ("tier LA", 0.2289),
    ("tier MM", 0.5116),
    ("tier UM", 0.2409),
    ("tier XX", 0.0186),
    ("kind Small Shop", 0.552),
    ("kind Top Up", 0.328),
    ("kind Full Shop", 0.107),
    ("kind XX", 0.01298),
    ("mission Fresh", 0.5082),
    ("mission Mixed", 0.2386),
    ("mission Grocery", 0.1886),
    ("mission Nonfood", 0.05157),
    ("mission XX", 0.01298),
    ("primary store share median", 0.8205),
    ("primary store share mean", 0.768),
    ("stores per customer median", 3.0),
    ("stores per customer mean", 3.681),
    ("format LS", 0.5796),
    ("format MS", 0.2513),
    ("format SS", 0.09771),
    ("format XLS", 0.07135),
    ("hour 8", 0.05897),
    ("hour 9", 0.04258),
    ("hour 10", 0.05732),
    ("hour 11", 0.07337),
    ("hour 12", 0.08438),
    ("hour 13", 0.0925),
    ("hour 14", 0.09319),
    ("hour 15", 0.08986),
    ("hour 16", 0.0844),
    ("hour 17", 0.07632),
    ("hour 18", 0.06783),
    ("hour 19", 0.05633),
    ("hour 20", 0.04546),
    ("hour 21", 0.07748),
    ("weekday 0", 0.143),
    ("weekday 1", 0.143),
    ("weekday 2", 0.1433),
    ("weekday 3", 0.1431),
    ("weekday 4", 0.1427),
    ("weekday 5", 0.1417),
    ("weekday 6", 0.1433),
];

/// Largest relative deviation from a target.
const TOLERANCE: f64 = 0.10;

fn spec(customers: u32, weeks: u32, seed: u64) -> GenerateSpec {
    GenerateSpec {
        layout: GenerateLayout::DunnhumbyLgsr,
        customers,
        weeks,
        seed,
        header: HeaderVariant::Newer,
        gzip: false,
        bad_row_share: 0.0,
    }
}

/// Gives every basket of a simulation, with its week, to `visit`.
fn simulate(spec: &GenerateSpec, mut visit: impl FnMut(&Week, &Basket)) -> Simulation {
    let mut simulation = Simulation::new(spec);
    for _ in 0..spec.weeks {
        let week = simulation.upcoming();
        let done: Result<(), Infallible> = simulation.week(|basket| {
            visit(&week, basket);
            Ok(())
        });
        done.unwrap();
    }
    simulation
}

fn measure(spec: &GenerateSpec) -> BTreeMap<String, f64> {
    let fixed = Simulation::new(spec);
    let (items, stores) = (fixed.items(), fixed.stores());
    let mut statistics = Statistics::default();
    let mut seen = Seen::default();
    simulate(spec, |week, basket| {
        let labels = &basket.labels;
        seen.customer = basket.customer.map(|card| card.index);
        seen.week = week.index;
        seen.day = week.index * 7 + u32::from(basket.day);
        seen.hour = u32::from(basket.hour);
        seen.store = u32::from(basket.store);
        seen.format = stores[usize::from(basket.store)].format.to_owned();
        seen.labels = [labels.size, labels.tier, labels.kind, labels.mission].map(str::to_owned);
        seen.lines.clear();
        seen.levels.clear();
        for line in &basket.lines {
            seen.lines
                .push((u32::from(line.item), line.quantity, line.cents));
            seen.levels.push(items[usize::from(line.item)].levels);
        }
        statistics.add(&seen);
    });
    statistics.report()
}

#[test]
fn statistics_are_those_of_the_real_files() {
    let report = measure(&spec(5_000, 104, 1));
    let mut missed = Vec::new();
    for (name, target) in TARGETS {
        let value = report.get(name).copied().unwrap_or(f64::NAN);
        let deviation = value / target - 1.0;
        let line = format!(
            "{name:48} {target:10.4} {value:10.4} {:+6.1} %",
            100.0 * deviation
        );
        println!("{line}");
        if deviation.is_nan() || deviation.abs() > TOLERANCE {
            missed.push(line);
        }
    }
    assert!(
        missed.is_empty(),
        "off by more than 10 %:\n{}",
        missed.join("\n")
    );
    assert_eq!(report["quantity = 2"], 0.0);
    assert_eq!(report["items sold"], 4_997.0);
}

/// The rules once more, in floating point and as the real files' description has them.
#[test]
fn labels_follow_from_the_lines() {
    let spec = spec(400, 12, 3);
    let fixed = Simulation::new(&spec);
    let mut kinds = HashSet::new();
    simulate(&spec, |_, basket| {
        let items = || {
            basket
                .lines
                .iter()
                .map(|line| (line, fixed.items()[usize::from(line.item)]))
        };
        let units: u32 = basket.lines.iter().map(|line| line.quantity).sum();
        let size = if units <= 2 {
            "S"
        } else if units <= 9 {
            "M"
        } else {
            "L"
        };
        assert_eq!(basket.labels.size, size);

        let tiers: Vec<f64> = items()
            .filter_map(|(_, item)| match item.tier {
                Tier::Lower => Some(-1.0),
                Tier::Middle => Some(0.0),
                Tier::Upper => Some(1.0),
                Tier::None => None,
            })
            .collect();
        let mean = tiers.iter().sum::<f64>() / tiers.len() as f64;
        let tier = match mean {
            _ if tiers.is_empty() => "XX",
            mean if mean >= 0.183 => "UM",
            mean if mean <= -0.2265 => "LA",
            _ => "MM",
        };
        assert_eq!(basket.labels.tier, tier, "mean tier {mean}");

        let classed = || items().filter(|(_, item)| item.class != Class::None);
        let groups: HashSet<u16> = classed().map(|(_, item)| item.levels[2]).collect();
        let units: u32 = classed().map(|(line, _)| line.quantity).sum();
        let cents: u32 = classed().map(|(line, _)| line.cents).sum();
        let kind = match groups.len() {
            0 => "XX",
            8.. if units >= 15 => "Full Shop",
            ..=3 if units <= 9 => "Small Shop",
            _ => "Top Up",
        };
        assert_eq!(basket.labels.kind, kind);

        let share = |class| {
            let of = || classed().filter(move |(_, item)| item.class == class);
            f64::from(of().map(|(line, _)| line.quantity).sum::<u32>()) / f64::from(units) / 2.0
                + f64::from(of().map(|(line, _)| line.cents).sum::<u32>()) / f64::from(cents) / 2.0
        };
        let classes = [
            (Class::Fresh, "Fresh"),
            (Class::Grocery, "Grocery"),
            (Class::Nonfood, "Nonfood"),
        ];
        let over = classes
            .iter()
            .find(|(class, _)| share(*class) >= 0.6 - 1e-12);
        let mission = match over {
            _ if groups.is_empty() => "XX",
            Some((_, name)) => name,
            None => "Mixed",
        };
        assert_eq!(basket.labels.mission, mission);
        kinds.insert((tier, kind, mission));
    });
    assert!(kinds.len() > 20, "only {} label combinations", kinds.len());
}

#[test]
fn baskets_have_the_form_of_the_real_ones() {
    let mut ids = HashSet::new();
    let mut disordered = 0;
    let (mut last, mut number) = ((0, 0, 0, 0), 0);
    simulate(&spec(1_000, 8, 4), |week, basket| {
        assert_eq!(basket.id / 100_000_000, 9_941_001 + u64::from(week.index));
        assert!(ids.insert(basket.id), "basket {} twice", basket.id);
        let items: HashSet<u16> = basket.lines.iter().map(|line| line.item).collect();
        assert_eq!(items.len(), basket.lines.len());
        assert!((1..=90).contains(&items.len()));
        assert!((8..=21).contains(&basket.hour) && basket.day < 7);
        let Some(card) = basket.customer else { return };
        let now = (card.code, week.index, basket.day, basket.hour);
        if (last.0, last.1) == (card.code, week.index) {
            assert!(last <= now, "baskets of a customer come in order of time");
        }
        let turned = (last.0, last.1) == (now.0, now.1) && basket.id < number;
        disordered += u32::from(turned);
        (last, number) = (now, basket.id);
    });
    assert!(
        disordered > 100,
        "basket numbers must not tell the order of time"
    );
}

#[test]
fn a_customer_is_bounded() {
    let simulation = simulate(&spec(150, 208, 5), |_, _| {});
    let full = simulation
        .customers()
        .iter()
        .filter(|c| c.history.capacity() == HISTORY)
        .count();
    assert!(full > 50, "the run is too short to fill histories: {full}");
    assert!(
        simulation
            .customers()
            .iter()
            .all(|c| c.history.capacity() <= HISTORY)
    );
    assert!(simulation.customers().iter().any(|c| c.baskets > 500));
    assert!(size_of::<Customer>() + HISTORY * size_of::<u16>() <= 384);
}

/// Two halves of the baskets: cosines of items in the first find a hidden item in the second
/// clearly better than popularity does.
#[test]
fn items_bought_together_can_be_learnt() {
    const ITEMS: usize = 1_000;
    let spec = spec(3_000, 52, 6);
    let ranks: Vec<usize> = Simulation::new(&spec)
        .items()
        .iter()
        .map(|item| usize::from(item.rank))
        .collect();
    let mut bought = vec![0.0_f64; ITEMS];
    let mut together = vec![0.0_f64; ITEMS * ITEMS];
    let (mut tried, mut cosine, mut popular) = (0.0, 0.0, 0.0);
    simulate(&spec, |week, basket| {
        let items: Vec<usize> = basket
            .lines
            .iter()
            .map(|line| ranks[usize::from(line.item)])
            .filter(|&rank| rank < ITEMS)
            .collect();
        if week.index < 46 {
            for &a in &items {
                bought[a] += 1.0;
                items
                    .iter()
                    .filter(|&&b| b != a)
                    .for_each(|&b| together[a * ITEMS + b] += 1.0);
            }
        } else if (4..=20).contains(&items.len()) && basket.id % 2 == 0 {
            let (hidden, rest) = (items[0], &items[1..]);
            let near = |item: usize| -> f64 {
                let one = |&other: &usize| {
                    together[other * ITEMS + item] / (bought[other] * bought[item]).sqrt().max(1.0)
                };
                rest.iter().map(one).sum()
            };
            let place = |score: &dyn Fn(usize) -> f64| {
                let own = score(hidden);
                (0..ITEMS)
                    .filter(|item| !rest.contains(item) && score(*item) > own)
                    .count()
            };
            tried += 1.0;
            cosine += f64::from(u32::from(place(&near) < 50));
            popular += f64::from(u32::from(place(&|item| bought[item]) < 50));
        }
    });
    let (cosine, popular) = (cosine / tried, popular / tried);
    println!("hit rate at 50: cosine {cosine:.3}, popularity {popular:.3}, {tried} baskets");
    assert!(cosine > 1.2 * popular);
}

#[test]
fn draws_are_portable_and_right() {
    for x in [
        -700.0, -20.5, -1.0, -1e-9, 0.0, 0.3, 1.0, 2.5, 50.0, 700.0_f64,
    ] {
        assert!((exp(x) / x.exp() - 1.0).abs() < 1e-13, "exp {x}");
    }
    for x in [1e-300, 1e-9, 0.4, 1.0, 1.5, 3.0, 1e9_f64] {
        assert!(
            (ln(x) - x.ln()).abs() <= 1e-14 * x.ln().abs().max(1.0),
            "ln {x}"
        );
    }
    let random = &mut Random::stream(7, 7);
    let n = 200_000;
    let mean = |draw: &mut dyn FnMut() -> f64| (0..n).map(|_| draw()).sum::<f64>() / f64::from(n);
    assert!(mean(&mut || random.normal()).abs() < 0.01);
    assert!((mean(&mut || random.normal().powi(2)) - 1.0).abs() < 0.02);
    assert!((mean(&mut || random.gamma(0.8)) - 1.0).abs() < 0.02);
    assert!((mean(&mut || random.exponential()) - 1.0).abs() < 0.02);
    assert!((mean(&mut || f64::from(random.poisson(1.7))) - 1.7).abs() < 0.02);
    let table = Alias::new(&[1.0, 0.0, 3.0]);
    let mut counts = [0.0; 3];
    (0..n).for_each(|_| counts[table.draw(random)] += 1.0 / f64::from(n));
    assert!((counts[0] - 0.25).abs() < 0.01 && counts[1] == 0.0);
}

#[test]
fn weeks_are_the_fiscal_calendar() {
    let first = Week::at(0);
    assert_eq!(
        (first.shop_week, first.dates[0], first.dates[6]),
        (200607, 20060410, 20060416)
    );
    assert_eq!(Week::at(46).shop_week, 200701);
    let last = Week::at(141);
    assert_eq!(
        (last.shop_week, last.dates[0], last.dates[6]),
        (200844, 20081222, 20081228)
    );
}
