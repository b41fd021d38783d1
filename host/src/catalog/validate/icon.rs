//! The icon of a channel type: an SVG image that a web page can show.
//!
//! It refuses whatever can run or load something, rather than cleaning it: an
//! icon needs none of it, and a cleaner that misses one spelling is a hole.

/// The largest icon. A logo drawn by a program has a few kilobytes.
const MAX_BYTES: usize = 64 << 10;

/// What an icon never needs, in small letters.
const REFUSED: [&str; 10] = [
    "<script",
    "<foreignobject",
    "<iframe",
    "<embed",
    "<object",
    "<!doctype",
    "<!entity",
    "javascript:",
    "@import",
    "<?xml-stylesheet",
];

/// Whether the icon is safe to show.
///
/// # Errors
/// What is wrong with it.
pub(super) fn check(icon: &str) -> Result<(), String> {
    if icon.len() > MAX_BYTES {
        return Err(format!("the icon has {} bytes, more than the {MAX_BYTES} that are allowed", icon.len()));
    }
    // Spelled out characters would hide words from this look, and icons have no text that needs them.
    let icon = icon.to_ascii_lowercase();
    if icon.contains("&#") {
        return Err("the icon writes characters as numbers (`&#…;`): write them plainly".into());
    }
    let start = icon.trim_start();
    if !(start.starts_with("<svg") || start.starts_with("<?xml "))
        || !icon.contains("<svg")
        || !icon.trim_end().ends_with("</svg>")
    {
        return Err("the icon is not an SVG image: it goes from <svg …> to </svg>".into());
    }
    if let Some(word) = REFUSED.iter().find(|word| icon.contains(**word)) {
        return Err(format!("the icon holds `{word}`, which an icon does not need"));
    }
    if let Some(name) = attributes(&icon).find(|name| name.starts_with("on") && name.len() > 2) {
        return Err(format!("the icon holds the script attribute `{name}`"));
    }
    if loads_from_elsewhere(&icon) {
        return Err(
            "the icon refers to something outside itself: only links to its own parts (`#part`) are allowed"
                .into(),
        );
    }
    Ok(())
}

/// The words that stand before a `=`.
fn attributes(icon: &str) -> impl Iterator<Item = &str> {
    icon.match_indices('=').filter_map(|(at, _)| {
        let before = icon[..at].trim_end();
        let start = before.rfind(|c: char| !(c.is_ascii_alphanumeric() || matches!(c, '-' | ':' | '_')));
        Some(&before[start.map_or(0, |at| at + 1)..]).filter(|name| !name.is_empty())
    })
}

fn loads_from_elsewhere(icon: &str) -> bool {
    let target = |rest: &str| {
        rest.trim_start_matches(|c: char| c.is_whitespace() || matches!(c, '=' | '"' | '\'' | '('))
            .starts_with('#')
    };
    let links = ["href", "src"].into_iter().any(|name| {
        icon.match_indices(name).any(|(at, name)| {
            let rest = icon[at + name.len()..].trim_start();
            rest.starts_with('=') && !target(rest)
        })
    });
    links || icon.match_indices("url(").any(|(at, word)| !target(&icon[at + word.len()..]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_images_are_fine() {
        for icon in [
            r#"<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 1 1"><path d="M0 0"/></svg>"#,
            "<?xml version=\"1.0\"?>\n<svg><path/></svg>\n",
            r##"<svg><use href="#a"/><use xlink:href = '#b'/><rect fill="url(#grad)" stroke="url('#g')"/></svg>"##,
            r#"<svg><path id="one" stroke-dashoffset="1" version="1"/></svg>"#,
        ] {
            assert_eq!(check(icon), Ok(()), "{icon}");
        }
    }

    #[test]
    fn whatever_runs_or_loads_is_refused() {
        for inner in [
            "<script>x</script>",
            "<SCRIPT/>",
            "<rect onload='x'/>",
            "<rect ONCLICK = \"x\"/>",
            "<a xlink:href='https://evil.example'/>",
            "<a href=\"javascript:x\"/>",
            "<image href='data:image/png;base64,x'/>",
            "<image src = '//evil.example/x'/>",
            "<foreignObject/>",
            "<style>@import 'x'</style>",
            "<rect fill='url(https://evil.example/x)'/>",
            "<a href='&#106;avascript:x'/>",
        ] {
            let icon = format!("<svg>{inner}</svg>");
            assert!(check(&icon).is_err(), "{icon}");
        }
        for icon in ["", "plain", "<html><svg></svg></html>", "<!DOCTYPE svg><svg></svg>", "<svg>"] {
            assert!(check(icon).is_err(), "{icon}");
        }
        assert!(check(&format!("<svg>{}</svg>", " ".repeat(65_536))).is_err());
    }
}
