//! The ticket: message or JSON ↔ type, with its checks.

use prost::Message;
use serde::{Deserialize, Serialize};

use crate::wire::FeedTicketMessage;

/// Asks any executor for the batches of some steps. As JSON only `digest` must be given: the rest
/// stands for the whole of epoch 0.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FeedTicket {
    /// Names the feed.
    pub digest: String,
    /// Epoch, from 0.
    #[serde(default)]
    pub epoch: u64,
    /// First step wanted.
    #[serde(default)]
    pub from_step: u64,
    /// First step no longer wanted; none: to the end of the epoch.
    #[serde(default)]
    pub to_step: Option<u64>,
    /// Which slice of each global step, from 0.
    #[serde(default)]
    pub replica: u32,
    /// How many slices there are.
    #[serde(default = "one")]
    pub replicas: u32,
    /// Rows as they are gathered, with their seeds in `_random`: the asker makes the transform. Only
    /// for transforms that are not SQL.
    #[serde(default)]
    pub gathered: bool,
}

fn one() -> u32 {
    1
}

/// Why bytes are no ticket.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum TicketError {
    /// Not a protobuf message or JSON of this form.
    #[error("the bytes are no feed ticket: {reason}")]
    Malformed {
        /// What the decoder said.
        reason: String,
    },
    /// A field that cannot be.
    #[error("the feed ticket's {field} is not possible: {value}")]
    Impossible {
        /// Name of the field.
        field: &'static str,
        /// What it held.
        value: String,
    },
}

impl FeedTicket {
    /// All of epoch 0 of a feed, for one reader.
    #[must_use]
    pub fn new(digest: impl Into<String>) -> Self {
        Self {
            digest: digest.into(),
            epoch: 0,
            from_step: 0,
            to_step: None,
            replica: 0,
            replicas: 1,
            gathered: false,
        }
    }

    /// Bytes for Flight's `Ticket`.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        FeedTicketMessage {
            digest: self.digest.clone(),
            epoch: self.epoch,
            from_step: self.from_step,
            to_step: self.to_step,
            replica: self.replica,
            replicas: self.replicas,
            gathered: self.gathered,
        }
        .encode_to_vec()
    }

    /// Reads and checks a ticket: the message, or JSON with the same fields.
    ///
    /// # Errors
    /// Where the bytes are no ticket, or a field is impossible.
    pub fn decode(bytes: &[u8]) -> Result<Self, TicketError> {
        let ticket = if bytes.first() == Some(&b'{') {
            Self::of_json(bytes)?
        } else {
            Self::of_message(bytes)?
        };
        ticket.checked()
    }

    fn of_json(bytes: &[u8]) -> Result<Self, TicketError> {
        serde_json::from_slice(bytes).map_err(|e| TicketError::Malformed {
            reason: e.to_string(),
        })
    }

    fn of_message(bytes: &[u8]) -> Result<Self, TicketError> {
        let m = FeedTicketMessage::decode(bytes).map_err(|e| TicketError::Malformed {
            reason: e.to_string(),
        })?;
        Ok(Self {
            digest: m.digest,
            epoch: m.epoch,
            from_step: m.from_step,
            to_step: m.to_step,
            replica: m.replica,
            replicas: m.replicas,
            gathered: m.gathered,
        })
    }

    fn checked(self) -> Result<Self, TicketError> {
        let impossible = |field, value| Err(TicketError::Impossible { field, value });
        // The digest becomes part of an object's path: nothing but hex may pass.
        if self.digest.is_empty() || !self.digest.bytes().all(|b| b.is_ascii_hexdigit()) {
            return impossible("digest", self.digest);
        }
        if self.replicas == 0 || self.replica >= self.replicas {
            return impossible("replica", format!("{} of {}", self.replica, self.replicas));
        }
        match self.to_step {
            Some(to) if self.from_step > to => {
                impossible("steps", format!("{}..{to}", self.from_step))
            }
            _ => Ok(self),
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn ticket() -> FeedTicket {
        FeedTicket {
            epoch: 1,
            from_step: 3,
            to_step: Some(9),
            replica: 1,
            replicas: 2,
            gathered: true,
            ..FeedTicket::new("ab12")
        }
    }

    #[test]
    fn round_trip_as_message_and_as_json() {
        assert_eq!(FeedTicket::decode(&ticket().encode()), Ok(ticket()));
        let json = serde_json::to_vec(&ticket()).unwrap();
        assert_eq!(FeedTicket::decode(&json), Ok(ticket()));
        let short = FeedTicket::decode(br#"{"digest": "ab12"}"#);
        assert_eq!(short, Ok(FeedTicket::new("ab12")));
    }

    #[test]
    fn impossible_tickets_are_refused() {
        for bad in [
            FeedTicket {
                digest: "../x".into(),
                ..ticket()
            },
            FeedTicket {
                replica: 2,
                ..ticket()
            },
            FeedTicket {
                to_step: Some(1),
                ..ticket()
            },
        ] {
            assert!(FeedTicket::decode(&bad.encode()).is_err());
            assert!(FeedTicket::decode(&serde_json::to_vec(&bad).unwrap()).is_err());
        }
        assert!(FeedTicket::decode(b"\xff\xff").is_err());
        assert!(FeedTicket::decode(br#"{"digest": "ab", "epochs": 1}"#).is_err());
    }
}
