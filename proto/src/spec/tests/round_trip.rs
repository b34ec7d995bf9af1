//! Specs as TOML and as JSON: defaults, stable bytes, and that nothing is lost on the way.

use std::collections::BTreeSet;

use proptest::prelude::*;
use serde_json::Value;

use super::super::keys::{self, TableKeys};
use super::super::{
    Against, Allowed, AlsFeedback, AlsParams, AlsSolver, AlsStudy, BaselineModel, BaselineSpec,
    CheckRule, CheckSpec, CheckValue, ColumnRef, ColumnSpec, ColumnType, ColumnsSpec, ContextSpec,
    CsvHeader, CsvSpec, Cust2vecArchitecture, DriftOf, EvaluateSpec, Expand, Gate, GenerateSpec,
    IdKind, ModelSpec, NamedFeedSpec, Optimizer, PathSpec, PrepareSpec, Prod2vecParams,
    PublishSpec, Question, RecommendSpec, RowTest, RunSpec, SegmentsSpec, Severity, SourceSpec,
    SpecError, SplitSpec, TableNumber, TableSpec, TrainSpec, UpdateMode, WeekRange, WideDeepParams,
    WindowSpec, Within,
};
use super::{HEAD, parse, source};

/// The example of DESIGN.md §5.6, without its schedule, and with every other key.
const FULL: &str = r#"
name = "grocery"
seed = 2

[source]
layout = "transactions"
path = ["data/a_*.csv.gz", "data/b"]
format = "csv"
max_reject_share = 0.02
generate = { customers = 10, weeks = 20, seed = 3, header = "older", gzip = false, bad_row_share = 0.1 }
csv = { delimiter = ";", quote = "", null = "\\N", header = ["a", "b"] }

[source.columns]
user_id = { name = "a", type = "text" }
item_id = "b"
basket_id = "c"
ordered_at = { name = "d", format = "%d.%m.%Y" }
quantity = "e"
spend = { name = "f", round = true }
item_name = "g"
department = "h"
category = "i"
extra = ["j"]

[prepare]
weeks = { from = 200701, to = 200806 }
min_item_baskets = 6
max_items = 1000
max_basket_items = 100
max_history = 50
parts = 4
row_group_rows = 1024
context = "leaky"
profile = false

[split]
by = "time"
test_weeks = 3
valid_weeks = 2

[[table]]
name = "items"
sql = "select 1"
file = "items.sql"
key = ["item_id"]
sort = ["item_id"]
parts = 1

[[check]]
name = "baskets have an owner"
sql = "select * from transactions where user_id is null"
severity = "warn"
limit = 9

[[check]]
name = "owners"
rule = "unique"
table = "transactions"
columns = ["basket_id", "item_id"]
max_share = 0.1

[[check]]
name = "stores"
rule = "in-set"
table = "transactions"
column = "store"
values = ["a", 2, 0.5]

[[check]]
name = "amounts"
rule = "in-range"
table = "transactions"
column = "quantity"
min = 1
max = 9.5

[[check]]
name = "known"
rule = "foreign-key"
table = "transactions"
column = "item_id"
references = "items.item_id"

[[check]]
name = "empty"
rule = "none"
table = "baskets"
where = "array_length(items) = 0"

[[check]]
name = "balance"
rule = "value-between"
table = "vocab"
value = "avg(count)"
max = 100

[[check]]
name = "new"
rule = "fresh"
table = "transactions"
column = "ordered_at"
within = "2w"
against = "calendar.day"

[[check]]
name = "typed"
rule = "types"
table = "items"
types = { item_id = "id" }
exact = true

[[check]]
name = "steady"
rule = "drift"
table = "transactions"
of = "mean"
column = "spend"
max_change = 0.25

[[feed]]
name = "pairs"
transform = "pairs"
params = { window = "basket", subsample = 0.001, negatives = 5, power = 0.5 }
table = "train_baskets"
columns = ["basket_id"]
batch_rows = 512
window_rows = 4096
shuffle = false
last = "pad"
[[feed]]
name = "next"
transform = "sequences"
params = { part = "test", target = "random", max_history = 9 }
[[feed]]
name = "users"
transform = "counts"
params = { alpha = 1.5, negatives = 2 }
[[feed]]
name = "decisions"
transform = "interactions"
params = { part = "valid", negatives = 3, power = 0 }
[[feed]]
name = "own"
transform = "sql"
table = "baskets"
params = { sql = "select items from rows" }
[[feed]]
name = "some"
transform = "select"
table = "baskets"
columns = ["items"]
params = {}

[[train]]
name = "vectors"
model = "prod2vec"
expand = "executor"

[train.params]
dim = 64
window = "basket"
negatives = 6
epochs = 7
learning_rate = 0.05
min_learning_rate = 0.001
power = 1
subsample = 1e-3
batch_baskets = 2048
checkpoint_steps = 0
mode = "fast"
negatives_shared = true
optimizer = "adagrad"

[[train]]
name = "factors"
model = "als"
gate = "ndcg@10 > personal-frequency.ndcg@10"

[train.params]
factors = 32
iterations = 9
regularization = 0.1
alpha = 10
solver = "cholesky"
steps = 2
block = 32
feedback = "explicit"
checkpoint_iterations = 4
study = { folds = 3, k = 7, factors = [16, 32], iterations = [5], regularization = [0.5], alpha = [1, 10] }

[[train]]
name = "users"
model = "cust2vec"
gate = "map@10 > 0.1"

[train.params]
architecture = "dm-concat"
train_items = false
dim = 16
window = 4
negatives = 3
negatives_shared = true
epochs = 6
learning_rate = 0.05
min_learning_rate = 0.01
power = 0.5
mode = "fast"
optimizer = "adagrad"
checkpoint_epochs = 2

