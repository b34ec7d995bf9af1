//! Published models, for people.

use pannier_proto::objects;
use pannier_proto::wire::registry_service_server::RegistryService;
use pannier_proto::wire::{
    AudienceRequest, AudienceResponse, AudienceUser, ListModelsRequest, ListModelsResponse,
    RecommendRequest, RecommendResponse, RecommendedItem, SimilarItem, SimilarRequest,
    SimilarResponse,
};
use tonic::{Request, Response, Status};

use crate::error::SchedulerError;
use crate::neighbours::Vectors;
use crate::offers::{Offer, audience};
use crate::recommend::{Asked, recommend};
use crate::step::StepContext;

/// Users of an audience at most: more do not fit into one message.
const MOST_USERS: u32 = 1_000_000;

/// The service.
pub struct Registry {
    context: StepContext,
}

impl Registry {
    /// Serves this scheduler's models.
    pub fn new(context: StepContext) -> Self {
        Self { context }
    }

    async fn of_user(
        &self,
        request: &RecommendRequest,
    ) -> Result<RecommendResponse, SchedulerError> {
        let model = self.context.store.model(&request.model)?;
        let top = request.top.clamp(1, 1000) as usize;
        let context = request.context.clone().into_iter().collect();
        let asked = Asked {
            user: &request.user_id,
            items: &request.items,
            context: &context,
            new_only: request.new_only,
        };
        let of = (&self.context.store, &self.context.jobs);
        let list = recommend(of, &model, &asked, top).await?;
        let items = list.items.into_iter().map(|ranked| RecommendedItem {
            item_id: ranked.item.item_id,
            name: ranked.item.name,
            score: f64::from(ranked.score),
            bought: ranked.bought,
        });
        Ok(RecommendResponse {
            model: model.model,
            version: model.version,
            unknown: list.unknown,
            items: items.collect(),
            listed_by: list.listed_by.unwrap_or_default(),
            probabilities: list.probabilities,
        })
    }

    async fn for_offer(
        &self,
        request: &AudienceRequest,
    ) -> Result<AudienceResponse, SchedulerError> {
        let model = self.context.store.model(&request.model)?;
        let offer = Offer {
            item: &request.item,
            price: request.price,
            category: request.category.as_deref(),
            context: request.context.clone().into_iter().collect(),
        };
        let top = request.top.clamp(1, MOST_USERS) as usize;
        let found = audience(self.context.jobs.warehouse(), &model, &offer, top).await?;
        let users = found.best.into_iter().map(|(user_id, score)| AudienceUser {
            user_id,
            probability: f64::from(score),
        });
        Ok(AudienceResponse {
            model: model.model,
            version: model.version,
            item_id: found.item_id,
            name: found.name,
            unknown: found.unknown,
            price: found.price.map(f64::from),
            category: found.category,
            users: found.users,
            audience: users.collect(),
        })
    }

    async fn find(&self, request: &SimilarRequest) -> Result<SimilarResponse, SchedulerError> {
        let model = self.context.store.model(&request.model)?;
        let folder = objects::artifact_dir(&model.model, model.version);
        let vectors = Vectors::read(self.context.jobs.warehouse(), &folder).await?;
        let at = vectors.find(&request.item)?;
        let item = |at: usize, cosine: f64| SimilarItem {
            item_id: vectors.items[at].item_id.clone(),
            name: vectors.items[at].name.clone(),
            cosine,
        };
        let nearest = vectors.nearest(at, request.top.clamp(1, 1000) as usize);
        Ok(SimilarResponse {
            model: model.model,
            version: model.version,
            item: Some(item(at, 1.0)),
            similar: nearest
                .into_iter()
                .map(|(at, cosine)| item(at, f64::from(cosine)))
                .collect(),
        })
    }
}

#[tonic::async_trait]
impl RegistryService for Registry {
    async fn list_models(
        &self,
        _: Request<ListModelsRequest>,
    ) -> Result<Response<ListModelsResponse>, Status> {
        let json =
            serde_json::to_string(&self.context.store.models()?).map_err(SchedulerError::from)?;
        Ok(Response::new(ListModelsResponse { json }))
    }

    async fn recommend(
        &self,
        request: Request<RecommendRequest>,
    ) -> Result<Response<RecommendResponse>, Status> {
        Ok(Response::new(self.of_user(&request.into_inner()).await?))
    }

    async fn audience(
        &self,
        request: Request<AudienceRequest>,
    ) -> Result<Response<AudienceResponse>, Status> {
        Ok(Response::new(self.for_offer(&request.into_inner()).await?))
    }

    async fn similar(
        &self,
        request: Request<SimilarRequest>,
    ) -> Result<Response<SimilarResponse>, Status> {
        Ok(Response::new(self.find(&request.into_inner()).await?))
    }
}
