//! `pannier audience`: whom to tell about an offer.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::Context;
use arrow::array::{ArrayRef, Float64Array, RecordBatch, StringArray, UInt32Array};
use clap::Args;
use pannier_client::{Audience, AudienceAsked};

use super::context;
use crate::args::Global;
use crate::exit::Exit;
use crate::out;
use crate::render::audience;
use crate::rows::{Draft, Format, RowWriter};
use crate::session::{Need, ask};

/// Arguments.
#[derive(Debug, Args)]
#[command(after_help = "\
Every user is scored in their own last known context, with the offer's price and category. An item
that the model has not met is any item of this price and category.

Example:
  pannier audience --model shop-wide@champion --item 1004856 --price 161
  pannier audience --model shop-wide --item new --price 99 --category electronics.smartphone --top 50000 -o send.csv")]
pub struct AudienceArgs {
    /// The model: its name, name@version or name@alias
    #[arg(long)]
    model: String,
    /// The item of the offer: its id, or its name
    #[arg(long, value_name = "ID_OR_NAME")]
    item: String,
    /// Its price; the item's usual one unless given
    #[arg(long, value_name = "PRICE")]
    price: Option<f64>,
    /// Its category; the item's own unless given
    #[arg(long, value_name = "NAME")]
    category: Option<String>,
    /// What else is known of the moment, the same for all users: NAME=NUMBER,...
    #[arg(long, value_name = "NAME=NUMBER", value_delimiter = ',', value_parser = context::value)]
    context: Vec<(String, f64)>,
    /// How many users, at most 1000000
    #[arg(long, value_name = "N", default_value_t = 20)]
    top: u32,
    /// Write rank, user_id and probability to a file ending in .csv, .jsonl or .parquet
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
}

impl AudienceArgs {
    fn asked(&self) -> AudienceAsked {
        AudienceAsked {
            model: self.model.clone(),
            item: self.item.clone(),
            price: self.price,
            category: self.category.clone(),
            context: self.context.iter().cloned().collect(),
            top: self.top,
        }
    }
}

/// Runs the command.
///
/// # Errors
/// No such model or category, a model that decides about no offers, or no scheduler; a file that cannot be
/// written.
pub async fn run(global: &Global, args: &AudienceArgs) -> anyhow::Result<Exit> {
    let output = args.output.as_deref();
    let output = output.map(|path| Ok::<_, crate::exit::BadUsage>((path, Format::of(path)?)));
    let output = output.transpose()?;
    let question = async |client: &pannier_client::Client| client.audience(args.asked()).await;
    let answer = ask(global, Need::Past, question).await?;
    if let Some((path, format)) = output {
        write(&answer, path, format)?;
        out::note(&format!(
            "{} of {} users in {}",
            answer.audience.len(),
            answer.users,
            path.display()
        ));
    } else if global.json {
        out::document(&answer)?;
    } else {
        out::lines(audience::audience(&answer))?;
    }
    Ok(Exit::Done)
}

fn write(answer: &Audience, path: &Path, format: Format) -> anyhow::Result<()> {
    let users = &answer.audience;
    let ranks = UInt32Array::from_iter_values((1..).take(users.len()));
    let ids = StringArray::from_iter_values(users.iter().map(|u| &u.user_id));
    let chances = Float64Array::from_iter_values(users.iter().map(|u| u.probability));
    let batch = RecordBatch::try_from_iter([
        ("rank", Arc::new(ranks) as ArrayRef),
        ("user_id", Arc::new(ids)),
        ("probability", Arc::new(chances)),
    ])?;
    let draft = Draft::create(path)?;
    let target: Box<dyn io::Write + Send> = Box::new(draft.file()?);
    let place = || format!("cannot write {}", path.display());
    let mut writer = RowWriter::new(format, target, &batch.schema())?;
    writer.write(&batch).with_context(place)?;
    writer.finish().with_context(place)?;
    draft.keep()
}
