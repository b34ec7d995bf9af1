//! What a model that decides in a context answers people: which items to offer a user now, and whom to
//! tell about an offer. The catalogue is thousands of items and fits here; users are read and scored
//! some at a time, and no more of them are kept than are asked for. Lists for everybody are the
//! trainers' work.

mod audience;
mod best;
mod context;
mod items;
mod recommend;

use pannier_engine::warehouse::Warehouse;
use pannier_proto::objects;
use pannier_proto::status::ModelInfo;
use pannier_wide_deep::{Model, Rows};

use crate::decisions::PRICE;
use crate::error::SchedulerError;
pub use audience::{Offer, audience};
use items::Items;
pub use recommend::recommend;

/// Which kind of model decides in a context.
pub const KIND: &str = "wide-and-deep";

/// A published model with its catalogue.
struct Offers {
    model: Model,
    items: Items,
    folder: String,
}

impl Offers {
    async fn read(warehouse: &Warehouse, info: &ModelInfo) -> Result<Self, SchedulerError> {
        if info.kind != KIND {
            return Err(SchedulerError::NotFound(format!(
                "the model {} is a {}, which does not decide about offers; train a {KIND}",
                info.model, info.kind
            )));
        }
        let folder = objects::artifact_dir(&info.model, info.version);
        let weights = warehouse
            .get(&format!("{folder}/model.safetensors"))
            .await?;
        let model = Model::read(&weights)
            .map_err(|e| SchedulerError::Failed(format!("`{folder}` cannot be read: {e}")))?;
        Ok(Self {
            items: Items::read(warehouse, &folder).await?,
            model,
            folder,
        })
    }

    fn score(&self, rows: Rows<'_>) -> Result<Vec<f32>, SchedulerError> {
        let failed = |e| SchedulerError::Failed(format!("`{}` cannot score: {e}", self.folder));
        self.model.score(rows).map_err(failed)
    }

    /// Which column is the price; none where the model does not know prices.
    fn price(&self) -> Option<usize> {
        self.model.context().iter().position(|name| name == PRICE)
    }
}
