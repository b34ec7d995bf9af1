//! Two made-up runs for tests and for looking at the page: one that succeeded and one that failed.
//! Only values, so it may be long.

use pannier_proto::event::{CalibrationRow, CurveRow, DecidedRow, Operator};
use pannier_proto::profile::{
    BANDS, ColumnProfile, Counted, Profile, Repeat, Shopping, TableProfile, TopValue, Week,
};
use pannier_proto::segments::{
    SegmentCandidate, SegmentKpis, SegmentPlace, SegmentProfile, SegmentSummary, SegmentTest,
};
use pannier_proto::spec::ContextSpec;

use super::{
    Activity, ActivityKind, ActivityOutcome, AliasMove, Artifact, ArtifactFile, Attempt,
    AttemptOutcome, Better, Check, CheckOutcome, Difference, Gate, GateOutcome, Interval, ItemMap,
    LeftOut, Lineage, LossPoint, MapPlace, MethodKind, MetricRow, Neighbour, NeighbourList, Param,
    RejectReason, RejectSample, Rejects, ReportData, ResumePoint, RowAction, RunHeader, RunStatus,
    SampleRows, Severity, Split, SplitPart, StallLedger, TableRef, TableRow, Training, Trial,
    Tuned,
};

const SPEC: &str = r#"name = "grocery"
seed = 1

[source]
layout = "dunnhumby-lgsr"
path = "data/transactions_*.csv.gz"

[prepare]
weeks = { to = 200806 }
min_item_baskets = 5

[split]
by = "last-basket"

[[check]]
name = "baskets have an owner"
sql = "select * from transactions where user_id is null"
severity = "warn"

[[train]]
name = "vectors"
model = "prod2vec"
params = { dim = 128, window = 5, negatives = 5, epochs = 5 }

[[baseline]]
model = "popularity"

[evaluate]
k = [10, 20]

[publish]
alias = "champion"
gate = "hit_rate@10 >= champion.hit_rate@10 - 0.005"
"#;

/// A run that went well, with the small things real runs have.
pub fn grocery() -> ReportData {
    ReportData {
        header: header(RunStatus::Succeeded, 760.4),
        metrics: metrics(),
        differences: differences(),
        calibration: calibration(),
        curves: curves(),
        decided: Some(decided()),
        tuned: tuned(),
        artifacts: vec![artifact()],
        training: vec![vectors(), next_basket()],
        neighbours: neighbours(),
        maps: vec![item_map()],
        segments: vec![segments()],
        tables: tables(),
        rejects: Some(rejects()),
        checks: checks(),
        profile: Some(profile()),
        split: Some(split()),
        timeline: timeline(),
        operators: operators(),
        ..ReportData::default()
    }
}

/// A run that a check stopped.
pub fn failed() -> ReportData {
    let reason = "check “every line has a price” found 1,204 rows and has severity fail; look at its sample below, \
                  then fix the source or lower the severity";
    let mut checks = checks();
    checks[2].severity = Severity::Fail;
    checks[2].outcome = CheckOutcome::Failed;
    checks[2].found = "1,204 rows offend, 0 may".to_owned();
    let mut timeline = timeline();
    timeline.truncate(4);
    timeline[3].outcome = ActivityOutcome::Failed;
    ReportData {
        header: header(
            RunStatus::Failed {
                reason: reason.to_owned(),
            },
            61.2,
        ),
        tables: tables().into_iter().take(2).collect(),
        rejects: Some(rejects()),
        checks,
        timeline,
        ..ReportData::default()
    }
}

fn header(status: RunStatus, seconds: f64) -> RunHeader {
    RunHeader {
        name: "grocery".to_owned(),
        id: "01jrs7k2m9-grocery-4f1c".to_owned(),
        status,
        seed: 1,
        started_at: "2026-04-14T02:00:00.125Z".to_owned(),
        seconds,
        build_id: "0.1.0+9c41e7b2".to_owned(),
        spec: SPEC.to_owned(),
        summary: None,
    }
}

