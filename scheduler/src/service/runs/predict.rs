//! Runs that predict: the model is found, the spec and the vocab that it was trained with are taken from
//! the record, and its source is looked at as it is now.

use pannier_proto::objects;
use pannier_proto::spec::{Question, RecommendSpec, RunSpec, SpecSource};
use pannier_proto::wire::{PredictRequest, SubmitResponse};

use super::{Runs, found};
use crate::error::SchedulerError;
use crate::layout;
use crate::plan::{self, ListsPlan, NOTHING_HELD_OUT, RunPlan, TablePlan};
use crate::published::{Published, published};

/// Parts of a spec that say what is read and how it is prepared.
const PREDICTS_FROM: [&str; 2] = ["source.", "prepare."];

impl Runs {
    pub(super) async fn predict_run(
        &self,
        request: PredictRequest,
    ) -> Result<SubmitResponse, SchedulerError> {
        let key = request.key.clone();
        let (source, plan) = self.prediction(request).await?;
        self.start_run(source, plan, key)
    }

    /// Everything that can be known of a prediction before any work starts.
    async fn prediction(
        &self,
        request: PredictRequest,
    ) -> Result<(SpecSource, RunPlan), SchedulerError> {
        let of = published(&self.context.store, &request.model)?;
        if !plan::is_listed(&of.train.model) {
            return Err(SchedulerError::Refused(format!(
                "the model {} is a {}, which ranks for baskets and not for users; `pannier similar` finds what is near an item",
                of.info.model, of.info.kind
            )));
        }
        if of.train.model.question() == Question::Decision {
            return Err(SchedulerError::Refused(format!(
                "the model {} is a {}, which decides in a context that only its users' moments have; `pannier recommend --context` answers for one user, `pannier audience` for an offer, and [recommend] in its spec lists everybody when it is trained",
                of.info.model, of.info.kind
            )));
        }
        let vocab = self.vocab_of(&of).await?;
        let source = overridden(&of, &request.sets)?;
        let spec = RunSpec {
            split: NOTHING_HELD_OUT,
            ..RunSpec::parse(&source)?
        };
        let recommend = RecommendSpec {
            csv: false,
            ..spec.recommend.clone().unwrap_or_default()
        };
        let recommend = RecommendSpec {
            top: match request.top {
                0 => recommend.top,
                top => top.min(1000),
            },
            filter_bought: request.new_only.unwrap_or(recommend.filter_bought),
            ..recommend
        };
        let (layout, files) = found(&source, &spec).await.map_err(|e| no_source(&of, e))?;
        let context = self.context.jobs.context()?;
        let common = layout::common(&spec.split, &layout)?;
        let defs = layout::own::merge(&source, &spec, &layout, common, &context).await?;
        let lists = ListsPlan {
            model: of.info.model,
            version: of.info.version,
            trained_by: of.info.run_id,
            train: of.train,
            recommend,
        };
        let mut plan = plan::predict(spec, &layout, &defs, files, vocab, lists)?;
        crate::check::fit(&source, &mut plan, self.context.jobs.warehouse()).await?;
        Ok((source, plan))
    }

    /// The vocab that a model was trained with.
    async fn vocab_of(&self, of: &Published) -> Result<TablePlan, SchedulerError> {
        let gone = || {
            SchedulerError::NotFound(format!(
                "the vocab that {} was trained with is not in the warehouse any more; train it again",
                of.reference()
            ))
        };
        let vocab = of.run.plan.table("vocab").cloned().ok_or_else(gone)?;
        let path = objects::table_manifest("vocab", &vocab.version);
        let there = self.context.jobs.warehouse().exists(&path).await?;
        there.then_some(vocab).ok_or_else(gone)
    }
}

/// The spec that a model was trained by, with the source that is asked for.
fn overridden(of: &Published, sets: &[String]) -> Result<SpecSource, SchedulerError> {
    let mut pairs = Vec::with_capacity(sets.len());
    for set in sets {
        let (key, value) = set.split_once('=').unwrap_or((set, ""));
        let key = key.trim();
        if !PREDICTS_FROM.iter().any(|part| key.starts_with(part)) {
            return Err(SchedulerError::Refused(format!(
                "`{key}` cannot be set here: a prediction may change what lies below source and prepare"
            )));
        }
        pairs.push((key.to_owned(), value.trim().to_owned()));
    }
    let source = SpecSource {
        file: of.run.spec_file.clone(),
        text: of.run.spec.clone(),
    };
    Ok(source.with_overrides(&pairs)?)
}

/// Says of which model the source is.
fn no_source(of: &Published, error: SchedulerError) -> SchedulerError {
    match error {
        SchedulerError::Spec(error) => SchedulerError::Refused(format!(
            "the source of {}, as its spec names it, cannot be read; --set source.path=... reads another:\n{error}",
            of.reference()
        )),
        other => other,
    }
}
