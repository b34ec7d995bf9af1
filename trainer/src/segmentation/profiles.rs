//! Which values of attributes a segment's users have, against all users.

use std::collections::{BTreeMap, BTreeSet};

use arrow::array::{AsArray, RecordBatch};
use arrow::datatypes::DataType;
use pannier_proto::feed::FeedSpec;
use pannier_proto::segments::SegmentProfile;

use crate::columns::column;
use crate::error::TrainerError;
use crate::feed::FeedContext;
use crate::segmentation::users::Users;

/// Users counted by attribute, value and segment.
pub(super) struct Tally {
    segments: usize,
    attributes: BTreeMap<String, Attribute>,
    /// The user and the attribute that were counted last.
    last: Option<(usize, String)>,
}

/// Users of whom an attribute is known.
struct Attribute {
    /// By segment.
    known: Vec<u64>,
    /// Those that have a value, by segment.
    values: BTreeMap<String, Vec<u64>>,
}

impl Tally {
    /// Reads a whole feed of columns user_id, attribute and value; rows of a user and attribute stand
    /// together, each value once. Users that are in no segment are left out.
    ///
    /// # Errors
    /// Those of the feed; [`TrainerError::Data`] where a column is not as said.
    pub(super) fn read(
        context: &FeedContext,
        feed: &FeedSpec,
        users: &Users,
        labels: &[u32],
        segments: usize,
    ) -> Result<Self, TrainerError> {
        let mut tally = Self::new(segments);
        // A source may know nothing of its users.
        if feed.row_groups.iter().sum::<u64>() > 0 {
            context.read_all(feed, |batch| tally.add(batch, users, labels))?;
        }
        Ok(tally)
    }

    fn new(segments: usize) -> Self {
        Self {
            segments,
            attributes: BTreeMap::new(),
            last: None,
        }
    }

    fn add(
        &mut self,
        batch: &RecordBatch,
        users: &Users,
        labels: &[u32],
    ) -> Result<(), TrainerError> {
        let text = |name: &str| column(batch, "user_attributes", name, &DataType::Utf8);
        let (names, attributes, values) = (text("user_id")?, text("attribute")?, text("value")?);
        let (names, attributes, values) = (
            names.as_string::<i32>(),
            attributes.as_string::<i32>(),
            values.as_string::<i32>(),
        );
        for row in 0..batch.num_rows() {
            if let Some(user) = users.row(names.value(row)) {
                let label = labels[user] as usize;
                self.count(user, label, attributes.value(row), values.value(row));
            }
        }
        Ok(())
    }

    fn count(&mut self, user: usize, label: usize, name: &str, value: &str) {
        let none = || vec![0; self.segments];
        if !self.attributes.contains_key(name) {
            let attribute = Attribute {
                known: none(),
                values: BTreeMap::new(),
            };
            self.attributes.insert(name.to_owned(), attribute);
        }
        let Some(attribute) = self.attributes.get_mut(name) else {
            return;
        };
        let again = matches!(&self.last, Some((last, of)) if *last == user && of == name);
        if !again {
            attribute.known[label] += 1;
            self.last = Some((user, name.to_owned()));
        }
        match attribute.values.get_mut(value) {
            Some(counts) => counts[label] += 1,
            None => {
                let mut counts = none();
                counts[label] = 1;
                attribute.values.insert(value.to_owned(), counts);
            }
        }
    }

    /// Shares and indices: by segment, attribute, and value.
    pub(super) fn profiles(&self) -> Vec<SegmentProfile> {
        let share = |part: u64, of: u64| match of {
            0 => 0.0,
            _ => part as f64 / of as f64,
        };
        let mut profiles = Vec::new();
        for segment in 0..self.segments {
            for (name, attribute) in &self.attributes {
                let everyone: u64 = attribute.known.iter().sum();
                for (value, counts) in &attribute.values {
                    let own = share(counts[segment], attribute.known[segment]);
                    let overall = share(counts.iter().sum(), everyone);
                    profiles.push(SegmentProfile {
                        segment: segment as u32,
                        attribute: name.clone(),
                        value: value.clone(),
                        users: counts[segment],
                        share: own,
                        index: 100.0 * own / overall,
                    });
                }
            }
        }
        profiles
    }
}

/// Keeps so many values of each attribute, those that most users have; of equals the first by name.
pub(super) fn most_frequent(profiles: &mut Vec<SegmentProfile>, most: usize) {
    let mut users: BTreeMap<(String, String), u64> = BTreeMap::new();
    for profile in profiles.iter() {
        let key = (profile.attribute.clone(), profile.value.clone());
        *users.entry(key).or_default() += profile.users;
    }
    let mut order: Vec<((String, String), u64)> = users.into_iter().collect();
    order.sort_by(|(a, n), (b, m)| a.0.cmp(&b.0).then(m.cmp(n)).then(a.1.cmp(&b.1)));
    let mut kept = BTreeSet::new();
    for same in order.chunk_by(|(a, _), (b, _)| a.0 == b.0) {
        kept.extend(same.iter().take(most).map(|(key, _)| key.clone()));
    }
    profiles.retain(|p| kept.contains(&(p.attribute.clone(), p.value.clone())));
}
