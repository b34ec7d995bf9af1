//! A small checker of markup for tests: every tag that opens closes, in order, and nothing is loaded.

/// Tags HTML closes by itself.
const VOID: [&str; 4] = ["meta", "br", "hr", "col"];

/// An opening tag and its attributes.
#[derive(Debug)]
pub struct Tag {
    pub name: String,
    pub attributes: Vec<(String, String)>,
}

/// All opening tags of `page`, or what is wrong with it.
pub fn tags(page: &str) -> Result<Vec<Tag>, String> {
    let mut rest = page.strip_prefix("<!DOCTYPE html>").ok_or("no doctype")?;
    let (mut open, mut tags) = (Vec::<String>::new(), Vec::new());
    while let Some(at) = rest.find('<') {
        text(&rest[..at])?;
        let (inside, after) = rest[at + 1..]
            .split_once('>')
            .ok_or("a tag without its end")?;
        rest = after;
        if let Some(name) = inside.strip_prefix('/') {
            if open.pop().as_deref() != Some(name) {
                return Err(format!("</{name}> closes {open:?}"));
            }
            continue;
        }
        let tag = tag(inside)?;
        if tag.name == "style" {
            // The style sheet is text of another kind: it runs to its closing tag.
            rest = &rest[rest.find("</style>").ok_or("style without end")?..];
        }
        if !VOID.contains(&tag.name.as_str()) {
            open.push(tag.name.clone());
        }
        tags.push(tag);
    }
    text(rest)?;
    if open.is_empty() {
        Ok(tags)
    } else {
        Err(format!("still open: {open:?}"))
    }
}

fn tag(inside: &str) -> Result<Tag, String> {
    let (name, rest) = inside.split_once(' ').unwrap_or((inside, ""));
    if name.is_empty() || !name.chars().all(|c| c.is_ascii_alphanumeric()) {
        return Err(format!("odd tag <{inside}>"));
    }
    let mut attributes = Vec::<(String, String)>::new();
    let mut rest = if rest == "open" { "" } else { rest };
    while !rest.is_empty() {
        let (key, value) = rest
            .split_once("=\"")
            .ok_or_else(|| format!("odd attribute in <{inside}>"))?;
        let (value, after) = value
            .split_once('"')
            .ok_or_else(|| format!("open quote in <{inside}>"))?;
        text(value)?;
        if attributes.iter().any(|(seen, _)| seen == key) {
            return Err(format!("{key} twice in <{inside}>"));
        }
        attributes.push((key.to_owned(), value.to_owned()));
        rest = after.trim_start();
    }
    Ok(Tag {
        name: name.to_owned(),
        attributes,
    })
}

/// Text holds no bare sign: `&` begins an entity, and `>` is escaped.
fn text(text: &str) -> Result<(), String> {
    let entity = |rest: &str| {
        ["amp;", "lt;", "gt;", "quot;"]
            .iter()
            .any(|entity| rest.starts_with(entity))
    };
    if text.split('&').skip(1).all(entity) && !text.contains('>') {
        Ok(())
    } else {
        Err(format!("bare sign in {text:?}"))
    }
}
