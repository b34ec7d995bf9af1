//! Owns the statistics of transactions that the generator is held to. Takes baskets one at a time
//! from anywhere, in order of time for each customer, so that the same code measures real files.
//! Known customers only, unless a name says otherwise.

use std::collections::{BTreeMap, HashMap};

/// One basket as the statistics see it.
#[derive(Default)]
pub struct Seen {
    pub customer: Option<u32>,
    pub week: u32,
    /// Days since the first Monday.
    pub day: u32,
    pub hour: u32,
    pub store: u32,
    pub format: String,
    pub labels: [String; 4],
    /// Item, quantity, hundredths.
    pub lines: Vec<(u32, u32, u32)>,
    /// PROD_CODE_10, _20, _30, _40 of each line.
    pub levels: Vec<[u16; 4]>,
}

#[derive(Default)]
struct Person {
    baskets: u32,
    first_week: u32,
    active_weeks: u32,
    week: u32,
    day: u32,
    items: HashMap<u32, u32>,
    previous: Vec<u32>,
    stores: HashMap<u32, u32>,
    logs: (f64, f64),
    last_repeat: f64,
}

/// Sums over baskets.
#[derive(Default)]
pub struct Statistics {
    people: Vec<Person>,
    known: u64,
    anonymous: u64,
    anonymous_lines: u64,
    sizes: Vec<f64>,
    spend: Vec<f64>,
    units: f64,
    gaps: Vec<f64>,
    overlap: (f64, f64),
    repeats: [(f64, f64); 7],
    item_lines: HashMap<u32, f64>,
    quantities: BTreeMap<u32, Vec<f64>>,
    counts: BTreeMap<String, f64>,
    weeks: BTreeMap<u32, f64>,
    pairs: [(f64, f64); 3],
}

const BUCKETS: [(&str, u32); 7] = [
    ("2", 2),
    ("3-5", 5),
    ("6-10", 10),
    ("11-20", 20),
    ("21-50", 50),
    ("51-100", 100),
    ("100+", u32::MAX),
];

impl Statistics {
    pub fn add(&mut self, seen: &Seen) {
        let size = seen.lines.len() as f64;
        *self.weeks.entry(seen.week).or_default() += size;
        for (name, label) in ["size", "tier", "kind", "mission"].iter().zip(&seen.labels) {
            self.count(&format!("{name} {label}"), 1.0);
        }
        self.count(&format!("format {}", seen.format), 1.0);
        for &(_, quantity, cents) in &seen.lines {
            self.spend.push(f64::from(cents) / 100.0);
            self.units += f64::from(quantity);
            let unit = f64::from(cents) / f64::from(quantity) / 100.0;
            self.quantities.entry(quantity).or_default().push(unit);
        }
        for levels in &seen.levels {
            self.count(&format!("division {}", levels[3]), 1.0);
            self.count(&format!("group {}", levels[2]), 1.0);
        }
        let Some(customer) = seen.customer else {
            self.anonymous += 1;
            self.anonymous_lines += seen.lines.len() as u64;
            return;
        };
        self.known += 1;
        self.sizes.push(size);
        self.count(&format!("hour {}", seen.hour), 1.0);
        self.count(&format!("weekday {}", seen.day % 7), 1.0);
        self.count_pairs(&seen.levels);
        for line in &seen.lines {
            *self.item_lines.entry(line.0).or_default() += 1.0;
        }
        self.add_person(customer, seen);
    }

    fn count(&mut self, name: &str, amount: f64) {
        match self.counts.get_mut(name) {
            Some(count) => *count += amount,
            None => {
                self.counts.insert(name.to_owned(), amount);
            }
        }
    }

    fn count_pairs(&mut self, levels: &[[u16; 4]]) {
        if levels.len() < 2 {
            return;
        }
        let pairs = (levels.len() * (levels.len() - 1)) as f64;
        for (level, (same, baskets)) in self.pairs.iter_mut().enumerate() {
            let mut of: HashMap<u16, f64> = HashMap::new();
            levels
                .iter()
                .for_each(|l| *of.entry(l[level]).or_default() += 1.0);
            *same += of.values().map(|n| n * (n - 1.0)).sum::<f64>() / pairs;
            *baskets += 1.0;
        }
    }

