//! Guests from WebAssembly text: a core module with the contract wrapped
//! around it, so that each test writes only what is wrong with its guest.

use bytes::Bytes;
use std::fs;
use wit_component::{ComponentEncoder, StringEncoding, embed_component_metadata};
use wit_parser::{Resolve, SourceMap};

/// The parts of WASI that tests use, cut down to the functions that they call.
const WASI: &str = r#"
package test:guest;

world guest {
    include tidegate:connect/imports@0.1.0;
    import wasi:cli/exit@0.2.6;
    import wasi:cli/stdout@0.2.6;
    import wasi:cli/stderr@0.2.6;
    import wasi:clocks/monotonic-clock@0.2.6;
    import wasi:clocks/wall-clock@0.2.6;
    import wasi:random/random@0.2.6;
    export tidegate:connect/channel-type@0.1.0;
}

world connector {
    include guest;
    export tidegate:connect/connector@0.1.0;
}

world everything {
    include guest;
    export tidegate:connect/transport-check@0.1.0;
    export tidegate:connect/connector@0.1.0;
    export tidegate:connect/exporter@0.1.0;
    export tidegate:connect/operations@0.1.0;
    export tidegate:connect/webhook@0.1.0;
    export tidegate:connect/lifecycle@0.1.0;
}

package wasi:io@0.2.6 {
    interface error { resource error; }
    interface poll {
        resource pollable { block: func(); }
    }
    interface streams {
        use error.{error};
        variant stream-error { last-operation-failed(error), closed }
        resource output-stream {
            blocking-write-and-flush: func(contents: list<u8>) -> result<_, stream-error>;
        }
    }
}

package wasi:cli@0.2.6 {
    interface exit { exit: func(status: result); }
    interface stdout {
        use wasi:io/streams@0.2.6.{output-stream};
        get-stdout: func() -> output-stream;
    }
    interface stderr {
        use wasi:io/streams@0.2.6.{output-stream};
        get-stderr: func() -> output-stream;
    }
}

package wasi:clocks@0.2.6 {
    interface monotonic-clock {
        use wasi:io/poll@0.2.6.{pollable};
        now: func() -> u64;
        subscribe-duration: func(when: u64) -> pollable;
    }
    interface wall-clock {
        record datetime { seconds: u64, nanoseconds: u32 }
        now: func() -> datetime;
    }
}

package wasi:random@0.2.6 {
    interface random { get-random-bytes: func(len: u64) -> list<u8>; }
}
"#;

/// A guest that answers `{}`, has no objection to any settings, and takes what
/// a test puts into it. The texts are in the language of core modules; `$alloc`
/// gives memory, and addresses below 4096 are free for use.
pub(super) struct Guest {
    /// Imports.
    pub(super) imports: &'static str,
    /// Globals, tables, data and functions.
    pub(super) items: &'static str,
    /// Pages of memory.
    pub(super) memory: u32,
    /// Body of `describe`; answers the address of pointer and length.
    pub(super) describe: String,
    /// Body of `validate`; parameters 0 to 3 are pointer and length of the
    /// channel type and of the settings.
    pub(super) validate: &'static str,
    /// The world that it claims to be of.
    pub(super) world: &'static str,
    /// The patch of version 0.1 of the contract that it was built against.
    pub(super) patch: u32,
    /// Body of `pull`, where there is one, and then its world is `connector`; parameter 0 is the transport. Answers
    /// the address of the result.
    pub(super) pull: Option<String>,
}

impl Default for Guest {
    fn default() -> Self {
        Self {
            imports: "",
            items: "",
            memory: 1,
            describe: "(call $answer (i32.const 1024) (i32.const 2))".into(),
            validate: "(i32.const 64)",
            world: "guest",
            patch: 0,
            pull: None,
        }
    }
}

impl Guest {
    /// A guest with this body of `describe`, and the imports that it needs.
    pub(super) fn describing(imports: &'static str, describe: &str) -> Self {
        Self { imports, describe: describe.into(), ..Self::default() }
    }

