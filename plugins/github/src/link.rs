//! The `Link` header (RFC 8288), as far as paging needs it.

use tidegate_sdk::{Error, Response, Transport};

/// The path of the next page, where there is one.
///
/// # Errors
/// When the link leads away from GitHub.
pub(crate) fn next(transport: &dyn Transport, response: &Response) -> Result<Option<String>, Error> {
    let link = response.header("link").and_then(|links| find(links, "next"));
    link.map(|link| transport.path_of(link)).transpose()
}

/// The target of the first link of that relation: `<https://…?a=1,2>; rel="next", …`.
fn find<'a>(links: &'a str, relation: &str) -> Option<&'a str> {
    let mut rest = links;
    loop {
        let (_, after) = rest.split_once('<')?;
        let (target, after) = after.split_once('>')?;
        // What belongs to this link stands before the next one begins.
        let parameters = after.split('<').next().unwrap_or_default();
        let is_it = parameters.split([';', ',']).any(|parameter| {
            parameter.trim().split_once('=').is_some_and(|(name, value)| {
                name.trim().eq_ignore_ascii_case("rel")
                    && value
                        .trim()
                        .trim_matches('"')
                        .split(' ')
                        .any(|word| word.eq_ignore_ascii_case(relation))
            })
        });
        if is_it {
            return Some(target);
        }
        rest = after;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tidegate_sdk::{Class, testing::Script};

    #[test]
    fn links_are_found_by_their_relation() {
        let check = |links: &str, next: Option<&str>| assert_eq!(find(links, "next"), next, "{links}");
        check(
            "<https://a/issues?page=2>; rel=\"prev\", <https://a/issues?page=4>; rel=\"next\", <https://a/issues?page=9>; rel=\"last\"",
            Some("https://a/issues?page=4"),
        );
        check("<https://a/?labels=x,y;rel=next&page=1>; rel=\"first\"", None);
        check("<https://a/1>;rel=next", Some("https://a/1"));
        check("<https://a/1>; title=\"b\"; REL=\"last Next\"", Some("https://a/1"));
        for none in
            ["", "nonsense", "<https://a/1>", "<https://a/1; rel=\"next\"", "<https://a/1>; rel=\"nextish\""]
        {
            check(none, None);
        }
    }

    #[test]
    fn links_to_elsewhere_are_not_followed() {
        let answer = |link: &str| Response::new("GET /x", 200, "[]").with_header("Link", link);
        let script = Script::new();
        let next = |link: &str| next(&script, &answer(link));
        assert_eq!(
            next("<https://remote.test/repositories/1/issues?page=2>; rel=\"next\""),
            Ok(Some("/repositories/1/issues?page=2".into()))
        );
        assert_eq!(next("<https://evil.test/x>; rel=\"next\"").unwrap_err().class, Class::Denied);
        assert_eq!(super::next(&script, &Response::new("GET /x", 200, "[]")), Ok(None));
    }
}