    fn add_person(&mut self, customer: u32, seen: &Seen) {
        let place = customer as usize;
        if self.people.len() <= place {
            self.people.resize_with(place + 1, Person::default);
        }
        let person = &mut self.people[place];
        let size = seen.lines.len() as f64;
        let known = |item: u32| person.items.contains_key(&item);
        let repeated = seen.lines.iter().filter(|line| known(line.0)).count() as f64;
        person.baskets += 1;
        if person.baskets == 1 {
            (person.first_week, person.active_weeks) = (seen.week, 1);
        } else {
            self.gaps.push(f64::from(seen.day - person.day));
            person.active_weeks += u32::from(seen.week != person.week);
            let bucket = BUCKETS
                .iter()
                .position(|b| person.baskets <= b.1)
                .unwrap_or(6);
            self.repeats[bucket].0 += repeated;
            self.repeats[bucket].1 += size;
            let shared = seen
                .lines
                .iter()
                .filter(|l| person.previous.contains(&l.0))
                .count();
            self.overlap.0 += shared as f64 / size;
            self.overlap.1 += 1.0;
        }
        (person.week, person.day) = (seen.week, seen.day);
        person.last_repeat = repeated / size;
        person.previous = seen.lines.iter().map(|line| line.0).collect();
        person.logs.0 += size.ln();
        person.logs.1 += size.ln() * size.ln();
        *person.stores.entry(seen.store).or_default() += 1;
        for line in &seen.lines {
            *person.items.entry(line.0).or_default() += 1;
        }
    }

    /// All statistics by name.
    pub fn report(mut self) -> BTreeMap<String, f64> {
        let mut report = BTreeMap::new();
        self.people.retain(|person| person.baskets > 0);
        self.report_baskets(&mut report);
        self.report_items(&mut report);
        self.report_lines(&mut report);
        self.report_people(&mut report);
        self.report_habits(&mut report);
        report
    }

    fn report_baskets(&mut self, report: &mut BTreeMap<String, f64>) {
        let mut put = |name: &str, value: f64| {
            report.insert(name.to_owned(), value);
        };
        let logs: Vec<f64> = self.sizes.iter().map(|size| size.ln()).collect();
        let sizes = sorted(&self.sizes);
        let share = |f: &dyn Fn(f64) -> bool| {
            sizes.iter().filter(|&&size| f(size)).count() as f64 / sizes.len() as f64
        };
        put("basket size mean", mean(&sizes));
        put("basket size median", quantile(&sizes, 0.5));
        put("basket size p90", quantile(&sizes, 0.9));
        put("basket size p99", quantile(&sizes, 0.99));
        put("basket size = 1", share(&|size| size == 1.0));
        put("basket size = 2", share(&|size| size == 2.0));
        put("basket size < 16", share(&|size| size < 16.0));
        put("ln basket size mean", mean(&logs));
        put("ln basket size sd", deviation(&logs));
        let (within, count) = self.people.iter().filter(|p| p.baskets > 1).fold(
            (0.0, 0.0),
            |(sum, count), person| {
                let n = f64::from(person.baskets);
                (
                    sum + person.logs.1 - person.logs.0 * person.logs.0 / n,
                    count + n - 1.0,
                )
            },
        );
        put(
            "ln basket size sd within customers",
            (within / count).sqrt(),
        );
        let all = (self.known + self.anonymous) as f64;
        put("anonymous baskets", self.anonymous as f64 / all);
        put(
            "anonymous lines",
            self.anonymous_lines as f64 / self.spend.len() as f64,
        );
        for (name, count) in &self.counts {
            let of = match name.split(' ').next() {
                Some("hour" | "weekday") => self.known as f64,
                Some("division" | "group") => self.spend.len() as f64,
                _ => all,
            };
            put(name, count / of);
        }
        for (name, (same, count)) in ["PROD_CODE_10", "PROD_CODE_20", "PROD_CODE_30"]
            .iter()
            .zip(self.pairs)
        {
            put(
                &format!("pairs in a basket of the same {name}"),
                same / count,
            );
        }
        let weeks: Vec<f64> = self.weeks.values().copied().collect();
        put("weekly lines sd / mean", deviation(&weeks) / mean(&weeks));
        let gaps = sorted(&self.gaps);
        put("gap days mean", mean(&gaps));
        put("gap days median", quantile(&gaps, 0.5));
        put("gap days p90", quantile(&gaps, 0.9));
        put(
            "gap same day",
            gaps.iter().filter(|&&gap| gap == 0.0).count() as f64 / gaps.len() as f64,
        );
        put(
            "overlap with previous basket",
            self.overlap.0 / self.overlap.1,
        );
        for ((name, _), (repeated, lines)) in BUCKETS.iter().zip(self.repeats) {
            put(&format!("repeat share at basket {name}"), repeated / lines);
        }
    }

