//! A model's most bought items on a flat map, coloured by department.

use std::collections::BTreeMap;

use maud::{Markup, html};

use crate::report::charts::scatter::{Point, scatter};
use crate::report::charts::{GROUPS, OTHERS, swatch};
use crate::report::data::ItemMap;
use crate::report::format;

/// The figure.
pub fn item_map(at: usize, map: &ItemMap) -> Markup {
    let departments = largest(map);
    let class = |department: &Option<String>| {
        let place = departments
            .iter()
            .position(|(name, _)| department.as_ref() == Some(name));
        place.map_or(OTHERS, |place| GROUPS[place])
    };
    let points: Vec<Point<'_>> = map
        .places
        .iter()
        .map(|place| Point {
            label: &place.name,
            x: place.x,
            y: place.y,
            class: class(&place.department),
        })
        .collect();
    let named: usize = departments.iter().map(|(_, n)| n).sum();
    let others = points.len() - named;
    let desc = format!(
        "{} items at the places that their vectors have along the two directions in which they differ most.",
        format::count(points.len() as u64)
    );
    html! {
        figure {
            h3 { "The items of " (map.model) }
            p.quiet {
                @if (points.len() as u64) < map.items { "The " (format::count(points.len() as u64)) " most bought of " }
                (format::plural(map.items, "item", "items"))
                ", at their first two principal components. What is near here need not be near in all directions; what is far is far."
            }
            (scatter(&format!("map-{at}"), "Map of the items", &desc, &points))
            @if !departments.is_empty() {
                ul.legend {
                    @for ((name, n), class) in departments.iter().zip(GROUPS) {
                        li { (swatch(class)) " " (name) " " span.amount { (format::count(*n as u64)) } }
                    }
                    @if others > 0 {
                        li { (swatch(OTHERS)) " others " span.amount { (format::count(others as u64)) } }
                    }
                }
            }
        }
    }
}

/// The departments with the most items, and how many of them.
fn largest(map: &ItemMap) -> Vec<(String, usize)> {
    let mut counts: BTreeMap<&String, usize> = BTreeMap::new();
    for department in map
        .places
        .iter()
        .filter_map(|place| place.department.as_ref())
    {
        *counts.entry(department).or_default() += 1;
    }
    let mut all: Vec<(String, usize)> = counts.into_iter().map(|(d, n)| (d.clone(), n)).collect();
    // By name where equal: the map has them in that order.
    all.sort_by_key(|(_, n)| std::cmp::Reverse(*n));
    all.truncate(GROUPS.len());
    all
}
