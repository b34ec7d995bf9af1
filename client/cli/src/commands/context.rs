//! `--context NAME=NUMBER,...`: what is known of the moment. Parsing only.

/// One of them.
///
/// # Errors
/// Where it is none.
pub fn value(text: &str) -> Result<(String, f64), String> {
    let form = || format!("`{text}` is not NAME=NUMBER, for example page_views=10");
    let (name, number) = text.split_once('=').ok_or_else(form)?;
    let number: f64 = number.trim().parse().map_err(|_| form())?;
    let name = name.trim();
    if name.is_empty() || !number.is_finite() {
        return Err(form());
    }
    Ok((name.to_owned(), number))
}

#[cfg(test)]
mod tests {
    use super::value;

    #[test]
    fn names_and_numbers() {
        assert_eq!(value("hour = 9.5"), Ok(("hour".to_owned(), 9.5)));
        for wrong in ["hour", "=1", "hour=", "hour=nine", "hour=nan"] {
            let error = value(wrong).err().unwrap_or_default();
            assert!(error.contains("is not NAME=NUMBER"), "{wrong}: {error}");
        }
    }
}
