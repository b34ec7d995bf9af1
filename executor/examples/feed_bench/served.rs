//! Executors' feeds: inside this process, or processes of their own.

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};

use crate::measure::cpu_seconds;
use anyhow::{Context, Result};
use arrow_flight::flight_service_server::FlightServiceServer;
use pannier_engine::warehouse::Warehouse;
use pannier_executor::ExecutorConfig;
use pannier_executor::feed::service::FeedService;
use pannier_proto::config::ByteSize;
use tokio::net::TcpListener;
use tokio_stream::wrappers::TcpListenerStream;

/// A feed that is served until it is dropped.
pub struct Server {
    url: String,
    child: Option<Child>,
}

fn config(cache: u64, threads: usize) -> ExecutorConfig {
    ExecutorConfig {
        feed_cache: ByteSize(cache),
        feed_threads: threads,
        ..ExecutorConfig::default()
    }
}

async fn listen(warehouse: &Warehouse, config: &ExecutorConfig) -> Result<String> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let url = format!("http://{}", listener.local_addr()?);
    let service = FeedService::new(warehouse.clone(), config)?;
    tokio::spawn(
        tonic::transport::Server::builder()
            .add_service(FlightServiceServer::new(service))
            .serve_with_incoming(TcpListenerStream::new(listener)),
    );
    Ok(url)
}

impl Server {
    pub async fn start(warehouse: &Warehouse, cache: u64) -> Result<Self> {
        let url = listen(warehouse, &config(cache, 2)).await?;
        Ok(Self { url, child: None })
    }

    /// A process of its own on one core.
    pub fn spawn(root: &str, core: usize) -> Result<Self> {
        let mut child = Command::new("taskset")
            .args(["-c", &core.to_string()])
            .arg(std::env::current_exe()?)
            .args(["serve", "--warehouse", root])
            .stdout(Stdio::piped())
            .spawn()
            .context("taskset, of util-linux, pins a process to a core")?;
        let out = child.stdout.take().context("its output is piped")?;
        let mut url = String::new();
        BufReader::new(out).read_line(&mut url)?;
        Ok(Self {
            url: url.trim().to_owned(),
            child: Some(child),
        })
    }

    /// Processor seconds of a process of its own.
    pub fn cpu(&self) -> f64 {
        let process = self.child.as_ref().map(|c| c.id().to_string());
        process.map_or(0.0, |id| cpu_seconds(&id))
    }

    pub fn urls(&self) -> Vec<String> {
        vec![self.url.clone()]
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if let Some(child) = &mut self.child {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

/// What a process of its own does: says where it serves, and serves.
pub async fn serve_forever(root: &str) -> Result<()> {
    let warehouse = Warehouse::open(root)?;
    println!("{}", listen(&warehouse, &config(1 << 30, 1)).await?);
    std::future::pending().await
}
