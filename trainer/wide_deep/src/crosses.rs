//! Crossed features: a pair of values is hashed to one of a feature's buckets, and the bucket's number
//! is added to the logit (Cheng et al. 2016, "Wide & Deep Learning for Recommender Systems", the wide
//! part's cross-product transformations; hashed as TensorFlow's `crossed_column` does).

use pannier_proto::feed::mix;

use crate::error::Error;
use crate::rows::Rows;
use crate::sizes::Sizes;

/// Where a value comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Field {
    User,
    Item,
    Category,
    Context(usize),
}

/// The crossed features of a model.
#[derive(Debug, Clone)]
pub(crate) struct Crosses {
    pairs: Vec<[Field; 2]>,
    buckets: u64,
}

impl Crosses {
    /// # Errors
    /// [`Error::Model`] where a name is not known.
    pub(crate) fn new(sizes: &Sizes) -> Result<Self, Error> {
        let field = |name: &String| match name.as_str() {
            "user" => Ok(Field::User),
            "item" => Ok(Field::Item),
            "category" => Ok(Field::Category),
            other => {
                let at = sizes.context.iter().position(|column| column == other);
                let known = sizes.context.join(", ");
                at.map(Field::Context).ok_or_else(|| {
                    Error::Model(format!(
                        "there is no `{other}` to cross; take user, item, category or of the context: {known}"
                    ))
                })
            }
        };
        let pairs = sizes.crosses.iter();
        let pairs = pairs.map(|[one, other]| Ok([field(one)?, field(other)?]));
        Ok(Self {
            pairs: pairs.collect::<Result<_, Error>>()?,
            buckets: sizes.cross_buckets as u64,
        })
    }

    /// Features.
    pub(crate) fn len(&self) -> usize {
        self.pairs.len()
    }

    /// The numbers that a row's logit takes, one of each feature.
    pub(crate) fn of_row(&self, rows: &Rows<'_>, row: usize) -> impl Iterator<Item = u32> {
        let value = move |field: Field| match field {
            Field::User => u64::from(rows.users[row]),
            Field::Item => u64::from(rows.items[row]),
            Field::Category => u64::from(rows.categories[row]),
            // 0 and -0 are one value.
            Field::Context(at) => u64::from((rows.context(row)[at] + 0.0).to_bits()),
        };
        let pairs = self.pairs.iter().enumerate();
        pairs.map(move |(at, [one, other])| {
            let key = mix(value(*one) ^ mix(value(*other) ^ mix(at as u64)));
            (at as u64 * self.buckets + key % self.buckets) as u32
        })
    }
}
