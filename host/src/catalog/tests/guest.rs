//! Small plugins for tests: a core module from text, with the contract wrapped
//! around it.

use bytes::Bytes;
use serde_json::{Value, json};
use wit_component::{ComponentEncoder, StringEncoding, embed_component_metadata};
use wit_parser::Resolve;

const WORLDS: &str = "package test:guest;
world plain {
    include tidegate:connect/plugin@0.1.0;
    export tidegate:connect/connector@0.1.0;
}
world checked {
    include plain;
    export tidegate:connect/transport-check@0.1.0;
}
world heard {
    include plain;
    export tidegate:connect/lifecycle@0.1.0;
}
";

/// What a guest says before something is done with a channel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum May {
    /// Nothing is against it.
    Yes,
    /// No, in these words.
    No(&'static str),
    /// No, in the words of the settings that it was shown.
    NoToSettings,
    /// No, in the words of the holdings that it was shown.
    NoToHoldings,
    /// It traps.
    Trap,
    /// It never answers.
    Endless,
}

/// A plugin that answers what a test puts into it.
pub(crate) struct Guest {
    /// What `describe` answers.
    pub(crate) described: Vec<u8>,
    /// The custom section, where there is one.
    pub(crate) embedded: Option<Vec<u8>>,
    /// `describe` never comes back.
    pub(crate) endless: bool,
    /// Field and message that `validate` objects with.
    pub(crate) objection: Option<(&'static str, &'static str)>,
    /// `validate` traps.
    pub(crate) breaks: bool,
    /// The code of the error with which settings cannot be migrated.
    pub(crate) code: &'static str,
    /// What settings are migrated to; none: to themselves. An error: why they cannot be.
    pub(crate) migrated: Option<Result<Value, &'static str>>,
    /// What the check answers, where there is one.
    pub(crate) check: Option<Value>,
    /// What it says before something is done with a channel, where it has a say. Such a
    /// guest has no check.
    pub(crate) may: Option<May>,
}

impl Guest {
    /// A plugin with one connector, `item`, for each of the channel types.
    pub(crate) fn offering(types: &[&str]) -> Self {
        Self::described(&manifest(types, "1.0.0"))
    }

    pub(crate) fn described(manifest: &Value) -> Self {
        Self {
            described: manifest.to_string().into_bytes(),
            embedded: None,
            endless: false,
            objection: None,
            breaks: false,
            code: "old.settings",
            migrated: None,
            check: None,
            may: None,
        }
    }

    /// The component.
    pub(crate) fn build(&self) -> Bytes {
        let mut resolve = Resolve::default();
        resolve.push_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/../wit")).expect("the contract");
        let package = resolve.push_str("guest.wit", WORLDS).expect("the worlds");
        let world = match (&self.check, self.may) {
            (_, Some(_)) => "heard",
            (Some(_), None) => "checked",
            (None, None) => "plain",
        };
        let world = resolve.select_world(&[package], Some(world)).expect("the world");
        let mut module = wat::parse_str(self.text()).expect("a core module");
        embed_component_metadata(&mut module, &resolve, world, StringEncoding::UTF8).expect("metadata");
        let mut encoder = ComponentEncoder::default().validate(true);
        encoder = encoder.module(&module).expect("a module of the contract");
        let mut component = encoder.encode().expect("a component");
        if let Some(embedded) = &self.embedded {
            append_section(&mut component, embedded);
        }
        component.into()
    }

    fn text(&self) -> String {
        let mut data = Data::default();
        let (manifest, manifest_len) = data.add(&self.described);
        let endless = if self.endless { "(loop $for_ever (br $for_ever))" } else { "" };
        let breaks = if self.breaks { "unreachable" } else { "" };
        let validate = self.objection.map_or("(i32.const 64)".into(), |(field, message)| {
            let (field, message) = (data.add(format!("/{field}").as_bytes()), data.add(message.as_bytes()));
            format!(
                "(i32.store8 (i32.const 64) (i32.const 1)) {} {} {} (i32.const 64)",
                store_pair(68, (80, 1)),
                store_pair(80, field),
                store_pair(88, message)
            )
        });
        let migrate = match &self.migrated {
            None => "(i32.store8 (i32.const 128) (i32.const 0))
                (i32.store (i32.const 136) (local.get 4)) (i32.store (i32.const 140) (local.get 5))"
                .into(),
            Some(Ok(value)) => answer(128, data.add(value.to_string().as_bytes())),
            Some(Err(message)) => refusal(128, data.add(self.code.as_bytes()), data.add(message.as_bytes())),
        };
        let check = self.check.as_ref().map_or(String::new(), |value| {
            let answer = answer(192, data.add(value.to_string().as_bytes()));
            format!(
                r#"(func (export "tidegate:connect/transport-check@0.1.0#check") (param i32 i32 i32) (result i32)
                    (call $drop (local.get 0)) {answer} (i32.const 192))"#
            )
        });
        let may = self.may.map_or(String::new(), |may| {
            let word = may_body(may, &mut data);
            format!(
                r#"(func (export "tidegate:connect/lifecycle@0.1.0#may") (param i32 i32 i32 i32 i32 i32 i32) (result i32)
                    {word} (i32.const 256))"#
            )
        });
        let drop_import = if self.check.is_some() {
            r#"(import "tidegate:connect/http@0.1.0" "[resource-drop]transport" (func $drop (param i32)))"#
        } else {
            ""
        };
        let Data { segments, end } = data;
        let (pages, describe) = (end / 65_536 + 2, store_pair(16, (manifest, manifest_len)));
        format!(
            r#"(module
                {drop_import}
                (memory (export "memory") {pages})
                (global $free (mut i32) (i32.const {end}))
                {segments}
                (func (export "cabi_realloc") (param i32 i32 i32 i32) (result i32)
                    (local $at i32)
                    (local.set $at (i32.and (i32.add (global.get $free) (i32.const 7)) (i32.const -8)))
                    (global.set $free (i32.add (local.get $at) (local.get 3)))
                    (local.get $at))
                (func (export "tidegate:connect/channel-type@0.1.0#describe") (result i32)
                    {endless} {describe} (i32.const 16))
                (func (export "tidegate:connect/channel-type@0.1.0#validate")
                    (param i32 i32 i32 i32) (result i32) {breaks} {validate})
                (func (export "tidegate:connect/channel-type@0.1.0#migrate-settings")
                    (param i32 i32 i32 i32 i32 i32) (result i32) {migrate} (i32.const 128))
                (func (export "tidegate:connect/connector@0.1.0#pull")
                    (param i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32) (result i32) unreachable)
                {check}
                {may}
            )"#
        )
    }
}