fn metrics() -> Vec<MetricRow> {
    let methods = [
        (
            "vectors",
            MethodKind::Model,
            [0.1873, 0.2691, 0.0942, 0.1105],
        ),
        (
            "next-basket",
            MethodKind::Model,
            [0.1694, 0.2602, 0.0871, 0.1019],
        ),
        (
            "tifu-knn",
            MethodKind::Baseline,
            [0.1702, 0.2588, 0.0903, 0.1051],
        ),
        (
            "p-top",
            MethodKind::Baseline,
            [0.1611, 0.2417, 0.0846, 0.0988],
        ),
        (
            "g-top",
            MethodKind::Baseline,
            [0.1214, 0.1883, 0.0597, 0.0702],
        ),
        (
            "popularity",
            MethodKind::Baseline,
            [0.1214, 0.1880, 0.0593, 0.0698],
        ),
    ];
    let names = ["hit_rate@10", "hit_rate@20", "mrr@100", "ndcg@10"];
    let rows = methods.into_iter().flat_map(|(method, kind, values)| {
        names
            .into_iter()
            .zip(values)
            .map(move |(metric, value)| MetricRow {
                method: method.to_owned(),
                kind,
                metric: metric.to_owned(),
                value,
                interval: Some(around(value, value * 0.035 + 0.001)),
                n: 4_997,
                better: Better::Higher,
            })
    });
    rows.collect()
}

fn around(value: f64, reach: f64) -> Interval {
    Interval {
        lo: value - reach,
        hi: value + reach,
    }
}

fn tuned() -> Vec<Tuned> {
    let trial = |(params, mean, best): (&str, f64, bool)| Trial {
        params: params.into(),
        metric: "ndcg@10".into(),
        mean,
        interval: (mean - 0.01, mean + 0.01),
        best,
    };
    let trials = [
        ("groups 7, neighbours 300", 0.281, false),
        ("groups 3, neighbours 300", 0.287, true),
    ];
    vec![Tuned {
        method: "tifu-knn".into(),
        trials: trials.map(trial).to_vec(),
    }]
}

fn calibration() -> Vec<CalibrationRow> {
    let row = |(from, n, predicted, observed): (f64, u64, f64, f64)| CalibrationRow {
        method: "vectors".into(),
        from,
        n,
        predicted,
        observed,
    };
    [
        (0.0, 90_000, 0.004, 0.005),
        (0.1, 4_000, 0.12, 0.11),
        (0.5, 300, 0.61, 0.52),
    ]
    .map(row)
    .to_vec()
}

fn curves() -> Vec<CurveRow> {
    let of = |method: &str, points: [(f64, f64, f64); 4]| {
        points.map(|(found, wrong, precision)| CurveRow {
            method: method.into(),
            found,
            wrong,
            precision,
        })
    };
    let model = of(
        "offers",
        [
            (0.0, 0.0, 0.9),
            (0.4, 0.05, 0.67),
            (0.8, 0.3, 0.4),
            (1.0, 1.0, 0.2),
        ],
    );
    let baseline = of(
        "logistic",
        [
            (0.0, 0.0, 0.5),
            (0.3, 0.2, 0.27),
            (0.7, 0.6, 0.23),
            (1.0, 1.0, 0.2),
        ],
    );
    [model, baseline].concat()
}

fn decided() -> DecidedRow {
    DecidedRow {
        context: ContextSpec::Leaky,
        n: 120_000,
        bought: 24_000,
        users: 4_100,
        new_users: 600,
        new_items: 1_200,
        threshold: 0.19,
    }
}

fn differences() -> Vec<Difference> {
    let rows = [
        ("hit_rate@10", "vectors", "tifu-knn", 0.0171, 0.0052),
        ("hit_rate@10", "vectors", "p-top", 0.0262, 0.0055),
        ("hit_rate@10", "vectors", "popularity", 0.0659, 0.0061),
        ("hit_rate@10", "next-basket", "tifu-knn", -0.0008, 0.0049),
        ("hit_rate@10", "next-basket", "p-top", 0.0083, 0.0051),
        ("hit_rate@10", "next-basket", "popularity", 0.0480, 0.0060),
        ("mrr@100", "next-basket", "tifu-knn", -0.0032, 0.0021),
    ];
    rows.map(|(metric, model, baseline, difference, reach)| Difference {
        model: model.to_owned(),
        baseline: baseline.to_owned(),
        metric: metric.to_owned(),
        difference,
        interval: around(difference, reach),
        better: Better::Higher,
    })
    .to_vec()
}

