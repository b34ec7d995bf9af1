//! Lists of items: neighbours of one with a cosine and a small bar each, and a user's.

use pannier_client::{Neighbour, Recommended, Similar};

use super::table::Table;

const BAR: f64 = 20.0;
const EIGHTHS: [char; 7] = ['▏', '▎', '▍', '▌', '▋', '▊', '▉'];

/// Nearest first.
pub fn similar(answer: &Similar) -> Vec<String> {
    let item = answer
        .item
        .as_ref()
        .map_or_else(String::new, |item| format!(", nearest to {}", named(item)));
    let mut table = Table::new(&[">", "item", "name", ">cosine", ""]).widest(50);
    for (i, neighbour) in answer.similar.iter().enumerate() {
        table.row([
            (i + 1).to_string(),
            neighbour.item_id.clone(),
            neighbour.name.clone(),
            format!("{:.4}", neighbour.cosine),
            bar(neighbour.cosine),
        ]);
    }
    let mut lines = vec![format!("{} version {}{item}", answer.model, answer.version)];
    lines.extend(table.lines());
    lines
}

/// Best first.
pub fn recommended(answer: &Recommended, user: &str, items: &[String]) -> Vec<String> {
    let score = if answer.probabilities {
        ">probability"
    } else {
        ">score"
    };
    let listed = answer.listed_by.is_some();
    let columns = [">", "item", "name", score, "bought"];
    let columns = &columns[..if listed { 5 } else { 4 }];
    // A model that decides in a context scores anybody; the most bought items have no scores.
    let popular = answer.unknown && items.is_empty() && (listed || !answer.probabilities);
    let mut table = Table::new(columns).widest(50);
    for (i, item) in answer.items.iter().enumerate() {
        let score = if popular {
            String::new()
        } else {
            format!("{:.4}", item.score)
        };
        let bought = if item.bought == Some(true) { "yes" } else { "" };
        let row = [
            (i + 1).to_string(),
            item.item_id.clone(),
            item.name.clone(),
            score,
            bought.to_owned(),
        ];
        table.row(row.into_iter().take(columns.len()));
    }
    let what = match (answer.unknown, items) {
        (false, _) => format!("for user {user}"),
        (true, []) if popular => format!("does not know user {user}; the most bought items"),
        (true, []) => format!("does not know user {user}; as for any user"),
        (true, items) => format!("for who has {}", items.join(", ")),
    };
    let from = answer.listed_by.as_ref();
    let from = from.map_or_else(String::new, |run| format!("; lists of run {run}"));
    let mut lines = vec![format!(
        "{} version {}, {what}{from}",
        answer.model, answer.version
    )];
    lines.extend(table.lines());
    lines
}

fn named(item: &Neighbour) -> String {
    if item.name.is_empty() {
        item.item_id.clone()
    } else {
        format!("{} ({})", item.item_id, item.name)
    }
}

/// `0..=1` as up to 20 columns, by eighths; nothing below 0.
fn bar(share: f64) -> String {
    let eighths = (share.clamp(0.0, 1.0) * BAR * 8.0).round() as usize;
    let rest = eighths
        .checked_rem(8)
        .and_then(|r| r.checked_sub(1))
        .and_then(|i| EIGHTHS.get(i));
    "█"
        .repeat(eighths / 8)
        .chars()
        .chain(rest.copied())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stranger_has_no_scores() {
        let item = |id: &str, score| pannier_client::RecommendedItem {
            item_id: id.into(),
            name: "milk".into(),
            score,
            bought: None,
        };
        let mut answer = Recommended {
            model: "m".into(),
            version: 2,
            unknown: false,
            items: vec![item("P1", 0.75)],
            listed_by: None,
            probabilities: false,
        };
        let want = "m version 2, for user u\n   item  name   score\n1  P1    milk  0.7500";
        assert_eq!(recommended(&answer, "u", &[]).join("\n"), want);
        answer.unknown = true;
        let with = recommended(&answer, "u", &["milk".into()]).join("\n");
        assert!(
            with.starts_with("m version 2, for who has milk") && with.contains("0.75"),
            "{with}"
        );
        let lines = recommended(&answer, "u", &[]).join("\n");
        assert!(
            lines.starts_with("m version 2, does not know user u; the most bought items"),
            "{lines}"
        );
        assert!(!lines.contains("0.75"), "{lines}");
        answer.probabilities = true;
        let lines = recommended(&answer, "u", &[]).join("\n");
        assert!(
            lines.contains("as for any user") && lines.contains("0.75"),
            "{lines}"
        );
    }

    #[test]
    fn a_list_says_what_was_bought() {
        let item = |id: &str, score, bought| pannier_client::RecommendedItem {
            item_id: id.into(),
            name: "milk".into(),
            score,
            bought: Some(bought),
        };
        let answer = Recommended {
            model: "m".into(),
            version: 2,
            unknown: false,
            items: vec![item("P1", 0.75, true), item("P2", 0.5, false)],
            listed_by: Some("r".into()),
            probabilities: true,
        };
        let want = "\
m version 2, for user u; lists of run r
   item  name  probability  bought
1  P1    milk       0.7500  yes
2  P2    milk       0.5000";
        assert_eq!(recommended(&answer, "u", &[]).join("\n"), want);
    }

    #[test]
    fn bars_show_the_cosine() {
        let neighbour = |id: &str, name: &str, cosine| Neighbour {
            item_id: id.into(),
            name: name.into(),
            cosine,
        };
        let answer = Similar {
            model: "grocery-vectors".into(),
            version: 3,
            item: Some(neighbour("PRD1", "milk", 1.0)),
            similar: vec![
                neighbour("PRD2", "cream", 0.9187),
                neighbour("PRD33", "", 0.5),
                neighbour("PRD4", "ink", -0.2),
            ],
        };
        let want = "\
grocery-vectors version 3, nearest to PRD1 (milk)
   item   name    cosine
1  PRD2   cream   0.9187  ██████████████████▍
2  PRD33          0.5000  ██████████
3  PRD4   ink    -0.2000";
        assert_eq!(similar(&answer).join("\n"), want);
    }
}