[[train]]
name = "next"
model = "attention-lstm"
gate = "recall@10 > 0.1"

[train.params]
embedding = 24
hidden = 32
attention = 40
epochs = 3
batch = 16
optimizer = "adamw"
learning_rate = 0.01
warmup_steps = 100
schedule = "plateau"
plateau_factor = 0.6
plateau_patience = 1
weight_decay = 0.01
clip_norm = 5
dropout = 0.1
recurrent_dropout = 0
max_history = 40
max_basket = 16
repeat_units = 8
repeat_layers = 2
neighbours = 30
candidates = 20
groups = 5
within_decay = 0.8
group_decay = 0.7
loss = "balanced-bce"
watch = "recall"
k = 20
patience = 3
checkpoint_steps = 50

[[train]]
name = "offers"
model = "wide-and-deep"
gate = "auc >= logistic.auc + 0.01"

[train.params]
embedding = 8
wide = 24
crosses = [["item", "weekday"], ["user", "category"]]
cross_buckets = 1024
deep = [32, 16]
join = 12
context = ["price", "weekday"]
context_units = 4
dropout = 0.2
class_weights = "none"
epochs = 2
batch = 512
optimizer = "adamw"
learning_rate = 0.01
warmup_steps = 10
schedule = "cosine"
plateau_factor = 0.6
plateau_patience = 1
weight_decay = 0.01
clip_norm = 5
watch = "pr-auc"
patience = 2
checkpoint_steps = 20

[[baseline]]
model = "co-occurrence"
[[baseline]]
model = "personal-frequency"
[[baseline]]
name = "lately"
model = "personal-frequency"
params = { decay = 0.9, fill = "none" }
study = { k = 5, trials = 20, decay = [0.9, 1], fill = ["popularity", "none"] }
[[baseline]]
model = "item-knn"
params = { over = "users", neighbours = 50, shrink = 5, decay = 0.8 }
study = { over = ["baskets", "users"], neighbours = [50, 100], shrink = [0, 10], decay = [0.8] }
[[baseline]]
model = "tifu-knn"
params = { groups = 3, within_decay = 0.8, group_decay = 0.6, neighbours = 200, alpha = 0.5 }
study = { groups = [3, 7], within_decay = [0.8], group_decay = [0.6], neighbours = [200], alpha = [0, 0.5] }
[[baseline]]
model = "up-cf"
params = { recency = 0, asymmetry = 0.5, locality = 2, neighbours = 100 }
study = { recency = [0, 5], asymmetry = [0.5], locality = [1, 10], neighbours = [100] }
[[baseline]]
model = "logistic"
params = { features = "all", l2 = 0.5 }
[[baseline]]
model = "boosted-trees"
params = { features = "context", trees = 50, depth = 4, learning_rate = 0.2, l2 = 2 }

[recommend]
top = 20
filter_bought = true
csv = true

[segments]
k = 7
k_min = 3
k_max = 9
normalize = false
permutations = 99

[[baseline]]
name = "trend"
model = "popularity"
params = { decay = 0.99 }
study = { k = 5, trials = 20, decay = [0.98, 0.99] }
[evaluate]
k = [10]
queries = 500
min_baskets = 3

[publish]
alias = "champion"
gate = "hit_rate@10 >= champion.hit_rate@10 - 0.005"
"#;

