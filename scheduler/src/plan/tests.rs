use std::collections::BTreeSet;

use pannier_proto::spec::{MAPPED_LAYOUT, ModelSpec, SpecSource, WideDeepParams};

use super::*;
use crate::check;
use crate::layout;
use crate::testing::warehouse;

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
    planned_of(&text)
}

fn planned_of(text: &SpecSource) -> Result<RunPlan, SchedulerError> {
    let spec = RunSpec::parse(text)?;
    let layout = layout::find(&spec.source.layout, spec.prepare.context)?;
    let source = layout::resolve(text, &spec, &layout)?;
    let defs = defs(&spec, &layout)?;
    plan(spec, &layout, &defs, source)
}

/// The tables of a spec that has none of its own.
fn defs(spec: &RunSpec, layout: &Layout) -> Result<Defs, SchedulerError> {
    let common = layout::common(&spec.split, layout)?;
    Ok(Defs::of(layout, common))
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

/// Those of the tables for models that a spec makes.
fn made(rest: &str) -> Result<Vec<&'static str>, SchedulerError> {
    let training = [
        "train_baskets",
        "queries",
        "counts",
        "histories",
        "user_queries",
        "interactions",
    ];
    let head = SPEC.split("[[train]]").next().unwrap_or_default();
    let text = SpecSource {
        file: "t.toml".into(),
        text: format!("{head}{rest}"),
    };
    let tables = planned_of(&text)?.tables();
    assert!(tables.contains_key("sequences"), "{tables:?}");
    Ok(training
        .into_iter()
        .filter(|t| tables.contains_key(*t))
        .collect())
}

#[test]
fn what_models_are_fed_with_is_made_for_them_alone() -> Result<(), SchedulerError> {
    let check =
        "[[check]]\nname = \"c\"\nrule = \"none\"\ntable = \"counts\"\nwhere = \"count < 1\"\n";
    let vectors = "[[train]]\nname = \"v\"\nmodel = \"prod2vec\"\n";
    let factors = "[[train]]\nname = \"f\"\nmodel = \"als\"\n";
    assert_eq!(made(check)?, ["counts"], "a check reads it");
    assert_eq!(made(vectors)?, ["train_baskets", "queries"]);
    assert_eq!(made(factors)?, ["counts", "histories", "user_queries"]);
    assert_eq!(made("")?, [""; 0]);
    Ok(())
}

#[test]
fn each_question_has_its_models_and_baselines() -> Result<(), SchedulerError> {
    let text = SpecSource {
        file: "t.toml".into(),
        text: format!(
            "{SPEC}[[baseline]]\nmodel = \"co-occurrence\"\n[[baseline]]\nmodel = \"personal-frequency\"\n\
             [[train]]\nname = \"f\"\nmodel = \"als\"\ngate = \"ndcg@10 > 0.1\"\n\
             [publish]\ngate = \"hit_rate@10 > 0.2\"\n[recommend]\ntop = 3\n"
        ),
    };
    let plan = planned_of(&text)?;
    let ids: Vec<&str> = plan.steps.iter().map(|s| s.id.as_str()).collect();
    let from = ids
        .iter()
        .position(|id| *id == "train:vectors")
        .unwrap_or_default();
    assert_eq!(
        ids[from..],
        [
            "train:vectors",
            "predict:vectors",
            "train:f",
            "predict-users:f",
            "predict:popularity",
            "predict:co-occurrence",
            "predict-users:popularity",
            "predict-users:personal-frequency",
            "evaluate",
            "publish:vectors",
            "publish:f",
            "recommend:f",
            "profile",
            "report"
        ]
    );
    let gate = |id: &str| match plan.step(id).map(|s| &s.kind) {
        Some(StepKind::Publish { publish, .. }) => publish.gate.as_ref().map(ToString::to_string),
        _ => None,
    };
    assert_eq!(gate("publish:f").as_deref(), Some("ndcg@10 > 0.1"));
    assert_eq!(
        gate("publish:vectors").as_deref(),
        Some("hit_rate@10 > 0.2")
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

/// A plan of a layout's own tables, whatever files there are.
fn of_layout(name: &str, rest: &str) -> Result<(SpecSource, RunPlan), SchedulerError> {
    let text = format!(
        "name = \"t\"\n[source]\nlayout = \"{name}\"\npath = \"p\"\n[[train]]\nname = \"v\"\nmodel = \"prod2vec\"\n{rest}"
    );
    let file = "t.toml".into();
    let source = SpecSource { file, text };
    let spec = RunSpec::parse(&source)?;
    let layout = layout::find(name, spec.prepare.context)?;
    let files = |raw: &layout::RawSource| layout::RawFiles {
        form: raw.format.into(),
        columns: raw.columns.clone(),
        places: Vec::new(),
        seen: None,
        optional: true,
        digests: BTreeMap::new(),
    };
    let raw = layout.raw.iter().map(|r| (r.name.clone(), files(r)));
    let found = Source {
        raw: raw.collect(),
        version: "v".into(),
        facts: Vec::new(),
    };
    let defs = defs(&spec, &layout)?;
    Ok((source, plan(spec, &layout, &defs, found)?))
}

fn checks_of<'p>(plan: &'p RunPlan, step: &str) -> Vec<&'p CheckSpec> {
    match plan.step(step).map(|s| &s.kind) {
        Some(StepKind::Checks { checks }) => checks.iter().collect(),
        _ => Vec::new(),
    }
}

