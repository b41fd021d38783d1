//! What turns a type into a component.

use std::marker::PhantomData;

/// A plugin with its manifest. [`export!`](crate::export!) implements it.
pub trait Plugin {
    /// The manifest: JSON by `wit/manifest.schema.json`.
    const MANIFEST: &'static [u8];
}

/// Stands between the generated exports and the author's traits.
pub struct Exported<T>(PhantomData<T>);

/// The bytes as an array: a custom section is a `static` of a known size.
///
/// # Panics
/// When the size is another one.
#[must_use]
pub const fn array<const SIZE: usize>(bytes: &[u8]) -> [u8; SIZE] {
    assert!(bytes.len() == SIZE, "the array is as long as the bytes");
    let mut copy = [0; SIZE];
    let mut index = 0;
    while index < SIZE {
        copy[index] = bytes[index];
        index += 1;
    }
    copy
}

/// Makes a component of a type: exports `channel-type` and the interfaces that are
/// named, and embeds the manifest as the custom section `tidegate:manifest`.
///
/// ```
/// # use tidegate_sdk::{ChannelType, Error, Facts, Settings, Transport, TransportCheck};
/// # struct Mine;
/// # impl ChannelType for Mine {}
/// # impl TransportCheck for Mine {
/// #     fn check(_: &dyn Transport, _: &Settings) -> Result<Facts, Error> { Ok(Facts::new()) }
/// # }
/// tidegate_sdk::export! {
///     Mine,
///     manifest: b"{}", // include_bytes!("../manifest.json")
///     interfaces: [TransportCheck],
/// }
/// ```
///
/// The interfaces are any of `TransportCheck`, `Connector`, `Exporter`,
/// `Operations`, `Webhook` and `Lifecycle`; the type implements those traits and
/// [`ChannelType`](crate::ChannelType). Natively there is nothing to export: the
/// macro only implements [`Plugin`] and checks the traits.
#[macro_export]
macro_rules! export {
    ($plugin:ident, manifest: $manifest:expr, interfaces: [$($interface:ident),* $(,)?] $(,)?) => {
        impl $crate::Plugin for $plugin {
            const MANIFEST: &'static [u8] = $manifest;
        }

        const _: () = {
            const fn implements_channel_type<T: $crate::ChannelType>() {}
            implements_channel_type::<$plugin>();
            $({
                const fn implements<T: $crate::$interface>() {}
                implements::<$plugin>();
            })*
        };

        #[cfg(target_arch = "wasm32")]
        const _: () = {
            type Exported = $crate::__private::Exported<$plugin>;
            const MANIFEST: &[u8] = <$plugin as $crate::Plugin>::MANIFEST;

            #[used]
            #[unsafe(link_section = "tidegate:manifest")]
            static SECTION: [u8; MANIFEST.len()] = $crate::__private::array(MANIFEST);

            $crate::__export_interface!(ChannelType, Exported);
            $($crate::__export_interface!($interface, Exported);)*
        };
    };
}

/// Exports one interface of a component.
#[doc(hidden)]
#[macro_export]
macro_rules! __export_interface {
    (ChannelType, $exported:ident) => {
        $crate::bindings::channel_type::export_interface!($exported with_types_in $crate::bindings::channel_type);
    };
    (TransportCheck, $exported:ident) => {
        $crate::bindings::transport_check::export_interface!($exported with_types_in $crate::bindings::transport_check);
    };
    (Connector, $exported:ident) => {
        $crate::bindings::connector::export_interface!($exported with_types_in $crate::bindings::connector);
    };
    (Exporter, $exported:ident) => {
        $crate::bindings::exporter::export_interface!($exported with_types_in $crate::bindings::exporter);
    };
    (Operations, $exported:ident) => {
        $crate::bindings::operations::export_interface!($exported with_types_in $crate::bindings::operations);
    };
    (Webhook, $exported:ident) => {
        $crate::bindings::webhook::export_interface!($exported with_types_in $crate::bindings::webhook);
    };
    (Lifecycle, $exported:ident) => {
        $crate::bindings::lifecycle::export_interface!($exported with_types_in $crate::bindings::lifecycle);
    };
    ($other:ident, $exported:ident) => {
        compile_error!(concat!(
            "`", stringify!($other), "` is not an interface: use TransportCheck, Connector, Exporter, Operations, Webhook, Lifecycle",
        ));
    };
}
