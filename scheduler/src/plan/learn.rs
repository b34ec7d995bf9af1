//! Steps of training, prediction, evaluation, publication, recommendation and segments. Pure.

use std::collections::BTreeSet;

use pannier_proto::spec::{
    BaselineModel, BaselineSpec, ModelSpec, PublishSpec, Question, RunSpec, TrainSpec,
};

use super::checks::INPUTS;
use super::{StepKind, StepPlan};

/// The table of the queries of a kind.
#[must_use]
pub fn queries(question: Question) -> &'static str {
    match question {
        Question::Basket => "queries",
        Question::User => "user_queries",
        Question::Decision => "decision_queries",
    }
}

/// What everybody's list is made of: all baskets in their order for a model of sequences, and for the
/// others what the training knows.
#[must_use]
pub fn histories(model: &ModelSpec) -> (&'static str, &'static [&'static str]) {
    match model {
        ModelSpec::AttentionLstm(_) => ("sequences", &["user_id", "baskets"]),
        ModelSpec::WideDeep(_) => ("decision_users", &["user_id", "user_idx"]),
        ModelSpec::Prod2vec(_) | ModelSpec::Als(_) | ModelSpec::Cust2vec(_) => {
            ("histories", &["user_id", "items", "counts"])
        }
    }
}

/// What a model of decisions is measured on after every epoch, where something is valid.
pub const VALID_DECISIONS: &str = "valid_decisions";

/// Whether a list for every user can be made of a model.
#[must_use]
pub fn is_listed(model: &ModelSpec) -> bool {
    matches!(model.question(), Question::User | Question::Decision)
}

/// What segments are described by: KPIs, and values of attributes.
pub const DESCRIBED: [&str; 2] = ["user_kpis", "user_attributes"];

/// The tables that a baseline reads besides the queries.
fn of_baseline(baseline: &BaselineSpec, question: Question) -> &'static [&'static str] {
    match baseline.model {
        _ if question == Question::Decision => &["decision_items", "train_decisions"],
        BaselineModel::CoOccurrence => &["vocab", "train_baskets"],
        _ if baseline.reads_sequences() => &["vocab", "sequences"],
        _ => &["vocab"],
    }
}

/// The tables that a run's models and baselines read.
pub fn reads(spec: &RunSpec) -> BTreeSet<&'static str> {
    let models = spec.train.iter().flat_map(|t| t.model.tables());
    let asked = spec.questions();
    let baselines = spec.baseline.iter().flat_map(|baseline| {
        let answered = asked.iter().filter(|q| baseline.answers(**q));
        answered.flat_map(|question| of_baseline(baseline, *question))
    });
    let lists = |t: &&TrainSpec| spec.recommend.is_some() && is_listed(&t.model);
    let listed = spec.train.iter().filter(lists);
    let lists = listed.map(|t| histories(&t.model).0);
    let segments = spec.segments.iter().flat_map(|_| &DESCRIBED);
    let all = models.chain(baselines).chain(segments);
    let mut tables: BTreeSet<&str> = all.copied().collect();
    tables.extend(lists);
    tables.extend(asked.iter().copied().map(queries));
    if asked.contains(&Question::Decision) && spec.split.validates() {
        tables.insert(VALID_DECISIONS);
    }
    tables
}

/// The tables that a model is trained and measured on.
fn trained_on(spec: &RunSpec, model: &ModelSpec) -> Vec<&'static str> {
    let measured = model.question() == Question::Decision && spec.split.validates();
    let valid = measured.then_some(VALID_DECISIONS);
    model.tables().iter().copied().chain(valid).collect()
}

/// Adds the steps.
pub fn steps(spec: &RunSpec, steps: &mut Vec<StepPlan>) {
    let mut predictions = Vec::new();
    for train in &spec.train {
        let id = format!("train:{}", train.name);
        steps.push(StepPlan {
            id: id.clone(),
            after: after(&trained_on(spec, &train.model)),
            kind: StepKind::Train(train.clone()),
        });
        let question = train.model.question();
        let grouped = train.model.has_user_vectors();
        if let Some(segments) = spec.segments.clone().filter(|_| grouped) {
            let train = train.name.clone();
            steps.push(StepPlan {
                id: format!("segments:{train}"),
                after: [vec![id.clone()], after(&DESCRIBED)].concat(),
                kind: StepKind::Segments { train, segments },
            });
        }
        let kind = StepKind::Predict {
            method: train.name.clone(),
            baseline: None,
            question,
        };
        let after = vec![id, format!("table:{}", queries(question))];
        predictions.push(predict(&train.name, question, after, kind, steps));
    }
    for question in spec.questions() {
        let able = spec.baseline.iter();
        for baseline in able.filter(|baseline| baseline.answers(question)) {
            let name = baseline.name();
            let kind = StepKind::Predict {
                method: name.to_owned(),
                baseline: Some(baseline.clone()),
                question,
            };
            let mut after = after(of_baseline(baseline, question));
            after.push(format!("table:{}", queries(question)));
            predictions.push(predict(name, question, after, kind, steps));
        }
    }
    if predictions.is_empty() {
        return;
    }
    steps.push(StepPlan {
        id: "evaluate".into(),
        after: predictions,
        kind: StepKind::Evaluate,
    });
    publish(spec, steps);
}

fn publish(spec: &RunSpec, steps: &mut Vec<StepPlan>) {
    let publish = spec.publish.clone().unwrap_or_default();
    for train in &spec.train {
        let id = format!("publish:{}", train.name);
        let kind = StepKind::Publish {
            train: train.name.clone(),
            publish: PublishSpec {
                gate: train.gate.clone().or_else(|| publish.gate.clone()),
                ..publish.clone()
            },
        };
        steps.push(StepPlan {
            id: id.clone(),
            after: vec!["evaluate".into()],
            kind,
        });
        let listed = is_listed(&train.model);
        if let Some(recommend) = spec.recommend.clone().filter(|_| listed) {
            let (table, _) = histories(&train.model);
            let train = train.name.clone();
            steps.push(StepPlan {
                id: format!("recommend:{train}"),
                after: vec![id, format!("table:{table}")],
                kind: StepKind::Recommend { train, recommend },
            });
        }
    }
}

/// After the checks of what is learned from, and these tables.
fn after(tables: &[&str]) -> Vec<String> {
    let tables = tables.iter().map(|table| format!("table:{table}"));
    std::iter::once(INPUTS.to_owned()).chain(tables).collect()
}

/// Adds a prediction; its name.
fn predict(
    method: &str,
    question: Question,
    after: Vec<String>,
    kind: StepKind,
    steps: &mut Vec<StepPlan>,
) -> String {
    let id = match question {
        Question::Basket => format!("predict:{method}"),
        Question::User => format!("predict-users:{method}"),
        Question::Decision => format!("predict-decisions:{method}"),
    };
    steps.push(StepPlan {
        id: id.clone(),
        after,
        kind,
    });
    id
}
