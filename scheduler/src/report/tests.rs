//! The page as a whole: well-formed, escaped, self-contained, and complete when the data are not.

use std::collections::BTreeSet;

use super::example::{failed, grocery};
use super::markup_check::{Tag, tags};
use super::{
    ItemMap, LossPoint, NeighbourList, Part, ReportData, RunStatus, StallLedger, Training, render,
};

const NASTY: &str = "<b>&\"'</style><script>";

fn pages() -> [(&'static str, String); 4] {
    let mut nasty = grocery();
    nasty.header.name = NASTY.to_owned();
    nasty.header.spec = NASTY.to_owned();
    nasty.tables[0].name = NASTY.to_owned();
    nasty.metrics[0].method = NASTY.to_owned();
    nasty.training[0].name = NASTY.to_owned();
    nasty.timeline[0].name = NASTY.to_owned();
    if let Some(profile) = &mut nasty.profile {
        profile.tables[0].table = NASTY.to_owned();
        profile.tables[0].columns[0].top[0].value = NASTY.to_owned();
    }
    nasty.neighbours[0].item_name = NASTY.to_owned();
    nasty.maps[0].places[0].name = NASTY.to_owned();
    nasty.segments[0].model = NASTY.to_owned();
    nasty.segments[0].profiles[0].value = NASTY.to_owned();
    nasty.neighbours[0].neighbours[0].name = NASTY.to_owned();
    [
        ("grocery", render(&grocery())),
        ("failed", render(&failed())),
        ("empty", render(&ReportData::default())),
        ("nasty", render(&nasty)),
    ]
}

fn attribute<'a>(tag: &'a Tag, key: &str) -> Option<&'a str> {
    tag.attributes
        .iter()
        .find(|(name, _)| name == key)
        .map(|(_, value)| value.as_str())
}

#[test]
fn every_page_is_well_formed() {
    for (name, page) in pages() {
        assert!(tags(&page).is_ok(), "{name}: {:?}", tags(&page).err());
    }
}

#[test]
fn text_is_escaped() {
    let [.., (_, page)] = pages();
    assert!(
        page.contains("&lt;b&gt;&amp;&quot;"),
        "the name is on the page, escaped"
    );
    assert!(
        !page.contains("<b>") && !page.contains("<script"),
        "and nowhere else"
    );
}

#[test]
fn nothing_is_loaded() {
    for (name, page) in pages() {
        for tag in tags(&page).unwrap_or_default() {
            assert!(
                !["script", "link", "img", "image", "iframe", "use"].contains(&tag.name.as_str()),
                "{name}: {tag:?}"
            );
            for (key, value) in &tag.attributes {
                assert!(
                    !["src", "srcset", "xlink:href"].contains(&key.as_str()),
                    "{name}: {tag:?}"
                );
                assert!(key != "href" || value.starts_with('#'), "{name}: {tag:?}");
                assert!(
                    !value.contains("http:") && !value.contains("https:"),
                    "{name}: {tag:?}"
                );
            }
        }
        assert!(!super::STYLE.contains("url(") && !super::STYLE.contains("@import"));
    }
}

#[test]
fn ids_are_unique_and_references_lead_somewhere() {
    for (name, page) in pages() {
        let tags = tags(&page).unwrap_or_default();
        let ids: Vec<_> = tags.iter().filter_map(|tag| attribute(tag, "id")).collect();
        let distinct: BTreeSet<_> = ids.iter().copied().collect();
        assert_eq!(ids.len(), distinct.len(), "{name}: {ids:?}");
        for tag in &tags {
            let linked = attribute(tag, "href").map(|href| href.trim_start_matches('#'));
            let labelled = attribute(tag, "aria-labelledby")
                .unwrap_or_default()
                .split(' ')
                .filter(|id| !id.is_empty());
            for id in linked.into_iter().chain(labelled) {
                assert!(distinct.contains(id), "{name}: {id} leads nowhere");
            }
        }
    }
}

#[test]
fn every_chart_has_words() {
    for (name, page) in pages() {
        for tag in tags(&page)
            .unwrap_or_default()
            .iter()
            .filter(|tag| attribute(tag, "role") == Some("img"))
        {
            assert!(
                attribute(tag, "aria-labelledby").is_some(),
                "{name}: {tag:?}"
            );
        }
        assert!(
            !page.contains("-desc\"></desc>"),
            "{name}: an empty description"
        );
    }
}

#[test]
fn an_empty_part_says_why() {
    for status in [
        RunStatus::Succeeded,
        RunStatus::Failed {
            reason: "no space left".to_owned(),
        },
        RunStatus::Cancelled {
            reason: "by ada".to_owned(),
        },
    ] {
        let mut data = ReportData::default();
        data.header.status = status;
        let page = render(&data);
        for part in Part::ALL {
            assert!(
                page.contains(&format!("<section id=\"{}\"", part.anchor())),
                "{part:?}"
            );
        }
        assert!(page.matches("class=\"empty\"").count() >= Part::ALL.len());
    }
    let mut data = ReportData::default();
    data.absent.insert(
        Part::Checks,
        "The checks were left out with --no-checks.".to_owned(),
    );
    assert!(render(&data).contains("left out with --no-checks"));
}

#[test]
fn numbers_that_are_none_do_not_break_it() {
    let mut data = grocery();
    for row in &mut data.metrics {
        (row.value, row.interval) = (f64::NAN, None);
    }
    for difference in &mut data.differences {
        (difference.difference, difference.interval.lo) = (f64::NAN, f64::NAN);
    }
    for point in &mut data.training[0].curve {
        point.loss = f64::INFINITY;
    }
    data.training[0].stall = Some(StallLedger {
        scan: f64::NAN,
        compute: -1.0,
        ..StallLedger::default()
    });
    for activity in &mut data.timeline {
        (activity.start_seconds, activity.seconds) = (f64::NAN, f64::INFINITY);
    }
    data.neighbours.push(NeighbourList::default());
    data.maps[0].places[0].x = f64::NAN;
    data.maps.push(ItemMap::default());
    data.segments[0].candidates[0].silhouette = f64::NAN;
    data.segments[0].profiles[0].index = f64::NAN;
    data.segments[0].kpis[0].users = 0;
    data.training.push(Training {
        curve: vec![LossPoint::default(); 2],
        ..Training::default()
    });
    let page = render(&data);
    assert!(tags(&page).is_ok(), "{:?}", tags(&page).err());
    assert!(!page.contains("NaN") && !page.contains("inf%"));
    assert!(
        page.contains("is not a number at"),
        "a diverged loss is said at the top"
    );
}

#[test]
fn the_same_run_gives_the_same_page() {
    assert_eq!(render(&grocery()), render(&grocery()));
}

#[test]
fn the_top_says_what_came_out() {
    let page = render(&grocery());
    for words in [
        "The best model, vectors, reaches hit_rate@10 of 0.1873",
        "clearly better than",
        "champion now points to",
    ] {
        assert!(page.contains(words), "{words}");
    }
    assert!(render(&failed()).contains("The run failed after"));
}
