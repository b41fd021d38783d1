//! Guests that misbehave, each in one way; the guests themselves are in `examples`.
//!
//! This library only holds what they share: a fit manifest, and a `describe` of one's
//! own. Nothing here misbehaves.

pub use tidegate_sdk as sdk;

/// A fit manifest, as bytes, for a guest of that name: one channel type of the same name
/// with one connector, `thing`.
#[macro_export]
macro_rules! manifest {
    ($name:literal) => {
        concat!(
            r#"{"manifest":1,"id":""#,
            $name,
            r#"","version":"0.1.0","channel-types":[{"id":""#,
            $name,
            r#"","label":"Hostile","transports":[{"id":"rest","label":"REST API","base-url":["{url}"],"#,
            r#""form":[{"name":"url","label":"Address","kind":"url","required":true}]}],"#,
            r#""connectors":[{"id":"thing","label":"Things","entity":"thing"}]}]}"#
        )
        .as_bytes()
    };
}

/// Makes a component with `describe` as it is given and `section` as the embedded
/// manifest. Its connector has nothing to read.
#[macro_export]
macro_rules! guest {
    (section: $section:expr, describe: $describe:path $(,)?) => {
        // Natively there is nothing to export; the parts are checked all the same.
        const _: (&[u8], fn() -> Vec<u8>) = ($section, $describe);

        #[cfg(target_arch = "wasm32")]
        const _: () = {
            use $crate::sdk::bindings::{channel_type, connector, http, types};

            struct Guest;

            impl channel_type::Guest for Guest {
                fn describe() -> Vec<u8> {
                    $describe()
                }

                fn validate(_: String, _: Vec<u8>) -> Result<(), Vec<types::FieldError>> {
                    Ok(())
                }

                fn migrate_settings(_: String, _: String, settings: Vec<u8>) -> Result<Vec<u8>, types::Error> {
                    Ok(settings)
                }
            }

            impl connector::Guest for Guest {
                fn pull(_: &http::Transport, _: connector::PullRequest) -> Result<connector::Page, types::Error> {
                    Ok($crate::sdk::Page::new().into())
                }
            }

            // A name that no caller's expression has.
            const HOSTILE_SECTION: &[u8] = $section;

            #[used]
            #[unsafe(link_section = "tidegate:manifest")]
            static EMBEDDED: [u8; HOSTILE_SECTION.len()] = $crate::sdk::__private::array(HOSTILE_SECTION);

            $crate::sdk::bindings::channel_type::export_interface!(Guest with_types_in $crate::sdk::bindings::channel_type);
            $crate::sdk::bindings::connector::export_interface!(Guest with_types_in $crate::sdk::bindings::connector);
        };
    };
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_shared_manifest_is_fit() {
        let schema = serde_json::from_str(include_str!("../../wit/manifest.schema.json")).expect("JSON");
        let schema = jsonschema::draft202012::new(&schema).expect("a schema");
        let check = |manifest: &[u8]| {
            let manifest = serde_json::from_slice(manifest).expect("JSON");
            let problems: Vec<_> = schema
                .iter_errors(&manifest)
                .map(|error| format!("{}: {error}", error.instance_path()))
                .collect();
            assert!(problems.is_empty(), "{problems:#?}");
        };
        check(crate::manifest!("describe-loops"));
        check(include_bytes!("examples/misbehaves/manifest.json"));
        check(include_bytes!("examples/minimal-next/manifest.json"));
        check(include_bytes!("examples/receives/manifest.json"));
        check(include_bytes!("examples/calls/manifest.json"));
        check(include_bytes!("examples/signs-in/manifest.json"));
    }
}
