//! Predictions: the whole catalogue ranked for every query, the first places written.
//!
//! Queries come through the feed and go out in its order. Blocks of them are ranked in parallel;
//! neither scores nor order depend on the number of threads.

mod cooccurrence;
mod output;
mod queries;
mod rank;
mod scorers;

use std::time::Instant;

use pannier_proto::feed::FeedSpec;
use pannier_proto::work::{Predictor, WorkOutcome};
use rayon::ThreadPool;
use rayon::iter::ParallelIterator;
use rayon::slice::ParallelSlice;

use crate::error::TrainerError;
use crate::feed::FeedContext;
use crate::predict::cooccurrence::{Baskets, CoOccurrence};
use crate::predict::output::Output;
use crate::predict::rank::{Place, first_places};
use crate::predict::scorers::{Popularity, Scorer, Vectors, by_index};
use crate::prod2vec::artifact::{ArtifactConfig, CONFIG, WEIGHTS};
use crate::prod2vec::checkpoint::model_of;
use crate::report::Pace;
use crate::storage::Storage;
use crate::vocab::Vocab;

/// Queries scored together by one thread.
const BLOCK: usize = 16;
/// Name of the file below the output's folder.
const FILE: &str = "predictions.parquet";

/// What is asked for.
pub(crate) struct Prediction<'a> {
    pub predictor: &'a Predictor,
    pub queries: &'a FeedSpec,
    pub vocab: &'a Vocab,
    pub top: u32,
    pub output: &'a str,
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
        let began = Instant::now();
        let threads = context.config.resolved_threads();
        let pool = rayon::ThreadPoolBuilder::new()
            .num_threads(threads)
            .thread_name(|i| format!("rank-{i}"))
            .build();
        let pool = pool.map_err(TrainerError::bug)?;
        let counts = by_index(self.vocab.counts());
        let scorer = self.scorer(context, storage, &pool, &counts)?;
        let mut output = Output::create(storage, format!("{}/{FILE}", self.output))?;
        let mut feed = context.open(self.queries, (0, 0), 1, false)?;
        let (mut pace, mut done) = (Pace::new(), 0);
        let total = self.queries.row_groups.iter().sum();
        while let Some((step, _)) = feed.next_blocking()? {
            let ids = queries::ids(&step.batch)?;
            let baskets = queries::baskets(&step.batch, counts.len())?;
            let ranked = self.rank(context, &pool, &*scorer, &counts, &baskets)?;
            output.write(&ids, &ranked)?;
            done += ids.len() as u64;
            if let Some(progress) = pace.tick(done, total, ids.len() as u64, None) {
                context.reporter.send(progress);
            }
        }
        let (path, rows) = output.close()?;
        Ok(WorkOutcome::Predicted {
            queries: done,
            rows,
            path,
            seconds: began.elapsed().as_secs_f64(),
        })
    }

    fn rank(
        &self,
        context: &FeedContext,
        pool: &ThreadPool,
        scorer: &dyn Scorer,
        counts: &[u64],
        baskets: &[Vec<u32>],
    ) -> Result<Vec<Vec<Place>>, TrainerError> {
        let block = |scores: &mut Vec<f32>, block: &[Vec<u32>]| {
            if context.cancel.is_cancelled() {
                return Err(TrainerError::Stopped);
            }
            let scores = &mut scores[..block.len() * counts.len()];
            scorer.score(block, scores);
            let places = block.iter().zip(scores.chunks_exact(counts.len()));
            Ok(places
                .map(|(own, scores)| first_places(scores, counts, own, self.top as usize))
                .collect::<Vec<_>>())
        };
        let blocks = || {
            let blocks = baskets
                .par_chunks(BLOCK)
                .map_init(|| vec![0.0; BLOCK * counts.len()], block);
            blocks.collect::<Result<Vec<_>, _>>()
        };
        Ok(pool.install(blocks)?.into_iter().flatten().collect())
    }

    fn scorer(
        &self,
        context: &FeedContext,
        storage: &Storage,
        pool: &ThreadPool,
        counts: &[u64],
    ) -> Result<Box<dyn Scorer>, TrainerError> {
        Ok(match self.predictor {
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
            Predictor::Prod2vec { artifact } => {
                let config = storage.get(&format!("{artifact}/{CONFIG}"))?;
                let wrong = |reason: String| {
                    TrainerError::data("artifact", format!("{artifact}: {reason}"))
                };
                let config: ArtifactConfig =
                    serde_json::from_slice(&config).map_err(|e| wrong(e.to_string()))?;
                let (model, _) =
                    model_of(&storage.get(&format!("{artifact}/{WEIGHTS}"))?, "pannier")?;
                if config.vocab != self.vocab.digest || model.rows() != counts.len() {
                    return Err(wrong(
                        "it was trained with another vocab; train it again".into(),
                    ));
                }
                Box::new(Vectors::new(model, counts, config.params.power))
            }
        })
    }
}
