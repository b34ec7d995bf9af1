//! The feed's contract: what names a feed, what a ticket asks for, and the order of an epoch.
//! No IO: executors serve it, trainers read it.

mod noise;
mod order;
mod pairs;
mod spec;
mod ticket;
mod transform;

pub use noise::{NoNoise, Noise, NoiseTable};
pub use order::{EpochOrder, RowSpan, Window, WindowOrder, mix, replica_slice};
pub use pairs::{KeyedRng, PairMaker};
pub use spec::{FeedSpec, LastStep};
pub use ticket::{FeedTicket, TicketError};
pub use transform::{PairWindow, Part, Target, Transform};