    fn report_items(&self, report: &mut BTreeMap<String, f64>) {
        let mut put = |name: &str, value: f64| {
            report.insert(name.to_owned(), value);
        };
        let mut lines: Vec<f64> = self.item_lines.values().copied().collect();
        lines.sort_by(|a, b| b.total_cmp(a));
        let total: f64 = lines.iter().sum();
        for top in [10, 100, 1000] {
            put(
                &format!("lines of top {top} items"),
                lines.iter().take(top).sum::<f64>() / total,
            );
        }
        for (name, low, high) in [
            ("1-100", 1, 100),
            ("10-1000", 10, 1000),
            ("1000-5000", 1000, 5000),
        ] {
            put(&format!("zipf slope {name}"), slope(&lines, low, high));
        }
        for rank in [
            1, 2, 3, 4, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 3000, 4000, 4500, 4900,
        ] {
            let lines = lines.get(rank - 1).copied().unwrap_or_default();
            put(&format!("share of item {rank}"), lines / total);
        }
        put("items sold", lines.len() as f64);
    }

    fn report_lines(&self, report: &mut BTreeMap<String, f64>) {
        let mut put = |name: &str, value: f64| {
            report.insert(name.to_owned(), value);
        };
        let spend = sorted(&self.spend);
        let (lines, total) = (spend.len() as f64, spend.iter().sum::<f64>());
        for quantity in [1, 2, 3, 4, 6] {
            let units = self
                .quantities
                .get(&quantity)
                .map_or(&[][..], Vec::as_slice);
            put(
                &format!("quantity = {quantity}"),
                units.len() as f64 / lines,
            );
            if !units.is_empty() {
                let unit = quantile(&sorted(units), 0.5);
                put(&format!("unit price median at quantity {quantity}"), unit);
            }
        }
        put("units per line", self.units / lines);
        put("spend per line mean", total / lines);
        put("spend per line median", quantile(&spend, 0.5));
        put("spend per line p99", quantile(&spend, 0.99));
        put(
            "spend per basket (all)",
            total / (self.known + self.anonymous) as f64,
        );
        put("spend per unit", total / self.units);
    }

    fn report_people(&self, report: &mut BTreeMap<String, f64>) {
        let mut put = |name: &str, value: f64| {
            report.insert(name.to_owned(), value);
        };
        let people = &self.people;
        let count = people.len() as f64;
        let weeks = self.weeks.len() as f64;
        let of = |f: &dyn Fn(&Person) -> f64| sorted(&people.iter().map(f).collect::<Vec<f64>>());
        let baskets = of(&|p| f64::from(p.baskets));
        put("customers", count);
        put("baskets per customer and week", mean(&baskets) / weeks);
        for (name, q) in [
            ("p30", 0.3),
            ("median", 0.5),
            ("p70", 0.7),
            ("p90", 0.9),
            ("p99", 0.99),
        ] {
            put(
                &format!("baskets per customer and week {name}"),
                quantile(&baskets, q) / weeks,
            );
        }
        let logs: Vec<f64> = baskets.iter().map(|n| n.ln()).collect();
        put("ln baskets per customer sd", deviation(&logs));
        put(
            "customers with one basket",
            baskets.iter().filter(|&&n| n == 1.0).count() as f64 / count,
        );
        let active: f64 = people.iter().map(|p| f64::from(p.active_weeks)).sum();
        put(
            "baskets per active customer-week",
            baskets.iter().sum::<f64>() / active,
        );
        for week in [1, 5, 13, 46, 79] {
            let joined = people.iter().filter(|p| p.first_week < week).count() as f64 / count;
            put(&format!("customers seen by week {week}"), joined);
        }
    }