#[tokio::test]
async fn every_default_check_fits_its_layout() -> Result<(), SchedulerError> {
    let known = pannier_proto::spec::LAYOUTS;
    // The columns of the mapped layout are the spec's to say.
    for name in known.into_iter().filter(|l| *l != MAPPED_LAYOUT) {
        let (source, mut plan) = of_layout(name, "")?;
        let before = plan.clone();
        check::fit(&source, &mut plan, &warehouse()?).await?;
        for step in [STAGED, INPUTS] {
            let names = |plan| -> Vec<&str> {
                checks_of(plan, step)
                    .iter()
                    .map(|c| c.name.as_str())
                    .collect()
            };
            assert!(!names(&plan).is_empty(), "{name}: {step}");
            assert_eq!(
                names(&plan),
                names(&before),
                "{name}: a default does not apply"
            );
        }
    }
    Ok(())
}

#[test]
fn a_check_runs_after_the_tables_that_it_names() -> Result<(), SchedulerError> {
    let rest = "[[check]]\nname = \"a\"\nsql = \"select * from baskets b join items i on true\"\n\
        [[check]]\nname = \"number of items\"\nrule = \"rows-between\"\ntable = \"items\"\nmin = 7\n\
        [[check]]\nname = \"b\"\nrule = \"not-null\"\ntable = \"sequences\"\ncolumn = \"user_id\"\n";
    let (_, plan) = of_layout("dunnhumby-lgsr", rest)?;
    let names = |step| -> Vec<&str> {
        checks_of(&plan, step)
            .iter()
            .map(|c| c.name.as_str())
            .collect()
    };
    assert!(names(INPUTS).contains(&"a") && names(INPUTS).contains(&"b"));
    let after = plan
        .step(INPUTS)
        .map(|s| s.after.clone())
        .unwrap_or_default();
    assert!(after.contains(&"table:sequences".to_owned()), "{after:?}");
    // The spec's own takes the default's place.
    assert_eq!(
        names(STAGED)
            .iter()
            .filter(|n| **n == "number of items")
            .count(),
        1
    );
    assert_eq!(names(STAGED).last(), Some(&"number of items"));
    Ok(())
}

