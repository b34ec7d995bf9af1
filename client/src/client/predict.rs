//! The call that starts a prediction.

use pannier_proto::wire::PredictRequest;

use super::Client;
use crate::answer::Submitted;
use crate::ask::PredictAsked;
use crate::error::ClientError;

impl Client {
    /// Starts a run that lists for every user what a published model ranks first, of its source as it is
    /// now.
    ///
    /// # Errors
    /// `NotFound` where there is no such model; `Refused` where it ranks for baskets, or its source
    /// cannot be read.
    pub async fn predict(&self, asked: PredictAsked) -> Result<Submitted, ClientError> {
        let request: PredictRequest = asked.into();
        self.answer(self.runs.clone().predict(request).await)
            .map(Into::into)
    }
}
