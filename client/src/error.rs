//! What can go wrong for a caller, by what the caller can do. The one place that reads
//! `tonic::Status`.

use std::error::Error;

use tonic::{Code, ConnectError, Status};

/// Why a call gave no answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ClientError {
    /// The address is not one. Correct it.
    #[error("`{url}` is no address of a scheduler ({reason}); write it as http://host:50050")]
    BadUrl {
        /// As given.
        url: String,
        /// What is wrong with it.
        reason: String,
    },
    /// Nobody answers there. Start the scheduler, or correct the address.
    #[error("no scheduler answers at {url} ({reason}); is it running, and is the address right?")]
    Unreachable {
        /// Where it was looked for.
        url: String,
        /// What the network said.
        reason: String,
    },
    /// The connection broke during a call. Ask again: the scheduler may have done what was asked.
    #[error("the connection to the scheduler at {url} was lost ({reason})")]
    Lost {
        /// The scheduler.
        url: String,
        /// What was seen.
        reason: String,
    },
    /// There is no such run, model, item or table.
    #[error("{text}")]
    NotFound {
        /// The scheduler's words.
        text: String,
    },
    /// The spec, the SQL or an argument is wrong. Correct it. The text may have several lines.
    #[error("{text}")]
    Invalid {
        /// The scheduler's words, for specs as rendered.
        text: String,
    },
    /// The scheduler will not do this, or not now.
    #[error("the scheduler refused: {text}")]
    Refused {
        /// The scheduler's words.
        text: String,
    },
    /// The scheduler failed. A bug, or something for its log.
    #[error("the scheduler failed: {text}; its log says more")]
    Failed {
        /// The scheduler's words.
        text: String,
    },
    /// The answer is not one this client understands. Use the same version on both sides.
    #[error(
        "the scheduler at {url} speaks another version of the protocol: {reason}; use the same version of pannier on both sides"
    )]
    Protocol {
        /// The scheduler.
        url: String,
        /// What was not understood.
        reason: String,
    },
}

impl ClientError {
    /// Whether the scheduler could not be spoken with: another try may go better.
    #[must_use]
    pub fn is_connection(&self) -> bool {
        matches!(self, Self::Unreachable { .. } | Self::Lost { .. })
    }

    /// The error behind a failed call.
    pub(crate) fn from_status(url: &str, status: &Status) -> Self {
        let url = url.to_owned();
        let text = status.message().to_owned();
        // A status with a source was made on this side: the scheduler sent none.
        let made_here = Error::source(status).is_some();
        if refused_to_connect(status) {
            return Self::Unreachable {
                url,
                reason: root_cause(status),
            };
        }
        if made_here {
            return Self::Lost {
                url,
                reason: root_cause(status),
            };
        }
        match status.code() {
            Code::NotFound => Self::NotFound { text },
            Code::InvalidArgument | Code::OutOfRange => Self::Invalid { text },
            Code::FailedPrecondition
            | Code::AlreadyExists
            | Code::PermissionDenied
            | Code::Unauthenticated
            | Code::ResourceExhausted
            | Code::Aborted => Self::Refused { text },
            Code::Unimplemented => Self::Protocol {
                url,
                reason: or_code(text, status),
            },
            // A stream cut off without a word ends as `Unknown`, a scheduler going down as one of
            // the others.
            Code::Unavailable | Code::Cancelled | Code::DeadlineExceeded | Code::Unknown => {
                Self::Lost {
                    url,
                    reason: or_code(text, status),
                }
            }
            Code::Ok | Code::Internal | Code::DataLoss => Self::Failed {
                text: or_code(text, status),
            },
        }
    }
}

fn or_code(text: String, status: &Status) -> String {
    if text.is_empty() {
        status.code().description().to_owned()
    } else {
        text
    }
}

fn causes<'e>(error: &'e (dyn Error + 'static)) -> impl Iterator<Item = &'e (dyn Error + 'static)> {
    std::iter::successors(Some(error), |e: &&'e (dyn Error + 'static)| (*e).source())
}

fn refused_to_connect(status: &Status) -> bool {
    causes(status).any(|e| e.downcast_ref::<ConnectError>().is_some())
}

/// The innermost cause: the only one that says something to people.
pub(crate) fn root_cause(error: &(dyn Error + 'static)) -> String {
    let text = causes(error)
        .last()
        .map(ToString::to_string)
        .unwrap_or_default();
    text.lines().next().unwrap_or_default().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_say_what_the_caller_can_do() {
        let of = |code: Code| {
            ClientError::from_status("http://s", &Status::new(code, "no such run `r`"))
        };
        let text = "no such run `r`".to_owned();
        assert_eq!(
            of(Code::NotFound),
            ClientError::NotFound { text: text.clone() }
        );
        assert_eq!(
            of(Code::InvalidArgument),
            ClientError::Invalid { text: text.clone() }
        );
        assert_eq!(
            of(Code::FailedPrecondition),
            ClientError::Refused { text: text.clone() }
        );
        assert_eq!(
            of(Code::Internal),
            ClientError::Failed { text: text.clone() }
        );
        assert!(of(Code::Unavailable).is_connection() && of(Code::Unknown).is_connection());
        assert!(!of(Code::Unimplemented).is_connection());
        assert_eq!(of(Code::NotFound).to_string(), "no such run `r`");
    }

    #[test]
    fn an_empty_message_still_says_something() {
        let error = ClientError::from_status("http://s", &Status::new(Code::Internal, ""));
        assert_eq!(
            error.to_string(),
            "the scheduler failed: Internal error; its log says more"
        );
    }
}
