//! What one trainer's time went to: the stall ledger as shares, and its largest cause in words.

use maud::{Markup, html};

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
            figcaption { (largest(ledger)) }
        }
    }
}

fn class_of(cause: &str) -> &'static str {
    match cause {
        "scan" => "c-scan",
        "transform" => "c-transform",
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
