//! What one trainer's time went to: the stall ledger as shares, by step and by epoch, its largest
//! cause in words, and what would help.

use maud::{Markup, html};

use super::scroll;
use crate::report::charts::line::{Ticks, line};
use crate::report::charts::scale::Linear;
use crate::report::charts::stack::{Segment, stack};
use crate::report::data::{StallLedger, Training};
use crate::report::format;

/// The ledger of the `i`-th training as a bar, with its largest cause in words.
pub fn stall(i: usize, training: &Training) -> Markup {
    let Some(ledger) = training
        .stall
        .as_ref()
        .filter(|ledger| ledger.total() > 0.0)
    else {
        return html! { p.empty { "No waits were booked for this training." } };
    };
    let segments = ledger.causes().map(|(label, seconds)| Segment {
        label,
        value: seconds,
        shown: format::duration(seconds),
        class: class_of(label),
    });
    html! {
        figure {
            h4 { "Where the trainer's time went" }
            (stack(&format!("stall-{i}"), &format!("Time of {} by cause", training.name), &segments))
            figcaption {
                (largest(ledger))
                @if let Some(advice) = &training.advice { " To shorten the waits: " (advice) "." }
            }
        }
        @if let Some(steps) = by_step(i, training) { (steps) }
        @if training.epochs.len() > 1 { (by_epoch(training)) }
    }
}

/// The share of waiting over the steps, where there are points enough for a line.
fn by_step(i: usize, training: &Training) -> Option<Markup> {
    let curve = &training.curve;
    let [first, .., last] = curve.as_slice() else {
        return None;
    };
    let highest = curve.iter().map(|p| p.stall_share).fold(0.0, f64::max);
    // A model that reads all of its feed before its first step waits in none.
    if highest <= 0.0 {
        return None;
    }
    let x = Linear::covering([first.step as f64, last.step as f64])?;
    let y = Linear::covering([0.0, highest.max(0.05)])?.nice(4);
    let points: Vec<(f64, f64)> = curve
        .iter()
        .map(|p| (x.fraction(p.step as f64), y.fraction(p.stall_share)))
        .collect();
    let percents: Ticks = y
        .ticks(4)
        .into_iter()
        .filter_map(|(at, label)| {
            Some((at, format!("{:.0} %", label.parse::<f64>().ok()? * 100.0)))
        })
        .collect();
    let desc = format!(
        "Share of the time between two points that the trainer waited for the feed: {} at most.",
        format::share(highest, 1.0)
    );
    let title = format!("Waiting of {} by step", training.name);
    let ticks = (&x.ticks(6), &percents);
    let chart = line(&format!("waits-{i}"), &title, &desc, &points, ticks, "step");
    Some(html! {
        figure {
            h4 { "Waiting for the feed by step" }
            (chart)
            figcaption { (desc) }
        }
    })
}

fn by_epoch(training: &Training) -> Markup {
    let table = html! {
        table {
            thead {
                tr {
                    th.n scope="col" { "Epoch" }
                    @for (cause, _) in StallLedger::default().causes() {
                        th.n scope="col" { (cause) }
                    }
                    th.n scope="col" { "waited" }
                }
            }
            tbody {
                @for (epoch, ledger) in &training.epochs {
                    tr {
                        th.n scope="row" { (epoch) }
                        @for (_, seconds) in ledger.causes() {
                            td.n { (format::duration(seconds)) }
                        }
                        td.n { (format::share(ledger.waited(), ledger.total())) }
                    }
                }
            }
        }
    };
    html! {
        details {
            summary { "Where the time went in each epoch" }
            (scroll(&format!("Time of {} by epoch", training.name), &table))
        }
    }
}

fn class_of(cause: &str) -> &'static str {
    match cause {
        "scan" => "c-scan",
        "transform" => "c-transform",
        "queue" => "c-queue",
        "network" => "c-network",
        "decode" => "c-decode",
        _ => "c-compute",
    }
}

fn largest(ledger: &StallLedger) -> String {
    let causes = ledger.causes();
    let most = |(name, seconds): (&'static str, f64), next: (&'static str, f64)| {
        if next.1 > seconds {
            next
        } else {
            (name, seconds)
        }
    };
    let (cause, seconds) = causes.into_iter().fold(("compute", ledger.compute), most);
    let (wait, wait_seconds) = causes
        .into_iter()
        .filter(|(name, _)| *name != "compute")
        .fold(("", 0.0), most);
    let largest = format!(
        "The largest cause is {cause}: {}, {} of the time.",
        format::duration(seconds),
        format::share(seconds, ledger.total())
    );
    let waited = format::share(ledger.waited(), ledger.total());
    match wait {
        "" => format!("{largest} The trainer never waited for data."),
        _ if cause == "compute" => {
            format!(
                "{largest} The trainer waited for data {waited}, most of it for {wait} ({}).",
                format::duration(wait_seconds)
            )
        }
        _ => format!("{largest} In all, the trainer waited for data {waited} of its time."),
    }
}
