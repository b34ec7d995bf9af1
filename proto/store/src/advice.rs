//! Makes a store's error fit to be read by people: what was asked of what, what the store said in
//! short, and what to do. What S3 sends beside its code and message goes: it may repeat the
//! request's headers, and a session token with them.

use object_store::Error;

const ROLE: &str = "this process's credentials may not do that; check AWS_ACCESS_KEY_ID or the machine's role, and what the bucket allows them";
const REGION: &str = "set AWS_REGION to the bucket's region";
const NONE: &str = "no credentials were found; set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or run where the machine has a role";
const PLAIN: &str =
    "AWS_ENDPOINT_URL cannot be used as it is; set AWS_ALLOW_HTTP=true where it is plain http";
const BUCKET: &str = "there is no such bucket; check its name, AWS_REGION and AWS_ENDPOINT_URL";
const AWAY: &str = "nobody answers there; check the network, AWS_REGION and AWS_ENDPOINT_URL";

/// What happened, told.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
struct Told(String);

/// The same error, told for people; its kind stays.
pub(crate) fn told(bucket: &str, error: Error) -> Error {
    let tell = |path: &str, source: &dyn std::fmt::Display| -> Box<Told> {
        let text = brief(&source.to_string());
        let what = if path.is_empty() {
            format!("s3://{bucket}: {text}")
        } else {
            format!("s3://{bucket}/{path}: {text}")
        };
        Box::new(Told(match advice(&text) {
            Some(advice) => format!("{what} ({advice})"),
            None => what,
        }))
    };
    match error {
        Error::Generic { store, source } => {
            // The store's own word for a body that broke off hides what it was about.
            let source = tell("", &source);
            Error::Generic { store, source }
        }
        Error::NotFound { path, source } => {
            let source = tell(&path, &source);
            Error::NotFound { path, source }
        }
        Error::AlreadyExists { path, source } => {
            let source = tell(&path, &source);
            Error::AlreadyExists { path, source }
        }
        Error::Precondition { path, source } => {
            let source = tell(&path, &source);
            Error::Precondition { path, source }
        }
        Error::PermissionDenied { path, source } => {
            let source = tell(&path, &source);
            Error::PermissionDenied { path, source }
        }
        Error::Unauthenticated { path, source } => {
            let source = tell(&path, &source);
            Error::Unauthenticated { path, source }
        }
        other => other,
    }
}

/// The text with S3's XML cut down to its code and message.
fn brief(text: &str) -> String {
    let body = text.find("<?xml").or_else(|| text.find("<Error"));
    let Some((head, body)) = body.map(|at| text.split_at(at)) else {
        return text.to_owned();
    };
    let inside = |name: &str| {
        let rest = body.split_once(&format!("<{name}>"))?.1;
        Some(rest.split_once(&format!("</{name}>"))?.0)
    };
    let said: Vec<&str> = ["Code", "Message"].into_iter().filter_map(inside).collect();
    format!("{head}{}", said.join(": "))
}

fn advice(text: &str) -> Option<&'static str> {
    let has = |words: &[&str]| words.iter().any(|w| text.contains(w));
    if has(&["NoSuchBucket"]) {
        Some(BUCKET)
    } else if has(&[
        "without LOCATION",
        "PermanentRedirect",
        "AuthorizationHeaderMalformed",
    ]) {
        Some(REGION)
    } else if has(&["169.254.169.254", "metadata endpoint"]) {
        Some(NONE)
    } else if has(&["HTTP error: builder error"]) {
        Some(PLAIN)
    } else if has(&["403 Forbidden", "401 Unauthorized", "InvalidAccessKeyId"]) {
        Some(ROLE)
    } else if has(&["error sending request", "HTTP error: connect", "dns error"]) {
        Some(AWAY)
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn s3_is_cut_short_and_its_answer_gives_nothing_away() {
        let body = "Error performing GET http://h/b/k in 1ms - Server returned non-2xx status code: 403 Forbidden: \
            <?xml version=\"1.0\"?><Error><Code>SignatureDoesNotMatch</Code><Message>no match</Message>\
            <AWSAccessKeyId>AKIAKEY</AWSAccessKeyId><CanonicalRequest>x-amz-security-token:hush</CanonicalRequest></Error>";
        let error = Error::PermissionDenied {
            path: "k".into(),
            source: body.into(),
        };
        let text = told("b", error).to_string();
        assert!(text.contains("s3://b/k"), "{text}");
        assert!(text.contains("SignatureDoesNotMatch: no match"), "{text}");
        assert!(text.contains("AWS_ACCESS_KEY_ID"), "{text}");
        assert!(
            !text.contains("hush") && !text.contains("AKIAKEY"),
            "{text}"
        );
    }
}
