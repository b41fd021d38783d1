//! The test of the connection: is the repository there, and who are we in GitHub?

use crate::{answer::problem, request, settings::Form};
use serde::Deserialize;
use tidegate_sdk::{Class, Error, Facts, Method, Response, Transport};

#[derive(Deserialize)]
struct Repository {
    full_name: String,
    #[serde(default)]
    private: bool,
    #[serde(default)]
    archived: bool,
    #[serde(default = "yes")]
    has_issues: bool,
    #[serde(default)]
    permissions: Permissions,
}

#[derive(Default, Deserialize)]
struct Permissions {
    #[serde(default)]
    triage: bool,
    #[serde(default)]
    push: bool,
}

#[derive(Deserialize)]
struct User {
    login: String,
}

fn yes() -> bool {
    true
}

/// Asks for the repository and for us.
pub(crate) fn check(transport: &dyn Transport, form: &Form) -> Result<Facts, Error> {
    let response = match transport.send(request::within(form, Method::Get, "")) {
        Err(error) if error.class == Class::Auth => return Err(refused(&error.code)),
        other => other?,
    };
    if response.status == 404 {
        return Err(no_repository(&response));
    }
    if !response.is_success() {
        return Err(problem(&response));
    }
    let repository: Repository = response.json()?;
    if !repository.has_issues {
        return Err(Error::config(
            "github.issues",
            "issues are switched off in this repository: switch them on in its settings",
        )
        .field("repository", "has no issues"));
    }
    let user = transport.send(request::to(Method::Get, "/user"))?;
    let mut facts = Facts::new().with("repository", repository.full_name.as_str());
    // The token of an app stands for nobody in particular.
    if user.is_success() {
        facts = facts.with("user", user.json::<User>()?.login);
    }
    facts = facts.with("private", repository.private).with("requests-left", rate(&user));
    Ok(match note(&repository) {
        Some(note) => facts.with("note", note),
        None => facts,
    })
}

/// How many requests are left, and of how many.
fn rate(response: &Response) -> String {
    match (response.header("x-ratelimit-remaining"), response.header("x-ratelimit-limit")) {
        (Some(left), Some(limit)) => format!("{left} of {limit}"),
        // GitHub Enterprise Server has no limits unless somebody sets some.
        _ => "no limit is told".to_owned(),
    }
}

fn note(repository: &Repository) -> Option<&'static str> {
    let Permissions { triage, push } = repository.permissions;
    match (repository.archived, triage || push) {
        (true, _) => Some("the repository is archived: nothing can be written to it"),
        (false, false) => Some("the token's owner may not set labels and assignees here: GitHub drops them"),
        (false, true) => None,
    }
}

fn refused(code: &str) -> Error {
    let message = "GitHub refuses the token: check it, and whether it has expired or was revoked";
    Error::auth(code, message).field("token", "refused by GitHub")
}

fn no_repository(response: &Response) -> Error {
    let said = problem(response).message;
    Error::config("github.repository", format!("there is no such repository ({said})"))
        .field("repository", "no such repository of this owner, or the token may not see it")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::GitHub;
    use tidegate_sdk::{Settings, TransportCheck, testing::Script};

    const REPOSITORY: &str = "GET /repos/acme/widgets";
    const USER: &str = "GET /user";

    fn check(script: &Script) -> Result<Facts, Error> {
        let settings = br#"{"owner": "acme", "repository": "widgets", "token": true}"#;
        GitHub::check(script, &Settings::from_bytes(settings.to_vec()))
    }

    fn user() -> Response {
        Response::new(USER, 200, r#"{"login": "octocat"}"#)
            .with_header("x-ratelimit-remaining", "4998")
            .with_header("x-ratelimit-limit", "5000")
    }

    #[test]
    fn repository_user_and_rate_are_told() {
        let body = r#"{"full_name": "acme/widgets", "private": true, "has_issues": true, "permissions": {"push": true}}"#;
        let script = Script::new().on(REPOSITORY, 200, body).answer(USER, user());
        let facts = check(&script).unwrap();
        for (name, value) in
            [("repository", "acme/widgets"), ("user", "octocat"), ("requests-left", "4998 of 5000")]
        {
            assert_eq!(facts.get(name).unwrap(), value);
        }
        assert_eq!((facts.get("private").unwrap(), facts.get("note")), (&true.into(), None));
        for request in script.requests() {
            assert!(request.headers.contains(&("x-github-api-version".into(), b"2022-11-28".to_vec())));
            assert!(request.headers.contains(&("accept".into(), b"application/vnd.github+json".to_vec())));
        }
    }

    #[test]
    fn what_limits_the_channel_is_noted() {
        let note = |more: &str| {
            let body = format!(r#"{{"full_name": "acme/widgets"{more}}}"#);
            let script = Script::new().on(REPOSITORY, 200, body).on(USER, 403, r#"{"message": "no"}"#);
            let facts = check(&script).unwrap();
            assert_eq!(
                (facts.get("user"), facts.get("requests-left").unwrap().as_str()),
                (None, Some("no limit is told"))
            );
            facts.get("note").and_then(|note| note.as_str()).map(str::to_owned)
        };
        assert!(note(r#", "archived": true"#).unwrap().contains("archived"));
        assert!(note("").unwrap().contains("labels"));
        assert_eq!(note(r#", "permissions": {"triage": true}"#), None);
    }

    #[test]
    fn failures_say_what_to_mend() {
        let expect = |script: Script, class: Class, words: &str, field: Option<&str>| {
            let error = check(&script).unwrap_err();
            assert_eq!(error.class, class, "{error}");
            assert!(error.message.contains(words), "{error}");
            assert_eq!(error.fields.first().map(|error| error.field.as_str()), field);
        };
        let by_host = Script::new().fail(REPOSITORY, Error::auth("http.status.401", "401"));
        expect(by_host, Class::Auth, "refuses the token", Some("/token"));
        let missing = Script::new().on(REPOSITORY, 404, r#"{"message": "Not Found"}"#);
        expect(missing, Class::Config, "Not Found", Some("/repository"));
        let off = Script::new().on(REPOSITORY, 200, r#"{"full_name": "a/b", "has_issues": false}"#);
        expect(off, Class::Config, "switched off", Some("/repository"));
        let blocked = Script::new().on(REPOSITORY, 451, r#"{"message": "Repository access blocked"}"#);
        expect(blocked, Class::Config, "access blocked", None);
        let down = Script::new().fail(REPOSITORY, Error::transient("http.status.503", "down"));
        expect(down, Class::Transient, "down", None);
        expect(Script::new().on(REPOSITORY, 200, "<html>"), Class::InvalidData, "not as expected", None);
    }
}
