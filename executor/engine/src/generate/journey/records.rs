//! Owns what a row of each table says and how it looks in either form: the files' names, the columns
//! in their order, and the cells. Must not draw anything.

use super::Form;

/// What a column holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Column {
    /// A whole number.
    Int,
    /// An amount, given in hundredths; a floating number in Parquet.
    Amount,
    /// Text.
    Text,
    /// A moment, given in seconds from the first day's midnight.
    Moment,
}

/// One value; `None` where there is none.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Cell {
    Number(i64),
    Text(String),
    None,
}

/// A table's columns.
pub(super) type Columns = &'static [(&'static str, Column)];

use Column::{Amount, Int, Moment, Text};

/// The file of a table and its columns. Tables go by the packages' names.
pub(super) fn file(table: &str, form: Form) -> (&'static str, Columns) {
    match form {
        Form::Parquet => parquet_file(table),
        Form::Csv => csv_file(table),
    }
}

fn parquet_file(table: &str) -> (&'static str, Columns) {
    match table {
        "products" => (
            "products.parquet",
            &[
                ("product_id", Int),
                ("manufacturer_id", Int),
                ("department", Text),
                ("brand", Text),
                ("product_category", Text),
                ("product_type", Text),
                ("package_size", Text),
            ],
        ),
        "demographics" => (
            "demographics.parquet",
            &[
                ("household_id", Int),
                ("age", Text),
                ("income", Text),
                ("home_ownership", Text),
                ("marital_status", Text),
                ("household_size", Text),
                ("household_comp", Text),
                ("kids_count", Text),
            ],
        ),
        "campaign_descriptions" => (
            "campaign_descriptions.parquet",
            &[
                ("campaign_id", Int),
                ("campaign_type", Text),
                ("start_date", Moment),
                ("end_date", Moment),
            ],
        ),
        "campaigns" => (
            "campaigns.parquet",
            &[("campaign_id", Int), ("household_id", Int)],
        ),
        "coupons" => (
            "coupons.parquet",
            &[
                ("coupon_upc", Int),
                ("product_id", Int),
                ("campaign_id", Int),
            ],
        ),
        "coupon_redemptions" => (
            "coupon_redemptions.parquet",
            &[
                ("household_id", Int),
                ("coupon_upc", Int),
                ("campaign_id", Int),
                ("redemption_date", Moment),
            ],
        ),
        "promotions" => (
            "promotions.parquet",
            &[
                ("product_id", Int),
                ("store_id", Int),
                ("display_location", Text),
                ("mailer_location", Text),
                ("week", Int),
            ],
        ),
        _ => ("transactions.parquet", SALES_PARQUET),
    }
}

fn csv_file(table: &str) -> (&'static str, Columns) {
    match table {
        "products" => (
            "product.csv",
            &[
                ("PRODUCT_ID", Int),
                ("MANUFACTURER", Int),
                ("DEPARTMENT", Text),
                ("BRAND", Text),
                ("COMMODITY_DESC", Text),
                ("SUB_COMMODITY_DESC", Text),
                ("CURR_SIZE_OF_PRODUCT", Text),
            ],
        ),
        "demographics" => (
            "hh_demographic.csv",
            &[
                ("AGE_DESC", Text),
                ("MARITAL_STATUS_CODE", Text),
                ("INCOME_DESC", Text),
                ("HOMEOWNER_DESC", Text),
                ("HH_COMP_DESC", Text),
                ("HOUSEHOLD_SIZE_DESC", Text),
                ("KID_CATEGORY_DESC", Text),
                ("household_key", Int),
            ],
        ),
        "campaign_descriptions" => (
            "campaign_desc.csv",
            &[
                ("DESCRIPTION", Text),
                ("CAMPAIGN", Int),
                ("START_DAY", Int),
                ("END_DAY", Int),
            ],
        ),
        "campaigns" => (
            "campaign_table.csv",
            &[
                ("DESCRIPTION", Text),
                ("household_key", Int),
                ("CAMPAIGN", Int),
            ],
        ),
        "coupons" => (
            "coupon.csv",
            &[("COUPON_UPC", Int), ("PRODUCT_ID", Int), ("CAMPAIGN", Int)],
        ),
        "coupon_redemptions" => (
            "coupon_redempt.csv",
            &[
                ("household_key", Int),
                ("DAY", Int),
                ("COUPON_UPC", Int),
                ("CAMPAIGN", Int),
            ],
        ),
        "promotions" => (
            "causal_data.csv",
            &[
                ("PRODUCT_ID", Int),
                ("STORE_ID", Int),
                ("WEEK_NO", Int),
                ("display", Text),
                ("mailer", Text),
            ],
        ),
        _ => ("transaction_data.csv", SALES_CSV),
    }
}

/// A line of a receipt. Amounts in hundredths, discounts as what was taken off, days from 0.
#[derive(Clone, Copy, Debug)]
pub(super) struct Sale {
    pub(super) household: i64,
    pub(super) store: i64,
    pub(super) basket: i64,
    pub(super) product: i64,
    pub(super) quantity: i64,
    pub(super) sales: i64,
    pub(super) retail: i64,
    pub(super) coupon: i64,
    pub(super) matched: i64,
    pub(super) day: i64,
    /// Of the day, a whole minute.
    pub(super) second: i64,
}

