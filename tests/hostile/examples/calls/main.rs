//! A guest of operations alone: each does what its name says, also where that breaks a
//! promise.

use hostile::sdk::{
    self, ChannelType, Class, Error, Facts, Json, Operations, Request, Settings, Transport, TransportCheck,
    operations::Invocation,
};
use serde::Deserialize;
use serde_json::{Value, json};
use std::time::Duration;

struct Calls;

sdk::export! {
    Calls,
    manifest: include_bytes!("manifest.json"),
    interfaces: [TransportCheck, Operations],
}

impl ChannelType for Calls {}

impl TransportCheck for Calls {
    fn check(_transport: &dyn Transport, _settings: &Settings) -> Result<Facts, Error> {
        Ok(Facts::new().with("takes", "calls"))
    }
}

impl Operations for Calls {
    fn invoke(transport: &dyn Transport, invocation: Invocation) -> Result<Json, Error> {
        match invocation.operation.as_str() {
            "echo" => Ok(invocation.input),
            "fail" => Err(fail(&invocation)?),
            "trap" => panic!("called and found wanting"),
            "slow" => slow(&invocation),
            "lie" => Json::of("no number"),
            "send" => send(transport, &invocation),
            other => Err(Error::unsupported("calls.operation", format!("there is no operation '{other}'"))),
        }
    }
}

fn fail(invocation: &Invocation) -> Result<Error, Error> {
    #[derive(Deserialize)]
    struct Wish {
        class: String,
    }
    let Wish { class } = invocation.input.read()?;
    let class = match class.as_str() {
        "transient" => Class::Transient,
        "rate-limited" => Class::RateLimited,
        "auth" => Class::Auth,
        "config" => Class::Config,
        "not-found" => Class::NotFound,
        "conflict" => Class::Conflict,
        "denied" => Class::Denied,
        "limit" => Class::Limit,
        "unsupported" => Class::Unsupported,
        "internal" => Class::Internal,
        _ => Class::InvalidData,
    };
    Ok(Error::new(class, "calls.fail", "it fails as it was told"))
}

#[expect(clippy::disallowed_methods, reason = "a guest has no other way to wait")]
fn slow(invocation: &Invocation) -> Result<Json, Error> {
    #[derive(Deserialize)]
    struct Wish {
        ms: u64,
    }
    let Wish { ms } = invocation.input.read()?;
    std::thread::sleep(Duration::from_millis(ms));
    Json::of(&json!({ "slept": ms }))
}

fn send(transport: &dyn Transport, invocation: &Invocation) -> Result<Json, Error> {
    #[derive(Deserialize)]
    struct Wish {
        method: String,
        path: String,
        #[serde(default)]
        body: Option<Value>,
        #[serde(default = "yes")]
        keyed: bool,
    }
    let wish: Wish = invocation.input.read()?;
    let mut request = match wish.method.as_str() {
        "POST" => Request::post(wish.path),
        "PUT" => Request::put(wish.path),
        "DELETE" => Request::delete(wish.path),
        _ => Request::get(wish.path),
    };
    if let Some(body) = &wish.body {
        request = request.json(body)?;
    }
    if wish.keyed {
        request = request.idempotency_key(&invocation.idempotency_key);
    }
    let response = transport.send(request)?.success()?;
    let answer: Value = response.json()?;
    Json::of(&json!({ "status": response.status, "answer": answer }))
}

fn yes() -> bool {
    true
}