    /// A guest that exports all that the contract knows. `check` answers the
    /// settings, and the rest traps.
    pub(super) fn of_everything() -> Self {
        let items = r#"
            (import "tidegate:connect/http@0.1.0" "[resource-drop]transport" (func $drop (param i32)))
            (func (export "tidegate:connect/transport-check@0.1.0#check") (param i32 i32 i32) (result i32)
                (call $drop (local.get 0))
                (i32.store8 (i32.const 256) (i32.const 0))
                (i32.store (i32.const 264) (local.get 1))
                (i32.store (i32.const 268) (local.get 2))
                (i32.const 256))
            (func (export "tidegate:connect/connector@0.1.0#pull")
                (param i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32) (result i32) unreachable)
            (func (export "tidegate:connect/exporter@0.1.0#push")
                (param i32 i32 i32 i32 i32 i32 i32) (result i32) unreachable)
            (func (export "tidegate:connect/operations@0.1.0#invoke")
                (param i32 i32 i32 i32 i32 i32 i32 i32 i32) (result i32) unreachable)
            (func (export "tidegate:connect/webhook@0.1.0#receive")
                (param i32 i32 i32 i32 i32 i32 i32 i32) (result i32) unreachable)
            (func (export "tidegate:connect/lifecycle@0.1.0#may")
                (param i32 i32 i32 i32 i32 i32 i32) (result i32) unreachable)"#;
        let (imports, items) = items.trim().split_once('\n').expect("the first line is the import");
        Self { imports, items, world: "everything", ..Self::default() }
    }

    /// The component.
    pub(super) fn build(&self) -> Bytes {
        let versioned = |text: &str| text.replace("@0.1.0", &format!("@0.1.{}", self.patch));
        let mut contract = SourceMap::new();
        for file in fs::read_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/../wit")).unwrap() {
            let path = file.unwrap().path();
            if path.extension().is_some_and(|extension| extension == "wit") {
                contract.push(&path, versioned(&fs::read_to_string(&path).unwrap()));
            }
        }
        let mut resolve = Resolve::default();
        resolve.push_group(contract.parse().map_err(|(_, error)| error).unwrap()).unwrap();
        let package = resolve.push_str("guest.wit", &versioned(WASI)).unwrap();
        let world = if self.pull.is_some() { "connector" } else { self.world };
        let world = resolve.select_world(&[package], Some(world)).unwrap();
        let mut module = wat::parse_str(versioned(&self.text())).unwrap();
        embed_component_metadata(&mut module, &resolve, world, StringEncoding::UTF8).unwrap();
        ComponentEncoder::default().validate(true).module(&module).unwrap().encode().unwrap().into()
    }

    fn text(&self) -> String {
        let Self { imports, items, memory, describe, validate, pull, .. } = self;
        let drop_transport = pull.as_ref().map_or("", |_| {
            r#"(import "tidegate:connect/http@0.1.0" "[resource-drop]transport" (func $drop-transport (param i32)))"#
        });
        // A borrowed handle has to be given back before the call ends.
        let pull = pull.as_ref().map_or(String::new(), |body| {
            format!(
                r#"(func $pull (param i32) (result i32) {body})
                (func (export "tidegate:connect/connector@0.1.0#pull")
                    (param i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32) (result i32)
                    (call $pull (local.get 0))
                    (call $drop-transport (local.get 0)))"#
            )
        });
        format!(
            r#"(module
                {imports} {drop_transport}
                (memory (export "memory") {memory})
                (global $free (mut i32) (i32.const 4096))
                (data (i32.const 1024) "{{}}")
                (func $alloc (export "cabi_realloc") (param i32 i32 i32 i32) (result i32)
                    (local $at i32)
                    (local.set $at (i32.and (i32.add (global.get $free) (i32.const 7)) (i32.const -8)))
                    (global.set $free (i32.add (local.get $at) (local.get 3)))
                    (block $enough (loop $more
                        (br_if $enough (i32.le_u (global.get $free) (i32.mul (memory.size) (i32.const 65536))))
                        (if (i32.eq (memory.grow (i32.const 16)) (i32.const -1)) (then unreachable))
                        (br $more)))
                    (local.get $at))
                (func $answer (param i32 i32) (result i32)
                    (i32.store (i32.const 16) (local.get 0))
                    (i32.store (i32.const 20) (local.get 1))
                    (i32.const 16))
                {items}
                (func (export "tidegate:connect/channel-type@0.1.0#describe") (result i32) {describe})
                (func (export "tidegate:connect/channel-type@0.1.0#validate")
                    (param i32 i32 i32 i32) (result i32) {validate})
                (func (export "tidegate:connect/channel-type@0.1.0#migrate-settings")
                    (param i32 i32 i32 i32 i32 i32) (result i32)
                    (i32.store8 (i32.const 128) (i32.const 0))
                    (i32.store (i32.const 136) (local.get 4))
                    (i32.store (i32.const 140) (local.get 5))
                    (i32.const 128))
                {pull}
            )"#
        )
    }
}
