//! Predictions: the whole catalogue ranked for every query, the first places written.
//!
//! Queries come through the feed and go out in its order. They are ranked in parallel; neither scores
//! nor order depend on the number of threads.

mod attentive;
mod cooccurrence;
mod decided;
mod factorized;
mod offered;
mod output;
pub(crate) mod queries;
pub(crate) mod rank;
pub(crate) mod scorers;
mod users;

use std::borrow::Cow;
use std::time::Instant;

use pannier_proto::ids::FIRST_ITEM;
use pannier_proto::spec::ModelSpec;
use pannier_proto::work::{PredictWork, PredictionForm, Predictor, TrialRow, WorkOutcome};
use rayon::ThreadPool;
use rayon::iter::ParallelIterator;
use rayon::slice::ParallelSlice;

use crate::als;
use crate::artifact::{ArtifactConfig, WEIGHTS};
use crate::cust2vec;
use crate::decisions::tables::Dense;
use crate::error::TrainerError;
use crate::feed::FeedContext;
use crate::neural::{attention_lstm, wide_deep};
use crate::next_basket::NextBasket;
use crate::predict::attentive::Attentive;
use crate::predict::cooccurrence::{Baskets, CoOccurrence};
use crate::predict::factorized::Factorized;
use crate::predict::offered::Offers;
use crate::predict::output::Output;
use crate::predict::queries::Query;
use crate::predict::rank::{Place, first_places};
use crate::predict::scorers::{Popularity, Scorer, Vectors, by_index};
use crate::predict::users::Users;
use crate::prod2vec::checkpoint::model_of;
use crate::report::Pace;
use crate::storage::Storage;
use crate::vocab::Vocab;

/// Queries scored together by one thread.
const BLOCK: usize = 16;

/// What is asked for.
pub(crate) struct Prediction<'a> {
    pub work: &'a PredictWork,
    pub vocab: &'a Vocab,
}

/// Who ranks.
enum Ranker {
    /// By a score of every item.
    Scored(Box<dyn Scorer>),
    /// By what a model knows of users.
    Users(Box<dyn UserRanker>),
    /// By whether they buy what they are offered.
    Offers(Box<Offers>),
}

/// Ranks for users in its own way.
trait UserRanker: Send + Sync {
    /// The first places of every query, best first, on the pool of the calling thread. `new_only`
    /// leaves out what the user bought.
    ///
    /// # Errors
    /// [`TrainerError::Data`] where the queries do not fit the model.
    fn rank(
        &self,
        queries: &[Query],
        places: usize,
        new_only: bool,
    ) -> Result<Vec<Vec<Place>>, TrainerError>;
}

