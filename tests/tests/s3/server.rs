//! s3s-fs with signatures checked, behind the proxy, in threads of this test.

use std::path::{Path, PathBuf};
use std::process::Command;

use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto::Builder;
use pannier_tests::{Ran, command, finished};
use s3s::auth::SimpleAuth;
use s3s::service::{S3Service, S3ServiceBuilder};
use s3s_fs::FileSystem;
use tokio::net::TcpListener;
use tokio::runtime::Runtime;

use crate::faults::{Faults, Proxy};

pub const KEY: &str = "AKIATESTKEYTESTKEY";
pub const SECRET: &str = "hush+hush/hush+hush/hush";
/// The bucket.
pub const BUCKET: &str = "lake";

/// A server with one bucket.
pub struct S3 {
    /// Objects as files.
    pub bucket: PathBuf,
    /// What is between the server and the world.
    pub proxy: Proxy,
    runtime: Runtime,
}

impl S3 {
    /// Starts a server over a folder.
    pub fn start(root: &Path, faults: Faults) -> anyhow::Result<Self> {
        let bucket = root.join(BUCKET);
        std::fs::create_dir_all(&bucket)?;
        let files = FileSystem::new(root).map_err(|e| anyhow::anyhow!("{e:?}"))?;
        let mut service = S3ServiceBuilder::new(files);
        service.set_auth(SimpleAuth::from_single(KEY, SECRET));
        let runtime = Runtime::new()?;
        let listener = runtime.block_on(TcpListener::bind("127.0.0.1:0"))?;
        let address = listener.local_addr()?;
        runtime.spawn(serve(listener, service.build()));
        let proxy = runtime.block_on(Proxy::start(address, faults))?;
        Ok(Self {
            bucket,
            proxy,
            runtime,
        })
    }

    /// The program, with an environment that leads to this server.
    pub fn command(&self, folder: &Path) -> anyhow::Result<Command> {
        let mut command = command(folder)?;
        for (name, _) in std::env::vars_os() {
            if name.to_string_lossy().starts_with("AWS_") {
                command.env_remove(name);
            }
        }
        command.envs([
            ("AWS_ACCESS_KEY_ID", KEY),
            ("AWS_SECRET_ACCESS_KEY", SECRET),
            ("AWS_REGION", "us-east-1"),
            ("AWS_ENDPOINT_URL", &self.proxy.url),
            ("AWS_ALLOW_HTTP", "true"),
        ]);
        Ok(command)
    }

    /// Runs a command of the program to its end.
    pub fn ran(&self, folder: &Path, args: &[&str]) -> anyhow::Result<Ran> {
        finished(self.command(folder)?.args(args))
    }

    /// Waits for something.
    pub fn wait<T>(&self, something: impl Future<Output = T>) -> T {
        self.runtime.block_on(something)
    }

    /// Puts the files of a folder into the bucket.
    pub fn upload(&self, from: &Path, to: &str) -> anyhow::Result<()> {
        std::fs::create_dir_all(self.bucket.join(to))?;
        for entry in std::fs::read_dir(from)? {
            let entry = entry?;
            if entry.file_type()?.is_file() {
                std::fs::copy(entry.path(), self.bucket.join(to).join(entry.file_name()))?;
            }
        }
        Ok(())
    }
}

async fn serve(listener: TcpListener, service: S3Service) {
    let server = Builder::new(TokioExecutor::new());
    while let Ok((stream, _)) = listener.accept().await {
        let connection = server.serve_connection(TokioIo::new(stream), service.clone());
        let connection = connection.into_owned();
        tokio::spawn(async move {
            // A proxy that hangs up is what this is for.
            drop(connection.await);
        });
    }
}
