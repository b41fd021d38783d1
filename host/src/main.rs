//! The program `tidegate`.

use std::process::ExitCode;

fn main() -> ExitCode {
    // The children limit themselves before they do anything else, so nothing may be set
    // up before them: no run time, no log.
    let first = std::env::args_os().nth(1);
    match first.as_ref().and_then(|first| first.to_str()) {
        Some("compile-worker") => tidegate::sandbox::compile_worker(),
        Some("filter-worker") => tidegate::sync::filter_worker(),
        _ => tidegate::cli::main(),
    }
}