const FULL_JSON: &str = concat!(
    r#"{"name":"grocery","seed":2,"#,
    r#""source":{"layout":"transactions","path":["data/a_*.csv.gz","data/b"],"format":"csv","#,
    r#""csv":{"delimiter":";","quote":"","null":["\\N"],"header":["a","b"]},"#,
    r#""columns":{"user_id":{"name":"a","type":"text","format":null,"round":null},"#,
    r#""item_id":{"name":"b","type":null,"format":null,"round":null},"#,
    r#""basket_id":{"name":"c","type":null,"format":null,"round":null},"#,
    r#""ordered_at":{"name":"d","type":null,"format":"%d.%m.%Y","round":null},"#,
    r#""quantity":{"name":"e","type":null,"format":null,"round":null},"#,
    r#""spend":{"name":"f","type":null,"format":null,"round":true},"#,
    r#""item_name":{"name":"g","type":null,"format":null,"round":null},"#,
    r#""department":{"name":"h","type":null,"format":null,"round":null},"#,
    r#""category":{"name":"i","type":null,"format":null,"round":null},"extra":["j"]},"#,
    r#""max_reject_share":0.02,"#,
    r#""generate":{"customers":10,"weeks":20,"seed":3,"header":"older","gzip":false,"bad_row_share":0.1}},"#,
    r#""prepare":{"weeks":{"from":200701,"to":200806},"min_item_baskets":6,"max_items":1000,"max_basket_items":100,"max_history":50,"parts":4,"#,
    r#""row_group_rows":1024,"context":"leaky","profile":false},"#,
    r#""split":{"by":"time","test_weeks":3,"valid_weeks":2},"#,
    r#""table":[{"name":"items","sql":"select 1","file":"items.sql","key":["item_id"],"sort":["item_id"],"parts":1}],"#,
    r#""check":[{"name":"baskets have an owner","sql":"select * from transactions where user_id is null","#,
    r#""severity":"warn","limit":9},"#,
    r#"{"name":"owners","rule":"unique","table":"transactions","columns":["basket_id","item_id"],"severity":"fail","max_share":0.1},"#,
    r#"{"name":"stores","rule":"in-set","table":"transactions","column":"store","values":["a",2,0.5],"severity":"fail","limit":0},"#,
    r#"{"name":"amounts","rule":"in-range","table":"transactions","column":"quantity","min":1,"max":9.5,"severity":"fail","limit":0},"#,
    r#"{"name":"known","rule":"foreign-key","table":"transactions","column":"item_id","references":"items.item_id","severity":"fail","limit":0},"#,
    r#"{"name":"empty","rule":"none","table":"baskets","where":"array_length(items) = 0","severity":"fail","limit":0},"#,
    r#"{"name":"balance","rule":"value-between","table":"vocab","max":100,"value":"avg(count)","severity":"fail"},"#,
    r#"{"name":"new","rule":"fresh","table":"transactions","column":"ordered_at","within":"2w","against":"calendar.day","severity":"fail"},"#,
    r#"{"name":"typed","rule":"types","table":"items","types":{"item_id":"id"},"exact":true,"severity":"fail"},"#,
    r#"{"name":"steady","rule":"drift","table":"transactions","column":"spend","of":"mean","max_change":0.25,"severity":"fail"}],"#,
    r#""feed":[{"name":"pairs","transform":"pairs","params":{"window":"basket","subsample":0.001,"negatives":5,"power":0.5},"#,
    r#""table":"train_baskets","columns":["basket_id"],"batch_rows":512,"window_rows":4096,"shuffle":false,"last":"pad"},"#,
    r#"{"name":"next","transform":"sequences","params":{"part":"test","target":"random","max_history":9},"#,
    r#""table":null,"columns":null,"batch_rows":1024,"window_rows":262144,"shuffle":true,"last":"short"},"#,
    r#"{"name":"users","transform":"counts","params":{"alpha":1.5,"negatives":2,"power":0.75},"#,
    r#""table":null,"columns":null,"batch_rows":1024,"window_rows":262144,"shuffle":true,"last":"short"},"#,
    r#"{"name":"decisions","transform":"interactions","params":{"part":"valid","negatives":3,"power":0.0},"#,
    r#""table":null,"columns":null,"batch_rows":1024,"window_rows":262144,"shuffle":true,"last":"short"},"#,
    r#"{"name":"own","transform":"sql","params":{"sql":"select items from rows"},"#,
    r#""table":"baskets","columns":null,"batch_rows":1024,"window_rows":262144,"shuffle":true,"last":"short"},"#,
    r#"{"name":"some","transform":"select","params":{},"#,
    r#""table":"baskets","columns":["items"],"batch_rows":1024,"window_rows":262144,"shuffle":true,"last":"short"}],"#,
    r#""train":[{"name":"vectors","model":"prod2vec","params":{"dim":64,"window":"basket","negatives":6,"#,
    r#""epochs":7,"learning_rate":0.05,"min_learning_rate":0.001,"power":1.0,"subsample":0.001,"#,
    r#""batch_baskets":2048,"checkpoint_steps":0,"mode":"fast","negatives_shared":true,"optimizer":"adagrad"},"expand":"executor","gate":null},"#,
    r#"{"name":"factors","model":"als","params":{"factors":32,"iterations":9,"regularization":0.1,"alpha":10.0,"#,
    r#""solver":"cholesky","steps":2,"block":32,"feedback":"explicit","checkpoint_iterations":4,"#,
    r#""study":{"folds":3,"k":7,"factors":[16,32],"iterations":[5],"regularization":[0.5],"alpha":[1.0,10.0]}},"#,
    r#""expand":"trainer","#,
    r#""gate":"ndcg@10 > personal-frequency.ndcg@10"},"#,
    r#"{"name":"users","model":"cust2vec","params":{"architecture":"dm-concat","train_items":false,"dim":16,"window":4,"#,
    r#""negatives":3,"negatives_shared":true,"epochs":6,"learning_rate":0.05,"min_learning_rate":0.01,"power":0.5,"#,
    r#""mode":"fast","optimizer":"adagrad","checkpoint_epochs":2},"expand":"trainer","gate":"map@10 > 0.1"},"#,
    r#"{"name":"next","model":"attention-lstm","params":{"embedding":24,"hidden":32,"attention":40,"epochs":3,"batch":16,"#,
    r#""optimizer":"adamw","learning_rate":0.01,"warmup_steps":100,"schedule":"plateau","plateau_factor":0.6,"#,
    r#""plateau_patience":1,"weight_decay":0.01,"clip_norm":5.0,"dropout":0.1,"recurrent_dropout":0.0,"#,
    r#""max_history":40,"max_basket":16,"repeat_units":8,"repeat_layers":2,"neighbours":30,"candidates":20,"#,
    r#""groups":5,"within_decay":0.8,"group_decay":0.7,"loss":"balanced-bce","watch":"recall","k":20,"patience":3,"#,
    r#""checkpoint_steps":50},"expand":"trainer","gate":"recall@10 > 0.1"},"#,
    r#"{"name":"offers","model":"wide-and-deep","params":{"embedding":8,"wide":24,"#,
    r#""crosses":[["item","weekday"],["user","category"]],"cross_buckets":1024,"deep":[32,16],"join":12,"#,
    r#""context":["price","weekday"],"context_units":4,"dropout":0.2,"class_weights":"none","epochs":2,"batch":512,"#,
    r#""optimizer":"adamw","learning_rate":0.01,"warmup_steps":10,"schedule":"cosine","plateau_factor":0.6,"#,
    r#""plateau_patience":1,"weight_decay":0.01,"clip_norm":5.0,"watch":"pr-auc","patience":2,"#,
    r#""checkpoint_steps":20},"expand":"trainer","gate":"auc >= logistic.auc + 0.01"}],"#,
    r#""baseline":[{"model":"co-occurrence"},{"model":"personal-frequency","params":{"decay":1.0,"fill":"popularity"}},"#,
    r#"{"name":"lately","model":"personal-frequency","params":{"decay":0.9,"fill":"none"},"#,
    r#""study":{"k":5,"trials":20,"decay":[0.9,1.0],"fill":["popularity","none"]}},"#,
    r#"{"model":"item-knn","params":{"over":"users","neighbours":50,"shrink":5.0,"decay":0.8},"#,
    r#""study":{"k":10,"trials":100,"decay":[0.8],"over":["baskets","users"],"shrink":[0.0,10.0],"neighbours":[50,100]}},"#,
    r#"{"model":"tifu-knn","params":{"groups":3,"within_decay":0.8,"group_decay":0.6,"neighbours":200,"alpha":0.5},"#,
    r#""study":{"k":10,"trials":100,"groups":[3,7],"within_decay":[0.8],"group_decay":[0.6],"neighbours":[200],"alpha":[0.0,0.5]}},"#,
    r#"{"model":"up-cf","params":{"recency":0,"asymmetry":0.5,"locality":2.0,"neighbours":100},"#,
    r#""study":{"k":10,"trials":100,"recency":[0,5],"asymmetry":[0.5],"locality":[1.0,10.0],"neighbours":[100]}},"#,
    r#"{"model":"logistic","params":{"features":"all","l2":0.5}},"#,
    r#"{"model":"boosted-trees","params":{"features":"context","trees":50,"depth":4,"learning_rate":0.2,"l2":2.0}},"#,
    r#"{"name":"trend","model":"popularity","params":{"decay":0.99},"study":{"k":5,"trials":20,"decay":[0.98,0.99]}}],"#,
    r#""evaluate":{"k":[10],"queries":500,"min_baskets":3},"#,
    r#""publish":{"alias":"champion","gate":"hit_rate@10 >= champion.hit_rate@10 - 0.005"},"#,
    r#""recommend":{"top":20,"filter_bought":true,"csv":true},"#,
    r#""segments":{"k":7,"k_min":3,"k_max":9,"normalize":false,"permutations":99}}"#,
);