fn artifact() -> Artifact {
    let files = [
        ("model.safetensors", 5_120_344),
        ("vectors.parquet", 2_634_112),
        ("vectors.w2v.txt", 6_882_019),
        ("vocab.parquet", 98_214),
        ("config.json", 812),
        ("manifest.json", 6_430),
    ];
    let tables = [
        ("pairs_source", "b71d09e4c2aa51f0"),
        ("vocab", "4c02ee918d7713ab"),
        ("baskets", "e90f12bb34cd5610"),
    ];
    Artifact {
        model: "grocery/vectors".to_owned(),
        version: "7-3f2a91c05be4".to_owned(),
        alias: Some(AliasMove {
            alias: "champion".to_owned(),
            moved: true,
            previous: Some("6-a01b77e3f9d2".to_owned()),
        }),
        gate: Some(Gate {
            text: "hit_rate@10 >= champion.hit_rate@10 - 0.005".to_owned(),
            outcome: GateOutcome::Passed,
            explanation: "0.1873 >= 0.1858 − 0.005".to_owned(),
        }),
        files: files
            .map(|(path, bytes)| ArtifactFile {
                path: path.to_owned(),
                bytes,
            })
            .to_vec(),
        lineage: Lineage {
            tables: tables
                .map(|(table, version)| TableRef {
                    table: table.to_owned(),
                    version: version.to_owned(),
                })
                .to_vec(),
            feed_digest: Some("9d3b6a55c1e07f42aa10".to_owned()),
            seed: 1,
            build_id: "0.1.0+9c41e7b2".to_owned(),
        },
    }
}

fn params(pairs: &[(&str, &str)]) -> Vec<Param> {
    pairs
        .iter()
        .map(|(name, value)| Param {
            name: (*name).to_owned(),
            value: (*value).to_owned(),
        })
        .collect()
}

fn vectors() -> Training {
    let steps = 61_250;
    let curve = (0..1_225).map(|i| {
        let step = i * 50;
        let done = step as f64 / steps as f64;
        let noise = (f64::from(i as u32) * 12.989).sin() * (f64::from(i as u32) * 4.1).cos();
        LossPoint {
            step: step + 50,
            epoch: (done * 5.0) as u32,
            loss: 2.31 + 1.85 * (-done * 6.0).exp() + 0.06 * noise,
            learning_rate: 0.025 * (1.0 - done).max(0.004),
            examples_seen: (step + 50) * 4_096,
            stall_share: 0.04 + 0.1 * (-done * 30.0).exp(),
        }
    });
    Training {
        name: "vectors".to_owned(),
        model: "prod2vec".to_owned(),
        backend: Some("closed form, 8 threads".to_owned()),
        params: params(&[
            ("dim", "128"),
            ("window", "5"),
            ("negatives", "5"),
            ("epochs", "5"),
            ("batch_rows", "4096"),
            ("power", "0.75"),
        ]),
        trials: ["dim 64", "dim 128"]
            .map(|params| Trial {
                params: params.to_owned(),
                metric: "ndcg@10".to_owned(),
                mean: 0.21,
                interval: (0.2, 0.22),
                best: params == "dim 128",
            })
            .to_vec(),
        example_word: "pairs".to_owned(),
        curve: curve.collect(),
        seconds: 263.0,
        examples_per_second: Some(953_900.0),
        feed_digest: Some("9d3b6a55c1e07f42aa10".to_owned()),
        attempts: vec![
            Attempt {
                number: 1,
                trainer: "trainer-0".to_owned(),
                resumed_from: None,
                outcome: AttemptOutcome::Lost,
                reason: "no heartbeat for 30 s".to_owned(),
                seconds: 118.4,
            },
            Attempt {
                number: 2,
                trainer: "trainer-1".to_owned(),
                resumed_from: Some(ResumePoint {
                    epoch: 2,
                    step: 24_500,
                }),
                outcome: AttemptOutcome::Finished,
                reason: String::new(),
                seconds: 144.6,
            },
        ],
        stall: Some(StallLedger {
            scan: 6.1,
            transform: 21.8,
            queue: 0.0,
            network: 3.2,
            decode: 9.4,
            compute: 222.5,
        }),
        epochs: (1..=2)
            .map(|epoch| {
                let ledger = StallLedger {
                    scan: 6.0 / epoch as f64,
                    compute: 111.0,
                    ..StallLedger::default()
                };
                (epoch, ledger)
            })
            .collect(),
        advice: None,
    }
}

