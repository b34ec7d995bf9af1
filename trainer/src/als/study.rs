//! A study: the combinations of a grid, each trained on all but a part of the entries and judged by the
//! rest, once for every part (k-fold cross-validation; Stone 1974). Which part an entry belongs to is a
//! function of (seed, user, item) alone.

use pannier_proto::feed::mix;
use pannier_proto::ranking::ndcg;
use pannier_proto::spec::{AlsFeedback, AlsParams, AlsStudy};
use pannier_proto::work::{TrialRow, WorkReportKind};
use serde::{Deserialize, Serialize};

use super::entries::Entries;
use super::factors::Factors;
use super::fit::Watch;
use super::top::top;
use super::train::{als, exact, first_items};
use crate::error::TrainerError;
use crate::feed::FeedContext;
use crate::storage::Storage;

/// Users that a ranking is judged by, at most.
const JUDGES: usize = 10_000;

/// A study under way.
pub(super) struct Study<'a> {
    pub params: &'a AlsParams,
    pub study: &'a AlsStudy,
    pub seed: u64,
    pub entries: &'a Entries,
    /// What has been judged is kept here, so that a lost attempt's work is not lost.
    pub file: String,
    /// Digest of everything that decides the values.
    pub work: String,
}

/// What has been judged: values by trial, one for each fold done.
#[derive(Serialize, Deserialize)]
struct Judged {
    work: String,
    values: Vec<Vec<f64>>,
}

impl Study<'_> {
    /// Judges all trials; the best one's params, and all trials with their values. On the pool of the
    /// calling thread.
    ///
    /// # Errors
    /// Those of the trainings and the storage; [`TrainerError::Stopped`] when told to.
    pub(super) fn run(
        &self,
        context: &FeedContext,
        storage: &Storage,
    ) -> Result<(AlsParams, Vec<TrialRow>), TrainerError> {
        let watch: Watch<'_> = &|_| context.go_on();
        let trials = self.study.trials(self.params);
        let mut judged = self.judged(storage, trials.len());
        for fold in 0..self.study.folds {
            if judged
                .values
                .iter()
                .all(|values| values.len() > fold as usize)
            {
                continue;
            }
            let (train, held) = self.split(fold)?;
            let across = train.transposed();
            for (trial, params) in trials.iter().enumerate() {
                if judged.values[trial].len() > fold as usize {
                    continue;
                }
                let value = self.judge(params, &train, &across, &held, watch)?;
                judged.values[trial].push(value);
                let bytes = serde_json::to_vec(&judged).map_err(TrainerError::bug)?;
                storage.put(&self.file, bytes)?;
                context.reporter.send(WorkReportKind::Progress {
                    done: judged.values.iter().map(|values| values.len() as u64).sum(),
                    total: trials.len() as u64 * u64::from(self.study.folds),
                    rows: 0,
                    rate: 0.0,
                    stall_share: None,
                });
                context.reporter.log(format!(
                    "trial {} of {}, fold {} of {}: {}: {} {value:.4}",
                    trial + 1,
                    trials.len(),
                    fold + 1,
                    self.study.folds,
                    self.study.describe(params),
                    self.study.metric(self.params)
                ));
            }
        }
        let rows: Vec<TrialRow> = trials
            .iter()
            .zip(judged.values)
            .map(|(params, values)| TrialRow {
                params: self.study.describe(params),
                metric: self.study.metric(self.params),
                values,
            })
            .collect();
        let best = TrialRow::best(&rows).unwrap_or_default();
        Ok((trials[best].clone(), rows))
    }

    /// What an earlier attempt of the same work has judged.
    fn judged(&self, storage: &Storage, trials: usize) -> Judged {
        let read = storage.get(&self.file).ok();
        let read = read.and_then(|bytes| serde_json::from_slice::<Judged>(&bytes).ok());
        let same = |judged: &Judged| judged.work == self.work && judged.values.len() == trials;
        read.filter(same).unwrap_or_else(|| Judged {
            work: self.work.clone(),
            values: vec![Vec::new(); trials],
        })
    }

    /// The entries outside a fold, and those in it.
    fn split(&self, fold: u32) -> Result<(Entries, Entries), TrainerError> {
        let columns = self.entries.columns();
        let (mut train, mut held) = (Entries::none(columns), Entries::none(columns));
        for row in 0..self.entries.rows() {
            train.push_row();
            held.push_row();
            let (items, values) = self.entries.row(row);
            for (item, value) in items.iter().zip(values) {
                let entry = mix(self.seed ^ mix((row as u64) << 32 | u64::from(*item)));
                let side = if entry % u64::from(self.study.folds) == u64::from(fold) {
                    &mut held
                } else {
                    &mut train
                };
                side.push(*item as usize, *value)?;
            }
        }
        Ok((train, held))
    }

    fn judge(
        &self,
        params: &AlsParams,
        train: &Entries,
        across: &Entries,
        held: &Entries,
        watch: Watch<'_>,
    ) -> Result<f64, TrainerError> {
        let dim = params.factors as usize;
        let mut users = Factors::zero(train.rows(), dim);
        let mut items = first_items(params, train.columns(), self.seed);
        for _ in 0..params.iterations {
            als(params).solve(train, &items, &mut users, watch)?;
            als(params).solve(across, &users, &mut items, watch)?;
        }
        exact(params).solve(train, &items, &mut users, watch)?;
        Ok(match params.feedback {
            AlsFeedback::Implicit => self.ranked(train, held, &users, &items),
            AlsFeedback::Explicit => rmse(train, across, held, &users, &items),
        })
    }

    /// Mean nDCG of what was held out, with what was trained on left out of the lists; over some users.
    fn ranked(&self, train: &Entries, held: &Entries, users: &Factors, items: &Factors) -> f64 {
        let k = self.study.k as usize;
        let mut judges: Vec<usize> = (0..held.rows())
            .filter(|u| !held.row(*u).0.is_empty())
            .collect();
        judges.sort_by_key(|user| (mix(self.seed ^ *user as u64), *user));
        judges.truncate(JUDGES);
        let lists = top(&users.picked(&judges), items, k, |at| {
            train.row(judges[at]).0
        });
        let value = |(user, list): (&usize, &Vec<super::top::Place>)| {
            let held = held.row(*user).0;
            let hits = list
                .iter()
                .zip(1..)
                .filter(|(place, _)| held.binary_search(&place.column).is_ok());
            ndcg(hits.map(|(_, rank)| rank), k, held.len())
        };
        let sum: f64 = judges.iter().zip(&lists).map(value).sum();
        sum / judges.len().max(1) as f64
    }
}

/// Root of the mean squared error over what was held out of users and items that were trained on.
fn rmse(
    train: &Entries,
    across: &Entries,
    held: &Entries,
    users: &Factors,
    items: &Factors,
) -> f64 {
    let (mut sum, mut n) = (0.0, 0u64);
    for user in (0..held.rows()).filter(|user| !train.row(*user).0.is_empty()) {
        let (columns, ratings) = held.row(user);
        for (item, rating) in columns.iter().zip(ratings) {
            let item = *item as usize;
            if across.row(item).0.is_empty() {
                continue;
            }
            let factors = users.row(user).iter().zip(items.row(item));
            let error = factors.map(|(x, y)| x * y).sum::<f32>() - rating;
            sum += f64::from(error).powi(2);
            n += 1;
        }
    }
    (sum / n.max(1) as f64).sqrt()
}
