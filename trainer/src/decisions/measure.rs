//! How well decisions are foretold. Pure.

use pannier_proto::spec::DecisionWatch;

/// What a training says after an epoch.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(crate) struct Measured {
    pub decisions: u64,
    /// As in training: weighted by class.
    pub loss: f64,
    pub accuracy: f64,
    pub precision: f64,
    pub recall: f64,
    pub auc: f64,
    pub pr_auc: f64,
}

impl Measured {
    /// What is watched; larger is better.
    pub(crate) fn watched(&self, watch: DecisionWatch) -> f64 {
        match watch {
            DecisionWatch::Auc => self.auc,
            DecisionWatch::PrAuc => self.pr_auc,
            DecisionWatch::Recall => self.recall,
            DecisionWatch::Precision => self.precision,
            DecisionWatch::Accuracy => self.accuracy,
            DecisionWatch::Loss => -self.loss,
        }
    }

    /// For the run's log.
    pub(crate) fn line(&self, epoch: u64) -> String {
        let Self {
            decisions,
            loss,
            accuracy,
            precision,
            recall,
            auc,
            pr_auc,
        } = self;
        format!(
            "epoch {epoch}: validation loss {loss:.6}, auc {auc:.4}, pr-auc {pr_auc:.4}, accuracy {accuracy:.4}, precision {precision:.4}, recall {recall:.4} of {decisions} decisions"
        )
    }
}

/// Logits of decisions as a weighted training has them, with what was decided.
#[derive(Debug, Default)]
pub(crate) struct Judged {
    rows: Vec<(f32, bool)>,
    loss: f64,
    /// True positives, false positives, false negatives, true negatives.
    foretold: [u64; 4],
}

impl Judged {
    /// Adds decisions; `classes`: what one that was not bought weighs, and one that was.
    pub(crate) fn add(&mut self, logits: &[f32], labels: &[f32], classes: [f32; 2]) {
        for (z, label) in logits.iter().zip(labels) {
            let (bought, z) = (*label > 0.5, f64::from(*z));
            let weight = f64::from(classes[usize::from(bought)]);
            let toward = if bought { -z } else { z };
            self.loss += weight * (toward.max(0.0) + (-z.abs()).exp().ln_1p());
            let cell = match (z > 0.0, bought) {
                (true, true) => 0,
                (true, false) => 1,
                (false, true) => 2,
                (false, false) => 3,
            };
            self.foretold[cell] += 1;
            self.rows.push((z as f32, bought));
        }
    }

    /// What it comes to. A share of nothing is 0; the AUC where all were decided alike is ½.
    pub(crate) fn measured(mut self) -> Measured {
        let share = |part: u64, of: u64| part as f64 / of.max(1) as f64;
        let [hits, alarms, missed, passed] = self.foretold;
        let n = self.rows.len() as u64;
        let (auc, pr_auc) = curves(&mut self.rows);
        Measured {
            decisions: n,
            loss: self.loss / n.max(1) as f64,
            accuracy: share(hits + passed, n),
            precision: share(hits, hits + alarms),
            recall: share(hits, hits + missed),
            auc,
            pr_auc,
        }
    }
}

/// The areas under the ROC curve, equal scores half right, and under that of precision by recall, as
/// average precision: Σ (recallₙ - recallₙ₋₁)·precisionₙ over different scores, the best first.
fn curves(rows: &mut [(f32, bool)]) -> (f64, f64) {
    rows.sort_unstable_by(|a, b| b.0.total_cmp(&a.0));
    let bought = rows.iter().filter(|row| row.1).count() as f64;
    let others = rows.len() as f64 - bought;
    let (mut above, mut below, mut pairs, mut average) = (0.0, 0.0, 0.0, 0.0);
    for equal in rows.chunk_by(|a, b| a.0 == b.0) {
        let hits = equal.iter().filter(|row| row.1).count() as f64;
        let alarms = equal.len() as f64 - hits;
        pairs += alarms * (above + hits / 2.0);
        above += hits;
        below += alarms;
        average += hits * above / (above + below);
    }
    let auc = if bought * others > 0.0 {
        pairs / (bought * others)
    } else {
        0.5
    };
    (auc, average / bought.max(1.0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_and_areas_are_those_of_the_definitions() {
        let mut judged = Judged::default();
        judged.add(&[2.0, 1.0, 1.0], &[1.0, 0.0, 1.0], [1.0, 3.0]);
        judged.add(&[-1.0, -2.0], &[1.0, 0.0], [1.0, 3.0]);
        let measured = judged.measured();
        assert_eq!((measured.accuracy, measured.decisions), (0.6, 5));
        assert_eq!(
            (measured.precision, measured.recall),
            (2.0 / 3.0, 2.0 / 3.0)
        );
        // Of six pairs: four right, one equal, one wrong.
        assert!((measured.auc - 4.5 / 6.0).abs() < 1e-12);
        let average = (1.0 + 2.0 / 3.0 + 3.0 / 4.0) / 3.0;
        assert!((measured.pr_auc - average).abs() < 1e-12);
        let bce = |z: f64| (1.0 + (-z).exp()).ln();
        let loss = 3.0 * (bce(2.0) + bce(1.0) + bce(-1.0)) + bce(-1.0) + bce(2.0);
        assert!((measured.loss - loss / 5.0).abs() < 1e-12);
        assert_eq!(measured.watched(DecisionWatch::Loss), -measured.loss);
    }

    #[test]
    fn one_side_alone_says_nothing() {
        let mut judged = Judged::default();
        judged.add(&[0.5, -0.5], &[0.0, 0.0], [1.0, 1.0]);
        let measured = judged.measured();
        assert_eq!((measured.auc, measured.pr_auc), (0.5, 0.0));
        assert_eq!(Judged::default().measured().decisions, 0);
    }
}
