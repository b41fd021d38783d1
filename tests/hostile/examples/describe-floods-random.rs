//! `describe` wants 1 GiB of random bytes in one call.

hostile::guest! {
    section: hostile::manifest!("describe-floods-random"),
    describe: describe,
}

fn describe() -> Vec<u8> {
    #[cfg(target_arch = "wasm32")]
    return wasip2::random::random::get_random_bytes(1 << 30);
    #[cfg(not(target_arch = "wasm32"))]
    Vec::new()
}