/// Parameters 3 to 6 are pointer and length of the settings and of the holdings.
fn may_body(may: May, data: &mut Data) -> String {
    let mut refused = |pointer: usize| {
        let code = data.add(b"say.no");
        format!(
            "{} (i32.store (i32.const 276) (local.get {pointer})) (i32.store (i32.const 280) (local.get {}))",
            refusal(256, code, (0, 0)),
            pointer + 1
        )
    };
    match may {
        May::Yes => "(i32.store8 (i32.const 256) (i32.const 0))".into(),
        May::No(words) => {
            let (code, words) = (data.add(b"say.no"), data.add(words.as_bytes()));
            refusal(256, code, words)
        }
        May::NoToSettings => refused(3),
        May::NoToHoldings => refused(5),
        May::Trap => "unreachable".into(),
        May::Endless => "(loop $for_ever (br $for_ever))".into(),
    }
}

/// A manifest with a form of some of everything.
pub(crate) fn manifest(types: &[&str], version: &str) -> Value {
    let channel_type = |id: &&str| {
        json!({
            "id": id, "label": id,
            "transports": [{
                "id": "rest", "label": "REST",
                "form": [
                    {"name": "url", "label": "URL", "kind": "url", "required": true},
                    {"name": "way", "label": "Way", "kind": "choice", "default": "key",
                     "choices": [{"value": "key", "label": "Key"}, {"value": "none", "label": "None"}]},
                    {"name": "token", "label": "Token", "kind": "secret", "required": true,
                     "applicable-if": {"field": "way", "in": ["key"]}},
                    {"name": "pages", "label": "Pages", "kind": "integer", "min": 1, "max": 9, "default": 3}
                ],
                "base-url": ["{url}"],
                "auth": [
                    {"scheme": "bearer", "token": "{token}", "applicable-if": {"field": "way", "in": ["key"]}},
                    {"scheme": "none"}
                ]
            }],
            "connectors": [{"id": "item", "label": "Items", "entity": "Item"}]
        })
    };
    let types: Vec<_> = types.iter().map(channel_type).collect();
    json!({"manifest": 1, "id": "test", "version": version, "channel-types": types})
}

/// Texts in the memory of a guest, above what the functions use.
#[derive(Default)]
struct Data {
    segments: String,
    end: usize,
}

impl Data {
    /// Address and length.
    fn add(&mut self, bytes: &[u8]) -> (usize, usize) {
        let at = self.end.max(4_096);
        let escaped: String = bytes.iter().map(|byte| format!("\\{byte:02x}")).collect();
        self.segments.push_str(&format!("(data (i32.const {at}) \"{escaped}\")\n"));
        self.end = (at + bytes.len()).next_multiple_of(8);
        (at, bytes.len())
    }
}

fn store_pair(at: usize, (first, second): (usize, usize)) -> String {
    format!(
        "(i32.store (i32.const {at}) (i32.const {first})) (i32.store (i32.const {}) (i32.const {second}))",
        at + 4
    )
}

/// `ok` of a `result<json, error>`.
fn answer(at: usize, text: (usize, usize)) -> String {
    format!("(i32.store8 (i32.const {at}) (i32.const 0)) {}", store_pair(at + 8, text))
}

/// `error` of it, of the class `config`.
fn refusal(at: usize, code: (usize, usize), message: (usize, usize)) -> String {
    format!(
        "(i32.store8 (i32.const {at}) (i32.const 1)) (i32.store8 (i32.const {}) (i32.const 3)) {} {}",
        at + 8,
        store_pair(at + 12, code),
        store_pair(at + 20, message)
    )
}

fn append_section(component: &mut Vec<u8>, manifest: &[u8]) {
    let name = b"tidegate:manifest";
    component.push(0);
    leb128(component, 1 + name.len() + manifest.len());
    leb128(component, name.len());
    component.extend(name);
    component.extend(manifest);
}

fn leb128(bytes: &mut Vec<u8>, mut number: usize) {
    loop {
        let low = u8::try_from(number & 0x7f).expect("seven bits");
        number >>= 7;
        bytes.push(if number == 0 { low } else { low | 0x80 });
        if number == 0 {
            return;
        }
    }
}
