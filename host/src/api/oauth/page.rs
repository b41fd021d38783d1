//! What a person sees in the browser after the provider: one small page without a script.
//!
//! It shows no code, no state and no token. What a provider says stands in it as text alone.

use crate::model::Failure;
use axum::{
    body::Body,
    http::{HeaderValue, StatusCode, header},
    response::Response,
};
use base64::{Engine, prelude::BASE64_STANDARD};
use sha2::{Digest, Sha256};

const STYLE: &str = "body{font:1rem/1.5 system-ui,sans-serif;max-width:36rem;margin:15vh auto;padding:0 1rem;\
    color:#222;background:#fff}h1{font-size:1.4rem}code{background:#eee;padding:.1rem .3rem;border-radius:.2rem}\
    @media(prefers-color-scheme:dark){body{color:#ddd;background:#181818}code{background:#333}}";

/// A heading and a few sentences.
pub(super) struct Page {
    heading: String,
    sentences: Vec<String>,
}

impl Page {
    fn new(heading: impl Into<String>, sentences: &[&str]) -> Self {
        Self {
            heading: heading.into(),
            sentences: sentences.iter().map(|sentence| (*sentence).to_owned()).collect(),
        }
    }

    pub(super) fn connected(channel: &str) -> Self {
        Self::new(
            format!("Channel '{channel}' is connected"),
            &["You can close this page. The channel goes on by itself."],
        )
    }

    pub(super) fn refused(channel: &str, code: &str, words: Option<&str>) -> Self {
        let said = match words {
            Some(words) => format!("The provider says: {words} ({code})."),
            None => format!("The provider says: {code}."),
        };
        let heading = match code {
            "access_denied" => format!("Channel '{channel}' was not let in"),
            _ => format!("Channel '{channel}' could not be connected"),
        };
        let again = format!("To try again: tidegate channel connect {channel}");
        Self::new(heading, &[&said, "Nothing was changed.", &again])
    }

    pub(super) fn failed(failure: &Failure) -> Self {
        let said = format!("{} ({}).", failure.message, failure.code);
        Self::new(
            "The channel could not be connected",
            &[&said, "To try again: tidegate channel connect NAME"],
        )
    }

    pub(super) fn stale() -> Self {
        Self::new(
            "This sign-in is over",
            &[
                "It was used already, took longer than ten minutes, or was replaced by a later one.",
                "To try again: tidegate channel connect NAME",
            ],
        )
    }

    pub(super) fn nothing_to_do() -> Self {
        Self::new(
            "There is nothing to do here",
            &[
                "Providers send browsers here when a channel is being connected, and this is not such an answer.",
                "To connect a channel: tidegate channel connect NAME",
            ],
        )
    }

    pub(super) fn answer(&self, status: StatusCode) -> Response {
        let mut response = Response::new(Body::from(self.html()));
        *response.status_mut() = status;
        let style = BASE64_STANDARD.encode(Sha256::digest(STYLE));
        let policy = format!(
            "default-src 'none'; style-src 'sha256-{style}'; base-uri 'none'; form-action 'none'; \
             frame-ancestors 'none'"
        );
        let headers = response.headers_mut();
        let policy = HeaderValue::from_str(&policy).expect("a policy of ASCII");
        headers.insert(header::CONTENT_SECURITY_POLICY, policy);
        for (name, value) in [
            (header::CONTENT_TYPE, "text/html; charset=utf-8"),
            // The address has a code in it, even though it is used up.
            (header::REFERRER_POLICY, "no-referrer"),
            (header::CACHE_CONTROL, "no-store"),
            (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
            (header::X_FRAME_OPTIONS, "DENY"),
        ] {
            headers.insert(name, HeaderValue::from_static(value));
        }
        response
    }

    fn html(&self) -> String {
        let sentences: String =
            self.sentences.iter().map(|sentence| format!("<p>{}</p>\n", marked_up(sentence))).collect();
        let heading = escaped(&self.heading);
        format!(
            "<!doctype html>\n<html lang=\"en\">\n<head><meta charset=\"utf-8\">\
             <meta name=\"viewport\" content=\"width=device-width\">\
             <title>{heading} - Tidegate</title><style>{STYLE}</style></head>\n\
             <body>\n<h1>{heading}</h1>\n{sentences}</body>\n</html>\n"
        )
    }
}

/// A command at the end of a sentence looks like one.
fn marked_up(sentence: &str) -> String {
    match sentence.split_once(": tidegate ") {
        Some((before, command)) => {
            format!("{}: <code>tidegate {}</code>", escaped(before), escaped(command))
        }
        None => escaped(sentence),
    }
}

fn escaped(text: &str) -> String {
    text.chars()
        .map(|c| match c {
            '&' => "&amp;".to_owned(),
            '<' => "&lt;".to_owned(),
            '>' => "&gt;".to_owned(),
            '"' => "&quot;".to_owned(),
            '\'' => "&#39;".to_owned(),
            c => c.to_string(),
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_provider_says_is_text() {
        let html = Page::refused("zen", "<b>x", Some("a & <script>alert('1')</script>")).html();
        assert!(
            html.contains("a &amp; &lt;script&gt;alert(&#39;1&#39;)&lt;/script&gt; (&lt;b&gt;x)"),
            "{html}"
        );
        assert!(!html.contains("<script"));
        assert!(html.contains("<code>tidegate channel connect zen</code>"));
    }

    #[test]
    fn nothing_is_loaded_kept_or_told_on() {
        let response = Page::stale().answer(StatusCode::BAD_REQUEST);
        let header = |name| response.headers()[name].to_str().expect("ASCII").to_owned();
        assert!(
            header(header::CONTENT_SECURITY_POLICY).starts_with("default-src 'none'; style-src 'sha256-")
        );
        assert_eq!(header(header::REFERRER_POLICY), "no-referrer");
        assert_eq!(header(header::CACHE_CONTROL), "no-store");
    }
}
