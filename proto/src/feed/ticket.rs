//! The ticket: message ↔ type, with its checks.

use prost::Message;

use crate::wire::FeedTicketMessage;

/// Asks any executor for the batches of some steps.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct FeedTicket {
    /// Names the feed.
    pub digest: String,
    /// Epoch, from 0.
    pub epoch: u64,
    /// First step wanted.
    pub from_step: u64,
    /// First step no longer wanted.
    pub to_step: u64,
    /// Which slice of each global step, from 0.
    pub replica: u32,
    /// How many slices there are.
    pub replicas: u32,
}

/// Why bytes are no ticket.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum TicketError {
    /// Not a protobuf message of this form.
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
        }
        .encode_to_vec()
    }

    /// Reads and checks a ticket.
    ///
    /// # Errors
    /// Where the bytes are no ticket, or a field is impossible.
    pub fn decode(bytes: &[u8]) -> Result<Self, TicketError> {
        let m = FeedTicketMessage::decode(bytes).map_err(|e| TicketError::Malformed {
            reason: e.to_string(),
        })?;
        // The digest becomes part of an object's path: nothing but hex may pass.
        if m.digest.is_empty() || !m.digest.bytes().all(|b| b.is_ascii_hexdigit()) {
            return Err(TicketError::Impossible {
                field: "digest",
                value: m.digest,
            });
        }
        if m.replicas == 0 || m.replica >= m.replicas {
            return Err(TicketError::Impossible {
                field: "replica",
                value: format!("{} of {}", m.replica, m.replicas),
            });
        }
        if m.from_step > m.to_step {
            return Err(TicketError::Impossible {
                field: "steps",
                value: format!("{}..{}", m.from_step, m.to_step),
            });
        }
        Ok(Self {
            digest: m.digest,
            epoch: m.epoch,
            from_step: m.from_step,
            to_step: m.to_step,
            replica: m.replica,
            replicas: m.replicas,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ticket() -> FeedTicket {
        FeedTicket {
            digest: "ab12".into(),
            epoch: 1,
            from_step: 3,
            to_step: 9,
            replica: 1,
            replicas: 2,
        }
    }

    #[test]
    fn round_trip() {
        assert_eq!(FeedTicket::decode(&ticket().encode()), Ok(ticket()));
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
                to_step: 1,
                ..ticket()
            },
        ] {
            assert!(FeedTicket::decode(&bad.encode()).is_err());
        }
        assert!(FeedTicket::decode(b"\xff\xff").is_err());
    }
}
