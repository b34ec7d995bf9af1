//! What stands for the services inside the process in a build without them: nothing can be started.

use std::convert::Infallible;

use crate::args::Global;
use crate::exit::BadUsage;
use crate::session::{Need, Session};

/// Services inside this process: there are none.
pub struct Embedded(Infallible);

impl Embedded {
    /// Cannot be called.
    pub async fn died(&mut self) -> anyhow::Error {
        match self.0 {}
    }

    /// Cannot be called.
    pub async fn stop(self) {
        match self.0 {}
    }
}

/// Says that a scheduler must be named.
///
/// # Errors
/// Always.
pub async fn open(_global: &Global, _need: Need) -> anyhow::Result<Session> {
    let text = "no scheduler was named, and this build has no services of its own; \
                give --scheduler URL or set PANNIER_SCHEDULER";
    Err(BadUsage(text.to_owned()).into())
}