#[test]
fn defaults_are_as_documented() {
    let spec = parse(&format!(
        "{HEAD}[[train]]\nname = \"v\"\nmodel = \"prod2vec\"\n"
    ));
    assert_eq!(
        spec.canonical_json(),
        concat!(
            r#"{"name":"grocery","seed":1,"#,
            r#""source":{"layout":"dunnhumby-lgsr","path":"data/*.csv.gz","format":null,"csv":null,"columns":null,"#,
            r#""max_reject_share":0.01,"generate":null},"#,
            r#""prepare":{"weeks":{"from":null,"to":null},"min_item_baskets":5,"max_items":null,"max_basket_items":null,"max_history":null,"parts":8,"#,
            r#""row_group_rows":65536,"context":"decision","profile":true},"#,
            r#""split":{"by":"time","test_weeks":4,"valid_weeks":0},"#,
            r#""table":[],"check":[],"feed":[],"#,
            r#""train":[{"name":"v","model":"prod2vec","params":{"dim":128,"window":5,"negatives":5,"epochs":5,"#,
            r#""learning_rate":0.025,"min_learning_rate":0.0001,"power":0.75,"subsample":0.0,"#,
            r#""batch_baskets":1024,"checkpoint_steps":200,"mode":"deterministic","negatives_shared":false,"optimizer":"sgd"},"expand":"trainer","gate":null}],"#,
            r#""baseline":[],"evaluate":{"k":[10,20],"queries":10000,"min_baskets":1},"publish":null,"recommend":null,"segments":null}"#,
        )
    );
}

#[test]
fn every_architecture_of_cust2vec_has_a_name() {
    let named = [
        ("dbow", Cust2vecArchitecture::Dbow),
        ("dm", Cust2vecArchitecture::Dm),
        ("dm-concat", Cust2vecArchitecture::DmConcat),
    ];
    for (name, architecture) in named {
        let spec = parse(&FULL.replace("dm-concat", name));
        let ModelSpec::Cust2vec(params) = &spec.train[2].model else {
            panic!("{spec:?}");
        };
        assert_eq!(params.architecture, architecture);
        assert_eq!(spec.canonical_json(), FULL_JSON.replace("dm-concat", name));
    }
}

#[test]
fn canonical_json_does_not_depend_on_how_the_spec_is_written() {
    assert_eq!(parse(FULL).canonical_json(), FULL_JSON);
    let (head, tail) = FULL.split_once("[split]").unwrap();
    let (split, rest) = tail.split_once("\n\n").unwrap();
    let moved = format!("{head}\n{rest}\n[split]  # last\n{split}\n");
    assert_eq!(parse(&moved).canonical_json(), FULL_JSON);
}

#[test]
fn a_spec_with_less_is_read_back_with_todays_defaults() {
    let json = r#"{"name":"a","source":{"layout":"dunnhumby-lgsr","path":"p"},"train":[{"name":"v","model":"prod2vec"}]}"#;
    let spec: RunSpec = serde_json::from_str(json).unwrap();
    let text = "name = \"a\"\nsource = { layout = \"dunnhumby-lgsr\", path = \"p\" }\n[[train]]\nname = \"v\"\nmodel = \"prod2vec\"";
    assert_eq!(spec, parse(text));
}

