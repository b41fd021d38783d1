//! Asking cargo for files. Cargo itself says where it has put them, so that it does not
//! matter where its target folder is.

use anyhow::{Context as _, Result, bail, ensure};
use serde_json::Value;
use std::{
    collections::HashMap,
    ffi::OsStr,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    sync::atomic::{AtomicBool, Ordering::Relaxed},
};

/// Whether people see what cargo says while it builds.
static SHOWN: AtomicBool = AtomicBool::new(false);

/// From now on cargo's words go to stderr as they come.
pub(super) fn show_progress() {
    SHOWN.store(true, Relaxed);
}

/// The profile that the running program was compiled with.
pub(super) fn running_profile() -> String {
    profile_of(&std::env::current_exe().unwrap_or_default())
}

/// The profile of a program, by the folder that cargo has put it in.
fn profile_of(program: &Path) -> String {
    let mut folder = program.parent();
    if folder.is_some_and(|folder| folder.ends_with("deps") || folder.ends_with("examples")) {
        folder = folder.and_then(Path::parent);
    }
    match folder.and_then(Path::file_name).and_then(OsStr::to_str) {
        Some("debug") | None => "dev".to_owned(),
        Some(profile) => profile.to_owned(),
    }
}

/// Builds, and answers the programs and guests that came out, by their names without
/// an ending.
pub(super) fn build(arguments: &[&str]) -> Result<HashMap<String, PathBuf>> {
    let output = cargo()
        .arg("build")
        .args(arguments)
        .arg("--message-format=json-render-diagnostics")
        .stdin(Stdio::null())
        .stderr(if SHOWN.load(Relaxed) { Stdio::inherit() } else { Stdio::piped() })
        .output()
        .context("run cargo")?;
    let words = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "cargo build {} failed:\n{words}", arguments.join(" "));
    let messages = String::from_utf8_lossy(&output.stdout);
    Ok(messages
        .lines()
        .filter_map(|line| serde_json::from_str(line).ok())
        .flat_map(|message| files_of(&message))
        .collect())
}

/// Sees to it that code can be compiled for the target.
pub(super) fn ensure_target(target: &str) -> Result<()> {
    if is_there(target)? {
        return Ok(());
    }
    let added = Command::new("rustup")
        .current_dir(root())
        .args(["target", "add", target])
        .stdin(Stdio::null())
        .output();
    let why = match added {
        Ok(output) if output.status.success() => return Ok(()),
        Ok(output) => String::from_utf8_lossy(&output.stderr).into_owned(),
        Err(error) => error.to_string(),
    };
    bail!(
        "guests are compiled for {target}, which this toolchain lacks; run `rustup target add {target}` (tried: {})",
        why.trim()
    );
}

fn is_there(target: &str) -> Result<bool> {
    let output = Command::new("rustc")
        .current_dir(root())
        .args(["--print", "target-libdir", "--target", target])
        .output()
        .context("run rustc")?;
    Ok(output.status.success() && Path::new(String::from_utf8_lossy(&output.stdout).trim()).is_dir())
}

/// The programs and guests that a message of cargo's tells of.
fn files_of(message: &Value) -> Vec<(String, PathBuf)> {
    if message["reason"] != "compiler-artifact" {
        return Vec::new();
    }
    let executable = message["executable"].as_str();
    let guests = message["filenames"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(Value::as_str)
        .filter(|file| file.ends_with(".wasm"));
    let named = |file: &str| Some((Path::new(file).file_stem()?.to_str()?.to_owned(), PathBuf::from(file)));
    executable.into_iter().chain(guests).filter_map(named).collect()
}

fn cargo() -> Command {
    let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.current_dir(root());
    command
}

/// The folder of the workspace.
fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the package lies in the workspace").to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn the_profile_is_told_by_the_folder() {
        let check =
            |program: &str, profile: &str| assert_eq!(profile_of(Path::new(program)), profile, "{program}");
        check("/t/debug/deps/e2e-0123", "dev");
        check("/t/debug/demo", "dev");
        check("/t/release/deps/import-0123", "release");
        check("/t/release/examples/some", "release");
        check("/t/x86_64-unknown-linux-gnu/release/demo", "release");
    }

    #[test]
    fn programs_and_guests_are_found_in_what_cargo_says() {
        let check = |message: Value, expected: &[(&str, &str)]| {
            let expected: Vec<_> =
                expected.iter().map(|(name, file)| ((*name).to_owned(), PathBuf::from(file))).collect();
            assert_eq!(files_of(&message), expected, "{message}");
        };
        check(
            json!({ "reason": "compiler-artifact", "executable": "/t/debug/tidegate", "filenames": ["/t/debug/tidegate"] }),
            &[("tidegate", "/t/debug/tidegate")],
        );
        check(
            json!({ "reason": "compiler-artifact", "executable": null, "filenames": ["/t/w/zendesk.wasm", "/t/w/libzendesk.rlib"] }),
            &[("zendesk", "/t/w/zendesk.wasm")],
        );
        check(json!({ "reason": "build-finished", "success": true }), &[]);
    }

    #[test]
    fn a_target_that_does_not_exist_is_named() {
        let failure = ensure_target("wasm32-nowhere").expect_err("there is no such target");
        assert!(failure.to_string().contains("rustup target add wasm32-nowhere"), "{failure:#}");
    }
}
