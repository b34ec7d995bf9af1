//! The feed's contract: what names a feed, what a ticket asks for, and the order of an epoch.
//! No IO: executors serve it, trainers read it.

mod order;
mod pairs;
mod spec;
mod ticket;

pub use order::{EpochOrder, RowSpan, Window, mix, replica_slice};
pub use pairs::{KeyedRng, PairMaker};
pub use spec::{FeedSpec, PairWindow, Transform};
pub use ticket::{FeedTicket, TicketError};
