//! Owns all of Complete Journey but its sales: products, households' answers, campaigns with their
//! coupons, and where products stood. Every row is a function of its ids or of the campaigns' one
//! stream of random numbers, so nothing is kept but the campaigns. Must not know files.

use std::io;

use super::records::Record;
use super::{Rows, VARIANTS, product_id};
use crate::generate::lgsr::{ITEMS, Item};
use crate::generate::random::{Random, hashed_unit};

/// Weeks from one campaign to the next, days that one lasts at least and beyond it at most.
const EVERY: u32 = 2;
const LASTS: (i64, usize) = (28, 30);

/// Share of households in a campaign; of these, the share that redeem one of its coupons.
const MEMBERS: f64 = 0.10;
const REDEEM: f64 = 0.08;

/// Coupons of a campaign, most products of one, the first coupon's number.
const COUPONS: i64 = 20;
const MOST_PRODUCTS: usize = 60;
const FIRST_COUPON: i64 = 10_000_085_207;

/// Products and stores with promotions in a week.
const PROMOTED: usize = 400;
const PROMOTED_STORES: i64 = 25;

/// Share of households that told who they are, of those what they kept to themselves: ownership,
/// marital status.
const TOLD: f64 = 0.324;
const KEPT: (f64, f64) = (0.29, 0.17);

const DEPARTMENTS: [&str; 9] = [
    "PRODUCE",
    "GROCERY",
    "DRUG GM",
    "MEAT",
    "MEAT-PCKGD",
    "DELI",
    "PASTRY",
    "NUTRITION",
    "MISCELLANEOUS",
];

type Words = &'static [[&'static str; 2]];

/// Answers as the packages and as the CSVs have them; an empty text in the packages is a null.
const AGES: Words = &[
    ["19-24", "19-24"],
    ["25-34", "25-34"],
    ["35-44", "35-44"],
    ["45-54", "45-54"],
    ["55-64", "55-64"],
    ["65+", "65+"],
];
const INCOMES: Words = &[
    ["Under 15K", "Under 15K"],
    ["15-24K", "15-24K"],
    ["25-34K", "25-34K"],
    ["35-49K", "35-49K"],
    ["50-74K", "50-74K"],
    ["75-99K", "75-99K"],
    ["100-124K", "100-124K"],
    ["125-149K", "125-149K"],
    ["150-174K", "150-174K"],
    ["175-199K", "175-199K"],
    ["200-249K", "200-249K"],
    ["250K+", "250K+"],
];
const HOMES: Words = &[
    ["Homeowner", "Homeowner"],
    ["Renter", "Renter"],
    ["Probable Homeowner", "Probable Owner"],
    ["Probable Renter", "Probable Renter"],
];
const MARITAL: Words = &[["Married", "A"], ["Unmarried", "B"]];
const SIZES: Words = &[["1", "1"], ["2", "2"], ["3", "3"], ["4", "4"], ["5+", "5+"]];
const MADE_OF: Words = &[
    ["2 Adults No Kids", "2 Adults No Kids"],
    ["1 Adult No Kids", "Single Female"],
    ["2 Adults Kids", "2 Adults Kids"],
    ["1 Adult Kids", "1 Adult Kids"],
];
const CHILDREN: Words = &[["0", "None/Unknown"], ["1", "1"], ["2", "2"], ["3+", "3+"]];

fn pick<T: Copy>(words: &[T], id: u64, kind: u64) -> Option<T> {
    let place = (hashed_unit(id, kind) * words.len() as f64) as usize;
    words.get(place).copied()
}

/// What a household told, if it is one that did.
pub(super) fn household(index: u32) -> Option<Record> {
    let id = u64::from(index);
    if hashed_unit(id, 0xDE30) >= TOLD {
        return None;
    }
    let answer = |words: Words, kind| pick(words, id, kind).unwrap_or_default();
    let kept = |share: f64, kind| hashed_unit(id, kind) < share;
    let home = if kept(KEPT.0, 0xDE3A) {
        ["", "Unknown"]
    } else {
        answer(HOMES, 0xDE33)
    };
    let marital = if kept(KEPT.1, 0xDE3B) {
        ["", "U"]
    } else {
        answer(MARITAL, 0xDE34)
    };
    let answers = [
        answer(AGES, 0xDE31),
        answer(INCOMES, 0xDE32),
        home,
        marital,
        answer(SIZES, 0xDE35),
        answer(MADE_OF, 0xDE36),
        answer(CHILDREN, 0xDE37),
    ];
    Some(Record::Household(i64::from(index) + 1, answers))
}

/// Every product.
pub(super) fn products(items: &[Item], row: &mut Rows<'_>) -> io::Result<()> {
    for (at, item) in items.iter().enumerate() {
        let [finest, _, group, division] = item.levels;
        let department = DEPARTMENTS[usize::from(division - 1) % DEPARTMENTS.len()];
        for variant in 0..VARIANTS {
            let id = product_id(at as u16, variant);
            let own = |kind| hashed_unit(id as u64, kind);
            let brand = if own(0xB1) < 0.289 {
                "Private"
            } else {
                "National"
            };
            let size = match own(0xB2) {
                unknown if unknown < 0.33 => String::new(),
                known => format!("{} OZ", 1 + (known * 40.0) as u32),
            };
            let names = [
                department.to_owned(),
                brand.to_owned(),
                format!("{department} {group}"),
                format!("{department} {group}-{finest}"),
                size,
            ];
            let maker = 1 + (own(0xB3) * own(0xB3) * 6_000.0) as i64;
            row(Record::Product([id, maker], names))?;
        }
    }
    Ok(())
}

