//! How people shop: figures and four plots.

use maud::{Markup, html};
use pannier_proto::profile::{Counted, Repeat, Shopping, Week};

use crate::report::charts::columns::{Bar, columns};
use crate::report::charts::line::{Ticks, line};
use crate::report::charts::scale::Linear;
use crate::report::format;

/// Bars of basket sizes, at most; larger baskets share the last.
const SIZES: u64 = 40;

/// Figures and plots.
pub fn shopping(shopping: &Shopping) -> Markup {
    html! {
        (figures(shopping))
        div.panels {
            @if !shopping.sizes.is_empty() { (sizes(&shopping.sizes)) }
            @if shopping.popularity.len() > 1 { (tail(&shopping.popularity)) }
            @if shopping.weeks.len() > 1 { (weeks(&shopping.weeks)) }
            @if shopping.repeats.len() > 1 { (repeats(&shopping.repeats)) }
        }
    }
}

fn figures(shopping: &Shopping) -> Markup {
    let anonymous = format::share(shopping.anonymous as f64, shopping.lines as f64);
    let per = |n: u64| format::significant(shopping.lines as f64 / n.max(1) as f64);
    let figures = [
        (
            "Lines",
            shopping.lines,
            format!("{anonymous} without a user"),
        ),
        (
            "Baskets",
            shopping.baskets,
            format!("{} lines each", per(shopping.baskets)),
        ),
        ("Users", shopping.users, "known by an id".to_owned()),
        (
            "Items",
            shopping.items,
            format!("{} lines each", per(shopping.items)),
        ),
        ("Weeks", shopping.weeks.len() as u64, span(&shopping.weeks)),
    ];
    html! {
        dl.figures {
            @for (label, number, note) in figures {
                div {
                    dt { (label) }
                    dd.number { (format::short(number as f64)) }
                    dd.note { (note) }
                }
            }
        }
    }
}

fn span(weeks: &[Week]) -> String {
    match weeks {
        [first, .., last] => format!("{} to {}", first.monday, last.monday),
        [one] => one.monday.clone(),
        [] => String::new(),
    }
}

fn figure(heading: &str, chart: &Markup, caption: &str) -> Markup {
    html! { figure { h4 { (heading) } (chart) figcaption { (caption) } } }
}

fn sizes(sizes: &[Counted]) -> Markup {
    let baskets: u64 = sizes.iter().map(|s| s.things).sum();
    let largest = sizes.last().map_or(1, |s| s.of).min(SIZES);
    let bars: Vec<Bar> = (1..=largest)
        .map(|size| {
            let last = size == SIZES;
            let of = |s: &&Counted| s.of == size || last && s.of > size;
            let things: u64 = sizes.iter().filter(of).map(|s| s.things).sum();
            let label = if last {
                format!("{size}+")
            } else {
                size.to_string()
            };
            let share = format::share(things as f64, baskets as f64);
            Bar {
                note: format!("{label} items: {} baskets ({share})", format::count(things)),
                label,
                value: things as f64,
            }
        })
        .collect();
    let caption = format!(
        "Half of the baskets hold at most {}, one in twenty more than {}.",
        format::plural(rank(sizes, 0.5), "different item", "different items"),
        format::count(rank(sizes, 0.95))
    );
    let chart = columns(
        "profile-sizes",
        "Baskets by size",
        &caption,
        &bars,
        "different items",
    );
    figure("Basket size", &chart, &caption)
}

/// The least number that at least this share of all things is not above.
fn rank(counted: &[Counted], share: f64) -> u64 {
    let all: u64 = counted.iter().map(|c| c.things).sum();
    let mut upto = 0;
    for c in counted {
        upto += c.things;
        if upto as f64 >= share * all as f64 {
            return c.of;
        }
    }
    0
}

