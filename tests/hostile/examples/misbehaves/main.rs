//! A guest whose `pull` misbehaves in the way that the setting `act` names.
//!
//! Its one record, where an act leaves one, is called `good`, so that a test sees what
//! was kept beside the bad.

mod attempts;
mod pages;
mod resources;

use hostile::sdk::{
    self, ChannelType, Connector, Envelope, Error, FieldError, Page, PullRequest, Settings, Transport,
    TransportCheck,
};
use serde::Deserialize;

struct Misbehaves;

sdk::export! {
    Misbehaves,
    manifest: include_bytes!("manifest.json"),
    interfaces: [TransportCheck, Connector],
}

#[derive(Deserialize)]
struct Wanted {
    act: String,
}

impl ChannelType for Misbehaves {
    fn validate(_channel_type: &str, settings: &Settings) -> Result<(), Vec<FieldError>> {
        match act(settings).as_deref() {
            Ok("validate-loops") => resources::spin(),
            Ok("validate-refuses") => Err(vec![FieldError::new("act", "not today\u{1b}[31m")]),
            _ => Ok(()),
        }
    }
}

impl TransportCheck for Misbehaves {
    fn check(_transport: &dyn Transport, settings: &Settings) -> Result<sdk::Facts, Error> {
        match act(settings)?.as_str() {
            "check-loops" => resources::spin(),
            "check-panics" => panic!("checked and found wanting"),
            act => Ok(sdk::Facts::new().with("act", act)),
        }
    }
}

impl Connector for Misbehaves {
    fn pull(transport: &dyn Transport, request: &PullRequest) -> Result<Page, Error> {
        let act = act(&request.settings)?;
        resources::act(&act, transport)
            .or_else(|| pages::act(&act))
            .or_else(|| attempts::act(&act, transport))
            .unwrap_or_else(|| Err(Error::config("misbehaves.act", format!("there is no act '{act}'"))))
    }
}

fn act(settings: &Settings) -> Result<String, Error> {
    let Wanted { act } = settings.read()?;
    Ok(act)
}

/// A page with the one good record, that ends the stream.
fn good() -> Page {
    let mut page = Page::new();
    page.push(Envelope::new("good", br#"{"good":true}"#));
    page
}
