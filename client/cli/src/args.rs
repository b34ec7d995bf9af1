//! The command line: what can be typed, and the help about it.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};

use crate::commands::{
    audience, cancel, feed, gc, generate, list, logs, models, plan, predict, profile, recommend,
    retry, run, similar, sql, status, submit, tables, validate, version,
};

/// `clap` cannot group subcommands, so the groups are written here; a test holds them complete.
const HELP: &str = "\
{about-with-newline}
{usage-heading} {usage}

Runs:
  run        Run a spec to its end and show how it goes
  submit     Hand a spec to a scheduler
  status     Show a run and its steps
  list       List runs, newest first
  logs       Show a run's events, or follow them
  cancel     Stop a run
  retry      Go on with a failed or cancelled run

Specs:
  validate   Check a spec against its data without running it
  plan       Show what a spec would run and what is already there

Results:
  models     List published models
  similar    Show the items nearest to an item in a model
  predict    List for every user what a model ranks first
  recommend  Show what a model recommends to a user
  audience   Show whom an offer is for
  tables     List the tables and their versions, or show one
  sql        Query the tables (read only)
  profile    Show what tables hold
  feed       List feeds, ask for their batches, replay a training's

Data:
  generate   Write made-up raw data to try things out
  gc         Remove what nothing refers to any more

Roles of a cluster:
  scheduler  Decide: runs, trainers, registry
  executor   Work on rows: SQL tasks and feeds
  trainer    Train, evaluate and predict

Other:
  version    Show the build and its features
  help       Show this, or the help of a command

Options:
{options}{after-help}";

const AFTER_HELP: &str = "\
Without --scheduler a command works on services inside this process, which keep everything under
--data. A second pannier on the same directory uses the services of the first.

Environment:
  PANNIER_SCHEDULER           the scheduler's address, as --scheduler
  PANNIER_DATA                directory of the services in this process, as --data
  PANNIER_WAREHOUSE           root of tables and models of these services, as --warehouse
  AWS_*                       credentials, region and endpoint of s3:// (AWS_ENDPOINT_URL,
                              AWS_ALLOW_HTTP, AWS_REGION, AWS_ACCESS_KEY_ID, ...)
  PANNIER_LOG                 what to log, for example info or pannier_scheduler=debug
  PANNIER_<ROLE>_<KEY>        one key of a role's config, __ standing for a dot:
                              PANNIER_EXECUTOR_VCORES=4
  NO_COLOR                    no colours

Exit codes:
  0    all went well
  1    the run or the command failed
  2    bad usage, or a bad spec
  3    no scheduler answers, or the connection was lost
  4    the run was cancelled
  130  interrupted

Example:
  pannier run spec.toml
  pannier sql \"select count(*) from transactions\"";

/// Pannier: raw transactions in, trained recommenders out.
#[derive(Debug, Parser)]
#[command(name = "pannier", version, help_template = HELP, after_help = AFTER_HELP, max_term_width = 100)]
pub struct Cli {
    /// What every command takes.
    #[command(flatten)]
    pub global: Global,
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// What every command takes.
#[derive(Debug, Clone, Args)]
pub struct Global {
    /// The scheduler to work with; without it, services inside this process
    #[arg(
        long,
        value_name = "URL",
        global = true,
        env = "PANNIER_SCHEDULER",
        hide_env = true
    )]
    pub scheduler: Option<String>,
    /// Where services inside this process keep state, warehouse and work
    #[arg(
        long,
        value_name = "DIR",
        global = true,
        env = "PANNIER_DATA",
        hide_env = true,
        default_value = "pannier-data"
    )]
    pub data: PathBuf,
    /// Where services inside this process keep tables and models: a folder or s3://bucket/prefix;
    /// without it `warehouse` below --data
    #[arg(
        long,
        value_name = "ROOT",
        global = true,
        env = "PANNIER_WAREHOUSE",
        hide_env = true
    )]
    pub warehouse: Option<String>,
    /// Config of a role; of services inside this process with a table for each role
    #[arg(long, value_name = "FILE", global = true)]
    pub config: Option<PathBuf>,
    /// Print JSON and nothing else
    #[arg(long, global = true)]
    pub json: bool,
    /// Print results and errors only
    #[arg(short, long, global = true)]
    pub quiet: bool,
}

impl Global {
    /// The scheduler, if one was named: an empty variable names none.
    pub fn scheduler(&self) -> Option<&str> {
        self.scheduler
            .as_deref()
            .map(str::trim)
            .filter(|url| !url.is_empty())
    }

    /// The root of tables and models, if one was named.
    #[cfg(feature = "cluster")]
    pub fn warehouse(&self) -> Option<&str> {
        self.warehouse
            .as_deref()
            .map(str::trim)
            .filter(|root| !root.is_empty())
    }
}

/// Overrides of a spec's or a config's keys.
#[derive(Debug, Clone, Default, Args)]
pub struct Sets {
    /// Override one key, for example source.path=data/*.csv; may be given several times
    #[arg(long = "set", value_name = "KEY=VALUE", value_parser = key_value)]
    pub set: Vec<String>,
}

fn key_value(text: &str) -> Result<String, String> {
    match text.split_once('=') {
        Some((key, _)) if !key.trim().is_empty() => Ok(text.to_owned()),
        _ => Err("write it as key=value".to_owned()),
    }
}

