//! A server that speaks as much S3 as the tests here ask of it, over real connections, and fails
//! when told. The tests of the whole program have a real server; this one fails at exact places.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use object_store::ObjectStore;
use object_store::aws::AmazonS3Builder;
use pannier_proto::config::Span;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use crate::config::StoreConfig;
use crate::stores::Stores;

pub(crate) const SECRET: &str = "hush-hush-hush";

/// What happens to a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fault {
    /// Nothing.
    None,
    /// Refused with this status.
    Status(u16),
    /// Done, but the connection is cut before the answer.
    LostAnswer,
    /// Done, but the connection is cut in the middle of the answer's body.
    CutBody,
}

#[derive(Default)]
struct State {
    objects: BTreeMap<String, Vec<u8>>,
    parts: BTreeMap<String, Vec<u8>>,
    faults: VecDeque<Fault>,
    // By the beginning of a request's first line.
    fault_at: Option<(&'static str, Fault)>,
    log: Vec<String>,
}

/// The server.
pub(crate) struct Server {
    address: String,
    state: Arc<Mutex<State>>,
}

impl Server {
    pub async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let state = Arc::new(Mutex::new(State::default()));
        let shared = Arc::clone(&state);
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                // A client that goes away is no fault of a test.
                tokio::spawn(serve(stream, Arc::clone(&shared)));
            }
        });
        Self { address, state }
    }

    /// The bucket `b`, as the registry would open it.
    pub fn bucket(&self, retries: usize) -> Arc<dyn ObjectStore> {
        let config = StoreConfig {
            retries,
            backoff: Span(Duration::from_millis(1)),
            backoff_limit: Span(Duration::from_millis(5)),
            ..StoreConfig::default()
        };
        let builder = AmazonS3Builder::new()
            .with_endpoint(format!("http://{}", self.address))
            .with_allow_http(true)
            .with_access_key_id("key-id")
            .with_secret_access_key(SECRET)
            .with_token(SECRET);
        Stores::new(config).client(builder, "b").unwrap()
    }

    pub fn put(&self, key: &str, bytes: impl Into<Vec<u8>>) {
        let mut state = self.state.lock().unwrap();
        state.objects.insert(format!("/b/{key}"), bytes.into());
    }

    pub fn get(&self, key: &str) -> Option<Vec<u8>> {
        let state = self.state.lock().unwrap();
        state.objects.get(&format!("/b/{key}")).cloned()
    }

    /// What happens to the next requests.
    pub fn fail(&self, faults: &[Fault]) {
        self.state.lock().unwrap().faults = faults.iter().copied().collect();
    }

    /// What happens to the first request that begins so, with its query.
    pub fn fail_at(&self, request: &'static str, fault: Fault) {
        self.state.lock().unwrap().fault_at = Some((request, fault));
    }

    /// Requests so far, as `GET /b/key`, and forgets them.
    pub fn log(&self) -> Vec<String> {
        std::mem::take(&mut self.state.lock().unwrap().log)
    }
}

struct Request {
    method: String,
    path: String,
    query: String,
    headers: BTreeMap<String, String>,
    body: Vec<u8>,
}

