//! Names of users, as many as there are: one text and where each ends.

/// Names laid end to end.
#[derive(Debug, Default, Clone, PartialEq)]
pub(crate) struct Names {
    text: String,
    ends: Vec<usize>,
}

impl Names {
    /// How many.
    pub(crate) fn len(&self) -> usize {
        self.ends.len()
    }

    /// A name.
    pub(crate) fn get(&self, at: usize) -> &str {
        let from = at.checked_sub(1).map_or(0, |before| self.ends[before]);
        &self.text[from..self.ends[at]]
    }

    /// Adds one.
    pub(crate) fn push(&mut self, name: &str) {
        self.text.push_str(name);
        self.ends.push(self.text.len());
    }

    /// Whether the last is this.
    pub(crate) fn ends_with(&self, name: &str) -> bool {
        self.len()
            .checked_sub(1)
            .is_some_and(|last| self.get(last) == name)
    }
}
