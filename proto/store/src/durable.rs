//! A bucket's client for whoever asks: an answer that got lost is not mistaken for a refusal, and
//! errors are told for people.
//!
//! The client below sends a request again after a 5xx, a time-out or a cut connection, and asks
//! for the rest of an object that broke off. It cannot know that the put, or the end of an upload,
//! which it sends again was done the first time: the second answer then says "exists already", or
//! "no such upload". Whether that was us is seen in what lies there. And it does not ask again for
//! a listing that broke off, nor delete again.

use std::fmt;
use std::ops::Range;
use std::sync::Arc;
use std::time::{Duration, Instant};

use async_trait::async_trait;
use bytes::Bytes;
use futures::stream::BoxStream;
use futures::{FutureExt, StreamExt, TryStreamExt, stream};
use object_store::path::Path;
use object_store::{
    CopyOptions, Error, GetOptions, GetResult, GetResultPayload, ListResult, MultipartUpload,
    ObjectMeta, ObjectStore, ObjectStoreExt, PutMode, PutMultipartOptions, PutOptions, PutPayload,
    PutResult, Result, UploadPart,
};

use crate::advice::told;
use crate::config::StoreConfig;

/// Times that a request is sent again whose fate is open, each with retries of its own below.
const AGAIN: u32 = 3;
/// What S3 deletes with one request at most.
const DELETED_AT_ONCE: usize = 1000;

/// A bucket.
#[derive(Debug)]
pub(crate) struct Durable {
    inner: Arc<dyn ObjectStore>,
    bucket: String,
    patience: Patience,
}

/// How long what is not sent again below is sent again here.
#[derive(Debug, Clone, Copy)]
struct Patience {
    pause: Duration,
    limit: Duration,
}

impl Patience {
    fn again(self) -> Again {
        Again {
            left: AGAIN,
            pause: self.pause,
            until: Instant::now() + self.limit,
        }
    }
}

impl fmt::Display for Durable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "s3://{}", self.bucket)
    }
}

/// How often and how long a request is sent again.
struct Again {
    left: u32,
    pause: Duration,
    until: Instant,
}

impl Again {
    /// Waits a while, unless it was enough.
    async fn once_more(&mut self) -> bool {
        if self.left == 0 || Instant::now() > self.until {
            return false;
        }
        tokio::time::sleep(self.pause).await;
        self.left -= 1;
        self.pause *= 2;
        true
    }
}

/// An answer whose body broke off: what is told of all other faults was sent again below.
fn broke_off(error: &Error) -> bool {
    matches!(error, Error::Generic { source, .. } if !source.to_string().contains("Error performing"))
}

/// What lies where an object was to be created.
enum Found {
    /// The same bytes.
    Same(PutResult),
    /// Other bytes.
    Other,
    /// Nothing: another put is going on there.
    Nothing,
}

impl Durable {
    pub fn new(inner: Arc<dyn ObjectStore>, bucket: &str, config: &StoreConfig) -> Self {
        Self {
            inner,
            bucket: bucket.to_owned(),
            patience: Patience {
                pause: config.backoff.0,
                limit: config.retry_for.0,
            },
        }
    }

    fn told(&self) -> impl Fn(Error) -> Error + Send + Sync + use<> {
        let bucket = self.bucket.clone();
        move |e| told(&bucket, e)
    }

    /// Puts unless something else is there. The same bytes count as ours: either they are, or the
    /// one who put them wanted what we want.
    async fn create(
        &self,
        location: &Path,
        payload: PutPayload,
        options: PutOptions,
    ) -> Result<PutResult> {
        let mut again = self.patience.again();
        loop {
            let put = self
                .inner
                .put_opts(location, payload.clone(), options.clone());
            let error = match put.await {
                Ok(done) => return Ok(done),
                Err(error) => error,
            };
            match &error {
                Error::AlreadyExists { .. } => match self.found(location, &payload).await? {
                    Found::Same(done) => return Ok(done),
                    Found::Other => return Err(error),
                    Found::Nothing => {}
                },
                // It may have been done or not: the same put again tells.
                Error::Generic { .. } => {}
                _ => return Err(error),
            }
            if !again.once_more().await {
                return Err(error);
            }
        }
    }

    async fn found(&self, location: &Path, payload: &PutPayload) -> Result<Found> {
        let there = match self.inner.get(location).await {
            Ok(there) => there,
            Err(Error::NotFound { .. }) => return Ok(Found::Nothing),
            Err(error) => return Err(error),
        };
        if there.meta.size != payload.content_length() as u64 {
            return Ok(Found::Other);
        }
        let done = PutResult {
            e_tag: there.meta.e_tag.clone(),
            version: there.meta.version.clone(),
        };
        let same = there.bytes().await? == Bytes::from(payload.clone());
        Ok(if same {
            Found::Same(done)
        } else {
            Found::Other
        })
    }
}

/// Deletes at once. Deleting twice is deleting once.
async fn delete(
    inner: &Arc<dyn ObjectStore>,
    paths: Vec<Path>,
    mut again: Again,
) -> Result<Vec<Path>> {
    loop {
        let locations = stream::iter(paths.clone().into_iter().map(Ok)).boxed();
        let deleted = inner.delete_stream(locations).try_collect().await;
        if !matches!(deleted, Err(Error::Generic { .. })) || !again.once_more().await {
            return deleted;
        }
    }
}

