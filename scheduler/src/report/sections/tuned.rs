//! What the baselines' params were chosen from: the best trials of each.

use maud::{Markup, html};

use super::{mark, scroll};
use crate::report::data::{Trial, Tuned};
use crate::report::format;

/// Trials shown of a baseline.
const SHOWN: usize = 5;

/// The block below the metrics; nothing where no baseline was tuned.
pub fn tuned(all: &[Tuned]) -> Markup {
    html! {
        @if !all.is_empty() {
            h3 { "How the baselines were tuned" }
            p {
                "Each combination of params was judged on the validation users; the best ranks for the test "
                "users above. Of many trials the best are shown."
            }
            (scroll("Trials of baselines", &table(all)))
        }
    }
}

fn table(all: &[Tuned]) -> Markup {
    html! {
        table {
            thead {
                tr {
                    th scope="col" { "Baseline" }
                    th scope="col" { "Params" }
                    th.n scope="col" { "Value" }
                    th scope="col" { "" }
                }
            }
            @for tuned in all {
                @let trials = best_first(&tuned.trials);
                tbody.ruled {
                    @for (i, trial) in trials.iter().take(SHOWN).enumerate() {
                        tr {
                            @if i == 0 {
                                th scope="rowgroup" rowspan=(trials.len().min(SHOWN)) title=(tuned.method) {
                                    (format::clip(&tuned.method, 28)) " "
                                    span.kind { (format::plural(tuned.trials.len() as u64, "trial", "trials")) }
                                }
                            }
                            td { (trial.params) }
                            td.n { (trial.metric) " " (format::metric(trial.mean)) }
                            td { @if trial.best { (mark("good", "▲", "chosen")) } }
                        }
                    }
                }
            }
        }
    }
}

/// The chosen one, then by value.
fn best_first(trials: &[Trial]) -> Vec<&Trial> {
    let mut all: Vec<&Trial> = trials.iter().collect();
    all.sort_by(|a, b| b.best.cmp(&a.best).then(b.mean.total_cmp(&a.mean)));
    all
}
