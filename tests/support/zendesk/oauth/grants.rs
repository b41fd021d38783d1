//! Codes and tokens that were given out. It knows neither requests nor answers.

use std::collections::HashMap;

/// How long a code is good, in seconds.
const CODE_LIFETIME: i64 = 120;
/// How long a refresh token is good where nothing is asked for, in seconds: 30 days.
const REFRESH_LIFETIME: i64 = 2_592_000;

/// A code.
#[derive(Clone, Debug)]
pub(super) struct Code {
    pub(super) redirect_uri: String,
    pub(super) challenge: Option<String>,
    pub(super) scope: String,
    until: i64,
}

/// An access token and the refresh token that came with it.
#[derive(Clone, Debug)]
pub(super) struct Token {
    pub(super) access: String,
    pub(super) refresh: String,
    pub(super) scope: String,
    pub(super) lifetime: i64,
    until: i64,
    refresh_until: i64,
}

/// What a token opens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::zendesk) enum Access {
    /// Everything that it is asked for.
    Granted,
    /// Not this.
    Missing(&'static str),
    /// Nothing.
    Refused,
}

/// Everything that was given out, and what is given.
#[derive(Debug)]
pub(in crate::zendesk) struct Grants {
    pub(super) redirect_uris: Vec<String>,
    /// Whether the person refuses.
    pub(super) denies: bool,
    /// How long an access token is good, in seconds.
    pub(super) lifetime: i64,
    pub(in crate::zendesk) counts: super::OAuthCounts,
    codes: HashMap<String, Code>,
    tokens: Vec<Token>,
    number: u64,
}

impl Grants {
    pub(in crate::zendesk) fn new(lifetime: i64) -> Self {
        Self {
            redirect_uris: Vec::new(),
            denies: false,
            lifetime,
            counts: super::OAuthCounts::default(),
            codes: HashMap::new(),
            tokens: Vec::new(),
            number: 0,
        }
    }

    /// Whether a token opens what needs that scope.
    pub(in crate::zendesk) fn access(&self, token: &str, scope: &'static str, now: i64) -> Access {
        match self.tokens.iter().find(|given| given.access == token && now < given.until) {
            None => Access::Refused,
            Some(given) if given.scope.split(' ').any(|had| had == scope) => Access::Granted,
            Some(_) => Access::Missing(scope),
        }
    }

    pub(super) fn code(&mut self, code: NewCode<'_>, now: i64) -> String {
        let text = self.fresh("code");
        let NewCode { redirect_uri, challenge, scope } = code;
        let code = Code {
            redirect_uri: redirect_uri.to_owned(),
            challenge: challenge.map(str::to_owned),
            scope: scope.to_owned(),
            until: now + CODE_LIFETIME,
        };
        self.codes.insert(text.clone(), code);
        text
    }

    /// The code, which is used up by that; none where it is not (or no longer) good.
    pub(super) fn redeem(&mut self, code: &str, now: i64) -> Option<Code> {
        self.codes.remove(code).filter(|code| now < code.until)
    }

    pub(super) fn token(&mut self, scope: &str, lifetime: Option<i64>, now: i64) -> Token {
        let lifetime = lifetime.unwrap_or(self.lifetime);
        let token = Token {
            access: self.fresh("access"),
            refresh: self.fresh("refresh"),
            scope: scope.to_owned(),
            lifetime,
            until: now + lifetime,
            refresh_until: now + REFRESH_LIFETIME,
        };
        self.tokens.push(token.clone());
        token
    }

    /// Ends both tokens, and answers their scope; none where the refresh token is not good.
    pub(super) fn refresh(&mut self, refresh: &str, now: i64) -> Option<String> {
        let place = self.tokens.iter().position(|token| token.refresh == refresh)?;
        Some(self.tokens.swap_remove(place))
            .filter(|token| now < token.refresh_until)
            .map(|token| token.scope)
    }

    /// All access tokens are over, and can be renewed.
    pub(super) fn expire(&mut self) {
        self.tokens.iter_mut().for_each(|token| token.until = i64::MIN);
    }

    /// All tokens are over.
    pub(super) fn revoke(&mut self) {
        self.tokens.clear();
    }

    fn fresh(&mut self, kind: &str) -> String {
        self.number += 1;
        format!("fake-zendesk-{kind}-{:016x}-{:04}", fastrand::u64(..), self.number)
    }
}

/// What a code is for.
pub(super) struct NewCode<'a> {
    pub(super) redirect_uri: &'a str,
    pub(super) challenge: Option<&'a str>,
    pub(super) scope: &'a str,
}
