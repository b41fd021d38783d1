//! `describe` says something else than the embedded manifest.

hostile::guest! {
    section: hostile::manifest!("describe-differs"),
    describe: describe,
}

fn describe() -> Vec<u8> {
    hostile::manifest!("describe-differs-at-run-time").to_vec()
}