fn next_basket() -> Training {
    let curve = (1..=48).map(|i| LossPoint {
        step: i * 120,
        epoch: ((i - 1) / 16) as u32,
        loss: 0.142 + 0.31 * (-(i as f64) / 9.0).exp(),
        learning_rate: 0.001,
        examples_seen: i * 120 * 256,
        stall_share: 0.4,
    });
    Training {
        trials: vec![],
        name: "next-basket".to_owned(),
        model: "lstm".to_owned(),
        backend: Some("flex".to_owned()),
        params: params(&[
            ("hidden", "256"),
            ("max_baskets", "50"),
            ("epochs", "3"),
            ("learning_rate", "0.001"),
        ]),
        example_word: "sequences".to_owned(),
        curve: curve.collect(),
        seconds: 241.0,
        examples_per_second: Some(6_120.0),
        feed_digest: Some("1f77c0de9a4b2c31".to_owned()),
        attempts: vec![Attempt {
            number: 1,
            trainer: "trainer-0".to_owned(),
            resumed_from: None,
            outcome: AttemptOutcome::Finished,
            reason: String::new(),
            seconds: 241.0,
        }],
        stall: Some(StallLedger {
            scan: 88.0,
            transform: 14.0,
            queue: 0.4,
            network: 1.1,
            decode: 4.9,
            compute: 133.0,
        }),
        epochs: Vec::new(),
        advice: Some("it waited for reading: add an executor".to_owned()),
    }
}

fn neighbours() -> Vec<NeighbourList> {
    type List<'a> = (&'a str, &'a str, u64, [(&'a str, f64); 5]);
    let lists: [List<'_>; 3] = [
        (
            "PRD0901294",
            "BANANAS LOOSE",
            28_114,
            [
                ("APPLES ROYAL GALA 6PK", 0.81),
                ("GRAPES SEEDLESS 500G", 0.77),
                ("EASY PEELERS 600G", 0.74),
                ("STRAWBERRIES 400G", 0.69),
                ("CARROTS LOOSE", 0.61),
            ],
        ),
        (
            "PRD0903678",
            "SEMI SKIMMED MILK 2.272L & CREAM",
            24_906,
            [
                ("WHITE MEDIUM BREAD 800G", 0.72),
                ("FREE RANGE EGGS 12S", 0.66),
                ("UNSALTED BUTTER 250G", 0.63),
                ("BANANAS LOOSE", 0.52),
                ("CORN FLAKES 750G, FAMILY PACK WITH VITAMINS", 0.49),
            ],
        ),
        (
            "PRD0900121",
            "NAPPIES SIZE 4 JUMBO",
            3_410,
            [
                ("BABY WIPES 6 X 64", 0.93),
                ("NAPPIES SIZE 5 JUMBO", 0.90),
                ("FOLLOW ON MILK 900G", 0.88),
                ("FRUIT PUREE 4 X 100G", 0.84),
                ("COTTON WOOL PLEATS", 0.58),
            ],
        ),
    ];
    let list = |(id, name, count, near): List<'_>| NeighbourList {
        model: "vectors".to_owned(),
        item_id: id.to_owned(),
        item_name: name.to_owned(),
        count,
        neighbours: near
            .map(|(name, cosine)| Neighbour {
                name: name.to_owned(),
                cosine,
            })
            .to_vec(),
    };
    lists.map(list).to_vec()
}

