//! `pannier generate`: made-up raw data in the form of a known layout.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

use crate::args::Global;
use crate::exit::Exit;

/// Arguments.
#[derive(Debug, Args)]
#[cfg_attr(not(feature = "cluster"), allow(dead_code))]
#[command(after_help = "\
The same options give the same files on every machine.

Example:
  pannier generate --customers 1000 --weeks 20 --gzip --out data
  pannier generate --layout instacart --customers 1000 --weeks 52 --out data/instacart")]
pub struct GenerateArgs {
    /// The form of the files
    #[arg(long, value_enum, default_value_t = Layout::DunnhumbyLgsr)]
    layout: Layout,
    /// Customers, users or households
    #[arg(long, value_name = "N", default_value_t = 1000)]
    customers: u32,
    /// Weeks in which they shop
    #[arg(long, value_name = "N", default_value_t = 20)]
    weeks: u32,
    /// Draws customers and their shopping
    #[arg(long, value_name = "N", default_value_t = 1)]
    seed: u64,
    /// Which release's column names (dunnhumby-lgsr)
    #[arg(long, value_enum, default_value_t = Header::Newer)]
    header: Header,
    /// Write .csv.gz
    #[arg(long)]
    gzip: bool,
    /// Share of broken rows, to try rejects and checks
    #[arg(long, value_name = "SHARE", default_value_t = 0.0)]
    bad_row_share: f64,
    /// Directory for the files, made if need be
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
}

/// The layouts that can be made up.
#[derive(Debug, Clone, Copy, ValueEnum)]
enum Layout {
    /// Weekly files of dunnhumby's "Let's Get Sort-of-Real"
    DunnhumbyLgsr,
    /// Complete Journey, the Parquet tables of the packages
    CompleteJourney,
    /// Complete Journey, the original eight CSVs
    CompleteJourneyCsv,
    /// Instacart's six CSVs
    Instacart,
    /// REES46's events of a shop, one CSV a month
    Rees46,
    /// One CSV of purchases without dates, ids written as floats, nulls as \N
    Transactions,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Header {
    Newer,
    Older,
}

/// Runs the command.
///
/// # Errors
/// Options outside the layout's form, or files that cannot be written.
#[cfg(feature = "cluster")]
pub fn run(global: &Global, args: &GenerateArgs) -> anyhow::Result<Exit> {
    use pannier_engine::generate::{
        GenerateError, GenerateLayout, GenerateSpec, HeaderVariant, generate,
    };

    use crate::exit::BadUsage;
    use crate::out;
    use crate::render::format::{bytes, plural};

    let spec = GenerateSpec {
        layout: match args.layout {
            Layout::DunnhumbyLgsr => GenerateLayout::DunnhumbyLgsr,
            Layout::CompleteJourney => GenerateLayout::CompleteJourney,
            Layout::CompleteJourneyCsv => GenerateLayout::CompleteJourneyCsv,
            Layout::Instacart => GenerateLayout::Instacart,
            Layout::Rees46 => GenerateLayout::Rees46,
            Layout::Transactions => GenerateLayout::Transactions,
        },
        customers: args.customers,
        weeks: args.weeks,
        seed: args.seed,
        header: match args.header {
            Header::Newer => HeaderVariant::Newer,
            Header::Older => HeaderVariant::Older,
        },
        gzip: args.gzip,
        bad_row_share: args.bad_row_share,
    };
    let mut screen = Weeks::new(global);
    let written = generate(&spec, &args.out, &mut |p| {
        screen.show(p.weeks_done, p.weeks_total, p.rows)
    });
    screen.close();
    let summary = written.map_err(|error| match error {
        GenerateError::InvalidSpec { .. } => anyhow::Error::from(BadUsage(error.to_string())),
        error => error.into(),
    })?;
    if global.json {
        out::document(&summary)?;
    } else if !global.quiet {
        let (files, rows) = (
            plural(u64::from(summary.files), "file"),
            plural(summary.rows, "row"),
        );
        let baskets = plural(summary.baskets, "basket");
        out::lines([format!(
            "{files} in {}: {rows}, {baskets}, {}",
            args.out.display(),
            bytes(summary.bytes)
        )])?;
    }
    Ok(Exit::Done)
}

/// Says that this build cannot generate.
///
/// # Errors
/// Always.
#[cfg(not(feature = "cluster"))]
pub fn run(_global: &Global, _args: &GenerateArgs) -> anyhow::Result<Exit> {
    Err(super::without_cluster("generator"))
}

/// A bar for the weeks, on a terminal only.
#[cfg(feature = "cluster")]
struct Weeks(Option<crate::render::live::Live>);

#[cfg(feature = "cluster")]
impl Weeks {
    const STEP: &str = "weeks";

    fn new(global: &Global) -> Self {
        use crate::render::{live::Live, progress::Change};
        let shown = crate::out::is_terminal() && !global.json && !global.quiet;
        Self(shown.then(|| {
            let mut live = Live::new(crate::out::colours());
            live.draw(&Change::Begin {
                step: Self::STEP.to_owned(),
                label: Self::STEP.to_owned(),
            });
            live
        }))
    }

    fn show(&mut self, done: u32, total: u32, rows: u64) {
        use crate::render::{format::plural, progress::Change};
        if let Some(live) = &mut self.0 {
            let text = format!("{done}/{total}  {}", plural(rows, "row"));
            live.draw(&Change::Update {
                step: Self::STEP.to_owned(),
                done: done.into(),
                total: total.into(),
                text,
            });
        }
    }

    fn close(&mut self) {
        if let Some(live) = &mut self.0 {
            live.clear();
        }
    }
}
