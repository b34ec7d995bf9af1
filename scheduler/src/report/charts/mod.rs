//! Charts as inline SVG.
//!
//! Owns how a chart is drawn. It must not know [`ReportData`](super::ReportData): it gets numbers
//! and words, and whoever calls it has chosen them.
//!
//! Nothing scales with the page but the x axis: positions along x are percentages and text has the
//! size the style sheet gives it, so a chart is as readable at 400 px as at 1,000. Row labels stand
//! in the left gutter, outside of the drawing's box.

pub mod bar;
pub mod columns;
pub mod curves;
pub mod diagonal;
pub mod gantt;
pub mod intervals;
pub mod line;
pub mod loss;
pub mod scale;
pub mod scatter;
pub mod stack;

use maud::{Markup, html};

use super::format;

/// Longest row label before it is cut, in characters.
const MAX_LABEL: usize = 24;

/// Classes of colours for the largest groups of a chart; all others share [`OTHERS`].
pub const GROUPS: [&str; 7] = [
    "c-accent",
    "c-scan",
    "c-transform",
    "c-network",
    "c-queue",
    "c-decode",
    "c-bad",
];
/// The class of what is in no group of its own.
pub const OTHERS: &str = "c-quiet";

/// The box around a drawing and the words for those who cannot see it.
pub struct Frame<'a> {
    /// Unique on the page; the ids of title and description are made from it.
    pub id: &'a str,
    /// What the chart shows.
    pub title: &'a str,
    /// What there is to see in it.
    pub desc: &'a str,
    /// Room to the left, px.
    pub left: u32,
    /// Room to the right, px.
    pub right: u32,
    /// Height, px.
    pub height: u32,
}

impl Frame<'_> {
    /// Puts `body` into the box.
    pub fn draw(&self, body: &Markup) -> Markup {
        let (title_id, desc_id) = (format!("{}-title", self.id), format!("{}-desc", self.id));
        html! {
            div.plot style={ "padding-left:" (self.left) "px;padding-right:" (self.right) "px" } {
                svg.chart width="100%" height=(self.height) role="img"
                    aria-labelledby={ (title_id) " " (desc_id) } {
                    title id=(title_id) { (self.title) }
                    desc id=(desc_id) { (self.desc) }
                    (body)
                }
            }
        }
    }
}

/// A small square of a colour, for a legend.
pub fn swatch(class: &str) -> Markup {
    html! {
        svg.swatch width="11" height="11" aria-hidden="true" {
            rect class=(class) width="11" height="11" rx="2" {}
        }
    }
}

/// Room for row labels, px: what the longest one needs, within bounds.
fn gutter<'a>(labels: impl Iterator<Item = &'a str>) -> u32 {
    let longest = labels
        .map(|label| label.chars().count())
        .max()
        .unwrap_or(0)
        .clamp(5, MAX_LABEL);
    // 7.2 px is a wide average for a bold 12.5 px sans serif; 14 px keep the label off the drawing.
    (longest as f64 * 7.2) as u32 + 14
}

/// A row label in the left gutter, cut where it is too long, whole on hover.
fn row_label(label: &str, middle: u32, class: &str) -> Markup {
    html! {
        text class={ "row " (class) } x="-10" y=(middle) dy="0.35em" text-anchor="end" {
            (format::clip(label, MAX_LABEL))
            @if label.chars().count() > MAX_LABEL { title { (label) } }
        }
    }
}

/// Vertical grid lines from `top` to `bottom` with their labels below.
fn x_axis(ticks: &[(f64, String)], top: u32, bottom: u32) -> Markup {
    html! {
        @for (fraction, label) in ticks {
            @let x = scale::percent(*fraction);
            line.grid x1=(x) x2=(x) y1=(top) y2=(bottom) {}
            text.tick x=(x) y=(bottom + 16) text-anchor="middle" { (label) }
        }
    }
}