/// What the three roles take.
#[derive(Debug, Clone, Args)]
pub struct RoleArgs {
    /// Overrides of the config.
    #[command(flatten)]
    pub sets: Sets,
    /// Print the config that results, as TOML, and stop
    #[arg(long)]
    pub print_config: bool,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Run a spec to its end and show how it goes
    Run(run::RunArgs),
    /// Hand a spec to a scheduler
    Submit(submit::SubmitArgs),
    /// Show a run and its steps
    Status(status::StatusArgs),
    /// List runs, newest first
    List(list::ListArgs),
    /// Show a run's events, or follow them
    Logs(logs::LogsArgs),
    /// Stop a run
    Cancel(cancel::CancelArgs),
    /// Go on with a failed or cancelled run
    Retry(retry::RetryArgs),
    /// Check a spec against its data without running it
    Validate(validate::ValidateArgs),
    /// Show what a spec would run and what is already there
    Plan(plan::PlanArgs),
    /// List published models
    Models(models::ModelsArgs),
    /// Show the items nearest to an item in a model
    Similar(similar::SimilarArgs),
    /// List for every user what a model ranks first
    Predict(predict::PredictArgs),
    /// Show what a model recommends to a user
    Recommend(recommend::RecommendArgs),
    /// Show whom an offer is for
    Audience(audience::AudienceArgs),
    /// List the tables and their versions, or show one
    Tables(tables::TablesArgs),
    /// Query the tables (read only)
    Sql(sql::SqlArgs),
    /// Show what tables hold
    Profile(profile::ProfileArgs),
    /// List feeds, ask for their batches, replay a training's
    Feed(feed::FeedArgs),
    /// Write made-up raw data to try things out
    Generate(generate::GenerateArgs),
    /// Remove what nothing refers to any more
    Gc(gc::GcArgs),
    /// Decide: runs, trainers, registry
    ///
    /// The scheduler of a cluster: Ballista's scheduler and the control plane on one port.
    #[command(
        after_help = "Example:\n  pannier scheduler --config scheduler.toml --set listen=0.0.0.0:50050"
    )]
    Scheduler(RoleArgs),
    /// Work on rows: SQL tasks and feeds
    ///
    /// An executor of a cluster: Ballista's executor, and the feeds of trainers.
    #[command(
        after_help = "Example:\n  pannier executor --scheduler http://scheduler:50050 --set vcores=4"
    )]
    Executor(RoleArgs),
    /// Train, evaluate and predict
    ///
    /// A trainer of a cluster: leases work from the scheduler and reads feeds.
    #[command(after_help = "Example:\n  pannier trainer --scheduler http://scheduler:50050")]
    Trainer(RoleArgs),
    /// Show the build and its features
    Version(version::VersionArgs),
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_definition_is_sound() {
        Cli::command().debug_assert();
    }

    #[test]
    fn every_command_is_described_with_an_example() {
        let mut cli = Cli::command();
        let top = cli.render_help().to_string();
        for command in cli.get_subcommands_mut().filter(|c| c.get_name() != "help") {
            let name = command.get_name().to_owned();
            let about = command
                .get_about()
                .map(ToString::to_string)
                .unwrap_or_default();
            assert!(
                top.contains(&format!("  {name:<9}  {about}\n")),
                "`{name}` in the groups of --help:\n{top}"
            );
            let help = command.render_long_help().to_string();
            assert!(
                help.contains("Example:\n  pannier "),
                "an example in the help of `{name}`:\n{help}"
            );
        }
        for word in [
            "Environment:",
            "PANNIER_SCHEDULER",
            "Exit codes:",
            "130",
            "--scheduler <URL>",
        ] {
            assert!(top.contains(word), "{word} in:\n{top}");
        }
    }

    #[test]
    fn common_lines_parse() -> Result<(), clap::Error> {
        let lines = [
            "run spec.toml --key k --set source.path=x --json",
            "--scheduler http://a:1 submit spec.toml --follow",
            "status",
            "logs r-1 --follow --from 12",
            "similar --model grocery@champion --item milk --top 5",
            "recommend --model grocery@champion --user CUST1 --new-only --top 5",
            "recommend --model a --user 5 --context page_views=10,session_time=714",
            "audience --model a --item 5 --price 161 --category toys --top 9 -o a.csv",
            "predict --model grocery@champion --new-only --top 5 -o a.parquet --set source.path=x",
            "sql select\u{a0}1 --csv",
            "sql -f a.sql -o a.parquet --limit 5",
            "tables",
            "feed ls --json",
            "feed show 3f2a",
            "feed digest 3f2a --epoch 1 --steps 3..9 --replica 1/2 --executor",
            "feed replay r/vectors --epoch 0",
            "tables show baskets@3f2a --json",
            "generate --customers 10 --weeks 2 --header older --gzip --out data",
            "gc --dry-run -q",
            "profile baskets@1f --run r-1 --html a.html --json",
            "executor --config e.toml --set vcores=4 --set listen=:1 --print-config",
        ];
        for line in lines {
            Cli::try_parse_from(std::iter::once("pannier").chain(line.split(' ')))?;
        }
        for line in [
            "run",
            "run a --set novalue",
            "sql",
            "sql x -f a.sql",
            "sql x --csv --format jsonl",
            "tables show",
            "feed",
            "feed digest 3f --steps 9..3",
            "feed replay r --steps 1..2",
            "status --set a=b",
            "similar --item x",
            "audience --model a",
            "recommend --model a --user 5 --context page_views",
            "predict --model m --top 0",
            "logs r --from x",
        ] {
            let parsed = Cli::try_parse_from(std::iter::once("pannier").chain(line.split(' ')));
            assert!(parsed.is_err_and(|e| e.exit_code() == 2), "{line}");
        }
        Ok(())
    }
}
