//! What users are worth, alone and by segment, and whether segments differ in it.

use arrow::array::{Array, AsArray, RecordBatch};
use arrow::datatypes::{DataType, Float64Type};
use pannier_proto::feed::{FeedSpec, mix};
use pannier_proto::segments::{SegmentKpis, SegmentTest};
use pannier_proto::work::SegmentWork;

use crate::columns::column;
use crate::error::TrainerError;
use crate::feed::FeedContext;
use crate::segmentation::users::Users;
use crate::segments::spread;

/// What a user bought; NaN where it is not known.
#[derive(Debug, Clone, Copy)]
struct Own {
    spend: f64,
    units: f64,
    baskets: f64,
}

/// A number of a user.
type OfOwn = fn(&Own) -> f64;

/// A user's own KPIs that segments are tested by; the segments' totals are sums of the first three.
const TESTED: [(&str, OfOwn); 6] = [
    ("spend_per_user", |own| own.spend),
    ("units_per_user", |own| own.units),
    ("baskets_per_user", |own| own.baskets),
    ("spend_per_basket", |own| own.spend / own.baskets),
    ("units_per_basket", |own| own.units / own.baskets),
    ("price_per_unit", |own| own.spend / own.units),
];

/// What all users bought.
pub(super) struct Kpis {
    of: Vec<Own>,
    /// Users without a vector.
    pub strangers: u64,
}

impl Kpis {
    /// Reads a whole feed of columns user_id, spend, units and baskets.
    ///
    /// # Errors
    /// Those of the feed; [`TrainerError::Data`] where a column is not as said.
    pub(super) fn read(
        context: &FeedContext,
        feed: &FeedSpec,
        users: &Users,
    ) -> Result<Self, TrainerError> {
        let none = Own {
            spend: f64::NAN,
            units: f64::NAN,
            baskets: 0.0,
        };
        let mut kpis = Self {
            of: vec![none; users.names.len()],
            strangers: 0,
        };
        context.read_all(feed, |batch| kpis.add(batch, users))?;
        Ok(kpis)
    }

    fn add(&mut self, batch: &RecordBatch, users: &Users) -> Result<(), TrainerError> {
        let column = |name: &str, to: &DataType| column(batch, "user_kpis", name, to);
        let names = column("user_id", &DataType::Utf8)?;
        let names = names.as_string::<i32>();
        let numbers = |name| column(name, &DataType::Float64);
        let (spend, units, baskets) = (numbers("spend")?, numbers("units")?, numbers("baskets")?);
        let at = |column: &dyn Array, row: usize| match column.is_null(row) {
            true => f64::NAN,
            false => column.as_primitive::<Float64Type>().value(row),
        };
        for row in 0..batch.num_rows() {
            let Some(user) = users.row(names.value(row)) else {
                self.strangers += 1;
                continue;
            };
            self.of[user] = Own {
                spend: at(&spend, row),
                units: at(&units, row),
                baskets: at(&baskets, row),
            };
        }
        Ok(())
    }

    /// Sums of each segment's users.
    pub(super) fn of_segments(&self, labels: &[u32], segments: usize) -> Vec<SegmentKpis> {
        let mut sums = vec![SegmentKpis::default(); segments];
        let of = self.of.iter().zip(labels);
        of.for_each(|(own, label)| add(&mut sums[*label as usize], own));
        sums
    }

    /// Sums of all users.
    pub(super) fn overall(&self) -> SegmentKpis {
        let mut sum = SegmentKpis::default();
        self.of.iter().for_each(|own| add(&mut sum, own));
        sum
    }

    /// How far each KPI tells segments apart, of the users of whom it is known; a KPI that nobody
    /// has is left out. On the pool of the calling thread.
    ///
    /// # Errors
    /// [`TrainerError::Bug`].
    pub(super) fn tests(
        &self,
        labels: &[u32],
        work: &SegmentWork,
    ) -> Result<Vec<SegmentTest>, TrainerError> {
        let mut tests = Vec::new();
        for (at, (kpi, of)) in (0u64..).zip(TESTED) {
            let known = self.of.iter().map(of).zip(labels);
            let known = known.filter(|(value, _)| value.is_finite());
            let (values, labels): (Vec<f64>, Vec<u32>) = known.map(|(v, l)| (v, *l)).unzip();
            if values.is_empty() {
                continue;
            }
            let seed = mix(work.seed ^ mix(at));
            let found = spread(&values, &labels, work.spec.permutations as usize, seed)?;
            tests.push(SegmentTest {
                kpi: kpi.to_owned(),
                users: values.len() as u64,
                share: found.share,
                p: found.p,
            });
        }
        Ok(tests)
    }
}

fn add(sum: &mut SegmentKpis, own: &Own) {
    let known = |sum: &mut Option<f64>, value: f64| {
        if value.is_finite() {
            *sum.get_or_insert(0.0) += value;
        }
    };
    sum.users += 1;
    sum.baskets += own.baskets;
    known(&mut sum.spend, own.spend);
    known(&mut sum.units, own.units);
}
