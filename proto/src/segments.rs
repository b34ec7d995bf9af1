//! What is known of a model's segments: `segments.json` beside their tables, which the report draws.

use serde::{Deserialize, Serialize};

/// Segments of users, how they were found, and what they are like.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SegmentSummary {
    /// The model whose vectors were grouped.
    pub model: String,
    /// Users with a vector: those that are in segments.
    pub users: u64,
    /// Users that bought something, but nothing that the model was trained on.
    pub without_vector: u64,
    /// Why there are so many segments.
    pub reason: String,
    /// Whether halves of the users are grouped alike; unknown where the number was given.
    pub reliable: Option<bool>,
    /// Numbers of segments that were tried, ascending; none where the number was given.
    pub candidates: Vec<SegmentCandidate>,
    /// Users that candidates were tried on, where not all.
    pub surveyed: Option<u64>,
    /// KPIs of each segment, the largest segment first.
    pub kpis: Vec<SegmentKpis>,
    /// Those of all users together.
    pub overall: SegmentKpis,
    /// Whether KPIs tell the segments apart.
    pub tests: Vec<SegmentTest>,
    /// Values of attributes in segments.
    pub profiles: Vec<SegmentProfile>,
    /// Places of some users on a map.
    pub places: Vec<SegmentPlace>,
}

/// A number of segments, and what came of it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SegmentCandidate {
    /// How many.
    pub segments: u32,
    /// Σ of squared distances to the centres.
    pub inertia: f64,
    /// Mean silhouette, -1 to 1 (Rousseeuw 1987).
    pub silhouette: f64,
    /// Share of the users in the smallest segment, 0 to 1.
    pub smallest: f64,
    /// Mean adjusted Rand index with other seeds (Hubert and Arabie 1985).
    pub seeds: f64,
    /// The same between halves of the users.
    pub halves: f64,
    /// Its standard error.
    pub halves_error: f64,
}

/// What a group of users bought. Nothing is known of a sum that no user has.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
pub struct SegmentKpis {
    /// Users.
    pub users: u64,
    /// Money they spent.
    pub spend: Option<f64>,
    /// Units they bought.
    pub units: Option<f64>,
    /// Baskets they bought.
    pub baskets: f64,
}

/// Names of the nine KPIs, in the order of [`SegmentKpis::values`].
pub const KPIS: [&str; 9] = [
    "total_spend",
    "total_units",
    "total_baskets",
    "total_users",
    "spend_per_basket",
    "units_per_basket",
    "spend_per_user",
    "units_per_user",
    "price_per_unit",
];

impl SegmentKpis {
    /// The nine KPIs, each total over its total; none where one is unknown or zero is divided by.
    #[must_use]
    pub fn values(&self) -> [Option<f64>; 9] {
        let (baskets, users) = (Some(self.baskets), Some(self.users as f64));
        let per = |a: Option<f64>, b: Option<f64>| Some(a? / b.filter(|b| *b > 0.0)?);
        [
            self.spend,
            self.units,
            baskets,
            users,
            per(self.spend, baskets),
            per(self.units, baskets),
            per(self.spend, users),
            per(self.units, users),
            per(self.spend, self.units),
        ]
    }
}

/// Whether a KPI differs between segments more than between random groups of the same sizes.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SegmentTest {
    /// A user's own KPI.
    pub kpi: String,
    /// Users of whom it is known.
    pub users: u64,
    /// Share of the users' variance that lies between segments, 0 to 1 (η²).
    pub share: f64,
    /// (1 + random groupings that spread at least as far) / (1 + random groupings).
    pub p: f64,
}

/// A value of an attribute in a segment.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SegmentProfile {
    /// Segment, from 0.
    pub segment: u32,
    /// Attribute.
    pub attribute: String,
    /// Value.
    pub value: String,
    /// The segment's users that have it.
    pub users: u64,
    /// Their share of the segment's users of whom the attribute is known, 0 to 1.
    pub share: f64,
    /// 100 times the share over that of all users: 100 is as everybody.
    pub index: f64,
}

/// A user's place.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct SegmentPlace {
    /// Segment, from 0.
    pub segment: u32,
    /// Along the first principal component of the vectors.
    pub x: f32,
    /// Along the second.
    pub y: f32,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kpis_are_totals_over_totals() {
        let kpis = SegmentKpis {
            users: 4,
            spend: Some(60.0),
            units: Some(30.0),
            baskets: 5.0,
        };
        let values = kpis.values().map(|value| value.unwrap_or(-1.0));
        assert_eq!(values, [60.0, 30.0, 5.0, 4.0, 12.0, 6.0, 15.0, 7.5, 2.0]);
        assert_eq!(SegmentKpis::default().values()[4..], [None; 5]);
    }
}
