//! The context that an offer is decided in: what was said of the moment, what is known of the user, what
//! the item is, and for the rest what is usual. Pure.

use std::collections::BTreeMap;

use crate::decisions::PRICE;
use crate::error::SchedulerError;

/// What was said of the moment, by column.
#[derive(Debug, Clone, PartialEq)]
pub struct Given(Vec<Option<f32>>);

impl Given {
    /// In the order of the model's columns.
    ///
    /// # Errors
    /// [`SchedulerError::Sql`], which is bad input, for a column that the model does not know, and for
    /// what is no number.
    pub fn new(said: &BTreeMap<String, f64>, columns: &[String]) -> Result<Self, SchedulerError> {
        let mut given = vec![None; columns.len()];
        for (name, value) in said {
            let Some(at) = columns.iter().position(|column| column == name) else {
                let known = match columns {
                    [] => "it knows no context".to_owned(),
                    known => format!("it knows {}", known.join(", ")),
                };
                let text = format!("the model knows no context `{name}`; {known}");
                return Err(SchedulerError::Sql(text));
            };
            let number = *value as f32;
            if !number.is_finite() {
                let text =
                    format!("the context {name} is {value}, which is no number to reckon with");
                return Err(SchedulerError::Sql(text));
            }
            given[at] = Some(number);
        }
        Ok(Self(given))
    }

    /// Says the price too, where the model knows prices and nobody has said it.
    #[must_use]
    pub fn with_price(mut self, price: Option<f32>, columns: &[String]) -> Self {
        let at = columns.iter().position(|column| column == PRICE);
        if let (Some(place @ None), Some(_)) = (at.and_then(|at| self.0.get_mut(at)), price) {
            *place = price;
        }
        self
    }

    /// One context: what was given, else the user's own, else what is usual.
    pub fn fill(&self, own: &[Option<f32>], usual: &[f32], out: &mut [f32]) {
        for (at, place) in out.iter_mut().enumerate() {
            let own = own.get(at).copied().flatten();
            let known = self.0[at].or(own.filter(|value| value.is_finite()));
            *place = known.unwrap_or(usual[at]);
        }
    }

    /// The value of a column, where it was given.
    #[must_use]
    pub fn of(&self, at: usize) -> Option<f32> {
        self.0.get(at).copied().flatten()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn columns() -> Vec<String> {
        ["price", "page_views", "hour"].map(str::to_owned).to_vec()
    }

    #[test]
    fn the_nearest_source_wins() -> Result<(), SchedulerError> {
        let said = BTreeMap::from([("page_views".to_owned(), 10.0)]);
        let given = Given::new(&said, &columns())?.with_price(Some(5.0), &columns());
        let mut out = [0.0; 3];
        given.fill(&[Some(1.0), Some(2.0), None], &[7.0, 8.0, 9.0], &mut out);
        assert_eq!(out, [5.0, 10.0, 9.0]);
        given.fill(&[None, None, Some(f32::NAN)], &[7.0, 8.0, 9.0], &mut out);
        assert_eq!(out, [5.0, 10.0, 9.0]);
        // A price that was said is not replaced by the item's.
        let said = BTreeMap::from([("price".to_owned(), 3.0)]);
        let given = Given::new(&said, &columns())?.with_price(Some(5.0), &columns());
        assert_eq!(given.of(0), Some(3.0));
        Ok(())
    }

    #[test]
    fn what_the_model_does_not_know_is_an_error() {
        let wrong = |name: &str, value| {
            let said = BTreeMap::from([(name.to_owned(), value)]);
            Given::new(&said, &columns()).map_or_else(|e| e.to_string(), |_| String::new())
        };
        assert_eq!(
            wrong("pages", 1.0),
            "the model knows no context `pages`; it knows price, page_views, hour"
        );
        assert!(wrong("hour", f64::NAN).contains("no number"));
    }
}
