//! Items and what the model holds to be near them: the plainest look at what was learned.

use maud::{Markup, html};

use super::item_map::item_map;
use crate::report::charts::bar::bar;
use crate::report::data::{NeighbourList, ReportData};
use crate::report::format;

/// The part; `None` where no neighbours were looked up.
pub fn neighbours(data: &ReportData) -> Option<Markup> {
    (!data.neighbours.is_empty()).then(|| {
        html! {
            @for (at, map) in data.maps.iter().enumerate() { (item_map(at, map)) }
            p {
                "The nearest items by cosine of their vectors, of the most bought items and then of some drawn from the rest. "
                "Bars begin at a cosine of 0."
            }
            div.cards { @for list in &data.neighbours { (card(list)) } }
        }
    })
}

fn card(list: &NeighbourList) -> Markup {
    html! {
        article.card {
            h3 { (list.item_name) }
            p.quiet {
                @if list.item_id != list.item_name { code { (list.item_id) } " · " }
                "in " (format::plural(list.count, "basket", "baskets")) " · " (list.model)
            }
            @if list.neighbours.is_empty() {
                p.empty { "No neighbours: the item is not in the model's vocab." }
            } @else {
                table {
                    thead.hidden { tr { th scope="col" { "Neighbour" } th {} th scope="col" { "Cosine" } } }
                    tbody {
                        @for neighbour in &list.neighbours {
                            tr {
                                td { (neighbour.name) }
                                td.narrow { (bar(neighbour.cosine, "c-accent")) }
                                td.n { (format::fixed(neighbour.cosine, 2)) }
                            }
                        }
                    }
                }
            }
        }
    }
}
