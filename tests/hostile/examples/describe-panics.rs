//! `describe` panics.

hostile::guest! {
    section: hostile::manifest!("describe-panics"),
    describe: describe,
}

fn describe() -> Vec<u8> {
    panic!("I would rather not say")
}