/// A row of any table.
#[derive(Clone, Debug)]
pub(super) enum Record {
    Sale(Sale),
    /// Product, manufacturer; department, brand, category, type, size.
    Product([i64; 2], [String; 5]),
    /// Household; age, income, ownership, marital status, size, composition, children, each as the
    /// packages and as the CSVs have it.
    Household(i64, [[&'static str; 2]; 7]),
    /// Campaign, first and last day; type, a letter.
    Campaign([i64; 3], char),
    /// Campaign, household; type.
    Member([i64; 2], char),
    /// Coupon, product, campaign.
    Coupon([i64; 3]),
    /// Household, coupon, campaign, day.
    Redemption([i64; 4]),
    /// Product, store, week from 1; display, mailer.
    Promotion([i64; 3], [&'static str; 2]),
}

const DAY: i64 = 86_400;

fn numbers(values: impl IntoIterator<Item = i64>) -> Vec<Cell> {
    values.into_iter().map(Cell::Number).collect()
}

/// Text, or nothing where it is empty.
fn text(text: impl Into<String>) -> Cell {
    match text.into() {
        empty if empty.is_empty() => Cell::None,
        text => Cell::Text(text),
    }
}

impl Record {
    /// The row's cells, in the order of the columns.
    pub(super) fn cells(&self, form: Form) -> Vec<Cell> {
        match (form, self) {
            (form, Self::Sale(sale)) => numbers(sale.numbers(form)),
            (_, Self::Product(ids, names)) => {
                // The CSVs have a blank where nothing is known.
                let blank = |name: &String| match form {
                    Form::Csv if name.is_empty() => Cell::Text(" ".into()),
                    _ => text(name),
                };
                numbers(*ids)
                    .into_iter()
                    .chain(names.iter().map(blank))
                    .collect()
            }
            (Form::Parquet, Self::Household(id, said)) => {
                let said = said.iter().map(|said| text(said[0]));
                std::iter::once(Cell::Number(*id)).chain(said).collect()
            }
            (Form::Csv, Self::Household(id, said)) => {
                let [age, income, home, marital, size, made_of, children] =
                    said.map(|said| text(said[1]));
                vec![
                    age,
                    marital,
                    income,
                    home,
                    made_of,
                    size,
                    children,
                    Cell::Number(*id),
                ]
            }
            (Form::Parquet, Self::Campaign([id, first, last], kind)) => vec![
                Cell::Number(*id),
                text(format!("Type {kind}")),
                Cell::Number(first * DAY),
                Cell::Number(last * DAY),
            ],
            (Form::Csv, Self::Campaign([id, first, last], kind)) => vec![
                text(format!("Type{kind}")),
                Cell::Number(*id),
                Cell::Number(first + 1),
                Cell::Number(last + 1),
            ],
            (Form::Parquet, Self::Member(ids, _)) => numbers(*ids),
            (Form::Csv, Self::Member([campaign, household], kind)) => vec![
                text(format!("Type{kind}")),
                Cell::Number(*household),
                Cell::Number(*campaign),
            ],
            (_, Self::Coupon(ids)) => numbers(*ids),
            (Form::Parquet, Self::Redemption([household, coupon, campaign, day])) => {
                numbers([*household, *coupon, *campaign, day * DAY])
            }
            (Form::Csv, Self::Redemption([household, coupon, campaign, day])) => {
                numbers([*household, day + 1, *coupon, *campaign])
            }
            (Form::Parquet, Self::Promotion([product, store, week], [display, mailer])) => vec![
                Cell::Number(*product),
                Cell::Number(*store),
                text(*display),
                text(*mailer),
                Cell::Number(*week),
            ],
            (Form::Csv, Self::Promotion(ids, places)) => {
                numbers(*ids).into_iter().chain(places.map(text)).collect()
            }
        }
    }
}

impl Sale {
    /// The numbers of its line, in the order of the form's columns.
    fn numbers(&self, form: Form) -> Vec<i64> {
        let s = self;
        match form {
            Form::Parquet => vec![
                s.household,
                s.store,
                s.basket,
                s.product,
                s.quantity,
                s.sales,
                s.retail,
                s.coupon,
                s.matched,
                s.day / 7 + 1,
                s.day * DAY + s.second,
            ],
            Form::Csv => vec![
                s.household,
                s.basket,
                s.day + 1,
                s.product,
                s.quantity,
                s.sales,
                s.store,
                -s.retail,
                s.second / 3_600 * 100 + s.second / 60 % 60,
                s.day / 7 + 1,
                -s.coupon,
                -s.matched,
            ],
        }
    }
}

/// Columns of the lines.
const SALES_PARQUET: Columns = &[
    ("household_id", Int),
    ("store_id", Int),
    ("basket_id", Int),
    ("product_id", Int),
    ("quantity", Int),
    ("sales_value", Amount),
    ("retail_disc", Amount),
    ("coupon_disc", Amount),
    ("coupon_match_disc", Amount),
    ("week", Int),
    ("transaction_timestamp", Moment),
];

/// Columns of the lines.
const SALES_CSV: Columns = &[
    ("household_key", Int),
    ("BASKET_ID", Int),
    ("DAY", Int),
    ("PRODUCT_ID", Int),
    ("QUANTITY", Int),
    ("SALES_VALUE", Amount),
    ("STORE_ID", Int),
    ("RETAIL_DISC", Amount),
    ("TRANS_TIME", Int),
    ("WEEK_NO", Int),
    ("COUPON_DISC", Amount),
    ("COUPON_MATCH_DISC", Amount),
];