#[test]
fn json_with_an_unknown_key_or_model_is_refused() {
    for (key, wrong) in [
        ("\"seed\":2", "\"sed\":2"),
        ("\"dim\":64", "\"dm\":64"),
        ("\"limit\"", "\"limt\""),
        ("prod2vec", "prod3vec"),
        ("\"test_weeks\"", "\"weeks\""),
    ] {
        assert!(FULL_JSON.contains(key));
        assert!(
            serde_json::from_str::<RunSpec>(&FULL_JSON.replace(key, wrong)).is_err(),
            "{wrong}"
        );
    }
}

#[test]
fn the_key_lists_are_the_fields_of_the_types() {
    let mut json: Value = serde_json::from_str(FULL_JSON).unwrap();
    // Two ways to split know keys of their own.
    let by_user = SplitSpec::User {
        test_share: 0.1,
        valid_share: 0.0,
    };
    json["split"] = Value::from(vec![
        json["split"].clone(),
        serde_json::to_value(by_user).unwrap(),
    ]);
    let tables = [
        ("", &keys::TOP),
        ("/source", &keys::SOURCE),
        ("/source/csv", &keys::CSV),
        ("/source/columns", &keys::COLUMNS),
        ("/source/columns/user_id", &keys::COLUMN),
        ("/source/generate", &keys::GENERATE),
        ("/prepare", &keys::PREPARE),
        ("/prepare/weeks", &keys::WEEKS),
        ("/split", &keys::SPLIT),
        ("/table/0", &keys::TABLE),
        ("/check", &keys::CHECK),
        ("/feed", &keys::FEED),
        ("/feed/0/params", &keys::PAIRS),
        ("/feed/1/params", &keys::SEQUENCES),
        ("/feed/2/params", &keys::COUNTS),
        ("/feed/3/params", &keys::INTERACTIONS),
        ("/feed/4/params", &keys::SQL),
        ("/feed/5/params", &keys::SELECT),
        ("/train/0", &keys::TRAIN),
        ("/train/0/params", &keys::PROD2VEC),
        ("/train/2/params", &keys::CUST2VEC),
        ("/train/3/params", &keys::ATTENTION_LSTM),
        ("/train/4/params", &keys::WIDE_DEEP),
        ("/train/1/params", &keys::ALS),
        ("/train/1/params/study", &keys::ALS_STUDY),
        ("/baseline", &keys::BASELINE),
        ("/baseline/2/params", &keys::PERSONAL_FREQUENCY),
        ("/baseline/2/study", &keys::PERSONAL_FREQUENCY_STUDY),
        ("/baseline/3/params", &keys::ITEM_KNN),
        ("/baseline/3/study", &keys::ITEM_KNN_STUDY),
        ("/baseline/4/params", &keys::TIFU_KNN),
        ("/baseline/4/study", &keys::TIFU_KNN_STUDY),
        ("/baseline/5/params", &keys::UP_CF),
        ("/baseline/5/study", &keys::UP_CF_STUDY),
        ("/baseline/6/params", &keys::LOGISTIC),
        ("/baseline/7/params", &keys::BOOSTED_TREES),
        ("/baseline/8/params", &keys::POPULARITY),
        ("/baseline/8/study", &keys::POPULARITY_STUDY),
        ("/evaluate", &keys::EVALUATE),
        ("/publish", &keys::PUBLISH),
        ("/recommend", &keys::RECOMMEND),
        ("/segments", &keys::SEGMENTS),
    ];
    assert_eq!(tables.len(), keys::ALL.len());
    let sorted = |mut keys: Vec<String>| {
        keys.sort();
        keys
    };
    for (pointer, table) in tables {
        // A check has the keys of its rule, a split those of its kind: together they have all.
        let found: Vec<&Value> = match json.pointer(pointer).unwrap() {
            Value::Array(items) => items.iter().collect(),
            one => vec![one],
        };
        let fields: BTreeSet<String> = found
            .iter()
            .flat_map(|t| t.as_object().unwrap().keys().cloned())
            .collect();
        let fields = fields.into_iter().collect();
        let listed = TableKeys::keys(table).map(str::to_string).collect();
        assert_eq!(sorted(fields), sorted(listed), "{pointer}");
    }
}

#[test]
fn errors_cross_the_wire() {
    let error = RunSpec::parse(&source("nam = 3")).unwrap_err();
    let json = serde_json::to_string(&error).unwrap();
    assert_eq!(serde_json::from_str::<SpecError>(&json).unwrap(), error);
}

fn name() -> impl Strategy<Value = String> {
    "[a-z0-9][a-z0-9-]{0,63}"
}

/// Text of any characters, with something to see in it.
fn text() -> impl Strategy<Value = String> {
    any::<String>().prop_filter("not blank", |s| !s.trim().is_empty())
}

/// A share with few digits: serde_json reads the last digit of others only nearly.
fn share() -> impl Strategy<Value = f64> {
    (0..=1000).prop_map(|n| f64::from(n) / 1000.0)
}

fn week() -> impl Strategy<Value = u32> {
    prop_oneof![
        (1000..=9999u32, 1..=53u32).prop_map(|(year, week)| year * 100 + week),
        1..=999u32,
    ]
}

prop_compose! {
    fn generate()(
        customers in 1..=u32::MAX, weeks in 1..=u32::MAX, seed in 0..=i64::MAX as u64,
        header in prop_oneof![Just(CsvHeader::Newer), Just(CsvHeader::Older)],
        gzip: bool, bad_row_share in share(),
    ) -> GenerateSpec {
        GenerateSpec { customers, weeks, seed, header, gzip, bad_row_share }
    }
}

prop_compose! {
    fn source_spec()(path in text(), max_reject_share in share(), generate in proptest::option::of(generate()), other: bool) -> SourceSpec {
        let layout = if other { "complete-journey" } else { "dunnhumby-lgsr" };
        let path = PathSpec::One(path);
        SourceSpec { layout: layout.into(), path, format: None, csv: None, columns: None, max_reject_share, generate }
    }
}

