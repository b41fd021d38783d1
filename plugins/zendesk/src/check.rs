//! The test of the connection: who are we in Zendesk?

use crate::{answer::problem, settings::Form};
use serde::Deserialize;
use tidegate_sdk::{Class, Error, Facts, Request, Response, Transport};

const PATH: &str = "/api/v2/users/me.json";

#[derive(Deserialize)]
struct Answer {
    user: Me,
}

/// The signed-in user. Nobody in particular has no id: Zendesk answers so to
/// requests that carry no credentials.
#[derive(Deserialize)]
struct Me {
    id: Option<u64>,
    #[serde(default)]
    name: Option<String>,
    #[serde(default)]
    email: Option<String>,
    #[serde(default)]
    role: Option<String>,
    #[serde(default)]
    url: Option<String>,
}

/// Asks who we are.
pub(crate) fn check(transport: &dyn Transport, settings: &Form) -> Result<Facts, Error> {
    let response = match transport.send(Request::get(PATH)) {
        // Of OAuth the host's own words say more.
        Err(error) if error.class == Class::Auth && !settings.is_by_oauth() => {
            return Err(refused(&error.code));
        }
        other => other?,
    };
    if response.status == 404 {
        return Err(no_help_desk(&response, settings));
    }
    if !response.is_success() {
        return Err(problem(&response));
    }
    let Answer { user } = response.json()?;
    if user.id.is_none() {
        return Err(if settings.is_by_oauth() { unknown_token() } else { refused("zendesk.anonymous") });
    }
    Ok(facts(user))
}

fn facts(user: Me) -> Facts {
    let mut facts = Facts::new();
    let account = user.url.as_deref().and_then(|url| url.split('/').nth(2)).map(str::to_owned);
    let known =
        [("account", account), ("user", user.name), ("email", user.email), ("role", user.role.clone())];
    for (name, value) in known {
        if let Some(value) = value {
            facts = facts.with(name, value);
        }
    }
    if user.role.as_deref().is_some_and(|role| role != "admin") {
        facts = facts.with("note", "Zendesk opens its exports to administrators only: a sync may be refused");
    }
    facts
}

fn refused(code: &str) -> Error {
    let message = "Zendesk refuses the e-mail address or the API token: check both, and that token access is \
                   switched on in the Admin Center under Apps and integrations, APIs";
    Error::auth(code, message).field("token", "refused by Zendesk, together with this e-mail address")
}

fn unknown_token() -> Error {
    let message = "Zendesk takes the host's requests for nobody's, although they carry a token: connect the channel again";
    Error::auth("zendesk.anonymous", message)
}

fn no_help_desk(response: &Response, settings: &Form) -> Error {
    let said = problem(response);
    Error::config("zendesk.address", format!("there is no Zendesk at this address ({})", said.message))
        .field(settings.address_field(), "no Zendesk answers here")
}

#[cfg(test)]
mod tests {
    use crate::Zendesk;
    use tidegate_sdk::{Class, Error, Settings, TransportCheck, testing::Script};

    const LINE: &str = "GET /api/v2/users/me.json";

    fn check(script: Script) -> Result<tidegate_sdk::Facts, Error> {
        Zendesk::check(&script, &Settings::from_bytes(br#"{"subdomain": "acme", "token": true}"#.to_vec()))
    }

    #[test]
    fn administrator_is_named() {
        let body = r#"{"user": {"id": 7, "url": "https://acme.zendesk.com/api/v2/users/7.json", "name": "Ann", "email": "ann@acme.com", "role": "admin"}}"#;
        let facts = check(Script::new().on(LINE, 200, body)).unwrap();
        for (name, value) in
            [("account", "acme.zendesk.com"), ("user", "Ann"), ("email", "ann@acme.com"), ("role", "admin")]
        {
            assert_eq!(facts.get(name).unwrap(), value);
        }
        assert_eq!(facts.get("note"), None);
    }

    #[test]
    fn agent_is_warned_of_the_exports() {
        let facts = check(Script::new().on(LINE, 200, r#"{"user": {"id": 7, "role": "agent"}}"#)).unwrap();
        assert!(facts.get("note").is_some());
    }

    #[test]
    fn wrong_credentials_are_said_in_words() {
        let by_host = Script::new().fail(LINE, Error::auth("http.status.401", "401"));
        let by_zendesk = Script::new().on(
            LINE,
            200,
            r#"{"user": {"id": null, "name": "Anonymous user", "role": "end-user"}}"#,
        );
        for script in [by_host, by_zendesk] {
            let error = check(script).unwrap_err();
            assert_eq!(error.class, Class::Auth);
            assert!(error.message.contains("e-mail address or the API token"), "{error}");
            assert_eq!(error.fields[0].field, "/token");
        }
    }

    #[test]
    fn by_oauth_nothing_is_said_of_api_tokens() {
        let settings = br#"{"subdomain": "acme", "authorization": "oauth", "client-secret": true}"#;
        let check =
            |script: Script| Zendesk::check(&script, &Settings::from_bytes(settings.to_vec())).unwrap_err();
        let error = check(Script::new().fail(LINE, Error::auth("oauth.revoked", "connect again")));
        assert_eq!((error.code.as_str(), error.message.as_str()), ("oauth.revoked", "connect again"));
        let error = check(Script::new().on(LINE, 200, r#"{"user": {"id": null}}"#));
        assert_eq!(error.class, Class::Auth);
        assert!(error.message.contains("connect the channel again") && error.fields.is_empty(), "{error}");
    }

    #[test]
    fn wrong_address_blames_the_setting() {
        let body =
            r#"{"error": {"title": "No help desk at acme.zendesk.com", "message": "There is no help desk"}}"#;
        let error = check(Script::new().on(LINE, 404, body)).unwrap_err();
        assert_eq!((error.class, error.fields[0].field.as_str()), (Class::Config, "/subdomain"));
        assert!(error.message.contains("No help desk at acme.zendesk.com"));
    }

    #[test]
    fn other_failures_pass_through() {
        let error = check(Script::new().fail(LINE, Error::transient("http.status.503", "down"))).unwrap_err();
        assert_eq!(error.class, Class::Transient);
        let error = check(Script::new().on(LINE, 200, "<html>")).unwrap_err();
        assert_eq!(error.class, Class::InvalidData);
    }
}
