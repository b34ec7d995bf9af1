//! One block for each training: its facts and params, then loss, waits and attempts.

use maud::{Markup, html};

use super::{attempts, loss, stall};
use crate::report::charts::intervals::{Dot, dot_plot};
use crate::report::data::{ReportData, Training, Trial};
use crate::report::format;

/// The part; `None` where nothing was trained.
pub fn trainings(data: &ReportData) -> Option<Markup> {
    let blocks = data.training.iter().enumerate();
    (!data.training.is_empty())
        .then(|| html! { @for (i, training) in blocks { (block(i, training)) } })
}

fn block(i: usize, training: &Training) -> Markup {
    html! {
        article.training {
            h3 { (training.name) " " span.kind { (training.model) } }
            (facts(training))
            @if training.params.is_empty() {
                p.empty { "No params were recorded for this model." }
            } @else {
                dl.params aria-label="Params" {
                    @for param in &training.params { div { dt { (param.name) } dd { (param.value) } } }
                }
            }
            (study(i, &training.trials))
            (loss::loss(i, training))
            (stall::stall(i, training))
            (attempts::attempts(&training.attempts))
        }
    }
}

/// The trials as dots, that of the model among them.
fn study(i: usize, trials: &[Trial]) -> Markup {
    let Some(best) = trials.iter().find(|trial| trial.best) else {
        return html! {};
    };
    let dots: Vec<Dot<'_>> = trials
        .iter()
        .map(|trial| Dot {
            label: &trial.params,
            value: trial.mean,
            interval: Some(trial.interval),
            emphasised: trial.best,
        })
        .collect();
    let desc = format!(
        "{} by cross-validation: {} of {} is the best of {}, and the model has it.",
        best.metric,
        format::metric(best.mean),
        best.params,
        format::plural(trials.len() as u64, "trial", "trials")
    );
    html! {
        figure {
            h4 { "Study" }
            (dot_plot(&format!("study-{i}"), &best.metric, &desc, &dots, None))
            figcaption { (desc) }
        }
    }
}

fn facts(training: &Training) -> Markup {
    let word = examples(training);
    let seen = training.curve.last().map(|point| point.examples_seen);
    html! {
        dl.facts {
            div { dt { "Took" } dd { (format::duration(training.seconds)) } }
            @if let Some(seen) = seen {
                div { dt { "Seen" } dd { (format::short(seen as f64)) " " (word) } }
            }
            @if let Some(rate) = training.examples_per_second {
                div { dt { "Speed" } dd { (format::short(rate.round())) " " (word) "/s" } }
            }
            @if let Some(backend) = &training.backend { div { dt { "Backend" } dd { (backend) } } }
            @if let Some(digest) = &training.feed_digest {
                div { dt { "Feed" } dd { code title=(digest) { (format::hash(digest)) } } }
            }
        }
    }
}

/// What this model learns from, in the plural.
pub fn examples(training: &Training) -> &str {
    if training.example_word.is_empty() {
        "examples"
    } else {
        &training.example_word
    }
}