/// Rank against count, both on scales of powers of ten.
fn tail(popularity: &[Counted]) -> Markup {
    let (items, most) = (
        popularity.iter().map(|c| c.things).sum::<u64>(),
        popularity.first().map_or(1, |c| c.of),
    );
    let log = |n: u64, of: u64| (n.max(1) as f64).log10() / (of.max(2) as f64).log10();
    let (mut points, mut before) = (Vec::new(), 0);
    for c in popularity {
        // Items of one count stand at the ranks from the first to the last of them.
        for rank in [before + 1, before + c.things] {
            points.push((log(rank, items), log(c.of, most)));
        }
        before += c.things;
    }
    let powers = |of: u64| -> Ticks {
        let all = (0..=18).map(|p| 10u64.pow(p)).take_while(|n| *n <= of);
        all.map(|n| (log(n, of), format::short(n as f64))).collect()
    };
    let lines: u64 = popularity.iter().map(|c| c.of * c.things).sum();
    let caption = format!(
        "The first tenth of {} has {} of the lines; both axes count in powers of ten.",
        format::plural(items, "item", "items"),
        format::share(head(popularity, items.div_ceil(10)) as f64, lines as f64)
    );
    let chart = line(
        "profile-tail",
        "Lines of an item by its rank",
        &caption,
        &points,
        (&powers(items), &powers(most)),
        "rank of the item",
    );
    figure("Long tail of items", &chart, &caption)
}

/// Lines of the `first` most frequent items.
fn head(popularity: &[Counted], first: u64) -> u64 {
    let mut left = first;
    let mut lines = 0;
    for c in popularity {
        let taken = c.things.min(left);
        lines += taken * c.of;
        left -= taken;
    }
    lines
}

fn weeks(weeks: &[Week]) -> Markup {
    let spend: Vec<f64> = weeks.iter().filter_map(|w| w.spend.parse().ok()).collect();
    let priced = spend.len() == weeks.len();
    let values = if priced {
        spend
    } else {
        weeks.iter().map(|w| w.baskets as f64).collect()
    };
    let Some(scale) = Linear::covering(values.iter().copied()) else {
        return html! {};
    };
    let scale = scale.with_zero().nice(4);
    let at = |i: usize| i as f64 / (weeks.len() - 1) as f64;
    let points: Vec<(f64, f64)> = values
        .iter()
        .enumerate()
        .map(|(i, v)| (at(i), scale.fraction(*v)))
        .collect();
    let y: Ticks = scale
        .ticks(4)
        .into_iter()
        .map(|(v, label)| (scale.fraction(v), label))
        .collect();
    let every = (weeks.len() - 1).div_ceil(4).max(1);
    let x: Ticks = (0..weeks.len())
        .step_by(every)
        .filter_map(|i| Some((at(i), weeks.get(i)?.monday.clone())))
        .collect();
    let what = if priced { "spend" } else { "baskets" };
    let mean = values.iter().sum::<f64>() / values.len() as f64;
    let caption = format!(
        "{} a week over {}; the first and the last week may be cut.",
        format::short(mean),
        format::plural(weeks.len() as u64, "week", "weeks")
    );
    let (title, heading) = (
        format!("{what} by week"),
        format!("Sales per week ({what})"),
    );
    let chart = line(
        "profile-weeks",
        &title,
        &caption,
        &points,
        (&x, &y),
        "week from",
    );
    figure(&heading, &chart, &caption)
}

fn repeats(repeats: &[Repeat]) -> Markup {
    let bars: Vec<Bar> = repeats
        .iter()
        .map(|r| Bar {
            label: r.label().replace(" to ", "–").replace(" on", "+"),
            value: r.share() * 100.0,
            note: format!(
                "basket {}: {} of {} items were bought before",
                r.label(),
                format::share(r.share(), 1.0),
                format::count(r.lines)
            ),
        })
        .collect();
    let lines: u64 = repeats.iter().map(|r| r.lines).sum();
    let repeated: u64 = repeats.iter().map(|r| r.repeated).sum();
    let caption = format!(
        "Of all that known users bought, {} were items they had bought in an earlier basket.",
        format::share(repeated as f64, lines as f64)
    );
    let chart = columns(
        "profile-repeats",
        "Share bought before, in percent, by number of the basket",
        &caption,
        &bars,
        "number of the user's basket",
    );
    figure("Bought before (%)", &chart, &caption)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranks_and_heads_count_things() {
        let counted = |pairs: &[(u64, u64)]| -> Vec<Counted> {
            pairs
                .iter()
                .map(|(of, things)| Counted {
                    of: *of,
                    things: *things,
                })
                .collect()
        };
        let sizes = counted(&[(1, 50), (2, 30), (9, 20)]);
        assert_eq!(
            (rank(&sizes, 0.5), rank(&sizes, 0.51), rank(&sizes, 1.0)),
            (1, 2, 9)
        );
        let popularity = counted(&[(100, 1), (10, 3), (1, 6)]);
        assert_eq!(
            (
                head(&popularity, 1),
                head(&popularity, 3),
                head(&popularity, 99)
            ),
            (100, 120, 136)
        );
    }
}
