//! `describe` wants 4 GiB of memory.

hostile::guest! {
    section: hostile::manifest!("describe-allocates"),
    describe: describe,
}

fn describe() -> Vec<u8> {
    let hoard: Vec<Vec<u8>> = (0..4096).map(|_| std::hint::black_box(vec![1; 1 << 20])).collect();
    hoard.concat()
}
