//! Feeds and work of models and baselines of decisions: what they are trained on, what they are asked,
//! and with whom. It must not know what they make of it.

use pannier_proto::feed::FeedSpec;
use pannier_proto::objects;
use pannier_proto::spec::{BaselineSpec, ModelSpec, Question, WideDeepParams};
use pannier_proto::work::{PredictWork, PredictionForm, Predictor};

use super::feed::{put, select};
use super::{StepFailure, check};
use crate::decisions::{ASKED, PRICE, context_of};
use crate::driver::StepRun;
use crate::error::SchedulerError;
use crate::plan::{StepKind, VALID_DECISIONS, queries};

/// Rows of a step where nothing is learned from them.
const ROWS: u64 = 65_536;

/// The table of items whose manifest stands for the vocab.
pub const ITEMS: &str = "decision_items";
const USERS: &str = "decision_users";
const TRAIN: &str = "train_decisions";

/// The decisions that a model is trained on, anew shuffled in every epoch.
pub async fn training(run: &StepRun, params: &WideDeepParams) -> Result<FeedSpec, StepFailure> {
    let feed = of_table(run, TRAIN, &[], &params.context).await?;
    Ok(FeedSpec {
        shuffle: true,
        batch_rows: u64::from(params.batch),
        ..feed
    })
}

/// The decisions that a model is measured on after every epoch, where there are any.
pub async fn validation(
    run: &StepRun,
    params: &WideDeepParams,
) -> Result<Option<FeedSpec>, StepFailure> {
    if !run.record.plan.spec.split.validates() {
        return Ok(None);
    }
    let feed = of_table(run, VALID_DECISIONS, &[], &params.context).await?;
    if feed.rows() == 0 {
        return Ok(None);
    }
    Ok(Some(FeedSpec {
        batch_rows: u64::from(params.batch),
        ..feed
    }))
}

/// Paths of the manifests of the items and of the users.
pub async fn vocabs(run: &StepRun) -> Result<(String, String), StepFailure> {
    let path = |table: &'static str| async move {
        let made = check::manifest(run, table).await?;
        Ok::<_, StepFailure>(objects::table_manifest(table, &made.version))
    };
    Ok((path(ITEMS).await?, path(USERS).await?))
}

/// What a model or a baseline is asked about the held-out decisions.
pub async fn predict(
    run: &StepRun,
    method: &str,
    baseline: Option<&BaselineSpec>,
    artifact: String,
) -> Result<PredictWork, StepFailure> {
    let made = check::manifest(run, TRAIN).await?;
    let (predictor, context) = match baseline {
        None => (
            Predictor::Model { artifact },
            params(run, method)?.context.clone(),
        ),
        Some(baseline) => {
            let context = context_of(&made);
            let train = of_table(run, TRAIN, &[], &context).await?;
            put(run, &train).await?;
            let baseline = baseline.clone();
            (Predictor::Decision { baseline, train }, context)
        }
    };
    let question = Question::Decision;
    let asked = of_table(
        run,
        queries(question),
        &["decision_id", "user_id"],
        &context,
    )
    .await?;
    put(run, &asked).await?;
    Ok(PredictWork {
        predictor,
        queries: asked,
        vocab: vocabs(run).await?.0,
        top: 0,
        new_only: false,
        output: objects::predictions(&run.record.run_id, question, method),
        form: PredictionForm::Decisions,
    })
}

/// The users that get lists, each with what they bought and with the context that is their own.
pub async fn listed(run: &StepRun, train: &str) -> Result<FeedSpec, StepFailure> {
    let users = check::manifest(run, USERS).await?;
    let own = params(run, train)?.context.iter();
    let own = own.map(String::as_str).filter(|name| *name != PRICE);
    let columns: Vec<&str> = ["user_id", "items", "user_idx"]
        .into_iter()
        .chain(own)
        .collect();
    let feed = select(&users, &columns, run.record.plan.spec.seed);
    put(run, &feed).await?;
    Ok(feed)
}

/// The params of a training, its context as planned.
fn params<'r>(run: &'r StepRun, train: &str) -> Result<&'r WideDeepParams, StepFailure> {
    let mut steps = run.record.plan.steps.iter();
    let found = steps.find_map(|step| match &step.kind {
        StepKind::Train(spec) if spec.name == train => match &spec.model {
            ModelSpec::WideDeep(params) => Some(params),
            _ => None,
        },
        _ => None,
    });
    found.ok_or_else(|| {
        SchedulerError::Failed(format!("the plan trains no model of decisions {train}")).into()
    })
}

/// All rows of a table of decisions, in its order.
async fn of_table(
    run: &StepRun,
    table: &str,
    names: &[&str],
    context: &[String],
) -> Result<FeedSpec, StepFailure> {
    let table = check::manifest(run, table).await?;
    let context = context.iter().map(String::as_str);
    let columns: Vec<&str> = names.iter().copied().chain(ASKED).chain(context).collect();
    Ok(FeedSpec {
        batch_rows: ROWS,
        ..select(&table, &columns, run.record.plan.spec.seed)
    })
}
