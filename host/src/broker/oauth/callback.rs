//! What a browser brings back from a provider. Pure.
//!
//! Anybody can send a browser here with anything: nothing of it is believed before the state
//! was found to be the host's own.

use super::Provider;
use crate::model::{Class, Failure, Secret};
use std::fmt;
use url::{Origin, Url, form_urlencoded};

/// The longest query that is read, in bytes.
const MAX_QUERY: usize = 16 << 10;
/// The most that is told of what a provider says, in characters.
const MAX_WORDS: usize = 200;

/// The query of the redirect. `Debug` shows neither code nor state.
pub struct Callback {
    /// What the host sent along.
    pub state: Secret,
    /// Who answers, where it says so.
    pub issuer: Option<String>,
    /// The answer.
    pub returned: Returned,
}

/// What the provider says.
pub enum Returned {
    /// The person let the host in.
    Code(Secret),
    /// It did not come to that.
    Error {
        /// The standard's word, such as `access_denied`.
        code: String,
        /// The provider's own words, cleaned.
        words: Option<String>,
    },
}

impl Callback {
    /// Reads a query; none where it is not an answer to an authorization request: a parameter
    /// is missing, or is there twice.
    #[must_use]
    pub fn read(query: &str) -> Option<Self> {
        if query.len() > MAX_QUERY {
            return None;
        }
        let pairs: Vec<_> = form_urlencoded::parse(query.as_bytes()).collect();
        let sole = |name: &str| {
            let mut found = pairs.iter().filter(|(key, _)| key == name).map(|(_, value)| value.as_ref());
            match (found.next(), found.next()) {
                (found, None) => Some(found.filter(|value| !value.is_empty())),
                (_, Some(_)) => None,
            }
        };
        let (state, code, error) = (sole("state")??, sole("code")?, sole("error")?);
        let returned = match (code, error) {
            (_, Some(error)) => Returned::Error {
                code: clean(error),
                words: sole("error_description")?.map(clean).filter(|words| !words.is_empty()),
            },
            (Some(code), None) => Returned::Code(Secret::new(code)),
            (None, None) => return None,
        };
        Some(Self { state: Secret::new(state), issuer: sole("iss")?.map(str::to_owned), returned })
    }

    /// Whether it is the provider that answers which was asked (RFC 9207).
    ///
    /// # Errors
    /// `denied`, where it is another one.
    pub fn check_issuer(&self, provider: &Provider) -> Result<(), Failure> {
        let is_right = match (&provider.issuer, &self.issuer) {
            (Some(expected), told) => told.as_ref() == Some(expected),
            (None, None) => true,
            (None, Some(told)) => {
                let of = |url: &Url| url.origin();
                Url::parse(told).map(|url| url.origin()).is_ok_and(|origin| {
                    matches!(origin, Origin::Tuple(..))
                        && [provider.authorize_url.as_ref(), Some(&provider.token_url)]
                            .into_iter()
                            .flatten()
                            .any(|known| of(known) == origin)
                })
            }
        };
        if is_right {
            return Ok(());
        }
        let message = "the answer came from another provider than the one that was asked (its `iss`), so it is not used";
        Err(Failure::new(Class::Denied, "oauth.issuer", message))
    }
}

impl fmt::Debug for Callback {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Callback").field("issuer", &self.issuer).finish_non_exhaustive()
    }
}

fn clean(text: &str) -> String {
    let clean: String = text.chars().map(|c| if c.is_control() { ' ' } else { c }).take(MAX_WORDS).collect();
    clean.trim().to_owned()
}

#[cfg(test)]
mod tests {
    use super::super::provider::tests::example;
    use super::*;

    fn told(query: &str) -> String {
        match Callback::read(query) {
            None => "nothing".into(),
            Some(Callback { state, returned: Returned::Code(code), .. }) => {
                format!("{} {}", state.expose(), code.expose())
            }
            Some(Callback { returned: Returned::Error { code, words }, .. }) => format!("{code} {words:?}"),
        }
    }

    #[test]
    fn answers_are_read_and_doubtful_ones_are_not() {
        for (query, expected) in [
            ("code=a%2Bb&state=s", "s a+b"),
            ("state=s&code=c&session_state=x", "s c"),
            ("error=access_denied&state=s", "access_denied None"),
            ("error=x&error_description=no%0Away&state=s", "x Some(\"no way\")"),
            ("error=x&code=c&state=s", "x None"),
            ("code=c", "nothing"),
            ("state=s", "nothing"),
            ("code=&state=s", "nothing"),
            ("code=a&code=b&state=s", "nothing"),
            ("code=a&state=s&state=t", "nothing"),
            ("code=a&state=s&iss=x&iss=y", "nothing"),
            ("", "nothing"),
        ] {
            assert_eq!(told(query), expected, "{query}");
        }
        assert_eq!(told(&format!("code={}&state=s", "c".repeat(MAX_QUERY))), "nothing");
    }

    #[test]
    fn another_provider_s_answer_is_refused() {
        let named = Provider { issuer: Some("https://id.example.com/realm".into()), ..example() };
        for (provider, iss, expected) in [
            (&example(), "", true),
            (&example(), "&iss=https://id.example.com", true),
            (&example(), "&iss=https://id.example.com/any", true),
            (&example(), "&iss=https://evil.example.com", false),
            (&example(), "&iss=nonsense", false),
            (&named, "&iss=https://id.example.com/realm", true),
            (&named, "&iss=https://id.example.com/other", false),
            (&named, "", false),
        ] {
            let callback = Callback::read(&format!("code=c&state=s{iss}")).expect("an answer");
            assert_eq!(callback.check_issuer(provider).is_ok(), expected, "{iss}");
        }
    }
}
