//! Published models and what is on record of their making: the run, its spec, the training.

use pannier_proto::spec::TrainSpec;
use pannier_proto::status::ModelInfo;

use crate::error::SchedulerError;
use crate::store::{RunRecord, Store};

/// A published model.
pub struct Published {
    /// As the registry has it.
    pub info: ModelInfo,
    /// The run that trained it.
    pub run: RunRecord,
    /// How it was trained.
    pub train: TrainSpec,
}

impl Published {
    /// Its name and version.
    pub fn reference(&self) -> String {
        format!("{}@{}", self.info.model, self.info.version)
    }
}

/// A model by `name`, `name@3` or `name@champion`.
///
/// # Errors
/// Where there is none, or its run is not on record.
pub fn published(store: &Store, reference: &str) -> Result<Published, SchedulerError> {
    let info = store.model(reference)?;
    let run = store.run(&info.run_id)?;
    let mut trains = run.plan.spec.train.iter();
    let train = trains.find(|train| run.plan.model_name(&train.name) == info.model);
    let train = train.cloned().ok_or_else(|| {
        SchedulerError::Failed(format!(
            "run {} does not say how {} was trained",
            info.run_id, info.model
        ))
    })?;
    Ok(Published { info, run, train })
}
