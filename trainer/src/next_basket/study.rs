//! A study of a baseline: the combinations of a grid, each judged by what validation users bought next.
//! Neighbours, similarities and popularity are of training baskets alone.

use pannier_proto::feed::mix;
use pannier_proto::spec::{BaselineModel, BaselineStudy};
use pannier_proto::work::{TrialRow, WorkReportKind};
use rayon::iter::{IntoParallelRefIterator, ParallelIterator};

use super::judge::judged;
use super::method::{Asked, Method, Scratch, method, shared};
use super::sequences::Sequences;
use crate::error::TrainerError;
use crate::feed::FeedContext;

/// Users that a trial is judged by, at most.
const JUDGES: usize = 10_000;

/// A study.
pub(super) struct Study<'a> {
    pub study: &'a BaselineStudy,
    /// Params that are not varied.
    pub model: BaselineModel,
    /// Of what is drawn: trials, and users where there are too many.
    pub seed: u64,
    pub sequences: &'a Sequences,
    /// Baskets that hold each index.
    pub counts: &'a [u64],
}

impl Study<'_> {
    /// Judges all trials; the best one's params, of equals the first, and all trials with their values.
    /// On the pool of the calling thread; values do not depend on the number of its threads.
    ///
    /// # Errors
    /// [`TrainerError::Data`] where there is nobody to judge by; [`TrainerError::Stopped`] when told to.
    pub(super) fn run(
        &self,
        context: &FeedContext,
    ) -> Result<(BaselineModel, Vec<TrialRow>), TrainerError> {
        let judges = self.judges();
        if judges.is_empty() {
            let reason = "nobody has both training and validation baskets, and the study of a baseline is judged by such users; hold some out, for example with [split] valid_share = 0.1, or remove the study";
            return Err(TrainerError::data("sequences", reason));
        }
        let trials = self.study.trials(self.model, self.seed);
        let mut values = vec![0.0; trials.len()];
        let mut done = 0;
        for group in groups(&trials) {
            let models: Vec<BaselineModel> = group.iter().map(|at| trials[*at]).collect();
            let method = method(&models, self.sequences, self.counts)?;
            let means = self.means(&*method, models.len(), &judges, context)?;
            for (at, value) in group.into_iter().zip(means) {
                values[at] = value;
                done += 1;
                context.reporter.log(format!(
                    "trial {done} of {}: {}: {} {value:.4}",
                    trials.len(),
                    self.study.describe(trials[at]),
                    self.study.metric()
                ));
            }
            context.reporter.send(WorkReportKind::Progress {
                done,
                total: trials.len() as u64,
                rows: 0,
                rate: 0.0,
                stall_share: None,
            });
        }
        let row = |(trial, value): (&BaselineModel, f64)| TrialRow {
            params: self.study.describe(*trial),
            metric: self.study.metric(),
            values: vec![value],
        };
        let rows: Vec<TrialRow> = trials.iter().zip(values).map(row).collect();
        let best = TrialRow::best(&rows).unwrap_or_default();
        context.reporter.log(format!(
            "the best of {} trials by {} over {} users: {}",
            rows.len(),
            self.study.metric(),
            judges.len(),
            rows[best].params
        ));
        Ok((trials[best], rows))
    }

    /// The users who bought something known in the time of validation; where there are too many, some.
    fn judges(&self) -> Vec<usize> {
        let users = 0..self.sequences.len();
        let mut judges: Vec<usize> = users
            .filter(|user| !self.sequences.target(*user).is_empty())
            .collect();
        judges.sort_by_key(|user| (mix(self.seed ^ mix(*user as u64)), *user));
        judges.truncate(JUDGES);
        judges.sort_unstable();
        judges
    }

    /// Mean nDCG of each variant.
    fn means(
        &self,
        method: &dyn Method,
        variants: usize,
        judges: &[usize],
        context: &FeedContext,
    ) -> Result<Vec<f64>, TrainerError> {
        let judge = |scratch: &mut Scratch, user: &usize| -> Result<Vec<f64>, TrainerError> {
            context.go_on()?;
            let asked = Asked {
                user: Some(*user as u32),
                history: self.sequences.history(*user),
                counts: None,
            };
            let (target, k) = (self.sequences.target(*user), self.study.k as usize);
            let mut values = vec![0.0; variants];
            method.score(&asked, scratch, &mut |at, scores| {
                values[at] = judged(scores, self.counts, k, target);
            });
            Ok(values)
        };
        let scratch = || Scratch::new(self.sequences.len(), self.sequences.items());
        let judged = judges.par_iter().map_init(scratch, judge);
        let mut sums = vec![0.0; variants];
        for values in judged.collect::<Result<Vec<_>, _>>()? {
            sums.iter_mut().zip(values).for_each(|(sum, v)| *sum += v);
        }
        let means = sums.into_iter().map(|sum| sum / judges.len() as f64);
        Ok(means.collect())
    }
}

/// Places of trials that one method serves, in the order of the first of each.
fn groups(trials: &[BaselineModel]) -> Vec<Vec<usize>> {
    let mut groups: Vec<(BaselineModel, Vec<usize>)> = Vec::new();
    for (at, trial) in trials.iter().enumerate() {
        let key = shared(*trial);
        match groups.iter_mut().find(|group| group.0 == key) {
            Some(group) => group.1.push(at),
            None => groups.push((key, vec![at])),
        }
    }
    groups.into_iter().map(|group| group.1).collect()
}
