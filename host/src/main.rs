//! The program `tidegate`.

use std::process::ExitCode;

fn main() -> ExitCode {
    // The compiling child limits itself before it does anything else, so nothing may
    // be set up before it: no run time, no log.
    if std::env::args_os().nth(1).is_some_and(|first| first == "compile-worker") {
        return tidegate::sandbox::compile_worker();
    }
    tidegate::cli::main()
}