    fn report_habits(&self, report: &mut BTreeMap<String, f64>) {
        let mut put = |name: &str, value: f64| {
            report.insert(name.to_owned(), value);
        };
        let people = &self.people;
        let of = |f: &dyn Fn(&Person) -> f64| sorted(&people.iter().map(f).collect::<Vec<f64>>());
        let steady: Vec<f64> = people
            .iter()
            .filter(|p| p.baskets >= 20)
            .map(|p| f64::from(*p.stores.values().max().unwrap_or(&0)) / f64::from(p.baskets))
            .collect();
        put(
            "primary store share median",
            quantile(&sorted(&steady), 0.5),
        );
        put("primary store share mean", mean(&steady));
        put(
            "stores per customer median",
            quantile(&of(&|p| p.stores.len() as f64), 0.5),
        );
        put(
            "stores per customer mean",
            mean(&of(&|p| p.stores.len() as f64)),
        );
        let distinct = of(&|p| p.items.len() as f64);
        put("items per customer median", quantile(&distinct, 0.5));
        put("items per customer p90", quantile(&distinct, 0.9));
        let per_item: Vec<f64> = people
            .iter()
            .flat_map(|p| p.items.values())
            .map(|&n| f64::from(n))
            .collect();
        let all: f64 = per_item.iter().sum();
        put("lines per customer and item", mean(&per_item));
        put(
            "customer-items bought once",
            per_item.iter().filter(|&&n| n == 1.0).count() as f64 / per_item.len() as f64,
        );
        put(
            "lines of customer-items bought 5 times",
            per_item.iter().filter(|&&n| n >= 5.0).sum::<f64>() / all,
        );
        let back: Vec<f64> = people
            .iter()
            .filter(|p| p.baskets >= 3)
            .map(|p| p.last_repeat)
            .collect();
        put("repeat share in last basket", mean(&back));
        put(
            "last basket without repeat",
            back.iter().filter(|&&r| r == 0.0).count() as f64 / back.len() as f64,
        );
    }
}

fn sorted(values: &[f64]) -> Vec<f64> {
    let mut values = values.to_vec();
    values.sort_by(f64::total_cmp);
    values
}

fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len() as f64
}

fn deviation(values: &[f64]) -> f64 {
    let middle = mean(values);
    (values
        .iter()
        .map(|x| (x - middle) * (x - middle))
        .sum::<f64>()
        / values.len() as f64)
        .sqrt()
}

fn quantile(sorted: &[f64], q: f64) -> f64 {
    sorted[(q * (sorted.len() - 1) as f64).round() as usize]
}

/// Least-squares slope of ln lines on ln rank.
fn slope(lines: &[f64], low: usize, high: usize) -> f64 {
    let points: Vec<(f64, f64)> = (low..=high.min(lines.len()))
        .map(|rank| ((rank as f64).ln(), lines[rank - 1].ln()))
        .collect();
    let n = points.len() as f64;
    let (x, y) = points
        .iter()
        .fold((0.0, 0.0), |sum, p| (sum.0 + p.0 / n, sum.1 + p.1 / n));
    let top: f64 = points.iter().map(|p| (p.0 - x) * (p.1 - y)).sum();
    top / points.iter().map(|p| (p.0 - x) * (p.0 - x)).sum::<f64>()
}
