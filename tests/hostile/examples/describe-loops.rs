//! `describe` never comes back.

hostile::guest! {
    section: hostile::manifest!("describe-loops"),
    describe: describe,
}

fn describe() -> Vec<u8> {
    let mut round = 0_u64;
    loop {
        round = std::hint::black_box(round.wrapping_add(1));
    }
}