/// Three segments, the last of which spends the most.
fn segments() -> SegmentSummary {
    let kpis = |users: u64, spend: f64| SegmentKpis {
        users,
        spend: Some(spend * users as f64),
        units: Some(9.0 * users as f64),
        baskets: 4.0 * users as f64,
    };
    let candidate = |segments: u32| SegmentCandidate {
        segments,
        inertia: 900.0 / f64::from(segments),
        silhouette: 0.2 - 0.01 * f64::from(segments),
        smallest: 0.5 / f64::from(segments),
        seeds: 0.95,
        halves: 1.0 - 0.05 * f64::from(segments),
        halves_error: 0.01,
    };
    let test = |kpi: &str, share: f64, p: f64| SegmentTest {
        kpi: kpi.to_owned(),
        users: 1700,
        share,
        p,
    };
    let profile = |segment: u32, value: &str, users: u64, index: f64| SegmentProfile {
        segment,
        attribute: "shop_hour".to_owned(),
        value: value.to_owned(),
        users,
        share: index / 300.0,
        index,
    };
    let place = |i: u32| SegmentPlace {
        segment: i % 3,
        x: (i as f32 * 0.7).sin() + (i % 3) as f32,
        y: (i as f32 * 1.3).cos(),
    };
    SegmentSummary {
        model: "grocery-users".to_owned(),
        users: 1700,
        without_vector: 12,
        reason: "of the numbers that come back, 3 stand apart the most".to_owned(),
        reliable: Some(true),
        candidates: (2..=9).map(candidate).collect(),
        surveyed: Some(1000),
        kpis: vec![kpis(1000, 40.0), kpis(500, 60.0), kpis(200, 220.0)],
        overall: kpis(1700, 66.9),
        tests: vec![
            test("spend_per_user", 0.31, 0.001),
            test("price_per_unit", 0.001, 0.4),
        ],
        profiles: vec![
            profile(0, "08", 300, 90.0),
            profile(0, "19", 700, 104.0),
            profile(1, "08", 250, 150.0),
            profile(1, "19", 250, 75.0),
            profile(2, "08", 10, 15.0),
            profile(2, "19", 190, 142.0),
        ],
        places: (0..300).map(place).collect(),
    }
}

fn item_map() -> ItemMap {
    let names = ["PRODUCE", "BAKERY", "DAIRY", "BABY"];
    let place = |i: u32| {
        let (turn, out) = (f64::from(i) * 2.4, f64::from(i).sqrt());
        MapPlace {
            name: format!("ITEM {i}"),
            department: names.get(i as usize % 5).map(|name| (*name).to_owned()),
            x: out * turn.cos(),
            y: out * turn.sin(),
        }
    };
    ItemMap {
        model: "vectors".to_owned(),
        items: 4996,
        places: (0..120).map(place).collect(),
    }
}

fn tables() -> Vec<TableRow> {
    let rows = [
        (
            "transactions",
            "a31f88c09be2d7716a04",
            2_583_410,
            61_203_118,
            8,
            24.1,
            false,
            Some(2_595_732),
        ),
        (
            "rejects",
            "0be97a51d2c4469f1e80",
            12_322,
            301_220,
            8,
            2.0,
            false,
            None,
        ),
        (
            "users",
            "77d01e6f00c2a85b93aa",
            4_997,
            88_120,
            8,
            0.84,
            false,
            Some(2_583_410),
        ),
        (
            "items",
            "c5520ab1ef34de7820fb",
            4_997,
            141_007,
            8,
            0.79,
            false,
            Some(2_583_410),
        ),
        (
            "vocab",
            "4c02ee918d7713ab2200",
            4_612,
            92_880,
            1,
            0.0,
            true,
            None,
        ),
        (
            "baskets",
            "e90f12bb34cd56108810",
            296_118,
            9_412_330,
            8,
            6.3,
            false,
            Some(2_310_448),
        ),
        (
            "sequences",
            "19aa04dd7b20c3e8116f",
            4_891,
            7_902_114,
            8,
            3.1,
            false,
            Some(296_118),
        ),
    ];
    rows.map(table).to_vec()
}

type Made<'a> = (&'a str, &'a str, u64, u64, u64, f64, bool, Option<u64>);

fn table((name, version, rows, bytes, parts, seconds, skipped, source_rows): Made<'_>) -> TableRow {
    TableRow {
        name: name.to_owned(),
        version: version.to_owned(),
        rows,
        bytes,
        parts,
        seconds,
        skipped,
        source_rows,
    }
}

