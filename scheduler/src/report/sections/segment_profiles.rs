//! What segments are like: a heat map of indices for each attribute.

use std::collections::BTreeMap;

use maud::{Markup, html};
use pannier_proto::segments::{SegmentProfile, SegmentSummary};

use super::scroll;
use crate::report::format;

/// Values shown of an attribute, those that most users have.
const VALUES: usize = 12;
/// Segments shown: more columns would not fit.
const SEGMENTS: usize = 12;
/// An index up to here, and its class: from far below all users to far above.
const SHADES: [(f64, &str); 7] = [
    (50.0, "h-3"),
    (80.0, "h-2"),
    (95.0, "h-1"),
    (105.0, "h0"),
    (125.0, "h1"),
    (200.0, "h2"),
    (f64::INFINITY, "h3"),
];

/// A value's cells by segment.
type Row<'a> = BTreeMap<u32, &'a SegmentProfile>;

/// The heat maps, attributes whose values tell segments apart the most first.
pub fn profiles(of: &SegmentSummary) -> Markup {
    let mut attributes: BTreeMap<&str, BTreeMap<&str, Row<'_>>> = BTreeMap::new();
    for profile in &of.profiles {
        let values = attributes.entry(&profile.attribute).or_default();
        let row = values.entry(&profile.value).or_default();
        row.insert(profile.segment, profile);
    }
    let segments = of.kpis.len();
    html! {
        @if !attributes.is_empty() {
            h4 { "Profiles" }
            p.quiet {
                "Indices: 100 is as all users, 200 is twice the share. Shares are of the users of whom an attribute is known; "
                "of most attributes a user has the one that is most frequent in the user's baskets, of departments and product groups all that the user bought from. "
                "The most frequent values are shown, of the largest segments; all are in profiles.csv."
            }
            div.columns {
                @for (attribute, values) in &attributes { (heat_map(attribute, values, segments.min(SEGMENTS))) }
            }
        }
    }
}

fn heat_map(attribute: &str, values: &BTreeMap<&str, Row<'_>>, segments: usize) -> Markup {
    let users = |row: &Row<'_>| row.values().map(|cell| cell.users).sum::<u64>();
    let mut rows: Vec<(&&str, &Row<'_>)> = values.iter().collect();
    rows.sort_by_key(|(_, row)| std::cmp::Reverse(users(row)));
    rows.truncate(VALUES);
    // In their own order again: hours and ages are read from low to high.
    rows.sort_by_key(|(value, _)| **value);
    let table = html! {
        table.heat {
            caption { (attribute.replace('_', " ")) }
            thead { tr {
                th scope="col" { "Value" }
                @for segment in 0..segments { th.n scope="col" { (segment) } }
            } }
            tbody {
                @for (value, row) in rows {
                    tr {
                        th scope="row" { (value) }
                        @for segment in 0..segments as u32 { (cell(row.get(&segment).copied())) }
                    }
                }
            }
        }
    };
    scroll(&format!("Indices of {attribute}"), &table)
}

fn cell(profile: Option<&SegmentProfile>) -> Markup {
    let Some(profile) = profile else {
        return html! { td.n { "–" } };
    };
    let shade = SHADES.iter().find(|(most, _)| profile.index <= *most);
    let class = shade.map_or("h0", |(_, class)| class);
    let note = format!(
        "{} of the segment ({})",
        format::share(profile.share, 1.0),
        format::plural(profile.users, "user", "users")
    );
    html! { td class={ "n " (class) } title=(note) { (format::fixed(profile.index, 0)) } }
}