prop_compose! {
    fn column()(name in text(), kind in proptest::option::of(prop_oneof![Just(IdKind::Integer), Just(IdKind::Text)])) -> ColumnSpec {
        ColumnSpec { kind, ..ColumnSpec::named(name) }
    }
}

prop_compose! {
    fn columns()(item_id in column(), user_id in column(), basket_id in proptest::option::of(column()), when in text(), round: bool, extra in proptest::collection::btree_set("x[a-z é\"]{0,8}", 1..3)) -> ColumnsSpec {
        ColumnsSpec {
            item_id, user_id: Some(user_id), basket_id, quantity: None, item_name: None, department: None,
            ordered_at: Some(ColumnSpec { format: Some(when.clone()), ..ColumnSpec::named(when) }),
            spend: Some(ColumnSpec { round: Some(round), ..ColumnSpec::named("s") }), category: Some(ColumnSpec::named("c")), extra: extra.into_iter().collect(),
        }
    }
}

prop_compose! {
    fn mapped_source()(columns in columns(), paths in proptest::collection::vec(text(), 1..3), null in proptest::collection::vec(text(), 1..3), quoted: bool) -> SourceSpec {
        let quote = if quoted { "'" } else { "" }.into();
        SourceSpec {
            layout: "transactions".into(), path: PathSpec::Many(paths), format: None,
            csv: Some(CsvSpec { delimiter: '\t', quote, null, header: None }),
            columns: Some(columns), max_reject_share: 0.01, generate: None,
        }
    }
}

prop_compose! {
    fn table()(name in "[a-z][a-z0-9_]{0,63}", sql in text(), key in proptest::collection::vec(text(), 1..3), parts in proptest::option::of(1..=4096u32)) -> TableSpec {
        TableSpec { name, sql: Some(sql), file: None, key: Some(key), sort: None, parts }
    }
}

prop_compose! {
    fn prepare()(
        a in proptest::option::of(week()), b in proptest::option::of(week()), min_item_baskets: u32,
        max_items in proptest::option::of(1..=u32::MAX), max_basket_items in proptest::option::of(1..=u32::MAX),
        max_history in proptest::option::of(1..=u32::MAX), parts in 1..=4096u32, row_group_rows in 1..=u32::MAX,
        context in prop_oneof![Just(ContextSpec::Decision), Just(ContextSpec::Leaky)],
        profile: bool,
    ) -> PrepareSpec {
        let (from, to) = if a.is_some() && b.is_some() { (a.min(b), a.max(b)) } else { (a, b) };
        PrepareSpec { weeks: WeekRange { from, to }, min_item_baskets, max_items, max_basket_items, max_history, parts, row_group_rows, context, profile }
    }
}

fn split() -> impl Strategy<Value = SplitSpec> {
    prop_oneof![
        (0.0..=1.0f64).prop_map(|valid_share| SplitSpec::LastBasket { valid_share }),
        (1..=u32::MAX, any::<u32>()).prop_map(|(test_weeks, valid_weeks)| SplitSpec::Time {
            test_weeks,
            valid_weeks
        }),
        (0.001..0.5f64, 0.0..0.5f64).prop_map(|(test_share, valid_share)| SplitSpec::User {
            test_share,
            valid_share
        }),
    ]
}

fn number() -> impl Strategy<Value = CheckValue> {
    prop_oneof![
        any::<i64>().prop_map(CheckValue::Integer),
        (0..1000).prop_map(|n| CheckValue::Number(f64::from(n) + 0.5)),
    ]
}

fn value() -> impl Strategy<Value = CheckValue> {
    prop_oneof![number(), any::<String>().prop_map(CheckValue::Text)]
}

fn bounds<T: std::fmt::Debug>(
    one: impl Strategy<Value = T> + Clone,
) -> impl Strategy<Value = (Option<T>, Option<T>)> {
    let some = one.clone().prop_map(Some);
    prop_oneof![
        (some.clone(), proptest::option::of(one)),
        some.prop_map(|max| (None, max))
    ]
}

fn column_ref() -> impl Strategy<Value = ColumnRef> {
    ("[a-z]{1,9}", text()).prop_map(|(table, column)| ColumnRef { table, column })
}

fn row_test() -> impl Strategy<Value = RowTest> {
    prop_oneof![
        text().prop_map(|column| RowTest::NotNull { column }),
        proptest::collection::vec(text(), 1..3).prop_map(|columns| RowTest::Unique { columns }),
        (text(), proptest::collection::vec(value(), 1..3))
            .prop_map(|(column, values)| RowTest::InSet { column, values }),
        (text(), bounds(value().boxed())).prop_map(|(column, (min, max))| RowTest::InRange {
            column,
            min,
            max
        }),
        (text(), column_ref())
            .prop_map(|(column, references)| RowTest::ForeignKey { column, references }),
        text().prop_map(|condition| RowTest::None { condition }),
    ]
}

fn table_number() -> impl Strategy<Value = TableNumber> {
    prop_oneof![
        Just(TableNumber::Rows),
        text().prop_map(|column| TableNumber::Distinct { column }),
        text().prop_map(|expression| TableNumber::Value { expression }),
    ]
}

fn drift_of() -> impl Strategy<Value = DriftOf> {
    prop_oneof![
        Just(DriftOf::Rows),
        text().prop_map(|column| DriftOf::Mean { column }),
        text().prop_map(|column| DriftOf::Unseen { column }),
    ]
}

