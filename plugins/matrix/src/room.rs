//! Which room a call is about, and how ids stand in paths.

use crate::{answer::problem, settings::Form};
use serde::Deserialize;
use tidegate_sdk::{Error, Request, Settings, Transport};

#[derive(Deserialize)]
struct Found {
    room_id: String,
}

/// The id of the room that was named, or of the default room. An alias is looked up each time: it
/// can be moved to another room.
pub(crate) fn id(
    transport: &dyn Transport,
    settings: &Settings,
    named: Option<&str>,
) -> Result<String, Error> {
    let settings: Form = settings.read()?;
    let Some(room) = named.or(settings.default_room.as_deref()) else {
        let error = Error::invalid_data(
            "matrix.room",
            "the message names no room, and the channel has no default one",
        );
        return Err(error.field("room", "give the room here, or set the channel's 'default-room'"));
    };
    if !room.starts_with('#') {
        return Ok(room.to_owned());
    }
    let request = Request::get(format!("/_matrix/client/v3/directory/room/{}", escape(room)));
    let response = transport.send(request)?;
    match response.status {
        200..300 => Ok(response.json::<Found>()?.room_id),
        404 => Err(problem(&response).field("room", format!("there is no room '{room}'"))),
        _ => Err(problem(&response)),
    }
}

/// The path of a room, and of what is in it: each part stands for one segment.
pub(crate) fn path(version: &str, room: &str, parts: &[&str]) -> String {
    let parts = parts.iter().map(|part| format!("/{}", escape(part)));
    format!("/_matrix/client/{version}/rooms/{}{}", escape(room), parts.collect::<String>())
}

/// A text as one segment of a path: everything but unreserved characters (RFC 3986) is escaped.
fn escape(text: &str) -> String {
    let escaped = text.bytes().map(|byte| match byte {
        b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'~' | b'.' => char::from(byte).to_string(),
        other => format!("%{other:02X}"),
    });
    escaped.collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use tidegate_sdk::{Class, testing::Script};

    fn find(script: &Script, settings: &str, named: Option<&str>) -> Result<String, Error> {
        id(script, &Settings::from_bytes(settings.into()), named)
    }

    #[test]
    fn ids_are_taken_as_they_are_and_aliases_looked_up() {
        let line = "GET /_matrix/client/v3/directory/room/%23ops%3Aacme.com";
        let found = || Script::new().on(line, 200, r#"{"room_id": "!a:acme.com", "servers": ["acme.com"]}"#);
        let default = r##"{"default-room": "#ops:acme.com"}"##;
        assert_eq!(find(&Script::new(), "{}", Some("!b:acme.com")).unwrap(), "!b:acme.com");
        assert_eq!(find(&found(), "{}", Some("#ops:acme.com")).unwrap(), "!a:acme.com");
        assert_eq!(find(&found(), default, None).unwrap(), "!a:acme.com");
        assert_eq!(find(&Script::new(), default, Some("!b:acme.com")).unwrap(), "!b:acme.com");

        let error = find(&Script::new(), "{}", None).unwrap_err();
        assert_eq!((error.class, error.fields[0].field.as_str()), (Class::InvalidData, "/room"));
        let missing = Script::new().on(line, 404, r#"{"errcode": "M_NOT_FOUND", "error": "not found"}"#);
        let error = find(&missing, default, None).unwrap_err();
        assert_eq!((error.class, error.fields[0].field.as_str()), (Class::NotFound, "/room"));
    }

    #[test]
    fn every_part_of_a_path_stays_one_segment() {
        let path = path("v3", "!a/b:acme.com", &["send", "m.room.message", "key é"]);
        assert_eq!(path, "/_matrix/client/v3/rooms/%21a%2Fb%3Aacme.com/send/m.room.message/key%20%C3%A9");
    }
}
