//! A trainer's life: attach to the scheduler, work, attach again when the stream breaks.

use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use tonic::transport::Endpoint;
use uuid::Uuid;

use crate::config::TrainerConfig;
use crate::error::TrainerError;
use crate::session::{Ended, session};

const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
const FIRST_PAUSE: Duration = Duration::from_millis(100);
const LONGEST_PAUSE: Duration = Duration::from_secs(2);

/// Serves the scheduler as a trainer until `shutdown`. A stream that breaks stops its attempt
/// within one step and is made anew, for ever.
///
/// # Errors
/// [`TrainerError::Config`] where the scheduler's address is none, the device is not there, or another
/// role of this process is told otherwise how stores are reached.
pub async fn serve(
    config: TrainerConfig,
    shutdown: impl Future<Output = ()>,
) -> Result<(), TrainerError> {
    pannier_store::configure(&config.store).map_err(|e| TrainerError::Config {
        key: "store",
        reason: e.to_string(),
    })?;
    config.device.start(config.device_threads())?;
    let wrong = |e: tonic::transport::Error| TrainerError::Config {
        key: "scheduler",
        reason: format!("`{}`: {e}", config.scheduler),
    };
    let endpoint = Endpoint::from_shared(config.scheduler.clone())
        .map_err(wrong)?
        .connect_timeout(CONNECT_TIMEOUT)
        .tcp_nodelay(true)
        .http2_keep_alive_interval(config.silence.0)
        .keep_alive_timeout(config.silence.0);
    let config = Arc::new(config);
    let trainer_id = format!("trainer-{}", Uuid::new_v4().simple());
    let mut shutdown = pin!(shutdown);
    let mut pause = FIRST_PAUSE;
    loop {
        match session(&config, &trainer_id, &endpoint, &mut shutdown).await {
            Ended::Shutdown => return Ok(()),
            Ended::Lost { attached, reason } => {
                tracing::warn!(
                    scheduler = config.scheduler,
                    reason,
                    "the stream to the scheduler is lost; attaching again"
                );
                if attached {
                    pause = FIRST_PAUSE;
                }
            }
        }
        tokio::select! {
            () = &mut shutdown => return Ok(()),
            () = tokio::time::sleep(pause) => {}
        }
        pause = (pause * 2).min(LONGEST_PAUSE);
    }
}