fn rule() -> impl Strategy<Value = CheckRule> {
    let allowed = prop_oneof![
        (0..=i64::MAX as u64).prop_map(Allowed::Rows),
        share().prop_map(Allowed::Share)
    ];
    let halves = (-1000..1000).prop_map(|n| f64::from(n) / 2.0).boxed();
    let against = prop_oneof![Just(Against::Now), column_ref().prop_map(Against::Newest)];
    prop_oneof![
        (text(), 0..=i64::MAX as u64).prop_map(|(sql, rows)| CheckRule::Sql {
            sql,
            allowed: Allowed::Rows(rows)
        }),
        (text(), row_test(), allowed).prop_map(|(table, test, allowed)| CheckRule::Rows {
            table,
            test,
            allowed
        }),
        (text(), table_number(), bounds(halves)).prop_map(|(table, number, (min, max))| {
            CheckRule::Between {
                table,
                number,
                min,
                max,
            }
        }),
        (column_ref(), 0..=1_000_000_000u64, against).prop_map(|(column, seconds, against)| {
            CheckRule::Fresh {
                column,
                within: Within { seconds },
                against,
            }
        }),
        share().prop_map(|max_share| CheckRule::RejectShare { max_share }),
        (
            text(),
            proptest::collection::btree_map(
                "[a-z]{1,9}",
                proptest::sample::select(&ColumnType::ALL[..]).prop_map(|(_, t)| t),
                1..3
            ),
            any::<bool>()
        )
            .prop_map(|(table, types, exact)| CheckRule::Types {
                table,
                types,
                exact
            }),
        (text(), drift_of(), share()).prop_map(|(table, of, max_change)| CheckRule::Drift {
            table,
            of,
            max_change
        }),
    ]
}

prop_compose! {
    fn check()(name in text(), rule in rule(), severity in prop_oneof![Just(Severity::Fail), Just(Severity::Warn)]) -> CheckSpec {
        CheckSpec { name, rule, severity }
    }
}

prop_compose! {
    fn train()(
        name in "[a-z0-9][a-z0-9-]{0,63}", dim in 8..=1024u32,
        window in prop_oneof![Just(WindowSpec::Basket), (1..=100u32).prop_map(WindowSpec::Items)],
        negatives in 1..=100u32, epochs in 1..=1000u32, rates in (1..=1000, 0..=1000), power in -2000..=2000, subsample in share(),
        batch_baskets in 1..=u32::MAX, checkpoint_steps: u32, negatives_shared: bool,
        mode in prop_oneof![Just(UpdateMode::Deterministic), Just(UpdateMode::Fast)],
        optimizer in prop_oneof![Just(Optimizer::Sgd), Just(Optimizer::Adagrad)],
    ) -> TrainSpec {
        let thousandths = |n: i32| f64::from(n) / 1000.0;
        let params = Prod2vecParams {
            dim, window, negatives, epochs, learning_rate: thousandths(rates.0), min_learning_rate: thousandths(rates.0.min(rates.1)),
            power: thousandths(power), subsample,
            batch_baskets, checkpoint_steps, mode, negatives_shared, optimizer,
        };
        TrainSpec { name, model: ModelSpec::Prod2vec(params), expand: Expand::Trainer, gate: None }
    }
}

prop_compose! {
    fn als()(
        factors in 2..=1024u32, iterations in 1..=1000u32, numbers in (1..=1000i32, 1..=1000i32),
        solver in prop_oneof![Just(AlsSolver::Conjugate), Just(AlsSolver::Cholesky), Just(AlsSolver::Blocks)], steps in 1..=100u32, block in 1..=1024u32,
        checkpoint_iterations: u32, feedback in prop_oneof![Just(AlsFeedback::Implicit), Just(AlsFeedback::Explicit)],
        study in proptest::option::of((2..=20u32, proptest::collection::vec(2..=1024u32, 0..3), proptest::collection::vec(1..=1000i32, 0..3))),
    ) -> TrainSpec {
        let hundredths = |n: i32| f64::from(n) / 100.0;
        let params = AlsParams {
            factors, iterations, regularization: hundredths(numbers.0), alpha: hundredths(numbers.1), solver, steps, block,
            feedback, checkpoint_iterations,
            study: study.map(|(folds, factors, alpha)| AlsStudy {
                folds, factors, alpha: alpha.into_iter().map(hundredths).collect(), ..AlsStudy::default()
            }),
        };
        let gate = Some("ndcg@7 > 0.5".parse().unwrap());
        TrainSpec { name: "als".into(), model: ModelSpec::Als(params), expand: Expand::Trainer, gate }
    }
}

prop_compose! {
    fn wide_deep()(
        units in (1..=1024u32, 1..=1024u32, proptest::collection::vec(1..=1024u32, 1..4)), cross_buckets in 2..=1u32 << 24,
        crossed in proptest::collection::vec("[a-z_]{1,8}", 0..3), context in proptest::collection::btree_set("[a-z_]{1,8}", 0..3),
        (dropout, learning_rate) in (0..=999u32, 1..=1000u32), (epochs, batch) in (1..=1000u32, 1..=1u32 << 20),
    ) -> TrainSpec {
        let thousandths = |n: u32| f64::from(n) / 1000.0;
        let params = WideDeepParams {
            embedding: units.0, join: units.1, deep: units.2, cross_buckets,
            crosses: crossed.into_iter().enumerate().map(|(at, name)| [format!("{name}{at}"), "item".into()]).collect(),
            context: context.into_iter().collect(), dropout: thousandths(dropout), learning_rate: thousandths(learning_rate),
            epochs, batch, ..WideDeepParams::default()
        };
        let gate = Some("log_loss < 0.5".parse().unwrap());
        TrainSpec { name: "wide".into(), model: ModelSpec::WideDeep(params), expand: Expand::Trainer, gate }
    }
}

