//! A proxy that hurts: one request to a connection, read and answered whole. Which request is hurt
//! depends on its number alone.

use std::collections::BTreeMap;
use std::io::{Error, ErrorKind, Result};
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

/// An answer that is worth cutting.
const LARGE: usize = 16 << 10;

/// Every how many requests something happens; 0 stands for never.
#[derive(Debug, Clone, Copy, Default)]
pub struct Faults {
    /// Any request: 503 SlowDown, not done.
    pub slow_down: u64,
    /// A read with a large body: cut in its middle.
    pub cut: u64,
    /// A write: done, and the connection cut before the answer.
    pub lost: u64,
}

/// What is to happen before a request is passed on.
type Deed = Box<dyn FnOnce() + Send>;

#[derive(Default)]
struct Counts {
    // Requests by kind, and faults made, by their names.
    of: BTreeMap<&'static str, u64>,
    log: Vec<String>,
    // By the beginning of the request's first line.
    before: Option<(String, Deed)>,
}

impl Counts {
    /// Counts one, and says whether it is the `every`-th.
    fn next(&mut self, what: &'static str, every: u64) -> bool {
        let count = self.of.entry(what).or_default();
        *count += 1;
        every > 0 && count.is_multiple_of(every)
    }
}

/// A proxy that is running.
pub struct Proxy {
    /// Where it listens.
    pub url: String,
    counts: Arc<Mutex<Counts>>,
}

impl Proxy {
    pub async fn start(server: SocketAddr, faults: Faults) -> Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let url = format!("http://{}", listener.local_addr()?);
        let counts = Arc::new(Mutex::new(Counts::default()));
        let shared = Arc::clone(&counts);
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                // A client that is killed is no fault of the test.
                tokio::spawn(pass(client, server, faults, Arc::clone(&shared)));
            }
        });
        Ok(Self { url, counts })
    }

    /// How many times a thing happened: `request`, `slow-down`, `cut`, `lost`.
    pub fn count(&self, what: &str) -> u64 {
        let counts = self.counts.lock().unwrap();
        counts.of.get(what).copied().unwrap_or(0)
    }

    /// Does something once, before the first request that begins so is passed on.
    pub fn before(&self, request: &str, deed: impl FnOnce() + Send + 'static) {
        let mut counts = self.counts.lock().unwrap();
        counts.before = Some((request.to_owned(), Box::new(deed)));
    }

    /// How many requests there were whose first line `wanted` says yes to.
    pub fn asked(&self, wanted: impl Fn(&str) -> bool) -> usize {
        let counts = self.counts.lock().unwrap();
        counts.log.iter().filter(|line| wanted(line)).count()
    }
}

async fn pass(
    mut client: TcpStream,
    server: SocketAddr,
    faults: Faults,
    counts: Arc<Mutex<Counts>>,
) -> Result<()> {
    let (head, body) = request(&mut client).await?;
    let first = head.lines().next().unwrap_or_default().to_owned();
    let refused = {
        let mut counts = counts.lock().unwrap();
        counts.log.push(first.clone());
        if let Some((_, deed)) = counts
            .before
            .take_if(|(b, _)| first.starts_with(b.as_str()))
        {
            deed();
        }
        let refused = counts.next("request", faults.slow_down);
        if refused {
            counts.next("slow-down", 0);
        }
        refused
    };
    if refused {
        let body =
            "<Error><Code>SlowDown</Code><Message>Reduce your request rate.</Message></Error>";
        let answer = format!(
            "HTTP/1.1 503 Slow Down\r\ncontent-length: {}\r\nconnection: close\r\n\r\n",
            body.len()
        );
        client.write_all(answer.as_bytes()).await?;
        // What a HEAD is answered has no body.
        if !first.starts_with("HEAD") {
            client.write_all(body.as_bytes()).await?;
        }
        return client.shutdown().await;
    }
    let mut upstream = TcpStream::connect(server).await?;
    let head = head.replacen("\r\n", "\r\nconnection: close\r\n", 1);
    upstream.write_all(head.as_bytes()).await?;
    upstream.write_all(&body).await?;
    let mut answer = Vec::new();
    upstream.read_to_end(&mut answer).await?;
    let mut sent = answer.len();
    {
        let mut counts = counts.lock().unwrap();
        let write = first.starts_with("PUT") || first.starts_with("POST");
        if write && counts.next("write", faults.lost) {
            counts.next("lost", 0);
            return Ok(());
        }
        let large = first.starts_with("GET") && answer.len() > LARGE;
        if large && counts.next("read", faults.cut) {
            counts.next("cut", 0);
            sent /= 2;
        }
    }
    client.write_all(&answer[..sent]).await?;
    client.shutdown().await
}

/// A request's head, with the empty line, and its body.
async fn request(client: &mut TcpStream) -> Result<(String, Vec<u8>)> {
    let mut bytes = Vec::new();
    let end = loop {
        if let Some(at) = bytes.windows(4).position(|w| w == b"\r\n\r\n") {
            break at + 4;
        }
        more(client, &mut bytes).await?;
    };
    let mut body = bytes.split_off(end);
    let head = String::from_utf8(bytes).map_err(|e| Error::new(ErrorKind::InvalidData, e))?;
    let length = head.lines().find_map(|line| {
        let (name, value) = line.split_once(':')?;
        let length = name.eq_ignore_ascii_case("content-length").then_some(value);
        length?.trim().parse::<usize>().ok()
    });
    while body.len() < length.unwrap_or(0) {
        more(client, &mut body).await?;
    }
    Ok((head, body))
}

async fn more(client: &mut TcpStream, bytes: &mut Vec<u8>) -> Result<()> {
    match client.read_buf(bytes).await? {
        0 => Err(ErrorKind::UnexpectedEof.into()),
        _ => Ok(()),
    }
}
