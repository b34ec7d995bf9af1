//! Owns what can be asked of the generator, what it answers and why it may refuse. Must not draw or
//! write anything.

use std::io;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

/// Most customers: the eight digits of a BASKET_ID number one week's baskets.
pub const MAX_CUSTOMERS: u32 = 30_000_000;

/// Most weeks: the four digits of a BASKET_ID that count them from 1001.
pub const MAX_WEEKS: u32 = 8_999;

/// What to generate.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GenerateSpec {
    /// Whose form the files get.
    #[serde(default)]
    pub layout: GenerateLayout,
    /// Customers with a card; about 97 % of them shop at least once. 1 to [`MAX_CUSTOMERS`].
    pub customers: u32,
    /// Weeks of shopping, 1 to [`MAX_WEEKS`]; where the layout has dates, from 200607 on, 52 a
    /// year. Customers who come and go spread over these weeks, so a longer run is not a shorter
    /// one continued.
    pub weeks: u32,
    /// Draws the customers and their shopping; the catalogue and stores are always the same.
    #[serde(default)]
    pub seed: u64,
    /// Which of the two releases' column names; `dunnhumby-lgsr` only.
    #[serde(default)]
    pub header: HeaderVariant,
    /// Write `.csv.gz`.
    #[serde(default)]
    pub gzip: bool,
    /// Share of broken rows among all rows, at least 0 and below 1. They are added: the good rows
    /// are the same for every share.
    #[serde(default)]
    pub bad_row_share: f64,
}

/// The layouts that can be generated.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum GenerateLayout {
    /// dunnhumby "Let's Get Sort-of-Real".
    #[default]
    DunnhumbyLgsr,
    /// Complete Journey, the Parquet tables of the packages.
    CompleteJourney,
    /// Complete Journey, the original eight CSVs.
    CompleteJourneyCsv,
    /// Instacart's six CSVs.
    Instacart,
    /// REES46's events of a shop, one CSV a month.
    Rees46,
    /// One CSV of purchases without dates, ids written as floats, nulls as `\N`.
    Transactions,
}

impl GenerateLayout {
    /// All of them.
    pub const ALL: [Self; 6] = [
        Self::DunnhumbyLgsr,
        Self::CompleteJourney,
        Self::CompleteJourneyCsv,
        Self::Instacart,
        Self::Rees46,
        Self::Transactions,
    ];

    /// What specs and the command line call it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::DunnhumbyLgsr => "dunnhumby-lgsr",
            Self::CompleteJourney => "complete-journey",
            Self::CompleteJourneyCsv => "complete-journey-csv",
            Self::Instacart => "instacart",
            Self::Rees46 => "rees46",
            Self::Transactions => "transactions",
        }
    }

    /// The layout of this name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|layout| layout.name() == name)
    }

    /// Whether a file of this name is one that the layout's generator may write again with other
    /// content, and must not lie beside files of another spec.
    #[must_use]
    pub fn is_output(self, file_name: &str) -> bool {
        match self {
            Self::DunnhumbyLgsr => file_name.starts_with("transactions_"),
            Self::CompleteJourney => file_name.ends_with(".parquet"),
            Self::CompleteJourneyCsv | Self::Instacart | Self::Rees46 => {
                file_name.ends_with(".csv") || file_name.ends_with(".csv.gz")
            }
            Self::Transactions => file_name.starts_with("purchases."),
        }
    }
}

/// Column names of the two segments of a customer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum HeaderVariant {
    /// `seg_1`, `seg_2`.
    #[default]
    Newer,
    /// `CUST_PRICE_SENSITIVITY`, `CUST_LIFESTAGE`, with the values of that release.
    Older,
}

impl HeaderVariant {
    /// The header line with its line feed.
    pub(crate) fn line(self) -> &'static str {
        match self {
            Self::Newer => concat!(
                "SHOP_WEEK,SHOP_DATE,SHOP_WEEKDAY,SHOP_HOUR,QUANTITY,SPEND,PROD_CODE,PROD_CODE_10,",
                "PROD_CODE_20,PROD_CODE_30,PROD_CODE_40,CUST_CODE,seg_1,seg_2,BASKET_ID,",
                "BASKET_SIZE,BASKET_PRICE_SENSITIVITY,BASKET_TYPE,BASKET_DOMINANT_MISSION,",
                "STORE_CODE,STORE_FORMAT,STORE_REGION\n"
            ),
            Self::Older => concat!(
                "SHOP_WEEK,SHOP_DATE,SHOP_WEEKDAY,SHOP_HOUR,QUANTITY,SPEND,PROD_CODE,PROD_CODE_10,",
                "PROD_CODE_20,PROD_CODE_30,PROD_CODE_40,CUST_CODE,CUST_PRICE_SENSITIVITY,",
                "CUST_LIFESTAGE,BASKET_ID,BASKET_SIZE,BASKET_PRICE_SENSITIVITY,BASKET_TYPE,",
                "BASKET_DOMINANT_MISSION,STORE_CODE,STORE_FORMAT,STORE_REGION\n"
            ),
        }
    }
}

/// How far a generation is; given after every week.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Progress {
    /// Weekly files complete.
    pub weeks_done: u32,
    /// Weekly files in all.
    pub weeks_total: u32,
    /// Rows written, broken ones among them.
    pub rows: u64,
}

/// What a generation wrote.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct GenerateSummary {
    /// Files, `time.csv` among them.
    pub files: u32,
    /// Rows of transactions without headers, broken ones among them.
    pub rows: u64,
    /// Size of all files on disk, in bytes.
    pub bytes: u64,
    /// Baskets.
    pub baskets: u64,
    /// Broken rows.
    pub bad_rows: u64,
}

/// Why nothing, or not everything, was generated.
#[derive(Debug, thiserror::Error)]
pub enum GenerateError {
    /// The spec asks for something outside the data set's form.
    #[error("invalid generate spec: {field} is {value}, must be {allowed}")]
    InvalidSpec {
        /// Field of [`GenerateSpec`].
        field: &'static str,
        /// Its value.
        value: String,
        /// What it may be.
        allowed: String,
    },
    /// A file could not be written.
    #[error("cannot write {}: {source}; check free space and permissions", path.display())]
    Write {
        /// The file.
        path: PathBuf,
        /// The reason.
        source: io::Error,
    },
}

impl GenerateSpec {
    /// Checks the ranges of all fields.
    ///
    /// # Errors
    /// [`GenerateError::InvalidSpec`] for the first field out of range.
    pub fn validate(&self) -> Result<(), GenerateError> {
        let within = |field, value: u32, most: u32| match value {
            value if (1..=most).contains(&value) => Ok(()),
            _ => Err(GenerateError::InvalidSpec {
                field,
                value: value.to_string(),
                allowed: format!("1 to {most}"),
            }),
        };
        within("customers", self.customers, MAX_CUSTOMERS)?;
        within("weeks", self.weeks, MAX_WEEKS)?;
        if !(0.0..1.0).contains(&self.bad_row_share) {
            return Err(GenerateError::InvalidSpec {
                field: "bad_row_share",
                value: self.bad_row_share.to_string(),
                allowed: "at least 0 and below 1".to_owned(),
            });
        }
        Ok(())
    }
}