prop_compose! {
    fn recommend()(top in 1..=1000u32, filter_bought: bool, csv: bool) -> RecommendSpec {
        RecommendSpec { top, filter_bought, csv }
    }
}

prop_compose! {
    fn segments()(
        k in proptest::option::of(2..=1000u32), k_min in 2..=50u32, k_max in 50..=100u32,
        normalize: bool, permutations in 99..=100_000u32,
    ) -> SegmentsSpec {
        SegmentsSpec { k, k_min, k_max, normalize, permutations }
    }
}

/// Those of the full spec, some of them.
fn feeds() -> impl Strategy<Value = Vec<NamedFeedSpec>> {
    proptest::sample::subsequence(parse(FULL).feed, 0..=6)
}

/// Those of the full spec, each with a name of its own.
fn named_baselines() -> Vec<BaselineSpec> {
    let all = parse(FULL).baseline.into_iter().enumerate();
    all.filter(|(_, b)| b.study.is_some())
        .map(|(at, b)| BaselineSpec {
            name: Some(format!("{}-{at}", "b".repeat(60))),
            ..b
        })
        .collect()
}

fn gate() -> impl Strategy<Value = Gate> {
    let owner = prop_oneof![Just(""), Just("champion."), Just("popularity.")];
    let metric = prop_oneof![Just("hit_rate@7"), Just("mrr@100")];
    let right = prop_oneof![
        (owner, metric.clone()).prop_map(|(o, m)| format!("{o}{m}")),
        share().prop_map(|n| n.to_string())
    ];
    let op = prop_oneof![Just(">="), Just(">"), Just("<="), Just("<")];
    let offset = prop_oneof![
        Just(String::new()),
        share().prop_map(|n| format!(" + {n}")),
        share().prop_map(|n| format!(" - {n}"))
    ];
    (metric, op, right, offset)
        .prop_map(|(m, o, r, by)| format!("{m} {o} {r}{by}").parse().unwrap())
}

prop_compose! {
    fn spec()(
        name in name(), seed in 0..=i64::MAX as u64, source in prop_oneof![source_spec(), mapped_source()], table in proptest::collection::vec(table(), 0..2), prepare in prepare(), split in split(),
        mut check in proptest::collection::vec(check(), 0..3), mut train in proptest::collection::vec(train(), 1..3), feed in feeds(),
        k in proptest::collection::btree_set(1..=100u32, 0..5), (queries, min_baskets) in (1..=u32::MAX, 1..=u32::MAX),
        publish in proptest::option::of((proptest::option::of(name()), proptest::option::of(gate()))),
        baselines in proptest::sample::subsequence(named_baselines(), 0..=4),
        users in proptest::option::of((als(), (proptest::option::of(recommend()), proptest::option::of(segments())))),
        wide in proptest::option::of(wide_deep()),
    ) -> RunSpec {
        check.dedup_by(|a, b| a.name == b.name);
        train.dedup_by(|a, b| a.name == b.name);
        let (als, asked_for) = users.unzip();
        let (recommend, segments) = asked_for.unwrap_or_default();
        let asked = |baseline: &BaselineSpec| {
            baseline.answers(Question::Basket) || (als.is_some() && baseline.answers(Question::User)) || (wide.is_some() && baseline.answers(Question::Decision))
        };
        let judged = |b: BaselineSpec| BaselineSpec { study: b.study.filter(|_| split.validates()), ..b };
        let baseline = baselines.into_iter().chain(BaselineModel::ALL.map(BaselineSpec::from)).filter(asked).map(judged).collect();
        train.retain(|t| t.name != "als" && t.name != "wide");
        train.extend(als);
        train.extend(wide);
        if train.is_empty() {
            train.push(TrainSpec { name: "v".into(), model: ModelSpec::Prod2vec(Prod2vecParams::default()), expand: Expand::Trainer, gate: None });
        }
        let evaluate = EvaluateSpec { k: k.into_iter().filter(|k| *k != 7).chain([7]).collect(), queries, min_baskets };
        let publish = publish.map(|(alias, gate)| PublishSpec { alias, gate });
        RunSpec { name, seed, source, prepare, split, table, check, feed, train, baseline, evaluate, publish, recommend, segments }
    }
}

proptest! {
    #[test]
    fn a_spec_survives_toml_and_json(spec in spec()) {
        let text = toml::to_string(&spec).unwrap();
        prop_assert_eq!(&parse(&text), &spec, "{}", text);
        let json = spec.canonical_json();
        let back: RunSpec = serde_json::from_str(&json).unwrap();
        prop_assert_eq!(&back, &spec);
        prop_assert_eq!(back.canonical_json(), json);
    }

    #[test]
    fn no_text_makes_it_panic(text in "[a-z0-9=\\[\\]{}.\"\n\t#é -]{0,80}", path in "[a-z\\[\\]0-9.é]{0,12}", value: String) {
        let source = source(&text);
        let _ = RunSpec::parse(&source).map_err(|e| e.to_string());
        let _ = source.with_overrides(&[(path.clone(), value)]).map_err(|e| e.to_string());
        let _ = source.error_at(&path, "m", None).to_string();
    }

    #[test]
    fn a_spec_with_one_character_changed_never_panics(at in 0..FULL.len(), with in any::<char>()) {
        let mut text = FULL.to_string();
        text.replace_range(at..=at, &with.to_string());
        let _ = RunSpec::parse(&source(&text)).map_err(|e| e.to_string());
    }
}