fn rejects() -> Rejects {
    let reasons = [
        ("anonymous customer", RowAction::Noted, 412_880),
        ("quantity is 0", RowAction::Rejected, 8_911),
        ("line without a product", RowAction::Rejected, 3_390),
        (
            "cannot parse: 21 fields instead of 22",
            RowAction::Rejected,
            21,
        ),
    ];
    let samples = [
        (
            "transactions_200632.csv.gz",
            18_204,
            "quantity is 0",
            "200632,20061002,3,17,0,0.00,PRD0901294,CL00063,…",
        ),
        (
            "transactions_200632.csv.gz",
            40_112,
            "cannot parse: 21 fields instead of 22",
            "200632,20061003,4,12,1,1.03,PRD09\"00<3>&,,",
        ),
        (
            "transactions_200701.csv.gz",
            7,
            "line without a product",
            "200701,20070226,2,9,1,0.49,,CL00001,DEP00001,…",
        ),
    ];
    Rejects {
        rows_read: 2_595_732,
        threshold: Some(0.02),
        reasons: reasons
            .map(|(reason, action, rows)| RejectReason {
                reason: reason.to_owned(),
                action,
                rows,
            })
            .to_vec(),
        samples: samples
            .map(|(file, line, reason, text)| RejectSample {
                file: file.to_owned(),
                line,
                reason: reason.to_owned(),
                text: text.to_owned(),
            })
            .to_vec(),
    }
}

fn checks() -> Vec<Check> {
    let text = |rows: &[&str]| {
        rows.iter()
            .map(|cell| (*cell).to_owned())
            .collect::<Vec<_>>()
    };
    let check = |name: &str, severity, outcome, offending: u64, sample| Check {
        name: name.to_owned(),
        rule: "its SQL selects no row".to_owned(),
        severity,
        outcome,
        found: format!("{offending} rows offend, 0 may"),
        sample,
    };
    let sample = SampleRows {
        columns: text(&["basket_id", "ordered_at", "item_id", "spend"]),
        rows: vec![
            text(&["994100100398294", "2007-02-26 09:00", "PRD0900830", "-0.20"]),
            text(&["994100100531812", "2007-02-27 14:00", "PRD0904250", "-1.37"]),
        ],
    };
    vec![
        check(
            "baskets have an owner",
            Severity::Warn,
            CheckOutcome::Passed,
            0,
            None,
        ),
        check(
            "an item has one department",
            Severity::Fail,
            CheckOutcome::Passed,
            0,
            None,
        ),
        check(
            "every line has a price",
            Severity::Warn,
            CheckOutcome::Warned,
            38,
            Some(sample),
        ),
        check(
            "no basket has more than 500 lines",
            Severity::Fail,
            CheckOutcome::Passed,
            0,
            None,
        ),
    ]
}

fn profile() -> Profile {
    let texts = |values: &[&str]| values.iter().map(|v| (*v).to_owned()).collect();
    let column = |name: &str, data_type: &str, distinct, top: &[(&str, u64)]| ColumnProfile {
        name: name.to_owned(),
        data_type: data_type.to_owned(),
        distinct,
        top: top
            .iter()
            .map(|(value, rows)| TopValue {
                value: (*value).to_owned(),
                rows: *rows,
            })
            .collect(),
        ..ColumnProfile::default()
    };
    let user = ColumnProfile {
        missing: 522_391,
        min: Some("CUST0000000013".to_owned()),
        max: Some("CUST0000999976".to_owned()),
        ..column(
            "user_id",
            "Utf8",
            4_965,
            &[("CUST0000410727", 4_310), ("CUST0000634693", 4_108)],
        )
    };
    let spend = ColumnProfile {
        mean: Some("1.9023".to_owned()),
        deviation: Some(2.981),
        min: Some("0.01".to_owned()),
        max: Some("312.42".to_owned()),
        quantiles: texts(&["0.29", "0.75", "1.23", "2.13", "5.94"]),
        ..column(
            "spend",
            "Decimal128(12, 2)",
            4_711,
            &[("0.99", 71_204), ("1.00", 45_313)],
        )
    };
    let day = |offset| chrono::DateTime::from_timestamp(1_144_627_200 + offset * 604_800, 0);
    let week = |i: i64| Week {
        monday: day(i).unwrap_or_default().format("%Y-%m-%d").to_string(),
        baskets: 3_700,
        lines: 24_000,
        spend: format!("{}.50", 44_000 + (i * 7_919) % 9_000),
    };
    let share = [0, 15, 28, 40, 51, 61, 70, 77];
    let repeat = |((from, to), share): ((u64, Option<u64>), u64)| Repeat {
        from,
        to,
        lines: 20_000,
        repeated: share * 200,
    };
    Profile {
        tables: vec![TableProfile {
            table: "transactions".to_owned(),
            version: "3f9a0c81d2b44e15".to_owned(),
            rows: 2_676_334,
            distinct_rows: Some(2_676_334),
            columns: vec![user, spend],
        }],
        shopping: Some(Shopping {
            lines: 2_676_334,
            anonymous: 522_391,
            users: 4_965,
            baskets: 417_611,
            items: 4_997,
            sizes: (1..=60)
                .map(|of| Counted {
                    of,
                    things: 90_000 / (of * of) + 40,
                })
                .collect(),
            popularity: (1..=400)
                .map(|i| Counted {
                    of: 40_000 / i,
                    things: i.min(20),
                })
                .collect(),
            weeks: (0..96).map(week).collect(),
            repeats: BANDS.into_iter().zip(share).map(repeat).collect(),
        }),
    }
}

