//! What a role says to a browser.

use std::time::Duration;

use anyhow::{Context, ensure};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

/// Longer than a page ever takes.
const PAGE: Duration = Duration::from_secs(20);

/// The body of a page of a role at `http://host:port`.
///
/// # Errors
/// Where it does not answer, or not with 200.
pub async fn page(url: &str, path: &str) -> anyhow::Result<String> {
    let address = url.trim_start_matches("http://");
    let asked = async {
        let mut stream = TcpStream::connect(address).await?;
        let request = format!("GET {path} HTTP/1.0\r\nHost: {address}\r\n\r\n");
        stream.write_all(request.as_bytes()).await?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await?;
        anyhow::Ok(answer)
    };
    let answer = timeout(PAGE, asked).await??;
    let (head, body) = answer.split_once("\r\n\r\n").context("no answer")?;
    ensure!(head.contains(" 200 "), "{head}");
    Ok(body.to_owned())
}
