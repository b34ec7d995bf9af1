//! Tells the scheduler, again and again, where this executor's feed is.

use std::time::Duration;

use pannier_proto::wire::FeedEndpoint;
use pannier_proto::wire::work_service_client::WorkServiceClient;
use tonic::transport::Endpoint;

/// Announces until dropped. A scheduler that is away for a while is told when it is back.
pub async fn run(scheduler: String, endpoint: FeedEndpoint, every: Duration) {
    let Ok(channel) =
        Endpoint::from_shared(scheduler).map(|e| e.timeout(Duration::from_secs(5)).connect_lazy())
    else {
        return;
    };
    let mut client = WorkServiceClient::new(channel);
    let mut tick = tokio::time::interval(every);
    loop {
        tick.tick().await;
        if let Err(status) = client.announce_feed(endpoint.clone()).await {
            tracing::debug!(%status, "the feed could not be announced");
        }
    }
}