fn split() -> Split {
    let parts = [
        ("train", 2_310_448, 284_002, 4_997, "200607", "200806"),
        ("valid", 84_120, 4_988, 4_988, "200611", "200806"),
        ("test", 88_806, 4_997, 4_997, "200612", "200806"),
    ];
    Split {
        by: "the last basket of each user".to_owned(),
        parts: parts
            .map(|(name, rows, baskets, users, from, to)| SplitPart {
                name: name.to_owned(),
                rows,
                baskets,
                users: Some(users),
                from: Some(from.to_owned()),
                to: Some(to.to_owned()),
            })
            .to_vec(),
        left_out: vec![
            LeftOut {
                what: "items outside the vocab".to_owned(),
                rule: "in fewer than 5 train baskets".to_owned(),
                count: 1_004,
                of: Some(6_000),
            },
            LeftOut {
                what: "items that became UNK in their baskets".to_owned(),
                rule: "outside the vocab".to_owned(),
                count: 9_318,
                of: None,
            },
        ],
    }
}

fn operators() -> Vec<Operator> {
    [
        ("WriteTable", 9.2, 2_676_334, 41_200_000, 0),
        ("ReadRaw", 7.9, 3_034_288, 910_000_000, 0),
        ("Aggregate", 4.1, 5_300_114, 402_000_000, 0),
        ("Sort", 1.2, 1_204_000, 96_000_000, 52_000_000),
    ]
    .map(|(name, seconds, rows, bytes, spilled)| Operator {
        name: name.to_owned(),
        seconds,
        rows,
        bytes,
        spilled,
    })
    .to_vec()
}

fn timeline() -> Vec<Activity> {
    use ActivityKind::{Data, Evaluate, Publish, Train};
    let spans = [
        ("ingest transactions", Data, 0.4, 24.1),
        ("users", Data, 24.6, 0.84),
        ("items", Data, 24.6, 0.79),
        ("checks", Data, 25.6, 4.2),
        ("vocab", Data, 29.8, 0.0),
        ("baskets", Data, 29.9, 6.3),
        ("sequences", Data, 36.3, 3.1),
        ("train vectors", Train, 40.1, 263.0),
        ("train next-basket", Train, 304.0, 241.0),
        ("predictions vectors", Evaluate, 303.5, 61.0),
        ("predictions next-basket", Evaluate, 546.0, 122.0),
        ("metrics of models and all baselines", Evaluate, 669.0, 84.0),
        ("publish", Publish, 753.4, 5.2),
        ("report", Publish, 758.8, 0.4),
    ];
    spans
        .map(|(name, kind, start_seconds, seconds)| Activity {
            name: name.to_owned(),
            kind,
            start_seconds,
            seconds,
            outcome: if name == "vocab" {
                ActivityOutcome::Skipped
            } else {
                ActivityOutcome::Done
            },
        })
        .to_vec()
}
