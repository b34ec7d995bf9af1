//! How a run ended: metrics, what was published, where the report is.

use pannier_proto::event::{DecidedRow, MetricRow, PairedRow, RunEvent, RunEventKind, StepOutcome};
use pannier_proto::spec::{ContextSpec, Metric, Question};

use super::format::{duration, plural};
use super::outcome::publication;
use super::table::Table;
use super::{Line, Mark};

/// Metrics of which more is better: the best method is marked.
const MORE_IS_BETTER: [&str; 10] = [
    "accuracy",
    "auc",
    "hit_rate",
    "map",
    "mrr",
    "ndcg",
    "pr_auc",
    "precision",
    "recall",
    "user_hit_rate",
];

/// How a run ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum End {
    /// Well.
    Succeeded,
    /// Badly, with the reason.
    Failed(String),
    /// It was stopped.
    Cancelled,
}

/// What a run's log says about its results.
#[derive(Debug, Default)]
pub struct Summary {
    name: String,
    began_ms: i64,
    ended_ms: i64,
    end: Option<End>,
    metrics: Vec<MetricRow>,
    paired: Vec<PairedRow>,
    decided: Option<DecidedRow>,
    published: Vec<(Mark, String)>,
    lists: Vec<Lists>,
    report: Option<String>,
}

/// Lists that are there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lists {
    /// The table.
    pub table: String,
    /// Its version.
    pub version: String,
    /// Path of its file below the warehouse.
    path: String,
}

impl Summary {
    /// Takes an event in.
    pub fn apply(&mut self, event: &RunEvent) {
        match &event.kind {
            RunEventKind::Submitted { name, .. } => {
                self.name.clone_from(name);
                self.began_ms = event.at_ms;
            }
            RunEventKind::StepFinished { result, .. } => self.produced(result),
            RunEventKind::RetryRequested => {
                self.began_ms = event.at_ms;
                self.end = None;
            }
            RunEventKind::Succeeded => self.ended(event, End::Succeeded),
            RunEventKind::Failed { error } => self.ended(event, End::Failed(error.clone())),
            RunEventKind::Cancelled => self.ended(event, End::Cancelled),
            _ => {}
        }
    }

    fn ended(&mut self, event: &RunEvent, end: End) {
        self.ended_ms = event.at_ms;
        self.end = Some(end);
    }

    fn produced(&mut self, result: &StepOutcome) {
        match result {
            StepOutcome::Evaluated {
                metrics,
                paired,
                decided,
                ..
            } => {
                self.decided.clone_from(decided);
                self.metrics.extend(metrics.iter().cloned());
                self.paired.extend(paired.iter().cloned());
            }
            StepOutcome::Published { .. } => self.published.push(publication(result)),
            StepOutcome::Listed {
                table,
                version,
                path,
                ..
            } => self.lists.push(Lists {
                table: table.clone(),
                version: version.clone(),
                path: path.clone(),
            }),
            StepOutcome::Report { path } => self.report = Some(path.clone()),
            _ => {}
        }
    }

    /// How the run ended, as far as seen.
    pub fn end(&self) -> Option<&End> {
        self.end.as_ref()
    }

    /// The lists that the run made or found.
    pub fn lists(&self) -> &[Lists] {
        &self.lists
    }

    /// The last lines of a run. `warehouse` is the root of what paths are below of.
    pub fn lines(&self, run_id: &str, warehouse: Option<&str>) -> Vec<Line> {
        let mut lines = Vec::new();
        if !self.metrics.is_empty() {
            lines.push(String::new());
            lines.extend(metrics_table(&self.metrics));
            lines.extend(self.decided.as_ref().map(decided));
            lines.extend(self.headline().map(difference));
            lines.push(String::new());
        }
        let mut lines: Vec<Line> = lines
            .into_iter()
            .map(|text| Line::new(Mark::Note, text))
            .collect();
        if self.end == Some(End::Succeeded) {
            let took = duration((self.ended_ms - self.began_ms) as f64 / 1e3);
            lines.push(Line::new(
                Mark::Done,
                format!("run {run_id} ({}) succeeded in {took}", self.name),
            ));
        }
        lines.extend(
            self.published
                .iter()
                .map(|(mark, text)| Line::new(*mark, format!("published  {text}"))),
        );
        lines.extend(self.lists.iter().map(|lists| {
            let path = below(warehouse, &lists.path);
            Line::new(Mark::Note, format!("lists      {}  {path}", lists.table))
        }));
        if let Some(path) = &self.report {
            lines.push(Line::new(
                Mark::Note,
                format!("report     {}", below(warehouse, path)),
            ));
        }
        lines
    }

