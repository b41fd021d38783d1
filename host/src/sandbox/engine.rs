//! How wasmtime is set up, in the host and in the compiling child alike.
//!
//! Everything here goes into the key of the compile cache: the two must agree,
//! or the host would compile again what the child has compiled.

use sha2::{Digest, Sha256};
use std::{
    hash::{Hash, Hasher},
    num::NonZeroUsize,
    path::Path,
};
use wasmtime::{Cache, CacheConfig, Config, Engine};

/// Stack for the guest's own calls.
const WASM_STACK: usize = 512 << 10;
/// The whole stack of a step: what the guest leaves is for the host's functions
/// that it calls.
const STEP_STACK: usize = 2 << 20;

/// An engine on the cache in `folder`, and that cache.
///
/// # Errors
/// The machine or the folder does not fit.
pub(super) fn engine(folder: &Path) -> wasmtime::Result<(Engine, Cache)> {
    let mut place = CacheConfig::new();
    place.with_directory(folder);
    let cache = Cache::new(place)?;
    let mut config = config();
    config.cache(Some(cache.clone()));
    Ok((Engine::new(&config)?, cache))
}

/// What compiled code of `engine` depends on: two engines that agree in it can
/// use each other's. Lower-case hex.
pub(super) fn fingerprint(engine: &Engine) -> String {
    let mut hasher = Fingerprint(Sha256::new());
    engine.precompile_compatibility_hash().hash(&mut hasher);
    format!("{:x}", hasher.0.finalize())
}

fn config() -> Config {
    let mut config = Config::new();
    config
        // Compiled out; said again so that components that need it are refused when they are read.
        .concurrency_support(false)
        .epoch_interruption(true)
        .consume_fuel(false)
        .max_wasm_stack(WASM_STACK)
        .async_stack_size(STEP_STACK)
        .async_stack_zeroing(true)
        .memory_init_cow(true)
        // Nothing that plugins need, and fewer ways through the compiler.
        .wasm_memory64(false)
        .wasm_multi_memory(false)
        .wasm_relaxed_simd(false)
        .cranelift_nan_canonicalization(false)
        .wasm_backtrace_max_frames(NonZeroUsize::new(32));
    config
}

/// SHA-256 of what is hashed; 64 bits would be too few to trust.
struct Fingerprint(Sha256);

impl Hasher for Fingerprint {
    fn write(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }

    fn finish(&self) -> u64 {
        let digest = self.0.clone().finalize();
        u64::from_le_bytes(digest[..8].try_into().expect("a digest has 32 bytes"))
    }
}