impl Prediction<'_> {
    /// Ranks and writes.
    ///
    /// # Errors
    /// Those of the feed and the storage; [`TrainerError::Data`] for queries, baskets or an
    /// artifact that cannot be used; [`TrainerError::Stopped`] when told to.
    pub(crate) fn run(
        &self,
        context: &FeedContext,
        storage: &Storage,
    ) -> Result<WorkOutcome, TrainerError> {
        if self.work.form == PredictionForm::Decisions {
            return self.decide(context, storage);
        }
        let began = Instant::now();
        let pool = context.pool("rank")?;
        let counts = by_index(self.vocab.counts());
        let (ranker, trials) = self.ranker(context, storage, &pool, &counts)?;
        let mut output = None;
        let mut feed = context.open(&self.work.queries, (0, 0), 1, false)?;
        let (mut pace, mut done) = (Pace::new(), 0);
        let total = self.work.queries.row_groups.iter().sum();
        while let Some((step, _)) = feed.next_blocking()? {
            let (names, queries) = queries::queries(&step.batch, counts.len())?;
            let ranked = match &ranker {
                Ranker::Scored(scorer) => {
                    self.rank(context, &pool, &**scorer, &counts, &queries)?
                }
                Ranker::Users(by) => {
                    pool.install(|| by.rank(&queries, self.work.top as usize, self.work.new_only))?
                }
                Ranker::Offers(by) => {
                    let how = (self.work.top as usize, self.work.new_only);
                    pool.install(|| by.rank(&step.batch, &queries, how))?
                }
            };
            let file = match &mut output {
                Some(file) => file,
                None => output.insert(Output::create(storage, self, step.batch.schema_ref())?),
            };
            file.write((&names, &queries), &ranked)?;
            context.go_on()?;
            done += queries.len() as u64;
            if let Some(progress) = pace.tick(done, total, queries.len() as u64, None) {
                context.reporter.send(progress);
            }
        }
        let Some(output) = output else {
            let reason = "there are none; check that the split holds something out";
            return Err(TrainerError::data("queries", reason));
        };
        let written = output.close()?;
        Ok(WorkOutcome::Predicted {
            queries: done,
            rows: written.file.rows,
            path: written.file.path.clone(),
            seconds: began.elapsed().as_secs_f64(),
            trials,
            written: Some(written),
        })
    }

    fn rank(
        &self,
        context: &FeedContext,
        pool: &ThreadPool,
        scorer: &dyn Scorer,
        counts: &[u64],
        queries: &[Query],
    ) -> Result<Vec<Vec<Place>>, TrainerError> {
        let block = |scores: &mut Vec<f32>, block: &[Query]| -> Result<_, TrainerError> {
            context.go_on()?;
            let scores = &mut scores[..block.len() * counts.len()];
            scorer.score(block, scores);
            let places = block.iter().zip(scores.chunks_exact(counts.len()));
            Ok(places
                .map(|(query, scores)| {
                    let own = if self.work.new_only {
                        &query.items[..]
                    } else {
                        &[]
                    };
                    first_places(scores, counts, own, self.work.top as usize)
                })
                .collect::<Vec<_>>())
        };
        let blocks = || {
            let blocks = queries
                .par_chunks(BLOCK)
                .map_init(|| vec![0.0; BLOCK * counts.len()], block);
            blocks.collect::<Result<Vec<_>, _>>()
        };
        Ok(pool.install(blocks)?.into_iter().flatten().collect())
    }

    /// Who ranks, and what was tried to find its params.
    fn ranker(
        &self,
        context: &FeedContext,
        storage: &Storage,
        pool: &ThreadPool,
        counts: &[u64],
    ) -> Result<(Ranker, Vec<TrialRow>), TrainerError> {
        let mut trials = Vec::new();
        let scorer: Box<dyn Scorer> = match &self.work.predictor {
            Predictor::Popularity => Box::new(Popularity {
                counts: counts.to_vec(),
            }),
            Predictor::CoOccurrence { baskets } => {
                let mut all = Baskets::default();
                let mut feed = context.open(baskets, (0, 0), 1, false)?;
                while let Some((step, _)) = feed.next_blocking()? {
                    queries::baskets(&step.batch, counts.len())?
                        .iter()
                        .for_each(|basket| all.push(basket));
                }
                Box::new(pool.install(|| CoOccurrence::new(&all, counts.len())))
            }
            Predictor::NextBasket {
                baseline,
                sequences,
            } => {
                let (feed, queries) = (sequences.as_ref(), &self.work.queries);
                let made = || NextBasket::new(context, baseline, feed, queries, counts);
                let (scorer, tried) = pool.install(made)?;
                trials = tried;
                Box::new(scorer)
            }
            Predictor::Decision { .. } => {
                return Err(TrainerError::bug("a baseline of decisions ranks no items"));
            }
            Predictor::Model { artifact } => {
                let of = (&self.work.vocab[..], self.vocab);
                let ranker = model(storage, artifact, of, counts, (pool, context))?;
                return Ok((ranker, trials));
            }
        };
        Ok((Ranker::Scored(scorer), trials))
    }
}

/// A model that was trained with this vocab.
fn model(
    storage: &Storage,
    artifact: &str,
    (manifest, vocab): (&str, &Vocab),
    counts: &[u64],
    (pool, context): (&ThreadPool, &FeedContext),
) -> Result<Ranker, TrainerError> {
    let config = ArtifactConfig::read(storage, artifact, vocab)?;
    let (rows, ranker) = match config.model {
        ModelSpec::Prod2vec(params) => {
            let (model, _) = model_of(&storage.get(&format!("{artifact}/{WEIGHTS}"))?, "pannier")?;
            let rows = model.rows();
            let scorer = Vectors::new(model, counts, params.power);
            (rows, Ranker::Scored(Box::new(scorer)))
        }
        ModelSpec::Cust2vec(params) => {
            let vectors = cust2vec::artifact::load(storage, artifact)?;
            let rows = vectors.rows();
            let kernel =
                cust2vec::fit::kernel(&params, config.seed, vocab, pool.current_num_threads())?;
            let priors = cust2vec::fit::priors(vocab, params.power);
            let users = Users::new(kernel, vectors, &priors, params.epochs);
            (rows, Ranker::Users(Box::new(users)))
        }
        ModelSpec::AttentionLstm(params) => {
            let items = counts.len() - FIRST_ITEM as usize;
            let device = context.config.device;
            let scorer = attention_lstm::artifact::load(storage, artifact, &params, items, device)?;
            let limits = attention_lstm::train::limits(&params);
            let next = Attentive::new(scorer, limits, counts);
            (counts.len(), Ranker::Users(Box::new(next)))
        }
        ModelSpec::WideDeep(_) => {
            let items = Dense::read(storage, manifest, "item_idx")?;
            let model = wide_deep::artifact::load(storage, artifact)?;
            let offers = Offers::new(model, &items, counts)?;
            (offers.rows(), Ranker::Offers(Box::new(offers)))
        }
        ModelSpec::Als(params) => {
            let items = als::load(storage, artifact)?;
            let rows = items.rows() + FIRST_ITEM as usize;
            let fixed = pool.install(|| als::train::exact(&params).fix(Cow::Owned(items)))?;
            (rows, Ranker::Users(Box::new(Factorized { fixed })))
        }
    };
    if rows != counts.len() {
        let reason = format!("{artifact}: it has {rows} rows, the vocab {}", counts.len());
        return Err(TrainerError::data("artifact", reason));
    }
    Ok(ranker)
}
