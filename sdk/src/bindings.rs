//! What `wit-bindgen` makes of `wit/`: the raw imports and exports.
//!
//! Authors never need it: the modules beside this one wrap it in types of their
//! own. All `unsafe` code of a plugin is generated from here.

/// What a plugin may import.
pub mod imports {
    wit_bindgen::generate!({
        path: "../wit",
        world: "tidegate:connect/imports@0.1.0",
        generate_unused_types: true,
    });
}

pub use imports::tidegate::connect::{http, log, run, state, types};

/// One exported interface: its trait and the macro that exports it. Each is a
/// world of its own, so that a plugin exports any choice of them.
macro_rules! exported {
    ($(#[$doc:meta])* $module:ident, $world:literal, { $($with:tt)* }) => {
        $(#[$doc])*
        pub mod $module {
            wit_bindgen::generate!({
                path: "../wit",
                inline: $world,
                pub_export_macro: true,
                export_macro_name: "export_interface",
                with: { $($with)* },
            });
            pub use exports::tidegate::connect::$module::*;
        }
    };
}

exported! {
    /// `describe`, `validate`, `migrate-settings`.
    channel_type,
    "package tidegate:sdk; world channel-type { export tidegate:connect/channel-type@0.1.0; }",
    { "tidegate:connect/types@0.1.0": super::types }
}

exported! {
    /// `check`.
    transport_check,
    "package tidegate:sdk; world transport-check { export tidegate:connect/transport-check@0.1.0; }",
    { "tidegate:connect/types@0.1.0": super::types, "tidegate:connect/http@0.1.0": super::http }
}

exported! {
    /// `pull`.
    connector,
    "package tidegate:sdk; world connector { export tidegate:connect/connector@0.1.0; }",
    { "tidegate:connect/types@0.1.0": super::types, "tidegate:connect/http@0.1.0": super::http }
}

exported! {
    /// `push`.
    exporter,
    "package tidegate:sdk; world exporter { export tidegate:connect/exporter@0.1.0; }",
    { "tidegate:connect/types@0.1.0": super::types, "tidegate:connect/http@0.1.0": super::http }
}

exported! {
    /// `invoke`.
    operations,
    "package tidegate:sdk; world operations { export tidegate:connect/operations@0.1.0; }",
    { "tidegate:connect/types@0.1.0": super::types, "tidegate:connect/http@0.1.0": super::http }
}

exported! {
    /// `receive`.
    webhook,
    "package tidegate:sdk; world webhook { export tidegate:connect/webhook@0.1.0; }",
    { "tidegate:connect/types@0.1.0": super::types, "tidegate:connect/http@0.1.0": super::http }
}

exported! {
    /// `may`.
    lifecycle,
    "package tidegate:sdk; world lifecycle { export tidegate:connect/lifecycle@0.1.0; }",
    { "tidegate:connect/types@0.1.0": super::types }
}
