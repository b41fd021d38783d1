//! `describe` answers a text of 1 GiB, or the longest for which there is memory.

hostile::guest! {
    section: hostile::manifest!("describe-answers-too-much"),
    describe: describe,
}

fn describe() -> Vec<u8> {
    let mut answer = Vec::new();
    let mut size = 1_usize << 30;
    while answer.try_reserve_exact(size).is_err() {
        size -= size / 8;
    }
    // JSON lets blanks stand before a document.
    answer.resize(size, b' ');
    answer
}
