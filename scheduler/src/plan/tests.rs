use std::collections::BTreeSet;

use pannier_proto::spec::SpecSource;

use super::*;
use crate::layout;

const SPEC: &str = r#"
name = "t"
[source]
layout = "dunnhumby-lgsr"
path = "somewhere"
[source.generate]
customers = 10
weeks = 20
[[train]]
name = "vectors"
model = "prod2vec"
[[baseline]]
model = "popularity"
"#;

fn planned(sets: &[(&str, &str)]) -> Result<RunPlan, SchedulerError> {
    let sets: Vec<(String, String)> = sets
        .iter()
        .map(|(k, v)| ((*k).to_owned(), (*v).to_owned()))
        .collect();
    let text = SpecSource {
        file: "t.toml".into(),
        text: SPEC.into(),
    }
    .with_overrides(&sets)?;
    let spec = RunSpec::parse(&text)?;
    let layout = layout::find(&spec.source.layout, spec.prepare.context)?;
    let source = layout::resolve(&text, &spec, &layout)?;
    let defs = Defs {
        staged: layout.table.clone(),
        learned: layout::common(&spec.split)?,
    };
    plan(spec, &layout, &defs, source)
}

/// Names of the tables whose version differs.
fn changed(sets: &[(&str, &str)]) -> Result<Vec<String>, SchedulerError> {
    let (before, after) = (planned(&[])?.tables(), planned(sets)?.tables());
    let all: BTreeSet<String> = before.keys().chain(after.keys()).cloned().collect();
    Ok(all
        .into_iter()
        .filter(|t| before.get(t) != after.get(t))
        .collect())
}

#[test]
fn a_version_changes_with_what_the_table_is_made_of_and_with_nothing_else()
-> Result<(), SchedulerError> {
    assert!(changed(&[])?.is_empty());
    assert!(changed(&[("train[0].params.dim", "32")])?.is_empty());
    assert_eq!(changed(&[("evaluate.queries", "7")])?, ["queries"]);
    assert_eq!(changed(&[("seed", "9")])?, ["queries"]);
    assert_eq!(
        changed(&[("prepare.min_item_baskets", "2")])?,
        ["baskets", "queries", "sequences", "train_baskets", "vocab"]
    );
    assert_eq!(
        changed(&[("source.generate.customers", "11")])?.len(),
        planned(&[])?.tables().len()
    );
    Ok(())
}

#[test]
fn every_step_waits_only_for_steps_before_it() -> Result<(), SchedulerError> {
    let plan = planned(&[])?;
    let mut seen = BTreeSet::new();
    for step in &plan.steps {
        assert!(
            step.after.iter().all(|a| seen.contains(a)),
            "{} comes too early",
            step.id
        );
        assert!(seen.insert(step.id.clone()), "{} stands twice", step.id);
    }
    Ok(())
}

#[test]
fn no_trainer_is_booked_before_every_check_has_passed() -> Result<(), SchedulerError> {
    let plan = planned(&[])?;
    let mut waits: BTreeSet<String> = ["train:vectors".to_owned()].into();
    for step in plan.steps.iter().rev() {
        if waits.contains(&step.id) {
            waits.extend(step.after.iter().cloned());
        }
    }
    for step in plan.steps.iter().filter(|s| s.id.starts_with("check:")) {
        assert!(
            waits.contains(&step.id),
            "{} may come after the training",
            step.id
        );
    }
    Ok(())
}

#[test]
fn a_plan_reads_back_from_its_json() -> Result<(), SchedulerError> {
    let plan = planned(&[])?;
    let json = serde_json::to_string(&plan)?;
    // Not assert_eq: a plan takes pages to print.
    assert!(serde_json::from_str::<RunPlan>(&json)? == plan);
    Ok(())
}

#[test]
fn a_split_that_leaves_nothing_is_refused_at_its_key() {
    let error = planned(&[("split.test_weeks", "20")]).map_err(|e| e.to_string());
    assert!(
        error
            .as_ref()
            .is_err_and(|e| e.contains("20 weeks are held out, but the source has 20")),
        "{error:?}"
    );
}

#[test]
fn a_missing_file_is_refused_at_its_key() {
    let text = SPEC.replace("[source.generate]\ncustomers = 10\nweeks = 20\n", "");
    let source = SpecSource {
        file: "t.toml".into(),
        text,
    };
    let refused = RunSpec::parse(&source)
        .map_err(SchedulerError::from)
        .and_then(|spec| {
            let layout = layout::find(&spec.source.layout, spec.prepare.context)?;
            Ok(layout::resolve(&source, &spec, &layout)?)
        })
        .map_err(|e| e.to_string());
    assert!(
        refused
            .as_ref()
            .is_err_and(|e| e.contains("--> t.toml:5:") && e.contains("no file matches")),
        "{refused:?}"
    );
}

#[test]
fn an_option_that_the_layout_does_not_have_is_refused_at_its_key() {
    let refused = |sets: &[(&str, &str)]| planned(sets).map_err(|e| e.to_string());
    let instacart = ("source.layout", "instacart");
    let weeks = refused(&[instacart, ("prepare.weeks.to", "9")]);
    assert!(
        weeks
            .as_ref()
            .is_err_and(|e| e.contains("the layout instacart has no weeks")),
        "{weeks:?}"
    );
    let leaky = ("prepare.context", "leaky");
    let context = refused(&[instacart, leaky]);
    assert!(
        context
            .as_ref()
            .is_err_and(|e| e.contains("no interactions whose context could be leaky")),
        "{context:?}"
    );
    assert!(refused(&[("source.layout", "rees46"), leaky]).is_ok());
}

#[test]
fn the_context_changes_interactions_and_nothing_else() -> Result<(), SchedulerError> {
    let rees46 = ("source.layout", "rees46");
    let before = planned(&[rees46])?.tables();
    let after = planned(&[rees46, ("prepare.context", "leaky")])?.tables();
    let changed: Vec<&String> = before
        .keys()
        .filter(|t| before.get(*t) != after.get(*t))
        .collect();
    assert_eq!(changed, ["interactions"]);
    Ok(())
}
