//! `describe` calls itself until the stack is full.

hostile::guest! {
    section: hostile::manifest!("describe-recurses"),
    describe: describe,
}

fn describe() -> Vec<u8> {
    deeper(&[0; 64])
}

fn deeper(above: &[u8; 64]) -> Vec<u8> {
    // Never true, which the compiler cannot know.
    if std::hint::black_box(false) {
        return above.to_vec();
    }
    let mut here = *above;
    here[0] = here[0].wrapping_add(1);
    let below = deeper(std::hint::black_box(&here));
    // Used after the call, so that this frame cannot go first.
    std::hint::black_box(here);
    below
}
