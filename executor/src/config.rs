//! The executor's config.

use std::path::PathBuf;
use std::time::Duration;

use pannier_proto::config::{ByteSize, Span};
use pannier_store::StoreConfig;
use serde::{Deserialize, Serialize};

/// How an executor runs.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ExecutorConfig {
    /// The scheduler, for example `http://10.0.0.1:50050`.
    pub scheduler: String,
    /// Address to listen on.
    pub bind_host: String,
    /// Name or address under which others reach this machine.
    pub external_host: String,
    /// Port of Ballista's shuffle; 0 takes a free one.
    pub shuffle_port: u16,
    /// Port of Ballista's task service; 0 takes a free one.
    pub task_port: u16,
    /// Port of the feed; 0 takes a free one.
    pub feed_port: u16,
    /// Folder for shuffle and spill files.
    pub work: PathBuf,
    /// Root of the warehouse: a folder, or `s3://bucket/prefix`.
    pub warehouse: String,
    /// Partitions run at a time; 0 stands for the number of cores.
    pub vcores: usize,
    /// Memory of all tasks together; 0 takes 60 % of the machine's.
    pub memory: ByteSize,
    /// Between two signs of life.
    pub heartbeat: Span,
    /// How long to wait for the scheduler at the start.
    pub connect_timeout: Span,
    /// Decoded row groups kept for further epochs, trainers and resumes.
    pub feed_cache: ByteSize,
    /// Threads that decode and transform for the feed, and as many that carry its bytes. They are the
    /// feed's own: tasks of the engine never wait for them.
    pub feed_threads: usize,
    /// Feed streams served at a time; more of them wait.
    pub feed_streams: usize,
    /// How long a stream waits for its turn before its trainer is sent to another executor.
    pub feed_queue: Span,
    /// Bytes of one stream that may wait for its trainer, besides one step.
    pub feed_stream_bytes: ByteSize,
    /// Patience with object stores; the same for all roles of one process.
    pub store: StoreConfig,
}

impl Default for ExecutorConfig {
    fn default() -> Self {
        Self {
            scheduler: "http://127.0.0.1:50050".into(),
            bind_host: "0.0.0.0".into(),
            external_host: "127.0.0.1".into(),
            shuffle_port: 50051,
            task_port: 50052,
            feed_port: 50053,
            work: PathBuf::from("pannier-data/work"),
            warehouse: "pannier-data/warehouse".into(),
            vcores: 0,
            memory: ByteSize(0),
            heartbeat: Span(Duration::from_secs(5)),
            connect_timeout: Span(Duration::from_secs(60)),
            feed_cache: ByteSize(256 << 20),
            feed_threads: 2,
            feed_streams: 16,
            feed_queue: Span(Duration::from_secs(5)),
            feed_stream_bytes: ByteSize(8 << 20),
            store: StoreConfig::default(),
        }
    }
}
