//! What is known of trainers, feeds and the work that runs, as numbers. Nothing is kept of work that
//! has ended: that is in its run.

use pannier_proto::metrics::{Kind, Metric, Sample, Unit};
use pannier_proto::work::{StallLedger, Work, WorkReportKind};

use super::{Trainers, heard_of};

/// What a trainer has said about its lease.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Told {
    done: u64,
    total: u64,
    rows: u64,
    /// The newest point of the loss curve.
    loss: Option<f64>,
    stall: StallLedger,
}

impl Told {
    pub(super) fn hear(&mut self, report: &WorkReportKind) {
        match report {
            WorkReportKind::Progress {
                done, total, rows, ..
            } => (self.done, self.total, self.rows) = (*done, *total, *rows),
            WorkReportKind::Loss { loss, stall, .. } => {
                self.loss = Some(*loss);
                self.stall += *stall;
            }
            _ => {}
        }
    }
}

impl Trainers {
    /// What there is to know about trainers, feeds and what trainers do now.
    #[must_use]
    pub fn metrics(&self) -> Vec<Metric> {
        let mut state = self.state();
        let executors = heard_of(&mut state).len();
        let busy = state.trainers.values().filter(|t| t.lease.is_some());
        let busy = busy.count();
        let doing = [("busy", busy), ("free", state.trainers.len() - busy)];
        let doing = doing.map(|(doing, n)| Sample {
            labels: vec![("doing", doing.to_owned())],
            value: n as f64,
        });
        let gauge = |name, help, value: usize| Metric::one(Kind::Gauge, name, help, value as f64);
        let mut metrics = vec![
            Metric::new(Kind::Gauge, "trainers", "Trainers attached", doing),
            gauge(
                "feeds",
                "Executors whose feed was heard of lately",
                executors,
            ),
            gauge(
                "work_waiting",
                "Work that waits for a trainer",
                state.queue.len(),
            ),
        ];
        let leases: Vec<(&Work, &Told)> = state
            .trainers
            .values()
            .filter_map(|trainer| Some((&trainer.lease.as_ref()?.work, &trainer.told)))
            .collect();
        metrics.extend(of_leases(&leases));
        metrics
    }
}

/// What runs now, by run and step; an attempt begins at 0.
fn of_leases(leases: &[(&Work, &Told)]) -> [Metric; 4] {
    let labels = |work: &Work| vec![("run", work.run_id.clone()), ("step", work.step.clone())];
    let each = |value: &dyn Fn(&Told) -> Option<f64>| {
        let samples = leases.iter().filter_map(|(work, told)| {
            let (labels, value) = (labels(work), value(told)?);
            Some(Sample { labels, value })
        });
        samples.collect::<Vec<_>>()
    };
    let by_cause = leases.iter().flat_map(|(work, told)| {
        told.stall.causes().map(|(cause, value)| {
            let mut labels = labels(work);
            labels.push(("cause", cause.to_owned()));
            Sample { labels, value }
        })
    });
    let progress = |told: &Told| (told.total > 0).then(|| told.done as f64 / told.total as f64);
    [
        Metric::new(
            Kind::Counter,
            "training",
            "Time of trainings by cause: all but compute and decode is waiting for the feed",
            by_cause,
        )
        .of(Unit::Seconds),
        Metric::new(
            Kind::Counter,
            "work_rows",
            "Pairs trained or queries ranked",
            each(&|told| Some(told.rows as f64)),
        ),
        Metric::new(
            Kind::Gauge,
            "work_progress",
            "Share of the work that is done",
            each(&progress),
        )
        .of(Unit::Ratios),
        Metric::new(
            Kind::Gauge,
            "training_loss",
            "Mean loss at the newest point of the curve",
            each(&|told| told.loss),
        ),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_trainer_says_is_added_up() {
        let mut told = Told::default();
        for (seconds, value) in [(1.5, 0.7), (2.0, 0.6)] {
            told.hear(&WorkReportKind::Loss {
                epoch: 0,
                step: 1,
                loss: value,
                learning_rate: 0.1,
                pairs: 1,
                stall: StallLedger {
                    scan: seconds,
                    ..StallLedger::default()
                },
            });
        }
        assert_eq!(told.loss, Some(0.6));
        assert_eq!(told.stall.causes()[0], ("scan", 3.5));
    }
}
