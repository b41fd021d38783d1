//! `describe` ends the program, with a status that means success.

hostile::guest! {
    section: hostile::manifest!("describe-exits"),
    describe: describe,
}

fn describe() -> Vec<u8> {
    std::process::exit(0)
}