/// The promotions of a week from 0, which is the same for every seed.
pub(super) fn promotions(week: u32, row: &mut Rows<'_>) -> io::Result<()> {
    const DISPLAYS: [&str; 11] = ["0", "1", "2", "3", "4", "5", "6", "7", "9", "A", "0"];
    const MAILERS: [&str; 7] = ["A", "D", "H", "C", "F", "L", "J"];
    for promoted in 0..PROMOTED {
        let place = u64::from(week) << 20 | promoted as u64;
        let item = (hashed_unit(place, 0xA1) * ITEMS as f64) as u16;
        let variant = (hashed_unit(place, 0xA2) * f64::from(VARIANTS)) as u32;
        for store in 0..PROMOTED_STORES {
            let of_store = place << 8 | store as u64;
            let display = pick(&DISPLAYS, of_store, 0xA3).unwrap_or_default();
            // What is on no display is in the paper.
            let mailed = display == "0" || hashed_unit(of_store, 0xA4) < 0.3;
            let mailer = pick(&MAILERS, place, 0xA5)
                .filter(|_| mailed)
                .unwrap_or("0");
            let ids = [
                product_id(item, variant),
                store * 3 + 1,
                i64::from(week) + 1,
            ];
            row(Record::Promotion(ids, [display, mailer]))?;
        }
    }
    Ok(())
}

/// One campaign.
struct Campaign {
    id: i64,
    kind: char,
    first: i64,
    last: i64,
    households: Vec<u32>,
    /// Household, coupon, day.
    redeemed: Vec<(u32, i64, i64)>,
}

/// All campaigns.
pub(super) struct Campaigns(Vec<Campaign>);

impl Campaigns {
    /// Draws the campaigns of a run.
    pub(super) fn new(households: u32, weeks: u32, random: &mut Random) -> Self {
        let all = (0..weeks)
            .step_by(EVERY as usize)
            .zip(1..)
            .map(|(week, id)| {
                let first = i64::from(week) * 7 + random.below(7) as i64;
                let last = first + LASTS.0 + random.below(LASTS.1) as i64;
                let members: Vec<u32> =
                    (0..households).filter(|_| random.chance(MEMBERS)).collect();
                let mut redeemed = Vec::new();
                for &household in &members {
                    if random.chance(REDEEM) {
                        let coupon = id * COUPONS + random.below(COUPONS as usize) as i64;
                        let day = first + random.below((last - first) as usize) as i64;
                        redeemed.push((household, coupon, day));
                    }
                }
                let kind = ['A', 'B', 'B', 'C'][random.below(4)];
                Campaign {
                    id,
                    kind,
                    first,
                    last,
                    households: members,
                    redeemed,
                }
            });
        Self(all.collect())
    }

    /// What each campaign is.
    pub(super) fn descriptions(&self, row: &mut Rows<'_>) -> io::Result<()> {
        self.0
            .iter()
            .try_for_each(|c| row(Record::Campaign([c.id, c.first, c.last], c.kind)))
    }

    /// Which households got it.
    pub(super) fn members(&self, row: &mut Rows<'_>) -> io::Result<()> {
        self.0.iter().try_for_each(|c| {
            c.households
                .iter()
                .try_for_each(|h| row(Record::Member([c.id, i64::from(*h) + 1], c.kind)))
        })
    }

    /// Which products each coupon is for: variants of neighbouring items, none twice.
    pub(super) fn coupons(&self, row: &mut Rows<'_>) -> io::Result<()> {
        for campaign in &self.0 {
            for coupon in (0..COUPONS).map(|n| campaign.id * COUPONS + n) {
                let own = |kind| hashed_unit(coupon as u64, kind);
                let item = (own(0xC1) * ITEMS as f64) as usize;
                for at in 0..1 + (own(0xC2) * MOST_PRODUCTS as f64) as usize {
                    let item = (item + at / VARIANTS as usize) % ITEMS;
                    let product = product_id(item as u16, at as u32 % VARIANTS);
                    row(Record::Coupon([
                        FIRST_COUPON + coupon,
                        product,
                        campaign.id,
                    ]))?;
                }
            }
        }
        Ok(())
    }

    /// Who used which coupon when.
    pub(super) fn redemptions(&self, row: &mut Rows<'_>) -> io::Result<()> {
        self.0.iter().try_for_each(|c| {
            c.redeemed.iter().try_for_each(|(household, coupon, day)| {
                let ids = [i64::from(*household) + 1, FIRST_COUPON + coupon, c.id, *day];
                row(Record::Redemption(ids))
            })
        })
    }
}