#[tokio::test]
async fn a_check_that_fits_no_table_is_refused_at_its_key() -> Result<(), SchedulerError> {
    let cases = [
        (
            "rule = \"not-null\"\ntable = \"transaction\"\ncolumn = \"user_id\"",
            ":11:9",
            "this run makes no table `transaction`",
            "did you mean `transactions`?",
        ),
        (
            "rule = \"not-null\"\ntable = \"transactions\"\ncolumn = \"userid\"",
            ":12:10",
            "table transactions has no column `userid`",
            "did you mean `user_id`?",
        ),
        (
            "rule = \"unique\"\ntable = \"baskets\"\ncolumns = [\"basket_id\", \"x\"]",
            ":12:25",
            "table baskets has no column `x`",
            "its columns are basket_id,",
        ),
        (
            "rule = \"foreign-key\"\ntable = \"items\"\ncolumn = \"item_id\"\nreferences = \"item.item_id\"",
            ":13:14",
            "this run makes no table `item`",
            "did you mean `items`?",
        ),
        (
            "rule = \"none\"\ntable = \"items\"\nwhere = \"nmae = 'x'\"",
            ":12:9",
            "the SQL of check `mine` is wrong",
            "nmae",
        ),
        (
            "rule = \"value-between\"\ntable = \"items\"\nmin = 1\nvalue = \"avrg(paths)\"",
            ":13:9",
            "the SQL of check `mine` is wrong",
            "avrg",
        ),
        (
            "sql = \"select bascket_id from transactions\"",
            ":10:7",
            "the SQL of check `mine` is wrong",
            "bascket_id",
        ),
        (
            "sql = \"drop table transactions\"",
            ":10:7",
            "the SQL of check `mine` is wrong",
            "DDL not supported",
        ),
        (
            "sql = \"selekt\"",
            ":10:7",
            "the SQL of check `mine` is wrong",
            "selekt",
        ),
    ];
    for (keys, place, message, help) in cases {
        let (source, mut plan) = of_layout(
            "dunnhumby-lgsr",
            &format!("[[check]]\nname = \"mine\"\n{keys}\n"),
        )?;
        let error = check::fit(&source, &mut plan, &warehouse()?)
            .await
            .map_err(|e| e.to_string());
        let said = error.err().unwrap_or_default();
        for words in [
            format!("t.toml{place}"),
            message.to_owned(),
            help.to_owned(),
        ] {
            assert!(said.contains(&words), "{words}:\n{said}");
        }
    }
    Ok(())
}

/// The params of the model of decisions that `rest` trains, as planned over a layout.
async fn decided(layout: &str, rest: &str) -> Result<WideDeepParams, SchedulerError> {
    let (source, mut plan) = of_layout(layout, rest)?;
    check::fit(&source, &mut plan, &warehouse()?).await?;
    let step = plan.step("train:offers").map(|step| &step.kind);
    match step {
        Some(StepKind::Train(TrainSpec {
            model: ModelSpec::WideDeep(params),
            ..
        })) => Ok(params.clone()),
        other => Err(SchedulerError::Failed(format!("{other:?}"))),
    }
}

#[tokio::test]
async fn a_model_of_decisions_gets_the_context_that_its_source_has() -> Result<(), SchedulerError> {
    let train = "[[train]]\nname = \"offers\"\nmodel = \"wide-and-deep\"\n";
    for (layout, context) in [
        ("dunnhumby-lgsr", &["price", "hour", "weekday"][..]),
        ("instacart", &["price", "hour", "weekday"]),
        ("rees46", &["price", "page_views", "session_time"]),
        (
            "complete-journey",
            &[
                "price",
                "display",
                "mailer",
                "bought_before",
                "days_since",
                "baskets",
                "hour",
                "weekday",
            ],
        ),
    ] {
        assert_eq!(decided(layout, train).await?.context, context, "{layout}");
    }
    let params =
        "params = { context = [\"weekday\", \"price\"], crosses = [[\"user\", \"weekday\"]] }\n";
    let chosen = decided("dunnhumby-lgsr", &format!("{train}{params}")).await?;
    assert_eq!(chosen.context, ["weekday", "price"]);
    let params = "params = { context = [\"weekdays\"], crosses = [[\"user\", \"basket\"]] }\n";
    let error = decided("dunnhumby-lgsr", &format!("{train}{params}")).await;
    let said = error.err().map(|e| e.to_string()).unwrap_or_default();
    for words in [
        "the decisions have no `weekdays` of type Float32",
        "did you mean `weekday`?",
        "`basket` is nothing that can be crossed",
        "there are item, user, category, price, hour, weekday",
    ] {
        assert!(said.contains(words), "{words}:\n{said}");
    }
    Ok(())
}
