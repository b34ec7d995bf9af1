//! Whom an offer is for.

use pannier_client::Audience;

use super::table::Table;

/// Best first.
pub fn audience(answer: &Audience) -> Vec<String> {
    let name = if answer.name == answer.item_id {
        String::new()
    } else {
        format!(" ({})", answer.name)
    };
    let price = answer.price.map(|price| format!(" at {price:.2}"));
    let category = match answer.category.as_str() {
        "" => String::new(),
        category => format!(" in {category}"),
    };
    let unknown = if answer.unknown {
        ", which it does not know: any such item"
    } else {
        ""
    };
    let mut table = Table::new(&[">", "user", ">probability"]);
    for (i, user) in answer.audience.iter().enumerate() {
        table.row([
            (i + 1).to_string(),
            user.user_id.clone(),
            format!("{:.4}", user.probability),
        ]);
    }
    let mut lines = vec![format!(
        "{} version {}, best {} of {} users for {}{name}{}{category}{unknown}",
        answer.model,
        answer.version,
        answer.audience.len(),
        answer.users,
        answer.item_id,
        price.unwrap_or_default(),
    )];
    lines.extend(table.lines());
    lines
}

#[cfg(test)]
mod tests {
    use pannier_client::AudienceUser;

    use super::*;

    #[test]
    fn the_offer_is_said_as_it_was_reckoned_with() {
        let mut answer = Audience {
            model: "shop".into(),
            version: 2,
            item_id: "7".into(),
            name: "phone".into(),
            unknown: false,
            price: Some(161.0),
            category: "toys".into(),
            users: 900,
            audience: vec![AudienceUser {
                user_id: "u1".into(),
                probability: 0.25,
            }],
        };
        let want = "\
shop version 2, best 1 of 900 users for 7 (phone) at 161.00 in toys
   user  probability
1  u1         0.2500";
        assert_eq!(audience(&answer).join("\n"), want);
        answer = Audience {
            name: "7".into(),
            unknown: true,
            price: None,
            category: String::new(),
            ..answer
        };
        let first = audience(&answer).remove(0);
        let want =
            "shop version 2, best 1 of 900 users for 7, which it does not know: any such item";
        assert_eq!(first, want);
    }
}