    /// The comparisons of each model on the first metric that it is compared on.
    fn headline(&self) -> impl Iterator<Item = &PairedRow> {
        let first = |method: &str| self.paired.iter().find(|p| p.method == method);
        let leads = move |p: &&PairedRow| first(&p.method).is_some_and(|f| f.metric == p.metric);
        self.paired.iter().filter(leads)
    }
}

fn difference(paired: &PairedRow) -> String {
    let PairedRow {
        method,
        against,
        metric,
        difference,
        lo,
        hi,
    } = paired;
    format!(
        "{method} against {against}: {metric} {difference:+.4} (95 % interval {lo:+.4} to {hi:+.4})"
    )
}

/// Which decisions were judged, and what their context takes in.
fn decided(decided: &DecidedRow) -> String {
    let context = match decided.context {
        ContextSpec::Decision => "decision (what was known before)",
        ContextSpec::Leaky => "leaky (the whole session, for comparison only)",
    };
    let bought = 100.0 * decided.bought as f64 / decided.n.max(1) as f64;
    let users = plural(decided.users, "user");
    format!("decisions of {users}, {bought:.1} % bought; context: {context}")
}

/// A path below the warehouse as one that can be opened.
pub fn below(warehouse: Option<&str>, path: &str) -> String {
    match warehouse {
        Some(root) if !root.is_empty() => format!(
            "{}/{path}",
            root.strip_prefix("file://")
                .unwrap_or(root)
                .trim_end_matches('/')
        ),
        _ => path.to_owned(),
    }
}

/// Metrics down, methods across, the best of a row with a star.
fn metrics_table(metrics: &[MetricRow]) -> Vec<String> {
    let mut names: Vec<&str> = Vec::new();
    let mut methods: Vec<&str> = Vec::new();
    for row in metrics {
        if !names.contains(&row.metric.as_str()) {
            names.push(&row.metric);
        }
        if !methods.contains(&row.method.as_str()) {
            methods.push(&row.method);
        }
    }
    let titles: Vec<String> = methods.iter().map(|m| format!(">{m} ")).collect();
    let titles: Vec<&str> = std::iter::once("metric")
        .chain(titles.iter().map(String::as_str))
        .collect();
    let mut table = Table::new(&titles);
    for name in names {
        let values: Vec<Option<f64>> = methods
            .iter()
            .map(|method| {
                metrics
                    .iter()
                    .rev()
                    .find(|r| r.metric == name && r.method == *method)
                    .map(|r| r.value)
            })
            .collect();
        let less = name.parse().is_ok_and(Metric::less_is_better);
        let more = MORE_IS_BETTER.iter().any(|m| name.starts_with(m));
        let ranked = methods.len() > 1 && (more || less);
        let given = values.iter().flatten().copied();
        let best = given.reduce(if less { f64::min } else { f64::max });
        let cell = |value: &Option<f64>| match value {
            Some(v) if ranked && Some(*v) == best => format!("{v:.4}*"),
            Some(v) => format!("{v:.4} "),
            None => "- ".to_owned(),
        };
        table.row(std::iter::once(name.to_owned()).chain(values.iter().map(cell)));
    }
    let mut lines = table.lines();
    let asked = |question| {
        let of = |row: &&MetricRow| {
            let metric = row.metric.parse::<Metric>();
            metric.is_ok_and(|metric| metric.question() == question)
        };
        metrics.iter().filter(of).map(|row| row.n).max()
    };
    let baskets = asked(Question::Basket).map(|n| plural(n, "held-out basket"));
    let users = asked(Question::User).map(|n| plural(n, "held-out user"));
    let decisions = asked(Question::Decision).map(|n| plural(n, "held-out decision"));
    let over: Vec<String> = [baskets, users, decisions].into_iter().flatten().collect();
    lines.push(format!("over {}", over.join(" and ")));
    lines
}
