//! What an operator fills in, and what the form alone cannot say of it.

use serde::Deserialize;
use tidegate_sdk::FieldError;

/// The settings. Token and webhook secret stay with the host.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) struct Form {
    pub(crate) owner: String,
    pub(crate) repository: String,
    pub(crate) url: Option<String>,
    pub(crate) start_date: Option<String>,
}

impl Form {
    /// What is wrong with the values together.
    pub(crate) fn validate(&self) -> Result<(), Vec<FieldError>> {
        let problems: Vec<_> = [self.name(), self.address()].into_iter().flatten().collect();
        if problems.is_empty() { Ok(()) } else { Err(problems) }
    }

    /// A path below the repository. The form lets no character through that has a
    /// meaning in a path.
    pub(crate) fn path(&self, rest: &str) -> String {
        format!("/repos/{}/{}{rest}", self.owner, self.repository)
    }

    /// Where the lists begin, as GitHub writes times; none: at their beginning.
    pub(crate) fn start(&self) -> Option<String> {
        self.start_date.as_ref().map(|day| format!("{day}T00:00:00Z"))
    }

    /// Whether that is the repository, such as `octocat/hello-world`.
    pub(crate) fn is(&self, full_name: &str) -> bool {
        full_name.eq_ignore_ascii_case(&format!("{}/{}", self.owner, self.repository))
    }

    fn name(&self) -> Option<FieldError> {
        matches!(self.repository.as_str(), "." | "..")
            .then(|| FieldError::new("repository", "give the name of the repository, without its owner"))
    }

    fn address(&self) -> Option<FieldError> {
        let url = self.url.as_deref()?.trim_end_matches('/').to_ascii_lowercase();
        let site = url.split_once("://").map_or(url.as_str(), |(_, rest)| rest);
        let is_the_site = site == "github.com"
            || site == "www.github.com"
            || site.starts_with("github.com/")
            || site.starts_with("www.github.com/");
        is_the_site.then(|| {
            FieldError::new(
                "url",
                "that is the site for people: leave the address out for github.com, or give that of the API, such \
                 as https://github.acme.com/api/v3",
            )
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::GitHub;
    use tidegate_sdk::{ChannelType, Settings};

    #[test]
    fn what_the_form_lets_through_is_looked_at_again() {
        let check = |more: &str, fields: &[&str]| {
            let json = format!(r#"{{"owner": "acme", "token": true, {more}}}"#);
            let problems = GitHub::validate("github", &Settings::from_bytes(json.clone().into()))
                .err()
                .unwrap_or_default();
            let found: Vec<_> = problems.iter().map(|problem| problem.field.as_str()).collect();
            assert_eq!(found, fields, "{json}");
        };
        check(r#""repository": "widgets""#, &[]);
        check(r#""repository": ".github""#, &[]);
        check(r#""repository": "widgets", "url": "https://github.acme.com/api/v3""#, &[]);
        check(r#""repository": "widgets", "url": "http://127.0.0.1:8080/""#, &[]);
        check(r#""repository": "widgets", "url": "https://api.github.com""#, &[]);
        check(r#""repository": ".." "#, &["/repository"]);
        check(r#""repository": "widgets", "url": "https://github.com""#, &["/url"]);
        check(r#""repository": "widgets", "url": "https://GitHub.com/acme/widgets/""#, &["/url"]);
        check(r#""repository": 5"#, &[""]);
    }

    #[test]
    fn paths_and_times_are_github_s() {
        let form = Form {
            owner: "acme".into(),
            repository: "widgets".into(),
            url: None,
            start_date: Some("2023-11-14".into()),
        };
        assert_eq!(form.path("/issues"), "/repos/acme/widgets/issues");
        assert_eq!(form.start().as_deref(), Some("2023-11-14T00:00:00Z"));
        assert!(form.is("Acme/Widgets") && !form.is("acme/widget") && !form.is("acme/widgets/x"));
    }
}
