//! What an operator fills in, and what the form alone cannot say of it.

use serde::Deserialize;
use tidegate_sdk::FieldError;

/// The settings. The token itself stays with the host.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) struct Form {
    pub(crate) homeserver: Option<String>,
    pub(crate) default_room: Option<String>,
}

impl Form {
    /// What is wrong with the values.
    pub(crate) fn validate(&self) -> Result<(), Vec<FieldError>> {
        let problems: Vec<_> = [self.address(), self.room()].into_iter().flatten().collect();
        if problems.is_empty() { Ok(()) } else { Err(problems) }
    }

    fn address(&self) -> Option<FieldError> {
        self.homeserver.as_deref().is_some_and(|url| url.contains("/_matrix")).then(|| {
            FieldError::new(
                "homeserver",
                "leave '/_matrix' out: give the address alone, such as https://matrix.acme.com",
            )
        })
    }

    fn room(&self) -> Option<FieldError> {
        self.default_room
            .as_deref()
            .is_some_and(|room| !room.contains(':') && room.starts_with('#'))
            .then(|| FieldError::new("default-room", "an alias names its server, too, such as #ops:acme.com"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tidegate_sdk::Settings;

    #[test]
    fn addresses_and_rooms_are_whole() {
        let check = |json: &str, fields: &[&str]| {
            let form: Form = Settings::from_bytes(json.into()).read().unwrap();
            let problems = form.validate().err().unwrap_or_default();
            let found: Vec<_> = problems.iter().map(|problem| problem.field.as_str()).collect();
            assert_eq!(found, fields, "{json}");
        };
        check(r##"{"homeserver": "https://matrix.acme.com", "default-room": "#ops:acme.com"}"##, &[]);
        check(r#"{"homeserver": "http://127.0.0.1:8008", "default-room": "!opaque"}"#, &[]);
        check(r#"{"homeserver": "https://matrix.acme.com/_matrix/client"}"#, &["/homeserver"]);
        check(r##"{"homeserver": "https://matrix.acme.com", "default-room": "#ops"}"##, &["/default-room"]);
    }
}
