//! Tracing: the roles log to standard output; everything else is silent unless asked.

use std::io;

use tracing_subscriber::EnvFilter;

/// What to log, for example `info` or `pannier_scheduler=debug`.
const FILTER: &str = "PANNIER_LOG";

/// For the roles: standard output, `info` unless said otherwise.
#[cfg(feature = "cluster")]
pub fn init_role() {
    let filter = EnvFilter::try_from_env(FILTER).unwrap_or_else(|_| EnvFilter::new("info"));
    let colours = crate::out::colours();
    // A second start in one process keeps the first logger.
    drop(
        tracing_subscriber::fmt()
            .with_env_filter(filter)
            .with_ansi(colours)
            .with_writer(io::stdout)
            .try_init(),
    );
}

/// For people's commands: nothing, or standard error where the filter is set.
pub fn init_quiet() {
    if let Ok(filter) = EnvFilter::try_from_env(FILTER) {
        drop(
            tracing_subscriber::fmt()
                .with_env_filter(filter)
                .with_ansi(false)
                .with_writer(io::stderr)
                .try_init(),
        );
    }
}
