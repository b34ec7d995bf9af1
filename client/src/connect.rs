//! Addresses and channels: limits, time-outs, and how a dead scheduler is noticed.

use std::time::Duration;

use tonic::transport::{Channel, Endpoint};

use crate::error::{ClientError, root_cause};

const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
// A stopped scheduler or a cut cable sends no goodbye: the stream is given up after both of these.
const KEEP_ALIVE_EVERY: Duration = Duration::from_secs(10);
const KEEP_ALIVE_TIMEOUT: Duration = Duration::from_secs(20);

/// `host:port` as `http://host:port`, without a slash at the end.
pub(crate) fn normalised(url: &str) -> String {
    let url = url.trim().trim_end_matches('/');
    if url.contains("://") {
        url.to_owned()
    } else {
        format!("http://{url}")
    }
}

/// Opens a channel. It connects again by itself when the connection breaks later on.
pub(crate) async fn open(url: &str) -> Result<Channel, ClientError> {
    let bad = |reason: String| ClientError::BadUrl {
        url: url.to_owned(),
        reason,
    };
    let endpoint = Endpoint::from_shared(url.to_owned()).map_err(|e| bad(root_cause(&e)))?;
    match endpoint.uri().scheme_str() {
        Some("http") if endpoint.uri().port().is_some() => {}
        Some("http") => return Err(bad("it has no port".into())),
        Some(other) => return Err(bad(format!("`{other}` is not supported"))),
        None => return Err(bad("it has no http:// in front".into())),
    }
    endpoint
        .connect_timeout(CONNECT_TIMEOUT)
        .http2_keep_alive_interval(KEEP_ALIVE_EVERY)
        .keep_alive_timeout(KEEP_ALIVE_TIMEOUT)
        .tcp_nodelay(true)
        .connect()
        .await
        .map_err(|e| ClientError::Unreachable {
            url: url.to_owned(),
            reason: root_cause(&e),
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_may_be_written_short() {
        assert_eq!(normalised("10.0.0.7:50050"), "http://10.0.0.7:50050");
        assert_eq!(
            normalised(" http://scheduler:50050/ "),
            "http://scheduler:50050"
        );
    }

    #[tokio::test]
    async fn bad_addresses_are_not_called_unreachable() {
        for url in ["ftp://a:1", "http://a", "http://a b"] {
            let opened = open(url).await.map(|_| ());
            assert!(
                matches!(opened, Err(ClientError::BadUrl { .. })),
                "{url}: {opened:?}"
            );
        }
    }
}
