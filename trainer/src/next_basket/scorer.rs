//! Asks a method for blocks of queries.

use pannier_proto::feed::FeedSpec;
use pannier_proto::spec::BaselineSpec;
use pannier_proto::work::TrialRow;

use super::method::{Asked, Method, Scratch, method};
use super::sequences::Sequences;
use super::study::Study;
use crate::error::TrainerError;
use crate::feed::FeedContext;
use crate::predict::queries::Query;
use crate::predict::scorers::Scorer;

/// A baseline that ranks for users.
pub(crate) struct NextBasket {
    method: Box<dyn Method>,
    /// Empty where nothing is learned.
    sequences: Sequences,
    items: usize,
}

impl NextBasket {
    /// Reads the sequences where it needs them, finds the best params where there is a study, and learns;
    /// with what was tried. `queries`: the feed it will be asked with; `counts`: baskets that hold each
    /// index. On the pool of the calling thread.
    ///
    /// # Errors
    /// Those of the feed; [`TrainerError::Data`] where the queries lack a column, or the study has nobody
    /// to judge by; [`TrainerError::Bug`] where there are no sequences or the baseline is none of users.
    pub(crate) fn new(
        context: &FeedContext,
        spec: &BaselineSpec,
        sequences: Option<&FeedSpec>,
        queries: &FeedSpec,
        counts: &[u64],
    ) -> Result<(Self, Vec<TrialRow>), TrainerError> {
        let items = counts.len();
        let seed = sequences.map_or(queries.seed, |feed| feed.seed);
        can_ask(spec, seed, queries)?;
        let sequences = match sequences {
            Some(feed) if spec.reads_sequences() => Sequences::read(context, feed, items)?,
            None if spec.reads_sequences() => {
                let reason = format!("{} was given no sequences", spec.name());
                return Err(TrainerError::bug(reason));
            }
            _ => Sequences::none(items),
        };
        let (model, trials) = match &spec.study {
            None => (spec.model, Vec::new()),
            Some(study) => {
                let study = Study {
                    study,
                    model: spec.model,
                    seed,
                    sequences: &sequences,
                    counts,
                };
                study.run(context)?
            }
        };
        let method = method(&[model], &sequences, counts)?;
        let scorer = Self {
            method,
            sequences,
            items,
        };
        Ok((scorer, trials))
    }
}

/// Whether queries come with all that any of the trials needs.
fn can_ask(spec: &BaselineSpec, seed: u64, queries: &FeedSpec) -> Result<(), TrainerError> {
    let missing = |name: &str| !queries.columns.iter().any(|column| column == name);
    let wrong = |column: &str| {
        let reason = format!("they have no column {column}, which {} needs", spec.name());
        Err(TrainerError::data("queries", reason))
    };
    let trials = spec.trials(seed);
    if missing("baskets") && trials.iter().any(|trial| trial.needs_history()) {
        return wrong("baskets");
    }
    if missing("user_id") && spec.model.learns() {
        return wrong("user_id");
    }
    Ok(())
}

impl Scorer for NextBasket {
    fn score(&self, queries: &[Query], scores: &mut [f32]) {
        let mut scratch = Scratch::new(self.sequences.len(), self.items);
        for (query, scores) in queries.iter().zip(scores.chunks_exact_mut(self.items)) {
            let user = query.user.as_deref();
            let asked = Asked {
                user: user.and_then(|name| self.sequences.find(name)),
                history: query.history.iter().map(Vec::as_slice).collect(),
                counts: Some((&query.items, &query.counts)),
            };
            self.method.score(&asked, &mut scratch, &mut |_, made| {
                scores.copy_from_slice(made);
            });
        }
    }
}