/// Lists, and goes on after the last object where an answer broke off: S3 lists in order.
fn list(
    inner: Arc<dyn ObjectStore>,
    prefix: Option<Path>,
    after: Option<Path>,
    again: Again,
) -> BoxStream<'static, Result<ObjectMeta>> {
    let from = move |after: &Option<Path>| match after {
        Some(after) => inner.list_with_offset(prefix.as_ref(), after),
        None => inner.list(prefix.as_ref()),
    };
    let begun = (from(&after), after, again, from);
    let listed = stream::try_unfold(begun, async |(mut listing, mut last, mut again, from)| {
        loop {
            match listing.next().await.transpose() {
                Ok(Some(object)) => {
                    last = Some(object.location.clone());
                    return Ok(Some((object, (listing, last, again, from))));
                }
                Ok(None) => return Ok(None),
                Err(error) => {
                    if !broke_off(&error) || !again.once_more().await {
                        return Err(error);
                    }
                    listing = from(&last);
                }
            }
        }
    });
    listed.boxed()
}

#[async_trait]
impl ObjectStore for Durable {
    async fn put_opts(
        &self,
        location: &Path,
        payload: PutPayload,
        options: PutOptions,
    ) -> Result<PutResult> {
        let put = if options.mode == PutMode::Create {
            self.create(location, payload, options).await
        } else {
            self.inner.put_opts(location, payload, options).await
        };
        put.map_err(self.told())
    }

    async fn put_multipart_opts(
        &self,
        location: &Path,
        options: PutMultipartOptions,
    ) -> Result<Box<dyn MultipartUpload>> {
        let upload = self.inner.put_multipart_opts(location, options).await;
        Ok(Box::new(Upload {
            inner: upload.map_err(self.told())?,
            store: Arc::clone(&self.inner),
            bucket: self.bucket.clone(),
            location: location.clone(),
            bytes: 0,
        }))
    }

    async fn get_opts(&self, location: &Path, options: GetOptions) -> Result<GetResult> {
        let got = self.inner.get_opts(location, options).await;
        let mut got = got.map_err(self.told())?;
        if let GetResultPayload::Stream(body) = got.payload {
            got.payload = GetResultPayload::Stream(body.map_err(self.told()).boxed());
        }
        Ok(got)
    }

    async fn get_ranges(&self, location: &Path, ranges: &[Range<u64>]) -> Result<Vec<Bytes>> {
        let got = self.inner.get_ranges(location, ranges).await;
        got.map_err(self.told())
    }

    fn delete_stream(
        &self,
        locations: BoxStream<'static, Result<Path>>,
    ) -> BoxStream<'static, Result<Path>> {
        let (inner, patience) = (Arc::clone(&self.inner), self.patience);
        let deleted = locations.try_chunks(DELETED_AT_ONCE).map(move |paths| {
            let (inner, again) = (Arc::clone(&inner), patience.again());
            async move {
                let deleted = delete(&inner, paths.map_err(|e| e.1)?, again).await?;
                Ok::<_, Error>(stream::iter(deleted.into_iter().map(Ok)))
            }
        });
        let deleted = deleted.buffered(1).try_flatten();
        deleted.map_err(self.told()).boxed()
    }

    fn list(&self, prefix: Option<&Path>) -> BoxStream<'static, Result<ObjectMeta>> {
        let listed = list(
            Arc::clone(&self.inner),
            prefix.cloned(),
            None,
            self.patience.again(),
        );
        listed.map_err(self.told()).boxed()
    }

    fn list_with_offset(
        &self,
        prefix: Option<&Path>,
        offset: &Path,
    ) -> BoxStream<'static, Result<ObjectMeta>> {
        let listed = list(
            Arc::clone(&self.inner),
            prefix.cloned(),
            Some(offset.clone()),
            self.patience.again(),
        );
        listed.map_err(self.told()).boxed()
    }

    async fn list_with_delimiter(&self, prefix: Option<&Path>) -> Result<ListResult> {
        let mut again = self.patience.again();
        loop {
            let error = match self.inner.list_with_delimiter(prefix).await {
                Ok(listed) => return Ok(listed),
                Err(error) => error,
            };
            if !broke_off(&error) || !again.once_more().await {
                return Err(told(&self.bucket, error));
            }
        }
    }

    async fn copy_opts(&self, from: &Path, to: &Path, options: CopyOptions) -> Result<()> {
        let copied = self.inner.copy_opts(from, to, options).await;
        copied.map_err(self.told())
    }
}

/// An object written in pieces.
#[derive(Debug)]
struct Upload {
    inner: Box<dyn MultipartUpload>,
    store: Arc<dyn ObjectStore>,
    bucket: String,
    location: Path,
    bytes: u64,
}

#[async_trait]
impl MultipartUpload for Upload {
    fn put_part(&mut self, data: PutPayload) -> UploadPart {
        self.bytes += data.content_length() as u64;
        let (put, bucket) = (self.inner.put_part(data), self.bucket.clone());
        async move { put.await.map_err(|e| told(&bucket, e)) }.boxed()
    }

    async fn complete(&mut self) -> Result<PutResult> {
        let error = match self.inner.complete().await {
            Ok(done) => return Ok(done),
            Err(error) => error,
        };
        // An upload that is unknown was completed before, if all its bytes are there.
        if error.to_string().contains("NoSuchUpload")
            && let Ok(there) = self.store.head(&self.location).await
            && there.size == self.bytes
        {
            return Ok(PutResult {
                e_tag: there.e_tag,
                version: there.version,
            });
        }
        Err(told(&self.bucket, error))
    }

    async fn abort(&mut self) -> Result<()> {
        let aborted = self.inner.abort().await;
        aborted.map_err(|e| told(&self.bucket, e))
    }
}

#[cfg(test)]
mod tests;
