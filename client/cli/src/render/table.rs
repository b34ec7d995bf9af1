//! Aligned text tables, by display width: names may hold any script.

use console::{measure_text_width, truncate_str};

/// Which side a column's cells lean to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Align {
    Left,
    Right,
}

/// A table being filled.
#[derive(Debug)]
pub struct Table {
    header: Vec<String>,
    align: Vec<Align>,
    rows: Vec<Vec<String>>,
    // Columns of the screen per cell, at most.
    widest: usize,
}

impl Table {
    /// Columns from their titles; a title that begins with `>` leans to the right.
    pub fn new(titles: &[&str]) -> Self {
        let align = titles
            .iter()
            .map(|t| {
                if t.starts_with('>') {
                    Align::Right
                } else {
                    Align::Left
                }
            })
            .collect();
        let header = titles
            .iter()
            .map(|t| t.trim_start_matches('>').to_owned())
            .collect();
        Self {
            header,
            align,
            rows: Vec::new(),
            widest: usize::MAX,
        }
    }

    /// Columns with any title.
    pub fn with_columns(columns: impl IntoIterator<Item = (String, Align)>) -> Self {
        let (header, align) = columns
            .into_iter()
            .map(|(title, align)| (clean(&title), align))
            .unzip();
        Self {
            header,
            align,
            rows: Vec::new(),
            widest: usize::MAX,
        }
    }

    /// Cuts cells that are wider than this.
    pub fn widest(mut self, columns: usize) -> Self {
        self.widest = columns;
        self
    }

    /// Adds a row.
    pub fn row(&mut self, cells: impl IntoIterator<Item = String>) {
        let row = cells
            .into_iter()
            .map(|c| truncate_str(&clean(&c), self.widest, "…").into_owned());
        self.rows.push(row.collect());
    }

    /// The table's lines, title line first, without spaces at their ends.
    pub fn lines(&self) -> Vec<String> {
        let mut widths: Vec<usize> = self.header.iter().map(|c| measure_text_width(c)).collect();
        for row in &self.rows {
            for (width, cell) in widths.iter_mut().zip(row) {
                *width = (*width).max(measure_text_width(cell));
            }
        }
        std::iter::once(&self.header)
            .chain(&self.rows)
            .map(|row| self.line(row, &widths))
            .collect()
    }

    fn line(&self, row: &[String], widths: &[usize]) -> String {
        let mut line = String::new();
        for ((cell, width), align) in row.iter().zip(widths).zip(&self.align) {
            if !line.is_empty() {
                line.push_str("  ");
            }
            match align {
                Align::Left => line.push_str(&pad(cell, *width)),
                Align::Right => line.push_str(&pad_left(cell, *width)),
            }
        }
        line.trim_end().to_owned()
    }
}

/// Fills up with spaces on the right.
pub fn pad(text: &str, width: usize) -> String {
    format!("{text}{}", gap(text, width))
}

/// Fills up with spaces on the left.
pub fn pad_left(text: &str, width: usize) -> String {
    format!("{}{text}", gap(text, width))
}

fn gap(text: &str, width: usize) -> String {
    " ".repeat(width.saturating_sub(measure_text_width(text)))
}

/// Text from data without what would steer the terminal or break the line.
pub fn clean(text: &str) -> String {
    text.chars()
        .map(|c| if c.is_control() { ' ' } else { c })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_align_whatever_the_script() {
        let mut table = Table::new(&["item", ">rows", "note"]).widest(12);
        table.row(["milk".into(), "1,234".into(), "a\nb\u{1b}[31m".into()]);
        table.row(["牛乳".into(), "7".into(), String::new()]);
        table.row(["a very long name indeed".into(), "88".into(), "x".into()]);
        let want = [
            "item           rows  note",
            "milk          1,234  a b [31m",
            "牛乳              7",
            "a very long…     88  x",
        ];
        assert_eq!(table.lines(), want);
    }
}