struct Answer {
    status: u16,
    headers: Vec<(&'static str, String)>,
    body: Vec<u8>,
}

impl Answer {
    fn of(status: u16, body: impl Into<Vec<u8>>) -> Self {
        Self {
            status,
            headers: Vec::new(),
            body: body.into(),
        }
    }
}

async fn request(stream: &mut TcpStream) -> Option<Request> {
    let mut bytes = Vec::new();
    let head = loop {
        if let Some(at) = bytes.windows(4).position(|w| w == b"\r\n\r\n") {
            break at;
        }
        if stream.read_buf(&mut bytes).await.ok()? == 0 {
            return None;
        }
    };
    let text = String::from_utf8(bytes[..head].to_vec()).ok()?;
    let mut lines = text.lines();
    let mut first = lines.next()?.split(' ');
    let (method, target) = (first.next()?.to_owned(), first.next()?.to_owned());
    let (path, query) = target.split_once('?').unwrap_or((&target, ""));
    let headers: BTreeMap<String, String> = lines
        .filter_map(|l| l.split_once(": "))
        .map(|(k, v)| (k.to_lowercase(), v.to_owned()))
        .collect();
    let length = headers.get("content-length").and_then(|l| l.parse().ok());
    let mut body = bytes[head + 4..].to_vec();
    while body.len() < length.unwrap_or(0) {
        if stream.read_buf(&mut body).await.ok()? == 0 {
            return None;
        }
    }
    Some(Request {
        method,
        path: path.to_owned(),
        query: query.to_owned(),
        headers,
        body,
    })
}

async fn serve(mut stream: TcpStream, state: Arc<Mutex<State>>) -> Option<()> {
    let request = request(&mut stream).await?;
    let (fault, answer) = {
        let mut state = state.lock().unwrap();
        let line = format!("{} {}", request.method, request.path);
        let whole = format!("{line}?{}", request.query);
        state.log.push(line);
        let fault = match state.fault_at.take_if(|(at, _)| whole.starts_with(*at)) {
            Some((_, fault)) => fault,
            None => state.faults.pop_front().unwrap_or(Fault::None),
        };
        let answer = match fault {
            Fault::Status(status) => {
                let token = request.headers.get("x-amz-security-token");
                let body = format!(
                    "<Error><Code>Refused</Code><Message>no</Message><CanonicalRequest>{token:?}</CanonicalRequest></Error>"
                );
                Answer::of(status, body)
            }
            _ => answered(&mut state, &request),
        };
        (fault, answer)
    };
    if fault == Fault::LostAnswer {
        return None;
    }
    let mut head = format!(
        "HTTP/1.1 {} X\r\ncontent-length: {}\r\nconnection: close\r\n",
        answer.status,
        answer.body.len()
    );
    for (name, value) in &answer.headers {
        head += &format!("{name}: {value}\r\n");
    }
    head += "\r\n";
    stream.write_all(head.as_bytes()).await.ok()?;
    let sent = match (fault, request.method.as_str()) {
        (_, "HEAD") => 0,
        (Fault::CutBody, _) => answer.body.len() / 2,
        _ => answer.body.len(),
    };
    stream.write_all(&answer.body[..sent]).await.ok()?;
    stream.shutdown().await.ok()
}

fn e_tag(bytes: &[u8]) -> String {
    let sum = bytes.iter().fold(bytes.len() as u64, |sum, b| {
        sum.wrapping_mul(31).wrapping_add(u64::from(*b))
    });
    format!("\"{sum:016x}\"")
}

fn answered(state: &mut State, request: &Request) -> Answer {
    let header = |name: &str| request.headers.get(name).map(String::as_str);
    let key = request.path.clone();
    match (request.method.as_str(), request.query.as_str()) {
        ("GET", query) if query.contains("list-type=2") => listed(state, query),
        ("GET" | "HEAD", _) => {
            let Some(bytes) = state.objects.get(&key) else {
                return Answer::of(404, "<Error><Code>NoSuchKey</Code></Error>");
            };
            let e_tag = e_tag(bytes);
            if header("if-match").is_some_and(|wanted| wanted != e_tag) {
                return Answer::of(412, "<Error><Code>PreconditionFailed</Code></Error>");
            }
            let range = header("range").and_then(|r| r.strip_prefix("bytes=")?.split_once('-'));
            let mut answer = match range {
                Some((first, last)) => {
                    let (first, last): (usize, usize) =
                        (first.parse().unwrap(), last.parse().unwrap());
                    let mut answer = Answer::of(206, &bytes[first..=last]);
                    let range = format!("bytes {first}-{last}/{}", bytes.len());
                    answer.headers.push(("content-range", range));
                    answer
                }
                None => Answer::of(200, bytes.clone()),
            };
            answer.headers.push(("etag", e_tag));
            let modified = "Sun, 22 Nov 2026 00:00:00 GMT".to_owned();
            answer.headers.push(("last-modified", modified));
            answer
        }
        ("PUT", "") => {
            if header("if-none-match").is_some() && state.objects.contains_key(&key) {
                return Answer::of(412, "<Error><Code>PreconditionFailed</Code></Error>");
            }
            let mut answer = Answer::of(200, "");
            answer.headers.push(("etag", e_tag(&request.body)));
            state.objects.insert(key, request.body.clone());
            answer
        }
        ("POST", "uploads=") => Answer::of(
            200,
            "<InitiateMultipartUploadResult><Bucket>b</Bucket><Key>k</Key><UploadId>u</UploadId></InitiateMultipartUploadResult>",
        ),
        ("PUT", part) => {
            let mut answer = Answer::of(200, "");
            answer.headers.push(("etag", e_tag(&request.body)));
            state.parts.insert(part.to_owned(), request.body.clone());
            answer
        }
        ("POST", "uploadId=u") => {
            if state.parts.is_empty() {
                return Answer::of(404, "<Error><Code>NoSuchUpload</Code></Error>");
            }
            let whole: Vec<u8> = std::mem::take(&mut state.parts)
                .into_values()
                .flatten()
                .collect();
            state.objects.insert(key, whole);
            Answer::of(
                200,
                "<CompleteMultipartUploadResult><ETag>\"t\"</ETag></CompleteMultipartUploadResult>",
            )
        }
        ("POST", _) => {
            let body = String::from_utf8_lossy(&request.body).into_owned();
            for key in body.split("<Key>").skip(1) {
                let key = key.split("</Key>").next().unwrap_or_default();
                state.objects.remove(&format!("/b/{key}"));
            }
            Answer::of(
                200,
                "<DeleteResult><Deleted><Key>k</Key></Deleted></DeleteResult>",
            )
        }
        _ => Answer::of(501, ""),
    }
}

/// A listing, two objects to an answer.
fn listed(state: &State, query: &str) -> Answer {
    let after = query.split('&').find_map(|q| {
        q.strip_prefix("continuation-token=")
            .or_else(|| q.strip_prefix("start-after="))
    });
    let after = format!("/b/{}", after.unwrap_or_default());
    let keys: Vec<&String> = state.objects.keys().filter(|k| **k > after).collect();
    let mut body = "<ListBucketResult>".to_owned();
    for key in keys.iter().take(2) {
        let key = key.trim_start_matches("/b/");
        body += &format!(
            "<Contents><Key>{key}</Key><Size>1</Size><LastModified>2026-11-22T00:00:00Z</LastModified></Contents>"
        );
    }
    if keys.len() > 2 {
        let next = keys[1].trim_start_matches("/b/");
        body += &format!("<NextContinuationToken>{next}</NextContinuationToken>");
    }
    Answer::of(200, body + "</ListBucketResult>")
}
