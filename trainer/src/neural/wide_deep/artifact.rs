//! The artifact of wide and deep.

use pannier_proto::manifest::ArtifactFile;
use pannier_proto::spec::WideDeepParams;
use pannier_wide_deep::{Error, Model, Named, Sizes};

use crate::artifact::{Artifact, ArtifactConfig, USERS, WEIGHTS};
use crate::decisions::tables::{Dense, rows_of};
use crate::error::TrainerError;
use crate::storage::Storage;
use crate::vocab::Vocab;

impl From<Error> for TrainerError {
    fn from(error: Error) -> Self {
        Self::data("wide-and-deep", error.to_string())
    }
}

/// The tables beside the decisions that a model is trained on.
pub(crate) struct Beside {
    pub items: Dense,
    pub users: Dense,
}

impl Beside {
    /// Reads both by their manifests.
    ///
    /// # Errors
    /// [`TrainerError::Storage`], or [`TrainerError::Data`] where one is not as it must be.
    pub(crate) fn read(
        storage: &Storage,
        items: &str,
        users: Option<&str>,
    ) -> Result<Self, TrainerError> {
        let missing = || TrainerError::bug("work for wide-and-deep names no table of users");
        Ok(Self {
            items: Dense::read(storage, items, "item_idx")?,
            users: Dense::read(storage, users.ok_or_else(missing)?, "user_idx")?,
        })
    }

    /// The sizes that params ask for.
    ///
    /// # Errors
    /// [`TrainerError::Data`] where items have no categories, or params cross what is not there.
    pub(crate) fn sizes(&self, params: &WideDeepParams) -> Result<Sizes, TrainerError> {
        let sizes = Sizes {
            items: self.items.indices(),
            users: self.users.indices(),
            categories: rows_of(&self.items.column("category_idx")?),
            embedding: params.embedding as usize,
            wide: params.wide as usize,
            deep: params.deep.iter().map(|units| *units as usize).collect(),
            join: params.join as usize,
            context: params.context.clone(),
            context_units: params.context_units as usize,
            crosses: params.crosses.clone(),
            cross_buckets: params.cross_buckets as usize,
        };
        sizes.check()?;
        Ok(sizes)
    }
}

/// Writes all files of the artifact into a folder. Vectors are those of real items.
///
/// # Errors
/// [`TrainerError::Storage`] where writing fails.
pub(crate) fn write(
    storage: &Storage,
    folder: &str,
    (sizes, weights): (&Sizes, &[Named]),
    (vocab, beside): (&Vocab, &Beside),
    config: &ArtifactConfig,
) -> Result<Vec<ArtifactFile>, TrainerError> {
    let mut artifact = Artifact::new(storage, folder);
    let table = weights.first();
    let table = table.ok_or_else(|| TrainerError::bug("no weights"))?;
    let dim = sizes.embedding;
    let first = vocab.rows() - vocab.items.len();
    let vector = |item: usize| &table.numbers[(item + first) * dim..][..dim];
    let image = pannier_wide_deep::write(sizes, weights)?;
    let of = (vocab, &beside.items.rows);
    artifact.items_of(config, image, of, (dim, vector), Vec::new())?;
    artifact.table(USERS, &beside.users.users(&sizes.context)?)?;
    Ok(artifact.files)
}

/// The model of an artifact.
///
/// # Errors
/// [`TrainerError::Storage`] where it cannot be read; [`TrainerError::Data`] where it is no model.
pub(crate) fn load(storage: &Storage, artifact: &str) -> Result<Model, TrainerError> {
    Ok(Model::read(
        &storage.get(&format!("{artifact}/{WEIGHTS}"))?,
    )?)
}
