//! The test of the connection: whose token is it?

use crate::answer::problem;
use serde::Deserialize;
use tidegate_sdk::{Class, Error, Facts, Request, Transport};

const PATH: &str = "/_matrix/client/v3/account/whoami";

#[derive(Deserialize)]
struct Me {
    user_id: String,
    #[serde(default)]
    device_id: Option<String>,
    #[serde(default)]
    is_guest: bool,
}

/// Asks who we are.
pub(crate) fn check(transport: &dyn Transport) -> Result<Facts, Error> {
    let response = match transport.send(Request::get(PATH)) {
        Err(error) if error.class == Class::Auth => return Err(refused(&error.code)),
        other => other?,
    };
    if response.status == 404 {
        return Err(no_homeserver(&problem(&response)));
    }
    if !response.is_success() {
        return Err(problem(&response));
    }
    let me: Me = response.json()?;
    let server = me.user_id.split_once(':').map_or("", |(_, server)| server).to_owned();
    let mut facts = Facts::new().with("user", me.user_id).with("server", server);
    if let Some(device) = me.device_id {
        facts = facts.with("device", device);
    }
    if me.is_guest {
        facts = facts.with("note", "a guest may write to few rooms: use the token of an account");
    }
    Ok(facts)
}

fn refused(code: &str) -> Error {
    Error::auth(
        code,
        "the homeserver refuses the access token: sign the account in again, and give its new token",
    )
    .field("access-token", "refused by the homeserver")
}

fn no_homeserver(said: &Error) -> Error {
    Error::config(
        "matrix.address",
        format!("there is no Matrix homeserver at this address ({})", said.message),
    )
    .field(
        "homeserver",
        "no homeserver answers here; its address can differ from the name after the ':' of its users",
    )
}

#[cfg(test)]
mod tests {
    use crate::Matrix;
    use tidegate_sdk::{Class, Error, Facts, Settings, TransportCheck, testing::Script};

    const LINE: &str = "GET /_matrix/client/v3/account/whoami";

    fn check(script: Script) -> Result<Facts, Error> {
        Matrix::check(&script, &Settings::from_bytes(b"{}".to_vec()))
    }

    #[test]
    fn account_is_named() {
        let body = r#"{"user_id": "@bot:acme.com", "device_id": "ABC", "is_guest": false}"#;
        let facts = check(Script::new().on(LINE, 200, body)).unwrap();
        for (name, value) in [("user", "@bot:acme.com"), ("server", "acme.com"), ("device", "ABC")] {
            assert_eq!(facts.get(name).unwrap(), value);
        }
        assert_eq!(facts.get("note"), None);
        let guest =
            check(Script::new().on(LINE, 200, r#"{"user_id": "@1:acme.com", "is_guest": true}"#)).unwrap();
        assert!(guest.get("note").is_some());
    }

    #[test]
    fn refusals_blame_the_setting() {
        let error = check(Script::new().fail(LINE, Error::auth("http.status.401", "401"))).unwrap_err();
        assert_eq!((error.class, error.fields[0].field.as_str()), (Class::Auth, "/access-token"));
        let body = r#"{"errcode": "M_UNRECOGNIZED", "error": "Unrecognized request"}"#;
        let error = check(Script::new().on(LINE, 404, body)).unwrap_err();
        assert_eq!((error.class, error.fields[0].field.as_str()), (Class::Config, "/homeserver"));
        assert!(error.message.contains("Unrecognized request"), "{error}");
        let error = check(Script::new().fail(LINE, Error::transient("http.status.503", "down"))).unwrap_err();
        assert_eq!(error.class, Class::Transient);
        assert_eq!(check(Script::new().on(LINE, 200, "<html>")).unwrap_err().class, Class::InvalidData);
    }
}
