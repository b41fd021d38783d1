//! The address that a person opens to let the host in. Pure.

use super::{Nonce, Provider};
use url::Url;

/// One way of a browser to the provider and back.
#[derive(Clone, Copy, Debug)]
pub struct Sending<'a> {
    /// Where it comes back to; the provider knows it.
    pub redirect_uri: &'a str,
    /// Comes back with it.
    pub state: &'a str,
    /// Stays with the host.
    pub verifier: &'a Nonce,
}

impl Provider {
    /// The authorization request; none where the provider needs no person.
    #[must_use]
    pub fn authorization(&self, sending: Sending<'_>) -> Option<Url> {
        let mut url = self.authorize_url.clone()?;
        let mut query = url.query_pairs_mut();
        query.append_pair("response_type", "code").append_pair("client_id", &self.client.id);
        query.append_pair("redirect_uri", sending.redirect_uri);
        if let Some(scope) = self.scope() {
            query.append_pair("scope", &scope);
        }
        query.append_pair("state", sending.state);
        if self.pkce {
            query.append_pair("code_challenge", &sending.verifier.challenge());
            query.append_pair("code_challenge_method", "S256");
        }
        for (name, value) in [("audience", &self.audience), ("resource", &self.resource)] {
            if let Some(value) = value {
                query.append_pair(name, value);
            }
        }
        query.extend_pairs(&self.authorize_parameters);
        drop(query);
        Some(url)
    }
}

#[cfg(test)]
mod tests {
    use super::super::provider::tests::example;
    use super::*;

    fn address(provider: &Provider) -> String {
        let verifier = Nonce::of("dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk");
        let redirect_uri = "http://127.0.0.1:7070/oauth/callback";
        provider
            .authorization(Sending { redirect_uri, state: "st", verifier: &verifier })
            .expect("an address")
            .into()
    }

    #[test]
    fn the_address_has_all_that_the_standard_asks_for() {
        insta::assert_snapshot!(address(&example()), @"https://id.example.com/authorize?response_type=code&client_id=tide+gate&redirect_uri=http%3A%2F%2F127.0.0.1%3A7070%2Foauth%2Fcallback&scope=read+write&state=st&code_challenge=E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM&code_challenge_method=S256&access_type=offline");
    }

    #[test]
    fn quirks_change_it() {
        let odd = Provider {
            pkce: false,
            scope_separator: ",".into(),
            audience: Some("api".into()),
            authorize_parameters: Vec::new(),
            ..example()
        };
        let address = address(&odd);
        assert!(address.contains("&scope=read%2Cwrite&") && address.ends_with("&state=st&audience=api"));
        assert!(!address.contains("code_challenge"));
        assert!(!address.contains("s3cret"));
    }
}
