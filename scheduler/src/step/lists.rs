//! Everybody's lists: a trainer writes what a model ranks first for every user, and the scheduler
//! commits it as a version of the model's table of lists. Lists of the same model and users are the same
//! version, so they are made once. Nothing is ranked here.

use pannier_proto::event::{RunEventKind, StepOutcome};
use pannier_proto::ids::{BUILD_ID, digest_of};
use pannier_proto::manifest::{TableLineage, TableManifest};
use pannier_proto::objects;
use pannier_proto::spec::{ModelSpec, Question, RecommendSpec};
use pannier_proto::work::{
    PredictWork, PredictionForm, Predictor, WorkKind, WorkOutcome, WrittenTable,
};

use super::work::{lease, vocab, written};
use super::{StepFailure, StepResult, check, decisions};
use crate::driver::StepRun;
use crate::error::SchedulerError;
use crate::plan::{ListsPlan, histories};

/// Whose lists are made.
struct Of<'a> {
    /// Name in the registry.
    model: &'a str,
    version: u32,
    trained_by: &'a str,
    /// The training's name.
    train: &'a str,
    spec: &'a ModelSpec,
}

/// Lists of a model that this run trained, where it is fit to be published.
pub async fn recommend(run: &StepRun, train: &str, spec: &RecommendSpec) -> StepResult {
    if let Some(reason) = withheld(run, train)? {
        return Ok((StepOutcome::Withheld { reason }, false));
    }
    let plan = &run.record.plan;
    let trained = plan.spec.train.iter().find(|t| t.name == train);
    let trained =
        trained.ok_or_else(|| SchedulerError::Failed(format!("the spec trains no {train}")))?;
    let model = plan.model_name(train);
    let run_id = &run.record.run_id;
    let of = Of {
        version: run.context.store.reserve_version(&model, run_id)?,
        model: &model,
        trained_by: run_id,
        train,
        spec: &trained.model,
    };
    make(run, &of, spec).await
}

/// Lists of a model that was published before.
pub async fn predict(run: &StepRun, lists: &ListsPlan) -> StepResult {
    let of = Of {
        model: &lists.model,
        version: lists.version,
        trained_by: &lists.trained_by,
        train: &lists.train.name,
        spec: &lists.train.model,
    };
    make(run, &of, &lists.recommend).await
}

async fn make(run: &StepRun, of: &Of<'_>, spec: &RecommendSpec) -> StepResult {
    let warehouse = run.context.jobs.warehouse();
    let (table, columns) = histories(of.spec);
    let decides = of.spec.question() == Question::Decision;
    let users = check::manifest(run, table).await?;
    if users.rows == 0 {
        let reason = "nobody can get a list: the source has no basket of a known user";
        return Err(SchedulerError::Failed(reason.into()).into());
    }
    let target = target(run, of, spec, &users, decides).await?;
    let path = objects::table_manifest(&target.table, &target.version);
    if let Some(there) = warehouse.find_json::<TableManifest>(&path).await? {
        return Ok((listed(of, &users, &there), true));
    }
    let (queries, vocab) = if decides {
        let asked = decisions::listed(run, of.train).await?;
        (asked, decisions::vocabs(run).await?.0)
    } else {
        (written(run, table, columns).await?, vocab(run).await?)
    };
    let work = PredictWork {
        predictor: Predictor::Model {
            artifact: objects::artifact_dir(of.model, of.version),
        },
        queries,
        vocab,
        top: spec.top,
        new_only: spec.filter_bought,
        output: objects::recommendations(&run.record.run_id, of.train),
        form: PredictionForm::Lists { csv: spec.csv },
    };
    let (outcome, _) = lease(run, WorkKind::Predict(work)).await?;
    let StepOutcome::Work(WorkOutcome::Predicted {
        written: Some(written),
        ..
    }) = outcome
    else {
        let reason = "the trainer did not say what it wrote; is it of this build?";
        return Err(SchedulerError::Failed(reason.into()).into());
    };
    if run.cancel.is_cancelled() {
        return Err(SchedulerError::Refused("cancelled".into()).into());
    }
    let manifest = committed(target, written);
    // Of two runs that made the same lists at once the first one's are kept.
    let there = if warehouse.put_json_if_absent(&path, &manifest).await? {
        manifest
    } else {
        warehouse.get_json(&path).await?
    };
    Ok((listed(of, &users, &there), false))
}

/// What the lists are to be: a table version of what they are made of.
struct Target {
    table: String,
    version: String,
    lineage: TableLineage,
}

async fn target(
    run: &StepRun,
    of: &Of<'_>,
    spec: &RecommendSpec,
    users: &TableManifest,
    decides: bool,
) -> Result<Target, StepFailure> {
    let table = objects::lists_table(of.model);
    let vocab = if decides { decisions::ITEMS } else { "vocab" };
    let vocab = check::manifest(run, vocab).await?;
    let inputs = [users, &vocab].map(|t| (t.table.clone(), t.version.clone()));
    let model = (of.model, of.version, of.trained_by);
    let version = digest_of(&(&table, model, &inputs, spec, BUILD_ID));
    let what = format!(
        "-- the first {} items of {} version {} for every user",
        spec.top, of.model, of.version
    );
    Ok(Target {
        table,
        version,
        lineage: TableLineage {
            sql: what,
            inputs: inputs.into(),
            build: BUILD_ID.to_owned(),
        },
    })
}

/// The manifest of lists that were written.
fn committed(target: Target, written: WrittenTable) -> TableManifest {
    let WrittenTable { columns, file } = written;
    TableManifest {
        table: target.table,
        version: target.version,
        columns,
        key: Vec::new(),
        sort: Vec::new(),
        parts: 1,
        rows: file.rows,
        bytes: file.bytes,
        digest: TableManifest::digest_of_files(std::slice::from_ref(&file)),
        files: vec![file],
        lineage: target.lineage,
    }
}

fn listed(of: &Of<'_>, users: &TableManifest, lists: &TableManifest) -> StepOutcome {
    let file = lists.files.first();
    StepOutcome::Listed {
        model: of.model.to_owned(),
        model_version: of.version,
        table: lists.table.clone(),
        version: lists.version.clone(),
        users: users.rows,
        rows: lists.rows,
        path: file.map(|f| f.path.clone()).unwrap_or_default(),
    }
}

/// Why a model's lists are not made: what its gate said, where it did not let it pass.
fn withheld(run: &StepRun, train: &str) -> Result<Option<String>, StepFailure> {
    let mut reason = None;
    for event in run.context.store.events(&run.record.run_id, 0, u32::MAX)? {
        if let RunEventKind::StepFinished { step, result, .. } = event.kind
            && step == format!("publish:{train}")
            && let StepOutcome::Published {
                passed,
                explanation,
                ..
            } = result
        {
            reason = (!passed).then(|| format!("the model's gate has {explanation}"));
        }
    }
    Ok(reason)
}
