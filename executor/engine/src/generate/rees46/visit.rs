//! Owns what happens in one session: who looks at what for how long, puts what into the cart and
//! buys it. Must not know files or the order of sessions.

use super::shop::Shop;
use crate::generate::random::{Random, hashed_unit};

/// Chance of one more product, of one more look at a product, and that a product is one that the
/// session has already seen.
const MORE: f64 = 0.68;
const AGAIN: f64 = 0.30;
const BACK: f64 = 0.10;

/// Chance that a product is of the user's own two categories, and there the one that they want.
const OWN_CATEGORY: f64 = 0.65;
const WANTED: f64 = 0.30;

/// Chance that a product is put into the cart or bought at once, before user, product and looks have
/// their say; of these the share that
/// goes to the cart first, and what of the cart is bought.
const DESIRE: f64 = 0.0187;
const CART: f64 = 0.70;
const BOUGHT: f64 = 0.54;

/// Seconds from one event to the next: at least, and in the mean beyond it.
const PAUSE: (f64, f64) = (4.0, 70.0);

/// Share of sessions that two users share.
const SHARED: f64 = 0.0004;

/// What a line tells of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    View,
    Cart,
    Purchase,
}

impl Kind {
    /// As written.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::View => "view",
            Self::Cart => "cart",
            Self::Purchase => "purchase",
        }
    }
}

/// One event.
#[derive(Clone, Copy, Debug)]
pub(super) struct Event {
    /// Seconds from the first day's midnight.
    pub(super) at: u64,
    /// Id of the user.
    pub(super) user: u64,
    /// The 128 bits of the session's id.
    pub(super) session: (u64, u64),
    /// Position of the product.
    pub(super) product: usize,
    pub(super) kind: Kind,
}

/// One user among `users`: activity is skewed, the first are the busiest.
fn user(users: u32, random: &mut Random) -> u32 {
    let unit = random.unit();
    (unit * unit * f64::from(users)) as u32
}

/// The id of a user.
fn user_id(user: u32) -> u64 {
    512_000_000 + u64::from(user) * 11 + (hashed_unit(user.into(), 0x1D) * 11.0) as u64
}

/// Adds the events of a session that begins in the hour from `start` on.
pub(super) fn visit(
    shop: &Shop,
    users: u32,
    start: u64,
    events: &mut Vec<Event>,
    random: &mut Random,
) {
    let who = user(users, random);
    let other = random.chance(SHARED).then(|| user(users, random));
    let mut bits = || (random.below(1 << 32) as u64) << 32 | random.below(1 << 32) as u64;
    let session = (bits(), bits());
    let own = |kind: u64| (hashed_unit(who.into(), kind) * 24.0) as usize % shop.categories.len();
    // Some buy readily, most do not.
    let ready = hashed_unit(who.into(), 0xB01);
    let readiness = 0.25 + 3.0 * ready * ready * ready;
    let mut at = start + random.below(3_600) as u64;
    let mut seen: Vec<usize> = Vec::new();
    loop {
        let category = if random.chance(OWN_CATEGORY) {
            own(random.below(2) as u64)
        } else {
            shop.category(random)
        };
        let wanted = wanted(shop, who, category);
        let product = if !seen.is_empty() && random.chance(BACK) {
            seen[random.below(seen.len())]
        } else if random.chance(WANTED) {
            wanted
        } else {
            shop.product(category, random)
        };
        seen.push(product);
        let by = match other {
            Some(other) if random.chance(0.5) => other,
            _ => who,
        };
        let mut tell = |kind, at: &mut u64, random: &mut Random| {
            let user = user_id(by);
            events.push(Event {
                at: *at,
                user,
                session,
                product,
                kind,
            });
            *at += (PAUSE.0 + PAUSE.1 * random.exponential()) as u64;
        };
        let mut looks = 1.0;
        tell(Kind::View, &mut at, random);
        while random.chance(AGAIN) {
            tell(Kind::View, &mut at, random);
            looks += 1.0;
        }
        let fit = if product == wanted { 2.5 } else { 1.0 };
        if random.chance((DESIRE * readiness * fit * looks).min(0.9)) {
            let carted = random.chance(CART);
            if carted {
                tell(Kind::Cart, &mut at, random);
            }
            if !carted || random.chance(BOUGHT) {
                tell(Kind::Purchase, &mut at, random);
            }
        }
        if !random.chance(MORE) {
            return;
        }
    }
}

/// The product of a category that a user comes back to.
fn wanted(shop: &Shop, user: u32, category: usize) -> usize {
    let members = &shop.categories[category].products;
    let unit = hashed_unit(u64::from(user), 0x3A7 + category as u64);
    members[(unit * unit * unit * members.len() as f64) as usize]
}

/// A session's id in the form of a UUID.
pub(super) fn session_text((high, low): (u64, u64)) -> String {
    format!(
        "{:08x}-{:04x}-{:04x}-{:04x}-{:012x}",
        high >> 32,
        high >> 16 & 0xFFFF,
        high & 0xFFFF,
        low >> 48,
        low & 0xFFFF_FFFF_FFFF
    )
}
