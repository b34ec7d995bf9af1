//! Owns what happens in one session: who looks at what for how long, puts what into the cart and
//! buys it, as likely as `choice.rs` says. Must not know files or the order of sessions.

use super::choice::Considered;
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

/// Share of what is bought that goes to the cart first, and share of the carts that is bought.
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

/// A look at a product, or several one after the other.
struct Look {
    product: usize,
    by: u32,
    views: u32,
}

/// What one of the users of a session has done there.
struct Been {
    user: u32,
    since: u64,
    views: u32,
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
    let mut at = start + random.below(3_600) as u64;
    let looks = looks(shop, (who, other), random);
    let mut been: Vec<Been> = Vec::new();
    for (place, look) in looks.iter().enumerate() {
        let mut tell = |kind, at: &mut u64, random: &mut Random| {
            let when = *at;
            events.push(Event {
                at: when,
                user: user_id(look.by),
                session,
                product: look.product,
                kind,
            });
            *at += (PAUSE.0 + PAUSE.1 * random.exponential()) as u64;
            when
        };
        let mut last = at;
        for _ in 0..look.views {
            last = tell(Kind::View, &mut at, random);
            match been.iter_mut().find(|been| been.user == look.by) {
                Some(been) => been.views += 1,
                None => been.push(Been {
                    user: look.by,
                    since: last,
                    views: 1,
                }),
            }
        }
        let again = |later: &Look| (later.product, later.by) == (look.product, look.by);
        if looks[place + 1..].iter().any(again) {
            continue;
        }
        let Some(been) = been.iter().find(|been| been.user == look.by) else {
            continue;
        };
        let sold = &shop.products[look.product];
        let chance = Considered {
            user: look.by.into(),
            product: sold.id,
            category: sold.category as u64,
            price: shop.cents(look.product, last) as f64 / 100.0,
            page_views: been.views,
            session_time: last - been.since,
        }
        .bought();
        let bought = random.chance(chance);
        let odds = CART * (1.0 - BOUGHT) / BOUGHT * chance / (1.0 - chance);
        if random.chance(if bought { CART } else { odds.min(0.9) }) {
            tell(Kind::Cart, &mut at, random);
        }
        if bought {
            tell(Kind::Purchase, &mut at, random);
        }
    }
}

/// What is looked at in a session, in its order, and by whom.
fn looks(shop: &Shop, (who, other): (u32, Option<u32>), random: &mut Random) -> Vec<Look> {
    let own = |kind: u64| (hashed_unit(who.into(), kind) * 24.0) as usize % shop.categories.len();
    let mut looks: Vec<Look> = Vec::new();
    loop {
        let category = if random.chance(OWN_CATEGORY) {
            own(random.below(2) as u64)
        } else {
            shop.category(random)
        };
        let product = if !looks.is_empty() && random.chance(BACK) {
            looks[random.below(looks.len())].product
        } else if random.chance(WANTED) {
            wanted(shop, who, category)
        } else {
            shop.product(category, random)
        };
        let by = match other {
            Some(other) if random.chance(0.5) => other,
            _ => who,
        };
        let mut views = 1;
        while random.chance(AGAIN) {
            views += 1;
        }
        looks.push(Look { product, by, views });
        if !random.chance(MORE) {
            return looks;
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
