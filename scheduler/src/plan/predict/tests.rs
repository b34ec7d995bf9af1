#![allow(clippy::unwrap_used)]

use pannier_proto::spec::SpecSource;

use super::*;
use crate::layout;
use crate::plan::plan;

const SPEC: &str = r#"
name = "t"
[source]
layout = "dunnhumby-lgsr"
path = "somewhere"
[source.generate]
customers = 10
weeks = 20
[split]
by = "last-basket"
valid_share = 0.5
[[check]]
name = "of the source"
rule = "none"
table = "transactions"
where = "spend < 0"
[[check]]
name = "of the test"
rule = "none"
table = "user_queries"
where = "bought < 1"
[[train]]
name = "f"
model = "als"
[[baseline]]
model = "personal-frequency"
[recommend]
csv = true
"#;

/// The plan of the training, and that of a prediction with its first model.
fn both(model: &str) -> (RunPlan, RunPlan) {
    let text = SPEC.replace("\"als\"", &format!("{model:?}"));
    let file = "t.toml".into();
    let source = SpecSource { file, text };
    let spec = RunSpec::parse(&source).unwrap();
    let layout = layout::find(&spec.source.layout, spec.prepare.context).unwrap();
    let files = || layout::resolve(&source, &spec, &layout).unwrap();
    let defs = |split: &SplitSpec| {
        let common = layout::common(split, &layout).unwrap();
        Defs {
            staged: layout.table.clone(),
            learned: common.table,
            check: common.check,
        }
    };
    let trained = plan(spec.clone(), &layout, &defs(&spec.split), files()).unwrap();
    let lists = ListsPlan {
        model: "t-f".into(),
        version: 2,
        trained_by: "t-1".into(),
        train: spec.train[0].clone(),
        recommend: RecommendSpec::default(),
    };
    let vocab = trained.table("vocab").unwrap().clone();
    let defs = defs(&NOTHING_HELD_OUT);
    let predicts = predict(spec.clone(), &layout, &defs, files(), vocab, lists).unwrap();
    (trained, predicts)
}

#[test]
fn the_vocab_is_the_models_and_all_else_of_all_baskets() {
    for (model, table) in [("als", "histories"), ("attention-lstm", "sequences")] {
        let (trained, predicts) = both(model);
        let (before, now) = (trained.tables(), predicts.tables());
        assert_eq!(before["vocab"], now["vocab"]);
        assert_eq!(before["transactions"], now["transactions"]);
        // What is gathered of transactions does not know what is held out.
        assert_eq!(before["basket_items"], now["basket_items"]);
        for made in ["splits", "baskets", table] {
            assert_ne!(before[made], now[made], "{made} of {model}");
        }
        let inputs = &predicts.table("baskets").unwrap().tables;
        assert_eq!(inputs["vocab"], before["vocab"]);
        // What is for training and judging alone is not made.
        for not in ["user_queries", "queries", "train_baskets"] {
            assert!(!now.contains_key(not), "{not} of {model}");
        }
        assert_eq!(now.contains_key("counts"), model == "als");
    }
}

#[test]
fn every_step_waits_for_steps_that_are_there_and_nothing_is_trained() {
    let (_, predicts) = both("als");
    let mut seen = BTreeSet::new();
    for step in &predicts.steps {
        assert!(step.after.iter().all(|a| seen.contains(a)), "{}", step.id);
        seen.insert(step.id.clone());
        let trains = matches!(step.kind, StepKind::Train(_) | StepKind::Publish { .. });
        assert!(!trains, "{}", step.id);
    }
    let last = predicts.steps.iter().rev().take(2).map(|s| s.id.as_str());
    assert_eq!(last.collect::<Vec<_>>(), ["report", "recommend:f"]);
    assert!(predicts.predicts() && !predicts.spec.learns());
    assert_eq!(predicts.spec.name, "predict-t-f");
    let names: Vec<&str> = predicts.named_tables().map(|t| t.name.as_str()).collect();
    assert!(names.contains(&"transactions") && !names.contains(&"splits"));
}

#[test]
fn checks_hold_where_their_tables_are_made() {
    let (_, predicts) = both("attention-lstm");
    let checks = |id: &str| match predicts.step(id).map(|s| &s.kind) {
        Some(StepKind::Checks { checks }) => checks.iter().map(|c| c.name.clone()).collect(),
        _ => Vec::new(),
    };
    assert!(checks("check:staged").contains(&"of the source".to_owned()));
    let inputs = checks("check:inputs");
    assert!(
        inputs.contains(&"share of unknown items".to_owned()),
        "{inputs:?}"
    );
    assert!(!inputs.contains(&"of the test".to_owned()), "{inputs:?}");
    assert!(!inputs.contains(&"training baskets hold no padding".to_owned()));
}
