//! Waiting with a deadline: the one place that looks again and again.

use std::time::Duration;

use tokio::time::{Instant, sleep};

const LOOK: Duration = Duration::from_millis(20);

/// Looks until there is something to see.
///
/// # Errors
/// After `deadline`, with what was waited for.
pub async fn eventually<T>(
    deadline: Duration,
    what: &str,
    mut look: impl AsyncFnMut() -> Option<T>,
) -> anyhow::Result<T> {
    let began = Instant::now();
    while began.elapsed() < deadline {
        if let Some(seen) = look().await {
            return Ok(seen);
        }
        sleep(LOOK).await;
    }
    anyhow::bail!("not within {} s: {what}", deadline.as_secs())
}
